//! What ingest works with.

use aws::{
    alarm::Alarms, calendar::ChangeCalendars, config::Config, ecs::Ecs, notify::Notifier,
    scheduler::Scheduler,
};
use aws_config::SdkConfig;
use rules::policy::Policy;

/// How many services are settled at once, each with a connection of its own, which takes 55 KB. With more, the function only
/// computes: at 10 ms a call, 80 calls at once are 8,000 in a second. EventBridge Scheduler's rate is kept by the adapter.
pub(crate) const CONCURRENCY: usize = 80;

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// Where schedules are written.
    pub scheduler: Scheduler,
    /// Where tasks are traced to their services, and services' tags are read.
    pub ecs: Ecs,
    /// Where Change Calendars are read.
    pub change_calendars: ChangeCalendars,
    /// Where it is validated that the blocking alarms exist.
    pub alarms: Alarms,
    /// Where notifications are sent.
    pub notifier: Notifier,
    /// When and whether services are redeployed.
    pub policy: Policy,
}

impl Ingest {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config) -> Self {
        Self {
            ecs: Ecs::new(sdk),
            change_calendars: ChangeCalendars::new(sdk, &config.url_suffix),
            alarms: Alarms::new(sdk, &config.url_suffix),
            notifier: Notifier::new(sdk, &config),
            scheduler: Scheduler::new(sdk, config.target),
            policy: config.policy,
        }
    }
}
