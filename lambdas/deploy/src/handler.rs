//! One service at its start time: gather the facts, decide, act, report.

use aws::Failure;
use chrono::{DateTime, Utc};
use lambda_runtime::tracing::{error, info, warn};
use rules::{
    deploy::{
        decide::decide,
        outcome::{DeployOutcome, DeployOutcomeKind},
    },
    notify::deployment,
    schedule::wake::{DeployInput, Function, Wake},
};
use serde_json::Value;

use crate::function::Deploy;

impl Deploy {
    /// Handles what a schedule hands over. A second delivery finds the first one's deployment, and skips.
    ///
    /// # Errors
    /// The input is invalid, or a call to AWS failed.
    pub async fn handle(&self, input: &Value, now: DateTime<Utc>) -> Result<DeployOutcome, Failure> {
        let input = match Wake::read(input)? {
            Wake::Deploy(input) => input,
            other => return Err(other.refused_by(Function::Deploy).into()),
        };
        // Boxed: the types of the SDK's futures are large.
        let facts = Box::pin(self.gather(input.clone(), now)).await.map_err(Failure::call(&input.service))?;
        let decision = decide(&facts, &self.policy, now);
        let outcome =
            Box::pin(self.act(&facts, decision, now)).await.map_err(Failure::call(&input.service))?;
        log(&input, &outcome);
        let notification =
            deployment::notification(&self.notifier.reader, &self.policy, &input, &outcome, now);
        let sent = self.notifier.send(&notification, now).await;
        // A deployment counts though nobody could be notified of it; an owner who must act has to know.
        if matches!(outcome.outcome, DeployOutcomeKind::NotActionable | DeployOutcomeKind::Failed) {
            sent.map_err(Failure::call(&input.service))?;
        }
        Ok(outcome)
    }
}

/// One line: the record of what was done and why.
fn log(input: &DeployInput, done: &DeployOutcome) {
    let notices: Vec<&str> = input.notices.iter().map(|notice| notice.event_arn.as_str()).collect();
    let event_arns = notices.join(" ");
    let DeployOutcome { cluster, service, outcome, reason, command, deployment_id, .. } = done;
    let word = outcome.word();
    let (slot, verify_at) =
        (done.slot.map(|slot| slot.to_rfc3339()), done.verify_at.map(|at| at.to_rfc3339()));
    let warnings = (!done.warnings.is_empty()).then(|| done.warnings.join("; "));
    macro_rules! line {
        ($level:ident) => {
            $level!(
                event_arns,
                cluster,
                service,
                outcome = word,
                reason,
                deployment_id,
                slot,
                verify_at,
                command,
                warnings,
            )
        };
    }
    match outcome {
        DeployOutcomeKind::Failed => line!(error),
        DeployOutcomeKind::NotActionable => line!(warn),
        DeployOutcomeKind::Postponed if done.attention => line!(warn),
        DeployOutcomeKind::Started | DeployOutcomeKind::Skipped | DeployOutcomeKind::Postponed => line!(info),
    }
}
