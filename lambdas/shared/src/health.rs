//! The AWS Health event as EventBridge delivers it: the fields that matter, and nothing decided yet.
//!
//! Shape: <https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html>. Old events
//! lack several fields, and pages and flags are strings: what is not needed is not read, so that nothing
//! fails on it.

use serde::Deserialize;
use serde_json::Value;

/// The `eventTypeCode` of a Fargate task retirement.
pub const RETIREMENT: &str = "AWS_ECS_TASK_PATCHING_RETIREMENT";
/// The `source` of a drill, which an operator puts on the bus to prove an installation.
pub const DRILL: &str = "ecs-task-patching.drill";

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

/// The envelope.
#[derive(Clone, Debug, Deserialize)]
pub struct HealthEvent {
    /// The account that received the event.
    pub account: String,
    /// The Region to which it was delivered.
    pub region: String,
    /// When it was sent.
    pub time: Option<String>,
    /// Affected entities, once more.
    pub resources: Option<Vec<Option<String>>>,
    /// What AWS Health says.
    pub detail: Detail,
}

/// What AWS Health says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// One notice has one, across its pages, copies and updates.
    pub event_arn: String,
    /// `upcoming`, `open` or `closed`; absent in old events.
    pub status_code: Option<String>,
    /// When AWS starts to replace tasks.
    pub start_time: Option<String>,
    /// The Region that the notice is about; copies are delivered elsewhere too.
    pub event_region: Option<String>,
    /// The account that the notice is about; an organisation's feed has those of others.
    pub affected_account: Option<String>,
    /// Which of several pages this is, as text.
    pub page: Option<String>,
    /// The prose, by language.
    pub event_description: Option<Vec<Description>>,
    /// Affected entities with their state.
    pub affected_entities: Option<Vec<AffectedEntity>>,
}

/// The prose in one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The text as last updated.
    pub latest_description: Option<String>,
}

/// One affected entity.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AffectedEntity {
    /// Its name, in one of many forms.
    pub entity_value: Option<String>,
    /// `PENDING`, `RESOLVED` and others; often absent.
    pub status: Option<String>,
}

impl HealthEvent {
    /// Reads an event and makes sure that it announces a Fargate task retirement.
    ///
    /// # Errors
    /// Names the first field that is not as it should be, and what it holds.
    pub fn read(event: &Value) -> Result<Self, InvalidEvent> {
        if !event.is_object() {
            return Err(InvalidEvent::new("the event", shorten(event), "an AWS Health event"));
        }
        expect(event, "detail-type", &["AWS Health Event"])?;
        expect(event, "source", &["aws.health", DRILL])?;
        expect(event, "detail.eventTypeCode", &[RETIREMENT])?;
        let event: Self = serde_path_to_error::deserialize(event).map_err(|error| {
            // Of a missing field serde gives the path of what it is missing from.
            let text = error.inner().to_string();
            let missing = text.strip_prefix("missing field `").and_then(|text| text.split('`').next());
            let path = error.path().to_string();
            let field = match missing {
                Some(name) if path == "." => name.to_owned(),
                Some(name) => format!("{path}.{name}"),
                None => path,
            };
            let value = value_at(event, &field).map_or_else(|| ABSENT.to_owned(), shorten);
            InvalidEvent::new(&field, value, &format!("an AWS Health event ({})", error.inner()))
        })?;
        if event.detail.event_arn.trim().is_empty() {
            return Err(InvalidEvent::new("detail.eventArn", "\"\"", "the ARN of a Health event"));
        }
        Ok(event)
    }
}

const ABSENT: &str = "absent";

/// Makes sure that a field holds one of the texts in `allowed`, and asks for the first of them otherwise.
fn expect(event: &Value, field: &str, allowed: &[&str]) -> Result<(), InvalidEvent> {
    let value = value_at(event, field);
    if value.and_then(Value::as_str).is_some_and(|text| allowed.contains(&text)) {
        return Ok(());
    }
    let expected = format!("{:?}", allowed.first().copied().unwrap_or_default());
    Err(InvalidEvent::new(field, value.map_or_else(|| ABSENT.to_owned(), shorten), &expected))
}

/// The value at a path such as `detail.affectedEntities[0].entityValue`.
fn value_at<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    event.pointer(&format!("/{}", path.replace('[', "/").replace(']', "").replace('.', "/")))
}

/// Enough of a value to recognise it by; an event can have 256 KB.
fn shorten(value: &Value) -> String {
    const MOST: usize = 200;
    let text = value.to_string();
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST).chain("…".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> Value {
        json!({
            "detail-type": "AWS Health Event", "source": "aws.health",
            "account": "111122223333", "region": "eu-west-2",
            "detail": {"eventArn": "arn:aws:health:eu-west-2::event/ECS/X/1", "eventTypeCode": RETIREMENT},
        })
    }

    #[test]
    fn what_old_events_lack_is_not_required() {
        HealthEvent::read(&event()).expect("the least that an event has");
    }

    #[test]
    fn an_error_names_the_field_and_what_it_holds() {
        let rows: [(&str, Value, &str); 9] = [
            ("", json!("text"), r#"the event is "text"; expected an AWS Health event"#),
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
}
