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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notice::health,
        testing::{instant, web},
    };

    #[test]
    fn a_drill_is_a_notice_about_one_service_that_changes_nothing() {
        let entry = entry(&web(), "arn:drill");
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        let event = json!({
            "source": entry["Source"], "detail-type": entry["DetailType"], "account": "111122223333", "region": "eu-west-2",
            "detail": detail,
        });
        let notice = health::read(&event, instant("2026-11-26T12:00:00Z")).expect("a notice");
        assert!(notice.drill && notice.observed && notice.event_arn == "arn:drill");
        assert_eq!(notice.entities.len(), 1);
        assert_eq!(notice.entities[0].text, "prod|web");
    }

    #[test]
    fn the_answer_says_how_long_the_drill_took_and_what_ingest_would_do() {
        let sent_at = instant("2026-11-26T12:00:00Z");
        let answer = |at: &str| DrillInput {
            event_arn: "arn:drill".into(),
            answered_at: instant(at),
            reason: "would redeploy on Fri".into(),
        };
        let text = came_back(&web(), &answer("2026-11-26T12:00:03Z"), sent_at);
        assert!(
            text.starts_with("prod/web: the drill came back after 3 seconds, so the event bus"),
            "{text}"
        );
        assert!(text.contains("Ingest says: would redeploy on Fri."), "{text}");
        // The clocks of two functions may differ.
        let text = came_back(&web(), &answer("2026-11-26T11:59:59Z"), sent_at);
        assert!(text.contains("after 0 seconds"), "{text}");
        assert!(lost(&web()).starts_with("prod/web: the drill did not come back."));
    }
}
