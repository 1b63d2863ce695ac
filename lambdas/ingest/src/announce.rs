//! Notifies of what is new, once, and schedules the deadline check, which remembers what was announced.

use aws::CallFailed;
use chrono::{DateTime, Utc};
use rules::{
    notice::{Notice, NoticeRef},
    notify::{Notification, plan},
    outcome::{
        Outcome,
        OutcomeKind::{Cancelled, Rescheduled, Scheduled, Unchanged},
        Report,
    },
    schedule::{Spec, wake::DeadlineInput},
    verify::deadline::deadline_checks,
};

use crate::{function::Ingest, page::Page};

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
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        let older = page.newer_than(notice).is_some();
        let changed = |outcome: &Outcome| matches!(outcome.outcome, Cancelled | Rescheduled | Scheduled);
        // An older event says something only of services that no newer one has named.
        let known = |outcome: &Outcome| older && outcome.outcome == Unchanged;
        let fingerprint = plan::plan_fingerprint(kept, &report.outcomes);
        let new =
            !notice.closed && !page.announced.contains(&fingerprint) && !report.outcomes.iter().all(known);
        let news = |outcome: &&Outcome| (new && !known(outcome)) || changed(outcome);
        let anything = new || report.outcomes.iter().any(changed);
        let samples = plan::samples(report, new);
        let mut learned = page.clone();
        learned.learn(notice, &report.outcomes);
        if !anything && learned == page {
            self.notifier.count(&samples, now);
            return Ok(()); // a repeat: the deadline check is scheduled already
        }

        let reader = &self.notifier.reader;
        let event = |outcome| plan::event(reader, &self.policy, outcome, kept, now);
        let notification = Notification {
            events: report.outcomes.iter().filter(news).filter_map(event).collect(),
            message: anything.then(|| plan::message(reader, report, kept, now)),
            samples,
        };
        let sent = self.notifier.send(&notification, now).await;
        if !may_write {
            return sent; // observe mode leaves no trace, so that a repeated event is announced again
        }
        if sent.is_ok() {
            page.remember(fingerprint);
        }
        page.learn(notice, &report.outcomes);
        self.schedule_deadline_checks(notice, kept, report, page, now).await?;
        sent
    }

    async fn schedule_deadline_checks(
        &self,
        notice: &Notice,
        kept: &NoticeRef,
        report: &Report,
        page: Page,
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        let input = DeadlineInput {
            notice: kept.clone(),
            page: notice.page,
            part: 0,
            services: Vec::new(),
            released: Vec::new(),
            sent_at: page.sent_at.unwrap_or(notice.sent_at),
            announced: page.announced,
            last_check_at: now,
        };
        let last_slot = report.outcomes.iter().filter_map(|outcome| outcome.slot).max();
        for (at, input) in deadline_checks(&self.policy, &input, page.services, last_slot, now) {
            let spec = Spec::deadline_check(at, self.policy.windows.zone(), input);
            self.scheduler.put(&spec).await?;
        }
        Ok(())
    }
}
