//! Picks the start time of a service's redeployment.

pub mod candidates;
pub mod check;
pub mod order;
pub mod spread;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use candidates::{Candidate, HORIZON_DAYS, earliest, latest, ruled_out};
use spread::spread;

use crate::{
    notice::NoticeRef,
    policy::{Fallback, Policy, Preference},
    time::{
        instant::{ceil_minute, floor_minute, utc},
        window::Window,
    },
};

/// A start time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The start time, a whole minute.
    pub at: DateTime<Utc>,
    /// When the window closes. Until then, a deployment that cannot start is retried.
    pub window_ends_at: DateTime<Utc>,
    /// The time zone in which the start time is shown.
    pub zone: Tz,
    /// The windows that the start time was planned for, as text.
    pub windows: String,
    /// The maximum random delay of the start, in minutes, so that services do not all start at once.
    pub spread_minutes: u16,
    /// It is not in a window: `WhenNoWindowFits` chose it.
    pub fallback: bool,
    /// Why this start time was picked.
    pub reason: String,
}

/// No start time was found, for this reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSlot(pub String);

/// The time limits that the notices of one service set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    /// The earliest retirement date in the future.
    starts_at: Option<DateTime<Utc>>,
    /// The retirement date of a notice has passed or is unknown: AWS may already be replacing tasks.
    urgent: bool,
}

impl Bounds {
    fn of(notices: &[NoticeRef], now: DateTime<Utc>) -> Self {
        let future = |notice: &NoticeRef| notice.starts_at.filter(|starts_at| *starts_at > now);
        Self {
            starts_at: notices.iter().filter_map(future).min(),
            urgent: notices.iter().any(|notice| future(notice).is_none()),
        }
    }
}

/// The deadline of `notices`: their earliest future retirement date minus the margin. `None` if all retirement dates
/// have passed or are unknown.
#[must_use]
pub fn deadline(policy: &Policy, notices: &[NoticeRef], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    Bounds::of(notices, now).starts_at?.checked_sub_signed(policy.margin)
}

/// Picks the start time that suits all `notices` of one service.
///
/// A start time is in a maintenance window with at least half of the window left, at least the minimum notice away,
/// not after the deadline, and while no calendar is known to be closed. The parameter `SlotPreference` decides
/// between the earliest and the latest. If a retirement date has passed or is unknown, the earliest is used.
///
/// # Errors
/// Says why no window fits, and why `WhenNoWindowFits` gives no start time either.
pub fn plan(policy: &Policy, notices: &[NoticeRef], now: DateTime<Utc>) -> Result<Slot, NoSlot> {
    plan_from(policy, notices, now, now + policy.minimum_notice)
}

/// Like [`plan`], with the earliest start time `from` instead of the minimum notice.
///
/// # Errors
/// Says why no window fits, and why `WhenNoWindowFits` gives no start time either.
pub fn plan_from(
    policy: &Policy,
    notices: &[NoticeRef],
    now: DateTime<Utc>,
    from: DateTime<Utc>,
) -> Result<Slot, NoSlot> {
    let from = ceil_minute(from);
    let calendars = &policy.calendars;
    let bounds = Bounds::of(notices, now);
    let (Some(starts_at), Some(deadline)) = (bounds.starts_at, deadline(policy, notices, now)) else {
        return next_window(policy, from);
    };

    let latest_wins = policy.preference == Preference::Latest && !bounds.urgent;
    let in_window = if latest_wins {
        let latest = |window: Window| latest(window, from, deadline, calendars);
        pick(policy.windows.iter(), latest, Preference::Latest)
    } else {
        let earliest = |window: Window| earliest(window, from, Some(deadline), calendars);
        pick(policy.windows.iter(), earliest, Preference::Earliest)
    };
    let frozen = frozen(policy, from, deadline);
    if let Some(candidate) = in_window {
        let which = if latest_wins { "latest" } else { "earliest" };
        let reason = format!("{which} opening of {} before the retirement date{frozen}", candidate.window);
        return Ok(slot(policy, candidate, Some(deadline), reason));
    }

    let none_fits = format!(
        "no opening of {} fits between {} and the deadline, {}{}",
        policy.windows,
        utc(from),
        utc(deadline),
        frozen
    );
    fall_back(policy, from, deadline, starts_at, &none_fits)
}

/// Plans the next window, without a deadline.
fn next_window(policy: &Policy, from: DateTime<Utc>) -> Result<Slot, NoSlot> {
    let next = |window: Window| earliest(window, from, None, &policy.calendars);
    let candidate = pick(policy.windows.iter(), next, Preference::Earliest).ok_or_else(|| {
        let frozen = frozen(policy, from, from + TimeDelta::days(HORIZON_DAYS));
        NoSlot(format!("no opening of {} fits in the next {HORIZON_DAYS} days{frozen}", policy.windows))
    })?;
    let frozen = frozen(policy, from, candidate.at);
    let reason = format!("the retirement date has passed or is unknown: the next window is used{frozen}");
    Ok(slot(policy, candidate, None, reason))
}

/// Applies `WhenNoWindowFits`. `none_fits` says that no window fits; every reason starts with it.
fn fall_back(
    policy: &Policy,
    from: DateTime<Utc>,
    deadline: DateTime<Utc>,
    starts_at: DateTime<Utc>,
    none_fits: &str,
) -> Result<Slot, NoSlot> {
    let calendars = &policy.calendars;
    let leave =
        |why: &str| NoSlot(format!("{none_fits}; {why}. AWS replaces the tasks from {}", utc(starts_at)));
    match policy.fallback {
        Fallback::AnyDay => {
            let on_any_day = |window: Window| latest(window.on_every_day(), from, deadline, calendars);
            pick(policy.windows.iter(), on_any_day, Preference::Latest)
                .map(|candidate| {
                    let reason = format!(
                        "{none_fits}; using the same hours on another day (WhenNoWindowFits: any-day)"
                    );
                    Slot { fallback: true, ..slot(policy, candidate, Some(deadline), reason) }
                })
                .ok_or_else(|| {
                    leave("the same hours on other days do not fit either (WhenNoWindowFits: any-day)")
                })
        }
        Fallback::BeforeDeadline if from <= deadline => {
            let at = floor_minute(deadline);
            if let Some(refusal) = calendars.refusal(at) {
                return Err(leave(&format!("the deadline itself is not possible, because {refusal}")));
            }
            Ok(Slot {
                at,
                window_ends_at: starts_at,
                zone: policy.windows.zone(),
                windows: policy.windows.to_string(),
                spread_minutes: 0,
                fallback: true,
                reason: format!("{none_fits}; using the deadline itself (WhenNoWindowFits: before-deadline)"),
            })
        }
        Fallback::BeforeDeadline => {
            Err(leave("the deadline itself is too near (WhenNoWindowFits: before-deadline)"))
        }
        Fallback::LeaveToAws => Err(leave("nothing is scheduled (WhenNoWindowFits: leave-to-aws)")),
    }
}

/// The start times between `from` and `until` that closed Change Calendars rule out, as text in parentheses. Empty if
/// there are none.
fn frozen(policy: &Policy, from: DateTime<Utc>, until: DateTime<Utc>) -> String {
    const MAX_LISTED: usize = 5;
    if policy.calendars.names().is_empty() {
        return String::new();
    }
    let of_window = |window: Window| ruled_out(window, from, until, &policy.calendars);
    let starts: BTreeSet<DateTime<Utc>> = policy.windows.iter().flat_map(of_window).collect();
    let mut by_calendar: BTreeMap<&str, Vec<DateTime<Utc>>> = BTreeMap::new();
    for start in starts {
        if let Some(closed) = policy.calendars.closed(start) {
            by_calendar.entry(closed.calendar).or_default().push(start);
        }
    }
    let closed = by_calendar.into_iter().map(|(calendar, starts)| {
        let listed: Vec<String> = starts.iter().take(MAX_LISTED).map(|start| utc(*start)).collect();
        let more = starts.len() - listed.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("Change Calendar {calendar} is closed on {}{more}", listed.join(", "))
    });
    let closed: Vec<String> = closed.collect();
    if closed.is_empty() { String::new() } else { format!(" ({})", closed.join("; ")) }
}

/// Picks one of the windows' candidates. If two start at the same time, the window that closes later wins.
fn pick(
    windows: impl Iterator<Item = Window>,
    candidate: impl Fn(Window) -> Option<Candidate>,
    preference: Preference,
) -> Option<Candidate> {
    let candidates = windows.filter_map(candidate);
    match preference {
        Preference::Earliest => candidates.min_by_key(|found| (found.at, std::cmp::Reverse(found.ends_at))),
        Preference::Latest => candidates.max_by_key(|found| (found.at, found.ends_at)),
    }
}

fn slot(policy: &Policy, candidate: Candidate, deadline: Option<DateTime<Utc>>, reason: String) -> Slot {
    let Candidate { at, ends_at, window } = candidate;
    let spread_minutes = spread(policy, at, ends_at, deadline);
    let windows = policy.windows.to_string();
    Slot {
        at,
        window_ends_at: ends_at,
        zone: window.zone(),
        windows,
        spread_minutes,
        fallback: false,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, policy};

    fn notice(starts_at: Option<&str>) -> NoticeRef {
        NoticeRef {
            event_arn: format!("arn:{starts_at:?}"),
            starts_at: starts_at.map(instant),
            cutoff: instant("2026-11-25T18:00:00Z"),
            drill: false,
        }
    }

    /// The notice arrives on a Wednesday, exactly a week before the retirement date.
    const NOW: &str = "2026-11-25T18:00:00Z";
    const STARTS_AT: &str = "2026-12-02T18:00:00Z";

    #[test]
    fn the_default_is_the_friday_before_the_retirement_date() {
        let slot = plan(&policy(&[]), &[notice(Some(STARTS_AT))], instant(NOW)).unwrap();
        assert_eq!(slot.at, instant("2026-11-27T22:00:00Z"));
        assert_eq!(slot.window_ends_at, instant("2026-11-28T02:00:00Z"));
        assert_eq!((slot.zone, slot.spread_minutes), (Tz::UTC, 15));
        assert_eq!(slot.reason, "earliest opening of Fri 22:00-02:00 UTC before the retirement date");
    }

    #[test]
    fn every_parameter_affects_the_start_time() {
        let windows = ("MAINTENANCE_WINDOWS", "Fri+Sun 22:00-02:00 or Tue 01:00-03:00 Asia/Tokyo");
        let rows = [
            (&[windows][..], NOW, STARTS_AT, "2026-11-27T22:00:00Z"),
            (&[windows, ("SLOT_PREFERENCE", "latest")], NOW, STARTS_AT, "2026-11-30T16:00:00Z"),
            (&[("TIME_ZONE", "America/New_York")], NOW, STARTS_AT, "2026-11-28T03:00:00Z"),
            // The minimum notice moves the start into an open window, or to the next window.
            (
                &[("MINIMUM_NOTICE_MINUTES", "60")],
                "2026-11-27T22:30:30Z",
                "2026-12-09T18:00:00Z",
                "2026-11-27T23:31:00Z",
            ),
            (
                &[("MINIMUM_NOTICE_MINUTES", "120")],
                "2026-11-27T22:30:30Z",
                "2026-12-09T18:00:00Z",
                "2026-12-04T22:00:00Z",
            ),
            // The margin rules out the only Friday: the same hours on another day, the latest that fits.
            (&[("DEADLINE_MARGIN_MINUTES", "7200")], NOW, STARTS_AT, "2026-11-26T22:00:00Z"),
            (&[], "2026-11-28T18:00:00Z", STARTS_AT, "2026-12-01T22:00:00Z"),
            (
                &[("WHEN_NO_WINDOW_FITS", "before-deadline")],
                "2026-11-28T18:00:00Z",
                STARTS_AT,
                "2026-12-02T16:00:00Z",
            ),
            (
                &[("WHEN_NO_WINDOW_FITS", "before-deadline")],
                "2026-11-28T18:00:00Z",
                "2026-12-02T18:00:51Z",
                "2026-12-02T16:00:00Z",
            ),
            // The retirement date has passed: the next window, regardless of SlotPreference.
            (&[("SLOT_PREFERENCE", "latest")], NOW, "2026-11-25T17:00:00Z", "2026-11-27T22:00:00Z"),
            // The window is open, and the deadline is near.
            (&[], "2026-11-27T22:00:00Z", "2026-11-28T01:30:00Z", "2026-11-27T23:00:00Z"),
            (&[], "2026-11-20T22:00:00Z", "2026-11-28T00:00:00Z", "2026-11-20T23:00:00Z"),
        ];
        for (settings, now, starts_at, expected) in rows {
            let slot = plan(&policy(settings), &[notice(Some(starts_at))], instant(now));
            assert_eq!(slot.map(|slot| slot.at), Ok(instant(expected)), "{settings:?} {now} {starts_at}");
        }
    }

    #[test]
    fn a_notice_without_a_retirement_date_gets_the_next_window() {
        let slot = plan(&policy(&[]), &[notice(None)], instant(NOW)).unwrap();
        assert_eq!(slot.at, instant("2026-11-27T22:00:00Z"));
        assert_eq!(slot.reason, "the retirement date has passed or is unknown: the next window is used");
    }

    #[test]
    fn the_earliest_future_retirement_date_limits_all_notices_of_a_service() {
        let notices = [notice(Some("2026-12-16T18:00:00Z")), notice(Some("2026-12-09T18:00:00Z"))];
        let slot = plan(&policy(&[("SLOT_PREFERENCE", "latest")]), &notices, instant(NOW)).unwrap();
        assert_eq!(slot.at, instant("2026-12-04T22:00:00Z"));
        // A retirement date that has passed requires the earliest start time.
        let notices = [notice(Some("2026-12-16T18:00:00Z")), notice(Some("2026-11-25T17:00:00Z"))];
        let slot = plan(&policy(&[("SLOT_PREFERENCE", "latest")]), &notices, instant(NOW)).unwrap();
        assert_eq!(slot.at, instant("2026-11-27T22:00:00Z"));
    }

    #[test]
    fn if_nothing_fits_the_reason_says_what_was_tried_and_what_aws_will_do() {
        let imminent = notice(Some("2026-11-25T20:30:00Z"));
        let rows = [
            ("any-day", "the same hours on other days do not fit either (WhenNoWindowFits: any-day)"),
            ("before-deadline", "the deadline itself is too near (WhenNoWindowFits: before-deadline)"),
            ("leave-to-aws", "nothing is scheduled (WhenNoWindowFits: leave-to-aws)"),
        ];
        for (fallback, expected) in rows {
            let NoSlot(reason) = plan(
                &policy(&[("WHEN_NO_WINDOW_FITS", fallback)]),
                std::slice::from_ref(&imminent),
                instant(NOW),
            )
            .unwrap_err();
            assert_eq!(
                reason,
                format!(
                    "no opening of Fri 22:00-02:00 UTC fits between Wed 25 Nov 2026 19:00 UTC and the deadline, \
                     Wed 25 Nov 2026 18:30 UTC; {expected}. AWS replaces the tasks from Wed 25 Nov 2026 20:30 UTC"
                )
            );
        }
    }

    #[test]
    fn a_start_time_outside_the_windows_is_marked_as_a_fallback() {
        let fallback = |starts_at, settings: &[(&str, &str)]| {
            plan(&policy(settings), &[notice(Some(starts_at))], instant(NOW)).unwrap().fallback
        };
        assert!(!fallback(STARTS_AT, &[]));
        for word in ["any-day", "before-deadline"] {
            assert!(fallback("2026-11-27T18:00:00Z", &[("WHEN_NO_WINDOW_FITS", word)]), "{word}");
        }
    }

    #[test]
    fn the_spread_ends_with_the_window_and_the_deadline() {
        let spread = |windows: &str, starts_at: &str| {
            let policy = policy(&[("MAINTENANCE_WINDOWS", windows), ("SPREAD_MINUTES", "90")]);
            plan(&policy, &[notice(Some(starts_at))], instant(NOW)).unwrap().spread_minutes
        };
        assert_eq!(spread("Fri 22:00-02:00", STARTS_AT), 90);
        assert_eq!(spread("Fri 22:00-22:30", STARTS_AT), 30);
        assert_eq!(spread("Fri 22:00-02:00", "2026-11-28T00:20:00Z"), 20);
        assert_eq!(spread("Fri 22:00-02:00", "2026-11-28T00:00:00Z"), 0);
    }
}
