//! The input of the deployment of a service.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    arn::ServiceRef,
    notice::{NoticeRef, cutoff::latest_cutoff, date},
    schedule::{
        control::{Approval, Control, Entry, Plan},
        story::{Running, Story},
    },
    time::window::{Windows, parse_zone},
};

/// The input for deploy: the service, its notices and its window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct DeployInput {
    /// The service.
    pub service: ServiceRef,
    /// The notices that the deployment is for, without duplicates.
    pub notices: Vec<NoticeRef>,
    /// The planned start time. A schedule that is set to another time was moved by an operator.
    pub slot: DateTime<Utc>,
    /// When the window closes.
    pub window_ends_at: DateTime<Utc>,
    /// The windows that the start time was planned for. If they have changed by the start time, the deployment is
    /// planned again.
    pub windows: Option<String>,
    /// The time zone of the schedule's description. `None` in inputs of version 0.1.
    pub zone: Option<Tz>,
    /// `WhenNoWindowFits` chose the start time: it is outside the windows, and stays so when they change.
    pub fallback: bool,
    /// The flexible time window that was planned, in minutes. A schedule with another one was edited by an operator. `None`
    /// in inputs of version 0.1.
    pub spread_minutes: Option<u16>,
    /// The number of retries within the window.
    pub attempt: u32,
    /// The time that the schedule was set to, which EventBridge Scheduler fills in when the schedule fires. `None` if
    /// an operator invokes the function.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// How often the heartbeat has woken the function again. `None` if AWS deletes the schedule after it has fired, as
    /// with schedules of version 0.1.
    pub woken: Option<u32>,
    /// What operators decided about it.
    pub control: Control,
}

/// EventBridge Scheduler replaces this keyword with the time that the schedule was set to
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>).
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

#[derive(Serialize, Deserialize)]
#[serde(expecting = "the input of a schedule, a JSON object")]
struct Wire {
    cluster: String,
    service: String,
    notices: Vec<NoticeRef>,
    #[serde(deserialize_with = "date::read")]
    slot: DateTime<Utc>,
    #[serde(deserialize_with = "date::read")]
    window_ends_at: DateTime<Utc>,
    #[serde(default)]
    windows: Option<String>,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fallback: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spread_minutes: Option<u16>,
    #[serde(default)]
    attempt: u32,
    #[serde(default)]
    scheduled_for: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    woken: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<Approval>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    held: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reminded: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    plans: Vec<Plan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
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
            fallback: wire.fallback,
            spread_minutes: wire.spread_minutes,
            attempt: wire.attempt,
            scheduled_for: date::parse(&wire.scheduled_for),
            woken: wire.woken,
            control: Control {
                history: wire.history,
                approval: wire.approval,
                held: wire.held,
                reminded: wire.reminded,
                plans: wire.plans,
                waits_for: wire.waits_for,
            },
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
            fallback: input.fallback,
            spread_minutes: input.spread_minutes,
            attempt: input.attempt,
            scheduled_for: SCHEDULED_TIME.to_owned(),
            woken: input.woken,
            history: input.control.history,
            approval: input.control.approval,
            held: input.control.held,
            reminded: input.control.reminded,
            plans: input.control.plans,
            waits_for: input.control.waits_for,
        }
    }
}

impl DeployInput {
    /// Whether an operator hands over this input: EventBridge Scheduler fills in the time of a schedule.
    #[must_use]
    pub fn is_by_hand(input: &Value) -> bool {
        let Some(fields) = input.as_object() else { return false };
        let scheduled_for = fields.get("scheduled_for").and_then(Value::as_str);
        !fields.contains_key("kind") && scheduled_for.and_then(date::parse).is_none()
    }

    /// Whether the input arrives after its window has closed although its schedule was set to an earlier time: the
    /// delivery was delayed or lost, or an operator enabled the schedule too late. A schedule that an operator moved to
    /// a later time is not late.
    #[must_use]
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        let was_due = self.was_woken() || self.scheduled_for.is_some_and(|set| set < self.window_ends_at);
        now >= self.window_ends_at && was_due
    }

    /// Whether the heartbeat woke the function, because the schedule's own wake-up was lost.
    fn was_woken(&self) -> bool {
        self.woken.is_some_and(|times| times > 0)
    }

    /// Whether the start time was planned for windows other than `windows`, and `now` is outside these. Always
    /// `false` if an operator moved the schedule or invokes the function: the operator's time is kept.
    #[must_use]
    pub fn is_outside(&self, windows: &Windows, now: DateTime<Utc>) -> bool {
        (self.scheduled_for == Some(self.slot) || self.was_woken()) && !self.may_start(windows, now)
    }

    /// Whether a start at `at` suits the service's current `windows`: these have not changed since the plan, or they
    /// contain `at`. A fallback is in no window.
    #[must_use]
    pub fn may_start(&self, windows: &Windows, at: DateTime<Utc>) -> bool {
        self.fallback || !self.has_other_windows(windows) || windows.is_open(at)
    }

    /// Whether the start time was planned for windows other than `windows`.
    #[must_use]
    pub fn has_other_windows(&self, windows: &Windows) -> bool {
        self.windows.as_ref().is_some_and(|planned| *planned != windows.to_string())
    }

    /// What is known of the deployment, for its record.
    #[must_use]
    pub fn story(&self) -> Story {
        let Control { plans, history, approval, .. } = self.control.clone();
        Story { slot: Some(self.slot), plans, changes: history, approval, before: None }
    }

    /// The story of a deployment that starts, with what ran before. Its start time is approved if it had to be: otherwise,
    /// its schedule would not have fired.
    #[must_use]
    pub fn story_of_start(&self, before: Option<Running>) -> Story {
        let approval = self.control.approval;
        let approval = if self.control.is_approved() { Some(Approval::Given) } else { approval };
        Story { approval, before, ..self.story() }
    }

    /// The latest cut-off: a task created after it is on the new revision of all notices.
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
        testing::{instant, planned_for},
    };

    fn input() -> DeployInput {
        DeployInput {
            windows: Some("Fri 22:00-02:00 UTC".into()),
            zone: Some(Tz::UTC),
            ..planned_for(vec![
                NoticeRef {
                    event_arn: "arn:1".into(),
                    starts_at: Some(instant("2026-12-02T18:00:00Z")),
                    cutoff: instant("2026-11-25T18:00:00Z"),
                    drill: false,
                },
                NoticeRef {
                    event_arn: "arn:2".into(),
                    starts_at: None,
                    cutoff: instant("2026-11-26T18:00:00Z"),
                    drill: false,
                },
            ])
        }
    }

    fn read(text: &str) -> Result<DeployInput, InvalidInput> {
        match Wake::read_text(text)? {
            Wake::Deploy(input) => Ok(input),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_wire_format_is_stable() {
        let text = Wake::Deploy(input()).text();
        let expected = serde_json::json!({
            "version": 1, "cluster": "prod", "service": "web",
            "notices": [
                {"event_arn": "arn:1", "starts_at": "2026-12-02T18:00:00Z", "cutoff": "2026-11-25T18:00:00Z"},
                {"event_arn": "arn:2", "starts_at": null, "cutoff": "2026-11-26T18:00:00Z"},
            ],
            "slot": "2026-11-27T22:00:00Z", "window_ends_at": "2026-11-28T02:00:00Z",
            "windows": "Fri 22:00-02:00 UTC", "zone": "UTC", "attempt": 0, "woken": 0,
            "scheduled_for": "<aws.scheduler.scheduled-time>",
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
        assert_eq!(read(&text), Ok(input()));
    }

    #[test]
    fn an_invalid_edit_is_refused_with_the_name_of_the_field() {
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
    fn an_input_that_was_due_in_its_window_and_arrives_after_it_is_late() {
        let text = Wake::Deploy(input()).text();
        assert!(text.contains(r#""scheduled_for":"<aws.scheduler.scheduled-time>""#), "{text}");
        let rows = [
            ("2026-11-27T22:00:00Z", "2026-11-28T01:59:59Z", false),
            ("2026-11-27T22:00:00Z", "2026-11-28T02:00:00Z", true),
            ("2026-11-28T02:00:00Z", "2026-11-28T02:00:30Z", false),
            ("2026-12-01T10:00:00Z", "2026-12-01T10:00:30Z", false),
            ("<aws.scheduler.scheduled-time>", "2026-12-01T10:00:30Z", false),
        ];
        for (set, now, expected) in rows {
            let input = read(&text.replace(SCHEDULED_TIME, set)).unwrap();
            assert_eq!(input.is_late(instant(now)), expected, "{set} {now}");
        }
    }

    #[test]
    fn the_story_of_a_start_says_that_it_was_approved_if_it_had_to_be() {
        let told = |approval| {
            let control = Control { approval, ..Control::default() };
            DeployInput { control, ..input() }.story_of_start(None).approval
        };
        assert_eq!(told(Some(Approval::Awaited)), Some(Approval::Given));
        assert_eq!((told(Some(Approval::Missed)), told(None)), (Some(Approval::Missed), None));
    }

    #[test]
    fn the_cutoff_of_several_notices_is_the_latest() {
        assert_eq!(input().cutoff(), instant("2026-11-26T18:00:00Z"));
    }

    #[test]
    fn an_input_is_by_hand_if_no_schedule_filled_in_its_time() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let fired = Wake::Deploy(input()).text().replace(SCHEDULED_TIME, "2026-11-27T22:00:00Z");
        assert!(!DeployInput::is_by_hand(&value(&fired)));
        assert!(DeployInput::is_by_hand(&value(&Wake::Deploy(input()).text())));
        assert!(!DeployInput::is_by_hand(&value(&Wake::Heartbeat.text())));
        assert!(!DeployInput::is_by_hand(&value("[]")));
    }
}
