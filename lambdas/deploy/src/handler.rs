//! One service at its slot: read, decided, deployed.

use aws::{
    CallFailed,
    ecs::{Ecs, Forced},
};
use lambda_runtime::tracing::{error, info, warn};
use serde::Serialize;
use serde_json::Value;
use shared::{
    decide::{Decision, decide},
    schedule::ScheduleInput,
};

use crate::error::Failure;

/// What became of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OutcomeKind {
    /// A new deployment was forced.
    Started,
    /// Nothing is to be done.
    Skipped,
    /// Nothing can be done by us: a person must act.
    NotActionable,
    /// ECS refuses the deployment, and will refuse it again.
    Failed,
}

/// Deploy's answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the word is the same in ingest's answer")]
pub(crate) struct Outcome {
    cluster: String,
    service: String,
    outcome: OutcomeKind,
    /// Why, in a sentence for people.
    reason: String,
    /// What a person can run, where one must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// The forced deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_id: Option<String>,
}

/// Handles what a schedule hands over. Delivered twice, it finds the first delivery's deployment and skips.
pub(crate) async fn handle(ecs: &Ecs, input: &Value) -> Result<Outcome, Failure> {
    let input = ScheduleInput::read(input)?;
    let outcome = deploy(ecs, &input)
        .await
        .map_err(|error| Failure::CallFailed { service: input.service.clone(), error })?;
    log(&outcome);
    Ok(outcome)
}

async fn deploy(ecs: &Ecs, input: &ScheduleInput) -> Result<Outcome, CallFailed> {
    let service = &input.service;
    let state = ecs.state(service).await?;
    let (outcome, reason, command, deployment_id) = match decide(service, state.as_ref(), input.cutoff()) {
        Decision::Skip(reason) => (OutcomeKind::Skipped, reason, None, None),
        Decision::Ask { reason, command } => (OutcomeKind::NotActionable, reason, Some(command), None),
        Decision::Force(reason) => match ecs.force(service).await? {
            Forced::Started { deployment } => (OutcomeKind::Started, reason, None, deployment),
            Forced::Gone(error) => (OutcomeKind::Skipped, error, None, None),
            Forced::Refused(error) => (OutcomeKind::Failed, error, None, None),
        },
    };
    let (cluster, service) = (service.cluster().to_owned(), service.service().to_owned());
    Ok(Outcome { cluster, service, outcome, reason, command, deployment_id })
}

/// One line: the record of what the product did and why.
fn log(told: &Outcome) {
    let Outcome { cluster, service, outcome, reason, command, deployment_id } = told;
    let kind = serde_json::json!(outcome);
    let kind = kind.as_str().unwrap_or_default();
    match outcome {
        OutcomeKind::Started | OutcomeKind::Skipped => {
            info!(
                cluster,
                service,
                outcome = kind,
                reason,
                deployment_id,
                "{cluster}/{service}: {kind}: {reason}"
            );
        }
        OutcomeKind::NotActionable => {
            warn!(cluster, service, outcome = kind, reason, command, "{cluster}/{service}: {kind}: {reason}");
        }
        OutcomeKind::Failed => {
            error!(cluster, service, outcome = kind, reason, "{cluster}/{service}: {kind}: {reason}");
        }
    }
}

#[cfg(test)]
mod tests;
