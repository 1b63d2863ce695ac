//! What the tests of console share: an AWS with pending deployments, and one request.

#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

use aws::{Invocation, config::Config};
use chrono::{DateTime, Utc};
use console::{Console, Resources};
use fake_aws::{Aws, environment_with, merged};
use rules::{
    arn::{Place, ServiceRef},
    schedule::name::ScheduleName,
};
use serde_json::{Value, json};

/// Two days before the start time.
pub(crate) const NOW: &str = "2029-12-26T18:00:10Z";
/// The ARN of the console function.
pub(crate) const OWN: &str = "arn:aws:lambda:eu-west-2:111122223333:function:the-console";

/// The name of the schedule of a service of `prod`.
pub(crate) fn name_of(service: &str) -> String {
    let place = Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
    let service = ServiceRef::new("prod", service).expect("a name of the test");
    ScheduleName::of_deployment(&place, &service).to_string()
}

/// The schedule of a service of `prod` as ingest left it, with these changes to the schedule.
pub(crate) fn planned(service: &str, changes: &Value) -> Value {
    let sample = serde_json::from_str(include_str!("../../../../events/deploy-input.json")).expect("JSON");
    let input =
        merged(&sample, &json!({"service": service, "zone": "UTC", "spread_minutes": 15, "woken": 0}));
    let schedule = json!({
        "ScheduleExpression": "at(2029-12-28T22:00:00)", "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}, "State": "ENABLED",
        "ActionAfterCompletion": "NONE", "Description": "ours",
        "Target": {"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": input.to_string()},
    });
    merged(&schedule, changes)
}

/// An AWS with a pending deployment of each of these services of `prod`, in which everything else is as it should be.
pub(crate) fn with(services: &[&str]) -> Aws {
    let aws = Aws::default();
    for service in services {
        aws.schedule(&name_of(service), planned(service, &json!({})));
    }
    let now: DateTime<Utc> = NOW.parse().expect("an instant of the test");
    aws.always(
        "GetMetricData",
        (200, json!({"MetricDataResults": [{"Timestamps": [now.timestamp() - 600]}]})),
    );
    aws.always("GetQueueUrl", (200, json!({"QueueUrl": "https://queue"})));
    aws.always("ReceiveMessage", (200, json!({})));
    aws.always(
        "GetQueueAttributes",
        (200, json!({"Attributes": {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}})),
    );
    aws
}

/// What console answers to a request, with these parameters.
pub(crate) async fn ask_with(aws: &Aws, parameters: &[(&str, &str)], request: &Value) -> Value {
    let own = [
        ("DEPLOY_FUNCTION_ARN", "arn:aws:lambda:eu-west-2:111122223333:function:the-deploy"),
        ("RULE_NAME", "the-rule"),
        ("ALARM_TOPIC", "alarms"),
    ];
    let variables: Vec<(&str, &str)> = own.iter().chain(parameters).copied().collect();
    let lookup = environment_with(&variables);
    let config = Config::read(&lookup).expect("a configuration");
    let console = Console::new(&aws.sdk_without_retries(), config, Resources::read(&lookup));
    let now: DateTime<Utc> = NOW.parse().expect("an instant of the test");
    console.handle(request, OWN, &Invocation::at(now)).await.unwrap_or_else(|failure| panic!("{failure}"))
}

/// The page that console answers to a request of CloudWatch.
pub(crate) async fn page(aws: &Aws, request: &Value) -> String {
    let context = json!({"widgetContext": {"theme": "light", "forms": {"all": {}}}});
    let answer = ask_with(aws, &[], &merged(&context, request)).await;
    answer.as_str().unwrap_or_else(|| panic!("no HTML: {answer}")).to_owned()
}
