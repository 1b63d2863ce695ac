//! What is said about deployments that need approval: how to approve them, and a reminder.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    Notification,
    event::{BusEvent, Happened},
    message::{Message, Reader, Step},
    metrics::{Metric, Sample},
};
use crate::{
    arn::ServiceRef, plan::deadline, policy::Policy, schedule::wake::DeployInput,
    time::instant::local_and_utc,
};

/// The value of `approval` in an event about a deployment that needs it.
pub(super) const AWAITED: &str = "awaited";

/// How to approve the deployment of a service.
pub(super) fn of_service(reader: &Reader, service: &ServiceRef) -> Step {
    let request = json!({"operation": "approve", "cluster": service.cluster(), "service": service.service()});
    Step::with("Approve the deployment before its start time", Some(reader.operate(&request)))
}

/// How to approve all deployments of a notice.
pub(super) fn of_notice(reader: &Reader, event_arn: &str) -> Step {
    let request = json!({"operation": "approve", "notice": event_arn});
    Step::with(
        "Before their start times, approve the deployments under \"Needs approval\", all of them or single ones \
         (docs/operations.md)",
        Some(reader.operate(&request)),
    )
}

/// The reminder, a day before the start time, that nobody has approved a deployment yet.
#[must_use]
pub fn reminder(
    reader: &Reader,
    policy: &Policy,
    input: &DeployInput,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Notification {
    let DeployInput { service, notices, .. } = input;
    let reason = format!(
        "nobody has approved the deployment yet, which would start on {}",
        local_and_utc(at, reader.zone)
    );
    let meaning = format!(
        "without approval, it is planned again for a later time. {}",
        reader.what_aws_does(notices, now)
    );
    let happened = Happened::NeedsAttention;
    let mut event = BusEvent::of_service(happened, &reader.place, service, notices, &reason);
    event.detail.slot = Some(at);
    event.detail.deadline = deadline(policy, notices, now);
    event.detail.approval = Some(AWAITED.to_owned());
    let mut message = reader.about_service(happened, service, notices, &[reason, meaning], now);
    message.facts.push(reader.dashboard());
    Notification {
        events: vec![event],
        message: Some(Message {
            title: message.title.replacen("Needs attention", "Needs approval", 1),
            next: vec![of_service(reader, service)],
            ..message
        }),
        samples: vec![Sample::one(Metric::NeedsAttention)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notify::message::tests::{notice, reader},
        plan::plan,
        schedule::PlannedDeployment,
        testing::{instant, web},
    };

    #[test]
    fn a_reminder_says_when_the_deployment_would_start_and_how_to_approve_it() {
        let (policy, now) = (Policy::default(), instant("2026-07-09T21:00:00Z"));
        let slot = plan(&policy, &[notice()], now).unwrap();
        let input = PlannedDeployment::new(&web(), &slot, vec![notice()]).input;
        let sent = reminder(&reader(), &policy, &input, slot.at, now);
        let detail = &sent.events[0].detail;
        assert_eq!(
            detail.reason,
            "nobody has approved the deployment yet, which would start on Fri 10 Jul 2026 23:00 Europe/London (22:00 UTC)"
        );
        assert_eq!((detail.slot, detail.approval.as_deref()), (Some(slot.at), Some("awaited")));
        assert_eq!(detail.deadline, Some(instant("2026-07-15T16:00:00Z")));
        assert_eq!(sent.samples, [Sample::one(Metric::NeedsAttention)]);
        let message = sent.message.unwrap();
        assert_eq!(message.title, "Needs approval: prod/web");
        assert_eq!(message.next.len(), 1);
        assert!(
            message.next[0].command.as_ref().is_some_and(|command| command.contains("approve")),
            "{message:?}"
        );
        assert!(message.facts.iter().any(|(name, _)| *name == "Dashboard"));
        let step = of_notice(&reader(), "arn:1");
        assert!(step.command.is_some_and(|command| command.contains("arn:1")));
    }
}
