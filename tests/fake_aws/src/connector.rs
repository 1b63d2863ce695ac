//! The HTTP connector through which the SDK reaches the fake.

use std::time::Duration;

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    shared::IntoShared as _,
};

use crate::Aws;

/// How long a request takes to reach AWS, and its response to come back.
pub type Latency = (Duration, Duration);

/// Answers each request from the fake, after its latency.
#[derive(Clone, Debug)]
pub(crate) struct Connector(pub(crate) Aws);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().expect("a request of HTTP/1");
            let (head, body) = request.into_parts();
            let latency = aws.latency();
            if let Some((there, _)) = latency {
                tokio::time::sleep(there).await;
            }
            let response = aws.respond(&head, body.bytes().expect("a body in memory"));
            if let Some((_, back)) = latency {
                tokio::time::sleep(back).await;
            }
            Ok(HttpResponse::try_from(response.map(Into::into)).expect("a response of HTTP/1"))
        })
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.clone().into_shared()
    }
}
