//! The times of schedules, as EventBridge Scheduler writes them.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use crate::{
    notice::date::has_four_digits,
    time::window::{first_instant, parse_zone},
};

/// The last minute that an expression can have.
const LAST: DateTime<Utc> = match DateTime::from_timestamp(253_402_300_740, 0) {
    Some(minute) => minute,
    None => DateTime::<Utc>::MAX_UTC,
};

/// The `at()` expression of EventBridge Scheduler for an instant. Its precision is one minute. What is
/// to happen after the year 9999 is set to its last minute.
#[must_use]
pub fn at_expression(at: DateTime<Utc>) -> String {
    at.min(LAST).format("at(%Y-%m-%dT%H:%M:%S)").to_string()
}

/// The instant of an `at()` expression in the schedule's time zone. `None` if an operator made the schedule
/// recurring.
#[must_use]
pub fn parse_at(expression: &str, zone: Option<&str>) -> Option<DateTime<Utc>> {
    let local = expression.trim().strip_prefix("at(")?.strip_suffix(')')?;
    let local = NaiveDateTime::parse_from_str(local.trim(), "%Y-%m-%dT%H:%M:%S").ok()?;
    let zone = zone.map_or(Ok(Tz::UTC), parse_zone).ok()?;
    Some(first_instant(local, zone)).filter(has_four_digits)
}
