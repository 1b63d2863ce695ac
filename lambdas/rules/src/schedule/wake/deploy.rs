//! The input of the schedule that deploys a service.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    arn::ServiceRef,
    notice::{NoticeRef, date, latest_cutoff},
    time::window::{Windows, parse_zone},
};

/// What a schedule hands to deploy: the service, for which notices, and when its window closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct DeployInput {
    /// The service.
    pub service: ServiceRef,
    /// The notices that the deployment serves, each once.
    pub notices: Vec<NoticeRef>,
    /// The start time as planned. A schedule that fires at another time was moved by an operator.
    pub slot: DateTime<Utc>,
    /// When the window of the start time closes.
    pub window_ends_at: DateTime<Utc>,
    /// The windows for which it was planned. Where the service has others by the start time, it is planned again.
    pub windows: Option<String>,
    /// The time zone of its description. Inputs of version 0.1 have none.
    pub zone: Option<Tz>,
    /// How many times the start was retried within its window.
    pub attempt: u32,
    /// The time for which the schedule was set: EventBridge Scheduler fills it in as it fires. `None` where an
    /// operator hands the input over.
    pub scheduled_for: Option<DateTime<Utc>>,
}

/// EventBridge Scheduler replaces this by the time for which a schedule was set
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>).
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

#[derive(Serialize, Deserialize)]
#[serde(expecting = "the input of a schedule, a JSON object")]
struct Wire {
    cluster: String,
    service: String,
    notices: Vec<NoticeRef>,
    slot: DateTime<Utc>,
    window_ends_at: DateTime<Utc>,
    #[serde(default)]
    windows: Option<String>,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    attempt: u32,
    #[serde(default)]
    scheduled_for: String,
}

impl TryFrom<Wire> for DeployInput {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let service = ServiceRef::named(&wire.cluster, &wire.service)?;
        if wire.notices.is_empty() {
            return Err("notices is []; expected at least one notice".to_owned());
        }
        let zone = wire.zone.as_deref().map(parse_zone).transpose();
        Ok(Self {
            service,
            notices: wire.notices,
            slot: wire.slot,
            window_ends_at: wire.window_ends_at,
            windows: wire.windows,
            zone: zone.map_err(|error| format!("zone: {error}"))?,
            attempt: wire.attempt,
            scheduled_for: date::parse(&wire.scheduled_for),
        })
    }
}

impl From<DeployInput> for Wire {
    fn from(input: DeployInput) -> Self {
        Self {
            cluster: input.service.cluster().to_owned(),
            service: input.service.service().to_owned(),
            notices: input.notices,
            slot: input.slot,
            window_ends_at: input.window_ends_at,
            windows: input.windows,
            zone: input.zone.map(|zone| zone.name().to_owned()),
            attempt: input.attempt,
            scheduled_for: SCHEDULED_TIME.to_owned(),
        }
    }
}

impl DeployInput {
    /// Whether it comes after its window has closed, though it was set for a time before that: its delivery was
    /// delayed, or its schedule was enabled too late. What an operator sets for a later time is not late.
    #[must_use]
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        now >= self.window_ends_at && self.scheduled_for.is_some_and(|set| set < self.window_ends_at)
    }

    /// Whether it comes at a time that was planned for other windows than `windows`, and that is outside these.
    /// Where an operator set the time, or hands the input over, the operator's time stands.
    #[must_use]
    pub fn is_outside(&self, windows: &Windows, now: DateTime<Utc>) -> bool {
        let planned = self.scheduled_for == Some(self.slot);
        planned && self.has_other_windows(windows) && !windows.iter().any(|window| window.is_open(now))
    }

    /// Whether its start time was planned for other windows than these.
    #[must_use]
    pub fn has_other_windows(&self, windows: &Windows) -> bool {
        self.windows.as_ref().is_some_and(|planned| *planned != windows.to_string())
    }

    /// A task created after this moment is on the new revision of every notice.
    #[must_use]
    pub fn cutoff(&self) -> DateTime<Utc> {
        latest_cutoff(&self.notices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schedule::wake::{InvalidInput, Wake},
        testing::{instant, web},
    };

    fn input() -> DeployInput {
        DeployInput {
            service: web(),
            notices: vec![
                NoticeRef {
                    event_arn: "arn:1".into(),
                    starts_at: Some(instant("2026-12-02T18:00:00Z")),
                    cutoff: instant("2026-11-25T18:00:00Z"),
                },
                NoticeRef {
                    event_arn: "arn:2".into(),
                    starts_at: None,
                    cutoff: instant("2026-11-26T18:00:00Z"),
                },
            ],
            slot: instant("2026-11-27T22:00:00Z"),
            window_ends_at: instant("2026-11-28T02:00:00Z"),
            windows: Some("Fri 22:00-02:00 UTC".into()),
            zone: Some(Tz::UTC),
            attempt: 0,
            scheduled_for: None,
        }
    }

    fn read(text: &str) -> Result<DeployInput, InvalidInput> {
        match Wake::read_text(text)? {
            Wake::Deploy(input) => Ok(input),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_input_is_the_contract_with_deploy() {
        let text = Wake::Deploy(input()).text();
        let expected = serde_json::json!({
            "version": 1, "cluster": "prod", "service": "web",
            "notices": [
                {"event_arn": "arn:1", "starts_at": "2026-12-02T18:00:00Z", "cutoff": "2026-11-25T18:00:00Z"},
                {"event_arn": "arn:2", "starts_at": null, "cutoff": "2026-11-26T18:00:00Z"},
            ],
            "slot": "2026-11-27T22:00:00Z", "window_ends_at": "2026-11-28T02:00:00Z",
            "windows": "Fri 22:00-02:00 UTC", "zone": "UTC", "attempt": 0,
            "scheduled_for": "<aws.scheduler.scheduled-time>",
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
        assert_eq!(read(&text), Ok(input()));
    }

    #[test]
    fn an_input_edited_by_hand_is_refused_with_the_field() {
        let text = Wake::Deploy(input()).text();
        let rows = [
            (text.replace(r#""version":1"#, r#""version":2"#), "version is 2; expected 1"),
            (text.replace(r#""web""#, r#""we b""#), r#"cluster and service are "prod" and "we b""#),
            (text.replace("2026-11-27T22:00:00Z", "Friday"), "slot: "),
            (text.replace(r#""cluster":"prod","#, ""), "missing field `cluster`"),
            (text.replace(r#""zone":"UTC""#, r#""zone":"Mars""#), "zone: unknown time zone \"Mars\""),
            ("restart web please".to_owned(), "expected value"),
            (format!("{text} please"), "trailing characters"),
            (
                r#"{"version":1,"cluster":"a","service":"b","notices":[],"slot":"2026-11-27T22:00:00Z","window_ends_at":"2026-11-28T02:00:00Z"}"#.to_owned(),
                "notices is []",
            ),
        ];
        for (text, expected) in rows {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_was_set_for_its_window_and_comes_after_it_is_late() {
        let text = Wake::Deploy(input()).text();
        assert!(text.contains(r#""scheduled_for":"<aws.scheduler.scheduled-time>""#), "{text}");
        let rows = [
            ("2026-11-27T22:00:00Z", "2026-11-28T01:59:59Z", false),
            ("2026-11-27T22:00:00Z", "2026-11-28T02:00:00Z", true),
            ("2026-12-01T10:00:00Z", "2026-12-01T10:00:30Z", false),
            ("<aws.scheduler.scheduled-time>", "2026-12-01T10:00:30Z", false),
        ];
        for (set, now, expected) in rows {
            let input = read(&text.replace(SCHEDULED_TIME, set)).unwrap();
            assert_eq!(input.is_late(instant(now)), expected, "{set} {now}");
        }
    }

    #[test]
    fn the_cutoff_of_several_notices_is_the_latest() {
        assert_eq!(input().cutoff(), instant("2026-11-26T18:00:00Z"));
    }
}
