//! One notice, from the event to the report. A service that fails never stops the others.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallFailed, Failure, Invocation};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use rules::{
    arn::ServiceRef,
    notice::{Affected, Notice, NoticeRef, health},
    notify::plan,
    outcome::{Cause, Outcome, OutcomeKind, Report},
    policy::{Mode, tags::Tags},
    schedule::{
        Spec,
        known::{LOOKED_FOR, Listed, Page},
        name::ScheduleName,
        story::Story,
        wake::{DrillInput, StopInput},
    },
};
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use crate::{
    announce::News,
    function::{CONCURRENCY, Ingest},
    group::{Grouped, Named, group, named, repeated},
    resolve::{Resolved, resolve},
    settle::{Settled, Settling},
    tags::{Services, read_services},
};

/// A notice, with what was read once about it.
pub(crate) struct Work<'a> {
    pub(crate) notice: &'a Notice,
    /// The account's wait period, if the notice needs it and it is readable.
    wait_period: Option<TimeDelta>,
    /// Its entities, in its order.
    resolved: Vec<Resolved>,
    /// What ECS says of its services.
    pub(crate) services: Services,
    pub(crate) invocation: &'a Invocation,
}

/// Anything may be written.
pub(crate) struct Writing {
    /// Why everything is stopped, if it is.
    pub(crate) stop: Option<StopInput>,
}

/// What was read about a page of a notice, without its lock.
struct Read {
    resolved: Vec<Resolved>,
    services: Services,
    page: Page,
    /// Its schedules, as a repeat of a large page needs them.
    listed: Vec<Listed>,
}

/// What is done with the services of a page.
enum Reading {
    /// Their schedules are read, but for these, which nobody has changed.
    Only(BTreeSet<ScheduleName>),
    /// Their schedules are read and written.
    AndWriting,
}

/// What became of the entities of a notice.
struct Processed {
    outcomes: Vec<Outcome>,
    /// A schedule changes, or may.
    changes: bool,
    /// The stories of the deployments that were pending.
    stories: Stories,
}

/// The stories of deployments, by service.
pub(crate) type Stories = BTreeMap<ServiceRef, Story>;

/// What became of one service: the outcomes of its entities with their places in the event.
struct Done {
    outcomes: Vec<(usize, Outcome)>,
    changes: bool,
    story: Option<Story>,
}

impl Ingest {
    /// Handles an event of AWS Health, and answers with an outcome for each of its entities.
    ///
    /// # Errors
    /// The event is no usable notice, or as for [`take`](Self::take).
    pub async fn handle(&self, event: &Value, invocation: &Invocation) -> Result<Report, Failure> {
        let notice = health::read(event, invocation.now())?;
        let report = Box::pin(self.take(&notice, invocation)).await?; // the types of the SDK's futures are large
        if notice.observed {
            let answered = Box::pin(self.answer_drill(&report, invocation.now())).await;
            answered.map_err(Failure::call(&notice.event_arn))?;
        }
        Ok(report)
    }

    /// Leaves the answer to a drill where operate reads it.
    async fn answer_drill(&self, report: &Report, now: DateTime<Utc>) -> Result<(), CallFailed> {
        let reasons = report.outcomes.iter().map(|outcome| outcome.reason.as_str());
        let reason = reasons.collect::<Vec<_>>().join("; ");
        let input = DrillInput { event_arn: report.event_arn.clone(), answered_at: now, reason };
        self.scheduler.create(&Spec::drill(input, now), now).await.map(drop)
    }

    /// Handles a notice, whatever its source.
    ///
    /// # Errors
    /// The notice names nothing to act on, or, after everything else was done, something could not be done.
    async fn take(&self, notice: &Notice, invocation: &Invocation) -> Result<Report, Failure> {
        if let Some(reason) = notice.not_ours(&self.notifier.reader.place) {
            return Ok(self.not_ours(notice, &reason, invocation.now()));
        }
        // A closed notice may name nothing: it is closed for every service that is known from before.
        if !notice.closed {
            notice.require_entities()?;
        }
        let (wait_period, read) = tokio::join!(biased; self.wait_period(notice), self.read(notice));
        let report = self.take_page(notice, wait_period, read?, invocation).await?;
        if !notice.closed || !notice.entities.is_empty() {
            return Ok(report);
        }
        Box::pin(self.close_other_pages(notice, wait_period, report, invocation)).await
    }

    /// Closes the other pages of a closed notice that names nothing: its event may have fewer pages than the notice had.
    async fn close_other_pages(
        &self,
        notice: &Notice,
        wait_period: Option<TimeDelta>,
        mut report: Report,
        invocation: &Invocation,
    ) -> Result<Report, Failure> {
        for page in (0..).filter(|page| *page != notice.page) {
            let other = Notice { page, ..notice.clone() };
            let read = self.read(&other).await?;
            if read.page.is_known() {
                let closed = self.take_page(&other, wait_period, read, invocation).await?;
                let outcomes = report.outcomes.into_iter().chain(closed.outcomes).collect();
                report = Report::new(&notice.event_arn, report.starts_at, outcomes);
            } else if page >= LOOKED_FOR {
                break;
            }
        }
        Ok(report)
    }

    /// Reads everything that a page of a notice needs and that no lock protects.
    async fn read(&self, notice: &Notice) -> Result<Read, Failure> {
        let zone = self.policy.zone;
        let named = async {
            let resolved = resolve(&self.ecs, notice).await;
            let mut services = read_services(&self.ecs, named(&resolved), zone).await;
            if notice.observed {
                services.tags.values_mut().for_each(|tags| tags.mode = Some(Mode::Observe));
            }
            (resolved, services)
        };
        let page = async {
            let page = self.scheduler.page(&notice.event_arn, notice.page).await?;
            let listed = self.listed(&page).await;
            Ok((page, listed))
        };
        let ((resolved, mut services), page) = tokio::join!(biased; named, page);
        let (page, listed) = page.map_err(Failure::call(&notice.event_arn))?;
        if notice.closed {
            let unread: Vec<_> = page.open().filter(|service| !services.tags.contains_key(service)).collect();
            services.extend(read_services(&self.ecs, unread, zone).await);
        }
        Ok(Read { resolved, services, page, listed })
    }

    /// Handles one page of a notice.
    async fn take_page(
        &self,
        notice: &Notice,
        wait_period: Option<TimeDelta>,
        read: Read,
        invocation: &Invocation,
    ) -> Result<Report, Failure> {
        let Read { resolved, services, page, listed } = read;
        let may_write = !notice.observed && self.may_write_any(&services.tags);
        let work = Work { notice, wait_period, resolved, services, invocation };
        // A repeat changes nothing, so it takes no lock.
        if (page.is_known() || !may_write)
            && let Some(report) = self.without_writing(&work, page, listed, may_write).await?
        {
            return Ok(report);
        }
        // Another event of the page may be handled at this moment: each is handled with what the other has left.
        let name = ScheduleName::of_page(&notice.event_arn, notice.page);
        let done = self.scheduler.locked(&name, invocation, async |_| self.with_writing(&work).await).await;
        done.map_err(Failure::call(&notice.event_arn))?
    }

    /// Handles a notice as far as that needs no writing. `None` if something must be written.
    async fn without_writing(
        &self,
        work: &Work<'_>,
        page: Page,
        listed: Vec<Listed>,
        may_write: bool,
    ) -> Result<Option<Report>, Failure> {
        let Work { notice, wait_period, services, invocation, .. } = work;
        let kept = page.merged(notice, *wait_period);
        let basis = || services.basis(&self.policy);
        let untouched = page.untouched(&kept, basis, listed, invocation.now());
        let Processed { outcomes, changes, stories } =
            self.process(work, &kept, &page, Reading::Only(untouched)).await;
        let report = Report::new(&notice.event_arn, kept.starts_at, outcomes);
        let repeat =
            !changes && News::of(notice, &kept, &report, &page).is_repeat(notice, &kept, &report, &page);
        if may_write && !repeat {
            return Ok(None);
        }
        for outcome in &report.outcomes {
            log(&notice.event_arn, outcome);
        }
        self.conclude(work, &kept, (report, &stories), page, None).await.map(Some)
    }

    /// Handles a notice, under the lock of its page.
    async fn with_writing(&self, work: &Work<'_>) -> Result<Report, Failure> {
        let Work { notice, wait_period, .. } = work;
        let page = self.scheduler.page(&notice.event_arn, notice.page);
        let (page, stop) = tokio::join!(biased; page, self.notifier.stop());
        let mut page = page.map_err(Failure::call(&notice.event_arn))?;
        let kept = page.merged(notice, *wait_period);
        if notice.closes_anything() {
            let Processed { outcomes, .. } =
                self.process(work, &kept, &page, Reading::Only(BTreeSet::new())).await;
            page = self
                .owe_ahead(notice, &kept, &outcomes, page, work.invocation)
                .await
                .map_err(Failure::call(&notice.event_arn))?;
        }
        let Processed { outcomes, stories, .. } = self.process(work, &kept, &page, Reading::AndWriting).await;
        let report = Report::new(&notice.event_arn, kept.starts_at, outcomes);
        self.conclude(work, &kept, (report, &stories), page, Some(Writing { stop })).await
    }

    /// Announces a report. It fails if an outcome has failed or nobody could be notified.
    async fn conclude(
        &self,
        work: &Work<'_>,
        kept: &NoticeRef,
        (report, stories): (Report, &Stories),
        page: Page,
        writing: Option<Writing>,
    ) -> Result<Report, Failure> {
        let Work { notice, .. } = work;
        let announced = self.announce(work, kept, (&report, stories), page, writing).await;
        Failure::of(&report).map_or(Ok(()), Err)?;
        announced.map_err(Failure::call(&notice.event_arn))?;
        Ok(report)
    }

    /// The report on a notice about another account or Region.
    fn not_ours(&self, notice: &Notice, reason: &str, now: DateTime<Utc>) -> Report {
        let skipped = |affected: &Affected| Outcome::skipped(&affected.text, Cause::NotOurs, reason);
        let outcomes: Vec<Outcome> = notice.entities.iter().map(skipped).collect();
        for outcome in &outcomes {
            log(&notice.event_arn, outcome);
        }
        let report = Report::new(&notice.event_arn, notice.starts_at, outcomes);
        self.notifier.count(&plan::samples(&report, true), now);
        report
    }

    /// Settles each service once, and answers in the event's order. Logs only if it writes.
    async fn process(&self, work: &Work<'_>, kept: &NoticeRef, page: &Page, reading: Reading) -> Processed {
        let Work { notice, invocation, .. } = work;
        let (write, untouched) = match reading {
            Reading::Only(untouched) => (false, untouched),
            Reading::AndWriting => (true, BTreeSet::new()),
        };
        let log = |outcome: &Outcome| {
            if write {
                log(&notice.event_arn, outcome);
            }
        };
        let Grouped { mut outcomes, services } = group(notice, &work.resolved, page);
        for (_, outcome) in &outcomes {
            log(outcome);
        }
        let settling = Settling {
            notice: kept,
            known: &page.services,
            services: &work.services,
            together: services.len(),
            calendars: Mutex::new(self.policy.calendars.clone()),
            invocation,
            now: invocation.now(),
            write,
            untouched,
        };
        let settled = &settling;
        let mut tasks = stream::iter(services)
            .map(|(service, named)| async move {
                let done = self.outcomes_of(notice, &service, &named, settled).await;
                (service, done)
            })
            .buffer_unordered(CONCURRENCY);
        let (mut changes, mut stories) = (false, Stories::new());
        while let Some((service, done)) = tasks.next().await {
            for (_, outcome) in &done.outcomes {
                log(outcome);
            }
            outcomes.extend(done.outcomes);
            changes |= done.changes;
            stories.extend(done.story.map(|story| (service, story)));
        }
        drop(tasks);
        outcomes.sort_by_key(|(place, _)| *place);
        let mut outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        self.warn_of_order(&mut outcomes, &settling).await;
        page.repeat_what_is_owed(&mut outcomes);
        Processed { outcomes, changes, stories }
    }

    /// Settles one service, and gives each of its entities an outcome. Says whether anything changes, or may.
    async fn outcomes_of(
        &self,
        notice: &Notice,
        service: &ServiceRef,
        named: &Named<'_>,
        settling: &Settling<'_>,
    ) -> Done {
        let settled = self.settle(service, named.closed(notice), settling).await;
        let changes = settled.as_ref().map_or(true, Settled::changes);
        let story = settled.as_ref().ok().and_then(Settled::story);
        let outcome = |entity: &str| {
            let outcome = match &settled {
                Ok(settled) => settled.outcome(entity),
                Err(error) => Outcome::of(entity, OutcomeKind::Failed, error.to_string()),
            };
            outcome.for_service(service)
        };
        if named.entities.is_empty() {
            // Known from before, and not named by this event: its outcome comes last.
            let text = format!("{}|{}", service.cluster(), service.service());
            return Done { outcomes: vec![(usize::MAX, outcome(&text))], changes, story };
        }
        let first = named.entities.first().map(|(_, affected)| affected.text.as_str()).unwrap_or_default();
        let numbered = named.entities.iter().zip(0_usize..);
        let outcomes = numbered.map(|((place, affected), nth)| {
            let outcome = outcome(&affected.text);
            (*place, if nth == 0 { outcome } else { repeated(outcome, first) })
        });
        Done { outcomes: outcomes.collect(), changes, story }
    }

    /// Whether something may be written about the notice itself.
    fn may_write_any(&self, tags: &BTreeMap<ServiceRef, Tags>) -> bool {
        if tags.is_empty() {
            return self.policy.mode.acts();
        }
        tags.values().any(|tags| tags.may_write(&self.policy))
    }

    /// The account's wait period, if the notice needs it. Without it the cut-off is later than necessary, which costs
    /// a needless deployment at most: no reason to fail.
    async fn wait_period(&self, notice: &Notice) -> Option<TimeDelta> {
        if !notice.needs_wait_period() {
            return None;
        }
        let wait = self.ecs.retirement_wait().await;
        if !matches!(wait, Ok(Some(_))) {
            let error = wait.as_ref().err().map(ToString::to_string);
            warn!(error, "fargateTaskRetirementWaitPeriod is unknown: the event's time is the cut-off");
        }
        wait.ok().flatten()
    }
}

/// One line for each outcome, as soon as it is known: the record of what was done and why.
fn log(event_arn: &str, outcome: &Outcome) {
    let Outcome { entity, cluster, service, outcome: kind, reason, slot, schedule, warnings, .. } = outcome;
    let warnings = (!warnings.is_empty()).then(|| warnings.join("; "));
    let (word, slot) = (kind.word(), slot.map(|slot| slot.to_rfc3339()));
    macro_rules! line {
        ($level:ident) => {
            $level!(event_arn, entity, cluster, service, outcome = word, reason, slot, schedule, warnings,)
        };
    }
    if *kind == OutcomeKind::Failed { line!(error) } else { line!(info) }
}
