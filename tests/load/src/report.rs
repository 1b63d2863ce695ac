//! What must hold after a run, and its figures.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::Service;

use crate::{account, options::Options, run::Ran};

/// AWS waits no longer for verify.
const DEADLINE_CHECK_ENDS_WITHIN: TimeDelta = TimeDelta::seconds(900);
/// The retirement date minus the default of `DeadlineMarginMinutes`.
const MARGIN: TimeDelta = TimeDelta::hours(2);

/// What is not as it must be, one line each.
pub(crate) fn faults(options: &Options, ran: &Ran) -> Vec<String> {
    let mut faults = Vec::new();
    let memory = ran.aws.memory();
    let mut told: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for event in &memory.events {
        let text = |field: &str| event["Detail"][field].as_str().unwrap_or_default();
        let kind = event["DetailType"].as_str().unwrap_or_default();
        *told.entry((text("cluster"), text("service"), kind)).or_default() += 1;
    }
    let mut must = |is: bool, what: &dyn Fn() -> String| {
        if !is {
            faults.push(what());
        }
    };
    must(ran.planned.len() == options.services, &|| format!("{} services were scheduled", ran.planned.len()));
    for (key, service) in &memory.services {
        let (cluster, name) = key.split_once('/').unwrap_or_default();
        let count = |kind| told.get(&(cluster, name, kind)).copied().unwrap_or_default();
        must(service.forced == 1, &|| format!("{key} was deployed {} times", service.forced));
        let in_window = ran.planned.get(key).zip(deployed_at(service));
        let in_window =
            in_window.is_some_and(|(window, at)| (window.opens_at..window.closes_at).contains(&at));
        must(in_window, &|| format!("{key} was deployed outside of its window: {:?}", deployed_at(service)));
        for (kind, expected) in [
            ("Patch Scheduled", 1),
            ("Patch Started", 1),
            ("Patch Completed", 1),
            ("Patch Needs Attention", 0),
            ("Patch Failed", 0),
        ] {
            must(count(kind) == expected, &|| format!("{key}: {} events {kind}", count(kind)));
        }
    }
    for letter in &ran.letters {
        must(false, &|| format!("a letter: {letter}"));
    }
    // Services that were unreadable, because others read at the same time, are checked again.
    let mut last = BTreeMap::new();
    for (at, check) in &ran.deadline_checks {
        last.insert(check["event_arn"].to_string(), check);
        let in_time = *at < account::retirement_date() - MARGIN;
        must(in_time, &|| format!("a deadline check ended at {at}"));
        let is_false = check["unpatched"].as_array().is_none_or(|unpatched| !unpatched.is_empty());
        must(!is_false, &|| format!("a deadline check reported patched services: {check}"));
    }
    let settled = last.values().filter(|check| check["in_hand"] == 0).count();
    must(settled == ran.notices, &|| {
        format!("the deadline checks of {settled} notices found all services patched")
    });
    let longest = ran.ended.get("verify deadline").map(|(_, longest)| *longest).unwrap_or_default();
    must(longest < DEADLINE_CHECK_ENDS_WITHIN, &|| format!("a deadline check took {longest}"));
    let left: Vec<&String> = memory.schedules.keys().collect();
    must(left.is_empty(), &|| format!("{} schedules are left: {:?}", left.len(), left.first()));
    faults
}

/// When the service was deployed, to the second.
fn deployed_at(service: &Service) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(service.deployments.first()?["createdAt"].as_i64()?, 0)
}

/// A Markdown table.
pub(crate) fn table(options: &Options, ran: &Ran) -> String {
    let memory = ran.aws.memory();
    let deployed = || memory.services.values().filter_map(deployed_at);
    let (first, last) = (deployed().min().unwrap_or_default(), deployed().max().unwrap_or_default());
    let mut rows = vec![
        ("Services".to_owned(), with_commas(options.services)),
        ("Notices within a minute".to_owned(), with_commas(ran.notices)),
        ("Region, for AWS's rates".to_owned(), options.region.clone()),
        ("Windows".to_owned(), options.windows.clone()),
        (
            "From the first notice until all are scheduled".to_owned(),
            time(ran.scheduled_at - ran.first_notice_at),
        ),
        ("First deployment".to_owned(), first.format("%a %H:%M:%S").to_string()),
        ("From the first to the last deployment".to_owned(), time(last - first)),
        ("Deployments that were throttled, and retried in the window".to_owned(), with_commas(ran.postponed)),
        ("Invocations".to_owned(), with_commas(ran.invocations)),
        ("Invocations at once, at most".to_owned(), with_commas(ran.most_at_once)),
        ("Invocations that failed and were retried".to_owned(), with_commas(ran.retried.len())),
        ("Dead letters".to_owned(), with_commas(ran.letters.len())),
    ];
    for (kind, (count, longest)) in &ran.ended {
        rows.push((format!("Longest invocation of {kind} (of {})", with_commas(*count)), time(*longest)));
    }
    for (call, traffic) in ran.aws.traffic() {
        let figure = format!("{}, {}", with_commas(traffic.accepted), with_commas(traffic.throttled));
        rows.push((format!("Calls and throttled calls: {}", named(call)), figure));
    }
    rows.push(("Seed".to_owned(), options.seed.to_string()));
    let rows: Vec<String> = rows.iter().map(|(figure, value)| format!("| {figure} | {value} |")).collect();
    format!("| | |\n| --- | ---: |\n{}", rows.join("\n"))
}

fn named(call: &str) -> &str {
    match call {
        "POST /schedules/" => "CreateSchedule",
        "GET /schedules/" => "GetSchedule",
        "PUT /schedules/" => "UpdateSchedule",
        "DELETE /schedules/" => "DeleteSchedule",
        "GET /schedules?" => "ListSchedules",
        "DescribeTasks" => "DescribeTasks, ListTasks",
        call => call,
    }
}

fn time(time: TimeDelta) -> String {
    match time.num_minutes() {
        0 => format!("{}.{} s", time.num_seconds(), time.subsec_nanos() / 100_000_000),
        minutes => format!("{minutes} min {} s", time.num_seconds() % 60),
    }
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
