//! Knowledge only grows: repeats, late events, closings and changes of the account never make ingest know less.

use crate::common::{
    DEADLINE_CHECK, MEMORY, NAME, NOW, about, another, handle, sample, task, try_handle, with_all_services,
    with_states,
};
use aws::{Invocation, config::Config};
use fake_aws::{Aws, DELETE, Fault, Planned, UPDATE, environment, error, in_turn, merged, with_fault};
use ingest::Ingest;
use rules::outcome::{
    Cause, Outcome,
    OutcomeKind::{Cancelled, Scheduled, Skipped, Unchanged},
};
use serde_json::{Value, json};

/// The usual notice about these entities, as an event sent at `time` with this retirement date.
fn event(entities: &[&str], time: &str, starts_at: &str) -> Value {
    let mut event = about(entities);
    event["time"] = json!(time);
    event["detail"]["startTime"] = json!(starts_at);
    event
}

/// The usual notice without a stated date: its cut-off derives from the account's wait period.
fn without_a_stated_date() -> Value {
    let mut event = sample("service-notice");
    event["detail"]["eventDescription"] = json!([]);
    event
}

/// The tasks of `prod/web` were created at this time.
fn created_at(aws: &Aws, epoch: i64) {
    let service = json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "deployments": []});
    aws.service(&service, &[json!({"createdAt": epoch})], &[]);
}

/// The event that closes the usual notice a day later, and names these entities.
fn closing(entities: &[&str]) -> Value {
    let mut closed = event(entities, "2029-12-27T18:00:00Z", "2030-01-02T18:00:00Z");
    closed["detail"]["statusCode"] = json!("closed");
    closed
}

/// Handles an event, in which a call fails as planned. No call is tried again.
async fn fails(aws: &Aws, event: &Value, planned: Planned) {
    let ingest = Ingest::new(&aws.sdk_without_retries(), Config::read(&environment).unwrap());
    let invocation = Invocation::at(NOW.parse().unwrap());
    with_fault(Some(planned), ingest.handle(event, &invocation)).await.unwrap_err();
}

fn summary(outcome: &Outcome) -> (&str, rules::outcome::OutcomeKind) {
    (&outcome.entity, outcome.outcome)
}

#[tokio::test]
async fn a_repeat_after_the_proof_plans_nothing_and_notifies_nobody() {
    let aws = with_all_services();
    let first = about(&["prod|web"]);
    handle(&aws, &[], &first).await;
    aws.take(NAME); // deployed, and deleted by the function that dealt with it
    created_at(&aws, 1_893_189_600);
    for time in ["2029-12-26T18:00:05Z", "2029-12-30T18:00:00Z"] {
        aws.forget();
        let mut repeat = first.clone();
        repeat["time"] = json!(time);
        let report = try_handle(&aws, &[], &repeat, "2029-12-30T18:00:10Z").await.unwrap();
        assert_eq!(report.outcomes[0].outcome, Skipped, "{time}: {}", report.outcomes[0].reason);
        assert!(!aws.schedules().contains_key(NAME), "{time}");
        assert_eq!((aws.subjects(), aws.notified()), (Vec::new(), Vec::new()), "{time}");
    }
}

#[tokio::test]
async fn a_repeat_after_the_proof_plans_nothing_while_someone_else_deploys_the_service() {
    let aws = with_all_services();
    let first = about(&["prod|web"]);
    handle(&aws, &[], &first).await;
    aws.take(NAME);
    let foreign = json!({"id": "ecs-svc/2", "status": "PRIMARY", "createdAt": 1_893_189_700, "rolloutState": "IN_PROGRESS"});
    let service =
        json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "deployments": [foreign]});
    aws.service(&service, &[json!({"createdAt": 1_893_189_600})], &[]);
    aws.forget();
    let repeat = handle(&aws, &[], &first).await;
    assert_eq!((repeat.outcomes[0].outcome, repeat.outcomes[0].cause), (Skipped, Some(Cause::Patched)));
    assert!(!aws.schedules().contains_key(NAME));
    assert_eq!((aws.subjects(), aws.notified()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_repeat_after_the_proof_does_not_join_what_is_pending_for_another_notice() {
    let aws = with_all_services();
    let first = about(&["prod|web"]);
    handle(&aws, &[], &first).await;
    aws.take(NAME);
    created_at(&aws, 1_893_189_600);
    handle(&aws, &[], &another("arn:another", &["prod|web"])).await;
    let pending = aws.schedules()[NAME].clone();
    aws.forget();
    let repeat = handle(&aws, &[], &first).await;
    assert_eq!((repeat.outcomes[0].outcome, repeat.outcomes[0].cause), (Skipped, Some(Cause::Patched)));
    assert_eq!(aws.schedules()[NAME], pending);
    assert_eq!((aws.subjects(), aws.notified()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_repeat_during_the_verification_plans_nothing_unless_a_problem_was_found_or_the_date_has_moved() {
    let rows = [
        (false, "2030-01-02T18:00:00Z", Unchanged),
        (true, "2030-01-02T18:00:00Z", Scheduled),
        (false, "2030-01-03T18:00:00Z", Scheduled),
    ];
    for (notified, starts_at, expected) in rows {
        let aws = with_all_services();
        let first = about(&["prod|web"]);
        handle(&aws, &[], &first).await;
        let deployed = aws.schedules()[NAME].clone();
        let notices = aws.input_of(NAME)["notices"].clone();
        let check = json!({
            "version": 1, "kind": "service", "cluster": "prod", "service": "web", "notices": notices,
            "deployment": "ecs-svc/1", "since": NOW, "look": 0, "told": notified, "woken": 0,
        });
        aws.take(NAME);
        let target = merged(&deployed["Target"], &json!({"Input": check.to_string()}));
        aws.schedule(&format!("{NAME}.verify"), merged(&deployed, &json!({"Target": target})));
        aws.forget();
        let repeat = handle(&aws, &[], &event(&["prod|web"], "2029-12-26T18:00:06Z", starts_at)).await;
        assert_eq!(repeat.outcomes[0].outcome, expected, "{notified} {starts_at}: {repeat:?}");
        assert_eq!(aws.schedules().contains_key(NAME), expected == Scheduled);
        assert_eq!(aws.subjects().len(), usize::from(expected == Scheduled));
    }
}

#[tokio::test]
async fn a_repeat_of_which_the_tasks_are_unreadable_fails_and_plans_nothing() {
    let aws = with_all_services();
    let first = about(&["prod|web"]);
    handle(&aws, &[], &first).await;
    aws.take(NAME);
    aws.always("ListTasks", error("AccessDeniedException", "no"));
    try_handle(&aws, &[], &first, NOW).await.unwrap_err();
    assert!(!aws.schedules().contains_key(NAME));
}

#[tokio::test]
async fn a_repeat_without_a_proof_plans_again() {
    let aws = with_all_services();
    let first = about(&["prod|web"]);
    handle(&aws, &[], &first).await;
    aws.take(NAME);
    created_at(&aws, 0);
    assert_eq!(handle(&aws, &[], &first).await.outcomes[0].outcome, Scheduled);
}

#[tokio::test]
async fn a_late_older_event_adds_its_service_with_the_date_of_the_newer_event() {
    let aws = with_all_services();
    handle(&aws, &[], &event(&["prod|web"], "2029-12-26T18:00:05Z", "2029-12-31T18:00:00Z")).await;
    let late = event(&["prod|web", "prod|api"], "2029-12-26T18:00:00Z", "2030-01-02T18:00:00Z");
    let report = handle(&aws, &[], &late).await;
    let found: Vec<_> = report.outcomes.iter().map(summary).collect();
    assert_eq!(found, [("prod|web", Unchanged), ("prod|api", Scheduled)]);
    let name = report.outcomes[1].schedule.clone().expect("a schedule");
    for name in [NAME, &name] {
        assert_eq!(aws.input_of(name)["notices"][0]["starts_at"], "2029-12-31T18:00:00Z", "{name}");
    }
    let check = aws.input_of(DEADLINE_CHECK);
    assert_eq!(check["notice"]["starts_at"], "2029-12-31T18:00:00Z");
    assert_eq!(check["services"], json!({"prod": ["api", "web"]}));
}

#[tokio::test]
async fn a_longer_wait_period_does_not_make_the_cut_off_earlier() {
    let aws = with_all_services();
    for days in ["7", "14"] {
        aws.always("ListAccountSettings", (200, json!({"settings": [{"value": days}]})));
        let mut event = without_a_stated_date();
        event["detail"]["startTime"] =
            json!(if days == "7" { "2030-01-02T18:00:00Z" } else { "2030-01-02T19:00:00Z" });
        event["time"] = json!("2029-12-26T18:00:00Z");
        handle(&aws, &[], &event).await;
        let cut_off = "2029-12-26T18:00:00Z";
        assert_eq!(aws.input_of(NAME)["notices"][0]["cutoff"], cut_off, "{days} days");
        assert_eq!(aws.input_of(DEADLINE_CHECK)["notice"]["cutoff"], cut_off, "{days} days");
    }
}

#[tokio::test]
async fn a_later_cut_off_is_remembered_though_nothing_else_changes() {
    let aws = with_all_services();
    aws.always("ListAccountSettings", (200, json!({"settings": [{"value": "14"}]})));
    handle(&aws, &[], &without_a_stated_date()).await;
    assert_eq!(aws.input_of(DEADLINE_CHECK)["notice"]["cutoff"], "2029-12-19T18:00:00Z");
    aws.always("ListAccountSettings", (200, json!({"settings": [{"value": "7"}]})));
    handle(&aws, &[], &without_a_stated_date()).await;
    let cut_off = "2029-12-26T18:00:00Z";
    assert_eq!(aws.input_of(NAME)["notices"][0]["cutoff"], cut_off);
    assert_eq!(aws.input_of(DEADLINE_CHECK)["notice"]["cutoff"], cut_off);
}

#[tokio::test]
async fn without_the_wait_period_a_known_cut_off_stands_unless_the_retirement_date_moves() {
    let aws = with_all_services();
    aws.always("ListAccountSettings", (200, json!({"settings": [{"value": "14"}]})));
    let mut event = without_a_stated_date();
    handle(&aws, &[], &event).await;
    aws.always("ListAccountSettings", error("AccessDeniedException", "no"));
    let rows =
        [("2030-01-02T18:00:00Z", "2029-12-19T18:00:00Z"), ("2030-01-02T19:00:00Z", "2029-12-26T18:00:05Z")];
    for (starts_at, cut_off) in rows {
        event["detail"]["startTime"] = json!(starts_at);
        handle(&aws, &[], &event).await;
        assert_eq!(aws.input_of(NAME)["notices"][0]["cutoff"], cut_off);
        assert_eq!(aws.input_of(DEADLINE_CHECK)["notice"]["cutoff"], cut_off);
    }
}

#[tokio::test]
async fn a_notice_closed_without_entities_is_closed_for_every_known_service() {
    for named in [&[][..], &["prod|web"]] {
        let aws = with_all_services();
        handle(&aws, &[], &about(&["prod|web", "prod|api"])).await;
        let closed = closing(named);
        let report = handle(&aws, &[], &closed).await;
        let kinds: Vec<_> = report.outcomes.iter().map(|outcome| outcome.outcome).collect();
        assert_eq!(kinds, [Cancelled; 2], "{named:?}");
        let left: Vec<String> = aws.schedules().into_keys().collect();
        assert_eq!(left, [MEMORY], "{named:?}");
        assert_eq!(aws.input_of(MEMORY)["done"], json!({"prod": ["api", "web"]}), "{named:?}");
        // The repeat closes nothing, and is no failure.
        handle(&aws, &[], &closed).await;
    }
    // Of a notice that is not known there is nothing to close.
    let mut closed = about(&[]);
    closed["detail"]["statusCode"] = json!("closed");
    assert_eq!(handle(&with_all_services(), &[], &closed).await.outcomes, []);
}

#[tokio::test]
async fn a_notice_closed_without_entities_is_closed_on_every_page() {
    let aws = with_all_services();
    for (page, entity) in [("1", "prod|web"), ("3", "prod|api")] {
        let mut event = about(&[entity]);
        event["detail"]["page"] = json!(page);
        handle(&aws, &[], &event).await;
    }
    let closed = closing(&[]);
    let report = handle(&aws, &[], &closed).await;
    let kinds: Vec<_> = report.outcomes.iter().map(|outcome| outcome.outcome).collect();
    assert_eq!(kinds, [Cancelled; 2]);
    assert!(aws.schedules().into_keys().all(|name| name.starts_with("settled.")), "{:?}", aws.schedules());
}

#[tokio::test]
async fn a_cancellation_that_could_not_be_announced_is_announced_when_the_event_comes_again() {
    let aws = with_all_services();
    handle(&aws, &[], &about(&["prod|web", "prod|api"])).await;
    let closed = closing(&["prod|web", "prod|api"]);
    aws.forget();
    aws.on("Publish", in_turn(&[error("AuthorizationError", "no"), (200, json!({"MessageId": "1"}))]));
    try_handle(&aws, &[], &closed, NOW).await.unwrap_err();
    let report = handle(&aws, &[], &closed).await;
    let kinds: Vec<_> = report.outcomes.iter().map(|outcome| outcome.outcome).collect();
    assert_eq!(kinds, [Cancelled; 2]);
    assert_eq!(aws.subjects(), ["Cancelled: 2 services, retirement date Wed 2 Jan 2030 18:00 UTC"; 2]);
    assert_eq!(handle(&aws, &[], &closed).await.outcomes[0].outcome, Skipped);
    assert_eq!(aws.subjects().len(), 2, "once it was announced, it is not announced again");
}

#[tokio::test]
async fn a_cancellation_is_announced_though_the_invocation_ended_before_it_could() {
    let aws = with_all_services();
    handle(&aws, &[], &about(&["prod|web", "prod|api"])).await;
    let closed = closing(&["prod|web", "prod|api"]);
    aws.forget();
    fails(&aws, &closed, Planned { call: "PutEvents", nth: 0, fault: Fault::Crash }).await;
    assert!(!aws.schedules().contains_key(NAME), "the schedule is gone, and nobody was notified");
    aws.forget();
    let report = try_handle(&aws, &[], &closed, "2029-12-26T19:00:00Z").await.unwrap();
    let kinds: Vec<_> = report.outcomes.iter().map(|outcome| outcome.outcome).collect();
    assert_eq!(kinds, [Cancelled; 2]);
    assert_eq!(aws.subjects(), ["Cancelled: 2 services, retirement date Wed 2 Jan 2030 18:00 UTC"]);
}

#[tokio::test]
async fn a_closing_that_failed_is_done_when_the_event_comes_again() {
    let aws = with_all_services();
    handle(&aws, &[], &about(&["prod|web"])).await;
    let closed = closing(&[]);
    fails(&aws, &closed, Planned { call: DELETE, nth: 0, fault: Fault::Before }).await;
    assert!(aws.schedules().contains_key(NAME));
    aws.forget();
    let report = handle(&aws, &[], &closed).await;
    assert_eq!(report.outcomes[0].outcome, Cancelled);
    assert!(!aws.schedules().contains_key(NAME));
    assert_eq!(aws.subjects(), ["Cancelled: 1 service, retirement date Wed 2 Jan 2030 18:00 UTC"]);
}

#[tokio::test]
async fn an_event_older_than_the_closing_adds_no_service() {
    for known in [&[][..], &["prod|web"]] {
        let aws = with_all_services();
        if !known.is_empty() {
            handle(&aws, &[], &about(known)).await;
        }
        let closed = closing(&[]);
        handle(&aws, &[], &closed).await;
        let report = handle(&aws, &[], &about(&["prod|api"])).await;
        assert_eq!(report.outcomes[0].outcome, Unchanged, "{known:?}: {}", report.outcomes[0].reason);
        assert_eq!(aws.schedules().into_keys().collect::<Vec<_>>(), [MEMORY], "{known:?}");
    }
}

#[tokio::test]
async fn an_event_that_names_only_some_of_the_known_services_again_is_no_news() {
    let aws = with_all_services();
    handle(&aws, &[], &about(&["prod|web", "prod|api"])).await;
    aws.forget();
    let again = event(&["prod|web"], "2029-12-27T18:00:00Z", "2030-01-02T18:00:00Z");
    assert_eq!(handle(&aws, &[], &again).await.outcomes[0].outcome, Unchanged);
    assert_eq!((aws.subjects(), aws.notified()), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_plan_that_failed_at_first_is_announced_once_it_succeeds_whether_or_not_it_had_taken_effect() {
    let first = || about(&["prod|web"]);
    let moved = || event(&["prod|web"], "2029-12-27T18:00:00Z", "2030-01-04T18:00:00Z");
    let rows = [(None, first(), "POST /schedules/prod"), (Some(first()), moved(), "PUT /schedules/prod")];
    for (before, event, call) in rows {
        for fault in [Fault::Before, Fault::After] {
            let aws = with_all_services();
            if let Some(before) = &before {
                handle(&aws, &[], before).await;
            }
            aws.forget();
            fails(&aws, &event, Planned { call, nth: 0, fault }).await;
            assert_eq!(aws.notified(), Vec::<String>::new(), "{call} {fault:?}");
            handle(&aws, &[], &event).await;
            handle(&aws, &[], &event).await;
            assert_eq!(aws.notified(), ["Patch Scheduled: web"], "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn two_resolved_tasks_of_one_service_release_it() {
    let aws = with_all_services();
    let (one, two) = (task("1"), task("2"));
    let tasks = json!([
        {"taskArn": one, "group": "service:web"},
        {"taskArn": two, "group": "service:web"},
    ]);
    aws.always("DescribeTasks", (200, json!({"tasks": tasks})));
    handle(&aws, &[], &about(&[&one, &two])).await;
    let mut resolved = with_states(&[(&one, "RESOLVED"), (&two, "RESOLVED")]);
    resolved["time"] = json!("2029-12-27T18:00:00Z");
    let report = handle(&aws, &[], &resolved).await;
    assert_eq!(report.outcomes[0].outcome, Cancelled);
    let check = aws.input_of(MEMORY);
    assert_eq!((&check["services"], &check["done"]), (&json!({}), &json!({"prod": ["web"]})));
}

#[tokio::test]
async fn pages_without_numbers_share_one_deadline_check_with_all_services() {
    let aws = with_all_services();
    for entity in ["prod|web", "prod|api"] {
        let mut event = about(&[entity]);
        event["detail"]["page"] = Value::Null;
        handle(&aws, &[], &event).await;
    }
    assert_eq!(aws.input_of(DEADLINE_CHECK)["services"], json!({"prod": ["api", "web"]}));
}

#[tokio::test]
async fn a_page_without_a_number_that_closes_a_service_is_remembered_before_its_notice_arrives() {
    let aws = with_all_services();
    let event = |entity: &str, status: &str, time: &str| {
        let mut event = about(&[entity]);
        event["detail"]["page"] = Value::Null;
        event["detail"]["statusCode"] = json!(status);
        event["time"] = json!(time);
        event
    };
    let (sent, closed) = ("2029-12-26T18:00:00Z", "2029-12-26T18:30:00Z");
    handle(&aws, &[], &event("prod|web", "upcoming", sent)).await;
    handle(&aws, &[], &event("prod|web", "closed", closed)).await;
    handle(&aws, &[], &event("prod|api", "closed", closed)).await;
    let late = handle(&aws, &[], &event("prod|api", "upcoming", sent)).await;
    assert_eq!(late.outcomes[0].outcome, Unchanged);
    assert_eq!(aws.schedules().into_keys().collect::<Vec<_>>(), [MEMORY]);
}

#[tokio::test]
async fn an_event_for_another_account_writes_nothing() {
    let aws = with_all_services();
    let mut event = about(&["prod|web"]);
    event["account"] = json!("999999999999");
    let report = try_handle(&aws, &[], &event, NOW).await.unwrap();
    assert_eq!(report.outcomes[0].outcome, Skipped);
    assert_eq!((aws.schedules().len(), aws.sent(UPDATE).len()), (0, 0));
}
