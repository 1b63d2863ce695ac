//! What verify finds and tells, on an AWS that speaks its wire formats.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use aws::{Failure, config::Config};
use fake_aws::{Answer, Aws, DELETE, environment, error, in_turn, merged};
use serde_json::{Value, json};
use verify::Verify;

const SINCE: &str = "2029-12-28T22:00:03Z";
const SOON: &str = "2029-12-28T22:03:01Z";
const LATER: &str = "2029-12-28T23:00:01Z";
const OLD: i64 = 1_893_002_400; // the sample's cut-off
const STARTED: i64 = 1_893_189_603; // `SINCE`
const NAME: &str = "prod.web.bf04ed89e1afdadd0c43.verify";
const OLD_TASKS: &str = "2 of 2 running task(s) were created before Wed 2029-12-26 18:00 UTC";

fn notice() -> Value {
    let input: Value = serde_json::from_str(include_str!("../../../events/deploy-input.json")).unwrap();
    input["notices"][0].clone()
}

fn look(changes: &Value) -> Value {
    let first = json!({
        "version": 1, "kind": "service", "cluster": "prod", "service": "web", "notices": [notice()],
        "deployment": "ecs-svc/2", "since": SINCE, "look": 0, "told": false,
    });
    merged(&first, changes)
}

/// An AWS with an active service that has these deployments, and tasks created then.
fn with_service(deployments: &Value, tasks: &[i64]) -> Aws {
    let aws = Aws::default();
    change(&aws, &json!({"deployments": deployments}), tasks);
    aws.always("ListServiceDeployments", (200, json!({"serviceDeployments": []})));
    aws
}

fn change(aws: &Aws, changes: &Value, tasks: &[i64]) {
    let tasks: Vec<Value> = tasks.iter().map(|created_at| json!({"createdAt": created_at})).collect();
    let service = json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": tasks.len()});
    aws.service(&merged(&service, changes), &tasks, &[]);
}

fn deployment(id: &str, status: &str, state: &str, reason: &str, failed_tasks: i32) -> Value {
    let created_at = if id == "ecs-svc/1" { OLD - 9 } else { STARTED };
    json!({
        "id": id, "status": status, "rolloutState": state, "rolloutStateReason": reason, "createdAt": created_at,
        "failedTasks": failed_tasks,
    })
}

fn primary(id: &str, state: &str) -> Value {
    let word = if state == "COMPLETED" { "completed" } else { "in progress" };
    deployment(id, "PRIMARY", state, &format!("ECS deployment {id} {word}."), 0)
}

/// What `ListServiceDeployments` tells of the deployment that was started.
fn ended(status: &str, reason: &str) -> Answer {
    let ended = json!({
        "serviceDeploymentArn": "arn:aws:ecs:eu-west-2:111122223333:service-deployment/prod/web/2",
        "status": status, "statusReason": reason, "createdAt": STARTED, "finishedAt": STARTED + 60,
    });
    (200, json!({"serviceDeployments": [ended]}))
}

async fn handle(aws: &Aws, input: &Value, now: &str) -> Result<Value, Failure> {
    let verify = Verify::new(&aws.sdk(), Config::read(&environment).expect("a configuration"));
    verify.handle(input, now.parse().expect("a date of the test")).await.map(|answer| json!(answer))
}

fn told(outcome: &str, reason: &str) -> Value {
    json!({
        "cluster": "prod", "service": "web", "outcome": outcome, "reason": reason, "deployment_id": "ecs-svc/2",
    })
}

/// The first lines of the messages.
fn titles(aws: &Aws) -> Vec<String> {
    aws.messages().iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect()
}

/// When a schedule fires, with seconds that pass until it does.
fn fires(aws: &Aws, name: &str) -> String {
    let at = aws.schedules()[name]["ScheduleExpression"].as_str().expect("a text").to_owned();
    at.replace("at(", "").replace(":00)", ":02Z")
}

#[tokio::test]
async fn a_service_whose_tasks_are_all_new_is_patched_and_all_are_told() {
    let new: Vec<i64> = (1..=250).map(|nth| STARTED + nth).collect();
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &new);
    let proof = "all 250 running task(s) were created by deployment ecs-svc/2 after Wed 2029-12-26 18:00:00 UTC, the oldest at \
                 Fri 2029-12-28 22:00:04 UTC";
    assert_eq!(handle(&aws, &look(&json!({})), SOON).await.unwrap(), told("completed", proof));
    assert_eq!(
        (aws.told(), titles(&aws)),
        (vec!["Patch Completed: web".into()], vec!["Patched: prod/web".into()])
    );
    let arn = "arn:aws:ecs:eu-west-2:111122223333:service/prod/web";
    let detail = json!({
        "cluster": "prod", "service": "web", "service_arn": arn, "notices": [notice()], "reason": proof,
        "deadline": "2030-01-02T16:00:00Z", "deployment_id": "ecs-svc/2",
    });
    assert_eq!(aws.events()[0]["Detail"], detail);
    assert!(aws.schedules().is_empty());
    assert_eq!(["ListTasks", "DescribeTasks"].map(|call| aws.sent(call).len()), [3, 3]);

    // One old task, on the last page.
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &[&new[..], &[OLD]].concat());
    let found = handle(&aws, &look(&json!({})), SOON).await.unwrap();
    assert_eq!(found["outcome"], "rolling");
}

#[tokio::test]
async fn a_newer_deployment_of_somebody_else_is_a_proof_too() {
    let aws = with_service(&json!([primary("ecs-svc/7", "COMPLETED")]), &[STARTED + 1; 2]);
    let found = handle(&aws, &look(&json!({})), LATER).await.unwrap();
    assert_eq!(found["outcome"], "completed");
    let reason = found["reason"].as_str().unwrap();
    assert!(reason.contains("by deployment ecs-svc/7, which replaced ecs-svc/2"), "{reason}");
}

#[tokio::test]
async fn a_service_without_anything_to_patch_is_told_as_skipped() {
    let missing = (200, json!({"services": [], "failures": [{"arn": "web", "reason": "MISSING"}]}));
    let (aws, gone) = (with_service(&json!([]), &[]), with_service(&json!([]), &[]));
    gone.always("DescribeServices", missing);
    for (aws, reason) in
        [(aws, "the service's desired count is 0: no task is to be patched"), (gone, "the service is gone")]
    {
        assert_eq!(handle(&aws, &look(&json!({})), SOON).await.unwrap(), told("skipped", reason));
        assert_eq!((aws.told(), aws.schedules().len()), (vec!["Patch Skipped: web".to_owned()], 0));
    }
}

#[tokio::test]
async fn what_went_wrong_is_told_once_with_the_reasons_that_ecs_gives() {
    let breaker = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    let alarm = "Service deployment rolled back because of CloudWatch alarm(s) in ALARM state: web-5xx.";
    let hook = "Service deployment rolled back because of a lifecycle hook failure.";
    let back = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.";
    let failed = deployment(
        "ecs-svc/2",
        "ACTIVE",
        "FAILED",
        "ECS deployment circuit breaker: tasks failed to start.",
        3,
    );
    let rows = [
        (
            "the circuit breaker rolled back, and the old deployment is the primary one again",
            json!([deployment("ecs-svc/3", "PRIMARY", "COMPLETED", back, 0), failed]),
            ended("ROLLBACK_SUCCESSFUL", breaker),
            format!("deployment ecs-svc/2 was rolled back by deployment ecs-svc/3: {back}; {OLD_TASKS}"),
            format!("deployment ROLLBACK_SUCCESSFUL: {breaker}; "),
        ),
        (
            "the circuit breaker rolled back long ago",
            json!([primary("ecs-svc/3", "COMPLETED")]),
            ended("ROLLBACK_SUCCESSFUL", breaker),
            format!("deployment ecs-svc/2 is no longer there: it was rolled back or replaced; {OLD_TASKS}"),
            format!("deployment ROLLBACK_SUCCESSFUL: {breaker}; "),
        ),
        (
            "alarms failed it, and nothing is rolled back",
            json!([deployment("ecs-svc/2", "PRIMARY", "FAILED", "ECS deployment failed: alarm web-5xx.", 0)]),
            ended("STOPPED", alarm),
            format!("deployment ecs-svc/2 failed: ECS deployment failed: alarm web-5xx.; {OLD_TASKS}"),
            format!("deployment STOPPED: {alarm}; "),
        ),
        (
            "native blue/green rolled back",
            json!([primary("ecs-svc/1", "COMPLETED")]),
            ended("ROLLBACK_SUCCESSFUL", hook),
            format!("deployment ecs-svc/2 is no longer there: it was rolled back or replaced; {OLD_TASKS}"),
            format!("deployment ROLLBACK_SUCCESSFUL: {hook}; "),
        ),
        (
            "tasks fail to start, without a circuit breaker",
            json!([deployment(
                "ecs-svc/2",
                "PRIMARY",
                "IN_PROGRESS",
                "ECS deployment ecs-svc/2 in progress.",
                3
            )]),
            (200, json!({"serviceDeployments": []})),
            format!("deployment ecs-svc/2 is stuck: 3 of its tasks have failed in a row; {OLD_TASKS}"),
            String::new(),
        ),
        (
            "ECS cannot be asked why",
            json!([primary("ecs-svc/1", "COMPLETED")]),
            error("AccessDeniedException", "no"),
            format!("deployment ecs-svc/2 is no longer there: it was rolled back or replaced; {OLD_TASKS}"),
            "(not all could be read: ListServiceDeployments failed: AccessDeniedException: no); ".to_owned(),
        ),
    ];
    for (row, deployments, why, reason, explained) in rows {
        let aws = Aws::default();
        let old = json!({"createdAt": OLD});
        let stopped = json!({
            "createdAt": STARTED + 5, "stoppedReason": "Task failed ELB health checks", "stopCode": "ServiceSchedulerInitiated",
            "containers": [{"name": "app", "exitCode": 137}],
        });
        let event =
            json!({"id": "1", "createdAt": STARTED + 6, "message": "(service web) deployment failed."});
        let service = json!({
            "serviceName": "web", "status": "ACTIVE", "desiredCount": 2, "deployments": deployments, "events": [event],
        });
        aws.service(&service, &[old.clone(), old], &[stopped]);
        aws.always("ListServiceDeployments", why.clone());
        let troubles = "a task stopped: Task failed ELB health checks; app: exit code 137; (service web) deployment failed.";
        let expected = format!("{reason}. ECS says: {explained}{troubles}");
        let found = handle(&aws, &look(&json!({})), LATER).await.unwrap();
        let next = json!({"verify_at": "2029-12-28T23:03:00Z"});
        assert_eq!(found, merged(&told("needs-attention", &expected), &next), "{row}");
        assert_eq!(
            (aws.told(), titles(&aws)),
            (vec!["Patch Needs Attention: web".into()], vec!["Needs attention: prod/web".into()]),
            "{row}"
        );
        assert_eq!(aws.events()[0]["Detail"]["reason"], expected, "{row}");
        let command = "aws ecs update-service --cluster prod --service web --force-new-deployment";
        assert!(aws.messages()[0].contains(command), "{row}");

        for _ in 0..3 {
            let (input, now) = (aws.input_of(NAME), fires(&aws, NAME));
            assert_eq!(input["told"], true, "{row}");
            assert_eq!(handle(&aws, &input, &now).await.unwrap()["outcome"], "needs-attention", "{row}");
        }
        assert_eq!((aws.told().len(), aws.messages().len()), (1, 1), "{row}");

        // A person mended it.
        change(&aws, &json!({"deployments": [primary("ecs-svc/9", "COMPLETED")]}), &[STARTED + 9_000; 2]);
        let found = handle(&aws, &aws.input_of(NAME), &fires(&aws, NAME)).await.unwrap();
        assert_eq!((&found["outcome"], aws.messages().len()), (&json!("completed"), 2), "{row}");
    }
}

#[tokio::test]
async fn a_rollout_is_looked_at_after_growing_pauses_until_awss_date_and_told_at_the_deadline() {
    let aws = with_service(&json!([primary("ecs-svc/2", "IN_PROGRESS")]), &[OLD, STARTED + 9]);
    let (mut input, mut now, mut looks) = (look(&json!({})), SOON.to_owned(), Vec::new());
    loop {
        let found = handle(&aws, &input, &now).await.unwrap();
        looks.push((now.clone(), found["outcome"].clone()));
        if found.get("verify_at").is_none() {
            break;
        }
        (input, now) = (aws.input_of(NAME), fires(&aws, NAME));
    }
    let times: Vec<&str> = looks.iter().map(|(now, _)| &now[8..16]).collect();
    assert_eq!(
        times[..8],
        ["28T22:03", "28T22:06", "28T22:11", "28T22:20", "28T22:37", "28T23:10", "29T00:11", "29T01:12"]
    );
    let at_the_end: Vec<(&str, &Value)> =
        looks.iter().rev().take(4).map(|(now, outcome)| (&now[8..16], outcome)).collect();
    let (attention, rolling) = (json!("needs-attention"), json!("rolling"));
    assert_eq!(at_the_end[0], ("02T18:00", &attention));
    let first = looks.iter().find(|(_, outcome)| *outcome == attention).expect("it is told");
    assert_eq!(&first.0[8..16], "02T16:00");
    assert!(looks.iter().take_while(|(now, _)| now < &first.0).all(|(_, outcome)| *outcome == rolling));
    assert_eq!((aws.told(), titles(&aws).len()), (vec!["Patch Needs Attention: web".to_owned()], 1));
    assert!(
        aws.messages()[0].contains("Deployment ecs-svc/2 has not completed by Wed 2030-01-02 16:00 UTC"),
        "{}",
        aws.messages()[0]
    );
}

#[tokio::test]
async fn a_repeated_delivery_looks_no_more() {
    let aws = with_service(&json!([primary("ecs-svc/2", "IN_PROGRESS")]), &[OLD, STARTED + 9]);
    let first = handle(&aws, &look(&json!({})), SOON).await.unwrap();
    assert_eq!(first["verify_at"], "2029-12-28T22:06:00Z");
    assert_eq!(aws.input_of(NAME), look(&json!({"look": 1})));
    let before = aws.schedules();
    aws.forget();
    let again = handle(&aws, &look(&json!({})), SOON).await.unwrap();
    assert_eq!((&again["outcome"], &again["verify_at"]), (&json!("repeated"), &first["verify_at"]));
    assert_eq!((aws.requests().len(), aws.schedules()), (1, before)); // only the schedule was read
}

#[tokio::test]
async fn a_first_look_that_deploy_asked_for_anew_makes_no_other_a_repeated_one() {
    let aws = with_service(&json!([primary("ecs-svc/5", "IN_PROGRESS")]), &[OLD, STARTED + 9]);
    let input = look(&json!({"deployment": "ecs-svc/5"})).to_string();
    let schedule = json!({
        "ScheduleExpression": "at(2029-12-28T22:12:00)", "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "ENABLED",
        "Target": {"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input},
    });
    aws.schedule(NAME, schedule.clone());
    let found = handle(&aws, &look(&json!({})), SOON).await.unwrap();
    assert_eq!((&found["outcome"], &found["verify_at"]), (&json!("rolling"), &json!("2029-12-28T22:12:00Z")));
    assert_eq!(aws.schedules()[NAME], schedule);
}

#[tokio::test(start_paused = true)]
async fn that_nobody_could_be_told_fails_the_invocation_so_that_it_is_tried_again() {
    let rows = [
        (json!([primary("ecs-svc/2", "COMPLETED")]), STARTED + 1),
        (json!([primary("ecs-svc/1", "COMPLETED")]), OLD),
    ];
    for (deployments, task) in rows {
        for call in ["Publish", "PutEvents"] {
            let aws = with_service(&deployments, &[task; 2]);
            aws.always(call, error("AuthorizationError", "no"));
            let failure = handle(&aws, &look(&json!({})), LATER).await.unwrap_err().to_string();
            assert_eq!(failure, format!("prod/web: {call} failed: AuthorizationError: no"));
            assert!(aws.schedules().is_empty(), "{:?}", aws.schedules());
            aws.forget();
            aws.always(
                call,
                (200, json!({"MessageId": "1", "FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})),
            );
            handle(&aws, &look(&json!({})), LATER).await.unwrap();
            assert_eq!((aws.told().len(), aws.messages().len()), (1, 1));
        }
    }
}

#[tokio::test]
async fn the_end_of_codedeploys_deployment_is_told() {
    let error =
        json!({"code": "HEALTH_CONSTRAINTS", "message": "The ELB could not be updated: listener not found"});
    let rows = [
        (json!({"status": "Succeeded"}), STARTED + 9, "completed", "by deployment d-3 after"),
        (json!({"status": "InProgress"}), OLD, "rolling", "CodeDeploy deployment d-3 is rolling out"),
        (json!({"status": "Ready"}), STARTED + 9, "rolling", "CodeDeploy deployment d-3 is rolling out"),
        (
            json!({"status": "Failed", "errorInformation": error}),
            OLD,
            "needs-attention",
            "CodeDeploy deployment d-3 failed: The ELB could not be updated: listener not found",
        ),
        (
            json!({"status": "Stopped"}),
            OLD,
            "needs-attention",
            "CodeDeploy deployment d-3 failed: it was stopped",
        ),
        (json!({"status": "Succeeded"}), OLD, "needs-attention", "no deployment is under way"),
    ];
    for (changes, task, outcome, reason) in rows {
        let aws = with_service(&json!([]), &[task; 2]);
        let set = json!({"status": "PRIMARY", "externalId": "d-3", "taskDefinition": "arn:web:7"});
        change(
            &aws,
            &json!({"deploymentController": {"type": "CODE_DEPLOY"}, "taskSets": [set]}),
            &[task; 2],
        );
        let info = json!({
            "deploymentId": "d-3", "applicationName": "the-app", "deploymentGroupName": "the-group", "createTime": STARTED,
            "computePlatform": "ECS", "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "6f1e"}},
        });
        aws.always("GetDeployment", (200, json!({"deploymentInfo": merged(&info, &changes)})));
        let whole = json!({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "6f1e", "content": "version: 0.0"}});
        aws.always("GetApplicationRevision", (200, json!({"applicationName": "the-app", "revision": whole})));
        let found = handle(&aws, &look(&json!({"deployment": "d-3"})), LATER).await.unwrap();
        assert_eq!(found["outcome"], outcome, "{found}");
        assert!(found["reason"].as_str().unwrap().contains(reason), "{found}");
        assert_eq!(aws.messages().len(), usize::from(outcome != "rolling"), "{found}");
        assert_eq!(aws.schedules().len(), usize::from(outcome != "completed"), "{found}");
        assert_eq!(aws.sent("GetDeployment"), [json!({"deploymentId": "d-3"})]);
    }
}

#[tokio::test]
async fn nobody_is_told_to_force_what_ecs_cannot_force() {
    let controller = json!({"deploymentController": {"type": "CODE_DEPLOY"}, "deployments": []});
    let aws = with_service(&json!([]), &[]);
    change(&aws, &controller, &[OLD; 2]);
    aws.always("GetDeployment", error("DeploymentDoesNotExistException", "no"));
    let found = handle(&aws, &look(&json!({"deployment": "d-3"})), LATER).await.unwrap();
    assert_eq!(found["outcome"], "needs-attention");
    assert!(!aws.messages()[0].contains("--force-new-deployment"), "{}", aws.messages()[0]);
}

#[tokio::test]
async fn a_heartbeat_counts_what_is_pending_on_every_page() {
    let aws = Aws::default();
    let page = |names: &[&str], next: Option<&str>| {
        let schedules: Vec<Value> =
            names.iter().map(|name| json!({"Name": name, "GroupName": "the-group"})).collect();
        (200, json!({"Schedules": schedules, "NextToken": next}))
    };
    let pages = [page(&["heartbeat", NAME], Some("more")), page(&[WATCH], None)];
    aws.on("GET /schedules?", in_turn(&pages));
    let found = handle(&aws, &json!({"kind": "heartbeat"}), SOON).await.unwrap();
    assert_eq!(found, json!({"pending": 2}));
    let calls: Vec<String> = aws.requests().into_iter().map(|(call, _)| call).collect();
    let all = "GET /schedules?ScheduleGroup=the-group";
    assert_eq!(calls, [all.to_owned(), format!("{all}&NextToken=more")]);

    aws.always("GET /schedules?", error("AccessDeniedException", "no"));
    let failure = handle(&aws, &json!({"kind": "heartbeat"}), SOON).await.unwrap_err().to_string();
    assert_eq!(failure, "the heartbeat: ListSchedules failed: AccessDeniedException: no");
}

#[tokio::test]
async fn an_input_that_cannot_be_read_makes_no_call() {
    let rows = [
        (look(&json!({"since": "Friday"})), "since"),
        (look(&json!({"notices": []})), "notices is []"),
        (json!({"kind": "deadline"}), "missing field"),
        (json!("verify web please"), "the schedule's input cannot be read"),
    ];
    for (input, expected) in rows {
        let aws = Aws::default();
        let failure = handle(&aws, &input, SOON).await.unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)), "{failure}");
        assert!(failure.to_string().contains(expected), "{failure}");
        assert_eq!(aws.requests(), []);
    }
}

// ---- The watch over a notice ---------------------------------------------------------------------------------

const WATCH: &str = "deadline.c731f120016c94a66426.1";

fn watch(services: &[&str]) -> Value {
    json!({
        "version": 1, "kind": "deadline", "notice": notice(), "page": 1, "part": 0, "services": {"prod": services},
        "sent_at": "2029-12-26T18:00:05Z", "done": {}, "told": ["x"], "until": "2030-01-02T17:00:00Z",
    })
}

/// An AWS with these services: when the task of each was created, and what it does.
fn with_services(services: &[(&'static str, i64, &'static str)]) -> Aws {
    let aws = Aws::default();
    let known = services.to_vec();
    aws.on("DescribeServices", move |_, asked| {
        let Some((name, _, doing)) = known.iter().find(|(name, ..)| asked["services"] == json!([name])) else {
            return (200, json!({"services": [], "failures": [{"reason": "MISSING"}]}));
        };
        if *doing == "secret" {
            return error("AccessDeniedException", "no");
        }
        let deployments = json!([primary("ecs-svc/2", if *doing == "rolling" { "IN_PROGRESS" } else { "COMPLETED" })]);
        (200, json!({"services": [{"serviceName": name, "status": "ACTIVE", "desiredCount": 1, "deployments": deployments}]}))
    });
    aws.on("ListTasks", |_, asked| {
        (200, json!({"taskArns": [format!("arn:task/prod/{}", asked["serviceName"].as_str().unwrap())]}))
    });
    let known = services.to_vec();
    aws.on("DescribeTasks", move |_, asked| {
        let arn = asked["tasks"][0].as_str().unwrap();
        let created =
            known.iter().find(|(name, ..)| arn.ends_with(&format!("/{name}"))).expect("a service").1;
        (200, json!({"tasks": [{"taskArn": arn, "createdAt": created}]}))
    });
    for (name, _, doing) in services {
        let (state, planned) = match *doing {
            "planned" => ("ENABLED", true),
            "held" => ("DISABLED", true),
            _ => ("", false),
        };
        if planned {
            let service = shared::entity::ServiceRef::new("prod", name).expect("a name");
            let name = shared::schedule::name("111122223333", "eu-west-2", &service);
            let target = json!({"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": "{}"});
            aws.schedule(&name, json!({
                "ScheduleExpression": "at(2030-01-02T17:30:00)", "FlexibleTimeWindow": {"Mode": "OFF"}, "State": state,
                "Target": target,
            }));
        }
    }
    aws
}

#[tokio::test]
async fn a_watch_reports_all_that_is_not_patched_in_one_message_and_looks_again_at_what_is_in_hand() {
    let new = STARTED + 9;
    let services = [
        ("api", new, ""),
        ("batch", OLD, ""),
        ("cron", OLD, "held"),
        ("mail", OLD, "planned"),
        ("web", OLD, "rolling"),
        ("zoo", OLD, "secret"),
    ];
    let aws = with_services(&services);
    let input = watch(&["api", "batch", "cron", "gone", "mail", "web", "zoo"]);
    let found = handle(&aws, &input, "2030-01-02T15:30:00Z").await.unwrap();
    let none = "1 of 1 running task(s) are old; no deployment is planned or under way";
    let held = "1 of 1 running task(s) are old; a person disabled its schedule";
    let expected = json!({
        "event_arn": notice()["event_arn"], "settled": 2, "in_hand": 3, "watch_at": "2030-01-02T15:53:00Z",
        "unpatched": [format!("prod/batch: {none}"), format!("prod/cron: {held}")],
    });
    assert_eq!(found, expected);
    assert_eq!(aws.told(), ["Patch Needs Attention: batch", "Patch Needs Attention: cron"]);
    assert_eq!(aws.events()[0]["Detail"]["deadline"], "2030-01-02T16:00:00Z");
    assert_eq!(
        titles(&aws),
        ["Needs attention: 2 service(s) not patched; AWS's date is Wed 2030-01-02 18:00 UTC"]
    );
    assert_eq!(aws.input_of(WATCH), watch(&["mail", "web", "zoo"]));
    assert_eq!(aws.schedules()[WATCH]["ScheduleExpression"], "at(2030-01-02T15:53:00)");
    assert_eq!(aws.schedules()[WATCH]["Target"]["Arn"], "arn:verify");

    // At last, what is in hand is reported too.
    aws.forget();
    let found = handle(&aws, &aws.input_of(WATCH), "2030-01-02T17:00:01Z").await.unwrap();
    assert_eq!((&found["in_hand"], found.get("watch_at")), (&json!(0), None));
    let reasons = [
        "prod/mail: 1 of 1 running task(s) are old; its deployment is planned for Wed 2030-01-02 17:30 UTC",
        "prod/web: 1 of 1 running task(s) are old; deployment ecs-svc/2 is rolling out",
        "prod/zoo: it could not be read: DescribeServices failed: AccessDeniedException: no",
    ];
    assert_eq!(found["unpatched"], json!(reasons));
    assert_eq!(aws.messages().len(), 1);
    assert!(
        reasons.iter().all(|reason| aws.messages()[0].contains(&format!("- {reason}\n"))),
        "{}",
        aws.messages()[0]
    );
    assert_eq!(aws.sent(DELETE).len(), 0);
}

#[tokio::test]
async fn a_watch_over_what_is_settled_tells_nobody() {
    let aws = with_services(&[("api", STARTED, "")]);
    let found = handle(&aws, &watch(&["api", "gone"]), "2030-01-02T15:30:00Z").await.unwrap();
    let expected = json!({"event_arn": notice()["event_arn"], "settled": 2, "in_hand": 0, "unpatched": []});
    assert_eq!(found, expected);
    assert_eq!((aws.told().len(), aws.messages().len(), aws.schedules().len()), (0, 0, 0));
}

#[tokio::test]
async fn a_watch_over_many_services_names_some_and_counts_all() {
    let names: Vec<String> = (0..60).map(|nth| format!("web-{nth:02}")).collect();
    let services: Vec<(&'static str, i64, &'static str)> =
        names.iter().map(|name| (&*name.clone().leak(), OLD, "")).collect();
    let aws = with_services(&services);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = handle(&aws, &watch(&names), "2030-01-02T15:30:00Z").await.unwrap();
    assert_eq!(found["unpatched"].as_array().map(Vec::len), Some(60));
    assert_eq!((aws.told().len(), aws.messages().len()), (60, 1));
    assert!(aws.messages()[0].contains("- and 20 more, which are in the log"), "{}", aws.messages()[0]);
}

#[tokio::test]
async fn a_watch_that_could_not_tell_fails_so_that_it_is_tried_again() {
    let aws = with_services(&[("batch", OLD, ""), ("web", OLD, "rolling")]);
    aws.always("Publish", error("AuthorizationError", "no"));
    let failure =
        handle(&aws, &watch(&["batch", "web"]), "2030-01-02T15:30:00Z").await.unwrap_err().to_string();
    assert!(failure.ends_with(": Publish failed: AuthorizationError: no"), "{failure}");
    assert!(aws.schedules().is_empty());
}
