//! Amazon ECS in memory: services whose deployments and tasks change over time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{Answer, Memory, merged};

const SERVICES_PER_CALL: usize = 10;
const TASKS_PER_CALL: usize = 100;

/// How the forced deployments of a service end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// After so many minutes, every task is new.
    Completes(u32),
    /// After so many minutes, the circuit breaker rolls the deployment back.
    RollsBack(u32),
    /// The deployment never ends, and no new task starts.
    Sticks,
    /// The deployment never ends: its tasks start, run for a minute, and fail. There is no circuit breaker.
    CrashLoops,
}

/// An ECS service.
#[derive(Clone, Debug)]
pub struct Service {
    /// How its forced deployments end.
    pub fate: Fate,
    /// Its deployments as ECS describes them, newest first.
    pub deployments: Vec<Value>,
    /// When each of its running tasks was created.
    pub tasks: Vec<DateTime<Utc>>,
    /// How many deployments were forced.
    pub forced: u32,
    /// How the deployment in progress ends, if it is not a forced one.
    foreign: Option<Fate>,
    /// How many deployments there were.
    deployed: u32,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Service {
    /// A service with so many tasks, all created by a deployment at `deployed_at`.
    #[must_use]
    pub fn new(fate: Fate, tasks: usize, deployed_at: DateTime<Utc>) -> Self {
        let deployment = json!({
            "id": "ecs-svc/0", "status": "PRIMARY", "createdAt": deployed_at.timestamp(),
            "rolloutState": "COMPLETED",
        });
        Self {
            fate,
            deployments: vec![deployment],
            tasks: vec![deployed_at; tasks],
            forced: 0,
            foreign: None,
            deployed: 0,
            tags: BTreeMap::new(),
        }
    }

    /// When the service changes next without a call, if it does.
    #[must_use]
    pub fn changes_at(&self) -> Option<DateTime<Utc>> {
        let minutes = match self.current_fate() {
            Fate::Completes(minutes) | Fate::RollsBack(minutes) => minutes,
            Fate::Sticks | Fate::CrashLoops => return None,
        };
        let started_at = self.rolling_since()?;
        Some(started_at + TimeDelta::minutes(minutes.into()))
    }

    /// How the deployment in progress ends.
    fn current_fate(&self) -> Fate {
        self.foreign.unwrap_or(self.fate)
    }

    /// Someone else deploys the service.
    pub fn deploy(&mut self, fate: Fate, now: DateTime<Utc>) {
        self.foreign = Some(fate);
        self.start_deployment(now);
    }

    /// When the deployment that is in progress started, if one is.
    fn rolling_since(&self) -> Option<DateTime<Utc>> {
        let newest = self.deployments.first().filter(|newest| newest["rolloutState"] == "IN_PROGRESS")?;
        DateTime::from_timestamp(newest["createdAt"].as_i64()?, 0)
    }

    fn force_deployment(&mut self, now: DateTime<Utc>) {
        self.forced += 1;
        self.foreign = None;
        self.start_deployment(now);
    }

    fn start_deployment(&mut self, now: DateTime<Utc>) {
        self.deployed += 1;
        self.deployments.truncate(1);
        self.deployments[0]["status"] = json!("ACTIVE");
        let deployment = json!({
            "id": format!("ecs-svc/{}", self.deployed), "status": "PRIMARY", "createdAt": now.timestamp(),
            "rolloutState": "IN_PROGRESS", "failedTasks": if self.current_fate() == Fate::Sticks { 5 } else { 0 },
        });
        self.deployments.insert(0, deployment);
    }

    /// Ends the deployment that is in progress, if its time has come.
    fn settle(&mut self, now: DateTime<Utc>) {
        let (Some(started_at), Some(ends_at)) = (self.rolling_since(), self.changes_at()) else { return };
        if ends_at > now {
            return;
        }
        if let Fate::Completes(_) = self.current_fate() {
            self.deployments.truncate(1);
            self.deployments[0]["rolloutState"] = json!("COMPLETED");
            self.tasks.fill(started_at + TimeDelta::minutes(1));
        } else {
            let reason = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/0.";
            self.deployments = vec![json!({
                "id": format!("ecs-svc/back-{}", self.deployed), "status": "PRIMARY",
                "createdAt": ends_at.timestamp(), "rolloutState": "COMPLETED", "rolloutStateReason": reason,
            })];
        }
    }

    /// As `DescribeServices` shows it to a caller who does not know yet of deployments since `known_until`.
    fn described(&self, name: &str, now: DateTime<Utc>, known_until: DateTime<Utc>) -> Value {
        let is_known = |deployment: &&Value| {
            deployment["createdAt"].as_i64().is_some_and(|at| at <= known_until.timestamp())
        };
        let mut deployments: Vec<Value> = self.deployments.iter().filter(is_known).cloned().collect();
        if deployments.is_empty() {
            deployments.clone_from(&self.deployments);
        }
        deployments[0]["status"] = json!("PRIMARY");
        if let (Fate::CrashLoops, Some(since)) = (self.current_fate(), self.rolling_since()) {
            deployments[0]["failedTasks"] = json!((now - since).num_minutes() / 2);
        }
        let tags: Vec<Value> =
            self.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        json!({
            "serviceName": name, "status": "ACTIVE", "desiredCount": self.tasks.len(),
            "deployments": deployments, "events": [], "tags": tags,
        })
    }

    /// When the tasks that run at `now` were created.
    fn running(&self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let looping = self.rolling_since().filter(|_| self.current_fate() == Fate::CrashLoops);
        let new = looping
            .filter(|since| (now - *since).num_minutes() % 2 == 1)
            .map(|_| now - TimeDelta::seconds(30));
        self.tasks.iter().copied().chain(new).collect()
    }
}

impl Memory {
    /// Ends the deployments whose time has come.
    pub fn settle(&mut self) {
        for service in self.services.values_mut() {
            service.settle(self.now);
        }
    }

    /// The answer to a call of ECS. About a service that is not in memory, only `DescribeServices` is answered.
    pub(crate) fn answer_ecs(&mut self, call: &str, body: &Value) -> Option<Answer> {
        let key = |service: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{}/{}", text(&body["cluster"]), text(service))
        };
        match call {
            "DescribeServices" => {
                let (mut services, mut failures) = (Vec::new(), Vec::new());
                let names = body["services"].as_array().expect("a list of names");
                assert!(
                    names.len() <= SERVICES_PER_CALL,
                    "ECS describes at most {SERVICES_PER_CALL} services in a call"
                );
                for name in names {
                    match self.services.get(&key(name)) {
                        Some(service) => {
                            services.push(service.described(
                                name.as_str()?,
                                self.now,
                                self.now - self.ecs_lag,
                            ));
                        }
                        None => failures.push(json!({"arn": name, "reason": "MISSING"})),
                    }
                }
                Some((200, json!({"services": services, "failures": failures})))
            }
            "DescribeTaskDefinition" => {
                let container = json!({"name": "app", "image": "example/app@sha256:0123"});
                Some((200, json!({"taskDefinition": {"containerDefinitions": [container]}})))
            }
            "ListTasks" if body["serviceName"].is_null() => {
                let cluster = key(&json!(""));
                let services = self.services.range(cluster.clone()..);
                let services = services.take_while(|(name, _)| name.starts_with(&cluster));
                let arns = services.flat_map(|(name, service)| {
                    (1..=service.running(self.now).len()).map(|nth| Task::arn(&Task::id(name, nth)))
                });
                Some(listed(arns, body))
            }
            "ListTasks" => {
                let name = key(&body["serviceName"]);
                Some(Tasks::of(&name, self.services.get(&name)?, self.now).list(body))
            }
            "DescribeTasks" => {
                let arns = body["tasks"].as_array().expect("a list of tasks").iter();
                let names: BTreeSet<&str> = arns.filter_map(|arn| Task::service(arn.as_str()?)).collect();
                let found = names.iter().filter_map(|name| self.services.get_key_value(*name));
                let tasks = found.flat_map(|(name, service)| Tasks::of(name, service, self.now).0);
                Some(Tasks(tasks.collect()).describe_running(body))
            }
            "ListServiceDeployments" => {
                self.services.get(&key(&body["service"]))?;
                Some((200, json!({"serviceDeployments": []})))
            }
            "UpdateService" => {
                let service = self.services.get_mut(&key(&body["service"]))?;
                service.force_deployment(self.now);
                Some((
                    200,
                    json!({"service": service.described(body["service"].as_str()?, self.now, self.now)}),
                ))
            }
            _ => None,
        }
    }
}

/// Tasks, as ECS lists and describes them.
#[derive(Clone)]
pub(crate) struct Tasks(Vec<Task>);

#[derive(Clone)]
struct Task {
    arn: String,
    desired_status: &'static str,
    described: Value,
}

impl Task {
    /// The cluster and the ID of a running task of a service, `CLUSTER/SERVICE`, in memory.
    fn id(service: &str, nth: usize) -> String {
        format!("{service}-{nth}")
    }

    fn arn(id: &str) -> String {
        format!("arn:aws:ecs:eu-west-2:111122223333:task/{id}")
    }

    /// The service in memory that a task belongs to, by the task's ARN.
    fn service(arn: &str) -> Option<&str> {
        Some(arn.split_once(":task/")?.1.rsplit_once('-')?.0)
    }

    fn new(id: &str, desired_status: &'static str, described: &Value) -> Self {
        let arn = Self::arn(id);
        let described = merged(&json!({"taskArn": arn}), described);
        Self { arn, desired_status, described }
    }
}

impl Tasks {
    /// Tasks by their desired status, each as ECS describes it, without its ARN.
    pub(crate) fn new(tasks: [(&'static str, &[Value]); 2]) -> Self {
        let numbered = tasks
            .into_iter()
            .flat_map(|(status, tasks)| tasks.iter().zip(1..).map(move |task| (status, task)));
        let task = |(status, (task, nth)): (&'static str, (&Value, usize))| {
            Task::new(&format!("prod/{status}{nth:032}"), status, task)
        };
        Self(numbered.map(task).collect())
    }

    /// The running tasks of a service in memory.
    fn of(name: &str, service: &Service, now: DateTime<Utc>) -> Self {
        let group = name.split_once('/').map(|(_, name)| format!("service:{name}"));
        let task = |(created_at, nth): (&DateTime<Utc>, usize)| {
            let described = json!({"createdAt": created_at.timestamp(), "group": group});
            Task::new(&Task::id(name, nth), "RUNNING", &described)
        };
        Self(service.running(now).iter().zip(1..).map(task).collect())
    }

    /// The answer to `ListTasks`.
    pub(crate) fn list(&self, body: &Value) -> Answer {
        let of_status = self.0.iter().filter(|task| body["desiredStatus"] == task.desired_status);
        listed(of_status.map(|task| task.arn.clone()), body)
    }

    /// The answer to `DescribeTasks` about tasks of which some may have stopped since they were listed.
    fn describe_running(&self, body: &Value) -> Answer {
        let is_known = |arn: &&Value| self.0.iter().any(|task| task.arn == **arn);
        let (known, gone): (Vec<&Value>, Vec<&Value>) =
            body["tasks"].as_array().expect("a list of tasks").iter().partition(is_known);
        let failures: Vec<Value> = gone.iter().map(|arn| json!({"arn": arn, "reason": "MISSING"})).collect();
        let described = self.describe(&json!({"tasks": known})).expect("known tasks");
        (200, merged(&described.1, &json!({"failures": failures})))
    }

    /// The answer to `DescribeTasks`; `None` if a task is unknown.
    pub(crate) fn describe(&self, body: &Value) -> Option<Answer> {
        let arns = body["tasks"].as_array().expect("a list of tasks");
        assert!(arns.len() <= TASKS_PER_CALL, "ECS describes at most {TASKS_PER_CALL} tasks in a call");
        let described = |arn: &Value| self.0.iter().find(|task| task.arn == *arn).map(|task| &task.described);
        let tasks: Vec<&Value> = arns.iter().map(described).collect::<Option<_>>()?;
        Some((200, json!({"tasks": tasks, "failures": []})))
    }
}

/// The answer to `ListTasks` if these are all tasks, in pages of 100.
fn listed(arns: impl Iterator<Item = String>, body: &Value) -> Answer {
    let from = body["nextToken"].as_str().map_or(0, |token| token.parse().expect("a token of this fake"));
    let mut rest = arns.skip(from);
    let page: Vec<String> = rest.by_ref().take(TASKS_PER_CALL).collect();
    let next = rest.next().map(|_| (from + TASKS_PER_CALL).to_string());
    (200, json!({"taskArns": page, "nextToken": next}))
}
