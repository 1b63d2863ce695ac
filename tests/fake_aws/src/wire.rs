//! AWS's wire formats: requests are read into a call with its body, and answers are written.

use std::fmt::Write as _;

use aws_sdk_scheduler::config::http::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

/// An HTTP status and a body.
pub type Answer = (u16, Value);

/// A call and its body, without the random token. The call is `DescribeServices`, or `PUT /schedules/NAME` where the
/// protocol has no names of calls. A form is an object of texts.
pub type Request = (String, Value);

/// How an AWS service encodes requests and answers.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    /// JSON: ECS, EventBridge, EventBridge Scheduler and most others.
    Json,
    /// A form, answered in XML: Amazon SNS.
    Query,
    /// CBOR: Amazon CloudWatch.
    Cbor,
}

pub(crate) fn read(request: &HttpRequest) -> (Protocol, Request) {
    let bytes = request.body().bytes().expect("a body in memory");
    let path = request.uri().trim_start_matches("https://").split_once('/').expect("a path").1;
    if request.headers().get("content-type") == Some("application/x-www-form-urlencoded") {
        let pairs = form_urlencoded::parse(bytes).into_owned();
        let mut form: Map<String, Value> = pairs.map(|(name, value)| (name, json!(value))).collect();
        let action = form.remove("Action").expect("an action");
        return (Protocol::Query, (action.as_str().expect("a text").to_owned(), form.into()));
    }
    if let Some((_, action)) = path.split_once("/operation/") {
        return (Protocol::Cbor, (action.to_owned(), ciborium::from_reader(bytes).expect("CBOR")));
    }
    let mut body: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    if let Some(fields) = body.as_object_mut() {
        fields.remove("ClientToken");
    }
    let call = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    let path = path.split("clientToken=").next().unwrap_or_default().trim_end_matches(['?', '&']);
    let call = call.map_or_else(|| format!("{} /{path}", request.method()), str::to_owned);
    (Protocol::Json, (call, body))
}

pub(crate) fn write(protocol: Protocol, call: &str, (status, body): &Answer) -> HttpResponse {
    let bytes = match protocol {
        Protocol::Json => body.to_string().into_bytes(),
        Protocol::Query => xml(call, *status, body).into_bytes(),
        Protocol::Cbor => cbor(body),
    };
    let mut response = HttpResponse::new((*status).try_into().expect("an HTTP status"), bytes.into());
    if let Protocol::Cbor = protocol {
        response.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
    }
    response
}

fn cbor(body: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(body, &mut bytes).expect("a JSON value");
    bytes
}

fn xml(call: &str, status: u16, body: &Value) -> String {
    const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
    const REQUEST: &str = "<RequestId>f187a3c1-376f-11df-8963-01868b7c937a</RequestId>";
    let text = |field: &str| body[field].as_str().unwrap_or_default();
    if status != 200 {
        let (code, message) = (text("__type"), text("message"));
        let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
        return format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>{error}</Error>{REQUEST}</ErrorResponse>"
        );
    }
    let mut result = String::new();
    for field in body.as_object().expect("an object").keys() {
        write!(result, "<{field}>{}</{field}>", text(field)).expect("a text takes every write");
    }
    format!(
        "<{call}Response xmlns=\"{NAMESPACE}\"><{call}Result>{result}</{call}Result>\
         <ResponseMetadata>{REQUEST}</ResponseMetadata></{call}Response>"
    )
}
