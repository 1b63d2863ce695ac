//! The run: notices arrive, schedules fire, and functions work, until the notices are forgotten.

use std::collections::BTreeMap;

use aws::config::Config;
use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use fake_aws::{Aws, Memory};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    account,
    lambda::{Delivery, Ended, Function, Lambda},
    options::Options,
    wake_ups::WakeUps,
};

/// When a service may be deployed.
pub(crate) struct Window {
    pub(crate) opens_at: DateTime<Utc>,
    pub(crate) closes_at: DateTime<Utc>,
}

/// What happened.
pub(crate) struct Ran {
    pub(crate) aws: Aws,
    pub(crate) notices: usize,
    pub(crate) first_notice_at: DateTime<Utc>,
    /// When the last notice had been handled, and the windows that its services had by then.
    pub(crate) scheduled_at: DateTime<Utc>,
    pub(crate) planned: BTreeMap<String, Window>,
    pub(crate) invocations: usize,
    pub(crate) most_at_once: usize,
    /// By what they were about: how many ended, and how long they took at most.
    pub(crate) ended: BTreeMap<String, (usize, TimeDelta)>,
    /// The answers to the deadline checks, with the time at which each ended.
    pub(crate) deadline_checks: Vec<(DateTime<Utc>, Value)>,
    /// How often a deployment could not start.
    pub(crate) postponed: usize,
    /// Invocations that failed and were retried, and those that were given up.
    pub(crate) retried: Vec<String>,
    pub(crate) letters: Vec<String>,
}

pub(crate) async fn run(options: &Options) -> Ran {
    let mut random = Rng::with_seed(options.seed);
    let aws = account::aws(options, &mut random);
    let mut queue = account::notices(options, &mut random);
    queue.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let config: Config = account::config(options);
    let mut ran = Ran {
        aws: aws.clone(),
        notices: queue.len(),
        first_notice_at: queue.last().map_or_else(account::start, |(at, _)| *at),
        scheduled_at: account::start(),
        planned: BTreeMap::new(),
        invocations: 0,
        most_at_once: 0,
        ended: BTreeMap::new(),
        deadline_checks: Vec::new(),
        postponed: 0,
        retried: Vec::new(),
        letters: Vec::new(),
    };
    let deliver = |(at, event)| Delivery::new(at, Function::Ingest, event);
    let mut clock = Clock {
        queue: queue.into_iter().map(deliver).collect(),
        lambda: Lambda::new(account::sdk(&aws, options), config),
        wake_ups: WakeUps::new(random.fork()),
        minute: account::start(),
    };
    aws.start_clock();
    // What is remembered of a notice is forgotten two days after its retirement date.
    let until = account::retirement_date() + TimeDelta::days(3);
    loop {
        let now = aws.tick();
        if now >= until {
            break;
        }
        let next = clock.turn(now, &aws, ran.letters.len());
        let pause = (next.min(until) - now).to_std().expect("a time in the future");
        tokio::select! {
            biased;
            Some(ended) = clock.lambda.next() => clock.finish(&ended, &aws, &mut ran),
            () = tokio::time::sleep(pause) => {}
        }
    }
    (ran.invocations, ran.most_at_once) = (clock.lambda.invocations, clock.lambda.most_at_once);
    ran
}

/// What happens when.
struct Clock {
    /// Events that are delivered later: the latest first.
    queue: Vec<Delivery>,
    lambda: Lambda,
    wake_ups: WakeUps,
    /// When schedules are looked at next.
    minute: DateTime<Utc>,
}

impl Clock {
    /// Lets happen what is due, and says when something happens next.
    fn turn(&mut self, now: DateTime<Utc>, aws: &Aws, letters: usize) -> DateTime<Utc> {
        if now >= self.minute {
            aws.forget(); // they would take gigabytes
            self.wake_ups.look(&aws.memory());
            let pending = aws.memory().schedules.len();
            if now.minute() == 0 && beats(now) {
                let heartbeat = json!({"version": 1, "kind": "heartbeat"});
                self.lambda.deliver(Delivery::new(now, Function::Verify, heartbeat), now);
                eprintln!("{}: {pending} schedules, {letters} letters", now.format("%a %d %H:%M"));
            }
            self.minute = next_minute(now);
        }
        for delivery in self.wake_ups.fire(&mut aws.memory()) {
            self.lambda.deliver(delivery, now);
        }
        while let Some(delivery) = self.queue.pop_if(|delivery| delivery.at <= now) {
            self.lambda.deliver(delivery, now);
        }
        let soonest = [self.wake_ups.next(), self.queue.last().map(|delivery| delivery.at)];
        let soonest = soonest.into_iter().flatten().min();
        if self.lambda.is_idle() && soonest.is_none_or(|soonest| soonest > self.minute) {
            self.minute = idle_until(&aws.memory(), soonest, now);
        }
        soonest.map_or(self.minute, |soonest| soonest.min(self.minute))
    }

    fn finish(&mut self, ended: &Ended, aws: &Aws, ran: &mut Ran) {
        let now = aws.tick();
        self.lambda.start(now);
        let kind = ended.delivery.kind();
        let (count, longest) = ran.ended.entry(kind.clone()).or_default();
        (*count, *longest) = (*count + 1, ended.took.max(*longest));
        match &ended.answer {
            Ok(answer) => {
                ran.postponed += usize::from(answer["outcome"] == "postponed");
                if ended.delivery.payload["kind"] == "deadline" {
                    ran.deadline_checks.push((now, answer.clone()));
                }
                if ended.delivery.function == Function::Ingest {
                    ran.scheduled_at = now;
                    ran.planned = planned(&aws.memory());
                    eprintln!("{}: {} services scheduled", now.format("%a %d %H:%M:%S"), ran.planned.len());
                }
            }
            Err(error) => {
                let (service, retry) = (&ended.delivery.payload["service"], ended.retry(now));
                let line = format!("{} {kind} {service}: {error}", now.format("%a %d %H:%M:%S"));
                eprintln!("{line}");
                if retry.is_some() {
                    ran.retried.push(line);
                } else {
                    ran.letters.push(line);
                }
                self.queue.extend(retry);
                self.queue.sort_by_key(|delivery| std::cmp::Reverse(delivery.at));
            }
        }
    }
}

/// Whether the hourly heartbeat does something new. It reads all schedules, and while these wait for their window, it would take
/// most of the time of the run.
fn beats(now: DateTime<Utc>) -> bool {
    let hours = (now - account::start()).num_hours();
    !(3..=48).contains(&hours)
}

/// While nothing runs, nothing changes before a schedule fires or an hour begins.
fn idle_until(memory: &Memory, soonest: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
    let hour = next_minute(now) + TimeDelta::minutes(i64::from(59 - now.minute()));
    let schedules = memory.schedules.values().filter_map(fake_aws::Schedule::fires_at);
    schedules.chain(soonest).chain([hour]).filter(|at| *at > now).min().unwrap_or(hour)
}

fn next_minute(now: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(now.timestamp().div_euclid(60) * 60 + 60, 0).unwrap_or(now)
}

/// When each service may be deployed, by the schedules of deployments.
fn planned(memory: &Memory) -> BTreeMap<String, Window> {
    let input = |schedule: &fake_aws::Schedule| -> Option<(String, Window)> {
        let text =
            schedule.body["Target"]["Input"].as_str().filter(|text| text.contains("window_ends_at"))?;
        let input: Value = serde_json::from_str(text).ok()?;
        let instant = |field: &str| input[field].as_str()?.parse().ok();
        let key = format!("{}/{}", input["cluster"].as_str()?, input["service"].as_str()?);
        Some((key, Window { opens_at: instant("slot")?, closes_at: instant("window_ends_at")? }))
    };
    memory.schedules.values().filter_map(input).collect()
}
