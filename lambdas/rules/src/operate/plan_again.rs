//! The event with which a notice is planned again, from what is known of it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::{
    arn::{Place, ServiceRef},
    notice::NoticeRef,
};

/// The event about `services` of a page of a notice, as AWS Health would send it at `now`. Its text states the cut-off, so that
/// this stays as it is.
#[must_use]
pub fn event(
    place: &Place,
    notice: &NoticeRef,
    page: u32,
    services: &[ServiceRef],
    now: DateTime<Utc>,
) -> Value {
    let wire = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    let entities: Vec<Value> = services
        .iter()
        .map(|service| json!({"entityValue": format!("{}|{}", service.cluster(), service.service())}))
        .collect();
    let cutoff = notice.cutoff.format("%a, %d %b %Y %H:%M:%S GMT");
    json!({
        "source": if notice.drill { "ecs-task-patching.drill" } else { "aws.health" },
        "detail-type": "AWS Health Event",
        "account": place.account, "region": place.region, "time": wire(now),
        "detail": {
            "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
            "eventArn": notice.event_arn,
            "startTime": notice.starts_at.map(wire),
            "page": page.max(1).to_string(),
            "eventDescription": [{"latestDescription": format!("Any tasks launched after {cutoff} were launched on …")}],
            "affectedEntities": entities,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notice::health,
        testing::{instant, web},
    };

    #[test]
    fn the_event_says_what_is_known_of_the_notice() {
        let place =
            Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
        let now = instant("2026-11-26T09:00:00Z");
        for (starts_at, drill) in [(Some("2026-12-02T18:00:00Z"), false), (None, true)] {
            let known = NoticeRef {
                event_arn: "arn:1".into(),
                starts_at: starts_at.map(instant),
                cutoff: instant("2026-11-25T18:00:00Z"),
                drill,
            };
            let read = health::read(&event(&place, &known, 2, &[web()], now), now).expect("a notice");
            assert_eq!(read.to_ref(None), known);
            assert_eq!((read.page, read.sent_at, read.not_ours(&place)), (2, now, None));
            assert_eq!(read.entities.len(), 1);
        }
    }
}
