//! `ChangeCalendars`: while any of them is closed, or about to close, no deployment starts.

use chrono::{DateTime, Utc};

use super::Block;
use crate::time::calendar::Calendars;

/// The blocks of the calendars at `at`.
#[must_use]
pub fn blocks(calendars: &Calendars, at: DateTime<Utc>) -> Vec<Block> {
    let refusal = calendars.refusal(at).map(Block::by);
    let unreadable = calendars.unreadable(at).map(|(calendar, why)| {
        Block::unreadable(format!("Change Calendar {calendar} is unreadable and is treated as closed: {why}"))
    });
    refusal.into_iter().chain(unreadable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing::instant, time::calendar::State};

    #[test]
    fn a_calendar_blocks_while_it_is_closed_about_to_close_or_unreadable() {
        let at = instant("2026-12-18T22:00:00Z");
        let rows = [
            (State::Open, None, None),
            (State::Open, Some("2026-12-18T22:05:00Z"), None),
            (
                State::Open,
                Some("2026-12-18T22:04:00Z"),
                Some(Block::by("Change Calendar Freeze closes soon, on Fri 18 Dec 2026 22:04 UTC")),
            ),
            (
                State::Closed,
                Some("2027-01-04T08:00:00Z"),
                Some(Block::by("Change Calendar Freeze is closed until Mon 4 Jan 2027 08:00 UTC")),
            ),
            (
                State::Unreadable("AccessDenied".into()),
                None,
                Some(Block::unreadable(
                    "Change Calendar Freeze is unreadable and is treated as closed: AccessDenied",
                )),
            ),
        ];
        for (state, until, expected) in rows {
            let mut calendars = Calendars::parse("Freeze").unwrap();
            calendars.learn("Freeze", at, state, until.map(instant));
            assert_eq!(blocks(&calendars, at), Vec::from_iter(expected));
        }
    }
}
