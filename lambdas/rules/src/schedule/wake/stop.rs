//! The input of the schedule that stops everything. It is disabled, so no function is woken by it: that it exists counts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{notice::date, time::instant::utc};

/// Since when, and why, no deployment starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopInput {
    /// Since when. `None` if an operator wrote the schedule by hand.
    #[serde(default, deserialize_with = "date::read_option")]
    pub since: Option<DateTime<Utc>>,
    /// Why, as the operator wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that the operator named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

impl StopInput {
    /// Who stopped everything, when and why.
    #[must_use]
    pub fn text(&self) -> String {
        let since = self.since.map(|since| format!(" on {}", utc(since))).unwrap_or_default();
        let why: Vec<&str> = [&self.ticket, &self.reason].into_iter().flatten().map(String::as_str).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        format!("an operator stopped all deployments{since}{why}")
    }
}
