//! One notice, from the event to the report. A service that fails never stops the others.

use std::collections::BTreeMap;

use aws::Failure;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use lambda_runtime::tracing::{error, info, warn};
use rules::{
    arn::ServiceRef,
    notice::{Affected, Notice, NoticeRef, health},
    notify::plan,
    outcome::{Cause, Outcome, OutcomeKind, Report},
    policy::Mode,
};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    function::{CONCURRENCY, Ingest},
    page::Page,
    resolve::{Resolved, resolve},
    settle::Settling,
    tags::{Services, read_services},
};

/// What became of the entities of a notice.
struct Processed {
    outcomes: Vec<Outcome>,
    /// Something may be written about the notice: not all of its services are only observed.
    may_write: bool,
}

/// The entities of one service, each with its place in the event.
#[derive(Default)]
struct Named<'a> {
    entities: Vec<(usize, &'a Affected)>,
}

impl Named<'_> {
    /// Why AWS no longer includes the service, if so. One entity that still needs patching keeps the notice alive.
    fn closed(&self, notice: &Notice) -> Option<&'static str> {
        if notice.closed {
            return Some("AWS Health closed the notice");
        }
        let resolved = self.entities.iter().all(|(_, affected)| affected.resolved);
        resolved.then_some("AWS Health reports the service as resolved")
    }
}

impl Ingest {
    /// Handles an event of AWS Health, and answers with an outcome for each of its entities.
    ///
    /// # Errors
    /// The event is no usable notice, or as for [`take`](Self::take).
    pub async fn handle(&self, event: &Value, now: DateTime<Utc>) -> Result<Report, Failure> {
        let notice = health::read(event, now)?;
        self.take(&notice, now).await
    }

    /// Handles a notice, whatever its source.
    ///
    /// # Errors
    /// The notice names nothing to act on, or, after everything else was done, something could not be done.
    async fn take(&self, notice: &Notice, now: DateTime<Utc>) -> Result<Report, Failure> {
        if let Some(reason) = notice.not_ours(&self.notifier.reader.place) {
            return Ok(self.not_ours(notice, &reason, now));
        }
        // A closed notice may name nothing: it is closed for every service that is known from before.
        if !notice.closed {
            notice.require_entities()?;
        }
        let page = self.page(notice).await.map_err(Failure::call(&notice.event_arn))?;
        let kept = page.merged(notice, notice.to_ref(self.wait_period(notice).await));
        let Processed { outcomes, may_write } = self.process(notice, &kept, &page, now).await;
        let report = Report::new(&notice.event_arn, notice.starts_at, outcomes);
        let announced = self.announce(notice, &kept, &report, page, may_write, now).await;
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

    /// Traces every entity to its service, settles each service once, and answers in the event's order.
    async fn process(&self, notice: &Notice, kept: &NoticeRef, page: &Page, now: DateTime<Utc>) -> Processed {
        let mut outcomes: Vec<(usize, Outcome)> = Vec::with_capacity(notice.entities.len());
        let mut services: BTreeMap<ServiceRef, Named<'_>> = BTreeMap::new();
        let resolved = resolve(&self.ecs, notice).await;
        for (place, (affected, resolved)) in notice.entities.iter().zip(resolved).enumerate() {
            match resolved {
                Resolved::Done(done) => outcomes.push((place, logged(notice, done))),
                Resolved::Service(service) => match page.superseded(&service, notice) {
                    Some(reason) => {
                        let outcome = Outcome::of(&affected.text, OutcomeKind::Unchanged, reason);
                        outcomes.push((place, logged(notice, outcome.for_service(&service))));
                    }
                    None => services.entry(service).or_default().entities.push((place, affected)),
                },
            }
        }

        if notice.closed && page.newer_than(notice).is_none() {
            for service in page.open() {
                services.entry(service.clone()).or_default();
            }
        }

        let Services { tags, unknown } = read_services(&self.ecs, services.keys(), self.policy.zone).await;
        let settling = Settling {
            notice: kept,
            known: &page.services,
            tags,
            unknown,
            calendars: Mutex::new(self.policy.calendars.clone()),
            now,
        };
        let settled = &settling;
        let mut work = stream::iter(services)
            .map(|(service, named)| async move { self.outcomes_of(notice, &service, &named, settled).await })
            .buffer_unordered(CONCURRENCY);
        while let Some(done) = work.next().await {
            outcomes.extend(done.into_iter().map(|(place, outcome)| (place, logged(notice, outcome))));
        }
        drop(work);
        outcomes.sort_by_key(|(place, _)| *place);
        let mut outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        self.warn_of_order(&mut outcomes, &settling).await;
        Processed { outcomes, may_write: self.may_write_any(&settling) }
    }

    /// Settles one service, and gives each of its entities an outcome.
    async fn outcomes_of(
        &self,
        notice: &Notice,
        service: &ServiceRef,
        named: &Named<'_>,
        settling: &Settling<'_>,
    ) -> Vec<(usize, Outcome)> {
        let settled = self.settle(service, named.closed(notice), settling).await;
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
            return vec![(usize::MAX, outcome(&text))];
        }
        let first = named.entities.first().map(|(_, affected)| affected.text.as_str()).unwrap_or_default();
        let numbered = named.entities.iter().zip(0_usize..);
        numbered
            .map(|((place, affected), nth)| {
                let outcome = outcome(&affected.text);
                (*place, if nth == 0 { outcome } else { repeated(outcome, first) })
            })
            .collect()
    }

    /// Whether something may be written about the notice itself.
    fn may_write_any(&self, settling: &Settling<'_>) -> bool {
        if settling.tags.is_empty() {
            return self.policy.mode == Mode::Deploy;
        }
        settling.tags.values().any(|tags| tags.may_write(&self.policy))
    }

    /// The account's wait period, if the notice needs it. Without it the cut-off is later than necessary, which costs
    /// a needless deployment at most: no reason to fail.
    async fn wait_period(&self, notice: &Notice) -> Option<TimeDelta> {
        if notice.stated_cutoff.is_some() || notice.starts_at.is_none() {
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

/// The outcome for a further entity of a service: what was done is reported with the first, and counted once.
fn repeated(outcome: Outcome, first: &str) -> Outcome {
    match outcome.outcome {
        OutcomeKind::Scheduled | OutcomeKind::Rescheduled | OutcomeKind::Cancelled => Outcome {
            outcome: OutcomeKind::Unchanged,
            reason: format!("belongs to the same service as {first}; see the outcome there"),
            ..outcome
        },
        _ => outcome,
    }
}

fn logged(notice: &Notice, outcome: Outcome) -> Outcome {
    log(&notice.event_arn, &outcome);
    outcome
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
