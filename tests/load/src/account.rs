//! The account: its services, the notices about them, and the rates at which AWS accepts its calls.

use std::time::Duration;

use aws::config::Config;
use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{Aws, Conditions, Fate, Service, environment_with};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::options::Options;

/// A Wednesday. All tasks are older.
pub(crate) const START: &str = "2026-11-25T18:00:00Z";
/// How many services a notice names. AWS Health puts no more on a page.
const SERVICES_PER_NOTICE: usize = 1_000;
/// Each notice names services of all of them.
const CLUSTERS: usize = 10;
const TASKS_PER_SERVICE: usize = 2;

pub(crate) fn start() -> DateTime<Utc> {
    START.parse().expect("an instant")
}

/// The retirement date of all notices.
pub(crate) fn retirement_date() -> DateTime<Utc> {
    start() + TimeDelta::days(7)
}

/// An AWS with these services, in which each call takes 10 to 40 milliseconds.
pub(crate) fn aws(options: &Options, random: &mut Rng) -> Aws {
    let aws = Aws::default();
    let mut memory = aws.memory();
    memory.now = start();
    memory.conditions = Some(Conditions { wait_days: 7, ..Default::default() });
    for nth in 0..options.services {
        let (cluster, service) = name(nth);
        let fate = Fate::Completes(random.u32(2..15));
        let service_of_old = Service::new(fate, TASKS_PER_SERVICE, start() - TimeDelta::days(30));
        memory.services.insert(format!("{cluster}/{service}"), service_of_old);
    }
    drop(memory);
    limit(&aws, options.is_large_region());
    let mut random = random.fork();
    aws.set_latency(move || (milliseconds(&mut random), milliseconds(&mut random)));
    aws
}

fn milliseconds(random: &mut Rng) -> Duration {
    Duration::from_millis(random.u64(5..=20))
}

/// The cluster and the name of a service.
fn name(nth: usize) -> (String, String) {
    (format!("cluster-{}", nth % CLUSTERS), format!("service-{nth}"))
}

/// The rates that AWS documents:
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>,
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html>,
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html> and
/// <https://docs.aws.amazon.com/general/latest/gr/sns.html>.
fn limit(aws: &Aws, large: bool) {
    aws.limit(&["UpdateService"], 50, 5);
    aws.limit(&["DescribeServices"], 100, 20);
    aws.limit(&["DescribeTasks", "ListTasks"], 100, 20);
    aws.limit(&["DescribeTaskDefinition"], 50, 20);
    aws.limit(&["ListAccountSettings"], 50, 20);
    let each_second = |calls, count| aws.limit(calls, count, count);
    let (creations, others) = if large { (5_000, 1_000) } else { (250, 250) };
    each_second(&["POST /schedules/"], creations);
    each_second(&["GET /schedules/"], others);
    each_second(&["PUT /schedules/"], others);
    each_second(&["DELETE /schedules/"], others);
    each_second(&["GET /schedules?"], 50);
    // In the smallest Regions.
    each_second(&["PutEvents"], 400);
    each_second(&["Publish"], 300);
}

/// The events of AWS Health, each with the time at which it arrives: all within a minute.
pub(crate) fn notices(options: &Options, random: &mut Rng) -> Vec<(DateTime<Utc>, Value)> {
    let names: Vec<String> =
        (0..options.services).map(name).map(|(cluster, service)| format!("{cluster}|{service}")).collect();
    let notices = names.chunks(SERVICES_PER_NOTICE).enumerate();
    let event = |(nth, names): (usize, &[String])| {
        let at = start() + TimeDelta::milliseconds(random.i64(0..60_000));
        (at, notice(nth, names, at, &options.region))
    };
    notices.map(event).collect()
}

fn notice(nth: usize, names: &[String], sent_at: DateTime<Utc>, region: &str) -> Value {
    let entities: Vec<Value> = names.iter().map(|name| json!({"entityValue": name})).collect();
    json!({
        "detail-type": "AWS Health Event", "source": "aws.health", "account": "111122223333", "region": region,
        "time": sent_at.to_rfc3339(), "resources": names,
        "detail": {
            "eventArn": format!("arn:aws:health:{region}::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/{nth}"),
            "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
            "statusCode": "upcoming", "page": "1", "totalPages": "1",
            "startTime": retirement_date().to_rfc3339(),
            "eventDescription": [{"latestDescription": "Tasks are retired."}],
            "affectedEntities": entities,
        },
    })
}

/// The configuration of the functions: the defaults of the template, with these windows in this Region.
pub(crate) fn config(options: &Options) -> Config {
    let variables = [
        ("AWS_REGION", options.region.as_str()),
        ("MAINTENANCE_WINDOWS", &options.windows),
        ("NOTIFICATION_DETAIL", "digest"),
    ];
    Config::read(&environment_with(&variables)).expect("a valid configuration")
}

/// The SDK as the functions configure it, but for where its requests go.
pub(crate) fn sdk(aws: &Aws, options: &Options) -> SdkConfig {
    let region = options.region.clone();
    let sdk = aws::sdk_config(&|name| (name == "AWS_REGION").then(|| region.clone())).into_builder();
    let fake = aws.sdk();
    let mut sdk = sdk.credentials_provider(fake.credentials_provider().expect("credentials"));
    sdk.set_http_client(fake.http_client());
    sdk.build()
}
