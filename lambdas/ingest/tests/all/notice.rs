//! What ingest does with a notice: services are scheduled once and announced once, nothing that arrives late or twice does
//! harm, and one failure does not stop the rest.

use crate::common::{
    DEADLINE_CHECK, MEMORY, NAME, NOW, about, another, handle, refusal, sample, task, try_handle,
    with_all_services, with_states,
};
use aws::{Failure, Invocation, config::Config, scheduler::READS};
use fake_aws::{Aws, CREATE, DELETE, UPDATE, environment, environment_with, in_turn, merged, without};
use ingest::Ingest;
use rules::outcome::OutcomeKind::{self, Cancelled, NotActionable, Scheduled, Skipped, Unchanged};
use serde_json::{Value, json};

const CONFLICT: &str = "ConflictException";
const GONE: &str = "ResourceNotFoundException";
const DENIED: &str = "AccessDeniedException";

/// An AWS whose ECS knows these tasks, by id and group.
fn with_tasks(tasks: &[(&str, &str)]) -> Aws {
    let described = |(id, group): &(&str, &str)| json!({"taskArn": task(id), "group": group});
    let aws = with_all_services();
    aws.always("DescribeTasks", (200, json!({"tasks": tasks.iter().map(described).collect::<Value>()})));
    aws
}

async fn outcomes(aws: &Aws, event: &Value) -> Vec<(OutcomeKind, String)> {
    let report = handle(aws, &[], event).await;
    report.outcomes.into_iter().map(|outcome| (outcome.outcome, outcome.reason)).collect()
}

async fn kinds(aws: &Aws, event: &Value) -> Vec<OutcomeKind> {
    outcomes(aws, event).await.into_iter().map(|(kind, _)| kind).collect()
}

async fn failure(aws: &Aws, event: &Value) -> String {
    try_handle(aws, &[], event, NOW).await.expect_err("a failure").to_string()
}

/// The calls that write schedules of services, not of deadline checks.
fn is_of_a_page(name: &str) -> bool {
    name.starts_with("deadline.") || name.starts_with("settled.")
}

fn written(aws: &Aws) -> Vec<String> {
    let calls = aws.requests().into_iter().map(|(call, _)| call);
    let call = |call: String| {
        call.split_once("/schedules/").map(|(method, name)| (method.to_owned(), name.to_owned()))
    };
    let ours = calls.filter_map(call).filter(|(method, name)| method != "GET " && !is_of_a_page(name));
    ours.map(|(method, name)| format!("{method}{}", name.split('.').take(2).collect::<Vec<_>>().join(".")))
        .collect()
}

#[tokio::test]
async fn a_start_time_that_is_too_near_is_announced_as_it_is_written() {
    let aws = with_all_services();
    let open = [("MAINTENANCE_WINDOWS", "daily 18:00-22:00"), ("MINIMUM_NOTICE_MINUTES", "0")];
    let report = handle(&aws, &open, &about(&["prod|web"])).await; // ten seconds past the minute
    let slot = json!("2029-12-26T18:02:00Z");
    assert_eq!(json!(report.outcomes[0].slot), slot);
    assert_eq!(aws.events()[0]["Detail"]["slot"], slot);
    assert_eq!(aws.input_of(NAME)["slot"], slot);
    assert_eq!(aws.schedules()[NAME]["ScheduleExpression"], "at(2029-12-26T18:02:00)");
}

#[tokio::test]
async fn the_usual_notice_schedules_each_service() {
    let aws = with_all_services();
    let report = handle(&aws, &[], &sample("service-notice")).await;
    let outcome = |cluster: &str, service: &str, hash: &str| {
        json!({
            "entity": format!("{cluster}|{service}"), "cluster": cluster, "service": service,
            "outcome": "scheduled", "reason": "earliest opening of Fri 22:00-02:00 UTC before the retirement date",
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
    let mut input = sample("deploy-input");
    input["zone"] = json!("UTC");
    input["scheduled_for"] = json!("<aws.scheduler.scheduled-time>"); // filled in as it fires
    input["woken"] = json!(0);
    input["spread_minutes"] = json!(15);
    let written_input = aws.input_of(NAME);
    let plan = &written_input["plans"][0];
    assert_eq!((&plan["slot"], &plan["reason"]), (&input["slot"], &report["outcomes"][0]["reason"]));
    assert_eq!(without(written_input, "plans"), input);
    assert_eq!(written(&aws).len(), 3);
}

#[tokio::test]
async fn a_notice_is_announced_once_in_one_message_and_gets_a_deadline_check() {
    let aws = with_all_services();
    handle(&aws, &[], &sample("service-notice")).await;
    assert_eq!(aws.subjects(), ["Scheduled: 3 services, retirement date Wed 2 Jan 2030 18:00 UTC"]);
    assert_eq!(aws.sent("Publish")[0]["MessageAttributes.entry.1.Value.StringValue"], "Patch Scheduled");
    for service in ["prod/web", "prod/api", "staging/web"] {
        assert!(
            aws.messages()[0].contains(&format!("- Fri 28 Dec 2029 22:00 UTC: {service}\n")),
            "{service}"
        );
    }
    assert_eq!(aws.notified(), ["Patch Scheduled: web", "Patch Scheduled: api", "Patch Scheduled: web"]);
    let arn = sample("service-notice")["detail"]["eventArn"].clone();
    let notice =
        json!({"event_arn": arn, "starts_at": "2030-01-02T18:00:00Z", "cutoff": "2029-12-26T18:00:00Z"});
    let service_arn = "arn:aws:ecs:eu-west-2:111122223333:service/prod/web";
    let detail = json!({
        "cluster": "prod", "service": "web", "service_arn": service_arn, "notices": [notice],
        "slot": "2029-12-28T22:00:00Z", "deadline": "2030-01-02T16:00:00Z",
        "reason": "earliest opening of Fri 22:00-02:00 UTC before the retirement date",
    });
    assert_eq!((&aws.events()[0]["Detail"], &aws.events()[0]["Resources"]), (&detail, &json!([service_arn])));

    let mut check = aws.schedules()[DEADLINE_CHECK].clone();
    let mut input = aws.input_of(DEADLINE_CHECK);
    let fingerprint = input["told"].take();
    assert_eq!(fingerprint[0].as_str().map(str::len), Some(20));
    assert_eq!(input["left"]["basis"].take().as_str().map(str::len), Some(20));
    let expected = json!({
        "version": 1, "kind": "deadline", "notice": notice, "page": 1, "part": 0, "told": null,
        "services": {"prod": ["api", "web"], "staging": ["web"]}, "done": {},
        "sent_at": "2029-12-26T18:00:05Z", "until": "2030-01-02T17:00:00Z", "woken": 0,
        "left": {"at": "2029-12-26T18:00:10Z", "basis": null, "until": "2029-12-28T22:00:00Z"},
    });
    assert_eq!(input, expected);
    check["Target"]["Input"].take();
    let expected = json!({
        "GroupName": "the-group",
        "ScheduleExpression": "at(2030-01-02T15:30:00)",
        "ScheduleExpressionTimezone": "UTC",
        "Description": format!(
            "Deadline check of 3 services on Wed 2 Jan 2030 15:30 UTC; retirement date: Wed 2 Jan 2030 18:00 UTC; \
             notice: {}", arn.as_str().unwrap()
        ),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "NONE",
        "Target": {
            "Arn": "arn:verify", "RoleArn": "arn:aws:iam::111122223333:role/the-role",
            "DeadLetterConfig": {"Arn": "arn:queue"}, "Input": null,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3_600, "MaximumRetryAttempts": 185},
        },
    });
    assert_eq!(check, expected);

    let (before, again) = (aws.schedules(), (Unchanged, "already scheduled".to_owned()));
    aws.forget();
    assert_eq!(outcomes(&aws, &sample("service-notice")).await, [again.clone(), again.clone(), again]);
    assert_eq!((aws.messages().len(), aws.events().len(), aws.sent(UPDATE).len()), (0, 0, 0));
    assert_eq!(aws.schedules(), before);
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_could_not_be_sent_is_sent_when_the_notice_comes_again() {
    for call in ["Publish", "PutEvents"] {
        let aws = with_all_services();
        aws.on(call, in_turn(&[refusal("AuthorizationError")]));
        let failure = failure(&aws, &sample("service-notice")).await;
        assert!(failure.contains("AuthorizationError"), "{failure}");
        assert_eq!(aws.schedules().len(), 4, "everything else was done");
        aws.forget();
        let entries: Vec<Value> = (0..3).map(|nth| json!({"EventId": format!("{nth}")})).collect();
        aws.always(call, (200, json!({"MessageId": "1", "FailedEntryCount": 0, "Entries": entries})));
        for (messages, events) in [(1, 3), (0, 0)] {
            assert_eq!(kinds(&aws, &sample("service-notice")).await, [Unchanged; 3], "{call}");
            assert_eq!((aws.messages().len(), aws.events().len()), (messages, events), "{call}");
            aws.forget();
        }
    }
}

#[tokio::test]
async fn a_repeated_notice_announces_only_what_changed_and_the_deadline_check_follows() {
    let aws = with_all_services();
    handle(&aws, &[], &sample("service-notice")).await;
    aws.forget();
    assert_eq!(kinds(&aws, &sample("entity-resolved")).await, [Unchanged, Cancelled, Unchanged]);
    assert_eq!(aws.messages().len(), 1);
    assert_eq!(aws.input_of(DEADLINE_CHECK)["services"], json!({"prod": ["web"], "staging": ["web"]}));
    assert_eq!(written(&aws).iter().filter(|call| call.starts_with("DELETE")).count(), 1);
    aws.forget();
    assert_eq!(kinds(&aws, &sample("entity-resolved")).await, [Unchanged, Skipped, Unchanged]);
    assert_eq!((aws.subjects(), aws.notified()), (Vec::new(), Vec::new()), "a repeat is not announced");
}

#[tokio::test]
async fn a_schedule_that_an_operator_deleted_comes_back_with_the_notice_and_only_that_is_announced() {
    let aws = with_all_services();
    handle(&aws, &[], &sample("service-notice")).await;
    aws.take(NAME);
    aws.forget();
    assert_eq!(kinds(&aws, &sample("service-notice")).await, [Scheduled, Unchanged, Unchanged]);
    assert_eq!((aws.notified(), aws.messages().len()), (vec!["Patch Scheduled: web".to_owned()], 1));
    assert_eq!(aws.events()[0]["Detail"]["cluster"], "prod");
}

#[tokio::test]
async fn an_older_event_that_arrives_late_changes_nothing() {
    let aws = with_all_services();
    handle(&aws, &[], &sample("update-moved-date")).await;
    let before = aws.schedules();
    aws.forget();
    let late = outcomes(&aws, &sample("service-notice")).await;
    assert!(
        late.iter().all(|(kind, reason)| *kind == Unchanged && reason.starts_with("a newer event of this"))
    );
    assert_eq!(aws.schedules(), before);
    assert_eq!((written(&aws).len(), aws.lock_calls().len()), (0, 0));
}

#[tokio::test]
async fn an_older_event_that_names_further_services_plans_and_announces_those() {
    let aws = with_all_services();
    handle(&aws, &[], &sample("update-moved-date")).await;
    aws.forget();
    aws.always("DescribeTasks", (200, json!({"tasks": [{"taskArn": task("1"), "group": "family:batch"}]})));
    let mut late = with_states(&[("prod|web", "PENDING"), ("prod|db", "PENDING"), (&task("1"), "PENDING")]);
    late["detail"]["eventArn"] = sample("update-moved-date")["detail"]["eventArn"].clone();
    assert_eq!(kinds(&aws, &late).await, [Unchanged, Scheduled, NotActionable]);
    assert_eq!((aws.subjects().len(), aws.notified().len()), (1, 2));
    assert!(aws.messages()[0].contains("stand-alone task (group"), "{}", aws.messages()[0]);
    assert_eq!(
        aws.input_of(DEADLINE_CHECK)["services"],
        json!({"prod": ["api", "db", "web"], "staging": ["web"]}),
        "the services that were named before are still checked"
    );
}

#[tokio::test]
async fn a_closed_notice_cancels_its_deployments_and_no_late_event_brings_them_back() {
    let aws = with_all_services();
    handle(&aws, &[], &sample("service-notice")).await;
    aws.forget();
    let mut closed = sample("closed");
    closed["detail"]["affectedEntities"] = json!([]); // the list of resources gives no states
    let report = handle(&aws, &[], &closed).await;
    for outcome in &report.outcomes {
        assert_eq!((outcome.outcome, &outcome.slot, &outcome.schedule), (Cancelled, &None, &None));
    }
    assert_eq!((report.outcomes.len(), written(&aws).len()), (3, 3));
    assert_eq!(aws.schedules().into_keys().collect::<Vec<_>>(), [MEMORY], "no deadline check is left");
    assert_eq!(aws.input_of(MEMORY)["services"], json!({}));
    assert_eq!(aws.subjects(), ["Cancelled: 3 services, retirement date Wed 2 Jan 2030 18:00 UTC"]);
    aws.forget();
    assert_eq!(kinds(&aws, &closed).await, [Skipped; 3]);
    assert_eq!(kinds(&aws, &sample("service-notice")).await, [Unchanged; 3]);
    assert_eq!((aws.messages().len(), aws.events().len(), written(&aws).len()), (0, 0, 0));
}

#[tokio::test]
async fn on_the_retirement_date_a_patched_service_is_left_alone_and_one_with_old_tasks_is_planned() {
    let (date, created) = ("2030-01-02T18:00:05Z", |date: i64| json!({"createdAt": date}));
    let (old, new) = (created(1_893_002_400), created(1_893_002_401)); // the cut-off, and a second later
    let active = json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 2});
    let rows = [
        (
            vec![new.clone(), new.clone()],
            Skipped,
            "Patched: 1 service, retirement date Wed 2 Jan 2030 18:00 UTC",
            MEMORY,
            json!({}),
        ),
        (
            vec![new, old],
            Scheduled,
            "Scheduled: 1 service, retirement date Wed 2 Jan 2030 18:00 UTC",
            DEADLINE_CHECK,
            json!({"prod": ["web"]}),
        ),
    ];
    for (tasks, kind, subject, name, checked) in rows {
        let aws = with_all_services();
        aws.service(&active, &tasks, &[]);
        let report = try_handle(&aws, &[], &about(&["prod|web"]), date).await.unwrap();
        assert_eq!(report.outcomes[0].outcome, kind, "{report:?}");
        assert_eq!(written(&aws).len(), usize::from(kind == Scheduled), "{subject}");
        assert_eq!(aws.subjects(), [subject]);
        assert_eq!(aws.input_of(name)["services"], checked);
    }
    // An unreadable service is planned: deploy reads it again.
    let aws = with_all_services();
    aws.always("DescribeServices", refusal(DENIED));
    let report = try_handle(&aws, &[], &about(&["prod|web"]), date).await.unwrap();
    assert_eq!(report.outcomes[0].outcome, Scheduled);
    assert_eq!(aws.schedules()[DEADLINE_CHECK]["ScheduleExpression"], "at(2030-01-05T04:00:00)"); // after the start time
}

#[tokio::test]
async fn a_service_that_fails_does_not_stop_the_others_and_fails_the_invocation() {
    let aws = with_all_services();
    aws.always(&format!("{CREATE}prod.web."), refusal(DENIED));
    let failure = failure(&aws, &sample("service-notice")).await;
    assert!(failure.contains("1 of 3 entities failed"), "{failure}");
    assert!(failure.contains("prod|web: CreateSchedule failed: AccessDeniedException: no"), "{failure}");
    assert_eq!(aws.schedules().len(), 3, "two services and the deadline check");
    assert!(aws.messages()[0].contains("Could not be planned (will be retried):\n- prod/web: "));
    assert_eq!(aws.input_of(DEADLINE_CHECK)["services"], json!({"prod": ["api", "web"], "staging": ["web"]}));
}

#[tokio::test]
async fn a_second_notice_is_added_to_the_existing_schedule() {
    let aws = with_all_services();
    handle(&aws, &[], &another("arn:another", &["prod|web"])).await;
    aws.forget();
    let joined = "added to the existing schedule (2 notices); start time unchanged".to_owned();
    assert_eq!(outcomes(&aws, &about(&["prod|web"])).await, [(Scheduled, joined)]);
    let arns = aws.input_of(NAME)["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| notice["event_arn"].clone())
        .collect::<Vec<_>>();
    assert_eq!(arns, [json!("arn:another"), sample("service-notice")["detail"]["eventArn"].clone()]);
    assert_eq!(written(&aws), ["POST prod.web", "PUT prod.web"]);
    assert_eq!(aws.schedules().keys().filter(|name| name.starts_with("deadline.")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_disappears_while_it_is_written_is_created_again() {
    let aws = with_all_services();
    aws.on(
        &format!("{CREATE}{NAME}"),
        in_turn(&[refusal(CONFLICT), (200, json!({"ScheduleArn": "arn:schedule"}))]),
    );
    assert_eq!(kinds(&aws, &about(&["prod|web"])).await, [Scheduled]);
    assert_eq!(aws.sent(&format!("{CREATE}{NAME}")).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_others_keep_changing_is_a_failure() {
    let aws = with_all_services();
    handle(&aws, &[], &another("arn:another", &["prod|web"])).await;
    aws.forget();
    aws.always(&format!("{UPDATE}{NAME}"), refusal(CONFLICT));
    let failure = failure(&aws, &about(&["prod|web"])).await;
    assert!(failure.contains(&format!("{NAME} was changed concurrently 5 times")), "{failure}");
    let calls = [CREATE, UPDATE].map(|call| aws.sent(&format!("{call}{NAME}")).len());
    assert_eq!(calls, [1, READS as usize - 1], "one reading goes into the lock");
}

#[tokio::test]
async fn tasks_of_one_service_schedule_it_once_while_one_of_them_is_pending() {
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
        let found = outcomes(&aws, &with_states(&[(&first, one), (&second, other)])).await;
        assert_eq!([found[0].0, found[1].0], expected, "{one} {other}");
        assert_eq!(written(&aws).len(), calls, "{one} {other}");
        let refers = found[1].1 == format!("belongs to the same service as {first}; see the outcome there");
        assert_eq!(refers, expected != nothing, "{found:?}");
    }
}

#[tokio::test]
async fn a_notice_about_another_account_or_region_makes_no_call() {
    let elsewhere = environment_with(&[("AWS_REGION", "us-west-2")]);
    let rows = [
        (Config::read(&environment), sample("organisation-feed")),
        (Config::read(&elsewhere), sample("backup-region-copy")),
        (Config::read(&elsewhere), sample("service-notice")),
    ];
    for (config, event) in rows {
        let aws = with_all_services();
        let ingest = Ingest::new(&aws.sdk(), config.expect("a configuration"));
        let report = ingest.handle(&event, &Invocation::at(NOW.parse().unwrap())).await.unwrap();
        assert!(report.outcomes.iter().all(|outcome| outcome.outcome == Skipped), "{report:?}");
        assert_eq!((report.outcomes.len(), aws.requests()), (3, Vec::new()));
    }
}

#[tokio::test]
async fn an_event_that_is_not_a_retirement_notice_fails_without_a_call() {
    let rows = [
        (sample("malformed-event-code"), "detail.eventTypeCode is "),
        (sample("malformed-no-entities"), "detail.affectedEntities "),
        (sample("malformed-not-health"), "detail-type is "),
        (sample("malformed-start-time"), "detail.startTime is "),
    ];
    for (event, expected) in rows {
        let aws = with_all_services();
        let failure = try_handle(&aws, &[], &event, NOW).await.unwrap_err();
        assert!(matches!(failure, Failure::InvalidEvent(_)), "{failure}");
        assert!(failure.to_string().starts_with(expected), "{failure}");
        assert_eq!(aws.requests(), []);
    }
}

#[tokio::test]
async fn without_a_stated_cutoff_the_wait_period_gives_it_or_the_time_of_the_event() {
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
        let aws = with_all_services();
        aws.always("ListAccountSettings", setting);
        assert_eq!(kinds(&aws, &sample("iso-dates")).await, [Scheduled, Scheduled], "{cutoff}");
        let inputs =
            aws.sent(CREATE).into_iter().map(|call| call["Target"]["Input"].as_str().unwrap().to_owned());
        for input in inputs {
            assert!(input.contains(&format!(r#""cutoff":"{cutoff}""#)), "{input}");
        }
    }
}

#[tokio::test]
async fn unreadable_tasks_fail_alone() {
    let (aws, task) = (with_all_services(), task("1"));
    aws.always("DescribeTasks", refusal(DENIED));
    let event = with_states(&[(&task, "PENDING"), ("prod|web", "PENDING"), ("prod web", "PENDING")]);
    let failure = failure(&aws, &event).await;
    assert!(failure.contains("2 of 3 entities failed"), "{failure}");
    assert!(
        failure.contains(&format!("{task}: cluster prod is unreadable: DescribeTasks failed")),
        "{failure}"
    );
    assert!(failure.contains(r#"prod web: "prod web" has an unknown form"#), "{failure}");
    assert_eq!(written(&aws), ["POST prod.web"]);
}

#[tokio::test]
async fn a_task_without_a_service_is_explained_and_its_owner_is_notified() {
    let (alone, gone) = (task("1"), task("2"));
    let aws = with_tasks(&[]);
    let batch = json!({
        "taskArn": alone, "group": "family:batch", "startedBy": "nightly", "taskDefinitionArn": "arn:batch:3",
    });
    aws.always(
        "DescribeTasks",
        (200, json!({"tasks": [batch], "failures": [{"arn": gone, "reason": "MISSING"}]})),
    );
    let event = with_states(&[(&alone, "PENDING"), (&gone, "PENDING"), ("UNKNOWN", "PENDING")]);
    let expected = [
        (NotActionable, r#"stand-alone task (group "family:batch", started by "nightly")"#),
        (Skipped, "the task has stopped: ECS no longer knows it"),
        (NotActionable, "names no service or task"),
    ];
    let found = outcomes(&aws, &event).await;
    assert_eq!(found.len(), expected.len());
    for ((kind, reason), (expected, start)) in found.into_iter().zip(expected) {
        assert_eq!(kind, expected, "{reason}");
        assert!(reason.starts_with(start), "{reason}");
    }
    assert_eq!(aws.notified(), ["Patch Needs Attention: -", "Patch Skipped: -", "Patch Needs Attention: -"]);
    assert_eq!(aws.events()[0]["Resources"], json!([alone]));
    let message = &aws.messages()[0];
    for part in [
        "AWS stops it on or after Wed 2 Jan 2030 18:00 UTC",
        "aws ecs run-task --cluster prod --task-definition arn:batch:3 --launch-type FARGATE",
    ] {
        assert!(message.contains(part), "{message}");
    }
    aws.forget();
    handle(&aws, &[], &event).await;
    assert_eq!((aws.messages().len(), aws.events().len()), (0, 0));
}

#[tokio::test]
async fn an_arn_without_a_cluster_is_looked_up_in_every_cluster() {
    let event = with_states(&[("arn:aws:ecs:eu-west-2:111122223333:service/web", "PENDING")]);
    let rows = [(&[][..], Skipped), (&["prod"], Scheduled), (&["prod", "staging"], NotActionable)];
    for (having, expected) in rows {
        let aws = with_all_services();
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
async fn a_drill_says_that_it_is_a_drill_until_aws_health_sends_the_notice() {
    let aws = with_all_services();
    let drill = merged(&sample("service-notice"), &json!({"source": "ecs-task-patching.drill"}));
    handle(&aws, &[], &drill).await;
    assert_eq!(aws.subjects(), ["Drill: Scheduled: 3 services, retirement date Wed 2 Jan 2030 18:00 UTC"]);
    assert!(aws.events().iter().all(|event| event["Detail"]["drill"] == json!(true)), "{:?}", aws.events());
    assert_eq!(aws.input_of(NAME)["notices"][0]["drill"], true);
    assert_eq!(aws.input_of(DEADLINE_CHECK)["notice"]["drill"], true);
    aws.forget();
    handle(&aws, &[], &sample("service-notice")).await;
    assert!(aws.subjects()[0].starts_with("Scheduled: 3 services, "), "{:?}", aws.subjects());
    assert_eq!(aws.input_of(NAME)["notices"][0].get("drill"), None);
    assert_eq!(aws.input_of(DEADLINE_CHECK)["notice"].get("drill"), None);
}

#[tokio::test]
async fn a_service_that_ecs_does_not_know_is_said_to_be_unknown_and_keeps_its_schedule() {
    let aws = with_all_services();
    let inactive = json!({"serviceName": "old", "status": "INACTIVE"});
    aws.on("DescribeServices", move |_, asked| {
        assert_eq!(asked["services"], json!(["old", "wbe"]));
        (200, json!({"services": [inactive], "failures": [{"reason": "MISSING"}]}))
    });
    let report = json!(handle(&aws, &[], &about(&["prod|old", "prod|wbe"])).await);
    for outcome in report["outcomes"].as_array().unwrap() {
        assert_eq!((&outcome["outcome"], &outcome["unknown"]), (&json!("scheduled"), &json!(true)));
        let reason = outcome["reason"].as_str().unwrap();
        assert!(reason.starts_with("ECS has no active service with this name; "), "{reason}");
    }
    assert_eq!(written(&aws), ["POST prod.old", "POST prod.wbe"]);
    assert_eq!(aws.notified(), ["Patch Skipped: old", "Patch Skipped: wbe"]);
    assert!(aws.subjects()[0].starts_with("Unknown to ECS: 2 services, "), "{:?}", aws.subjects());
    assert!(!aws.message().contains("Will be redeployed"), "{}", aws.message());

    // Tags that are unreadable say nothing about the service.
    let aws = with_all_services();
    aws.always("DescribeServices", refusal(DENIED));
    let report = json!(handle(&aws, &[], &about(&["prod|web"])).await);
    assert_eq!(report["outcomes"][0].get("unknown"), None);
}

#[tokio::test]
async fn an_unreadable_cluster_only_fails_what_is_found_in_no_other_one() {
    let (old, new) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
    let arn = |resource: &str| format!("arn:aws:ecs:eu-west-2:111122223333:{resource}");
    let entities = ["service/web", "service/lost", &format!("task/{old}"), &format!("task/{new}")].map(arn);
    let event = with_states(&entities.each_ref().map(|entity| (entity.as_str(), "PENDING")));
    let aws = with_all_services();
    aws.always("ListClusters", (200, json!({"clusterArns": ["arn:c/locked", "arn:c/prod"]})));
    aws.on("DescribeServices", |_, asked| {
        let found = json!({"services": [{"serviceName": "web", "status": "ACTIVE"}]});
        if asked["cluster"] == "locked" { refusal(DENIED) } else { (200, found) }
    });
    let task = json!({"taskArn": arn(&format!("task/prod/{old}")), "group": "service:worker"});
    aws.on("DescribeTasks", move |_, asked| {
        if asked["cluster"] == "locked" { refusal(DENIED) } else { (200, json!({"tasks": [task]})) }
    });
    let failure = failure(&aws, &event).await;
    assert!(failure.starts_with("2 of 4 entities failed: "), "{failure}");
    for (entity, call) in [(&entities[1], "DescribeServices"), (&entities[3], "DescribeTasks")] {
        let expected =
            format!("{entity}: cluster locked is unreadable: {call} failed: AccessDeniedException");
        assert!(failure.contains(&expected), "{failure}");
    }
    assert_eq!(written(&aws), ["POST prod.web", "POST prod.worker"]);
}

#[tokio::test]
async fn a_deadline_check_that_cannot_be_written_fails_the_invocation() {
    let aws = with_all_services();
    aws.always(&format!("{CREATE}deadline."), refusal(DENIED));
    let failure = failure(&aws, &sample("service-notice")).await;
    assert!(failure.ends_with("CreateSchedule failed: AccessDeniedException: no"), "{failure}");
    assert_eq!(written(&aws).len(), 3);
}

#[tokio::test]
async fn a_schedule_that_is_already_gone_counts_as_deleted() {
    let aws = with_all_services();
    handle(&aws, &[], &sample("service-notice")).await;
    aws.always(DELETE, refusal(GONE));
    assert_eq!(kinds(&aws, &sample("closed")).await, [Cancelled; 3]);
}

/// The description of the schedule of `prod/web`.
fn description(aws: &Aws) -> String {
    aws.schedules()[NAME]["Description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn our_description_of_a_schedule_shows_every_time_to_which_an_operator_moves_it() {
    let aws = with_all_services();
    handle(&aws, &[], &another("arn:1", &["prod|web"])).await;
    for (arn, at, expected) in [
        ("arn:2", "at(2029-12-30T03:00:00)", "Redeploys on Sun 30 Dec 2029 03:00 UTC; "),
        ("arn:3", "at(2029-12-31T04:00:00)", "Redeploys on Mon 31 Dec 2029 04:00 UTC; "),
    ] {
        aws.schedule(NAME, merged(&aws.schedules()[NAME], &json!({"ScheduleExpression": at})));
        handle(&aws, &[], &another(arn, &["prod|web"])).await;
        assert!(description(&aws).starts_with(expected), "{}", description(&aws));
    }
    assert!(description(&aws).contains("; 3 notices; "), "{}", description(&aws));
}

#[tokio::test]
async fn our_description_of_a_schedule_that_version_0_1_wrote_counts_every_further_notice() {
    let aws = with_all_services();
    handle(&aws, &[], &another("arn:1", &["prod|web"])).await;
    let (mut schedule, mut input) = (aws.schedules()[NAME].clone(), aws.input_of(NAME));
    input.as_object_mut().unwrap().remove("zone");
    schedule["Target"]["Input"] = json!(input.to_string());
    schedule["Description"] = json!(
        "Redeploys at Fri 2029-12-28 22:00 UTC; AWS's date: Wed 2030-01-02 18:00 UTC; notices: 1; service: prod/web"
    );
    aws.schedule(NAME, schedule);
    for (arn, expected) in [("arn:2", "; 2 notices; "), ("arn:3", "; 3 notices; ")] {
        handle(&aws, &[], &another(arn, &["prod|web"])).await;
        assert!(description(&aws).contains(expected), "{}", description(&aws));
    }
}
