//! What people set in the account besides services and schedules: a Change Calendar, an alarm, the wait period.

use std::ops::Range;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::{Answer, Memory};

/// What people set in an account.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// When every Change Calendar is closed, if it is.
    pub freeze: Option<Range<DateTime<Utc>>>,
    /// Every alarm is in `ALARM`.
    pub alarm: bool,
    /// The account setting `fargateTaskRetirementWaitPeriod`, in days.
    pub wait_days: u32,
}

impl Memory {
    /// The answer to a call about the conditions. Without conditions, a test prepares its own answers.
    pub(crate) fn answer_conditions(&self, call: &str, body: &Value) -> Option<Answer> {
        let Conditions { freeze, alarm, wait_days } = self.conditions.as_ref()?;
        match call {
            "GetCalendarState" => {
                let at: DateTime<Utc> = body["AtTime"].as_str()?.parse().expect("an instant");
                let closed = freeze.as_ref().is_some_and(|freeze| freeze.contains(&at));
                let ends = freeze.as_ref().map(|freeze| [freeze.start, freeze.end]).into_iter().flatten();
                let next = ends.filter(|end| *end > at).min();
                let next = next.map(|next| next.to_rfc3339_opts(SecondsFormat::Secs, true));
                let state = if closed { "CLOSED" } else { "OPEN" };
                Some((200, json!({"State": state, "NextTransitionTime": next})))
            }
            "DescribeAlarms" => {
                let firing = json!({"AlarmName": "stop-all", "AlarmArn": "arn:alarm", "StateValue": "ALARM"});
                Some((200, json!({"MetricAlarms": if *alarm { vec![firing] } else { Vec::new() }})))
            }
            "ListAccountSettings" => {
                let name = &body["name"];
                let value = if name == "fargateEventWindows" {
                    json!("disabled")
                } else {
                    json!(wait_days.to_string())
                };
                Some((200, json!({"settings": [{"name": name, "value": value}]})))
            }
            _ => None,
        }
    }
}
