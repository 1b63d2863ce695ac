//! AWS CloudFormation: the responses of custom resources, and the states of stacks.

use std::time::Duration;

use aws_config::SdkConfig;
use http::{Method, Request, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use crate::{
    CallFailed, best_effort,
    call::{QueryService, text},
};

const CALL: &str = "PUT of CloudFormation's ResponseURL";
/// The timeout of the request.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Sends the response of a custom resource to its pre-signed URL
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>).
///
/// # Errors
/// The request failed or was rejected. The caller must fail, so that Lambda retries the invocation: the stack
/// operation waits for the response.
pub async fn answer(url: &str, answer: &Value) -> Result<(), CallFailed> {
    let failed = |error: &dyn std::error::Error| CallFailed::unexpected(CALL, error.to_string());
    let url: Uri = url.parse().map_err(|error| failed(&error))?;
    let connector = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| failed(&error))?;
    let client =
        Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build());
    // The signature does not cover a Content-Type header, so the request must not have one.
    let put = Request::builder().method(Method::PUT).uri(url).body(answer.to_string());
    let put = client.request(put.map_err(|error| failed(&error))?);
    let response = tokio::time::timeout(TIMEOUT, put).await.map_err(|error| failed(&error))?;
    let status = response.map_err(|error| failed(&error))?.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(CallFailed::unexpected(CALL, format!("HTTP status {status}")))
    }
}

/// The stacks of this account and Region.
#[derive(Clone, Debug)]
pub struct Stacks {
    stacks: QueryService,
}

impl Stacks {
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        Self { stacks: QueryService::new(best_effort(sdk), "cloudformation", "2010-05-15", url_suffix) }
    }

    /// Whether AWS CloudFormation is rolling this stack back.
    ///
    /// # Errors
    /// The call failed after its retries, or returned no stack.
    pub async fn is_rolling_back(&self, stack: &str) -> Result<bool, CallFailed> {
        const CALL: &str = "DescribeStacks";
        let answer = self.stacks.call(CALL, &[("StackName", stack)]).await?;
        let status = text(&answer, "StackStatus").ok_or_else(|| CallFailed::unexpected(CALL, "no stack"))?;
        Ok(matches!(status.as_str(), "ROLLBACK_IN_PROGRESS" | "UPDATE_ROLLBACK_IN_PROGRESS"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unreachable_url_is_an_error_with_and_without_tls() {
        for url in ["https://127.0.0.1:1/x", "http://127.0.0.1:1/x", "no url"] {
            let failed = answer(url, &Value::Null).await.expect_err("unreachable").to_string();
            assert!(failed.starts_with("PUT of CloudFormation's ResponseURL failed: "), "{failed}");
        }
    }
}
