//! Lists the schedules of the stack's group, and reads all of them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_scheduler::types::{ScheduleState, ScheduleSummary};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rules::schedule::{
    known::Listed,
    name::{ScheduleName, prefixes},
};

use crate::{
    CallFailed,
    scheduler::{Found, Scheduler},
};

/// How many schedules a call lists, at most.
const PAGE: usize = 100;
/// How many lists are read at once. AWS does not document a rate.
const LISTS: usize = 10;
/// How many schedules are read at once.
const READS: usize = 64;

impl Scheduler {
    /// The names of all schedules in the group.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn names(&self) -> Result<Vec<ScheduleName>, CallFailed> {
        Ok(self.list(None).await?.into_iter().map(|listed| listed.name).collect())
    }

    /// All schedules in the group. A list shows neither times nor inputs, so each schedule is read.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn all(&self) -> Result<BTreeMap<ScheduleName, Found>, CallFailed> {
        let read = async |name| {
            let found = self.get(&name).await?;
            Ok::<_, CallFailed>(found.map(|found| (name, found)))
        };
        let names = stream::iter(self.names().await?);
        let all: Vec<Option<(ScheduleName, Found)>> =
            names.map(read).buffer_unordered(READS).try_collect().await?;
        Ok(all.into_iter().flatten().collect())
    }

    /// Those of these schedules that exist, and others of similar names. Lists with different prefixes are read at the same
    /// time: the pages of one list come one after the other.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn find(&self, names: &BTreeSet<ScheduleName>) -> Result<Vec<Listed>, CallFailed> {
        let lists = prefixes(names, PAGE).into_iter().map(|prefix| self.list(Some(prefix)));
        stream::iter(lists).buffer_unordered(LISTS).try_concat().await
    }

    async fn list(&self, prefix: Option<String>) -> Result<Vec<Listed>, CallFailed> {
        let call = self.client.list_schedules().group_name(&self.target.group).set_name_prefix(prefix);
        let mut schedules = call.into_paginator().items().send();
        let mut listed = Vec::new();
        while let Some(schedule) = schedules.next().await {
            listed.extend(read(schedule.map_err(|error| CallFailed::new("ListSchedules", &error))?));
        }
        Ok(listed)
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
