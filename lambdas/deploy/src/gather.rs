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
    service::{ServiceState, TaskSet},
};
use tokio::time::Instant;

use crate::function::Deploy;

impl Deploy {
    /// Gathers the facts about one service, of which ECS has said `state`. What is unreadable and blocks is a fact too.
    ///
    /// # Errors
    /// CodeDeploy could not be read where nothing blocks.
    pub(crate) async fn gather(
        &self,
        input: DeployInput,
        state: Option<ServiceState>,
        now: DateTime<Utc>,
    ) -> Result<Facts, CallFailed> {
        let begun = Instant::now();
        let mut facts = Facts::of_service(input, state, &self.policy);
        let policy = facts.policy(&self.policy);
        let need = match need(&facts, &policy, now) {
            Ok(need) if need.starts() && policy.mode != Mode::Off => need,
            _ => return Ok(facts),
        };
        if facts.input.is_late(now) || facts.input.is_outside(&policy.windows, now) {
            return Ok(facts);
        }
        let code_deploy = async {
            match &need {
                Need::CodeDeploy(_, set) if policy.mode.acts() => Some(self.code_deploy_facts(set).await),
                _ => None,
            }
        };
        // Between the answer about the calendars and the start nothing may take long.
        let (alarms, order, code_deploy) =
            tokio::join!(biased; self.alarm_blocks(&policy), self.ask_order(&facts), code_deploy);
        facts.blocks.extend(alarms.into_iter().chain(order.0));
        facts.blocker_warnings.extend(order.1);
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

    /// What blocks, and what to warn of, by the service that comes first, if a tag names one.
    async fn ask_order(&self, facts: &Facts) -> (Vec<Block>, Option<String>) {
        let Some(other) = &facts.tags.after else { return (Vec::new(), None) };
        match self.ecs.state(other).await {
            Ok(state) => (
                order::blocks(other, state.as_ref(), facts.cutoff()).into_iter().collect(),
                order::missing(other, state.as_ref()),
            ),
            Err(error) => (vec![order::unreadable(other, &error.to_string())], None),
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
