//! One service at its slot: read, decided, deployed, handed to verify.

use aws::{
    CallFailed, Failure,
    code_deploy::{CodeDeploy, Created},
    config::Config,
    ecs::{Ecs, Forced},
    notify::Notifier,
    scheduler::{Armed, Scheduler},
};
use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use lambda_runtime::tracing::{error, info, warn};
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    bus::{BusEvent, Happened},
    code_deploy::{self, CodeDecision},
    date,
    decide::{Cause, Controller, Decision, TaskSet, decide, deploy_command},
    metrics::Metric,
    plan::{NoSlot, deadline},
    policy::Policy,
    postpone::postpone,
    schedule::{self, ScheduleInput, Spec},
    verify::VerifyInput,
};

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// Where services are read and deployed.
    pub ecs: Ecs,
    /// Where services under CodeDeploy are deployed.
    pub code_deploy: CodeDeploy,
    /// Where further tries and looks are scheduled.
    pub scheduler: Scheduler,
    /// Who is told.
    pub notifier: Notifier,
    /// When services are redeployed.
    pub policy: Policy,
}

/// What became of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// A new deployment was started.
    Started,
    /// Nothing is to be done.
    Skipped,
    /// It is tried again later.
    Postponed,
    /// Nothing can be done by us: a person must act.
    NotActionable,
    /// AWS refuses the deployment, and will refuse it again.
    Failed,
}

/// Deploy's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// What became of it.
    pub outcome: OutcomeKind,
    /// Why, in a sentence for people.
    pub reason: String,
    /// What a person can run, where one must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The deployment that was started, or is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<DateTime<Utc>>,
    /// When verify looks first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_at: Option<DateTime<Utc>>,
    /// Why nothing is done, in a word to count by.
    #[serde(skip)]
    cause: Option<Cause>,
}

impl Deploy {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config) -> Self {
        Self {
            ecs: Ecs::new(sdk),
            code_deploy: CodeDeploy::new(sdk),
            notifier: Notifier::new(sdk, &config),
            scheduler: Scheduler::new(sdk, config.target),
            policy: config.policy,
        }
    }

    /// Handles what a schedule hands over. Delivered twice, it finds the first delivery's deployment and skips.
    ///
    /// # Errors
    /// The input cannot be read, or a call to AWS failed.
    pub async fn handle(&self, input: &Value, now: DateTime<Utc>) -> Result<Outcome, Failure> {
        let input: ScheduleInput = schedule::read(input)?;
        let outcome = self.deploy(&input, now).await.map_err(Failure::call(&input.service))?;
        log(&input, &outcome);
        let told = self.report(&input, &outcome, now).await;
        // That nobody could be told does not undo a deployment; but a person who must act has to know.
        if matches!(outcome.outcome, OutcomeKind::NotActionable | OutcomeKind::Failed) {
            told.map_err(Failure::call(&input.service))?;
        }
        Ok(outcome)
    }

    async fn deploy(&self, input: &ScheduleInput, now: DateTime<Utc>) -> Result<Outcome, CallFailed> {
        let service = &input.service;
        let told = |outcome, reason: String| Outcome {
            cluster: service.cluster().to_owned(),
            service: service.service().to_owned(),
            outcome,
            reason,
            command: None,
            deployment_id: None,
            slot: None,
            verify_at: None,
            cause: None,
        };
        let state = self.ecs.state(service).await?;
        let decision = decide(service, state.as_ref(), input.cutoff(), now);
        let postponed = |reason| Outcome {
            command: state.as_ref().map(|state| deploy_command(service, &state.controller)),
            ..told(OutcomeKind::Postponed, reason)
        };
        if matches!(decision, Decision::Force(_) | Decision::CodeDeploy(..)) && input.is_late(now) {
            let reason = "its window has closed, as when a hold is released late";
            return self.wait(input, postponed(reason.to_owned()), now).await;
        }
        match decision {
            Decision::Skip(cause, reason) => {
                Ok(Outcome { cause: Some(cause), ..told(OutcomeKind::Skipped, reason) })
            }
            Decision::Verify(cause, reason, deployment_id) => {
                let skipped =
                    Outcome { cause: Some(cause), deployment_id, ..told(OutcomeKind::Skipped, reason) };
                self.hand_to_verify(input, skipped, now).await
            }
            Decision::Wait(reason) => self.wait(input, postponed(reason), now).await,
            Decision::Ask { reason, command } => {
                Ok(Outcome { command: Some(command), ..told(OutcomeKind::NotActionable, reason) })
            }
            Decision::Force(reason) => match self.ecs.force(service).await? {
                Forced::Started { deployment } => {
                    let started = Outcome { deployment_id: deployment, ..told(OutcomeKind::Started, reason) };
                    self.hand_to_verify(input, started, now).await
                }
                Forced::Gone(error) => {
                    Ok(Outcome { cause: Some(Cause::Gone), ..told(OutcomeKind::Skipped, error) })
                }
                Forced::Refused(error) => {
                    let command = Some(deploy_command(service, &Controller::Ecs));
                    Ok(Outcome { command, ..told(OutcomeKind::Failed, error) })
                }
            },
            Decision::CodeDeploy(reason, set) => {
                self.deploy_with_code_deploy(input, &set, told(OutcomeKind::Started, reason), now).await
            }
        }
    }

    async fn deploy_with_code_deploy(
        &self,
        input: &ScheduleInput,
        set: &TaskSet,
        started: Outcome,
        now: DateTime<Utc>,
    ) -> Result<Outcome, CallFailed> {
        let last = match &set.deployment {
            Some(id) => self.code_deploy.last(id).await?,
            None => None,
        };
        let Some(last) = last else {
            let reason = format!("{}, and its last deployment is unknown to CodeDeploy", started.reason);
            let command = Some(format!(
                "aws ecs describe-services --cluster {} --services {}  # then create a deployment of the running task \
                 definition with your CodeDeploy application",
                started.cluster, started.service
            ));
            return Ok(Outcome { outcome: OutcomeKind::NotActionable, reason, command, ..started });
        };
        let running = self.code_deploy.running(&last).await?;
        match code_deploy::decide(set, &last, running.as_ref(), input.cutoff()) {
            CodeDecision::Verify(cause, reason, id) => {
                let (cause, deployment_id) = (Some(cause), Some(id));
                let skipped =
                    Outcome { outcome: OutcomeKind::Skipped, reason, cause, deployment_id, ..started };
                self.hand_to_verify(input, skipped, now).await
            }
            CodeDecision::Wait(reason) => {
                let (outcome, command) = (OutcomeKind::Postponed, Some(code_deploy::command(&last.id)));
                self.wait(input, Outcome { outcome, reason, command, ..started }, now).await
            }
            CodeDecision::Ask { reason, command } => {
                let reason = format!("{}, and {reason}", started.reason);
                Ok(Outcome { outcome: OutcomeKind::NotActionable, reason, command: Some(command), ..started })
            }
            CodeDecision::Deploy(app_spec) => match self.code_deploy.create(&last, &app_spec).await? {
                Created::Started(id) => {
                    self.hand_to_verify(input, Outcome { deployment_id: Some(id), ..started }, now).await
                }
                Created::Refused(reason) => {
                    let command = Some(code_deploy::command(&last.id));
                    Ok(Outcome { outcome: OutcomeKind::Failed, reason, command, ..started })
                }
            },
        }
    }

    /// Has verify look at the service. A look that is pending for the same deployment stays.
    async fn hand_to_verify(
        &self,
        input: &ScheduleInput,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<Outcome, CallFailed> {
        let place = &self.notifier.reader.place;
        let name = schedule::verify_name(&place.account, &place.region, &input.service);
        let first = VerifyInput::first(&input.service, &input.notices, outcome.deployment_id.clone(), now);
        let at = first.next_look(&self.policy, now).unwrap_or(now);
        let spec = |input: &VerifyInput| Spec::look(name.clone(), at, self.policy.windows.zone(), input);
        let verify_at = match self.scheduler.arm(&spec(&first), now).await? {
            Armed::Anew => Some(at),
            Armed::AsItWas(found) => {
                let joined = match found.input::<VerifyInput>() {
                    Some(pending) => first.join(&pending),
                    None => Some(first),
                };
                match joined {
                    Some(joined) => {
                        self.scheduler.put(&spec(&joined)).await?;
                        Some(at)
                    }
                    None => found.existing.at,
                }
            }
        };
        Ok(Outcome { verify_at, ..outcome })
    }

    /// Tries again in the same window, then in the next; a person is asked where there is none, with the
    /// outcome's command.
    async fn wait(
        &self,
        input: &ScheduleInput,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<Outcome, CallFailed> {
        let again = match postpone(&self.policy, input, now) {
            Ok(again) => again,
            Err(NoSlot(why)) => {
                let reason = format!("{}; {why}", outcome.reason);
                return Ok(Outcome { outcome: OutcomeKind::NotActionable, reason, ..outcome });
            }
        };
        let place = &self.notifier.reader.place;
        let name = schedule::name(&place.account, &place.region, &input.service);
        let (slot, when) = match self.scheduler.arm(&again.spec(&name), now).await? {
            Armed::Anew => (Some(again.slot.at), again.slot.reason),
            Armed::AsItWas(found) if !found.existing.enabled => {
                (None, "an operator disabled the schedule".to_owned())
            }
            Armed::AsItWas(found) => (found.existing.at, "it is scheduled again already".to_owned()),
        };
        Ok(Outcome { reason: format!("{}; {when}", outcome.reason), slot, command: None, ..outcome })
    }

    /// Counts, and tells machines and people.
    async fn report(
        &self,
        input: &ScheduleInput,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        let (happened, metric) = match outcome.outcome {
            OutcomeKind::Started => (Happened::Started, Metric::Started),
            OutcomeKind::Skipped => (Happened::Skipped, Metric::Skipped),
            OutcomeKind::Postponed => (Happened::Postponed, Metric::Postponed),
            OutcomeKind::NotActionable => (Happened::NeedsAttention, Metric::NeedsAttention),
            OutcomeKind::Failed => (Happened::Failed, Metric::Failed),
        };
        self.notifier.count(outcome.cause.map(Cause::word), &[(metric, 1)], now);
        let deadline = deadline(&self.policy, &input.notices, now);
        if let (OutcomeKind::Started, Some(deadline)) = (outcome.outcome, deadline) {
            let minutes = i32::try_from((deadline - now).num_minutes()).unwrap_or(i32::MAX);
            self.notifier.measure(Metric::HoursToDeadline, f64::from(minutes) / 60.0, now);
        }

        let reader = &self.notifier.reader;
        let mut event =
            BusEvent::of_service(happened, &reader.place, &input.service, &input.notices, &outcome.reason);
        event.detail.slot = outcome.slot.or(Some(input.slot));
        event.detail.deadline = deadline;
        event.detail.deployment_id.clone_from(&outcome.deployment_id);
        let next = match outcome.outcome {
            // Verify tells how it ends; and what is tried again every ten minutes is told once for a window.
            OutcomeKind::Started => None,
            OutcomeKind::Skipped if outcome.cause != Some(Cause::Patched) || outcome.verify_at.is_some() => {
                None
            }
            OutcomeKind::Postponed
                if input.attempt > 0 && outcome.slot.is_some_and(|at| at < input.window_ends_at) =>
            {
                None
            }
            OutcomeKind::Skipped => Some("Nothing: it is patched".to_owned()),
            OutcomeKind::Postponed => Some(outcome.slot.map_or_else(
                || "Enable the schedule, or deploy the service yourself".to_owned(),
                |slot| {
                    format!("Nothing: it is tried again at {}", date::both(slot, self.policy.windows.zone()))
                },
            )),
            OutcomeKind::NotActionable => Some("Deploy the service yourself, before AWS's date".to_owned()),
            OutcomeKind::Failed => Some("Mend the cause, then deploy the service yourself".to_owned()),
        };
        let message = next.map(|next| {
            let next = std::iter::once(next).chain(outcome.command.clone()).collect();
            reader.service(happened, &input.service, &input.notices, &outcome.reason, next, now)
        });
        self.notifier.tell(&[event], message.as_ref(), now).await
    }
}

/// One line: the record of what the product did and why.
fn log(input: &ScheduleInput, told: &Outcome) {
    let notices: Vec<&str> = input.notices.iter().map(|notice| notice.event_arn.as_str()).collect();
    let event_arns = notices.join(" ");
    let Outcome { cluster, service, outcome, reason, command, deployment_id, slot, verify_at, .. } = told;
    let kind = json!(outcome);
    let kind = kind.as_str().unwrap_or_default();
    let (slot, verify_at) = (slot.map(|slot| slot.to_rfc3339()), verify_at.map(|at| at.to_rfc3339()));
    match outcome {
        OutcomeKind::Started | OutcomeKind::Skipped | OutcomeKind::Postponed => {
            info!(
                event_arns,
                cluster,
                service,
                outcome = kind,
                reason,
                deployment_id,
                slot,
                verify_at,
                "{cluster}/{service}: {kind}: {reason}"
            );
        }
        OutcomeKind::NotActionable => {
            warn!(
                event_arns,
                cluster,
                service,
                outcome = kind,
                reason,
                command,
                "{cluster}/{service}: {kind}: {reason}"
            );
        }
        OutcomeKind::Failed => {
            error!(
                cluster,
                service,
                outcome = kind,
                reason,
                command,
                "{cluster}/{service}: {kind}: {reason}"
            );
        }
    }
}
