//! The deadline check: every service of a notice, shortly before its deadline.

use aws::{CallFailed, Failure, scheduler::Found};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use lambda_runtime::tracing::{info, warn};
use rules::{
    arn::ServiceRef,
    notify::verification,
    policy::tags::Tags,
    schedule::{Spec, name::ScheduleName, wake::DeadlineInput},
    service::{Controller, ServiceState, TaskSet, command},
    verify::deadline::{Standing, Unpatched, next_check, standing},
};
use serde::Serialize;

use crate::function::Verify;

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

/// The services of a notice, by how they stand.
#[derive(Default)]
struct Sorted {
    settled: usize,
    in_progress: Vec<ServiceRef>,
    unpatched: Vec<Unpatched>,
}

impl Verify {
    /// Checks every service, notifies of those that are not patched, and schedules the next check.
    pub(crate) async fn deadline_check(
        &self,
        input: &DeadlineInput,
        now: DateTime<Utc>,
    ) -> Result<DeadlineCheck, Failure> {
        self.check_services(input, now).await.map_err(Failure::call(&input.notice.event_arn))
    }

    async fn check_services(
        &self,
        input: &DeadlineInput,
        now: DateTime<Utc>,
    ) -> Result<DeadlineCheck, CallFailed> {
        let name = ScheduleName::of_deadline_check(&input.notice.event_arn, input.page, input.part);
        let event_arn = input.notice.event_arn.clone();
        let pending =
            self.scheduler.get(&name).await?.and_then(|found| found.existing.at).filter(|at| *at > now);
        if pending.is_some() {
            info!(event_arn, "another delivery has checked already, or ingest has scheduled a later check");
            let (settled, in_progress, unpatched) = (0, 0, Vec::new());
            return Ok(DeadlineCheck { event_arn, settled, in_progress, unpatched, again_at: pending });
        }
        let next = next_check(input, now);
        let Sorted { settled, in_progress, unpatched } = self.sorted(input, next.is_some(), now).await;
        if !unpatched.is_empty() {
            self.report(input, &unpatched, now).await?;
        }
        let check = DeadlineCheck {
            event_arn,
            settled,
            in_progress: in_progress.len(),
            unpatched: unpatched.iter().map(|found| format!("{}: {}", found.service, found.reason)).collect(),
            again_at: next.filter(|_| !in_progress.is_empty()),
        };
        log(&check);
        if let Some(at) = check.again_at {
            // Every service that was ever named stays known, for events that arrive late or again.
            let settled = input.services.iter().filter(|service| !in_progress.contains(service));
            let released = input.released.iter().chain(settled).cloned().collect();
            let later = DeadlineInput { services: in_progress, released, ..input.clone() };
            self.scheduler.arm(&Spec::deadline_check(at, self.policy.windows.zone(), later), now).await?;
        }
        Ok(check)
    }

    /// Reads every service. What is in progress is unpatched once no further check is left.
    async fn sorted(&self, input: &DeadlineInput, checked_again: bool, now: DateTime<Utc>) -> Sorted {
        let mut standings: Vec<(ServiceRef, Standing, String)> = stream::iter(input.services.clone())
            .map(|service| async {
                let (standing, command) = self.standing(&service, input, now).await;
                (service, standing, command)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        standings.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        let mut sorted = Sorted::default();
        for (service, standing, command) in standings {
            match standing {
                Standing::Settled(_) => sorted.settled += 1,
                Standing::InProgress(_) if checked_again => sorted.in_progress.push(service),
                Standing::InProgress(reason) | Standing::Unpatched(reason) => {
                    sorted.unpatched.push(Unpatched { service, reason, command });
                }
            }
        }
        sorted
    }

    /// How a service stands, and the command for its owner. An unreadable one is in progress while there is time to check
    /// again.
    async fn standing(
        &self,
        service: &ServiceRef,
        input: &DeadlineInput,
        now: DateTime<Utc>,
    ) -> (Standing, String) {
        let unreadable =
            |error: CallFailed| Standing::InProgress(format!("the service is unreadable: {error}"));
        let state = match self.ecs.state_and_pause(service).await {
            Ok(state) => state,
            Err(error) => return (unreadable(error), command::patch(service, None)),
        };
        let standing = match self.rest(service, state.as_ref()).await {
            Ok((pending, rolling)) => {
                let pending = pending.as_ref().map(|found| &found.existing);
                let tags = state.as_ref().map_or(&[][..], |state| &state.tags);
                let mode = Tags::read(service, tags, self.policy.zone).mode(&self.policy);
                standing(mode, state.as_ref(), pending, rolling.as_deref(), &input.notice, now)
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
    ) -> Result<(Option<Found>, Option<String>), CallFailed> {
        let name = ScheduleName::of_deployment(&self.notifier.reader.place, service);
        let pending = self.scheduler.get(&name).await?;
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
