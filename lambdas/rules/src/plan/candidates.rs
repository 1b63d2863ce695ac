//! Which moments of a maintenance window can be a start time.

use chrono::{DateTime, Utc};

use crate::time::{
    calendar::Calendars,
    window::{Occurrence, Window},
};

/// The number of days that are searched for a start time. Without a change freeze, every window opens within ten
/// days. A freeze may last a month, and AWS announces retirements up to two weeks ahead.
pub const HORIZON_DAYS: i64 = 62;

/// A possible start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The start time, a whole minute.
    pub at: DateTime<Utc>,
    /// When the window closes.
    pub ends_at: DateTime<Utc>,
    /// The window that contains the start time.
    pub window: Window,
}

/// The earliest candidate at or after `from` and not after `deadline`. Without a deadline, the next [`HORIZON_DAYS`]
/// days are searched.
#[must_use]
pub fn earliest(
    window: Window,
    from: DateTime<Utc>,
    deadline: Option<DateTime<Utc>>,
    calendars: &Calendars,
) -> Option<Candidate> {
    // An occurrence that is open at `from` may have started on the day before. A time zone that skips a day moves it by
    // one more.
    window
        .occurrences(from, -2..=HORIZON_DAYS)
        .take_while(|occurrence| deadline.is_none_or(|deadline| occurrence.start <= deadline))
        .find_map(|occurrence| candidate(window, occurrence, from, deadline, calendars))
}

/// The latest candidate at or after `from` and not after `deadline`.
#[must_use]
pub fn latest(
    window: Window,
    from: DateTime<Utc>,
    deadline: DateTime<Utc>,
    calendars: &Calendars,
) -> Option<Candidate> {
    window
        .occurrences(deadline, -HORIZON_DAYS..=2)
        .rev()
        .take_while(|occurrence| occurrence.end > from)
        .find_map(|occurrence| candidate(window, occurrence, from, Some(deadline), calendars))
}

/// The start times between `from` and `deadline` that a closed calendar rules out.
#[must_use]
pub fn ruled_out(
    window: Window,
    from: DateTime<Utc>,
    deadline: DateTime<Utc>,
    calendars: &Calendars,
) -> Vec<DateTime<Utc>> {
    window
        .occurrences(from, -2..=HORIZON_DAYS)
        .take_while(|occurrence| occurrence.start <= deadline)
        .filter_map(|occurrence| candidate(window, occurrence, from, Some(deadline), &Calendars::default()))
        .map(|candidate| candidate.at)
        .filter(|at| calendars.refusal(*at).is_some())
        .collect()
}

/// The first possible start time in `occurrence`: not before `from`, while no calendar is known to be closed, and with
/// at least half of the window left.
fn candidate(
    window: Window,
    occurrence: Occurrence,
    from: DateTime<Utc>,
    deadline: Option<DateTime<Utc>>,
    calendars: &Calendars,
) -> Option<Candidate> {
    let at = calendars.open_from(occurrence.start.max(from))?;
    let half_is_left = (occurrence.end - at) * 2 >= window.length();
    (half_is_left && deadline.is_none_or(|deadline| at <= deadline)).then_some(Candidate {
        at,
        ends_at: occurrence.end,
        window,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;
    use chrono_tz::Tz;

    fn window(text: &str) -> Window {
        Window::parse(text, Tz::UTC).expect("a valid window of the test")
    }

    #[test]
    fn an_open_window_is_used_while_half_of_it_is_left() {
        let window = window("Fri 22:00-02:00");
        let rows = [
            ("2026-11-27T21:59:00Z", "2026-11-27T22:00:00Z"),
            ("2026-11-27T22:00:00Z", "2026-11-27T22:00:00Z"),
            ("2026-11-27T22:00:01Z", "2026-11-27T22:01:00Z"),
            ("2026-11-28T00:00:00Z", "2026-11-28T00:00:00Z"), // exactly half
            ("2026-11-28T00:00:01Z", "2026-12-04T22:00:00Z"), // less than half of it is left
            ("2026-11-28T03:00:00Z", "2026-12-04T22:00:00Z"),
        ];
        for (from, expected) in rows {
            let candidate = earliest(window, instant(from), None, &Calendars::default()).unwrap();
            assert_eq!(candidate.at, instant(expected), "{from}");
        }
    }

    #[test]
    fn a_window_that_opens_at_the_deadline_fits() {
        let window = window("Fri 22:00-02:00");
        let from = instant("2026-11-20T00:00:00Z");
        let none = Calendars::default();
        let at =
            |deadline: &str| latest(window, from, instant(deadline), &none).map(|candidate| candidate.at);
        assert_eq!(at("2026-11-27T22:00:00Z"), Some(instant("2026-11-27T22:00:00Z")));
        assert_eq!(at("2026-11-27T21:59:59Z"), Some(instant("2026-11-20T22:00:00Z")));
        assert_eq!(at("2026-11-20T21:00:00Z"), None);
    }
}
