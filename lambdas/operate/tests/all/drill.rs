//! A drill: a notice that operate sends, and that changes nothing.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use crate::common::{NOW, ask_with, known_to_ecs, request, result, with};
use fake_aws::{Aws, error};
use serde_json::{Value, json};

const ENABLED: (&str, &str) = ("ENABLE_DRILLS", "true");

/// An AWS in which ingest answers the drill that is sent.
fn answering() -> Aws {
    let aws = with(&["web"]);
    known_to_ecs(&aws, &["web"]);
    let inbox = aws.clone();
    aws.on("GET /schedules/drill.", move |_, _| {
        let sent = inbox.sent("PutEvents");
        let detail: Value = serde_json::from_str(sent[0]["Entries"][0]["Detail"].as_str().unwrap()).unwrap();
        let input = json!({
            "version": 1, "kind": "drill", "event_arn": detail["eventArn"], "answered_at": "2029-12-26T18:00:14Z",
            "reason": "observe mode: would redeploy on Fri 28 Dec 2029 22:00 UTC (earliest)",
        });
        let schedule = json!({
            "ScheduleExpression": "at(2029-12-26T18:00:00)", "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "DISABLED",
            "Target": {"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input.to_string()},
        });
        (200, schedule)
    });
    aws
}

#[tokio::test]
async fn a_drill_reports_what_ingest_would_do() {
    let aws = answering();
    let before = aws.schedules();
    let answer = ask_with(&aws, &[ENABLED], &request("drill", &json!({})), NOW).await;
    let (done, text) = result(&answer);
    assert!(done, "{text}");
    let expected = "prod/web: the drill came back after 4 seconds, so the event bus, the rule and ingest work. Nothing was \
                    changed. Ingest says: observe mode: would redeploy on Fri 28 Dec 2029 22:00 UTC (earliest). A message";
    assert!(text.starts_with(expected), "{text}");
    let [sent] = aws.sent("PutEvents").try_into().unwrap();
    let sent: Value = sent;
    let entry = &sent["Entries"][0];
    assert_eq!(
        (&entry["Source"], &entry["DetailType"]),
        (&json!("ecs-task-patching.drill"), &json!("AWS Health Event"))
    );
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&detail["observed"], &detail["affectedEntities"]),
        (&json!(true), &json!([{"entityValue": "prod|web"}]))
    );
    assert_eq!(aws.schedules(), before);
    assert_eq!(aws.sent("DELETE /schedules/drill.").len(), 1, "the answer is deleted");
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_does_not_come_back_says_what_to_check() {
    let aws = with(&[]);
    known_to_ecs(&aws, &["web"]);
    let answer = ask_with(&aws, &[ENABLED], &request("drill", &json!({})), NOW).await;
    let (done, text) = result(&answer);
    assert!(!done && text.contains("check that the rule is enabled"), "{text}");
    let sent = aws.sent("PutEvents").len();
    let answer = ask_with(&aws, &[ENABLED], &request("drill", &json!({"service": "wbe"})), NOW).await;
    let text = "Amazon ECS has no active service wbe in the cluster prod; check both names.";
    assert_eq!((result(&answer), aws.sent("PutEvents").len()), ((false, text), sent));
}

#[tokio::test]
async fn a_drill_is_refused_where_drills_are_disabled_or_the_bus_refuses_it() {
    let aws = with(&[]);
    let answer = ask_with(&aws, &[], &request("drill", &json!({})), NOW).await;
    let (done, text) = result(&answer);
    assert!(!done && text.contains("EnableDrills=true") && aws.requests().is_empty(), "{text}");
    let answer = ask_with(&aws, &[ENABLED], &json!({"operation": "drill", "notice": "arn:1"}), NOW).await;
    assert_eq!(answer["text"], "Drill needs \"cluster\" and \"service\": one service.");

    known_to_ecs(&aws, &["web"]);
    aws.always("PutEvents", error("AccessDeniedException", "no"));
    let config = aws::config::Config::read(&fake_aws::environment_with(&[ENABLED])).unwrap();
    let operate = operate::Operate::new(&aws.sdk_without_retries(), config);
    let invocation = aws::Invocation::at(NOW.parse().unwrap());
    let failure = operate.handle(&request("drill", &json!({})), &invocation).await.unwrap_err().to_string();
    assert!(failure.contains("PutEvents failed: AccessDeniedException"), "{failure}");
}
