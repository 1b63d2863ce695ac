//! Change freezes: Change Calendars and their states.

use chrono::{DateTime, TimeDelta, Utc};

use super::instant::{ceil_minute, utc};
use crate::arn::Arn;

/// A calendar that closes within this time counts as closed: the deployment must reach ECS while it is open.
pub const CLOSING: TimeDelta = TimeDelta::minutes(5);

/// The parameter `ChangeCalendars`: Change Calendars of AWS Systems Manager, with the states read so far. Any closed
/// calendar blocks deployments.
///
/// `GetCalendarState` answers for one point in time
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCalendarState.html>), so planning goes in
/// rounds: plan a start time with the states known so far, read the calendars' states at that time, and plan again if
/// one is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendars {
    names: Vec<String>,
    known: Vec<Known>,
}

/// The state of a calendar from one point in time on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    calendar: String,
    state: State,
    at: DateTime<Utc>,
    /// When the state changes next. `None` if AWS does not say: then the state is known only for `at`.
    until: Option<DateTime<Utc>>,
}

/// The state of a calendar at a point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Changes are allowed.
    Open,
    /// Changes are not allowed.
    Closed,
    /// The state could not be read, for this reason.
    Unreadable(String),
}

/// A calendar that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed<'a> {
    /// The name or ARN, as written in the parameter.
    pub calendar: &'a str,
    /// When the calendar opens, if AWS says.
    pub until: Option<DateTime<Utc>>,
}

impl Calendars {
    /// Parses calendar names or ARNs, separated by commas. An empty text means no calendars.
    ///
    /// # Errors
    /// Names the first part that is neither a name nor an ARN.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut names: Vec<String> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let valid = if Arn::has_prefix(name) {
                let document = Arn::parse(name)
                    .filter(|arn| arn.service == "ssm")
                    .and_then(|arn| arn.resource.strip_prefix("document/"));
                document.is_some_and(is_document_name)
            } else {
                is_document_name(name)
            };
            if !valid {
                return Err(format!(
                    "{name:?} is neither the name nor the ARN of a Change Calendar; for example YearEndFreeze"
                ));
            }
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Ok(Self { names, known: Vec::new() })
    }

    /// The names or ARNs, as written in the parameter.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The calendars whose state at `at` has not been read yet.
    #[must_use]
    pub fn unknown(&self, at: DateTime<Utc>) -> Vec<String> {
        let known =
            |name: &&String| self.known.iter().any(|known| known.calendar == **name && known.covers(at));
        self.names.iter().filter(|name| !known(name)).cloned().collect()
    }

    /// Records a calendar's state at `at`. `until` is when the state changes next, if known.
    pub fn learn(&mut self, calendar: &str, at: DateTime<Utc>, state: State, until: Option<DateTime<Utc>>) {
        let until = until.filter(|until| *until > at);
        self.known.push(Known { calendar: calendar.to_owned(), state, at, until });
    }

    /// Returns a calendar that is known to be closed at `at`, if there is one.
    #[must_use]
    pub fn closed(&self, at: DateTime<Utc>) -> Option<Closed<'_>> {
        let closed = |known: &&Known| known.state == State::Closed && known.covers(at);
        let found = self.known.iter().find(closed)?;
        Some(Closed { calendar: &found.calendar, until: found.until })
    }

    /// The first calendar that is open at `at` and closes before `until`, with the time at which it closes.
    #[must_use]
    pub fn closes_before(&self, at: DateTime<Utc>, until: DateTime<Utc>) -> Option<(&str, DateTime<Utc>)> {
        let open = self.known.iter().filter(|known| known.state == State::Open && known.covers(at));
        let closes = open.filter_map(|known| Some((known.calendar.as_str(), known.until?)));
        closes.filter(|(_, closes)| *closes < until).min_by_key(|(_, closes)| *closes)
    }

    /// The first whole minute at or after `at` at which no calendar is known to be closed or about to close. `None` if a
    /// calendar is closed and AWS does not say until when.
    #[must_use]
    pub fn open_from(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut at = ceil_minute(at);
        loop {
            at = match (self.closed(at), self.closing(at)) {
                (Some(closed), _) => ceil_minute(closed.until?),
                // The calendar is asked about that moment, and says until when it is closed.
                (None, Some((_, closes))) => ceil_minute(closes),
                (None, None) => return Some(at),
            };
        }
    }

    /// The first calendar that is open at `at` and about to close, with the time at which it closes.
    #[must_use]
    pub fn closing(&self, at: DateTime<Utc>) -> Option<(&str, DateTime<Utc>)> {
        self.closes_before(at, at + CLOSING)
    }

    /// Why a calendar lets no deployment start at `at`, if one is known to.
    #[must_use]
    pub fn refusal(&self, at: DateTime<Utc>) -> Option<String> {
        let closing = || {
            let (calendar, closes) = self.closing(at)?;
            Some(format!("Change Calendar {calendar} closes soon, on {}", utc(closes)))
        };
        self.closed(at).map(|closed| closed.to_string()).or_else(closing)
    }

    /// The calendars whose state at `at` is unreadable, with the reasons.
    pub fn unreadable(&self, at: DateTime<Utc>) -> impl Iterator<Item = (&str, &str)> {
        self.known.iter().filter(move |known| known.covers(at)).filter_map(|known| match &known.state {
            State::Unreadable(reason) => Some((known.calendar.as_str(), reason.as_str())),
            State::Open | State::Closed => None,
        })
    }
}

impl Known {
    fn covers(&self, at: DateTime<Utc>) -> bool {
        // An unreadable calendar is not read again for every start time of a thousand services.
        if matches!(self.state, State::Unreadable(_)) {
            return true;
        }
        self.at == at || (self.at < at && self.until.is_some_and(|until| at < until))
    }
}

impl std::fmt::Display for Closed<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Change Calendar {} is closed", self.calendar)?;
        self.until.map_or(Ok(()), |until| write!(formatter, " until {}", utc(until)))
    }
}

/// Whether Systems Manager accepts the text as the name of a document.
fn is_document_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (3..=128).contains(&name.len()) && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::testing::instant;

    #[test]
    fn calendars_are_parsed_from_names_and_arns() {
        let arn = "arn:aws-us-gov:ssm:us-gov-west-1:111122223333:document/Company.Freeze";
        let rows = [
            ("", Ok(vec![])),
            ("Freeze", Ok(vec!["Freeze"])),
            (" Freeze , Payroll_2026,Freeze,", Ok(vec!["Freeze", "Payroll_2026"])),
            (arn, Ok(vec![arn])),
            (
                "No",
                Err(
                    r#""No" is neither the name nor the ARN of a Change Calendar; for example YearEndFreeze"#,
                ),
            ),
            (
                "Freeze Payroll",
                Err(
                    r#""Freeze Payroll" is neither the name nor the ARN of a Change Calendar; for example YearEndFreeze"#,
                ),
            ),
            (
                "Freeze,arn:aws:ssm:x:1:parameter/Y",
                Err(
                    r#""arn:aws:ssm:x:1:parameter/Y" is neither the name nor the ARN of a Change Calendar; for example YearEndFreeze"#,
                ),
            ),
        ];
        for (text, expected) in rows {
            let found = Calendars::parse(text);
            let found =
                found.as_ref().map(|found| found.names().iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(found.map_err(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn a_transition_that_is_not_in_the_future_is_ignored() {
        let at = instant("2026-12-18T22:00:00Z");
        let mut calendars = Calendars::parse("Freeze").unwrap();
        calendars.learn("Freeze", at, State::Closed, Some(at));
        assert_eq!((calendars.closed(at).unwrap().until, calendars.open_from(at)), (None, None));
    }

    #[test]
    fn a_state_is_known_until_the_next_transition_or_only_for_its_time() {
        let [one, two, three] =
            ["2026-12-18T22:00:00Z", "2026-12-18T23:00:00Z", "2026-12-19T22:00:00Z"].map(instant);
        let mut calendars = Calendars::parse("Freeze,Payroll").unwrap();
        assert_eq!(calendars.unknown(one), ["Freeze", "Payroll"]);
        calendars.learn("Freeze", one, State::Closed, Some(three));
        calendars.learn("Payroll", one, State::Open, None);
        assert!(calendars.unknown(one).is_empty());
        assert_eq!(calendars.unknown(two), ["Payroll"]);
        assert_eq!(calendars.unknown(three), ["Freeze", "Payroll"]);
        assert_eq!(calendars.unknown(instant("2026-12-18T21:59:00Z")), ["Freeze", "Payroll"]);

        assert_eq!(calendars.open_from(two), Some(three));
        calendars.learn("Freeze", three, State::Open, Some(three + TimeDelta::hours(1)));
        let closes = |minutes| calendars.closes_before(three, three + TimeDelta::minutes(minutes));
        assert_eq!((closes(60), closes(61)), (None, Some(("Freeze", three + TimeDelta::hours(1)))));
        assert_eq!(calendars.closed(three), None);
        calendars.learn("Payroll", three, State::Closed, None);
        assert_eq!(calendars.open_from(two), None); // Payroll is closed, and AWS does not say until when
        assert_eq!(
            calendars.closed(one).unwrap().to_string(),
            "Change Calendar Freeze is closed until Sat 19 Dec 2026 22:00 UTC"
        );
        assert_eq!(calendars.closed(three).unwrap().to_string(), "Change Calendar Payroll is closed");
    }

    #[test]
    fn an_unreadable_calendar_is_read_once_and_does_not_block_planning() {
        let [at, later] = ["2026-12-18T22:00:00Z", "2026-12-19T22:00:00Z"].map(instant);
        let mut calendars = Calendars::parse("Freeze").unwrap();
        calendars.learn("Freeze", at, State::Unreadable("AccessDenied".into()), None);
        assert!(calendars.unknown(at).is_empty() && calendars.unknown(later).is_empty());
        assert_eq!(calendars.open_from(at), Some(at));
        assert_eq!(calendars.unreadable(at).collect::<Vec<_>>(), [("Freeze", "AccessDenied")]);
    }
}
