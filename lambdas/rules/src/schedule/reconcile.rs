//! How a notice changes the schedule of a service: creates, updates, moves, keeps or deletes it.

use chrono::{DateTime, Utc};

use super::{
    Existing, PlannedDeployment,
    control::{Approval, Control},
    operator_edits::{Edited, edited},
    soonest,
    wake::DeployInput,
};
use crate::{
    arn::ServiceRef,
    notice::NoticeRef,
    outcome::{Cause, OutcomeKind},
    plan::{NoSlot, deadline, plan},
    policy::{Mode, Policy},
    time::instant::{utc, utc_or_unknown},
    wording::count,
};

const ALREADY_SCHEDULED: &str = "already scheduled";

/// The change to write to EventBridge Scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// No change.
    Keep,
    /// Create a schedule.
    Create(PlannedDeployment),
    /// Replace everything in the existing schedule, and enable it.
    Replace(PlannedDeployment),
    /// Update only the input of the existing schedule. Its time and state do not change.
    Update(DeployInput),
    /// Delete the schedule.
    Delete,
}

/// The change to the schedule, and the outcome for the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The change to the schedule.
    pub change: Change,
    /// The outcome for the service.
    pub outcome: OutcomeKind,
    /// The reason, as a sentence.
    pub reason: String,
    /// Why the service is not redeployed, if it is not.
    pub cause: Option<Cause>,
    /// The start time, if the service will be redeployed.
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

    /// The verdict about a schedule that was not read, because nobody has changed it since it was planned.
    #[must_use]
    pub fn untouched() -> Self {
        Self::new(Change::Keep, OutcomeKind::Unchanged, ALREADY_SCHEDULED, None)
    }

    /// The verdict about a service that was deployed for the notice, and is being verified.
    #[must_use]
    pub fn in_progress() -> Self {
        let reason = "a deployment is in progress; its verification check is pending";
        Self::new(Change::Keep, OutcomeKind::Unchanged, reason, None)
    }

    /// The verdict as it is written at `now`. Until then, the start time may have come too near, so that the schedule is
    /// written for a later one, and that is announced.
    #[must_use]
    pub fn written_at(mut self, now: DateTime<Utc>) -> Self {
        if let Change::Create(planned) | Change::Replace(planned) = &mut self.change {
            planned.input.slot = planned.input.slot.max(soonest(now));
            self.slot = Some(planned.input.slot);
        }
        self
    }

    /// Whether the start time awaits approval, once the verdict is written.
    #[must_use]
    pub fn awaits_approval(&self, existing: Option<&Existing>) -> bool {
        match &self.change {
            Change::Create(planned) | Change::Replace(planned) => {
                planned.input.control.approval == Some(Approval::Awaited)
            }
            Change::Keep | Change::Update(_) => existing.is_some_and(Existing::awaits_approval),
            Change::Delete => false,
        }
    }

    /// The verdict in observe mode: no change, and a reason that says what would change.
    #[must_use]
    pub fn observed(self) -> Self {
        let on = || self.slot.map_or_else(String::new, |slot| format!(" on {}", utc(slot)));
        let would = match self.change {
            Change::Keep if !matches!(self.outcome, OutcomeKind::Scheduled | OutcomeKind::Unchanged) => {
                return self;
            }
            Change::Keep => {
                let reason = "observe mode: the existing schedule stays and does nothing";
                return Self { slot: self.slot, ..Self::skipped(Cause::Observed, reason) };
            }
            Change::Create(_) => format!("would redeploy{}", on()),
            Change::Replace(_) => format!("would redeploy{} instead", on()),
            Change::Update(_) => "would update the schedule".to_owned(),
            Change::Delete => "would delete the schedule".to_owned(),
        };
        let reason = format!("observe mode: {would} ({})", self.reason);
        Self { slot: self.slot, ..Self::skipped(Cause::Observed, reason) }
    }
}

/// Why a notice no longer affects a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The cause; `None` if AWS Health closed or resolved the notice.
    pub cause: Option<Cause>,
    /// The reason, as a sentence.
    pub why: String,
}

/// Applies `notice` to the schedule of `service`, or removes it from the schedule if it has `ended`.
#[must_use]
pub fn reconcile(
    service: &ServiceRef,
    existing: Option<&Existing>,
    notice: &NoticeRef,
    ended: Option<&Ended>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Verdict {
    // Opting out does not delete a schedule that an operator disabled.
    let held = existing.is_some_and(Existing::is_held);
    match ended {
        Some(Ended { cause, why }) if *cause != Some(Cause::OptedOut) || !held => {
            let verdict = cancel(service, existing, &notice.event_arn, why);
            Verdict { cause: cause.or(verdict.cause), ..verdict }
        }
        _ => apply(service, existing, notice, policy, now),
    }
}

/// Applies `notice` to the schedule of `service`.
///
/// An operator's edits are kept. A disabled schedule stays disabled until the retirement dates of its notices have
/// passed and another notice arrives. A moved schedule keeps its time while that is before the retirement date.
fn apply(
    service: &ServiceRef,
    existing: Option<&Existing>,
    notice: &NoticeRef,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Verdict {
    let Some(existing) = existing else { return create(service, notice, policy, now) };
    if let Some(verdict) = belongs_to_another(service, existing) {
        return verdict;
    }

    let scheduled = existing.input.as_ref().map_or(&[][..], |input| &input.notices);
    let before = scheduled.iter().find(|known| known.event_arn == notice.event_arn);
    let same_date = before.is_some_and(|known| known.starts_at == notice.starts_at);
    let notices = merge(scheduled, notice);
    let why = match edited(existing, scheduled, &notices, same_date, now) {
        Edited::Keep { reason, at } => {
            let change = update_input(existing, service, notices, now);
            return Verdict::new(change, OutcomeKind::Held, reason, at);
        }
        Edited::Replace(why) => why,
        Edited::No if existing.overdue(now) => {
            "the schedule's time has passed and it still exists".to_owned()
        }
        Edited::No => match before {
            Some(_) if no_longer_asked(existing, policy) => "approval is no longer needed".to_owned(),
            Some(_) if same_date && !has_other_windows(existing, policy) => {
                let change = update_input(existing, service, notices, now);
                return Verdict::new(change, OutcomeKind::Unchanged, ALREADY_SCHEDULED, existing.at);
            }
            Some(_) if same_date => format!("the service's windows are now {}", policy.windows),
            Some(known) => format!(
                "the retirement date moved from {} to {}",
                utc_or_unknown(known.starts_at),
                utc_or_unknown(notice.starts_at)
            ),
            None => format!("added to the existing schedule ({})", count(notices.len(), "notice")),
        },
    };
    plan_again(service, existing, before, notices, &why, policy, now)
}

/// Handles a notice for a service without a schedule.
fn create(service: &ServiceRef, notice: &NoticeRef, policy: &Policy, now: DateTime<Utc>) -> Verdict {
    match plan(policy, std::slice::from_ref(notice), now) {
        Ok(slot) => {
            let planned = PlannedDeployment::new(service, &slot, vec![notice.clone()])
                .asking(policy, now)
                .noting(&slot.reason, policy, now);
            Verdict::new(Change::Create(planned), OutcomeKind::Scheduled, slot.reason, Some(slot.at))
        }
        Err(NoSlot(reason)) => Verdict::skipped(Cause::NoWindow, reason),
    }
}

/// Whether the schedule awaits an approval that the policy no longer demands.
fn no_longer_asked(existing: &Existing, policy: &Policy) -> bool {
    existing.awaits_approval() && policy.mode != Mode::Approve
}

fn has_other_windows(existing: &Existing, policy: &Policy) -> bool {
    existing.input.as_ref().is_ok_and(|input| input.has_other_windows(&policy.windows))
}

/// Removes a notice that is closed, or resolved for `service`, from its schedule.
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

/// Refuses a schedule of `service` whose input names another service.
fn belongs_to_another(service: &ServiceRef, existing: &Existing) -> Option<Verdict> {
    let other = &existing.input.as_ref().ok()?.service;
    (other != service).then(|| {
        let reason = format!(
            "the schedule of {service} was edited to redeploy {other}; correct its input or delete it"
        );
        Verdict::new(Change::Keep, OutcomeKind::Failed, reason, existing.at)
    })
}

/// Adds `notice` to the notices of a schedule. A notice that is already there gets the new retirement date and the
/// later of the two cut-offs, because the earlier one could leave a task unpatched.
fn merge(scheduled: &[NoticeRef], notice: &NoticeRef) -> Vec<NoticeRef> {
    let mut notices = scheduled.to_vec();
    match notices.iter_mut().find(|known| known.event_arn == notice.event_arn) {
        Some(known) => {
            known.starts_at = notice.starts_at;
            known.cutoff = known.cutoff.max(notice.cutoff);
            known.drill &= notice.drill;
        }
        None => notices.push(notice.clone()),
    }
    notices
}

/// Updates the notices of a schedule. Its time and state do not change.
fn update_input(
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
                fallback: false,
                spread_minutes: None,
                attempt: 0,
                scheduled_for: None,
                woken: Some(0),
                control: Control::default(),
            })
        }
    }
}

/// Plans the start time again for all `notices`. `before` is the new notice as it was scheduled before, or `None` if
/// it was not.
///
/// The pending start time is kept if it meets the deadline and is in the current windows, and one of these is true:
/// - it is the planned start time, or no start time can be planned;
/// - it is earlier than the planned start time, and the new notice was not scheduled before;
/// - it is earlier than the planned start time, and too near for the minimum notice: the owner relies on it;
/// - it is a fallback, and the windows changed but offer nothing better than a fallback.
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
    let changed = has_other_windows(existing, policy);
    let fallback = existing.input.as_ref().is_ok_and(|input| input.fallback);
    let in_windows =
        |at: &DateTime<Utc>| existing.input.as_ref().is_ok_and(|input| input.may_start(&policy.windows, *at));
    let pending = existing
        .pending(now)
        .filter(in_time)
        .filter(in_windows)
        .filter(|_| !existing.is_held() && !no_longer_asked(existing, policy));
    let is_new = before.is_none();
    let planned = plan(policy, &notices, now);
    let kept = pending.filter(|at| match &planned {
        Ok(slot) => {
            *at == slot.at
                || (fallback && changed && slot.fallback)
                || (*at < slot.at && (is_new || *at < now + policy.minimum_notice))
        }
        Err(_) => true,
    });
    match (kept, planned) {
        (Some(at), _) => {
            let outcome = if is_new { OutcomeKind::Scheduled } else { OutcomeKind::Unchanged };
            let change = update_input(existing, service, notices, now);
            Verdict::new(change, outcome, format!("{why}; start time unchanged"), Some(at))
        }
        (None, Ok(slot)) => {
            let reason = format!("{why}; planned again: {}", slot.reason);
            let deadline = deadline(policy, &notices, now);
            let planned = PlannedDeployment::new(service, &slot, notices)
                .keeping_edits(existing, deadline)
                .asking(policy, now)
                .noting(&reason, policy, now);
            Verdict::new(Change::Replace(planned), OutcomeKind::Rescheduled, reason, Some(slot.at))
        }
        // Nothing fits: AWS replaces the tasks of this notice. Other notices keep the pending schedule.
        (None, Err(NoSlot(reason))) => match (before, &existing.input) {
            (Some(known), Ok(input)) => Verdict {
                cause: Some(Cause::NoWindow),
                ..without(input, &known.event_arn, format!("{why}; {reason}"))
            },
            _ => Verdict::skipped(Cause::NoWindow, format!("{why}; {reason}")),
        },
    }
}

/// Removes one notice from the schedule. Deletes the schedule if it was the last.
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
    use crate::testing::{instant, planned_for, policy, web};
    use chrono::TimeDelta;
    use chrono_tz::Tz;

    const NOW: &str = "2026-11-25T18:00:00Z"; // a Wednesday
    const FRIDAY: &str = "2026-11-27T22:00:00Z";
    const NEXT_FRIDAY: &str = "2026-12-04T22:00:00Z";

    fn notice(name: &str, starts_at: &str) -> NoticeRef {
        let cutoff = instant("2026-11-25T18:00:00Z");
        NoticeRef { event_arn: name.into(), starts_at: Some(instant(starts_at)), cutoff, drill: false }
    }

    /// A schedule as ingest writes it.
    fn planned(at: &str, notices: &[NoticeRef]) -> Existing {
        let at = instant(at);
        Existing {
            at: Some(at),
            spread_minutes: 15,
            enabled: true,
            input: Ok(DeployInput {
                slot: at,
                window_ends_at: at + TimeDelta::hours(4),
                zone: Some(Tz::UTC),
                ..planned_for(notices.to_vec())
            }),
        }
    }

    fn disabled(existing: Existing) -> Existing {
        Existing { enabled: false, ..existing }
    }

    fn moved(existing: Existing, at: &str) -> Existing {
        Existing { at: Some(instant(at)), ..existing }
    }

    fn invalid_input(mut existing: Existing) -> Existing {
        existing.input = match Wake::read_text("restart web please") {
            Ok(Wake::Deploy(input)) => Ok(input),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        };
        existing
    }

    /// The verdict as the kind of change, the outcome, the start time and the notices in the new input.
    fn summary(verdict: &Verdict) -> (&'static str, OutcomeKind, Option<DateTime<Utc>>, Vec<String>) {
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
    fn in_approve_mode_every_new_time_awaits_approval() {
        let approve = Policy { mode: Mode::Approve, ..policy(&[]) };
        let a = notice("a", "2026-12-02T18:00:00Z");
        let with = |approval: Option<Approval>, enabled: bool| {
            let mut existing = Existing { enabled, ..planned(FRIDAY, std::slice::from_ref(&a)) };
            if let Ok(input) = &mut existing.input {
                input.control.approval = approval;
            }
            existing
        };
        let awaits = with(Some(Approval::Awaited), false);
        let given = with(Some(Approval::Given), true);
        let a_earlier = notice("a", "2026-11-27T18:00:00Z");
        let rows = [
            ("a new notice", None, &a, &approve, "create", true),
            ("a repeat, not approved yet", Some(&awaits), &a, &approve, "keep", true),
            ("a repeat, approved", Some(&given), &a, &approve, "keep", false),
            ("the date moved, approved", Some(&given), &a_earlier, &approve, "replace", true),
            ("approval is no longer needed", Some(&awaits), &a, &policy(&[]), "replace", false),
        ];
        for (row, existing, notice, policy, change, expected) in rows {
            let verdict = reconcile(&web(), existing, notice, None, policy, instant(NOW));
            assert_eq!(summary(&verdict).0, change, "{row}");
            assert_eq!(verdict.awaits_approval(existing), expected, "{row}");
        }
        // What awaits approval is not held: opting out deletes it.
        let ended = Ended { cause: Some(Cause::OptedOut), why: "opted out".into() };
        let verdict = reconcile(&web(), Some(&awaits), &a, Some(&ended), &approve, instant(NOW));
        assert_eq!(verdict.change, Change::Delete);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table, whose rows are the rules")]
    fn a_notice_is_applied_to_the_schedule() {
        use OutcomeKind::{Cancelled, Held, Rescheduled, Scheduled, Skipped, Unchanged};
        let a = notice("a", "2026-12-02T18:00:00Z");
        let a_later = notice("a", "2026-12-09T18:00:00Z");
        let a_earlier = notice("a", "2026-11-27T18:00:00Z");
        let a_too_soon = notice("a", "2026-11-25T20:30:00Z");
        let a_passed = notice("a", "2026-11-24T18:00:00Z");
        let b = notice("b", "2026-12-09T18:00:00Z");
        let b_earlier = notice("b", "2026-11-27T18:00:00Z");
        let b_too_soon = notice("b", "2026-11-25T20:30:00Z");
        let friday = || planned(FRIDAY, std::slice::from_ref(&a));
        let tuesday = "2026-12-01T10:00:00Z";
        let latest: &[(&str, &str)] = &[("SLOT_PREFERENCE", "latest")];
        let both = vec!["a".to_owned(), "b".to_owned()];
        let only = |name: &str| vec![name.to_owned()];
        let at = |text: &str| Some(instant(text));
        let thursday = "2026-11-26T22:00:00Z";

        let rows = [
            ("nothing is pending", None, &a, &[][..], ("create", Scheduled, at(FRIDAY), only("a"))),
            ("nothing is pending, nothing fits", None, &a_too_soon, &[], ("keep", Skipped, None, vec![])),
            ("the same notice again", Some(friday()), &a, &[], ("keep", Unchanged, at(FRIDAY), vec![])),
            ("a second notice", Some(friday()), &b, &[], ("update", Scheduled, at(FRIDAY), both.clone())),
            (
                "a second notice with an earlier retirement date moves the start time of both",
                Some(friday()),
                &b_earlier,
                &[],
                ("replace", Rescheduled, at(thursday), both.clone()),
            ),
            (
                "the earlier start time is used for both notices, regardless of SlotPreference",
                Some(friday()),
                &b,
                latest,
                ("update", Scheduled, at(FRIDAY), both.clone()),
            ),
            (
                "a second notice for which nothing fits does not affect the first",
                Some(friday()),
                &b_too_soon,
                &[],
                ("keep", Skipped, None, vec![]),
            ),
            (
                "a later retirement date, the same start time",
                Some(friday()),
                &a_later,
                &[],
                ("update", Unchanged, at(FRIDAY), only("a")),
            ),
            (
                "a later retirement date, a later start time",
                Some(friday()),
                &a_later,
                latest,
                ("replace", Rescheduled, at(NEXT_FRIDAY), only("a")),
            ),
            (
                "an earlier retirement date",
                Some(friday()),
                &a_earlier,
                &[],
                ("replace", Rescheduled, at(thursday), only("a")),
            ),
            (
                "a retirement date for which nothing fits",
                Some(friday()),
                &a_too_soon,
                &[],
                ("delete", Cancelled, None, vec![]),
            ),
            (
                "a retirement date for which nothing fits, with another notice",
                Some(planned(FRIDAY, &[a.clone(), b.clone()])),
                &a_too_soon,
                &[],
                ("update", Cancelled, None, only("b")),
            ),
            (
                "a start time that is nearer than the minimum notice is kept",
                Some(planned("2026-11-25T18:30:00Z", std::slice::from_ref(&a))),
                &a_later,
                &[],
                ("update", Unchanged, at("2026-11-25T18:30:00Z"), only("a")),
            ),
            (
                "overdue",
                Some(planned("2026-11-20T22:00:00Z", std::slice::from_ref(&a))),
                &a,
                &[],
                ("replace", Rescheduled, at(FRIDAY), only("a")),
            ),
            (
                "firing now, the same notice again",
                Some(planned("2026-11-25T17:59:00Z", std::slice::from_ref(&a))),
                &a,
                &[],
                ("keep", Unchanged, at("2026-11-25T17:59:00Z"), vec![]),
            ),
            (
                "firing now, a second notice",
                Some(planned("2026-11-25T17:59:00Z", std::slice::from_ref(&a))),
                &b,
                &[],
                ("replace", Rescheduled, at(FRIDAY), both.clone()),
            ),
            (
                "disabled, the same notice again",
                Some(disabled(friday())),
                &a,
                &[],
                ("keep", Held, None, vec![]),
            ),
            (
                "disabled, another retirement date",
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
                "disabled, the retirement date has passed, the same notice again",
                Some(disabled(planned("2026-11-20T22:00:00Z", std::slice::from_ref(&a_passed)))),
                &a_passed,
                &[],
                ("keep", Held, None, vec![]),
            ),
            (
                "disabled, the retirement date has passed, a second notice",
                Some(disabled(planned("2026-11-20T22:00:00Z", std::slice::from_ref(&a_passed)))),
                &b,
                &[],
                ("replace", Rescheduled, at(FRIDAY), both.clone()),
            ),
            (
                "moved, the same notice again",
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
                "moved to the retirement date",
                Some(moved(friday(), "2026-12-02T18:00:00Z")),
                &a,
                &[],
                ("replace", Rescheduled, at(FRIDAY), only("a")),
            ),
            (
                "moved, then an earlier retirement date",
                Some(moved(friday(), tuesday)),
                &a_earlier,
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
                "invalid input",
                Some(invalid_input(friday())),
                &a,
                &[],
                ("replace", Rescheduled, at(FRIDAY), only("a")),
            ),
            (
                "invalid input, nothing fits",
                Some(invalid_input(friday())),
                &a_too_soon,
                &[],
                ("keep", Skipped, None, vec![]),
            ),
            (
                "invalid input, disabled",
                Some(disabled(invalid_input(friday()))),
                &a,
                &[],
                ("update", Held, None, only("a")),
            ),
        ];
        for (name, existing, notice, settings, expected) in rows {
            let verdict = apply(&web(), existing.as_ref(), notice, &policy(settings), instant(NOW));
            assert_eq!(summary(&verdict), expected, "{name}: {}", verdict.reason);
        }
    }

    #[test]
    fn a_verdict_says_why_it_plans_again_or_leaves_the_schedule() {
        let a = notice("a", "2026-12-02T18:00:00Z");
        let friday = planned(FRIDAY, std::slice::from_ref(&a));
        let of =
            |date| reconcile(&web(), Some(&friday), &notice("a", date), None, &policy(&[]), instant(NOW));
        let earlier = of("2026-11-27T18:00:00Z");
        let why = "the retirement date moved from Wed 2 Dec 2026 18:00 UTC to Fri 27 Nov 2026 18:00 UTC; planned again: ";
        assert!(earlier.reason.starts_with(why), "{}", earlier.reason);
        let too_soon = of("2026-11-25T20:30:00Z");
        assert_eq!(too_soon.cause, Some(Cause::NoWindow), "{too_soon:?}");
        let held = Verdict::new(Change::Keep, OutcomeKind::Held, "held", None);
        assert_eq!(held.clone().observed(), held);
    }

    #[test]
    fn a_closed_notice_is_removed_and_the_last_one_deletes_the_schedule() {
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
            (Some(invalid_input(alone)), ("keep", Failed, Some(instant(FRIDAY)), vec![])),
        ];
        for (existing, expected) in rows {
            let verdict = cancel(&web(), existing.as_ref(), "a", "AWS closed the notice");
            assert_eq!(summary(&verdict), expected, "{existing:?}");
            assert!(verdict.reason.starts_with("AWS closed the notice"), "{}", verdict.reason);
        }
    }

    #[test]
    fn a_schedule_edited_to_redeploy_another_service_is_not_changed() {
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
    fn the_latest_cutoff_of_a_notice_is_kept() {
        let (early, late) = (notice("a", "2026-12-02T18:00:00Z"), {
            let mut late = notice("a", "2026-12-02T18:00:00Z");
            late.cutoff += TimeDelta::hours(1);
            late
        });
        for (first, second) in [(&early, &late), (&late, &early)] {
            assert_eq!(merge(std::slice::from_ref(first), second), std::slice::from_ref(&late));
        }
    }

    #[test]
    fn a_fallback_survives_a_change_of_windows_that_offers_nothing_better() {
        let thursday = "2026-11-26T22:00:00Z";
        let soon = notice("a", "2026-11-27T18:00:00Z");
        let planned_by_fallback = |at: &str| {
            let mut existing = planned(at, std::slice::from_ref(&soon));
            if let Ok(input) = &mut existing.input {
                input.windows = Some("Fri 22:00-02:00 UTC".into());
                input.fallback = true;
            }
            existing
        };
        let rows = [
            // The new windows fit neither.
            ("Sat 22:00-02:00", thursday, ("keep", OutcomeKind::Unchanged, Some(instant(thursday)), vec![])),
            // They fit: the window is better than the fallback.
            (
                "Thu 20:00-23:00",
                thursday,
                (
                    "replace",
                    OutcomeKind::Rescheduled,
                    Some(instant("2026-11-26T20:00:00Z")),
                    vec!["a".to_owned()],
                ),
            ),
            // The fallback is nearer than the minimum notice, and nothing else is possible any more.
            (
                "Sat 22:00-02:00",
                "2026-11-25T18:30:00Z",
                ("keep", OutcomeKind::Unchanged, Some(instant("2026-11-25T18:30:00Z")), vec![]),
            ),
        ];
        for (windows, at, expected) in rows {
            let settings = [("MAINTENANCE_WINDOWS", windows)];
            let verdict =
                apply(&web(), Some(&planned_by_fallback(at)), &soon, &policy(&settings), instant(NOW));
            assert_eq!(summary(&verdict), expected, "{windows} {at}: {}", verdict.reason);
        }
    }

    #[test]
    fn the_flexible_window_that_an_operator_set_stays_where_a_delayed_start_fits() {
        let policy = policy(&[]);
        let known = notice("arn:1", "2026-12-09T18:00:00Z");
        let moved = notice("arn:1", "2026-12-02T18:00:00Z");
        let rows =
            [(15, Some(15), 15), (0, Some(15), 0), (60, Some(15), 60), (241, Some(15), 15), (60, None, 15)];
        for (set, planned_spread, expected) in rows {
            let mut existing =
                Existing { spread_minutes: set, ..planned(NEXT_FRIDAY, std::slice::from_ref(&known)) };
            if let Ok(input) = &mut existing.input {
                input.spread_minutes = planned_spread;
            }
            let verdict = reconcile(&web(), Some(&existing), &moved, None, &policy, instant(NOW));
            let Change::Replace(planned) = verdict.change else { panic!("{verdict:?}") };
            assert_eq!((planned.spread_minutes, planned.input.spread_minutes), (expected, Some(15)), "{set}");
        }
    }
}
