//! The deadline check: every service of a notice, shortly before its deadline.

use std::collections::BTreeSet;

use aws::{CallFailed, Failure, Invocation, scheduler::Found};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use rules::{
    arn::ServiceRef,
    notice::NoticeRef,
    notify::verification,
    policy::tags::Tags,
    schedule::{
        Spec,
        delivery::{self, Delivery},
        name::ScheduleName,
        wake::{DeadlineInput, Wake},
    },
    service::{Controller, ServiceState, TaskSet, command},
    verify::deadline_check::{Standing, Unpatched, next_check, standing},
};
use serde::Serialize;
use tracing::{info, warn};

use crate::{function::Verify, heartbeat::REPLACEMENT};

/// How many services are checked at once. ECS answers some twenty calls a second.
const CONCURRENCY: usize = 8;

/// Verify's answer to a deadline check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadlineCheck {
    /// The notice.
    pub event_arn: String,
    /// How many services need no patch, or no longer do.
    pub settled: usize,
    /// How many may still be patched in time.
    #[serde(rename = "in_hand")]
    pub in_progress: usize,
    /// Those that are not patched, with the reason.
    pub unpatched: Vec<String>,
    /// When those in progress are checked again.
    #[serde(rename = "watch_at", skip_serializing_if = "Option::is_none")]
    pub again_at: Option<DateTime<Utc>>,
}

impl DeadlineCheck {
    /// Nothing was checked.
    fn of_nothing(event_arn: String, again_at: Option<DateTime<Utc>>) -> Self {
        Self { event_arn, settled: 0, in_progress: 0, unpatched: Vec::new(), again_at }
    }
}

/// The services of a notice, by how they stand.
#[derive(Default)]
struct Sorted {
    settled: usize,
    in_progress: Vec<ServiceRef>,
    unpatched: Vec<Unpatched>,
}

impl Verify {
    /// Checks every service, notifies of those that are not patched, and schedules the next check, or leaves a memory
    /// after the last.
    pub(crate) async fn deadline_check(
        &self,
        input: DeadlineInput,
        invocation: &Invocation,
    ) -> Result<DeadlineCheck, Failure> {
        let event_arn = input.notice.event_arn.clone();
        let lock = ScheduleName::of_page(&event_arn, input.page);
        let work =
            async |unfinished: bool| Box::pin(self.deadline_delivered(input, unfinished, invocation)).await;
        let done = self.scheduler.locked(&lock, invocation, work).await;
        done.flatten().map_err(Failure::call(&event_arn))
    }

    /// Handles an input as far as its schedule still asks for it.
    async fn deadline_delivered(
        &self,
        input: DeadlineInput,
        unfinished: bool,
        invocation: &Invocation,
    ) -> Result<DeadlineCheck, CallFailed> {
        let name = ScheduleName::of_deadline_check(&input.notice.event_arn, input.page, input.part);
        let found = self.scheduler.get(&name).await?;
        let held = found.as_ref().and_then(|found| match found.wake() {
            Ok(Wake::DeadlineCheck(held)) => Some(held),
            _ => None,
        });
        let existing = found.as_ref().map(|found| &found.existing);
        let schedule = delivery::Now::of(existing, held.as_ref(), unfinished);
        let reason = match delivery::of_verify(&input, input.woken, &schedule, invocation.now()) {
            Delivery::Handle(input) => return self.checked(input, &name, found.as_ref(), invocation).await,
            Delivery::Held => "an operator disabled the schedule of the check".to_owned(),
            Delivery::Repeated(reason) => reason,
        };
        let event_arn = input.notice.event_arn;
        info!(event_arn, "nothing is checked: {reason}");
        Ok(DeadlineCheck::of_nothing(event_arn, found.and_then(|found| found.existing.at)))
    }

    /// Leaves out the services that a page of the notice knows: the page's own check reads them, with its retirement date,
    /// or the page is closed. The replacement may have been made while the page was being written.
    async fn leave_to_pages(&self, input: &mut DeadlineInput) -> Result<(), CallFailed> {
        for (number, page) in self.scheduler.pages(&input.notice.event_arn).await? {
            if number != REPLACEMENT {
                input.services.retain(|service| !page.services.contains_key(service));
            }
        }
        Ok(())
    }

    async fn checked(
        &self,
        mut input: DeadlineInput,
        name: &ScheduleName,
        found: Option<&Found>,
        invocation: &Invocation,
    ) -> Result<DeadlineCheck, CallFailed> {
        let now = invocation.now();
        if input.page == REPLACEMENT {
            self.leave_to_pages(&mut input).await?;
            if input.services.is_empty() {
                self.scheduler.acknowledge(name, found, now).await?;
                return Ok(DeadlineCheck::of_nothing(input.notice.event_arn, None));
            }
        }
        let next = next_check(&input, now);
        let Sorted { settled, in_progress, unpatched } = self.sorted(&input, next.is_some(), now).await;
        if !unpatched.is_empty() {
            self.report(&input, &unpatched, now).await?;
        } else if in_progress.is_empty() && input.unpatched.is_empty() {
            let reader = &self.notifier.reader;
            self.notifier.send(&verification::of_settled_notice(reader, &input.notice, now), now).await?;
        }
        let check = DeadlineCheck {
            event_arn: input.notice.event_arn.clone(),
            settled,
            in_progress: in_progress.len(),
            unpatched: unpatched.iter().map(|found| format!("{}: {}", found.service, found.reason)).collect(),
            again_at: next.filter(|_| !in_progress.is_empty()),
        };
        log(&check);
        // Every service that was ever named stays known, for events that arrive late or again.
        let settled = input.services.iter().filter(|service| !in_progress.contains(service));
        let released = input.released.iter().chain(settled).cloned().collect();
        let mut later = DeadlineInput { services: in_progress, released, woken: Some(0), ..input };
        later.unpatched.extend(unpatched.into_iter().map(|found| found.service));
        let zone = self.policy.windows.zone();
        if let Some(at) = check.again_at {
            self.scheduler.arm(&Spec::deadline_check(at, zone, later), invocation).await?;
        } else {
            self.scheduler.put(&Spec::settled(zone, later, now), invocation).await?;
            self.scheduler.acknowledge(name, found, now).await?;
        }
        Ok(check)
    }

    /// Reads every service. What is in progress, or unreadable, is unpatched once no further check is left.
    async fn sorted(&self, input: &DeadlineInput, checked_again: bool, now: DateTime<Utc>) -> Sorted {
        let mut sorted = Sorted::default();
        for (service, standing, command) in self.standings(&input.services, &input.notice, now).await {
            match standing {
                Standing::Patched(_) | Standing::Settled(_) => sorted.settled += 1,
                Standing::Rolling(_) | Standing::Planned(_) | Standing::Unreadable(_) if checked_again => {
                    sorted.in_progress.push(service);
                }
                Standing::Rolling(reason)
                | Standing::Planned(reason)
                | Standing::Unreadable(reason)
                | Standing::Unpatched(reason) => {
                    sorted.unpatched.push(Unpatched { service, reason, command });
                }
            }
        }
        sorted
    }

    /// How each of these services stands, and the command for its owner, by name.
    pub(crate) async fn standings(
        &self,
        services: &[ServiceRef],
        notice: &NoticeRef,
        now: DateTime<Utc>,
    ) -> Vec<(ServiceRef, Standing, String)> {
        let (states, pending) =
            tokio::join!(biased; Box::pin(self.ecs.states(services)), self.pending(services));
        let mut standings: Vec<(ServiceRef, Standing, String)> = stream::iter(states)
            .map(|(service, state)| async {
                let (standing, command) = self.standing(&service, state, pending.as_ref(), notice, now).await;
                (service, standing, command)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        standings.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        standings
    }

    /// The names of all schedules, if reading them is cheaper than reading the schedule of each service: by then, few
    /// services have one.
    async fn pending(&self, services: &[ServiceRef]) -> Option<BTreeSet<ScheduleName>> {
        const MANY: usize = 10;
        if services.len() < MANY {
            return None;
        }
        self.scheduler.names().await.ok().map(BTreeSet::from_iter)
    }

    /// How a service stands, and the command for its owner.
    async fn standing(
        &self,
        service: &ServiceRef,
        state: Result<Option<ServiceState>, CallFailed>,
        pending: Option<&BTreeSet<ScheduleName>>,
        notice: &NoticeRef,
        now: DateTime<Utc>,
    ) -> (Standing, String) {
        let unreadable =
            |error: CallFailed| Standing::Unreadable(format!("the service is unreadable: {error}"));
        let state = match state {
            Ok(state) => state,
            Err(error) => return (unreadable(error), command::patch(service, None)),
        };
        let standing = match self.rest(service, state.as_ref(), pending).await {
            Ok((pending, rolling)) => {
                let pending = pending.as_ref().map(|found| &found.existing);
                let tags = state.as_ref().map_or(&[][..], |state| &state.tags);
                let mode = Tags::read(service, tags, self.policy.zone).mode(&self.policy);
                standing(mode, state.as_ref(), pending, rolling.as_deref(), notice, now)
            }
            Err(error) => unreadable(error),
        };
        (standing, command::patch(service, state.as_ref()))
    }

    /// A service's schedule, and the CodeDeploy deployment that is in progress, if there are.
    async fn rest(
        &self,
        service: &ServiceRef,
        state: Option<&ServiceState>,
        pending: Option<&BTreeSet<ScheduleName>>,
    ) -> Result<(Option<Found>, Option<String>), CallFailed> {
        let name = ScheduleName::of_deployment(&self.notifier.reader.place, service);
        let pending = match pending {
            Some(pending) if !pending.contains(&name) => None,
            _ => self.scheduler.get(&name).await?,
        };
        let Some(Controller::CodeDeploy(Some(TaskSet { deployment: Some(id), .. }))) =
            state.map(|state| &state.controller).filter(|_| self.policy.code_deploy)
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
        input: &DeadlineInput,
        unpatched: &[Unpatched],
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        for Unpatched { service, reason, .. } in unpatched {
            let (cluster, name) = (service.cluster(), service.service());
            warn!(cluster, service = name, outcome = "needs-attention", reason,);
        }
        let reader = &self.notifier.reader;
        let notification = verification::of_deadline_check(reader, &self.policy, input, unpatched, now);
        self.notifier.send(&notification, now).await
    }
}

fn log(check: &DeadlineCheck) {
    let DeadlineCheck { event_arn, settled, in_progress, unpatched, .. } = check;
    info!(
        event_arn,
        settled,
        in_hand = in_progress,
        unpatched = unpatched.len(),
        "the services of the notice were checked"
    );
}
