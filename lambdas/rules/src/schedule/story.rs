//! The story of a pending deployment: when it was planned and why, what operators did, what ran before. The inputs of
//! schedules carry it, because there is no database; the function that ends the story puts it into the record.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    control::{Approval, Entry, Plan},
    name::fingerprint,
};
use crate::{notice::date, policy::Policy};

/// What the tasks of a service run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The ARN of the task definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// The images with their digests, as far as ECS reports them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

/// What is known of a deployment until its story ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// The start time.
    #[serde(default, deserialize_with = "date::read_option", skip_serializing_if = "Option::is_none")]
    pub slot: Option<DateTime<Utc>>,
    /// The start times that were planned, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<Plan>,
    /// What operators did, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Entry>,
    /// Whether the start time was approved, if it had to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What ran before the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Running>,
}

impl Story {
    /// The same, with one more thing that an operator did.
    #[must_use]
    pub fn with(mut self, entry: Entry) -> Self {
        self.changes.push(entry);
        self
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The fingerprint of everything that a plan depends on: two plans with the same one were made by the same configuration.
#[must_use]
pub fn configuration(policy: &Policy) -> String {
    let Policy {
        mode,
        windows,
        zone,
        calendars,
        alarms,
        minimum_notice,
        margin,
        preference,
        fallback,
        spread_minutes,
        code_deploy,
        together: _, // of the notice
    } = policy;
    let lines = [
        format!("{mode:?}"),
        windows.to_string(),
        zone.to_string(),
        format!("{:?}", calendars.names()),
        format!("{alarms:?}"),
        minimum_notice.num_minutes().to_string(),
        margin.num_minutes().to_string(),
        format!("{preference:?}"),
        fallback.word().to_owned(),
        spread_minutes.to_string(),
        code_deploy.to_string(),
    ];
    fingerprint(lines.iter().map(String::as_str), "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    #[test]
    fn the_fingerprint_changes_with_every_parameter_that_a_plan_depends_on() {
        let parameters = [
            ("MODE", "observe"),
            ("MAINTENANCE_WINDOWS", "Sat 22:00-02:00"),
            ("TIME_ZONE", "Europe/London"),
            ("CHANGE_CALENDARS", "YearEndFreeze"),
            ("BLOCKING_ALARMS", "prod-"),
            ("MINIMUM_NOTICE_MINUTES", "61"),
            ("DEADLINE_MARGIN_MINUTES", "121"),
            ("SLOT_PREFERENCE", "latest"),
            ("WHEN_NO_WINDOW_FITS", "leave-to-aws"),
            ("SPREAD_MINUTES", "16"),
            ("ENABLE_CODE_DEPLOY", "true"),
        ];
        let mut found = vec![configuration(&policy(&[]))];
        assert_eq!(found, [configuration(&Policy::default())]);
        for parameter in parameters {
            let changed = configuration(&policy(&[parameter]));
            assert!(!found.contains(&changed), "{parameter:?}");
            found.push(changed);
        }
    }
}
