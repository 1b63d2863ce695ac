//! What happens from outside: AWS Health sends events, people act, others deploy, alarms fire.

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{Fate, Service};
use serde_json::{Value, json};

use crate::{
    Choices,
    conditions::{Mode, Window},
    people::Edit,
    run::{Delivery, Function, Functions, Run},
};

/// Something that happens from outside.
#[derive(Clone, Debug)]
pub struct Step {
    /// When it happens.
    pub at: DateTime<Utc>,
    /// What happens.
    pub what: What,
}

/// What happens from outside.
#[derive(Clone, Debug)]
pub enum What {
    /// AWS Health sends an event.
    Event(Value),
    /// A person edits the schedule of the deployment of a service, by its name in the cluster `prod`.
    Edit(String, Edit),
    /// A person sets the window in a service's tag, or removes the tag.
    TagWindow(String, Option<Window>),
    /// A person sets the mode in a service's tag, or removes the tag.
    TagMode(String, Mode),
    /// A person updates the stack with these maintenance windows.
    Parameter(Window),
    /// A person sets when the Change Calendar is closed: from so many minutes from now, for so many minutes.
    Freeze(Option<(i64, i64)>),
    /// The alarm that blocks deployments fires, or recovers.
    Alarm(bool),
    /// A person changes the account's wait period, in days.
    WaitPeriod(u32),
    /// A person stops everything, or lets it go on.
    Stop(bool),
    /// Someone else deploys a service, and this becomes of it.
    Foreign(String, Fate),
}

impl Run {
    /// Lets a step happen.
    pub(crate) fn step(&mut self, step: Step, now: DateTime<Utc>, choices: &mut Choices) {
        let Step { at, what } = step;
        if !matches!(what, What::Event(_)) {
            self.checks.people_act();
        }
        if !matches!(what, What::Event(_) | What::Edit(..)) {
            self.tell(format!("a person: {what:?}"));
        }
        match what {
            What::Event(event) => {
                let late = TimeDelta::minutes(choices.pick([0, 0, 0, 1, 90, 700]));
                let detail = &event["detail"];
                self.tell(format!(
                    "AWS Health sends {} page {} {} date {}: {}, which arrives {late}",
                    detail["eventArn"],
                    detail["page"],
                    detail["statusCode"],
                    detail["startTime"],
                    detail["affectedEntities"]
                ));
                self.told.tell(&event, at + late);
                self.deliver(at + late, Function::Ingest, event, choices);
            }
            What::Edit(service, edit) => {
                let done = self.edits.apply(&self.aws, &service, edit, now);
                self.tell(format!("a person: {edit:?} {service}: {done}"));
            }
            What::TagWindow(service, window) => {
                self.tag(&service, "ecs-task-patching:window", window.map(|window| window.text));
                self.conditions.tags.entry(service).and_modify(|(windows, _)| windows.set(now, window));
            }
            What::TagMode(service, mode) => {
                self.tag(&service, "ecs-task-patching:mode", mode);
                self.conditions.tags.entry(service).and_modify(|(_, modes)| modes.set(now, mode));
            }
            What::Parameter(window) => {
                self.functions = Functions::new(&self.aws, &window);
                self.conditions.windows.set(now, window);
            }
            What::Freeze(minutes) => {
                let freeze = minutes.map(|(from, length)| {
                    let from = now + TimeDelta::minutes(from);
                    from..from + TimeDelta::minutes(length)
                });
                self.set_conditions(|conditions| conditions.freeze.clone_from(&freeze));
                self.conditions.freeze.set(now, freeze);
            }
            What::Alarm(firing) => {
                self.set_conditions(|conditions| conditions.alarm = firing);
                self.conditions.alarm.set(now, firing);
            }
            What::WaitPeriod(days) => self.set_conditions(|conditions| conditions.wait_days = days),
            What::Stop(stopped) => {
                let operation = if stopped { "hold-all" } else { "release-all" };
                let payload = json!({"operation": operation, "reason": "an incident", "ticket": "INC1"});
                let delivery = Delivery::new(now, Function::Operate, payload);
                self.queue.push(Delivery { tries_left: 1, ..delivery });
                self.conditions.stop.set(now, stopped);
            }
            What::Foreign(service, fate) => self.change(&service, |service| service.deploy(fate, now)),
        }
    }

    fn change(&self, service: &str, change: impl FnOnce(&mut Service)) {
        let mut memory = self.aws.memory();
        change(memory.services.get_mut(&format!("prod/{service}")).expect("a service of the run"));
    }

    fn tag(&self, service: &str, key: &str, value: Option<&str>) {
        self.change(service, |Service { tags, .. }| {
            match value {
                Some(value) => tags.insert(key.to_owned(), value.to_owned()),
                None => tags.remove(key),
            };
        });
    }

    fn set_conditions(&self, set: impl FnOnce(&mut fake_aws::Conditions)) {
        set(self.aws.memory().conditions.as_mut().expect("conditions"));
    }
}
