//! What operate works with.

use aws::{
    config::Config, ecs::Ecs, function::Functions, notify::Notifier, queue::DeadLetters, scheduler::Scheduler,
};
use aws_config::SdkConfig;
use rules::{
    operate::redrive::{Names, function_name},
    policy::Policy,
};

/// How many services are worked on at once. Small Regions allow 250 writes of schedules a second.
pub(crate) const CONCURRENCY: usize = 16;

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Operate {
    /// Where pending deployments are changed.
    pub scheduler: Scheduler,
    /// Which services there are.
    pub ecs: Ecs,
    /// Where events are sent.
    pub notifier: Notifier,
    /// Where events and inputs are handed over.
    pub functions: Functions,
    /// The names of the functions.
    pub names: Names,
    /// What could not be processed.
    pub dead_letters: DeadLetters,
    /// When and whether services are redeployed.
    pub policy: Policy,
    /// What an operator changes needs a reason and a ticket.
    pub require_reason: bool,
    /// The ARN of the console function, to which answers in the console link back.
    pub console_arn: Option<String>,
    /// The rule accepts drills.
    pub drills: bool,
}

impl Operate {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config) -> Self {
        let name = |arn: &str| function_name(arn).to_owned();
        let names = Names {
            ingest: name(&config.ingest_arn.clone().unwrap_or_default()),
            deploy: name(&config.target.deploy_arn),
            verify: name(&config.target.verify_arn),
        };
        let queue = config.dead_letter_queue_url.clone().unwrap_or_default();
        Self {
            ecs: Ecs::new(sdk),
            functions: Functions::new(sdk, &config.url_suffix),
            names,
            dead_letters: DeadLetters::new(sdk, &config.url_suffix, queue),
            notifier: Notifier::new(sdk, &config),
            scheduler: Scheduler::new(sdk, config.target),
            policy: config.policy,
            require_reason: config.require_reason,
            console_arn: None,
            drills: config.drills,
        }
    }
}
