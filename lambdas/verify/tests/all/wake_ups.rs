//! What wakes verify: the heartbeat, and inputs that are invalid.

use crate::common::{
    DEADLINE, NAME, SOON, check, deadline_check, handle, handle_with, notice, primary, scheduled,
    with_service,
};
use aws::Failure;
use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{Aws, CREATE, READ, error, in_turn, merged};
use serde_json::{Value, json};

fn heartbeat() -> Value {
    json!({"version": 1, "kind": "heartbeat"})
}

#[tokio::test]
async fn a_heartbeat_counts_the_pending_schedules_on_every_page() {
    let aws = Aws::default();
    let page = |names: &[&str], next: Option<&str>| {
        let schedules: Vec<Value> =
            names.iter().map(|name| json!({"Name": name, "GroupName": "the-group"})).collect();
        (200, json!({"Schedules": schedules, "NextToken": next}))
    };
    let later =
        |input: &Value| merged(&scheduled(input), &json!({"ScheduleExpression": "at(2030-01-02T15:30:00)"}));
    aws.schedule(NAME, later(&check(&json!({}))));
    aws.schedule(DEADLINE, later(&deadline_check(&["web"])));
    let pages = [page(&["heartbeat", NAME], Some("more")), page(&[DEADLINE, "gone"], None)];
    aws.on("GET /schedules?", in_turn(&pages));
    let found = handle(&aws, &heartbeat(), SOON).await.unwrap();
    assert_eq!(found, json!({"pending": 2}));
    let calls: Vec<String> = aws.requests().into_iter().map(|(call, _)| call).collect();
    let all = "GET /schedules?ScheduleGroup=the-group";
    assert_eq!(calls[..2], [all.to_owned(), format!("{all}&NextToken=more")]);
    assert!(calls[2..].iter().all(|call| call.starts_with(READ)), "{calls:?}");

    aws.always("GET /schedules?", error("AccessDeniedException", "no"));
    let failure = handle(&aws, &heartbeat(), SOON).await.unwrap_err().to_string();
    assert_eq!(failure, "the heartbeat: ListSchedules failed: AccessDeniedException: no");
}

#[tokio::test]
async fn a_lost_wake_up_is_repeated_twice_and_then_reported() {
    let aws = Aws::default();
    aws.schedule(DEADLINE, merged(&scheduled(&deadline_check(&["web"])), &json!({"State": "DISABLED"})));
    // Set by hand, to a time that has passed, with a target of its own.
    let target =
        json!({"Arn": "arn:another", "RoleArn": "arn:replaced", "Input": check(&json!({})).to_string()});
    aws.schedule(NAME, merged(&scheduled(&check(&json!({}))), &json!({"Target": target})));
    let mut now: DateTime<Utc> = "2029-12-28T22:17:00Z".parse().unwrap();
    for (woken, messages) in [(1, 0), (2, 0), (3, 1)] {
        let found = handle(&aws, &heartbeat(), &now.to_rfc3339()).await.unwrap();
        assert_eq!(found, json!({"pending": 2}), "not overdue yet");
        now += TimeDelta::minutes(1);
        handle(&aws, &heartbeat(), &now.to_rfc3339()).await.unwrap();
        now += TimeDelta::minutes(1);
        let schedule = aws.schedules()[NAME].clone();
        assert_eq!(schedule["ScheduleExpression"], now.format("at(%Y-%m-%dT%H:%M:%S)").to_string());
        assert_eq!((&schedule["Target"]["Arn"], &schedule["State"]), (&json!("arn:another"), &Value::Null));
        let role = "arn:aws:iam::111122223333:role/the-role";
        assert_eq!(schedule["Target"]["RoleArn"], role, "an update of the stack has replaced the old role");
        assert_eq!(aws.input_of(NAME), check(&json!({"woken": woken})));
        assert_eq!(aws.subjects(), vec!["Needs attention: prod/web"; messages]);
        now += TimeDelta::minutes(15);
    }
    let before = aws.schedules();
    handle(&aws, &heartbeat(), "2029-12-29T12:00:00Z").await.unwrap();
    assert_eq!((aws.schedules(), aws.subjects().len()), (before, 1), "the owner knows");
}

#[tokio::test]
async fn a_heartbeat_that_ends_between_deleting_a_schedule_and_creating_it_again_loses_nothing() {
    let aws = Aws::default();
    let later = json!({"ScheduleExpression": "at(2030-01-02T15:30:00)"});
    aws.schedule(DEADLINE, merged(&scheduled(&deadline_check(&["web"])), &later));
    aws.schedule(NAME, scheduled(&check(&json!({}))));
    aws.on(&format!("{CREATE}{NAME}"), in_turn(&[error("ValidationException", "no")]));
    handle(&aws, &heartbeat(), "2029-12-28T22:30:00Z").await.unwrap_err();
    assert_eq!(aws.schedules().into_keys().collect::<Vec<_>>(), [DEADLINE]);
    aws.on(&format!("{CREATE}{NAME}"), in_turn(&[(200, json!({"ScheduleArn": "arn:schedule"}))]));
    let found = handle(&aws, &heartbeat(), "2029-12-28T22:31:00Z").await.unwrap();
    assert_eq!(found, json!({"pending": 1, "woken": [NAME]}));
    let created = aws.sent(&format!("{CREATE}{NAME}")).pop().unwrap();
    let input: Value = serde_json::from_str(created["Target"]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(input, check(&json!({"woken": 1})));
    assert_eq!(aws.locks().len(), 0);
}

#[tokio::test]
async fn a_lost_deadline_check_is_made_again() {
    let aws = Aws::default();
    let pending = json!({"ScheduleExpression": "at(2030-01-01T22:00:00)"});
    aws.schedule(NAME, merged(&scheduled(&check(&json!({}))), &pending));
    let arn = notice()["event_arn"].as_str().unwrap().to_owned();
    let found = handle(&aws, &heartbeat(), SOON).await.unwrap();
    assert_eq!(found, json!({"pending": 1, "watched": [arn]}));
    let replaced = "deadline.c731f120016c94a66426.0";
    assert_eq!(aws.schedules()[replaced]["ScheduleExpression"], "at(2030-01-02T15:30:00)");
    let input = aws.input_of(replaced);
    assert_eq!((&input["notice"], &input["services"]), (&notice(), &json!({"prod": ["web"]})));
    assert_eq!(handle(&aws, &heartbeat(), SOON).await.unwrap(), json!({"pending": 2}));
}

#[tokio::test]
async fn a_heartbeat_finds_a_rule_that_delivers_no_notices() {
    let environment = [("RULE_NAME", "the-rule"), ("INGEST_FUNCTION_ARN", "arn:ingest")];
    let targets = |arns: &[&str]| {
        let targets: Vec<Value> = arns.iter().map(|arn| json!({"Id": arn, "Arn": arn})).collect();
        (200, json!({"Targets": targets}))
    };
    let state = |state: &str| (200, json!({"Name": "the-rule", "State": state}));
    let rows = [
        (state("ENABLED"), targets(&["arn:other", "arn:ingest"]), None),
        (state("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"), targets(&["arn:ingest"]), None),
        (state("DISABLED"), targets(&["arn:ingest"]), Some("the rule the-rule is disabled")),
        (state("ENABLED"), targets(&["arn:other"]), Some("the rule the-rule does not invoke arn:ingest")),
        (state("ENABLED"), targets(&[]), Some("the rule the-rule does not invoke arn:ingest")),
        (error("ResourceNotFoundException", "no"), targets(&[]), Some("the rule the-rule does not exist")),
    ];
    for (rule, targets, fault) in rows {
        let aws = Aws::default();
        aws.always("GET /schedules?", (200, json!({"Schedules": []})));
        aws.always("DescribeRule", rule);
        aws.always("ListTargetsByRule", targets);
        let found = handle_with(&aws, &environment, &heartbeat(), SOON).await.unwrap();
        assert_eq!(found.get("rule_fault").and_then(Value::as_str), fault, "{found}");
    }
    let aws = Aws::default();
    aws.always("GET /schedules?", (200, json!({"Schedules": []})));
    aws.always("DescribeRule", error("AccessDeniedException", "no"));
    let failure = handle_with(&aws, &environment, &heartbeat(), SOON).await.unwrap_err().to_string();
    assert_eq!(failure, "the heartbeat: DescribeRule failed: AccessDeniedException: no");
}

#[tokio::test]
async fn an_invalid_input_makes_no_call() {
    let deployment = include_str!("../../../../events/deploy-input.json");
    let rows = [
        (check(&json!({"since": "Friday"})), "since"),
        (check(&json!({"notices": []})), "notices is []"),
        (json!({"version": 1, "kind": "deadline"}), "missing field"),
        (json!({"version": 1, "kind": "restart"}), "kind is \"restart\"; expected"),
        (json!({"kind": "heartbeat"}), "version is absent; expected 1"),
        (json!("verify web please"), "the schedule's input is invalid"),
        (serde_json::from_str(deployment).unwrap(), "kind is absent, which verify does not handle"),
    ];
    for (input, expected) in rows {
        let aws = Aws::default();
        let failure = handle(&aws, &input, SOON).await.unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)), "{failure}");
        assert!(failure.to_string().contains(expected), "{failure}");
        assert_eq!(aws.requests(), []);
    }
}

/// A schedule that awaits approval.
fn awaiting_approval() -> Value {
    let input = json!({
        "version": 1, "cluster": "prod", "service": "web", "notices": [notice()], "slot": "2029-12-29T22:00:00Z",
        "window_ends_at": "2029-12-30T02:00:00Z", "woken": 0, "approval": "awaited",
    });
    let at = json!({"State": "DISABLED", "ScheduleExpression": "at(2029-12-29T22:00:00)"});
    merged(&scheduled(&input), &at)
}

#[tokio::test]
async fn a_missing_approval_is_reminded_of_once_and_then_planned_again() {
    let name = NAME.trim_end_matches(".verify");
    let aws = Aws::default();
    aws.schedule(name, awaiting_approval());
    aws.schedule(
        DEADLINE,
        merged(
            &scheduled(&deadline_check(&["web"])),
            &json!({"ScheduleExpression": "at(2030-01-02T15:30:00)"}),
        ),
    );
    for _ in 0..2 {
        handle(&aws, &heartbeat(), "2029-12-28T22:30:00Z").await.unwrap();
    }
    assert_eq!(aws.subjects(), ["Needs approval: prod/web"]);
    let command = r#"--payload '{"cluster":"prod","operation":"approve","service":"web"}' /dev/stdout"#;
    assert!(aws.message().contains(command), "{}", aws.message());
    assert_eq!(
        (aws.input_of(name)["reminded"].clone(), aws.schedules()[name]["State"].clone()),
        (json!(true), json!("DISABLED"))
    );
    // At the start time, deploy is woken, which plans it again.
    handle(&aws, &heartbeat(), "2029-12-29T22:30:00Z").await.unwrap();
    let schedule = aws.schedules()[name].clone();
    assert_eq!(
        (&schedule["ScheduleExpression"], &schedule["State"]),
        (&json!("at(2029-12-29T22:31:00)"), &Value::Null)
    );
    assert_eq!(
        (aws.input_of(name)["approval"].clone(), aws.input_of(name)["woken"].clone()),
        (json!("missed"), json!(1))
    );
}

#[tokio::test]
async fn nobody_is_asked_to_approve_what_someone_else_has_patched() {
    let name = NAME.trim_end_matches(".verify");
    let new = 1_893_189_600; // 2029-12-28
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &[new]);
    aws.schedule(name, awaiting_approval());
    handle(&aws, &heartbeat(), "2029-12-28T23:30:00Z").await.unwrap();
    assert_eq!(aws.subjects(), Vec::<String>::new());
}
