//! What people do to the schedules of deployments, and what must become of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::Aws;
use serde_json::json;

/// What a person does to a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Disables it.
    Disable,
    /// Enables it.
    Enable,
    /// Sets it to another time, so many minutes away.
    Move(i64),
    /// Deletes it.
    Delete,
    /// Describes it.
    Describe,
}

/// The edits that hold.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    /// The services whose schedules are disabled, moved to a time, or described.
    disabled: BTreeSet<String>,
    moved: BTreeMap<String, DateTime<Utc>>,
    /// The services whose schedules were ever moved: they may be deployed at any time.
    ever_moved: BTreeSet<String>,
}

const WHY: &str = "CHG0042";

impl Edits {
    /// Lets a person edit the schedule of a service, if there is one that has not fired.
    pub(crate) fn apply(&mut self, aws: &Aws, service: &str, edit: Edit, now: DateTime<Utc>) -> &'static str {
        let mut memory = aws.memory();
        let Some(name) = name(memory.schedules.keys(), service) else { return "there is no schedule" };
        let Some(schedule) = memory.schedules.get_mut(&name) else { return "there is no schedule" };
        if schedule.fired || schedule.at().is_none_or(|at| at <= now) {
            return "it has fired";
        }
        let body = &mut schedule.body;
        match edit {
            Edit::Disable => {
                body["State"] = json!("DISABLED");
                self.disabled.insert(service.to_owned());
            }
            Edit::Enable => {
                body["State"] = json!("ENABLED");
                self.disabled.remove(service);
            }
            Edit::Move(minutes) => {
                let at = now + TimeDelta::minutes(minutes.max(2));
                let at = DateTime::from_timestamp(at.timestamp() / 60 * 60, 0).unwrap_or(at);
                body["ScheduleExpression"] = json!(at.format("at(%Y-%m-%dT%H:%M:%S)").to_string());
                self.moved.insert(service.to_owned(), at);
                self.ever_moved.insert(service.to_owned());
            }
            Edit::Delete => {
                memory.schedules.remove(&name);
                self.disabled.remove(service);
                self.moved.remove(service);
                return "done";
            }
            Edit::Describe => body["Description"] = json!(WHY),
        }
        "done"
    }

    /// Whether a person ever chose when a service is deployed.
    pub(crate) fn has_moved(&self, service: &str) -> bool {
        self.ever_moved.contains(service)
    }

    /// Whether a person holds a service.
    pub(crate) fn holds(&self, service: &str) -> bool {
        self.disabled.contains(service)
    }

    /// The edits that were overwritten. Each is reported once.
    pub(crate) fn broken(&mut self, aws: &Aws, now: DateTime<Utc>) -> Vec<String> {
        let memory = aws.memory();
        let mut broken = Vec::new();
        self.disabled.retain(|service| {
            let Some(name) = name(memory.schedules.keys(), service) else { return false };
            let enabled = memory.schedules.get(&name).is_some_and(|found| found.body["State"] != "DISABLED");
            if enabled {
                broken.push(format!("the schedule of {service} was enabled, though a person disabled it"));
            }
            !enabled
        });
        self.moved.retain(|service, at| {
            let Some(name) = name(memory.schedules.keys(), service) else { return false };
            let found = memory.schedules.get(&name).and_then(fake_aws::Schedule::at);
            let moved_back = *at > now && found != Some(*at);
            if moved_back {
                broken.push(format!(
                    "the schedule of {service} was set to {found:?}, though a person set it to {at}"
                ));
            }
            *at > now && !moved_back
        });
        broken
    }
}

/// The schedule of the deployment of a service of the cluster `prod`.
fn name<'a>(names: impl Iterator<Item = &'a String>, service: &str) -> Option<String> {
    let start = format!("prod.{service}.");
    names.into_iter().find(|name| name.starts_with(&start) && !name.ends_with(".verify")).cloned()
}
