//! Dates in AWS Health events: in their fields and in the prose of their descriptions.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc};

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
    iso(text).or_else(|| worded(text)).filter(|date| (1970..=9999).contains(&date.year()))
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

/// Parses the date at the start of a text and ignores the rest.
#[must_use]
pub fn parse_prefix(text: &str) -> Option<DateTime<Utc>> {
    const MAX_WORDS: usize = 6; // weekday, day, month, year, time, zone
    // Line breaks in a description arrive as the two characters `\n`.
    let text = text.replace("\\n", " ");
    let words: Vec<&str> = text.split_whitespace().take(MAX_WORDS).collect();
    (1..=words.len()).rev().find_map(|count| {
        parse(words.get(..count)?.join(" ").trim_end_matches(['.', ',', ';', ':', ')', '!']))
    })
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
    fn text_after_a_date_is_ignored() {
        let rows = [
            (
                "Fri, 21 Feb 2025 18:00 GMT were launched on the new revision.",
                Some(instant("2025-02-21T18:00:00Z")),
            ),
            ("Fri, 21 Feb 2025 18:00:30 GMT.\\n\\nNext", Some(instant("2025-02-21T18:00:30Z"))),
            (" 2025-02-21T18:00:00Z, and", Some(instant("2025-02-21T18:00:00Z"))),
            ("the date above", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_prefix(text), expected, "{text}");
        }
    }
}
