//! AWS Health events as EventBridge delivers them, and the [`Notice`] read from them.
//!
//! Schema: <https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html>. Older events
//! lack several fields, and page numbers and flags are strings. Only the fields that are used are read, so that no
//! other field can make an event invalid.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::{Affected, InvalidEvent, Notice, date, entity::Entity};
use crate::wording::{excerpt, kind};

/// The `eventTypeCode` of a Fargate task retirement.
pub const RETIREMENT: &str = "AWS_ECS_TASK_PATCHING_RETIREMENT";
/// The `source` of a drill: an event that an operator puts on the bus to test an installation.
pub const DRILL: &str = "ecs-task-patching.drill";

/// The envelope of the event.
#[derive(Clone, Debug, Deserialize)]
pub struct HealthEvent {
    /// AWS Health, or a drill.
    pub source: String,
    /// The account that received the event.
    pub account: String,
    /// The Region that received the event.
    pub region: String,
    /// When the event was sent.
    pub time: Option<String>,
    /// The affected entities, repeated from the detail.
    pub resources: Option<Vec<Option<String>>>,
    /// The detail.
    pub detail: Detail,
}

/// The detail of the event: what AWS Health reports.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// Identifies the notice across its pages, copies and updates.
    pub event_arn: String,
    /// `upcoming`, `open` or `closed`; absent in older events.
    pub status_code: Option<String>,
    /// The retirement date.
    pub start_time: Option<String>,
    /// The Region that the notice is about. AWS also delivers a copy to a backup Region.
    pub event_region: Option<String>,
    /// The account that the notice is about. An organization's event feed has notices about other accounts.
    pub affected_account: Option<String>,
    /// The page number, as text.
    pub page: Option<String>,
    /// The description in each language.
    pub event_description: Option<Vec<Description>>,
    /// The affected entities with their status.
    pub affected_entities: Option<Vec<AffectedEntity>>,
    /// Only what would be done is asked. Of drills; AWS Health has no such field.
    #[serde(default)]
    pub observed: bool,
}

/// The description in one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The latest version of the text.
    pub latest_description: Option<String>,
}

/// One affected entity.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AffectedEntity {
    /// The name or ARN. [`Entity::parse`] lists the forms.
    pub entity_value: Option<String>,
    /// The status, such as `PENDING` or `RESOLVED`; often absent.
    #[serde(alias = "statusCode")]
    pub status: Option<String>,
}

impl HealthEvent {
    /// Parses an event and checks that it announces a Fargate task retirement.
    ///
    /// # Errors
    /// Names the first invalid field and its value.
    pub fn read(event: &Value) -> Result<Self, InvalidEvent> {
        if !event.is_object() {
            return Err(InvalidEvent::new("the event", kind(event), "an AWS Health event"));
        }
        expect(event, "detail-type", &["AWS Health Event", "Amazon Health Event"])?;
        expect(event, "source", &["aws.health", DRILL])?;
        expect(event, "detail.eventTypeCode", &[RETIREMENT])?;
        let event: Self = serde_path_to_error::deserialize(event).map_err(|error| {
            // For a missing field, serde reports the path of its parent.
            let text = excerpt(&error.inner().to_string());
            let missing = text.strip_prefix("missing field `").and_then(|text| text.split('`').next());
            let path = error.path().to_string();
            let field = match missing {
                Some(name) if path == "." => name.to_owned(),
                Some(name) => format!("{path}.{name}"),
                None => path,
            };
            let value = value_at(event, &field).map_or_else(|| ABSENT.to_owned(), shown);
            InvalidEvent::new(&field, value, &format!("an AWS Health event ({text})"))
        })?;
        if event.detail.event_arn.trim().is_empty() {
            return Err(InvalidEvent::new("detail.eventArn", "\"\"", "the ARN of a Health event"));
        }
        Ok(event)
    }
}

const ABSENT: &str = "absent";

/// Checks that a field has one of the `allowed` values. The error asks for the first of them.
fn expect(event: &Value, field: &str, allowed: &[&str]) -> Result<(), InvalidEvent> {
    let value = value_at(event, field);
    if value.and_then(Value::as_str).is_some_and(|text| allowed.contains(&text)) {
        return Ok(());
    }
    let expected = format!("{:?}", allowed.first().copied().unwrap_or_default());
    Err(InvalidEvent::new(field, value.map_or_else(|| ABSENT.to_owned(), shown), &expected))
}

/// The value at a path such as `detail.affectedEntities[0].entityValue`.
fn value_at<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    event.pointer(&format!("/{}", path.replace('[', "/").replace(']', "").replace('.', "/")))
}

fn shown(value: &Value) -> String {
    excerpt(&value.to_string())
}

/// Reads the notice from an event. `now` replaces a missing event time, which only handwritten events lack.
///
/// # Errors
/// Names the invalid field and its value.
pub fn read(event: &Value, now: DateTime<Utc>) -> Result<Notice, InvalidEvent> {
    let HealthEvent { source, account, region, time, resources, detail } = HealthEvent::read(event)?;
    let region = detail.event_region.unwrap_or(region);
    let starts_at = read_date("detail.startTime", detail.start_time.as_deref())?;
    let sent_at = read_date("time", time.as_deref())?.unwrap_or(now);

    let mut entities = Entities::default();
    for affected in detail.affected_entities.unwrap_or_default() {
        let resolved = affected.status.is_some_and(|status| status.eq_ignore_ascii_case("RESOLVED"));
        entities.merge(affected.entity_value.unwrap_or_default(), Some(resolved), &account, &region);
    }
    for text in resources.unwrap_or_default() {
        entities.merge(text.unwrap_or_default(), None, &account, &region);
    }

    Ok(Notice {
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
        drill: source == DRILL,
        observed: source == DRILL && detail.observed,
        entities: entities.listed,
    })
}

fn read_date(field: &str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, InvalidEvent> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let expected = "a date such as \"Wed, 16 Aug 2023 23:18:51 GMT\" or \"2023-08-16T23:18:51Z\"";
    date::parse(text)
        .map(Some)
        .ok_or_else(|| InvalidEvent::new(field, excerpt(&format!("{text:?}")), expected))
}

/// The entities of an event, each once. A page names over a thousand, most of them twice.
#[derive(Default)]
struct Entities {
    listed: Vec<Affected>,
    /// The place of each in the list.
    places: HashMap<(Entity, Option<String>), usize>,
}

impl Entities {
    /// Adds an entity, or merges it into the same entity listed before. If the listings of an entity have different
    /// statuses, it is not resolved. A listing without a status (`resolved` is `None`) changes nothing.
    fn merge(&mut self, text: String, resolved: Option<bool>, account: &str, region: &str) {
        let entity = Entity::parse(&text, account, region);
        // These variants do not identify the entity, so its text must match too.
        let ambiguous = matches!(entity, Entity::Placeholder | Entity::Unreadable | Entity::Elsewhere { .. });
        let key = (entity.clone(), ambiguous.then(|| text.trim().to_owned()));
        let place = *self.places.entry(key).or_insert(self.listed.len());
        match self.listed.get_mut(place) {
            Some(known) => known.resolved &= resolved.unwrap_or(true),
            None => self.listed.push(Affected { text, entity, resolved: resolved.unwrap_or(false) }),
        }
    }
}

/// The date in the description after which tasks were launched on the new revision.
fn stated_cutoff(description: &str) -> Option<DateTime<Utc>> {
    const MARKERS: [&str; 3] = ["launched after ", "started after ", "created after "];
    let lower = description.to_ascii_lowercase(); // byte positions stay the same
    MARKERS.iter().find_map(|marker| {
        lower
            .match_indices(marker)
            .find_map(|(start, _)| date::in_sentence(description.get(start + marker.len()..)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arn::Place, testing::instant};
    use chrono::TimeDelta;
    use serde_json::json;

    fn event() -> Value {
        json!({
            "detail-type": "AWS Health Event", "source": "aws.health",
            "account": "111122223333", "region": "eu-west-2",
            "detail": {"eventArn": "arn:aws:health:eu-west-2::event/ECS/X/1", "eventTypeCode": RETIREMENT},
        })
    }

    #[test]
    fn fields_that_older_events_lack_are_optional() {
        HealthEvent::read(&event()).expect("a minimal event");
    }

    #[test]
    fn an_error_names_the_field_and_its_value() {
        let rows: [(&str, Value, &str); 9] = [
            ("", json!("text"), "the event is a string; expected an AWS Health event"),
            ("/source", json!("aws.ecs"), r#"source is "aws.ecs"; expected "aws.health""#),
            ("/detail-type", json!("Event"), r#"detail-type is "Event"; expected "AWS Health Event""#),
            ("/detail", Value::Null, "detail.eventTypeCode is absent; expected"),
            ("/detail/eventTypeCode", json!("AWS_ECS_X"), r#"detail.eventTypeCode is "AWS_ECS_X"; expected"#),
            ("/detail/eventArn", json!(""), r#"detail.eventArn is ""; expected the ARN"#),
            ("/detail/eventArn", json!(7), "detail.eventArn is 7; expected an AWS Health event"),
            ("/detail/startTime", json!(1_692_227_931), "detail.startTime is 1692227931; expected"),
            (
                "/detail/affectedEntities",
                json!([{"entityValue": {"a": 1}}]),
                r#"detail.affectedEntities[0].entityValue is {"a":1}; expected"#,
            ),
        ];
        for (pointer, value, expected) in rows {
            let mut event = event();
            match pointer.rsplit_once('/') {
                Some((parent, key)) => event.pointer_mut(parent).unwrap()[key] = value,
                None => event = value,
            }
            let error = HealthEvent::read(&event).expect_err(pointer).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let mut absent = event();
        absent["detail"].as_object_mut().unwrap().remove("eventArn");
        let error = HealthEvent::read(&absent).unwrap_err().to_string();
        assert!(error.starts_with("detail.eventArn is absent; expected"), "{error}");
        let mut absent = event();
        absent.as_object_mut().unwrap().remove("account");
        let error = HealthEvent::read(&absent).unwrap_err().to_string();
        assert!(error.starts_with("account is absent; expected"), "{error}");
    }

    fn event_with(detail: &Value) -> Value {
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

    fn notice(event: &Value) -> Notice {
        super::read(event, instant("2026-12-02T19:00:00Z")).expect("a notice")
    }

    #[test]
    fn both_lists_are_merged_without_duplicates() {
        let mut event = event_with(&json!({"affectedEntities": [
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
            notice(&event).entities.into_iter().map(|affected| (affected.text, affected.resolved)).collect();
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
    fn an_entity_is_resolved_only_if_every_status_says_so() {
        let twice = |first: &str, second: &str| {
            let entities = json!([
                {"entityValue": "prod|web", "status": first}, {"entityValue": "prod/web", "statusCode": second},
            ]);
            notice(&event_with(&json!({"affectedEntities": entities}))).entities[0].resolved
        };
        assert!(twice("RESOLVED", "resolved"));
        assert!(!twice("RESOLVED", "PENDING"));
        assert!(!twice("PENDING", "RESOLVED"));
    }

    fn place() -> Place {
        Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() }
    }

    #[test]
    fn a_notice_about_another_account_or_region_is_not_ours() {
        let rows = [
            (json!({}), None),
            (json!({"affectedAccount": "111122223333", "eventRegion": "eu-west-2"}), None),
            (
                json!({"affectedAccount": "999999999999"}),
                Some("the notice is about account 999999999999, but this stack serves account 111122223333"),
            ),
            (
                json!({"eventRegion": "us-east-1"}),
                Some("the notice is about Region us-east-1, but this stack serves eu-west-2"),
            ),
        ];
        for (detail, expected) in rows {
            assert_eq!(notice(&event_with(&detail)).not_ours(&place()).as_deref(), expected, "{detail}");
        }
        let mut other = event();
        other["account"] = json!("999999999999");
        assert_eq!(
            notice(&other).not_ours(&place()).as_deref(),
            Some("the event is for account 999999999999, but this stack serves account 111122223333")
        );
    }

    #[test]
    fn the_cutoff_is_the_stated_date_or_derived_from_the_retirement_date_or_the_event_time() {
        let description = "You are receiving this notice because …\\nAny tasks launched after Wed, 25 Nov 2026 18:00 GMT \
                     were launched on the new platform version revision.";
        let described = json!({"eventDescription": [{"latestDescription": description}]});
        let week = Some(TimeDelta::days(7));
        let rows = [
            (event_with(&described), week, "2026-11-25T18:00:00Z"),
            (event_with(&described), None, "2026-11-25T18:00:00Z"),
            (event_with(&json!({})), week, "2026-11-25T18:00:00Z"),
            // An update on the retirement date: tasks that were replaced in last week's window still count as new.
            (
                {
                    let mut update = event_with(&json!({}));
                    update["time"] = json!("2026-12-02T18:00:00Z");
                    update
                },
                week,
                "2026-11-25T18:00:00Z",
            ),
            // A date in the future is the sender's error.
            (
                event_with(
                    &json!({"eventDescription": [{"latestDescription": "launched after 2027-01-01T00:00:00Z"}]}),
                ),
                week,
                "2026-12-02T19:00:00Z",
            ),
            // A wait period that was shortened later does not move the cut-off past the event.
            (event_with(&json!({})), Some(TimeDelta::zero()), "2026-11-25T18:00:05Z"),
            (event_with(&json!({})), None, "2026-11-25T18:00:05Z"),
            (event_with(&json!({"startTime": null})), week, "2026-11-25T18:00:05Z"),
        ];
        for (event, wait, expected) in rows {
            assert_eq!(notice(&event).to_ref(wait).cutoff, instant(expected), "{wait:?} {event}");
        }
    }

    #[test]
    fn an_event_without_a_time_counts_as_sent_now() {
        let mut event = event_with(&json!({}));
        event.as_object_mut().unwrap().remove("time");
        assert_eq!(notice(&event).sent_at, instant("2026-12-02T19:00:00Z"));
    }

    #[test]
    fn an_unreadable_date_is_an_error() {
        let error = super::read(&event_with(&json!({"startTime": "soon"})), instant("2026-11-25T19:00:00Z"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(r#"detail.startTime is "soon"; expected a date such as"#), "{error}");
    }

    #[test]
    fn a_notice_must_name_a_service_or_task() {
        let entities =
            |list: Value| notice(&event_with(&json!({"affectedEntities": list}))).require_entities();
        entities(json!([{"entityValue": "UNKNOWN"}, {"entityValue": "prod|web"}]))
            .expect("one entity is a service");
        let error =
            entities(json!([{"entityValue": "UNKNOWN"}, {"entityValue": "?"}])).unwrap_err().to_string();
        assert!(
            error.starts_with(r#"detail.affectedEntities (with resources) is ["UNKNOWN", "?"]; expected"#),
            "{error}"
        );
        entities(json!([])).expect_err("no entities");
    }
}
