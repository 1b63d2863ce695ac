//! The operator's choices: the template's parameters, as types.

use std::fmt;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::{
    alarm::{self, AlarmRef},
    calendar::Calendars,
    window::{Windows, parse_zone},
};

/// When services are redeployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `Mode`: whether anything is done.
    pub mode: Mode,
    /// `MaintenanceWindows`: when a deployment may start.
    pub windows: Windows,
    /// `TimeZone`: the zone of windows that name none.
    pub zone: Tz,
    /// `ChangeCalendars`: when no deployment may start, as far as known.
    pub calendars: Calendars,
    /// `BlockingAlarms`: while one of these fires, no deployment starts.
    pub alarms: Vec<AlarmRef>,
    /// `MinimumNoticeMinutes`: a slot is at least this far away, so that people can react.
    pub minimum_notice: TimeDelta,
    /// `DeadlineMarginMinutes`: a slot is at least this long before AWS's date.
    pub margin: TimeDelta,
    /// `SlotPreference`: which candidate wins.
    pub preference: Preference,
    /// `WhenNoWindowFits`: what happens without a candidate.
    pub fallback: Fallback,
    /// `SpreadMinutes`: starts are spread over this long, in minutes.
    pub spread_minutes: u16,
}

/// Whether anything is done: `Mode`, or a service's tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Schedules are written, and services are redeployed.
    Deploy,
    /// All is planned and told, and nothing is written.
    Observe,
    /// Nothing: the service's owner opted out, by its tag.
    Off,
}

impl Mode {
    /// Reads the word that a service's tag carries, in any case.
    ///
    /// # Errors
    /// Says which words there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "deploy" => Ok(Self::Deploy),
            "observe" => Ok(Self::Observe),
            "off" => Ok(Self::Off),
            _ => Err("it is none of deploy, observe and off".to_owned()),
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
    /// The window's hours on the latest other day that fits; if there is none, AWS does it.
    AnyDay,
    /// The deadline itself.
    BeforeDeadline,
    /// AWS replaces the tasks.
    LeaveToAws,
}

impl Fallback {
    /// The parameter's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AnyDay => "any-day",
            Self::BeforeDeadline => "before-deadline",
            Self::LeaveToAws => "leave-to-aws",
        }
    }
}

/// Everything that is wrong with the configuration, by the names of the template's parameters.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// Reads settings by the names of their environment variables, and collects every fault.
pub struct Settings<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

/// How a setting is called, and how a right value looks.
struct Setting {
    parameter: &'static str,
    variable: &'static str,
    default: &'static str,
    example: &'static str,
}

/// `NotificationFormat`: how messages to people are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As plain text.
    Text,
    /// For Amazon Q Developer in chat applications; e-mail stays plain text.
    Chat,
}

impl<'a> Settings<'a> {
    /// Settings as `lookup` gives them; in a function that is the environment.
    #[must_use]
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, faults: Vec::new() }
    }

    /// A value that the template fills in, such as the ARN of one of its resources.
    pub fn required(&mut self, variable: &str) -> String {
        let value = (self.lookup)(variable).unwrap_or_default();
        if value.is_empty() {
            self.faults.push(format!("the environment variable {variable} is missing; the template sets it"));
        }
        value
    }

    /// The policy.
    pub fn policy(&mut self) -> Option<Policy> {
        let zone = self.read(
            &Setting {
                parameter: "TimeZone",
                variable: "TIME_ZONE",
                default: "UTC",
                example: "Europe/London",
            },
            |text| parse_zone(text).map_err(|error| error.to_string()),
        );
        let windows = self.read(
            &Setting {
                parameter: "MaintenanceWindows",
                variable: "MAINTENANCE_WINDOWS",
                default: "Fri 22:00-02:00",
                example: "Fri 22:00-02:00",
            },
            |text| Windows::parse(text, zone.unwrap_or(Tz::UTC)).map_err(|error| error.to_string()),
        );
        let minimum_notice = self.minutes("MinimumNoticeMinutes", "MINIMUM_NOTICE_MINUTES", "60", 20_160);
        let margin = self.minutes("DeadlineMarginMinutes", "DEADLINE_MARGIN_MINUTES", "120", 20_160);
        let spread_minutes = self.minutes("SpreadMinutes", "SPREAD_MINUTES", "15", 1_440);
        let preference = self.read(
            &Setting {
                parameter: "SlotPreference",
                variable: "SLOT_PREFERENCE",
                default: "earliest",
                example: "latest",
            },
            |text| match text {
                "earliest" => Ok(Preference::Earliest),
                "latest" => Ok(Preference::Latest),
                _ => Err("it is neither earliest nor latest".to_owned()),
            },
        );
        let fallback = self.read(
            &Setting {
                parameter: "WhenNoWindowFits",
                variable: "WHEN_NO_WINDOW_FITS",
                default: "any-day",
                example: "before-deadline",
            },
            |text| match text {
                "any-day" => Ok(Fallback::AnyDay),
                "before-deadline" => Ok(Fallback::BeforeDeadline),
                "leave-to-aws" => Ok(Fallback::LeaveToAws),
                _ => Err("it is none of any-day, before-deadline and leave-to-aws".to_owned()),
            },
        );
        let mode = self.read(
            &Setting { parameter: "Mode", variable: "MODE", default: "deploy", example: "observe" },
            |text| match text {
                "deploy" => Ok(Mode::Deploy),
                "observe" => Ok(Mode::Observe),
                _ => Err("it is neither deploy nor observe".to_owned()),
            },
        );
        let calendars = self.read(
            &Setting {
                parameter: "ChangeCalendars",
                variable: "CHANGE_CALENDARS",
                default: "",
                example: "YearEndFreeze",
            },
            Calendars::parse,
        );
        let alarms = self.read(
            &Setting {
                parameter: "BlockingAlarms",
                variable: "BLOCKING_ALARMS",
                default: "",
                example: "prod-",
            },
            alarm::parse,
        );
        Some(Policy {
            mode: mode?,
            windows: windows?,
            zone: zone?,
            calendars: calendars?,
            alarms: alarms?,
            minimum_notice: TimeDelta::minutes(minimum_notice?.into()),
            margin: TimeDelta::minutes(margin?.into()),
            preference: preference?,
            fallback: fallback?,
            spread_minutes: spread_minutes?,
        })
    }

    /// How messages to people are written.
    pub fn format(&mut self) -> Option<Format> {
        self.read(
            &Setting {
                parameter: "NotificationFormat",
                variable: "NOTIFICATION_FORMAT",
                default: "text",
                example: "chat",
            },
            |text| match text {
                "text" => Ok(Format::Text),
                "chat" => Ok(Format::Chat),
                _ => Err("it is neither text nor chat".to_owned()),
            },
        )
    }

    /// Notes something that is wrong with a value that the template fills in.
    pub fn fault(&mut self, problem: String) {
        self.faults.push(problem);
    }

    fn minutes(
        &mut self,
        parameter: &'static str,
        variable: &'static str,
        default: &'static str,
        most: u16,
    ) -> Option<u16> {
        self.read(&Setting { parameter, variable, default, example: default }, |text| {
            text.parse::<u16>()
                .ok()
                .filter(|minutes| *minutes <= most)
                .ok_or_else(|| format!("it is no whole number of minutes from 0 to {most}"))
        })
    }

    fn read<T>(&mut self, setting: &Setting, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = (self.lookup)(setting.variable).unwrap_or_else(|| setting.default.to_owned());
        parse(value.trim())
            .map_err(|problem| {
                self.faults.push(format!(
                    "{} is {value:?}: {problem}; a right value is {:?}",
                    setting.parameter, setting.example
                ));
            })
            .ok()
    }

    /// What was read, unless there was a fault.
    ///
    /// # Errors
    /// Names every parameter that is wrong, with its value and an example of a right one.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, ConfigError> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(ConfigError(self.faults)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(settings: &[(&str, &str)]) -> Result<Policy, ConfigError> {
        let lookup =
            |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let policy = settings.policy();
        settings.finish(policy)
    }

    #[test]
    fn the_defaults_are_those_of_the_template() {
        let policy = policy(&[]).unwrap();
        assert_eq!(policy.windows.to_string(), "Fri 22:00-02:00 UTC");
        assert_eq!(policy.minimum_notice, TimeDelta::minutes(60));
        assert_eq!(policy.margin, TimeDelta::minutes(120));
        assert_eq!((policy.preference, policy.fallback), (Preference::Earliest, Fallback::AnyDay));
        assert_eq!(policy.spread_minutes, 15);
        assert_eq!((policy.mode, policy.zone), (Mode::Deploy, Tz::UTC));
        assert_eq!((policy.calendars, policy.alarms), (Calendars::default(), Vec::new()));
    }

    #[test]
    fn the_time_zone_applies_to_windows_that_name_none() {
        let policy = policy(&[
            ("TIME_ZONE", "Europe/London"),
            ("MAINTENANCE_WINDOWS", "Fri 22:00-02:00 or Tue 01:00-03:00 Asia/Tokyo"),
        ]);
        assert_eq!(
            policy.unwrap().windows.to_string(),
            "Fri 22:00-02:00 Europe/London or Tue 01:00-03:00 Asia/Tokyo"
        );
    }

    #[test]
    fn a_fault_names_the_parameter_the_value_and_a_right_one() {
        let rows = [
            (
                ("TIME_ZONE", "Mars/Olympus"),
                r#"TimeZone is "Mars/Olympus": "Mars/Olympus" is no time zone of the IANA database (write Europe/London); a right value is "Europe/London""#,
            ),
            (
                ("MAINTENANCE_WINDOWS", "Fri 25:00-02:00"),
                r#"MaintenanceWindows is "Fri 25:00-02:00": "25:00-02:00" is no span of time (write HH:MM-HH:MM, from 00:00 to 23:59); a right value is "Fri 22:00-02:00""#,
            ),
            (
                ("MINIMUM_NOTICE_MINUTES", "-1"),
                r#"MinimumNoticeMinutes is "-1": it is no whole number of minutes from 0 to 20160; a right value is "60""#,
            ),
            (
                ("SPREAD_MINUTES", "1441"),
                r#"SpreadMinutes is "1441": it is no whole number of minutes from 0 to 1440; a right value is "15""#,
            ),
            (
                ("SLOT_PREFERENCE", "last"),
                r#"SlotPreference is "last": it is neither earliest nor latest; a right value is "latest""#,
            ),
            (
                ("MODE", "off"),
                r#"Mode is "off": it is neither deploy nor observe; a right value is "observe""#,
            ),
            (
                ("CHANGE_CALENDARS", "Year End"),
                r#"ChangeCalendars is "Year End": "Year End" is neither the name nor the ARN of a Change Calendar; a right value is "YearEndFreeze""#,
            ),
            (
                ("BLOCKING_ALARMS", "arn:aws:sns:eu-west-2:1:x"),
                r#"BlockingAlarms is "arn:aws:sns:eu-west-2:1:x": "arn:aws:sns:eu-west-2:1:x" is no ARN of an alarm, such as arn:aws:cloudwatch:eu-west-2:111122223333:alarm:prod-errors; a right value is "prod-""#,
            ),
            (
                ("WHEN_NO_WINDOW_FITS", ""),
                r#"WhenNoWindowFits is "": it is none of any-day, before-deadline and leave-to-aws; a right value is "before-deadline""#,
            ),
        ];
        for (setting, expected) in rows {
            assert_eq!(policy(&[setting]).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn all_faults_are_reported_together() {
        let error = policy(&[("TIME_ZONE", "Mars"), ("SLOT_PREFERENCE", "last")]).unwrap_err().to_string();
        assert!(error.contains("TimeZone") && error.contains("SlotPreference"), "{error}");
    }

    #[test]
    fn what_the_template_sets_is_required() {
        let mut settings = Settings::new(&|_| None);
        settings.required("SCHEDULE_GROUP");
        let error = settings.finish(Some(())).unwrap_err().to_string();
        assert_eq!(error, "the environment variable SCHEDULE_GROUP is missing; the template sets it");
    }
}
