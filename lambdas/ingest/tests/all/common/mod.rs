//! What the tests of ingest share: the usual notice, an ECS that they prepare, and what ingest wrote and sent.

use aws::{Failure, Invocation, config::Config};
use fake_aws::{Answer, Aws, environment_with, error};
use ingest::Ingest;
use rules::outcome::Report;
use serde_json::{Value, json};

/// A Wednesday. The retirement date is a week later.
pub(crate) const NOW: &str = "2029-12-26T18:00:10Z";
/// The first start time after it with the default parameters.
pub(crate) const FRIDAY: &str = "2029-12-28T22:00:00Z";
/// The schedule of `prod/web`.
pub(crate) const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
/// The schedule of the deadline check of the usual notice.
pub(crate) const DEADLINE_CHECK: &str = "deadline.c731f120016c94a66426.1";

/// The memory of the usual notice, once it concerns no service.
pub(crate) const MEMORY: &str = "settled.c731f120016c94a66426.1";

/// Parameters by their variables, or tags by their names, with their values.
pub(crate) type Texts<'a> = &'a [(&'a str, &'a str)];

/// A sample event of the folder `events`.
pub(crate) fn sample(name: &str) -> Value {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect(name)).expect("JSON")
}

/// The usual notice, with these entities and their states.
pub(crate) fn with_states(entities: &[(&str, &str)]) -> Value {
    let mut event = sample("service-notice");
    event["resources"] = json!([]);
    let entity = |(text, status): &(&str, &str)| json!({"entityValue": text, "status": status});
    event["detail"]["affectedEntities"] = entities.iter().map(entity).collect();
    event
}

/// The usual notice, with these entities.
pub(crate) fn about(entities: &[&str]) -> Value {
    with_states(&entities.iter().map(|text| (*text, "PENDING")).collect::<Vec<_>>())
}

/// Another notice with these entities, by its ARN.
pub(crate) fn another(arn: &str, entities: &[&str]) -> Value {
    let mut event = about(entities);
    event["detail"]["eventArn"] = json!(arn);
    event
}

/// The ARN of a task in the cluster `prod`.
pub(crate) fn task(id: &str) -> String {
    format!("arn:aws:ecs:eu-west-2:111122223333:task/prod/{id:0>32}")
}

/// An error of AWS with this code.
pub(crate) fn refusal(code: &str) -> Answer {
    error(code, "no")
}

/// An AWS whose ECS knows every service, each with tasks that are old.
pub(crate) fn with_all_services() -> Aws {
    tagged(&[])
}

/// An AWS whose ECS knows every service, these with these tags, each with tasks that are old.
pub(crate) fn tagged(tags: &[(&str, Texts<'_>)]) -> Aws {
    let aws = Aws::default();
    tag(&aws, tags);
    aws.always("ListTasks", (200, json!({"taskArns": ["arn:task"]})));
    aws.always("DescribeTasks", (200, json!({"tasks": [{"taskArn": "arn:task", "createdAt": 0}]})));
    aws
}

/// From now on, ECS knows every service, these with these tags.
pub(crate) fn tag(aws: &Aws, tags: &[(&str, Texts<'_>)]) {
    let tags: Vec<(String, Value)> = tags
        .iter()
        .map(|(name, tags)| {
            let tag = |(key, value): &(&str, &str)| json!({"key": format!("ecs-task-patching:{key}"), "value": value});
            ((*name).to_owned(), tags.iter().map(tag).collect())
        })
        .collect();
    aws.on("DescribeServices", move |_, asked| {
        let cluster = asked["cluster"].as_str().unwrap();
        let names = asked["services"].as_array().unwrap().iter().filter_map(Value::as_str);
        let known = names.map(|name| {
            let tagged = tags.iter().find(|(service, _)| *service == format!("{cluster}/{name}"));
            let tags = tagged.map_or(json!([]), |(_, tags)| tags.clone());
            json!({"serviceName": name, "status": "ACTIVE", "desiredCount": 1, "tags": tags})
        });
        (200, json!({"services": known.collect::<Vec<_>>()}))
    });
}

/// Handles an event with these parameters at this time.
pub(crate) async fn try_handle(
    aws: &Aws,
    parameters: Texts<'_>,
    event: &Value,
    now: &str,
) -> Result<Report, Failure> {
    let config = Config::read(&environment_with(parameters)).expect("a configuration");
    Ingest::new(&aws.sdk(), config)
        .handle(event, &Invocation::at(now.parse().expect("an instant of the test")))
        .await
}

/// Handles an event with these parameters. Nothing fails.
pub(crate) async fn handle(aws: &Aws, parameters: Texts<'_>, event: &Value) -> Report {
    try_handle(aws, parameters, event, NOW).await.expect("no failure")
}
