//! When a deployment that cannot start now is retried.

use chrono::{DateTime, Utc};

use super::{PlannedDeployment, wake::DeployInput};
use crate::{
    plan::{
        NoSlot, Slot, deadline, plan_from,
        spread::{PAUSE, spread},
    },
    policy::Policy,
    time::instant::{ceil_minute, utc},
};

/// Over how many minutes retries are spread. What keeps one deployment from starting may keep a thousand from starting,
/// and ECS takes 5 updates a second.
const RETRY_SPREAD: u16 = 5;

/// A retry of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The deployment at its new start time.
    pub deployment: PlannedDeployment,
    /// When it is retried, and why then.
    pub reason: String,
}

/// Plans the retry of a deployment that cannot start now.
///
/// In the same window, it is retried after ten minutes or when the calendars open, until the window closes or the
/// deadline passes. After that, it is planned again. A deployment that an operator moved outside its window is
/// planned again too.
///
/// # Errors
/// Says why no time is left. The owner must be notified.
pub fn retry(policy: &Policy, input: &DeployInput, now: DateTime<Utc>) -> Result<Retry, NoSlot> {
    // What was spread as one of many services is one of many when it is planned again.
    let spread_minutes = policy.spread_minutes.max(input.spread_minutes.unwrap_or_default());
    let policy = &Policy { spread_minutes, ..policy.clone() };
    let soon = ceil_minute(now + PAUSE);
    // If AWS does not say when a calendar opens, its state is read again at the next attempt.
    let again = policy.calendars.open_from(soon).unwrap_or(soon);
    let deadline = deadline(policy, &input.notices, now);
    let in_time = deadline.is_none_or(|deadline| again <= deadline);
    let in_window =
        input.slot <= now && again < input.window_ends_at && input.may_start(&policy.windows, again);
    if in_time && in_window {
        // Many deployments may be waiting for the same calendar: do not start them all at once.
        let spread_minutes =
            if again > soon { policy.spread_minutes.max(RETRY_SPREAD) } else { RETRY_SPREAD };
        let spreading = Policy { spread_minutes, ..policy.clone() };
        let slot = Slot {
            at: again,
            window_ends_at: input.window_ends_at,
            zone: policy.windows.zone(),
            windows: policy.windows.to_string(),
            spread_minutes: spread(&spreading, again, input.window_ends_at, deadline),
            fallback: input.fallback,
            reason: format!("retrying in the same window on {}", utc(again)),
        };
        let mut deployment = PlannedDeployment::new(&input.service, &slot, input.notices.clone());
        deployment.input.attempt = input.attempt.saturating_add(1);
        deployment.input.control = input.control.clone();
        return Ok(Retry { deployment, reason: slot.reason });
    }
    let closed = if input.slot <= now { input.window_ends_at } else { now };
    let slot = plan_from(policy, &input.notices, now, (now + policy.minimum_notice).max(closed))?;
    // Another start time has to be approved anew.
    let mut deployment = PlannedDeployment::new(&input.service, &slot, input.notices.clone());
    deployment.input.control = input.control.clone();
    let deployment = deployment.asking(policy, now);
    let reason = format!("planned again for {}: {}", utc(slot.at), slot.reason);
    Ok(Retry { deployment, reason })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        notice::NoticeRef,
        policy::Mode,
        schedule::control::{Approval, Control},
        testing::{instant, planned_for},
        time::calendar::State,
    };

    fn policy(windows: &str) -> Policy {
        crate::testing::policy(&[("MAINTENANCE_WINDOWS", windows)])
    }

    fn input(starts_at: Option<&str>) -> DeployInput {
        DeployInput {
            attempt: 4,
            ..planned_for(vec![NoticeRef {
                event_arn: "arn:1".into(),
                starts_at: starts_at.map(instant),
                cutoff: instant("2026-11-25T18:00:00Z"),
                drill: false,
            }])
        }
    }

    #[test]
    fn one_of_many_services_stays_spread_when_it_is_planned_again() {
        let policy = policy("Fri 22:00-02:00");
        for (before, expected) in [(Some(50), 50), (Some(5), 15), (None, 15)] {
            let input = DeployInput { spread_minutes: before, ..input(Some("2026-12-09T18:00:00Z")) };
            let again = retry(&policy, &input, instant("2026-11-28T01:50:00Z")).unwrap();
            assert_eq!(again.deployment.spread_minutes, expected, "{before:?}");
        }
    }

    #[test]
    fn a_deployment_is_retried_in_its_window_then_planned_again_until_no_time_is_left() {
        let next_week = Some("2026-12-09T18:00:00Z");
        let rows = [
            ("Fri 22:00-02:00", next_week, "2026-11-27T22:00:03Z", Some("2026-11-27T22:11:00Z")),
            ("Fri 22:00-02:00", next_week, "2026-11-28T01:48:00Z", Some("2026-11-28T01:58:00Z")),
            ("Fri 22:00-02:00", next_week, "2026-11-28T01:50:00Z", Some("2026-12-04T22:00:00Z")),
            // The window closes after the deadline.
            (
                "Fri 22:00-02:00",
                Some("2026-11-28T01:00:00Z"),
                "2026-11-27T22:45:00Z",
                Some("2026-11-27T22:55:00Z"),
            ),
            ("Fri 22:00-02:00", Some("2026-11-28T01:00:00Z"), "2026-11-27T22:55:00Z", None),
            // No Friday is left: the same hours on another day, then nothing.
            (
                "Fri 22:00-02:00",
                Some("2026-12-02T18:00:00Z"),
                "2026-11-28T01:55:00Z",
                Some("2026-12-01T22:00:00Z"),
            ),
            ("Fri 22:00-02:00", Some("2026-11-28T05:00:00Z"), "2026-11-28T01:55:00Z", None),
            // A window of ten minutes has no time for a retry.
            ("daily 22:00-22:10", next_week, "2026-11-28T01:59:00Z", Some("2026-11-28T22:00:00Z")),
            // Without a future retirement date, there is always a next window.
            ("Fri 22:00-02:00", None, "2026-11-28T01:55:00Z", Some("2026-12-04T22:00:00Z")),
            // An operator moved it to Thursday, before its window opens.
            ("Fri 22:00-02:00", next_week, "2026-11-26T03:00:00Z", Some("2026-11-27T22:00:00Z")),
        ];
        for (windows, starts_at, now, expected) in rows {
            let retry = retry(&policy(windows), &input(starts_at), instant(now));
            let at = retry.as_ref().ok().map(|retry| retry.deployment.input.slot);
            assert_eq!(at, expected.map(instant), "{windows} {starts_at:?} {now}: {retry:?}");
            if let Ok(Retry { deployment, .. }) = retry {
                // Attempts are counted within a window.
                let attempt =
                    if deployment.input.slot < instant(now) + TimeDelta::minutes(12) { 5 } else { 0 };
                assert_eq!(deployment.input.attempt, attempt);
            }
        }
    }

    #[test]
    fn a_retry_in_the_same_window_stays_approved_and_another_time_is_approved_anew() {
        let policy = Policy { mode: Mode::Approve, ..policy("Fri 22:00-02:00") };
        let control = Control { approval: Some(Approval::Given), ..Control::default() };
        let input = DeployInput { control, ..input(Some("2026-12-09T18:00:00Z")) };
        let rows = [
            ("2026-11-27T22:00:03Z", Approval::Given, false),
            ("2026-11-28T01:55:00Z", Approval::Awaited, true),
        ];
        for (now, approval, disabled) in rows {
            let deployment = retry(&policy, &input, instant(now)).unwrap().deployment;
            assert_eq!(deployment.input.control.approval, Some(approval));
            let spec = deployment.spec(crate::schedule::name::ScheduleName::of_heartbeat());
            assert_eq!(spec.is_disabled(), disabled);
        }
    }

    #[test]
    fn retries_are_spread_within_the_window_even_without_a_spread_of_start_times() {
        let rows = [
            ("15", "2026-11-27T23:00:00Z", "2026-11-27T23:00:00Z", 15),
            ("0", "2026-11-27T23:00:00Z", "2026-11-27T23:00:00Z", 5),
            ("15", "2026-11-28T01:50:30Z", "2026-11-28T01:51:00Z", 9),
            ("0", "2026-11-28T01:56:30Z", "2026-11-28T01:57:00Z", 3),
            // It opens before the next attempt.
            ("15", "2026-11-27T22:05:00Z", "2026-11-27T22:11:00Z", 5),
            ("0", "2026-11-27T22:05:00Z", "2026-11-27T22:11:00Z", 5),
        ];
        for (minutes, opens, at, spread) in rows {
            let mut policy = Policy { spread_minutes: minutes.parse().unwrap(), ..policy("Fri 22:00-02:00") };
            let now = instant("2026-11-27T22:00:03Z");
            policy.calendars.learn("Freeze", now, State::Closed, Some(instant(opens)));
            let deployment = retry(&policy, &input(Some("2026-12-09T18:00:00Z")), now).unwrap().deployment;
            assert_eq!((deployment.input.slot, deployment.spread_minutes), (instant(at), spread));
        }
    }

    #[test]
    fn after_the_windows_changed_a_retry_stays_in_the_current_ones() {
        let now = "2026-11-27T22:00:03Z";
        let planned = |windows: &str, fallback| DeployInput {
            windows: Some(windows.into()),
            fallback,
            ..input(Some("2026-12-09T18:00:00Z"))
        };
        let rows = [
            ("Fri 22:00-02:00", "Fri 22:00-02:00 UTC", false, "2026-11-27T22:11:00Z"),
            // By now the window is another one, and is closed.
            ("Mon 22:00-02:00", "Fri 22:00-02:00 UTC", false, "2026-11-30T22:00:00Z"),
            // Another one, and open.
            ("Fri 21:00-23:00", "Fri 22:00-02:00 UTC", false, "2026-11-27T22:11:00Z"),
            // A fallback was in no window in the first place.
            ("Mon 22:00-02:00", "Fri 22:00-02:00 UTC", true, "2026-11-27T22:11:00Z"),
        ];
        for (windows, planned_for, fallback, expected) in rows {
            let retry = retry(&policy(windows), &planned(planned_for, fallback), instant(now)).unwrap();
            let input = retry.deployment.input;
            assert_eq!(
                (input.slot, input.fallback),
                (instant(expected), fallback),
                "{windows} {planned_for}"
            );
        }
    }
}
