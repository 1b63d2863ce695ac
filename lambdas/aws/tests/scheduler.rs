//! What EventBridge Scheduler is asked, to the byte, and what its answers mean.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use aws::{
    CallFailed,
    scheduler::{Armed, Found, READS, ScheduleTarget, Scheduler, Written},
};
use aws_config::retry::RetryConfig;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use fake_aws::{ATTEMPTS, Answer, Aws, CREATE, DELETE, READ, UPDATE, error, merged};
use serde_json::{Value, json};
use shared::{
    entity::ServiceRef,
    plan::Slot,
    reconcile::Existing,
    schedule::{NewSchedule, ScheduleInput, Spec, Wakes},
};

const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
const SLOT: &str = "2029-12-28T22:00:00Z";
const INPUT: &str = include_str!("../../../events/deploy-input.json");
const OURS: &str = "Redeploys at Fri 2029-12-28 22:00 Europe/London (Fri 2029-12-28 22:00 UTC); \
                    AWS's date: Wed 2030-01-02 18:00 UTC; notices: 1; service: prod/web";

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("a date of the test")
}

fn target() -> ScheduleTarget {
    ScheduleTarget {
        group: "the-group".into(),
        deploy_arn: "arn:deploy".into(),
        verify_arn: "arn:verify".into(),
        role_arn: "arn:role".into(),
        dead_letter_queue_arn: "arn:queue".into(),
    }
}

fn scheduler(aws: &Aws) -> Scheduler {
    Scheduler::new(&aws.sdk(), target())
}

fn input() -> ScheduleInput {
    let input = ScheduleInput::from_text(INPUT).expect("the sample");
    ScheduleInput { scheduled_for: None, ..input } // filled in as it fires
}

/// The sample's input, with a second notice.
fn joined() -> ScheduleInput {
    let mut input = input();
    input.notices.extend(input.notices.clone());
    input.notices[1].event_arn = "arn:another".into();
    input
}

fn schedule(spread_minutes: u16) -> Spec {
    let ScheduleInput { service, notices, slot: at, window_ends_at, .. } = input();
    let (windows, reason) = ("Fri 22:00-02:00 UTC".into(), "of the test".into());
    let slot = Slot { at, window_ends_at, zone: Tz::Europe__London, windows, spread_minutes, reason };
    NewSchedule::new(&service, slot, notices).spec(NAME)
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

fn conflict() -> Answer {
    error("ConflictException", "no")
}

fn gone() -> Answer {
    error("ResourceNotFoundException", "no")
}

/// Answers, each with the beginning of the call that gets it.
type Script = Vec<(Answer, &'static str)>;

/// The beginnings of the calls that were made.
fn calls(aws: &Aws) -> Vec<&'static str> {
    let known = |call: &str| [CREATE, READ, UPDATE, DELETE].into_iter().find(|known| call.starts_with(known));
    aws.requests().iter().map(|(call, _)| known(call).expect("a call of the test")).collect()
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
        assert_eq!(scheduler(&aws).create(&schedule(spread)).await, Ok(Written::Done));
        assert_eq!(scheduler(&aws).replace(&schedule(spread)).await, Ok(Written::Done));
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
async fn each_function_is_woken_by_its_own_arn() {
    for (wakes, arn) in [(Wakes::Deploy, "arn:deploy"), (Wakes::Verify, "arn:verify")] {
        let aws = Aws::that_answers([done()]);
        let spec = Spec::new(NAME.to_owned(), wakes, instant(SLOT), "why", &json!({"a": 1}));
        assert_eq!(scheduler(&aws).create(&spec).await, Ok(Written::Done));
        let changes = [
            ("Description", json!("why")),
            ("FlexibleTimeWindow", json!({"Mode": "OFF"})),
            ("Target", {
                let (arn, input) = (json!(arn), json!(r#"{"a":1}"#));
                let retries = json!({"MaximumEventAgeInSeconds": 3_600, "MaximumRetryAttempts": 185});
                merged(&body()["Target"], &json!({"Arn": arn, "Input": input, "RetryPolicy": retries}))
            }),
        ];
        assert_eq!(aws.sent(CREATE), [with(body(), &changes)]);
    }
}

#[tokio::test]
async fn the_longest_names_make_no_description_that_is_refused() {
    let aws = Aws::that_answers([done()]);
    let ScheduleInput { notices, slot: at, window_ends_at, .. } = input();
    let (windows, reason) = ("Fri 22:00-02:00 UTC".into(), "of the test".into());
    let slot = Slot { at, window_ends_at, zone: Tz::UTC, windows, spread_minutes: 0, reason };
    let long = ServiceRef::new(&"c".repeat(255), &"s".repeat(255)).unwrap();
    let long = NewSchedule::new(&long, slot, notices).spec(NAME);
    assert_eq!(scheduler(&aws).create(&long).await, Ok(Written::Done));
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
        "create" => scheduler.create(&schedule(15)).await.map(Some),
        "get" => scheduler.get(NAME).await.map(|found| found.map(|_| Written::Done)),
        "replace" => scheduler.replace(&schedule(15)).await.map(Some),
        "update_input" => scheduler.update_input(NAME, &found(&scheduler).await, &joined()).await.map(Some),
        _ => scheduler.delete(NAME).await.map(Some),
    }
}

#[tokio::test]
async fn who_was_slower_is_told_so_and_what_is_gone_is_gone() {
    const CONFLICT: &str = "ConflictException";
    const GONE: &str = "ResourceNotFoundException";
    let rows = [
        ("create", CONFLICT, Some(Written::Conflict)),
        ("replace", CONFLICT, Some(Written::Conflict)),
        ("replace", GONE, Some(Written::Conflict)),
        ("update_input", CONFLICT, Some(Written::Conflict)),
        ("update_input", GONE, Some(Written::Conflict)),
        ("delete", CONFLICT, Some(Written::Conflict)),
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
async fn a_schedule_is_armed_unless_one_is_to_come_or_a_person_disabled_it() {
    let read = |at: &str, state: &str| {
        let changes = [("ScheduleExpression", json!(format!("at({at})"))), ("State", json!(state))];
        (200, with(body(), &changes))
    };
    // The test's now is the slot.
    let fired = || read("2029-12-28T22:00:00", "ENABLED");
    let left = |aws: &str| vec![(read(aws, "ENABLED"), READ)];
    let anew = [(done(), DELETE), (done(), CREATE)];
    let rows: [(&str, Script, bool); 8] = [
        ("none is there", vec![(gone(), READ), (done(), CREATE)], true),
        ("the one that has fired is there", [vec![(fired(), READ)], anew.to_vec()].concat(), true),
        ("it went in between", vec![(fired(), READ), (gone(), DELETE), (done(), CREATE)], true),
        ("one is to come", left("2029-12-28T22:01:00"), false),
        (
            "it recurs",
            vec![((200, with(body(), &[("ScheduleExpression", json!("rate(7 days)"))])), READ)],
            false,
        ),
        ("a person disabled it", vec![(read("2029-12-28T22:00:00", "DISABLED"), READ)], false),
        (
            "another delivery was faster",
            [vec![(gone(), READ), (conflict(), CREATE)], left("2029-12-28T22:10:00")].concat(),
            false,
        ),
        (
            "it is being deleted",
            [
                vec![(fired(), READ), (conflict(), DELETE), (conflict(), CREATE), (gone(), READ)],
                vec![anew[1].clone()],
            ]
            .concat(),
            true,
        ),
    ];
    for (row, script, expected) in rows {
        let (answers, expected_calls): (Vec<Answer>, Vec<&str>) = script.into_iter().unzip();
        let aws = Aws::that_answers(answers);
        let armed = scheduler(&aws).arm(&schedule(15), instant(SLOT)).await.expect(row);
        assert_eq!(matches!(armed, Armed::Created), expected, "{row}: {armed:?}");
        assert_eq!(calls(&aws), expected_calls, "{row}");
        for created in aws.sent(CREATE) {
            assert_eq!(created, body(), "{row}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_is_put_is_there_as_asked_for_and_stays_disabled() {
    let other = |state: Option<&str>| {
        let target = merged(&body()["Target"], &json!({"Input": "{}"}));
        (200, with(body(), &[("Target", target), ("State", json!(state))]))
    };
    let same = with(
        body(),
        &[("State", json!("DISABLED")), ("ScheduleExpression", json!("at(2030-01-01T07:00:00)"))],
    );
    let (first, read) = ((conflict(), CREATE), |answer| (answer, READ));
    let rows: [(&str, Script, Option<&str>); 7] = [
        ("none is there", vec![(done(), CREATE)], None),
        ("it hands over the same", vec![first.clone(), read((200, same))], None),
        (
            "another input",
            vec![first.clone(), read(other(Some("ENABLED"))), (done(), UPDATE)],
            Some("ENABLED"),
        ),
        ("without a state", vec![first.clone(), read(other(None)), (done(), UPDATE)], Some("ENABLED")),
        ("disabled", vec![first.clone(), read(other(Some("DISABLED"))), (done(), UPDATE)], Some("DISABLED")),
        ("it went in between", vec![first.clone(), read(gone()), (done(), CREATE)], None),
        (
            "it is being changed",
            [
                vec![first.clone(), read(other(None)), (conflict(), UPDATE)],
                vec![first, read(other(None)), (done(), UPDATE)],
            ]
            .concat(),
            Some("ENABLED"),
        ),
    ];
    for (row, script, state) in rows {
        let (answers, expected_calls): (Vec<Answer>, Vec<&str>) = script.into_iter().unzip();
        let aws = Aws::that_answers(answers);
        scheduler(&aws).put(&schedule(15)).await.expect(row);
        assert_eq!(calls(&aws), expected_calls, "{row}");
        let updated = aws.sent(UPDATE).pop();
        assert_eq!(updated, state.map(|state| with(body(), &[("State", json!(state))])), "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_others_keep_changing_is_an_error() {
    let reads = READS as usize;
    let lost = |call: &str| format!("{call} failed: others changed {NAME} {READS} times in between");
    let aws = Aws::that_answers(vec![[gone(), conflict()]; reads].concat());
    let failed = scheduler(&aws).arm(&schedule(15), instant(SLOT)).await.unwrap_err();
    assert_eq!(failed.to_string(), lost("CreateSchedule"));
    assert_eq!(calls(&aws), vec![[READ, CREATE]; reads].concat());

    let aws = Aws::that_answers(vec![[conflict(), gone()]; reads].concat());
    let failed = scheduler(&aws).put(&schedule(15)).await.unwrap_err();
    assert_eq!(failed.to_string(), lost("UpdateSchedule"));
    assert_eq!(calls(&aws), vec![[CREATE, READ]; reads].concat());
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
        assert_eq!(scheduler.create(&schedule(15)).await, Ok(Written::Done), "call {nth}");
    }
    let failed = scheduler.create(&schedule(15)).await.unwrap_err();
    assert_eq!(failed.to_string(), "CreateSchedule failed: ThrottlingException: Rate exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_role_is_tried_again_and_any_other_fault_of_the_request_is_not() {
    let refused = error(
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    );
    let aws = Aws::that_answers([refused.clone(), refused, done()]);
    assert_eq!(scheduler(&aws).create(&schedule(15)).await, Ok(Written::Done));
    assert_eq!(aws.requests().len(), 3);

    let aws = Aws::that_answers([error("ValidationException", "Invalid Schedule Expression."), done()]);
    let failed = scheduler(&aws).create(&schedule(15)).await.unwrap_err().to_string();
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
