//! What operate works with.

use aws::{config::Config, notify::Notifier, scheduler::Scheduler};
use aws_config::SdkConfig;
use rules::policy::Policy;

/// How many services are worked on at once. Small Regions allow 250 writes of schedules a second.
pub(crate) const CONCURRENCY: usize = 16;

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Operate {
    /// Where pending deployments are changed.
    pub scheduler: Scheduler,
    /// Where events are sent.
    pub notifier: Notifier,
    /// When and whether services are redeployed.
    pub policy: Policy,
    /// What an operator changes needs a reason and a ticket.
    pub require_reason: bool,
}

impl Operate {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config) -> Self {
        Self {
            notifier: Notifier::new(sdk, &config),
            scheduler: Scheduler::new(sdk, config.target),
            policy: config.policy,
            require_reason: config.require_reason,
        }
    }
}
