//! When a service is redeployed: the start time.

pub mod check;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::{
    notice::NoticeRef,
    policy::{Fallback, Policy, Preference},
    time::{
        instant::{ceil_minute, floor_minute, utc},
        window::{Candidate, HORIZON, Window},
    },
};

/// The instant that the plan picks for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The instant, a whole minute.
    pub at: DateTime<Utc>,
    /// When the window closes: until then the start is tried again.
    pub window_ends_at: DateTime<Utc>,
    /// The zone in which people read the time.
    pub zone: Tz,
    /// The windows for which it was planned.
    pub windows: String,
    /// By how many minutes at most the start may come later, so that many services do not start at once.
    pub spread_minutes: u16,
    /// Why this instant.
    pub reason: String,
}

/// A calendar that closes within this time counts as closed: a deployment that starts has to be through to ECS.
pub const CLOSING: TimeDelta = TimeDelta::minutes(5);

/// Nothing is scheduled, for this reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSlot(pub String);

/// The bounds that the notices of one service set together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    /// The earliest of AWS's dates that are still to come.
    starts_at: Option<DateTime<Utc>>,
    /// A notice whose date has passed or is missing: AWS may be replacing tasks already.
    urgent: bool,
}

impl Bounds {
    fn of(notices: &[NoticeRef], now: DateTime<Utc>) -> Self {
        let coming = |notice: &NoticeRef| notice.starts_at.filter(|starts_at| *starts_at > now);
        Self {
            starts_at: notices.iter().filter_map(coming).min(),
            urgent: notices.iter().any(|notice| coming(notice).is_none()),
        }
    }
}

/// The last instant that is in time for all `notices`: the earliest of AWS's dates to come, minus the
/// margin. Notices whose date has passed or is missing set none.
#[must_use]
pub fn deadline(policy: &Policy, notices: &[NoticeRef], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    Bounds::of(notices, now).starts_at?.checked_sub_signed(policy.margin)
}

/// Picks the slot that serves all `notices` of one service.
///
/// Candidates are the moments at which a maintenance window opens, or is open with at least half of it
/// left, from the minimum notice on and not after the deadline, when no calendar is known to be closed. The earliest wins, or by preference the
/// latest. Without a date to come the earliest wins always.
///
/// # Errors
/// Says why nothing is scheduled: no candidate, and no fallback that fits.
pub fn plan(policy: &Policy, notices: &[NoticeRef], now: DateTime<Utc>) -> Result<Slot, NoSlot> {
    plan_from(policy, notices, now, now + policy.minimum_notice)
}

/// The same, from another moment on than the minimum notice asks for.
///
/// # Errors
/// Says why nothing is scheduled: no candidate, and no fallback that fits.
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
        let next = |window: Window| window.earliest(from, None, calendars);
        let candidate = pick(policy.windows.iter(), next, Preference::Earliest).ok_or_else(|| {
            let until = from + TimeDelta::days(HORIZON);
            let frozen = frozen(policy, from, until).unwrap_or_default();
            NoSlot(format!("no opening of {} fits in the next {HORIZON} days{frozen}", policy.windows))
        })?;
        let frozen = frozen(policy, from, candidate.at).unwrap_or_default();
        let reason = format!("the retirement date has passed or is unknown: the next window is used{frozen}");
        return Ok(slot(policy, candidate, None, reason));
    };

    let latest_wins = policy.preference == Preference::Latest && !bounds.urgent;
    let in_window = if latest_wins {
        let latest = |window: Window| window.latest(from, deadline, calendars);
        pick(policy.windows.iter(), latest, Preference::Latest)
    } else {
        let earliest = |window: Window| window.earliest(from, Some(deadline), calendars);
        pick(policy.windows.iter(), earliest, Preference::Earliest)
    };
    let frozen = frozen(policy, from, deadline);
    if let Some(candidate) = in_window {
        let which = if latest_wins { "latest" } else { "earliest" };
        let frozen = frozen.unwrap_or_default();
        let reason = format!("{which} opening of {} before the retirement date{frozen}", candidate.window);
        return Ok(slot(policy, candidate, Some(deadline), reason));
    }

    let none_fits = format!(
        "no opening of {} fits between {} and the deadline, {}{}",
        policy.windows,
        utc(from),
        utc(deadline),
        frozen.unwrap_or_default()
    );
    let leave =
        |why: &str| NoSlot(format!("{none_fits}; {why}. AWS replaces the tasks from {}", utc(starts_at)));
    match policy.fallback {
        Fallback::AnyDay => {
            let on_any_day = |window: Window| window.on_every_day().latest(from, deadline, calendars);
            pick(policy.windows.iter(), on_any_day, Preference::Latest)
                .map(|candidate| {
                    let reason = format!(
                        "{none_fits}; using the same hours on another day (WhenNoWindowFits: any-day)"
                    );
                    slot(policy, candidate, Some(deadline), reason)
                })
                .ok_or_else(|| {
                    leave("the same hours on another day do not fit either (WhenNoWindowFits: any-day)")
                })
        }
        Fallback::BeforeDeadline if from <= deadline => {
            let at = floor_minute(deadline);
            if let Some(closed) = calendars.closed(at) {
                return Err(leave(&format!("the deadline itself is not possible, because {closed}")));
            }
            Ok(Slot {
                at,
                window_ends_at: starts_at,
                zone: policy.windows.zone(),
                windows: policy.windows.to_string(),
                spread_minutes: 0,
                reason: format!("{none_fits}; using the deadline itself (WhenNoWindowFits: before-deadline)"),
            })
        }
        Fallback::BeforeDeadline => {
            Err(leave("the deadline itself is too near (WhenNoWindowFits: before-deadline)"))
        }
        Fallback::LeaveToAws => Err(leave("nothing is scheduled (WhenNoWindowFits: leave-to-aws)")),
    }
}

/// Which candidates between `from` and `until` are out because a Change Calendar is closed, if any are.
fn frozen(policy: &Policy, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<String> {
    const NAMED: usize = 5;
    let of_window = |window: Window| window.frozen(from, until, &policy.calendars);
    let moments: BTreeSet<DateTime<Utc>> = policy.windows.iter().flat_map(of_window).collect();
    let mut by_calendar: BTreeMap<&str, Vec<DateTime<Utc>>> = BTreeMap::new();
    for moment in moments {
        if let Some(closed) = policy.calendars.closed(moment) {
            by_calendar.entry(closed.calendar).or_default().push(moment);
        }
    }
    let closed = by_calendar.into_iter().map(|(calendar, moments)| {
        let named: Vec<String> = moments.iter().take(NAMED).map(|moment| utc(*moment)).collect();
        let more = moments.len() - named.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("Change Calendar {calendar} is closed at {}{more}", named.join(", "))
    });
    let closed: Vec<String> = closed.collect();
    (!closed.is_empty()).then(|| format!(" ({})", closed.join("; ")))
}

/// The winner among the windows' candidates; of two at the same moment the one that stays open longer.
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
    // A start that the spread moves stays inside the window, before the deadline, and before a calendar closes.
    let last = deadline.map_or(ends_at, |deadline| deadline.min(ends_at));
    let last =
        policy.calendars.closes_before(at, last + CLOSING).map_or(last, |(_, closes)| closes - CLOSING);
    let room = (last - at).max(TimeDelta::zero()).num_minutes();
    let spread_minutes = policy.spread_minutes.min(u16::try_from(room).unwrap_or(u16::MAX));
    let windows = policy.windows.to_string();
    Slot { at, window_ends_at: ends_at, zone: window.zone(), windows, spread_minutes, reason }
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
        }
    }

    /// Wednesday to Wednesday: the notice and AWS's date share weekday and hour.
    const NOW: &str = "2026-11-25T18:00:00Z";
    const STARTS_AT: &str = "2026-12-02T18:00:00Z";

    #[test]
    fn the_default_is_the_friday_before_awss_date() {
        let slot = plan(&policy(&[]), &[notice(Some(STARTS_AT))], instant(NOW)).unwrap();
        assert_eq!(slot.at, instant("2026-11-27T22:00:00Z"));
        assert_eq!(slot.window_ends_at, instant("2026-11-28T02:00:00Z"));
        assert_eq!((slot.zone, slot.spread_minutes), (Tz::UTC, 15));
        assert_eq!(slot.reason, "earliest opening of Fri 22:00-02:00 UTC before the retirement date");
    }

    #[test]
    fn every_choice_of_the_operator_moves_the_slot_as_it_says() {
        let windows = ("MAINTENANCE_WINDOWS", "Fri+Sun 22:00-02:00 or Tue 01:00-03:00 Asia/Tokyo");
        let rows = [
            (&[windows][..], NOW, STARTS_AT, "2026-11-27T22:00:00Z"),
            (&[windows, ("SLOT_PREFERENCE", "latest")], NOW, STARTS_AT, "2026-11-30T16:00:00Z"),
            (&[("TIME_ZONE", "America/New_York")], NOW, STARTS_AT, "2026-11-28T03:00:00Z"),
            // The minimum notice skips a window, and one that has just opened counts from then.
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
            // The margin puts the only Friday out of reach: the same hours on the latest other day.
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
            // AWS's date has passed: the next window, whatever is preferred.
            (&[("SLOT_PREFERENCE", "latest")], NOW, "2026-11-25T17:00:00Z", "2026-11-27T22:00:00Z"),
            // A window that is open and near the deadline.
            (&[], "2026-11-27T22:00:00Z", "2026-11-28T01:30:00Z", "2026-11-27T23:00:00Z"),
            (&[], "2026-11-20T22:00:00Z", "2026-11-28T00:00:00Z", "2026-11-20T23:00:00Z"),
        ];
        for (settings, now, starts_at, expected) in rows {
            let slot = plan(&policy(settings), &[notice(Some(starts_at))], instant(now));
            assert_eq!(slot.map(|slot| slot.at), Ok(instant(expected)), "{settings:?} {now} {starts_at}");
        }
    }

    #[test]
    fn a_notice_without_a_date_gets_the_next_window() {
        let slot = plan(&policy(&[]), &[notice(None)], instant(NOW)).unwrap();
        assert_eq!(slot.at, instant("2026-11-27T22:00:00Z"));
        assert_eq!(slot.reason, "the retirement date has passed or is unknown: the next window is used");
    }

    #[test]
    fn the_earliest_date_to_come_bounds_all_notices_of_a_service() {
        let notices = [notice(Some("2026-12-16T18:00:00Z")), notice(Some("2026-12-09T18:00:00Z"))];
        let slot = plan(&policy(&[("SLOT_PREFERENCE", "latest")]), &notices, instant(NOW)).unwrap();
        assert_eq!(slot.at, instant("2026-12-04T22:00:00Z"));
        // One whose date has passed asks for the earliest.
        let notices = [notice(Some("2026-12-16T18:00:00Z")), notice(Some("2026-11-25T17:00:00Z"))];
        let slot = plan(&policy(&[("SLOT_PREFERENCE", "latest")]), &notices, instant(NOW)).unwrap();
        assert_eq!(slot.at, instant("2026-11-27T22:00:00Z"));
    }

    #[test]
    fn without_a_fit_the_reason_says_what_was_tried_and_what_aws_will_do() {
        let tomorrow = notice(Some("2026-11-25T20:30:00Z"));
        let rows = [
            ("any-day", "the same hours on another day do not fit either (WhenNoWindowFits: any-day)"),
            ("before-deadline", "the deadline itself is too near (WhenNoWindowFits: before-deadline)"),
            ("leave-to-aws", "nothing is scheduled (WhenNoWindowFits: leave-to-aws)"),
        ];
        for (fallback, expected) in rows {
            let NoSlot(reason) = plan(
                &policy(&[("WHEN_NO_WINDOW_FITS", fallback)]),
                std::slice::from_ref(&tomorrow),
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
    fn the_spread_leaves_neither_the_window_nor_the_time_before_the_deadline() {
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
