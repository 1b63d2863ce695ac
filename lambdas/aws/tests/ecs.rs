//! What Amazon ECS is asked, to the byte, and what its answers mean.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

mod answers;

use answers::{ATTEMPTS, Answer, Aws, error};
use aws::ecs::{Ecs, Forced, TaskOrigin};
use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::{
    decide::{Controller, Rollout, ServiceState},
    entity::ServiceRef,
};

const EPOCH: i64 = 1_892_937_600; // 2029-12-26T00:00:00Z

fn web() -> ServiceRef {
    ServiceRef::new("prod", "web").expect("names of the test")
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

/// `DescribeTasks`' answer with these tasks, the nth created n seconds after the epoch.
fn tasks(range: std::ops::Range<usize>) -> Answer {
    let task = |(nth, arn): (i64, String)| json!({"taskArn": arn, "createdAt": EPOCH + nth});
    (200, json!({"tasks": (0..).zip(arns(range)).map(task).collect::<Vec<_>>()}))
}

/// `DescribeServices`' answer with an active service.
fn service(changes: &[(&str, Value)]) -> Answer {
    let mut service = json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 2});
    for (key, value) in changes {
        service[key] = value.clone();
    }
    (200, json!({"services": [service]}))
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
async fn tasks_are_asked_for_by_the_hundred() {
    let aws = Aws::that_answers([tasks(0..100), tasks(100..199), tasks(200..250)]);
    let found = ecs(&aws).origins("prod", &ids(0..250)).await.unwrap();
    let found: Vec<String> = found.into_iter().map(|origin| origin.id).collect();
    assert_eq!(found, [ids(0..199), ids(200..250)].concat()); // one has stopped, and ECS forgot it
    let asked = |range| ("DescribeTasks".to_owned(), json!({"cluster": "prod", "tasks": ids(range)}));
    assert_eq!(aws.requests(), [asked(0..100), asked(100..200), asked(200..250)]);
}

#[tokio::test]
async fn an_origin_says_what_ecs_says() {
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
async fn tasks_of_a_cluster_that_is_gone_are_gone_and_other_errors_are_errors() {
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
async fn clusters_are_named_page_by_page() {
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
async fn a_service_that_is_not_there_is_told_from_one_that_cannot_be_read() {
    let rows = [
        (failure("MISSING"), Ok(None)),
        (error("ClusterNotFoundException", "no"), Ok(None)),
        (failure("ACCESS"), Err(r#"DescribeServices failed: prod/web: no answer, reason Some("ACCESS")"#)),
        ((200, json!({})), Err("DescribeServices failed: prod/web: no answer, reason None")),
        (error("AccessDeniedException", "no"), Err("DescribeServices failed: AccessDeniedException: no")),
    ];
    for (answer, expected) in rows {
        let (state, requests) = state(vec![answer.clone()]).await;
        assert_eq!(state, expected.map_err(str::to_owned), "{answer:?}");
        let asked = json!({"cluster": "prod", "services": ["web"]});
        assert_eq!(requests, [("DescribeServices".to_owned(), asked)]);
    }
}

#[tokio::test]
async fn a_service_that_is_not_active_is_none_of_its_cluster_and_its_tasks_are_not_asked_for() {
    assert_eq!(ecs(&Aws::that_answers([service(&[])])).has_service(&web()).await, Ok(true));
    assert_eq!(ecs(&Aws::that_answers([failure("MISSING")])).has_service(&web()).await, Ok(false));
    for status in ["INACTIVE", "DRAINING"] {
        let answer = service(&[("status", json!(status))]);
        let aws = Aws::that_answers([answer.clone()]);
        assert_eq!(ecs(&aws).has_service(&web()).await, Ok(false), "{status}");
        let (state, requests) = state(vec![answer]).await;
        assert_eq!(state.unwrap().expect("a service").status, status);
        assert_eq!(requests.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn every_controller_is_known() {
    let kind = |kind: &str| ("deploymentController", json!({"type": kind}));
    let sets = |sets: Value| ("taskSets", sets);
    let code_deploy = |id: Option<&str>| Controller::CodeDeploy { last_deployment: id.map(str::to_owned) };
    let old = json!({"status": "ACTIVE", "externalId": "d-1"});
    let rows = [
        (vec![], Controller::Ecs),
        (vec![kind("ECS")], Controller::Ecs),
        (
            vec![kind("CODE_DEPLOY"), sets(json!([old, {"status": "PRIMARY", "externalId": "d-2"}]))],
            code_deploy(Some("d-2")),
        ),
        (vec![kind("CODE_DEPLOY"), sets(json!([old, {"status": "PRIMARY"}]))], code_deploy(None)),
        (vec![kind("CODE_DEPLOY")], code_deploy(None)),
        (vec![kind("EXTERNAL")], Controller::External),
        (vec![kind("TOMORROW")], Controller::Unknown("TOMORROW".into())),
    ];
    for (changes, expected) in rows {
        let (state, _) = state(vec![service(&changes), no_tasks()]).await;
        assert_eq!(state.unwrap().expect("a service").controller, expected);
    }
}

#[tokio::test]
async fn deployments_and_the_ages_of_all_running_tasks_make_the_state() {
    let deployments = json!([
        {"id": "ecs-svc/2", "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "createdAt": EPOCH},
        {"id": "ecs-svc/1", "status": "ACTIVE", "rolloutState": "COMPLETED"},
    ]);
    let page = |range, next: Option<&str>| (200, json!({"taskArns": arns(range), "nextToken": next}));
    let (state, requests) = state(vec![
        service(&[("deployments", deployments)]),
        page(0..100, Some("more")),
        page(100..101, None),
        tasks(0..100),
        (200, json!({"tasks": [{"taskArn": arn("x")}]})),
    ])
    .await;
    let at = |second| chrono::DateTime::from_timestamp(EPOCH + second, 0);
    let expected = ServiceState {
        status: "ACTIVE".into(),
        desired_count: 2,
        controller: Controller::Ecs,
        deployments: vec![
            Rollout { id: "ecs-svc/2".into(), created_at: at(0), in_progress: true },
            Rollout { id: "ecs-svc/1".into(), created_at: None, in_progress: false },
        ],
        tasks: (0..100).map(at).chain([None]).collect(),
    };
    assert_eq!(state, Ok(Some(expected)));
    let expected = [
        ("DescribeServices", json!({"cluster": "prod", "services": ["web"]})),
        ("ListTasks", json!({"cluster": "prod", "serviceName": "web"})),
        ("ListTasks", json!({"cluster": "prod", "serviceName": "web", "nextToken": "more"})),
        ("DescribeTasks", json!({"cluster": "prod", "tasks": arns(0..100)})),
        ("DescribeTasks", json!({"cluster": "prod", "tasks": arns(100..101)})),
    ];
    assert_eq!(requests, expected.map(|(call, body)| (call.to_owned(), body)));
}

#[tokio::test]
async fn tasks_that_cannot_be_listed_are_not_taken_for_none() {
    let (state, _) = state(vec![service(&[]), error("AccessDeniedException", "no")]).await;
    assert_eq!(state, Err("ListTasks failed: AccessDeniedException: no".to_owned()));
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
async fn a_refusal_says_whether_another_try_can_help() {
    type Made = fn(String) -> Result<Forced, String>;
    let gone: Made = |text| Ok(Forced::Gone(text));
    let refused: Made = |text| Ok(Forced::Refused(text));
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
        ("ThrottlingException", Err),
    ];
    for (code, expected) in rows {
        let aws = Aws::that_answers(vec![error(code, "no"); ATTEMPTS as usize]);
        let forced = ecs(&aws).force(&web()).await.map_err(|error| error.to_string());
        assert_eq!(forced, expected(format!("UpdateService failed: {code}: no")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_throttling_uses_up_no_quota_of_retries() {
    const CALLS: usize = 20; // 220 throttled answers: the SDK's own quota ends at a hundred
    let throttled = error("ThrottlingException", "Rate exceeded");
    let call =
        std::iter::repeat_n(throttled, ATTEMPTS as usize - 1).chain([(200, json!({"clusterArns": []}))]);
    let aws = Aws::that_answers(std::iter::repeat_n(call, CALLS).flatten());
    let ecs = ecs(&aws);
    for nth in 0..CALLS {
        assert_eq!(ecs.clusters().await, Ok(Vec::new()), "call {nth}");
    }
}
