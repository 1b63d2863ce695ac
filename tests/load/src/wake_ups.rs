//! EventBridge Scheduler: when schedules fire. It chooses a random moment of the flexible time window.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{Memory, Schedule};
use fastrand::Rng;
use serde_json::Value;

use crate::lambda::{Delivery, Function};

/// The schedules whose time has come.
#[derive(Debug)]
pub(crate) struct WakeUps {
    /// When each fires. A schedule that is created again has another incarnation.
    due: BTreeSet<(DateTime<Utc>, u64, String)>,
    seen: HashSet<u64>,
    random: Rng,
}

impl WakeUps {
    pub(crate) fn new(random: Rng) -> Self {
        Self { due: BTreeSet::new(), seen: HashSet::new(), random }
    }

    /// Finds the schedules whose time has come. Schedules are set to whole minutes and a minute ahead, so it is enough to
    /// look once a minute.
    pub(crate) fn look(&mut self, memory: &Memory) {
        for (name, schedule) in &memory.schedules {
            let Some(at) = schedule.fires_at().filter(|at| *at <= memory.now) else { continue };
            if self.seen.insert(schedule.incarnation) {
                let spread = schedule.body["FlexibleTimeWindow"]["MaximumWindowInMinutes"].as_i64();
                let delay = TimeDelta::milliseconds(self.random.i64(0..=spread.unwrap_or_default() * 60_000));
                self.due.insert((at + delay, schedule.incarnation, name.clone()));
            }
        }
    }

    /// When the next schedule fires whose time has come.
    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// What is delivered now.
    pub(crate) fn fire(&mut self, memory: &mut Memory) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while self.next().is_some_and(|at| at <= memory.now) {
            let Some((at, incarnation, name)) = self.due.pop_first() else { break };
            let found = memory.schedules.get_mut(&name);
            let Some(schedule) = found.filter(|schedule| schedule.incarnation == incarnation) else {
                continue;
            };
            let Some(planned_at) = schedule.fires_at() else { continue };
            schedule.fired = true;
            deliveries.push(Delivery::new(at, function(schedule), payload(schedule, planned_at)));
        }
        deliveries
    }
}

fn function(schedule: &Schedule) -> Function {
    if schedule.body["Target"]["Arn"] == "arn:deploy" { Function::Deploy } else { Function::Verify }
}

fn payload(schedule: &Schedule, at: DateTime<Utc>) -> Value {
    let text = schedule.body["Target"]["Input"].as_str().expect("a text");
    let at = at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    serde_json::from_str(&text.replace("<aws.scheduler.scheduled-time>", &at)).expect("JSON")
}
