//! AWS Systems Manager Change Calendars: whether changes may be made.

use aws_config::SdkConfig;
use aws_sdk_ssm::{Client, types::CalendarState};
use chrono::{DateTime, SecondsFormat, Utc};
use rules::{
    notice::date,
    time::calendar::{Calendars, State},
};

use crate::{CallFailed, brief};

/// The Change Calendars that this account can read.
#[derive(Clone, Debug)]
pub struct ChangeCalendars {
    client: Client,
}

impl ChangeCalendars {
    /// The calendars that the SDK's account can read in its Region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(&brief(sdk)) }
    }

    /// Asks each calendar of which it is not known whether it is open at `at`. That one cannot be read is an
    /// answer too. One call for each, so that it is known which is closed.
    pub async fn ask(&self, calendars: &mut Calendars, at: DateTime<Utc>) {
        for calendar in calendars.unknown(at) {
            let (state, until) = match self.state(&calendar, at).await {
                Ok(answer) => answer,
                Err(error) => (State::Unread(error.to_string()), None),
            };
            calendars.learn(&calendar, at, state, until);
        }
    }

    /// The state of one calendar at `at`, and when it changes next, where AWS tells.
    ///
    /// # Errors
    /// The call failed after its retries, or answered something else than open or closed.
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
                return Err(CallFailed::unexpected(CALL, format!("it answered the state {other}")));
            }
        };
        Ok((state, answer.next_transition_time().and_then(date::parse)))
    }
}
