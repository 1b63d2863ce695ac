//! The event about what an operator did.

use chrono::{DateTime, Utc};

use super::{
    event::{BusEvent, Detail, Happened},
    message::Reader,
};
use crate::{
    arn::ServiceRef,
    operate::{request::Why, verdict::Verdict},
    plan::deadline,
    policy::Policy,
};

/// The event about an operation that changed the pending deployment of a service.
#[must_use]
pub fn event(
    reader: &Reader,
    policy: &Policy,
    (service, verdict): (&ServiceRef, &Verdict),
    (operation, why): (&str, &Why),
    now: DateTime<Utc>,
) -> BusEvent {
    let reason = match why.text() {
        Some(why) => format!("{} (operator's reason: {why})", verdict.text),
        None => verdict.text.clone(),
    };
    let mut event =
        BusEvent::of_service(Happened::ChangedByOperator, &reader.place, service, &verdict.notices, &reason);
    event.detail.slot = verdict.slot;
    event.detail.deadline = deadline(policy, &verdict.notices, now);
    event.detail.operation = Some(operation.to_owned());
    event.detail.ticket.clone_from(&why.ticket);
    event.detail.stack = Some(reader.stack.clone());
    event
}

/// The event about an operation that is about no pending deployment: on everything, such as the emergency stop, or on a dead
/// letter of a service.
#[must_use]
pub fn event_of_all(
    reader: &Reader,
    service: Option<&ServiceRef>,
    text: &str,
    (operation, why): (&str, &Why),
) -> BusEvent {
    let reason = match why.text() {
        Some(why) => format!("{text} (operator's reason: {why})"),
        None => text.to_owned(),
    };
    let mut event = match service {
        Some(service) => {
            BusEvent::of_service(Happened::ChangedByOperator, &reader.place, service, &[], &reason)
        }
        None => BusEvent {
            happened: Happened::ChangedByOperator,
            resource: reader.stack.clone(), // its schedule group
            detail: Detail { reason, ..Detail::default() },
        },
    };
    event.detail.operation = Some(operation.to_owned());
    event.detail.ticket.clone_from(&why.ticket);
    event.detail.stack = Some(reader.stack.clone());
    event
}
