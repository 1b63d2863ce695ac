//! One verification check of a service after its deployment.

use aws::{CallFailed, Failure, Invocation, pending::Armed};
use chrono::{DateTime, TimeDelta, Utc};
use rules::{
    notify::{record, verification},
    schedule::{
        Spec,
        delivery::{self, Delivery},
        name::ScheduleName,
        wake::{CheckInput, Wake},
    },
    service::{Controller, ServiceState, command},
    verify::{
        judge::{Judgement, Problem, judge, tasks_matter},
        verification_times::next_check,
    },
};
use serde::Serialize;
use tracing::{info, warn};

use crate::function::Verify;

/// What a check has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// The service is patched.
    Completed,
    /// There is no longer anything to patch.
    Skipped,
    /// Not yet.
    Rolling,
    /// The owner must act.
    NeedsAttention,
    /// Another delivery has checked already.
    Repeated,
}

impl CheckKind {
    fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Skipped => "skipped",
            Self::Rolling => "rolling",
            Self::NeedsAttention => "needs-attention",
            Self::Repeated => "repeated",
        }
    }
}

/// Verify's answer to a verification check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// What the check has shown.
    pub outcome: CheckKind,
    /// Why.
    pub reason: String,
    /// The deployment that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// When the next check is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_at: Option<DateTime<Utc>>,
}

impl Check {
    fn of(input: &CheckInput, outcome: CheckKind, reason: String, verify_at: Option<DateTime<Utc>>) -> Self {
        Self {
            cluster: input.service.cluster().to_owned(),
            service: input.service.service().to_owned(),
            outcome,
            reason,
            deployment_id: input.deployment.clone(),
            verify_at,
        }
    }
}

impl Verify {
    /// Checks a service, notifies, and schedules the next check, or deletes the schedule after the last.
    pub(crate) async fn check(&self, input: CheckInput, invocation: &Invocation) -> Result<Check, Failure> {
        let service = input.service.clone();
        let name = ScheduleName::of_deployment(&self.notifier.reader.place, &service);
        let work =
            async |unfinished: bool| Box::pin(self.check_delivered(input, unfinished, invocation)).await;
        let done = self.scheduler.locked(&name, invocation, work).await;
        let check = done.flatten().map_err(Failure::call(&service))?;
        log(&check);
        Ok(check)
    }

    /// Handles an input as far as its schedule still asks for it.
    async fn check_delivered(
        &self,
        input: CheckInput,
        unfinished: bool,
        invocation: &Invocation,
    ) -> Result<Check, CallFailed> {
        let name = ScheduleName::of_check(&self.notifier.reader.place, &input.service);
        let found = self.scheduler.get(&name).await?;
        let held = found.as_ref().and_then(|found| match found.wake() {
            Ok(Wake::Check(held)) if held.service == input.service => Some(held),
            _ => None,
        });
        let existing = found.as_ref().map(|found| &found.existing);
        let schedule = delivery::Now::of(existing, held.as_ref(), unfinished);
        let input = match delivery::of_verify(&input, input.woken, &schedule, invocation.now()) {
            Delivery::Handle(input) => input,
            Delivery::Held => {
                let reason = "an operator disabled the schedule of the check".to_owned();
                return Ok(Check::of(&input, CheckKind::Repeated, reason, None));
            }
            Delivery::Repeated(reason) => {
                let next = found.and_then(|found| found.existing.at);
                return Ok(Check::of(&input, CheckKind::Repeated, reason, next));
            }
        };
        let check = self.judged(&input, &name, invocation).await?;
        if check.verify_at.is_none() {
            self.scheduler.acknowledge(&name, found.as_ref(), invocation.now()).await?;
        }
        Ok(check)
    }

    async fn judged(
        &self,
        input: &CheckInput,
        name: &ScheduleName,
        invocation: &Invocation,
    ) -> Result<Check, CallFailed> {
        let now = invocation.now();
        let matter = |state: &ServiceState| tasks_matter(input, state, &self.policy, now);
        let state = self.ecs.state_to_check(&input.service, matter).await?;
        let code = match (&input.deployment, state.as_ref().map(|state| &state.controller)) {
            (Some(id), Some(Controller::CodeDeploy(_))) if self.policy.code_deploy => {
                self.code_deploy.get(id).await?
            }
            _ => None,
        };
        let judgement = judge(input, state.as_ref(), code.as_ref(), &self.policy, now);
        let judgement = self.with_cause(judgement, input, state.as_ref()).await;
        let command = state.as_ref().map(|state| command::patch(&input.service, Some(state)));
        let reader = &self.notifier.reader;
        let last = next_check(input, &self.policy, now).is_none();
        let notification = verification::of_check(reader, &self.policy, input, &judgement, command, now);
        let mut notification = notification.unwrap_or_default();
        let records = record::of_check(reader, &self.policy, (input, last), &judgement, state.as_ref(), now);
        notification.events.extend(records);
        self.notifier.send(&notification, now).await?;
        Ok(match judgement {
            Judgement::Completed(proof) => Check::of(input, CheckKind::Completed, proof, None),
            Judgement::Skipped(_, reason) => Check::of(input, CheckKind::Skipped, reason, None),
            Judgement::Rolling(reason) => {
                let at = self.check_again(input, name, state.as_ref(), invocation).await?;
                Check::of(input, CheckKind::Rolling, reason, at)
            }
            Judgement::Attention { reason, problem, .. } => {
                let at = self.check_again(&problem.noted(input), name, state.as_ref(), invocation).await?;
                Check::of(input, CheckKind::NeedsAttention, reason, at)
            }
        })
    }

    async fn check_again(
        &self,
        input: &CheckInput,
        name: &ScheduleName,
        state: Option<&ServiceState>,
        invocation: &Invocation,
    ) -> Result<Option<DateTime<Utc>>, CallFailed> {
        let Some(at) = next_check(input, &self.policy, invocation.now()) else { return Ok(None) };
        let failed_tasks = state.and_then(ServiceState::rolling).map_or(0, |rollout| rollout.failed_tasks);
        let checks = input.checks.saturating_add(1);
        let next = CheckInput { checks, failed_tasks, woken: Some(0), ..input.clone() };
        let spec = Spec::check(name.clone(), at, self.policy.windows.zone(), next);
        Ok(match self.scheduler.arm(&spec, invocation).await? {
            Armed::Created => Some(at),
            Armed::Kept(found) => found.existing.at,
        })
    }

    /// Adds to what needs attention what ECS says of its cause. That helps; without it the owner is notified all
    /// the same.
    async fn with_cause(
        &self,
        judgement: Judgement,
        input: &CheckInput,
        state: Option<&ServiceState>,
    ) -> Judgement {
        let (reason, next, problem) = match judgement {
            Judgement::Attention { reason, next, problem } if !matches!(problem, Problem::Paused(_)) => {
                (reason, next, problem)
            }
            other => return other,
        };
        let events = state.map_or(&[][..], |state| &state.events);
        // A delivery before this one may have started the deployment.
        let since = input.since - TimeDelta::minutes(15);
        let causes = self.ecs.likely_causes(&input.service, events, since).await;
        let causes: Vec<&str> = causes.iter().map(|cause| cause.trim_end_matches('.')).collect();
        let cause =
            if causes.is_empty() { String::new() } else { format!(". ECS says: {}", causes.join("; ")) };
        Judgement::Attention { reason: format!("{reason}{cause}"), next, problem }
    }
}

fn log(check: &Check) {
    let Check { cluster, service, outcome, reason, deployment_id, verify_at } = check;
    let (word, verify_at) = (outcome.word(), verify_at.map(|at| at.to_rfc3339()));
    macro_rules! line {
        ($level:ident) => {
            $level!(cluster, service, outcome = word, reason, deployment_id, verify_at,)
        };
    }
    if *outcome == CheckKind::NeedsAttention {
        line!(warn);
    } else {
        line!(info);
    }
}
