use aws::scheduler::ScheduleTarget;
use aws_sdk_ecs::Client as EcsClient;
use aws_sdk_scheduler::{
    Client,
    config::{http::HttpResponse, retry::RetryConfig},
};
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
use serde_json::json;
use shared::policy::Settings;

use super::*;
use OutcomeKind::{Cancelled, NotActionable, Scheduled, Skipped, Unchanged};

const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
fn task(id: &str) -> String {
    format!("arn:aws:ecs:eu-west-2:111122223333:task/prod/{id:0>32}")
}

const CONFLICT: &str = "ConflictException";
const GONE: &str = "ResourceNotFoundException";
const DENIED: &str = "AccessDeniedException";

macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../../events/", $name, ".json"))).unwrap()
    };
}

/// An ingest whose AWS knows these calls. Any other call panics.
fn ingest(scheduler: &[&Rule], ecs: &[&Rule]) -> Ingest {
    let target = ScheduleTarget {
        group: "the-group".into(),
        function_arn: "arn:deploy".into(),
        role_arn: "arn:role".into(),
        dead_letter_queue_arn: "arn:queue".into(),
    };
    let scheduler = mock_client!(aws_sdk_scheduler, RuleMode::MatchAny, scheduler, |config| config
        .retry_config(RetryConfig::disabled()));
    let ecs = mock_client!(aws_sdk_ecs, RuleMode::MatchAny, ecs, |config| config
        .retry_config(RetryConfig::disabled()));
    let mut settings = Settings::new(&|_| None);
    let policy = settings.policy();
    Ingest {
        scheduler: Scheduler::with_client(scheduler, target),
        ecs: Ecs::with_client(ecs),
        policy: settings.finish(policy).unwrap(),
        region: "eu-west-2".into(),
    }
}

/// The usual notice, about these entities.
fn about(entities: &[(&str, &str)]) -> Value {
    let mut event = sample!("service-notice");
    event["resources"] = json!([]);
    let entity = |(text, status): &(&str, &str)| json!({"entityValue": text, "status": status});
    event["detail"]["affectedEntities"] = entities.iter().map(entity).collect();
    event
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), body.to_string().into())
}

fn done() -> HttpResponse {
    answer(200, &json!({"ScheduleArn": "arn:schedule"}))
}

fn refusal(code: &str) -> HttpResponse {
    answer(400, &json!({"__type": code, "message": "no"}))
}

/// The schedule of a service, as ingest left it for the usual notice or for `another`.
fn pending(name: &str, another: Option<&str>) -> HttpResponse {
    let mut input = sample!("deploy-input");
    let names: Vec<&str> = name.split('.').collect();
    (input["cluster"], input["service"]) = (json!(names[0]), json!(names[1]));
    if let Some(another) = another {
        input["notices"][0]["event_arn"] = json!(another);
    }
    let schedule = json!({
        "ScheduleExpression": "at(2029-12-28T22:00:00)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "Target": {"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": input.to_string()},
    });
    answer(200, &schedule)
}

/// Reads what is pending for whichever service is asked for.
fn all_pending() -> Rule {
    mock!(Client::get_schedule)
        .then_compute_response(|asked| MockResponse::Http(pending(asked.name().unwrap(), None)))
}

fn creates(answer: fn() -> HttpResponse) -> Rule {
    mock!(Client::create_schedule).then_http_response(answer)
}

fn reads(answer: fn() -> HttpResponse) -> Rule {
    mock!(Client::get_schedule).then_http_response(answer)
}

/// Describes tasks, by id and group.
fn tasks(tasks: &'static [(&str, &str)]) -> Rule {
    mock!(EcsClient::describe_tasks).then_http_response(|| {
        let described = |(id, group): &(&str, &str)| json!({"taskArn": task(id), "group": group});
        answer(200, &json!({"tasks": tasks.iter().map(described).collect::<Value>()}))
    })
}

async fn handle(ingest: &Ingest, event: &Value) -> Result<Report, Failure> {
    ingest.handle(event, "2029-12-26T18:00:10Z".parse().unwrap()).await
}

async fn outcomes(ingest: &Ingest, event: &Value) -> Vec<(OutcomeKind, String)> {
    let report = handle(ingest, event).await.expect("no failure");
    report.outcomes.into_iter().map(|outcome| (outcome.outcome, outcome.reason)).collect()
}

async fn kinds(ingest: &Ingest, event: &Value) -> Vec<OutcomeKind> {
    outcomes(ingest, event).await.into_iter().map(|(kind, _)| kind).collect()
}

async fn failure(ingest: &Ingest, event: &Value) -> String {
    handle(ingest, event).await.expect_err("a failure").to_string()
}

#[tokio::test]
async fn the_usual_notice_schedules_each_service() {
    let create = creates(done);
    let report = handle(&ingest(&[&create], &[]), &sample!("service-notice")).await.unwrap();
    let outcome = |cluster: &str, service: &str, hash: &str| {
        json!({
            "entity": format!("{cluster}|{service}"), "cluster": cluster, "service": service,
            "outcome": "scheduled", "reason": "earliest opening of Fri 22:00-02:00 UTC before AWS's date",
            "slot": "2029-12-28T22:00:00Z", "schedule": format!("{cluster}.{service}.{hash}"),
        })
    };
    let expected = json!([
        outcome("prod", "web", "bf04ed89e1afdadd0c43"),
        outcome("prod", "api", "c2f26ed760bb5e8fe0f7"),
        outcome("staging", "web", "b7de1893b10f55783cfa"),
    ]);
    let report = json!(report);
    assert_eq!(report["outcomes"], expected);
    assert_eq!(report["counts"], json!({"scheduled": 3}));
    assert_eq!(create.num_calls(), 3);
}

#[tokio::test]
async fn a_service_that_fails_stops_no_other_and_fails_the_invocation() {
    let denied = mock!(Client::create_schedule)
        .match_requests(|asked| asked.name().unwrap().starts_with("prod.web."))
        .then_http_response(|| refusal(DENIED));
    let create = creates(done);
    let failure = failure(&ingest(&[&denied, &create], &[]), &sample!("service-notice")).await;
    assert!(failure.contains("1 of 3 entities failed"), "{failure}");
    assert!(failure.contains("prod|web: CreateSchedule failed: AccessDeniedException: no"), "{failure}");
    assert_eq!(create.num_calls(), 2);
}

#[tokio::test]
async fn a_notice_that_comes_again_changes_nothing() {
    let create = creates(|| refusal(CONFLICT));
    let ingest = ingest(&[&create, &all_pending()], &[]);
    let again = (Unchanged, "already scheduled".to_owned());
    assert_eq!(outcomes(&ingest, &sample!("service-notice")).await, [again.clone(), again.clone(), again]);
}

#[tokio::test]
async fn a_schedule_of_another_notice_is_joined() {
    let update = mock!(Client::update_schedule)
        .match_requests(|asked| {
            let input = asked.target().unwrap().input().unwrap();
            input.contains("arn:another") && input.contains("_4f8e2b71")
        })
        .then_http_response(done);
    let (create, read) = (creates(|| refusal(CONFLICT)), reads(|| pending(NAME, Some("arn:another"))));
    let ingest = ingest(&[&create, &read, &update], &[]);
    let joined = "joins 1 other notice(s) of the service; the slot stays".to_owned();
    assert_eq!(outcomes(&ingest, &about(&[("prod|web", "PENDING")])).await, [(Scheduled, joined)]);
    assert_eq!(update.num_calls(), 1);
}

#[tokio::test]
async fn a_schedule_that_goes_in_between_is_created_again() {
    let create = mock!(Client::create_schedule)
        .sequence()
        .http_response(|| refusal(CONFLICT))
        .http_response(done)
        .build();
    let ingest = ingest(&[&create, &reads(|| refusal(GONE))], &[]);
    assert_eq!(kinds(&ingest, &about(&[("prod|web", "PENDING")])).await, [Scheduled]);
    assert_eq!(create.num_calls(), 2);
}

#[tokio::test]
async fn a_schedule_that_others_keep_changing_is_a_failure() {
    let update = mock!(Client::update_schedule).then_http_response(|| refusal(CONFLICT));
    let (create, read) = (creates(|| refusal(CONFLICT)), reads(|| pending(NAME, Some("arn:another"))));
    let ingest = ingest(&[&create, &read, &update], &[]);
    let failure = failure(&ingest, &about(&[("prod|web", "PENDING")])).await;
    assert!(failure.contains(&format!("others changed {NAME} 5 times in between")), "{failure}");
    assert_eq!((create.num_calls(), update.num_calls()), (1, READS as usize));
}

#[tokio::test]
async fn entities_of_one_service_are_scheduled_once_while_one_of_them_needs_it() {
    let (first, second) = (task("1"), task("2"));
    let read = reads(|| refusal(GONE));
    let nothing = [Skipped, Skipped];
    let rows = [
        ("PENDING", "PENDING", 1, [Scheduled, Unchanged]),
        ("PENDING", "RESOLVED", 1, [Scheduled, Unchanged]),
        ("RESOLVED", "PENDING", 1, [Scheduled, Unchanged]),
        ("RESOLVED", "RESOLVED", 0, nothing),
    ];
    for (one, other, calls, expected) in rows {
        let create = creates(done);
        let ingest = ingest(&[&create, &read], &[&tasks(&[("1", "service:web"), ("2", "service:web")])]);
        let found = outcomes(&ingest, &about(&[(&first, one), (&second, other)])).await;
        assert_eq!([found[0].0, found[1].0], expected, "{one} {other}");
        assert_eq!(create.num_calls(), calls, "{one} {other}");
        let refers = found[1].1 == format!("of the same service as {first}: see there");
        assert_eq!(refers, expected != nothing, "{found:?}");
    }
}

#[tokio::test]
async fn a_notice_that_is_not_ours_makes_no_call() {
    let mut elsewhere = ingest(&[], &[]);
    elsewhere.region = "us-west-2".into();
    let here = ingest(&[], &[]);
    let rows = [
        (&here, sample!("organisation-feed")),
        (&elsewhere, sample!("backup-region-copy")),
        (&elsewhere, sample!("service-notice")),
    ];
    for (ingest, event) in rows {
        assert_eq!(kinds(ingest, &event).await, [Skipped, Skipped, Skipped]);
    }
}

#[tokio::test]
async fn an_event_that_is_no_notice_makes_no_call() {
    let rows = [
        (sample!("malformed-event-code"), "detail.eventTypeCode is "),
        (sample!("malformed-no-entities"), "detail.affectedEntities "),
        (sample!("malformed-not-health"), "detail-type is "),
        (sample!("malformed-start-time"), "detail.startTime is "),
    ];
    for (event, expected) in rows {
        let failure = handle(&ingest(&[], &[]), &event).await.unwrap_err();
        assert!(matches!(failure, Failure::InvalidEvent(_)), "{failure}");
        assert!(failure.to_string().starts_with(expected), "{failure}");
    }
}

#[tokio::test]
async fn without_a_stated_cutoff_it_comes_from_the_wait_period_or_is_the_events_time() {
    type Setting = fn() -> HttpResponse;
    let rows: [(Setting, &str); 3] = [
        (|| answer(200, &json!({"settings": [{"value": "7"}]})), "2029-12-26T18:00:00Z"),
        (|| answer(200, &json!({"settings": []})), "2029-12-26T18:00:05Z"),
        (|| refusal(DENIED), "2029-12-26T18:00:05Z"),
    ];
    for (setting, cutoff) in rows {
        let wait = mock!(EcsClient::list_account_settings).then_http_response(setting);
        let create = mock!(Client::create_schedule)
            .match_requests(move |asked| {
                asked.target().unwrap().input().unwrap().contains(&format!(r#""cutoff":"{cutoff}""#))
            })
            .then_http_response(done);
        let ingest = ingest(&[&create], &[&wait]);
        assert_eq!(kinds(&ingest, &sample!("iso-dates")).await, [Scheduled, Scheduled], "{cutoff}");
    }
}

#[tokio::test]
async fn tasks_that_cannot_be_read_fail_alone() {
    let create = creates(done);
    let denied = mock!(EcsClient::describe_tasks).then_http_response(|| refusal(DENIED));
    let task = task("1");
    let event = about(&[(&task, "PENDING"), ("prod|web", "PENDING"), ("prod web", "PENDING")]);
    let failure = failure(&ingest(&[&create], &[&denied]), &event).await;
    assert!(failure.contains("2 of 3 entities failed"), "{failure}");
    assert!(failure.contains(&format!("{task}: DescribeTasks failed: AccessDeniedException")), "{failure}");
    assert!(failure.contains(r#"prod web: "prod web" is none of the known forms"#), "{failure}");
    assert_eq!(create.num_calls(), 1);
}

#[tokio::test]
async fn what_has_no_service_is_explained() {
    let (alone, gone) = (task("1"), task("2"));
    let ingest = ingest(&[&creates(done)], &[&tasks(&[("1", "family:batch")])]);
    let event = about(&[(&alone, "PENDING"), (&gone, "PENDING"), ("UNKNOWN", "PENDING")]);
    let expected = [
        (NotActionable, r#"a stand-alone task (group "family:batch", "#),
        (Skipped, "ECS no longer knows the task"),
        (NotActionable, "it names no service or task"),
    ];
    let found = outcomes(&ingest, &event).await;
    assert_eq!(found.len(), expected.len());
    for ((kind, reason), (expected, start)) in found.into_iter().zip(expected) {
        assert_eq!(kind, expected, "{reason}");
        assert!(reason.starts_with(start), "{reason}");
    }
}

#[tokio::test]
async fn an_arn_without_its_cluster_is_looked_for_in_all_of_them() {
    let event = about(&[("arn:aws:ecs:eu-west-2:111122223333:service/web", "PENDING")]);
    let rows = [(&[][..], Skipped), (&["prod"], Scheduled), (&["prod", "staging"], NotActionable)];
    for (having, expected) in rows {
        let clusters = mock!(EcsClient::list_clusters).then_http_response(|| {
            answer(200, &json!({"clusterArns": ["arn:c/test", "arn:c/prod", "arn:c/staging"]}))
        });
        let services = mock!(EcsClient::describe_services).then_compute_response(move |asked| {
            let has = having.contains(&asked.cluster().unwrap());
            let missing = json!({"services": [], "failures": [{"reason": "MISSING"}]});
            let found = json!({"services": [{"status": "ACTIVE"}]});
            MockResponse::Http(answer(200, if has { &found } else { &missing }))
        });
        let ingest = ingest(&[&creates(done)], &[&clusters, &services]);
        assert_eq!(kinds(&ingest, &event).await, [expected], "{having:?}");
    }
}

#[tokio::test]
async fn a_closed_notice_takes_its_schedules_along() {
    let delete = mock!(Client::delete_schedule).then_http_response(done);
    let mut closed = sample!("closed");
    closed["detail"]["affectedEntities"] = json!([]); // the resources say nothing of being resolved
    let report = handle(&ingest(&[&all_pending(), &delete], &[]), &closed).await.unwrap();
    for outcome in &report.outcomes {
        assert_eq!((outcome.outcome, &outcome.slot, &outcome.schedule), (Cancelled, &None, &None));
    }
    assert_eq!((report.outcomes.len(), delete.num_calls()), (3, 3));
}
