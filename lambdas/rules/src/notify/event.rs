//! Events for other systems, on the account's default event bus.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    arn::{Place, ServiceRef},
    notice::{NoticeRef, is_drill},
    schedule::{
        control::{Entry, Plan},
        story::Running,
    },
};

/// The `source` of every event.
pub const SOURCE: &str = "ecs-task-patching";

/// What happened: the event's `detail-type`, and the kind of a message to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happened {
    /// A service will be redeployed at its start time.
    Scheduled,
    /// Nothing is done for a service.
    Skipped,
    /// A deployment could not start, and is retried later.
    Postponed,
    /// A deployment has started.
    Started,
    /// Every running task is on the new revision.
    Completed,
    /// AWS refused a deployment, and would refuse it again.
    Failed,
    /// The owner must act.
    NeedsAttention,
    /// An operator changed a pending deployment.
    ChangedByOperator,
    /// The story of a service and a notice has ended.
    Recorded,
}

impl Happened {
    /// The event's `detail-type`.
    #[must_use]
    pub fn detail_type(self) -> &'static str {
        match self {
            Self::Scheduled => "Patch Scheduled",
            Self::Skipped => "Patch Skipped",
            Self::Postponed => "Patch Postponed",
            Self::Started => "Patch Started",
            Self::Completed => "Patch Completed",
            Self::Failed => "Patch Failed",
            Self::NeedsAttention => "Patch Needs Attention",
            Self::ChangedByOperator => "Patch Changed By Operator",
            Self::Recorded => "Patch Record",
        }
    }
}

/// An event of this application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusEvent {
    /// What happened.
    pub happened: Happened,
    /// What it happened to: the service's ARN, or the entity that AWS named.
    pub resource: String,
    /// The details, as far as they are known.
    pub detail: Detail,
}

/// The `detail` of an event. What is unknown is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The cluster's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The service's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The service's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_arn: Option<String>,
    /// The notices.
    pub notices: Vec<NoticeRef>,
    /// All of the notices are drills.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drill: bool,
    /// When the service will be redeployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<DateTime<Utc>>,
    /// The last moment at which a deployment may start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DateTime<Utc>>,
    /// Why, in a sentence for people.
    pub reason: String,
    /// The deployment's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// What the owner should know, such as an unreadable tag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// `awaited`: without approval, nothing is redeployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// What an operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The ticket that the operator named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The name of the stack, in events that are kept as records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// What only a record has.
    #[serde(flatten)]
    pub record: Option<Box<Record>>,
}

/// How a story ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Every running task is on the new revision.
    Patched,
    /// There was nothing to patch, or the service was left alone.
    Skipped,
    /// AWS Health closed the notice, or resolved it for the service.
    Closed,
    /// An operator cancelled the deployment.
    Cancelled,
    /// The service still ran old tasks on the retirement date.
    Unpatched,
}

impl Ending {
    /// The word in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Patched => "patched",
            Self::Skipped => "skipped",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::Unpatched => "unpatched",
        }
    }
}

/// What only a record has, besides the detail of every event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The same for each repetition of this record, and for no other.
    pub id: String,
    /// How the story ended.
    pub outcome: Ending,
    /// The cause, to count by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// The start times that were planned, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<Plan>,
    /// What operators did, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Entry>,
    /// What ran before the deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Running>,
    /// What runs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Running>,
    /// The proof that the service is patched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// When the deployment started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When the story ended.
    pub ended_at: DateTime<Utc>,
}

impl BusEvent {
    /// What happened to a service.
    #[must_use]
    pub fn of_service(
        happened: Happened,
        place: &Place,
        service: &ServiceRef,
        notices: &[NoticeRef],
        reason: &str,
    ) -> Self {
        let arn = place.service_arn(service);
        let detail = Detail {
            cluster: Some(service.cluster().to_owned()),
            service: Some(service.service().to_owned()),
            service_arn: Some(arn.clone()),
            notices: notices.to_vec(),
            drill: is_drill(notices),
            reason: reason.to_owned(),
            ..Detail::default()
        };
        Self { happened, resource: arn, detail }
    }
}
