//! The three kinds of wake-up: a look at a service, the watch over a notice, and the heartbeat.

use aws::{
    Failure, code_deploy::CodeDeploy, config::Config, ecs::Ecs, notify::Notifier, scheduler::Scheduler,
};
use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use shared::{metrics::Metric, policy::Policy, schedule::read};

use crate::{look::Look, watch::Watched};

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Verify {
    /// Where services are read.
    pub ecs: Ecs,
    /// Where deployments of services under CodeDeploy are read.
    pub code_deploy: CodeDeploy,
    /// Where further looks are scheduled.
    pub scheduler: Scheduler,
    /// Who is told.
    pub notifier: Notifier,
    /// When services are redeployed.
    pub policy: Policy,
}

/// Verify's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a look at a service.
    Look(Look),
    /// To the watch over a notice.
    Watch(Watched),
    /// To the template's recurring schedule.
    Heartbeat(Heartbeat),
}

/// Verify's answer to the template's recurring schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heartbeat {
    /// How many schedules are pending.
    pub pending: usize,
}

impl Verify {
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

    /// Handles what a schedule hands over.
    ///
    /// # Errors
    /// The input cannot be read, a call to AWS failed, or what a person must know could not be told.
    pub async fn handle(&self, input: &Value, now: DateTime<Utc>) -> Result<Answer, Failure> {
        // Boxed: the types of the SDK's futures nest deeper than the compiler follows.
        match input.get("kind").and_then(Value::as_str) {
            Some("deadline") => Box::pin(self.watch(&read(input)?, now)).await.map(Answer::Watch),
            Some("heartbeat") => self.heartbeat(now).await.map(Answer::Heartbeat),
            _ => Box::pin(self.look(read(input)?, now)).await.map(Answer::Look),
        }
    }

    /// Counts what is pending. That it is counted shows that schedules wake functions: an alarm rests on it.
    async fn heartbeat(&self, now: DateTime<Utc>) -> Result<Heartbeat, Failure> {
        let names = self.scheduler.names().await.map_err(Failure::call("the heartbeat"))?;
        let pending = names.iter().filter(|name| *name != "heartbeat").count();
        self.notifier.count(None, &[(Metric::Heartbeat, 1), (Metric::Pending, pending)], now);
        Ok(Heartbeat { pending })
    }
}
