//! Dates in AWS Health events: in their fields and in the prose of their descriptions.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Whether a date that somebody states is one that can be meant.
#[must_use]
pub fn is_usable(date: &DateTime<Utc>) -> bool {
    (1970..=9999).contains(&date.year())
}

/// Whether the functions can calculate with a date: with one of a far year, that could overflow. Schedules have years of four
/// digits.
#[must_use]
pub fn has_four_digits(date: &DateTime<Utc>) -> bool {
    (0..=9999).contains(&date.year())
}

/// Parses a date in any form seen in AWS Health events. Returns `None` if the text is not a date.
///
/// The forms are `Wed, 16 Aug 2023 23:18:51 GMT` (fields), `Fri, 21 Feb 2025 18:00 GMT` (descriptions) and ISO 8601.
/// The weekday is ignored, because some of AWS's own samples name the wrong one. A date without a zone is in UTC.
///
/// ```
/// # use rules::notice::date::parse;
/// assert_eq!(parse("Thu, 27 Jan 2026 9:05:00 GMT"), parse("2026-01-27T09:05:00Z")); // a Tuesday
/// assert_eq!(parse("soon"), None);
/// ```
#[must_use]
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    iso(text).or_else(|| worded(text)).filter(is_usable)
}

fn iso(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.to_utc());
    }
    if let Ok(date) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(date.to_utc());
    }
    let local = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(local, form).ok())
        .or_else(|| NaiveDate::parse_from_str(local, "%Y-%m-%d").ok().map(NaiveDate::into))
        .map(|date| date.and_utc())
}

/// Parses `[weekday[,]] day month year time [zone]`.
fn worded(text: &str) -> Option<DateTime<Utc>> {
    let mut words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty()).peekable();
    words.next_if(|word| word.chars().all(char::is_alphabetic));
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let date = NaiveDate::parse_from_str(&format!("{day} {month} {year}"), "%d %B %Y").ok()?;
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|form| NaiveTime::parse_from_str(time, form).ok())?;
    let instant = match words.next() {
        None | Some("GMT" | "UTC" | "Z") => date.and_time(time).and_utc(),
        Some(offset) => {
            let text = format!("{} {offset}", date.and_time(time).format("%Y-%m-%d %H:%M:%S"));
            DateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S %z").ok()?.to_utc()
        }
    };
    words.next().is_none().then_some(instant)
}

/// Reads the date at the start of a sentence: completely, with its time and its zone, or not at all. What follows the
/// zone is ignored.
///
/// A date without a zone, or with one that is not known here, is not read: taking it for UTC could make the cut-off
/// earlier than what is meant.
///
/// ```
/// # use rules::notice::date::{in_sentence, parse};
/// assert_eq!(in_sentence("25 Nov 2026 6:00 PM GMT were launched"), parse("2026-11-25T18:00:00Z"));
/// assert_eq!(in_sentence("November 25, 2026 at 10:00 PST."), parse("2026-11-25T18:00:00Z"));
/// assert_eq!(in_sentence("25 Nov 2026 18:00 were launched"), None);
/// ```
#[must_use]
pub fn in_sentence(text: &str) -> Option<DateTime<Utc>> {
    at_start(text).filter(is_usable)
}

fn at_start(text: &str) -> Option<DateTime<Utc>> {
    // Line breaks in a description arrive as the two characters `\n`.
    let text = text.replace("\\n", " ");
    let mut words = text.split_whitespace().map(trimmed).filter(|word| !word.is_empty()).peekable();
    words.next_if(|word| word.parse::<Weekday>().is_ok());
    let first = words.next()?;
    if first.contains('T') && first.starts_with(|c: char| c.is_ascii_digit()) {
        // Its zone is part of it.
        return zoned(first);
    }
    let date = if let Ok(date) = NaiveDate::parse_from_str(first, "%Y-%m-%d") {
        date
    } else {
        let (second, year) = (words.next()?, words.next()?);
        ["%d %B %Y", "%B %d %Y"]
            .iter()
            .find_map(|form| NaiveDate::parse_from_str(&format!("{first} {second} {year}"), form).ok())?
    };
    words.next_if(|word| word.eq_ignore_ascii_case("at"));
    let mut time = words.next()?.to_ascii_uppercase();
    if let Some(half) = words.next_if(|word| is_half_of_day(word)) {
        time.push_str(&half.replace('.', "").to_ascii_uppercase());
    }
    let time = ["%H:%M:%S", "%H:%M", "%I:%M:%S%p", "%I:%M%p"]
        .iter()
        .find_map(|form| NaiveTime::parse_from_str(&time, form).ok())?;
    let zone = words.next().and_then(offset)?;
    // `GMT +2` is another zone than `GMT`.
    let continued = words.peek().is_some_and(|word| word.starts_with(['+', '-']));
    (!continued).then(|| date.and_time(time).and_local_timezone(zone).single())?.map(|date| date.to_utc())
}

fn trimmed(word: &str) -> &str {
    word.trim_start_matches(['(', '[']).trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']'])
}

fn is_half_of_day(word: &str) -> bool {
    matches!(word.replace('.', "").to_ascii_uppercase().as_str(), "AM" | "PM")
}

fn zoned(text: &str) -> Option<DateTime<Utc>> {
    let zoned = text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|time| time.contains(['+', '-']));
    if zoned { parse(text) } else { None }
}

/// Reads a date of a schedule's input, which operators can edit. A cut-off may be earlier than any date in a notice.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let date = DateTime::deserialize(deserializer)?;
    if has_four_digits(&date) {
        Ok(date)
    } else {
        Err(D::Error::custom(format!("the year of {date} does not have four digits")))
    }
}

/// Like [`read`], for a date that may be absent.
pub(crate) fn read_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    #[derive(Deserialize)]
    struct Date(#[serde(deserialize_with = "read")] DateTime<Utc>);
    Ok(Option::deserialize(deserializer)?.map(|Date(date)| date))
}

/// The offset of a zone: UTC, an offset in digits, or one of the abbreviations that RFC 2822 (section 4.3) defines.
fn offset(zone: &str) -> Option<FixedOffset> {
    let hours = match zone.to_ascii_uppercase().as_str() {
        "GMT" | "UTC" | "Z" => 0,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => return offset_of_digits(zone),
    };
    FixedOffset::east_opt(hours * 3_600)
}

/// `+0200`, `-07:00`
fn offset_of_digits(zone: &str) -> Option<FixedOffset> {
    DateTime::parse_from_str(&format!("2000-01-01 00:00:00 {zone}"), "%Y-%m-%d %H:%M:%S %z")
        .ok()
        .filter(|_| zone.starts_with(['+', '-']))
        .map(|date| *date.offset())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;

    #[test]
    fn every_known_form_is_parsed() {
        let rows = [
            ("Wed, 16 Aug 2023 23:18:51 GMT", "2023-08-16T23:18:51Z"),
            ("Thu, 27 Jan 2026 00:00:00 GMT", "2026-01-27T00:00:00Z"), // a Tuesday
            ("Wed, 6 Aug 2025 9:00:00 GMT", "2025-08-06T09:00:00Z"),
            ("16 Aug 2023 23:18:51 GMT", "2023-08-16T23:18:51Z"),
            ("Wed 16 Aug 2023 23:18:51 UTC", "2023-08-16T23:18:51Z"),
            ("Wednesday, 16 August 2023 23:18:51 GMT", "2023-08-16T23:18:51Z"),
            ("Fri, 28 Feb 2025 18:00 GMT", "2025-02-28T18:00:00Z"),
            ("Wed, 16 Aug 2023 23:18:51 +0000", "2023-08-16T23:18:51Z"),
            ("Wed, 16 Aug 2023 23:18:51 -0700", "2023-08-17T06:18:51Z"),
            ("2023-08-16T23:18:51Z", "2023-08-16T23:18:51Z"),
            ("2023-08-16T23:18:51.250Z", "2023-08-16T23:18:51.250Z"),
            ("2023-08-17T01:18:51+02:00", "2023-08-16T23:18:51Z"),
            ("2023-08-17T01:18:51+0200", "2023-08-16T23:18:51Z"),
            ("2023-08-16T23:18:51", "2023-08-16T23:18:51Z"),
            ("2023-08-16 23:18:51", "2023-08-16T23:18:51Z"),
            ("2023-08-16T23:18Z", "2023-08-16T23:18:00Z"),
            ("2023-08-16", "2023-08-16T00:00:00Z"),
            ("  Wed, 16 Aug 2023 23:18:51 GMT ", "2023-08-16T23:18:51Z"),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text), Some(instant(expected)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_dates() {
        let rows = [
            "",
            "soon",
            "UNKNOWN",
            "Wed, 32 Aug 2023 23:18:51 GMT",
            "Wed, 16 Aug 2023",
            "Wed, 16 Aug 2023 23:18:51 GMT tomorrow",
            "Wed, 16 Aug 2023 23:18:51 Mars",
            "1692227931",
            "Wed, 16 Aug -262100 23:18:51 GMT",
            "0001-01-01T00:00:00Z",
        ];
        for text in rows {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_in_a_sentence_is_read_completely_or_not_at_all() {
        let rows = [
            ("Fri, 21 Feb 2025 18:00 GMT were launched on the new revision.", Some("2025-02-21T18:00:00Z")),
            ("Fri, 21 Feb 2025 18:00:30 GMT.\\n\\nNext", Some("2025-02-21T18:00:30Z")),
            (" 2025-02-21T18:00:00Z, and", Some("2025-02-21T18:00:00Z")),
            ("2025-02-21T18:00:00+0200 and", Some("2025-02-21T16:00:00Z")),
            ("25 Nov 2026 6:00 PM GMT", Some("2026-11-25T18:00:00Z")),
            ("25 Nov 2026 6:00PM UTC", Some("2026-11-25T18:00:00Z")),
            ("25 Nov 2026 12:15 a.m. UTC", Some("2026-11-25T00:15:00Z")),
            ("November 25, 2026 at 6:00 p.m. (UTC).", Some("2026-11-25T18:00:00Z")),
            ("2026-11-25 18:00 UTC", Some("2026-11-25T18:00:00Z")),
            ("2026-11-25 10:00 PST", Some("2026-11-25T18:00:00Z")),
            ("2026-11-25 11:00 PDT", Some("2026-11-25T18:00:00Z")),
            ("2026-11-25 12:00 CST", Some("2026-11-25T18:00:00Z")),
            ("2026-11-25 13:00 EST", Some("2026-11-25T18:00:00Z")),
            ("2026-11-25 14:00 EDT", Some("2026-11-25T18:00:00Z")),
            ("Wed, 25 Nov 2026 10:00 -0800 were", Some("2026-11-25T18:00:00Z")),
            // Without a zone, or with one that is not known, nobody knows what is meant.
            ("2026-11-25 18:00 were launched", None),
            ("2026-11-25T18:00:00 were launched", None),
            ("25 Nov 2026 10:00 IST", None),
            ("25 Nov 2026 18:00 GMT +2", None),
            ("25 Nov 2026 18:00 UTC+8", None),
            ("25 Nov 2026 were launched", None),
            ("2026-11-25", None),
            ("25 Nov 1926 18:00 GMT", None),
            ("25 Nov +12026 18:00 GMT", None),
            ("the date above", None),
        ];
        for (text, expected) in rows {
            assert_eq!(in_sentence(text), expected.map(instant), "{text}");
        }
    }
}
