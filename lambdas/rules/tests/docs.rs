//! The worked examples of `docs/operations.md`: their tags, start times, freeze and texts are what the code gives.

#![expect(clippy::expect_used, reason = "a test")]

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rules::{
    arn::{Place, ServiceRef},
    notice::NoticeRef,
    notify::{message::Reader, plan::message},
    outcome::{Cause, Outcome, OutcomeKind, Report},
    plan::{NoSlot, Slot, plan},
    policy::{NotificationDetail, Policy, tags::Tags},
    schedule::{PlannedDeployment, name::ScheduleName},
    time::{
        calendar::{Calendars, State},
        window::Windows,
    },
};

const OPERATIONS: &str = include_str!("../../../docs/operations.md");
/// The time zone of the examples.
const ZONE: Tz = Tz::Europe__London;

/// A text without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes sure that the document says what the code says, wherever its lines break.
fn assert_documented(text: &str) {
    assert!(words(OPERATIONS).contains(&words(text)), "docs/operations.md does not say: {text}");
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant of the test")
}

fn service(text: &str) -> ServiceRef {
    ServiceRef::parse(text).expect("names of the test")
}

/// The policy of the examples.
fn policy() -> Policy {
    Policy { windows: Windows::default().in_zone(ZONE), zone: ZONE, ..Policy::default() }
}

/// A notice that arrives at `now`, with the retirement date a week later.
fn notice(now: &str) -> NoticeRef {
    let now = instant(now);
    NoticeRef {
        event_arn: "arn:1".to_owned(),
        starts_at: Some(now + TimeDelta::days(7)),
        cutoff: now,
        drill: false,
    }
}

/// The start time for a notice that arrives at `now`.
fn planned(policy: &Policy, now: &str) -> Result<Slot, NoSlot> {
    plan(policy, &[notice(now)], instant(now))
}

/// The message about these outcomes of a notice that arrives at `now`.
fn text(outcomes: Vec<Outcome>, now: &str) -> String {
    let place = Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
    let reader =
        Reader { place, zone: ZONE, stack: "ecs-task-patching".into(), detail: NotificationDetail::Each };
    message(&reader, &Report::new("arn:1", None, outcomes), &notice(now), instant(now)).text()
}

/// A list of a message, with its heading.
fn list<'a>(text: &'a str, heading: &str) -> &'a str {
    text.split("\n\n").find(|part| part.starts_with(heading)).expect("the list")
}

/// The tags that the examples put on services.
fn tags() -> Vec<(String, String)> {
    let tags = OPERATIONS
        .split("--tags 'key=")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next()?.split_once(",value="));
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_tags_of_the_examples_are_valid() {
    let tags = Tags::read(&service("prod/web"), &tags(), ZONE);
    assert!(tags.problems.is_empty(), "{:?}", tags.problems);
    assert!(tags.windows.is_some() && tags.mode.is_some() && tags.after.is_some(), "{tags:?}");
}

#[test]
fn the_description_of_a_schedule_is_the_one_that_the_document_shows() {
    let slot = planned(&policy(), "2026-11-25T18:00:00Z").expect("a start time");
    let deployment =
        PlannedDeployment::new(&service("prod/web"), &slot, vec![notice("2026-11-25T18:00:00Z")]);
    assert_documented(&deployment.spec(ScheduleName::listed("NAME".to_owned())).description());
}

#[test]
fn development_goes_first_at_the_times_that_the_example_shows() {
    let prod = policy();
    let dev = Tags::read(&service("dev/web"), &tags(), ZONE).over(&prod);
    let arrives = "2026-12-01T10:00:00Z";
    assert_documented(
        "A notice of Tue 1 Dec 2026 10:00 UTC with the retirement date Tue 8 Dec 2026 10:00 UTC",
    );
    let outcomes = [(&dev, "dev/web"), (&prod, "prod/web")].map(|(policy, name)| {
        let slot = planned(policy, arrives).expect("a start time");
        let outcome = Outcome::of(name, OutcomeKind::Scheduled, slot.reason).for_service(&service(name));
        Outcome { slot: Some(slot.at), ..outcome }
    });
    assert_documented(list(&text(outcomes.to_vec(), arrives), "Will be redeployed:"));
    // After development's window on Thursday, production is planned first, as the example warns.
    let night = "2026-12-03T20:30:00Z";
    let (dev, prod) =
        (planned(&dev, night).expect("a start time"), planned(&prod, night).expect("a start time"));
    assert!(prod.at < dev.at, "{prod:?} {dev:?}");
}

#[test]
fn the_freeze_blocks_what_the_example_says_with_its_reason() {
    let moment = |field: &str| {
        let text = OPERATIONS.split(&format!("\n{field}:")).nth(1).and_then(|rest| rest.lines().next());
        NaiveDateTime::parse_from_str(text.unwrap_or_default(), "%Y%m%dT%H%M%SZ")
            .expect("an instant")
            .and_utc()
    };
    let mut calendars = Calendars::parse("YearEndFreeze").expect("the name of a calendar");
    calendars.learn("YearEndFreeze", moment("DTSTART"), State::Closed, Some(moment("DTEND")));
    let policy = Policy { calendars, ..policy() };
    let arrives = "2026-12-18T10:00:00Z";
    let NoSlot(reason) = planned(&policy, arrives).expect_err("a freeze");
    let skipped = Outcome::skipped("prod|web", Cause::NoWindow, reason).for_service(&service("prod/web"));
    assert_documented(list(&text(vec![skipped], arrives), "Will not be redeployed:"));
    let thursday = planned(&policy, "2026-12-15T10:00:00Z").expect("a start time");
    assert_eq!(thursday.at, instant("2026-12-17T22:00:00Z"));
}
