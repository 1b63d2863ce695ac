//! The configuration that all functions share. It is read once, when the function starts.

use rules::{
    arn::Place,
    policy::{
        Format, NotificationDetail, Policy,
        settings::{ConfigError, Settings},
    },
};

use crate::{rule::Rule, scheduler::ScheduleTarget};

/// The configuration that all functions share.
#[derive(Clone, Debug)]
pub struct Config {
    /// The parameters about deployments.
    pub policy: Policy,
    /// The format of messages.
    pub format: Format,
    /// Which messages people want.
    pub detail: NotificationDetail,
    /// The settings that all schedules share.
    pub target: ScheduleTarget,
    /// The ARN of the notification topic.
    pub topic_arn: String,
    /// Where the functions run.
    pub place: Place,
    /// The last part of the names of AWS endpoints in this partition: `amazonaws.com`.
    pub url_suffix: String,
    /// The rule that delivers notices. Only verify, which watches it, knows it.
    pub rule: Option<Rule>,
    /// `RequireReason`: what an operator changes needs a reason and a ticket. Only operate and
    /// console know it.
    pub require_reason: bool,
    /// `EnableDrills`: the rule accepts drills. Only operate and console know it.
    pub drills: bool,
    /// The ARN of the ingest function. Only verify and operate know it.
    pub ingest_arn: Option<String>,
    /// The URL of the dead-letter queue. Only operate knows it.
    pub dead_letter_queue_url: Option<String>,
}

impl Config {
    /// Reads each environment variable with `lookup`.
    ///
    /// # Errors
    /// Names every invalid parameter, with its value and a valid example.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut settings = Settings::new(lookup);
        let (policy, format, detail) = (settings.policy(), settings.format(), settings.detail());
        let target = ScheduleTarget {
            group: settings.required("SCHEDULE_GROUP"),
            deploy_arn: settings.required("DEPLOY_FUNCTION_ARN"),
            verify_arn: settings.required("VERIFY_FUNCTION_ARN"),
            role_arn: settings.required("SCHEDULER_ROLE_ARN"),
            dead_letter_queue_arn: settings.required("DEAD_LETTER_QUEUE_ARN"),
            kms_key_arn: lookup("KMS_KEY_ARN").filter(|key| !key.is_empty()),
        };
        let topic_arn = settings.required("NOTIFICATION_TOPIC_ARN");
        let place = Place {
            partition: settings.required("PARTITION"),
            region: settings.required("AWS_REGION"),
            account: settings.required("ACCOUNT_ID"),
        };
        let url_suffix = settings.required("URL_SUFFIX");
        let rule = lookup("RULE_NAME").zip(lookup("INGEST_FUNCTION_ARN"));
        let rule = rule.map(|(name, target_arn)| Rule { name, target_arn });
        let (require_reason, drills) = (settings.require_reason(), settings.drills());
        let (ingest_arn, dead_letter_queue_url) =
            (lookup("INGEST_FUNCTION_ARN"), lookup("DEAD_LETTER_QUEUE_URL"));
        settings.finish(Self {
            policy,
            format,
            detail,
            target,
            topic_arn,
            place,
            url_suffix,
            rule,
            require_reason,
            drills,
            ingest_arn,
            dead_letter_queue_url,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_variables_are_reported_together() {
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
            "URL_SUFFIX",
        ] {
            assert!(error.contains(variable), "{error}");
        }
    }
}
