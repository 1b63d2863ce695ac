//! Order between services (tag `ecs-task-patching:after`): warns of services whose plan does not give it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws::CallFailed;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use lambda_runtime::tracing::warn;
use rules::{
    arn::ServiceRef,
    deploy::blockers::order as blocker,
    outcome::{Cause, Outcome},
    plan::order,
    schedule::name::ScheduleName,
};

use crate::{
    function::{CONCURRENCY, Ingest},
    settle::Settling,
};

/// For how long services that come first are looked up.
const PATIENCE: Duration = Duration::from_mins(1);

/// When a service that comes first is redeployed.
enum Planned {
    /// At this time.
    At(DateTime<Utc>),
    /// Not at all, though it is not patched.
    Nothing,
    /// It need not be: it is patched, or does not exist, of which to warn.
    NotNeeded(Option<String>),
}

impl Ingest {
    /// Warns of services that come after another one, and whose plan does not give that.
    pub(crate) async fn warn_of_order(&self, outcomes: &mut [Outcome], settling: &Settling<'_>) {
        let after = settling
            .services
            .tags
            .iter()
            .filter_map(|(service, tags)| Some((service.clone(), tags.after.clone()?)));
        let after: BTreeMap<ServiceRef, ServiceRef> = after.collect();
        if after.is_empty() {
            return;
        }
        let slot = |outcome: &Outcome| Some((outcome.service_ref()?, outcome.slot?));
        let would: BTreeMap<ServiceRef, DateTime<Utc>> = outcomes.iter().filter_map(slot).collect();
        let planned = outcomes.iter().filter(|outcome| outcome.cause != Some(Cause::Observed));
        let will: BTreeMap<ServiceRef, DateTime<Utc>> = planned.filter_map(slot).collect();
        let elsewhere = self.planned_elsewhere(&after, &will, settling).await;
        for outcome in outcomes {
            let Some((service, slot)) = outcome.service_ref().zip(outcome.slot) else { continue };
            let Some(other) = after.get(&service) else { continue };
            // Of two that are only observed, one would come after the other.
            let observed = outcome.cause == Some(Cause::Observed);
            let known = if observed { would.get(other) } else { will.get(other) };
            let warning = match (known, elsewhere.get(other)) {
                _ if order::in_a_circle(&service, &after) => Some(order::circle(other)),
                (Some(at), _) | (None, Some(Ok(Planned::At(at)))) => order::warning(slot, other, Some(*at)),
                (None, Some(Ok(Planned::Nothing))) => order::warning(slot, other, None),
                (None, Some(Ok(Planned::NotNeeded(missing)))) => missing.clone(),
                (None, Some(Err(error))) => Some(unreadable(other, &error.to_string())),
                (None, None) => Some(unreadable(other, "AWS did not answer in time")),
            };
            if let Some(warning) = warning {
                warn!(event_arn = settling.notice.event_arn, %service, warning);
                outcome.warnings.push(warning);
            }
        }
    }

    /// When the services that come first are redeployed, as far as this event does not plan them. A warning is no
    /// reason to lose the time in which the owner is notified.
    async fn planned_elsewhere(
        &self,
        after: &BTreeMap<ServiceRef, ServiceRef>,
        will: &BTreeMap<ServiceRef, DateTime<Utc>>,
        settling: &Settling<'_>,
    ) -> BTreeMap<ServiceRef, Result<Planned, CallFailed>> {
        let others: BTreeSet<&ServiceRef> =
            after.values().filter(|other| !will.contains_key(other)).collect();
        let found = stream::iter(others)
            .map(|other| async move { (other.clone(), self.planned(other, settling).await) })
            .buffer_unordered(CONCURRENCY)
            .collect();
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_default()
    }

    async fn planned(&self, other: &ServiceRef, settling: &Settling<'_>) -> Result<Planned, CallFailed> {
        let name = ScheduleName::of_deployment(&self.notifier.reader.place, other);
        let found = self.scheduler.get(&name).await?;
        if let Some(at) = found.filter(|found| found.existing.enabled).and_then(|found| found.existing.at) {
            return Ok(Planned::At(at));
        }
        let state = self.ecs.state(other).await?;
        let unpatched = blocker::wait(other, state.as_ref(), settling.notice.cutoff).is_some();
        let missing = blocker::missing(other, state.as_ref());
        Ok(if unpatched { Planned::Nothing } else { Planned::NotNeeded(missing) })
    }
}

fn unreadable(other: &ServiceRef, why: &str) -> String {
    format!("waits for {other} (tag ecs-task-patching:after), which is unreadable: {why}")
}
