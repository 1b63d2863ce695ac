//! Schedules: what is written to EventBridge Scheduler, and what is read from it.

pub mod name;
pub mod reconcile;
pub mod retry;
pub mod wake;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::{
    arn::ServiceRef,
    notice::{NoticeRef, first_retirement_date},
    plan::Slot,
    time::{
        instant::{local_and_utc, utc_or_unknown},
        window::{Windows, first_instant, parse_zone},
    },
    wording::count,
};
use name::ScheduleName;
use wake::{CheckInput, DeadlineInput, DeployInput, InvalidInput, Wake};

/// A one-time schedule as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name in the group.
    pub name: ScheduleName,
    /// When it fires: a whole minute.
    pub at: DateTime<Utc>,
    /// By how many minutes at most it may fire later.
    pub spread_minutes: u16,
    /// For how long EventBridge Scheduler retries the hand-off to the function, in seconds.
    pub retry_seconds: i32,
    /// What an operator reads in the list of schedules.
    pub description: String,
    /// What it hands over.
    pub wake: Wake,
}

impl Spec {
    /// A schedule that fires on the minute, and whose hand-off is retried for an hour.
    fn on_the_minute(name: ScheduleName, at: DateTime<Utc>, description: &str, wake: Wake) -> Self {
        let description = shorten(description);
        Self { name, at, spread_minutes: 0, retry_seconds: 3_600, description, wake }
    }

    /// The schedule of a verification check.
    #[must_use]
    pub fn check(name: ScheduleName, at: DateTime<Utc>, zone: Tz, input: CheckInput) -> Self {
        let description = format!(
            "Verification check {} of {} on {}; retirement date: {}",
            input.checks.saturating_add(1),
            input.service,
            local_and_utc(at, zone),
            utc_or_unknown(first_retirement_date(&input.notices)),
        );
        Self::on_the_minute(name, at, &description, Wake::Check(input))
    }

    /// The schedule of a deadline check.
    #[must_use]
    pub fn deadline_check(at: DateTime<Utc>, zone: Tz, input: DeadlineInput) -> Self {
        let description = format!(
            "Deadline check of {} on {}; retirement date: {}; notice: {}",
            count(input.services.len(), "service"),
            local_and_utc(at, zone),
            utc_or_unknown(input.notice.starts_at),
            input.notice.event_arn,
        );
        let name = ScheduleName::of_deadline_check(&input.notice.event_arn, input.page, input.part);
        Self::on_the_minute(name, at, &description, Wake::DeadlineCheck(input))
    }
}

/// A deployment as it is planned: what its schedule hands over, at the input's start time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDeployment {
    /// What the schedule hands over. It fires at the input's `slot`.
    pub input: DeployInput,
    /// By how many minutes at most it may start later.
    pub spread_minutes: u16,
}

impl PlannedDeployment {
    /// A deployment of `service` at `slot`, for these notices.
    #[must_use]
    pub fn new(service: &ServiceRef, slot: &Slot, notices: Vec<NoticeRef>) -> Self {
        let input = DeployInput {
            service: service.clone(),
            notices,
            slot: slot.at,
            window_ends_at: slot.window_ends_at,
            windows: Some(slot.windows.clone()),
            zone: Some(slot.zone),
            attempt: 0,
            scheduled_for: None,
        };
        Self { input, spread_minutes: slot.spread_minutes }
    }

    /// Its schedule, under `name`.
    #[must_use]
    pub fn spec(&self, name: ScheduleName) -> Spec {
        let Self { input, spread_minutes } = self;
        Spec {
            spread_minutes: *spread_minutes,
            retry_seconds: self.retry_seconds(),
            ..Spec::on_the_minute(
                name,
                input.slot,
                &description(input, input.slot, input.zone.unwrap_or_default()),
                Wake::Deploy(input.clone()),
            )
        }
    }

    /// For how long EventBridge Scheduler retries the hand-off: until the window closes. In seconds, within the
    /// 60 to 86,400 that it allows.
    fn retry_seconds(&self) -> i32 {
        let left = (self.input.window_ends_at - self.input.slot).num_seconds().clamp(60, 86_400);
        i32::try_from(left).unwrap_or(86_400)
    }
}

/// What an operator reads in the list of schedules: when, until when, for what. The service comes last, because
/// EventBridge Scheduler allows 512 characters and names can be as long.
#[must_use]
pub fn description(input: &DeployInput, at: DateTime<Utc>, zone: Tz) -> String {
    shorten(&format!(
        "Redeploys on {}; retirement date: {}; {}; service: {}",
        local_and_utc(at, zone),
        utc_or_unknown(first_retirement_date(&input.notices)),
        count(input.notices.len(), "notice"),
        input.service,
    ))
}

fn shorten(description: &str) -> String {
    description.chars().take(512).collect()
}

/// A pending schedule of a deployment, as EventBridge Scheduler has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// When it fires; `None` if an operator made it recurring.
    pub at: Option<DateTime<Utc>>,
    /// By how many minutes at most it may fire later.
    pub spread_minutes: u16,
    /// Whether it fires at all.
    pub enabled: bool,
    /// What it hands to deploy.
    pub input: Result<DeployInput, InvalidInput>,
}

impl Existing {
    /// An operator set it to another time than the plan.
    fn moved(&self) -> bool {
        self.input.as_ref().is_ok_and(|input| self.at != Some(input.slot))
    }

    /// Its time, if that is still to come.
    fn pending(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.at.filter(|at| *at > now)
    }

    /// Its time has passed, with the spread and some minutes of delay, and it still exists.
    #[must_use]
    pub fn overdue(&self, now: DateTime<Utc>) -> bool {
        const DELAY: TimeDelta = TimeDelta::minutes(15);
        self.at.is_some_and(|at| at + TimeDelta::minutes(self.spread_minutes.into()) + DELAY < now)
    }

    /// The zone in which to write its description anew, if `text` is ours: an operator's own stays.
    #[must_use]
    pub fn zone_of_our_description(&self, text: &str) -> Option<Tz> {
        let input = self.input.as_ref().ok()?;
        let Some(zone) = input.zone else {
            // Version 0.1 worded descriptions so, and kept the zone in its windows alone.
            let windows = input.windows.as_deref().and_then(|windows| Windows::parse(windows, Tz::UTC).ok());
            let zone = windows.map_or(Tz::UTC, |windows| windows.zone());
            return text.starts_with("Redeploys at ").then_some(zone);
        };
        let times = [Some(input.slot), self.at];
        times.into_iter().flatten().any(|at| description(input, at, zone) == text).then_some(zone)
    }
}

/// EventBridge Scheduler's expression for one moment in UTC. Its precision is one minute.
#[must_use]
pub fn at_expression(at: DateTime<Utc>) -> String {
    at.format("at(%Y-%m-%dT%H:%M:%S)").to_string()
}

/// The moment of an `at()` expression; `None` if an operator made it recurring.
///
/// EventBridge Scheduler reads the expression in the schedule's time zone.
#[must_use]
pub fn parse_at(expression: &str, zone: Option<&str>) -> Option<DateTime<Utc>> {
    let local = expression.trim().strip_prefix("at(")?.strip_suffix(')')?;
    let local = NaiveDateTime::parse_from_str(local.trim(), "%Y-%m-%dT%H:%M:%S").ok()?;
    let zone = zone.map_or(Ok(Tz::UTC), parse_zone).ok()?;
    Some(first_instant(local, zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, web};

    fn input(service: ServiceRef, zone: Tz) -> DeployInput {
        let notice = |starts_at: Option<&str>| NoticeRef {
            event_arn: "arn:1".into(),
            starts_at: starts_at.map(instant),
            cutoff: instant("2026-11-25T18:00:00Z"),
        };
        DeployInput {
            service,
            notices: vec![notice(Some("2026-12-02T18:00:00Z")), notice(None)],
            slot: instant("2026-07-10T21:00:00Z"),
            window_ends_at: instant("2026-07-11T01:00:00Z"),
            windows: None,
            zone: Some(zone),
            attempt: 0,
            scheduled_for: None,
        }
    }

    #[test]
    fn a_description_has_local_time_utc_and_the_retirement_date() {
        let input = input(web(), "Europe/London".parse().unwrap());
        assert_eq!(
            description(&input, input.slot, input.zone.unwrap()),
            "Redeploys on Fri 10 Jul 2026 22:00 Europe/London (21:00 UTC); retirement date: \
             Wed 2 Dec 2026 18:00 UTC; 2 notices; service: prod/web"
        );
    }

    #[test]
    fn our_descriptions_are_told_from_an_operators() {
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
            (given.clone(), "CHG0042: moved to Sunday morning".to_owned(), None),
            (given, by_0_1.to_owned(), None),
            (old.clone(), by_0_1.to_owned(), Some(london)),
            (old, "CHG0042".to_owned(), None),
        ];
        for (input, text, expected) in rows {
            assert_eq!(existing(input).zone_of_our_description(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_description_fits_whatever_the_names() {
        let long = ServiceRef::new(&"c".repeat(255), &"s".repeat(255)).unwrap();
        let input = input(long, Tz::UTC);
        assert_eq!(description(&input, input.slot, Tz::UTC).len(), 512);
    }

    #[test]
    fn an_expression_moved_by_hand_is_read_in_its_zone() {
        let rows = [
            ("at(2026-11-27T22:00:00)", None, Some("2026-11-27T22:00:00Z")),
            ("at(2026-07-10T22:00:00)", Some("Europe/London"), Some("2026-07-10T21:00:00Z")),
            ("at(2026-11-27T22:00:00)", Some("UTC"), Some("2026-11-27T22:00:00Z")),
            ("rate(1 day)", None, None),
            ("cron(0 22 ? * FRI *)", None, None),
            ("at(Friday)", None, None),
        ];
        for (expression, zone, expected) in rows {
            assert_eq!(parse_at(expression, zone), expected.map(instant), "{expression}");
        }
        let moment = instant("2026-11-27T22:00:00Z");
        assert_eq!(parse_at(&at_expression(moment), None), Some(moment));
    }

    #[test]
    fn retries_of_the_hand_off_end_with_the_window() {
        let seconds = |ends_at: &str| {
            let input = DeployInput { window_ends_at: instant(ends_at), ..input(web(), Tz::UTC) };
            PlannedDeployment { input, spread_minutes: 15 }.retry_seconds()
        };
        assert_eq!(seconds("2026-07-11T01:00:00Z"), 4 * 3_600);
        assert_eq!(seconds("2026-07-10T21:00:30Z"), 60);
        assert_eq!(seconds("2026-07-15T18:00:00Z"), 86_400);
    }
}
