//! What is counted, in CloudWatch's embedded metric format: a line of the log that CloudWatch turns into
//! metrics (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::outcome::Cause;

/// The namespace of the metrics. Each has the dimension `Stack`. Those with a reason are also written with the
/// dimensions `Stack` and `Reason`.
pub const NAMESPACE: &str = "ECSTaskPatching";

/// Something that is counted or measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Services that got a start time.
    Planned,
    /// Services whose start time moved.
    Rescheduled,
    /// Services whose schedule was deleted with its last notice.
    Cancelled,
    /// Services for which nothing is done, with the reason.
    Skipped,
    /// Deployments that were started.
    Started,
    /// Services that were proven to be patched.
    Completed,
    /// Deployments that AWS refused.
    Failed,
    /// What needs action by an owner.
    NeedsAttention,
    /// Deployments that are retried later.
    Postponed,
    /// The hours from the start of a deployment to the deadline.
    HoursToDeadline,
    /// The minutes from the start of a deployment to the proof.
    MinutesToComplete,
    /// Pending schedules.
    Pending,
    /// Pending deployments.
    PendingDeployments,
    /// Pending verification checks, deadline checks and digests.
    PendingChecks,
    /// The heartbeat: a schedule has woken a function.
    Heartbeat,
    /// The rule does not deliver notices.
    RuleFault,
    /// Messages and events that could not be sent.
    NotificationsFailed,
}

impl Metric {
    fn unit(self) -> &'static str {
        match self {
            // CloudWatch has no unit for hours or minutes.
            Self::HoursToDeadline | Self::MinutesToComplete => "None",
            _ => "Count",
        }
    }
}

/// Values that are written together, as one line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    cause: Option<Cause>,
    values: Vec<(Metric, Value)>,
}

impl Sample {
    /// Counts.
    #[must_use]
    pub fn counted(counts: &[(Metric, usize)]) -> Self {
        Self { cause: None, values: counts.iter().map(|(metric, count)| (*metric, json!(count))).collect() }
    }

    /// One count.
    #[must_use]
    pub fn one(metric: Metric) -> Self {
        Self::counted(&[(metric, 1)])
    }

    /// Services that were skipped for a cause.
    #[must_use]
    pub fn skipped(cause: Cause, count: usize) -> Self {
        Self { cause: Some(cause), ..Self::counted(&[(Metric::Skipped, count)]) }
    }

    /// Something that was measured.
    #[must_use]
    pub fn measured(metric: Metric, value: f64) -> Self {
        Self { cause: None, values: vec![(metric, json!(value))] }
    }

    /// The line of the log.
    #[must_use]
    pub fn line(&self, stack: &str, now: DateTime<Utc>) -> String {
        let named = |metric: &Metric| format!("{metric:?}");
        let described: Vec<Value> = self
            .values
            .iter()
            .map(|(metric, _)| json!({"Name": named(metric), "Unit": metric.unit()}))
            .collect();
        let mut dimensions = vec![vec!["Stack"]];
        if self.cause.is_some() {
            dimensions.push(vec!["Stack", "Reason"]);
        }
        let mut line = json!({
            "_aws": {
                "Timestamp": now.timestamp_millis(),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": described}],
            },
            "Stack": stack,
        });
        if let Some(fields) = line.as_object_mut() {
            fields.extend(self.cause.map(|cause| ("Reason".to_owned(), json!(cause.word()))));
            fields.extend(self.values.iter().map(|(metric, value)| (named(metric), value.clone())));
        }
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_embedded_metric_format() {
        let now = "2026-11-27T22:00:00Z".parse().unwrap();
        let line = |sample: Sample| -> Value { serde_json::from_str(&sample.line("my-stack", now)).unwrap() };
        let both = Sample {
            cause: None,
            values: vec![(Metric::Started, json!(1)), (Metric::HoursToDeadline, json!(90.5))],
        };
        assert_eq!(
            line(both),
            json!({
                "_aws": {"Timestamp": 1_795_816_800_000_i64, "CloudWatchMetrics": [{
                    "Namespace": "ECSTaskPatching",
                    "Dimensions": [["Stack"]],
                    "Metrics": [{"Name": "Started", "Unit": "Count"}, {"Name": "HoursToDeadline", "Unit": "None"}],
                }]},
                "Stack": "my-stack", "Started": 1, "HoursToDeadline": 90.5,
            })
        );
        let skipped = line(Sample::skipped(Cause::Patched, 2));
        assert_eq!(
            skipped["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
            json!([["Stack"], ["Stack", "Reason"]])
        );
        assert_eq!((&skipped["Reason"], &skipped["Skipped"]), (&json!("patched"), &json!(2)));
    }
}
