//! Maintenance windows: recurring spans of local time, and when they open.

use std::{fmt, str::FromStr};

use chrono::{
    DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday, WeekdaySet,
};
use chrono_tz::{GapInfo, Tz};

/// A recurring span of local time, such as `Fri 22:00-02:00 Europe/London`.
///
/// A window belongs to the day on which it starts. Its length is in real time: a four-hour window lasts four hours
/// even when the clocks change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    days: WeekdaySet,
    start: NaiveTime,
    end: NaiveTime,
    zone: Tz,
}

/// One opening of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// When it opens.
    pub start: DateTime<Utc>,
    /// When it closes. Exclusive.
    pub end: DateTime<Utc>,
}

/// Why a text is not a valid window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The text does not consist of days, hours and an optional zone.
    #[error("expected DAYS HH:MM-HH:MM [ZONE], for example Fri 22:00-02:00; found {0:?}")]
    Form(String),
    /// Not a day, a list or range of days, `daily`, `weekdays` or `weekend`.
    #[error("unknown day {0:?}; use Fri, Fri+Sat, Mon-Thu, daily, weekdays or weekend")]
    Days(String),
    /// Not two times of day.
    #[error("invalid hours {0:?}; use HH:MM-HH:MM from 00:00 to 23:59, for example 22:00-02:00")]
    Span(String),
    /// Not a time zone of the IANA database.
    #[error("unknown time zone {0:?}; use an IANA name, for example Europe/London")]
    Zone(String),
}

impl Window {
    /// Parses `DAYS HH:MM-HH:MM [ZONE]`. `zone` is the default zone.
    ///
    /// # Errors
    /// Names the invalid part and gives a valid example.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, WindowError> {
        let mut words = text.split_whitespace();
        let (Some(days), Some(span), named_zone, None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(WindowError::Form(text.to_owned()));
        };
        let days = parse_days(days).ok_or_else(|| WindowError::Days(days.to_owned()))?;
        let (start, end) = parse_span(span).ok_or_else(|| WindowError::Span(span.to_owned()))?;
        let zone = named_zone.map_or(Ok(zone), parse_zone)?;
        Ok(Self { days, start, end, zone })
    }

    /// The time zone of the window's days and hours.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The same hours on every day of the week.
    #[must_use]
    pub fn on_every_day(&self) -> Self {
        Self { days: WeekdaySet::ALL, ..*self }
    }

    /// How long the window is open. An end that is not after the start is on the next day.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        let length = self.end - self.start;
        if length > TimeDelta::zero() { length } else { length + TimeDelta::days(1) }
    }

    /// The occurrence that starts on the local day `date`, if the window opens on that weekday.
    #[must_use]
    pub fn on(&self, date: NaiveDate) -> Option<Occurrence> {
        use chrono::Datelike as _;
        if !self.days.contains(date.weekday()) {
            return None;
        }
        let start = first_instant(date.and_time(self.start), self.zone);
        Some(Occurrence { start, end: start + self.length() })
    }

    /// Whether the window is open at `moment`.
    #[must_use]
    pub fn is_open(&self, moment: DateTime<Utc>) -> bool {
        self.occurrences(moment, -2..=2)
            .any(|occurrence| occurrence.start <= moment && moment < occurrence.end)
    }

    /// The occurrences on the local days around `moment`, in chronological order. `days` are offsets from its day.
    #[must_use]
    pub fn occurrences(
        &self,
        moment: DateTime<Utc>,
        days: std::ops::RangeInclusive<i64>,
    ) -> impl DoubleEndedIterator<Item = Occurrence> {
        let today = moment.with_timezone(&self.zone).date_naive();
        days.filter_map(move |offset| {
            let distance = Days::new(offset.unsigned_abs());
            let date =
                if offset < 0 { today.checked_sub_days(distance) } else { today.checked_add_days(distance) };
            self.on(date?)
        })
    }
}

/// Converts a local time to an instant. A local time that occurs twice gives the first of the two instants. A local
/// time that a clock change skips gives the first instant after the gap.
#[must_use]
pub fn first_instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    zone.from_local_datetime(&local)
        .earliest()
        .or_else(|| GapInfo::new(&local, &zone)?.end)
        // Unreachable: only a gap without an end gets here, and no zone has one.
        .map_or_else(|| local.and_utc(), |instant| instant.to_utc())
}

/// Parses the name of a time zone of the IANA database.
///
/// # Errors
/// Names the unknown zone.
pub fn parse_zone(text: &str) -> Result<Tz, WindowError> {
    text.parse().map_err(|_| WindowError::Zone(text.to_owned()))
}

/// Parses a day, a range, `daily`, `weekdays` or `weekend`, or several of these joined by `+`.
fn parse_days(text: &str) -> Option<WeekdaySet> {
    text.split('+').try_fold(WeekdaySet::EMPTY, |days, part| Some(days.union(parse_day_range(part)?)))
}

fn parse_day_range(text: &str) -> Option<WeekdaySet> {
    let workdays = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    match text.to_ascii_lowercase().as_str() {
        "daily" => return Some(WeekdaySet::ALL),
        "weekdays" => return Some(WeekdaySet::from_array(workdays)),
        "weekend" => return Some(WeekdaySet::from_array([Weekday::Sat, Weekday::Sun])),
        _ => {}
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (Weekday::from_str(first).ok()?, Weekday::from_str(last).ok()?);
    let mut days = WeekdaySet::single(last);
    let mut day = first;
    while day != last {
        days.insert(day);
        day = day.succ();
    }
    Some(days)
}

fn parse_span(text: &str) -> Option<(NaiveTime, NaiveTime)> {
    let (start, end) = text.split_once('-')?;
    let time = |text: &str| {
        (text.len() == "HH:MM".len()).then(|| NaiveTime::parse_from_str(text, "%H:%M").ok()).flatten()
    };
    Some((time(start)?, time(end)?))
}

impl fmt::Display for Window {
    /// Prints the window in the grammar of the parameter, so that it can be pasted back.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days == WeekdaySet::ALL {
            formatter.write_str("daily")?;
        } else {
            let days: Vec<String> = self.days.iter(Weekday::Mon).map(|day| day.to_string()).collect();
            formatter.write_str(&days.join("+"))?;
        }
        write!(formatter, " {}-{} {}", self.start.format("%H:%M"), self.end.format("%H:%M"), self.zone)
    }
}

/// One or more windows, separated by ` or `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    first: Window,
    others: Vec<Window>,
}

impl Windows {
    /// Parses windows separated by ` or `. `zone` is the default zone.
    ///
    /// # Errors
    /// Names the invalid part and gives a valid example.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, WindowError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut windows = words
            .split(|word| word.eq_ignore_ascii_case("or"))
            .map(|words| Window::parse(&words.join(" "), zone));
        let first = windows.next().unwrap_or_else(|| Err(WindowError::Form(text.to_owned())))?;
        Ok(Self { first, others: windows.collect::<Result<_, _>>()? })
    }

    /// Whether any of the windows is open at `moment`.
    #[must_use]
    pub fn is_open(&self, moment: DateTime<Utc>) -> bool {
        self.iter().any(|window| window.is_open(moment))
    }

    /// The opening that is open at `moment`, or the next one.
    #[must_use]
    pub fn open_or_next(&self, moment: DateTime<Utc>) -> Option<Occurrence> {
        let openings = self.iter().flat_map(|window| window.occurrences(moment, -2..=8).collect::<Vec<_>>());
        openings.filter(|opening| moment < opening.end).min_by_key(|opening| opening.start)
    }

    /// The windows, in the order of the parameter.
    pub fn iter(&self) -> impl Iterator<Item = Window> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The same days and hours, all in `zone`.
    #[must_use]
    pub fn in_zone(self, zone: Tz) -> Self {
        let rezone = |window| Window { zone, ..window };
        Self { first: rezone(self.first), others: self.others.into_iter().map(rezone).collect() }
    }

    /// The time zone in which times are shown: that of the first window.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.first.zone
    }
}

impl Default for Windows {
    /// The template's default: `Fri 22:00-02:00` in UTC.
    fn default() -> Self {
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
        let days = WeekdaySet::single(Weekday::Fri);
        Self { first: Window { days, start: time(22), end: time(2), zone: Tz::UTC }, others: Vec::new() }
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(formatter)?;
        self.others.iter().try_for_each(|window| write!(formatter, " or {window}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;
    use proptest::prelude::*;

    fn window(text: &str) -> Window {
        Window::parse(text, Tz::UTC).expect("test data: a valid window")
    }

    #[test]
    fn windows_are_parsed_in_any_case() {
        let rows = [
            ("Fri 22:00-02:00", "Fri 22:00-02:00 UTC"),
            ("FRI 22:00-02:00 Europe/London", "Fri 22:00-02:00 Europe/London"),
            ("fri+sat 22:00-02:00", "Fri+Sat 22:00-02:00 UTC"),
            ("Mon-Thu 01:00-03:00", "Mon+Tue+Wed+Thu 01:00-03:00 UTC"),
            ("Sat-Mon 01:00-03:00", "Mon+Sat+Sun 01:00-03:00 UTC"),
            ("Mon-Wed+Fri 01:00-03:00", "Mon+Tue+Wed+Fri 01:00-03:00 UTC"),
            ("Daily 01:00-03:00", "daily 01:00-03:00 UTC"),
            ("WEEKDAYS 01:00-03:00", "Mon+Tue+Wed+Thu+Fri 01:00-03:00 UTC"),
            ("weekend 01:00-03:00 Etc/GMT+3", "Sat+Sun 01:00-03:00 Etc/GMT+3"),
            ("  Friday   22:00-02:00  ", "Fri 22:00-02:00 UTC"),
        ];
        for (text, expected) in rows {
            assert_eq!(window(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn windows_are_separated_by_or() {
        let windows =
            Windows::parse("Fri 22:00-02:00 or Tue 01:00-03:00 Asia/Tokyo OR daily 04:00-05:00", Tz::UTC);
        assert_eq!(
            windows.unwrap().to_string(),
            "Fri 22:00-02:00 UTC or Tue 01:00-03:00 Asia/Tokyo or daily 04:00-05:00 UTC"
        );
    }

    #[test]
    fn an_error_names_the_invalid_part() {
        let rows = [
            ("", r#"expected DAYS HH:MM-HH:MM [ZONE], for example Fri 22:00-02:00; found """#),
            ("Fri", r#"expected DAYS HH:MM-HH:MM [ZONE], for example Fri 22:00-02:00; found "Fri""#),
            (
                "22:00-02:00",
                r#"expected DAYS HH:MM-HH:MM [ZONE], for example Fri 22:00-02:00; found "22:00-02:00""#,
            ),
            (
                "Fri 22:00-02:00 or",
                r#"expected DAYS HH:MM-HH:MM [ZONE], for example Fri 22:00-02:00; found """#,
            ),
            (
                "Fri 22:00 - 02:00",
                r#"expected DAYS HH:MM-HH:MM [ZONE], for example Fri 22:00-02:00; found "Fri 22:00 - 02:00""#,
            ),
            (
                "Fry 22:00-02:00",
                r#"unknown day "Fry"; use Fri, Fri+Sat, Mon-Thu, daily, weekdays or weekend"#,
            ),
            (
                "Fri+ 22:00-02:00",
                r#"unknown day "Fri+"; use Fri, Fri+Sat, Mon-Thu, daily, weekdays or weekend"#,
            ),
            (
                "Fri 22:00-24:00",
                r#"invalid hours "22:00-24:00"; use HH:MM-HH:MM from 00:00 to 23:59, for example 22:00-02:00"#,
            ),
            (
                "Fri 9:00-10:00",
                r#"invalid hours "9:00-10:00"; use HH:MM-HH:MM from 00:00 to 23:59, for example 22:00-02:00"#,
            ),
            (
                "Fri 22:00",
                r#"invalid hours "22:00"; use HH:MM-HH:MM from 00:00 to 23:59, for example 22:00-02:00"#,
            ),
            (
                "Fri 22:00-02:00 Mars/Olympus",
                r#"unknown time zone "Mars/Olympus"; use an IANA name, for example Europe/London"#,
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(Windows::parse(text, Tz::UTC).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn an_end_that_is_not_after_the_start_is_on_the_next_day() {
        let rows = [("22:00-02:00", 4), ("02:00-22:00", 20), ("22:00-22:00", 24), ("22:00-00:00", 2)];
        for (span, hours) in rows {
            assert_eq!(window(&format!("Fri {span}")).length(), TimeDelta::hours(hours), "{span}");
        }
    }

    #[test]
    fn clock_changes_move_a_local_time_to_the_first_valid_instant() {
        // Just before, at, within and just after each clock change.
        let rows = [
            ("America/New_York", "2026-03-08T01:59:59", "2026-03-08T06:59:59Z"),
            ("America/New_York", "2026-03-08T02:00:00", "2026-03-08T07:00:00Z"), // gap: first instant after
            ("America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-03-08T03:00:00", "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-11-01T00:59:59", "2026-11-01T04:59:59Z"),
            ("America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"), // fold: first of the two
            ("America/New_York", "2026-11-01T02:00:00", "2026-11-01T07:00:00Z"),
            ("Europe/London", "2026-03-29T01:30:00", "2026-03-29T01:00:00Z"),
            ("Europe/London", "2026-10-25T01:30:00", "2026-10-25T00:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:30:00Z"), // a gap of half an hour
            ("Pacific/Apia", "2011-12-30T22:00:00", "2011-12-30T10:00:00Z"), // a day that the zone skipped
            ("Asia/Kathmandu", "2026-06-01T22:00:00", "2026-06-01T16:15:00Z"),
        ];
        for (zone, local, expected) in rows {
            let zone: Tz = zone.parse().unwrap();
            assert_eq!(first_instant(local.parse().unwrap(), zone), instant(expected), "{zone} {local}");
        }
    }

    #[test]
    fn a_window_is_open_from_its_start_and_closed_at_its_end() {
        let windows = Windows::parse("Fri 22:00-02:00", Tz::UTC).unwrap();
        let (start, end) = (instant("2026-11-27T22:00:00Z"), instant("2026-11-28T02:00:00Z"));
        let second = TimeDelta::seconds(1);
        assert!(windows.is_open(start) && windows.is_open(end - second));
        assert!(!windows.is_open(start - second) && !windows.is_open(end));
        let opens = |at| windows.open_or_next(at).map(|opening| opening.start);
        assert_eq!((opens(end - second), opens(end)), (Some(start), Some(start + TimeDelta::days(7))));
    }

    #[test]
    fn a_clock_change_does_not_change_the_length() {
        let window = window("Sun 00:00-04:00 Europe/London");
        for date in ["2026-03-22", "2026-03-29", "2026-10-25"] {
            let occurrence = window.on(date.parse().unwrap()).unwrap();
            assert_eq!(occurrence.end - occurrence.start, TimeDelta::hours(4), "{date}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_window_parses_back(days in 1u8..128, start in 0u32..1440, end in 0u32..1440) {
            let day = |index: &u8| days & (1 << index) != 0;
            let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
            let days: Vec<&str> = (0..7).filter(day).map(|index| names[usize::from(index)]).collect();
            let text = format!("{} {:02}:{:02}-{:02}:{:02}", days.join("+"), start / 60, start % 60, end / 60, end % 60);
            let window = window(&text);
            prop_assert_eq!(Window::parse(&window.to_string(), Tz::Asia__Tokyo), Ok(window));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,60}") {
            let _ = Windows::parse(&text, Tz::UTC);
        }
    }
}
