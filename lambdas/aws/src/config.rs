//! The configuration that all functions share, read once, at the start.

use rules::{
    arn::Place,
    policy::{
        Format, Policy,
        settings::{ConfigError, Settings},
    },
};

use crate::scheduler::ScheduleTarget;

/// The configuration that all functions share.
#[derive(Clone, Debug)]
pub struct Config {
    /// The operator's choices.
    pub policy: Policy,
    /// How messages to people are written.
    pub format: Format,
    /// What every schedule has in common.
    pub target: ScheduleTarget,
    /// The topic of messages to people.
    pub topic_arn: String,
    /// Where the functions run.
    pub place: Place,
}

impl Config {
    /// Reads the environment through `lookup`.
    ///
    /// # Errors
    /// Names every parameter that is wrong, with its value and an example of a right one.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut settings = Settings::new(lookup);
        let (policy, format) = (settings.policy(), settings.format());
        let target = ScheduleTarget {
            group: settings.required("SCHEDULE_GROUP"),
            deploy_arn: settings.required("DEPLOY_FUNCTION_ARN"),
            verify_arn: settings.required("VERIFY_FUNCTION_ARN"),
            role_arn: settings.required("SCHEDULER_ROLE_ARN"),
            dead_letter_queue_arn: settings.required("DEAD_LETTER_QUEUE_ARN"),
        };
        let topic_arn = settings.required("NOTIFICATION_TOPIC_ARN");
        let place = Place {
            partition: settings.required("PARTITION"),
            region: settings.required("AWS_REGION"),
            account: settings.required("ACCOUNT_ID"),
        };
        settings.finish(Self { policy, format, target, topic_arn, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let error = Config::read(&|_| None).expect_err("nothing is set").to_string();
        for variable in [
            "SCHEDULE_GROUP",
            "DEPLOY_FUNCTION_ARN",
            "VERIFY_FUNCTION_ARN",
            "SCHEDULER_ROLE_ARN",
            "DEAD_LETTER_QUEUE_ARN",
            "NOTIFICATION_TOPIC_ARN",
            "AWS_REGION",
            "ACCOUNT_ID",
            "PARTITION",
        ] {
            assert!(error.contains(variable), "{error}");
        }
    }
}
