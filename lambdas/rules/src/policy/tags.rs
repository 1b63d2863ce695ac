//! What an owner chose for one service, by its tags. Tags win over the parameters.

use chrono_tz::Tz;

use super::{Mode, Policy};
use crate::{arn::ServiceRef, time::window::Windows};

/// The prefix of the keys that are ours.
const PREFIX: &str = "ecs-task-patching:";
/// Why nothing is done for a service whose tag says so.
pub const OPTED_OUT: &str = "the owner opted out (tag ecs-task-patching:mode is off)";
/// What is wrong with a tag of our prefix that is none of ours.
const UNKNOWN: &str =
    "unknown tag; use ecs-task-patching:window, ecs-task-patching:mode or ecs-task-patching:after";

/// The tags of one service, as far as they concern us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// `ecs-task-patching:window`: its own windows.
    pub windows: Option<Windows>,
    /// `ecs-task-patching:mode`: whether it is redeployed.
    pub mode: Option<Mode>,
    /// `ecs-task-patching:after`: the service that is patched before it.
    pub after: Option<ServiceRef>,
    /// What is wrong with unreadable and unknown tags, which are ignored.
    pub problems: Vec<String>,
}

impl Tags {
    /// Reads the tags of `service`, given as keys and values; `zone` applies where a window names none.
    #[must_use]
    pub fn read(service: &ServiceRef, tags: &[(String, String)], zone: Tz) -> Self {
        let mut read = Self::default();
        for (key, value) in tags {
            let Some(name) = key.to_ascii_lowercase().strip_prefix(PREFIX).map(str::to_owned) else {
                continue;
            };
            let parsed = match name.as_str() {
                // AWS's keys tell case apart: a second one that differs in case only would win by chance.
                _ if *key != format!("{PREFIX}{name}") => Err(UNKNOWN.to_owned()),
                "window" => Windows::parse(value, zone)
                    .map(|windows| read.windows = Some(windows))
                    .map_err(|error| format!("{error}; the parameter MaintenanceWindows applies")),
                "mode" => Mode::parse(value)
                    .map(|mode| read.mode = Some(mode))
                    .map_err(|error| format!("{error}; the parameter Mode applies")),
                "after" => after(service, value).map(|other| read.after = Some(other)),
                _ => Err(UNKNOWN.to_owned()),
            };
            if let Err(problem) = parsed {
                read.problems.push(format!("tag {key} is {value:?}: {problem}"));
            }
        }
        read
    }

    /// Whether it is redeployed.
    #[must_use]
    pub fn mode(&self, policy: &Policy) -> Mode {
        self.mode.unwrap_or(policy.mode)
    }

    /// Whether a schedule of the service may be written: the one rule of observe mode.
    #[must_use]
    pub fn may_write(&self, policy: &Policy) -> bool {
        match self.mode(policy) {
            Mode::Deploy => true,
            Mode::Observe => false,
            // Opting out cancels what is pending, unless the stack only observes.
            Mode::Off => policy.mode == Mode::Deploy,
        }
    }

    /// The operator's policy, with what the owner chose for this service.
    #[must_use]
    pub fn over(&self, policy: &Policy) -> Policy {
        let windows = self.windows.clone().unwrap_or_else(|| policy.windows.clone());
        Policy { mode: self.mode(policy), windows, ..policy.clone() }
    }
}

fn after(service: &ServiceRef, value: &str) -> Result<ServiceRef, String> {
    let other = ServiceRef::parse(value)
        .ok_or("must be cluster/service, for example dev/web; the service waits for no other")?;
    if other == *service {
        return Err("names the service itself; the service waits for no other".to_owned());
    }
    Ok(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tags: &[(&str, &str)]) -> Tags {
        let service = ServiceRef::new("prod", "web").expect("names of the test");
        let tags: Vec<_> = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Tags::read(&service, &tags, Tz::Europe__London)
    }

    #[test]
    fn valid_tags_win_over_the_parameters() {
        let settings = Policy::default();
        let tags = [
            ("Name", "web"),
            ("ecs-task-patching:window", "tue 01:00-03:00 or Sat 22:00-23:00 UTC"),
            ("ecs-task-patching:mode", " Observe "),
            ("ecs-task-patching:after", "dev/web"),
        ];
        let control = read(&tags);
        let policy = control.over(&settings);
        assert_eq!(policy.windows.to_string(), "Tue 01:00-03:00 Europe/London or Sat 22:00-23:00 UTC");
        assert_eq!(policy.mode, Mode::Observe);
        assert_eq!(control.after, ServiceRef::new("dev", "web"));
        assert!(control.problems.is_empty());
        assert_eq!(read(&[("ecs-task-patching:mode", "OFF")]).over(&settings).mode, Mode::Off);
        assert_eq!(read(&[("team", "a")]).over(&settings), settings);
    }

    #[test]
    fn nothing_is_written_for_what_is_only_observed() {
        let mode = |mode| Policy { mode, ..Policy::default() };
        let (deploy, observe) = (mode(Mode::Deploy), mode(Mode::Observe));
        let rows = [
            (None, true, false),
            (Some("deploy"), true, true),
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
    fn unreadable_and_unknown_tags_are_reported_and_ignored() {
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
                "tag ecs-task-patching:mode is \"no\": must be deploy, observe or off; the parameter \
                 Mode applies",
            ),
            (
                "ecs-task-patching:after",
                "web",
                "tag ecs-task-patching:after is \"web\": must be cluster/service, for example dev/web; the \
                 service waits for no other",
            ),
            (
                "ecs-task-patching:after",
                "prod/web",
                "tag ecs-task-patching:after is \"prod/web\": names the service itself; the service waits for no \
                 other",
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
        ];
        for (key, value, expected) in rows {
            let control = read(&[(key, value)]);
            assert_eq!(control, Tags { problems: vec![expected.to_owned()], ..Tags::default() }, "{key}");
        }
    }
}
