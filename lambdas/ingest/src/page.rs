//! What is known of a page of a notice from before. Its deadline check remembers it.

use std::collections::BTreeMap;

use aws::CallFailed;
use chrono::{DateTime, Utc};
use rules::{
    arn::ServiceRef,
    notice::{Notice, NoticeRef},
    outcome::{Cause, Outcome, OutcomeKind},
    schedule::{name::ScheduleName, wake::Wake},
    time::instant::utc_seconds,
};

use crate::function::Ingest;

/// How many fingerprints of announced plans are kept.
const REMEMBERED: usize = 20;

/// What is known of a page of a notice from before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// When the newest event that was handled was sent.
    pub(crate) sent_at: Option<DateTime<Utc>>,
    /// Which plans were announced, as fingerprints.
    pub(crate) announced: Vec<String>,
    /// The services that were named, and whether the notice still concerns them.
    pub(crate) services: BTreeMap<ServiceRef, bool>,
    /// The notice as the newest event told it, with the latest cut-off.
    notice: Option<NoticeRef>,
}

impl Ingest {
    /// Reads what is known of a page. A very long page is remembered in parts.
    pub(crate) async fn page(&self, notice: &Notice) -> Result<Page, CallFailed> {
        let mut page = Page::default();
        for part in 0.. {
            let name = ScheduleName::of_deadline_check(&notice.event_arn, notice.page, part);
            let Some(found) = self.scheduler.get(&name).await? else { break };
            let Ok(Wake::DeadlineCheck(known)) = found.wake() else { continue };
            page.sent_at = page.sent_at.max(Some(known.sent_at));
            page.notice = Some(known.notice);
            page.announced = known.announced;
            page.services.extend(known.services.into_iter().map(|service| (service, true)));
            page.services.extend(known.released.into_iter().map(|service| (service, false)));
        }
        Ok(page)
    }
}

impl Page {
    /// When a newer event than `notice` was sent, if one was handled.
    pub(crate) fn newer_than(&self, notice: &Notice) -> Option<DateTime<Utc>> {
        self.sent_at.filter(|sent_at| *sent_at > notice.sent_at)
    }

    /// Why an event changes nothing about a service, if so: a newer event has spoken of it already.
    pub(crate) fn superseded(&self, service: &ServiceRef, notice: &Notice) -> Option<String> {
        let newer = self.newer_than(notice).filter(|_| self.services.contains_key(service))?;
        Some(format!("a newer event of this notice, sent on {}, was already handled", utc_seconds(newer)))
    }

    /// The notice as an event tells it, with what is known from before: the retirement date of the newest event, and the
    /// latest cut-off. Later costs one needless deployment; earlier leaves a task unpatched.
    pub(crate) fn merged(&self, notice: &Notice, told: NoticeRef) -> NoticeRef {
        let Some(known) = &self.notice else { return told };
        let starts_at = if self.newer_than(notice).is_some() { known.starts_at } else { told.starts_at };
        let drill = told.drill && known.drill;
        NoticeRef { starts_at, cutoff: told.cutoff.max(known.cutoff), drill, ..told }
    }

    /// The services that the notice still concerns.
    pub(crate) fn open(&self) -> impl Iterator<Item = &ServiceRef> {
        self.services.iter().filter(|(_, open)| **open).map(|(service, _)| service)
    }

    /// Remembers that a plan was announced.
    pub(crate) fn remember(&mut self, fingerprint: String) {
        if !self.announced.contains(&fingerprint) {
            self.announced.push(fingerprint);
            let most = self.announced.len().saturating_sub(REMEMBERED);
            self.announced.drain(..most);
        }
    }

    /// Remembers the services of an event. What a newer event has said of a service stands.
    pub(crate) fn learn(&mut self, notice: &Notice, outcomes: &[Outcome]) {
        let older = self.newer_than(notice).is_some();
        let mut open: BTreeMap<ServiceRef, bool> = BTreeMap::new();
        for outcome in outcomes {
            if let Some(service) = outcome.service_ref() {
                // Further entities of a service report that they belong to the first.
                let still_open = !notice.closed && still_open(outcome);
                open.entry(service).and_modify(|open| *open &= still_open).or_insert(still_open);
            }
        }
        for (service, open) in open {
            let known = older.then(|| self.services.get(&service).copied()).flatten();
            self.services.insert(service, known.unwrap_or(open));
        }
        self.sent_at = self.sent_at.max(Some(notice.sent_at));
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
