//! Amazon CloudWatch Logs: the newest lines of a log group.

use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{CallFailed, best_effort, call::JsonService};

/// How many pages of a time range are read: an answer can be empty and still have a successor.
const PAGES: usize = 10;

/// The log groups of this account and Region.
#[derive(Clone, Debug)]
pub struct LogGroups {
    logs: JsonService,
}

impl LogGroups {
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        Self { logs: JsonService::new(best_effort(sdk), "logs", "Logs_20140328", url_suffix) }
    }

    /// At least `enough` of the newest lines of a log group, as far as it has as many within `days`. CloudWatch Logs answers the
    /// oldest first, so earlier time ranges are added until there are enough. A line between two of them can come twice.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn newest(
        &self,
        group: &str,
        (days, enough): (i64, usize),
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, CallFailed> {
        let (mut lines, mut until) = (Vec::new(), None);
        for back in [1, 7, days] {
            let since = now - TimeDelta::days(back);
            lines.extend(self.between(group, since, until).await?);
            if lines.len() >= enough {
                break;
            }
            until = Some(since);
        }
        Ok(lines)
    }

    /// The lines since a time, and until another, if there is one.
    async fn between(
        &self,
        group: &str,
        since: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Vec<String>, CallFailed> {
        let mut asked = json!({"logGroupName": group, "startTime": since.timestamp_millis()});
        if let (Some(until), Some(fields)) = (until, asked.as_object_mut()) {
            fields.insert("endTime".to_owned(), json!(until.timestamp_millis()));
        }
        let mut lines = Vec::new();
        for _ in 0..PAGES {
            let answer = self.logs.call("FilterLogEvents", asked.clone()).await?;
            let events = answer.get("events").and_then(Value::as_array).into_iter().flatten();
            lines.extend(events.filter_map(|event| Some(event.get("message")?.as_str()?.to_owned())));
            let Some(next) = answer.get("nextToken").filter(|token| !token.is_null()) else { break };
            asked.as_object_mut().map(|fields| fields.insert("nextToken".to_owned(), next.clone()));
        }
        Ok(lines)
    }
}
