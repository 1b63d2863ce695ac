//! What verify works with.

use aws::{
    code_deploy::CodeDeploy,
    config::Config,
    ecs::Ecs,
    notify::Notifier,
    rule::{EventRules, Rule},
    scheduler::Scheduler,
};
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
    /// Where the rule is read.
    pub event_rules: EventRules,
    /// The rule that delivers notices.
    pub rule: Option<Rule>,
    /// When and whether services are redeployed.
    pub policy: Policy,
}

impl Verify {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config) -> Self {
        Self {
            ecs: Ecs::new(sdk),
            code_deploy: CodeDeploy::new(sdk, &config.url_suffix),
            notifier: Notifier::new(sdk, &config),
            scheduler: Scheduler::new(sdk, config.target),
            event_rules: EventRules::new(sdk, &config.url_suffix),
            rule: config.rule,
            policy: config.policy,
        }
    }
}
