//! What verify works with.

use aws::{code_deploy::CodeDeploy, config::Config, ecs::Ecs, notify::Notifier, scheduler::Scheduler};
use aws_config::SdkConfig;
use rules::policy::Policy;

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
}
