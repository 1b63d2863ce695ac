//! Lambda and EventBridge Scheduler: who is woken when, how often, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use aws::config::Config;
use chrono::{DateTime, TimeDelta, Utc};
use deploy::Deploy;
use ingest::Ingest;
use serde_json::Value;
use verify::Verify;

use crate::world::{Fate, Fault, Schedule, Service, World};

/// What decides about order, repeats and failures: a row of numbers, each used once, then zero for ever, which
/// means in order, once, without failure.
#[derive(Clone, Debug, Default)]
pub struct Choices(std::vec::IntoIter<u8>);

impl Choices {
    /// The choices that these numbers make.
    #[must_use]
    pub fn new(numbers: Vec<u8>) -> Self {
        Self(numbers.into_iter())
    }

    fn next(&mut self, below: usize) -> usize {
        usize::from(self.0.next().unwrap_or_default()) % below.max(1)
    }
}

/// An event of AWS Health, and when it is sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: Value,
}

/// What is left in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// How each service ended.
    pub services: BTreeMap<String, Ended>,
    /// Names of schedules that will never fire.
    pub schedules: BTreeSet<String>,
}

/// How a service ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Every task is newer than `cutoff`.
    pub patched: bool,
    /// What was told about its end: `Patch Completed`, `Patch Needs Attention`.
    pub told: BTreeSet<String>,
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
    /// Lambda tries twice more.
    tries: u8,
}

/// The functions in a world.
#[derive(Debug)]
pub struct Run {
    /// The world.
    pub world: World,
    ingest: Ingest,
    deploy: Deploy,
    verify: Verify,
    queue: Vec<Delivery>,
    /// Whether a schedule is gone before its target is invoked, or only after it.
    gone_first: bool,
}

impl Run {
    /// The functions, as the template configures them, in a world with these services.
    #[must_use]
    pub fn new(services: &[(String, Fate)], start: DateTime<Utc>) -> Self {
        let world = World::default();
        {
            let mut state = world.state();
            state.now = start;
            for (name, fate) in services {
                state.services.insert(name.clone(), Service::new(*fate, 2, start - TimeDelta::days(30)));
            }
        }
        let lookup = |name: &str| {
            Some(match name {
                "SCHEDULE_GROUP" => "the-group".to_owned(),
                "AWS_REGION" => "eu-west-2".to_owned(),
                "ACCOUNT_ID" => "111122223333".to_owned(),
                "PARTITION" => "aws".to_owned(),
                "SCHEDULER_ROLE_ARN" => "arn:aws:iam::111122223333:role/scheduler".to_owned(),
                _ if name.ends_with("_ARN") => name.to_owned(),
                _ => return None,
            })
        };
        let config = Config::read(&lookup).unwrap_or_else(|error| unreachable!("{error}"));
        let sdk = world.sdk();
        Self {
            ingest: Ingest::new(&sdk, config.clone()),
            deploy: Deploy::new(&sdk, config.clone()),
            verify: Verify::new(&sdk, config),
            world,
            queue: Vec::new(),
            gone_first: false,
        }
    }

    /// Lets everything happen that follows from these events, and answers what is left.
    pub async fn to_the_end(&mut self, sent: &[Sent], cutoff: DateTime<Utc>, choices: &mut Choices) -> End {
        self.gone_first = choices.next(2) == 1;
        for Sent { at, event } in sent {
            let late = TimeDelta::minutes([0, 0, 1, 90].get(choices.next(4)).copied().unwrap_or_default());
            self.deliver(*at + late, Function::Ingest, event.clone(), choices);
        }
        while let Some(next) = self.next() {
            self.world.state().now = next;
            self.world.state().settle();
            self.fire(choices);
            self.invoke_one(choices).await;
        }
        let state = self.world.state();
        let ended = |(name, service): (&String, &Service)| {
            let of_service =
                state.events.iter().filter(|(_, service)| service == name).map(|(kind, _)| kind.clone());
            let told = of_service
                .filter(|kind| kind == "Patch Completed" || kind == "Patch Needs Attention")
                .collect();
            let patched = service.tasks.iter().all(|created_at| *created_at > cutoff);
            (name.clone(), Ended { patched, told })
        };
        End {
            services: state.services.iter().map(ended).collect(),
            schedules: state.schedules.keys().cloned().collect(),
        }
    }

    /// When something happens next, if anything does.
    fn next(&self) -> Option<DateTime<Utc>> {
        let state = self.world.state();
        let fires = state.schedules.values().filter_map(Schedule::at);
        let changes = state.services.values().filter_map(Service::changes_at);
        let next = fires.chain(changes).chain(self.queue.iter().map(|delivery| delivery.at)).min()?;
        Some(next.max(state.now))
    }

    fn deliver(&mut self, at: DateTime<Utc>, function: Function, payload: Value, choices: &mut Choices) {
        let delivery = Delivery { at, function, payload, tries: 3 };
        // At least once: a second delivery comes at once, or much later.
        if let Some(later) = [None, None, Some(0), Some(30)].get(choices.next(4)).copied().flatten() {
            self.queue.push(Delivery { at: at + TimeDelta::minutes(later), ..delivery.clone() });
        }
        self.queue.push(delivery);
    }

    /// Hands over what is due.
    fn fire(&mut self, choices: &mut Choices) {
        let due: Vec<(String, Value)> = {
            let mut state = self.world.state();
            let now = state.now;
            let due: Vec<String> = state
                .schedules
                .iter()
                .filter(|(_, schedule)| schedule.at().is_some_and(|at| at <= now))
                .map(|(name, _)| name.clone())
                .collect();
            due.into_iter()
                .filter_map(|name| {
                    let schedule = state.schedules.get_mut(&name)?;
                    let target = schedule.body["Target"].clone();
                    // It fires once, and is deleted at once, or later by `forget`.
                    if self.gone_first {
                        state.schedules.remove(&name);
                    } else {
                        schedule.body["Fired"] = Value::Bool(true);
                    }
                    Some((name, target))
                })
                .collect()
        };
        let now = self.world.state().now;
        for (_, target) in due {
            let function =
                if target["Arn"] == "DEPLOY_FUNCTION_ARN" { Function::Deploy } else { Function::Verify };
            let payload =
                serde_json::from_str(target["Input"].as_str().unwrap_or_default()).unwrap_or_default();
            self.deliver(now, function, payload, choices);
        }
    }

    async fn invoke_one(&mut self, choices: &mut Choices) {
        let now = self.world.state().now;
        let ready: Vec<usize> = self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, delivery)| delivery.at <= now)
            .map(|(nth, _)| nth)
            .collect();
        let fired = self.fired();
        if let Some(nth) = ready.get(choices.next(ready.len())).copied() {
            let delivery = self.queue.swap_remove(nth);
            // The last try goes well: what comes to the queue is for a person to send again.
            let fault = match choices.next(8) {
                1 if delivery.tries > 1 => Some(Fault::Before),
                2 if delivery.tries > 1 => Some(Fault::After),
                3 if delivery.tries > 1 => Some(Fault::Crash),
                _ => None,
            };
            self.world.expect(fault.map(|fault| (choices.next(9), fault)));
            let done = match delivery.function {
                Function::Ingest => self.ingest.handle(&delivery.payload, now).await.map(drop),
                Function::Deploy => self.deploy.handle(&delivery.payload, now).await.map(drop),
                Function::Verify => self.verify.handle(&delivery.payload, now).await.map(drop),
            };
            self.world.expect(None);
            if done.is_err() && delivery.tries > 1 {
                self.queue.push(Delivery {
                    at: now + TimeDelta::minutes(1),
                    tries: delivery.tries - 1,
                    ..delivery
                });
            }
        }
        self.forget(&fired);
    }

    fn fired(&self) -> Vec<(String, u64)> {
        let state = self.world.state();
        let fired = state.schedules.iter().filter(|(_, schedule)| schedule.body["Fired"] == true);
        fired.map(|(name, schedule)| (name.clone(), schedule.incarnation)).collect()
    }

    /// `ActionAfterCompletion: DELETE`, of the schedules that have fired and were not created anew.
    fn forget(&self, fired: &[(String, u64)]) {
        let mut state = self.world.state();
        for (name, incarnation) in fired {
            if state.schedules.get(name).is_some_and(|schedule| schedule.incarnation == *incarnation) {
                state.schedules.remove(name);
            }
        }
    }
}
