//! Schedules, as written to EventBridge Scheduler and read from it.

pub mod control;
pub mod delivery;
mod drill;
mod expression;
pub mod known;
pub mod name;
mod operator_edits;
pub mod reconcile;
pub mod retry;
pub mod story;
pub mod wake;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::{
    arn::ServiceRef,
    notice::{NoticeRef, first_retirement_date},
    plan::Slot,
    policy::{Mode, Policy},
    time::{
        instant::{ceil_minute, local_and_utc, utc_or_unknown, utc_seconds},
        window::Windows,
    },
    wording::{count, is},
};
use control::{Approval, Control, Plan};
pub use expression::{at_expression, parse_at};
use name::ScheduleName;
use story::configuration;
use wake::{CheckInput, DeadlineInput, DeployInput, DigestInput, InvalidInput, LockInput, StopInput, Wake};

/// How long before the start time a missing approval is reminded of.
pub const REMINDER: TimeDelta = TimeDelta::days(1);

/// A one-time schedule to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The name in the schedule group.
    pub name: ScheduleName,
    /// When it fires, a whole minute.
    pub at: DateTime<Utc>,
    /// The flexible time window: by how many minutes at most it may fire later.
    pub spread_minutes: u16,
    /// For how long EventBridge Scheduler retries to invoke the function, in seconds.
    pub retry_seconds: i32,
    /// The time zone of the description.
    pub zone: Tz,
    /// The description that an operator wrote, which is kept.
    pub written: Option<String>,
    /// The input for the function.
    pub wake: Wake,
}

impl Spec {
    /// A schedule without a flexible time window, whose invocation is retried for an hour.
    fn on_the_minute(name: ScheduleName, at: DateTime<Utc>, zone: Tz, wake: Wake) -> Self {
        Self { name, at, spread_minutes: 0, retry_seconds: 3_600, zone, written: None, wake }
    }

    /// The schedule of a verification check. `zone` is for the description.
    #[must_use]
    pub fn check(name: ScheduleName, at: DateTime<Utc>, zone: Tz, input: CheckInput) -> Self {
        Self::on_the_minute(name, at, zone, Wake::Check(input))
    }

    /// The schedule of a deadline check. `zone` is for the description.
    #[must_use]
    pub fn deadline_check(at: DateTime<Utc>, zone: Tz, input: DeadlineInput) -> Self {
        let name = ScheduleName::of_deadline_check(&input.notice.event_arn, input.page, input.part);
        Self::on_the_minute(name, at, zone, Wake::DeadlineCheck(input))
    }

    /// The schedule that remembers a page of a notice that no longer concerns any service. It wakes verify on the retirement
    /// date, if a story ends then, and ends the memory when late events are no longer to be expected. `zone` is for the description.
    #[must_use]
    pub fn settled(zone: Tz, input: DeadlineInput, now: DateTime<Utc>) -> Self {
        /// EventBridge retries for a day, and Lambda for some hours.
        const MEMORY: TimeDelta = TimeDelta::days(2);
        let date = input.notice.starts_at.unwrap_or(now).max(now);
        let soonest = ceil_minute(now + TimeDelta::minutes(1));
        let at = if input.unpatched.is_empty() { date + MEMORY } else { date.max(soonest) };
        let at = ceil_minute(at);
        let name = ScheduleName::of_settled(&input.notice.event_arn, input.page, input.part);
        Self::on_the_minute(name, at, zone, Wake::Settled(input))
    }

    /// The schedule of a digest. `zone` is for the description.
    #[must_use]
    pub fn digest(at: DateTime<Utc>, zone: Tz, input: DigestInput) -> Self {
        let name = ScheduleName::of_digest(&input.notice.event_arn, input.closes_at);
        Self::on_the_minute(name, at, zone, Wake::Digest(input))
    }

    /// A schedule that wakes a function again as soon as possible. The start time that was planned stays in its input.
    #[must_use]
    pub fn again(name: ScheduleName, zone: Tz, wake: Wake, now: DateTime<Utc>) -> Self {
        Self::on_the_minute(name, ceil_minute(now + TimeDelta::minutes(1)), zone, wake)
    }

    /// A lock. It is disabled, so it never fires.
    #[must_use]
    pub fn lock(name: ScheduleName, input: LockInput) -> Self {
        Self::on_the_minute(name, ceil_minute(input.expires_at), Tz::UTC, Wake::Lock(input))
    }

    /// The schedule that stops everything while it exists. It is disabled, so it never fires.
    #[must_use]
    pub fn stop(input: StopInput, now: DateTime<Utc>) -> Self {
        Self::on_the_minute(ScheduleName::of_stop(), ceil_minute(now), Tz::UTC, Wake::Stop(input))
    }

    /// The same schedule, but at least one minute after `now`: an invocation that is throttled can reach the time that
    /// it planned, and AWS does not document whether a schedule with a past time fires.
    #[must_use]
    pub fn in_the_future(mut self, now: DateTime<Utc>) -> Self {
        let earliest = soonest(now);
        if self.at >= earliest {
            return self;
        }
        if let Wake::Deploy(input) = &mut self.wake
            && input.slot == self.at
        {
            input.slot = earliest;
        }
        self.at = earliest;
        self
    }

    /// Whether it is written disabled: it never fires, or awaits approval.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        match &self.wake {
            Wake::Lock(_) | Wake::Stop(_) | Wake::Drill(_) => true,
            Wake::Deploy(input) => input.control.approval == Some(Approval::Awaited),
            _ => false,
        }
    }

    /// What an operator sees in the list of schedules.
    #[must_use]
    pub fn description(&self) -> String {
        let at = || local_and_utc(self.at, self.zone);
        match (&self.written, &self.wake) {
            (Some(text), _) => shorten(text),
            (None, Wake::Deploy(input)) => description(input, self.at, self.zone),
            (None, Wake::Check(input)) => shorten(&format!(
                "Verification check {} of {} on {}; retirement date: {}",
                input.checks.saturating_add(1),
                input.service,
                at(),
                utc_or_unknown(first_retirement_date(&input.notices)),
            )),
            (None, Wake::DeadlineCheck(input)) => shorten(&format!(
                "Deadline check of {} on {}; retirement date: {}; notice: {}",
                count(input.services.len(), "service"),
                at(),
                utc_or_unknown(input.notice.starts_at),
                input.notice.event_arn,
            )),
            (None, Wake::Settled(input)) if !input.unpatched.is_empty() => shorten(&format!(
                "Records on {} whether {} of this notice {} patched; notice: {}",
                at(),
                count(input.unpatched.len(), "service"),
                is(input.unpatched.len()),
                input.notice.event_arn,
            )),
            (None, Wake::Settled(input)) => shorten(&format!(
                "Nothing is pending for this notice; remembered until {}, for events that arrive late; notice: {}",
                at(),
                input.notice.event_arn,
            )),
            (None, Wake::Digest(input)) => shorten(&format!(
                "Digest of a notice on {}, after the window that ends on {}; notice: {}",
                at(),
                local_and_utc(input.closes_at, self.zone),
                input.notice.event_arn,
            )),
            (None, Wake::Lock(input)) => shorten(&format!(
                "Lock of {}: a function is working on it, until {} at most; do not change this schedule",
                input.schedule,
                utc_seconds(input.expires_at),
            )),
            (None, Wake::Stop(input)) => shorten(&format!(
                "No deployment starts while this schedule exists: {}. To end that: release-all",
                input.text(),
            )),
            (None, Wake::Heartbeat | Wake::Drill(_)) => String::new(), // the template describes it
        }
    }
}

/// A planned deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDeployment {
    /// The input for deploy. The schedule fires at its `slot`.
    pub input: DeployInput,
    /// The maximum random delay of the start, in minutes.
    pub spread_minutes: u16,
}

impl PlannedDeployment {
    /// A deployment of `service` at `slot`, for `notices`.
    #[must_use]
    pub fn new(service: &ServiceRef, slot: &Slot, notices: Vec<NoticeRef>) -> Self {
        let input = DeployInput {
            service: service.clone(),
            notices,
            slot: slot.at,
            window_ends_at: slot.window_ends_at,
            windows: Some(slot.windows.clone()),
            zone: Some(slot.zone),
            fallback: slot.fallback,
            spread_minutes: Some(slot.spread_minutes),
            attempt: 0,
            scheduled_for: None,
            woken: Some(0),
            control: Control::default(),
        };
        Self { input, spread_minutes: slot.spread_minutes }
    }

    /// Has the start time approved, if the policy says so. A reminder is sent a day before, unless that is soon.
    #[must_use]
    pub fn asking(mut self, policy: &Policy, now: DateTime<Utc>) -> Self {
        let soon = self.input.slot <= now + REMINDER + TimeDelta::hours(1);
        self.input.control = self.input.control.for_new_time(policy.mode == Mode::Approve, soon);
        self
    }

    /// Remembers that the start time was planned now by `policy`, and why.
    #[must_use]
    pub fn noting(mut self, reason: &str, policy: &Policy, now: DateTime<Utc>) -> Self {
        self.input.control = self.input.control.planned(Plan {
            at: now.trunc_subsecs(0),
            slot: self.input.slot,
            reason: reason.to_owned(),
            configuration: configuration(policy),
        });
        self
    }

    /// Keeps the history of the `existing` schedule, and the flexible time window that an operator gave it, if a delayed
    /// start is still in the window and before the deadline.
    #[must_use]
    pub fn keeping_edits(mut self, existing: &Existing, deadline: Option<DateTime<Utc>>) -> Self {
        if let Ok(input) = &existing.input {
            self.input.control = input.control.clone();
        }
        let ends_at = deadline.map_or(self.input.window_ends_at, |at| at.min(self.input.window_ends_at));
        let fits = |minutes: &u16| self.input.slot + TimeDelta::minutes((*minutes).into()) <= ends_at;
        let spread_minutes = existing.spread_by_operator().filter(fits).unwrap_or(self.spread_minutes);
        Self { spread_minutes, ..self }
    }

    /// The schedule of the deployment.
    #[must_use]
    pub fn spec(&self, name: ScheduleName) -> Spec {
        let Self { input, spread_minutes } = self;
        let zone = input.zone.unwrap_or_default();
        Spec {
            spread_minutes: *spread_minutes,
            retry_seconds: self.retry_seconds(),
            ..Spec::on_the_minute(name, input.slot, zone, Wake::Deploy(input.clone()))
        }
    }

    /// For how long EventBridge Scheduler retries to invoke deploy, in seconds: until the window closes, within the
    /// allowed 60 to 86,400 seconds.
    fn retry_seconds(&self) -> i32 {
        let left = (self.input.window_ends_at - self.input.slot).num_seconds().clamp(60, 86_400);
        i32::try_from(left).unwrap_or(86_400)
    }
}

/// The earliest time for which a schedule is written at `now`.
pub(crate) fn soonest(now: DateTime<Utc>) -> DateTime<Utc> {
    ceil_minute(now + TimeDelta::minutes(1))
}

/// The description of a deployment's schedule. The service comes last because EventBridge Scheduler allows 512
/// characters, and the names alone can be that long.
#[must_use]
pub fn description(input: &DeployInput, at: DateTime<Utc>, zone: Tz) -> String {
    let by_operator = input.control.last().map(|last| format!("; {last}")).unwrap_or_default();
    let awaits = if input.control.approval == Some(Approval::Awaited) { "; awaiting approval" } else { "" };
    shorten(&format!(
        "Redeploys on {}; retirement date: {}; {}{awaits}{by_operator}; service: {}",
        local_and_utc(at, zone),
        utc_or_unknown(first_retirement_date(&input.notices)),
        count(input.notices.len(), "notice"),
        input.service,
    ))
}

fn shorten(description: &str) -> String {
    description.chars().take(512).collect()
}

/// The current state of a deployment's schedule in EventBridge Scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// When it fires; `None` if an operator made it recurring.
    pub at: Option<DateTime<Utc>>,
    /// The flexible time window: by how many minutes at most it may fire later.
    pub spread_minutes: u16,
    /// `false` if an operator disabled it.
    pub enabled: bool,
    /// The input for deploy, which an operator can edit.
    pub input: Result<DeployInput, InvalidInput>,
}

impl Existing {
    /// Whether it is disabled because nobody has approved its start time yet. An operator's hold is something else.
    #[must_use]
    pub fn awaits_approval(&self) -> bool {
        let awaits =
            |input: &DeployInput| input.control.approval == Some(Approval::Awaited) && !input.control.held;
        !self.enabled && self.input.as_ref().is_ok_and(awaits)
    }

    /// Whether an operator disabled it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.enabled && !self.awaits_approval()
    }

    /// Whether it is for this notice. One whose input is unreadable may be.
    #[must_use]
    pub fn holds(&self, notice: &NoticeRef) -> bool {
        let is_same = |known: &NoticeRef| known.event_arn == notice.event_arn;
        self.input.as_ref().map_or(true, |input| input.notices.iter().any(is_same))
    }

    /// Whether it is set to a time other than planned, as by an operator.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.input.as_ref().is_ok_and(|input| self.at != Some(input.slot))
    }

    /// Its flexible time window, if an operator set it.
    fn spread_by_operator(&self) -> Option<u16> {
        let planned = self.input.as_ref().ok()?.spread_minutes?;
        (self.spread_minutes != planned).then_some(self.spread_minutes)
    }

    /// Its time, if that is in the future.
    fn pending(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.at.filter(|at| *at > now)
    }

    /// Whether it still exists although its time has passed, including the spread and 15 minutes of delay.
    #[must_use]
    pub fn overdue(&self, now: DateTime<Utc>) -> bool {
        const DELAY: TimeDelta = TimeDelta::minutes(15);
        self.at.is_some_and(|at| at + TimeDelta::minutes(self.spread_minutes.into()) + DELAY < now)
    }

    /// The time zone for updating the description, if `text` was generated. `None` if an operator wrote it.
    #[must_use]
    pub fn zone_of_our_description(&self, text: &str) -> Option<Tz> {
        let input = self.input.as_ref().ok()?;
        // Its times and notices may be those before an edit. A description of 512 characters was shortened.
        let complete =
            text.ends_with(&format!("; service: {}", input.service)) || text.chars().count() == 512;
        let ours = text.starts_with("Redeploys on ") && text.contains("; retirement date: ") && complete;
        let Some(zone) = input.zone else {
            // Version 0.1 wrote descriptions differently, and stored the zone only as part of its windows.
            let windows = input.windows.as_deref().and_then(|windows| Windows::parse(windows, Tz::UTC).ok());
            let zone = windows.map_or(Tz::UTC, |windows| windows.zone());
            return (ours || text.starts_with("Redeploys at ")).then_some(zone);
        };
        ours.then_some(zone)
    }
}

/// What an operator's request changes about an existing schedule, or a function about its input. Everything else about it
/// stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new time, at which the schedule fires without a delay.
    pub at: Option<DateTime<Utc>>,
    /// Whether the schedule is enabled.
    pub enabled: Option<bool>,
    /// The new input.
    pub input: Option<DeployInput>,
}

impl Edit {
    /// Only the input changes.
    #[must_use]
    pub fn of_input(input: DeployInput) -> Self {
        Self { input: Some(input), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, planned_for, web};

    fn input(service: ServiceRef, zone: Tz) -> DeployInput {
        let notice = |starts_at: Option<&str>| NoticeRef {
            event_arn: "arn:1".into(),
            starts_at: starts_at.map(instant),
            cutoff: instant("2026-11-25T18:00:00Z"),
            drill: false,
        };
        DeployInput {
            service,
            slot: instant("2026-07-10T21:00:00Z"),
            window_ends_at: instant("2026-07-11T01:00:00Z"),
            zone: Some(zone),
            ..planned_for(vec![notice(Some("2026-12-02T18:00:00Z")), notice(None)])
        }
    }

    #[test]
    fn a_description_has_the_local_time_utc_and_the_retirement_date() {
        let input = input(web(), "Europe/London".parse().unwrap());
        assert_eq!(
            description(&input, input.slot, input.zone.unwrap()),
            "Redeploys on Fri 10 Jul 2026 22:00 Europe/London (21:00 UTC); retirement date: \
             Wed 2 Dec 2026 18:00 UTC; 2 notices; service: prod/web"
        );
    }

    #[test]
    fn a_description_says_what_an_operator_did_last() {
        let mut input = input(web(), Tz::UTC);
        input.control = input.control.with(control::Entry {
            at: instant("2026-07-08T10:00:00Z"),
            operation: "move".into(),
            slot: None,
            reason: Some("load test; retirement date: none".into()),
            ticket: None,
        });
        let text = description(&input, input.slot, Tz::UTC);
        assert_eq!(
            text,
            "Redeploys on Fri 10 Jul 2026 21:00 UTC; retirement date: Wed 2 Dec 2026 18:00 UTC; 2 notices; \
             moved on Wed 8 Jul 2026 10:00 UTC (load test; retirement date: none); service: prod/web"
        );
        let existing = Existing { at: None, spread_minutes: 0, enabled: true, input: Ok(input) };
        assert_eq!(existing.zone_of_our_description(&text), Some(Tz::UTC));
    }

    #[test]
    fn generated_descriptions_are_recognized() {
        let london: Tz = "Europe/London".parse().unwrap();
        let given = input(web(), london);
        let moved_to = instant("2026-07-12T03:00:00Z");
        let windows = Some("Fri 22:00-02:00 Europe/London".to_owned());
        let old = DeployInput { zone: None, windows, ..given.clone() };
        let existing = |input: DeployInput| Existing {
            at: Some(moved_to),
            spread_minutes: 0,
            enabled: true,
            input: Ok(input),
        };
        let by_0_1 =
            "Redeploys at Fri 2026-07-10 22:00 Europe/London (Fri 2026-07-10 21:00 UTC); AWS's date: …";
        let rows = [
            (given.clone(), description(&given, given.slot, london), Some(london)),
            (given.clone(), description(&given, moved_to, london), Some(london)),
            (given.clone(), description(&given, instant("2026-07-11T03:00:00Z"), london), Some(london)),
            (given.clone(), "Redeploys on Sunday, CHG0042".to_owned(), None),
            (given.clone(), "Redeploys on Sunday; retirement date: soon; CHG0042".to_owned(), None),
            (given.clone(), "CHG0042: moved to Sunday morning".to_owned(), None),
            (given, by_0_1.to_owned(), None),
            (old.clone(), by_0_1.to_owned(), Some(london)),
            (old.clone(), description(&old, moved_to, london), Some(london)),
            (old, "CHG0042".to_owned(), None),
        ];
        for (input, text, expected) in rows {
            assert_eq!(existing(input).zone_of_our_description(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_description_with_the_longest_names_fits() {
        let long = ServiceRef::new(&"c".repeat(255), &"s".repeat(255)).unwrap();
        let input = input(long, Tz::UTC);
        assert_eq!(description(&input, input.slot, Tz::UTC).len(), 512);
    }

    #[test]
    fn an_expression_is_parsed_in_the_zone_of_its_schedule() {
        let rows = [
            ("at(2026-11-27T22:00:00)", None, Some("2026-11-27T22:00:00Z")),
            ("at(2026-07-10T22:00:00)", Some("Europe/London"), Some("2026-07-10T21:00:00Z")),
            ("at(2026-11-27T22:00:00)", Some("UTC"), Some("2026-11-27T22:00:00Z")),
            ("rate(1 day)", None, None),
            ("cron(0 22 ? * FRI *)", None, None),
            ("at(Friday)", None, None),
            ("at(+12026-07-10T21:00:00)", None, None),
        ];
        for (expression, zone, expected) in rows {
            assert_eq!(parse_at(expression, zone), expected.map(instant), "{expression}");
        }
        let moment = instant("2026-11-27T22:00:00Z");
        assert_eq!(parse_at(&at_expression(moment), None), Some(moment));
        // The memory of a notice whose retirement date stands for "never".
        assert_eq!(at_expression(instant("+10000-01-02T23:59:00Z")), "at(9999-12-31T23:59:00)");
    }

    #[test]
    fn invocations_are_retried_until_the_window_closes() {
        let seconds = |ends_at: &str| {
            let input = DeployInput { window_ends_at: instant(ends_at), ..input(web(), Tz::UTC) };
            PlannedDeployment { input, spread_minutes: 15 }.retry_seconds()
        };
        assert_eq!(seconds("2026-07-11T01:00:00Z"), 4 * 3_600);
        assert_eq!(seconds("2026-07-10T21:00:30Z"), 60);
        assert_eq!(seconds("2026-07-15T18:00:00Z"), 86_400);
    }

    #[test]
    fn a_schedule_is_written_a_minute_ahead() {
        let spec = PlannedDeployment { input: input(web(), Tz::UTC), spread_minutes: 15 };
        let spec = spec.spec(ScheduleName::of_stop());
        assert_eq!((spec.spread_minutes, spec.retry_seconds), (15, 4 * 3_600));
        let kept = spec.clone().in_the_future(instant("2026-07-10T20:59:00Z"));
        assert_eq!(kept, spec);
        let slot = |spec: &Spec| match &spec.wake {
            Wake::Deploy(input) => input.slot,
            other => panic!("{other:?}"),
        };
        let late = spec.clone().in_the_future(instant("2026-07-10T20:59:01Z"));
        let next = instant("2026-07-10T21:01:00Z");
        assert_eq!((late.at, slot(&late)), (next, next));
        // One that an operator moved keeps the planned time in its input.
        let moved = Spec { at: instant("2026-07-10T20:00:00Z"), ..spec.clone() };
        let late = moved.in_the_future(instant("2026-07-10T20:59:01Z"));
        assert_eq!((late.at, slot(&late)), (next, slot(&spec)));
    }

    #[test]
    fn only_what_awaits_approval_and_what_never_fires_is_written_disabled() {
        let now = instant("2026-07-10T12:00:00Z");
        let stop = Spec::stop(StopInput::default(), now);
        assert!(stop.is_disabled() && stop.description().ends_with("To end that: release-all"));
        let disabled = |approval| {
            let mut input = input(web(), Tz::UTC);
            input.control.approval = approval;
            Spec::again(ScheduleName::of_stop(), Tz::UTC, Wake::Deploy(input), now).is_disabled()
        };
        assert!(disabled(Some(Approval::Awaited)));
        assert!(!disabled(Some(Approval::Given)) && !disabled(None));
        assert!(!Spec::again(ScheduleName::of_stop(), Tz::UTC, Wake::Heartbeat, now).is_disabled());
    }

    #[test]
    fn what_an_operator_did_to_a_schedule_is_seen() {
        let slot = instant("2026-07-10T21:00:00Z");
        let mut planned = DeployInput { spread_minutes: Some(15), ..input(web(), Tz::UTC) };
        let existing = |input: &DeployInput, spread_minutes, enabled| Existing {
            at: Some(slot),
            spread_minutes,
            enabled,
            input: Ok(input.clone()),
        };
        let plain = existing(&planned, 15, true);
        assert!(!plain.moved() && !plain.is_held() && !plain.awaits_approval());
        assert_eq!(
            (plain.spread_by_operator(), existing(&planned, 5, true).spread_by_operator()),
            (None, Some(5))
        );
        assert!(Existing { at: None, ..plain.clone() }.moved());
        assert!(existing(&planned, 15, false).is_held());
        assert!(plain.holds(&planned.notices[0]));
        assert!(!plain.holds(&NoticeRef { event_arn: "arn:2".into(), ..planned.notices[0].clone() }));
        planned.control.approval = Some(Approval::Awaited);
        let awaited = existing(&planned, 15, false);
        assert!(
            awaited.awaits_approval()
                && !awaited.is_held()
                && !existing(&planned, 15, true).awaits_approval()
        );
        planned.control.held = true;
        assert!(existing(&planned, 15, false).is_held());
        assert_eq!((plain.pending(slot), plain.pending(slot - TimeDelta::seconds(1))), (None, Some(slot)));
        let late = slot + TimeDelta::minutes(30);
        assert!(!plain.overdue(late) && plain.overdue(late + TimeDelta::seconds(1)));
    }

    #[test]
    fn a_planned_deployment_keeps_a_spread_that_still_fits() {
        let planned = PlannedDeployment { input: input(web(), Tz::UTC), spread_minutes: 15 };
        let edited = |spread_minutes| {
            let mut held = DeployInput { spread_minutes: Some(15), ..planned.input.clone() };
            held.control.reminded = true;
            Existing { at: Some(held.slot), spread_minutes, enabled: true, input: Ok(held) }
        };
        let kept = |spread, deadline: Option<&str>| {
            let kept = planned.clone().keeping_edits(&edited(spread), deadline.map(instant));
            assert!(kept.input.control.reminded, "the history is kept");
            kept.spread_minutes
        };
        assert_eq!((kept(15, None), kept(240, None), kept(241, None)), (15, 240, 15));
        assert_eq!(
            (kept(60, Some("2026-07-10T22:00:00Z")), kept(61, Some("2026-07-10T22:00:00Z"))),
            (60, 15)
        );
    }

    #[test]
    fn a_start_time_that_is_soon_needs_no_reminder() {
        let planned = PlannedDeployment { input: input(web(), Tz::UTC), spread_minutes: 15 };
        let asking = |mode, now: &str| {
            let policy = Policy { mode, ..Policy::default() };
            planned.clone().asking(&policy, instant(now)).input.control
        };
        let far = asking(Mode::Approve, "2026-07-09T19:59:59Z");
        assert_eq!((far.approval, far.reminded), (Some(Approval::Awaited), false));
        assert!(asking(Mode::Approve, "2026-07-09T20:00:00Z").reminded);
        assert_eq!(asking(Mode::Deploy, "2026-07-09T20:00:00Z").approval, None);
        let noted = planned.clone().noting("why", &Policy::default(), instant("2026-07-09T20:00:00.5Z"));
        let plan = &noted.input.control.plans[0];
        assert_eq!((plan.at, plan.slot), (instant("2026-07-09T20:00:00Z"), planned.input.slot));
    }
}
