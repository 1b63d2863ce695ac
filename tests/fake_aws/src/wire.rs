//! AWS's wire formats: requests are read into a call with its body, and answers are written.

use http::{Response, request::Parts};
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
    /// A form, answered in XML: Amazon SNS, AWS CloudFormation.
    Query,
}

pub(crate) fn read(head: &Parts, body: &[u8]) -> (Protocol, Request) {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let path = head.uri.path_and_query().expect("a path").as_str();
    if header("content-type") == Some("application/x-www-form-urlencoded") {
        let pairs = form_urlencoded::parse(body).into_owned();
        let mut form: Map<String, Value> = pairs.map(|(name, value)| (name, json!(value))).collect();
        let action = form.remove("Action").expect("an action");
        return (Protocol::Query, (action.as_str().expect("a text").to_owned(), form.into()));
    }
    let mut body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if let Some(fields) = body.as_object_mut() {
        fields.remove("ClientToken");
    }
    let call = header("x-amz-target").and_then(|target| target.rsplit('.').next());
    let path = path.split("clientToken=").next().unwrap_or_default().trim_end_matches(['?', '&']);
    let call = call.map_or_else(|| format!("{} {path}", head.method), str::to_owned);
    (Protocol::Json, (call, body))
}

pub(crate) fn write(protocol: Protocol, call: &str, (status, body): &Answer) -> Response<Vec<u8>> {
    let bytes = match protocol {
        Protocol::Json => body.to_string().into_bytes(),
        Protocol::Query => xml(call, *status, body).into_bytes(),
    };
    Response::builder().status(*status).body(bytes).expect("an HTTP response")
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
    let result = elements(body);
    format!(
        "<{call}Response xmlns=\"{NAMESPACE}\"><{call}Result>{result}</{call}Result>\
         <ResponseMetadata>{REQUEST}</ResponseMetadata></{call}Response>"
    )
}

/// The fields of an object as elements, the members of a list as `member`, and a text as it is.
fn elements(value: &Value) -> String {
    let element = |name: &str, value: &Value| format!("<{name}>{}</{name}>", elements(value));
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| element(name, value)).collect(),
        Value::Array(members) => members.iter().map(|value| element("member", value)).collect(),
        value => value.as_str().unwrap_or_default().to_owned(),
    }
}
