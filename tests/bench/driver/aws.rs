//! An AWS in memory that answers the calls of the functions after a set latency.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{Method, Response, body::Bytes, http::request::Parts};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::unix::AsyncFd;

use crate::server::{Handler, response};

/// What ECS tells of every service.
#[derive(Deserialize)]
pub(crate) struct World {
    /// How many services with two tasks each the cluster has.
    services: usize,
    tasks_created_at: i64,
    deployed_at: i64,
    /// A deployment is in progress.
    rolling: bool,
}

/// The maximum number of tasks on a page of `ListTasks`.
const TASKS_PER_PAGE: usize = 100;
const TASK: &str = "arn:aws:ecs:eu-west-2:111122223333:task/prod/";

pub(crate) struct Aws {
    world: World,
    latency: Duration,
    schedules: RefCell<BTreeMap<String, Value>>,
    calls: RefCell<BTreeMap<String, u32>>,
}

/// A call: the operation, and what is sent with it.
struct Call<'a> {
    operation: String,
    /// The name of a schedule.
    name: &'a str,
    body: Value,
}

impl Aws {
    pub(crate) fn new(world: World, schedules: BTreeMap<String, Value>, latency: Duration) -> Self {
        Self { world, latency, schedules: schedules.into(), calls: RefCell::default() }
    }

    /// How often each operation was called since the last time.
    pub(crate) fn take_calls(&self) -> BTreeMap<String, u32> {
        self.calls.take()
    }

    pub(crate) fn schedules(&self) -> BTreeMap<String, Value> {
        self.schedules.borrow().clone()
    }

    /// An HTTP status, the type of an error, and a body. `None` for an unknown call.
    fn answer(&self, Call { operation, name, body }: &Call<'_>) -> Option<(u16, &'static str, Value)> {
        let texts = |field: &str| body[field].as_array().into_iter().flatten().filter_map(Value::as_str);
        let ok = |value| Some((200, "", value));
        let mut schedules = self.schedules.borrow_mut();
        match operation.as_str() {
            "CreateSchedule" if schedules.contains_key(*name) => Some((409, "ConflictException", json!({}))),
            "CreateSchedule" => {
                schedules.insert((*name).to_owned(), body.clone());
                ok(json!({"ScheduleArn": "arn:schedule"}))
            }
            "ListSchedules" => ok(listed(&schedules, name)),
            "GetSchedule" | "UpdateSchedule" | "DeleteSchedule" if !schedules.contains_key(*name) => {
                Some((404, "ResourceNotFoundException", json!({})))
            }
            "GetSchedule" => ok(schedules[*name].clone()),
            "UpdateSchedule" => {
                schedules.insert((*name).to_owned(), body.clone());
                ok(json!({"ScheduleArn": "arn:schedule"}))
            }
            "DeleteSchedule" => {
                schedules.remove(*name);
                ok(json!({}))
            }
            "DescribeServices" => ok(json!({"services": texts("services").map(|name| self.service(name)).collect::<Vec<_>>()})),
            "UpdateService" => {
                let mut service = self.service(body["service"].as_str()?);
                service["deployments"][0]["id"] = json!("ecs-svc/2");
                ok(json!({"service": service}))
            }
            "ListTasks" => ok(self.task_page(body)),
            "DescribeTasks" => ok(json!({"tasks": texts("tasks").map(|arn| self.task(arn)).collect::<Vec<_>>()})),
            "DescribeTaskDefinition" => {
                let container = json!({"name": "app", "image": "example/app@sha256:0123"});
                ok(json!({"taskDefinition": {"containerDefinitions": [container]}}))
            }
            "ListAccountSettings" => ok(json!({"settings": [{"name": "fargateTaskRetirementWaitPeriod", "value": "7"}]})),
            "PutEvents" => ok(json!({
                "FailedEntryCount": 0,
                "Entries": body["Entries"].as_array()?.iter().map(|_| json!({"EventId": "1"})).collect::<Vec<_>>(),
            })),
            "GetMetricData" => ok(json!({"MetricDataResults": []})),
            "Publish" => ok(Value::Null),
            _ => None,
        }
    }

    fn service(&self, name: &str) -> Value {
        let state = if self.world.rolling { "IN_PROGRESS" } else { "COMPLETED" };
        json!({
            "serviceName": name,
            "serviceArn": format!("arn:aws:ecs:eu-west-2:111122223333:service/prod/{name}"),
            "status": "ACTIVE", "desiredCount": 2, "runningCount": 2,
            "taskDefinition": format!("arn:aws:ecs:eu-west-2:111122223333:task-definition/{name}:7"),
            "deployments": [{
                "id": "ecs-svc/1", "status": "PRIMARY", "createdAt": self.world.deployed_at, "rolloutState": state,
            }],
            "events": [], "tags": [{"key": "team", "value": "shop"}],
        })
    }

    fn task(&self, arn: &str) -> Value {
        let name = arn.trim_start_matches(TASK).rsplit_once('.').map_or("", |(name, _)| name);
        json!({
            "taskArn": arn, "group": format!("service:{name}"), "lastStatus": "RUNNING",
            "createdAt": self.world.tasks_created_at,
        })
    }

    fn task_page(&self, body: &Value) -> Value {
        let names = match body["serviceName"].as_str() {
            Some(name) => vec![name.to_owned()],
            None => (0..self.world.services).map(|nth| format!("service-{nth:04}")).collect(),
        };
        let tasks: Vec<String> =
            names.iter().flat_map(|name| [1, 2].map(|nth| format!("{TASK}{name}.{nth}"))).collect();
        let from = body["nextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
        let page: Vec<_> = tasks.iter().skip(from).take(TASKS_PER_PAGE).collect();
        let next = (from + TASKS_PER_PAGE < tasks.len()).then(|| (from + TASKS_PER_PAGE).to_string());
        json!({"taskArns": page, "nextToken": next})
    }
}

impl Handler for Aws {
    async fn handle(&self, head: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
        let arrived = Instant::now();
        let call = read(head, body);
        *self.calls.borrow_mut().entry(call.operation.clone()).or_default() += 1;
        let answer = self.answer(&call);
        wait(self.latency.saturating_sub(arrived.elapsed())).await.expect("a timer");
        match answer {
            None => {
                eprintln!("unknown call: {} {}", call.operation, head.uri);
                response(400, &[("x-amzn-errortype", "UnknownOperationException")], b"{}".to_vec())
            }
            Some((_, _, Value::Null)) => response(200, &[("content-type", "text/xml")], PUBLISHED.as_bytes().to_vec()),
            Some((200, _, body)) => response(200, &[], body.to_string().into_bytes()),
            Some((status, error, body)) => response(status, &[("x-amzn-errortype", error)], body.to_string().into_bytes()),
        }
    }
}

/// Waits to the microsecond. Tokio's timer is up to two milliseconds late.
#[expect(deprecated, reason = "what replaces it is unsafe; the timer outlives its registration")]
async fn wait(duration: Duration) -> std::io::Result<()> {
    if duration.is_zero() {
        return Ok(());
    }
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
    timer.set(Expiration::OneShot(duration.into()), TimerSetTimeFlags::empty())?;
    AsyncFd::new(timer.as_fd())?.readable().await.map(drop)
}

const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
    <MessageId>1</MessageId></PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>";

fn read<'a>(head: &'a Parts, body: &[u8]) -> Call<'a> {
    let json = || serde_json::from_slice(body).unwrap_or_default();
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some(operation) = target.and_then(|target| target.rsplit('.').next()) {
        return Call { operation: operation.to_owned(), name: "", body: json() };
    }
    if let Some(name) = head.uri.path().strip_prefix("/schedules/") {
        let operation = match head.method {
            Method::POST => "CreateSchedule",
            Method::PUT => "UpdateSchedule",
            Method::DELETE => "DeleteSchedule",
            _ => "GetSchedule",
        };
        return Call { operation: operation.to_owned(), name, body: json() };
    }
    let form = form_urlencoded::parse(body).find(|(name, _)| name == "Action");
    let (operation, name) = match form {
        Some((_, action)) => (action.into_owned(), ""),
        None => ("ListSchedules".to_owned(), head.uri.query().unwrap_or_default()),
    };
    Call { operation, name, body: Value::Null }
}

/// A hundred schedules with the prefix, from the name that the last answer gave. All were written long ago.
fn listed(schedules: &BTreeMap<String, Value>, query: &str) -> Value {
    let field = |name| query.split('&').find_map(|field| field.strip_prefix(name)).unwrap_or_default();
    let (from, prefix) = (field("NextToken="), field("NamePrefix="));
    let mut rest = schedules.range(from.to_owned()..).filter(|(name, _)| name.starts_with(prefix));
    let page = rest.by_ref().take(100).map(|(name, body)| {
        let state = body["State"].as_str().unwrap_or("ENABLED");
        json!({"Name": name, "State": state, "LastModificationDate": 0})
    });
    let page: Vec<Value> = page.collect();
    json!({"Schedules": page, "NextToken": rest.next().map(|(name, _)| name)})
}
