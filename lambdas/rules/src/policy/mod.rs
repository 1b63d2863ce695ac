//! The operator's settings for all services: the template's parameters as types.

pub mod alarms;
pub mod settings;
pub mod tags;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::time::{calendar::Calendars, window::Windows};
use alarms::AlarmRef;

/// Whether and when services are redeployed. [`Policy::default`] has the template's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `Mode`: whether services are redeployed or only observed.
    pub mode: Mode,
    /// `MaintenanceWindows`: when a deployment may start.
    pub windows: Windows,
    /// `TimeZone`: the default time zone of windows.
    pub zone: Tz,
    /// `ChangeCalendars`: while one is closed, no deployment starts. Includes the states read so far.
    pub calendars: Calendars,
    /// `BlockingAlarms`: while one is in `ALARM`, no deployment starts.
    pub alarms: Vec<AlarmRef>,
    /// `MinimumNoticeMinutes`: the minimum time between planning and the start time, so that owners can react.
    pub minimum_notice: TimeDelta,
    /// `DeadlineMarginMinutes`: the minimum time between the start time and the retirement date.
    pub margin: TimeDelta,
    /// `SlotPreference`: which of the possible start times is used.
    pub preference: Preference,
    /// `WhenNoWindowFits`: what happens if there is no possible start time in a window.
    pub fallback: Fallback,
    /// `SpreadMinutes`: deployments in the same window start within this many minutes.
    pub spread_minutes: u16,
    /// How many services are planned together, on a page of a notice: the more there are, the wider their starts are spread. Not a
    /// parameter.
    pub together: usize,
    /// `EnableCodeDeploy`: the functions may read and create CodeDeploy deployments.
    pub code_deploy: bool,
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
            together: 1,
            code_deploy: false,
        }
    }
}

/// Whether a service is redeployed: `Mode`, or the service's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Services are scheduled and redeployed.
    Deploy,
    /// Services are scheduled, and redeployed once somebody has approved the start time.
    Approve,
    /// Start times are planned and reported. No schedule and no service is changed.
    Observe,
    /// The service is left alone: its owner opted out with the tag.
    Off,
}

impl Mode {
    /// Whether services are scheduled and redeployed, at once or when approved.
    #[must_use]
    pub fn acts(self) -> bool {
        matches!(self, Self::Deploy | Self::Approve)
    }

    /// Parses the value of a service's tag, in any case.
    ///
    /// # Errors
    /// Lists the allowed values.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "deploy" => Ok(Self::Deploy),
            "approve" => Ok(Self::Approve),
            "observe" => Ok(Self::Observe),
            "off" => Ok(Self::Off),
            _ => Err("must be deploy, approve, observe or off".to_owned()),
        }
    }
}

/// `SlotPreference`: which of the possible start times is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// The earliest after the minimum notice.
    Earliest,
    /// The latest before the deadline.
    Latest,
}

/// `WhenNoWindowFits`: what happens when no window fits before the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Use the window's hours on another day, the latest that fits. If none fits, leave the tasks to AWS.
    AnyDay,
    /// Start at the deadline.
    BeforeDeadline,
    /// Schedule nothing: AWS replaces the tasks.
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

/// `NotificationDetail`: which messages people want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationDetail {
    /// A digest for each notice when a window has closed, and messages of their own for what needs a person.
    Digest,
    /// A message for each service.
    Each,
}

/// `NotificationFormat`: the format of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain text.
    Text,
    /// The JSON schema of Amazon Q Developer in chat applications. Email stays plain text.
    Chat,
}
