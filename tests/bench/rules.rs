//! How long the rules take, without any call: reading a notice, and planning in the worst time zone.

use std::{hint::black_box, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use rules::{
    notice::{NoticeRef, health},
    plan::plan,
    policy::{Policy, settings::Settings},
    time::calendar::State,
};
use serde_json::{Value, json};

const SERVICES: usize = 1_000;

/// A notice about a thousand services, as text.
fn notice() -> String {
    let mut event: Value = serde_json::from_str(include_str!("../../events/service-notice.json")).expect("a sample");
    let names: Vec<String> = (0..SERVICES).map(|nth| format!("prod|service-{nth:04}")).collect();
    event["detail"]["affectedEntities"] = names.iter().map(|name| json!({"entityValue": name})).collect();
    event["resources"] = json!(names);
    event.to_string()
}

/// The day before the European Union, and a week before Lord Howe Island, change their clocks.
fn now() -> DateTime<Utc> {
    "2030-03-30T12:00:00Z".parse().expect("a time")
}

/// Daily windows in a zone, and a calendar that closes and opens ten times in 14 days. It is closed at most of the windows.
fn policy(zone: &str) -> Policy {
    let lookup = |name: &str| match name {
        "MAINTENANCE_WINDOWS" => Some(format!("daily 01:30-03:30 {zone} or Sun 02:00-03:00 {zone}")),
        "SLOT_PREFERENCE" => Some("latest".to_owned()),
        "CHANGE_CALENDARS" => Some("Freeze".to_owned()),
        _ => None,
    };
    let mut policy = Settings::new(&lookup).policy();
    let mut at = now();
    for nth in 0..10 {
        let (state, hours) = if nth % 2 == 0 { (State::Closed, 60) } else { (State::Open, 7) };
        let until = at + TimeDelta::hours(hours);
        policy.calendars.learn("Freeze", at, state, Some(until));
        at = until;
    }
    policy
}

/// The time zone in which planning takes longest.
fn worst_zone(notices: &[NoticeRef]) -> String {
    let time = |zone: &str| {
        let policy = policy(zone);
        let runs = (0..20).map(|_| {
            let begun = Instant::now();
            let _ = black_box(plan(&policy, notices, now()));
            begun.elapsed()
        });
        runs.min()
    };
    let zones = ["Australia/Lord_Howe", "Africa/Casablanca", "Africa/El_Aaiun", "America/New_York", "America/Scoresbysund"];
    let more = ["Antarctica/Troll", "Asia/Gaza", "Europe/Dublin", "Europe/London", "Pacific/Chatham", "UTC"];
    zones.into_iter().chain(more).max_by_key(|zone| time(zone)).expect("zones").to_owned()
}

fn rules(criterion: &mut Criterion) {
    let text = notice();
    criterion.bench_function("read a notice about 1,000 services", |bencher| {
        bencher.iter(|| {
            let event: Value = serde_json::from_str(black_box(&text)).expect("JSON");
            health::read(&event, now()).expect("a notice")
        });
    });
    let starts_at = Some(now() + TimeDelta::days(14));
    let notices = [NoticeRef { event_arn: "arn:1".to_owned(), starts_at, cutoff: now(), drill: false }];
    let zone = worst_zone(&notices);
    let policy = policy(&zone);
    criterion.bench_function(&format!("plan 1 service over 14 days in {zone} with 10 calendar changes"), |bencher| {
        bencher.iter(|| plan(black_box(&policy), &notices, now()));
    });
}

criterion_group!(benches, rules);
criterion_main!(benches);
