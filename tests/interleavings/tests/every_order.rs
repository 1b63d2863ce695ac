//! Duplicate, late and out-of-order deliveries of every payload, and failures of any call, lead to the same end.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use interleavings::{
    drive::{Choices, End, Run, Sent},
    world::Fate,
};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use serde_json::{Value, json};

/// A Wednesday. Every task is older, and every new one is newer.
const START: &str = "2026-11-25T18:00:00Z";

#[derive(Clone, Debug)]
struct Notice {
    /// Its services, by page.
    pages: Vec<Vec<usize>>,
    /// AWS's date, in days.
    days: i64,
    /// AWS's date as an update tells it, in days.
    moved: Option<i64>,
    closed: bool,
    /// Its events do not say which page they are, as older ones do not.
    unnumbered: bool,
}

fn start() -> DateTime<Utc> {
    START.parse().expect("a date")
}

fn name(service: usize) -> String {
    format!("service-{service}")
}

fn event(nth: usize, page: usize, notice: &Notice, days: i64, status: &str, sent_at: DateTime<Utc>) -> Value {
    let services = notice.pages[page].iter();
    let entities: Vec<Value> =
        services.map(|service| json!({"entityValue": format!("prod|{}", name(*service))})).collect();
    let mut event = json!({
        "detail-type": "AWS Health Event", "source": "aws.health", "account": "111122223333", "region": "eu-west-2",
        "time": sent_at.to_rfc3339(), "resources": [],
        "detail": {
            "eventArn": format!("arn:aws:health:eu-west-2::event/ECS/X/{nth}"),
            "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
            "statusCode": status, "page": (page + 1).to_string(), "totalPages": notice.pages.len().to_string(),
            "startTime": (start() + TimeDelta::days(days)).to_rfc3339(),
            "eventDescription": [{"latestDescription": format!("Tasks launched after {START} are new.")}],
            "affectedEntities": entities,
        },
    });
    if notice.unnumbered {
        event["detail"]["page"] = Value::Null;
    }
    event
}

/// What AWS sends: each notice, then perhaps its update, then perhaps that it is closed; all before the first
/// slot.
fn sent(notices: &[Notice]) -> Vec<Sent> {
    let mut all = Vec::new();
    for (nth, notice) in notices.iter().enumerate() {
        let mut send = |minutes: i64, days: i64, status: &str| {
            let at = start() + TimeDelta::minutes(minutes);
            for page in 0..notice.pages.len() {
                all.push(Sent { at, event: event(nth, page, notice, days, status, at) });
            }
        };
        send(0, notice.days, "upcoming");
        if let Some(days) = notice.moved {
            send(30, days, "upcoming");
        }
        if notice.closed {
            send(60, notice.moved.unwrap_or(notice.days), "closed");
        }
    }
    all
}

fn run(fates: &[Fate], notices: &[Notice], choices: Vec<u8>) -> (End, Vec<u32>) {
    let services: Vec<(String, Fate)> = (0..).map(name).zip(fates.iter().copied()).collect();
    let mut run = Run::new(&services, start());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let end = runtime.block_on(run.to_the_end(&sent(notices), start(), &mut Choices::new(choices)));
    let forced = run.world.state().services.values().map(|service| service.forced).collect();
    (end, forced)
}

/// Each case is a week of some hundred invocations: fewer than proptest's default.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(32)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => (1_u32..90).prop_map(Fate::Completes),
        1 => (1_u32..90).prop_map(Fate::RollsBack),
        1 => Just(Fate::Sticks),
    ]
}

fn notice() -> impl Strategy<Value = Notice> {
    let days = prop::sample::select(vec![2_i64, 7]);
    let pages = vec(subsequence(vec![0_usize, 1, 2], 1..=3), 1..=2);
    let flags = (prop::bool::weighted(0.25), prop::bool::weighted(0.25));
    (pages, days.clone(), prop::option::weighted(0.3, days), flags).prop_map(
        |(pages, days, moved, (closed, unnumbered))| Notice { pages, days, moved, closed, unnumbered },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn every_order_repeat_and_failure_leads_to_the_same_end(
        fates in vec(fate(), 3),
        notices in vec(notice(), 1..=2),
        choices in vec(any::<u8>(), 100..600),
    ) {
        let open: BTreeSet<usize> =
            notices.iter().filter(|notice| !notice.closed).flat_map(|notice| notice.pages.concat()).collect();
        let (end, forced) = run(&fates, &notices, choices);
        // What the design promises of each service, whatever happened on the way.
        for (service, fate) in fates.iter().enumerate() {
            let ended = &end.services[&name(service)];
            let told: Vec<&str> = ended.told.iter().map(String::as_str).collect();
            match fate {
                _ if !open.contains(&service) => {
                    prop_assert_eq!((ended.patched, told, forced[service]), (false, vec![], 0));
                }
                Fate::Completes(_) => {
                    prop_assert_eq!((ended.patched, told, forced[service]), (true, vec!["Patch Completed"], 1));
                }
                Fate::RollsBack(_) | Fate::Sticks => {
                    prop_assert_eq!((ended.patched, told), (false, vec!["Patch Needs Attention"]));
                    prop_assert!(forced[service] >= 1);
                }
            }
        }
        prop_assert!(end.schedules.is_empty(), "{:?}", end.schedules);
        // And what happens when everything comes in order, once, and works.
        prop_assert_eq!(end, run(&fates, &notices, Vec::new()).0);
    }
}

#[test]
fn in_order_a_service_is_deployed_once_and_its_owner_told_once() {
    let notices =
        [Notice { pages: vec![vec![0, 1]], days: 7, moved: None, closed: false, unnumbered: false }];
    let mut run = Run::new(&[(name(0), Fate::Completes(10)), (name(1), Fate::RollsBack(10))], start());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run.to_the_end(&sent(&notices), start(), &mut Choices::default()));
    let state = run.world.state();
    let told: Vec<&str> = state.messages.iter().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "Task retirement: 2 service(s) will be redeployed; AWS's date is Wed 2026-12-02 18:00 UTC",
            "Patched: prod/service-0",
            "Needs attention: prod/service-1",
            "Needs attention: 1 service(s) not patched; AWS's date is Wed 2026-12-02 18:00 UTC",
        ]
    );
    let events: Vec<(&str, &str)> =
        state.events.iter().map(|(kind, service)| (kind.as_str(), service.as_str())).collect();
    let count = |kind: &str| events.iter().filter(|(found, _)| *found == kind).count();
    assert_eq!((count("Patch Scheduled"), count("Patch Started"), count("Patch Completed")), (2, 2, 1));
}
