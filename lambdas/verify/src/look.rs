//! One look at a service after its deployment.

use aws::{CallFailed, Failure, scheduler::Armed};
use chrono::{DateTime, TimeDelta, Utc};
use lambda_runtime::tracing::{info, warn};
use serde::Serialize;
use serde_json::json;
use shared::{
    bus::{BusEvent, Happened},
    decide::{Cause, Controller, ServiceState, deploy_command},
    metrics::Metric,
    plan::deadline,
    schedule::{self, Spec},
    verify::{Judgement, VerifyInput, judge},
};

use crate::Verify;

/// What a look has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookKind {
    /// The service is patched.
    Completed,
    /// There is nothing to patch any more.
    Skipped,
    /// Not yet.
    Rolling,
    /// A person must act.
    NeedsAttention,
    /// Another delivery has looked already.
    Repeated,
}

/// Verify's answer to a look at a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Look {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// What the look has shown.
    pub outcome: LookKind,
    /// Why, in a sentence for people.
    pub reason: String,
    /// The deployment that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// When the next look is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_at: Option<DateTime<Utc>>,
}

impl Verify {
    pub(crate) async fn look(&self, input: VerifyInput, now: DateTime<Utc>) -> Result<Look, Failure> {
        let service = input.service.clone();
        let look = self.look_at(input, now).await.map_err(Failure::call(&service))?;
        let Look { cluster, service, outcome, reason, deployment_id, verify_at } = &look;
        let (kind, verify_at) = (json!(outcome), verify_at.map(|at| at.to_rfc3339()));
        let kind = kind.as_str().unwrap_or_default();
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    cluster,
                    service,
                    outcome = kind,
                    reason,
                    deployment_id,
                    verify_at,
                    "{cluster}/{service}: {kind}: {reason}"
                )
            };
        }
        if *outcome == LookKind::NeedsAttention {
            line!(warn);
        } else {
            line!(info);
        }
        Ok(look)
    }

    async fn look_at(&self, input: VerifyInput, now: DateTime<Utc>) -> Result<Look, CallFailed> {
        let told = |outcome, reason: String, verify_at| Look {
            cluster: input.service.cluster().to_owned(),
            service: input.service.service().to_owned(),
            outcome,
            reason,
            deployment_id: input.deployment.clone(),
            verify_at,
        };
        if let Some(at) = self.next_is_pending(&input, now).await? {
            return Ok(told(LookKind::Repeated, "another delivery has looked already".to_owned(), Some(at)));
        }
        let state = self.ecs.state(&input.service).await?;
        let code = match (&input.deployment, state.as_ref().map(|state| &state.controller)) {
            (Some(id), Some(Controller::CodeDeploy(_))) => self.code_deploy.get(id).await?,
            _ => None,
        };
        match judge(&input, state.as_ref(), code.as_ref(), &self.policy, now) {
            Judgement::Completed(proof) => {
                self.notifier.count(None, &[(Metric::Completed, 1)], now);
                let minutes = i32::try_from((now - input.since).num_minutes()).unwrap_or(i32::MAX);
                self.notifier.measure(Metric::MinutesToComplete, f64::from(minutes), now);
                self.tell(Happened::Completed, &input, &proof, Vec::new(), now).await?;
                Ok(told(LookKind::Completed, proof, None))
            }
            Judgement::Skipped(cause, reason) => {
                self.notifier.count(Some(Cause::word(cause)), &[(Metric::Skipped, 1)], now);
                self.tell(Happened::Skipped, &input, &reason, Vec::new(), now).await?;
                Ok(told(LookKind::Skipped, reason, None))
            }
            Judgement::Rolling(reason) => {
                let at = self.look_again(&input, input.told, now).await?;
                Ok(told(LookKind::Rolling, reason, at))
            }
            Judgement::Attention { reason, next } => {
                let reason = format!("{reason}{}", self.why(&input, state.as_ref()).await);
                if !input.told {
                    self.notifier.count(None, &[(Metric::NeedsAttention, 1)], now);
                    let command =
                        state.as_ref().map(|state| deploy_command(&input.service, &state.controller));
                    let next = std::iter::once(next).chain(command).collect();
                    self.tell(Happened::NeedsAttention, &input, &reason, next, now).await?;
                }
                let at = self.look_again(&input, true, now).await?;
                Ok(told(LookKind::NeedsAttention, reason, at))
            }
        }
    }

    /// When a later look than this is pending, if one is: this delivery is then a repeated one.
    async fn next_is_pending(
        &self,
        input: &VerifyInput,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, CallFailed> {
        let Some(found) = self.scheduler.get(&self.name(input)).await? else { return Ok(None) };
        let later = found.input::<VerifyInput>().is_some_and(|pending| pending.look > input.look);
        Ok(found.existing.at.filter(|at| later && *at > now))
    }

    async fn look_again(
        &self,
        input: &VerifyInput,
        told: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, CallFailed> {
        let Some(at) = input.next_look(&self.policy, now) else { return Ok(None) };
        let next = VerifyInput { look: input.look.saturating_add(1), told, ..input.clone() };
        let spec = Spec::look(self.name(input), at, self.policy.windows.zone(), &next);
        Ok(match self.scheduler.arm(&spec, now).await? {
            Armed::Anew => Some(at),
            Armed::AsItWas(found) => found.existing.at,
        })
    }

    /// What ECS tells that may explain it. It is there to help: without it, the owner is told all the same.
    async fn why(&self, input: &VerifyInput, state: Option<&ServiceState>) -> String {
        let events = state.map_or(&[][..], |state| &state.events);
        // A delivery before this one may have started the deployment.
        let since = input.since - TimeDelta::minutes(15);
        let troubles = self.ecs.troubles(&input.service, events, since).await;
        if troubles.is_empty() { String::new() } else { format!(". ECS says: {}", troubles.join("; ")) }
    }

    async fn tell(
        &self,
        happened: Happened,
        input: &VerifyInput,
        reason: &str,
        next: Vec<String>,
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        let reader = &self.notifier.reader;
        let mut event = BusEvent::of_service(happened, &reader.place, &input.service, &input.notices, reason);
        event.detail.deadline = deadline(&self.policy, &input.notices, input.since);
        event.detail.deployment_id.clone_from(&input.deployment);
        let message = reader.service(happened, &input.service, &input.notices, reason, next, now);
        self.notifier.tell(&[event], Some(&message), now).await
    }

    fn name(&self, input: &VerifyInput) -> String {
        let place = &self.notifier.reader.place;
        schedule::verify_name(&place.account, &place.region, &input.service)
    }
}
