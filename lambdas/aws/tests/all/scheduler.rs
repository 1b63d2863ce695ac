//! The exact requests to EventBridge Scheduler, and how its answers are read.

use aws::{
    CallFailed, Invocation,
    config::Config,
    pending::Armed,
    scheduler::{Found, READS, ScheduleTarget, Scheduler, Written},
};
use aws_config::{Region, retry::RetryConfig};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use fake_aws::{ATTEMPTS, Answer, Aws, CREATE, DELETE, READ, UPDATE, environment_with, error, merged};
use rules::{
    arn::ServiceRef,
    plan::Slot,
    schedule::{
        Existing, PlannedDeployment, Spec,
        name::ScheduleName,
        wake::{CheckInput, DeadlineInput, DeployInput, Wake},
    },
};
use serde_json::{Value, json};

const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
const SLOT: &str = "2029-12-28T22:00:00Z";
const INPUT: &str = include_str!("../../../../events/deploy-input.json");
const OURS: &str = "Redeploys on Fri 28 Dec 2029 22:00 Europe/London (22:00 UTC); \
                    retirement date: Wed 2 Jan 2030 18:00 UTC; 1 notice; service: prod/web";
/// As version 0.1 described the schedule.
const BY_VERSION_0_1: &str = "Redeploys at Fri 2029-12-28 22:00 Europe/London (Fri 2029-12-28 22:00 UTC); \
                              AWS's date: Wed 2030-01-02 18:00 UTC; notices: 1; service: prod/web";

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant of the test")
}

/// Two days before the start time.
fn now() -> DateTime<Utc> {
    instant("2029-12-26T18:00:00Z")
}

fn target() -> ScheduleTarget {
    ScheduleTarget {
        group: "the-group".into(),
        deploy_arn: "arn:deploy".into(),
        verify_arn: "arn:verify".into(),
        role_arn: "arn:role".into(),
        dead_letter_queue_arn: "arn:queue".into(),
        kms_key_arn: None,
    }
}

fn scheduler(aws: &Aws) -> Scheduler {
    Scheduler::new(&aws.sdk(), target())
}

fn name() -> ScheduleName {
    ScheduleName::listed(NAME.to_owned())
}

fn input() -> DeployInput {
    match Wake::read_text(INPUT) {
        // EventBridge Scheduler fills in the scheduled time when the schedule fires.
        Ok(Wake::Deploy(input)) => DeployInput {
            zone: Some(Tz::Europe__London),
            scheduled_for: None,
            woken: Some(0),
            spread_minutes: Some(15),
            ..input
        },
        other => panic!("events/deploy-input.json is {other:?}"),
    }
}

/// The input as version 0.1 wrote it: without a zone.
fn input_of_version_0_1() -> DeployInput {
    let windows = Some("Fri 22:00-02:00 Europe/London".to_owned());
    DeployInput { zone: None, windows, woken: None, spread_minutes: None, ..input() }
}

/// This input with a second notice.
fn joined(mut input: DeployInput) -> DeployInput {
    input.notices.extend(input.notices.clone());
    input.notices[1].event_arn = "arn:another".into();
    input
}

fn schedule(spread_minutes: u16) -> Spec {
    let DeployInput { service, notices, slot: at, window_ends_at, .. } = input();
    let (windows, reason) = ("Fri 22:00-02:00 UTC".into(), "of the test".into());
    let slot = Slot {
        at,
        window_ends_at,
        zone: Tz::Europe__London,
        windows,
        spread_minutes,
        fallback: false,
        reason,
    };
    PlannedDeployment::new(&service, &slot, notices).spec(name())
}

/// The body that writes `schedule(15)`, which is also how it is read.
fn body() -> Value {
    json!({
        "GroupName": "the-group",
        "ScheduleExpression": "at(2029-12-28T22:00:00)",
        "ScheduleExpressionTimezone": "UTC",
        "Description": OURS,
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "ActionAfterCompletion": "NONE",
        "Target": {
            "Arn": "arn:deploy",
            "RoleArn": "arn:role",
            "DeadLetterConfig": {"Arn": "arn:queue"},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 4 * 3_600, "MaximumRetryAttempts": 185},
            "Input": text(&input()),
        },
    })
}

/// An input as a schedule carries it.
fn text(input: &DeployInput) -> String {
    Wake::Deploy(input.clone()).text()
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

/// Answers, each with the start of the call that gets it.
type Script = Vec<(Answer, &'static str)>;

/// The starts of the calls that were made.
fn calls(aws: &Aws) -> Vec<&'static str> {
    let known = |call: &str| [CREATE, READ, UPDATE, DELETE].into_iter().find(|known| call.starts_with(known));
    aws.requests().iter().map(|(call, _)| known(call).expect("a call of the test")).collect()
}

async fn found(scheduler: &Scheduler) -> Found {
    scheduler.get(&name()).await.unwrap().expect("a schedule")
}

#[tokio::test]
async fn create_replace_and_delete_send_exactly_these_requests() {
    let off = json!({"Mode": "OFF"});
    let without_spread = text(&DeployInput { spread_minutes: Some(0), ..input() });
    let target = merged(&body()["Target"], &json!({"Input": without_spread}));
    let rows = [(15, body()), (0, with(body(), &[("FlexibleTimeWindow", off), ("Target", target)]))];
    for (spread, expected) in rows {
        let aws = Aws::that_answers([done(), done(), (200, json!({}))]);
        assert_eq!(scheduler(&aws).create(&schedule(spread), now()).await, Ok(Written::Done));
        assert_eq!(scheduler(&aws).replace(&schedule(spread), now()).await, Ok(Written::Done));
        assert_eq!(scheduler(&aws).delete(&name()).await, Ok(Written::Done));
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
async fn with_a_key_every_schedule_that_is_written_is_encrypted_with_it() {
    for (parameter, expected) in [("arn:key", json!("arn:key")), ("", Value::Null)] {
        let aws = Aws::that_answers([done(), done()]);
        let config = Config::read(&environment_with(&[("KMS_KEY_ARN", parameter)])).unwrap();
        let scheduler = Scheduler::new(&aws.sdk(), config.target);
        assert_eq!(scheduler.create(&schedule(15), now()).await, Ok(Written::Done));
        assert_eq!(scheduler.replace(&schedule(15), now()).await, Ok(Written::Done));
        let keys: Vec<Value> = aws.requests().iter().map(|(_, sent)| sent["KmsKeyArn"].clone()).collect();
        assert_eq!(keys, [expected.clone(), expected]);
    }
}

#[tokio::test]
async fn each_schedule_wakes_its_own_function_with_its_input() {
    let DeployInput { service, notices, slot, .. } = input();
    let check = CheckInput::first(&service, &notices, Some("ecs-svc/2".into()), slot);
    let deadline = DeadlineInput {
        notice: notices[0].clone(),
        page: 1,
        part: 0,
        services: vec![service],
        released: Vec::new(),
        sent_at: slot,
        announced: Vec::new(),
        last_check_at: slot,
        owed: Vec::new(),
        closed_at: None,
        left: None,
        unpatched: Vec::new(),
        woken: Some(0),
    };
    let rows = [
        (Wake::Deploy(input()), "arn:deploy"),
        (Wake::Check(check), "arn:verify"),
        (Wake::DeadlineCheck(deadline), "arn:verify"),
        (Wake::Heartbeat, "arn:verify"),
    ];
    for (wake, arn) in rows {
        let aws = Aws::that_answers([done()]);
        let input = wake.text();
        let written = Some("why".to_owned());
        let spec = Spec {
            name: name(),
            at: slot,
            spread_minutes: 0,
            retry_seconds: 3_600,
            zone: Tz::UTC,
            written,
            wake,
        };
        assert_eq!(scheduler(&aws).create(&spec, now()).await, Ok(Written::Done));
        let retries = json!({"MaximumEventAgeInSeconds": 3_600, "MaximumRetryAttempts": 185});
        let target = json!({"Arn": arn, "Input": input, "RetryPolicy": retries});
        let changes = [
            ("Description", json!("why")),
            ("FlexibleTimeWindow", json!({"Mode": "OFF"})),
            ("Target", merged(&body()["Target"], &target)),
        ];
        assert_eq!(aws.sent(CREATE), [with(body(), &changes)]);
    }
}

#[tokio::test]
async fn a_description_fits_with_the_longest_names() {
    let aws = Aws::that_answers([done()]);
    let DeployInput { notices, slot: at, window_ends_at, .. } = input();
    let (windows, reason) = ("Fri 22:00-02:00 UTC".into(), "of the test".into());
    let slot =
        Slot { at, window_ends_at, zone: Tz::UTC, windows, spread_minutes: 0, fallback: false, reason };
    let long = ServiceRef::new(&"c".repeat(255), &"s".repeat(255)).unwrap();
    let long = PlannedDeployment::new(&long, &slot, notices).spec(name());
    assert_eq!(scheduler(&aws).create(&long, now()).await, Ok(Written::Done));
    assert_eq!(aws.requests()[0].1["Description"].as_str().unwrap().len(), 512);
}

#[tokio::test]
async fn an_update_of_the_input_keeps_everything_that_an_operator_has_set() {
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
    assert_eq!(scheduler.update_input(&name(), &found, &joined(input())).await, Ok(Written::Done));
    let mut expected = written;
    expected["Target"]["Input"] = json!(text(&joined(input())));
    assert_eq!(
        aws.requests(),
        [
            (format!("GET /schedules/{NAME}?groupName=the-group"), Value::Null),
            (format!("PUT /schedules/{NAME}"), expected),
        ]
    );
}

const MOVED: &str = "at(2029-12-30T22:00:00)";

/// The description after a second notice has joined a schedule with this input, time and description.
async fn description_after_joining(input: DeployInput, expression: &str, description: Value) -> Value {
    let target = merged(&body()["Target"], &json!({"Input": text(&input)}));
    let changes =
        [("ScheduleExpression", json!(expression)), ("Description", description), ("Target", target)];
    let aws = Aws::that_answers([(200, with(body(), &changes)), done()]);
    let scheduler = scheduler(&aws);
    let found = found(&scheduler).await;
    assert_eq!(scheduler.update_input(&name(), &found, &joined(input)).await, Ok(Written::Done));
    aws.requests()[1].1["Description"].clone()
}

#[tokio::test]
async fn our_description_is_updated_and_an_operators_description_stays() {
    let (planned, recurring) = ("at(2029-12-28T22:00:00)", "rate(7 days)");
    let moved = OURS.replace("Fri 28 Dec", "Sun 30 Dec");
    let two = |ours: &str| json!(ours.replace("1 notice", "2 notices"));
    let rows = [
        (planned, json!(OURS), two(OURS)),
        (MOVED, json!(OURS), two(&moved)),
        (MOVED, json!(moved), two(&moved)),
        // The operator moved the schedule before, and then to this time.
        (MOVED, json!(OURS.replace("28 Dec", "29 Dec")), two(&moved)),
        (MOVED, json!("not before the release"), json!("not before the release")),
        (
            MOVED,
            json!("Redeploys on Sunday, after the release"),
            json!("Redeploys on Sunday, after the release"),
        ),
        // The input has a zone, so version 0.1 has not written the description.
        (MOVED, json!(BY_VERSION_0_1), json!(BY_VERSION_0_1)),
        (MOVED, Value::Null, Value::Null),
        (recurring, json!(OURS), json!(OURS)),
    ];
    for (expression, description, expected) in rows {
        let written = description_after_joining(input(), expression, description.clone()).await;
        assert_eq!(written, expected, "{expression} {description}");
    }
}

#[tokio::test]
async fn a_description_of_version_0_1_is_updated_in_the_zone_of_its_windows() {
    let moved = OURS.replace("Fri 28 Dec", "Sun 30 Dec");
    let two = moved.replace("1 notice", "2 notices");
    let rows = [
        (json!(BY_VERSION_0_1), json!(two)),
        // A notice that joined after the update of the stack has rewritten the description, but not added a zone.
        (json!(moved), json!(two)),
        (json!("not before the release"), json!("not before the release")),
        (Value::Null, Value::Null),
    ];
    for (description, expected) in rows {
        let written = description_after_joining(input_of_version_0_1(), MOVED, description.clone()).await;
        assert_eq!(written, expected, "{description}");
    }
}

#[tokio::test]
async fn every_field_of_a_schedule_is_read() {
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
            Existing { input: Err(Wake::read_text("restart web please").unwrap_err()), ..ours.clone() },
        ),
    ];
    for (body, expected) in rows {
        let aws = Aws::that_answers([(200, body.clone())]);
        assert_eq!(found(&scheduler(&aws)).await.existing, expected, "{body}");
    }
}

/// The result of `call` after this error.
async fn after(call: &str, code: &str) -> Result<Option<Written>, CallFailed> {
    let aws = match call {
        "update_input" => Aws::that_answers([(200, body()), error(code, "no")]),
        _ => Aws::that_answers([error(code, "no")]),
    };
    let scheduler = scheduler(&aws);
    match call {
        "create" => scheduler.create(&schedule(15), now()).await.map(Some),
        "get" => scheduler.get(&name()).await.map(|found| found.map(|_| Written::Done)),
        "replace" => scheduler.replace(&schedule(15), now()).await.map(Some),
        "update_input" => {
            scheduler.update_input(&name(), &found(&scheduler).await, &joined(input())).await.map(Some)
        }
        _ => scheduler.delete(&name()).await.map(Some),
    }
}

#[tokio::test]
async fn a_lost_race_is_reported_and_a_missing_schedule_is_not_an_error() {
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
async fn a_schedule_is_armed_unless_one_is_pending_or_an_operator_disabled_it() {
    let read = |at: &str, state: &str| {
        let changes = [("ScheduleExpression", json!(format!("at({at})"))), ("State", json!(state))];
        (200, with(body(), &changes))
    };
    // The current time of the test is the start time.
    let fired = || read("2029-12-28T22:00:00", "ENABLED");
    let left = |aws: &str| vec![(read(aws, "ENABLED"), READ)];
    let recreated = [(done(), DELETE), (done(), CREATE)];
    let rows: [(&str, Script, bool); 8] = [
        ("there is none", vec![(gone(), READ), (done(), CREATE)], true),
        (
            "the schedule that has fired is still there",
            [vec![(fired(), READ)], recreated.to_vec()].concat(),
            true,
        ),
        ("it is deleted in between", vec![(fired(), READ), (gone(), DELETE), (done(), CREATE)], true),
        ("one is pending", left("2029-12-28T22:01:00"), false),
        (
            "an operator made it recurring",
            vec![((200, with(body(), &[("ScheduleExpression", json!("rate(7 days)"))])), READ)],
            false,
        ),
        ("an operator disabled it", vec![(read("2029-12-28T22:00:00", "DISABLED"), READ)], false),
        (
            "another delivery was faster",
            [vec![(gone(), READ), (conflict(), CREATE)], left("2029-12-28T22:10:00")].concat(),
            false,
        ),
        (
            "it is being deleted",
            [
                vec![(fired(), READ), (conflict(), DELETE), (conflict(), CREATE), (gone(), READ)],
                vec![recreated[1].clone()],
            ]
            .concat(),
            true,
        ),
    ];
    for (row, script, expected) in rows {
        let (answers, expected_calls): (Vec<Answer>, Vec<&str>) = script.into_iter().unzip();
        let aws = Aws::that_answers(answers);
        let armed = scheduler(&aws).arm(&schedule(15), &Invocation::at(instant(SLOT))).await.expect(row);
        assert_eq!(matches!(armed, Armed::Created), expected, "{row}: {armed:?}");
        assert_eq!(calls(&aws), expected_calls, "{row}");
        // A minute later: a schedule is never written with a time that has come.
        for created in aws.sent(CREATE) {
            assert_eq!(created["ScheduleExpression"], "at(2029-12-28T22:01:00)", "{row}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn put_writes_a_schedule_as_requested_and_a_disabled_one_stays_disabled() {
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
        ("there is none", vec![(done(), CREATE)], None),
        ("it has the same input", vec![first.clone(), read((200, same))], None),
        (
            "another input",
            vec![first.clone(), read(other(Some("ENABLED"))), (done(), UPDATE)],
            Some("ENABLED"),
        ),
        ("without a state", vec![first.clone(), read(other(None)), (done(), UPDATE)], Some("ENABLED")),
        ("disabled", vec![first.clone(), read(other(Some("DISABLED"))), (done(), UPDATE)], Some("DISABLED")),
        ("it is deleted in between", vec![first.clone(), read(gone()), (done(), CREATE)], None),
        (
            "another writer changes it",
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
        scheduler(&aws).put(&schedule(15), &Invocation::at(now())).await.expect(row);
        assert_eq!(calls(&aws), expected_calls, "{row}");
        let updated = aws.sent(UPDATE).pop();
        assert_eq!(updated, state.map(|state| with(body(), &[("State", json!(state))])), "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_keeps_changing_is_an_error() {
    let reads = READS as usize;
    let conflict_of = |call: &str| format!("{call} failed: {NAME} was changed concurrently {READS} times");
    let aws = Aws::that_answers(vec![[gone(), conflict()]; reads].concat());
    let failed = scheduler(&aws).arm(&schedule(15), &Invocation::at(instant(SLOT))).await.unwrap_err();
    assert_eq!(failed.to_string(), conflict_of("CreateSchedule"));
    assert_eq!(calls(&aws), vec![[READ, CREATE]; reads].concat());

    let aws = Aws::that_answers(vec![[conflict(), gone()]; reads].concat());
    let failed = scheduler(&aws).put(&schedule(15), &Invocation::at(now())).await.unwrap_err();
    assert_eq!(failed.to_string(), conflict_of("UpdateSchedule"));
    assert_eq!(calls(&aws), vec![[CREATE, READ]; reads].concat());
}

#[tokio::test(start_paused = true)]
async fn throttling_does_not_use_up_a_retry_quota() {
    const CALLS: usize = 20; // 220 throttled answers: the SDK's default quota ends after 100
    let throttled = error("ThrottlingException", "Rate exceeded");
    let call = std::iter::repeat_n(throttled.clone(), ATTEMPTS as usize - 1).chain([done()]);
    let forever = std::iter::repeat_n(throttled, ATTEMPTS as usize);
    let aws = Aws::that_answers(std::iter::repeat_n(call, CALLS).flatten().chain(forever));
    let scheduler = scheduler(&aws);
    for nth in 0..CALLS {
        assert_eq!(scheduler.create(&schedule(15), now()).await, Ok(Written::Done), "call {nth}");
    }
    let failed = scheduler.create(&schedule(15), now()).await.unwrap_err();
    assert_eq!(failed.to_string(), "CreateSchedule failed: ThrottlingException: Rate exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_new_role_is_retried_and_any_other_invalid_request_is_not() {
    let refused = error(
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    );
    let aws = Aws::that_answers([refused.clone(), refused, done()]);
    assert_eq!(scheduler(&aws).create(&schedule(15), now()).await, Ok(Written::Done));
    assert_eq!(aws.requests().len(), 3);

    let aws = Aws::that_answers([error("ValidationException", "Invalid Schedule Expression."), done()]);
    let failed = scheduler(&aws).create(&schedule(15), now()).await.unwrap_err().to_string();
    assert_eq!(failed, "CreateSchedule failed: ValidationException: Invalid Schedule Expression.");
    assert_eq!(aws.requests().len(), 1);
}

#[tokio::test]
async fn an_error_without_an_answer_names_the_cause() {
    let mut sdk = Aws::that_answers([]).sdk().into_builder();
    sdk.set_http_client(None).set_endpoint_url(Some("http://127.0.0.1:1".into()));
    sdk.set_retry_config(Some(RetryConfig::disabled()));
    let failed = Scheduler::new(&sdk.build(), target()).get(&name()).await.unwrap_err();
    assert!(failed.to_string().starts_with("GetSchedule failed: "), "{failed}");
    assert!(failed.to_string().contains("Connection refused"), "{failed}");
    assert_eq!(failed.code(), None);
}

#[tokio::test]
async fn a_wake_up_that_finds_nothing_to_do_leaves_the_mark_of_unfinished_work() {
    let aws = Aws::default();
    let scheduler = scheduler(&aws);
    assert_eq!(scheduler.create(&schedule(15), now()).await.unwrap(), Written::Done);
    let overdue = found(&scheduler).await;
    let later = now() + TimeDelta::minutes(1);
    let invocation = |id: &str| Invocation::new(id, later, later + TimeDelta::minutes(5));
    // It has deleted the schedule in order to create it again, and failed.
    let failed = async |_| {
        scheduler.delete(&name()).await.unwrap();
        Err::<(), _>("no answer")
    };
    scheduler.locked(&name(), &Invocation::at(now()), failed).await.unwrap().unwrap_err();
    let wake = Wake::Deploy(input());
    scheduler
        .wake_again(&name(), (&name(), &overdue), &wake, Tz::UTC, &invocation("heartbeat"))
        .await
        .unwrap();
    let unfinished = async |unfinished| -> Result<bool, CallFailed> { Ok(unfinished) };
    let retry = scheduler.locked(&name(), &invocation("retry"), unfinished).await.unwrap();
    assert!(retry.unwrap());
    assert!(aws.locks().is_empty());
}

/// A thousand services whose retirement date has moved need more calls than AWS accepts in a second.
#[tokio::test(start_paused = true)]
async fn every_call_keeps_to_the_rate_of_a_small_region() {
    const AT_ONCE: usize = 200;
    let aws = Aws::default();
    let sdk = aws.sdk().into_builder().region(Region::from_static("eu-west-3")).build();
    for operation in [READ, UPDATE, DELETE] {
        let (scheduler, begun) = (Scheduler::new(&sdk, target()), tokio::time::Instant::now());
        let mut waited = Vec::new();
        for _ in 0..AT_ONCE + 2 {
            match operation {
                READ => drop(scheduler.get(&name()).await.unwrap()),
                UPDATE => drop(scheduler.replace(&schedule(15), now()).await.unwrap()),
                _ => drop(scheduler.delete(&name()).await.unwrap()),
            }
            waited.push(begun.elapsed().as_millis());
        }
        assert_eq!(waited[AT_ONCE - 1..], [0, 5, 10], "{operation}");
    }
}
