//! Validates a configuration at deployment: rejects settings that can never work, and warns about risky ones.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use super::plan;
use crate::{
    notice::NoticeRef,
    policy::{Fallback, Mode, Policy},
    wording::count,
};

/// The account settings for task retirements
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/prepare-task-retirement.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retirements {
    /// `fargateTaskRetirementWaitPeriod`: the time between a notice and its retirement date. `None` if it is unknown.
    pub wait: Option<TimeDelta>,
    /// `fargateEventWindows` is `enabled`: AWS replaces tasks in EC2 event windows.
    pub event_windows: bool,
}

/// The problems of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Settings that can never work: they fail the deployment.
    pub refusals: Vec<String>,
    /// Settings that do not always work, or that may surprise the operator.
    pub warnings: Vec<String>,
}

/// The number of hours in a week.
const HOURS: usize = 168;

/// Checks a policy against the account settings.
#[must_use]
pub fn check(policy: &Policy, account: Retirements, now: DateTime<Utc>) -> Findings {
    let mut findings = Findings::default();
    match account.wait {
        None => findings.warnings.push(
            "the account setting fargateTaskRetirementWaitPeriod is unknown, so it was not checked that the windows fit before retirement dates"
                .to_owned(),
        ),
        Some(wait) => check_wait(policy, wait, now, &mut findings),
    }
    if account.event_windows {
        findings.warnings.push(
            "the account setting fargateEventWindows is enabled: AWS replaces tasks in EC2 event windows, which can open \
             before the maintenance windows; disable it, or move the event windows to after the maintenance windows"
                .to_owned(),
        );
    }
    if policy.mode == Mode::Observe {
        findings.warnings.push(
            "Mode is observe: only services with the tag ecs-task-patching:mode = deploy are redeployed"
                .to_owned(),
        );
    }
    findings
}

/// Checks that the windows fit into the account's wait period.
fn check_wait(policy: &Policy, wait: TimeDelta, now: DateTime<Utc>, findings: &mut Findings) {
    let (margin, notice) = (policy.margin.num_minutes(), policy.minimum_notice.num_minutes());
    let fallback = policy.fallback.word();
    if wait.is_zero() {
        findings.refusals.push(
            "the account setting fargateTaskRetirementWaitPeriod is 0: AWS replaces tasks as soon as it announces their retirement, which \
             leaves no time to redeploy; set it to 7 or 14 days: aws ecs put-account-setting-default --name \
             fargateTaskRetirementWaitPeriod --value 14"
                .to_owned(),
        );
        return;
    }
    if policy.margin + policy.minimum_notice >= wait {
        findings.refusals.push(format!(
            "DeadlineMarginMinutes is {margin} and MinimumNoticeMinutes is {notice}: together they use up the {} \
             minutes between a notice and its retirement date (fargateTaskRetirementWaitPeriod is {} days); use, for \
             example, 120 and 60",
            wait.num_minutes(),
            wait.num_days()
        ));
        return;
    }
    let in_windows = Policy { fallback: Fallback::LeaveToAws, ..policy.clone() };
    let (outside, never) = (without_a_start(&in_windows, wait, now), without_a_start(policy, wait, now));
    if never == HOURS {
        findings.refusals.push(format!(
            "MaintenanceWindows is {:?} and WhenNoWindowFits is {fallback}: no start time fits between \
             MinimumNoticeMinutes ({notice}) after a notice and DeadlineMarginMinutes ({margin}) before its retirement date; use, for \
             example, \"Fri 22:00-02:00\" and any-day, 60 and 120",
            policy.windows.to_string(),
        ));
    } else if outside > 0 {
        let unscheduled = match never {
            0 => String::new(),
            hours => {
                format!("; during {} nothing is scheduled, and AWS replaces the tasks", count(hours, "hour"))
            }
        };
        findings.warnings.push(format!(
            "notices that arrive during {} of each week miss every opening of {}; then WhenNoWindowFits ({fallback}) \
             applies{unscheduled}; to miss fewer, add windows or set fargateTaskRetirementWaitPeriod to 14 days (now {})",
            count(outside, "hour"),
            policy.windows,
            wait.num_days()
        ));
    }
}

/// The number of hours of the week in which an arriving notice gets no start time.
fn without_a_start(policy: &Policy, wait: TimeDelta, now: DateTime<Utc>) -> usize {
    // A notice at half past represents the whole hour.
    let mut at = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now) + TimeDelta::minutes(30);
    let mut without = 0;
    for _ in 0..HOURS {
        let notice =
            NoticeRef { event_arn: String::new(), starts_at: Some(at + wait), cutoff: at, drill: false };
        without += usize::from(plan(policy, &[notice], at).is_err());
        at += TimeDelta::hours(1);
    }
    without
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, policy};

    fn checked(settings: &[(&str, &str)], wait: Option<i64>, event_windows: bool) -> Findings {
        let (policy, now) = (policy(settings), instant("2026-11-23T12:00:30Z"));
        check(&policy, Retirements { wait: wait.map(TimeDelta::days), event_windows }, now)
    }

    #[test]
    fn settings_that_can_never_work_are_refused() {
        let refused = |settings: &[(&str, &str)], wait| checked(settings, Some(wait), false).refusals;
        assert!(refused(&[], 7).is_empty());
        assert!(refused(&[("DEADLINE_MARGIN_MINUTES", "10019")], 7).is_empty());
        assert_eq!(
            refused(&[("DEADLINE_MARGIN_MINUTES", "10020")], 7),
            [
                "DeadlineMarginMinutes is 10020 and MinimumNoticeMinutes is 60: together they use up the 10080 \
                 minutes between a notice and its retirement date (fargateTaskRetirementWaitPeriod is 7 days); use, for \
                 example, 120 and 60"
            ]
        );
        assert!(refused(&[("DEADLINE_MARGIN_MINUTES", "10080")], 14).is_empty());
        let never = [
            ("DEADLINE_MARGIN_MINUTES", "9900"),
            ("WHEN_NO_WINDOW_FITS", "leave-to-aws"),
            ("MAINTENANCE_WINDOWS", "Mon 03:00-03:01"),
        ];
        assert!(refused(&never, 7).is_empty()); // a start time fits for some notices of the week
        let gap = [("DEADLINE_MARGIN_MINUTES", "10000"), never[1], never[2]];
        assert!(
            matches!(refused(&gap, 7).as_slice(), [one] if one.starts_with("MaintenanceWindows is \"Mon 03:00"))
        );
        let no_wait = refused(&[], 0);
        assert!(matches!(no_wait.as_slice(), [one] if one.contains("--value 14")), "{no_wait:?}");
    }

    #[test]
    fn the_hours_without_a_start_time_are_counted() {
        let warned = |settings: &[(&str, &str)], wait| checked(settings, Some(wait), false).warnings;
        // Notices on Friday from 23:00 (less than half of the window is left) to 24:00 (the margin) miss the window.
        let rows = [
            (&[][..], 7, Some("during 1 hour of each week miss")),
            (&[], 14, None),
            (&[("MAINTENANCE_WINDOWS", "daily 22:00-02:00")], 7, None),
            (&[("DEADLINE_MARGIN_MINUTES", "2880")], 7, Some("during 47 hours of each week miss")),
            (&[("WHEN_NO_WINDOW_FITS", "leave-to-aws")], 7, Some("during 1 hour nothing is scheduled")),
        ];
        for (settings, wait, expected) in rows {
            let warnings = warned(settings, wait);
            match (warnings.as_slice(), expected) {
                ([], None) => {}
                ([warning], Some(expected)) => assert!(warning.contains(expected), "{settings:?}: {warning}"),
                _ => panic!("{settings:?}: {warnings:?}"),
            }
        }
    }

    #[test]
    fn surprising_settings_are_warned_about() {
        let warnings = checked(&[("MODE", "observe")], None, true).warnings;
        let expected = ["WaitPeriod is unknown", "fargateEventWindows is enabled", "Mode is observe"];
        assert_eq!(warnings.len(), expected.len());
        assert!(
            warnings.iter().zip(expected).all(|(warning, expected)| warning.contains(expected)),
            "{warnings:?}"
        );
    }
}
