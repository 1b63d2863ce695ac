//! What is known of a page of a notice from the events that were handled before. Knowledge only grows: an event that
//! arrives late, twice or out of order never makes it less.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    name::ScheduleName,
    wake::{Left, Wake},
};
use crate::{
    arn::ServiceRef,
    notice::{Notice, NoticeRef},
    outcome::{Cause, Outcome, OutcomeKind},
    time::instant::utc_seconds,
};

/// How many fingerprints of announced plans are kept.
const REMEMBERED: usize = 20;

/// Up to which page of a notice all are read. A page may never have arrived, so the first that is unknown is not the end.
pub const LOOKED_FOR: u32 = 20;

/// What is known of a page of a notice from before. Its deadline checks remember it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// When the newest event that was handled was sent. `None` if none was.
    pub sent_at: Option<DateTime<Utc>>,
    /// Which plans were announced, as fingerprints.
    pub announced: Vec<String>,
    /// The services that were named, and whether the notice still concerns them.
    pub services: BTreeMap<ServiceRef, bool>,
    /// The services of which the owner has to be notified: their cancellation could not be announced yet, or a failure was.
    pub owed: BTreeSet<ServiceRef>,
    /// When the newest event that closed the notice was sent.
    pub closed_at: Option<DateTime<Utc>>,
    /// How its last event left it. `None` if that was not handled completely.
    pub left: Option<Left>,
    /// The services that a deadline check has reported, and whose story ends on the retirement date.
    pub unpatched: BTreeSet<ServiceRef>,
    /// The notice as the newest event told it, with the latest cut-off.
    notice: Option<NoticeRef>,
    /// It has deadline checks.
    pub has_checks: bool,
    /// It has a memory without checks.
    pub has_memory: bool,
}

/// A schedule as a listing shows it: without its time and its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: ScheduleName,
    /// It is enabled.
    pub enabled: bool,
    /// When it was written last, if AWS says so.
    pub modified_at: Option<DateTime<Utc>>,
}

impl Page {
    /// Adds what a deadline check or a memory knows. A very long page is remembered in parts.
    pub fn add(&mut self, wake: Wake) {
        let known = match wake {
            Wake::DeadlineCheck(known) => {
                self.has_checks = true;
                known
            }
            Wake::Settled(known) => {
                self.has_memory = true;
                known
            }
            _ => return,
        };
        // The parts of a page are written one after the other. If they differ, not all were written.
        self.left = known.left.filter(|left| self.sent_at.is_none() || self.left.as_ref() == Some(left));
        self.sent_at = self.sent_at.max(Some(known.sent_at));
        for fingerprint in known.announced {
            self.remember(fingerprint);
        }
        self.services.extend(known.services.into_iter().map(|service| (service, true)));
        self.services.extend(known.released.into_iter().map(|service| (service, false)));
        self.owed.extend(known.owed);
        self.unpatched.extend(known.unpatched);
        self.closed_at = self.closed_at.max(known.closed_at);
        self.notice = Some(known.notice);
    }

    /// Says again of each service whose cancellation could not be announced that it is cancelled.
    pub fn repeat_what_is_owed(&self, outcomes: &mut [Outcome]) {
        for outcome in outcomes {
            let owed = outcome.service_ref().is_some_and(|service| self.owed.contains(&service));
            if owed && outcome.cause == Some(Cause::NothingPending) {
                outcome.outcome = OutcomeKind::Cancelled;
                outcome.cause = None;
            }
        }
    }

    /// Remembers of which services the owner has to be notified after these outcomes, which were announced or not. What has
    /// failed may have taken effect, so that the next try changes nothing: its outcome is news all the same.
    pub fn owe(&mut self, outcomes: &[Outcome], announced: bool) {
        let services = |kind: OutcomeKind| -> BTreeSet<ServiceRef> {
            let of_kind = outcomes.iter().filter(|outcome| outcome.outcome == kind);
            of_kind.filter_map(Outcome::service_ref).collect()
        };
        if announced {
            self.owed = services(OutcomeKind::Failed);
        } else {
            self.owed.extend(services(OutcomeKind::Cancelled));
            self.owed.extend(services(OutcomeKind::Failed));
        }
    }

    /// Whether any event of the page was handled before.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.sent_at.is_some()
    }

    /// When a newer event than `notice` was sent, if one was handled.
    #[must_use]
    pub fn newer_than(&self, notice: &Notice) -> Option<DateTime<Utc>> {
        self.sent_at.filter(|sent_at| *sent_at > notice.sent_at)
    }

    /// Why an event changes nothing about a service, if so: a newer event has spoken of it already, or has closed the
    /// notice.
    #[must_use]
    pub fn superseded(&self, service: &ServiceRef, notice: &Notice) -> Option<String> {
        let speaks = self.newer_than(notice).filter(|_| self.services.contains_key(service));
        let newer = speaks.or(self.closed_after(notice))?;
        Some(format!("a newer event of this notice, sent on {}, was already handled", utc_seconds(newer)))
    }

    /// When an event that is newer than `notice` closed the notice, if one did.
    fn closed_after(&self, notice: &Notice) -> Option<DateTime<Utc>> {
        self.closed_at.filter(|closed_at| *closed_at > notice.sent_at)
    }

    /// The notice as an event tells it, with what is known from before: the retirement date of the newest event, and the
    /// latest cut-off. Later costs one needless deployment; earlier leaves a task unpatched. `wait` is the account's
    /// `fargateTaskRetirementWaitPeriod`, if it is known.
    #[must_use]
    pub fn merged(&self, notice: &Notice, wait: Option<TimeDelta>) -> NoticeRef {
        let told = notice.to_ref(wait);
        let Some(known) = &self.notice else { return told };
        // Without the wait period, the cut-off is guessed. What is known for the same date is better.
        let guesses = notice.needs_wait_period() && wait.is_none() && told.starts_at == known.starts_at;
        let cutoff = if guesses { known.cutoff } else { told.cutoff.max(known.cutoff) };
        let starts_at = if self.newer_than(notice).is_some() { known.starts_at } else { told.starts_at };
        let drill = told.drill && known.drill;
        NoticeRef { starts_at, cutoff, drill, ..told }
    }

    /// The schedules that a repeat of the notice need not read: nothing that it was decided with has changed, and nobody
    /// has written to them since. Wrong clocks cost a needless read, or an outcome that does not mention a hold.
    #[must_use]
    pub fn untouched(
        &self,
        kept: &NoticeRef,
        basis: impl FnOnce() -> String,
        listed: Vec<Listed>,
        now: DateTime<Utc>,
    ) -> BTreeSet<ScheduleName> {
        let is_known = !listed.is_empty() && self.notice.as_ref() == Some(kept);
        let is_same = |left: &&Left| is_known && now < left.until && left.basis == basis();
        let Some(left) = self.left.as_ref().filter(is_same) else { return BTreeSet::new() };
        let is_old = |listed: &Listed| listed.enabled && listed.modified_at.is_some_and(|at| at <= left.at);
        listed.into_iter().filter(is_old).map(|listed| listed.name).collect()
    }

    /// All services that the page has ever named.
    pub fn all(&self) -> impl Iterator<Item = &ServiceRef> {
        self.services.keys()
    }

    /// The notice, if any event of the page was handled.
    #[must_use]
    pub fn notice(&self) -> Option<&NoticeRef> {
        self.notice.as_ref()
    }

    /// The services that the notice still concerns.
    pub fn open(&self) -> impl Iterator<Item = &ServiceRef> {
        self.services.iter().filter(|(_, open)| **open).map(|(service, _)| service)
    }

    /// Remembers that a plan was announced.
    pub fn remember(&mut self, fingerprint: String) {
        if !self.announced.contains(&fingerprint) {
            self.announced.push(fingerprint);
            let most = self.announced.len().saturating_sub(REMEMBERED);
            self.announced.drain(..most);
        }
    }

    /// Remembers the services of an event. What a newer event has said of a service stands.
    pub fn learn(&mut self, notice: &Notice, outcomes: &[Outcome]) {
        let older = self.newer_than(notice).is_some();
        let closed = notice.closed || self.closed_after(notice).is_some();
        let mut open: BTreeMap<ServiceRef, bool> = BTreeMap::new();
        for outcome in outcomes {
            if let Some(service) = outcome.service_ref() {
                // Further entities of a service report that they belong to the first.
                // What failed stays as it was, for the next try.
                let failed =
                    outcome.outcome == OutcomeKind::Failed && self.services.get(&service) == Some(&true);
                let still_open = failed || (!closed && still_open(outcome));
                open.entry(service).and_modify(|open| *open &= still_open).or_insert(still_open);
            }
        }
        for (service, open) in open {
            if !older {
                self.unpatched.remove(&service); // its story goes on, or has ended with this event
            }
            let known = older.then(|| self.services.get(&service).copied()).flatten();
            self.services.insert(service, known.unwrap_or(open));
        }
        self.sent_at = self.sent_at.max(Some(notice.sent_at));
        if notice.closed {
            self.closed_at = self.closed_at.max(Some(notice.sent_at));
        }
    }
}

/// Whether the notice may still concern the service.
fn still_open(outcome: &Outcome) -> bool {
    (outcome.outcome != OutcomeKind::Cancelled || outcome.cause == Some(Cause::NoWindow))
        && !matches!(
            outcome.cause,
            Some(Cause::NothingPending | Cause::Patched | Cause::OptedOut | Cause::Observed)
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schedule::wake::DeadlineInput,
        testing::{instant, web},
    };

    const LEFT_AT: &str = "2026-11-25T18:00:00Z";
    const UNTIL: &str = "2026-11-27T22:00:00Z";

    fn notice(arn: &str) -> NoticeRef {
        let (starts_at, cutoff) = (Some(instant("2026-12-02T18:00:00Z")), instant(LEFT_AT));
        NoticeRef { event_arn: arn.to_owned(), starts_at, cutoff, drill: false }
    }

    fn left(basis: &str) -> Left {
        Left { at: instant(LEFT_AT), basis: basis.to_owned(), until: instant(UNTIL) }
    }

    /// What the parts of a page remember.
    fn page(parts: &[Option<Left>]) -> Page {
        let mut page = Page::default();
        for (part, left) in (0..).zip(parts) {
            page.add(Wake::DeadlineCheck(DeadlineInput {
                notice: notice("arn:1"),
                page: 0,
                part,
                services: Vec::new(),
                released: Vec::new(),
                sent_at: instant(LEFT_AT),
                announced: Vec::new(),
                last_check_at: instant(UNTIL),
                owed: Vec::new(),
                closed_at: None,
                left: left.clone(),
                unpatched: Vec::new(),
                woken: Some(0),
            }));
        }
        page
    }

    fn listed(name: &str, enabled: bool, modified_at: Option<&str>) -> Listed {
        Listed { name: ScheduleName::listed(name.to_owned()), enabled, modified_at: modified_at.map(instant) }
    }

    #[test]
    fn only_enabled_schedules_that_nobody_has_changed_since_are_untouched() {
        let schedules = vec![
            listed("same", true, Some("2026-11-25T18:00:00Z")),
            listed("changed", true, Some("2026-11-25T18:00:01Z")),
            listed("disabled", false, Some("2026-11-25T17:59:59Z")),
            listed("unknown", true, None),
        ];
        let untouched = |page: &Page, arn: &str, basis: &str, now: &str| {
            let found = page.untouched(&notice(arn), || basis.to_owned(), schedules.clone(), instant(now));
            found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let one = page(&[Some(left("basis"))]);
        let before = "2026-11-27T21:59:59Z";
        assert_eq!(untouched(&one, "arn:1", "basis", before), "same");
        assert_eq!(untouched(&one, "arn:1", "other tags", before), "");
        assert_eq!(untouched(&one, "arn:other", "basis", before), "");
        assert_eq!(untouched(&one, "arn:1", "basis", UNTIL), "", "deployments are under way");
        assert_eq!(untouched(&page(&[None]), "arn:1", "basis", before), "", "not all was handled");
    }

    #[test]
    fn parts_that_differ_were_not_all_written() {
        let (same, other) = (Some(left("basis")), Some(left("other")));
        let rows = [
            (vec![same.clone(), same.clone(), same.clone()], same.clone()),
            (vec![same.clone(), other.clone(), same.clone()], None),
            (vec![same.clone(), None, same.clone()], None),
            (vec![None, same.clone()], None),
        ];
        for (parts, expected) in rows {
            assert_eq!(page(&parts).left, expected, "{parts:?}");
        }
    }

    const EARLIER: &str = "2026-11-25T17:00:00Z";
    const LATER: &str = "2026-11-26T18:00:00Z";

    /// An event of the page, sent at a time.
    fn event(sent_at: &str) -> Notice {
        Notice {
            event_arn: "arn:1".into(),
            account: "111122223333".into(),
            region: "eu-west-2".into(),
            starts_at: Some(instant("2026-12-09T18:00:00Z")),
            page: 1,
            sent_at: instant(sent_at),
            received_at: instant("2026-11-27T00:00:00Z"),
            stated_cutoff: None,
            closed: false,
            other_account: None,
            drill: false,
            observed: false,
            entities: Vec::new(),
        }
    }

    fn outcome(kind: OutcomeKind, cause: Option<Cause>) -> Outcome {
        Outcome { cause, ..Outcome::of("prod|web", kind, "why") }.for_service(&web())
    }

    #[test]
    fn the_newest_event_says_the_date_and_the_latest_cutoff_counts() {
        let known = page(&[None]);
        let date = |notice: NoticeRef| notice.starts_at.map(|date| date.date_naive().to_string());
        let merged = |sent_at, wait: Option<i64>| known.merged(&event(sent_at), wait.map(TimeDelta::days));
        assert_eq!(date(merged(EARLIER, Some(7))).as_deref(), Some("2026-12-02"));
        assert_eq!(date(merged(LATER, Some(7))).as_deref(), Some("2026-12-09"));
        // The later of the known cut-off and that of the event: its time, or the date minus the wait period.
        assert_eq!(merged(LATER, Some(7)).cutoff, instant(LATER));
        assert_eq!(merged(LATER, Some(14)).cutoff, instant(LEFT_AT));
        // Without the wait period, the cut-off of another date is guessed, and that of the same date is known.
        assert_eq!(merged(LATER, None).cutoff, instant(LATER));
        let same_date = Notice { starts_at: notice("arn:1").starts_at, ..event(LATER) };
        assert_eq!(known.merged(&same_date, None).cutoff, instant(LEFT_AT));
        assert_eq!(known.merged(&same_date, Some(TimeDelta::days(6))).cutoff, instant(LATER));
        assert_eq!(Page::default().merged(&same_date, None), same_date.to_ref(None));
    }

    #[test]
    fn a_notice_is_a_drill_only_if_all_of_its_events_are() {
        let drill = Notice { drill: true, ..event(LATER) };
        assert!(!page(&[None]).merged(&drill, None).drill);
        let mut known = Page::default();
        assert!(known.merged(&drill, None).drill);
        known.notice = Some(NoticeRef { drill: true, ..notice("arn:1") });
        assert!(known.merged(&drill, None).drill && !known.merged(&event(LATER), None).drill);
    }

    #[test]
    fn an_older_event_says_nothing_new_about_a_service() {
        let mut page = page(&[None]);
        assert!(page.is_known() && !Page::default().is_known());
        page.services.insert(web(), true);
        let api = ServiceRef::new("prod", "api").unwrap();
        let why = "a newer event of this notice, sent on Wed 25 Nov 2026 18:00:00 UTC, was already handled";
        assert_eq!(page.superseded(&web(), &event(EARLIER)).as_deref(), Some(why));
        assert_eq!(page.superseded(&web(), &event(LEFT_AT)), None, "the same event");
        assert_eq!(page.superseded(&api, &event(EARLIER)), None, "the newer event did not name it");
        page.closed_at = Some(instant(LEFT_AT));
        assert_eq!(page.superseded(&api, &event(EARLIER)).as_deref(), Some(why));
        assert_eq!(page.superseded(&api, &event(LEFT_AT)), None);
    }

    #[test]
    fn a_page_learns_which_services_its_notice_concerns() {
        use OutcomeKind::{Cancelled, Failed, Scheduled, Skipped};
        let rows = [
            (Scheduled, None, None, Some(true)),
            (Skipped, Some(Cause::Held), None, Some(true)),
            (Cancelled, None, Some(true), Some(false)),
            (Cancelled, Some(Cause::NoWindow), Some(true), Some(true)),
            (Skipped, Some(Cause::NothingPending), None, Some(false)),
            (Skipped, Some(Cause::Patched), Some(true), Some(false)),
            (Skipped, Some(Cause::OptedOut), Some(true), Some(false)),
            (Skipped, Some(Cause::Observed), Some(true), Some(false)),
            (Failed, None, None, Some(true)),
            (Failed, None, Some(true), Some(true)),
        ];
        for (kind, cause, known, expected) in rows {
            let mut page = page(&[None]);
            page.services.extend(known.map(|open| (web(), open)));
            page.learn(&event(LATER), &[outcome(kind, cause)]);
            assert_eq!(page.services.get(&web()).copied(), expected, "{kind:?} {cause:?} {known:?}");
            assert_eq!(page.open().count(), usize::from(expected == Some(true)));
            assert_eq!((page.all().count(), page.sent_at), (1, Some(instant(LATER))));
        }
    }

    #[test]
    fn what_a_newer_event_said_of_a_service_stands() {
        let cancelled = [outcome(OutcomeKind::Cancelled, None)];
        let scheduled = [outcome(OutcomeKind::Scheduled, None)];
        let mut known = page(&[None]);
        known.learn(&event(LATER), &cancelled);
        known.unpatched.insert(web());
        known.learn(&event(EARLIER), &scheduled);
        assert_eq!(known.services.get(&web()), Some(&false));
        assert!(known.unpatched.contains(&web()), "an older event does not go on with its story");
        assert_eq!(known.sent_at, Some(instant(LATER)));
        known.learn(&event("2026-11-26T19:00:00Z"), &scheduled);
        assert_eq!(known.services.get(&web()), Some(&true));
        assert!(known.unpatched.is_empty());
        // One of several entities of a service is enough to close it.
        known.learn(&event("2026-11-26T20:00:00Z"), &[scheduled[0].clone(), cancelled[0].clone()]);
        assert_eq!(known.services.get(&web()), Some(&false));
    }

    #[test]
    fn a_closed_notice_stays_closed_for_what_an_older_event_names() {
        let closed = Notice { closed: true, ..event(LATER) };
        let failed = [outcome(OutcomeKind::Failed, None)];
        let mut known = page(&[None]);
        known.learn(&closed, &failed);
        assert_eq!((known.closed_at, known.services.get(&web())), (Some(instant(LATER)), Some(&false)));
        let mut known = page(&[None]);
        known.learn(&closed, &[]);
        known.learn(&event(EARLIER), &[outcome(OutcomeKind::Scheduled, None)]);
        assert_eq!(known.services.get(&web()), Some(&false));
        // What failed while it was open is tried again.
        let mut known = page(&[None]);
        known.services.insert(web(), true);
        known.learn(&closed, &failed);
        assert_eq!(known.services.get(&web()), Some(&true));
    }

    #[test]
    fn a_cancellation_that_could_not_be_announced_is_said_again() {
        let cancelled = outcome(OutcomeKind::Cancelled, None);
        let nothing = outcome(OutcomeKind::Skipped, Some(Cause::NothingPending));
        let mut page = Page::default();
        page.owe(&[cancelled.clone(), Outcome::of("UNKNOWN", OutcomeKind::Cancelled, "why")], false);
        page.owe(&[outcome(OutcomeKind::Scheduled, None)], false);
        assert_eq!(page.owed, BTreeSet::from([web()]));
        let mut outcomes = [nothing.clone(), outcome(OutcomeKind::Skipped, Some(Cause::Patched))];
        page.repeat_what_is_owed(&mut outcomes);
        assert_eq!((outcomes[0].outcome, outcomes[0].cause), (OutcomeKind::Cancelled, None));
        assert_eq!(outcomes[1].outcome, OutcomeKind::Skipped);
        page.owe(&[outcome(OutcomeKind::Failed, None)], true);
        assert_eq!(page.owed.len(), 1, "what failed is not cancelled yet");
        page.owe(&[cancelled], true);
        assert!(page.owed.is_empty());
        let mut outcomes = [nothing];
        page.repeat_what_is_owed(&mut outcomes);
        assert_eq!(outcomes[0].outcome, OutcomeKind::Skipped);
    }

    #[test]
    fn the_newest_plans_are_remembered_once() {
        let mut page = Page::default();
        for nth in 0..25 {
            page.remember(format!("{nth}"));
            page.remember(format!("{nth}"));
        }
        assert_eq!((page.announced.len(), page.announced[0].as_str()), (20, "5"));
    }
}
