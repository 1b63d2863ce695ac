//! One verification check of a service after its deployment.

use aws::{CallFailed, Failure, scheduler::Armed};
use chrono::{DateTime, TimeDelta, Utc};
use lambda_runtime::tracing::{info, warn};
use rules::{
    notify::verification,
    schedule::{
        Spec,
        name::ScheduleName,
        wake::{CheckInput, Wake},
    },
    service::{Controller, ServiceState, command},
    verify::{
        judge::{Judgement, Problem, judge},
        pauses::next_check,
    },
};
use serde::Serialize;

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

impl Verify {
    /// Checks a service, notifies, and schedules the next check.
    pub(crate) async fn check(&self, input: CheckInput, now: DateTime<Utc>) -> Result<Check, Failure> {
        let service = input.service.clone();
        let check = self.judged(input, now).await.map_err(Failure::call(&service))?;
        log(&check);
        Ok(check)
    }

    async fn judged(&self, input: CheckInput, now: DateTime<Utc>) -> Result<Check, CallFailed> {
        let answer = |outcome, reason: String, verify_at| Check {
            cluster: input.service.cluster().to_owned(),
            service: input.service.service().to_owned(),
            outcome,
            reason,
            deployment_id: input.deployment.clone(),
            verify_at,
        };
        if let Some(at) = self.next_is_pending(&input, now).await? {
            let reason = "another delivery has checked already".to_owned();
            return Ok(answer(CheckKind::Repeated, reason, Some(at)));
        }
        let state = self.ecs.state_and_pause(&input.service).await?;
        let code = match (&input.deployment, state.as_ref().map(|state| &state.controller)) {
            (Some(id), Some(Controller::CodeDeploy(_))) if self.policy.code_deploy => {
                self.code_deploy.get(id).await?
            }
            _ => None,
        };
        let judgement = judge(&input, state.as_ref(), code.as_ref(), &self.policy, now);
        let judgement = self.with_cause(judgement, &input, state.as_ref()).await;
        let command = state.as_ref().map(|state| command::patch(&input.service, Some(state)));
        let reader = &self.notifier.reader;
        if let Some(notification) =
            verification::of_check(reader, &self.policy, &input, &judgement, command, now)
        {
            self.notifier.send(&notification, now).await?;
        }
        Ok(match judgement {
            Judgement::Completed(proof) => answer(CheckKind::Completed, proof, None),
            Judgement::Skipped(_, reason) => answer(CheckKind::Skipped, reason, None),
            Judgement::Rolling(reason) => {
                let at = self.check_again(&input, state.as_ref(), now).await?;
                answer(CheckKind::Rolling, reason, at)
            }
            Judgement::Attention { reason, problem, .. } => {
                let at = self.check_again(&problem.noted(&input), state.as_ref(), now).await?;
                answer(CheckKind::NeedsAttention, reason, at)
            }
        })
    }

    /// When a later check than this is pending, if one is: this delivery is then a repeated one.
    async fn next_is_pending(
        &self,
        input: &CheckInput,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, CallFailed> {
        let Some(found) = self.scheduler.get(&self.name(input)).await? else { return Ok(None) };
        let later = matches!(found.wake(), Ok(Wake::Check(pending)) if pending.checks > input.checks);
        Ok(found.existing.at.filter(|at| later && *at > now))
    }

    async fn check_again(
        &self,
        input: &CheckInput,
        state: Option<&ServiceState>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, CallFailed> {
        let Some(at) = next_check(input, &self.policy, now) else { return Ok(None) };
        let failed_tasks = state.and_then(ServiceState::rolling).map_or(0, |rollout| rollout.failed_tasks);
        let next = CheckInput { checks: input.checks.saturating_add(1), failed_tasks, ..input.clone() };
        let spec = Spec::check(self.name(input), at, self.policy.windows.zone(), next);
        Ok(match self.scheduler.arm(&spec, now).await? {
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

    fn name(&self, input: &CheckInput) -> ScheduleName {
        ScheduleName::of_check(&self.notifier.reader.place, &input.service)
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
