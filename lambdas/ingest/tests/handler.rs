//! What ingest does with a notice, on an AWS that speaks its wire formats.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

use aws::{Failure, config::Config, scheduler::READS};
use fake_aws::{Answer, Aws, CREATE, DELETE, READ, UPDATE, environment, error, in_turn};
use ingest::Ingest;
use serde_json::{Value, json};
use shared::outcome::{
    OutcomeKind::{self, Cancelled, NotActionable, Scheduled, Skipped, Unchanged},
    Report,
};

const NOW: &str = "2029-12-26T18:00:10Z";
const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
const WATCH: &str = "deadline.c731f120016c94a66426.1";
const CONFLICT: &str = "ConflictException";
const GONE: &str = "ResourceNotFoundException";
const DENIED: &str = "AccessDeniedException";

macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../events/", $name, ".json"))).unwrap()
    };
}

fn task(id: &str) -> String {
    format!("arn:aws:ecs:eu-west-2:111122223333:task/prod/{id:0>32}")
}

/// The usual notice, about these entities.
fn about(entities: &[(&str, &str)]) -> Value {
    let mut event = sample!("service-notice");
    event["resources"] = json!([]);
    let entity = |(text, status): &(&str, &str)| json!({"entityValue": text, "status": status});
    event["detail"]["affectedEntities"] = entities.iter().map(entity).collect();
    event
}

fn refusal(code: &str) -> Answer {
    error(code, "no")
}

/// An AWS whose ECS knows these tasks, by id and group.
fn with_tasks(tasks: &[(&str, &str)]) -> Aws {
    let described = |(id, group): &(&str, &str)| json!({"taskArn": task(id), "group": group});
    let aws = Aws::default();
    aws.always("DescribeTasks", (200, json!({"tasks": tasks.iter().map(described).collect::<Value>()})));
    aws
}

async fn handle_at(aws: &Aws, event: &Value, now: &str) -> Result<Report, Failure> {
    let ingest = Ingest::new(&aws.sdk(), Config::read(&environment).expect("a configuration"));
    ingest.handle(event, now.parse().expect("a date of the test")).await
}

async fn handle(aws: &Aws, event: &Value) -> Result<Report, Failure> {
    handle_at(aws, event, NOW).await
}

async fn outcomes(aws: &Aws, event: &Value) -> Vec<(OutcomeKind, String)> {
    let report = handle(aws, event).await.expect("no failure");
    report.outcomes.into_iter().map(|outcome| (outcome.outcome, outcome.reason)).collect()
}

async fn kinds(aws: &Aws, event: &Value) -> Vec<OutcomeKind> {
    outcomes(aws, event).await.into_iter().map(|(kind, _)| kind).collect()
}

async fn failure(aws: &Aws, event: &Value) -> String {
    handle(aws, event).await.expect_err("a failure").to_string()
}

/// The titles of the messages.
fn titles(aws: &Aws) -> Vec<String> {
    aws.messages().iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect()
}

/// The calls that write schedules of services, not of watches.
fn written(aws: &Aws) -> Vec<String> {
    let calls = aws.requests().into_iter().map(|(call, _)| call);
    let call = |call: String| {
        call.split_once("/schedules/").map(|(method, name)| (method.to_owned(), name.to_owned()))
    };
    let ours =
        calls.filter_map(call).filter(|(method, name)| method != "GET " && !name.starts_with("deadline."));
    ours.map(|(method, name)| format!("{method}{}", name.split('.').take(2).collect::<Vec<_>>().join(".")))
        .collect()
}

#[tokio::test]
async fn the_usual_notice_schedules_each_service() {
    let aws = Aws::default();
    let report = handle(&aws, &sample!("service-notice")).await.unwrap();
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
    let mut input = sample!("deploy-input");
    input["scheduled_for"] = json!("<aws.scheduler.scheduled-time>"); // filled in as it fires
    assert_eq!(aws.input_of(NAME), input);
    assert_eq!(written(&aws).len(), 3);
}

#[tokio::test]
async fn a_notice_is_told_once_in_one_message_and_watched_before_its_deadline() {
    let aws = Aws::default();
    handle(&aws, &sample!("service-notice")).await.unwrap();
    let title = "Task retirement: 3 service(s) will be redeployed; AWS's date is Wed 2030-01-02 18:00 UTC";
    assert_eq!(titles(&aws), [title]);
    assert_eq!(aws.sent("Publish")[0]["MessageAttributes.entry.1.Value.StringValue"], "Patch Scheduled");
    for service in ["prod/web", "prod/api", "staging/web"] {
        assert!(aws.messages()[0].contains(&format!("- Fri 2029-12-28 22:00 UTC: {service}\n")), "{service}");
    }
    let told = ["Patch Scheduled: web", "Patch Scheduled: api", "Patch Scheduled: web"];
    assert_eq!(aws.told(), told);
    let arn = sample!("service-notice")["detail"]["eventArn"].clone();
    let notice =
        json!({"event_arn": arn, "starts_at": "2030-01-02T18:00:00Z", "cutoff": "2029-12-26T18:00:00Z"});
    let service_arn = "arn:aws:ecs:eu-west-2:111122223333:service/prod/web";
    let detail = json!({
        "cluster": "prod", "service": "web", "service_arn": service_arn, "notices": [notice],
        "slot": "2029-12-28T22:00:00Z", "deadline": "2030-01-02T16:00:00Z",
        "reason": "earliest opening of Fri 22:00-02:00 UTC before AWS's date",
    });
    assert_eq!((&aws.events()[0]["Detail"], &aws.events()[0]["Resources"]), (&detail, &json!([service_arn])));

    let mut watch = aws.schedules()[WATCH].clone();
    let mut input = aws.input_of(WATCH);
    let fingerprint = input["told"].take();
    assert_eq!(fingerprint[0].as_str().map(str::len), Some(20));
    let expected = json!({
        "version": 1, "kind": "deadline", "notice": notice, "page": 1, "part": 0, "told": null,
        "services": {"prod": ["api", "web"], "staging": ["web"]}, "done": {},
        "sent_at": "2029-12-26T18:00:05Z", "until": "2030-01-02T17:00:00Z",
    });
    assert_eq!(input, expected);
    watch["Target"]["Input"].take();
    let expected = json!({
        "GroupName": "the-group",
        "ScheduleExpression": "at(2030-01-02T15:30:00)",
        "ScheduleExpressionTimezone": "UTC",
        "Description": format!(
            "Checks at Wed 2030-01-02 15:30 UTC whether 3 service(s) are patched; AWS's date: Wed 2030-01-02 18:00 UTC; \
             notice: {}", arn.as_str().unwrap()
        ),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": "arn:verify", "RoleArn": "arn:aws:iam::111122223333:role/the-role",
            "DeadLetterConfig": {"Arn": "arn:queue"}, "Input": null,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3_600, "MaximumRetryAttempts": 185},
        },
    });
    assert_eq!(watch, expected);

    let (before, again) = (aws.schedules(), (Unchanged, "already scheduled".to_owned()));
    aws.forget();
    assert_eq!(outcomes(&aws, &sample!("service-notice")).await, [again.clone(), again.clone(), again]);
    assert_eq!((aws.messages().len(), aws.events().len(), aws.sent(UPDATE).len()), (0, 0, 0));
    assert_eq!(aws.schedules(), before);
}

#[tokio::test(start_paused = true)]
async fn whom_it_could_not_tell_is_told_when_the_notice_comes_again() {
    for call in ["Publish", "PutEvents"] {
        let aws = Aws::default();
        aws.on(call, in_turn(&[refusal("AuthorizationError")]));
        let failure = failure(&aws, &sample!("service-notice")).await;
        assert!(failure.contains("AuthorizationError"), "{failure}");
        assert_eq!(aws.schedules().len(), 4, "all that could be done was done");
        aws.forget();
        let entries: Vec<Value> = (0..3).map(|nth| json!({"EventId": format!("{nth}")})).collect();
        aws.always(call, (200, json!({"MessageId": "1", "FailedEntryCount": 0, "Entries": entries})));
        for (messages, events) in [(1, 3), (0, 0)] {
            assert_eq!(kinds(&aws, &sample!("service-notice")).await, [Unchanged; 3], "{call}");
            assert_eq!((aws.messages().len(), aws.events().len()), (messages, events), "{call}");
            aws.forget();
        }
    }
}

#[tokio::test]
async fn only_what_changed_is_told_again_as_an_event_and_the_watch_follows() {
    let aws = Aws::default();
    handle(&aws, &sample!("service-notice")).await.unwrap();
    aws.forget();
    assert_eq!(kinds(&aws, &sample!("entity-resolved")).await, [Unchanged, Cancelled, Unchanged]);
    assert_eq!(aws.messages().len(), 1);
    assert_eq!(aws.input_of(WATCH)["services"], json!({"prod": ["web"], "staging": ["web"]}));
    assert_eq!(written(&aws).iter().filter(|call| call.starts_with("DELETE")).count(), 1);
    aws.forget();
    assert_eq!(kinds(&aws, &sample!("entity-resolved")).await, [Unchanged, Skipped, Unchanged]);
    assert_eq!((titles(&aws), aws.told()), (Vec::new(), Vec::new()), "the same again is no news");
}

#[tokio::test]
async fn a_schedule_that_a_person_deleted_comes_back_with_the_notice_and_only_that_is_an_event() {
    let aws = Aws::default();
    handle(&aws, &sample!("service-notice")).await.unwrap();
    aws.take(NAME);
    aws.forget();
    assert_eq!(kinds(&aws, &sample!("service-notice")).await, [Scheduled, Unchanged, Unchanged]);
    assert_eq!((aws.told(), aws.messages().len()), (vec!["Patch Scheduled: web".to_owned()], 1));
    assert_eq!(aws.events()[0]["Detail"]["cluster"], "prod");
}

#[tokio::test]
async fn an_older_event_of_a_notice_that_comes_late_changes_nothing() {
    let aws = Aws::default();
    handle(&aws, &sample!("update-moved-date")).await.unwrap();
    let before = aws.schedules();
    aws.forget();
    let late = outcomes(&aws, &sample!("service-notice")).await;
    assert!(
        late.iter().all(|(kind, reason)| *kind == Unchanged && reason.starts_with("a newer event of this"))
    );
    assert_eq!(aws.schedules(), before);
    assert!(aws.requests().iter().all(|(call, _)| call.starts_with(&format!("{READ}{WATCH}"))));
}

#[tokio::test]
async fn an_older_event_that_names_others_is_handled_and_told() {
    let aws = Aws::default();
    handle(&aws, &sample!("update-moved-date")).await.unwrap();
    aws.forget();
    aws.always("DescribeTasks", (200, json!({"tasks": [{"taskArn": task("1"), "group": "family:batch"}]})));
    let mut late = about(&[("prod|web", "PENDING"), ("prod|db", "PENDING"), (&task("1"), "PENDING")]);
    late["detail"]["eventArn"] = sample!("update-moved-date")["detail"]["eventArn"].clone();
    assert_eq!(kinds(&aws, &late).await, [Unchanged, Scheduled, NotActionable]);
    assert_eq!((titles(&aws).len(), aws.told().len()), (1, 2));
    assert!(aws.messages()[0].contains("a stand-alone task"), "{}", aws.messages()[0]);
    assert_eq!(
        aws.input_of(WATCH)["services"],
        json!({"prod": ["api", "db", "web"], "staging": ["web"]}),
        "what was named before is still watched"
    );
}

#[tokio::test]
async fn a_closed_notice_takes_its_schedules_along_and_no_late_event_brings_them_back() {
    let aws = Aws::default();
    handle(&aws, &sample!("service-notice")).await.unwrap();
    aws.forget();
    let mut closed = sample!("closed");
    closed["detail"]["affectedEntities"] = json!([]); // the resources say nothing of being resolved
    let report = handle(&aws, &closed).await.unwrap();
    for outcome in &report.outcomes {
        assert_eq!((outcome.outcome, &outcome.slot, &outcome.schedule), (Cancelled, &None, &None));
    }
    assert_eq!((report.outcomes.len(), written(&aws).len()), (3, 3));
    assert_eq!(aws.schedules().into_keys().collect::<Vec<_>>(), [WATCH]);
    assert_eq!(aws.input_of(WATCH)["services"], json!({}));
    assert_eq!(titles(&aws), ["Task retirement: 3 service(s) no longer planned"]);
    aws.forget();
    assert_eq!(kinds(&aws, &closed).await, [Skipped; 3]);
    assert_eq!(kinds(&aws, &sample!("service-notice")).await, [Unchanged; 3]);
    assert_eq!((aws.messages().len(), aws.events().len(), written(&aws).len()), (0, 0, 0));
}

#[tokio::test]
async fn a_service_that_is_patched_when_awss_date_comes_is_left_alone_and_an_old_one_is_planned() {
    let (date, created) = ("2030-01-02T18:00:05Z", |date: i64| json!({"createdAt": date}));
    let (old, new) = (created(1_893_002_400), created(1_893_002_401)); // the cut-off, and a second later
    let active = json!({"status": "ACTIVE", "desiredCount": 2});
    let rows = [
        (vec![new.clone(), new.clone()], Skipped, "Task retirement: all 1 service(s) are patched", json!({})),
        (
            vec![new, old],
            Scheduled,
            "Task retirement: 1 service(s) will be redeployed; AWS's date is Wed 2030-01-02 18:00 UTC",
            json!({"prod": ["web"]}),
        ),
    ];
    for (tasks, kind, title, watched) in rows {
        let aws = Aws::default();
        aws.service(&active, &tasks, &[]);
        let report = handle_at(&aws, &about(&[("prod|web", "PENDING")]), date).await.unwrap();
        assert_eq!(report.outcomes[0].outcome, kind, "{report:?}");
        assert_eq!(written(&aws).len(), usize::from(kind == Scheduled), "{title}");
        assert_eq!(titles(&aws), [title]);
        assert_eq!(aws.input_of(WATCH)["services"], watched);
    }
    // One that cannot be read is planned: deploy reads it again.
    let aws = Aws::default();
    aws.always("DescribeServices", refusal(DENIED));
    let report = handle_at(&aws, &about(&[("prod|web", "PENDING")]), date).await.unwrap();
    assert_eq!(report.outcomes[0].outcome, Scheduled);
    assert_eq!(aws.schedules()[WATCH]["ScheduleExpression"], "at(2030-01-05T04:00:00)"); // after the slot
}

#[tokio::test]
async fn a_service_that_fails_stops_no_other_and_fails_the_invocation() {
    let aws = Aws::default();
    aws.always(&format!("{CREATE}prod.web."), refusal(DENIED));
    let failure = failure(&aws, &sample!("service-notice")).await;
    assert!(failure.contains("1 of 3 entities failed"), "{failure}");
    assert!(failure.contains("prod|web: CreateSchedule failed: AccessDeniedException: no"), "{failure}");
    assert_eq!(aws.schedules().len(), 3, "two services and the watch");
    assert!(aws.messages()[0].contains("Could not be planned, and is tried again:\n- prod/web: "));
    assert_eq!(aws.input_of(WATCH)["services"], json!({"prod": ["api", "web"], "staging": ["web"]}));
}

#[tokio::test]
async fn a_schedule_of_another_notice_is_joined() {
    let (aws, mut another) = (Aws::default(), about(&[("prod|web", "PENDING")]));
    another["detail"]["eventArn"] = json!("arn:another");
    handle(&aws, &another).await.unwrap();
    aws.forget();
    let joined = "joins 1 other notice(s) of the service; the slot stays".to_owned();
    assert_eq!(outcomes(&aws, &about(&[("prod|web", "PENDING")])).await, [(Scheduled, joined)]);
    let arns = aws.input_of(NAME)["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| notice["event_arn"].clone())
        .collect::<Vec<_>>();
    assert_eq!(arns, [json!("arn:another"), sample!("service-notice")["detail"]["eventArn"].clone()]);
    assert_eq!(written(&aws), ["POST prod.web", "PUT prod.web"]);
    assert_eq!(aws.schedules().keys().filter(|name| name.starts_with("deadline.")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_goes_in_between_is_created_again() {
    let aws = Aws::default();
    aws.on(
        &format!("{CREATE}{NAME}"),
        in_turn(&[refusal(CONFLICT), (200, json!({"ScheduleArn": "arn:schedule"}))]),
    );
    assert_eq!(kinds(&aws, &about(&[("prod|web", "PENDING")])).await, [Scheduled]);
    assert_eq!(aws.sent(&format!("{CREATE}{NAME}")).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_others_keep_changing_is_a_failure() {
    let (aws, mut another) = (Aws::default(), about(&[("prod|web", "PENDING")]));
    another["detail"]["eventArn"] = json!("arn:another");
    handle(&aws, &another).await.unwrap();
    aws.forget();
    aws.always(&format!("{UPDATE}{NAME}"), refusal(CONFLICT));
    let failure = failure(&aws, &about(&[("prod|web", "PENDING")])).await;
    assert!(failure.contains(&format!("others changed {NAME} 5 times in between")), "{failure}");
    let calls = [CREATE, UPDATE].map(|call| aws.sent(&format!("{call}{NAME}")).len());
    assert_eq!(calls, [1, READS as usize]);
}

#[tokio::test]
async fn entities_of_one_service_are_scheduled_once_while_one_of_them_needs_it() {
    let (first, second) = (task("1"), task("2"));
    let nothing = [Skipped, Skipped];
    let rows = [
        ("PENDING", "PENDING", 1, [Scheduled, Unchanged]),
        ("PENDING", "RESOLVED", 1, [Scheduled, Unchanged]),
        ("RESOLVED", "PENDING", 1, [Scheduled, Unchanged]),
        ("RESOLVED", "RESOLVED", 0, nothing),
    ];
    for (one, other, calls, expected) in rows {
        let aws = with_tasks(&[("1", "service:web"), ("2", "service:web")]);
        let found = outcomes(&aws, &about(&[(&first, one), (&second, other)])).await;
        assert_eq!([found[0].0, found[1].0], expected, "{one} {other}");
        assert_eq!(written(&aws).len(), calls, "{one} {other}");
        let refers = found[1].1 == format!("of the same service as {first}: see there");
        assert_eq!(refers, expected != nothing, "{found:?}");
    }
}

#[tokio::test]
async fn a_notice_that_is_not_ours_makes_no_call() {
    let elsewhere = |name: &str| {
        if name == "AWS_REGION" { Some("us-west-2".to_owned()) } else { environment(name) }
    };
    let rows = [
        (Config::read(&environment), sample!("organisation-feed")),
        (Config::read(&elsewhere), sample!("backup-region-copy")),
        (Config::read(&elsewhere), sample!("service-notice")),
    ];
    for (config, event) in rows {
        let aws = Aws::default();
        let ingest = Ingest::new(&aws.sdk(), config.expect("a configuration"));
        let report = ingest.handle(&event, NOW.parse().unwrap()).await.unwrap();
        assert!(report.outcomes.iter().all(|outcome| outcome.outcome == Skipped), "{report:?}");
        assert_eq!((report.outcomes.len(), aws.requests()), (3, Vec::new()));
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
        let aws = Aws::default();
        let failure = handle(&aws, &event).await.unwrap_err();
        assert!(matches!(failure, Failure::InvalidEvent(_)), "{failure}");
        assert!(failure.to_string().starts_with(expected), "{failure}");
        assert_eq!(aws.requests(), []);
    }
}

#[tokio::test]
async fn without_a_stated_cutoff_it_comes_from_the_wait_period_or_is_the_events_time() {
    let settings = |settings: Value| (200, json!({"settings": settings}));
    let rows = [
        (
            settings(json!([{"name": "fargateTaskRetirementWaitPeriod", "value": "7"}])),
            "2029-12-26T18:00:00Z",
        ),
        (settings(json!([])), "2029-12-26T18:00:05Z"),
        (refusal(DENIED), "2029-12-26T18:00:05Z"),
    ];
    for (setting, cutoff) in rows {
        let aws = Aws::default();
        aws.always("ListAccountSettings", setting);
        assert_eq!(kinds(&aws, &sample!("iso-dates")).await, [Scheduled, Scheduled], "{cutoff}");
        let inputs =
            aws.sent(CREATE).into_iter().map(|call| call["Target"]["Input"].as_str().unwrap().to_owned());
        for input in inputs {
            assert!(input.contains(&format!(r#""cutoff":"{cutoff}""#)), "{input}");
        }
    }
}

#[tokio::test]
async fn tasks_that_cannot_be_read_fail_alone() {
    let (aws, task) = (Aws::default(), task("1"));
    aws.always("DescribeTasks", refusal(DENIED));
    let event = about(&[(&task, "PENDING"), ("prod|web", "PENDING"), ("prod web", "PENDING")]);
    let failure = failure(&aws, &event).await;
    assert!(failure.contains("2 of 3 entities failed"), "{failure}");
    assert!(failure.contains(&format!("{task}: DescribeTasks failed: AccessDeniedException")), "{failure}");
    assert!(failure.contains(r#"prod web: "prod web" is none of the known forms"#), "{failure}");
    assert_eq!(written(&aws), ["POST prod.web"]);
}

#[tokio::test]
async fn what_has_no_service_is_explained_and_its_owner_told() {
    let (alone, gone) = (task("1"), task("2"));
    let aws = with_tasks(&[]);
    let batch = json!({
        "taskArn": alone, "group": "family:batch", "startedBy": "nightly", "taskDefinitionArn": "arn:batch:3",
    });
    aws.always(
        "DescribeTasks",
        (200, json!({"tasks": [batch], "failures": [{"arn": gone, "reason": "MISSING"}]})),
    );
    let event = about(&[(&alone, "PENDING"), (&gone, "PENDING"), ("UNKNOWN", "PENDING")]);
    let expected = [
        (NotActionable, r#"a stand-alone task (group "family:batch", started by "nightly")"#),
        (Skipped, "ECS no longer knows the task"),
        (NotActionable, "it names no service or task"),
    ];
    let found = outcomes(&aws, &event).await;
    assert_eq!(found.len(), expected.len());
    for ((kind, reason), (expected, start)) in found.into_iter().zip(expected) {
        assert_eq!(kind, expected, "{reason}");
        assert!(reason.starts_with(start), "{reason}");
    }
    assert_eq!(aws.told(), ["Patch Needs Attention: -", "Patch Skipped: -", "Patch Needs Attention: -"]);
    assert_eq!(aws.events()[0]["Resources"], json!([alone]));
    let message = &aws.messages()[0];
    for part in [
        "AWS stops it from Wed 2030-01-02 18:00 UTC on",
        "aws ecs run-task --cluster prod --task-definition arn:batch:3 --launch-type FARGATE",
    ] {
        assert!(message.contains(part), "{message}");
    }
    aws.forget();
    handle(&aws, &event).await.unwrap();
    assert_eq!((aws.messages().len(), aws.events().len()), (0, 0));
}

#[tokio::test]
async fn an_arn_without_its_cluster_is_looked_for_in_all_of_them() {
    let event = about(&[("arn:aws:ecs:eu-west-2:111122223333:service/web", "PENDING")]);
    let rows = [(&[][..], Skipped), (&["prod"], Scheduled), (&["prod", "staging"], NotActionable)];
    for (having, expected) in rows {
        let aws = Aws::default();
        let clusters = json!({"clusterArns": ["arn:c/test", "arn:c/prod", "arn:c/staging"]});
        aws.always("ListClusters", (200, clusters));
        aws.on("DescribeServices", move |_, asked| {
            let has = having.contains(&asked["cluster"].as_str().unwrap());
            let found = json!({"services": [{"serviceName": "web", "status": "ACTIVE"}]});
            (200, if has { found } else { json!({"services": [], "failures": [{"reason": "MISSING"}]}) })
        });
        assert_eq!(kinds(&aws, &event).await, [expected], "{having:?}");
    }
}

#[tokio::test]
async fn a_watch_that_cannot_be_written_fails_the_invocation_and_what_is_gone_is_no_fault() {
    let aws = Aws::default();
    aws.always(&format!("{CREATE}deadline."), refusal(DENIED));
    let failure = failure(&aws, &sample!("service-notice")).await;
    assert!(failure.ends_with("CreateSchedule failed: AccessDeniedException: no"), "{failure}");
    assert_eq!(written(&aws).len(), 3);

    let aws = Aws::default();
    handle(&aws, &sample!("service-notice")).await.unwrap();
    aws.always(DELETE, refusal(GONE));
    assert_eq!(kinds(&aws, &sample!("closed")).await, [Cancelled; 3]);
}
