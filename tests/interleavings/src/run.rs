//! Lambda and EventBridge Scheduler: which function runs when, how often, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use aws::config::Config;
use chrono::{DateTime, TimeDelta, Utc};
use deploy::Deploy;
use fake_aws::{Aws, Fate, Fault, Schedule, Service, environment};
use ingest::Ingest;
use serde_json::Value;
use verify::Verify;

use crate::Choices;

/// How often Lambda tries an asynchronous invocation.
const TRIES: u8 = 3;

/// An event of AWS Health.
#[derive(Clone, Debug)]
pub struct HealthEvent {
    /// When it is sent.
    pub sent_at: DateTime<Utc>,
    /// The event.
    pub event: Value,
}

/// What is left at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Each service of the cluster `prod`, by name.
    pub services: BTreeMap<String, ServiceEnd>,
    /// The names of schedules that never fire.
    pub schedules: BTreeSet<String>,
}

/// A service at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEnd {
    /// Every task is newer than the cut-off.
    pub patched: bool,
    /// The final events about it: `Patch Completed`, `Patch Needs Attention`.
    pub notified: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Ingest,
    Deploy,
    Verify,
}

#[derive(Clone, Debug)]
struct Delivery {
    at: DateTime<Utc>,
    function: Function,
    payload: Value,
    tries_left: u8,
}

/// The three functions on an AWS in memory.
pub struct Run {
    /// The AWS.
    pub aws: Aws,
    ingest: Ingest,
    deploy: Deploy,
    verify: Verify,
    queue: Vec<Delivery>,
    /// A schedule that has fired is deleted before its function is invoked, not after it.
    deleted_first: bool,
}

impl Run {
    /// The functions, as the template configures them, and these services of the cluster `prod`.
    #[must_use]
    pub fn new(services: &[(String, Fate)], start: DateTime<Utc>) -> Self {
        let aws = Aws::default();
        let service = |(name, fate): &(String, Fate)| {
            (format!("prod/{name}"), Service::new(*fate, 2, start - TimeDelta::days(30)))
        };
        aws.memory().now = start;
        aws.memory().services = services.iter().map(service).collect();
        let config = Config::read(&environment).expect("the configuration of the template");
        // Without retries, each failed call fails its invocation.
        let sdk = aws.sdk_without_retries();
        Self {
            ingest: Ingest::new(&sdk, config.clone()),
            deploy: Deploy::new(&sdk, config.clone()),
            verify: Verify::new(&sdk, config),
            aws,
            queue: Vec::new(),
            deleted_first: false,
        }
    }

    /// Runs everything that follows from these events, and returns what is left.
    pub async fn to_the_end(
        &mut self,
        events: &[HealthEvent],
        cutoff: DateTime<Utc>,
        choices: &mut Choices,
    ) -> End {
        self.deleted_first = choices.pick([false, true]);
        for HealthEvent { sent_at, event } in events {
            let late = TimeDelta::minutes(choices.pick([0, 0, 1, 90]));
            self.deliver(*sent_at + late, Function::Ingest, event.clone(), choices);
        }
        while let Some(now) = self.next_change() {
            {
                let mut memory = self.aws.memory();
                memory.now = now;
                memory.settle();
            }
            self.fire_schedules(now, choices);
            let fired = self.fired_schedules();
            self.invoke_one(now, choices).await;
            self.delete_schedules(&fired);
        }
        self.end(cutoff)
    }

    fn end(&self, cutoff: DateTime<Utc>) -> End {
        let memory = self.aws.memory();
        let service = |(key, service): (&String, &Service)| {
            let name = key.trim_start_matches("prod/").to_owned();
            let events = memory.events.iter().filter(|event| event["Detail"]["service"] == name);
            let kinds = events.filter_map(|event| event["DetailType"].as_str());
            let last = kinds.filter(|kind| ["Patch Completed", "Patch Needs Attention"].contains(kind));
            let notified = last.map(str::to_owned).collect();
            let patched = service.tasks.iter().all(|created_at| *created_at > cutoff);
            (name, ServiceEnd { patched, notified })
        };
        End {
            services: memory.services.iter().map(service).collect(),
            schedules: memory.schedules.keys().cloned().collect(),
        }
    }

    /// When something happens next, if anything does.
    fn next_change(&self) -> Option<DateTime<Utc>> {
        let memory = self.aws.memory();
        let schedules = memory.schedules.values().filter_map(Schedule::fires_at);
        let services = memory.services.values().filter_map(Service::changes_at);
        let deliveries = self.queue.iter().map(|delivery| delivery.at);
        let next = schedules.chain(services).chain(deliveries).min()?;
        Some(next.max(memory.now))
    }

    /// Queues a payload for a function.
    fn deliver(&mut self, at: DateTime<Utc>, function: Function, payload: Value, choices: &mut Choices) {
        let delivery = Delivery { at, function, payload, tries_left: TRIES };
        // Lambda delivers at least once: a second delivery comes at once, or much later.
        if let Some(minutes) = choices.pick([None, None, Some(0), Some(30)]) {
            self.queue.push(Delivery { at: at + TimeDelta::minutes(minutes), ..delivery.clone() });
        }
        self.queue.push(delivery);
    }

    /// Delivers the inputs of the schedules that are due. A schedule fires once.
    fn fire_schedules(&mut self, now: DateTime<Utc>, choices: &mut Choices) {
        let due = |(name, schedule): (&String, &Schedule)| {
            schedule.fires_at().is_some_and(|at| at <= now).then(|| name.clone())
        };
        let names: Vec<String> = self.aws.memory().schedules.iter().filter_map(due).collect();
        for name in names {
            let target = {
                let mut memory = self.aws.memory();
                let schedule = memory.schedules.get_mut(&name).expect("a schedule that is due");
                schedule.fired = true;
                let target = schedule.body["Target"].clone();
                if self.deleted_first {
                    memory.schedules.remove(&name);
                }
                target
            };
            let function = if target["Arn"] == "arn:deploy" { Function::Deploy } else { Function::Verify };
            let payload = serde_json::from_str(target["Input"].as_str().expect("a text")).expect("JSON");
            self.deliver(now, function, payload, choices);
        }
    }

    /// Invokes the function of one delivery that is due, if there is one.
    async fn invoke_one(&mut self, now: DateTime<Utc>, choices: &mut Choices) {
        let due: Vec<usize> = (0..self.queue.len()).filter(|nth| self.queue[*nth].at <= now).collect();
        let chosen = choices.next(due.len());
        let Some(nth) = due.get(chosen) else { return };
        let delivery = self.queue.swap_remove(*nth);
        // The last try succeeds: an operator sends again what arrives in the dead-letter queue.
        let fault =
            [None, Some(Fault::Before), Some(Fault::After), Some(Fault::Crash), None, None, None, None];
        let fault = choices.pick(fault).filter(|_| delivery.tries_left > 1);
        self.aws.plan_fault(fault.map(|fault| (choices.next(9), fault)));
        let done = match delivery.function {
            Function::Ingest => self.ingest.handle(&delivery.payload, now).await.map(drop),
            Function::Deploy => self.deploy.handle(&delivery.payload, now).await.map(drop),
            Function::Verify => self.verify.handle(&delivery.payload, now).await.map(drop),
        };
        self.aws.plan_fault(None);
        if done.is_err() && delivery.tries_left > 1 {
            let (at, tries_left) = (now + TimeDelta::minutes(1), delivery.tries_left - 1);
            self.queue.push(Delivery { at, tries_left, ..delivery });
        }
    }

    fn fired_schedules(&self) -> Vec<(String, u64)> {
        let memory = self.aws.memory();
        let fired = memory.schedules.iter().filter(|(_, schedule)| schedule.fired);
        fired.map(|(name, schedule)| (name.clone(), schedule.incarnation)).collect()
    }

    /// Deletes schedules that have fired (`ActionAfterCompletion: DELETE`), unless they were deleted and created again.
    fn delete_schedules(&self, fired: &[(String, u64)]) {
        let mut memory = self.aws.memory();
        for (name, incarnation) in fired {
            if memory.schedules.get(name).is_some_and(|schedule| schedule.incarnation == *incarnation) {
                memory.schedules.remove(name);
            }
        }
    }
}
