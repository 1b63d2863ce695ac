//! The doctor: finds before the next notice what would keep it from being handled. The functions read the facts; what they
//! could not read is a finding as well.

mod configuration;
mod delivery;
mod facts;
mod finding;
pub mod permissions;
mod readers;
mod services;

use crate::{policy::Mode, wording::count};

pub use delivery::{lets_invoke, sample_notice};
pub use facts::{Context, Denied, Facts, Read, RuleFacts, ServiceFacts, Subscription};
pub use finding::{Finding, Severity};

/// What the doctor found, the worst first.
#[must_use]
pub fn findings(facts: &Facts, context: &Context<'_>) -> Vec<Finding> {
    let mut found = delivery::findings(facts, context);
    found.extend(permissions::findings(&facts.denied));
    found.extend(readers::findings(facts, context));
    found.extend(configuration::findings(facts, context));
    found.extend(services::findings(facts, context));
    found.sort_by_key(|finding| finding.severity);
    found
}

/// Whether a notice tonight would be handled.
#[must_use]
pub fn verdict(findings: &[Finding], mode: Mode) -> String {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (critical, warnings) = (of(Severity::Critical), of(Severity::Warning));
    if critical > 0 {
        let problems = if critical == 1 { "problem is" } else { "problems are" };
        return format!(
            "A notice tonight would NOT be handled: {critical} critical {problems} listed first."
        );
    }
    let handled = match mode {
        Mode::Observe | Mode::Off => {
            "A notice tonight would be planned and reported, but not acted on (observe mode)"
        }
        Mode::Approve => "A notice tonight would be handled, once somebody has approved the start times",
        Mode::Deploy => "A notice tonight would be handled",
    };
    match warnings {
        0 => format!("{handled}."),
        warnings => {
            format!("{handled}, but {} may concern some services or people.", count(warnings, "warning"))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        arn::Place,
        notify::message::{Reader, Step},
        plan::check::Retirements,
        policy::NotificationDetail,
        testing::{instant, policy},
    };

    pub(crate) const NOW: &str = "2026-11-26T12:00:00Z";

    /// A healthy installation, without services.
    pub(crate) fn healthy() -> Facts {
        let mail =
            Subscription { protocol: "email".into(), endpoint: "ops@example.org".into(), confirmed: true };
        Facts {
            rule: delivery::tests::healthy(),
            heartbeat: Ok(Some(instant("2026-11-26T11:30:00Z"))),
            denied: vec![("ingest".into(), Ok(Vec::new()))],
            messages: Ok(vec![mail.clone()]),
            alarms: Ok(vec![mail]),
            dead_letters: Ok(0),
            overdue: Ok(Vec::new()),
            stop: Ok(None),
            retirements: Ok(Retirements { wait: Some(chrono::TimeDelta::days(14)), event_windows: false }),
            calendars: Vec::new(),
            missing_alarms: Ok(Vec::new()),
            services: Ok(Vec::new()),
            images_unread: 0,
        }
    }

    pub(crate) fn found(facts: &Facts) -> Vec<Finding> {
        let place =
            Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
        let reader = Reader {
            place,
            zone: chrono_tz::Tz::UTC,
            stack: "the-stack".into(),
            detail: NotificationDetail::Digest,
        };
        let policy = policy(&[("MAINTENANCE_WINDOWS", "daily 22:00-02:00")]);
        findings(facts, &Context { reader: &reader, policy: &policy, now: instant(NOW) })
    }

    /// The only finding about a healthy installation with one change.
    pub(crate) fn only(change: impl FnOnce(&mut Facts)) -> Finding {
        let mut facts = healthy();
        change(&mut facts);
        let mut found = found(&facts);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    #[test]
    fn a_healthy_installation_has_no_findings() {
        assert_eq!(found(&healthy()), []);
        assert_eq!(verdict(&[], Mode::Deploy), "A notice tonight would be handled.");
    }

    #[test]
    fn what_cannot_be_checked_is_a_finding() {
        let no = || "DescribeRule failed: AccessDenied".to_owned();
        let all = Facts {
            rule: RuleFacts { described: Err(no()), ..healthy().rule },
            heartbeat: Err(no()),
            denied: vec![("ingest".into(), Err(no()))],
            messages: Err(no()),
            alarms: Err(no()),
            dead_letters: Err(no()),
            overdue: Err(no()),
            stop: Err(no()),
            retirements: Err(no()),
            calendars: Vec::new(),
            missing_alarms: Err(no()),
            services: Err(no()),
            images_unread: 0,
        };
        let found = found(&all);
        let unreadable = |finding: &&Finding| finding.found.contains("AccessDenied");
        assert_eq!(found.iter().filter(unreadable).count(), 11, "{found:#?}");
    }

    #[test]
    fn the_last_line_says_whether_a_notice_would_be_handled() {
        let finding = |severity| Finding::new(severity, "x", "y", Step::new("z"));
        let (critical, warning) = (finding(Severity::Critical), finding(Severity::Warning));
        let rows = [
            (
                vec![critical.clone(), warning.clone()],
                Mode::Deploy,
                "A notice tonight would NOT be handled: 1 critical problem is listed first.",
            ),
            (
                vec![warning],
                Mode::Deploy,
                "A notice tonight would be handled, but 1 warning may concern some services or people.",
            ),
            (
                vec![finding(Severity::Note)],
                Mode::Observe,
                "A notice tonight would be planned and reported, but not acted on (observe mode).",
            ),
            (
                vec![],
                Mode::Approve,
                "A notice tonight would be handled, once somebody has approved the start times.",
            ),
        ];
        for (findings, mode, expected) in rows {
            assert_eq!(verdict(&findings, mode), expected);
        }
    }
}
