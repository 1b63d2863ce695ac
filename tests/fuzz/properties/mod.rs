//! What holds for all data from outside, whatever it contains: no panic, and what follows from the data is valid. libFuzzer
//! looks for data that breaks it, and `lambdas/rules/tests/outside_data.rs` checks the samples of `corpus/` and `events/`.

mod console;
mod html;
mod input;
mod notice;
mod request;
mod text;

use chrono::{DateTime, Utc};
use rules::{
    arn::{Place, ServiceRef},
    schedule::{Spec, at_expression, parse_at, wake::Wake},
};

type Check = fn(&[u8]);

/// The kinds of data, each with what holds for it.
pub(crate) const TARGETS: [(&str, Check); 5] = [
    ("notice", notice::check),
    ("text", text::check),
    ("input", input::check),
    ("request", request::check),
    ("console", console::check),
];

/// Checks what holds for data of this kind.
pub(crate) fn check(target: &str, data: &[u8]) {
    let (_, check) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    check(data);
}

/// Shortly after the events of the samples.
fn now() -> DateTime<Utc> {
    "2029-12-26T18:00:10Z".parse().expect("an instant")
}

fn place() -> Place {
    Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() }
}

fn web() -> ServiceRef {
    ServiceRef::new("prod", "web").expect("valid names")
}

/// EventBridge Scheduler accepts the time, and it is the same when it is read again. After the year 9999, it is the last one.
fn check_time(at: DateTime<Utc>) {
    let text = at_expression(at);
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "at(0000-00-00T00:00:00)", "{text}");
    let last = "9999-12-31T23:59:00Z".parse().expect("an instant");
    assert_eq!(parse_at(&text, None), Some(at.min(last)), "{text}");
}

/// EventBridge Scheduler accepts the schedule, and its input is the same when it is read again.
fn check_schedule(spec: &Spec) {
    let name = spec.name.as_str();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    assert!((1..=64).contains(&name.len()) && name.chars().all(allowed), "{name}");
    check_time(spec.at);
    assert!(spec.description().chars().count() <= 512);
    assert!((60..=86_400).contains(&spec.retry_seconds), "{}", spec.retry_seconds);
    check_wire(&spec.wake);
}

/// The input is the same when it is read again, but for the time that EventBridge Scheduler fills in.
fn check_wire(wake: &Wake) {
    let mut written = wake.clone();
    if let Wake::Deploy(input) = &mut written {
        input.scheduled_for = None;
    }
    assert_eq!(Wake::read_text(&wake.text()), Ok(written));
}
