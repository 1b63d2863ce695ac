//! Order between services (tag `ecs-task-patching:after`): reads what is planned for the services that come first, and
//! warns of services whose plan does not give the order.

use std::{collections::BTreeMap, time::Duration};

use aws::CallFailed;
use futures_util::{StreamExt as _, stream};
use rules::{
    arn::ServiceRef,
    deploy::blockers::order as blocker,
    outcome::Outcome,
    plan::order::{Order, Planned},
    schedule::name::ScheduleName,
};
use tracing::warn;

use crate::{
    function::{CONCURRENCY, Ingest},
    settle::Settling,
};

/// For how long services that come first are looked up.
const PATIENCE: Duration = Duration::from_mins(1);

impl Ingest {
    /// Warns of services that come after another one, and whose plan does not give that.
    pub(crate) async fn warn_of_order(&self, outcomes: &mut [Outcome], settling: &Settling<'_>) {
        let tags = settling.services.tags.iter();
        let after = tags.filter_map(|(service, tags)| Some((service.clone(), tags.after.clone()?)));
        let order = Order::new(after.collect(), outcomes);
        let elsewhere = self.planned_elsewhere(&order, settling).await;
        for outcome in outcomes {
            if let Some(warning) = order.warning(outcome, &elsewhere) {
                let service = outcome.service_ref().map(|service| service.to_string());
                warn!(event_arn = settling.notice.event_arn, service, warning);
                outcome.warnings.push(warning);
            }
        }
    }

    /// What is planned for the services that come first and that this event does not plan. A warning is no reason to
    /// lose the time in which the owner is notified.
    async fn planned_elsewhere(
        &self,
        order: &Order,
        settling: &Settling<'_>,
    ) -> BTreeMap<ServiceRef, Planned> {
        let found = stream::iter(order.elsewhere())
            .map(|other| async move {
                let planned = self.planned(other, settling).await;
                (other.clone(), planned.unwrap_or_else(|error| Planned::Unreadable(error.to_string())))
            })
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
