//! Instants: rounding to whole minutes, and how they are shown in texts.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use crate::wording::count;

/// Rounds up to a whole minute.
#[must_use]
pub fn ceil_minute(moment: DateTime<Utc>) -> DateTime<Utc> {
    let floor = floor_minute(moment);
    if floor == moment { floor } else { floor + TimeDelta::minutes(1) }
}

/// Rounds down to a whole minute.
#[must_use]
pub fn floor_minute(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.with_second(0).and_then(|moment| moment.with_nanosecond(0)).unwrap_or(moment)
}

/// An instant in UTC: `Wed 2 Dec 2026 23:18 UTC`.
#[must_use]
pub fn utc(moment: DateTime<Utc>) -> String {
    moment.format("%a %-d %b %Y %H:%M UTC").to_string()
}

/// An instant in UTC, to the second: `Wed 2 Dec 2026 23:18:51 UTC`.
#[must_use]
pub fn utc_seconds(moment: DateTime<Utc>) -> String {
    moment.format("%a %-d %b %Y %H:%M:%S UTC").to_string()
}

/// An instant in UTC, or [`UNKNOWN`].
#[must_use]
pub fn utc_or_unknown(moment: Option<DateTime<Utc>>) -> String {
    moment.map_or_else(|| UNKNOWN.to_owned(), utc)
}

/// Shown instead of a date that AWS has not given.
pub const UNKNOWN: &str = "unknown";

/// An instant in a zone: `Fri 27 Nov 2026 22:00 Europe/London`.
#[must_use]
pub fn local(moment: DateTime<Utc>, zone: Tz) -> String {
    format!("{} {zone}", moment.with_timezone(&zone).format("%a %-d %b %Y %H:%M"))
}

/// An instant in a zone and in UTC. The UTC part has a date only if it differs from the local date.
///
/// ```
/// # use rules::time::instant::local_and_utc;
/// let moment = "2026-11-27T22:00:00Z".parse().expect("an instant");
/// let read = |zone: &str| local_and_utc(moment, zone.parse().expect("a zone"));
/// assert_eq!(read("Europe/Berlin"), "Fri 27 Nov 2026 23:00 Europe/Berlin (22:00 UTC)");
/// assert_eq!(read("Asia/Tokyo"), "Sat 28 Nov 2026 07:00 Asia/Tokyo (Fri 27 Nov 22:00 UTC)");
/// assert_eq!(read("UTC"), "Fri 27 Nov 2026 22:00 UTC");
/// ```
#[must_use]
pub fn local_and_utc(moment: DateTime<Utc>, zone: Tz) -> String {
    let local = local(moment, zone);
    if zone == Tz::UTC {
        return local;
    }
    let same_day = moment.with_timezone(&zone).date_naive() == moment.date_naive();
    let utc = moment.format(if same_day { "%H:%M UTC" } else { "%a %-d %b %H:%M UTC" });
    format!("{local} ({utc})")
}

/// A duration in its two largest units: `6 days 23 h`, `5 h 10 min`, `3 min`.
#[must_use]
pub fn span(duration: TimeDelta) -> String {
    let days = usize::try_from(duration.num_days()).unwrap_or_default();
    match (days, duration.num_hours() % 24, duration.num_minutes() % 60) {
        (0, 0, minutes) => format!("{} min", minutes.max(0)),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => count(days, "day"),
        (days, hours, _) => format!("{} {hours} h", count(days, "day")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;

    #[test]
    fn instants_round_to_whole_minutes() {
        let moment = instant("2026-11-27T22:00:00.001Z");
        assert_eq!(ceil_minute(moment), instant("2026-11-27T22:01:00Z"));
        assert_eq!(floor_minute(moment), instant("2026-11-27T22:00:00Z"));
        let whole = instant("2026-11-27T22:00:00Z");
        assert_eq!((ceil_minute(whole), floor_minute(whole)), (whole, whole));
    }

    #[test]
    fn a_duration_has_two_units() {
        let rows = [
            (-5, "0 min"),
            (0, "0 min"),
            (59, "59 min"),
            (60, "1 h"),
            (310, "5 h 10 min"),
            (24 * 60 + 59, "1 day"),
            (167 * 60 + 59, "6 days 23 h"),
        ];
        for (minutes, expected) in rows {
            assert_eq!(span(TimeDelta::minutes(minutes)), expected);
        }
    }
}
