//! An AWS that gives prepared answers, one for each request, and keeps the requests.

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_scheduler::config::{
    Credentials, SharedCredentialsProvider,
    http::{HttpRequest, HttpResponse},
};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use serde_json::{Value, json};

/// As many as the functions use.
pub(crate) const ATTEMPTS: u32 = 12;

/// An HTTP status and a body.
pub(crate) type Answer = (u16, Value);

pub(crate) struct Aws(StaticReplayClient);

impl Aws {
    pub(crate) fn that_answers(answers: impl IntoIterator<Item = Answer>) -> Self {
        let event = |(status, body): Answer| {
            let status = status.try_into().expect("an HTTP status");
            let response = HttpResponse::new(status, body.to_string().into());
            ReplayEvent::new(HttpRequest::new("".into()), response)
        };
        Self(StaticReplayClient::new(answers.into_iter().map(event).collect()))
    }

    pub(crate) fn sdk(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .http_client(self.0.clone())
            .build()
    }

    /// What was sent: the call (`DescribeServices`, or `PUT /schedules/NAME`) with its body, less the random
    /// token.
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        self.0.actual_requests().map(read).collect()
    }
}

fn read(request: &HttpRequest) -> (String, Value) {
    let mut body: Value =
        serde_json::from_slice(request.body().bytes().expect("bytes")).unwrap_or(Value::Null);
    if let Some(body) = body.as_object_mut() {
        body.remove("ClientToken");
    }
    let call = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    let path = request.uri().trim_start_matches("https://").split_once('/').expect("a path").1;
    let path = path.split("clientToken=").next().unwrap_or_default().trim_end_matches(['?', '&']);
    (call.map_or_else(|| format!("{} /{path}", request.method()), str::to_owned), body)
}

/// An error of AWS, as it comes over the wire.
pub(crate) fn error(code: &str, message: &str) -> Answer {
    (400, json!({"__type": code, "message": message}))
}
