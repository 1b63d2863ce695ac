//! What the tests of deploy share: an AWS with one service, the input of its schedule, and one invocation.

use aws::{Failure, Invocation, config::Config};
use deploy::{Answer, Deploy};
use fake_aws::{Aws, CREATE, DELETE, READ, UPDATE, environment_with, in_turn, merged};
use rules::deploy::outcome::DeployOutcome;
use serde_json::{Value, json};

/// Three seconds after the sample's start time.
pub(crate) const NOW: &str = "2029-12-28T22:00:03Z";
/// The sample's cut-off: a task created then is old.
pub(crate) const OLD: i64 = 1_893_002_400;
/// A task created then is new.
pub(crate) const NEW: i64 = OLD + 1;
/// Why `prod/web` is redeployed.
pub(crate) const WHY: &str = "1 of 1 running task was created before Wed 26 Dec 2029 18:00 UTC";
/// The schedule of the deployment of `prod/web`.
pub(crate) const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
/// The schedule of the verification check of `prod/web`.
pub(crate) const VERIFY: &str = "prod.web.bf04ed89e1afdadd0c43.verify";
/// What redeploys `prod/web` by hand.
pub(crate) const FORCE: &str = "aws ecs update-service --cluster prod --service web --force-new-deployment";

/// The sample of a deployment's input, with these changes.
pub(crate) fn input(changes: &Value) -> Value {
    let sample: Value =
        serde_json::from_str(include_str!("../../../../../events/deploy-input.json")).unwrap();
    merged(&sample, changes)
}

/// The notices of the sample.
pub(crate) fn notices() -> Value {
    input(&json!({}))["notices"].clone()
}

/// An AWS whose services are active and have one task each, created at that time; and `UpdateService` works.
pub(crate) fn with_service(changes: &Value, created_at: i64) -> Aws {
    let aws = Aws::default();
    change(&aws, changes, created_at);
    let deployments = json!([{"id": "ecs-svc/2", "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}]);
    aws.always("UpdateService", (200, json!({"service": {"deployments": deployments}})));
    aws
}

/// From now on the services are like this.
pub(crate) fn change(aws: &Aws, changes: &Value, created_at: i64) {
    let service = json!({
        "serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "taskDefinition": "arn:web:7",
    });
    aws.service(&merged(&service, changes), &[json!({"createdAt": created_at})], &[]);
}

/// The same with one old task, and these tags of ours.
pub(crate) fn tagged(tags: &[(&str, &str)]) -> Aws {
    with_service(&json!({"tags": tags.iter().copied().map(tag).collect::<Value>()}), OLD)
}

/// A tag of ours, as ECS describes it.
pub(crate) fn tag((key, value): (&str, &str)) -> Value {
    json!({"key": format!("ecs-task-patching:{key}"), "value": value})
}

/// A deployment that is rolling out, created at that time.
pub(crate) fn rolling(id: &str, created_at: i64) -> Value {
    json!({"deployments": [
        {"id": id, "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "createdAt": created_at, "failedTasks": 0},
    ]})
}

/// A service that CodeDeploy deploys: the revision of its last deployment, and when the deployment was created that
/// is in progress, if one is.
pub(crate) fn with_code_deploy(revision: &Value, in_progress: Option<i64>) -> Aws {
    let set = json!({
        "id": "ecs-svc/1", "status": "PRIMARY", "externalId": "d-1", "taskDefinition": "arn:web:7",
        "platformVersion": "1.4.0", "loadBalancers": [{"containerName": "app", "containerPort": 8080}],
    });
    let aws = with_service(&json!({"deploymentController": {"type": "CODE_DEPLOY"}, "taskSets": [set]}), OLD);
    let revision = revision.clone();
    aws.on("GetDeployment", move |_, asked| {
        let id = &asked["deploymentId"];
        let created = if id == "d-1" { Some(0) } else { in_progress };
        let status = if id == "d-1" { "Succeeded" } else { "InProgress" };
        (
            200,
            json!({"deploymentInfo": {
                "deploymentId": id, "applicationName": "the-app", "deploymentGroupName": "the-group",
                "status": status, "createTime": created, "revision": revision, "computePlatform": "ECS",
            }}),
        )
    });
    aws.on("GetApplicationRevision", |_, asked| {
        let whole = json!({"content": app_spec("arn:web:6"), "sha256": asked["revision"]["appSpecContent"]["sha256"]});
        let revision = json!({"revisionType": "AppSpecContent", "appSpecContent": whole});
        (200, json!({"applicationName": asked["applicationName"], "revision": revision}))
    });
    let ids = in_progress.map_or(json!([]), |_| json!(["d-2"]));
    aws.always("ListDeployments", (200, json!({"deployments": ids})));
    aws.always("CreateDeployment", (200, json!({"deploymentId": "d-3"})));
    aws
}

/// The revision of a deployment by CodeDeploy of the task definition before the one that runs.
pub(crate) fn revision() -> Value {
    json!({"revisionType": "String", "string": {"content": app_spec("arn:web:6")}})
}

/// An `AppSpec` with a hook.
pub(crate) fn app_spec(definition: &str) -> String {
    let properties = json!({
        "TaskDefinition": definition, "PlatformVersion": "1.4.0",
        "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
    });
    json!({
        "version": 0.0,
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}],
        "Hooks": [{"AfterAllowTraffic": "arn:check"}],
    })
    .to_string()
}

/// The schedule of the deployment as ingest left it, with these changes.
pub(crate) fn fired(changes: &Value) -> Value {
    let target = json!({"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": input(&json!({})).to_string()});
    let schedule = json!({
        "ScheduleExpression": "at(2029-12-28T22:00:00)", "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "ENABLED", "Target": target,
    });
    merged(&schedule, changes)
}

/// An operator disables the schedule of the deployment right after deploy has read it.
pub(crate) fn disabled_meanwhile(aws: &Aws) {
    let states = ["ENABLED", "DISABLED", "DISABLED"].map(|state| (200, fired(&json!({"State": state}))));
    aws.on(&format!("{READ}{NAME}?"), in_turn(&states));
}

/// Handles an input at that time, with these parameters.
pub(crate) async fn try_handle(
    aws: &Aws,
    parameters: &[(&str, &str)],
    input: &Value,
    now: &str,
) -> Result<DeployOutcome, Failure> {
    let config = Config::read(&environment_with(parameters)).expect("a configuration");
    let invocation = Invocation::at(now.parse().expect("an instant of the test"));
    match Deploy::new(&aws.sdk(), config).handle(input, &invocation).await? {
        Answer::Outcome(outcome) => Ok(outcome),
        Answer::Refused(refused) => panic!("refused: {}", refused.reason),
    }
}

/// The same, where it does not fail.
pub(crate) async fn handle_at(
    aws: &Aws,
    parameters: &[(&str, &str)],
    input: &Value,
    now: &str,
) -> DeployOutcome {
    try_handle(aws, parameters, input, now).await.expect("an outcome")
}

/// Handles the sample at its start time, with the default parameters.
pub(crate) async fn handle(aws: &Aws) -> DeployOutcome {
    handle_at(aws, &[], &input(&json!({})), NOW).await
}

/// An answer without what is absent.
pub(crate) fn answer(outcome: &str, reason: &str) -> Value {
    json!({"cluster": "prod", "service": "web", "outcome": outcome, "reason": reason})
}

/// The verification check that is scheduled for this deployment.
pub(crate) fn check(deployment: Option<&str>) -> Value {
    json!({
        "version": 1, "kind": "service", "cluster": "prod", "service": "web", "notices": notices(),
        "deployment": deployment, "since": NOW, "look": 0, "told": false, "woken": 0,
    })
}

/// The names of the calls, in order.
pub(crate) fn calls(aws: &Aws) -> Vec<String> {
    aws.requests().into_iter().map(|(call, _)| call).collect()
}

/// How many schedules were written and deployments forced.
pub(crate) fn writes(aws: &Aws) -> usize {
    [CREATE, UPDATE, DELETE, "UpdateService"].iter().map(|call| aws.sent(call).len()).sum()
}
