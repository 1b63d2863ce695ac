//! What a notice changes about the schedule of a service: created, planned again, joined, kept, deleted.

use chrono::{DateTime, Utc};

use super::{Existing, PlannedDeployment, wake::DeployInput};
use crate::{
    arn::ServiceRef,
    notice::NoticeRef,
    outcome::{Cause, OutcomeKind},
    plan::{NoSlot, deadline, plan},
    policy::Policy,
    time::instant::{utc, utc_or_unknown},
    wording::count,
};

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Keep,
    /// A schedule where none was.
    Create(PlannedDeployment),
    /// All of an existing schedule, which is enabled.
    Replace(PlannedDeployment),
    /// The input of an existing schedule; its time and state stay as they are.
    Update(DeployInput),
    /// The schedule goes.
    Delete,
}

/// What is to be written, and what became of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What is to be written.
    pub change: Change,
    /// What became of the service.
    pub outcome: OutcomeKind,
    /// Why.
    pub reason: String,
    /// Why nothing is done, in a word to count by.
    pub cause: Option<Cause>,
    /// When the service will be redeployed, if it will.
    pub slot: Option<DateTime<Utc>>,
}

impl Verdict {
    fn new(
        change: Change,
        outcome: OutcomeKind,
        reason: impl Into<String>,
        slot: Option<DateTime<Utc>>,
    ) -> Self {
        Self { change, outcome, reason: reason.into(), cause: None, slot }
    }

    fn skipped(cause: Cause, reason: impl Into<String>) -> Self {
        Self { cause: Some(cause), ..Self::new(Change::Keep, OutcomeKind::Skipped, reason, None) }
    }

    /// The same in observe mode: nothing is written, and the reason says what would be.
    #[must_use]
    pub fn observed(self) -> Self {
        let on = || self.slot.map_or_else(String::new, |slot| format!(" on {}", utc(slot)));
        let would = match self.change {
            Change::Keep if !matches!(self.outcome, OutcomeKind::Scheduled | OutcomeKind::Unchanged) => {
                return self;
            }
            Change::Keep => "the existing schedule stays and does nothing".to_owned(),
            Change::Create(_) => format!("would redeploy{}", on()),
            Change::Replace(_) => format!("would redeploy{} instead", on()),
            Change::Update(_) => "would update the schedule".to_owned(),
            Change::Delete => "would delete the schedule".to_owned(),
        };
        let reason = format!("observe mode: {would}: {}", self.reason);
        Self { slot: self.slot, ..Self::skipped(Cause::Observed, reason) }
    }
}

/// Why a notice no longer concerns a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The cause, to count by; `None` where AWS Health closed or resolved it.
    pub cause: Option<Cause>,
    /// Why.
    pub why: String,
}

/// What `notice` changes about the schedule of `service`: it takes effect, or leaves if it has `ended`.
#[must_use]
pub fn reconcile(
    service: &ServiceRef,
    existing: Option<&Existing>,
    notice: &NoticeRef,
    ended: Option<&Ended>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Verdict {
    // A schedule that an operator disabled outlives the tag that opts out.
    let held = existing.is_some_and(|existing| !existing.enabled);
    match ended {
        Some(Ended { cause, why }) if *cause != Some(Cause::OptedOut) || !held => {
            let verdict = cancel(service, existing, &notice.event_arn, why);
            Verdict { cause: cause.or(verdict.cause), ..verdict }
        }
        _ => apply(service, existing, notice, policy, now),
    }
}

/// Lets `notice` take effect on the schedule of `service`.
///
/// Whatever a person did to the schedule stands: a disabled one stays disabled until AWS's dates of the
/// notices it holds have passed and another notice comes; a moved one stays where it is while that is
/// before AWS's date.
#[must_use]
fn apply(
    service: &ServiceRef,
    existing: Option<&Existing>,
    notice: &NoticeRef,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Verdict {
    let Some(existing) = existing else {
        return match plan(policy, std::slice::from_ref(notice), now) {
            Ok(slot) => {
                let planned = PlannedDeployment::new(service, &slot, vec![notice.clone()]);
                Verdict::new(Change::Create(planned), OutcomeKind::Scheduled, slot.reason, Some(slot.at))
            }
            Err(NoSlot(reason)) => Verdict::skipped(Cause::NoWindow, reason),
        };
    };
    if let Some(verdict) = belongs_to_another(service, existing) {
        return verdict;
    }

    let held = existing.input.as_ref().map_or(&[][..], |input| &input.notices);
    let before = held.iter().find(|known| known.event_arn == notice.event_arn);
    let date_stands = before.is_some_and(|known| known.starts_at == notice.starts_at);
    let notices = join(held, notice);

    if !existing.enabled {
        let all_passed = !held.is_empty()
            && held.iter().all(|known| known.starts_at.is_some_and(|starts_at| starts_at <= now));
        if date_stands || !all_passed {
            let reason = "an operator disabled the schedule; the service is not redeployed until an operator enables it";
            return Verdict::new(
                input_only(existing, service, notices, now),
                OutcomeKind::Held,
                reason,
                None,
            );
        }
        let why = "an operator disabled the schedule for notices whose retirement dates have passed";
        return plan_again(service, existing, before, notices, why, policy, now);
    }

    let Ok(input) = &existing.input else {
        let why = "the schedule's input was invalid and has been rewritten";
        return plan_again(service, existing, before, notices, why, policy, now);
    };

    if existing.moved() && !existing.overdue(now) {
        let aws =
            notices.iter().filter_map(|notice| notice.starts_at).filter(|starts_at| *starts_at > now).min();
        match existing.at {
            None => {
                let reason = "an operator made the schedule recurring; it is left unchanged";
                return Verdict::new(
                    input_only(existing, service, notices, now),
                    OutcomeKind::Held,
                    reason,
                    None,
                );
            }
            Some(at) if aws.is_none_or(|aws| at < aws) => {
                let reason = format!("an operator moved the schedule to {}", utc(at));
                let change = input_only(existing, service, notices, now);
                return Verdict::new(change, OutcomeKind::Held, reason, Some(at));
            }
            Some(at) => {
                let why = format!(
                    "an operator moved the schedule to {}, which is not before the retirement date",
                    utc(at)
                );
                return plan_again(service, existing, before, notices, &why, policy, now);
            }
        }
    }

    let other_windows = input.has_other_windows(&policy.windows);
    if date_stands && !existing.overdue(now) && !other_windows {
        let change =
            if input.notices == notices { Change::Keep } else { input_only(existing, service, notices, now) };
        return Verdict::new(change, OutcomeKind::Unchanged, "already scheduled", existing.at);
    }
    let why = match before {
        _ if existing.overdue(now) => "the schedule's time has passed and it still exists".to_owned(),
        Some(_) if date_stands => format!("the service's windows are now {}", policy.windows),
        Some(known) => format!(
            "the retirement date moved from {} to {}",
            utc_or_unknown(known.starts_at),
            utc_or_unknown(notice.starts_at)
        ),
        None => format!("added to the existing schedule ({})", count(notices.len(), "notice")),
    };
    plan_again(service, existing, before, notices, &why, policy, now)
}

/// Takes a notice that is closed, or resolved for `service`, off its schedule.
#[must_use]
fn cancel(service: &ServiceRef, existing: Option<&Existing>, event_arn: &str, why: &str) -> Verdict {
    let nothing = || Verdict::skipped(Cause::NothingPending, format!("{why}; nothing was pending"));
    let Some(existing) = existing else { return nothing() };
    if let Some(verdict) = belongs_to_another(service, existing) {
        return verdict;
    }
    let input = match &existing.input {
        Ok(input) => input,
        Err(error) => {
            let reason = format!("{why}, but {error}; check the schedule and delete it by hand");
            return Verdict::new(Change::Keep, OutcomeKind::Failed, reason, existing.at);
        }
    };
    if input.notices.iter().all(|notice| notice.event_arn != event_arn) {
        return nothing();
    }
    without(input, event_arn, why.to_owned())
}

/// Refuses a schedule that carries the name of `service` and another service's input.
fn belongs_to_another(service: &ServiceRef, existing: &Existing) -> Option<Verdict> {
    let other = &existing.input.as_ref().ok()?.service;
    (other != service).then(|| {
        let reason = format!(
            "the schedule of {service} was edited to redeploy {other}; correct its input or delete it"
        );
        Verdict::new(Change::Keep, OutcomeKind::Failed, reason, existing.at)
    })
}

/// The notices of a schedule together with `notice`. Of one notice the latest cut-off counts: an earlier
/// one could leave a task unpatched.
fn join(held: &[NoticeRef], notice: &NoticeRef) -> Vec<NoticeRef> {
    let mut notices = held.to_vec();
    match notices.iter_mut().find(|known| known.event_arn == notice.event_arn) {
        Some(known) => {
            known.starts_at = notice.starts_at;
            known.cutoff = known.cutoff.max(notice.cutoff);
        }
        None => notices.push(notice.clone()),
    }
    notices
}

/// Writes `notices` into a schedule whose time and state a person, or the plan, has set.
fn input_only(
    existing: &Existing,
    service: &ServiceRef,
    notices: Vec<NoticeRef>,
    now: DateTime<Utc>,
) -> Change {
    match &existing.input {
        Ok(input) if input.notices == notices => Change::Keep,
        Ok(input) => Change::Update(DeployInput { notices, ..input.clone() }),
        Err(_) => {
            let slot = existing.at.unwrap_or(now);
            Change::Update(DeployInput {
                service: service.clone(),
                notices,
                slot,
                window_ends_at: slot,
                windows: None,
                zone: None,
                attempt: 0,
                scheduled_for: None,
            })
        }
    }
}

/// Plans anew for all `notices`, of which the one that came last was there `before`, or joins.
///
/// The pending slot stays, where it is in time for all of them, if it is the earlier one and a notice
/// joins, or if it is nearer than the minimum notice: people count on it by then.
fn plan_again(
    service: &ServiceRef,
    existing: &Existing,
    before: Option<&NoticeRef>,
    notices: Vec<NoticeRef>,
    why: &str,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Verdict {
    let in_time = |at: &DateTime<Utc>| deadline(policy, &notices, now).is_none_or(|deadline| *at <= deadline);
    // A slot of other windows stays where it is one of the new ones, too.
    let changed = existing.input.as_ref().is_ok_and(|input| input.has_other_windows(&policy.windows));
    let in_windows = |at: &DateTime<Utc>| !changed || policy.windows.iter().any(|window| window.is_open(*at));
    let pending = existing
        .pending(now)
        .filter(in_time)
        .filter(in_windows)
        .filter(|_| existing.enabled && existing.input.is_ok());
    let joins = before.is_none();
    let planned = plan(policy, &notices, now);
    let stays = pending.filter(|at| match &planned {
        Ok(slot) => *at == slot.at || (*at < slot.at && (joins || *at < now + policy.minimum_notice)),
        Err(_) => true,
    });
    match (stays, planned) {
        (Some(at), _) => {
            let outcome = if joins { OutcomeKind::Scheduled } else { OutcomeKind::Unchanged };
            let change = input_only(existing, service, notices, now);
            Verdict::new(change, outcome, format!("{why}; start time unchanged"), Some(at))
        }
        (None, Ok(slot)) => {
            let reason = format!("{why}; planned again: {}", slot.reason);
            let planned = PlannedDeployment::new(service, &slot, notices);
            Verdict::new(Change::Replace(planned), OutcomeKind::Rescheduled, reason, Some(slot.at))
        }
        // Nothing fits: the notice is left to AWS, and others keep what is pending for them.
        (None, Err(NoSlot(reason))) => match (before, &existing.input) {
            (Some(known), Ok(input)) => Verdict {
                cause: Some(Cause::NoWindow),
                ..without(input, &known.event_arn, format!("{why}; {reason}"))
            },
            _ => Verdict::skipped(Cause::NoWindow, format!("{why}; {reason}")),
        },
    }
}

/// Takes one notice off the schedule, and the schedule away with the last one.
fn without(input: &DeployInput, event_arn: &str, why: String) -> Verdict {
    let others: Vec<NoticeRef> =
        input.notices.iter().filter(|notice| notice.event_arn != event_arn).cloned().collect();
    if others.is_empty() {
        return Verdict::new(Change::Delete, OutcomeKind::Cancelled, why, None);
    }
    let reason = format!("{why}; the schedule stays for {}", count(others.len(), "other notice"));
    let change = Change::Update(DeployInput { notices: others, ..input.clone() });
    Verdict::new(change, OutcomeKind::Cancelled, reason, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::wake::Wake;
    use crate::testing::{instant, policy, web};
    use chrono::TimeDelta;
    use chrono_tz::Tz;

    const NOW: &str = "2026-11-25T18:00:00Z"; // a Wednesday
    const FRIDAY: &str = "2026-11-27T22:00:00Z";
    const NEXT_FRIDAY: &str = "2026-12-04T22:00:00Z";

    fn notice(name: &str, starts_at: &str) -> NoticeRef {
        let cutoff = instant("2026-11-25T18:00:00Z");
        NoticeRef { event_arn: name.into(), starts_at: Some(instant(starts_at)), cutoff }
    }

    /// A schedule as ingest left it.
    fn planned(at: &str, notices: &[NoticeRef]) -> Existing {
        let at = instant(at);
        Existing {
            at: Some(at),
            spread_minutes: 15,
            enabled: true,
            input: Ok(DeployInput {
                service: web(),
                notices: notices.to_vec(),
                slot: at,
                window_ends_at: at + TimeDelta::hours(4),
                windows: None,
                zone: Some(Tz::UTC),
                attempt: 0,
                scheduled_for: None,
            }),
        }
    }

    fn disabled(existing: Existing) -> Existing {
        Existing { enabled: false, ..existing }
    }

    fn moved(existing: Existing, at: &str) -> Existing {
        Existing { at: Some(instant(at)), ..existing }
    }

    fn unreadable(mut existing: Existing) -> Existing {
        existing.input = match Wake::read_text("restart web please") {
            Ok(Wake::Deploy(input)) => Ok(input),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        };
        existing
    }

    /// The change in a word, with the slot that will be in force and the notices that will be held.
    fn seen(verdict: &Verdict) -> (&'static str, OutcomeKind, Option<DateTime<Utc>>, Vec<String>) {
        let arns =
            |input: &DeployInput| input.notices.iter().map(|notice| notice.event_arn.clone()).collect();
        let (word, notices) = match &verdict.change {
            Change::Keep => ("keep", Vec::new()),
            Change::Create(schedule) => ("create", arns(&schedule.input)),
            Change::Replace(schedule) => ("replace", arns(&schedule.input)),
            Change::Update(input) => ("update", arns(input)),
            Change::Delete => ("delete", Vec::new()),
        };
        (word, verdict.outcome, verdict.slot, notices)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table, whose rows are the rules")]
    fn a_notice_takes_effect_on_what_is_pending() {
        use OutcomeKind::{Cancelled, Held, Rescheduled, Scheduled, Skipped, Unchanged};
        let a = notice("a", "2026-12-02T18:00:00Z");
        let a_later = notice("a", "2026-12-09T18:00:00Z");
        let a_sooner = notice("a", "2026-11-27T18:00:00Z");
        let a_at_once = notice("a", "2026-11-25T20:30:00Z");
        let a_passed = notice("a", "2026-11-24T18:00:00Z");
        let b = notice("b", "2026-12-09T18:00:00Z");
        let b_sooner = notice("b", "2026-11-27T18:00:00Z");
        let b_at_once = notice("b", "2026-11-25T20:30:00Z");
        let friday = || planned(FRIDAY, std::slice::from_ref(&a));
        let tuesday = "2026-12-01T10:00:00Z";
        let latest: &[(&str, &str)] = &[("SLOT_PREFERENCE", "latest")];
        let both = vec!["a".to_owned(), "b".to_owned()];
        let only = |name: &str| vec![name.to_owned()];
        let at = |text: &str| Some(instant(text));
        let thursday = "2026-11-26T22:00:00Z";

        let rows = [
            ("nothing is pending", None, &a, &[][..], ("create", Scheduled, at(FRIDAY), only("a"))),
            ("nothing is pending, nothing fits", None, &a_at_once, &[], ("keep", Skipped, None, vec![])),
            ("the same again", Some(friday()), &a, &[], ("keep", Unchanged, at(FRIDAY), vec![])),
            (
                "a second notice joins",
                Some(friday()),
                &b,
                &[],
                ("update", Scheduled, at(FRIDAY), both.clone()),
            ),
            (
                "a second notice that is sooner takes the first along",
                Some(friday()),
                &b_sooner,
                &[],
                ("replace", Rescheduled, at(thursday), both.clone()),
            ),
            (
                "the earlier slot serves both, whatever is preferred",
                Some(friday()),
                &b,
                latest,
                ("update", Scheduled, at(FRIDAY), both.clone()),
            ),
            (
                "a second notice that nothing fits leaves the first alone",
                Some(friday()),
                &b_at_once,
                &[],
                ("keep", Skipped, None, vec![]),
            ),
            (
                "a later date, the same slot",
                Some(friday()),
                &a_later,
                &[],
                ("update", Unchanged, at(FRIDAY), only("a")),
            ),
            (
                "a later date, a later slot",
                Some(friday()),
                &a_later,
                latest,
                ("replace", Rescheduled, at(NEXT_FRIDAY), only("a")),
            ),
            (
                "a sooner date",
                Some(friday()),
                &a_sooner,
                &[],
                ("replace", Rescheduled, at(thursday), only("a")),
            ),
            (
                "a date that nothing fits",
                Some(friday()),
                &a_at_once,
                &[],
                ("delete", Cancelled, None, vec![]),
            ),
            (
                "a date that nothing fits, with another notice",
                Some(planned(FRIDAY, &[a.clone(), b.clone()])),
                &a_at_once,
                &[],
                ("update", Cancelled, None, only("b")),
            ),
            (
                "a slot nearer than the minimum notice stays",
                Some(planned("2026-11-25T18:30:00Z", std::slice::from_ref(&a))),
                &a_later,
                &[],
                ("update", Unchanged, at("2026-11-25T18:30:00Z"), only("a")),
            ),
            (
                "its time passed, and it is still there",
                Some(planned("2026-11-20T22:00:00Z", std::slice::from_ref(&a))),
                &a,
                &[],
                ("replace", Rescheduled, at(FRIDAY), only("a")),
            ),
            (
                "it is firing just now",
                Some(planned("2026-11-25T17:59:00Z", std::slice::from_ref(&a))),
                &a,
                &[],
                ("keep", Unchanged, at("2026-11-25T17:59:00Z"), vec![]),
            ),
            (
                "it is firing just now, for another notice",
                Some(planned("2026-11-25T17:59:00Z", std::slice::from_ref(&a))),
                &b,
                &[],
                ("replace", Rescheduled, at(FRIDAY), both.clone()),
            ),
            ("disabled, the same again", Some(disabled(friday())), &a, &[], ("keep", Held, None, vec![])),
            (
                "disabled, another date",
                Some(disabled(friday())),
                &a_later,
                &[],
                ("update", Held, None, only("a")),
            ),
            (
                "disabled, a second notice",
                Some(disabled(friday())),
                &b,
                &[],
                ("update", Held, None, both.clone()),
            ),
            (
                "disabled for a notice whose date has passed, the same again",
                Some(disabled(planned("2026-11-20T22:00:00Z", std::slice::from_ref(&a_passed)))),
                &a_passed,
                &[],
                ("keep", Held, None, vec![]),
            ),
            (
                "disabled for a notice whose date has passed, another notice",
                Some(disabled(planned("2026-11-20T22:00:00Z", std::slice::from_ref(&a_passed)))),
                &b,
                &[],
                ("replace", Rescheduled, at(FRIDAY), both.clone()),
            ),
            (
                "moved, the same again",
                Some(moved(friday(), tuesday)),
                &a,
                &[],
                ("keep", Held, at(tuesday), vec![]),
            ),
            (
                "moved, a second notice",
                Some(moved(friday(), tuesday)),
                &b,
                &[],
                ("update", Held, at(tuesday), both.clone()),
            ),
            (
                "moved beyond AWS's date",
                Some(moved(friday(), "2026-12-02T18:00:00Z")),
                &a,
                &[],
                ("replace", Rescheduled, at(FRIDAY), only("a")),
            ),
            (
                "moved, then AWS's date comes sooner",
                Some(moved(friday(), tuesday)),
                &a_sooner,
                &[],
                ("replace", Rescheduled, at(thursday), only("a")),
            ),
            (
                "made recurring",
                Some(Existing { at: None, ..friday() }),
                &a,
                &[],
                ("keep", Held, None, vec![]),
            ),
            (
                "an input edited to nonsense",
                Some(unreadable(friday())),
                &a,
                &[],
                ("replace", Rescheduled, at(FRIDAY), only("a")),
            ),
            (
                "an input edited to nonsense, and nothing fits",
                Some(unreadable(friday())),
                &a_at_once,
                &[],
                ("keep", Skipped, None, vec![]),
            ),
            (
                "an input edited to nonsense, and disabled",
                Some(disabled(unreadable(friday()))),
                &a,
                &[],
                ("update", Held, None, only("a")),
            ),
        ];
        for (name, existing, notice, settings, expected) in rows {
            let verdict = apply(&web(), existing.as_ref(), notice, &policy(settings), instant(NOW));
            assert_eq!(seen(&verdict), expected, "{name}: {}", verdict.reason);
        }
    }

    #[test]
    fn a_closed_notice_leaves_and_the_last_one_takes_the_schedule_along() {
        use OutcomeKind::{Cancelled, Failed, Skipped};
        let (a, b) = (notice("a", "2026-12-02T18:00:00Z"), notice("b", "2026-12-09T18:00:00Z"));
        let alone = planned(FRIDAY, std::slice::from_ref(&a));
        let rows = [
            (None, ("keep", Skipped, None, vec![])),
            (Some(alone.clone()), ("delete", Cancelled, None, vec![])),
            (Some(disabled(alone.clone())), ("delete", Cancelled, None, vec![])),
            (Some(moved(alone.clone(), NEXT_FRIDAY)), ("delete", Cancelled, None, vec![])),
            (Some(planned(FRIDAY, std::slice::from_ref(&b))), ("keep", Skipped, None, vec![])),
            (Some(planned(FRIDAY, &[a, b])), ("update", Cancelled, None, vec!["b".to_owned()])),
            (Some(unreadable(alone)), ("keep", Failed, Some(instant(FRIDAY)), vec![])),
        ];
        for (existing, expected) in rows {
            let verdict = cancel(&web(), existing.as_ref(), "a", "AWS closed the notice");
            assert_eq!(seen(&verdict), expected, "{existing:?}");
            assert!(verdict.reason.starts_with("AWS closed the notice"), "{}", verdict.reason);
        }
    }

    #[test]
    fn a_schedule_edited_to_redeploy_another_service_is_not_touched() {
        let a = notice("a", "2026-12-02T18:00:00Z");
        let existing = planned(FRIDAY, std::slice::from_ref(&a));
        let api = ServiceRef::new("prod", "api").unwrap();
        let verdicts = [
            apply(&api, Some(&existing), &a, &policy(&[]), instant(NOW)),
            cancel(&api, Some(&existing), "a", "AWS closed the notice"),
        ];
        for verdict in verdicts {
            assert_eq!((verdict.change, verdict.outcome), (Change::Keep, OutcomeKind::Failed));
            assert!(verdict.reason.contains("prod/web"), "{}", verdict.reason);
        }
    }

    #[test]
    fn the_latest_cutoff_of_a_notice_counts() {
        let (early, late) = (notice("a", "2026-12-02T18:00:00Z"), {
            let mut late = notice("a", "2026-12-02T18:00:00Z");
            late.cutoff += TimeDelta::hours(1);
            late
        });
        for (first, second) in [(&early, &late), (&late, &early)] {
            assert_eq!(join(std::slice::from_ref(first), second), std::slice::from_ref(&late));
        }
    }
}
