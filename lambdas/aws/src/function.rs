//! AWS Lambda: hands an event to a function.

use aws_config::SdkConfig;
use serde_json::Value;

use crate::{CallFailed, call::JsonService};

/// The functions of this account and Region.
#[derive(Clone, Debug)]
pub struct Functions {
    lambda: JsonService,
}

impl Functions {
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        Self { lambda: JsonService::new(sdk.clone(), "lambda", "", url_suffix) }
    }

    /// Hands an event to a function, which Lambda invokes later. Lambda keeps the event and retries.
    ///
    /// # Errors
    /// Lambda did not accept the event.
    pub async fn hand_over(&self, function: &str, event: Value) -> Result<(), CallFailed> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-amz-invocation-type", "Event".to_owned()),
        ];
        self.lambda.send("Invoke", path, headers, event).await.map(drop)
    }

    /// The resource policy of a function. `None` if it has none.
    ///
    /// # Errors
    /// The call failed after its retries, or the policy is no JSON.
    pub async fn policy(&self, function: &str) -> Result<Option<Value>, CallFailed> {
        const CALL: &str = "GetPolicy";
        match self.lambda.get(CALL, format!("/2015-03-31/functions/{function}/policy")).await {
            Ok(answer) => {
                let policy = answer.get("Policy").and_then(Value::as_str).unwrap_or_default();
                let read = serde_json::from_str(policy);
                read.map(Some).map_err(|error| CallFailed::unexpected(CALL, error.to_string()))
            }
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The ARN of the execution role of a function.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn role(&self, function: &str) -> Result<String, CallFailed> {
        const CALL: &str = "GetFunctionConfiguration";
        let answer = self.lambda.get(CALL, format!("/2015-03-31/functions/{function}/configuration")).await?;
        let role = answer.get("Role").and_then(Value::as_str).map(str::to_owned);
        role.ok_or_else(|| CallFailed::unexpected(CALL, "the answer has no role"))
    }
}
