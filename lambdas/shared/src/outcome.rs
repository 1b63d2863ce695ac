//! What became of each entity of a notice: ingest's answer.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{decide::Cause, entity::ServiceRef, notice::Notice};

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
    /// The report on `notice`.
    #[must_use]
    pub fn new(notice: &Notice, outcomes: Vec<Outcome>) -> Self {
        let mut counts = BTreeMap::new();
        for outcome in &outcomes {
            *counts.entry(outcome.outcome).or_default() += 1;
        }
        Self { event_arn: notice.event_arn.clone(), starts_at: notice.starts_at, outcomes, counts }
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
        let notice = Notice {
            event_arn: "arn:1".into(),
            account: "111122223333".into(),
            region: "eu-west-2".into(),
            starts_at: None,
            page: 1,
            sent_at: "2026-11-25T18:00:00Z".parse().unwrap(),
            received_at: "2026-11-25T18:00:00Z".parse().unwrap(),
            stated_cutoff: None,
            closed: false,
            other_account: None,
            entities: Vec::new(),
        };
        let web = ServiceRef::new("prod", "web").unwrap();
        let mut scheduled = Outcome::of("prod|web", OutcomeKind::Scheduled, "why").for_service(&web);
        scheduled.slot = Some("2026-11-27T22:00:00Z".parse().unwrap());
        scheduled.schedule = Some("prod.web.1".into());
        let report =
            Report::new(&notice, vec![scheduled, Outcome::of("UNKNOWN", OutcomeKind::NotActionable, "none")]);
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
