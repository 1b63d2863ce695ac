//! The watch over a notice: every service of it, shortly before its deadline.

use aws::{CallFailed, Failure, scheduler::Found};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use lambda_runtime::tracing::{info, warn};
use serde::Serialize;
use shared::{
    bus::{BusEvent, Happened},
    control::Control,
    decide::{Controller, ServiceState, TaskSet, deploy_command},
    entity::ServiceRef,
    metrics::Metric,
    plan::deadline,
    schedule,
    watch::{self, Standing, Unpatched, WatchInput, standing},
};

use crate::Verify;

/// How many services are looked at at once. ECS answers some twenty calls a second.
const CONCURRENCY: usize = 8;

/// Verify's answer to the watch over a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// The notice.
    pub event_arn: String,
    /// How many services need no patch, or no more.
    pub settled: usize,
    /// How many may yet be patched in time.
    pub in_hand: usize,
    /// Those that are not patched, with the reason.
    pub unpatched: Vec<String>,
    /// When those in hand are looked at again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch_at: Option<DateTime<Utc>>,
}

impl Verify {
    pub(crate) async fn watch(&self, input: &WatchInput, now: DateTime<Utc>) -> Result<Watched, Failure> {
        self.watch_over(input, now).await.map_err(Failure::call(&input.notice.event_arn))
    }

    async fn watch_over(&self, input: &WatchInput, now: DateTime<Utc>) -> Result<Watched, CallFailed> {
        let name = watch::name(&input.notice.event_arn, input.page, input.part);
        let event_arn = input.notice.event_arn.clone();
        let pending =
            self.scheduler.get(&name).await?.and_then(|found| found.existing.at).filter(|at| *at > now);
        if pending.is_some() {
            info!(event_arn, "another delivery has looked already, or ingest wants a later look");
            return Ok(Watched {
                event_arn,
                settled: 0,
                in_hand: 0,
                unpatched: Vec::new(),
                watch_at: pending,
            });
        }
        let mut standings: Vec<(ServiceRef, Standing, String)> = stream::iter(input.services.clone())
            .map(|service| async {
                let (standing, command) = self.standing(&service, input, now).await;
                (service, standing, command)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        standings.sort_by(|(one, ..), (other, ..)| one.cmp(other));

        let next = input.next_look(now);
        let (mut settled, mut in_hand, mut unpatched) = (0, Vec::new(), Vec::new());
        for (service, standing, command) in standings {
            match standing {
                Standing::Settled(_) => settled += 1,
                Standing::InHand(_) if next.is_some() => in_hand.push(service),
                Standing::InHand(reason) | Standing::Unpatched(reason) => {
                    unpatched.push(Unpatched { service, reason, command });
                }
            }
        }
        if !unpatched.is_empty() {
            self.report(input, &unpatched, now).await?;
        }
        let watched = Watched {
            event_arn,
            settled,
            in_hand: in_hand.len(),
            unpatched: unpatched.iter().map(|found| format!("{}: {}", found.service, found.reason)).collect(),
            watch_at: next.filter(|_| !in_hand.is_empty()),
        };
        let Watched { event_arn, settled, in_hand: in_hand_count, .. } = &watched;
        info!(
            event_arn,
            settled,
            in_hand = in_hand_count,
            unpatched = unpatched.len(),
            "the notice's services: {settled} settled, {in_hand_count} in hand, {} not patched",
            unpatched.len()
        );
        if let Some(at) = watched.watch_at {
            let later = WatchInput { services: in_hand, ..input.clone() };
            self.scheduler.arm(&later.spec(name, at, self.policy.windows.zone()), now).await?;
        }
        Ok(watched)
    }

    /// How a service stands, and how it is deployed. One that cannot be read is in hand while there is time to
    /// look again.
    async fn standing(
        &self,
        service: &ServiceRef,
        input: &WatchInput,
        now: DateTime<Utc>,
    ) -> (Standing, String) {
        let command = |state: Option<&ServiceState>| {
            deploy_command(service, state.map_or(&Controller::Ecs, |state| &state.controller))
        };
        let unread = |error: CallFailed| Standing::InHand(format!("it could not be read: {error}"));
        let state = match self.ecs.state(service).await {
            Ok(state) => state,
            Err(error) => return (unread(error), command(None)),
        };
        let found = match self.rest(service, state.as_ref()).await {
            Ok((pending, rolling)) => {
                let pending = pending.as_ref().map(|found| &found.existing);
                let tags = state.as_ref().map_or(&[][..], |state| &state.tags);
                let mode = Control::read(service, tags, self.policy.zone).mode(&self.policy);
                standing(mode, state.as_ref(), pending, rolling.as_deref(), &input.notice, now)
            }
            Err(error) => unread(error),
        };
        (found, command(state.as_ref()))
    }

    /// A service's schedule, and the deployment of CodeDeploy that is under way, if there are.
    async fn rest(
        &self,
        service: &ServiceRef,
        state: Option<&ServiceState>,
    ) -> Result<(Option<Found>, Option<String>), CallFailed> {
        let place = &self.notifier.reader.place;
        let pending = self.scheduler.get(&schedule::name(&place.account, &place.region, service)).await?;
        let Some(Controller::CodeDeploy(Some(TaskSet { deployment: Some(id), .. }))) =
            state.map(|state| &state.controller)
        else {
            return Ok((pending, None));
        };
        let running = match self.code_deploy.get(id).await? {
            Some(last) => self.code_deploy.running(&last).await?,
            None => None,
        };
        Ok((pending, running.map(|running| running.id)))
    }

    async fn report(
        &self,
        input: &WatchInput,
        unpatched: &[Unpatched],
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        let reader = &self.notifier.reader;
        let notices = std::slice::from_ref(&input.notice);
        let events: Vec<BusEvent> = unpatched
            .iter()
            .map(|Unpatched { service, reason, .. }| {
                let mut event =
                    BusEvent::of_service(Happened::NeedsAttention, &reader.place, service, notices, reason);
                event.detail.deadline = deadline(&self.policy, notices, now);
                event
            })
            .collect();
        for Unpatched { service, reason, .. } in unpatched {
            let (cluster, name) = (service.cluster(), service.service());
            warn!(
                cluster,
                service = name,
                outcome = "needs-attention",
                reason,
                "{service}: not patched: {reason}"
            );
        }
        self.notifier.count(None, &[(Metric::NeedsAttention, unpatched.len())], now);
        let message = reader.unpatched(&input.notice, unpatched, now);
        self.notifier.tell(&events, Some(&message), now).await
    }
}
