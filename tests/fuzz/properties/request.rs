//! Requests of operators, and the answers to them.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use rules::{
    operate::{
        answer::{Answer, Done},
        request::{InvalidRequest, Operation, Request, Target, Why},
    },
    time::instant::ceil_minute,
};
use serde_json::Value;

use super::{check_time, html, web};

pub(super) fn check(data: &[u8]) {
    let Ok(value) = serde_json::from_slice(data) else { return };
    let read = |require_why| Request::read(&value, Tz::Europe__London, require_why);
    match read(false) {
        Ok(request) => {
            valid(&request);
            // A request with a reason and a ticket is accepted everywhere, and every other one says what is missing.
            let why = why_of(&request);
            let complete = why.is_none_or(|why| why.reason.is_some() && why.ticket.is_some());
            match read(true) {
                Ok(same) => assert!(same == request && complete),
                Err(InvalidRequest(text)) => {
                    assert!(!complete && text.contains("a reason and a ticket"), "{text}");
                }
            }
        }
        Err(InvalidRequest(text)) => {
            assert!(read(true).is_err());
            shown(&text);
        }
    }
}

fn why_of(request: &Request) -> Option<&Why> {
    match request {
        Request::Change { why, .. }
        | Request::PlanAgain { why, .. }
        | Request::Redrive(why)
        | Request::HoldAll(why)
        | Request::ReleaseAll(why) => Some(why),
        Request::Drill(_) => None,
    }
}

fn valid(request: &Request) {
    if let Some(why) = why_of(request) {
        for text in [&why.reason, &why.ticket].into_iter().flatten() {
            assert!(
                (1..=300).contains(&text.chars().count()) && !text.contains(char::is_control),
                "{text:?}"
            );
        }
        shown(&why.text().unwrap_or_default());
    }
    if let Request::Change { operation: Operation::Move { at, .. }, .. } = request {
        check_time(ceil_minute(*at));
    }
    if let Request::Change { target: Target::Services(services), .. }
    | Request::PlanAgain { target: Target::Services(services), .. } = request
    {
        let distinct: BTreeSet<_> = services.iter().collect();
        assert!((1..=1_000).contains(&services.len()) && distinct.len() == services.len());
    }
}

/// The console shows the text as text.
fn shown(text: &str) {
    let done = |done| Done::new(&web(), done, text);
    let partly = Answer::of("hold", vec![done(true), done(false)]);
    for (answer, links) in [(Answer::text("hold", true, text), 1), (partly, 2)] {
        let Value::String(html) = answer.html(Some("arn:console"), &Value::Null) else { panic!("not HTML") };
        assert_eq!(html::check(&html).len(), links);
    }
}
