//! The worked examples of `docs/operations.md`: their tags, start times and freeze give what the text says.

#![expect(clippy::expect_used, reason = "a test")]

use chrono::{DateTime, NaiveDateTime, Utc};
use shared::{
    calendar::State,
    control::Control,
    date,
    entity::ServiceRef,
    notice::NoticeRef,
    plan::{NoSlot, Slot, plan},
    policy::{Policy, Settings},
};

const OPERATIONS: &str = include_str!("../../../docs/operations.md");

/// A text without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("a date of the test")
}

/// The parameters of the examples, with changes.
fn policy(parameters: &[(&str, &str)]) -> Policy {
    let lookup = |name: &str| {
        let given = parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        given.or_else(|| (name == "TIME_ZONE").then(|| "Europe/London".to_owned()))
    };
    Settings::new(&lookup).policy().expect("parameters of the examples")
}

/// The start time for a notice of `now`, with the retirement date a week later.
fn planned(policy: &Policy, now: &str) -> Result<Slot, NoSlot> {
    let now = instant(now);
    let starts_at = Some(now + chrono::TimeDelta::days(7));
    plan(policy, &[NoticeRef { event_arn: "arn:1".to_owned(), starts_at, cutoff: now }], now)
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
    let service = ServiceRef::new("prod", "web").expect("names");
    let control = Control::read(&service, &tags(), policy(&[]).zone);
    assert!(control.problems.is_empty(), "{:?}", control.problems);
    assert!(control.windows.is_some() && control.mode.is_some() && control.after.is_some(), "{control:?}");
}

#[test]
fn development_goes_first_at_the_times_that_the_example_shows() {
    let prod = policy(&[]);
    let dev = ServiceRef::new("dev", "web").expect("names");
    let dev = Control::read(&dev, &tags(), prod.zone).over(&prod);
    let notice = "A notice of Tue 1 Dec 2026 10:00 UTC with the retirement date Tue 8 Dec 2026 10:00 UTC";
    assert!(words(OPERATIONS).contains(notice));
    for (policy, name) in [(&dev, "dev/web"), (&prod, "prod/web")] {
        let slot = planned(policy, "2026-12-01T10:00:00Z").expect("a slot");
        let line = format!("- {}: {name}\n", date::both(slot.at, prod.zone));
        assert!(OPERATIONS.contains(&line), "{line}");
    }
    // After development's window on Thursday, production is planned first, as the example warns.
    let night = "2026-12-03T20:30:00Z";
    let (dev, prod) = (planned(&dev, night).expect("a slot"), planned(&prod, night).expect("a slot"));
    assert!(prod.at < dev.at, "{prod:?} {dev:?}");
}

#[test]
fn the_freeze_blocks_what_the_example_says_with_its_reason() {
    let moment = |field: &str| {
        let text = OPERATIONS.split(&format!("\n{field}:")).nth(1).and_then(|rest| rest.lines().next());
        NaiveDateTime::parse_from_str(text.unwrap_or_default(), "%Y%m%dT%H%M%SZ").expect("a date").and_utc()
    };
    let mut policy = policy(&[("CHANGE_CALENDARS", "YearEndFreeze")]);
    policy.calendars.learn("YearEndFreeze", moment("DTSTART"), State::Closed, Some(moment("DTEND")));
    let NoSlot(reason) = planned(&policy, "2026-12-18T10:00:00Z").expect_err("a freeze");
    assert!(words(OPERATIONS).contains(&format!("- prod/web: {reason}")), "{reason}");
    let thursday = planned(&policy, "2026-12-15T10:00:00Z").expect("a slot");
    assert_eq!(thursday.at, instant("2026-12-17T22:00:00Z"));
}
