//! The pages of the widget.

use std::time::Duration;

use fake_aws::{Fate, Service, error, merged};
use serde_json::json;

use crate::common::{NOW, OWN, ask_with, name_of, page, planned, with};

#[tokio::test]
async fn what_is_pending_is_listed_with_what_needs_a_person_first() {
    let aws = with(&["api", "web"]);
    aws.schedule(&name_of("held"), planned("held", &json!({"State": "DISABLED"})));
    let html = page(&aws, &json!({})).await;
    for part in [
        "3 pending",
        "Pending (3, 1 to look at)",
        "Last heartbeat: 10 min ago",
        "No stop, freeze or alarm",
        OWN,
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(html.find("prod/held").unwrap() < html.find("prod/api").unwrap(), "{html}");
    let html = page(&aws, &json!({"filter": {"state": "held"}})).await;
    assert!(html.contains("1 of 3 match the filter") && !html.contains("Select prod/api"), "{html}");
}

#[tokio::test]
async fn an_emergency_stop_is_in_the_header() {
    let aws = with(&["web"]);
    let input = json!({"version": 1, "kind": "hold-all", "since": NOW, "reason": "outage"}).to_string();
    let target =
        json!({"Target": {"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input}, "State": "DISABLED"});
    aws.schedule("hold-all", planned("web", &target));
    let html = page(&aws, &json!({})).await;
    assert!(
        html.contains("An operator stopped all deployments on Wed 26 Dec 2029 18:00 UTC (outage)"),
        "{html}"
    );
    assert!(html.contains("Release everything</a>") && html.contains("1 pending"), "{html}");
}

#[tokio::test]
async fn freezes_and_alarms_that_block_now_are_in_the_header() {
    let aws = with(&[]);
    aws.always("GetCalendarState", (200, json!({"State": "CLOSED"})));
    aws.always("DescribeAlarms", error("AccessDenied", "no"));
    let parameters = [("CHANGE_CALENDARS", "Freeze"), ("BLOCKING_ALARMS", "prod-")];
    let html = ask_with(&aws, &parameters, &json!({"widgetContext": {}})).await;
    let html = html.as_str().unwrap();
    assert!(
        html.contains("Change Calendar Freeze is closed.") && html.contains("BlockingAlarms are unreadable"),
        "{html}"
    );
}

#[tokio::test]
async fn a_service_is_shown_as_ecs_has_it_now() {
    let aws = with(&["web"]);
    aws.memory().now = NOW.parse().unwrap();
    let deployed_at = "2029-12-01T09:00:00Z".parse().unwrap();
    aws.memory().services.insert("prod/web".into(), Service::new(Fate::Completes(10), 2, deployed_at));
    let html = page(&aws, &json!({"view": "service", "cluster": "prod", "service": "web"})).await;
    assert!(
        html.contains("2 old and 0 new running tasks") && html.contains("<caption>Notices</caption>"),
        "{html}"
    );
    aws.always("DescribeServices", error("AccessDeniedException", "<no>"));
    let html = page(&aws, &json!({"view": "service", "cluster": "prod", "service": "web"})).await;
    assert!(
        html.contains("Amazon ECS does not answer: DescribeServices failed") && html.contains("&lt;no&gt;"),
        "{html}"
    );
}

#[tokio::test]
async fn an_operation_is_confirmed_for_the_checked_services_with_their_images() {
    let aws = with(&["api", "web"]);
    let service =
        json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 2, "taskDefinition": "arn:td"});
    aws.service(&service, &[], &[]);
    let image = json!({"containerDefinitions": [{"name": "app", "image": "app:latest"}]});
    aws.always("DescribeTaskDefinition", (200, json!({"taskDefinition": image})));
    let form = json!({"widgetContext": {"forms": {"all": {"prod/web": true, "prod/api": "on"}}}});
    let html = page(&aws, &merged(&json!({"view": "confirm", "operation": "run-now"}), &form)).await;
    for part in [
        "Run now: 2 services",
        "app:latest",
        r#"{"operation":"run-now","services":[{"cluster":"prod","service":"api"},{"cluster":"prod","service":"web"}]}"#,
        "endpoint=\"arn:aws:lambda:eu-west-2:111122223333:function:the-operate\"",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[tokio::test]
async fn a_drill_is_one_click_on_the_page_of_a_service_if_drills_are_enabled() {
    let aws = with(&["web"]);
    let asked = json!({"view": "service", "cluster": "prod", "service": "web", "widgetContext": {}});
    for (enabled, buttons) in [("true", 1), ("false", 0)] {
        let html = ask_with(&aws, &[("ENABLE_DRILLS", enabled)], &asked).await;
        assert_eq!(html.as_str().unwrap().matches(">Drill</a>").count(), buttons, "{html}");
    }
}

#[tokio::test]
async fn in_a_stack_in_utc_there_is_no_switch_to_utc() {
    let aws = with(&["web"]);
    assert!(!page(&aws, &json!({})).await.contains("Show UTC"));
    let html = ask_with(&aws, &[("TIME_ZONE", "Europe/London")], &json!({"widgetContext": {}})).await;
    assert!(html.as_str().unwrap().contains("Show UTC"), "{html}");
}

#[tokio::test]
async fn what_ended_comes_from_the_records() {
    let aws = with(&[]);
    let request = json!({"view": "done", "widgetContext": {}});
    let detail =
        json!({"cluster": "prod", "service": "web", "outcome": "patched", "proof": "all 2 tasks are new"});
    let line = json!({"time": NOW, "detail-type": "Patch Record", "detail": detail}).to_string();
    aws.always("FilterLogEvents", (200, json!({"events": [{"message": line}]})));
    let html = ask_with(&aws, &[("RECORD_LOG_GROUP", "/records")], &request).await;
    assert!(html.as_str().unwrap().contains("all 2 tasks are new"), "{html}");
    assert_eq!(aws.sent("FilterLogEvents")[0]["logGroupName"], "/records");
}

#[tokio::test]
async fn the_console_describes_itself() {
    let answer = ask_with(&with(&[]), &[], &json!({"describe": true})).await;
    assert!(answer.as_str().unwrap().starts_with("## ECS Task Patching"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_schedules_are_listed_within_a_second_if_aws_answers_in_ten_milliseconds() {
    let names: Vec<String> = (0..1_000).map(|nth| format!("s{nth}")).collect();
    let aws = with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    aws.set_latency(|| (Duration::from_millis(5), Duration::from_millis(5)));
    let began = tokio::time::Instant::now();
    let html = page(&aws, &json!({})).await;
    assert!(html.contains("1000 pending") && html.contains("Page 1 of 40"), "{html}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
