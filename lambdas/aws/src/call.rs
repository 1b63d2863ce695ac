//! Calls to AWS services of which the functions use a few operations.
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
use aws_smithy_types::{body::SdkBody, config_bag::Layer, error::ErrorMetadata};
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use aws_types::{SigningName, region::SigningRegion};
use serde::Serialize;
use serde_json::Value;

use crate::CallFailed;

/// An AWS service that speaks AWS JSON 1.1
/// (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>).
#[derive(Clone, Debug)]
pub(crate) struct JsonService {
    service: Service,
    target: &'static str,
    content_type: &'static str,
}

impl JsonService {
    /// The service with this signing name, which is also the name of its endpoint, and this target prefix. The URL
    /// suffix is that of the partition. `AWS_ENDPOINT_URL` wins over both.
    pub(crate) fn new(sdk: SdkConfig, name: &'static str, target: &'static str, url_suffix: &str) -> Self {
        let service = Service::new(sdk, name, url_suffix);
        Self { service, target, content_type: "application/x-amz-json-1.1" }
    }

    /// The same service, which speaks AWS JSON 1.0.
    pub(crate) fn json_1_0(self) -> Self {
        Self { content_type: "application/x-amz-json-1.0", ..self }
    }

    /// Sends a request and returns the response.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub(crate) async fn call(
        &self,
        operation: &'static str,
        body: impl Serialize,
    ) -> Result<Value, CallFailed> {
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
        body: impl Serialize,
    ) -> Result<Value, CallFailed> {
        let body = serde_json::to_string(&body);
        let body = body.map_err(|error| CallFailed::unexpected(operation, error.to_string()))?;
        self.service.send(operation, Sent { method: "POST", path, headers, body }, json).await
    }

    /// Gets what a path names.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub(crate) async fn get(&self, operation: &'static str, path: String) -> Result<Value, CallFailed> {
        self.service
            .send(operation, Sent { method: "GET", path, headers: Vec::new(), body: String::new() }, json)
            .await
    }
}

/// An AWS service that takes a form and answers in XML
/// (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>).
#[derive(Clone, Debug)]
pub(crate) struct QueryService {
    service: Service,
    version: &'static str,
}

impl QueryService {
    /// The service with this signing name, which is also the name of its endpoint, and this version of its API.
    pub(crate) fn new(sdk: SdkConfig, name: &'static str, version: &'static str, url_suffix: &str) -> Self {
        Self { service: Service::new(sdk, name, url_suffix), version }
    }

    /// A service with one endpoint for all Regions, on this host. The SDK configuration has the Region of its signatures.
    pub(crate) fn global(sdk: SdkConfig, name: &'static str, version: &'static str, host: &str) -> Self {
        let endpoint = sdk.endpoint_url().map_or_else(|| format!("https://{host}"), str::to_owned);
        Self { service: Service { sdk, endpoint, name }, version }
    }

    /// Sends a request and returns the response. [`text`] finds an element in it.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub(crate) async fn call(
        &self,
        operation: &'static str,
        fields: &[(&str, &str)],
    ) -> Result<String, CallFailed> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", self.version).extend_pairs(fields);
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let sent = Sent { method: "POST", path: "/".to_owned(), headers, body: form.finish() };
        self.service.send(operation, sent, xml).await
    }
}

/// The text of the first element of this name.
pub(crate) fn text(document: &str, name: &str) -> Option<String> {
    fn within(scope: &mut ScopedDecoder<'_, '_>, name: &str) -> Option<String> {
        while let Some(mut element) = scope.next_tag() {
            if element.start_el().local() == name {
                return try_data(&mut element).ok().map(String::from);
            }
            if let Some(found) = within(&mut element, name) {
                return Some(found);
            }
        }
        None
    }
    within(&mut Document::new(document).root_element().ok()?, name)
}

/// The members of the first list of this name. Of each, the texts of the elements of these names, at any depth.
pub(crate) fn members(document: &str, list: &str, names: &[&str]) -> Vec<Vec<Option<String>>> {
    fn collect(scope: &mut ScopedDecoder<'_, '_>, names: &[&str], found: &mut [Option<String>]) {
        while let Some(mut element) = scope.next_tag() {
            let wanted = names.iter().position(|name| element.start_el().local() == *name);
            match wanted.and_then(|nth| found.get_mut(nth)) {
                Some(text) => *text = text.take().or_else(|| try_data(&mut element).ok().map(String::from)),
                None => collect(&mut element, names, found),
            }
        }
    }
    fn of_list(
        scope: &mut ScopedDecoder<'_, '_>,
        list: &str,
        names: &[&str],
    ) -> Option<Vec<Vec<Option<String>>>> {
        while let Some(mut element) = scope.next_tag() {
            if element.start_el().local() != list {
                if let Some(found) = of_list(&mut element, list, names) {
                    return Some(found);
                }
                continue;
            }
            let mut members = Vec::new();
            while let Some(mut member) = element.next_tag() {
                let mut found = vec![None; names.len()];
                collect(&mut member, names, &mut found);
                members.push(found);
            }
            return Some(members);
        }
        None
    }
    let mut document = Document::new(document);
    let found = document.root_element().ok().and_then(|mut root| of_list(&mut root, list, names));
    found.unwrap_or_default()
}

/// A request.
struct Sent {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// An AWS service, whatever its protocol.
#[derive(Clone, Debug)]
struct Service {
    sdk: SdkConfig,
    endpoint: String,
    name: &'static str,
}

type Read<T> = fn(&HttpResponse) -> Result<T, OrchestratorError<ErrorMetadata>>;

impl Service {
    fn new(sdk: SdkConfig, name: &'static str, url_suffix: &str) -> Self {
        let region = sdk.region().map_or("", |region| region.as_ref());
        let public = || format!("https://{name}.{region}.{url_suffix}");
        let endpoint = sdk.endpoint_url().map_or_else(public, str::to_owned);
        Self { sdk, endpoint, name }
    }

    async fn send<T: std::fmt::Debug + Send + Sync + 'static>(
        &self,
        operation: &'static str,
        Sent { method, path, headers, body }: Sent,
        read: Read<T>,
    ) -> Result<T, CallFailed> {
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
            .serializer(move |body: String| request(method, &path, &headers, body))
            .deserializer(read)
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

fn request(
    method: &str,
    path: &str,
    headers: &[(&'static str, String)],
    body: String,
) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method(method)?;
    request.set_uri(path)?;
    for (name, value) in headers {
        request.headers_mut().try_insert(*name, value.clone())?;
    }
    Ok(request)
}

fn json(response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
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
    let code = code.or(response.headers().get("x-amzn-errortype"));
    Err(failure(code, text(["message", "Message"])))
}

fn xml(response: &HttpResponse) -> Result<String, OrchestratorError<ErrorMetadata>> {
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    if response.status().is_success() {
        return Ok(body);
    }
    Err(failure(text(&body, "Code").as_deref(), text(&body, "Message").as_deref()))
}

fn failure(code: Option<&str>, message: Option<&str>) -> OrchestratorError<ErrorMetadata> {
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code {
        error = error.code(code);
    }
    if let Some(message) = message {
        error = error.message(message);
    }
    OrchestratorError::operation(error.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_at_any_depth() {
        let document =
            "<R><Error><Type>Sender</Type><Code>Throttling</Code><Message>a &amp; b</Message></Error></R>";
        assert_eq!(text(document, "Code").as_deref(), Some("Throttling"));
        assert_eq!(text(document, "Message").as_deref(), Some("a & b"));
        assert_eq!(text(document, "StackStatus"), None);
        assert_eq!(text("no XML", "Code"), None);
    }

    #[test]
    fn the_members_of_a_list_are_read_with_what_they_lack() {
        let document = "<R><Result><Subscriptions><member><Protocol>email</Protocol><A><Deep>x</Deep></A></member>\
                        <member><Deep>y</Deep></member></Subscriptions><NextToken>t</NextToken></Result></R>";
        let some = |text: &str| Some(text.to_owned());
        let expected = [vec![some("email"), some("x")], vec![None, some("y")]];
        assert_eq!(members(document, "Subscriptions", &["Protocol", "Deep"]), expected);
        assert!(members(document, "Others", &["Deep"]).is_empty() && members("no XML", "x", &[]).is_empty());
    }
}
