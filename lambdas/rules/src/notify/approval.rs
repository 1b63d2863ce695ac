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
