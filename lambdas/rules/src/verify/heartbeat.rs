//! The heartbeat: finds wake-ups that were lost. A schedule stays until the function that it wakes has dealt with it, so
//! one that is still there well after its time ([`Existing::overdue`]) was lost on the way, or its function failed.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    arn::ServiceRef,
    notice::NoticeRef,
    schedule::{
        Existing, REMINDER,
        control::{Approval, Control},
        name::ScheduleName,
        wake::{DeployInput, InvalidInput, LockInput, Wake},
    },
};

/// How often a function is woken again before the owner is notified.
const WAKE_UPS: u32 = 2;
/// For how long a dead lock can be of use: the dead-letter queue keeps an input that long.
const DEAD_LOCK: TimeDelta = TimeDelta::days(14);

const HOUR: TimeDelta = TimeDelta::hours(1);

/// A schedule of the group.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its name.
    pub name: ScheduleName,
    /// Its time and state.
    pub existing: Existing,
    /// What it hands over.
    pub wake: Result<Wake, InvalidInput>,
}

/// What the heartbeat does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Wake the function of this schedule again, with this input.
    WakeAgain(ScheduleName, Wake),
    /// The same, and notify the owner: the function was woken twice in vain.
    Report(ScheduleName, Wake),
    /// Remind the owner that nobody has approved this deployment yet.
    Remind(ScheduleName, DeployInput),
    /// Wake deploy with this input: nobody has approved the deployment in time, so it is planned again.
    Missed(ScheduleName, Wake),
    /// Notify that the input of this schedule is invalid, so that its function cannot do anything.
    Invalid(ScheduleName, InvalidInput),
    /// Create a schedule that was lost while its function was woken again.
    Restore(ScheduleName, Wake),
    /// Delete a lock that an invocation left behind long ago, or the answer to a drill that nobody has read.
    DeleteLock(ScheduleName),
    /// Check these services before the deadline of this notice: their deadline check is missing.
    Watch(NoticeRef, Vec<ServiceRef>),
}

/// Decides what is to be done about the schedules of the group.
#[must_use]
pub fn actions(all: &[Pending], now: DateTime<Utc>) -> Vec<Action> {
    let mut actions: Vec<Action> = all.iter().filter_map(|pending| lost(pending, now)).collect();
    actions.extend(all.iter().filter_map(|pending| vanished(pending, all, now)));
    actions.extend(unwatched(all).into_iter().map(|(notice, services)| Action::Watch(notice, services)));
    actions
}

fn lost(Pending { name, existing, wake }: &Pending, now: DateTime<Utc>) -> Option<Action> {
    let wake = match wake {
        Ok(wake) => wake,
        // One of the hourly heartbeats reports it.
        Err(invalid) if existing.enabled && existing.overdue(now) && !existing.overdue(now - HOUR) => {
            return Some(Action::Invalid(name.clone(), invalid.clone()));
        }
        Err(_) => return None,
    };
    if let Wake::Lock(lock) = wake {
        let dead = lock.expires_at + DEAD_LOCK < now;
        return dead.then(|| Action::DeleteLock(name.clone()));
    }
    if let Wake::Drill(drill) = wake {
        return (drill.answered_at + HOUR < now).then(|| Action::DeleteLock(name.clone()));
    }
    if let Wake::Deploy(input) = wake
        && existing.awaits_approval()
    {
        return unapproved(name, input, existing.at?, now);
    }
    let woken = wake.woken()?;
    let next = || wake.clone().woken_again();
    match woken {
        _ if !existing.enabled || !existing.overdue(now) || woken > WAKE_UPS => None,
        WAKE_UPS => Some(Action::Report(name.clone(), next())),
        _ => Some(Action::WakeAgain(name.clone(), next())),
    }
}

/// What is to be done about a deployment that awaits approval.
fn unapproved(
    name: &ScheduleName,
    input: &DeployInput,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Action> {
    if at <= now {
        let control = Control { approval: Some(Approval::Missed), ..input.control.clone() };
        let missed = DeployInput { control, woken: Some(1), ..input.clone() };
        return Some(Action::Missed(name.clone(), Wake::Deploy(missed)));
    }
    let due = !input.control.reminded && at <= now + REMINDER;
    due.then(|| Action::Remind(name.clone(), input.clone()))
}

/// A schedule that is missing, although a dead lock says that it was to be created again.
fn vanished(Pending { wake, .. }: &Pending, all: &[Pending], now: DateTime<Utc>) -> Option<Action> {
    let Ok(Wake::Lock(LockInput { again: Some(again), expires_at, .. })) = wake else { return None };
    let exists = all.iter().any(|pending| pending.name.as_str() == again.name);
    let wake = Wake::read_text(&again.input).ok().filter(|_| *expires_at <= now && !exists)?;
    Some(Action::Restore(ScheduleName::listed(again.name.clone()), wake))
}

/// The services with a pending deployment or verification check that no deadline check of their notice names.
fn unwatched(all: &[Pending]) -> Vec<(NoticeRef, Vec<ServiceRef>)> {
    let watched = |event_arn: &str, service: &ServiceRef| {
        all.iter().any(|pending| match &pending.wake {
            Ok(Wake::DeadlineCheck(known) | Wake::Settled(known)) => {
                known.notice.event_arn == event_arn
                    && known.services.iter().chain(&known.released).any(|named| named == service)
            }
            _ => false,
        })
    };
    let mut found: BTreeMap<&str, (NoticeRef, Vec<ServiceRef>)> = BTreeMap::new();
    for pending in all {
        let (service, notices) = match &pending.wake {
            Ok(Wake::Deploy(input)) => (&input.service, &input.notices),
            Ok(Wake::Check(input)) => (&input.service, &input.notices),
            _ => continue,
        };
        for notice in notices.iter().filter(|notice| !watched(&notice.event_arn, service)) {
            let (known, services) =
                found.entry(&notice.event_arn).or_insert_with(|| (notice.clone(), Vec::new()));
            known.cutoff = known.cutoff.max(notice.cutoff);
            if !services.contains(service) {
                services.push(service.clone());
            }
        }
    }
    found.into_values().collect()
}

/// How many deployments are pending, and how many checks and digests. A schedule with an invalid input counts as a
/// deployment: operators edit those.
#[must_use]
pub fn pending_counts(all: &[Pending]) -> (usize, usize) {
    let (deployments, checks): (Vec<&Pending>, Vec<&Pending>) = all
        .iter()
        .filter(|pending| is_pending(pending))
        .partition(|pending| matches!(pending.wake, Err(_) | Ok(Wake::Deploy(_))));
    (deployments.len(), checks.len())
}

/// Whether something is to be done at the time of this schedule.
fn is_pending(pending: &Pending) -> bool {
    matches!(
        pending.wake,
        Err(_) | Ok(Wake::Deploy(_) | Wake::Check(_) | Wake::DeadlineCheck(_) | Wake::Digest(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arn::Place,
        schedule::wake::{Again, CheckInput, DeadlineInput, DigestInput, DrillInput},
        testing::{instant, planned_for, web},
    };

    const NOW: &str = "2026-11-27T23:30:00Z";

    fn notice() -> NoticeRef {
        NoticeRef {
            event_arn: "arn:1".into(),
            starts_at: None,
            cutoff: instant("2026-11-25T18:00:00Z"),
            drill: false,
        }
    }

    fn check(woken: Option<u32>) -> Wake {
        let first = CheckInput::first(&web(), &[notice()], None, instant("2026-11-27T22:00:00Z"));
        Wake::Check(CheckInput { woken, ..first })
    }

    fn deadline_check(services: &[ServiceRef], released: &[ServiceRef]) -> DeadlineInput {
        DeadlineInput {
            notice: notice(),
            page: 1,
            part: 0,
            services: services.to_vec(),
            released: released.to_vec(),
            sent_at: instant(NOW),
            announced: Vec::new(),
            last_check_at: instant(NOW),
            owed: Vec::new(),
            closed_at: None,
            left: None,
            unpatched: Vec::new(),
            woken: Some(0),
        }
    }

    #[test]
    fn a_missing_approval_is_reminded_of_a_day_before_and_missed_at_the_start_time() {
        let control = Control { approval: Some(Approval::Awaited), ..Control::default() };
        let input = DeployInput {
            slot: instant(NOW),
            window_ends_at: instant(NOW),
            control,
            ..planned_for(vec![notice()])
        };
        let of = |at: &str, enabled: bool, control: Control| {
            let input = DeployInput { control, ..input.clone() };
            let existing =
                Existing { at: Some(instant(at)), spread_minutes: 15, enabled, input: Ok(input.clone()) };
            let name = ScheduleName::listed("name".to_owned());
            let pending = Pending { name, existing, wake: Ok(Wake::Deploy(input)) };
            match lost(&pending, instant(NOW)) {
                Some(Action::Remind(..)) => "remind",
                Some(Action::Missed(_, Wake::Deploy(input))) => {
                    assert_eq!((input.control.approval, input.woken), (Some(Approval::Missed), Some(1)));
                    "missed"
                }
                None => "nothing",
                other => panic!("{other:?}"),
            }
        };
        let awaits = &input.control;
        let reminded = Control { reminded: true, ..awaits.clone() };
        let held = Control { held: true, ..awaits.clone() };
        let rows = [
            ("2026-11-28T23:31:00Z", false, awaits, "nothing"),
            ("2026-11-28T23:30:00Z", false, awaits, "remind"),
            ("2026-11-28T23:30:00Z", false, &reminded, "nothing"),
            ("2026-11-28T23:30:00Z", true, awaits, "nothing"),
            ("2026-11-27T23:30:00Z", false, &reminded, "missed"),
            ("2026-11-27T23:30:00Z", false, &held, "nothing"),
        ];
        for (at, enabled, control, expected) in rows {
            assert_eq!(of(at, enabled, control.clone()), expected, "{at} {enabled} {control:?}");
        }
    }

    fn pending(at: &str, spread_minutes: u16, enabled: bool, wake: Wake) -> Pending {
        let Err(invalid) = Wake::read_text("{}") else { panic!("an input without a version") };
        let input = Err(invalid);
        let existing = Existing { at: Some(instant(at)), spread_minutes, enabled, input };
        Pending { name: ScheduleName::listed("name".into()), existing, wake: Ok(wake) }
    }

    fn watch() -> Pending {
        pending("2026-12-02T15:30:00Z", 0, true, Wake::DeadlineCheck(deadline_check(&[web()], &[])))
    }

    #[test]
    fn an_overdue_schedule_wakes_its_function_twice_and_is_then_reported_once() {
        let name = || ScheduleName::listed("name".into());
        let again = |woken| Some(Action::WakeAgain(name(), check(Some(woken))));
        let lock = |expired: &str| {
            let expires_at = instant(expired);
            Wake::Lock(LockInput { schedule: "name".into(), owner: "me".into(), expires_at, again: None })
        };
        let rows = [
            ("2026-11-27T23:14:00Z", 0, true, check(Some(0)), again(1)),
            ("2026-11-27T23:15:00Z", 0, true, check(Some(0)), None),
            ("2026-11-27T23:00:00Z", 15, true, check(Some(0)), None),
            ("2026-11-27T22:59:00Z", 15, true, check(Some(0)), again(1)),
            ("2026-11-27T22:00:00Z", 0, false, check(Some(0)), None),
            ("2026-11-27T22:00:00Z", 0, true, check(None), again(1)), // version 0.1
            ("2026-11-27T22:00:00Z", 0, true, check(Some(1)), again(2)),
            ("2026-11-27T22:00:00Z", 0, true, check(Some(2)), Some(Action::Report(name(), check(Some(3))))),
            ("2026-11-27T22:00:00Z", 0, true, check(Some(3)), None),
            ("2026-11-27T22:00:00Z", 0, true, Wake::Heartbeat, None),
            (
                "2026-11-01T00:00:00Z",
                0,
                false,
                lock("2026-11-13T23:00:00Z"),
                Some(Action::DeleteLock(name())),
            ),
            ("2026-11-01T00:00:00Z", 0, false, lock("2026-11-14T00:00:00Z"), None),
        ];
        for (at, spread_minutes, enabled, wake, expected) in rows {
            let all = [pending(at, spread_minutes, enabled, wake.clone()), watch()];
            assert_eq!(
                actions(&all, instant(NOW)),
                expected.into_iter().collect::<Vec<_>>(),
                "{at} {wake:?}"
            );
        }
    }

    #[test]
    fn a_schedule_whose_input_is_invalid_is_reported_by_one_heartbeat() {
        let invalid = Wake::read_text("restart web please").expect_err("no JSON");
        for (at, expected) in [
            ("2026-11-27T23:15:00Z", false),
            ("2026-11-27T23:14:00Z", true),
            ("2026-11-27T22:15:00Z", true),
            ("2026-11-27T22:14:00Z", false),
        ] {
            let all = [Pending { wake: Err(invalid.clone()), ..pending(at, 0, true, Wake::Heartbeat) }];
            let name = ScheduleName::listed("name".into());
            let expected = expected.then(|| Action::Invalid(name, invalid.clone()));
            assert_eq!(actions(&all, instant(NOW)), expected.into_iter().collect::<Vec<_>>(), "{at}");
            assert_eq!(pending_counts(&all), (1, 0));
        }
    }

    #[test]
    fn deployments_are_counted_without_checks_and_what_never_fires_is_not_counted() {
        let of = |wake: Wake| pending("2026-11-27T23:15:00Z", 0, true, wake);
        let notice = deadline_check(&[web()], &[]).notice;
        let closes_at = instant(NOW);
        let digest = DigestInput { notice, closes_at, sent: false, woken: Some(0) };
        let all = [
            of(check(Some(0))),
            of(Wake::DeadlineCheck(deadline_check(&[web()], &[]))),
            of(Wake::Digest(digest)),
            of(Wake::Settled(deadline_check(&[], &[web()]))),
            of(Wake::Heartbeat),
        ];
        assert_eq!(pending_counts(&all), (0, 3));
    }

    #[test]
    fn an_answer_to_a_drill_that_nobody_has_read_is_deleted() {
        let of = |answered_at| {
            let (event_arn, reason) = ("drill-1".into(), "why".into());
            let answer = DrillInput { event_arn, answered_at: instant(answered_at), reason };
            actions(&[pending(answered_at, 0, false, Wake::Drill(answer))], instant(NOW))
        };
        let name = ScheduleName::listed("name".into());
        assert_eq!(of("2026-11-27T22:29:59Z"), [Action::DeleteLock(name)]);
        assert_eq!(of("2026-11-27T22:30:00Z"), []);
    }

    #[test]
    fn a_schedule_that_a_dead_lock_says_is_missing_is_created() {
        let again = Again { name: "lost".into(), input: check(Some(1)).text() };
        let lock = |expires_at| LockInput {
            schedule: "name".into(),
            owner: "me".into(),
            expires_at: instant(expires_at),
            again: Some(again.clone()),
        };
        let lost = ScheduleName::listed("lost".into());
        let of = |expires_at| pending("2026-11-27T23:40:00Z", 0, false, Wake::Lock(lock(expires_at)));
        let there =
            Pending { name: lost.clone(), ..pending("2026-11-28T22:00:00Z", 0, true, check(Some(1))) };
        let restore = Action::Restore(lost, check(Some(1)));
        assert_eq!(actions(&[of(NOW)], instant(NOW)), [restore]);
        assert_eq!(actions(&[of("2026-11-27T23:30:01Z")], instant(NOW)), []);
        assert_eq!(actions(&[of(NOW), there, watch()], instant(NOW)), []);
    }

    #[test]
    fn a_deadline_check_that_is_missing_is_made_again_from_what_is_pending() {
        let api = ServiceRef::new("prod", "api").expect("valid names");
        let pending_check = || pending("2026-11-28T23:00:00Z", 0, true, check(Some(0)));
        let of = |wake| pending("2026-12-02T15:30:00Z", 0, true, wake);
        let missing = || vec![Action::Watch(notice(), vec![web()])];
        let rows = [
            (vec![pending_check(), pending_check()], missing()),
            (vec![of(Wake::Deploy(crate::testing::planned_for(vec![notice()])))], missing()),
            (vec![pending_check(), watch()], vec![]),
            (
                vec![
                    pending_check(),
                    of(Wake::DeadlineCheck(deadline_check(std::slice::from_ref(&api), &[]))),
                ],
                missing(),
            ),
            (vec![pending_check(), of(Wake::DeadlineCheck(deadline_check(&[api], &[web()])))], vec![]),
            (vec![pending_check(), of(Wake::Settled(deadline_check(&[], &[web()])))], vec![]),
        ];
        for (all, expected) in rows {
            assert_eq!(actions(&all, instant(NOW)), expected, "{all:?}");
        }
    }

    #[test]
    fn every_schedule_that_a_function_changes_has_a_lock() {
        let place = Place { partition: "aws".into(), region: "eu-west-2".into(), account: "1".into() };
        let second = DeadlineInput { part: 1, ..deadline_check(&[], &[]) };
        let of_page = ScheduleName::of_deadline_check("arn:1", 1, 0);
        assert_eq!(check(None).lock(&place), Some(ScheduleName::of_deployment(&place, &web())));
        assert_eq!(Wake::DeadlineCheck(second.clone()).lock(&place), Some(of_page.clone()));
        assert_eq!(Wake::Settled(second).lock(&place), Some(of_page));
        assert_eq!(Wake::Heartbeat.lock(&place), None);
    }
}
