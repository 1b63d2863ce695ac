//! Amazon CloudWatch: when the last heartbeat was recorded.

use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use rules::notify::metrics::NAMESPACE;
use serde_json::{Value, json};

use crate::{CallFailed, best_effort, call::JsonService};

/// The period of the values, in seconds.
const PERIOD: u32 = 60;
/// How far back the values are read.
const BACK: TimeDelta = TimeDelta::days(1);

/// The metrics of this account and Region.
#[derive(Clone, Debug)]
pub struct Metrics {
    metrics: JsonService,
}

impl Metrics {
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        let service =
            JsonService::new(best_effort(sdk), "monitoring", "GraniteServiceVersion20100801", url_suffix);
        Self { metrics: service.json_1_0() }
    }

    /// When the last heartbeat of a stack was recorded. `None` if none was within a day.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn last_heartbeat(
        &self,
        stack: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, CallFailed> {
        let metric = json!({
            "Namespace": NAMESPACE, "MetricName": "Heartbeat", "Dimensions": [{"Name": "Stack", "Value": stack}],
        });
        let asked = json!({
            "StartTime": (now - BACK).timestamp(), "EndTime": (now + TimeDelta::minutes(1)).timestamp(),
            "ScanBy": "TimestampDescending",
            "MetricDataQueries": [{"Id": "heartbeat", "MetricStat": {"Metric": metric, "Period": PERIOD, "Stat": "Sum"}}],
        });
        let answer = self.metrics.call("GetMetricData", asked).await?;
        let times = answer.pointer("/MetricDataResults/0/Timestamps").and_then(Value::as_array);
        Ok(times.into_iter().flatten().filter_map(instant).max())
    }
}

/// An instant in the JSON protocol: seconds since 1970.
fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = value.as_i64().or_else(|| value.to_string().split('.').next()?.parse().ok())?;
    DateTime::from_timestamp(seconds, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_seconds_and_maybe_a_fraction() {
        let expected = DateTime::from_timestamp(1_795_000_000, 0);
        for value in [json!(1_795_000_000), json!(1_795_000_000.5)] {
            assert_eq!(instant(&value), expected, "{value}");
        }
        assert_eq!(instant(&json!("soon")), None);
    }
}
