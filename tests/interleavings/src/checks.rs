//! What must hold at every moment of a run, whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{Aws, Memory, Schedule, Service};
use serde_json::Value;

use crate::{
    conditions::Conditions,
    people::Edits,
    told::{Open, Told},
};

/// What a function reads may have changed when it tells of it.
const READ_BEFORE: TimeDelta = TimeDelta::minutes(5);

/// The events that say what became of a service.
const ENDS: [&str; 3] = ["Patch Completed", "Patch Needs Attention", "Patch Failed"];

/// What is known of a service from the moments before.
#[derive(Debug, Default)]
struct Seen {
    /// How many deployments were forced.
    forced: u32,
    /// Since when every task is new.
    new_since: Option<DateTime<Utc>>,
    /// Someone deployed it.
    deployed: bool,
    /// A failure was reported since the last forced deployment.
    failed: bool,
    /// The notices for which a start time was announced, it was proven patched, and anything was reported.
    scheduled: BTreeSet<String>,
    proven: BTreeSet<String>,
    reported: BTreeSet<String>,
    /// The start time of which the last event told.
    slot: Option<String>,
    /// The closed notices of which its owner was notified.
    cancelled: BTreeSet<String>,
}

/// What was seen until now.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    services: BTreeMap<String, Seen>,
    /// How many events and messages were examined.
    events: usize,
    /// The last message about some services of a notice.
    messages: BTreeMap<(String, Vec<String>), String>,
    examined: usize,
    /// The latest cut-off of each notice in each schedule.
    cutoffs: BTreeMap<(String, String), DateTime<Utc>>,
    /// The notices and services that were examined on the retirement date.
    ended: BTreeSet<(String, String)>,
    /// The services whose next deployment has a start time of the fallback.
    fallback: BTreeSet<String>,
}

/// What the checks compare AWS with.
pub(crate) struct World<'a> {
    pub(crate) now: DateTime<Utc>,
    /// All tasks are older than the cut-off of any notice, or newer. This lies between them.
    pub(crate) cutoff: DateTime<Utc>,
    pub(crate) told: &'a Told,
    /// The notices that are open now.
    pub(crate) open: &'a [Open<'a>],
    pub(crate) conditions: &'a Conditions,
    /// Calls fail and wake-ups are lost.
    pub(crate) faults: bool,
    /// No function is running.
    pub(crate) quiet: bool,
}

impl World<'_> {
    /// How late a message may be. Lost wake-ups are repaired by the heartbeat, each after an hour or two.
    fn grace(&self) -> TimeDelta {
        TimeDelta::hours(if self.faults { 10 } else { 1 })
    }
}

impl Checks {
    /// A person does something: what was said before may be said again.
    pub(crate) fn people_act(&mut self) {
        self.messages.clear();
    }

    /// Deploy is woken with this input.
    pub(crate) fn woken(&mut self, input: &Value) {
        let service = input["service"].as_str().unwrap_or_default().to_owned();
        if input["fallback"] == true {
            self.fallback.insert(service)
        } else {
            self.fallback.remove(&service)
        };
    }

    /// What is broken at this moment.
    pub(crate) fn broken(&mut self, aws: &Aws, edits: &mut Edits, world: &World<'_>) -> Vec<String> {
        let mut broken = edits.broken(aws, world.open, world.now);
        let memory = aws.memory();
        for (key, service) in &memory.services {
            let name = key.trim_start_matches("prod/");
            self.check_deployments(name, service, edits, world, &mut broken);
        }
        for event in memory.events.iter().skip(self.events) {
            self.check_event(event, &memory, world, &mut broken);
        }
        self.check_messages(&memory, world, &mut broken);
        let inputs = inputs(&memory);
        self.check_cutoffs(&inputs, &mut broken);
        self.check_dates(edits, world, &mut broken);
        self.check_cancellations(edits, world, &mut broken);
        if world.quiet && !world.faults {
            self.check_slots(&inputs, edits, &mut broken);
        }
        broken
    }

    /// The events and messages that are new, each as a line of the story.
    pub(crate) fn news(&mut self, aws: &Aws) -> Vec<String> {
        let memory = aws.memory();
        let event = |event: &Value| {
            let detail = &event["Detail"];
            format!(
                "event {} {} slot {}: {}",
                event["DetailType"], detail["service"], detail["slot"], detail["reason"]
            )
        };
        let message = |message: &Value| format!("message {}", message["Subject"]);
        let events = memory.events.iter().skip(self.events).map(event);
        let lines = events.chain(memory.messages.iter().skip(self.examined).map(message)).collect();
        (self.events, self.examined) = (memory.events.len(), memory.messages.len());
        lines
    }

    fn check_deployments(
        &mut self,
        name: &str,
        service: &Service,
        edits: &Edits,
        world: &World<'_>,
        broken: &mut Vec<String>,
    ) {
        let seen = self.services.entry(name.to_owned()).or_default();
        let is_new = service.tasks.iter().all(|created_at| *created_at > world.cutoff);
        seen.new_since = is_new.then(|| seen.new_since.unwrap_or(world.now));
        seen.deployed |= service.deployments.iter().any(|deployment| deployment["id"] != "ecs-svc/0");
        if service.forced == seen.forced {
            return;
        }
        let again = seen.forced > 0 && !seen.failed;
        (seen.forced, seen.failed) = (service.forced, false);
        let fallback = self.fallback.contains(name);
        if let Some(why) = world.conditions.forbids(name, world.now, fallback, edits.has_moved(name)) {
            broken.push(format!("{name} was deployed {why}"));
        }
        if edits.holds(name) {
            broken.push(format!("{name} was deployed, though a person disabled its schedule"));
        }
        if world.conditions.needs_approval(name) && !edits.has_enabled(name) {
            broken.push(format!("{name} was deployed, though nobody approved it"));
        }
        // A rollout can fail before a function that was killed is tried again.
        if again && (!world.faults || is_new) {
            broken.push(format!("{name} was deployed twice, and no failure was reported in between"));
        }
    }

    fn check_event(&mut self, event: &Value, memory: &Memory, world: &World<'_>, broken: &mut Vec<String>) {
        let detail = &event["Detail"];
        let name = detail["service"].as_str().unwrap_or_default();
        let (Some(service), Some(seen)) =
            (memory.services.get(&format!("prod/{name}")), self.services.get_mut(name))
        else {
            return;
        };
        let kind = event["DetailType"].as_str().unwrap_or_default();
        let arns = detail["notices"].as_array().into_iter().flatten();
        let arns: Vec<&str> = arns.filter_map(|notice| notice["event_arn"].as_str()).collect();
        let mut contradicts =
            |why: &str| broken.push(format!("{name}: the event {kind} {why}: {}", detail["reason"]));
        // A rollout that is stuck needs attention, though someone else has patched the service before.
        let is_rolling =
            service.deployments.iter().any(|deployment| deployment["rolloutState"] == "IN_PROGRESS");
        // A wait period that cannot be read makes the cut-off the time of an event.
        let cutoff = if world.faults { world.told.newest(world.now) } else { None }.unwrap_or(world.cutoff);
        let is_new = service.tasks.iter().all(|created_at| *created_at > cutoff);
        let is_unreadable =
            world.faults && detail["reason"].as_str().is_some_and(|reason| reason.contains("is unreadable"));
        let long_new =
            is_new && !is_rolling && seen.new_since.is_some_and(|since| since < world.now - READ_BEFORE);
        match kind {
            "Patch Completed" if seen.new_since.is_none() => contradicts("is false: a task is old"),
            // The last deadline check reports what it cannot read.
            "Patch Needs Attention" | "Patch Failed" if long_new && !is_unreadable => {
                contradicts("is false: every task is new");
            }
            "Patch Needs Attention"
                if service.forced == 0
                    && !arns.is_empty()
                    && arns
                        .iter()
                        .all(|arn| world.told.is_long_closed(arn, name, world.now, TimeDelta::hours(1))) =>
            {
                contradicts("is about closed notices");
            }
            "Patch Record" if detail["outcome"] == "patched" && seen.new_since.is_none() => {
                contradicts("is false: a task is old");
            }
            "Patch Record" if detail["outcome"] == "unpatched" && long_new => {
                contradicts("is false: every task is new");
            }
            "Patch Scheduled" if !arns.is_empty() && arns.iter().all(|arn| seen.proven.contains(*arn)) => {
                contradicts("comes after the proof");
            }
            _ => {}
        }
        seen.failed |= kind == "Patch Needs Attention" || kind == "Patch Failed";
        let arns = arns.into_iter().map(str::to_owned);
        if let ("Patch Scheduled" | "Patch Postponed" | "Patch Needs Attention", Some(slot)) =
            (kind, detail["slot"].as_str())
        {
            seen.slot = Some(slot.to_owned());
        }
        match kind {
            "Patch Scheduled" => seen.scheduled.extend(arns.clone()),
            "Patch Completed" => seen.proven.extend(arns.clone()),
            _ => {}
        }
        let skipped = kind == "Patch Skipped";
        // What is skipped is patched, or has no start time, which its owner learns.
        if ENDS.contains(&kind) || (skipped && (seen.new_since.is_some() || detail["slot"].is_null())) {
            seen.reported.extend(arns.clone());
        }
        if skipped && detail["reason"].as_str().is_some_and(|reason| reason.contains("closed the notice")) {
            seen.cancelled.extend(arns);
        }
    }

    /// Without failures, no message is sent twice in a row about the same services of a notice.
    fn check_messages(&mut self, memory: &Memory, world: &World<'_>, broken: &mut Vec<String>) {
        for message in memory.messages.iter().skip(self.examined) {
            let text = |field: &str| message[field].as_str().unwrap_or_default();
            let (subject, body) = (text("Subject"), text("Message"));
            let notice = body.lines().find(|line| line.starts_with("Notice")).unwrap_or_default().to_owned();
            if subject.starts_with("Cancelled") {
                self.messages.retain(|(other, _), _| *other != notice); // what is planned again is news
            }
            let services: Vec<String> =
                memory.services.keys().filter(|key| body.contains(key.as_str())).cloned().collect();
            if services.iter().all(|key| world.conditions.is_exempt(key.trim_start_matches("prod/"))) {
                continue; // observe mode remembers nothing
            }
            let before = self.messages.insert((notice, services), body.to_owned());
            if before.is_some_and(|before| before == body) && !world.faults {
                broken.push(format!("a message was sent twice: {subject}: {body}"));
            }
        }
    }

    /// Between invocations, what was last said of a start time is true.
    fn check_slots(&mut self, inputs: &[(&String, Value)], edits: &Edits, broken: &mut Vec<String>) {
        for (_, input) in inputs {
            let (Some(name), Some(slot)) = (input["service"].as_str(), input["slot"].as_str()) else {
                continue;
            };
            let Some(seen) = self.services.get_mut(name).filter(|_| !edits.has_edited(name)) else {
                continue;
            };
            if seen.slot.as_deref().is_some_and(|told| told != slot) {
                broken.push(format!("{name} was said to start at {:?}, but is set to {slot}", seen.slot));
                seen.slot = None;
            }
        }
    }

    /// A cut-off never becomes earlier.
    fn check_cutoffs(&mut self, inputs: &[(&String, Value)], broken: &mut Vec<String>) {
        for (name, input) in inputs {
            for notice in input["notices"].as_array().into_iter().flatten().chain([&input["notice"]]) {
                let cutoff = notice["cutoff"].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
                let (Some(arn), Some(cutoff)) = (notice["event_arn"].as_str(), cutoff) else { continue };
                let known = self.cutoffs.entry(((*name).clone(), arn.to_owned())).or_insert(cutoff);
                if cutoff < *known {
                    broken.push(format!("the cut-off of {arn} in {name} went back from {known} to {cutoff}"));
                }
                *known = cutoff;
            }
        }
    }

    /// A start time that was announced, and that a closed notice has cancelled, is announced to be cancelled.
    fn check_cancellations(&mut self, edits: &Edits, world: &World<'_>, broken: &mut Vec<String>) {
        for (name, seen) in &mut self.services {
            // What another notice needs is not cancelled.
            let still_open = world.open.iter().any(|open| open.service == name.as_str());
            if still_open || seen.deployed || edits.has_deleted(name) || world.conditions.is_exempt(name) {
                continue;
            }
            // What needed a person may not be scheduled any more.
            let silent = |arn: &&String| {
                world.told.is_long_closed(arn, name, world.now, world.grace())
                    && !seen.reported.contains(*arn)
            };
            let silent: Vec<String> =
                seen.scheduled.difference(&seen.cancelled).filter(silent).cloned().collect();
            for arn in silent {
                broken.push(format!(
                    "{name} was scheduled for {arn}, which was closed, and nobody was notified"
                ));
                seen.cancelled.insert(arn);
            }
        }
    }

    /// By the retirement date, every service is proven patched or was reported.
    fn check_dates(&mut self, edits: &Edits, world: &World<'_>, broken: &mut Vec<String>) {
        for open in world.open {
            let due = open.date.max(open.known_at + TimeDelta::hours(3)) + world.grace();
            if world.now < due || world.conditions.is_exempt(open.service) {
                continue;
            }
            if !self.ended.insert((open.event_arn.to_owned(), open.service.to_owned())) {
                continue;
            }
            let seen = self.services.get(open.service);
            // Of a service that someone else patches, its owner may hear no more.
            let by_others = |seen: &Seen| {
                seen.new_since.is_some() && (seen.forced == 0 || edits.has_edited(open.service))
            };
            if seen.is_some_and(by_others) {
                continue;
            }
            if !seen.is_some_and(|seen| !seen.proven.is_empty() || seen.reported.contains(open.event_arn)) {
                broken.push(format!(
                    "{} was not reported by the retirement date of {}",
                    open.service, open.event_arn
                ));
            }
        }
    }
}

/// The inputs of the schedules that are about notices, by name.
fn inputs(memory: &Memory) -> Vec<(&String, Value)> {
    let input = |(name, schedule): (_, &Schedule)| {
        let text = schedule.body["Target"]["Input"].as_str().filter(|text| text.contains("\"cutoff\""))?;
        Some((name, serde_json::from_str(text).ok()?))
    };
    memory.schedules.iter().filter_map(input).collect()
}
