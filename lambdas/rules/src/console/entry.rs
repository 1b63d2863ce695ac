//! What is pending, as a list: the state of each schedule, what needs a person first.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::{
    arn::ServiceRef,
    notice::{NoticeRef, first_retirement_date},
    plan::deadline,
    policy::Policy,
    schedule::{
        Existing,
        control::Control,
        wake::{CheckInput, DeployInput, Wake},
    },
    time::instant::utc,
    verify::heartbeat::Pending,
    wording::count,
};

/// How soon a deployment starts that an operator runs now.
const SOON: TimeDelta = TimeDelta::minutes(2);
/// How many services a page lists.
pub const PER_PAGE: usize = 25;

/// The state of a pending deployment or verification check. In order: what needs a person comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its input is invalid, so that its function cannot do anything.
    Invalid,
    /// Its time has passed, but it is still there: the wake-up was lost, or the function failed.
    Overdue,
    /// The deployment was started, and its owner was notified of a problem.
    NeedsAttention,
    /// Nobody has approved its start time yet.
    AwaitingApproval,
    /// An operator disabled it.
    Held,
    /// Something blocked it, and it is retried in the same window.
    Retrying,
    /// An operator runs it now: it starts within two minutes.
    Starting,
    /// An operator set its start time.
    Moved,
    /// It starts at the planned time.
    Scheduled,
    /// The deployment was started, and is checked.
    Verifying,
}

impl State {
    /// All states, in the order of the list.
    pub const ALL: [Self; 10] = [
        Self::Invalid,
        Self::Overdue,
        Self::NeedsAttention,
        Self::AwaitingApproval,
        Self::Held,
        Self::Retrying,
        Self::Starting,
        Self::Moved,
        Self::Scheduled,
        Self::Verifying,
    ];

    /// The state's name in the form and in links.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Overdue => "overdue",
            Self::NeedsAttention => "needs-attention",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Held => "held",
            Self::Retrying => "retrying",
            Self::Starting => "starting",
            Self::Moved => "moved",
            Self::Scheduled => "scheduled",
            Self::Verifying => "verifying",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// The state as text.
    #[must_use]
    pub fn label(self) -> String {
        self.word().replace('-', " ")
    }

    /// Whether a person has to act, or to remove what blocks it.
    #[must_use]
    pub fn needs_person(self) -> bool {
        self <= Self::Retrying
    }
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of the schedule.
    pub schedule: String,
    /// The service. `None` if the input is invalid.
    pub service: Option<ServiceRef>,
    /// The state.
    pub state: State,
    /// When it starts, or is checked next.
    pub at: Option<DateTime<Utc>>,
    /// The time zone in which the owner reads times.
    pub zone: Tz,
    /// It is the verification check of a deployment that was started.
    pub is_check: bool,
    /// When the window closes in which it starts. `None` if it starts outside of a window.
    pub window_ends_at: Option<DateTime<Utc>>,
    /// The last moment at which a deployment may start.
    pub deadline: Option<DateTime<Utc>>,
    /// It starts too late: after this.
    pub late: Option<&'static str>,
    /// Why at this time, or what is wrong.
    pub why: String,
    /// The notices.
    pub notices: Vec<NoticeRef>,
    /// What operators decided.
    pub control: Control,
}

impl Entry {
    /// The line of a schedule. `None` if it is neither a deployment nor a verification check.
    #[must_use]
    pub fn of(
        Pending { name, existing, wake }: &Pending,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let zone = policy.windows.zone();
        let of = |service, notices: Vec<NoticeRef>| Self {
            schedule: name.to_string(),
            service,
            state: State::Invalid,
            at: existing.at,
            zone,
            is_check: false,
            window_ends_at: None,
            deadline: deadline(policy, &notices, now),
            late: None,
            why: String::new(),
            notices,
            control: Control::default(),
        };
        match wake {
            Err(error) => Some(Self { why: error.to_string(), ..of(None, Vec::new()) }),
            Ok(Wake::Deploy(input)) => {
                let state = state_of_deployment(existing, input, now);
                Some(Self {
                    state,
                    zone: input.zone.unwrap_or(zone),
                    window_ends_at: existing.at.and_then(|at| window_end(at, input)),
                    late: existing.at.and_then(|at| late(at, policy, &input.notices, now)),
                    why: why_then(state, input),
                    control: input.control.clone(),
                    ..of(Some(input.service.clone()), input.notices.clone())
                })
            }
            Ok(Wake::Check(input)) => {
                let (state, why) = state_of_check(existing, input, now);
                // What operators did before the deployment is in its story.
                let control = Control { history: input.story.changes.clone(), ..Control::default() };
                let of = of(Some(input.service.clone()), input.notices.clone());
                Some(Self { state, is_check: true, why, control, ..of })
            }
            Ok(
                Wake::DeadlineCheck(_)
                | Wake::Digest(_)
                | Wake::Drill(_)
                | Wake::Settled(_)
                | Wake::Heartbeat
                | Wake::Lock(_)
                | Wake::Stop(_),
            ) => None,
        }
    }

    /// The first retirement date.
    #[must_use]
    pub fn retirement_date(&self) -> Option<DateTime<Utc>> {
        first_retirement_date(&self.notices)
    }

    /// What it is about: the service, or the schedule if its input is invalid.
    #[must_use]
    pub fn name(&self) -> String {
        self.service.as_ref().map_or_else(|| self.schedule.clone(), ToString::to_string)
    }

    fn contains(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let history = self.control.history.iter().flat_map(|entry| [&entry.reason, &entry.ticket]);
        let history = history.flatten().map(String::as_str);
        let notices = self.notices.iter().map(|notice| notice.event_arn.as_str());
        let own = [self.schedule.as_str(), self.why.as_str()];
        let mut texts = own.into_iter().chain(history).chain(notices);
        self.name().to_lowercase().contains(&text) || texts.any(|own| own.to_lowercase().contains(&text))
    }
}

/// When the window closes in which a deployment starts. Fallback times, and those of operators before the planned one, may be in
/// none.
fn window_end(at: DateTime<Utc>, input: &DeployInput) -> Option<DateTime<Utc>> {
    (!input.fallback && input.slot <= at && at < input.window_ends_at).then_some(input.window_ends_at)
}

/// After what a deployment starts that starts too late.
fn late(
    at: DateTime<Utc>,
    policy: &Policy,
    notices: &[NoticeRef],
    now: DateTime<Utc>,
) -> Option<&'static str> {
    let deadline = deadline(policy, notices, now).filter(|deadline| at > *deadline)?;
    Some(if at < deadline + policy.margin { "the deadline" } else { "the retirement date" })
}

fn state_of_deployment(existing: &Existing, input: &DeployInput, now: DateTime<Utc>) -> State {
    if existing.awaits_approval() {
        State::AwaitingApproval
    } else if existing.is_held() {
        State::Held
    } else if existing.overdue(now) {
        State::Overdue
    } else if existing.moved() && input.woken.is_none_or(|times| times == 0) {
        let is_soon = existing.at.is_some_and(|at| at <= now + SOON);
        if is_soon && input.control.runs_now() { State::Starting } else { State::Moved }
    } else if input.attempt > 0 {
        State::Retrying
    } else {
        State::Scheduled
    }
}

/// Why a deployment starts at its time.
fn why_then(state: State, input: &DeployInput) -> String {
    let window = input.windows.as_deref().unwrap_or("the window");
    match state {
        State::Starting => format!("an operator runs it now; planned for {}", utc(input.slot)),
        State::Moved => format!("an operator chose this time; planned for {}", utc(input.slot)),
        State::Retrying => {
            let reason = input.control.waits_for.as_deref().unwrap_or("a blocker applied");
            format!("attempt {}: {reason}", input.attempt.saturating_add(1))
        }
        State::Overdue => "its wake-up was lost or its function failed; the heartbeat repeats it".to_owned(),
        _ if input.fallback => format!("no opening of {window} fits before the deadline (WhenNoWindowFits)"),
        _ => format!("opening of {window}"),
    }
}

fn state_of_check(existing: &Existing, input: &CheckInput, now: DateTime<Utc>) -> (State, String) {
    let since = utc(input.since);
    if existing.overdue(now) {
        return (State::Overdue, "the verification check did not run; the heartbeat repeats it".to_owned());
    }
    if !existing.enabled {
        return (State::Held, "an operator disabled the verification check".to_owned());
    }
    if input.notified || input.notified_late {
        return (State::NeedsAttention, format!("deployed on {since}; the owner was notified of a problem"));
    }
    (
        State::Verifying,
        format!(
            "deployed on {since}; {} done",
            count(usize::try_from(input.checks).unwrap_or_default(), "check")
        ),
    )
}

/// Which lines are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only this cluster.
    pub cluster: Option<String>,
    /// Only this state.
    pub state: Option<State>,
    /// Only what contains this text, in any case.
    pub text: Option<String>,
    /// The page, from 1.
    pub page: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self { cluster: None, state: None, text: None, page: 1 }
    }
}

impl Filter {
    /// The filter as a link carries it, without the page.
    #[must_use]
    pub fn wire(&self) -> Value {
        json!({"cluster": self.cluster, "state": self.state.map(State::word), "text": self.text})
    }

    fn lets(&self, entry: &Entry) -> bool {
        let cluster = entry.service.as_ref().map(ServiceRef::cluster);
        self.cluster.as_deref().is_none_or(|wanted| cluster == Some(wanted))
            && self.state.is_none_or(|wanted| entry.state == wanted)
            && self.text.as_deref().is_none_or(|text| entry.contains(text))
    }
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'e> {
    /// Its lines.
    pub entries: Vec<&'e Entry>,
    /// Its number, from 1.
    pub number: usize,
    /// How many pages there are.
    pub pages: usize,
    /// How many lines the filter lets through.
    pub found: usize,
}

/// The lines of the schedules, what needs a person first, then by time.
#[must_use]
pub fn entries(all: &[Pending], policy: &Policy, now: DateTime<Utc>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = all.iter().filter_map(|pending| Entry::of(pending, policy, now)).collect();
    entries.sort_by_cached_key(|entry| {
        let urgency = entry.state.needs_person().then_some(entry.state);
        (urgency.is_none(), urgency, entry.at, entry.name())
    });
    entries
}

/// Whether some times are shown in another time zone than UTC.
#[must_use]
pub fn has_zones(entries: &[Entry], policy: &Policy) -> bool {
    policy.windows.zone() != Tz::UTC || entries.iter().any(|entry| entry.zone != Tz::UTC)
}

/// The page of the lines that a filter asks for. A page that does not exist any more is the last.
#[must_use]
pub fn page<'e>(all: &'e [Entry], filter: &Filter) -> Page<'e> {
    let found: Vec<&Entry> = all.iter().filter(|entry| filter.lets(entry)).collect();
    let pages = found.len().div_ceil(PER_PAGE).max(1);
    let number = filter.page.clamp(1, pages);
    let entries = found.iter().copied().skip((number - 1) * PER_PAGE).take(PER_PAGE).collect();
    Page { entries, number, pages, found: found.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schedule::{control::Approval, name::ScheduleName, wake::InvalidInput},
        testing::{instant, planned_for, policy, web},
    };

    const NOW: &str = "2026-11-26T12:00:00Z";

    fn input(service: &ServiceRef) -> DeployInput {
        DeployInput {
            service: service.clone(),
            windows: Some("Fri 22:00-02:00 UTC".into()),
            zone: Some(Tz::Europe__London),
            ..planned_for(vec![NoticeRef {
                event_arn: "arn:notice".into(),
                starts_at: Some(instant("2026-12-02T18:00:00Z")),
                cutoff: instant("2026-11-25T18:00:00Z"),
                drill: false,
            }])
        }
    }

    fn pending(wake: Result<Wake, InvalidInput>, at: &str, enabled: bool) -> Pending {
        let input = match &wake {
            Ok(Wake::Deploy(input)) => Ok(input.clone()),
            Ok(other) => Err(other.refused_by(crate::schedule::wake::Function::Deploy)),
            Err(error) => Err(error.clone()),
        };
        let existing = Existing { at: Some(instant(at)), spread_minutes: 0, enabled, input };
        Pending { name: ScheduleName::listed("prod.web.1".into()), existing, wake }
    }

    fn entry(pending: &Pending) -> Entry {
        Entry::of(pending, &policy(&[]), instant(NOW)).unwrap()
    }

    fn ran_now() -> Control {
        let entry = crate::operate::request::Why::default().entry("run-now", None, instant(NOW));
        Control::default().with(entry)
    }

    #[test]
    fn a_start_time_outside_of_a_window_has_no_window_and_a_late_one_is_marked() {
        let ends = Some(instant("2026-11-28T02:00:00Z"));
        let rows = [
            ("2026-11-27T22:00:00Z", false, ends, None),
            ("2026-11-28T01:00:00Z", false, ends, None),
            ("2026-11-28T02:00:00Z", false, None, None),
            ("2026-11-27T03:00:00Z", false, None, None),
            ("2026-11-27T22:00:00Z", true, None, None),
            ("2026-12-02T16:00:00Z", false, None, None),
            ("2026-12-02T16:01:00Z", false, None, Some("the deadline")),
            ("2026-12-02T18:00:00Z", false, None, Some("the retirement date")),
        ];
        for (at, fallback, window, late) in rows {
            let input = DeployInput { fallback, ..input(&web()) };
            let entry = entry(&pending(Ok(Wake::Deploy(input)), at, true));
            assert_eq!((entry.window_ends_at, entry.late), (window, late), "{at}");
        }
    }

    #[test]
    fn each_schedule_has_a_state_and_a_reason() {
        let (slot, passed) = ("2026-11-27T22:00:00Z", "2026-11-26T11:00:00Z");
        let deploy = |change: fn(&mut DeployInput), at: &str, enabled: bool| {
            let mut input = input(&web());
            change(&mut input);
            pending(Ok(Wake::Deploy(input)), at, enabled)
        };
        let check = |change: fn(&mut CheckInput), at: &str| {
            let mut check = CheckInput::first(&web(), &input(&web()).notices, None, instant(passed));
            change(&mut check);
            pending(Ok(Wake::Check(check)), at, true)
        };
        let nothing: fn(&mut DeployInput) = |_| {};
        let rows = [
            (deploy(nothing, slot, true), State::Scheduled, "opening of Fri 22:00-02:00 UTC"),
            (
                deploy(|input| input.fallback = true, slot, true),
                State::Scheduled,
                "no opening of Fri 22:00-02:00 UTC fits",
            ),
            (
                deploy(nothing, "2026-11-28T22:00:00Z", true),
                State::Moved,
                "an operator chose this time; planned for Fri 27 Nov",
            ),
            (
                deploy(|input| input.control = ran_now(), "2026-11-26T12:02:00Z", true),
                State::Starting,
                "an operator runs it now; planned for Fri 27 Nov",
            ),
            (
                deploy(|input| input.control = ran_now(), "2026-11-28T22:00:00Z", true),
                State::Moved,
                "an operator chose this time",
            ),
            (deploy(nothing, "2026-11-26T12:02:00Z", true), State::Moved, "an operator chose this time"),
            (deploy(nothing, passed, true), State::Overdue, "its wake-up was lost"),
            (
                deploy(|input| input.woken = Some(1), "2026-11-26T12:01:00Z", true),
                State::Scheduled,
                "opening of",
            ),
            (deploy(nothing, slot, false), State::Held, "opening of"),
            (
                deploy(|input| input.control.approval = Some(Approval::Awaited), slot, false),
                State::AwaitingApproval,
                "opening of",
            ),
            (
                deploy(
                    |input| {
                        input.attempt = 1;
                        input.control.waits_for = Some("Change Calendar X is closed".into());
                    },
                    slot,
                    true,
                ),
                State::Retrying,
                "attempt 2: Change Calendar X is closed",
            ),
            (check(|_| {}, slot), State::Verifying, "deployed on Thu 26 Nov 2026 11:00 UTC; 0 checks done"),
            (check(|check| check.notified = true, slot), State::NeedsAttention, "deployed on"),
            (check(|check| check.story.changes = ran_now().history, slot), State::Verifying, "deployed on"),
            (check(|_| {}, passed), State::Overdue, "the verification check did not run"),
        ];
        for (pending, state, why) in rows {
            let entry = entry(&pending);
            assert_eq!(entry.state, state, "{entry:?}");
            assert!(entry.why.starts_with(why), "{entry:?}");
            assert_eq!(entry.name(), "prod/web");
            assert_eq!(entry.deadline, Some(instant("2026-12-02T16:00:00Z")));
            assert_eq!(entry.is_check, pending.existing.input.is_err());
            let told = match &pending.wake {
                Ok(Wake::Check(check)) => &check.story.changes,
                _ => &pending.existing.input.as_ref().unwrap().control.history,
            };
            assert_eq!(entry.control.history, *told);
        }
        let invalid = entry(&pending(Wake::read_text("{"), slot, true));
        assert_eq!((invalid.state, invalid.name().as_str()), (State::Invalid, "prod.web.1"));
        assert!(invalid.why.starts_with("the schedule's input is invalid"), "{invalid:?}");
        assert!(Entry::of(&pending(Ok(Wake::Heartbeat), slot, true), &policy(&[]), instant(NOW)).is_none());
    }

    #[test]
    fn what_needs_a_person_comes_first_then_the_earliest() {
        let of = |name: &str, at: &str, enabled| {
            let service = ServiceRef::new("prod", name).unwrap();
            let input = DeployInput { slot: instant(at), ..input(&service) };
            pending(Ok(Wake::Deploy(input)), at, enabled)
        };
        let all = [
            of("late", "2026-11-28T22:00:00Z", true),
            of("soon", "2026-11-27T22:00:00Z", true),
            of("held", "2026-11-29T22:00:00Z", false),
            of("overdue", "2026-11-26T10:00:00Z", true),
        ];
        let sorted = entries(&all, &policy(&[]), instant(NOW));
        assert!(has_zones(&sorted, &policy(&[])) && !has_zones(&[], &policy(&[])));
        let names: Vec<String> = sorted.iter().map(Entry::name).collect();
        assert_eq!(names, ["prod/overdue", "prod/held", "prod/soon", "prod/late"]);
    }

    #[test]
    fn a_filter_selects_and_the_rest_has_pages() {
        let one = |nth: usize| {
            let cluster = if nth.is_multiple_of(2) { "prod" } else { "dev" };
            let service = ServiceRef::new(cluster, &format!("service-{nth}")).unwrap();
            pending(Ok(Wake::Deploy(input(&service))), "2026-11-27T22:00:00Z", nth != 7)
        };
        let all: Vec<Pending> = (0..1_000).map(one).collect();
        let all = entries(&all, &policy(&[]), instant(NOW));
        let shown = |filter: &Filter| {
            let page = page(&all, filter);
            (page.entries.len(), page.number, page.pages, page.found)
        };
        let filter = Filter::default();
        assert_eq!(shown(&filter), (25, 1, 40, 1_000));
        assert_eq!(shown(&Filter { page: 99, ..filter.clone() }), (25, 40, 40, 1_000));
        assert_eq!(shown(&Filter { cluster: Some("dev".into()), ..filter.clone() }), (25, 1, 20, 500));
        assert_eq!(shown(&Filter { state: Some(State::Held), ..filter.clone() }), (1, 1, 1, 1));
        assert_eq!(shown(&Filter { text: Some("SERVICE-99".into()), ..filter.clone() }), (11, 1, 1, 11));
        assert_eq!(shown(&Filter { text: Some("<script>".into()), ..filter }), (0, 1, 1, 0));
    }

    #[test]
    fn states_have_names_that_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::named(state.word()), Some(state));
        }
        assert_eq!(State::AwaitingApproval.label(), "awaiting approval");
        assert!(State::Retrying.needs_person() && !State::Starting.needs_person());
    }
}
