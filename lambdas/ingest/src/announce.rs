//! Notifies of what is new, once, and schedules the deadline check, which remembers what was announced.

use std::collections::BTreeSet;

use aws::CallFailed;
use chrono::{DateTime, Utc};
use rules::{
    arn::ServiceRef,
    notice::{Notice, NoticeRef},
    notify::{Notification, plan, record},
    outcome::{
        Outcome,
        OutcomeKind::{Cancelled, Failed, Rescheduled, Scheduled, Unchanged},
        Report,
    },
    schedule::{known::Page, wake::Left},
};

use crate::{
    function::Ingest,
    handler::{Stories, Work, Writing},
    tags::Services,
};

/// What a report says that was not announced before.
pub(crate) struct News {
    /// The event is older than one that was handled.
    older: bool,
    /// The services of which the owner was notified already, with the same retirement date. What was notified is no failure.
    announced: BTreeSet<ServiceRef>,
    fingerprint: String,
    /// The plan was not announced before.
    new: bool,
    /// There is something to announce.
    anything: bool,
}

impl News {
    pub(crate) fn of(notice: &Notice, kept: &NoticeRef, report: &Report, page: &Page) -> Self {
        let fingerprint = plan::plan_fingerprint(kept, &report.outcomes);
        // A real notice after its drill is news.
        let same = |known: &NoticeRef| (known.starts_at, known.drill) == (kept.starts_at, kept.drill);
        let is_announced = !page.announced.is_empty() && page.notice().is_some_and(same);
        let announced = page.open().filter(|service| is_announced && !page.owed.contains(service)).cloned();
        let announced = announced.collect();
        let is_owed = |outcome: &Outcome| {
            let owed = outcome.service_ref().is_some_and(|service| page.owed.contains(&service));
            owed && outcome.outcome == Unchanged
        };
        let older = page.newer_than(notice).is_some();
        let mut news = Self { older, announced, fingerprint, new: false, anything: false };
        news.new = !notice.closed
            && (!page.announced.contains(&news.fingerprint) || report.outcomes.iter().any(is_owed))
            && !report.outcomes.iter().all(|outcome| news.is_known(outcome));
        news.anything = news.new || report.outcomes.iter().any(changed);
        news
    }

    /// Whether the event says nothing that is not known of its page, its retirement date and its cut-off.
    pub(crate) fn is_repeat(&self, notice: &Notice, kept: &NoticeRef, report: &Report, page: &Page) -> bool {
        let mut learned = page.clone();
        learned.learn(notice, &report.outcomes);
        !self.anything && page.notice() == Some(kept) && learned == *page
    }

    /// An outcome is no news if the owner was notified of the service. An older event says something only of services that
    /// no newer one has named.
    fn is_known(&self, outcome: &Outcome) -> bool {
        let announced = outcome.service_ref().is_some_and(|service| self.announced.contains(&service));
        outcome.outcome == Unchanged && (self.older || (announced && outcome.warnings.is_empty()))
    }

    fn says(&self, outcome: &Outcome) -> bool {
        (self.new && !self.is_known(outcome)) || changed(outcome)
    }
}

fn changed(outcome: &Outcome) -> bool {
    matches!(outcome.outcome, Cancelled | Rescheduled | Scheduled)
}

impl Ingest {
    /// How an event leaves its page. `None` if something failed, or is not decided yet.
    fn left(&self, report: &Report, services: &Services, now: DateTime<Utc>) -> Option<Left> {
        let failed = report.outcomes.iter().any(|outcome| outcome.outcome == Failed);
        let until = report.outcomes.iter().filter_map(|outcome| outcome.slot).min().filter(|_| !failed)?;
        Some(Left { at: now, basis: services.basis(&self.policy), until })
    }

    /// Counts, notifies of what is new, and schedules the deadline check, if anything may be written.
    ///
    /// The deadline check is written last: a plan that could not be announced is announced when the event comes again,
    /// which Lambda's retry sees to.
    pub(crate) async fn announce(
        &self,
        work: &Work<'_>,
        kept: &NoticeRef,
        (report, stories): (&Report, &Stories),
        mut page: Page,
        writing: Option<Writing>,
    ) -> Result<(), CallFailed> {
        let Work { notice, invocation, .. } = work;
        let now = invocation.now();
        let news = News::of(notice, kept, report, &page);
        let samples = plan::samples(report, news.new);
        if news.is_repeat(notice, kept, report, &page) {
            self.notifier.count(&samples, now);
            return Ok(());
        }

        let reader = &self.notifier.reader;
        let said = || report.outcomes.iter().filter(|outcome| news.says(outcome));
        let event = |outcome| plan::event(reader, &self.policy, outcome, kept, now);
        let records = |outcome: &Outcome| {
            if notice.observed {
                return Vec::new(); // a question is no story
            }
            let story = outcome.service_ref().and_then(|service| stories.get(&service));
            record::of_plan(reader, &self.policy, (outcome, story), kept, now)
        };
        let notification = Notification {
            events: said().filter_map(event).chain(said().flat_map(records)).collect(),
            message: news.anything.then(|| plan::message(reader, report, kept, now)),
            samples,
        };
        let Some(Writing { stop }) = writing else {
            // Observe mode leaves no trace, so that a repeated event is announced again.
            return self.notifier.send(&notification, now).await;
        };
        let sent = self.notifier.send_knowing(&notification, async { stop }, now).await;
        if sent.is_ok() {
            page.remember(news.fingerprint);
        } else {
            page.announced.clear(); // the next event announces its whole plan
        }
        page.owe(&report.outcomes, sent.is_ok());
        page.learn(notice, &report.outcomes);
        page.left = sent.is_ok().then(|| self.left(report, &work.services, now)).flatten();
        self.write_page(notice, kept, &report.outcomes, page, invocation).await?;
        sent
    }
}
