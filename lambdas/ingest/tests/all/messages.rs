//! The messages about a plan, word for word, as the files in `messages` show them: their wording is an interface.

use crate::common::{NOW, Texts, about, handle, tagged, task, try_handle, with_all_services, with_states};
use fake_aws::Aws;
use serde_json::json;

/// The parameters of an owner whose day is not the day of UTC.
const BERLIN: Texts<'_> = &[("TIME_ZONE", "Europe/Berlin"), ("MAINTENANCE_WINDOWS", "Sat 00:30-02:30")];

/// Makes sure that one message was sent, and that it is this one.
fn assert_message(aws: &Aws, expected: &str) {
    let (subjects, texts) = (aws.subjects(), aws.messages());
    assert_eq!((subjects.len(), texts.len()), (1, 1));
    let message = format!("Subject: {}\n\n{}\n", subjects[0], texts[0]);
    assert!(message == expected, "sent:\n{message}\nexpected:\n{expected}");
}

/// The schedule of a service of the cluster `prod`.
fn schedule_of(aws: &Aws, service: &str) -> String {
    let names: Vec<String> =
        aws.schedules().into_keys().filter(|name| name.starts_with(&format!("prod.{service}."))).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].clone()
}

#[tokio::test]
async fn a_plan_lists_every_service_under_what_becomes_of_it() {
    // What is pending from before: schedules that nobody, or an operator, has changed.
    let before = tagged(&[]);
    handle(&before, BERLIN, &about(&["prod|late", "prod|moved", "prod|held", "prod|old"])).await;
    let aws = tagged(&[
        ("prod/web", &[("window", "Fry 22:00-02:00")]),
        ("prod/late", &[("window", "Sun 03:00-05:00")]),
        ("prod/job", &[("mode", "off")]),
        ("staging/web", &[("mode", "observe")]),
    ]);
    for (name, schedule) in before.schedules() {
        aws.schedule(&name, schedule);
    }
    for (service, edit) in [
        ("moved", json!({"ScheduleExpression": "at(2029-12-30T09:00:00)"})),
        ("held", json!({"State": "DISABLED"})),
    ] {
        let name = schedule_of(&aws, service);
        aws.schedule(&name, fake_aws::merged(&aws.schedules()[&name], &edit));
    }
    let batch = json!({
        "taskArn": task("1"), "group": "family:batch", "startedBy": "nightly", "taskDefinitionArn": "arn:batch:3",
    });
    aws.always("DescribeTasks", (200, json!({"tasks": [batch]})));
    let alone = task("1");
    let event = with_states(&[
        ("prod|web", "PENDING"),
        ("prod|late", "PENDING"),
        ("prod|moved", "PENDING"),
        ("prod|held", "PENDING"),
        ("prod|old", "RESOLVED"),
        ("prod|job", "PENDING"),
        ("staging|web", "PENDING"),
        (&alone, "PENDING"),
        ("prod web", "PENDING"),
    ]);
    try_handle(&aws, BERLIN, &event, NOW).await.expect_err("an unknown form of an entity");
    assert_message(&aws, include_str!("messages/plan.txt"));
}

#[tokio::test]
async fn in_observe_mode_a_message_says_what_would_be_done() {
    let aws = tagged(&[("prod/web", &[]), ("prod/api", &[])]);
    let parameters = [BERLIN, &[("MODE", "observe")]].concat();
    handle(&aws, &parameters, &about(&["prod|web", "prod|api"])).await;
    assert_message(&aws, include_str!("messages/observe_mode.txt"));
}

#[tokio::test]
async fn a_message_about_a_closed_notice_says_what_was_cancelled() {
    let aws = tagged(&[]);
    handle(&aws, BERLIN, &about(&["prod|web"])).await;
    aws.forget();
    let mut closed = about(&["prod|web"]);
    closed["detail"]["statusCode"] = json!("closed");
    handle(&aws, BERLIN, &closed).await;
    assert_message(&aws, include_str!("messages/cancelled.txt"));
}

#[tokio::test]
async fn a_message_about_services_that_are_not_scheduled_says_why_and_what_aws_does() {
    let aws = tagged(&[]);
    let parameters =
        [BERLIN, &[("MINIMUM_NOTICE_MINUTES", "4320"), ("WHEN_NO_WINDOW_FITS", "leave-to-aws")]].concat();
    handle(&aws, &parameters, &about(&["prod|web", "prod|api"])).await;
    assert_message(&aws, include_str!("messages/not_scheduled.txt"));
}

#[tokio::test]
async fn on_the_retirement_date_a_message_says_that_every_service_is_patched() {
    let aws = with_all_services();
    let task = json!({"createdAt": 1_893_002_401}); // a second after the cut-off
    aws.service(&json!({"status": "ACTIVE", "desiredCount": 1}), &[task], &[]);
    try_handle(&aws, BERLIN, &about(&["prod|web"]), "2030-01-02T18:00:05Z").await.unwrap();
    assert_message(&aws, include_str!("messages/patched.txt"));
}
