//! The environment variables that the template sets.

use std::collections::BTreeMap;

/// The value of an environment variable, as the template sets it without parameters, but with a message for each service.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    let value = match name {
        "SCHEDULE_GROUP" => "the-group",
        "DEPLOY_FUNCTION_ARN" => "arn:deploy",
        "VERIFY_FUNCTION_ARN" => "arn:verify",
        "SCHEDULER_ROLE_ARN" => "arn:aws:iam::111122223333:role/the-role",
        "DEAD_LETTER_QUEUE_ARN" => "arn:queue",
        "NOTIFICATION_TOPIC_ARN" => "arn:aws:sns:eu-west-2:111122223333:the-topic",
        "AWS_REGION" => "eu-west-2",
        "ACCOUNT_ID" => "111122223333",
        "PARTITION" => "aws",
        "URL_SUFFIX" => "amazonaws.com",
        "NOTIFICATION_DETAIL" => "each",
        _ => return None,
    };
    Some(value.to_owned())
}

/// The same environment with these variables over it.
pub fn environment_with(over: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
    let over: BTreeMap<String, String> =
        over.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| over.get(name).cloned().or_else(|| environment(name))
}
