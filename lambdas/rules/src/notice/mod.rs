//! A retirement notice, independent of its source. [`health`] reads notices from AWS Health events.

pub mod cutoff;
pub mod date;
pub mod entity;
pub mod health;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::arn::Place;
use entity::Entity;

/// The event is not a usable notice of a task retirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}; expected {expected}")]
pub struct InvalidEvent {
    /// The path of the invalid field in the event.
    pub field: String,
    /// The value found.
    pub value: String,
    /// The value expected.
    pub expected: String,
}

impl InvalidEvent {
    pub(crate) fn new(field: &str, value: impl Into<String>, expected: &str) -> Self {
        Self { field: field.to_owned(), value: value.into(), expected: expected.to_owned() }
    }
}

/// One AWS Health event about a task retirement. A notice arrives as several events if it has pages, copies or
/// updates; all of them share its `event_arn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The ARN that identifies the notice across its pages, copies and updates.
    pub event_arn: String,
    /// The account that received the event.
    pub account: String,
    /// The Region that the notice is about.
    pub region: String,
    /// The retirement date: when AWS starts to replace tasks.
    pub starts_at: Option<DateTime<Utc>>,
    /// The page of the notice that this event carries; 1 if the event does not say.
    pub page: u32,
    /// When AWS Health sent the event.
    pub sent_at: DateTime<Utc>,
    /// When the event was handled.
    pub received_at: DateTime<Utc>,
    /// The cut-off that the description states: tasks created after it are already on the new revision.
    pub stated_cutoff: Option<DateTime<Utc>>,
    /// AWS Health has closed the notice.
    pub closed: bool,
    /// The account that the notice is about, if it is not the account that received the event.
    pub other_account: Option<String>,
    /// The event is a drill, which an operator sent.
    pub drill: bool,
    /// The drill asks only what would be done: nothing is written, whatever the mode of the services.
    pub observed: bool,
    /// The affected entities without duplicates, in the order of the event.
    pub entities: Vec<Affected>,
}

/// One affected entity of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The entity's text as AWS sent it.
    pub text: String,
    /// The parsed text.
    pub entity: Entity,
    /// AWS Health reports it as `RESOLVED`: it needs no action.
    pub resolved: bool,
}

/// The part of a notice that a schedule's input carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRef {
    /// The ARN that identifies the notice.
    pub event_arn: String,
    /// The retirement date.
    #[serde(default, deserialize_with = "date::read_option")]
    pub starts_at: Option<DateTime<Utc>>,
    /// The cut-off: a task created after this instant is already on the new revision.
    #[serde(deserialize_with = "date::read")]
    pub cutoff: DateTime<Utc>,
    /// The notice is a drill, which an operator sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drill: bool,
}

/// Whether all of these notices are drills. What serves a real notice too is not a drill.
#[must_use]
pub fn is_drill(notices: &[NoticeRef]) -> bool {
    !notices.is_empty() && notices.iter().all(|notice| notice.drill)
}

/// The earliest retirement date of several notices, whether or not it has passed.
#[must_use]
pub fn first_retirement_date(notices: &[NoticeRef]) -> Option<DateTime<Utc>> {
    notices.iter().filter_map(|notice| notice.starts_at).min()
}

impl Notice {
    /// Why a function in `place` must ignore the notice: it is about another account or Region, or was delivered for
    /// another account. `None` if it is about this account and Region.
    #[must_use]
    pub fn not_ours(&self, place: &Place) -> Option<String> {
        let region = &place.region;
        if self.account != place.account {
            return Some(format!(
                "the event is for account {}, but this stack serves account {}",
                self.account, place.account
            ));
        }
        if let Some(account) = &self.other_account {
            return Some(format!(
                "the notice is about account {account}, but this stack serves account {}",
                self.account
            ));
        }
        (self.region != *region)
            .then(|| format!("the notice is about Region {}, but this stack serves {region}", self.region))
    }

    /// Whether the notice no longer concerns some service.
    #[must_use]
    pub fn closes_anything(&self) -> bool {
        self.closed || self.entities.iter().any(|affected| affected.resolved)
    }

    /// Checks that the notice names at least one service or task.
    ///
    /// # Errors
    /// Lists the entities if all of them are placeholders or unreadable.
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

    /// Whether its cut-off derives from the account's wait period.
    #[must_use]
    pub fn needs_wait_period(&self) -> bool {
        self.stated_cutoff.is_none() && self.starts_at.is_some()
    }

    /// The notice as a schedule's input carries it. `wait` is the account's `fargateTaskRetirementWaitPeriod`.
    #[must_use]
    pub fn to_ref(&self, wait: Option<TimeDelta>) -> NoticeRef {
        NoticeRef {
            event_arn: self.event_arn.clone(),
            starts_at: self.starts_at,
            cutoff: self.cutoff(wait),
            drill: self.drill,
        }
    }
}

/// The notices of two inputs. Of a notice in both, `newer` says the retirement date, and the later cut-off counts.
#[must_use]
pub fn joined(older: &[NoticeRef], newer: &[NoticeRef]) -> Vec<NoticeRef> {
    let mut all = newer.to_vec();
    for notice in older {
        match all.iter_mut().find(|known| known.event_arn == notice.event_arn) {
            Some(known) => known.cutoff = known.cutoff.max(notice.cutoff),
            None => all.push(notice.clone()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(arn: &str, starts_at: Option<&str>, cutoff: &str, drill: bool) -> NoticeRef {
        let instant = |text: &str| text.parse().expect("test data: a date");
        NoticeRef { event_arn: arn.into(), starts_at: starts_at.map(instant), cutoff: instant(cutoff), drill }
    }

    #[test]
    fn of_a_notice_in_both_inputs_the_newer_says_the_date_and_the_later_cutoff_counts() {
        let [early, late] = ["2026-11-24T18:00:00Z", "2026-11-25T18:00:00Z"];
        let older = [notice("arn:1", Some(early), late, false), notice("arn:2", None, early, false)];
        let newer = [notice("arn:1", Some(late), early, false), notice("arn:3", None, early, true)];
        let expected = [
            notice("arn:1", Some(late), late, false),
            notice("arn:3", None, early, true),
            notice("arn:2", None, early, false),
        ];
        assert_eq!(joined(&older, &newer), expected);
        assert_eq!(first_retirement_date(&expected), expected[0].starts_at);
        assert_eq!(first_retirement_date(&expected[1..]), None);
        assert!(is_drill(&expected[1..2]) && !is_drill(&expected) && !is_drill(&[]));
    }

    #[test]
    fn a_closed_notice_or_a_resolved_entity_closes_something() {
        let affected = |resolved| Affected { text: "prod|web".into(), entity: Entity::Placeholder, resolved };
        let closes = |closed, entities: &[Affected]| {
            let notice = Notice {
                event_arn: "arn:1".into(),
                account: String::new(),
                region: String::new(),
                starts_at: None,
                page: 1,
                sent_at: DateTime::UNIX_EPOCH,
                received_at: DateTime::UNIX_EPOCH,
                stated_cutoff: None,
                closed,
                other_account: None,
                drill: false,
                observed: false,
                entities: entities.to_vec(),
            };
            notice.closes_anything()
        };
        assert!(closes(true, &[]) && closes(false, &[affected(false), affected(true)]));
        assert!(!closes(false, &[affected(false)]));
    }
}
