//! One notice: traced, planned, written, reported. A service that fails never stops the others.

use std::{collections::BTreeMap, time::Duration};

use aws::{
    CallFailed,
    ecs::Ecs,
    scheduler::{Found, Scheduler, Written},
};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use lambda_runtime::tracing::{error, info, warn};
use serde_json::Value;
use shared::{
    entity::ServiceRef,
    notice::{Notice, NoticeRef},
    outcome::{Outcome, OutcomeKind, Report},
    policy::Policy,
    reconcile::{self, Change, Verdict},
    schedule,
};

use crate::{
    error::Failure,
    resolve::{Resolved, resolve},
};

/// How many schedules are written at once. Small Regions allow 250 writes a second.
const CONCURRENCY: usize = 16;
/// How often a schedule that others change at the same time is read again.
const READS: u32 = 5;
/// How long the first read waits for what others are changing; each further one waits twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// What every invocation uses.
pub(crate) struct Ingest {
    pub(crate) scheduler: Scheduler,
    pub(crate) ecs: Ecs,
    pub(crate) policy: Policy,
    pub(crate) region: String,
}

/// The entities of one service, by their place in the event.
struct Group {
    places: Vec<usize>,
    /// Why the notice no longer concerns the service, if so.
    cancelled: Option<&'static str>,
}

impl Ingest {
    /// Handles one event, and answers with an outcome for each of its entities.
    pub(crate) async fn handle(&self, event: &Value, now: DateTime<Utc>) -> Result<Report, Failure> {
        let notice = Notice::read(event, now)?;
        let outcomes = match notice.not_ours(&self.region) {
            Some(reason) => notice
                .entities
                .iter()
                .map(|affected| Outcome::of(&affected.text, OutcomeKind::Skipped, &reason))
                .collect(),
            None => self.process(&notice, now).await?,
        };
        let report = Report::new(&notice, outcomes);
        log(&report);
        Failure::of(&report).map_or(Ok(report), Err)
    }

    async fn process(&self, notice: &Notice, now: DateTime<Utc>) -> Result<Vec<Outcome>, Failure> {
        notice.require_entities()?;
        let kept = notice.as_ref(self.wait_for(notice).await);
        let mut outcomes: Vec<Option<Outcome>> = notice.entities.iter().map(|_| None).collect();
        let mut groups: BTreeMap<ServiceRef, Group> = BTreeMap::new();
        let entities = notice.entities.iter().zip(resolve(&self.ecs, notice).await);
        for ((place, (affected, resolved)), outcome) in entities.enumerate().zip(&mut outcomes) {
            match resolved {
                Resolved::Done(done) => *outcome = Some(done),
                Resolved::Service(service) => {
                    let group =
                        groups.entry(service).or_insert(Group { places: Vec::new(), cancelled: None });
                    let cancelled = if notice.closed {
                        Some("AWS Health closed the notice")
                    } else {
                        affected.resolved.then_some("AWS Health says that it is resolved")
                    };
                    // One entity of a service that still needs patching keeps the notice alive.
                    group.cancelled =
                        if group.places.is_empty() { cancelled } else { group.cancelled.and(cancelled) };
                    group.places.push(place);
                }
            }
        }

        let mut work = stream::iter(groups)
            .map(|(service, group)| {
                let kept = &kept;
                async move {
                    let name = schedule::name(&notice.account, &notice.region, &service);
                    let verdict = self.settle(&service, &name, kept, group.cancelled, now).await;
                    (service, name, group.places, verdict)
                }
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((service, name, places, verdict)) = work.next().await {
            let first =
                places.first().and_then(|place| notice.entities.get(*place)).map(|affected| &affected.text);
            for (nth, place) in places.iter().enumerate() {
                let (Some(affected), Some(outcome)) = (notice.entities.get(*place), outcomes.get_mut(*place))
                else {
                    continue; // places are those of the same lists
                };
                let mut told = outcome_of(&affected.text, &service, &name, &verdict);
                if let (1.., Some(first)) = (nth, first) {
                    told = repeated(told, first);
                }
                *outcome = Some(told);
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// The account's wait period, if the notice needs it. Without it the cut-off is later than need be,
    /// which costs a needless deployment at most: no reason to fail.
    async fn wait_for(&self, notice: &Notice) -> Option<chrono::TimeDelta> {
        if notice.stated_cutoff.is_some() || notice.starts_at.is_none() {
            return None;
        }
        let wait = self.ecs.retirement_wait().await;
        if !matches!(wait, Ok(Some(_))) {
            let error = wait.as_ref().err().map(ToString::to_string);
            warn!(
                error,
                "the account's fargateTaskRetirementWaitPeriod is unknown: the cut-off is the event's time"
            );
        }
        wait.ok().flatten()
    }

    /// Lets the notice take effect on the schedule of one service. Where somebody else was faster, what they
    /// left is read, and decides anew.
    async fn settle(
        &self,
        service: &ServiceRef,
        name: &str,
        notice: &NoticeRef,
        cancelled: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Verdict, CallFailed> {
        // Most services have no schedule yet: to create one without a look saves half of the calls.
        let mut found: Option<Found> = None;
        let mut looked = false;
        for nth in 0..=READS {
            let existing = found.as_ref().map(|found| &found.existing);
            let verdict = match cancelled {
                Some(why) => reconcile::cancel(service, existing, &notice.event_arn, why),
                None => reconcile::apply(service, existing, notice, &self.policy, now),
            };
            let written = match (&verdict.change, &found) {
                (Change::Keep, _) if looked => Written::Done,
                (Change::Create(schedule), _) => self.scheduler.create(name, schedule).await?,
                (Change::Replace(schedule), _) => self.scheduler.replace(name, schedule).await?,
                (Change::Update(input), Some(found)) => {
                    self.scheduler.update_input(name, found, input).await?
                }
                (Change::Delete, _) => self.scheduler.delete(name).await?,
                (Change::Keep | Change::Update(_), _) => Written::Lost,
            };
            if written == Written::Done {
                return Ok(verdict);
            }
            if looked {
                tokio::time::sleep(PAUSE * 2_u32.pow(nth)).await;
            }
            found = self.scheduler.get(name).await?;
            looked = true;
        }
        Err(CallFailed::unexpected(
            "UpdateSchedule",
            format!("others changed {name} {READS} times in between"),
        ))
    }
}

/// The outcome for one entity of a service.
fn outcome_of(
    text: &str,
    service: &ServiceRef,
    name: &str,
    verdict: &Result<Verdict, CallFailed>,
) -> Outcome {
    let outcome = match verdict {
        Ok(verdict) => {
            // Where something is pending, people need its name to look at it.
            let pending =
                !matches!(verdict.outcome, OutcomeKind::Skipped) && !matches!(verdict.change, Change::Delete);
            Outcome {
                slot: verdict.slot,
                schedule: pending.then(|| name.to_owned()),
                ..Outcome::of(text, verdict.outcome, &verdict.reason)
            }
        }
        Err(error) => Outcome::of(text, OutcomeKind::Failed, error.to_string()),
    };
    outcome.for_service(service)
}

/// The outcome for a further entity of a service: what was done is told with the first, and counted once.
fn repeated(outcome: Outcome, first: &str) -> Outcome {
    match outcome.outcome {
        OutcomeKind::Scheduled | OutcomeKind::Rescheduled | OutcomeKind::Cancelled => Outcome {
            outcome: OutcomeKind::Unchanged,
            reason: format!("of the same service as {first}: see there"),
            ..outcome
        },
        _ => outcome,
    }
}

/// One line for each outcome: the record of what the product did and why.
fn log(report: &Report) {
    for outcome in &report.outcomes {
        let Outcome { entity, cluster, service, outcome: kind, reason, slot, schedule } = outcome;
        let kind = serde_json::json!(kind);
        let (kind, slot) = (kind.as_str().unwrap_or_default(), slot.map(|slot| slot.to_rfc3339()));
        let event_arn = &report.event_arn;
        if outcome.outcome == OutcomeKind::Failed {
            error!(
                event_arn,
                entity,
                cluster,
                service,
                outcome = kind,
                reason,
                slot,
                schedule,
                "{entity}: {kind}: {reason}"
            );
        } else {
            info!(
                event_arn,
                entity,
                cluster,
                service,
                outcome = kind,
                reason,
                slot,
                schedule,
                "{entity}: {kind}: {reason}"
            );
        }
    }
}

#[cfg(test)]
mod tests;
