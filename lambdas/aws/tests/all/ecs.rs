//! The exact requests to Amazon ECS, and how its answers are read.

use aws::ecs::{Ecs, Forced, TaskOrigin};
use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{ATTEMPTS, Answer, Aws, error, in_turn, merged};
use rules::{
    arn::ServiceRef,
    service::{Controller, Pause, Progress, Rollout, ServiceEvent, ServiceState, TaskSet, image::Container},
};
use serde_json::{Value, json};

const EPOCH: i64 = 1_892_937_600; // 2029-12-26T00:00:00Z

fn web() -> ServiceRef {
    ServiceRef::new("prod", "web").expect("valid names of the test")
}

fn ecs(aws: &Aws) -> Ecs {
    Ecs::new(&aws.sdk())
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|id| format!("{id:032x}")).collect()
}

fn arn(id: &str) -> String {
    format!("arn:aws:ecs:eu-west-2:111122223333:task/prod/{id}")
}

fn arns(range: std::ops::Range<usize>) -> Vec<String> {
    ids(range).iter().map(|id| arn(id)).collect()
}

/// The answer of `DescribeTasks` with these tasks. The nth task was created n seconds after the epoch.
fn tasks(range: std::ops::Range<usize>) -> Answer {
    let task = |(nth, arn): (i64, String)| json!({"taskArn": arn, "createdAt": EPOCH + nth});
    (200, json!({"tasks": (0..).zip(arns(range)).map(task).collect::<Vec<_>>()}))
}

/// The answer of `DescribeServices` with an active service.
fn service(changes: &[(&str, Value)]) -> Answer {
    let mut service = json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 2});
    for (key, value) in changes {
        service[key] = value.clone();
    }
    (200, json!({"services": [service]}))
}

fn at(second: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(EPOCH + second, 0)
}

fn event(second: i64, text: &str) -> ServiceEvent {
    ServiceEvent { at: at(second).expect("a date"), text: text.into() }
}

fn failure(reason: &str) -> Answer {
    (200, json!({"services": [], "failures": [{"arn": "web", "reason": reason}]}))
}

fn no_tasks() -> Answer {
    (200, json!({"taskArns": []}))
}

async fn state(answers: Vec<Answer>) -> (Result<Option<ServiceState>, String>, Vec<(String, Value)>) {
    let aws = Aws::that_answers(answers);
    let state = ecs(&aws).state(&web()).await.map_err(|error| error.to_string());
    (state, aws.requests())
}

#[tokio::test]
async fn the_effective_wait_period_is_a_number_of_days() {
    let settings = |value: &str| (200, json!({"settings": [{"name": "any", "value": value}]}));
    let rows = [
        (settings("7"), Ok(Some(TimeDelta::days(7)))),
        (settings("14"), Ok(Some(TimeDelta::days(14)))),
        (settings("0"), Ok(Some(TimeDelta::zero()))),
        (settings("a week"), Ok(None)),
        (settings("-7"), Ok(None)),
        ((200, json!({"settings": [{"name": "any"}]})), Ok(None)),
        ((200, json!({"settings": []})), Ok(None)),
        (
            error("AccessDeniedException", "no"),
            Err("ListAccountSettings failed: AccessDeniedException: no".to_owned()),
        ),
    ];
    for (answer, expected) in rows {
        let aws = Aws::that_answers([answer.clone()]);
        let wait = ecs(&aws).retirement_wait().await.map_err(|error| error.to_string());
        assert_eq!(wait, expected, "{answer:?}");
        let asked = json!({"name": "fargateTaskRetirementWaitPeriod", "effectiveSettings": true});
        assert_eq!(aws.requests(), [("ListAccountSettings".to_owned(), asked)]);
    }
}

#[tokio::test]
async fn tasks_are_described_in_batches_of_100() {
    let aws = Aws::that_answers([tasks(0..100), tasks(100..199), tasks(200..250)]);
    let found = ecs(&aws).origins("prod", &ids(0..250)).await.unwrap();
    let found: Vec<String> = found.into_iter().map(|origin| origin.id).collect();
    assert_eq!(found, [ids(0..199), ids(200..250)].concat()); // ECS no longer knows a task that has stopped
    let asked = |range| ("DescribeTasks".to_owned(), json!({"cluster": "prod", "tasks": ids(range)}));
    assert_eq!(aws.requests(), [asked(0..100), asked(100..200), asked(200..250)]);
}

#[tokio::test]
async fn an_origin_has_the_fields_that_ecs_returns() {
    let full = json!({
        "taskArn": arn("1"), "group": "family:batch", "startedBy": "nightly", "taskDefinitionArn": "arn:batch:3",
    });
    let bare = json!({"taskArn": "arn:aws:ecs:eu-west-2:111122223333:task/2"});
    let aws = Aws::that_answers([(200, json!({"tasks": [full, bare, {}]}))]);
    let found = ecs(&aws).origins("prod", &ids(0..3)).await.unwrap();
    let expected = [
        TaskOrigin {
            id: "1".into(),
            group: "family:batch".into(),
            started_by: Some("nightly".into()),
            task_definition: Some("arn:batch:3".into()),
        },
        TaskOrigin { id: "2".into(), group: String::new(), started_by: None, task_definition: None },
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_deleted_cluster_has_no_tasks_and_any_other_error_is_an_error() {
    let rows = [
        ("ClusterNotFoundException", Ok(Vec::new())),
        ("InvalidParameterException", Err("DescribeTasks failed: InvalidParameterException: no".to_owned())),
    ];
    for (code, expected) in rows {
        let aws = Aws::that_answers([error(code, "no")]);
        let found = ecs(&aws).origins("prod", &ids(0..1)).await.map_err(|error| error.to_string());
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn clusters_are_listed_on_every_page() {
    let page = |names: [&str; 2], next: Option<&str>| {
        let arns = names.map(|name| format!("arn:aws:ecs:eu-west-2:111122223333:cluster/{name}"));
        (200, json!({"clusterArns": arns, "nextToken": next}))
    };
    let aws = Aws::that_answers([page(["prod", "staging"], Some("more")), page(["test", "lab"], None)]);
    assert_eq!(ecs(&aws).clusters().await.unwrap(), ["prod", "staging", "test", "lab"]);
    let asked = |body| ("ListClusters".to_owned(), body);
    assert_eq!(aws.requests(), [asked(json!({})), asked(json!({"nextToken": "more"}))]);

    let aws =
        Aws::that_answers([page(["prod", "staging"], Some("more")), error("AccessDeniedException", "no")]);
    let failed = ecs(&aws).clusters().await.unwrap_err().to_string();
    assert_eq!(failed, "ListClusters failed: AccessDeniedException: no");
}

#[tokio::test]
async fn a_missing_service_is_none_and_an_unreadable_service_is_an_error() {
    let rows = [
        (failure("MISSING"), Ok(None)),
        (error("ClusterNotFoundException", "no"), Ok(None)),
        (
            failure("ACCESS"),
            Err("DescribeServices failed: prod/web is missing from the response; reason: ACCESS"),
        ),
        (
            (200, json!({})),
            Err("DescribeServices failed: prod/web is missing from the response; reason: none"),
        ),
        (error("AccessDeniedException", "no"), Err("DescribeServices failed: AccessDeniedException: no")),
    ];
    for (answer, expected) in rows {
        let (state, requests) = state(vec![answer.clone()]).await;
        assert_eq!(state, expected.map_err(str::to_owned), "{answer:?}");
        let asked = json!({"cluster": "prod", "services": ["web"], "include": ["TAGS"]});
        assert_eq!(requests, [("DescribeServices".to_owned(), asked)]);
    }
}

#[tokio::test]
async fn the_tasks_of_an_inactive_service_are_not_read() {
    for status in ["INACTIVE", "DRAINING"] {
        let (state, requests) = state(vec![service(&[("status", json!(status))])]).await;
        assert_eq!(state.unwrap().expect("a service").status, status);
        assert_eq!(requests.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn services_are_described_in_batches_of_10() {
    let found = |names: &[(&str, &str)]| {
        let found = |(name, status): &(&str, &str)| json!({"serviceName": name, "status": status});
        (
            200,
            json!({"services": names.iter().map(found).collect::<Vec<_>>(), "failures": [{"reason": "MISSING"}]}),
        )
    };
    let names: Vec<String> = (0..12).map(|nth| format!("web-{nth}")).collect();
    let first = found(&[("web-3", "ACTIVE"), ("web-4", "INACTIVE"), ("web-5", "DRAINING")]);
    let aws = Aws::that_answers([first, found(&[("web-11", "ACTIVE")])]);
    assert_eq!(ecs(&aws).active("prod", &names).await.unwrap(), ["web-3", "web-11"]);
    let asked = |range: std::ops::Range<usize>| json!({"cluster": "prod", "services": names[range], "include": ["TAGS"]});
    assert_eq!(aws.sent("DescribeServices"), [asked(0..10), asked(10..12)]);

    let tagged =
        json!([{"serviceName": "web-3", "tags": [{"key": "a", "value": "b"}]}, {"serviceName": "web-4"}]);
    let aws = Aws::that_answers([(200, json!({"services": tagged})), found(&[])]);
    let tags = ecs(&aws).tags("prod", &names).await.unwrap();
    let expected = [("web-3", vec![("a", "b")]), ("web-4", vec![])].map(|(name, tags)| {
        let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        (name.to_owned(), tags.into_iter().map(text).collect::<Vec<_>>())
    });
    assert_eq!(tags, expected.into());
    assert_eq!(aws.sent("DescribeServices"), [asked(0..10), asked(10..12)]);

    let rows = [
        ("ClusterNotFoundException", Ok(Vec::new())),
        ("AccessDeniedException", Err("DescribeServices failed: AccessDeniedException: no".to_owned())),
    ];
    for (code, expected) in rows {
        let aws = Aws::that_answers([error(code, "no")]);
        assert_eq!(ecs(&aws).active("prod", &names).await.map_err(|error| error.to_string()), expected);
    }
}

#[tokio::test]
async fn every_controller_is_recognised_and_has_its_primary_task_set() {
    let kind = |kind: &str| ("deploymentController", json!({"type": kind}));
    let sets = |sets: Value| ("taskSets", sets);
    let bare = TaskSet {
        deployment: None,
        started_by: None,
        task_definition: String::new(),
        container: None,
        platform_version: None,
        capacity_providers: Vec::new(),
    };
    // As DescribeServices returns a service while CodeDeploy replaces its tasks.
    let set = |status: &str, deployment: &str, definition: &str| {
        json!({
            "id": "ecs-svc/1", "status": status, "externalId": deployment, "startedBy": "CODE_DEPLOY",
            "taskDefinition": definition, "launchType": "FARGATE", "platformVersion": "1.4.0",
            "loadBalancers": [
                {"targetGroupArn": "arn:tg"},
                {"targetGroupArn": "arn:tg", "containerName": "app", "containerPort": 8080},
            ],
            "scale": {"value": 100.0, "unit": "PERCENT"}, "stabilityStatus": "STEADY_STATE",
        })
    };
    let mut spot = set("PRIMARY", "d-2", "arn:web:7");
    spot["capacityProviderStrategy"] = json!([
        {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0},
        {"capacityProvider": "FARGATE", "weight": 1, "base": 2},
    ]);
    let full = TaskSet {
        deployment: Some("d-2".into()),
        started_by: Some("CODE_DEPLOY".into()),
        task_definition: "arn:web:7".into(),
        container: Some(("app".into(), 8080)),
        platform_version: Some("1.4.0".into()),
        capacity_providers: vec![("FARGATE_SPOT".into(), 0, 3), ("FARGATE".into(), 2, 1)],
    };
    let old = set("ACTIVE", "d-1", "arn:web:6");
    let rows = [
        (vec![], Controller::Ecs),
        (vec![kind("ECS")], Controller::Ecs),
        (
            vec![kind("CODE_DEPLOY"), sets(json!([old, set("PRIMARY", "d-2", "arn:web:7")]))],
            Controller::CodeDeploy(Some(TaskSet { capacity_providers: Vec::new(), ..full.clone() })),
        ),
        (vec![kind("CODE_DEPLOY"), sets(json!([spot, old]))], Controller::CodeDeploy(Some(full.clone()))),
        (vec![kind("CODE_DEPLOY"), sets(json!([{"status": "PRIMARY"}]))], Controller::CodeDeploy(Some(bare))),
        (vec![kind("CODE_DEPLOY")], Controller::CodeDeploy(None)),
        (vec![kind("EXTERNAL")], Controller::External(None)),
        (vec![kind("EXTERNAL"), sets(json!([spot]))], Controller::External(Some(full.clone()))),
        (vec![kind("TOMORROW")], Controller::Unknown("TOMORROW".into())),
    ];
    for (changes, expected) in rows {
        let (state, _) = state(vec![service(&changes), no_tasks()]).await;
        assert_eq!(state.unwrap().expect("a service").controller, expected);
    }
}

#[tokio::test]
async fn a_state_has_the_deployments_and_the_ages_of_all_running_tasks() {
    let deployments = json!([
        {
            "id": "ecs-svc/2", "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "createdAt": EPOCH,
            "rolloutStateReason": "ECS deployment ecs-svc/2 in progress.", "failedTasks": 2,
        },
        {"id": "ecs-svc/1", "status": "ACTIVE", "rolloutState": "COMPLETED", "failedTasks": 0},
        {"id": "ecs-svc/0", "status": "INACTIVE", "rolloutState": "FAILED"},
        {"id": "ecs-svc/x", "status": "ACTIVE"},
    ]);
    let events = json!([
        {"id": "2", "createdAt": EPOCH + 9, "message": "(service web) is unable to place a task."},
        {"id": "1", "createdAt": EPOCH, "message": "(service web) has started 1 tasks."},
        {"id": "0", "createdAt": EPOCH},
    ]);
    let page = |range, next: Option<&str>| (200, json!({"taskArns": arns(range), "nextToken": next}));
    let (state, requests) = state(vec![
        service(&[
            ("deployments", deployments),
            ("events", events),
            ("taskDefinition", json!("arn:web:7")),
            ("tags", json!([{"key": "ecs-task-patching:mode", "value": "off"}, {"key": "empty"}])),
        ]),
        page(0..100, Some("more")),
        page(100..101, None),
        tasks(0..100),
        (
            200,
            json!({"tasks": [
                {"taskArn": arn("x"), "lastStatus": "RUNNING"},
                {"taskArn": arn("y"), "lastStatus": "PENDING", "createdAt": EPOCH + 200},
            ]}),
        ),
    ])
    .await;
    let rollout = |id: &str, progress| Rollout {
        id: id.into(),
        primary: false,
        created_at: None,
        progress,
        reason: None,
        failed_tasks: 0,
    };
    let expected = ServiceState {
        status: "ACTIVE".into(),
        desired_count: 2,
        controller: Controller::Ecs,
        deployments: vec![
            Rollout {
                id: "ecs-svc/2".into(),
                primary: true,
                created_at: at(0),
                progress: Progress::InProgress,
                reason: Some("ECS deployment ecs-svc/2 in progress.".into()),
                failed_tasks: 2,
            },
            rollout("ecs-svc/1", Progress::Completed),
            rollout("ecs-svc/0", Progress::Failed),
            rollout("ecs-svc/x", Progress::Unknown),
        ],
        tasks: (0..100).map(at).chain([None]).collect(),
        images: Vec::new(),
        starting: 1,
        events: vec![
            event(9, "(service web) is unable to place a task."),
            event(0, "(service web) has started 1 tasks."),
        ],
        task_definition: Some("arn:web:7".into()),
        tags: vec![("ecs-task-patching:mode".into(), "off".into()), ("empty".into(), String::new())],
        has_hooks: false,
        pause: None,
    };
    assert_eq!(state, Ok(Some(expected)));
    let expected = [
        ("DescribeServices", json!({"cluster": "prod", "services": ["web"], "include": ["TAGS"]})),
        ("ListTasks", json!({"cluster": "prod", "serviceName": "web", "desiredStatus": "RUNNING"})),
        (
            "ListTasks",
            json!({"cluster": "prod", "serviceName": "web", "desiredStatus": "RUNNING", "nextToken": "more"}),
        ),
        ("DescribeTasks", json!({"cluster": "prod", "tasks": arns(0..100)})),
        ("DescribeTasks", json!({"cluster": "prod", "tasks": arns(100..101)})),
    ];
    assert_eq!(requests, expected.map(|(call, body)| (call.to_owned(), body)));
}

#[tokio::test]
async fn tasks_that_cannot_be_listed_are_an_error_and_not_an_empty_list() {
    let (state, _) = state(vec![service(&[]), error("AccessDeniedException", "no")]).await;
    assert_eq!(state, Err("ListTasks failed: AccessDeniedException: no".to_owned()));
}

#[tokio::test]
async fn likely_causes_are_what_ecs_reports_since_then_each_once_and_the_most_likely_first() {
    let deployment = |created: i64, status: &str, reason: Option<&str>| {
        json!({
            "serviceDeploymentArn": "arn:sd", "serviceArn": "arn:web", "clusterArn": "arn:prod",
            "createdAt": EPOCH + created, "status": status, "statusReason": reason,
        })
    };
    let breaker = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    let stopped = |created: i64, reason: Option<&str>, containers: Value| json!({"createdAt": EPOCH + created, "stoppedReason": reason, "containers": containers});
    let (exited, pull) = ("Essential container in task exited", "CannotPullContainerError: not found");
    let app = |code: i32| json!([{"name": "app", "exitCode": code}, {"name": "sidecar"}]);
    let aws = Aws::default();
    let tasks = [
        stopped(-1, Some("Scaling activity initiated"), json!([])), // before that time
        stopped(0, Some(exited), app(137)),                         // exactly at that time
        stopped(4, Some(exited), app(1)),
        stopped(4, Some(exited), app(1)), // the same
        stopped(5, Some("Task failed to start"), json!([{"name": "app", "reason": pull, "exitCode": 1}])),
        stopped(6, None, json!([])),
        stopped(7, Some("a fourth"), json!([])),
    ];
    aws.service(&json!({}), &[], &tasks);
    let newest = deployment(2, "ROLLBACK_SUCCESSFUL", Some(breaker));
    // ECS documents no order: the newest can be on any page.
    let pages = [
        json!({"serviceDeployments": [deployment(0, "STOPPED", Some("stopped"))], "nextToken": "2"}),
        json!({"serviceDeployments": [newest, deployment(-1, "SUCCESSFUL", Some("before"))], "nextToken": "3"}),
        json!({"serviceDeployments": [deployment(1, "STOPPED", Some("stopped"))]}),
    ];
    aws.on("ListServiceDeployments", in_turn(&pages.map(|page| (200, page))));
    let events =
        [event(9, "fourth"), event(8, "third"), event(0, "second"), event(0, "first"), event(-1, "before")];
    let causes = ecs(&aws).likely_causes(&web(), &events, at(0).expect("a date")).await;
    let expected = [
        format!("deployment ROLLBACK_SUCCESSFUL: {breaker}"),
        format!("a task stopped: {exited}; app: exit code 137"),
        format!("a task stopped: {exited}; app: exit code 1"),
        format!("a task stopped: Task failed to start; app: {pull}"),
        "fourth".to_owned(),
        "third".to_owned(),
        "second".to_owned(),
    ];
    assert_eq!(causes, expected);
    let first = json!({"cluster": "prod", "service": "web", "createdAt": {"after": EPOCH - 1}});
    let page = |token: &str| merged(&first, &json!({"nextToken": token}));
    assert_eq!(aws.sent("ListServiceDeployments"), [first.clone(), page("2"), page("3")]);
    let asked = json!({"cluster": "prod", "serviceName": "web", "desiredStatus": "STOPPED"});
    assert_eq!(aws.sent("ListTasks"), [asked]);
}

#[tokio::test]
async fn without_failures_there_is_no_cause_and_an_unreadable_source_does_not_hide_the_others() {
    let aws = Aws::default();
    aws.service(&json!({}), &[], &[]);
    let since = at(0).expect("a date");
    for deployments in [json!([]), json!([{"createdAt": EPOCH, "status": "IN_PROGRESS"}])] {
        aws.always("ListServiceDeployments", (200, json!({"serviceDeployments": deployments})));
        assert_eq!(ecs(&aws).likely_causes(&web(), &[], since).await, Vec::<String>::new());
    }
    let exactly_then = json!([{"createdAt": EPOCH, "status": "STOPPED", "statusReason": "by an operator"}]);
    aws.always("ListServiceDeployments", (200, json!({"serviceDeployments": exactly_then})));
    assert_eq!(ecs(&aws).likely_causes(&web(), &[], since).await, ["deployment STOPPED: by an operator"]);
    for call in ["DescribeTasks", "ListTasks", "ListServiceDeployments"] {
        let aws = Aws::default();
        aws.always("ListServiceDeployments", (200, json!({"serviceDeployments": []})));
        let event = event(1, "an event");
        let task = json!({"createdAt": EPOCH});
        aws.service(&json!({}), &[], &[task]);
        aws.always(call, error("AccessDeniedException", "no"));
        let causes = ecs(&aws).likely_causes(&web(), &[event], since).await;
        let incomplete = format!("(incomplete: {call} failed: AccessDeniedException: no)");
        assert!(causes.contains(&incomplete) && causes.contains(&"an event".to_owned()), "{causes:?}");
    }
    // Only the ECS controller has service deployments. Their absence is not a failure.
    aws.always("ListServiceDeployments", error("UnsupportedFeatureException", "no"));
    aws.service(&json!({}), &[], &[]);
    assert_eq!(ecs(&aws).likely_causes(&web(), &[], since).await, Vec::<String>::new());
}

/// An AWS whose service has a deployment with a pause hook in this status.
fn with_hook(status: &str) -> Aws {
    let aws = Aws::default();
    let hooks =
        json!({"lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"]}]});
    let deployment =
        json!({"id": "ecs-svc/2", "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "createdAt": EPOCH});
    let service = json!({
        "serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "deployments": [deployment],
        "deploymentConfiguration": hooks,
    });
    aws.service(&service, &[], &[]);
    let listed = json!({"serviceDeploymentArn": "arn:sd/2", "status": "IN_PROGRESS", "createdAt": EPOCH});
    aws.always("ListServiceDeployments", (200, json!({"serviceDeployments": [listed]})));
    let hooks = json!([
        {"hookId": "lambda-1", "targetType": "AWS_LAMBDA", "status": "SUCCEEDED"},
        {"hookId": "ecs-pause-1", "targetType": "PAUSE", "status": status, "expiresAt": EPOCH + 9, "timeoutAction": "CONTINUE"},
    ]);
    let described =
        json!({"serviceDeployments": [{"serviceDeploymentArn": "arn:sd/2", "lifecycleHookDetails": hooks}]});
    aws.always("DescribeServiceDeployments", (200, described));
    aws
}

#[tokio::test]
async fn a_deployment_that_waits_for_a_person_is_found_by_its_pause_hook() {
    let pause = Pause {
        hook: "ecs-pause-1".into(),
        deployment_arn: "arn:sd/2".into(),
        expires_at: at(9),
        then_continues: true,
    };
    for (status, expected) in [("AWAITING_ACTION", Some(pause)), ("SUCCEEDED", None)] {
        let aws = with_hook(status);
        let state = ecs(&aws).state_and_pause(&web()).await.unwrap().expect("a service");
        assert_eq!(state.pause, expected, "{status}");
        let rolling = json!({"cluster": "prod", "service": "web", "status": ["IN_PROGRESS"]});
        assert_eq!(aws.sent("ListServiceDeployments"), [rolling]);
        assert_eq!(aws.sent("DescribeServiceDeployments"), [json!({"serviceDeploymentArns": ["arn:sd/2"]})]);
    }
}

#[tokio::test]
async fn only_a_deployment_in_progress_with_hooks_is_asked_for_a_pause() {
    let rolling = json!([{"id": "ecs-svc/2", "rolloutState": "IN_PROGRESS"}]);
    let hooks = json!({"lifecycleHooks": [{"targetType": "PAUSE"}]});
    for changes in [json!({"deployments": rolling}), json!({"deploymentConfiguration": hooks})] {
        let aws = Aws::default(); // which answers no other call
        aws.service(
            &merged(&json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 1}), &changes),
            &[],
            &[],
        );
        assert_eq!(ecs(&aws).state_and_pause(&web()).await.unwrap().expect("a service").pause, None);
    }
}

#[tokio::test]
async fn a_deployment_is_forced_and_nothing_else_is_changed() {
    let deployments = json!([{"id": "old", "status": "ACTIVE"}, {"id": "new", "status": "PRIMARY"}]);
    for (deployments, expected) in [(deployments, Some("new".to_owned())), (json!([]), None)] {
        let aws = Aws::that_answers([(200, json!({"service": {"deployments": deployments}}))]);
        assert_eq!(ecs(&aws).force(&web()).await, Ok(Forced::Started { deployment: expected }));
        let asked = json!({"cluster": "prod", "service": "web", "forceNewDeployment": true});
        assert_eq!(aws.requests(), [("UpdateService".to_owned(), asked)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final_and_any_other_error_can_be_retried() {
    type Made = fn(String) -> Result<Forced, String>;
    let gone: Made = |text| Ok(Forced::Gone(text));
    let refused: Made = |text| Ok(Forced::Refused(text));
    let throttled: Made = |text| Ok(Forced::Throttled(text));
    let rows: [(&str, Made); 12] = [
        ("ServiceNotFoundException", gone),
        ("ServiceNotActiveException", gone),
        ("ClusterNotFoundException", gone),
        ("ClientException", refused),
        ("InvalidParameterException", refused),
        ("NamespaceNotFoundException", refused),
        ("PlatformTaskDefinitionIncompatibilityException", refused),
        ("PlatformUnknownException", refused),
        ("UnsupportedFeatureException", refused),
        ("AccessDeniedException", Err),
        ("ServerException", Err),
        ("ThrottlingException", throttled),
    ];
    for (code, expected) in rows {
        let aws = Aws::that_answers(vec![error(code, "no"); ATTEMPTS as usize]);
        let forced = ecs(&aws).force(&web()).await.map_err(|error| error.to_string());
        assert_eq!(forced, expected(format!("UpdateService failed: {code}: no")));
        // The call has no client token: a call that may have started a deployment must not be sent again.
        let calls = if code == "ThrottlingException" { ATTEMPTS as usize } else { 1 };
        assert_eq!(aws.requests().len(), calls, "{code}");
    }
    let aws = Aws::that_answers([(500, error("ServerException", "no").1), (200, json!({}))]);
    ecs(&aws).force(&web()).await.unwrap_err();
    assert_eq!(aws.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn throttling_does_not_use_up_a_retry_quota() {
    const CALLS: usize = 20; // 220 throttled answers: the SDK's default quota ends after 100
    let throttled = error("ThrottlingException", "Rate exceeded");
    let call =
        std::iter::repeat_n(throttled, ATTEMPTS as usize - 1).chain([(200, json!({"clusterArns": []}))]);
    let aws = Aws::that_answers(std::iter::repeat_n(call, CALLS).flatten());
    let ecs = ecs(&aws);
    for nth in 0..CALLS {
        assert_eq!(ecs.clusters().await, Ok(Vec::new()), "call {nth}");
    }
}

#[tokio::test]
async fn an_account_setting_is_read_as_it_takes_effect() {
    for (value, expected) in [(json!("enabled"), true), (json!("disabled"), false), (Value::Null, false)] {
        let setting = json!({"name": "fargateEventWindows", "value": value});
        let aws = Aws::that_answers([(200, json!({"settings": [setting]}))]);
        assert_eq!(ecs(&aws).event_windows().await, Ok(expected), "{value}");
        let asked = json!({"name": "fargateEventWindows", "effectiveSettings": true});
        assert_eq!(aws.sent("ListAccountSettings"), [asked]);
    }
}

#[tokio::test]
async fn the_containers_of_a_task_definition_are_read() {
    let containers = json!([{"name": "app", "image": "app:1"}, {"name": "log", "image": "log@sha256:1"}]);
    let aws = Aws::that_answers([
        (200, json!({"taskDefinition": {"containerDefinitions": containers}})),
        error("ClientException", "Unable to describe task definition."),
    ]);
    let container = |name: &str, image: &str| Container { name: name.into(), image: image.into() };
    let expected = vec![container("app", "app:1"), container("log", "log@sha256:1")];
    assert_eq!(ecs(&aws).containers("arn:web:7").await, Ok(expected));
    assert_eq!(aws.sent("DescribeTaskDefinition"), [json!({"taskDefinition": "arn:web:7"})]);
    let failed = ecs(&aws).containers("arn:web:8").await.unwrap_err().to_string();
    assert_eq!(failed, "DescribeTaskDefinition failed: ClientException: Unable to describe task definition.");
}
