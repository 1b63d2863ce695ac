//! The configuration against the account: the wait period, event windows, calendars and alarms.

use super::{
    facts::{Context, Facts},
    finding::{Finding, Severity},
};
use crate::{notify::message::Step, plan::check::check};

pub(super) fn findings(facts: &Facts, context: &Context<'_>) -> Vec<Finding> {
    let mut found = against_account(facts, context);
    for (calendar, read) in &facts.calendars {
        if let Err(error) = read {
            found.push(Finding::new(
                Severity::Critical,
                &format!("Change Calendar {calendar} is unreadable and is treated as closed: {error}"),
                "Nothing is redeployed until that is fixed",
                Step::with(
                    "Give this account access to the calendar, or leave it out of ChangeCalendars",
                    Some(
                        "aws ssm list-documents --filters Key=DocumentType,Values=ChangeCalendar".to_owned(),
                    ),
                ),
            ));
        }
    }
    match &facts.missing_alarms {
        Err(error) => found.push(Finding::new(
            Severity::Critical,
            &format!("BlockingAlarms are unreadable and are treated as in ALARM: {error}"),
            "Nothing is redeployed until that is fixed",
            Step::new("Give the roles of the functions cloudwatch:DescribeAlarms"),
        )),
        Ok(missing) => found.extend(missing.iter().map(|missing| {
            Finding::new(
                Severity::Critical,
                &format!("BlockingAlarms: {missing} and is treated as in ALARM"),
                "Nothing is redeployed until that is fixed",
                Step::new("Use the ARN of an existing alarm, or a name prefix, in BlockingAlarms"),
            )
        })),
    }
    found
}

/// What `sam deploy` would say about the configuration in the account as it is now.
fn against_account(facts: &Facts, context: &Context<'_>) -> Vec<Finding> {
    const FIX: &str = "Change the parameter or the account setting that is named";
    let account = match &facts.retirements {
        Err(error) => return vec![Finding::unchecked("The account settings for task retirements", error)],
        Ok(account) => *account,
    };
    let findings = check(context.policy, account, context.now);
    let refused = findings.refusals.iter().map(|refusal| {
        Finding::new(
            Severity::Critical,
            refusal,
            "Services do not get a start time before the retirement date",
            Step::new(FIX),
        )
    });
    let warned = findings.warnings.iter().map(|warning| {
        let means = "Notices are handled within this limit; sam deploy has warned of it as well";
        Finding::new(Severity::Note, warning, means, Step::new(FIX))
    });
    refused.chain(warned).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{doctor::tests::only, plan::check::Retirements};

    #[test]
    fn the_configuration_is_checked_against_the_account() {
        let of = |wait, event_windows| {
            only(|facts| {
                facts.retirements = Ok(Retirements { wait: Some(TimeDelta::days(wait)), event_windows });
            })
        };
        let refused = of(0, false);
        assert_eq!(refused.severity, Severity::Critical);
        assert!(refused.found.contains("fargateTaskRetirementWaitPeriod is 0"), "{refused:?}");
        let warned = of(14, true);
        assert_eq!(warned.severity, Severity::Note);
        assert!(warned.found.contains("fargateEventWindows is enabled"), "{warned:?}");
    }

    #[test]
    fn a_calendar_or_an_alarm_that_blocks_everything_is_critical() {
        let gone = only(|facts| facts.calendars.push(("Freeze".into(), Err("InvalidDocument".into()))));
        let expected = "Change Calendar Freeze is unreadable and is treated as closed: InvalidDocument.";
        assert_eq!((gone.severity, gone.found.as_str()), (Severity::Critical, expected));
        let missing = only(|facts| facts.missing_alarms = Ok(vec!["alarm arn:x does not exist".into()]));
        let expected = "BlockingAlarms: alarm arn:x does not exist and is treated as in ALARM.";
        assert_eq!((missing.severity, missing.found.as_str()), (Severity::Critical, expected));
    }
}
