//! What can be said of a configuration when it is deployed: what can never work, and what often will not.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use super::plan;
use crate::{
    notice::NoticeRef,
    policy::{Fallback, Mode, Policy},
    wording::count,
};

/// What the account says about its task retirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retirements {
    /// `fargateTaskRetirementWaitPeriod`: how long AWS waits between its notice and its date; nothing where it
    /// is unknown.
    pub wait: Option<TimeDelta>,
    /// `fargateEventWindows` is `enabled`: AWS aims for windows of its own.
    pub event_windows: bool,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// It can never work: the stack must not be deployed so.
    pub refusals: Vec<String>,
    /// It will not always work, or not as somebody may think.
    pub warnings: Vec<String>,
}

/// Hours of a week.
const HOURS: usize = 168;

/// Checks a policy against the account in which it is to work.
#[must_use]
pub fn check(policy: &Policy, account: Retirements, now: DateTime<Utc>) -> Findings {
    let mut findings = Findings::default();
    match account.wait {
        None => findings.warnings.push(
            "fargateTaskRetirementWaitPeriod is unknown: whether the windows fit before retirement dates was not \
             checked"
                .to_owned(),
        ),
        Some(wait) => check_wait(policy, wait, now, &mut findings),
    }
    if account.event_windows {
        findings.warnings.push(
            "the account setting fargateEventWindows is enabled: AWS replaces tasks in EC2 event windows, which can open \
             before the maintenance windows; disable it, or move the event windows behind the maintenance windows"
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

/// Checks what the account's wait period leaves for the windows.
fn check_wait(policy: &Policy, wait: TimeDelta, now: DateTime<Utc>, findings: &mut Findings) {
    let (margin, notice) = (policy.margin.num_minutes(), policy.minimum_notice.num_minutes());
    let fallback = policy.fallback.word();
    if wait.is_zero() {
        findings.refusals.push(
            "fargateTaskRetirementWaitPeriod is 0: AWS replaces tasks as soon as it announces their retirement, which \
             leaves no time to redeploy; set it to 7 or 14 days: aws ecs put-account-setting-default --name \
             fargateTaskRetirementWaitPeriod --value 14"
                .to_owned(),
        );
        return;
    }
    if policy.margin + policy.minimum_notice >= wait {
        findings.refusals.push(format!(
            "DeadlineMarginMinutes is {margin} and MinimumNoticeMinutes is {notice}: together they leave nothing of the {} \
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
            "MaintenanceWindows is {:?} and WhenNoWindowFits is {fallback}: no notice leaves a start time between \
             MinimumNoticeMinutes ({notice}) and DeadlineMarginMinutes ({margin}) before the retirement date; use, for \
             example, \"Fri 22:00-02:00\" and any-day, 60 and 120",
            policy.windows.to_string(),
        ));
    } else if outside > 0 {
        let nothing = match never {
            0 => String::new(),
            hours => {
                format!("; during {} nothing is scheduled, and AWS replaces the tasks", count(hours, "hour"))
            }
        };
        findings.warnings.push(format!(
            "notices that arrive during {} of each week miss every opening of {}; then WhenNoWindowFits ({fallback}) \
             applies{nothing}; to miss fewer, add windows or set fargateTaskRetirementWaitPeriod to 14 days (now {})",
            count(outside, "hour"),
            policy.windows,
            wait.num_days()
        ));
    }
}

/// In how many hours of the week a notice can arrive for which nothing is scheduled.
fn without_a_start(policy: &Policy, wait: TimeDelta, now: DateTime<Utc>) -> usize {
    // A notice in the middle of an hour stands for all of the hour.
    let mut at = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now) + TimeDelta::minutes(30);
    let mut without = 0;
    for _ in 0..HOURS {
        let notice = NoticeRef { event_arn: String::new(), starts_at: Some(at + wait), cutoff: at };
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
    fn what_can_never_work_is_refused() {
        let refused = |settings: &[(&str, &str)], wait| checked(settings, Some(wait), false).refusals;
        assert!(refused(&[], 7).is_empty());
        assert!(refused(&[("DEADLINE_MARGIN_MINUTES", "10019")], 7).is_empty());
        assert_eq!(
            refused(&[("DEADLINE_MARGIN_MINUTES", "10020")], 7),
            [
                "DeadlineMarginMinutes is 10020 and MinimumNoticeMinutes is 60: together they leave nothing of the 10080 \
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
        assert!(refused(&never, 7).is_empty()); // some notice of the week does leave a slot
        let gap = [("DEADLINE_MARGIN_MINUTES", "10000"), never[1], never[2]];
        assert!(
            matches!(refused(&gap, 7).as_slice(), [one] if one.starts_with("MaintenanceWindows is \"Mon 03:00"))
        );
        let at_once = refused(&[], 0);
        assert!(matches!(at_once.as_slice(), [one] if one.contains("--value 14")), "{at_once:?}");
    }

    #[test]
    fn the_hours_without_a_slot_are_counted() {
        let warned = |settings: &[(&str, &str)], wait| checked(settings, Some(wait), false).warnings;
        // Once a week, from Friday 23:00 (less than half of the window is left) and until 24:00 (the margin).
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
    fn what_an_owner_may_not_think_of_is_said() {
        let warnings = checked(&[("MODE", "observe")], None, true).warnings;
        let said = ["WaitPeriod is unknown", "fargateEventWindows is enabled", "Mode is observe"];
        assert_eq!(warnings.len(), said.len());
        assert!(warnings.iter().zip(said).all(|(warning, said)| warning.contains(said)), "{warnings:?}");
    }
}
