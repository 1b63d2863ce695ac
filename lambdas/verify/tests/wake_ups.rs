//! What wakes verify: the heartbeat, and inputs that are invalid.

mod common;

use aws::Failure;
use common::{DEADLINE, NAME, SOON, check, handle};
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
