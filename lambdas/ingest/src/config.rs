//! Ingest's configuration, read once, at the start.

use aws::scheduler::ScheduleTarget;
use shared::policy::{ConfigError, Policy, Settings};

/// Ingest's configuration.
pub(crate) struct Config {
    /// The operator's choices.
    pub(crate) policy: Policy,
    /// What every schedule has in common.
    pub(crate) target: ScheduleTarget,
    /// The Region in which the function runs.
    pub(crate) region: String,
}

impl Config {
    /// Reads the environment through `lookup`.
    pub(crate) fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut settings = Settings::new(lookup);
        let policy = settings.policy();
        let target = ScheduleTarget {
            group: settings.required("SCHEDULE_GROUP"),
            function_arn: settings.required("DEPLOY_FUNCTION_ARN"),
            role_arn: settings.required("SCHEDULER_ROLE_ARN"),
            dead_letter_queue_arn: settings.required("DEAD_LETTER_QUEUE_ARN"),
        };
        let region = settings.required("AWS_REGION");
        settings.finish(policy).map(|policy| Self { policy, target, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let error = Config::read(&|_| None).err().expect("nothing is set").to_string();
        for variable in [
            "SCHEDULE_GROUP",
            "DEPLOY_FUNCTION_ARN",
            "SCHEDULER_ROLE_ARN",
            "DEAD_LETTER_QUEUE_ARN",
            "AWS_REGION",
        ] {
            assert!(error.contains(variable), "{error}");
        }
    }
}
