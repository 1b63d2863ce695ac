//! What the tests of operate share: an AWS with pending deployments, and one request.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use aws::{Invocation, config::Config};
use chrono::{DateTime, Utc};
use fake_aws::{Aws, environment_with, merged};
use operate::Operate;
use rules::{
    arn::{Place, ServiceRef},
    schedule::name::ScheduleName,
};
use serde_json::{Value, json};

/// Two days before the start time.
pub(crate) const NOW: &str = "2029-12-26T18:00:10Z";
/// The schedule of `prod/web`.
pub(crate) const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
/// The notice of the samples.
pub(crate) const NOTICE: &str = "arn:aws:health:eu-west-2::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/AWS_ECS_TASK_PATCHING_RETIREMENT_4f8e2b71";

/// The name of the schedule of a service of `prod`.
pub(crate) fn name_of(service: &str) -> String {
    let place = Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
    let service = ServiceRef::new("prod", service).expect("a name of the test");
    ScheduleName::of_deployment(&place, &service).to_string()
}

/// The input of a pending deployment of a service of `prod`, with these changes.
pub(crate) fn input(service: &str, changes: &Value) -> Value {
    let sample = serde_json::from_str(include_str!("../../../../events/deploy-input.json")).expect("JSON");
    let of_now = json!({
        "service": service, "zone": "UTC", "spread_minutes": 15, "woken": 0,
        "scheduled_for": "<aws.scheduler.scheduled-time>",
    });
    merged(&merged(&sample, &of_now), changes)
}

/// The schedule of a service of `prod` as ingest left it, with these changes.
pub(crate) fn planned(service: &str, changes: &Value) -> Value {
    let target =
        json!({"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": input(service, &json!({})).to_string()});
    let description = format!(
        "Redeploys on Fri 28 Dec 2029 22:00 UTC; retirement date: Wed 2 Jan 2030 18:00 UTC; 1 notice; service: prod/{service}"
    );
    let schedule = json!({
        "ScheduleExpression": "at(2029-12-28T22:00:00)", "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}, "State": "ENABLED",
        "ActionAfterCompletion": "NONE", "Description": description, "Target": target,
    });
    merged(&schedule, changes)
}

/// An AWS with a pending deployment of each of these services of `prod`.
pub(crate) fn with(services: &[&str]) -> Aws {
    let aws = Aws::default();
    for service in services {
        aws.schedule(&name_of(service), planned(service, &json!({})));
    }
    aws
}

/// Amazon ECS knows these services of `prod`, and no others.
pub(crate) fn known_to_ecs(aws: &Aws, services: &[&str]) {
    let known: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
    aws.on("DescribeServices", move |_, body: &Value| {
        let is_asked =
            |name: &&String| body["services"].as_array().is_some_and(|all| all.contains(&json!(name)));
        let found =
            known.iter().filter(is_asked).map(|name| json!({"serviceName": name, "status": "ACTIVE"}));
        (200, json!({"services": found.collect::<Vec<_>>()}))
    });
}

/// Everything is stopped.
pub(crate) fn stopped(aws: &Aws) {
    let input = json!({"version": 1, "kind": "hold-all", "since": NOW, "reason": "outage"}).to_string();
    let target = json!({"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input});
    aws.schedule("hold-all", planned("web", &json!({"Target": target, "State": "DISABLED"})));
}

/// The deadline check of the sample's notice, which remembers these services.
pub(crate) fn deadline_check(services: &[&str]) -> Value {
    let input = json!({
        "version": 1, "kind": "deadline", "notice": input("web", &json!({}))["notices"][0], "page": 1, "part": 0,
        "services": {"prod": services}, "done": {}, "sent_at": "2029-12-26T18:00:05Z", "told": ["x"],
        "until": "2030-01-02T17:00:00Z", "woken": 0,
    });
    planned(
        "web",
        &json!({"Target": {"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input.to_string()}}),
    )
}

/// A request about `prod/web`, with these fields.
pub(crate) fn request(operation: &str, fields: &Value) -> Value {
    merged(&json!({"operation": operation, "cluster": "prod", "service": "web"}), fields)
}

/// What operate answers to a request at that time, with these parameters.
pub(crate) async fn ask_with(aws: &Aws, parameters: &[(&str, &str)], request: &Value, now: &str) -> Value {
    let config = Config::read(&environment_with(parameters)).expect("a configuration");
    let now: DateTime<Utc> = now.parse().expect("an instant of the test");
    let operate = Operate::new(&aws.sdk_without_retries(), config);
    operate.handle(request, &Invocation::at(now)).await.unwrap_or_else(|failure| panic!("{failure}"))
}

/// What operate answers to a request.
pub(crate) async fn ask(aws: &Aws, request: &Value) -> Value {
    ask_with(aws, &[], request, NOW).await
}

/// The only result of an answer: whether it is done, and its text.
pub(crate) fn result(answer: &Value) -> (bool, &str) {
    let [result] = answer["results"].as_array().expect("results").as_slice() else { panic!("{answer}") };
    (result["done"] == true, result["text"].as_str().expect("a text"))
}
