//! The deadline check: checks every service of a notice shortly before the deadline, whatever happened before.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    arn::ServiceRef,
    notice::NoticeRef,
    plan::deadline,
    policy::{Mode, Policy},
    schedule::{Existing, wake::DeadlineInput},
    service::ServiceState,
    time::instant::{ceil_minute, utc},
    wording::{is, plural},
};

/// The time between the first check and the deadline.
const BEFORE_DEADLINE: TimeDelta = TimeDelta::minutes(30);
/// The time between the last start time and the first check, if there is no future retirement date.
const AFTER_START: TimeDelta = TimeDelta::hours(6);
/// For how long deployments in progress are checked again, if there is no future retirement date.
const WITHOUT_A_DATE: TimeDelta = TimeDelta::hours(24);
/// The limits of the time between two checks, and of the time between the last check and the retirement date.
const SHORTEST: TimeDelta = TimeDelta::minutes(10);
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// The times of the first and the last check of a notice's services.
fn times(
    policy: &Policy,
    notice: &NoticeRef,
    last_slot: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> (DateTime<Utc>, DateTime<Utc>) {
    if let (Some(starts_at), Some(deadline)) =
        (notice.starts_at, deadline(policy, std::slice::from_ref(notice), now))
    {
        let last = starts_at - (policy.margin / 2).clamp(SHORTEST, LONGEST);
        if last > now {
            return (ceil_minute((deadline - BEFORE_DEADLINE).max(now).min(last)), ceil_minute(last));
        }
    }
    // Where nothing starts, there is only an event to wait for that is handled again after a failure.
    let first = ceil_minute(last_slot.map_or(now + LONGEST, |slot| slot.max(now) + AFTER_START));
    (first, first + WITHOUT_A_DATE)
}

/// The deadline checks of one page of a notice, each with its time: one for every 200,000 bytes of service names.
/// `services` are all services that the page has ever named; the value says whether the notice still affects it.
#[must_use]
pub fn deadline_checks(
    policy: &Policy,
    page: &DeadlineInput,
    services: BTreeMap<ServiceRef, bool>,
    last_slot: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Vec<(DateTime<Utc>, DeadlineInput)> {
    const MAX_BYTES: usize = 200_000; // EventBridge Scheduler allows 256 KB for an input
    let (at, last_check_at) = times(policy, &page.notice, last_slot, now);
    // The first part remembers what is of no part.
    let empty = |part| DeadlineInput {
        part,
        unpatched: if part == 0 { page.unpatched.clone() } else { Vec::new() },
        services: Vec::new(),
        released: Vec::new(),
        last_check_at,
        ..page.clone()
    };
    let mut parts = vec![empty(0)];
    let (mut bytes, mut next) = (0, 1);
    for (service, affected) in services {
        let added = service.cluster().len() + service.service().len() + 8;
        if bytes + added > MAX_BYTES {
            parts.push(empty(next));
            (bytes, next) = (0, next + 1);
        }
        bytes += added;
        if let Some(part) = parts.last_mut() {
            if affected { &mut part.services } else { &mut part.released }.push(service);
        }
    }
    parts.into_iter().map(|part| (at, part)).collect()
}

/// When to check deployments in progress again. `None` if the check at `now` is the last.
#[must_use]
pub fn next_check(input: &DeadlineInput, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let last = input.last_check_at;
    (now < last).then(|| ceil_minute((now + ((last - now) / 4).clamp(SHORTEST, LONGEST)).min(last)))
}

/// How a service of a notice stands, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every running task is new.
    Patched(String),
    /// It does not need to be patched.
    Settled(String),
    /// It is not patched, but a deployment is in progress.
    Rolling(String),
    /// It is not patched, but a deployment is planned that may still patch it in time.
    Planned(String),
    /// It is not patched, and no deployment will patch it in time.
    Unpatched(String),
    /// ECS or its schedule cannot be read.
    Unreadable(String),
}

impl Standing {
    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Patched(reason)
            | Self::Settled(reason)
            | Self::Rolling(reason)
            | Self::Planned(reason)
            | Self::Unpatched(reason)
            | Self::Unreadable(reason) => reason,
        }
    }
}

/// A service that is not patched shortly before the retirement date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpatched {
    /// The service.
    pub service: ServiceRef,
    /// Why it is not patched.
    pub reason: String,
    /// The command for its owner.
    pub command: String,
}

/// Decides the standing of a service. `mode` is the service's mode, `pending` its schedule, and `rolling` the ID of a
/// CodeDeploy deployment in progress.
#[must_use]
pub fn standing(
    mode: Mode,
    state: Option<&ServiceState>,
    pending: Option<&Existing>,
    rolling: Option<&str>,
    notice: &NoticeRef,
    now: DateTime<Utc>,
) -> Standing {
    let state = match ServiceState::to_patch(state) {
        Ok(state) => state,
        Err((_, reason)) => return Standing::Settled(reason),
    };
    match mode {
        Mode::Deploy | Mode::Approve => {}
        Mode::Observe => return Standing::Settled("observe mode".to_owned()),
        Mode::Off => return Standing::Settled("the owner opted out".to_owned()),
    }
    let (old, all) = (state.old_tasks(notice.cutoff), state.tasks.len());
    if old == 0 {
        return Standing::Patched(format!("{} new", number_is(all, all)));
    }
    let counted = format!("{} old", number_is(old, all));
    if let Some(pause) = &state.pause {
        return Standing::Rolling(format!("{counted}; its deployment is {}", pause.describe()));
    }
    if let Some(id) = state.rolling().map(|rollout| rollout.id.as_str()).or(rolling) {
        return Standing::Rolling(format!("{counted}; deployment {id} is rolling out"));
    }
    let Some(pending) = pending else {
        let unapproved = if mode == Mode::Approve { ", and none was approved in time" } else { "" };
        return Standing::Unpatched(format!(
            "{counted}; no deployment is planned or in progress{unapproved}"
        ));
    };
    if pending.awaits_approval() {
        let planned = pending.at.map_or_else(String::new, |at| format!(", planned for {},", utc(at)));
        return Standing::Unpatched(format!("{counted}; its deployment{planned} is not approved"));
    }
    if !pending.enabled {
        return Standing::Unpatched(format!("{counted}; an operator disabled its schedule"));
    }
    let Some(at) = pending.at else {
        return Standing::Unpatched(format!("{counted}; an operator made its schedule recurring"));
    };
    let in_time = notice.starts_at.is_none_or(|starts_at| at < starts_at || starts_at < now);
    if in_time && !pending.overdue(now) {
        Standing::Planned(format!("{counted}; its deployment is planned for {}", utc(at)))
    } else {
        Standing::Unpatched(format!("{counted}; its schedule is set to {}", utc(at)))
    }
}

/// Text such as `1 of 2 running tasks is`.
fn number_is(some: usize, all: usize) -> String {
    format!("{some} of {all} {} {}", plural(all, "running task"), is(some))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, rollout, service_with, web};
    use crate::{
        schedule::{Spec, wake::Wake},
        service::Progress,
    };
    use chrono_tz::Tz;

    const NOW: &str = "2026-11-25T18:00:00Z";

    fn policy(margin: &str) -> Policy {
        crate::testing::policy(&[("DEADLINE_MARGIN_MINUTES", margin)])
    }

    fn notice(starts_at: Option<&str>) -> NoticeRef {
        NoticeRef {
            event_arn: "arn:1".into(),
            starts_at: starts_at.map(instant),
            cutoff: instant(NOW),
            drill: false,
        }
    }

    #[test]
    fn the_first_check_is_shortly_before_the_deadline_and_the_last_before_the_retirement_date() {
        let slot = Some("2026-11-27T22:00:00Z");
        let rows = [
            ("120", Some("2026-12-02T18:00:00Z"), slot, "2026-12-02T15:30:00Z", "2026-12-02T17:00:00Z"),
            ("0", Some("2026-12-02T18:00:00Z"), slot, "2026-12-02T17:30:00Z", "2026-12-02T17:50:00Z"),
            // The first check would have been before now: check now, and once more before the retirement date.
            ("120", Some("2026-11-25T20:10:00Z"), None, NOW, "2026-11-25T19:10:00Z"),
            ("60", Some("2026-12-02T18:00:00Z"), slot, "2026-12-02T16:30:00Z", "2026-12-02T17:30:00Z"),
            // The retirement date has passed or is unknown: six hours after the start time.
            ("120", Some("2026-11-25T17:00:00Z"), slot, "2026-11-28T04:00:00Z", "2026-11-29T04:00:00Z"),
            ("120", None, slot, "2026-11-28T04:00:00Z", "2026-11-29T04:00:00Z"),
            // Nothing starts.
            ("120", Some("2026-11-25T17:00:00Z"), None, "2026-11-25T19:00:00Z", "2026-11-26T19:00:00Z"),
            ("120", None, None, "2026-11-25T19:00:00Z", "2026-11-26T19:00:00Z"),
        ];
        for (margin, starts_at, last_slot, at, until) in rows {
            let found = times(&policy(margin), &notice(starts_at), last_slot.map(instant), instant(NOW));
            assert_eq!(found, (instant(at), instant(until)), "{margin} {starts_at:?}");
        }
    }

    fn page() -> DeadlineInput {
        DeadlineInput {
            notice: notice(Some("2026-12-02T18:00:00Z")),
            page: 7,
            part: 0,
            services: vec![web()],
            released: vec![web()],
            sent_at: instant(NOW),
            announced: vec!["x".into()],
            last_check_at: instant("2026-12-02T17:00:00Z"),
            owed: Vec::new(),
            closed_at: None,
            left: None,
            unpatched: vec![web()],
            woken: Some(0),
        }
    }

    #[test]
    fn a_settled_notice_is_remembered_and_wakes_verify_where_a_story_ends() {
        let settled = |unpatched| {
            let spec = Spec::settled(Tz::UTC, DeadlineInput { unpatched, ..page() }, instant(NOW));
            (spec.at, spec.description().starts_with("Nothing is pending for this notice"))
        };
        assert_eq!(settled(vec![web()]), (instant("2026-12-02T18:00:00Z"), false));
        assert_eq!(settled(Vec::new()), (instant("2026-12-04T18:00:00Z"), true));
    }

    #[test]
    fn pauses_between_checks_shrink_until_the_last_check() {
        let input = page();
        let mut now = instant("2026-12-02T15:30:00Z");
        let mut checks = Vec::new();
        while let Some(next) = next_check(&input, now) {
            now = next;
            checks.push(next.format("%H:%M").to_string());
        }
        assert_eq!(checks, ["15:53", "16:10", "16:23", "16:33", "16:43", "16:53", "17:00"]);
    }

    #[test]
    fn a_long_page_is_split_without_losing_a_service() {
        let services: BTreeMap<ServiceRef, bool> = (0..3_000)
            .map(|number| {
                let name = format!("{number:04}{}", "s".repeat(200));
                (ServiceRef::new("prod", &name).unwrap(), number % 3 > 0)
            })
            .collect();
        let page = page();
        let parts = deadline_checks(&policy("120"), &page, services.clone(), None, instant(NOW));
        assert_eq!(parts.len(), 4);
        let mut found = BTreeMap::new();
        for (nth, (at, input)) in parts.into_iter().enumerate() {
            let spec = Spec::deadline_check(at, Tz::UTC, input.clone());
            let (name, text) = (spec.name.as_str(), spec.wake.text());
            assert!(text.len() < 256_000 && name.len() <= 64 && spec.description().len() <= 512);
            assert_eq!(name.ends_with(".7"), nth == 0, "{name}");
            assert_eq!(usize::try_from(input.part), Ok(nth));
            assert_eq!(input.unpatched.len(), usize::from(nth == 0), "the first part remembers them");
            assert_eq!(Wake::read_text(&text), Ok(Wake::DeadlineCheck(input.clone())));
            found.extend(input.services.into_iter().map(|service| (service, true)));
            found.extend(input.released.into_iter().map(|service| (service, false)));
        }
        assert_eq!(found, services);
    }

    fn old_service() -> ServiceState {
        let old = "2026-11-20T00:00:00Z";
        service_with(&[old, old], vec![rollout("ecs-svc/1", old, Progress::Completed)])
    }

    #[test]
    fn every_state_has_its_standing() {
        let old = Some(instant("2026-11-20T00:00:00Z"));
        let new = Some(instant("2026-11-27T22:01:00Z"));
        let state = |tasks: &[Option<DateTime<Utc>>], progress| {
            let mut state = old_service();
            state.tasks = tasks.to_vec();
            state.deployments.iter_mut().for_each(|rollout| rollout.progress = progress);
            state
        };
        let schedule = |at: Option<&str>, enabled| {
            Some(Existing {
                at: at.map(instant),
                spread_minutes: 15,
                enabled,
                input: Wake::read_text("").map(|wake| unreachable!("{wake:?}")),
            })
        };
        let quiet = || Some(state(&[old, old], Progress::Completed));
        let rows = [
            (None, None, None, "settled: the service no longer exists"),
            (
                Some(state(&[new, new], Progress::Completed)),
                None,
                None,
                "patched: 2 of 2 running tasks are new",
            ),
            (
                Some(state(&[old, new], Progress::InProgress)),
                None,
                None,
                "rolling: 1 of 2 running tasks is old; deployment ecs-svc/1 is rolling out",
            ),
            (
                quiet(),
                None,
                Some("d-1"),
                "rolling: 2 of 2 running tasks are old; deployment d-1 is rolling out",
            ),
            (
                quiet(),
                schedule(Some("2026-12-02T16:00:00Z"), true),
                None,
                "planned: 2 of 2 running tasks are old; its deployment is planned for Wed 2 Dec 2026 16:00 UTC",
            ),
            // It may still fire: within the spread and the delay of EventBridge Scheduler.
            (
                quiet(),
                schedule(Some("2026-12-02T15:01:00Z"), true),
                None,
                "planned: 2 of 2 running tasks are old; its deployment is planned for Wed 2 Dec 2026 15:01 UTC",
            ),
            (
                quiet(),
                schedule(Some("2026-12-02T14:59:00Z"), true),
                None,
                "unpatched: 2 of 2 running tasks are old; its schedule is set to Wed 2 Dec 2026 14:59 UTC",
            ),
            (
                quiet(),
                schedule(Some("2026-12-02T18:00:00Z"), true),
                None,
                "unpatched: 2 of 2 running tasks are old; its schedule is set to Wed 2 Dec 2026 18:00 UTC",
            ),
            (
                quiet(),
                schedule(Some("2026-12-02T16:00:00Z"), false),
                None,
                "unpatched: 2 of 2 running tasks are old; an operator disabled its schedule",
            ),
            (
                quiet(),
                schedule(None, true),
                None,
                "unpatched: 2 of 2 running tasks are old; an operator made its schedule recurring",
            ),
            (
                Some(state(&[old, None], Progress::Completed)),
                None,
                None,
                "unpatched: 2 of 2 running tasks are old; no deployment is planned or in progress",
            ),
        ];
        for (state, pending, rolling, expected) in rows {
            let notice = notice(Some("2026-12-02T18:00:00Z"));
            let now = instant("2026-12-02T15:30:00Z");
            let seen = match standing(Mode::Deploy, state.as_ref(), pending.as_ref(), rolling, &notice, now) {
                Standing::Patched(reason) => format!("patched: {reason}"),
                Standing::Settled(reason) => format!("settled: {reason}"),
                Standing::Rolling(reason) => format!("rolling: {reason}"),
                Standing::Planned(reason) => format!("planned: {reason}"),
                Standing::Unpatched(reason) => format!("unpatched: {reason}"),
                Standing::Unreadable(reason) => format!("unreadable: {reason}"),
            };
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn a_deployment_that_is_planned_after_the_retirement_date_is_in_time_once_that_has_passed() {
        let (state, notice) = (old_service(), notice(Some("2026-12-02T18:00:00Z")));
        let input = crate::testing::planned_for(Vec::new());
        let at = Some(instant("2026-12-04T22:00:00Z"));
        let pending = Existing { at, spread_minutes: 0, enabled: true, input: Ok(input) };
        for (now, planned) in [("2026-12-02T17:00:00Z", false), ("2026-12-02T18:00:01Z", true)] {
            let found = standing(Mode::Deploy, Some(&state), Some(&pending), None, &notice, instant(now));
            assert_eq!(matches!(found, Standing::Planned(_)), planned, "{found:?}");
        }
    }

    #[test]
    fn an_unapproved_service_is_reported_as_such() {
        let (state, notice) = (old_service(), notice(Some("2026-12-02T18:00:00Z")));
        let input = r#"{"version":1,"cluster":"prod","service":"web","notices":[{"event_arn":"arn:1","starts_at":null,
            "cutoff":"2026-11-25T18:00:00Z"}],"slot":"2026-12-02T15:45:00Z","window_ends_at":"2026-12-02T16:00:00Z",
            "approval":"awaited"}"#;
        let Ok(Wake::Deploy(input)) = Wake::read_text(input) else { panic!("a deployment") };
        let pending = Existing { at: Some(input.slot), spread_minutes: 0, enabled: false, input: Ok(input) };
        let of = |pending: Option<&Existing>| {
            standing(Mode::Approve, Some(&state), pending, None, &notice, instant("2026-12-02T15:30:00Z"))
        };
        let unpatched = |why: &str| Standing::Unpatched(format!("2 of 2 running tasks are old; {why}"));
        let planned = "its deployment, planned for Wed 2 Dec 2026 15:45 UTC, is not approved";
        assert_eq!(of(Some(&pending)), unpatched(planned));
        let none = "no deployment is planned or in progress, and none was approved in time";
        assert_eq!(of(None), unpatched(none));
    }

    #[test]
    fn observed_and_opted_out_services_are_settled() {
        for (mode, expected) in [(Mode::Observe, "observe mode"), (Mode::Off, "the owner opted out")] {
            let (state, notice) = (old_service(), notice(Some("2026-12-02T18:00:00Z")));
            let found = standing(mode, Some(&state), None, None, &notice, instant("2026-12-02T15:30:00Z"));
            assert_eq!(found, Standing::Settled(expected.to_owned()));
        }
    }
}
