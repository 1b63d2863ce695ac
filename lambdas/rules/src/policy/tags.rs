//! The owner's settings for one service: tags on the ECS service. Tags override the parameters.

use chrono_tz::Tz;

use super::{Mode, Policy};
use crate::{arn::ServiceRef, time::window::Windows};

/// The prefix of the tag keys.
const PREFIX: &str = "ecs-task-patching:";
/// The reason for skipping a service whose tag sets the mode `off`.
pub const OPTED_OUT: &str = "the owner opted out (tag ecs-task-patching:mode is off)";
/// The problem with any other tag that has the prefix.
const UNKNOWN: &str =
    "unknown tag; use ecs-task-patching:window, ecs-task-patching:mode or ecs-task-patching:after";

/// The parsed tags of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// `ecs-task-patching:window`: the service's own windows.
    pub windows: Option<Windows>,
    /// `ecs-task-patching:mode`: whether the service is redeployed.
    pub mode: Option<Mode>,
    /// `ecs-task-patching:after`: the service that must be patched first.
    pub after: Option<ServiceRef>,
    /// Why the service is held: its `ecs-task-patching:mode` is unreadable. Whether its owner wants it redeployed is then
    /// unknown, so it is not.
    pub held: Option<String>,
    /// The problems of unreadable and unknown tags. Apart from an unreadable mode, these tags are ignored.
    pub problems: Vec<String>,
}

impl Tags {
    /// Parses the tags of `service`, given as keys and values. `zone` is the default zone of windows.
    #[must_use]
    pub fn read(service: &ServiceRef, tags: &[(String, String)], zone: Tz) -> Self {
        let mut read = Self::default();
        for (key, value) in tags {
            let Some(name) = name(key) else { continue };
            let parsed = match name.as_str() {
                // Tag keys are case-sensitive. If other spellings counted too, the order of the tags would decide.
                _ if *key != format!("{PREFIX}{name}") => Err(UNKNOWN.to_owned()),
                "window" => Windows::parse(value, zone)
                    .map(|windows| read.windows = Some(windows))
                    .map_err(|error| format!("{error}; the parameter MaintenanceWindows applies")),
                "mode" => Mode::parse(value).map(|mode| read.mode = Some(mode)).map_err(|error| {
                    format!("{error}; the service is not redeployed until the tag is valid")
                }),
                "after" => after(service, value).map(|other| read.after = Some(other)),
                _ => Err(UNKNOWN.to_owned()),
            };
            if let Err(problem) = parsed {
                let problem = format!("tag {key} is {value:?}: {problem}");
                if *key == format!("{PREFIX}mode") {
                    read.held = Some(problem.clone());
                }
                read.problems.push(problem);
            }
        }
        read
    }

    /// The mode of the service: its tag, or the parameter.
    #[must_use]
    pub fn mode(&self, policy: &Policy) -> Mode {
        self.mode.unwrap_or(policy.mode)
    }

    /// Whether schedules of the service may be written. The only place that decides this for observe mode.
    #[must_use]
    pub fn may_write(&self, policy: &Policy) -> bool {
        match self.mode(policy) {
            Mode::Deploy | Mode::Approve => true,
            Mode::Observe => false,
            // Opting out deletes a pending schedule, unless the stack only observes.
            Mode::Off => policy.mode.acts(),
        }
    }

    /// The operator's policy, overridden by the owner's tags.
    #[must_use]
    pub fn over(&self, policy: &Policy) -> Policy {
        let windows = self.windows.clone().unwrap_or_else(|| policy.windows.clone());
        Policy { mode: self.mode(policy), windows, ..policy.clone() }
    }
}

/// What follows the prefix in a tag key, in lower case. Keys that are nearly ours, such as `ecs-task-patching-mode`, count
/// too, so that a mistyped key is reported.
fn name(key: &str) -> Option<String> {
    let key: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    key.strip_prefix("ecs-task-patching-").map(str::to_owned)
}

fn after(service: &ServiceRef, value: &str) -> Result<ServiceRef, String> {
    let other =
        ServiceRef::parse(value).ok_or("must be cluster/service, for example dev/web; the tag is ignored")?;
    if other == *service {
        return Err("must name another service; the tag is ignored".to_owned());
    }
    Ok(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::web;

    fn read(tags: &[(&str, &str)]) -> Tags {
        let tags: Vec<_> = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Tags::read(&web(), &tags, Tz::Europe__London)
    }

    #[test]
    fn valid_tags_override_the_parameters() {
        let parameters = Policy::default();
        let tags = [
            ("Name", "web"),
            ("ecs-task-patching:window", "tue 01:00-03:00 or Sat 22:00-23:00 UTC"),
            ("ecs-task-patching:mode", " Observe "),
            ("ecs-task-patching:after", "dev/web"),
        ];
        let tags = read(&tags);
        let policy = tags.over(&parameters);
        assert_eq!(policy.windows.to_string(), "Tue 01:00-03:00 Europe/London or Sat 22:00-23:00 UTC");
        assert_eq!(policy.mode, Mode::Observe);
        assert_eq!(tags.after, ServiceRef::new("dev", "web"));
        assert!(tags.problems.is_empty());
        assert_eq!(read(&[("ecs-task-patching:mode", "OFF")]).over(&parameters).mode, Mode::Off);
        assert_eq!(read(&[("team", "a")]).over(&parameters), parameters);
    }

    #[test]
    fn observe_mode_writes_no_schedules() {
        let mode = |mode| Policy { mode, ..Policy::default() };
        let (deploy, observe) = (mode(Mode::Deploy), mode(Mode::Observe));
        let rows = [
            (None, true, false),
            (Some("deploy"), true, true),
            (Some("approve"), true, true),
            (Some("observe"), false, false),
            (Some("off"), true, false),
        ];
        for (tag, deploying, observing) in rows {
            let tags: Vec<_> = tag.map(|value| ("ecs-task-patching:mode", value)).into_iter().collect();
            let tags = read(&tags);
            assert_eq!(
                (tags.may_write(&deploy), tags.may_write(&observe)),
                (deploying, observing),
                "{tag:?}"
            );
        }
    }

    #[test]
    fn unreadable_and_unknown_tags_are_reported() {
        let rows = [
            (
                "ecs-task-patching:window",
                "Fry 22:00-02:00",
                "tag ecs-task-patching:window is \"Fry 22:00-02:00\": unknown day \"Fry\"; use Fri, Fri+Sat, Mon-Thu, \
                 daily, weekdays or weekend; the parameter MaintenanceWindows applies",
            ),
            (
                "ecs-task-patching:mode",
                "no",
                "tag ecs-task-patching:mode is \"no\": must be deploy, approve, observe or off; the service \
                 is not redeployed until the tag is valid",
            ),
            (
                "ecs-task-patching:after",
                "web",
                "tag ecs-task-patching:after is \"web\": must be cluster/service, for example dev/web; the \
                 tag is ignored",
            ),
            (
                "ecs-task-patching:after",
                "prod/web",
                "tag ecs-task-patching:after is \"prod/web\": must name another service; the tag is ignored",
            ),
            (
                "ecs-task-patching:windows",
                "Fri 22:00-02:00",
                "tag ecs-task-patching:windows is \"Fri 22:00-02:00\": unknown tag; use ecs-task-patching:window, \
                 ecs-task-patching:mode or ecs-task-patching:after",
            ),
            (
                "ECS-Task-Patching:Mode",
                "off",
                "tag ECS-Task-Patching:Mode is \"off\": unknown tag; use ecs-task-patching:window, ecs-task-patching:mode \
                 or ecs-task-patching:after",
            ),
            (
                "ecs-task-patching-mode",
                "off",
                "tag ecs-task-patching-mode is \"off\": unknown tag; use ecs-task-patching:window, ecs-task-patching:mode \
                 or ecs-task-patching:after",
            ),
        ];
        for (key, value, expected) in rows {
            // An unreadable mode holds the service: it fails closed.
            let held = (key == "ecs-task-patching:mode").then(|| expected.to_owned());
            let problems = vec![expected.to_owned()];
            assert_eq!(read(&[(key, value)]), Tags { held, problems, ..Tags::default() }, "{key}");
        }
    }
}
