//! Change freezes: what is known of the owner's Change Calendars.

use chrono::{DateTime, Utc};

use super::instant::{ceil_minute, utc};
use crate::arn::Arn;

/// `ChangeCalendars`: Change Calendars of AWS Systems Manager, and what is known of them so far. Whichever is
/// closed, closes.
///
/// A calendar is asked about single moments
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCalendarState.html>), so planning
/// goes in rounds: a slot is planned with what is known, its moment is asked about, and what is learned may
/// lead to another slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendars {
    names: Vec<String>,
    known: Vec<Known>,
}

/// What a calendar has answered about a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    calendar: String,
    state: State,
    at: DateTime<Utc>,
    /// When the state changes next; where AWS does not tell, it is known for the moment alone.
    until: Option<DateTime<Utc>>,
}

/// The state of a calendar at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Changes may be made.
    Open,
    /// No change may be made.
    Closed,
    /// It could not be read, for this reason.
    Unread(String),
}

/// A calendar that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed<'a> {
    /// The calendar, as it is written in the parameter.
    pub calendar: &'a str,
    /// When it opens, where AWS tells.
    pub until: Option<DateTime<Utc>>,
}

impl Calendars {
    /// Reads names or ARNs of calendars, separated by commas. The empty text is none.
    ///
    /// # Errors
    /// Names the part that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut names: Vec<String> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let valid = if Arn::is_claimed(name) {
                let document = Arn::parse(name)
                    .filter(|arn| arn.service == "ssm")
                    .and_then(|arn| arn.resource.strip_prefix("document/"));
                document.is_some_and(is_document)
            } else {
                is_document(name)
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

    /// The calendars, as they are written in the parameter.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The calendars that are still to be asked about `at`.
    #[must_use]
    pub fn unknown(&self, at: DateTime<Utc>) -> Vec<String> {
        let known =
            |name: &&String| self.known.iter().any(|known| known.calendar == **name && known.covers(at));
        self.names.iter().filter(|name| !known(name)).cloned().collect()
    }

    /// Keeps what a calendar has answered about `at`, and when its state changes next.
    pub fn learn(&mut self, calendar: &str, at: DateTime<Utc>, state: State, until: Option<DateTime<Utc>>) {
        let until = until.filter(|until| *until > at);
        self.known.push(Known { calendar: calendar.to_owned(), state, at, until });
    }

    /// A calendar that is known to be closed at `at`.
    #[must_use]
    pub fn closed(&self, at: DateTime<Utc>) -> Option<Closed<'_>> {
        let closed = |known: &&Known| known.state == State::Closed && known.covers(at);
        let found = self.known.iter().find(closed)?;
        Some(Closed { calendar: &found.calendar, until: found.until })
    }

    /// A calendar that is open at `at`, and known to close before `until`, with the moment.
    #[must_use]
    pub fn closes_before(&self, at: DateTime<Utc>, until: DateTime<Utc>) -> Option<(&str, DateTime<Utc>)> {
        let open = self.known.iter().filter(|known| known.state == State::Open && known.covers(at));
        let closes = open.filter_map(|known| Some((known.calendar.as_str(), known.until?)));
        closes.filter(|(_, closes)| *closes < until).min_by_key(|(_, closes)| *closes)
    }

    /// The first whole minute, from `at` on, at which no calendar is known to be closed; nothing where one is
    /// closed until nobody knows when.
    #[must_use]
    pub fn open_from(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut at = ceil_minute(at);
        while let Some(closed) = self.closed(at) {
            at = ceil_minute(closed.until?);
        }
        Some(at)
    }

    /// The calendars that could not be read about `at`, with the reasons.
    pub fn unread(&self, at: DateTime<Utc>) -> impl Iterator<Item = (&str, &str)> {
        self.known.iter().filter(move |known| known.covers(at)).filter_map(|known| match &known.state {
            State::Unread(reason) => Some((known.calendar.as_str(), reason.as_str())),
            State::Open | State::Closed => None,
        })
    }
}

impl Known {
    fn covers(&self, at: DateTime<Utc>) -> bool {
        // Whoever could not read it a moment ago need not try for every slot of a thousand services.
        if matches!(self.state, State::Unread(_)) {
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

/// The names that Systems Manager allows for a document.
fn is_document(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (3..=128).contains(&name.len()) && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::testing::instant;

    #[test]
    fn calendars_are_names_or_arns() {
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
    fn a_transition_that_is_not_to_come_says_nothing() {
        let at = instant("2026-12-18T22:00:00Z");
        let mut calendars = Calendars::parse("Freeze").unwrap();
        calendars.learn("Freeze", at, State::Closed, Some(at));
        assert_eq!((calendars.closed(at).unwrap().until, calendars.open_from(at)), (None, None));
    }

    #[test]
    fn an_answer_holds_until_the_next_transition_or_for_its_moment_alone() {
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
        assert_eq!(calendars.open_from(two), None); // nobody knows until when
        assert_eq!(
            calendars.closed(one).unwrap().to_string(),
            "Change Calendar Freeze is closed until Sat 19 Dec 2026 22:00 UTC"
        );
        assert_eq!(calendars.closed(three).unwrap().to_string(), "Change Calendar Payroll is closed");
    }

    #[test]
    fn a_calendar_that_cannot_be_read_is_not_asked_twice_and_closes_no_plan() {
        let [at, later] = ["2026-12-18T22:00:00Z", "2026-12-19T22:00:00Z"].map(instant);
        let mut calendars = Calendars::parse("Freeze").unwrap();
        calendars.learn("Freeze", at, State::Unread("AccessDenied".into()), None);
        assert!(calendars.unknown(at).is_empty() && calendars.unknown(later).is_empty());
        assert_eq!(calendars.open_from(at), Some(at));
        assert_eq!(calendars.unread(at).collect::<Vec<_>>(), [("Freeze", "AccessDenied")]);
    }
}
