//! The one-time schedule that wakes deploy: its name, its input, its texts.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{
    date,
    entity::ServiceRef,
    notice::{NoticeRef, latest_cutoff},
    plan::Slot,
    verify::VerifyInput,
    window::{Windows, first_instant, parse_zone},
};

/// The name of a service's schedule: readable, at most 64 characters, and never the same for two services.
///
/// It begins with as much of cluster and service as fits, and ends with a hash of account, Region, cluster
/// and service, from which alone it derives: pages, copies, repeats and retries all meet in one schedule.
#[must_use]
pub fn name(account: &str, region: &str, service: &ServiceRef) -> String {
    named(account, region, service, 18, 24, "")
}

/// The name of the schedule on which verify looks at a service; never that of one that wakes deploy.
#[must_use]
pub fn verify_name(account: &str, region: &str, service: &ServiceRef) -> String {
    named(account, region, service, 15, 20, ".verify")
}

fn named(
    account: &str,
    region: &str,
    service: &ServiceRef,
    cluster_chars: usize,
    service_chars: usize,
    tail: &str,
) -> String {
    // None of the parts can hold the separator.
    let hash = fingerprint([account, region, service.cluster(), service.service()], "/");
    let head = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let (cluster, name) = (head(service.cluster(), cluster_chars), head(service.service(), service_chars));
    format!("{cluster}.{name}.{hash}{tail}")
}

/// The first ten bytes of a hash of texts, each followed by `separator`, as 20 hexadecimal digits.
#[must_use]
pub fn fingerprint<'a>(texts: impl IntoIterator<Item = &'a str>, separator: &str) -> String {
    const BYTES: usize = 10;
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
        hash.update(separator);
    }
    let hash = hash.finalize().iter().take(BYTES).fold(0, |hash: u128, byte| (hash << 8) | u128::from(*byte));
    format!("{hash:020x}")
}

/// What a schedule hands to deploy: the service, and why and until when it is to be redeployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct ScheduleInput {
    /// The service.
    pub service: ServiceRef,
    /// The notices that the deployment serves, each once.
    pub notices: Vec<NoticeRef>,
    /// The slot as it was planned. A schedule that fires at another time was moved by a person.
    pub slot: DateTime<Utc>,
    /// When the window of the slot closes.
    pub window_ends_at: DateTime<Utc>,
    /// The windows for which the slot was planned. Where the service has others by then, it is planned again.
    pub windows: Option<String>,
    /// How many times the start was postponed within its window.
    pub attempt: u32,
    /// For when the schedule was set that handed this over: EventBridge Scheduler fills it in as it fires.
    /// Nothing where a person handed it over.
    pub scheduled_for: Option<DateTime<Utc>>,
}

/// What EventBridge Scheduler replaces by the time for which a schedule was set
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>).
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

/// The version of every input that is written.
pub(crate) const VERSION: u32 = 1;

/// Refuses an input of another version or kind.
pub(crate) fn expect_kind(version: u32, kind: &str, expected: &str) -> Result<(), String> {
    if (version, kind) == (VERSION, expected) {
        return Ok(());
    }
    Err(format!("version and kind are {version} and {kind:?}; expected {VERSION} and {expected:?}"))
}

#[derive(Serialize, Deserialize)]
#[serde(expecting = "the input of a schedule, a JSON object")]
struct Wire {
    version: u32,
    cluster: String,
    service: String,
    notices: Vec<NoticeRef>,
    slot: DateTime<Utc>,
    window_ends_at: DateTime<Utc>,
    #[serde(default)]
    windows: Option<String>,
    #[serde(default)]
    attempt: u32,
    #[serde(default)]
    scheduled_for: String,
}

impl TryFrom<Wire> for ScheduleInput {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let Wire {
            version,
            cluster,
            service,
            notices,
            slot,
            window_ends_at,
            windows,
            attempt,
            scheduled_for,
        } = wire;
        if version != VERSION {
            return Err(format!("version is {version}; expected {VERSION}"));
        }
        let service = ServiceRef::named(&cluster, &service)?;
        if notices.is_empty() {
            return Err("notices is []; expected at least one notice".to_owned());
        }
        let scheduled_for = date::parse(&scheduled_for);
        Ok(Self { service, notices, slot, window_ends_at, windows, attempt, scheduled_for })
    }
}

impl From<ScheduleInput> for Wire {
    fn from(input: ScheduleInput) -> Self {
        let ScheduleInput { service, notices, slot, window_ends_at, windows, attempt, .. } = input;
        Self {
            version: VERSION,
            cluster: service.cluster().to_owned(),
            service: service.service().to_owned(),
            notices,
            slot,
            window_ends_at,
            windows,
            attempt,
            scheduled_for: SCHEDULED_TIME.to_owned(),
        }
    }
}

/// A text or value that is no schedule's input, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule's input cannot be read: {0}")]
pub struct InvalidInput(String);

/// Reads what a schedule carries, as one of the inputs.
///
/// # Errors
/// Names the field that is wrong.
pub fn read<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, InvalidInput> {
    serde_path_to_error::deserialize(value).map_err(|error| InvalidInput(error.to_string()))
}

impl ScheduleInput {
    /// Reads the text that a schedule carries.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn from_text(text: &str) -> Result<Self, InvalidInput> {
        let mut json = serde_json::Deserializer::from_str(text);
        let input =
            serde_path_to_error::deserialize(&mut json).map_err(|error| InvalidInput(error.to_string()))?;
        json.end().map_err(|error| InvalidInput(error.to_string()))?;
        Ok(input)
    }

    /// Whether it comes after its window has closed, though it was set for a time before that: it was held up,
    /// or its schedule was enabled too late. What a person sets for a later time is not late.
    #[must_use]
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        now >= self.window_ends_at && self.scheduled_for.is_some_and(|set| set < self.window_ends_at)
    }

    /// Whether it is at a time that was planned for other windows than `windows`, and that is outside of these.
    /// Where a person set the time, or hands it over by hand, the person's time stands.
    #[must_use]
    pub fn is_outside(&self, windows: &Windows, now: DateTime<Utc>) -> bool {
        let planned = self.scheduled_for == Some(self.slot);
        planned && self.has_other_windows(windows) && !windows.iter().any(|window| window.is_open(now))
    }

    /// Whether its slot was planned for other windows than these.
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

/// The description that a person sees in the list of schedules: when, by when, for what.
#[must_use]
pub fn description(service: &ServiceRef, slot: DateTime<Utc>, zone: Tz, notices: &[NoticeRef]) -> String {
    shorten(&format!(
        "Redeploys at {}; AWS's date: {}; notices: {}; service: {service}",
        date::both(slot, zone),
        awss_date(notices),
        notices.len(),
    ))
}

fn awss_date(notices: &[NoticeRef]) -> String {
    let first = notices.iter().filter_map(|notice| notice.starts_at).min();
    first.map_or_else(|| "unknown".to_owned(), date::utc)
}

/// The 512 characters that EventBridge Scheduler allows for a description.
fn shorten(description: &str) -> String {
    description.chars().take(512).collect()
}

/// The zone that a description of ours names, so that an update keeps telling the time that people know.
#[must_use]
pub fn zone_of(description: &str) -> Option<Tz> {
    parse_zone(description.strip_prefix("Redeploys at ")?.split([' ', ';']).nth(3)?).ok()
}

/// EventBridge Scheduler's expression for one moment in UTC; its precision is a minute.
#[must_use]
pub fn at_expression(at: DateTime<Utc>) -> String {
    at.format("at(%Y-%m-%dT%H:%M:%S)").to_string()
}

/// The moment of an `at()` expression, or nothing if a person made it recurring.
///
/// EventBridge Scheduler reads the expression in the schedule's zone.
#[must_use]
pub fn parse_at(expression: &str, zone: Option<&str>) -> Option<DateTime<Utc>> {
    let local = expression.trim().strip_prefix("at(")?.strip_suffix(')')?;
    let local = NaiveDateTime::parse_from_str(local.trim(), "%Y-%m-%dT%H:%M:%S").ok()?;
    let zone = zone.map_or(Ok(Tz::UTC), parse_zone).ok()?;
    Some(first_instant(local, zone))
}

/// A schedule as ingest writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// When it fires.
    pub slot: Slot,
    /// What it hands to deploy.
    pub input: ScheduleInput,
}

impl NewSchedule {
    /// A schedule for `service` at `slot`.
    #[must_use]
    pub fn new(service: &ServiceRef, slot: Slot, notices: Vec<NoticeRef>) -> Self {
        let input = ScheduleInput {
            service: service.clone(),
            notices,
            slot: slot.at,
            window_ends_at: slot.window_ends_at,
            windows: Some(slot.windows.clone()),
            attempt: 0,
            scheduled_for: None,
        };
        Self { slot, input }
    }

    /// What is written, under `name`.
    #[must_use]
    pub fn spec(&self, name: &str) -> Spec {
        let Slot { at, zone, spread_minutes, .. } = self.slot;
        let description = description(&self.input.service, at, zone, &self.input.notices);
        Spec {
            spread_minutes,
            retry_seconds: self.retry_seconds(),
            ..Spec::new(name.to_owned(), Wakes::Deploy, at, &description, &self.input)
        }
    }

    /// For how long EventBridge Scheduler tries to hand it to deploy: until the window closes. In seconds,
    /// within the 60 to 86,400 that it allows.
    fn retry_seconds(&self) -> i32 {
        let left = (self.slot.window_ends_at - self.slot.at).num_seconds().clamp(60, 86_400);
        i32::try_from(left).unwrap_or(86_400)
    }
}

/// Which function a schedule wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakes {
    /// Deploy.
    Deploy,
    /// Verify.
    Verify,
}

/// A one-time schedule as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name in the group.
    pub name: String,
    /// The function that it wakes.
    pub wakes: Wakes,
    /// When, a whole minute.
    pub at: DateTime<Utc>,
    /// By how many minutes at most it may fire later.
    pub spread_minutes: u16,
    /// For how long the hand-over is tried, in seconds.
    pub retry_seconds: i32,
    /// What people read.
    pub description: String,
    /// What it hands over, as JSON.
    pub input: String,
}

impl Spec {
    /// A schedule that fires on the minute, and whose hand-over is tried for an hour.
    #[must_use]
    pub fn new(
        name: String,
        wakes: Wakes,
        at: DateTime<Utc>,
        description: &str,
        input: &impl Serialize,
    ) -> Self {
        let input = serde_json::json!(input).to_string();
        let description = shorten(description);
        Self { name, wakes, at, spread_minutes: 0, retry_seconds: 3_600, description, input }
    }

    /// The schedule of a look at a service.
    #[must_use]
    pub fn look(name: String, at: DateTime<Utc>, zone: Tz, input: &VerifyInput) -> Self {
        let description = format!(
            "Verifies at {} whether {} is patched (look {}); AWS's date: {}",
            date::both(at, zone),
            input.service,
            input.look + 1,
            awss_date(&input.notices),
        );
        Self::new(name, Wakes::Verify, at, &description, input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn service(cluster: &str, service: &str) -> ServiceRef {
        ServiceRef::new(cluster, service).expect("names of the test")
    }

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

    fn input() -> ScheduleInput {
        ScheduleInput {
            service: service("prod", "web"),
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
            attempt: 0,
            scheduled_for: None,
        }
    }

    #[test]
    fn the_input_is_the_contract_with_deploy() {
        let text = serde_json::to_string(&input()).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"version":1,"cluster":"prod","service":"web","notices":["#,
                r#"{"event_arn":"arn:1","starts_at":"2026-12-02T18:00:00Z","cutoff":"2026-11-25T18:00:00Z"},"#,
                r#"{"event_arn":"arn:2","starts_at":null,"cutoff":"2026-11-26T18:00:00Z"}],"#,
                r#""slot":"2026-11-27T22:00:00Z","window_ends_at":"2026-11-28T02:00:00Z","windows":"Fri 22:00-02:00 UTC","attempt":0,"scheduled_for":"<aws.scheduler.scheduled-time>"}"#
            )
        );
        assert_eq!(ScheduleInput::from_text(&text), Ok(input()));
        assert_eq!(read(&serde_json::from_str(&text).unwrap()), Ok(input()));
    }

    #[test]
    fn an_input_edited_by_hand_is_refused_with_the_field() {
        let text = serde_json::to_string(&input()).unwrap();
        let rows = [
            (text.replace(r#""version":1"#, r#""version":2"#), "version is 2; expected 1"),
            (text.replace(r#""web""#, r#""we b""#), r#"cluster and service are "prod" and "we b""#),
            (text.replace("2026-11-27T22:00:00Z", "Friday"), "slot: "),
            (text.replace(r#""cluster":"prod","#, ""), "missing field `cluster`"),
            ("restart web please".to_owned(), "expected value"),
            (format!("{text} please"), "trailing characters"),
            (
                r#"{"version":1,"cluster":"a","service":"b","notices":[],"slot":"2026-11-27T22:00:00Z","window_ends_at":"2026-11-28T02:00:00Z"}"#.to_owned(),
                "notices is []",
            ),
        ];
        for (text, expected) in rows {
            let error = ScheduleInput::from_text(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_was_set_for_its_window_and_comes_after_it_is_late() {
        let text = serde_json::to_string(&input()).unwrap();
        assert!(text.contains(r#""scheduled_for":"<aws.scheduler.scheduled-time>""#), "{text}");
        let rows = [
            ("2026-11-27T22:00:00Z", "2026-11-28T01:59:59Z", false),
            ("2026-11-27T22:00:00Z", "2026-11-28T02:00:00Z", true),
            ("2026-12-01T10:00:00Z", "2026-12-01T10:00:30Z", false),
            ("<aws.scheduler.scheduled-time>", "2026-12-01T10:00:30Z", false),
        ];
        for (set, now, expected) in rows {
            let input = ScheduleInput::from_text(&text.replace(SCHEDULED_TIME, set)).unwrap();
            assert_eq!(input.is_late(instant(now)), expected, "{set} {now}");
        }
    }

    #[test]
    fn the_cutoff_of_several_notices_is_the_latest() {
        assert_eq!(input().cutoff(), instant("2026-11-26T18:00:00Z"));
    }

    #[test]
    fn a_person_reads_local_time_utc_and_awss_date() {
        let zone = "Europe/London".parse().unwrap();
        let text = description(&input().service, instant("2026-07-10T21:00:00Z"), zone, &input().notices);
        assert_eq!(
            text,
            "Redeploys at Fri 2026-07-10 22:00 Europe/London (Fri 2026-07-10 21:00 UTC); \
             AWS's date: Wed 2026-12-02 18:00 UTC; notices: 2; service: prod/web"
        );
        assert_eq!(zone_of(&text), Some(zone));
        let text = description(&input().service, instant("2026-07-10T21:00:00Z"), Tz::UTC, &input().notices);
        assert!(text.starts_with("Redeploys at Fri 2026-07-10 21:00 UTC; AWS's date: "), "{text}");
        assert_eq!(zone_of(&text), Some(Tz::UTC));
        assert_eq!(zone_of("do not touch"), None);
    }

    #[test]
    fn a_description_fits_whatever_the_names() {
        let long = service(&"c".repeat(255), &"s".repeat(255));
        assert_eq!(description(&long, instant("2026-07-10T21:00:00Z"), Tz::UTC, &input().notices).len(), 512);
    }

    #[test]
    fn an_expression_moved_by_hand_is_read_in_its_zone() {
        let rows = [
            ("at(2026-11-27T22:00:00)", None, Some("2026-11-27T22:00:00Z")),
            ("at(2026-07-10T22:00:00)", Some("Europe/London"), Some("2026-07-10T21:00:00Z")),
            ("at(2026-11-27T22:00:00)", Some("UTC"), Some("2026-11-27T22:00:00Z")),
            ("rate(1 day)", None, None),
            ("cron(0 22 ? * FRI *)", None, None),
            ("at(Friday)", None, None),
        ];
        for (expression, zone, expected) in rows {
            assert_eq!(parse_at(expression, zone), expected.map(instant), "{expression}");
        }
        let moment = instant("2026-11-27T22:00:00Z");
        assert_eq!(parse_at(&at_expression(moment), None), Some(moment));
    }

    #[test]
    fn a_name_is_readable_and_stays_what_it_is() {
        // Pending schedules are found by it: it may never change.
        assert_eq!(
            name("111122223333", "eu-west-2", &service("prod", "web")),
            "prod.web.bf04ed89e1afdadd0c43"
        );
    }

    proptest! {
        #[test]
        fn a_name_is_one_that_scheduler_allows(cluster in "[A-Za-z0-9_-]{1,255}", name_ in "[A-Za-z0-9_-]{1,255}") {
            let name = name("111122223333", "us-gov-west-1", &service(&cluster, &name_));
            prop_assert!(name.len() <= 64, "{}", name);
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{}", name);
        }

        #[test]
        fn two_services_never_share_a_name(
            one in ("[ab-]{1,40}", "[ab-]{1,40}"), two in ("[ab-]{1,40}", "[ab-]{1,40}"),
        ) {
            prop_assume!(one != two);
            let of = |pair: &(String, String)| name("111122223333", "eu-west-2", &service(&pair.0, &pair.1));
            prop_assert_ne!(of(&one), of(&two));
        }
    }

    #[test]
    fn account_and_region_are_part_of_the_name() {
        let web = service("prod", "web");
        let names =
            [name("1", "eu-west-2", &web), name("2", "eu-west-2", &web), name("1", "eu-west-1", &web)];
        assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2]);
    }

    #[test]
    fn retries_end_with_the_window() {
        let slot = |ends_at: &str| Slot {
            at: instant("2026-11-27T22:00:00Z"),
            window_ends_at: instant(ends_at),
            zone: Tz::UTC,
            windows: "Fri 22:00-02:00 UTC".into(),
            spread_minutes: 15,
            reason: String::new(),
        };
        let seconds =
            |ends_at| NewSchedule::new(&input().service, slot(ends_at), input().notices).retry_seconds();
        assert_eq!(seconds("2026-11-28T02:00:00Z"), 4 * 3_600);
        assert_eq!(seconds("2026-11-27T22:00:30Z"), 60);
        assert_eq!(seconds("2026-12-02T18:00:00Z"), 86_400);
    }
}
