//! Reads the schedules of a page of a notice, and writes what is known of the page: its deadline checks remember it, and
//! once it concerns no service any more, a schedule that only remembers.

use std::collections::BTreeSet;

use aws::{CallFailed, Invocation};
use chrono::{DateTime, Utc};
use rules::{
    notice::{Notice, NoticeRef},
    outcome::Outcome,
    schedule::{
        Spec,
        known::{Listed, Page},
        name::ScheduleName,
        wake::DeadlineInput,
    },
    verify::deadline_check::deadline_checks,
};

use crate::function::Ingest;

/// From how many services on the schedules are listed, a hundred with each call: few schedules are read as fast one by one.
const MANY: usize = 100;

impl Ingest {
    /// The schedules of a large page that was handled completely. None if they cannot be listed: then each is read.
    pub(crate) async fn listed(&self, page: &Page) -> Vec<Listed> {
        let place = &self.notifier.reader.place;
        let named = page.open().map(|service| ScheduleName::of_deployment(place, service));
        let named: BTreeSet<ScheduleName> = named.filter(|_| page.left.is_some()).collect();
        if named.len() > MANY { self.scheduler.find(&named).await.unwrap_or_default() } else { Vec::new() }
    }

    /// Remembers which cancellations have to be announced, before any schedule goes: an invocation that ends in between
    /// would leave nothing behind to tell of. Answers with the page as it is known then.
    pub(crate) async fn owe_ahead(
        &self,
        notice: &Notice,
        kept: &NoticeRef,
        outcomes: &[Outcome],
        page: Page,
        invocation: &Invocation,
    ) -> Result<Page, CallFailed> {
        let mut owing = page.clone();
        owing.owe(outcomes, false);
        if owing == page {
            return Ok(page);
        }
        self.write_page(notice, kept, outcomes, owing, invocation).await?;
        self.scheduler.page(&notice.event_arn, notice.page).await
    }

    /// Writes what is known of a page: as its deadline checks while it concerns a service, else as a memory.
    pub(crate) async fn write_page(
        &self,
        notice: &Notice,
        kept: &NoticeRef,
        outcomes: &[Outcome],
        page: Page,
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        let now = invocation.now();
        let settled = page.open().next().is_none();
        let has_other = if settled { page.has_checks } else { page.has_memory };
        let input = DeadlineInput {
            notice: kept.clone(),
            page: notice.page,
            part: 0,
            services: Vec::new(),
            released: Vec::new(),
            sent_at: page.sent_at.unwrap_or(notice.sent_at),
            announced: page.announced,
            last_check_at: now,
            owed: page.owed.into_iter().collect(),
            closed_at: page.closed_at,
            left: page.left,
            unpatched: page.unpatched.into_iter().collect(),
            woken: Some(0),
        };
        let last_slot = outcomes.iter().filter_map(|outcome| outcome.slot).max();
        for (at, input) in deadline_checks(&self.policy, &input, page.services, last_slot, now) {
            let other = self.write_part(at, input, settled, invocation).await?;
            if has_other {
                self.scheduler.delete(&other).await?;
            }
        }
        Ok(())
    }

    /// Writes one part. Answers which schedule it replaces.
    async fn write_part(
        &self,
        at: DateTime<Utc>,
        input: DeadlineInput,
        settled: bool,
        invocation: &Invocation,
    ) -> Result<ScheduleName, CallFailed> {
        let zone = self.policy.windows.zone();
        let DeadlineInput { notice, page, part, .. } = &input;
        let (deadline_check, memory) = (
            ScheduleName::of_deadline_check(&notice.event_arn, *page, *part),
            ScheduleName::of_settled(&notice.event_arn, *page, *part),
        );
        let (spec, replaced) = if settled {
            (Spec::settled(zone, input, invocation.now()), deadline_check)
        } else {
            (Spec::deadline_check(at, zone, input), memory)
        };
        self.scheduler.put(&spec, invocation).await?;
        Ok(replaced)
    }
}
