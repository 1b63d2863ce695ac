//! Outcomes, causes and reasons: the vocabulary that answers, logs, events and metrics share.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::arn::ServiceRef;

/// Why a service is not redeployed, as a keyword that logs, events and metrics group by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The service no longer exists or is not active.
    Gone,
    /// The desired count is 0.
    ScaledToZero,
    /// Every running task was created after the cut-off.
    Patched,
    /// A deployment that replaces every old task is in progress.
    Rolling,
    /// The notice is about another account or Region.
    NotOurs,
    /// The task has stopped.
    Stopped,
    /// No window fits before the deadline.
    NoWindow,
    /// The notice is closed, and nothing was pending.
    NothingPending,
    /// The owner opted out with the service's tag.
    OptedOut,
    /// Observe mode: the service would be redeployed.
    Observed,
    /// An operator disabled the schedule.
    Held,
    /// The input of a schedule was delivered again, or late.
    Repeated,
}

impl Cause {
    /// The keyword in logs, events and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::ScaledToZero => "scaled-to-zero",
            Self::Patched => "patched",
            Self::Rolling => "rolling",
            Self::NotOurs => "not-ours",
            Self::Stopped => "stopped",
            Self::NoWindow => "no-window",
            Self::NothingPending => "nothing-pending",
            Self::OptedOut => "opted-out",
            Self::Observed => "observed",
            Self::Held => "held",
            Self::Repeated => "repeated",
        }
    }
}

/// What happened to an affected entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// The service will be redeployed at its start time.
    Scheduled,
    /// The start time of the pending schedule changed.
    Rescheduled,
    /// The pending schedule is unchanged.
    Unchanged,
    /// An operator disabled or moved the schedule. The change is kept.
    Held,
    /// The notice was removed from the schedule. Removing the last notice deletes the schedule.
    Cancelled,
    /// Nothing needs to be done.
    Skipped,
    /// The functions cannot act: the owner must.
    NotActionable,
    /// The attempt failed.
    Failed,
}

impl OutcomeKind {
    /// The keyword in answers and logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Rescheduled => "rescheduled",
            Self::Unchanged => "unchanged",
            Self::Held => "held",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::NotActionable => "not-actionable",
            Self::Failed => "failed",
        }
    }
}

/// What happened to one affected entity, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The entity's text as AWS sent it.
    pub entity: String,
    /// The cluster name, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The service name, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What happened to it.
    pub outcome: OutcomeKind,
    /// The reason, as a sentence.
    pub reason: String,
    /// Why the service is not redeployed, if it is not.
    #[serde(skip)]
    pub cause: Option<Cause>,
    /// The start time of the redeployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<DateTime<Utc>>,
    /// The name of the schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// ECS has no active service with this name: unless that changes, nothing is redeployed at the start time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Nobody has approved the start time yet: without that, nothing is redeployed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub awaits_approval: bool,
    /// Problems that the owner should know about, such as an unreadable tag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Outcome {
    /// An outcome without a service. [`Outcome::for_service`] adds one.
    #[must_use]
    pub fn of(entity: &str, outcome: OutcomeKind, reason: impl Into<String>) -> Self {
        Self {
            entity: entity.to_owned(),
            cluster: None,
            service: None,
            outcome,
            reason: reason.into(),
            cause: None,
            slot: None,
            schedule: None,
            unknown: false,
            awaits_approval: false,
            warnings: Vec::new(),
        }
    }

    /// A skipped entity.
    #[must_use]
    pub fn skipped(entity: &str, cause: Cause, reason: impl Into<String>) -> Self {
        Self { cause: Some(cause), ..Self::of(entity, OutcomeKind::Skipped, reason) }
    }

    /// The same outcome for a service that ECS does not know, if anything is, or would be, planned for it. Its
    /// schedule stays: deploy reads the service again.
    #[must_use]
    pub fn of_unknown_service(self) -> Self {
        if self.slot.is_none() {
            return self;
        }
        let reason = format!(
            "ECS has no active service with this name; read again at the start time ({})",
            self.reason
        );
        Self { unknown: true, reason, ..self }
    }

    /// The service, if known.
    #[must_use]
    pub fn service_ref(&self) -> Option<ServiceRef> {
        ServiceRef::new(self.cluster.as_deref()?, self.service.as_deref()?)
    }

    /// The same outcome with the service's names.
    #[must_use]
    pub fn for_service(self, service: &ServiceRef) -> Self {
        Self {
            cluster: Some(service.cluster().to_owned()),
            service: Some(service.service().to_owned()),
            ..self
        }
    }
}

/// The answer of the ingest function: one outcome for each affected entity of the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The ARN of the notice.
    pub event_arn: String,
    /// The retirement date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// One outcome for each affected entity, in the order of the event.
    pub outcomes: Vec<Outcome>,
    /// The number of outcomes of each kind.
    pub counts: BTreeMap<OutcomeKind, usize>,
}

impl Report {
    /// Builds a report and counts its outcomes. `starts_at` is the retirement date.
    #[must_use]
    pub fn new(event_arn: &str, starts_at: Option<DateTime<Utc>>, outcomes: Vec<Outcome>) -> Self {
        let mut counts = BTreeMap::new();
        for outcome in &outcomes {
            *counts.entry(outcome.outcome).or_default() += 1;
        }
        Self { event_arn: event_arn.to_owned(), starts_at, outcomes, counts }
    }

    /// The failed outcomes. Any of them makes the invocation fail.
    pub fn failures(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.outcome == OutcomeKind::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, web};
    use serde_json::json;

    #[test]
    fn absent_values_are_omitted_and_outcomes_are_counted_by_kind() {
        let mut scheduled = Outcome::of("prod|web", OutcomeKind::Scheduled, "why").for_service(&web());
        scheduled.slot = Some(instant("2026-11-27T22:00:00Z"));
        scheduled.schedule = Some("prod.web.1".into());
        let report = Report::new(
            "arn:1",
            None,
            vec![scheduled, Outcome::of("UNKNOWN", OutcomeKind::NotActionable, "none")],
        );
        assert_eq!(
            serde_json::to_value(report).unwrap(),
            json!({
                "event_arn": "arn:1",
                "outcomes": [
                    {
                        "entity": "prod|web", "cluster": "prod", "service": "web", "outcome": "scheduled",
                        "reason": "why", "slot": "2026-11-27T22:00:00Z", "schedule": "prod.web.1",
                    },
                    {"entity": "UNKNOWN", "outcome": "not-actionable", "reason": "none"},
                ],
                "counts": {"not-actionable": 1, "scheduled": 1},
            })
        );
    }

    #[test]
    fn the_failures_are_those_for_which_the_invocation_fails() {
        let outcomes = [OutcomeKind::Failed, OutcomeKind::Skipped].map(|kind| Outcome::of("x", kind, "why"));
        let report = Report::new("arn:1", None, outcomes.to_vec());
        assert_eq!(report.failures().collect::<Vec<_>>(), [&outcomes[0]]);
    }

    #[test]
    fn a_service_that_ecs_does_not_know_keeps_its_start_time() {
        let planned = Outcome {
            slot: Some(instant("2026-11-27T22:00:00Z")),
            ..Outcome::of("prod|web", OutcomeKind::Scheduled, "earliest opening")
        };
        let unknown = planned.clone().of_unknown_service();
        let expected =
            "ECS has no active service with this name; read again at the start time (earliest opening)";
        assert_eq!((unknown.reason.as_str(), unknown.slot), (expected, planned.slot));
        let skipped = Outcome::of("prod|web", OutcomeKind::Skipped, "why");
        assert_eq!(skipped.clone().of_unknown_service(), skipped);
    }
}
