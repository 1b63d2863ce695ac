//! What one AWS Health event tells us.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    date,
    entity::Entity,
    health::{HealthEvent, InvalidEvent},
};

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

impl Notice {
    /// Reads an event. `now` stands in for the event's own time, which only hand-made events lack.
    ///
    /// # Errors
    /// Names the field that makes the event unusable, and what it holds.
    pub fn read(event: &Value, now: DateTime<Utc>) -> Result<Self, InvalidEvent> {
        let HealthEvent { account, region, time, resources, detail, .. } = HealthEvent::read(event)?;
        let region = detail.event_region.unwrap_or(region);
        let starts_at = read_date("detail.startTime", detail.start_time.as_deref())?;
        let sent_at = read_date("time", time.as_deref())?.unwrap_or(now);

        let mut entities = Vec::new();
        for affected in detail.affected_entities.unwrap_or_default() {
            let resolved = affected.status.is_some_and(|status| status.eq_ignore_ascii_case("RESOLVED"));
            merge(
                &mut entities,
                affected.entity_value.unwrap_or_default(),
                Some(resolved),
                &account,
                &region,
            );
        }
        for text in resources.unwrap_or_default() {
            merge(&mut entities, text.unwrap_or_default(), None, &account, &region);
        }

        Ok(Self {
            stated_cutoff: detail
                .event_description
                .unwrap_or_default()
                .iter()
                .find_map(|description| stated_cutoff(description.latest_description.as_deref()?)),
            other_account: detail.affected_account.filter(|affected| *affected != account),
            closed: detail.status_code.is_some_and(|status| status.eq_ignore_ascii_case("closed")),
            event_arn: detail.event_arn,
            account,
            region,
            starts_at,
            page: detail.page.and_then(|page| page.trim().parse().ok()).unwrap_or(1),
            sent_at,
            received_at: now,
            entities,
        })
    }

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
    pub fn as_ref(&self, wait: Option<TimeDelta>) -> NoticeRef {
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

fn read_date(field: &str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, InvalidEvent> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let expected = "a date such as \"Wed, 16 Aug 2023 23:18:51 GMT\" or \"2023-08-16T23:18:51Z\"";
    date::parse(text).map(Some).ok_or_else(|| InvalidEvent::new(field, format!("{text:?}"), expected))
}

/// Adds an entity, or what this mention says of it to the one that is there. Mentions that say nothing of
/// the state change none; where they differ, the entity still needs something.
fn merge(entities: &mut Vec<Affected>, text: String, resolved: Option<bool>, account: &str, region: &str) {
    let entity = Entity::parse(&text, account, region);
    let distinct = matches!(entity, Entity::Placeholder | Entity::Unreadable | Entity::Elsewhere { .. });
    let same =
        |known: &&mut Affected| known.entity == entity && (!distinct || known.text.trim() == text.trim());
    match entities.iter_mut().find(same) {
        Some(known) => known.resolved &= resolved.unwrap_or(true),
        None => entities.push(Affected { text, entity, resolved: resolved.unwrap_or(false) }),
    }
}

/// The date after which, as the prose says, tasks were launched on the new revision.
fn stated_cutoff(prose: &str) -> Option<DateTime<Utc>> {
    const MARKERS: [&str; 3] = ["launched after ", "started after ", "created after "];
    let lower = prose.to_ascii_lowercase(); // keeps the positions
    MARKERS.iter().find_map(|marker| {
        lower
            .match_indices(marker)
            .find_map(|(start, _)| date::parse_prefix(prose.get(start + marker.len()..)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

    fn event(detail: &Value) -> Value {
        let mut event = json!({
            "detail-type": "AWS Health Event", "source": "aws.health",
            "account": "111122223333", "region": "eu-west-2", "time": "2026-11-25T18:00:05Z",
            "detail": {
                "eventArn": "arn:aws:health:eu-west-2::event/ECS/X/1",
                "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
                "startTime": "Wed, 2 Dec 2026 18:00:00 GMT",
            },
        });
        for (key, value) in detail.as_object().expect("an object") {
            event["detail"][key] = value.clone();
        }
        event
    }

    fn read(event: &Value) -> Notice {
        Notice::read(event, instant("2026-12-02T19:00:00Z")).expect("a notice")
    }

    #[test]
    fn both_lists_are_merged_and_each_entity_stands_once() {
        let mut event = event(&json!({"affectedEntities": [
            {"entityValue": "prod|web", "status": "PENDING"},
            {"entityValue": "prod|api", "status": "RESOLVED"},
            {"entityValue": "UNKNOWN"},
            {"entityValue": "nonsense"},
            {"status": "PENDING"},
        ]}));
        event["resources"] = json!([
            "arn:aws:ecs:eu-west-2:111122223333:service/prod/web",
            "prod | api",
            "prod|db",
            " UNKNOWN",
            "other nonsense",
            null
        ]);
        let found: Vec<(String, bool)> =
            read(&event).entities.into_iter().map(|affected| (affected.text, affected.resolved)).collect();
        let expected = [
            ("prod|web", false),
            ("prod|api", true),
            ("UNKNOWN", false),
            ("nonsense", false),
            ("", false),
            ("prod|db", false),
            ("other nonsense", false),
        ];
        assert_eq!(found, expected.map(|(text, resolved)| (text.to_owned(), resolved)));
    }

    #[test]
    fn an_entity_is_resolved_when_every_mention_with_a_state_says_so() {
        let twice = |first: &str, second: &str| {
            let entities = json!([
                {"entityValue": "prod|web", "status": first}, {"entityValue": "prod/web", "status": second},
            ]);
            read(&event(&json!({"affectedEntities": entities}))).entities[0].resolved
        };
        assert!(twice("RESOLVED", "resolved"));
        assert!(!twice("RESOLVED", "PENDING"));
        assert!(!twice("PENDING", "RESOLVED"));
    }

    #[test]
    fn a_notice_about_others_is_not_ours() {
        let rows = [
            (json!({}), None),
            (json!({"affectedAccount": "111122223333", "eventRegion": "eu-west-2"}), None),
            (
                json!({"affectedAccount": "999999999999"}),
                Some(
                    "the notice is about account 999999999999, and this installation serves account 111122223333",
                ),
            ),
            (
                json!({"eventRegion": "us-east-1"}),
                Some("the notice is about Region us-east-1, and this installation serves eu-west-2"),
            ),
        ];
        for (detail, expected) in rows {
            assert_eq!(read(&event(&detail)).not_ours("eu-west-2").as_deref(), expected, "{detail}");
        }
    }

    #[test]
    fn the_cutoff_is_the_stated_date_else_the_announcement_else_the_event() {
        let prose = "You are receiving this notice because …\\nAny tasks launched after Wed, 25 Nov 2026 18:00 GMT \
                     were launched on the new platform version revision.";
        let described = json!({"eventDescription": [{"latestDescription": prose}]});
        let week = Some(TimeDelta::days(7));
        let rows = [
            (event(&described), week, "2026-11-25T18:00:00Z"),
            (event(&described), None, "2026-11-25T18:00:00Z"),
            (event(&json!({})), week, "2026-11-25T18:00:00Z"),
            // An update on AWS's date: tasks that were replaced in last week's window stay new.
            (
                {
                    let mut update = event(&json!({}));
                    update["time"] = json!("2026-12-02T18:00:00Z");
                    update
                },
                week,
                "2026-11-25T18:00:00Z",
            ),
            // A date in the future is a fault of the sender's.
            (
                event(
                    &json!({"eventDescription": [{"latestDescription": "launched after 2027-01-01T00:00:00Z"}]}),
                ),
                week,
                "2026-12-02T19:00:00Z",
            ),
            // A wait period that was changed after the notice cannot put the cut-off after the notice.
            (event(&json!({})), Some(TimeDelta::zero()), "2026-11-25T18:00:05Z"),
            (event(&json!({})), None, "2026-11-25T18:00:05Z"),
            (event(&json!({"startTime": null})), week, "2026-11-25T18:00:05Z"),
        ];
        for (event, wait, expected) in rows {
            assert_eq!(read(&event).as_ref(wait).cutoff, instant(expected), "{wait:?} {event}");
        }
    }

    #[test]
    fn an_event_without_time_is_taken_as_sent_now() {
        let mut event = event(&json!({}));
        event.as_object_mut().unwrap().remove("time");
        assert_eq!(read(&event).sent_at, instant("2026-12-02T19:00:00Z"));
    }

    #[test]
    fn a_date_that_cannot_be_read_is_not_passed_over() {
        let error = Notice::read(&event(&json!({"startTime": "soon"})), instant("2026-11-25T19:00:00Z"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(r#"detail.startTime is "soon"; expected a date such as"#), "{error}");
    }

    #[test]
    fn a_notice_needs_something_to_act_on() {
        let entities = |list: Value| read(&event(&json!({"affectedEntities": list}))).require_entities();
        entities(json!([{"entityValue": "UNKNOWN"}, {"entityValue": "prod|web"}]))
            .expect("a service is there");
        let error =
            entities(json!([{"entityValue": "UNKNOWN"}, {"entityValue": "?"}])).unwrap_err().to_string();
        assert!(
            error.starts_with(r#"detail.affectedEntities (with resources) is ["UNKNOWN", "?"]; expected"#),
            "{error}"
        );
        entities(json!([])).expect_err("nothing to act on");
    }
}
