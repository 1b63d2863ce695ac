//! One service at its start time: gather the facts, decide, act, report.

use aws::{CallFailed, Failure, Invocation};
use rules::{
    deploy::{
        decide::{decide, ships},
        outcome::{DeployOutcome, DeployOutcomeKind},
    },
    notify::{deployment, record},
    schedule::{
        delivery::{self, Delivery},
        name::ScheduleName,
        wake::{DeployInput, Function, InvalidInput, Wake},
    },
    service::ServiceState,
};
use serde::Serialize;
use serde_json::Value;
use tracing::{error, info, warn};

use crate::{act::first_check, function::Deploy};

/// Deploy's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What became of the service.
    Outcome(DeployOutcome),
    /// An operator handed over an invalid input.
    Refused(Refused),
}

/// The answer to an invalid input that an operator handed over. It is no failure of the function: the operator reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    outcome: &'static str,
    /// What is wrong.
    pub reason: String,
}

impl Refused {
    fn of(invalid: &InvalidInput) -> Self {
        let reason = invalid.to_string();
        warn!(reason, "an input that was handed over is refused");
        Self { outcome: "refused", reason }
    }
}

impl Deploy {
    /// Handles what a schedule hands over, and deletes the schedule as the last step. The same input can be delivered
    /// twice, even at the same moment, so one invocation at a time works on a service.
    ///
    /// # Errors
    /// The input of a schedule is invalid, or a call to AWS failed.
    pub async fn handle(&self, input: &Value, invocation: &Invocation) -> Result<Answer, Failure> {
        let input = match Wake::read(input) {
            Ok(Wake::Deploy(input)) => input,
            Ok(other) => return Err(other.refused_by(Function::Deploy).into()),
            Err(invalid) if DeployInput::is_by_hand(input) => {
                return Ok(Answer::Refused(Refused::of(&invalid)));
            }
            Err(invalid) => return Err(invalid.into()),
        };
        let name = ScheduleName::of_deployment(&self.notifier.reader.place, &input.service);
        let service = input.service.clone();
        // Boxed: the types of the SDK's futures are large.
        let work =
            async |unfinished: bool| Box::pin(self.deliver(&name, input, unfinished, invocation)).await;
        let done = self.scheduler.locked(&name, invocation, work).await;
        done.flatten().map(Answer::Outcome).map_err(Failure::call(&service))
    }

    /// Handles an input as far as its schedule still asks for it.
    async fn deliver(
        &self,
        name: &ScheduleName,
        input: DeployInput,
        unfinished: bool,
        invocation: &Invocation,
    ) -> Result<DeployOutcome, CallFailed> {
        // The service is read with its schedule. Only a delivery for which there is nothing to do reads it in vain.
        let (found, state) =
            tokio::join!(biased; self.scheduler.get(name), Box::pin(self.ecs.state(&input.service)));
        let found = found?;
        let now = invocation.now();
        let existing = found.as_ref().map(|found| &found.existing);
        let held = existing.and_then(|existing| existing.input.as_ref().ok());
        let schedule = delivery::Now::of(existing, held, unfinished);
        let input = match delivery::of_deployment(&input, &schedule, now) {
            Delivery::Handle(input) => input,
            Delivery::Held => {
                let awaits = found.as_ref().is_some_and(|found| found.existing.awaits_approval());
                return Ok(logged(&input, DeployOutcome::held(&input, awaits)));
            }
            Delivery::Repeated(why) => return Ok(logged(&input, DeployOutcome::repeated(&input, why))),
        };
        let outcome = Box::pin(self.deploy(input, state?, invocation)).await?;
        if outcome.outcome != DeployOutcomeKind::Postponed {
            self.scheduler.acknowledge(name, found.as_ref(), invocation.now()).await?;
        }
        Ok(outcome)
    }

    /// Gathers the facts, decides, acts and reports.
    async fn deploy(
        &self,
        input: DeployInput,
        state: Option<ServiceState>,
        invocation: &Invocation,
    ) -> Result<DeployOutcome, CallFailed> {
        let facts = Box::pin(self.gather(input.clone(), state, invocation.now())).await?;
        let decision = decide(&facts, &self.policy, invocation.now());
        let ships = ships(&facts, &self.policy, &decision, invocation.now());
        let images = async { if ships { self.image_warning(&facts).await } else { None } };
        let (done, images) =
            tokio::join!(biased; Box::pin(self.act(&facts, decision, invocation)), Box::pin(images));
        let done = done?.warning_of(images);
        let now = invocation.now();
        let reader = &self.notifier.reader;
        let mut notification = deployment::notification(reader, &self.policy, &input, &done, now);
        let records = record::of_deployment(reader, &self.policy, &input, &done, now);
        let ends = !records.is_empty();
        notification.events.extend(records);
        let digests = Box::pin(self.schedule_digests(&input, &done, invocation));
        let tell = async { tokio::join!(biased; self.notifier.send(&notification, now), digests) };
        let before = record::running(facts.service.as_ref());
        let first = first_check(&input, &done, before, now);
        let (outcome, (sent, scheduled)) = match done.outcome {
            DeployOutcomeKind::Started => {
                tokio::join!(biased; Box::pin(self.schedule_check(first, done.clone(), invocation)), tell)
            }
            // The owner redeploys the service, or does not: verify finds out.
            DeployOutcomeKind::NotActionable | DeployOutcomeKind::Failed => {
                let check = Box::pin(self.schedule_check(first.of_owner(), done.clone(), invocation));
                tokio::join!(biased; check, tell)
            }
            DeployOutcomeKind::Skipped | DeployOutcomeKind::Postponed => (Ok(done.clone()), tell.await),
        };
        let outcome = logged(&input, outcome?);
        scheduled?;
        // A deployment counts though nobody could be notified of it. An owner who must act has to know, and a story that ends
        // here is recorded nowhere else.
        if ends || matches!(outcome.outcome, DeployOutcomeKind::NotActionable | DeployOutcomeKind::Failed) {
            sent?;
        }
        Ok(outcome)
    }
}

fn logged(input: &DeployInput, outcome: DeployOutcome) -> DeployOutcome {
    log(input, &outcome);
    outcome
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
