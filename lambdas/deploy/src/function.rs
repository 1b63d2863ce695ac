//! What deploy works with.

use aws::{
    alarm::Alarms, calendar::ChangeCalendars, code_deploy::CodeDeploy, config::Config, ecs::Ecs,
    notify::Notifier, scheduler::Scheduler,
};
use aws_config::SdkConfig;
use rules::policy::Policy;

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// Where services are read and deployed.
    pub ecs: Ecs,
    /// Where services under CodeDeploy are deployed.
    pub code_deploy: CodeDeploy,
    /// Where Change Calendars are read.
    pub change_calendars: ChangeCalendars,
    /// Where blocking alarms are read.
    pub alarms: Alarms,
    /// Where retries and verification checks are scheduled.
    pub scheduler: Scheduler,
    /// Where notifications are sent.
    pub notifier: Notifier,
    /// When and whether services are redeployed.
    pub policy: Policy,
}

impl Deploy {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config) -> Self {
        Self {
            ecs: Ecs::new(sdk),
            code_deploy: CodeDeploy::new(sdk, &config.url_suffix),
            change_calendars: ChangeCalendars::new(sdk, &config.url_suffix),
            alarms: Alarms::new(sdk, &config.url_suffix),
            notifier: Notifier::new(sdk, &config),
            scheduler: Scheduler::new(sdk, config.target),
            policy: config.policy,
        }
    }
}
