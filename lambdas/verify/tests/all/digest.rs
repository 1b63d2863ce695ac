//! The digest of a notice: how its services stand when a window has closed.

use crate::common::{
    DEADLINE, MEMORY, OLD, STARTED, deadline_check, handle, handle_with, notice, scheduled, with_services,
};
use fake_aws::{Aws, error, merged};
use serde_json::{Value, json};

const NAME: &str = "digest.c731f120016c94a66426.20291229T020000";
/// Five minutes after the window has closed.
const DUE: &str = "2029-12-29T02:05:02Z";

fn input(changes: &Value) -> Value {
    let input = json!({"version": 1, "kind": "digest", "notice": notice(), "closes_at": "2029-12-29T02:00:00Z", "woken": 0});
    merged(&input, changes)
}

/// An AWS with these services of the notice, whose digest is due.
fn with_digest(services: &[(&'static str, i64, &'static str)], changes: &Value) -> Aws {
    let aws = with_services(services);
    let names: Vec<&str> = services.iter().map(|(name, ..)| *name).collect();
    let later = json!({"ScheduleExpression": "at(2030-01-02T15:30:00)"});
    aws.schedule(DEADLINE, merged(&scheduled(&deadline_check(&names)), &later));
    let due = json!({"ScheduleExpression": "at(2029-12-29T02:05:00)"});
    aws.schedule(NAME, merged(&scheduled(&input(changes)), &due));
    aws
}

#[tokio::test]
async fn one_message_says_how_all_services_of_the_notice_stand() {
    let services = [
        ("api", STARTED, ""),
        ("batch", OLD, ""),
        ("mail", OLD, "planned"),
        ("web", STARTED, ""),
        ("zoo", STARTED, ""),
    ];
    let aws = with_digest(&services, &json!({}));
    let found = handle(&aws, &input(&json!({})), DUE).await.unwrap();
    assert_eq!(found, json!({"event_arn": notice()["event_arn"], "sent": 5}));
    let summary = "3 of 5 services patched; 1 later; 1 needs attention";
    assert_eq!(aws.subjects(), [format!("{summary}, retirement date Wed 2 Jan 2030 18:00 UTC")]);
    assert!(aws.message().starts_with(&format!("{summary}. AWS replaces tasks")), "{}", aws.message());
    assert!(
        aws.message().contains("Patched:\n- prod/api: 1 of 1 running task is new\n"),
        "{}",
        aws.message()
    );
    assert!(
        aws.message()
            .contains("- prod/mail: 1 of 1 running task is old; its deployment is planned for Wed 2 Jan")
    );
    assert_eq!((aws.notified().len(), aws.schedules().contains_key(NAME), aws.locks().len()), (0, false, 0));
    // A second delivery finds that it is done.
    let again = handle(&aws, &input(&json!({})), DUE).await.unwrap();
    assert_eq!((again.get("sent"), aws.messages().len()), (None, 1));
}

#[tokio::test]
async fn a_digest_waits_for_rollouts_and_another_one_says_how_they_ended() {
    let aws = with_digest(&[("api", STARTED, ""), ("web", OLD, "rolling")], &json!({}));
    let found = handle(&aws, &input(&json!({})), DUE).await.unwrap();
    assert_eq!((found.get("sent"), &found["again_at"]), (None, &json!("2029-12-29T02:16:00Z")));
    assert_eq!((aws.messages().len(), aws.input_of(NAME)), (0, input(&json!({}))));
    // Two hours after the window, it waits no longer.
    let found = handle(&aws, &input(&json!({})), "2029-12-29T04:00:02Z").await.unwrap();
    assert_eq!((&found["sent"], &found["again_at"]), (&json!(2), &json!("2029-12-29T04:31:00Z")));
    assert!(aws.subjects()[0].starts_with("1 of 2 services patched; 1 rolling, "), "{:?}", aws.subjects());
    let sent = aws.input_of(NAME);
    assert_eq!(sent, input(&json!({"sent": true})));
    let found = handle(&aws, &sent, "2029-12-29T04:31:02Z").await.unwrap();
    assert_eq!((found.get("sent"), aws.messages().len()), (None, 1));

    let aws = with_digest(&[("api", STARTED, ""), ("web", STARTED, "")], &json!({"sent": true}));
    handle(&aws, &sent, "2029-12-29T05:02:02Z").await.unwrap();
    assert!(aws.subjects()[0].starts_with("2 of 2 services patched, "), "{:?}", aws.subjects());
    assert!(!aws.schedules().contains_key(NAME));
}

#[tokio::test]
async fn what_was_settled_or_reported_before_is_still_counted() {
    let services = [("api", STARTED, ""), ("batch", OLD, ""), ("cron", OLD, ""), ("web", STARTED, "")];
    let aws = with_digest(&services, &json!({}));
    let mut memory = deadline_check(&[]);
    memory["done"] = json!({"prod": ["api", "batch", "cron", "web"]}); // cron was resolved
    memory["unpatched"] = json!({"prod": ["batch"]});
    memory["kind"] = json!("settled");
    let target = json!({"ScheduleExpression": "at(2030-01-02T18:00:00)"});
    aws.schedule(MEMORY, merged(&scheduled(&memory), &target));
    let aws_without = with_services(&services);
    for name in [NAME, MEMORY] {
        aws_without.schedule(name, aws.schedules()[name].clone());
    }
    handle(&aws_without, &input(&json!({})), DUE).await.unwrap();
    assert!(aws_without.subjects()[0].starts_with("2 of 3 services patched; 1 needs attention, "));
}

#[tokio::test]
async fn the_deadline_check_says_that_nothing_is_left_to_patch() {
    let digests = [("NOTIFICATION_DETAIL", "digest")];
    let given = deadline_check(&["api", "web"]);
    for (services, subject) in [
        (
            [("api", STARTED, ""), ("web", STARTED, "")],
            "Nothing left to patch, retirement date Wed 2 Jan 2030 18:00 UTC",
        ),
        (
            [("api", STARTED, ""), ("web", OLD, "")],
            "Not patched: 1 service, retirement date Wed 2 Jan 2030 18:00 UTC",
        ),
    ] {
        let aws = with_services(&services);
        handle_with(&aws, &digests, &given, "2030-01-02T15:30:01Z").await.unwrap();
        assert_eq!(aws.subjects(), [subject]);
    }
    let aws = with_services(&[("api", STARTED, ""), ("web", OLD, "rolling")]);
    handle_with(&aws, &digests, &given, "2030-01-02T15:30:01Z").await.unwrap();
    assert_eq!(aws.subjects(), Vec::<String>::new(), "a further check follows");
}

#[tokio::test]
async fn a_digest_that_cannot_be_made_or_sent_fails_and_is_repeated() {
    for call in ["Publish", "GetSchedule"] {
        let aws = with_digest(&[("api", STARTED, "")], &json!({}));
        if call == "Publish" {
            aws.always(call, error("AuthorizationError", "no"));
        } else {
            aws.always("GET /schedules/deadline", error("AccessDeniedException", "no"));
        }
        let failure = handle(&aws, &input(&json!({})), DUE).await.unwrap_err().to_string();
        assert!(failure.contains(": no"), "{failure}");
        assert!(aws.schedules().contains_key(NAME), "the heartbeat wakes verify again");
    }
    // What cannot be read is waited for, then listed.
    let aws = with_digest(&[("zoo", OLD, "unreadable")], &json!({}));
    let found = handle(&aws, &input(&json!({})), DUE).await.unwrap();
    assert_eq!(found.get("sent"), None);
    handle(&aws, &input(&json!({})), "2029-12-29T04:00:02Z").await.unwrap();
    assert!(aws.subjects()[0].starts_with("0 of 1 service patched; 1 unreadable, "), "{:?}", aws.subjects());
}
