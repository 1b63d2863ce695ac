//! Carries out a decision: one arm for each.

use aws::{CallFailed, Invocation, code_deploy::Created, ecs::Forced, pending::Armed};
use chrono::{DateTime, Utc};
use rules::{
    deploy::{
        decide::{Decision, Within},
        facts::Facts,
        outcome::{DeployOutcome, DeployOutcomeKind, to_retry},
    },
    outcome::Cause,
    plan::NoSlot,
    policy::NotificationDetail,
    schedule::{
        Spec,
        name::ScheduleName,
        retry::{Retry, retry},
        story::Running,
        wake::{CheckInput, DeployInput, DigestInput, Wake},
    },
    service::{command, image},
    verify::verification_times::next_check,
};

use crate::function::Deploy;

/// The first verification check of a service whose deployment was started, with what ran before.
pub(crate) fn first_check(
    input: &DeployInput,
    outcome: &DeployOutcome,
    before: Option<Running>,
    now: DateTime<Utc>,
) -> CheckInput {
    CheckInput::first(&input.service, &input.notices, outcome.deployment_id.clone(), now)
        .telling(input.story_of_start(before))
}

impl Deploy {
    /// Carries out `decision`, and answers what became of the service. The caller schedules the first verification check
    /// of a deployment that was started.
    ///
    /// # Errors
    /// A call to AWS failed. Lambda retries, and the state is read again.
    pub(crate) async fn act(
        &self,
        facts: &Facts,
        decision: Decision,
        invocation: &Invocation,
    ) -> Result<DeployOutcome, CallFailed> {
        let (input, outcome) = (&facts.input, DeployOutcome::of(facts, &decision));
        match decision {
            Decision::Skip { .. } | Decision::NotActionable { .. } => Ok(outcome),
            Decision::Verify { .. } => {
                let first = first_check(input, &outcome, None, invocation.now());
                self.schedule_check(first, outcome, invocation).await
            }
            Decision::Wait { within, .. } => self.wait(facts, within, outcome, invocation).await,
            Decision::Force { .. } => match self.ecs.force(&input.service).await? {
                Forced::Started { deployment } => Ok(DeployOutcome { deployment_id: deployment, ..outcome }),
                Forced::Gone(reason) => Ok(outcome.gone(reason)),
                Forced::Refused(reason) => Ok(outcome.refused(reason, facts.command())),
                // Lambda's retries would end after minutes, and the window is open for hours.
                Forced::Throttled(reason) => {
                    self.wait(facts, Within::SameWindow, outcome.throttled(&reason), invocation).await
                }
            },
            Decision::CodeDeploy { last, app_spec, .. } => {
                match self.code_deploy.create(&last, &app_spec).await? {
                    Created::Started(id) => Ok(DeployOutcome { deployment_id: Some(id), ..outcome }),
                    Created::Refused(reason) => {
                        Ok(outcome.refused(reason, Some(command::code_deploy(&last.id))))
                    }
                }
            }
        }
    }

    /// Whether the new tasks may run other code than the old ones. It keeps no deployment from starting.
    pub(crate) async fn image_warning(&self, facts: &Facts) -> Option<String> {
        match self.ecs.containers(facts.task_definition().unwrap_or_default()).await {
            Ok(containers) => image::warning(&containers),
            Err(error) => {
                Some(format!("the images are unreadable, so the deployment may ship new code: {error}"))
            }
        }
    }

    /// Schedules the first verification check. A check that is pending for the same deployment stays.
    pub(crate) async fn schedule_check(
        &self,
        first: CheckInput,
        outcome: DeployOutcome,
        invocation: &Invocation,
    ) -> Result<DeployOutcome, CallFailed> {
        let now = invocation.now();
        let name = ScheduleName::of_check(&self.notifier.reader.place, &first.service);
        let at = next_check(&first, &self.policy, now).unwrap_or(now);
        let spec = |input: CheckInput| Spec::check(name.clone(), at, self.policy.windows.zone(), input);
        let verify_at = match self.scheduler.arm_first(&spec(first.clone()), invocation).await? {
            Armed::Created => Some(at),
            Armed::Kept(found) => {
                let joined = match found.wake() {
                    Ok(Wake::Check(pending)) => first.join(&pending),
                    _ => Some(first),
                };
                match joined {
                    Some(joined) => {
                        self.scheduler.put(&spec(joined), invocation).await?;
                        Some(at)
                    }
                    None => found.existing.at,
                }
            }
        };
        Ok(DeployOutcome { verify_at, ..outcome })
    }

    /// Schedules the digests of the window, unless they are, or the deployment is retried in the window, or only observed.
    pub(crate) async fn schedule_digests(
        &self,
        input: &DeployInput,
        outcome: &DeployOutcome,
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        let retried = outcome.outcome == DeployOutcomeKind::Postponed
            && outcome.slot.is_some_and(|slot| slot < input.window_ends_at);
        let observed = outcome.cause == Some(Cause::Observed);
        if self.notifier.reader.detail == NotificationDetail::Each || retried || observed {
            return Ok(());
        }
        let now = invocation.now();
        for digest in DigestInput::of(input, now) {
            let spec = Spec::digest(digest.due_at(), self.policy.windows.zone(), digest);
            self.scheduler.create(&spec, now).await?; // one that exists stays
        }
        Ok(())
    }

    /// Retries in the same window, then in the next; the owner is notified where there is none.
    async fn wait(
        &self,
        facts: &Facts,
        within: Within,
        outcome: DeployOutcome,
        invocation: &Invocation,
    ) -> Result<DeployOutcome, CallFailed> {
        let now = invocation.now();
        let input = to_retry(&facts.input, within, now);
        let mut policy = facts.policy(&self.policy);
        let Retry { mut deployment, reason } = loop {
            let again = match retry(&policy, &input, now) {
                Ok(again) => again,
                Err(NoSlot(why)) => return Ok(outcome.without_retry(&why)),
            };
            let at = again.deployment.input.slot;
            if policy.calendars.unknown(at).is_empty() {
                break again;
            }
            self.change_calendars.ask(&mut policy.calendars, at).await;
        };
        deployment.input.control = deployment.input.control.clone().waiting_for(&outcome.reason);
        let name = ScheduleName::of_deployment(&self.notifier.reader.place, &input.service);
        let at = deployment.input.slot;
        // Of the retries in a window, the first is a change of the plan.
        let deployment = if at >= input.window_ends_at || input.attempt == 0 {
            deployment.noting(&format!("{}; {reason}", outcome.reason), &policy, now)
        } else {
            deployment
        };
        let spec = deployment.spec(name);
        let awaits_approval = spec.is_disabled();
        let (slot, when) = match self.scheduler.arm(&spec, invocation).await? {
            Armed::Created => {
                let outcome = DeployOutcome { awaits_approval, ..outcome };
                return Ok(outcome.retried(Some(at), &reason, at >= input.window_ends_at));
            }
            Armed::Kept(found) if found.existing.awaits_approval() => {
                (None, "the schedule awaits approval".to_owned())
            }
            Armed::Kept(found) if !found.existing.enabled => {
                (None, "an operator disabled the schedule".to_owned())
            }
            Armed::Kept(found) => {
                self.scheduler.join(&spec.name, &spec, &found).await?;
                (found.existing.at, "a retry is scheduled already".to_owned())
            }
        };
        Ok(outcome.retried(slot, &when, at >= input.window_ends_at))
    }
}
