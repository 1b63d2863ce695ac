//! A drill that touches nothing: the event that operate sends, and what it says of the answer.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{arn::ServiceRef, notice::health::DRILL, schedule::wake::DrillInput, wording::count};

/// What is said where drills are not accepted.
pub const DISABLED: &str =
    "the rule does not accept drills; run sam deploy --parameter-overrides EnableDrills=true, then ask again";

/// The entry of `PutEvents` with a notice about `service` that only asks what would be done.
#[must_use]
pub fn entry(service: &ServiceRef, event_arn: &str) -> Value {
    let detail = json!({
        "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
        "eventArn": event_arn,
        "observed": true,
        "affectedEntities": [{"entityValue": format!("{}|{}", service.cluster(), service.service())}],
    });
    json!({"Source": DRILL, "DetailType": "AWS Health Event", "Resources": [], "Detail": detail.to_string()})
}

/// What came back, and what that proves.
#[must_use]
pub fn came_back(service: &ServiceRef, answer: &DrillInput, sent_at: DateTime<Utc>) -> String {
    let seconds = usize::try_from((answer.answered_at - sent_at).num_seconds()).unwrap_or_default();
    format!(
        "{service}: the drill came back after {}, so the event bus, the rule and ingest work. Nothing was changed. Ingest says: {}. \
         A message about this drill is on its way: check that you get it",
        count(seconds, "second"),
        answer.reason
    )
}

/// What is said if nothing came back in time.
#[must_use]
pub fn lost(service: &ServiceRef) -> String {
    format!(
        "{service}: the drill did not come back. Try again; if that does not help, check that the rule is enabled, and read the \
         dead-letter queue and the log of ingest (docs/troubleshooting.md, \"When something fails\")"
    )
}
