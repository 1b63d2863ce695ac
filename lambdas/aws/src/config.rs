//! The configuration that all functions share, read once, at the start.

use shared::{
    place::Place,
    policy::{ConfigError, Format, Policy, Settings},
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
        let region = settings.required("AWS_REGION");
        let place = Place::of_role(&target.role_arn, &region);
        if place.is_none() && !target.role_arn.is_empty() {
            settings
                .fault(format!("SCHEDULER_ROLE_ARN is {:?}; expected the ARN of a role", target.role_arn));
        }
        let read = policy.zip(format).zip(place);
        settings.finish(read).map(|((policy, format), place)| Self {
            policy,
            format,
            target,
            topic_arn,
            place,
        })
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
        ] {
            assert!(error.contains(variable), "{error}");
        }
    }

    #[test]
    fn the_place_is_that_of_the_role() {
        let read = |role: &str| {
            Config::read(&|name| {
                Some(match name {
                    "SCHEDULER_ROLE_ARN" => role.to_owned(),
                    "AWS_REGION" => "us-gov-west-1".to_owned(),
                    _ if name.ends_with("ARN") || name == "SCHEDULE_GROUP" => "x".to_owned(),
                    _ => return None,
                })
            })
        };
        let place = read("arn:aws-us-gov:iam::111122223333:role/x").expect("a configuration").place;
        assert_eq!((place.partition.as_str(), place.account.as_str()), ("aws-us-gov", "111122223333"));
        let error = read("x").expect_err("no role").to_string();
        assert_eq!(error, "SCHEDULER_ROLE_ARN is \"x\"; expected the ARN of a role");
    }
}
