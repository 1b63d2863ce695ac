//! What the README says of tags, slots and freezes is what comes of them.

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

const README: &str = include_str!("../../../README.md");

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("a date of the test")
}

/// The README's example of an account, with changes.
fn policy(parameters: &[(&str, &str)]) -> Policy {
    let lookup = |name: &str| {
        let given = parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        given.or_else(|| (name == "TIME_ZONE").then(|| "Europe/London".to_owned()))
    };
    Settings::new(&lookup).policy().expect("parameters of the README")
}

/// The slot for a notice of `now`, with AWS's date a week later.
fn planned(policy: &Policy, now: &str) -> Result<Slot, NoSlot> {
    let now = instant(now);
    let starts_at = Some(now + chrono::TimeDelta::days(7));
    plan(policy, &[NoticeRef { event_arn: "arn:1".to_owned(), starts_at, cutoff: now }], now)
}

/// The tags that the README puts on services.
fn tags() -> Vec<(String, String)> {
    let tags = README
        .split("--tags 'key=")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next()?.split_once(",value="));
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_tags_can_be_read() {
    let service = ServiceRef::new("prod", "web").expect("names");
    let control = Control::read(&service, &tags(), policy(&[]).zone);
    assert!(control.problems.is_empty(), "{:?}", control.problems);
    assert!(control.windows.is_some() && control.mode.is_some() && control.after.is_some(), "{control:?}");
}

#[test]
fn development_goes_first_as_it_says() {
    let prod = policy(&[]);
    let dev = ServiceRef::new("dev", "web").expect("names");
    let dev = Control::read(&dev, &tags(), prod.zone).over(&prod);
    assert!(README.contains("A notice of Tue 2026-12-01 10:00 with AWS's date Tue 2026-12-08 10:00"));
    for (policy, name) in [(&dev, "dev/web"), (&prod, "prod/web")] {
        let slot = planned(policy, "2026-12-01T10:00:00Z").expect("a slot");
        let line = format!("- {}: {name}\n", date::both(slot.at, prod.zone));
        assert!(README.contains(&line), "{line}");
    }
    // After development's window on Thursday, production comes first.
    let night = "2026-12-03T20:30:00Z";
    let (dev, prod) = (planned(&dev, night).expect("a slot"), planned(&prod, night).expect("a slot"));
    assert!(prod.at < dev.at, "{prod:?} {dev:?}");
}

#[test]
fn the_freeze_leaves_what_it_says() {
    let moment = |field: &str| {
        let text = README.split(&format!("\n{field}:")).nth(1).and_then(|rest| rest.lines().next());
        NaiveDateTime::parse_from_str(text.unwrap_or_default(), "%Y%m%dT%H%M%SZ").expect("a date").and_utc()
    };
    let mut policy = policy(&[("CHANGE_CALENDARS", "YearEndFreeze")]);
    policy.calendars.learn("YearEndFreeze", moment("DTSTART"), State::Closed, Some(moment("DTEND")));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let NoSlot(reason) = planned(&policy, "2026-12-18T10:00:00Z").expect_err("a freeze");
    assert!(words(README).contains(&format!("- prod/web: {reason}")), "{reason}");
    let thursday = planned(&policy, "2026-12-15T10:00:00Z").expect("a slot");
    assert_eq!(thursday.at, instant("2026-12-17T22:00:00Z"));
}
