//! With `NotificationDetail=digest`, deploy schedules the digest of a window, and notifies owners only of what needs them.

use crate::common::{NAME, NOW, OLD, VERIFY, fired, handle_at, input, notices, rolling, with_service};
use fake_aws::{CREATE, merged};
use serde_json::{Value, json};

const DIGEST: (&str, &str) = ("NOTIFICATION_DETAIL", "digest");
const WINDOW: &str = "digest.c731f120016c94a66426.20291229T020000";

#[tokio::test]
async fn the_digest_of_a_window_is_scheduled_once_for_each_notice() {
    let aws = with_service(&json!({}), OLD);
    let other = merged(&notices()[0], &json!({"event_arn": "arn:other"}));
    let both = input(&json!({"notices": [notices()[0], other]}));
    handle_at(&aws, &[DIGEST], &both, NOW).await;
    let names: Vec<String> = aws.schedules().into_keys().filter(|name| name.starts_with("digest.")).collect();
    assert_eq!((names.len(), names.contains(&WINDOW.to_owned())), (2, true), "{names:?}");
    let schedule = &aws.schedules()[WINDOW];
    assert_eq!(schedule["ScheduleExpression"], "at(2029-12-29T02:05:00)");
    assert_eq!(schedule["Target"]["Arn"], "arn:verify");
    let expected = json!({
        "version": 1, "kind": "digest", "notice": notices()[0], "closes_at": "2029-12-29T02:00:00Z", "woken": 0,
    });
    assert_eq!(aws.input_of(WINDOW), expected);
    // Another service of the window finds it.
    let before = aws.schedules();
    handle_at(&aws, &[DIGEST], &both, "2029-12-28T22:10:00Z").await;
    let digests = |all: &std::collections::BTreeMap<String, Value>| -> Vec<Value> {
        all.iter().filter(|(name, _)| name.starts_with("digest.")).map(|(_, found)| found.clone()).collect()
    };
    assert_eq!(digests(&aws.schedules()), digests(&before));
}

#[tokio::test]
async fn a_deployment_that_an_operator_starts_early_has_its_digest_soon() {
    let aws = with_service(&json!({}), OLD);
    handle_at(&aws, &[DIGEST], &input(&json!({})), "2029-12-27T09:03:10Z").await;
    let schedule = &aws.schedules()["digest.c731f120016c94a66426.20291227T091000"];
    assert_eq!(schedule["ScheduleExpression"], "at(2029-12-27T09:15:00)");
}

#[tokio::test]
async fn only_what_needs_a_person_is_a_message_of_its_own() {
    // Somebody else's deployment is waited for.
    let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
    aws.schedule(NAME, fired(&json!({})));
    handle_at(&aws, &[DIGEST], &input(&json!({})), NOW).await;
    assert_eq!((aws.notified(), aws.messages().len()), (vec!["Patch Postponed: web".to_owned()], 0));
    assert!(!aws.schedules().contains_key(WINDOW), "it is retried in the window");

    let aws = with_service(&json!({"deploymentController": {"type": "EXTERNAL"}}), OLD);
    handle_at(&aws, &[DIGEST], &input(&json!({})), NOW).await;
    assert_eq!(aws.subjects(), ["Needs attention: prod/web"]);
    assert!(aws.schedules().contains_key(WINDOW) && aws.schedules().contains_key(VERIFY));
}

#[tokio::test]
async fn observe_mode_writes_no_digest() {
    let aws = with_service(&json!({}), OLD);
    handle_at(&aws, &[DIGEST, ("MODE", "observe")], &input(&json!({})), NOW).await;
    assert_eq!((aws.sent(CREATE).len(), aws.messages().len()), (0, 0));
}
