//! Amazon EventBridge: the rule that delivers notices.

use aws_config::SdkConfig;
use serde_json::{Value, json};

use crate::{CallFailed, call::JsonService};

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
    events: JsonService,
}

impl EventRules {
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        Self { events: JsonService::new(sdk.clone(), "events", "AWSEvents", url_suffix) }
    }

    /// Why the rule does not deliver events to its function. `None` if it does.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn fault(&self, rule: &Rule) -> Result<Option<String>, CallFailed> {
        let Rule { name, target_arn } = rule;
        let described = match self.events.call("DescribeRule", json!({"Name": name})).await {
            Ok(described) => described,
            Err(error) if error.code() == Some("ResourceNotFoundException") => {
                return Ok(Some(format!("the rule {name} does not exist")));
            }
            Err(error) => return Err(error),
        };
        // Another state also enables a rule, for events of AWS CloudTrail.
        let state = described.get("State").and_then(Value::as_str);
        if !state.is_some_and(|state| state.starts_with("ENABLED")) {
            return Ok(Some(format!("the rule {name} is disabled")));
        }
        let listed = self.events.call("ListTargetsByRule", json!({"Rule": name})).await?;
        let mut targets = listed.get("Targets").and_then(Value::as_array).into_iter().flatten();
        let invokes =
            targets.any(|target| target.get("Arn").and_then(Value::as_str) == Some(target_arn.as_str()));
        Ok((!invokes).then(|| format!("the rule {name} does not invoke {target_arn}")))
    }

    /// The ARN of the rule, and whether its pattern matches `event`.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn matches(&self, rule: &Rule, event: &Value) -> Result<(String, bool), CallFailed> {
        let described = self.events.call("DescribeRule", json!({"Name": rule.name})).await?;
        let text = |field: &str| described.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let asked = json!({"EventPattern": text("EventPattern"), "Event": event.to_string()});
        let answer = self.events.call("TestEventPattern", asked).await?;
        Ok((text("Arn"), answer.get("Result").and_then(Value::as_bool).unwrap_or_default()))
    }
}
