//! What the deadline check of a notice finds, and whom it notifies.

use crate::common::{DEADLINE, MEMORY, OLD, STARTED, deadline_check, handle, notice, with_services};
use fake_aws::{error, merged};
use serde_json::{Value, json};

/// When the first deadline check fires.
const FIRST: &str = "2030-01-02T15:30:00Z";

/// The schedule of this deadline check, which has fired.
fn due(input: &Value) -> Value {
    json!({
        "ScheduleExpression": "at(2030-01-02T15:30:00)", "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "ENABLED",
        "Target": {"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input.to_string()},
    })
}

#[tokio::test]
async fn every_unpatched_service_is_in_one_message_and_what_is_in_progress_is_checked_again() {
    let new = STARTED + 9;
    let services = [
        ("api", new, ""),
        ("batch", OLD, ""),
        ("cron", OLD, "disabled"),
        ("mail", OLD, "planned"),
        ("web", OLD, "rolling"),
        ("zoo", OLD, "unreadable"),
    ];
    let aws = with_services(&services);
    let input = deadline_check(&["api", "batch", "cron", "gone", "mail", "web", "zoo"]);
    let found = handle(&aws, &input, FIRST).await.unwrap();
    let none = "1 of 1 running task is old; no deployment is planned or in progress";
    let disabled = "1 of 1 running task is old; an operator disabled its schedule";
    let expected = json!({
        "event_arn": notice()["event_arn"], "settled": 2, "in_hand": 3, "watch_at": "2030-01-02T15:53:00Z",
        "unpatched": [format!("prod/batch: {none}"), format!("prod/cron: {disabled}")],
    });
    assert_eq!(found, expected);
    assert_eq!(aws.notified(), ["Patch Needs Attention: batch", "Patch Needs Attention: cron"]);
    assert_eq!(aws.events()[0]["Detail"]["deadline"], "2030-01-02T16:00:00Z");
    assert_eq!(aws.subjects(), ["Not patched: 2 services, retirement date Wed 2 Jan 2030 18:00 UTC"]);
    // The others stay known, for events that arrive late or again.
    let mut next = deadline_check(&["mail", "web", "zoo"]);
    next["done"] = json!({"prod": ["api", "batch", "cron", "gone"]});
    next["woken"] = json!(0);
    next["unpatched"] = json!({"prod": ["batch", "cron"]});
    assert_eq!(aws.input_of(DEADLINE), next);
    let schedules = aws.schedules();
    assert_eq!(schedules[DEADLINE]["ScheduleExpression"], "at(2030-01-02T15:53:00)");
    assert_eq!(schedules[DEADLINE]["Target"]["Arn"], "arn:verify");
    assert_eq!(
        schedules[DEADLINE]["Description"],
        format!(
            "Deadline check of 3 services on Wed 2 Jan 2030 15:53 UTC; retirement date: Wed 2 Jan 2030 18:00 UTC; notice: {}",
            notice()["event_arn"].as_str().unwrap()
        )
    );

    // In the last check, what is in progress is reported too.
    aws.forget();
    let found = handle(&aws, &aws.input_of(DEADLINE), "2030-01-02T17:00:01Z").await.unwrap();
    assert_eq!((&found["in_hand"], found.get("watch_at")), (&json!(0), None));
    let reasons = [
        "prod/mail: 1 of 1 running task is old; its deployment is planned for Wed 2 Jan 2030 17:30 UTC",
        "prod/web: 1 of 1 running task is old; deployment ecs-svc/2 is rolling out",
        "prod/zoo: the service is unreadable: DescribeServices failed: AccessDeniedException: no",
    ];
    assert_eq!(found["unpatched"], json!(reasons));
    assert_eq!(aws.messages().len(), 1);
    for reason in reasons {
        assert!(aws.message().contains(&format!("- {reason}\n")), "{}", aws.message());
    }
    assert_eq!(
        aws.schedules().into_keys().filter(|name| !name.starts_with("prod.")).collect::<Vec<_>>(),
        [MEMORY]
    );
}

#[tokio::test]
async fn nobody_is_notified_where_every_service_is_settled() {
    let aws = with_services(&[("api", STARTED, "")]);
    let found = handle(&aws, &deadline_check(&["api", "gone"]), FIRST).await.unwrap();
    let expected = json!({"event_arn": notice()["event_arn"], "settled": 2, "in_hand": 0, "unpatched": []});
    assert_eq!(found, expected);
    assert_eq!((aws.notified().len(), aws.messages().len()), (0, 0));
    // The services stay known until no late event is to be expected.
    let schedules = aws.schedules();
    assert_eq!(schedules.keys().collect::<Vec<_>>(), [MEMORY]);
    assert_eq!(schedules[MEMORY]["ScheduleExpression"], "at(2030-01-04T18:00:00)");
    let memory = aws.input_of(MEMORY);
    assert_eq!((&memory["services"], &memory["done"]), (&json!({}), &json!({"prod": ["api", "gone"]})));
    let forgotten = handle(&aws, &memory, "2030-01-04T18:00:05Z").await.unwrap();
    assert_eq!(forgotten, json!({"event_arn": notice()["event_arn"]}));
    assert_eq!((aws.schedules().len(), aws.locks().len()), (0, 0));
}

#[tokio::test]
async fn a_message_about_many_services_lists_them_all() {
    let names: Vec<String> = (0..60).map(|nth| format!("web-{nth:02}")).collect();
    let services: Vec<(&'static str, i64, &'static str)> =
        names.iter().map(|name| (&*name.clone().leak(), OLD, "")).collect();
    let aws = with_services(&services);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = handle(&aws, &deadline_check(&names), FIRST).await.unwrap();
    assert_eq!(found["unpatched"].as_array().map(Vec::len), Some(60));
    assert_eq!((aws.notified().len(), aws.messages().len()), (60, 1));
    assert_eq!(aws.subjects(), ["Not patched: 60 services, retirement date Wed 2 Jan 2030 18:00 UTC"]);
    for name in names {
        assert!(aws.message().contains(&format!("- prod/{name}: ")), "{}", aws.message());
    }
}

#[tokio::test]
async fn a_deadline_check_that_notifies_nobody_fails_and_is_retried() {
    let aws = with_services(&[("batch", OLD, ""), ("web", OLD, "rolling")]);
    aws.always("Publish", error("AuthorizationError", "no"));
    let failure = handle(&aws, &deadline_check(&["batch", "web"]), FIRST).await.unwrap_err().to_string();
    assert!(failure.ends_with(": Publish failed: AuthorizationError: no"), "{failure}");
    assert!(aws.schedules().is_empty());
}

#[tokio::test]
async fn a_replacement_checks_only_what_no_page_of_the_notice_knows() {
    let replacement = |services: &[&str]| merged(&deadline_check(services), &json!({"page": 0, "woken": 0}));
    let name = DEADLINE.replace(".1", ".0");
    let zoo = "prod/zoo: 1 of 1 running task is old; no deployment is planned or in progress";
    for (services, unpatched) in [(["batch", "web"], vec![]), (["batch", "zoo"], vec![zoo])] {
        let aws = with_services(&[("batch", OLD, ""), ("web", OLD, ""), ("zoo", OLD, "")]);
        let input = replacement(&services);
        aws.schedule(&name, due(&input));
        // One service is closed, and the check of the other is set to another retirement date.
        let page = merged(&deadline_check(&["web"]), &json!({"done": {"prod": ["batch"]}, "woken": 0}));
        aws.schedule(
            DEADLINE,
            merged(&due(&page), &json!({"ScheduleExpression": "at(2030-01-06T15:30:00)"})),
        );
        let found = handle(&aws, &input, FIRST).await.unwrap();
        assert_eq!((&found["unpatched"], aws.messages().len()), (&json!(unpatched), unpatched.len()));
        assert!(!aws.schedules().contains_key(&name), "{services:?}");
        assert!(aws.schedules().contains_key(DEADLINE), "{services:?}");
    }
}

#[tokio::test]
async fn a_repeated_delivery_checks_and_notifies_nobody_again() {
    let aws = with_services(&[("batch", OLD, ""), ("web", OLD, "rolling")]);
    let input = deadline_check(&["batch", "web"]);
    handle(&aws, &input, FIRST).await.unwrap();
    let before = aws.schedules();
    aws.forget();
    let found = handle(&aws, &input, FIRST).await.unwrap();
    let expected = json!({
        "event_arn": notice()["event_arn"], "settled": 0, "in_hand": 0, "unpatched": Value::Array(vec![]),
        "watch_at": "2030-01-02T15:53:00Z",
    });
    assert_eq!(found, expected);
    assert_eq!((aws.requests().len(), aws.schedules()), (1, before)); // only the schedule was read
}
