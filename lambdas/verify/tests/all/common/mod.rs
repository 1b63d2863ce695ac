//! What the tests of verify share: an AWS with one service, the inputs of schedules, and one invocation.

use aws::{Failure, Invocation, config::Config};
use fake_aws::{Answer, Aws, environment_with, merged};
use rules::{
    arn::{Place, ServiceRef},
    schedule::name::ScheduleName,
};
use serde_json::{Value, json};
use verify::Verify;

/// When the deployment was started.
pub(crate) const SINCE: &str = "2029-12-28T22:00:03Z";
/// When the first check fires.
pub(crate) const SOON: &str = "2029-12-28T22:03:01Z";
/// A time at which ECS shows everything.
pub(crate) const LATER: &str = "2029-12-28T23:00:01Z";
/// The sample's cut-off: a task created then is old.
pub(crate) const OLD: i64 = 1_893_002_400;
/// [`SINCE`] in seconds: a task created then is new.
pub(crate) const STARTED: i64 = 1_893_189_603;
/// The schedule of the verification check of `prod/web`.
pub(crate) const NAME: &str = "prod.web.bf04ed89e1afdadd0c43.verify";
/// The schedule of the deadline check.
pub(crate) const DEADLINE: &str = "deadline.c731f120016c94a66426.1";
/// Its memory once it concerns no service.
pub(crate) const MEMORY: &str = "settled.c731f120016c94a66426.1";
/// What redeploys `prod/web` by hand.
pub(crate) const FORCE: &str = "aws ecs update-service --cluster prod --service web --force-new-deployment";

/// The notice of the sample.
pub(crate) fn notice() -> Value {
    let input: Value = serde_json::from_str(include_str!("../../../../../events/deploy-input.json")).unwrap();
    input["notices"][0].clone()
}

/// The input of the first verification check, with these changes. As version 0.1 wrote it, its schedule may be gone.
pub(crate) fn check(changes: &Value) -> Value {
    let first = json!({
        "version": 1, "kind": "service", "cluster": "prod", "service": "web", "notices": [notice()],
        "deployment": "ecs-svc/2", "since": SINCE, "look": 0, "told": false,
    });
    merged(&first, changes)
}

/// The schedule of this check, which has fired.
pub(crate) fn scheduled(input: &Value) -> Value {
    json!({
        "ScheduleExpression": "at(2029-12-28T22:02:00)", "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "ENABLED",
        "Target": {"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input.to_string()},
    })
}

/// The input of the deadline check of these services.
pub(crate) fn deadline_check(services: &[&str]) -> Value {
    json!({
        "version": 1, "kind": "deadline", "notice": notice(), "page": 1, "part": 0, "services": {"prod": services},
        "sent_at": "2029-12-26T18:00:05Z", "done": {}, "told": ["x"], "until": "2030-01-02T17:00:00Z",
    })
}

/// An AWS with an active service that has these deployments, and tasks created at these times.
pub(crate) fn with_service(deployments: &Value, tasks: &[i64]) -> Aws {
    let aws = Aws::default();
    change(&aws, &json!({"deployments": deployments}), tasks);
    aws.always("ListServiceDeployments", (200, json!({"serviceDeployments": []})));
    aws
}

/// An AWS whose service has a deployment that waits for a person, with one old task and one new task.
pub(crate) fn with_pause() -> Aws {
    let aws = Aws::default();
    let hooks = json!({"lifecycleHooks": [{"targetType": "PAUSE"}]});
    let deployments = json!([primary("ecs-svc/2", "IN_PROGRESS")]);
    let changes = json!({"deployments": deployments, "deploymentConfiguration": hooks});
    change(&aws, &changes, &[OLD, STARTED + 9]);
    let arn = "arn:aws:ecs:eu-west-2:111122223333:service-deployment/prod/web/2";
    let listed = json!({"serviceDeploymentArn": arn, "status": "IN_PROGRESS", "createdAt": STARTED});
    aws.always("ListServiceDeployments", (200, json!({"serviceDeployments": [listed]})));
    let hook = json!({
        "hookId": "ecs-pause-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "expiresAt": STARTED - 3 + 86_400,
        "timeoutAction": "ROLLBACK",
    });
    let described = json!({"serviceDeploymentArn": arn, "lifecycleHookDetails": [hook]});
    aws.always("DescribeServiceDeployments", (200, json!({"serviceDeployments": [described]})));
    aws
}

/// From now on the service is like this.
pub(crate) fn change(aws: &Aws, changes: &Value, tasks: &[i64]) {
    let tasks: Vec<Value> = tasks.iter().map(|created_at| json!({"createdAt": created_at})).collect();
    let service = json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": tasks.len()});
    aws.service(&merged(&service, changes), &tasks, &[]);
}

/// An AWS with these services: when the only task of each was created, and how the service stands.
pub(crate) fn with_services(services: &[(&'static str, i64, &'static str)]) -> Aws {
    let aws = Aws::default();
    let known = services.to_vec();
    aws.on("DescribeServices", move |_, asked| {
        let (mut services, mut failures) = (Vec::new(), Vec::new());
        for asked in asked["services"].as_array().expect("names") {
            match known.iter().find(|(name, ..)| asked == name) {
                None => failures.push(json!({"arn": asked, "reason": "MISSING"})),
                Some((.., "unreadable")) => return fake_aws::error("AccessDeniedException", "no"),
                Some((name, _, stands)) => {
                    let state = if *stands == "rolling" { "IN_PROGRESS" } else { "COMPLETED" };
                    services.push(json!({
                        "serviceName": name, "status": "ACTIVE", "desiredCount": 1,
                        "deployments": [primary("ecs-svc/2", state)],
                    }));
                }
            }
        }
        (200, json!({"services": services, "failures": failures}))
    });
    let known = services.to_vec();
    aws.on("ListTasks", move |_, asked| {
        let named = |name: &str| asked["serviceName"].is_null() || asked["serviceName"] == name;
        let tasks =
            known.iter().filter(|(name, ..)| named(name)).map(|(name, ..)| format!("arn:task/prod/{name}"));
        (200, json!({"taskArns": tasks.collect::<Vec<_>>()}))
    });
    let known = services.to_vec();
    aws.on("DescribeTasks", move |_, asked| {
        let of = |(name, ..): &&(&str, i64, &str)| {
            asked["tasks"].as_array().expect("tasks").contains(&json!(format!("arn:task/prod/{name}")))
        };
        let task = |(name, created_at, _): &(&str, i64, &str)| {
            json!({
                "taskArn": format!("arn:task/prod/{name}"), "group": format!("service:{name}"),
                "createdAt": created_at,
            })
        };
        (200, json!({"tasks": known.iter().filter(of).map(task).collect::<Vec<_>>()}))
    });
    for (name, _, stands) in services {
        let state = match *stands {
            "planned" => "ENABLED",
            "disabled" => "DISABLED",
            _ => continue,
        };
        let service = ServiceRef::new("prod", name).expect("a name");
        let place =
            Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
        aws.schedule(
            ScheduleName::of_deployment(&place, &service).as_str(),
            json!({
                "ScheduleExpression": "at(2030-01-02T17:30:00)", "FlexibleTimeWindow": {"Mode": "OFF"}, "State": state,
                "Target": {"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": "{}"},
            }),
        );
    }
    aws
}

/// A deployment as ECS describes it. `ecs-svc/1` is older than the notice.
pub(crate) fn deployment(id: &str, status: &str, state: &str, reason: &str, failed_tasks: i32) -> Value {
    let created_at = if id == "ecs-svc/1" { OLD - 9 } else { STARTED };
    json!({
        "id": id, "status": status, "rolloutState": state, "rolloutStateReason": reason, "createdAt": created_at,
        "failedTasks": failed_tasks,
    })
}

/// The primary deployment.
pub(crate) fn primary(id: &str, state: &str) -> Value {
    let word = if state == "COMPLETED" { "completed" } else { "in progress" };
    deployment(id, "PRIMARY", state, &format!("ECS deployment {id} {word}."), 0)
}

/// What `ListServiceDeployments` says of the deployment that was started.
pub(crate) fn ended(status: &str, reason: &str) -> Answer {
    let ended = json!({
        "serviceDeploymentArn": "arn:aws:ecs:eu-west-2:111122223333:service-deployment/prod/web/2",
        "status": status, "statusReason": reason, "createdAt": STARTED, "finishedAt": STARTED + 60,
    });
    (200, json!({"serviceDeployments": [ended]}))
}

/// Handles an input at that time, with the default parameters.
pub(crate) async fn handle(aws: &Aws, input: &Value, now: &str) -> Result<Value, Failure> {
    handle_with(aws, &[], input, now).await
}

/// Handles an input at that time, with these parameters.
pub(crate) async fn handle_with(
    aws: &Aws,
    parameters: &[(&str, &str)],
    input: &Value,
    now: &str,
) -> Result<Value, Failure> {
    let config = Config::read(&environment_with(parameters)).expect("a configuration");
    let now = now.parse().expect("an instant of the test");
    Verify::new(&aws.sdk(), config).handle(input, &Invocation::at(now)).await.map(|answer| json!(answer))
}

/// An answer to a verification check.
pub(crate) fn answer(outcome: &str, reason: &str) -> Value {
    json!({
        "cluster": "prod", "service": "web", "outcome": outcome, "reason": reason, "deployment_id": "ecs-svc/2",
    })
}

/// When a schedule fires, with seconds that pass until it does.
pub(crate) fn fires(aws: &Aws, name: &str) -> String {
    let at = aws.schedules()[name]["ScheduleExpression"].as_str().expect("a text").to_owned();
    at.replace("at(", "").replace(":00)", ":02Z")
}
