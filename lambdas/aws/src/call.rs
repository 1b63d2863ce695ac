//! Calls to AWS services of which the functions use a single operation.
//!
//! An SDK crate has all operations of its service: `aws-sdk-ssm` alone took a sixth of the time of a whole build. These
//! calls use the parts of which that crate is made: its runtime, with its signatures, timeouts and retries.

use aws_config::SdkConfig;
use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_sdk_scheduler::error::ErrorMetadata;
use aws_smithy_runtime::client::{
    identity::IdentityCache,
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
        identity::SharedIdentityResolver,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::Layer};
use aws_types::{SigningName, region::SigningRegion};
use serde_json::Value;

use crate::CallFailed;

/// An AWS service that speaks AWS JSON 1.1
/// (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>).
#[derive(Clone, Debug)]
pub(crate) struct JsonService {
    sdk: SdkConfig,
    endpoint: String,
    name: &'static str,
    target: &'static str,
    content_type: &'static str,
}

impl JsonService {
    /// The service with this signing name, which is also the name of its endpoint, and this target prefix. The URL
    /// suffix is that of the partition. `AWS_ENDPOINT_URL` wins over both.
    pub(crate) fn new(sdk: SdkConfig, name: &'static str, target: &'static str, url_suffix: &str) -> Self {
        let region = sdk.region().map_or("", |region| region.as_ref());
        let public = || format!("https://{name}.{region}.{url_suffix}");
        let endpoint = sdk.endpoint_url().map_or_else(public, str::to_owned);
        Self { sdk, endpoint, name, target, content_type: "application/x-amz-json-1.1" }
    }

    /// The same service, which speaks AWS JSON 1.0.
    pub(crate) fn json_1_0(self) -> Self {
        Self { content_type: "application/x-amz-json-1.0", ..self }
    }

    /// Sends a request and returns the response.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub(crate) async fn call(&self, operation: &'static str, body: Value) -> Result<Value, CallFailed> {
        let target = format!("{}.{operation}", self.target);
        let headers = [("content-type", self.content_type.to_owned()), ("x-amz-target", target)];
        self.send(operation, "/".to_owned(), headers.to_vec(), body).await
    }

    /// Posts a body to a path with these headers, and returns the response.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        path: String,
        headers: Vec<(&'static str, String)>,
        body: Value,
    ) -> Result<Value, CallFailed> {
        let mut call = Operation::builder()
            .service_name(self.name)
            .operation_name(operation)
            .endpoint_url(&self.endpoint)
            .runtime_plugin(self.signed())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .with_connection_poisoning();
        if let Some(version) = self.sdk.behavior_version() {
            call = call.behavior_version(version);
        }
        if let Some(client) = self.sdk.http_client() {
            call = call.http_client(client);
        }
        if let Some(retries) = self.sdk.retry_config() {
            call = call.standard_retry(retries);
        }
        if let Some(timeouts) = self.sdk.timeout_config() {
            call = call.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = self.sdk.sleep_impl() {
            call = call.sleep_impl(sleep);
        }
        let call = call
            .serializer(move |body: Value| request(&path, &headers, &body))
            .deserializer(response)
            .build();
        call.invoke(body).await.map_err(|error| CallFailed::new(operation, &error))
    }

    /// What the runtime needs to sign the request.
    fn signed(&self) -> StaticRuntimePlugin {
        let mut config = Layer::new("signature");
        config.store_put(AuthSchemeOptionResolverParams::new(()));
        config.store_put(SigV4OperationSigningConfig::default());
        config.store_put(SigningName::from_static(self.name));
        if let Some(region) = self.sdk.region() {
            config.store_put(SigningRegion::from(region.clone()));
        }
        let mut parts = RuntimeComponentsBuilder::new("signature")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_identity_cache(Some(
                self.sdk.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build()),
            ));
        if let Some(credentials) = self.sdk.credentials_provider() {
            parts.set_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
        }
        StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(parts)
    }
}

fn request(path: &str, headers: &[(&'static str, String)], body: &Value) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
    request.set_method("POST")?;
    request.set_uri(path)?;
    for (name, value) in headers {
        request.headers_mut().try_insert(*name, value.clone())?;
    }
    Ok(request)
}

fn response(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    let bytes = response.body().bytes().unwrap_or_default();
    if bytes.is_empty() && response.status().is_success() {
        return Ok(Value::Null);
    }
    let body: Value = serde_json::from_slice(bytes)
        .or_else(|error| if response.status().is_success() { Err(error) } else { Ok(Value::Null) })
        .map_err(OrchestratorError::other)?;
    if response.status().is_success() {
        return Ok(body);
    }
    let text = |names: [&str; 2]| names.iter().find_map(|name| body.get(name)?.as_str());
    // The code may be qualified: `com.amazonaws.ssm#InvalidDocument`, and `InvalidDocument:http://…`.
    let code = text(["__type", "code"]).and_then(|code| code.rsplit('#').next()?.split(':').next());
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code.or(response.headers().get("x-amzn-errortype")) {
        error = error.code(code);
    }
    if let Some(message) = text(["message", "Message"]) {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}
