//! The deadline watch: one look at every service of a notice, shortly before its deadline, whatever happened
//! before.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    date::{self, ceil_minute},
    decide::{Cause, ServiceState},
    entity::ServiceRef,
    notice::NoticeRef,
    outcome::{Outcome, OutcomeKind},
    plan::deadline,
    policy::{Mode, Policy},
    reconcile::Existing,
    schedule::{Spec, VERSION, Wakes, expect_kind, fingerprint},
};

/// How long before the deadline the watch looks first.
const BEFORE_DEADLINE: TimeDelta = TimeDelta::minutes(30);
/// How long after the last slot it looks, where no date is to come.
const AFTER_SLOT: TimeDelta = TimeDelta::hours(6);
/// For how long it looks again at what is in hand, where no date is to come.
const WITHOUT_A_DATE: TimeDelta = TimeDelta::hours(24);

/// What a schedule hands to verify before a notice's deadline: the services that one page of the notice names.
///
/// A page can name over a thousand, pages are handled at the same time, and a schedule's input has an end: so
/// each page has its own watch, and a very long one has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct WatchInput {
    /// The notice.
    pub notice: NoticeRef,
    /// The page of the notice.
    pub page: u32,
    /// The part of the page, from 0: nearly always the only one.
    pub part: u32,
    /// The services that are still to be looked at.
    pub services: Vec<ServiceRef>,
    /// Those that the notice concerns no more: remembered for an older event that comes late.
    pub done: Vec<ServiceRef>,
    /// When the event was sent that was handled last: an older one that comes late changes nothing.
    pub sent_at: DateTime<Utc>,
    /// What people were told of the plan, as fingerprints: the same is not told twice.
    pub told: Vec<String>,
    /// When everything that is not patched is reported, in hand or not.
    pub until: DateTime<Utc>,
}

/// The word by which a function tells this input from others.
const KIND: &str = "deadline";

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u32,
    kind: String,
    notice: NoticeRef,
    page: u32,
    part: u32,
    /// The services by cluster: each cluster's name stands once.
    services: BTreeMap<String, Vec<String>>,
    done: BTreeMap<String, Vec<String>>,
    sent_at: DateTime<Utc>,
    told: Vec<String>,
    until: DateTime<Utc>,
}

impl TryFrom<Wire> for WatchInput {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let Wire { version, kind, notice, page, part, services, done, sent_at, told, until } = wire;
        expect_kind(version, &kind, KIND)?;
        let (services, done) = (ungrouped(&services)?, ungrouped(&done)?);
        Ok(Self { notice, page, part, services, done, sent_at, told, until })
    }
}

impl From<WatchInput> for Wire {
    fn from(input: WatchInput) -> Self {
        let WatchInput { notice, page, part, services, done, sent_at, told, until } = input;
        let (services, done) = (grouped(services), grouped(done));
        Self {
            version: VERSION,
            kind: KIND.to_owned(),
            notice,
            page,
            part,
            services,
            done,
            sent_at,
            told,
            until,
        }
    }
}

fn grouped(services: Vec<ServiceRef>) -> BTreeMap<String, Vec<String>> {
    let mut by_cluster: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for service in services {
        by_cluster.entry(service.cluster().to_owned()).or_default().push(service.service().to_owned());
    }
    by_cluster
}

fn ungrouped(by_cluster: &BTreeMap<String, Vec<String>>) -> Result<Vec<ServiceRef>, String> {
    by_cluster
        .iter()
        .flat_map(|(cluster, names)| names.iter().map(move |name| ServiceRef::named(cluster, name)))
        .collect()
}

/// When a notice is watched: first, and at last.
fn times(
    policy: &Policy,
    notice: &NoticeRef,
    last_slot: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> (DateTime<Utc>, DateTime<Utc>) {
    if let (Some(starts_at), Some(deadline)) =
        (notice.starts_at, deadline(policy, std::slice::from_ref(notice), now))
    {
        let (shortest, longest) = (TimeDelta::minutes(10), TimeDelta::hours(1));
        let until = starts_at - (policy.margin / 2).clamp(shortest, longest);
        if until > now {
            return (ceil_minute((deadline - BEFORE_DEADLINE).max(now).min(until)), ceil_minute(until));
        }
    }
    let first = ceil_minute(last_slot.unwrap_or(now).max(now) + AFTER_SLOT);
    (first, first + WITHOUT_A_DATE)
}

/// The watches of one page of a notice, with their schedules' names and times, one for each hundred thousand
/// bytes of names. `services` are all that the page has named, with whether the notice still concerns each.
#[must_use]
pub fn watches(
    policy: &Policy,
    page: &WatchInput,
    services: BTreeMap<ServiceRef, bool>,
    last_slot: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Vec<(String, DateTime<Utc>, WatchInput)> {
    const MOST_BYTES: usize = 200_000; // EventBridge Scheduler allows 256 KB
    let (at, until) = times(policy, &page.notice, last_slot, now);
    let empty = |part| WatchInput { part, services: Vec::new(), done: Vec::new(), until, ..page.clone() };
    let mut parts = vec![empty(0)];
    let (mut bytes, mut next) = (0, 1);
    for (service, open) in services {
        let more = service.cluster().len() + service.service().len() + 8;
        if bytes + more > MOST_BYTES {
            parts.push(empty(next));
            (bytes, next) = (0, next + 1);
        }
        bytes += more;
        if let Some(part) = parts.last_mut() {
            if open { &mut part.services } else { &mut part.done }.push(service);
        }
    }
    let named = |input: WatchInput| (name(&input.notice.event_arn, input.page, input.part), at, input);
    parts.into_iter().map(named).collect()
}

/// The name of a watch's schedule: `deadline`, a hash of the notice, the page, and the part of the page.
#[must_use]
pub fn name(event_arn: &str, page: u32, part: u32) -> String {
    let hash = fingerprint([event_arn], "\n");
    if part == 0 { format!("deadline.{hash}.{page}") } else { format!("deadline.{hash}.{page}.{part}") }
}

/// What people are told of a page's plan, as a fingerprint. Slots are left out: where one changes, the outcome
/// says so.
#[must_use]
pub fn told(notice: &NoticeRef, outcomes: &[Outcome]) -> String {
    let mut lines: Vec<String> = outcomes
        .iter()
        .map(|outcome| {
            let class = match outcome.outcome {
                _ if outcome.cause == Some(Cause::NothingPending) => "cancelled",
                OutcomeKind::Skipped if outcome.cause == Some(Cause::Observed) => "observed",
                OutcomeKind::Skipped => "skipped",
                OutcomeKind::NotActionable => "not-actionable",
                OutcomeKind::Failed => "failed",
                OutcomeKind::Cancelled => "cancelled",
                _ => "pending",
            };
            format!("{class} {} {}", outcome.entity, outcome.warnings.join(" "))
        })
        .collect();
    lines.sort();
    lines.push(notice.starts_at.map_or_else(|| "no date".to_owned(), |date| date.to_rfc3339()));
    fingerprint(lines.iter().map(String::as_str), "\n")
}

impl WatchInput {
    /// The schedule of this watch at `at`.
    #[must_use]
    pub fn spec(&self, name: String, at: DateTime<Utc>, zone: Tz) -> Spec {
        let description = format!(
            "Checks at {} whether {} service(s) are patched; AWS's date: {}; notice: {}",
            date::both(at, zone),
            self.services.len(),
            self.notice.starts_at.map_or_else(|| "unknown".to_owned(), date::utc),
            self.notice.event_arn,
        );
        Spec::new(name, Wakes::Verify, at, &description, self)
    }

    /// When to look once more at what is in hand; nothing if this look, at `now`, is the last.
    #[must_use]
    pub fn next_look(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (shortest, longest) = (TimeDelta::minutes(10), TimeDelta::hours(1));
        (now < self.until)
            .then(|| ceil_minute((now + ((self.until - now) / 4).clamp(shortest, longest)).min(self.until)))
    }
}

/// How a service stands when its notice's deadline comes near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It needs no patch, or no more.
    Settled(String),
    /// Something is under way or planned that may yet patch it in time.
    InHand(String),
    /// It is not patched, and nothing is under way.
    Unpatched(String),
}

/// A service that is not patched shortly before AWS's date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpatched {
    /// The service.
    pub service: ServiceRef,
    /// Why it is said to be not patched.
    pub reason: String,
    /// What a person can run.
    pub command: String,
}

/// How a service stands, for which `mode` is chosen. `pending` is its schedule, if it has one; `rolling` a
/// deployment of CodeDeploy that is under way.
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
        Mode::Deploy => {}
        Mode::Observe => return Standing::Settled("it is only observed".to_owned()),
        Mode::Off => return Standing::Settled("its owner opted out".to_owned()),
    }
    let (old, all) = (state.old_tasks(notice.cutoff), state.tasks.len());
    if old == 0 {
        return Standing::Settled(format!("all {all} running task(s) are new"));
    }
    let counted = format!("{old} of {all} running task(s) are old");
    if let Some(id) = state.rolling().map(|rollout| rollout.id.as_str()).or(rolling) {
        return Standing::InHand(format!("{counted}; deployment {id} is rolling out"));
    }
    let Some(pending) = pending else {
        return Standing::Unpatched(format!("{counted}; no deployment is planned or under way"));
    };
    if !pending.enabled {
        return Standing::Unpatched(format!("{counted}; a person disabled its schedule"));
    }
    let Some(at) = pending.at else {
        return Standing::Unpatched(format!("{counted}; a person made its schedule recurring"));
    };
    let in_time = notice.starts_at.is_none_or(|starts_at| at < starts_at || starts_at < now);
    if in_time && !pending.overdue(now) {
        Standing::InHand(format!("{counted}; its deployment is planned for {}", date::utc(at)))
    } else {
        Standing::Unpatched(format!("{counted}; its schedule is set to {}", date::utc(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decide::{Controller, Progress, Rollout},
        policy::Settings,
    };

    const NOW: &str = "2026-11-25T18:00:00Z";

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

    fn policy(margin: &str) -> Policy {
        let lookup = |name: &str| (name == "DEADLINE_MARGIN_MINUTES").then(|| margin.to_owned());
        let mut settings = Settings::new(&lookup);
        let policy = settings.policy();
        settings.finish(policy).expect("settings of the test")
    }

    fn notice(starts_at: Option<&str>) -> NoticeRef {
        NoticeRef { event_arn: "arn:1".into(), starts_at: starts_at.map(instant), cutoff: instant(NOW) }
    }

    fn web() -> ServiceRef {
        ServiceRef::new("prod", "web").expect("names of the test")
    }

    #[test]
    fn the_watch_looks_shortly_before_the_deadline_and_at_last_before_awss_date() {
        let slot = Some("2026-11-27T22:00:00Z");
        let rows = [
            ("120", Some("2026-12-02T18:00:00Z"), slot, "2026-12-02T15:30:00Z", "2026-12-02T17:00:00Z"),
            ("0", Some("2026-12-02T18:00:00Z"), slot, "2026-12-02T17:30:00Z", "2026-12-02T17:50:00Z"),
            // The deadline is near: now, and at last.
            ("120", Some("2026-11-25T20:10:00Z"), None, NOW, "2026-11-25T19:10:00Z"),
            // AWS's date has passed, or is unknown: after the slot.
            ("120", Some("2026-11-25T17:00:00Z"), slot, "2026-11-28T04:00:00Z", "2026-11-29T04:00:00Z"),
            ("120", None, None, "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"),
        ];
        for (margin, starts_at, last_slot, at, until) in rows {
            let found = times(&policy(margin), &notice(starts_at), last_slot.map(instant), instant(NOW));
            assert_eq!(found, (instant(at), instant(until)), "{margin} {starts_at:?}");
        }
    }

    #[test]
    fn looks_come_closer_and_end() {
        let input = WatchInput {
            notice: notice(None),
            page: 1,
            part: 0,
            services: Vec::new(),
            done: Vec::new(),
            sent_at: instant(NOW),
            told: Vec::new(),
            until: instant("2026-12-02T17:00:00Z"),
        };
        let mut now = instant("2026-12-02T15:30:00Z");
        let mut looks = Vec::new();
        while let Some(next) = input.next_look(now) {
            now = next;
            looks.push(next.format("%H:%M").to_string());
        }
        assert_eq!(looks, ["15:53", "16:10", "16:23", "16:33", "16:43", "16:53", "17:00"]);
    }

    #[test]
    fn a_page_of_any_length_stays_under_the_limit_and_loses_no_service() {
        let services: BTreeMap<ServiceRef, bool> = (0..3_000)
            .map(|number| {
                let name = format!("{number:04}{}", "s".repeat(200));
                (ServiceRef::new("prod", &name).unwrap(), number % 3 > 0)
            })
            .collect();
        let page = WatchInput {
            notice: notice(Some("2026-12-02T18:00:00Z")),
            page: 7,
            part: 0,
            services: Vec::new(),
            done: Vec::new(),
            sent_at: instant(NOW),
            told: vec!["x".into()],
            until: instant(NOW),
        };
        let parts = watches(&policy("120"), &page, services.clone(), None, instant(NOW));
        assert_eq!(parts.len(), 4);
        let mut found = BTreeMap::new();
        for (nth, (name, at, input)) in parts.into_iter().enumerate() {
            let spec = input.spec(name.clone(), at, Tz::UTC);
            assert!(spec.input.len() < 256_000 && spec.name.len() <= 64 && spec.description.len() <= 512);
            assert_eq!(name.ends_with(".7"), nth == 0, "{name}");
            let read: WatchInput = serde_json::from_str(&spec.input).unwrap();
            assert_eq!(read, input);
            found.extend(read.services.into_iter().map(|service| (service, true)));
            found.extend(read.done.into_iter().map(|service| (service, false)));
        }
        assert_eq!(found, services);
    }

    fn old_service() -> ServiceState {
        let old = Some(instant("2026-11-20T00:00:00Z"));
        ServiceState {
            status: "ACTIVE".into(),
            desired_count: 2,
            controller: Controller::Ecs,
            deployments: vec![Rollout {
                id: "ecs-svc/1".into(),
                primary: true,
                created_at: old,
                progress: Progress::Completed,
                reason: None,
                failed_tasks: 0,
            }],
            tasks: vec![old, old],
            starting: 0,
            events: Vec::new(),
            task_definition: None,
            tags: Vec::new(),
        }
    }

    #[test]
    fn only_what_is_neither_settled_nor_in_hand_is_unpatched() {
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
                input: crate::schedule::ScheduleInput::from_text(""),
            })
        };
        let quiet = || Some(state(&[old, old], Progress::Completed));
        let rows = [
            (None, None, None, "settled: the service is gone"),
            (
                Some(state(&[new, new], Progress::Completed)),
                None,
                None,
                "settled: all 2 running task(s) are new",
            ),
            (
                Some(state(&[old, new], Progress::InProgress)),
                None,
                None,
                "in hand: 1 of 2 running task(s) are old; deployment ecs-svc/1 is rolling out",
            ),
            (
                quiet(),
                None,
                Some("d-1"),
                "in hand: 2 of 2 running task(s) are old; deployment d-1 is rolling out",
            ),
            (
                quiet(),
                schedule(Some("2026-12-02T16:00:00Z"), true),
                None,
                "in hand: 2 of 2 running task(s) are old; its deployment is planned for Wed 2026-12-02 16:00 UTC",
            ),
            // It fires within the spread, and some minutes late.
            (
                quiet(),
                schedule(Some("2026-12-02T15:01:00Z"), true),
                None,
                "in hand: 2 of 2 running task(s) are old; its deployment is planned for Wed 2026-12-02 15:01 UTC",
            ),
            (
                quiet(),
                schedule(Some("2026-12-02T14:59:00Z"), true),
                None,
                "unpatched: 2 of 2 running task(s) are old; its schedule is set to Wed 2026-12-02 14:59 UTC",
            ),
            (
                quiet(),
                schedule(Some("2026-12-02T18:00:00Z"), true),
                None,
                "unpatched: 2 of 2 running task(s) are old; its schedule is set to Wed 2026-12-02 18:00 UTC",
            ),
            (
                quiet(),
                schedule(Some("2026-12-02T16:00:00Z"), false),
                None,
                "unpatched: 2 of 2 running task(s) are old; a person disabled its schedule",
            ),
            (
                quiet(),
                schedule(None, true),
                None,
                "unpatched: 2 of 2 running task(s) are old; a person made its schedule recurring",
            ),
            (
                Some(state(&[old, None], Progress::Completed)),
                None,
                None,
                "unpatched: 2 of 2 running task(s) are old; no deployment is planned or under way",
            ),
        ];
        for (state, pending, rolling, expected) in rows {
            let notice = notice(Some("2026-12-02T18:00:00Z"));
            let now = instant("2026-12-02T15:30:00Z");
            let told = match standing(Mode::Deploy, state.as_ref(), pending.as_ref(), rolling, &notice, now) {
                Standing::Settled(reason) => format!("settled: {reason}"),
                Standing::InHand(reason) => format!("in hand: {reason}"),
                Standing::Unpatched(reason) => format!("unpatched: {reason}"),
            };
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn what_is_not_to_be_redeployed_is_settled() {
        for (mode, expected) in [(Mode::Observe, "it is only observed"), (Mode::Off, "its owner opted out")] {
            let (state, notice) = (old_service(), notice(Some("2026-12-02T18:00:00Z")));
            let found = standing(mode, Some(&state), None, None, &notice, instant("2026-12-02T15:30:00Z"));
            assert_eq!(found, Standing::Settled(expected.to_owned()));
        }
    }

    #[test]
    fn what_is_told_anew_has_another_fingerprint() {
        let notice = |starts_at| notice(Some(starts_at));
        let outcome = |kind| Outcome::of("prod|web", kind, "why").for_service(&web());
        let date = "2026-12-02T18:00:00Z";
        let first = told(&notice(date), &[outcome(OutcomeKind::Scheduled)]);
        for same in [OutcomeKind::Unchanged, OutcomeKind::Held] {
            assert_eq!(told(&notice(date), &[outcome(same)]), first);
        }
        assert_ne!(told(&notice("2026-12-03T18:00:00Z"), &[outcome(OutcomeKind::Scheduled)]), first);
        assert_ne!(told(&notice(date), &[outcome(OutcomeKind::NotActionable)]), first);
        let warned = Outcome { warnings: vec!["a tag".into()], ..outcome(OutcomeKind::Unchanged) };
        assert_ne!(told(&notice(date), &[warned]), first);
    }
}
