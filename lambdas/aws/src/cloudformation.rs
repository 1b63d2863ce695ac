//! AWS CloudFormation's custom resources: the answer that it waits for.

use std::time::Duration;

use http::{Method, Request, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use crate::CallFailed;

const CALL: &str = "PUT of CloudFormation's ResponseURL";
/// For how long one try may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Answers a custom resource's request at its pre-signed URL
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>).
///
/// # Errors
/// The answer was not taken. Lambda tries the invocation again; without an answer the stack waits.
pub async fn answer(url: &str, answer: &Value) -> Result<(), CallFailed> {
    let failed = |error: &dyn std::error::Error| CallFailed::unexpected(CALL, error.to_string());
    let url: Uri = url.parse().map_err(|error| failed(&error))?;
    let connector = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| failed(&error))?;
    let client =
        Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build());
    // The signature covers no content type, so that none may be sent.
    let put = Request::builder().method(Method::PUT).uri(url).body(answer.to_string());
    let put = client.request(put.map_err(|error| failed(&error))?);
    let taken = tokio::time::timeout(PATIENCE, put).await.map_err(|error| failed(&error))?;
    let status = taken.map_err(|error| failed(&error))?.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(CallFailed::unexpected(CALL, format!("it was answered {status}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_that_nobody_answers_is_an_error_with_tls_too() {
        for url in ["https://127.0.0.1:1/x", "http://127.0.0.1:1/x", "no url"] {
            let failed = answer(url, &Value::Null).await.expect_err("nobody is there").to_string();
            assert!(failed.starts_with("PUT of CloudFormation's ResponseURL failed: "), "{failed}");
        }
    }
}
