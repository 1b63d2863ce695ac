//! What wakes verify: a verification check of a service, the deadline check of a notice, and the heartbeat.

use aws::{
    Failure, code_deploy::CodeDeploy, config::Config, ecs::Ecs, notify::Notifier, scheduler::Scheduler,
};
use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use rules::{
    policy::Policy,
    schedule::wake::{Function, Wake},
};
use serde::Serialize;
use serde_json::Value;

use crate::{check::Check, deadline::DeadlineCheck, heartbeat::Heartbeat};

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Verify {
    /// Where services are read.
    pub ecs: Ecs,
    /// Where deployments of services under CodeDeploy are read.
    pub code_deploy: CodeDeploy,
    /// Where further checks are scheduled.
    pub scheduler: Scheduler,
    /// Where notifications are sent.
    pub notifier: Notifier,
    /// When and whether services are redeployed.
    pub policy: Policy,
}

/// Verify's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a verification check.
    Check(Check),
    /// To a deadline check.
    DeadlineCheck(DeadlineCheck),
    /// To the template's recurring schedule.
    Heartbeat(Heartbeat),
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
    /// The input is invalid, a call to AWS failed, or the owner could not be notified.
    pub async fn handle(&self, input: &Value, now: DateTime<Utc>) -> Result<Answer, Failure> {
        // Boxed: the types of the SDK's futures nest deeper than the compiler follows.
        match Wake::read(input)? {
            Wake::Check(input) => Box::pin(self.check(input, now)).await.map(Answer::Check),
            Wake::DeadlineCheck(input) => {
                Box::pin(self.deadline_check(&input, now)).await.map(Answer::DeadlineCheck)
            }
            Wake::Heartbeat => self.heartbeat(now).await.map(Answer::Heartbeat),
            other @ Wake::Deploy(_) => Err(other.refused_by(Function::Verify).into()),
        }
    }
}
