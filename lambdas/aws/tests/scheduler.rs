//! What EventBridge Scheduler is asked, to the byte, and what its answers mean.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod answers;

use answers::{ATTEMPTS, Answer, Aws, error};
use aws::{
    CallFailed,
    scheduler::{Found, ScheduleTarget, Scheduler, Written},
};
use aws_config::retry::RetryConfig;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use shared::{
    entity::ServiceRef,
    plan::Slot,
    reconcile::Existing,
    schedule::{NewSchedule, ScheduleInput},
};

const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
const INPUT: &str = include_str!("../../../events/deploy-input.json");
const OURS: &str = "Redeploys at Fri 2029-12-28 22:00 Europe/London (Fri 2029-12-28 22:00 UTC); \
                    AWS's date: Wed 2030-01-02 18:00 UTC; notices: 1; service: prod/web";

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("a date of the test")
}

fn target() -> ScheduleTarget {
    ScheduleTarget {
        group: "the-group".into(),
        function_arn: "arn:deploy".into(),
        role_arn: "arn:role".into(),
        dead_letter_queue_arn: "arn:queue".into(),
    }
}

fn scheduler(aws: &Aws) -> Scheduler {
    Scheduler::new(&aws.sdk(), target())
}

fn input() -> ScheduleInput {
    ScheduleInput::from_text(INPUT).expect("the sample")
}

/// The sample's input, with a second notice.
fn joined() -> ScheduleInput {
    let mut input = input();
    input.notices.extend(input.notices.clone());
    input.notices[1].event_arn = "arn:another".into();
    input
}

fn schedule(spread_minutes: u16) -> NewSchedule {
    let ScheduleInput { service, notices, slot: at, window_ends_at, .. } = input();
    let slot =
        Slot { at, window_ends_at, zone: Tz::Europe__London, spread_minutes, reason: "of the test".into() };
    NewSchedule::new(&service, slot, notices)
}

/// The body that writes `schedule(15)`, which is also how it is read.
fn body() -> Value {
    json!({
        "GroupName": "the-group",
        "ScheduleExpression": "at(2029-12-28T22:00:00)",
        "ScheduleExpressionTimezone": "UTC",
        "Description": OURS,
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": "arn:deploy",
            "RoleArn": "arn:role",
            "DeadLetterConfig": {"Arn": "arn:queue"},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 4 * 3_600, "MaximumRetryAttempts": 185},
            "Input": serde_json::to_string(&input()).unwrap(),
        },
    })
}

fn with(mut body: Value, changes: &[(&str, Value)]) -> Value {
    for (key, value) in changes {
        body[key] = value.clone();
    }
    body
}

fn done() -> Answer {
    (200, json!({"ScheduleArn": "arn:schedule"}))
}

async fn found(scheduler: &Scheduler) -> Found {
    scheduler.get(NAME).await.unwrap().expect("a schedule")
}

#[tokio::test]
async fn a_schedule_is_created_replaced_and_deleted_with_exactly_this() {
    let off = json!({"Mode": "OFF"});
    let rows = [(15, body()), (0, with(body(), &[("FlexibleTimeWindow", off)]))];
    for (spread, expected) in rows {
        let aws = Aws::that_answers([done(), done(), (200, json!({}))]);
        assert_eq!(scheduler(&aws).create(NAME, &schedule(spread)).await, Ok(Written::Done));
        assert_eq!(scheduler(&aws).replace(NAME, &schedule(spread)).await, Ok(Written::Done));
        assert_eq!(scheduler(&aws).delete(NAME).await, Ok(Written::Done));
        let enabled = with(expected.clone(), &[("State", json!("ENABLED"))]);
        let sent = [
            (format!("POST /schedules/{NAME}"), expected),
            (format!("PUT /schedules/{NAME}"), enabled),
            (format!("DELETE /schedules/{NAME}?groupName=the-group"), Value::Null),
        ];
        assert_eq!(aws.requests(), sent);
    }
}

#[tokio::test]
async fn the_longest_names_make_no_description_that_is_refused() {
    let aws = Aws::that_answers([done()]);
    let mut long = schedule(15);
    long.input.service = ServiceRef::new(&"c".repeat(255), &"s".repeat(255)).unwrap();
    assert_eq!(scheduler(&aws).create(NAME, &long).await, Ok(Written::Done));
    assert_eq!(aws.requests()[0].1["Description"].as_str().unwrap().len(), 512);
}

#[tokio::test]
async fn an_update_of_the_input_repeats_whatever_a_person_has_set() {
    let written = with(
        body(),
        &[
            ("ScheduleExpression", json!("at(2029-12-30T07:00:00)")),
            ("ScheduleExpressionTimezone", json!("Asia/Tokyo")),
            ("StartDate", json!(1_893_196_800)),
            ("EndDate", json!(1_893_283_200)),
            ("State", json!("DISABLED")),
            ("Description", json!("not before the release")),
            ("FlexibleTimeWindow", json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 45})),
            ("ActionAfterCompletion", json!("NONE")),
            ("KmsKeyArn", json!("arn:key")),
            (
                "Target",
                json!({
                    "Arn": "arn:deploy:canary",
                    "RoleArn": "arn:their-role",
                    "DeadLetterConfig": {"Arn": "arn:their-queue"},
                    "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1},
                    "Input": body()["Target"]["Input"],
                }),
            ),
        ],
    );
    let read = with(
        written.clone(),
        &[
            ("Arn", json!("arn:schedule")),
            ("Name", json!(NAME)),
            ("CreationDate", json!(1_892_937_600)),
            ("LastModificationDate", json!(1_893_024_000)),
        ],
    );
    let aws = Aws::that_answers([(200, read), done()]);
    let scheduler = scheduler(&aws);
    let found = found(&scheduler).await;
    assert_eq!(scheduler.update_input(NAME, &found, &joined()).await, Ok(Written::Done));
    let mut expected = written;
    expected["Target"]["Input"] = json!(serde_json::to_string(&joined()).unwrap());
    assert_eq!(
        aws.requests(),
        [
            (format!("GET /schedules/{NAME}?groupName=the-group"), Value::Null),
            (format!("PUT /schedules/{NAME}"), expected),
        ]
    );
}

#[tokio::test]
async fn a_description_of_ours_keeps_telling_the_truth_and_a_persons_stays() {
    let (moved, recurring) = (json!("at(2029-12-30T22:00:00)"), json!("rate(7 days)"));
    let rewritten = OURS.replace("Fri 2029-12-28", "Sun 2029-12-30").replace("notices: 1", "notices: 2");
    let rows = [
        (&moved, json!(OURS), json!(rewritten)),
        (&moved, json!("not before the release"), json!("not before the release")),
        (&moved, Value::Null, Value::Null),
        (&recurring, json!(OURS), json!(OURS)),
    ];
    for (expression, description, expected) in rows {
        let changes = [("ScheduleExpression", expression.clone()), ("Description", description.clone())];
        let aws = Aws::that_answers([(200, with(body(), &changes)), done()]);
        let scheduler = scheduler(&aws);
        let found = found(&scheduler).await;
        assert_eq!(scheduler.update_input(NAME, &found, &joined()).await, Ok(Written::Done));
        assert_eq!(aws.requests()[1].1["Description"], expected, "{expression} {description}");
    }
}

#[tokio::test]
async fn a_schedule_is_read_as_it_is() {
    let at = instant("2029-12-28T22:00:00Z");
    let ours = Existing { at: Some(at), spread_minutes: 15, enabled: true, input: Ok(input()) };
    let moved = |expression: &str, zone: &str| {
        [("ScheduleExpression", json!(expression)), ("ScheduleExpressionTimezone", json!(zone))]
    };
    let at = |at: Option<&str>| Existing { at: at.map(instant), ..ours.clone() };
    let target = json!({"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": "restart web please"});
    let rows = [
        (body(), ours.clone()),
        (with(body(), &[("State", json!("DISABLED"))]), Existing { enabled: false, ..ours.clone() }),
        (with(body(), &[("State", json!("ENABLED"))]), ours.clone()),
        (with(body(), &moved("at(2029-12-29T07:00:00)", "UTC")), at(Some("2029-12-29T07:00:00Z"))),
        (with(body(), &moved("at(2029-12-29T06:00:00)", "Asia/Tokyo")), at(Some("2029-12-28T21:00:00Z"))),
        (with(body(), &moved("rate(7 days)", "UTC")), at(None)),
        (
            with(body(), &[("FlexibleTimeWindow", json!({"Mode": "OFF"}))]),
            Existing { spread_minutes: 0, ..ours.clone() },
        ),
        (
            with(body(), &[("Target", target)]),
            Existing { input: ScheduleInput::from_text("restart web please"), ..ours.clone() },
        ),
    ];
    for (body, expected) in rows {
        let aws = Aws::that_answers([(200, body.clone())]);
        assert_eq!(found(&scheduler(&aws)).await.existing, expected, "{body}");
    }
}

/// What `call` makes of an error.
async fn after(call: &str, code: &str) -> Result<Option<Written>, CallFailed> {
    let aws = match call {
        "update_input" => Aws::that_answers([(200, body()), error(code, "no")]),
        _ => Aws::that_answers([error(code, "no")]),
    };
    let scheduler = scheduler(&aws);
    match call {
        "create" => scheduler.create(NAME, &schedule(15)).await.map(Some),
        "get" => scheduler.get(NAME).await.map(|found| found.map(|_| Written::Done)),
        "replace" => scheduler.replace(NAME, &schedule(15)).await.map(Some),
        "update_input" => scheduler.update_input(NAME, &found(&scheduler).await, &joined()).await.map(Some),
        _ => scheduler.delete(NAME).await.map(Some),
    }
}

#[tokio::test]
async fn who_was_slower_is_told_so_and_what_is_gone_is_gone() {
    const CONFLICT: &str = "ConflictException";
    const GONE: &str = "ResourceNotFoundException";
    let rows = [
        ("create", CONFLICT, Some(Written::Lost)),
        ("replace", CONFLICT, Some(Written::Lost)),
        ("replace", GONE, Some(Written::Lost)),
        ("update_input", CONFLICT, Some(Written::Lost)),
        ("update_input", GONE, Some(Written::Lost)),
        ("delete", CONFLICT, Some(Written::Lost)),
        ("delete", GONE, Some(Written::Done)),
        ("get", GONE, None),
    ];
    for (call, code, expected) in rows {
        assert_eq!(after(call, code).await, Ok(expected), "{call} {code}");
    }
}

#[tokio::test]
async fn any_other_error_names_the_call_the_code_and_the_message() {
    let rows = [
        ("create", "ResourceNotFoundException", "CreateSchedule"), // the group is gone
        ("create", "AccessDeniedException", "CreateSchedule"),
        ("get", "AccessDeniedException", "GetSchedule"),
        ("replace", "AccessDeniedException", "UpdateSchedule"),
        ("update_input", "AccessDeniedException", "UpdateSchedule"),
        ("delete", "AccessDeniedException", "DeleteSchedule"),
    ];
    for (call, code, name) in rows {
        let failed = after(call, code).await.unwrap_err();
        assert_eq!((failed.to_string(), failed.code()), (format!("{name} failed: {code}: no"), Some(code)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_throttling_uses_up_no_quota_of_retries() {
    const CALLS: usize = 20; // 220 throttled answers: the SDK's own quota ends at a hundred
    let throttled = error("ThrottlingException", "Rate exceeded");
    let call = std::iter::repeat_n(throttled.clone(), ATTEMPTS as usize - 1).chain([done()]);
    let for_good = std::iter::repeat_n(throttled, ATTEMPTS as usize);
    let aws = Aws::that_answers(std::iter::repeat_n(call, CALLS).flatten().chain(for_good));
    let scheduler = scheduler(&aws);
    for nth in 0..CALLS {
        assert_eq!(scheduler.create(NAME, &schedule(15)).await, Ok(Written::Done), "call {nth}");
    }
    let failed = scheduler.create(NAME, &schedule(15)).await.unwrap_err();
    assert_eq!(failed.to_string(), "CreateSchedule failed: ThrottlingException: Rate exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_role_is_tried_again_and_any_other_fault_of_the_request_is_not() {
    let refused = error(
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    );
    let aws = Aws::that_answers([refused.clone(), refused, done()]);
    assert_eq!(scheduler(&aws).create(NAME, &schedule(15)).await, Ok(Written::Done));
    assert_eq!(aws.requests().len(), 3);

    let aws = Aws::that_answers([error("ValidationException", "Invalid Schedule Expression."), done()]);
    let failed = scheduler(&aws).create(NAME, &schedule(15)).await.unwrap_err().to_string();
    assert_eq!(failed, "CreateSchedule failed: ValidationException: Invalid Schedule Expression.");
    assert_eq!(aws.requests().len(), 1);
}

#[tokio::test]
async fn without_an_answer_the_cause_is_named() {
    let mut sdk = Aws::that_answers([]).sdk().into_builder();
    sdk.set_http_client(None).set_endpoint_url(Some("http://127.0.0.1:1".into()));
    sdk.set_retry_config(Some(RetryConfig::disabled()));
    let failed = Scheduler::new(&sdk.build(), target()).get(NAME).await.unwrap_err();
    assert!(failed.to_string().starts_with("GetSchedule failed: "), "{failed}");
    assert!(failed.to_string().contains("Connection refused"), "{failed}");
    assert_eq!(failed.code(), None);
}
