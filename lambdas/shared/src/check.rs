//! What can be said of a configuration when it is deployed: what can never work, and what often will not.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use crate::{
    notice::NoticeRef,
    plan::plan,
    policy::{Fallback, Mode, Policy},
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

/// Checks a policy that could be read against the account in which it is to work.
#[must_use]
pub fn check(policy: &Policy, account: Retirements, now: DateTime<Utc>) -> Findings {
    let mut findings = Findings::default();
    match account.wait {
        None => findings.warnings.push(
            "the account's fargateTaskRetirementWaitPeriod is unknown: whether windows fit before AWS's dates was not \
             checked"
                .to_owned(),
        ),
        Some(wait) => against_the_wait(policy, wait, now, &mut findings),
    }
    if account.event_windows {
        findings.warnings.push(
            "the account setting fargateEventWindows is enabled: AWS replaces tasks in EC2 event windows of its own, which \
             may open before these; disable it, or let the event windows lie behind these"
                .to_owned(),
        );
    }
    if policy.mode == Mode::Observe {
        findings.warnings.push(
            "Mode is observe: nothing is redeployed but services whose tag ecs-task-patching:mode is deploy"
                .to_owned(),
        );
    }
    findings
}

fn against_the_wait(policy: &Policy, wait: TimeDelta, now: DateTime<Utc>, findings: &mut Findings) {
    let (margin, notice) = (policy.margin.num_minutes(), policy.minimum_notice.num_minutes());
    if wait.is_zero() {
        findings.refusals.push(
            "the account's fargateTaskRetirementWaitPeriod is 0, with which AWS replaces tasks as it announces it, and \
             nothing can be done before; a right value is 7 or 14: aws ecs put-account-setting-default --name \
             fargateTaskRetirementWaitPeriod --value 14"
                .to_owned(),
        );
        return;
    }
    if policy.margin + policy.minimum_notice >= wait {
        findings.refusals.push(format!(
            "DeadlineMarginMinutes is {margin} and MinimumNoticeMinutes is {notice}: together they leave nothing of the {} \
             minutes between AWS's notice and its date (the account's fargateTaskRetirementWaitPeriod is {} days); right \
             values are 120 and 60",
            wait.num_minutes(),
            wait.num_days()
        ));
        return;
    }
    let in_windows = Policy { fallback: Fallback::LeaveToAws, ..policy.clone() };
    let (outside, never) = (without_a_slot(&in_windows, wait, now), without_a_slot(policy, wait, now));
    if never == HOURS {
        findings.refusals.push(format!(
            "MaintenanceWindows is {:?} with WhenNoWindowFits {}: no notice leaves a slot between MinimumNoticeMinutes ({notice}) \
             and DeadlineMarginMinutes ({margin}) before AWS's date; right values are \"Fri 22:00-02:00\" and any-day, 60 and \
             120",
            policy.windows.to_string(),
            policy.fallback.word()
        ));
    } else if outside > 0 {
        let fallback = policy.fallback.word();
        let nothing = match never {
            0 => String::new(),
            hours => format!("; in {} nothing is scheduled, and AWS replaces the tasks", share(hours)),
        };
        findings.warnings.push(format!(
            "in {} of the week, a notice comes too late for the next opening of {} and too early for the one after: then \
             WhenNoWindowFits decides, which is {fallback}{nothing}. More windows make it rarer, or a \
             fargateTaskRetirementWaitPeriod of 14 days (it is {})",
            share(outside),
            policy.windows,
            wait.num_days()
        ));
    }
}

/// In how many hours of the week a notice can come for which nothing is scheduled.
fn without_a_slot(policy: &Policy, wait: TimeDelta, now: DateTime<Utc>) -> usize {
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

fn share(hours: usize) -> String {
    format!("{hours} of {HOURS} hours ({} %)", (hours * 100).div_ceil(HOURS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Settings;

    fn checked(settings: &[(&str, &str)], wait: Option<i64>, event_windows: bool) -> Findings {
        let lookup =
            |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let policy = Settings::new(&lookup).policy().expect("settings of the test");
        let now = "2026-11-23T12:00:30Z".parse().expect("a date of the test");
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
              minutes between AWS's notice and its date (the account's fargateTaskRetirementWaitPeriod is 7 days); right \
              values are 120 and 60"
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
            (&[][..], 7, Some("in 1 of 168 hours (1 %) of the week,")),
            (&[], 14, None),
            (&[("MAINTENANCE_WINDOWS", "daily 22:00-02:00")], 7, None),
            (&[("DEADLINE_MARGIN_MINUTES", "2880")], 7, Some("in 47 of 168 hours (28 %) of the week,")),
            (
                &[("WHEN_NO_WINDOW_FITS", "leave-to-aws")],
                7,
                Some("in 1 of 168 hours (1 %) nothing is scheduled"),
            ),
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
