//! Whether a notice reaches the functions, and whether schedules wake them.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    facts::{Context, Facts, RuleFacts},
    finding::{Finding, Severity, names},
};
use crate::{
    arn::Place,
    notify::message::Step,
    time::instant::utc,
    wording::{count, is},
};

/// Two heartbeats are at most an hour and a half apart.
const SILENCE: TimeDelta = TimeDelta::hours(2);

/// A notice as AWS Health sends it, to test the rule's pattern with.
#[must_use]
pub fn sample_notice(place: &Place) -> Value {
    let Place { region, account, partition } = place;
    let code = "AWS_ECS_TASK_PATCHING_RETIREMENT";
    json!({
        "version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "AWS Health Event", "source": "aws.health",
        "account": account, "time": "2026-11-24T10:00:00Z", "region": region, "resources": ["prod|web"],
        "detail": {
            "eventArn": format!("arn:{partition}:health:{region}::event/ECS/{code}/{code}_4f8e2b71"),
            "service": "ECS", "eventTypeCode": code, "eventTypeCategory": "scheduledChange", "statusCode": "upcoming",
            "affectedEntities": [{"entityValue": "prod|web", "status": "PENDING"}],
        },
    })
}

/// Whether a function's resource policy lets a rule invoke it. A policy with other conditions is not understood, and counts as
/// such.
#[must_use]
pub fn lets_invoke(policy: &Value, rule_arn: &str) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let lets = |statement: &Value| {
        let service =
            statement.pointer("/Principal/Service").or(statement.get("Principal")).unwrap_or(&Value::Null);
        let source = statement.pointer("/Condition/ArnLike/AWS:SourceArn");
        statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && list(service).iter().any(|name| name == "events.amazonaws.com" || name == "*")
            && source.is_none_or(|source| list(source).iter().any(|arn| arn == rule_arn))
    };
    policy.get("Statement").is_some_and(|statements| list(statements).iter().any(lets))
}

pub(super) fn findings(facts: &Facts, context: &Context<'_>) -> Vec<Finding> {
    let mut found = rule(&facts.rule);
    found.extend(heartbeat(facts, context));
    found.extend(dead_letters(facts, context));
    found.extend(overdue(facts, context));
    match &facts.stop {
        Ok(None) => {}
        Ok(Some(stop)) => found.push(Finding::new(
            Severity::Critical,
            &stop.text(),
            "Notices are planned, but no deployment starts until release-all",
            Step::with("Release everything when the reason is gone", Some(operate(context, "release-all"))),
        )),
        Err(error) => found.push(Finding::unchecked("Whether everything is stopped", error)),
    }
    found
}

fn operate(context: &Context<'_>, operation: &str) -> String {
    context.reader.operate(&json!({"operation": operation}))
}

fn rule(RuleFacts { name, function, described, matches, may_invoke }: &RuleFacts) -> Vec<Finding> {
    const NOT_PLANNED: &str =
        "Notices do not arrive, so nothing is planned, and AWS replaces the tasks from the retirement date";
    let critical = |found: &str, fix: Step| Finding::new(Severity::Critical, found, NOT_PLANNED, fix);
    match described {
        Err(error) => return vec![Finding::unchecked("The rule that delivers notices", error)],
        Ok(Some(fault)) if fault.contains("is disabled") => {
            return vec![critical(
                fault,
                Step::with("Enable it", Some(format!("aws events enable-rule --name {name}"))),
            )];
        }
        Ok(Some(fault)) => {
            let fix = "Restore the rule: docs/troubleshooting.md, \"Restore the rule\"";
            return vec![critical(fault, Step::new(fix))];
        }
        Ok(None) => {}
    }
    let mut found = Vec::new();
    match matches {
        Ok(true) => {}
        Ok(false) => found.push(critical(
            &format!("the pattern of the rule {name} does not match a retirement notice"),
            Step::new("Restore the pattern: docs/troubleshooting.md, \"Restore the rule\""),
        )),
        Err(error) => found.push(Finding::unchecked("The pattern of the rule", error)),
    }
    match may_invoke {
        Ok(true) => {}
        Ok(false) => found.push(critical(
            &format!("the function {function} does not let the rule {name} invoke it"),
            Step::with(
                "Add the permission, with the ARN of the rule",
                Some(format!(
                    "aws lambda add-permission --function-name {function} --statement-id retirement-rule --action \
                     lambda:InvokeFunction --principal events.amazonaws.com --source-arn \"$(aws events describe-rule --name \
                     {name} --query Arn --output text)\""
                )),
            ),
        )),
        Err(error) => found.push(Finding::unchecked("Whether the rule may invoke its function", error)),
    }
    found
}

fn heartbeat(facts: &Facts, context: &Context<'_>) -> Option<Finding> {
    let since = match &facts.heartbeat {
        Err(error) => return Some(Finding::unchecked("The last heartbeat", error)),
        Ok(Some(at)) if *at + SILENCE >= context.now => return None,
        Ok(Some(at)) => format!("since {}", utc(*at)),
        Ok(None) => "in the last day".to_owned(),
    };
    Some(Finding::new(
        Severity::Critical,
        &format!("no heartbeat was recorded {since}"),
        "Schedules may not wake the functions, so that deployments and checks do not run. On a stack that was created within the \
         last hour, wait for the first heartbeat",
        Step::with(
            "Check that the schedule heartbeat exists and is enabled, then read the log of the verify function",
            Some(format!(
                "aws scheduler get-schedule --group-name {} --name heartbeat",
                context.reader.stack
            )),
        ),
    ))
}

fn dead_letters(facts: &Facts, context: &Context<'_>) -> Option<Finding> {
    match &facts.dead_letters {
        Err(error) => Some(Finding::unchecked("The dead-letter queue", error)),
        Ok(0) => None,
        Ok(letters) => Some(Finding::new(
            Severity::Warning,
            &format!("{} {} in the dead-letter queue", count(*letters, "message"), is(*letters)),
            "Each is an event or an input that was not processed; its services may stay unpatched",
            Step::with(
                "Fix the cause that each of them names, then redrive them",
                Some(operate(context, "redrive")),
            ),
        )),
    }
}

fn overdue(facts: &Facts, context: &Context<'_>) -> Option<Finding> {
    let overdue = match &facts.overdue {
        Err(error) => return Some(Finding::unchecked("Overdue schedules", error)),
        Ok(overdue) if overdue.is_empty() => return None,
        Ok(overdue) => overdue,
    };
    Some(Finding::new(
        Severity::Warning,
        &format!("{} {} overdue: {}", count(overdue.len(), "schedule"), is(overdue.len()), names(overdue)),
        "A wake-up was lost, or a function failed. The heartbeat repeats it twice, then notifies the owner",
        Step::with(
            "Find the error",
            Some(format!(
                "for f in {0}-deploy {0}-verify; do aws logs tail /aws/lambda/$f --since 4h --filter-pattern '?ERROR ?timeout'; \
                 done",
                context.reader.stack
            )),
        ),
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{doctor::tests::only, schedule::wake::StopInput, testing::instant};

    pub(in crate::doctor) fn healthy() -> RuleFacts {
        RuleFacts {
            name: "the-rule".into(),
            function: "the-ingest".into(),
            described: Ok(None),
            matches: Ok(true),
            may_invoke: Ok(true),
        }
    }

    #[test]
    fn a_rule_that_does_not_deliver_notices_is_critical() {
        type Row = (fn(&mut RuleFacts), &'static str, &'static str);
        let rows: [Row; 4] = [
            (
                |rule| rule.described = Ok(Some("the rule the-rule is disabled".into())),
                "The rule the-rule is disabled.",
                "aws events enable-rule --name the-rule",
            ),
            (
                |rule| rule.described = Ok(Some("the rule the-rule does not exist".into())),
                "The rule the-rule does not exist.",
                "",
            ),
            (
                |rule| rule.matches = Ok(false),
                "The pattern of the rule the-rule does not match a retirement notice.",
                "",
            ),
            (
                |rule| rule.may_invoke = Ok(false),
                "The function the-ingest does not let the rule the-rule invoke it.",
                "aws lambda add-permission --function-name the-ingest ",
            ),
        ];
        for (change, found, command) in rows {
            let finding = only(|facts| change(&mut facts.rule));
            assert_eq!((finding.severity, finding.found.as_str()), (Severity::Critical, found));
            let found = finding.command.unwrap_or_default();
            assert!(found.starts_with(command) && found.is_empty() == command.is_empty(), "{found}");
        }
    }

    #[test]
    fn a_heartbeat_is_missed_after_two_hours() {
        let late = only(|facts| facts.heartbeat = Ok(Some(instant("2026-11-26T09:59:00Z"))));
        assert_eq!(late.found, "No heartbeat was recorded since Thu 26 Nov 2026 09:59 UTC.");
        let none = only(|facts| facts.heartbeat = Ok(None));
        assert_eq!(
            (none.severity, none.found.as_str()),
            (Severity::Critical, "No heartbeat was recorded in the last day.")
        );
    }

    #[test]
    fn what_was_not_processed_is_a_warning() {
        let letters = only(|facts| facts.dead_letters = Ok(2));
        assert_eq!(
            (letters.severity, letters.found.as_str()),
            (Severity::Warning, "2 messages are in the dead-letter queue.")
        );
        assert!(letters.command.unwrap().contains("--function-name the-stack-operate "));
        let overdue = only(|facts| facts.overdue = Ok((1..=12).map(|nth| format!("prod/s{nth}")).collect()));
        assert!(
            overdue.found.starts_with("12 schedules are overdue: prod/s1, ")
                && overdue.found.ends_with("prod/s10 and 2 more.")
        );
    }

    #[test]
    fn a_stop_is_critical() {
        let stop = StopInput { reason: Some("outage".into()), ..StopInput::default() };
        let finding = only(|facts| facts.stop = Ok(Some(stop)));
        assert_eq!(
            (finding.severity, finding.found.as_str()),
            (Severity::Critical, "An operator stopped all deployments (outage).")
        );
    }

    #[test]
    fn a_resource_policy_lets_the_rule_invoke_or_does_not() {
        let arn = "arn:aws:events:eu-west-2:111122223333:rule/the-rule";
        let policy = |principal: &str, source: &str, effect: &str| {
            json!({"Statement": [{
                "Effect": effect, "Principal": {"Service": principal}, "Action": "lambda:InvokeFunction",
                "Condition": {"ArnLike": {"AWS:SourceArn": source}},
            }]})
        };
        assert!(lets_invoke(&policy("events.amazonaws.com", arn, "Allow"), arn));
        assert!(lets_invoke(
            &json!({"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}}),
            arn
        ));
        for policy in [
            policy("sns.amazonaws.com", arn, "Allow"),
            policy("events.amazonaws.com", "arn:other", "Allow"),
            policy("events.amazonaws.com", arn, "Deny"),
            json!({}),
        ] {
            assert!(!lets_invoke(&policy, arn), "{policy}");
        }
    }

    #[test]
    fn the_sample_notice_is_one() {
        let place =
            Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
        let now = instant("2026-11-26T12:00:00Z");
        let notice = crate::notice::health::read(&sample_notice(&place), now);
        assert!(
            notice.is_ok_and(|notice| notice.not_ours(&place).is_none() && notice.require_entities().is_ok())
        );
    }
}
