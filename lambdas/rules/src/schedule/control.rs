//! What was decided about a pending deployment, by operators and by plans. It is kept in the input of its schedule.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{notice::date, time::instant::utc};

/// How many entries of the history are kept, and how many plans.
const REMEMBERED: usize = 20;
/// How many characters of an entry the description of a schedule shows.
const SHOWN: usize = 160;
/// How many characters of the reason for a retry are kept.
const REASON: usize = 500;

/// What was decided about a pending deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// What operators did, oldest first. Only the last entries are kept. On the wire: `history`.
    pub history: Vec<Entry>,
    /// Whether somebody approved the start time. `None` if nobody has to, or was asked.
    pub approval: Option<Approval>,
    /// An operator holds what awaits approval.
    pub held: bool,
    /// The reminder of the missing approval was sent, or is not needed.
    pub reminded: bool,
    /// The start times that were planned, oldest first. Only the last are kept.
    pub plans: Vec<Plan>,
    /// Why it is retried: what blocked the last attempt.
    pub waits_for: Option<String>,
}

/// Whether a start time is approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Not yet: the schedule is disabled. One that an operator enables is approved by that.
    Awaited,
    /// It is.
    Given,
    /// It was not, when the time came.
    Missed,
}

/// Something that an operator did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    #[serde(deserialize_with = "date::read")]
    pub at: DateTime<Utc>,
    /// The operation.
    pub operation: String,
    /// The start time that it led to, if it changed that.
    #[serde(default, deserialize_with = "date::read_option", skip_serializing_if = "Option::is_none")]
    pub slot: Option<DateTime<Utc>>,
    /// Why, as the operator wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that the operator named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// A start time that was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// When it was planned.
    #[serde(deserialize_with = "date::read")]
    pub at: DateTime<Utc>,
    /// The start time.
    #[serde(deserialize_with = "date::read")]
    pub slot: DateTime<Utc>,
    /// Why this one.
    pub reason: String,
    /// The fingerprint of the configuration that it was planned with.
    pub configuration: String,
}

impl Control {
    /// The same, with one more entry in the history.
    #[must_use]
    pub fn with(mut self, entry: Entry) -> Self {
        self.history.push(entry);
        let most = self.history.len().saturating_sub(REMEMBERED);
        self.history.drain(..most);
        self
    }

    /// The same, with one more plan.
    #[must_use]
    pub fn planned(mut self, plan: Plan) -> Self {
        self.plans.push(plan);
        let most = self.plans.len().saturating_sub(REMEMBERED);
        self.plans.drain(..most);
        self
    }

    /// Whether the start time is approved, if the schedule is enabled.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        matches!(self.approval, Some(Approval::Awaited | Approval::Given))
    }

    /// The same for a new start time: it has to be approved if that is `needed`. A reminder follows if it is not `soon`.
    #[must_use]
    pub fn for_new_time(self, needed: bool, soon: bool) -> Self {
        Self { approval: needed.then_some(Approval::Awaited), held: false, reminded: soon, ..self }
    }

    /// The same for a retry: `reason` is what blocked the last attempt.
    #[must_use]
    pub fn waiting_for(self, reason: &str) -> Self {
        Self { waits_for: Some(reason.chars().take(REASON).collect()), ..self }
    }

    /// Whether the last thing that an operator did was to run it now.
    #[must_use]
    pub fn runs_now(&self) -> bool {
        self.history.last().is_some_and(|entry| entry.operation == "run-now")
    }

    /// What an operator did last, for the description of the schedule.
    #[must_use]
    pub fn last(&self) -> Option<String> {
        let entry = self.history.last()?;
        let why = [&entry.ticket, &entry.reason].into_iter().flatten().map(String::as_str);
        let why = why.collect::<Vec<_>>().join(", ");
        let done = format!("{} on {}", done(&entry.operation), utc(entry.at));
        let text = if why.is_empty() { done } else { format!("{done} ({why})") };
        Some(if text.chars().count() <= SHOWN {
            text
        } else {
            text.chars().take(SHOWN - 2).chain("…)".chars()).collect()
        })
    }
}

/// The operation, as something that was done.
fn done(operation: &str) -> &str {
    match operation {
        "hold" => "held",
        "release" => "released",
        "move" => "moved",
        "run-now" => "run now requested",
        "approve" => "approved",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;

    fn entry(operation: &str, reason: Option<&str>, ticket: Option<&str>) -> Entry {
        Entry {
            at: instant("2026-11-24T10:00:00Z"),
            operation: operation.into(),
            slot: None,
            reason: reason.map(str::to_owned),
            ticket: ticket.map(str::to_owned),
        }
    }

    #[test]
    fn the_last_entry_is_described_and_old_ones_are_forgotten() {
        let rows = [
            (entry("hold", None, None), "held on Tue 24 Nov 2026 10:00 UTC"),
            (
                entry("move", Some("load test"), Some("CHG0042")),
                "moved on Tue 24 Nov 2026 10:00 UTC (CHG0042, load test)",
            ),
            (entry("run-now", Some("now"), None), "run now requested on Tue 24 Nov 2026 10:00 UTC (now)"),
        ];
        let mut control = Control::default();
        assert_eq!(control.last(), None);
        for (entry, expected) in rows {
            control = control.with(entry);
            assert_eq!(control.last().as_deref(), Some(expected));
        }
        for _ in 0..100 {
            control = control.with(entry("release", Some(&"é".repeat(500)), None));
        }
        assert_eq!(control.history.len(), REMEMBERED);
        assert_eq!(control.last().unwrap().chars().count(), SHOWN);
    }

    #[test]
    fn the_last_plans_and_the_start_of_the_reason_for_a_retry_are_kept() {
        let plan = |nth: i64| Plan {
            at: instant("2026-11-24T10:00:00Z"),
            slot: instant("2026-11-27T22:00:00Z") + chrono::TimeDelta::days(nth),
            reason: "why".into(),
            configuration: "0123".into(),
        };
        let control = (0..25).fold(Control::default(), |control, nth| control.planned(plan(nth)));
        assert_eq!((control.plans.len(), &control.plans[0]), (REMEMBERED, &plan(5)));
        let reason = control.waiting_for(&"é".repeat(600)).waits_for;
        assert_eq!(reason.map(|reason| reason.chars().count()), Some(REASON));
    }

    #[test]
    fn a_new_start_time_is_approved_anew() {
        let given = Control { approval: Some(Approval::Given), held: true, ..Control::default() };
        let asked = given.clone().for_new_time(true, false);
        assert_eq!((asked.approval, asked.held, asked.reminded), (Some(Approval::Awaited), false, false));
        let free = given.clone().for_new_time(false, true);
        assert_eq!((free.approval, free.reminded), (None, true));
        let approved = |approval| Control { approval, ..given.clone() }.is_approved();
        assert!(approved(Some(Approval::Awaited)) && approved(Some(Approval::Given)));
        assert!(!approved(Some(Approval::Missed)) && !approved(None));
    }
}
