//! Notifies of what is new, once, and schedules the deadline check, which remembers what was announced.

use aws::{CallFailed, Invocation};
use rules::{
    notice::{Notice, NoticeRef},
    notify::{Notification, plan},
    outcome::{
        Outcome,
        OutcomeKind::{Cancelled, Rescheduled, Scheduled, Unchanged},
        Report,
    },
    schedule::known::Page,
};

use crate::function::Ingest;

/// What a report says that was not announced before.
pub(crate) struct News {
    /// The event is older than one that was handled.
    older: bool,
    fingerprint: String,
    /// The plan was not announced before.
    new: bool,
    /// There is something to announce.
    anything: bool,
}

impl News {
    pub(crate) fn of(notice: &Notice, kept: &NoticeRef, report: &Report, page: &Page) -> Self {
        let fingerprint = plan::plan_fingerprint(kept, &report.outcomes);
        let mut news =
            Self { older: page.newer_than(notice).is_some(), fingerprint, new: false, anything: false };
        news.new = !notice.closed
            && !page.announced.contains(&news.fingerprint)
            && !report.outcomes.iter().all(|outcome| news.is_known(outcome));
        news.anything = news.new || report.outcomes.iter().any(changed);
        news
    }

    /// Whether the event says nothing that is not known of its page.
    pub(crate) fn is_repeat(&self, notice: &Notice, report: &Report, page: &Page) -> bool {
        let mut learned = page.clone();
        learned.learn(notice, &report.outcomes);
        !self.anything && learned == *page
    }

    /// An older event says something only of services that no newer one has named.
    fn is_known(&self, outcome: &Outcome) -> bool {
        self.older && outcome.outcome == Unchanged
    }

    fn says(&self, outcome: &Outcome) -> bool {
        (self.new && !self.is_known(outcome)) || changed(outcome)
    }
}

fn changed(outcome: &Outcome) -> bool {
    matches!(outcome.outcome, Cancelled | Rescheduled | Scheduled)
}

impl Ingest {
    /// Counts, notifies of what is new, and schedules the deadline check if anything `may_write`.
    ///
    /// The deadline check is written last: a plan that could not be announced is announced when the event comes again,
    /// which Lambda's retry sees to.
    pub(crate) async fn announce(
        &self,
        notice: &Notice,
        kept: &NoticeRef,
        report: &Report,
        mut page: Page,
        may_write: bool,
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        let now = invocation.now();
        let news = News::of(notice, kept, report, &page);
        let samples = plan::samples(report, news.new);
        if news.is_repeat(notice, report, &page) {
            self.notifier.count(&samples, now);
            return Ok(());
        }

        let reader = &self.notifier.reader;
        let event = |outcome| plan::event(reader, &self.policy, outcome, kept, now);
        let notification = Notification {
            events: report.outcomes.iter().filter(|outcome| news.says(outcome)).filter_map(event).collect(),
            message: news.anything.then(|| plan::message(reader, report, kept, now)),
            samples,
        };
        let sent = self.notifier.send(&notification, now).await;
        if !may_write {
            return sent; // observe mode leaves no trace, so that a repeated event is announced again
        }
        if sent.is_ok() {
            page.remember(news.fingerprint);
        }
        page.owe(&report.outcomes, sent.is_ok());
        page.learn(notice, &report.outcomes);
        self.write_page(notice, kept, &report.outcomes, page, invocation).await?;
        sent
    }
}
