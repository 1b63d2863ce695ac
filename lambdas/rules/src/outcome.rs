//! Outcomes, causes and reasons: one vocabulary for answers, logs, events and metrics.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::arn::ServiceRef;

/// Why nothing is done, in a word to count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// There is no such service any more.
    Gone,
    /// No task should run.
    ScaledToZero,
    /// Every task is new.
    Patched,
    /// A deployment is making every task new.
    Rolling,
    /// The notice is about another account or Region.
    NotOurs,
    /// The task has stopped.
    Stopped,
    /// No window fits before the deadline.
    NoWindow,
    /// The notice is closed, and nothing was pending.
    NothingPending,
    /// The service's tag says that it is not to be redeployed.
    OptedOut,
    /// It would be redeployed, were it not only observed.
    Observed,
}

impl Cause {
    /// The word.
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
        }
    }
}

/// What became of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// The service will be redeployed at the slot.
    Scheduled,
    /// The slot of a pending schedule has moved.
    Rescheduled,
    /// What was pending stays as it was.
    Unchanged,
    /// A person disabled or moved the schedule, and that is respected.
    Held,
    /// The notice has left the schedule, and the last one took it along.
    Cancelled,
    /// Nothing is to be done.
    Skipped,
    /// Nothing can be done by us: a person must act.
    NotActionable,
    /// The work could not be done.
    Failed,
}

impl OutcomeKind {
    /// The word in answers and logs.
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

/// What became of one entity, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The entity's text as AWS sent it.
    pub entity: String,
    /// The cluster, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The service, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What became of it.
    pub outcome: OutcomeKind,
    /// Why, in a sentence for people.
    pub reason: String,
    /// Why nothing is done, in a word to count by.
    #[serde(skip)]
    pub cause: Option<Cause>,
    /// When the service will be redeployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<DateTime<Utc>>,
    /// The name of its schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// What its owner should know, such as a tag that cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Outcome {
    /// An outcome of an entity that is, or became, no known service.
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
            warnings: Vec::new(),
        }
    }

    /// An outcome of an entity about which nothing is done.
    #[must_use]
    pub fn skipped(entity: &str, cause: Cause, reason: impl Into<String>) -> Self {
        Self { cause: Some(cause), ..Self::of(entity, OutcomeKind::Skipped, reason) }
    }

    /// The service, as far as known.
    #[must_use]
    pub fn service_ref(&self) -> Option<ServiceRef> {
        ServiceRef::new(self.cluster.as_deref()?, self.service.as_deref()?)
    }

    /// The same, for a known service.
    #[must_use]
    pub fn for_service(self, service: &ServiceRef) -> Self {
        Self {
            cluster: Some(service.cluster().to_owned()),
            service: Some(service.service().to_owned()),
            ..self
        }
    }
}

/// Ingest's answer: one outcome for each entity of the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The notice.
    pub event_arn: String,
    /// AWS's date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// One for each entity, in the event's order.
    pub outcomes: Vec<Outcome>,
    /// How many there are of each kind.
    pub counts: BTreeMap<OutcomeKind, usize>,
}

impl Report {
    /// The report on the notice `event_arn`, with its retirement date.
    #[must_use]
    pub fn new(event_arn: &str, starts_at: Option<DateTime<Utc>>, outcomes: Vec<Outcome>) -> Self {
        let mut counts = BTreeMap::new();
        for outcome in &outcomes {
            *counts.entry(outcome.outcome).or_default() += 1;
        }
        Self { event_arn: event_arn.to_owned(), starts_at, outcomes, counts }
    }

    /// The outcomes that make the invocation fail.
    pub fn failures(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.outcome == OutcomeKind::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_values_are_left_out_and_counts_are_by_kind() {
        let web = ServiceRef::new("prod", "web").unwrap();
        let mut scheduled = Outcome::of("prod|web", OutcomeKind::Scheduled, "why").for_service(&web);
        scheduled.slot = Some("2026-11-27T22:00:00Z".parse().unwrap());
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
}
