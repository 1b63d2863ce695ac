//! AWS Systems Manager: the states of Change Calendars.

use aws_config::SdkConfig;
use chrono::{DateTime, SecondsFormat, Utc};
use rules::{
    notice::date,
    time::calendar::{Calendars, State},
};
use serde_json::{Value, json};

use crate::{CallFailed, best_effort, call::JsonService};

/// The Change Calendars that this account can read.
#[derive(Clone, Debug)]
pub struct ChangeCalendars {
    systems_manager: JsonService,
}

impl ChangeCalendars {
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        Self { systems_manager: JsonService::new(best_effort(sdk), "ssm", "AmazonSSM", url_suffix) }
    }

    /// Reads the state at `at` of each calendar for which it is not known yet. A failed call makes the state
    /// unreadable. Each calendar gets its own call, because one call for several does not say which of them is
    /// closed.
    pub async fn ask(&self, calendars: &mut Calendars, at: DateTime<Utc>) {
        for calendar in calendars.unknown(at) {
            let (state, until) = match self.state(&calendar, at).await {
                Ok(found) => found,
                Err(error) => (State::Unreadable(error.to_string()), None),
            };
            calendars.learn(&calendar, at, state, until);
        }
    }

    /// The state of one calendar at `at`, and when it changes next, if AWS says.
    ///
    /// # Errors
    /// The call failed after its retries, or returned a state other than open or closed.
    pub async fn state(
        &self,
        calendar: &str,
        at: DateTime<Utc>,
    ) -> Result<(State, Option<DateTime<Utc>>), CallFailed> {
        const CALL: &str = "GetCalendarState";
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let asked = json!({"CalendarNames": [calendar], "AtTime": at});
        let answer = self.systems_manager.call(CALL, asked).await?;
        let state = match answer.get("State").and_then(Value::as_str) {
            Some("OPEN") => State::Open,
            Some("CLOSED") => State::Closed,
            other => {
                let other = other.unwrap_or("none");
                return Err(CallFailed::unexpected(CALL, format!("unexpected state: {other}")));
            }
        };
        let until = answer.get("NextTransitionTime").and_then(Value::as_str).and_then(date::parse);
        Ok((state, until))
    }
}
