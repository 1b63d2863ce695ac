//! What wakes verify: the heartbeat, and inputs that are invalid.

mod common;

use aws::Failure;
use common::{DEADLINE, NAME, SOON, check, handle, handle_with};
use fake_aws::{Aws, error, in_turn};
use serde_json::{Value, json};

#[tokio::test]
async fn a_heartbeat_counts_the_pending_schedules_on_every_page() {
    let aws = Aws::default();
    let page = |names: &[&str], next: Option<&str>| {
        let schedules: Vec<Value> =
            names.iter().map(|name| json!({"Name": name, "GroupName": "the-group"})).collect();
        (200, json!({"Schedules": schedules, "NextToken": next}))
    };
    let pages = [page(&["heartbeat", NAME], Some("more")), page(&[DEADLINE], None)];
    aws.on("GET /schedules?", in_turn(&pages));
    let heartbeat = json!({"version": 1, "kind": "heartbeat"});
    let found = handle(&aws, &heartbeat, SOON).await.unwrap();
    assert_eq!(found, json!({"pending": 2}));
    let calls: Vec<String> = aws.requests().into_iter().map(|(call, _)| call).collect();
    let all = "GET /schedules?ScheduleGroup=the-group";
    assert_eq!(calls, [all.to_owned(), format!("{all}&NextToken=more")]);

    aws.always("GET /schedules?", error("AccessDeniedException", "no"));
    let failure = handle(&aws, &heartbeat, SOON).await.unwrap_err().to_string();
    assert_eq!(failure, "the heartbeat: ListSchedules failed: AccessDeniedException: no");
}

#[tokio::test]
async fn a_heartbeat_finds_a_rule_that_delivers_no_notices() {
    let environment = [("RULE_NAME", "the-rule"), ("INGEST_FUNCTION_ARN", "arn:ingest")];
    let heartbeat = json!({"version": 1, "kind": "heartbeat"});
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
        let found = handle_with(&aws, &environment, &heartbeat, SOON).await.unwrap();
        assert_eq!(found.get("rule_fault").and_then(Value::as_str), fault, "{found}");
    }
    let aws = Aws::default();
    aws.always("GET /schedules?", (200, json!({"Schedules": []})));
    aws.always("DescribeRule", error("AccessDeniedException", "no"));
    let failure = handle_with(&aws, &environment, &heartbeat, SOON).await.unwrap_err().to_string();
    assert_eq!(failure, "the heartbeat: DescribeRule failed: AccessDeniedException: no");
}

#[tokio::test]
async fn an_invalid_input_makes_no_call() {
    let deployment = include_str!("../../../events/deploy-input.json");
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
