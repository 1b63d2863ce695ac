//! The event about what an operator did.

use chrono::{DateTime, Utc};

use super::event::{BusEvent, Happened};
use crate::{
    arn::{Place, ServiceRef},
    operate::{decide::Verdict, request::Why},
    plan::deadline,
    policy::Policy,
};

/// The event about an operation that changed the pending deployment of a service.
#[must_use]
pub fn event(
    place: &Place,
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
        BusEvent::of_service(Happened::ChangedByOperator, place, service, &verdict.notices, &reason);
    event.detail.slot = verdict.slot;
    event.detail.deadline = deadline(policy, &verdict.notices, now);
    event.detail.operation = Some(operation.to_owned());
    event.detail.ticket.clone_from(&why.ticket);
    event
}
