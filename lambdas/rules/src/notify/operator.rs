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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notify::message::tests::{notice, reader},
        operate::{
            decide::decide,
            request::{Asker, Operation},
            verdict::{Asked, Pending},
        },
        testing::{instant, web},
    };

    fn why(reason: Option<&str>, ticket: Option<&str>) -> Why {
        Why { reason: reason.map(str::to_owned), ticket: ticket.map(str::to_owned) }
    }

    #[test]
    fn an_event_says_what_an_operator_did_to_a_service_and_why() {
        let (service, policy, now) = (web(), Policy::default(), instant("2026-07-10T10:00:00Z"));
        let nothing = why(None, None);
        let zone = chrono_tz::Tz::UTC;
        let asked = Asked {
            operation: Operation::Hold,
            why: &nothing,
            service: &service,
            policy: &policy,
            zone,
            asker: Asker::CommandLine,
            now,
        };
        let slot = Some(instant("2026-07-10T21:00:00Z"));
        let verdict = Verdict {
            text: "prod/web is held".into(),
            slot,
            notices: vec![notice()],
            ..decide(&asked, &Pending::Nothing)
        };
        let of = |why: &Why| event(&reader(), &policy, (&service, &verdict), ("hold", why), now);
        let BusEvent { happened, resource, detail } = of(&why(Some("load test"), Some("CHG1")));
        assert_eq!(happened, Happened::ChangedByOperator);
        assert_eq!(resource, "arn:aws:ecs:eu-west-2:111122223333:service/prod/web");
        assert_eq!(detail.reason, "prod/web is held (operator's reason: CHG1, load test)");
        assert_eq!((detail.operation.as_deref(), detail.ticket.as_deref()), (Some("hold"), Some("CHG1")));
        assert_eq!((detail.slot, detail.deadline), (slot, Some(instant("2026-07-15T16:00:00Z"))));
        assert_eq!((detail.stack, detail.notices), (Some("ecs-task-patching".to_owned()), vec![notice()]));
        assert_eq!(of(&nothing).detail.reason, "prod/web is held");
    }

    #[test]
    fn an_event_about_everything_is_about_the_stack() {
        let of = |why: &Why| event_of_all(&reader(), None, "all is stopped", ("hold-all", why));
        let BusEvent { happened, resource, detail } = of(&why(Some("outage"), Some("INC7")));
        assert_eq!((happened, resource.as_str()), (Happened::ChangedByOperator, "ecs-task-patching"));
        assert_eq!(detail.reason, "all is stopped (operator's reason: INC7, outage)");
        assert_eq!((detail.operation.as_deref(), detail.ticket.as_deref()), (Some("hold-all"), Some("INC7")));
        assert_eq!(detail.stack.as_deref(), Some("ecs-task-patching"));
        assert_eq!(of(&why(None, None)).detail.reason, "all is stopped");
    }
}
