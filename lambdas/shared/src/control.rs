//! What an owner chose for one service, with tags on it. They win over the parameters.

use chrono_tz::Tz;

use crate::{
    entity::ServiceRef,
    policy::{Mode, Policy},
    window::Windows,
};

/// What the keys of our tags begin with.
const PREFIX: &str = "ecs-task-patching:";
/// Why nothing is done for a service whose owner wants it so.
pub const OPTED_OUT: &str = "its owner opted out (its tag ecs-task-patching:mode is off)";
/// What the message about an unknown tag names.
const KNOWN: &str = "there is no such tag; known are ecs-task-patching:window, ecs-task-patching:mode and ecs-task-patching:after";

/// The tags of one service, as far as they say something to us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// `ecs-task-patching:window`: its own windows.
    pub windows: Option<Windows>,
    /// `ecs-task-patching:mode`: whether it is redeployed.
    pub mode: Option<Mode>,
    /// `ecs-task-patching:after`: the service that is to be patched before it.
    pub after: Option<ServiceRef>,
    /// The tags that could not be read, and apply to nothing.
    pub problems: Vec<String>,
}

impl Control {
    /// Reads the tags of `service`, given as keys and values; `zone` applies where a window names none.
    #[must_use]
    pub fn read(service: &ServiceRef, tags: &[(String, String)], zone: Tz) -> Self {
        let mut control = Self::default();
        for (key, value) in tags {
            let Some(name) = key.to_ascii_lowercase().strip_prefix(PREFIX).map(str::to_owned) else {
                continue;
            };
            let read = match name.as_str() {
                // AWS's keys tell case apart: a second one that differs in case only would win by chance.
                _ if *key != format!("{PREFIX}{name}") => Err(KNOWN.to_owned()),
                "window" => Windows::parse(value, zone)
                    .map(|windows| control.windows = Some(windows))
                    .map_err(|error| {
                        format!("{error}; a right value is \"Fri 22:00-02:00\"; the parameter MaintenanceWindows applies")
                    }),
                "mode" => Mode::parse(value)
                    .map(|mode| control.mode = Some(mode))
                    .map_err(|error| format!("{error}; a right value is \"off\"; the parameter Mode applies")),
                "after" => after(service, value).map(|other| control.after = Some(other)),
                _ => Err(KNOWN.to_owned()),
            };
            if let Err(problem) = read {
                control.problems.push(format!("its tag {key} is {value:?}: {problem}"));
            }
        }
        control
    }

    /// Whether it is redeployed.
    #[must_use]
    pub fn mode(&self, policy: &Policy) -> Mode {
        self.mode.unwrap_or(policy.mode)
    }

    /// The operator's policy, with what the owner chose for this service.
    #[must_use]
    pub fn over(&self, policy: &Policy) -> Policy {
        let windows = self.windows.clone().unwrap_or_else(|| policy.windows.clone());
        Policy { mode: self.mode(policy), windows, ..policy.clone() }
    }
}

fn after(service: &ServiceRef, value: &str) -> Result<ServiceRef, String> {
    let named = value.trim().split_once('/').and_then(|(cluster, name)| ServiceRef::new(cluster, name));
    let other =
        named.ok_or("it is no cluster/service; a right value is \"dev/web\"; it waits for nothing")?;
    if other == *service {
        return Err("that is the service itself; it waits for nothing".to_owned());
    }
    Ok(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tags: &[(&str, &str)]) -> Control {
        let service = ServiceRef::new("prod", "web").expect("names of the test");
        let tags: Vec<_> = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Control::read(&service, &tags, Tz::Europe__London)
    }

    #[test]
    fn right_tags_win_over_the_parameters() {
        let settings = crate::policy::Settings::new(&|_| None).policy().expect("the defaults");
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
    fn a_tag_that_cannot_be_read_is_reported_and_changes_nothing() {
        let rows = [
            (
                "ecs-task-patching:window",
                "Fry 22:00-02:00",
                "its tag ecs-task-patching:window is \"Fry 22:00-02:00\": \"Fry\" is no day (write Fri, Fri+Sat, Mon-Thu, \
                 daily, weekdays or weekend); a right value is \"Fri 22:00-02:00\"; the parameter MaintenanceWindows applies",
            ),
            (
                "ecs-task-patching:mode",
                "no",
                "its tag ecs-task-patching:mode is \"no\": it is none of deploy, observe and off; a right value is \
                 \"off\"; the parameter Mode applies",
            ),
            (
                "ecs-task-patching:after",
                "web",
                "its tag ecs-task-patching:after is \"web\": it is no cluster/service; a right value is \"dev/web\"; it \
                 waits for nothing",
            ),
            (
                "ecs-task-patching:after",
                "prod/web",
                "its tag ecs-task-patching:after is \"prod/web\": that is the service itself; it waits for nothing",
            ),
            (
                "ecs-task-patching:windows",
                "Fri 22:00-02:00",
                "its tag ecs-task-patching:windows is \"Fri 22:00-02:00\": there is no such tag; known are ecs-task-patching:window, \
                 ecs-task-patching:mode and ecs-task-patching:after",
            ),
            (
                "ECS-Task-Patching:Mode",
                "off",
                "its tag ECS-Task-Patching:Mode is \"off\": there is no such tag; known are ecs-task-patching:window, ecs-task-patching:mode \
                 and ecs-task-patching:after",
            ),
        ];
        for (key, value, expected) in rows {
            let control = read(&[(key, value)]);
            assert_eq!(
                control,
                Control { problems: vec![expected.to_owned()], ..Control::default() },
                "{key}"
            );
        }
    }
}
