//! What the operator chose for all services: the template's parameters, as types.

pub mod alarms;
pub mod settings;
pub mod tags;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::time::{calendar::Calendars, window::Windows};
use alarms::AlarmRef;

/// When and whether services are redeployed. [`Policy::default`] has the template's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `Mode`: whether services are redeployed or only observed.
    pub mode: Mode,
    /// `MaintenanceWindows`: when a deployment may start.
    pub windows: Windows,
    /// `TimeZone`: the time zone of windows that name none.
    pub zone: Tz,
    /// `ChangeCalendars`: while one is closed, no deployment starts. Holds what is known of them so far.
    pub calendars: Calendars,
    /// `BlockingAlarms`: while one is in `ALARM`, no deployment starts.
    pub alarms: Vec<AlarmRef>,
    /// `MinimumNoticeMinutes`: a start time is at least this far away, so that people can react.
    pub minimum_notice: TimeDelta,
    /// `DeadlineMarginMinutes`: a start time is at least this long before the retirement date.
    pub margin: TimeDelta,
    /// `SlotPreference`: which candidate wins.
    pub preference: Preference,
    /// `WhenNoWindowFits`: what happens without a candidate.
    pub fallback: Fallback,
    /// `SpreadMinutes`: the starts of one window are spread over this many minutes.
    pub spread_minutes: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Deploy,
            windows: Windows::default(),
            zone: Tz::UTC,
            calendars: Calendars::default(),
            alarms: Vec::new(),
            minimum_notice: TimeDelta::minutes(60),
            margin: TimeDelta::minutes(120),
            preference: Preference::Earliest,
            fallback: Fallback::AnyDay,
            spread_minutes: 15,
        }
    }
}

/// Whether a service is redeployed: `Mode`, or the service's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Schedules are written, and services are redeployed.
    Deploy,
    /// Everything is planned and reported; nothing is written to schedules or to ECS.
    Observe,
    /// Nothing is done: the owner opted the service out, by its tag.
    Off,
}

impl Mode {
    /// Reads the value of a service's tag, in any case.
    ///
    /// # Errors
    /// Names the allowed values.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "deploy" => Ok(Self::Deploy),
            "observe" => Ok(Self::Observe),
            "off" => Ok(Self::Off),
            _ => Err("must be deploy, observe or off".to_owned()),
        }
    }
}

/// Which candidate wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// The first after the minimum notice.
    Earliest,
    /// The last before the deadline.
    Latest,
}

/// What happens when no window fits before the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// The window's hours on the latest other day that fits. If there is none, AWS replaces the tasks.
    AnyDay,
    /// The deadline itself.
    BeforeDeadline,
    /// AWS replaces the tasks.
    LeaveToAws,
}

impl Fallback {
    /// The parameter's value.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AnyDay => "any-day",
            Self::BeforeDeadline => "before-deadline",
            Self::LeaveToAws => "leave-to-aws",
        }
    }
}

/// `NotificationFormat`: how messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain text.
    Text,
    /// For Amazon Q Developer in chat applications; e-mail stays plain text.
    Chat,
}
