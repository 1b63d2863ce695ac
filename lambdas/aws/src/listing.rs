//! Lists the schedules of the stack's group.

use aws_sdk_scheduler::types::{ScheduleState, ScheduleSummary};
use chrono::{DateTime, Utc};
use rules::schedule::{known::Listed, name::ScheduleName};

use crate::{CallFailed, scheduler::Scheduler};

impl Scheduler {
    /// All schedules in the group, a hundred with each call.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn list(&self) -> Result<Vec<Listed>, CallFailed> {
        let call = self.client.list_schedules().group_name(&self.target.group);
        let mut schedules = call.into_paginator().items().send();
        let mut listed = Vec::new();
        while let Some(schedule) = schedules.next().await {
            listed.extend(read(schedule.map_err(|error| CallFailed::new("ListSchedules", &error))?));
        }
        Ok(listed)
    }

    /// The names of all schedules in the group.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn names(&self) -> Result<Vec<ScheduleName>, CallFailed> {
        Ok(self.list().await?.into_iter().map(|listed| listed.name).collect())
    }
}

fn read(schedule: ScheduleSummary) -> Option<Listed> {
    let modified_at = schedule.last_modification_date();
    Some(Listed {
        enabled: schedule.state() != Some(&ScheduleState::Disabled),
        modified_at: modified_at.and_then(|at| DateTime::<Utc>::from_timestamp(at.secs(), at.subsec_nanos())),
        name: ScheduleName::listed(schedule.name?),
    })
}
