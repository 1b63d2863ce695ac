//! AWS Systems Manager: the states of Change Calendars.

use aws_config::SdkConfig;
use aws_sdk_ssm::{Client, types::CalendarState};
use chrono::{DateTime, SecondsFormat, Utc};
use rules::{
    notice::date,
    time::calendar::{Calendars, State},
};

use crate::{CallFailed, best_effort};

/// The Change Calendars that this account can read.
#[derive(Clone, Debug)]
pub struct ChangeCalendars {
    client: Client,
}

impl ChangeCalendars {
    /// Uses the account and Region of the SDK configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(&best_effort(sdk)) }
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
        let call = self.client.get_calendar_state().calendar_names(calendar).at_time(at);
        let answer = call.send().await.map_err(|error| CallFailed::new(CALL, &error))?;
        let state = match answer.state() {
            Some(CalendarState::Open) => State::Open,
            Some(CalendarState::Closed) => State::Closed,
            other => {
                let other = other.map_or("none", CalendarState::as_str);
                return Err(CallFailed::unexpected(CALL, format!("unexpected state: {other}")));
            }
        };
        Ok((state, answer.next_transition_time().and_then(date::parse)))
    }
}
