//! The state of the AWS in memory, and the default bus and the topic.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{Answer, Conditions, Schedule, Service, requests::entries};

/// The state of the AWS in memory.
#[derive(Debug, Default)]
pub struct Memory {
    /// The current time.
    pub now: DateTime<Utc>,
    /// The ECS services, by `CLUSTER/SERVICE`.
    pub services: BTreeMap<String, Service>,
    /// The schedules, by name.
    pub schedules: BTreeMap<String, Schedule>,
    /// The events that the default bus accepted, each with its detail as a value.
    pub events: Vec<Value>,
    /// The messages that the topic accepted, as forms.
    pub messages: Vec<Value>,
    /// Whether a schedule that has fired fires again when it is updated. AWS does not document it.
    pub refires: bool,
    /// The Change Calendar, the alarm and the wait period. `None`: a test prepares the answers about them.
    pub conditions: Option<Conditions>,
    /// So long, `DescribeServices` does not know of a new deployment: Amazon ECS is eventually consistent.
    pub ecs_lag: TimeDelta,
    /// How many schedules were ever created.
    pub(crate) incarnations: u64,
}

impl Memory {
    /// The answer to a call, if the memory knows it.
    pub(crate) fn answer(&mut self, call: &str, body: &Value) -> Option<Answer> {
        self.answer_scheduler(call, body)
            .or_else(|| self.answer_ecs(call, body))
            .or_else(|| self.answer_conditions(call, body))
            .or_else(|| self.answer_notification(call, body))
    }

    fn answer_notification(&mut self, call: &str, body: &Value) -> Option<Answer> {
        match call {
            "PutEvents" => {
                let accepted = entries(body);
                let ids: Vec<Value> =
                    (1..=accepted.len()).map(|nth| json!({"EventId": nth.to_string()})).collect();
                self.events.extend(accepted);
                Some((200, json!({"FailedEntryCount": 0, "Entries": ids})))
            }
            "Publish" => {
                self.messages.push(body.clone());
                Some((200, json!({"MessageId": "94f20ce6-13c5-43a0-9a9e-ca52d816e90b"})))
            }
            _ => None,
        }
    }
}
