//! Over how many minutes the starts at one time are spread, so that services do not all start at once.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    policy::{Policy, alarms::AlarmRef},
    time::calendar::CLOSING,
};

/// The time between two attempts to start a deployment in the same window.
pub(crate) const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// How many services of a page of a notice start in a minute. Each deployment and its checks need 4 reads of services and 4 of
/// tasks. Amazon ECS accepts 20 of each in a second, so 5 deployments can start: those of 15 pages at this rate.
const STARTS_PER_MINUTE: usize = 20;

/// The spread of a start at `at`: a delayed start is still in the window, before the deadline, and before a calendar
/// closes. Where there are blockers, it is long enough for the rates at which AWS lets them be read. Where a notice names many
/// services, it is long enough for several such notices, but leaves a quarter of the time for retries.
#[must_use]
pub fn spread(
    policy: &Policy,
    at: DateTime<Utc>,
    window_ends_at: DateTime<Utc>,
    deadline: Option<DateTime<Utc>>,
) -> u16 {
    let last = deadline.map_or(window_ends_at, |deadline| deadline.min(window_ends_at));
    let last =
        policy.calendars.closes_before(at, last + CLOSING).map_or(last, |(_, closes)| closes - CLOSING);
    let room = (last - at).max(TimeDelta::zero()).num_minutes();
    let room = u16::try_from(room).unwrap_or(u16::MAX);
    let together = u16::try_from(policy.together / STARTS_PER_MINUTE).unwrap_or(u16::MAX);
    policy.spread_minutes.max(least_spread(policy)).max(together.min(room - room / 4)).min(room)
}

/// How many services can start in a window of this length. Amazon ECS accepts 50 deployments at once and then 5 in a second
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>). A deployment that it throttles is
/// retried after ten minutes, so the last ten minutes of a window may pass without one.
#[must_use]
pub fn most_starts(length: TimeDelta) -> usize {
    const AT_ONCE: i64 = 50;
    const PER_SECOND: i64 = 5;
    let seconds = (length - PAUSE).num_seconds().max(0);
    usize::try_from(AT_ONCE + PER_SECOND * seconds).unwrap_or(usize::MAX)
}

/// Over how many minutes a thousand starts must be spread, so that reading the blockers stays within AWS's rates: 10
/// calls a second to Change Calendar and 9 to `DescribeAlarms`. Two minutes allow a thousand calls at 9 a second.
/// Zero if there is no blocker.
fn least_spread(policy: &Policy) -> u16 {
    const MINUTES: usize = 2;
    /// How many alarms one call reads by name.
    const NAMES: usize = 100;
    let by_name = policy.alarms.iter().filter(|alarm| matches!(alarm, AlarmRef::One { .. })).count();
    let alarms = policy.alarms.len() - by_name + by_name.div_ceil(NAMES);
    // A calendar is read at the start time, and where that is blocked, at the time of the retry.
    let calls = alarms.max(2 * policy.calendars.names().len());
    u16::try_from(MINUTES * calls).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing::{instant, policy},
        time::calendar::State,
    };

    #[test]
    fn without_a_spread_starts_are_spread_only_for_the_rates_of_their_blockers() {
        let (at, ends) = (instant("2026-11-27T22:00:00Z"), instant("2026-11-28T02:00:00Z"));
        let rows = [("0", "", 0), ("0", "prod-,db-", 4), ("3", "prod-,db-", 4), ("15", "prod-,db-", 15)];
        for (minutes, alarms, expected) in rows {
            let policy = policy(&[("SPREAD_MINUTES", minutes), ("BLOCKING_ALARMS", alarms)]);
            assert_eq!(spread(&policy, at, ends, None), expected, "{minutes} {alarms}");
            assert_eq!(spread(&policy, ends - TimeDelta::minutes(2), ends, None), expected.min(2));
        }
    }

    #[test]
    fn a_delayed_start_is_before_a_calendar_is_about_to_close() {
        let (at, ends) = (instant("2026-11-28T01:50:00Z"), instant("2026-11-28T02:00:00Z"));
        for (closes, expected) in [("2026-11-28T02:03:00Z", 8), ("2026-11-28T02:05:00Z", 10)] {
            let mut policy = policy(&[("CHANGE_CALENDARS", "Freeze")]);
            policy.calendars.learn("Freeze", at, State::Open, Some(instant(closes)));
            assert_eq!(spread(&policy, at, ends, None), expected, "{closes}");
        }
    }

    #[test]
    fn many_services_of_a_notice_are_spread_over_more_of_the_window() {
        let (at, ends) = (instant("2026-11-27T22:00:00Z"), instant("2026-11-28T02:00:00Z"));
        for (together, expected) in [(1, 15), (300, 15), (400, 20), (1_000, 50), (100_000, 180)] {
            let policy = Policy { together, ..policy(&[]) };
            assert_eq!(spread(&policy, at, ends, None), expected, "{together}");
        }
        let policy = Policy { together: 1_000, ..policy(&[]) };
        assert_eq!(spread(&policy, at, at + TimeDelta::minutes(30), None), 23);
    }

    #[test]
    fn a_window_has_room_for_as_many_services_as_ecs_starts_in_it() {
        for (minutes, services) in [(1, 50), (10, 50), (30, 6_050), (60, 15_050), (240, 69_050)] {
            assert_eq!(most_starts(TimeDelta::minutes(minutes)), services, "{minutes}");
        }
    }

    #[test]
    fn a_thousand_starts_read_their_blockers_within_the_rates_of_aws() {
        let arn = |nth: u32| format!("arn:aws:cloudwatch:eu-west-2:111122223333:alarm:a{nth}");
        let arns = |count| (0..count).map(arn).collect::<Vec<_>>().join(",");
        let rows = [
            ("", String::new(), 0),
            ("Freeze", String::new(), 4),
            ("Freeze,YearEnd", String::new(), 8),
            ("", "prod-,db-,Team A/".to_owned(), 6),
            ("", arns(100), 2),
            ("", format!("prod-,{}", arns(101)), 6),
            ("Freeze", "prod-,db-,Team A/".to_owned(), 6),
        ];
        for (calendars, alarms, minutes) in rows {
            let policy = policy(&[("CHANGE_CALENDARS", calendars), ("BLOCKING_ALARMS", &alarms)]);
            assert_eq!(least_spread(&policy), minutes, "{calendars} {alarms}");
            let seconds = u64::from(minutes) * 60;
            assert!(2_000 * policy.calendars.names().len() as u64 <= 10 * seconds);
        }
    }
}
