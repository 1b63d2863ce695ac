//! Amazon ECS, EventBridge Scheduler, EventBridge and Amazon SNS in memory, spoken to over the SDK's own wire
//! format.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_scheduler::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::infallible_client_fn;
use chrono::{DateTime, TimeDelta, Utc};
use rules::schedule::parse_at;
use serde_json::{Value, json};

/// How a deployment of a service ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// After so many minutes every task is new.
    Completes(u32),
    /// After so many minutes ECS's circuit breaker rolls it back.
    RollsBack(u32),
    /// It never ends, and no new task starts.
    Sticks,
}

/// Where a call of an invocation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call does nothing and fails.
    Before,
    /// The call takes effect, and its answer is lost.
    After,
    /// The call and all later ones of the invocation do nothing: the function is gone.
    Crash,
}

/// One service.
#[derive(Clone, Debug)]
pub struct Service {
    /// How its deployments end.
    pub fate: Fate,
    /// Its deployments, newest first.
    pub deployments: Vec<Value>,
    /// When its running tasks were created.
    pub tasks: Vec<DateTime<Utc>>,
    /// How often a deployment was forced.
    pub forced: u32,
}

/// A schedule, and which of several of the same name it is.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// As it was written.
    pub body: Value,
    /// Counts the schedules that were ever created.
    pub incarnation: u64,
}

impl Schedule {
    /// When it fires, if it does and has not yet.
    #[must_use]
    pub fn at(&self) -> Option<DateTime<Utc>> {
        let waits = self.body["State"] != "DISABLED" && self.body["Fired"] != true;
        parse_at(self.body["ScheduleExpression"].as_str()?, None).filter(|_| waits)
    }
}

/// All of it.
#[derive(Debug, Default)]
pub struct State {
    /// The time.
    pub now: DateTime<Utc>,
    /// The services of cluster `prod`, by name.
    pub services: BTreeMap<String, Service>,
    /// The schedules, by name.
    pub schedules: BTreeMap<String, Schedule>,
    /// What machines were told: detail-type and service.
    pub events: Vec<(String, String)>,
    /// What people were told: subjects.
    pub messages: Vec<String>,
    incarnations: u64,
    calls: usize,
    fault: Option<(usize, Fault)>,
}

/// An AWS in memory.
#[derive(Clone, Debug, Default)]
pub struct World(Arc<Mutex<State>>);

impl World {
    /// Everything in it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The SDK's configuration to reach it. A call that fails is not tried again: the function fails.
    #[must_use]
    pub fn sdk(&self) -> SdkConfig {
        let world = self.clone();
        let credentials = Credentials::new("test", "test", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(infallible_client_fn(move |request| {
                let body = request.body().bytes().unwrap_or_default().to_vec();
                let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
                let call = target.map_or_else(
                    || format!("{} {}", request.method(), request.uri().path()),
                    |target| target.rsplit('.').next().unwrap_or_default().to_owned(),
                );
                let (status, answer) = world.state().answer(&call, &body);
                let mut response = http::Response::new(answer);
                *response.status_mut() = status.try_into().unwrap_or_default();
                response
            }))
            .build()
    }

    /// Lets the call after `calls` others of the next invocation fail.
    pub fn expect(&self, fault: Option<(usize, Fault)>) {
        let mut state = self.state();
        (state.calls, state.fault) = (0, fault);
    }
}

impl State {
    /// Lets deployments end whose time has come.
    pub fn settle(&mut self) {
        let now = self.now;
        for service in self.services.values_mut() {
            let Some((ends, completes)) = service.ends() else { continue };
            if ends > now {
                continue;
            }
            let started = instant(&service.deployments[0]["createdAt"]);
            if completes {
                service.deployments.truncate(1);
                service.deployments[0]["rolloutState"] = json!("COMPLETED");
                service.tasks = vec![started + TimeDelta::minutes(1); service.tasks.len()];
            } else {
                service.deployments = vec![json!({
                    "id": format!("ecs-svc/back-{}", service.forced), "status": "PRIMARY",
                    "createdAt": ends.timestamp(), "rolloutState": "COMPLETED",
                    "rolloutStateReason": "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/0.",
                })];
            }
        }
    }

    fn answer(&mut self, call: &str, body: &[u8]) -> (u16, String) {
        let fault = self
            .fault
            .filter(|(at, fault)| self.calls == *at || (self.calls > *at && *fault == Fault::Crash));
        self.calls += 1;
        let failed =
            (500, json!({"__type": "InternalFailure", "message": "a fault of the test"}).to_string());
        match fault {
            Some((_, Fault::Before | Fault::Crash)) => failed,
            Some((_, Fault::After)) => {
                self.act(call, body);
                failed
            }
            None => self.act(call, body),
        }
    }

    fn act(&mut self, call: &str, body: &[u8]) -> (u16, String) {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let ok = |answer: Value| (200, answer.to_string());
        let name = call.rsplit('/').next().unwrap_or_default().to_owned();
        match call.split(' ').next().unwrap_or_default() {
            "DescribeServices" => {
                let names = asked["services"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let (mut services, mut failures) = (Vec::new(), Vec::new());
                for name in names {
                    match self.services.get(name) {
                        Some(service) => services.push(service.described(name)),
                        None => failures.push(json!({"reason": "MISSING"})),
                    }
                }
                ok(json!({"services": services, "failures": failures}))
            }
            "DescribeTaskDefinition" => {
                let containers = json!([{"name": "app", "image": "example/app@sha256:0123"}]);
                ok(json!({"taskDefinition": {"containerDefinitions": containers}}))
            }
            "ListTasks" if asked["desiredStatus"] == "STOPPED" => ok(json!({"taskArns": []})),
            "ListTasks" => {
                let service = asked["serviceName"].as_str().unwrap_or_default();
                let tasks = self.services.get(service).map_or(0, |service| service.tasks.len());
                ok(json!({"taskArns": (0..tasks).map(|nth| format!("{service}/{nth}")).collect::<Vec<_>>()}))
            }
            "DescribeTasks" => {
                let tasks = asked["tasks"].as_array().into_iter().flatten().filter_map(|id| {
                    let (service, nth) = id.as_str()?.split_once('/')?;
                    let created_at = self.services.get(service)?.tasks.get(nth.parse::<usize>().ok()?)?;
                    Some(json!({"taskArn": id, "createdAt": created_at.timestamp()}))
                });
                ok(json!({"tasks": tasks.collect::<Vec<_>>()}))
            }
            "ListServiceDeployments" => ok(json!({"serviceDeployments": []})),
            "UpdateService" => {
                let (name, now) = (asked["service"].as_str().unwrap_or_default(), self.now);
                let Some(service) = self.services.get_mut(name) else {
                    return (400, json!({"__type": "ServiceNotFoundException", "message": "no"}).to_string());
                };
                service.force(now);
                ok(json!({"service": service.described(name)}))
            }
            "PutEvents" => {
                let entries = asked["Entries"].as_array().cloned().unwrap_or_default();
                for entry in &entries {
                    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap_or_default())
                        .unwrap_or_default();
                    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                    self.events.push((text(&entry["DetailType"]), text(&detail["service"])));
                }
                ok(json!({"FailedEntryCount": 0, "Entries": vec![json!({"EventId": "1"}); entries.len()]}))
            }
            // Amazon SNS, whose calls are forms.
            "POST" if name.is_empty() => {
                let subject = form_urlencoded::parse(body).find(|(key, _)| key == "Subject");
                self.messages.extend(subject.map(|(_, subject)| subject.into_owned()));
                let answer = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
                (200, answer.to_owned())
            }
            "POST" if self.schedules.contains_key(&name) => refusal("ConflictException", 409),
            "POST" => {
                self.incarnations += 1;
                self.schedules.insert(name, Schedule { body: asked, incarnation: self.incarnations });
                ok(json!({"ScheduleArn": "arn:schedule"}))
            }
            "GET" => match self.schedules.get(&name) {
                Some(schedule) => ok(schedule.body.clone()),
                None => refusal("ResourceNotFoundException", 404),
            },
            "PUT" => match self.schedules.get_mut(&name) {
                Some(schedule) => {
                    schedule.body = asked;
                    ok(json!({"ScheduleArn": "arn:schedule"}))
                }
                None => refusal("ResourceNotFoundException", 404),
            },
            "DELETE" => match self.schedules.remove(&name) {
                Some(_) => ok(json!({})),
                None => refusal("ResourceNotFoundException", 404),
            },
            other => (400, json!({"__type": "UnknownOperationException", "message": other}).to_string()),
        }
    }
}

fn refusal(code: &str, status: u16) -> (u16, String) {
    (status, json!({"__type": code, "message": "no", "Message": "no"}).to_string())
}

fn instant(epoch: &Value) -> DateTime<Utc> {
    DateTime::from_timestamp(epoch.as_i64().unwrap_or_default(), 0).unwrap_or_default()
}

impl Service {
    /// A service that was deployed at `since`.
    #[must_use]
    pub fn new(fate: Fate, tasks: usize, since: DateTime<Utc>) -> Self {
        let deployment = json!({
            "id": "ecs-svc/0", "status": "PRIMARY", "createdAt": since.timestamp(), "rolloutState": "COMPLETED",
        });
        Self { fate, deployments: vec![deployment], tasks: vec![since; tasks], forced: 0 }
    }

    fn force(&mut self, now: DateTime<Utc>) {
        self.forced += 1;
        self.deployments.truncate(1);
        self.deployments[0]["status"] = json!("ACTIVE");
        let deployment = json!({
            "id": format!("ecs-svc/{}", self.forced), "status": "PRIMARY", "createdAt": now.timestamp(),
            "rolloutState": "IN_PROGRESS", "failedTasks": i32::from(self.fate == Fate::Sticks) * 5,
        });
        self.deployments.insert(0, deployment);
    }

    /// When the deployment that is under way ends, and whether well.
    fn ends(&self) -> Option<(DateTime<Utc>, bool)> {
        let newest = self.deployments.first().filter(|newest| newest["rolloutState"] == "IN_PROGRESS")?;
        let (minutes, completes) = match self.fate {
            Fate::Completes(minutes) => (minutes, true),
            Fate::RollsBack(minutes) => (minutes, false),
            Fate::Sticks => return None,
        };
        Some((instant(&newest["createdAt"]) + TimeDelta::minutes(minutes.into()), completes))
    }

    /// When something about it changes by itself.
    #[must_use]
    pub fn changes_at(&self) -> Option<DateTime<Utc>> {
        self.ends().map(|(ends, _)| ends)
    }

    fn described(&self, name: &str) -> Value {
        json!({
            "serviceName": name, "status": "ACTIVE", "desiredCount": self.tasks.len(),
            "deployments": self.deployments, "events": [],
        })
    }
}
