//! Lambda and EventBridge Scheduler: which function runs when, how often, in which order, and beside which others.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    rc::Rc,
};

use aws::{Invocation, config::Config};
use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use deploy::Deploy;
use fake_aws::{Aws, Fate, Fault, Planned, Schedule, Service, environment_with, with_fault};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use ingest::Ingest;
use operate::Operate;
use serde_json::{Value, json};
use verify::Verify;

use crate::{
    Choices,
    checks::{Checks, World},
    choices::Random,
    conditions::{Conditions, WINDOWS, Window},
    people::Edits,
    steps::Step,
    told::Told,
};

/// How often Lambda tries an asynchronous invocation.
const TRIES: u8 = 3;
/// At which calls faults are aimed: all, or those with an effect.
const CALLS: [&str; 9] = [
    "",
    "",
    "",
    "POST /schedules/",
    "PUT /schedules/",
    "DELETE /schedules/",
    "UpdateService",
    "PutEvents",
    "Publish",
];
/// How long a function runs at most.
const TIMEOUT: TimeDelta = TimeDelta::minutes(5);

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
pub(crate) enum Function {
    Ingest,
    Deploy,
    Verify,
    Operate,
}

#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// What it is called in the story.
    pub(crate) id: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) function: Function,
    pub(crate) payload: Value,
    pub(crate) tries_left: u8,
}

impl Delivery {
    pub(crate) fn new(at: DateTime<Utc>, function: Function, payload: Value) -> Self {
        Self { id: String::new(), at, function, payload, tries_left: TRIES }
    }
}

pub(crate) struct Functions {
    ingest: Ingest,
    deploy: Deploy,
    verify: Verify,
    operate: Operate,
}

impl Functions {
    /// The functions with these maintenance windows.
    pub(crate) fn new(aws: &Aws, windows: &Window) -> Rc<Self> {
        let variables = [
            ("MAINTENANCE_WINDOWS", windows.text),
            ("CHANGE_CALENDARS", "Freeze"),
            ("BLOCKING_ALARMS", "stop-"),
        ];
        let config = Config::read(&environment_with(&variables)).expect("a valid configuration");
        // Without retries, each failed call fails its invocation.
        let sdk = aws.sdk_without_retries();
        Rc::new(Self {
            ingest: Ingest::new(&sdk, config.clone()),
            deploy: Deploy::new(&sdk, config.clone()),
            verify: Verify::new(&sdk, config.clone()),
            operate: Operate::new(&sdk, config),
        })
    }
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The functions that ran.
    pub invocations: usize,
    /// Their calls to AWS.
    pub calls: usize,
    /// The calls that failed on purpose.
    pub faults: usize,
    /// The schedules that fired.
    pub fired: usize,
    /// What AWS Health, people and others did.
    pub from_outside: usize,
}

impl Counts {
    /// How many things happened.
    #[must_use]
    pub fn steps(self) -> usize {
        self.invocations + self.calls + self.fired + self.from_outside
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.invocations += other.invocations;
        self.calls += other.calls;
        self.faults += other.faults;
        self.fired += other.fired;
        self.from_outside += other.from_outside;
    }
}

type Running = FuturesUnordered<Pin<Box<dyn Future<Output = (Delivery, bool)>>>>;

/// The three functions on an AWS in memory.
pub struct Run {
    /// The AWS.
    pub aws: Aws,
    /// What happened, one line each.
    pub story: Vec<String>,
    /// What must never happen, and did.
    pub violations: Vec<String>,
    pub(crate) functions: Rc<Functions>,
    pub(crate) queue: Vec<Delivery>,
    counts: Counts,
    pub(crate) edits: Edits,
    pub(crate) told: Told,
    pub(crate) conditions: Conditions,
    pub(crate) checks: Checks,
    /// Whether calls fail and invocations are killed.
    faults: bool,
}

impl Run {
    /// The functions, as the template configures them, and these services of the cluster `prod`.
    #[must_use]
    pub fn new(services: &[(String, Fate)], start: DateTime<Utc>, faults: bool) -> Self {
        let aws = Aws::default();
        let service = |(name, fate): &(String, Fate)| {
            (format!("prod/{name}"), Service::new(*fate, 2, start - TimeDelta::days(30)))
        };
        aws.memory().now = start;
        aws.memory().services = services.iter().map(service).collect();
        aws.memory().conditions = Some(fake_aws::Conditions { wait_days: 7, ..Default::default() });
        let [window, ..] = WINDOWS;
        Self {
            functions: Functions::new(&aws, &window),
            aws,
            story: Vec::new(),
            violations: Vec::new(),
            queue: Vec::new(),
            counts: Counts::default(),
            edits: Edits::default(),
            told: Told::default(),
            conditions: Conditions::new(services.iter().map(|(name, _)| name.clone())),
            checks: Checks::default(),
            faults,
        }
    }

    /// Runs everything that follows from these steps, and returns what is left at `until`.
    pub async fn to_the_end(
        &mut self,
        mut steps: Vec<Step>,
        cutoff: DateTime<Utc>,
        until: DateTime<Utc>,
        choices: &mut Choices,
    ) -> End {
        steps.sort_by_key(|step| std::cmp::Reverse(step.at));
        self.aws.start_clock();
        self.aws.memory().refires = choices.pick([false, true]);
        self.aws.memory().ecs_lag = TimeDelta::seconds(choices.pick([0, 0, 10]));
        let mut random = Random(choices.seed());
        self.aws.set_latency(move || (random.latency(), random.latency()));
        let mut running = Running::default();
        loop {
            let now = self.aws.tick();
            while let Some(step) = steps.pop_if(|step| step.at <= now) {
                self.counts.from_outside += 1;
                self.step(step, now, choices);
            }
            if running.is_empty() {
                self.edits.settle(&self.aws);
            }
            self.fire_schedules(now, choices);
            self.start(now, &running, choices);
            self.check(now, cutoff, running.is_empty());
            let next_step = steps.last().map(|step| step.at);
            let next = [next_step, self.next_change(now), Some(next_hour(now))].into_iter().flatten().min();
            let next = next.unwrap_or(until).max(now + TimeDelta::milliseconds(1));
            if running.is_empty() && now >= until {
                break;
            }
            let pause = (next - now).to_std().expect("a time in the future");
            tokio::select! {
                biased;
                Some((delivery, done)) = running.next() => self.finish(delivery, done),
                () = tokio::time::sleep(pause) => self.beat(),
            }
        }
        self.end(cutoff)
    }

    /// How much happened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (calls, faults) = self.aws.calls();
        Counts { calls, faults, ..self.counts }
    }

    /// What happened until the first violation, without what concerns only services of which that does not speak.
    #[must_use]
    pub fn short_story(&self) -> String {
        let Some(violation) = self.violations.first() else { return String::new() };
        let names: Vec<String> =
            self.aws.memory().services.keys().map(|key| key.replace("prod/", "")).collect();
        let (meant, others): (Vec<&String>, Vec<&String>) =
            names.iter().partition(|name| violation.contains(name.as_str()));
        let names_one = |line: &str, names: &[&String]| names.iter().any(|name| line.contains(name.as_str()));
        let end = self.story.iter().position(|line| line.ends_with(violation.as_str()));
        let lines = self.story.iter().take(end.map_or(self.story.len(), |end| end + 1));
        let lines = lines.filter(|line| names_one(line, &meant) || !names_one(line, &others));
        lines.map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn tell(&mut self, line: impl AsRef<str>) {
        let now = self.aws.memory().now;
        self.story.push(format!("{}  {}", now.format("%a %d %H:%M:%S%.3f"), line.as_ref()));
    }

    /// The hourly heartbeat, where it could find something. One that finds nothing does nothing.
    fn beat(&mut self) {
        let now = self.aws.tick();
        if now != next_hour(now - TimeDelta::milliseconds(1)) {
            return;
        }
        let overdue = |schedule: &Schedule| {
            schedule.body["State"] == "DISABLED"
                || schedule.at().is_some_and(|at| at + TimeDelta::minutes(15) < now)
        };
        let lost = self.aws.memory().schedules.values().any(overdue);
        if lost || now.hour() == 12 {
            let payload = json!({"version": 1, "kind": "heartbeat"});
            self.queue.push(Delivery::new(now, Function::Verify, payload));
        }
    }

    /// When something happens next without a call, if anything does.
    fn next_change(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let memory = self.aws.memory();
        let schedules = memory.schedules.values().filter_map(Schedule::fires_at);
        let services = memory.services.values().filter_map(Service::changes_at);
        let deliveries = self.queue.iter().map(|delivery| delivery.at);
        schedules.chain(services).chain(deliveries).filter(|at| *at > now).min()
    }

    /// Queues a payload for a function.
    pub(crate) fn deliver(
        &mut self,
        at: DateTime<Utc>,
        function: Function,
        payload: Value,
        choices: &mut Choices,
    ) {
        let delivery = Delivery::new(at, function, payload);
        // Lambda delivers at least once: a second delivery comes at once, soon, or much later.
        if let Some(seconds) = choices.pick([None, None, None, Some(0), Some(1), Some(1_800)]) {
            self.queue.push(Delivery { at: at + TimeDelta::seconds(seconds), ..delivery.clone() });
        }
        self.queue.push(delivery);
    }

    /// Delivers the inputs of the schedules that are due. A schedule fires once. With faults, a wake-up can be lost.
    fn fire_schedules(&mut self, now: DateTime<Utc>, choices: &mut Choices) {
        let due = |(name, schedule): (&String, &Schedule)| {
            schedule.fires_at().is_some_and(|at| at <= now).then(|| name.clone())
        };
        let names: Vec<String> = self.aws.memory().schedules.iter().filter_map(due).collect();
        for name in names {
            let (target, at) = {
                let mut memory = self.aws.memory();
                let schedule = memory.schedules.get_mut(&name).expect("a schedule that is due");
                let at = schedule.at().expect("a time");
                schedule.fired = true;
                self.counts.fired += 1;
                (schedule.body["Target"].clone(), at)
            };
            let function = if target["Arn"] == "arn:deploy" { Function::Deploy } else { Function::Verify };
            let text = target["Input"].as_str().expect("a text");
            let text =
                text.replace("<aws.scheduler.scheduled-time>", &at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
            let payload: Value = serde_json::from_str(&text).expect("JSON");
            // What was woken twice in vain is reported, as it must be. Here, a third wake-up arrives in time.
            let is_last = payload["woken"].as_u64() >= Some(2);
            if self.faults && choices.next(24) == 23 && !is_last {
                self.tell(format!("{name} fires, and its wake-up is lost"));
                continue;
            }
            self.tell(format!("{name} fires"));
            let late = choices.pick([0, 0, 0, 0, 0, 0, 2, 40]);
            let late = TimeDelta::minutes(if is_last { 0 } else { late });
            self.deliver(now + late, function, payload, choices);
        }
    }

    /// Starts the functions of the deliveries that are due.
    fn start(&mut self, now: DateTime<Utc>, running: &Running, choices: &mut Choices) {
        let (due, later): (Vec<Delivery>, Vec<Delivery>) =
            std::mem::take(&mut self.queue).into_iter().partition(|delivery| delivery.at <= now);
        self.queue = later;
        for delivery in due {
            self.counts.invocations += 1;
            // The last try succeeds: an operator redrives what arrives in the dead-letter queue.
            let fault =
                [None, Some(Fault::Before), Some(Fault::After), Some(Fault::Crash), None, None, None, None];
            let fault = choices.pick(fault).filter(|_| self.faults && delivery.tries_left > 1);
            let fault = fault.map(|fault| match choices.pick(CALLS) {
                "" => Planned::at(choices.next(24), fault),
                call => Planned { call, nth: choices.next(3), fault },
            });
            let word = |field: &str| delivery.payload[field].as_str().unwrap_or_default();
            let [kind, service, operation] = ["kind", "service", "operation"].map(word);
            let id =
                format!("{:?} {} {kind}{operation} {service}", delivery.function, self.counts.invocations);
            // Most heartbeats find nothing to do.
            if kind != "heartbeat" || fault.is_some() {
                self.tell(format!("{id} starts, fault {fault:?}"));
            }
            let delivery = Delivery { id: id.clone(), ..delivery };
            if delivery.function == Function::Deploy {
                self.checks.woken(&delivery.payload);
            }
            running.push(Box::pin(with_fault(fault, invoke(self.functions.clone(), id, delivery, now))));
        }
    }

    fn finish(&mut self, delivery: Delivery, done: bool) {
        if !done || delivery.payload["kind"] != "heartbeat" {
            self.tell(format!("{} {}", delivery.id, if done { "ends" } else { "fails" }));
        }
        if !done && delivery.tries_left > 1 {
            let at = self.aws.memory().now + TimeDelta::minutes(1);
            self.queue.push(Delivery { at, tries_left: delivery.tries_left - 1, ..delivery });
        }
    }

    /// What must hold at every moment.
    fn check(&mut self, now: DateTime<Utc>, cutoff: DateTime<Utc>, quiet: bool) {
        let Self { aws, edits, checks, told, conditions, faults, .. } = self;
        let open = &told.open(now);
        let world = World { now, cutoff, told, open, conditions, faults: *faults, quiet };
        let broken = checks.broken(aws, edits, &world);
        for line in checks.news(aws) {
            self.tell(line);
        }
        for violation in broken {
            self.tell(&violation);
            self.violations.push(violation);
        }
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
        let dead_lock = |name: &&String| name.starts_with("lock.");
        End {
            services: memory.services.iter().map(service).collect(),
            schedules: memory.schedules.keys().filter(|name| !dead_lock(name)).cloned().collect(),
        }
    }
}

fn next_hour(now: DateTime<Utc>) -> DateTime<Utc> {
    let hour = now.with_minute(0).and_then(|now| now.with_second(0)).and_then(|now| now.with_nanosecond(0));
    hour.expect("a full hour") + TimeDelta::hours(1)
}

async fn invoke(
    functions: Rc<Functions>,
    id: String,
    delivery: Delivery,
    now: DateTime<Utc>,
) -> (Delivery, bool) {
    let invocation = Invocation::new(id, now, now + TIMEOUT);
    let Functions { ingest, deploy, verify, operate } = &*functions;
    let work = async {
        match delivery.function {
            Function::Ingest => ingest.handle(&delivery.payload, &invocation).await.is_ok(),
            Function::Deploy => deploy.handle(&delivery.payload, &invocation).await.is_ok(),
            Function::Verify => verify.handle(&delivery.payload, &invocation).await.is_ok(),
            Function::Operate => operate.handle(&delivery.payload, &invocation).await.is_ok(),
        }
    };
    let limit = TIMEOUT.to_std().expect("a positive time");
    let done = tokio::time::timeout(limit, work).await.unwrap_or(false);
    (delivery, done)
}
