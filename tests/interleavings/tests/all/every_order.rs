//! Repeated, late and out-of-order deliveries, and a failure of any call, lead to the same end.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::Fate;
use interleavings::{Choices, End, Run, Step, What};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use serde_json::{Value, json};

/// A Wednesday, and the cut-off of every notice. All tasks are older, and all new tasks are newer.
const START: &str = "2026-11-25T18:00:00Z";

#[derive(Clone, Debug)]
struct Notice {
    /// Its services, by page.
    pages: Vec<Vec<usize>>,
    /// The days from `START` to its retirement date.
    days: i64,
    /// The days from `START` to the retirement date that an update gives.
    moved: Option<i64>,
    /// AWS Health closes it.
    closed: bool,
    /// Its events have no page number, like older events of AWS Health.
    unnumbered: bool,
}

fn start() -> DateTime<Utc> {
    START.parse().expect("an instant")
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

/// The events of these notices: each notice, then its update if it has one, then its closure if it is closed. All are
/// sent before the first start time.
fn events(notices: &[Notice]) -> Vec<Step> {
    let mut all = Vec::new();
    for (nth, notice) in notices.iter().enumerate() {
        let mut send = |minutes: i64, days: i64, status: &str| {
            let sent_at = start() + TimeDelta::minutes(minutes);
            for page in 0..notice.pages.len() {
                let event = event(nth, page, notice, days, status, sent_at);
                all.push(Step { at: sent_at, what: What::Event(event) });
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

/// Runs until nothing is left to happen, with services that have these fates.
fn run(fates: &[Fate], steps: Vec<Step>, faults: bool, choices: Vec<u8>) -> (End, Run) {
    let services: Vec<(String, Fate)> = (0..).map(name).zip(fates.iter().copied()).collect();
    let mut run = Run::new(&services, start(), faults);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // The last retirement date, and the time for which a notice is remembered after it.
    let until = start() + TimeDelta::days(10);
    let end = runtime.block_on(run.to_the_end(steps, start(), until, &mut Choices::new(choices)));
    (end, run)
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
    #![proptest_config(super::config(16, 64))]

    #[test]
    fn every_order_with_repeats_and_failures_leads_to_the_same_end(
        fates in vec(fate(), 3),
        notices in vec(notice(), 1..=2),
        choices in vec(any::<u8>(), 100..600),
    ) {
        let open: BTreeSet<usize> =
            notices.iter().filter(|notice| !notice.closed).flat_map(|notice| notice.pages.concat()).collect();
        let (end, ran) = run(&fates, events(&notices), true, choices);
        let story = ran.story.join("\n");
        let aws = &ran.aws;
        let forced: Vec<u32> =
            aws.memory().services.values().map(|service| service.forced).collect();
        // What the design promises for each service, whatever happens on the way.
        for (service, fate) in fates.iter().enumerate() {
            let ended = &end.services[&name(service)];
            let notified: Vec<&str> = ended.notified.iter().map(String::as_str).collect();
            match fate {
                _ if !open.contains(&service) => {
                    prop_assert_eq!((ended.patched, notified, forced[service]), (false, vec![], 0), "{}\n{}", service, story);
                }
                Fate::Completes(_) => {
                    prop_assert_eq!((ended.patched, notified, forced[service]), (true, vec!["Patch Completed"], 1), "{}\n{}", service, story);
                }
                Fate::RollsBack(_) | Fate::Sticks | Fate::CrashLoops => {
                    prop_assert_eq!((ended.patched, notified), (false, vec!["Patch Needs Attention"]), "{}\n{}", service, story);
                    prop_assert!(forced[service] >= 1, "{}\n{}", service, story);
                }
            }
        }
        prop_assert!(end.schedules.is_empty(), "{:?}\n{}", end.schedules, story);
        // The same end as when everything arrives in order, once, and no call fails.
        prop_assert_eq!(end, run(&fates, events(&notices), false, Vec::new()).0, "{}", story);
    }
}

#[test]
fn in_order_a_service_is_redeployed_once_and_its_owner_is_notified_once() {
    let notices =
        [Notice { pages: vec![vec![0, 1]], days: 7, moved: None, closed: false, unnumbered: false }];
    let fates = [Fate::Completes(10), Fate::RollsBack(10)];
    let (_, Run { aws, .. }) = run(&fates, events(&notices), false, Vec::new());
    assert_eq!(
        aws.subjects(),
        [
            "Scheduled: 2 services, retirement date Wed 2 Dec 2026 18:00 UTC",
            "Patched: prod/service-0",
            "Needs attention: prod/service-1",
            "Not patched: 1 service, retirement date Wed 2 Dec 2026 18:00 UTC",
        ]
    );
    let events = aws.events();
    let count = |kind: &str| events.iter().filter(|event| event["DetailType"] == kind).count();
    assert_eq!((count("Patch Scheduled"), count("Patch Started"), count("Patch Completed")), (2, 2, 1));
}
