//! A retirement notice, whatever its source. AWS Health's events become notices in [`health`].

pub mod date;
pub mod entity;
pub mod health;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use entity::Entity;

/// An event that is no usable notice of a task retirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}; expected {expected}")]
pub struct InvalidEvent {
    /// The field, by its path in the event.
    pub field: String,
    /// What it holds.
    pub value: String,
    /// What it should hold.
    pub expected: String,
}

impl InvalidEvent {
    pub(crate) fn new(field: &str, value: impl Into<String>, expected: &str) -> Self {
        Self { field: field.to_owned(), value: value.into(), expected: expected.to_owned() }
    }
}

/// One retirement announced by AWS Health, as one of its events tells it: a page, a copy or an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Identifies the notice across its pages, copies and updates.
    pub event_arn: String,
    /// The account that received the event.
    pub account: String,
    /// The Region that the notice is about.
    pub region: String,
    /// AWS's date: when it starts to replace tasks.
    pub starts_at: Option<DateTime<Utc>>,
    /// The page of the notice that this event is; 1 where it does not say.
    pub page: u32,
    /// When the event was sent.
    pub sent_at: DateTime<Utc>,
    /// When it was handled.
    pub received_at: DateTime<Utc>,
    /// The date of the prose after which tasks are on the new revision already.
    pub stated_cutoff: Option<DateTime<Utc>>,
    /// AWS Health has closed the notice.
    pub closed: bool,
    /// The account that the notice is about, where it is another than the one that received it.
    pub other_account: Option<String>,
    /// The affected entities, each once, in the order in which the event names them.
    pub entities: Vec<Affected>,
}

/// One affected entity of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The entity's text as AWS sent it.
    pub text: String,
    /// What it is.
    pub entity: Entity,
    /// AWS Health says that it needs nothing any more.
    pub resolved: bool,
}

/// A notice as a schedule's input keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRef {
    /// Identifies the notice.
    pub event_arn: String,
    /// AWS's date.
    pub starts_at: Option<DateTime<Utc>>,
    /// A task created after this moment is on the new revision already.
    pub cutoff: DateTime<Utc>,
}

/// A task created after this moment is on the new revision of every notice.
///
/// Without a notice, which no input is, every task is old.
#[must_use]
pub fn latest_cutoff(notices: &[NoticeRef]) -> DateTime<Utc> {
    notices.iter().map(|notice| notice.cutoff).max().unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The earliest retirement date of several notices, whether or not it has passed.
#[must_use]
pub fn first_retirement_date(notices: &[NoticeRef]) -> Option<DateTime<Utc>> {
    notices.iter().filter_map(|notice| notice.starts_at).min()
}

impl Notice {
    /// Why the notice is none of the business of a function that runs in `region`, if so.
    #[must_use]
    pub fn not_ours(&self, region: &str) -> Option<String> {
        if let Some(account) = &self.other_account {
            return Some(format!(
                "the notice is about account {account}, and this installation serves account {}",
                self.account
            ));
        }
        (self.region != region).then(|| {
            format!("the notice is about Region {}, and this installation serves {region}", self.region)
        })
    }

    /// Makes sure that the notice names something to act on or to tell about.
    ///
    /// # Errors
    /// Says which entities there are, if only placeholders and unreadable ones.
    pub fn require_entities(&self) -> Result<(), InvalidEvent> {
        let usable =
            |affected: &Affected| !matches!(affected.entity, Entity::Placeholder | Entity::Unreadable);
        if self.entities.iter().any(usable) {
            return Ok(());
        }
        let texts: Vec<String> =
            self.entities.iter().take(5).map(|affected| format!("{:?}", affected.text)).collect();
        Err(InvalidEvent::new(
            "detail.affectedEntities (with resources)",
            format!("[{}]", texts.join(", ")),
            "at least one service or task, such as \"my-cluster|my-service\"",
        ))
    }

    /// The notice as a schedule keeps it.
    ///
    /// The cut-off is the date that the prose states; else AWS's date minus the account's wait period
    /// (`fargateTaskRetirementWaitPeriod`), but not later than the event; and without AWS's date, or
    /// without the wait period, the event itself. Too late a cut-off costs a needless deployment; too
    /// early a one leaves a task unpatched. One in the future, of a sender whose clock is wrong, would make
    /// the tasks of every new deployment look old: it counts as now.
    #[must_use]
    pub fn to_ref(&self, wait: Option<TimeDelta>) -> NoticeRef {
        let announced = || self.starts_at?.checked_sub_signed(wait?);
        NoticeRef {
            event_arn: self.event_arn.clone(),
            starts_at: self.starts_at,
            cutoff: self
                .stated_cutoff
                .or_else(|| Some(announced()?.min(self.sent_at)))
                .unwrap_or(self.sent_at)
                .min(self.received_at),
        }
    }
}
