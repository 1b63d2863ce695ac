//! What people do to the schedules of deployments, and what must become of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{Aws, Schedule};
use serde_json::json;

use crate::told::Open;

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
    /// Edits that may be lost, because a function changed the schedule at that moment. AWS's calls take no condition.
    unsettled: Vec<(String, Edit, DateTime<Utc>)>,
    /// The services whose schedules are disabled, moved to a time, or described.
    disabled: BTreeSet<String>,
    moved: BTreeMap<String, DateTime<Utc>>,
    described: BTreeSet<String>,
    /// The services whose schedules were ever moved: they may be deployed at any time.
    ever_moved: BTreeSet<String>,
    /// The services whose schedules were ever enabled, which approves them.
    ever_enabled: BTreeSet<String>,
    ever_deleted: BTreeSet<String>,
    ever_edited: BTreeSet<String>,
}

const WHY: &str = "CHG0042";

impl Edits {
    /// Lets a person edit the schedule of a service, if there is one.
    pub(crate) fn apply(&mut self, aws: &Aws, service: &str, edit: Edit, now: DateTime<Utc>) -> &'static str {
        let mut memory = aws.memory();
        let Some(name) = name(memory.schedules.keys(), service) else { return "there is no schedule" };
        let Some(schedule) = memory.schedules.get_mut(&name) else { return "there is no schedule" };
        self.ever_edited.insert(service.to_owned());
        let body = &mut schedule.body;
        match edit {
            Edit::Disable if body["State"] == "DISABLED" => return "it is disabled already",
            Edit::Disable => body["State"] = json!("DISABLED"),
            Edit::Enable => {
                body["State"] = json!("ENABLED");
                self.ever_enabled.insert(service.to_owned());
                self.disabled.remove(service);
            }
            Edit::Move(minutes) => {
                let at = moved_to(now, minutes);
                body["ScheduleExpression"] = json!(at.format("at(%Y-%m-%dT%H:%M:%S)").to_string());
                self.ever_moved.insert(service.to_owned());
            }
            Edit::Delete => {
                memory.schedules.remove(&name);
                self.forget(service);
                self.ever_deleted.insert(service.to_owned());
                return "done";
            }
            Edit::Describe => body["Description"] = json!(WHY),
        }
        self.unsettled.retain(|(other, ..)| other != service);
        self.unsettled.push((service.to_owned(), edit, now));
        "done"
    }

    fn forget(&mut self, service: &str) {
        self.disabled.remove(service);
        self.moved.remove(service);
        self.described.remove(service);
        self.unsettled.retain(|(other, ..)| other != service);
    }

    /// No function is running: edits that are still there must hold from now on.
    pub(crate) fn settle(&mut self, aws: &Aws) {
        for (service, edit, when) in std::mem::take(&mut self.unsettled) {
            let Some(schedule) = schedule(aws, &service).filter(|schedule| !schedule.fired) else { continue };
            match edit {
                Edit::Disable if schedule.body["State"] == "DISABLED" => {
                    self.disabled.insert(service);
                }
                Edit::Move(minutes) if schedule.at() == Some(moved_to(when, minutes)) => {
                    self.moved.insert(service, moved_to(when, minutes));
                }
                Edit::Describe if schedule.body["Description"] == WHY => {
                    self.described.insert(service);
                }
                _ => {}
            }
        }
    }

    /// Whether a person ever chose when a service is deployed.
    pub(crate) fn has_moved(&self, service: &str) -> bool {
        self.ever_moved.contains(service)
    }

    /// Whether a person ever enabled a service's schedule.
    pub(crate) fn has_enabled(&self, service: &str) -> bool {
        self.ever_enabled.contains(service)
    }

    /// Whether a person ever edited a service's schedule.
    pub(crate) fn has_edited(&self, service: &str) -> bool {
        self.ever_edited.contains(service)
    }

    /// Whether a person ever deleted a service's schedule.
    pub(crate) fn has_deleted(&self, service: &str) -> bool {
        self.ever_deleted.contains(service)
    }

    /// Whether a person holds a service.
    pub(crate) fn holds(&self, service: &str) -> bool {
        self.disabled.contains(service)
    }

    /// The edits that were overwritten. Each is reported once.
    pub(crate) fn broken(&mut self, aws: &Aws, open: &[Open<'_>], now: DateTime<Utc>) -> Vec<String> {
        let mut broken = Vec::new();
        self.disabled.retain(|service| {
            let Some(found) = schedule(aws, service) else { return false };
            let enabled = found.body["State"] != "DISABLED";
            if enabled {
                broken.push(format!("the schedule of {service} was enabled, though a person disabled it"));
            }
            !enabled
        });
        self.moved.retain(|service, at| {
            let Some(found) = schedule(aws, service) else { return false };
            // A time after a retirement date is not valid.
            if open.iter().any(|open| open.service == service.as_str() && open.date <= *at) {
                return false;
            }
            let moved_back = *at > now && found.at() != Some(*at);
            if moved_back {
                broken.push(format!(
                    "the schedule of {service} was set to {:?}, though a person set it to {at}",
                    found.at()
                ));
            }
            *at > now && !moved_back
        });
        self.described.retain(|service| {
            let Some(found) = schedule(aws, service).filter(|found| !found.fired) else { return false };
            let lost = !found.body["Description"].as_str().unwrap_or_default().contains(WHY);
            if lost {
                broken.push(format!("the description of {service} by a person was lost: {}", found.body));
            }
            !lost
        });
        broken
    }
}

fn moved_to(now: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
    let at = now + TimeDelta::minutes(minutes.max(2));
    DateTime::from_timestamp(at.timestamp() / 60 * 60, 0).unwrap_or(at)
}

/// The schedule of the deployment of a service of the cluster `prod`.
pub(crate) fn schedule(aws: &Aws, service: &str) -> Option<Schedule> {
    let memory = aws.memory();
    let name = name(memory.schedules.keys(), service)?;
    memory.schedules.get(&name).cloned()
}

fn name<'a>(names: impl Iterator<Item = &'a String>, service: &str) -> Option<String> {
    let start = format!("prod.{service}.");
    names.into_iter().find(|name| name.starts_with(&start) && !name.ends_with(".verify")).cloned()
}
