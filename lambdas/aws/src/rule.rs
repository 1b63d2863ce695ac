//! Amazon EventBridge: the rule that delivers notices.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::{Client, operation::describe_rule::DescribeRuleError};

use crate::CallFailed;

/// A rule, and the function that it must invoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name of the rule on the default event bus.
    pub name: String,
    /// The ARN of the function.
    pub target_arn: String,
}

/// The rules of this account and Region.
#[derive(Clone, Debug)]
pub struct EventRules {
    client: Client,
}

impl EventRules {
    /// Uses the account and Region of the SDK configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }

    /// Why the rule does not deliver events to its function. `None` if it does.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn fault(&self, rule: &Rule) -> Result<Option<String>, CallFailed> {
        let Rule { name, target_arn } = rule;
        let state = match self.client.describe_rule().name(name).send().await {
            Ok(described) => described.state,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeRuleError::is_resource_not_found_exception) =>
            {
                return Ok(Some(format!("the rule {name} does not exist")));
            }
            Err(error) => return Err(CallFailed::new("DescribeRule", &error)),
        };
        // Another state also enables a rule, for events of AWS CloudTrail.
        if !state.is_some_and(|state| state.as_str().starts_with("ENABLED")) {
            return Ok(Some(format!("the rule {name} is disabled")));
        }
        let targets = self.client.list_targets_by_rule().rule(name).send().await;
        let targets = targets.map_err(|error| CallFailed::new("ListTargetsByRule", &error))?;
        let invokes = targets.targets().iter().any(|target| target.arn() == target_arn);
        Ok((!invokes).then(|| format!("the rule {name} does not invoke {target_arn}")))
    }
}
