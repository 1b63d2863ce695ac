//! Reads everything that decides: the service first, then, where a deployment would start, what may block it.
//! Change Calendars, and whether an operator stopped everything, come last, right before the start.

use aws::CallFailed;
use chrono::{DateTime, TimeDelta, Utc};
use rules::{
    deploy::{
        blockers::{Block, alarms, calendars, order, stop},
        decide::{Need, need},
        facts::{CodeDeployFacts, Facts},
    },
    policy::{Mode, Policy},
    schedule::wake::DeployInput,
    service::{TaskSet, image},
};
use tokio::time::Instant;

use crate::function::Deploy;

impl Deploy {
    /// Gathers the facts about one service. What is unreadable and blocks is a fact too.
    ///
    /// # Errors
    /// The service could not be read, or CodeDeploy where nothing blocks.
    pub(crate) async fn gather(&self, input: DeployInput, now: DateTime<Utc>) -> Result<Facts, CallFailed> {
        let begun = Instant::now();
        let state = self.ecs.state(&input.service).await?;
        let mut facts = Facts::of_service(input, state, &self.policy);
        let policy = facts.policy(&self.policy);
        let need = match need(&facts, &policy, now) {
            Ok(need) if need.starts() && policy.mode != Mode::Off => need,
            _ => return Ok(facts),
        };
        // Between the answer about the calendars and the start nothing may take long.
        facts.image_warning = self.image_warning(facts.task_definition().unwrap_or_default()).await;
        if facts.input.is_late(now) || facts.input.is_outside(&policy.windows, now) {
            return Ok(facts);
        }
        facts.blocks.extend(self.alarm_blocks(&policy).await);
        self.ask_order(&mut facts).await;
        let code_deploy = match &need {
            Need::CodeDeploy(_, set) if policy.mode.acts() => Some(self.code_deploy_facts(set).await),
            _ => None,
        };
        // A freeze may begin while the rest is read.
        let by_now = now + TimeDelta::from_std(begun.elapsed()).unwrap_or_default();
        self.change_calendars.ask(&mut facts.calendars, by_now).await;
        facts.blocks.extend(calendars::blocks(&facts.calendars, by_now));
        // An operator who stops everything is in a hurry: this is read last.
        facts.blocks.extend(self.stop_block().await);
        facts.code_deploy = match code_deploy.transpose() {
            Err(_) if !facts.blocks.is_empty() => None, // CodeDeploy is asked again when nothing blocks
            found => found?,
        };
        Ok(facts)
    }

    async fn stop_block(&self) -> Option<Block> {
        match self.scheduler.stopped().await {
            Ok(stop) => stop.as_ref().map(stop::block),
            Err(error) => Some(stop::unreadable(&error.to_string())),
        }
    }

    async fn alarm_blocks(&self, policy: &Policy) -> Vec<Block> {
        match self.alarms.watched(&policy.alarms).await {
            Ok(found) => alarms::blocks(&policy.alarms, &found),
            Err(error) => vec![alarms::unreadable(&error.to_string())],
        }
    }

    /// Asks about the service that comes first, if a tag names one.
    async fn ask_order(&self, facts: &mut Facts) {
        let Some(other) = facts.tags.after.clone() else { return };
        match self.ecs.state(&other).await {
            Ok(state) => {
                facts.blocks.extend(order::blocks(&other, state.as_ref(), facts.cutoff()));
                facts.blocker_warnings.extend(order::missing(&other, state.as_ref()));
            }
            Err(error) => facts.blocks.push(order::unreadable(&other, &error.to_string())),
        }
    }

    /// Whether the new tasks may run other code than the old ones. It keeps no deployment from starting.
    async fn image_warning(&self, task_definition: &str) -> Option<String> {
        match self.ecs.containers(task_definition).await {
            Ok(containers) => image::warning(&containers),
            Err(error) => {
                Some(format!("the images are unreadable, so the deployment may ship new code: {error}"))
            }
        }
    }

    async fn code_deploy_facts(&self, set: &TaskSet) -> Result<CodeDeployFacts, CallFailed> {
        let last = match &set.deployment {
            Some(id) => self.code_deploy.last(id).await?,
            None => None,
        };
        let running = match &last {
            Some(last) => self.code_deploy.running(last).await?,
            None => None,
        };
        Ok(CodeDeployFacts { last, running })
    }
}
