//! Reads the [`Policy`] from the environment variables that the template sets, and reports all faults at once.

use std::fmt;

use chrono::TimeDelta;

use super::{Fallback, Format, Mode, NotificationDetail, Policy, Preference, alarms};
use crate::time::{
    calendar::Calendars,
    window::{Windows, parse_zone},
};

/// All faults of the configuration, with the names of the template's parameters.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// Reads settings from environment variables and collects all faults.
pub struct Settings<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

impl<'a> Settings<'a> {
    /// Reads each environment variable with `lookup`.
    #[must_use]
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, faults: Vec::new() }
    }

    /// Reads a value that the template always sets, such as the ARN of one of its resources.
    pub fn required(&mut self, variable: &str) -> String {
        let value = (self.lookup)(variable).unwrap_or_default();
        if value.is_empty() {
            self.faults.push(format!("the environment variable {variable} is missing; the template sets it"));
        }
        value
    }

    /// Reads the policy. A parameter that is not set has the template's default.
    pub fn policy(&mut self) -> Policy {
        let default = Policy::default();
        let zone = self.read("TimeZone", "TIME_ZONE", default.zone, |text| {
            parse_zone(text).map_err(|error| error.to_string())
        });
        let windows =
            self.read("MaintenanceWindows", "MAINTENANCE_WINDOWS", default.windows.in_zone(zone), |text| {
                Windows::parse(text, zone).map_err(|error| error.to_string())
            });
        Policy {
            mode: self.read("Mode", "MODE", default.mode, |text| match text {
                "deploy" => Ok(Mode::Deploy),
                "approve" => Ok(Mode::Approve),
                "observe" => Ok(Mode::Observe),
                _ => Err("must be deploy, approve or observe".to_owned()),
            }),
            windows,
            zone,
            calendars: self.read("ChangeCalendars", "CHANGE_CALENDARS", default.calendars, Calendars::parse),
            alarms: self.read("BlockingAlarms", "BLOCKING_ALARMS", default.alarms, alarms::parse),
            minimum_notice: self.minutes(
                "MinimumNoticeMinutes",
                "MINIMUM_NOTICE_MINUTES",
                default.minimum_notice,
            ),
            margin: self.minutes("DeadlineMarginMinutes", "DEADLINE_MARGIN_MINUTES", default.margin),
            preference: self.read(
                "SlotPreference",
                "SLOT_PREFERENCE",
                default.preference,
                |text| match text {
                    "earliest" => Ok(Preference::Earliest),
                    "latest" => Ok(Preference::Latest),
                    _ => Err("must be earliest or latest".to_owned()),
                },
            ),
            fallback: self.read(
                "WhenNoWindowFits",
                "WHEN_NO_WINDOW_FITS",
                default.fallback,
                |text| match text {
                    "any-day" => Ok(Fallback::AnyDay),
                    "before-deadline" => Ok(Fallback::BeforeDeadline),
                    "leave-to-aws" => Ok(Fallback::LeaveToAws),
                    _ => Err("must be any-day, before-deadline or leave-to-aws".to_owned()),
                },
            ),
            spread_minutes: self.read("SpreadMinutes", "SPREAD_MINUTES", default.spread_minutes, |text| {
                whole_minutes(text, 1_440, 15)
            }),
            together: default.together,
            code_deploy: self.read("EnableCodeDeploy", "ENABLE_CODE_DEPLOY", default.code_deploy, |text| {
                text.parse().map_err(|_| "must be true or false".to_owned())
            }),
        }
    }

    /// Reads whether what an operator changes needs a reason and a ticket.
    pub fn require_reason(&mut self) -> bool {
        self.read("RequireReason", "REQUIRE_REASON", false, |text| {
            text.parse().map_err(|_| "must be true or false".to_owned())
        })
    }

    /// Reads whether the rule accepts drills.
    pub fn drills(&mut self) -> bool {
        self.read("EnableDrills", "ENABLE_DRILLS", false, |text| {
            text.parse().map_err(|_| "must be true or false".to_owned())
        })
    }

    /// Reads which messages people want.
    pub fn detail(&mut self) -> NotificationDetail {
        let default = NotificationDetail::Digest;
        self.read("NotificationDetail", "NOTIFICATION_DETAIL", default, |text| match text {
            "digest" => Ok(NotificationDetail::Digest),
            "each" => Ok(NotificationDetail::Each),
            _ => Err("must be digest or each".to_owned()),
        })
    }

    /// Reads the format of messages.
    pub fn format(&mut self) -> Format {
        self.read("NotificationFormat", "NOTIFICATION_FORMAT", Format::Text, |text| match text {
            "text" => Ok(Format::Text),
            "chat" => Ok(Format::Chat),
            _ => Err("must be text or chat".to_owned()),
        })
    }

    fn minutes(&mut self, parameter: &'static str, variable: &'static str, default: TimeDelta) -> TimeDelta {
        let example = default.num_minutes();
        self.read(parameter, variable, default, |text| {
            whole_minutes(text, 20_160, example).map(|minutes| TimeDelta::minutes(minutes.into()))
        })
    }

    /// Reads one parameter. Records a fault and returns the default if the value is invalid.
    fn read<T>(
        &mut self,
        parameter: &'static str,
        variable: &'static str,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let Some(value) = (self.lookup)(variable) else { return default };
        parse(value.trim()).unwrap_or_else(|problem| {
            self.faults.push(format!("{parameter} is {value:?}: {problem}"));
            default
        })
    }

    /// Returns `read` if there was no fault.
    ///
    /// # Errors
    /// Names every invalid parameter, with its value and a valid example.
    pub fn finish<T>(self, read: T) -> Result<T, ConfigError> {
        if self.faults.is_empty() { Ok(read) } else { Err(ConfigError(self.faults)) }
    }
}

fn whole_minutes(text: &str, max: u16, example: impl fmt::Display) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|minutes| *minutes <= max)
        .ok_or_else(|| format!("must be a whole number of minutes from 0 to {max}, for example {example}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{faults, policy};
    use chrono_tz::Tz;

    #[test]
    fn unset_parameters_have_the_template_defaults() {
        let policy = policy(&[]);
        assert_eq!(policy, Policy::default());
        assert_eq!(policy.windows.to_string(), "Fri 22:00-02:00 UTC");
        assert_eq!(policy.minimum_notice, TimeDelta::minutes(60));
        assert_eq!(policy.margin, TimeDelta::minutes(120));
        assert_eq!((policy.preference, policy.fallback), (Preference::Earliest, Fallback::AnyDay));
        assert_eq!((policy.spread_minutes, policy.code_deploy), (15, false));
        assert_eq!((policy.mode, policy.zone), (Mode::Deploy, Tz::UTC));
        assert_eq!((&policy.calendars, &policy.alarms), (&Calendars::default(), &Vec::new()));
        let defaults =
            [("MODE", "deploy"), ("SLOT_PREFERENCE", "earliest"), ("WHEN_NO_WINDOW_FITS", "any-day")];
        assert_eq!(crate::testing::policy(&defaults), policy);
    }

    #[test]
    fn the_time_zone_is_the_default_of_windows() {
        let london = ("TIME_ZONE", "Europe/London");
        let windows = ("MAINTENANCE_WINDOWS", "Fri 22:00-02:00 or Tue 01:00-03:00 Asia/Tokyo");
        assert_eq!(
            policy(&[london, windows]).windows.to_string(),
            "Fri 22:00-02:00 Europe/London or Tue 01:00-03:00 Asia/Tokyo"
        );
        assert_eq!(policy(&[london]).windows.to_string(), "Fri 22:00-02:00 Europe/London");
    }

    #[test]
    fn a_fault_names_the_parameter_and_its_value_and_gives_a_valid_example() {
        let rows = [
            (
                ("TIME_ZONE", "Mars/Olympus"),
                r#"TimeZone is "Mars/Olympus": unknown time zone "Mars/Olympus"; use an IANA name, for example Europe/London"#,
            ),
            (
                ("MAINTENANCE_WINDOWS", "Fri 25:00-02:00"),
                r#"MaintenanceWindows is "Fri 25:00-02:00": invalid hours "25:00-02:00"; use HH:MM-HH:MM from 00:00 to 23:59, for example 22:00-02:00"#,
            ),
            (
                ("MINIMUM_NOTICE_MINUTES", "-1"),
                r#"MinimumNoticeMinutes is "-1": must be a whole number of minutes from 0 to 20160, for example 60"#,
            ),
            (
                ("SPREAD_MINUTES", "1441"),
                r#"SpreadMinutes is "1441": must be a whole number of minutes from 0 to 1440, for example 15"#,
            ),
            (("ENABLE_CODE_DEPLOY", "yes"), r#"EnableCodeDeploy is "yes": must be true or false"#),
            (("SLOT_PREFERENCE", "last"), r#"SlotPreference is "last": must be earliest or latest"#),
            (("MODE", "off"), r#"Mode is "off": must be deploy, approve or observe"#),
            (
                ("CHANGE_CALENDARS", "Year End"),
                r#"ChangeCalendars is "Year End": "Year End" is neither the name nor the ARN of a Change Calendar; for example YearEndFreeze"#,
            ),
            (
                ("BLOCKING_ALARMS", "arn:aws:sns:eu-west-2:1:x"),
                r#"BlockingAlarms is "arn:aws:sns:eu-west-2:1:x": "arn:aws:sns:eu-west-2:1:x" is not the ARN of an alarm; for example arn:aws:cloudwatch:eu-west-2:111122223333:alarm:prod-errors"#,
            ),
            (
                ("WHEN_NO_WINDOW_FITS", ""),
                r#"WhenNoWindowFits is "": must be any-day, before-deadline or leave-to-aws"#,
            ),
        ];
        for (setting, expected) in rows {
            assert_eq!(faults(&[setting]), expected);
        }
    }

    #[test]
    fn all_faults_are_reported_together() {
        let faults = faults(&[("TIME_ZONE", "Mars"), ("SLOT_PREFERENCE", "last")]);
        assert!(faults.contains("TimeZone") && faults.contains("SlotPreference"), "{faults}");
    }

    #[test]
    fn a_missing_required_variable_is_a_fault() {
        let mut settings = Settings::new(&|_| None);
        settings.required("SCHEDULE_GROUP");
        let error = settings.finish(()).unwrap_err().to_string();
        assert_eq!(error, "the environment variable SCHEDULE_GROUP is missing; the template sets it");
    }
}
