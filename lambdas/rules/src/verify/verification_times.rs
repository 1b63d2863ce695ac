//! When the verification checks of a service run.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{plan::deadline, policy::Policy, schedule::wake::CheckInput, time::instant::ceil_minute};

/// The first pause between two checks. Each further pause is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(2);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// For how long a deployment is checked if its notices have no future retirement date.
const WITHOUT_A_DATE: TimeDelta = TimeDelta::hours(24);

/// The least time that a deployment gets before it is stuck or late, whenever it started.
pub const LEAST_TIME: TimeDelta = TimeDelta::minutes(30);

/// When the checks of a service end: at its retirement date, or a day after the start if that has passed or is unknown.
/// A deployment that starts shortly before the retirement date gets [`LEAST_TIME`], so that the last check ends with a
/// proof or a message.
#[must_use]
pub fn ends_at(input: &CheckInput) -> DateTime<Utc> {
    let dates = input.notices.iter().filter_map(|notice| notice.starts_at);
    let date = dates.filter(|date| *date > input.since).min();
    date.map_or(input.since + WITHOUT_A_DATE, |date| date.max(input.since + LEAST_TIME))
}

/// The time of the next check after one at `now`. The pauses grow, but one check is always at the deadline, when the
/// owner must be notified. `None` from [`ends_at`] on.
#[must_use]
pub fn next_check(input: &CheckInput, policy: &Policy, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let ends_at = ends_at(input);
    if now >= ends_at {
        return None;
    }
    let doubled = 2_i32.checked_pow(input.checks).map_or(LONGEST_PAUSE, |factor| FIRST_PAUSE * factor);
    let next = now + doubled.min(LONGEST_PAUSE);
    let deadline = deadline(policy, &input.notices, input.since).filter(|deadline| *deadline > now);
    Some(ceil_minute(deadline.map_or(next, |deadline| next.min(deadline)).min(ends_at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notice::NoticeRef,
        testing::{instant, web},
    };

    const SINCE: &str = "2026-11-27T22:00:00Z";

    fn input(starts_at: Option<&str>) -> CheckInput {
        let cutoff = instant("2026-11-25T18:00:00Z");
        let notice =
            NoticeRef { event_arn: "arn:1".into(), starts_at: starts_at.map(instant), cutoff, drill: false };
        CheckInput::first(&web(), &[notice], Some("ecs-svc/2".into()), instant(SINCE))
    }

    #[test]
    fn pauses_grow_include_the_deadline_and_end_at_the_retirement_date() {
        let policy = Policy::default();
        let mut checks = Vec::new();
        let (mut input, mut now) = (input(Some("2026-12-02T18:00:00Z")), instant(SINCE));
        while let Some(next) = next_check(&input, &policy, now) {
            checks.push(next);
            (now, input.checks) = (next, input.checks + 1);
        }
        let minutes: Vec<i64> =
            checks.iter().map(|check| (*check - instant(SINCE)).num_minutes()).take(8).collect();
        assert_eq!(minutes, [2, 6, 14, 30, 62, 122, 182, 242]);
        assert!(checks.contains(&instant("2026-12-02T16:00:00Z")));
        assert_eq!(checks.last(), Some(&instant("2026-12-02T18:00:00Z")));
        let without = CheckInput { checks: 40, ..self::input(None) };
        assert_eq!(ends_at(&without), instant("2026-11-28T22:00:00Z"));
        assert_eq!(next_check(&without, &policy, instant(SINCE)), Some(instant("2026-11-27T23:00:00Z")));
        assert_eq!(next_check(&without, &policy, instant("2026-11-28T22:00:00Z")), None);
    }

    #[test]
    fn a_start_shortly_before_the_retirement_date_gets_its_time() {
        let input = input(Some("2026-11-27T22:20:00Z"));
        assert_eq!(ends_at(&input), instant("2026-11-27T22:30:00Z"));
    }
}
