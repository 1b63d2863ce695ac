//! For tests: an AWS that speaks its wire formats, answers as it is told, and keeps the requests.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test fails where it asks for what is not prepared"
)]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_scheduler::config::{
    Credentials, SharedCredentialsProvider,
    http::{HttpRequest, HttpResponse},
};
use aws_smithy_http_client::test_util::infallible_client_fn;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// As many as the functions use.
pub const ATTEMPTS: u32 = 12;

/// The beginnings of EventBridge Scheduler's calls; the schedule's name follows.
pub const CREATE: &str = "POST /schedules/";
/// Reads a schedule.
pub const READ: &str = "GET /schedules/";
/// Writes all of a schedule anew.
pub const UPDATE: &str = "PUT /schedules/";
/// Deletes a schedule.
pub const DELETE: &str = "DELETE /schedules/";

/// An HTTP status and a body.
pub type Answer = (u16, Value);
/// What was sent: the call with its body, less the random token. The call is `DescribeServices`, or
/// `PUT /schedules/NAME`; a form is an object of texts.
pub type Request = (String, Value);

type Rule = (String, Box<dyn FnMut(&str, &Value) -> Answer + Send>);

/// An AWS that answers as it is told. Out of itself it keeps schedules, and takes events and messages.
#[derive(Clone, Default)]
pub struct Aws(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    sent: Vec<Request>,
    schedules: BTreeMap<String, Value>,
}

impl Aws {
    /// One that gives these answers in this order, whatever is asked.
    pub fn that_answers(answers: impl IntoIterator<Item = Answer>) -> Self {
        let aws = Self::default();
        aws.on("", in_turn(&answers.into_iter().collect::<Vec<_>>()));
        aws
    }

    /// From now on answers calls that begin with `call` so.
    pub fn on(&self, call: &str, answer: impl FnMut(&str, &Value) -> Answer + Send + 'static) {
        self.state().rules.push((call.to_owned(), Box::new(answer)));
    }

    /// From now on gives calls that begin with `call` always this answer.
    pub fn always(&self, call: &str, answer: Answer) {
        self.on(call, move |_, _| answer.clone());
    }

    /// From now on ECS has one service, and these are its tasks, by their desired status. Each is what ECS
    /// would tell of it, less its ARN.
    pub fn service(&self, service: &Value, running: &[Value], stopped: &[Value]) {
        const PAGE: usize = 100;
        let tasks: BTreeMap<String, (&str, Value)> = [("RUNNING", running), ("STOPPED", stopped)]
            .into_iter()
            .flat_map(|(status, tasks)| tasks.iter().zip(1..).map(move |(task, nth)| (status, task, nth)))
            .map(|(status, task, nth)| {
                let arn = format!("arn:aws:ecs:eu-west-2:111122223333:task/prod/{status}{nth:032}");
                (arn.clone(), (status, merged(&json!({"taskArn": arn}), task)))
            })
            .collect();
        let all = tasks.clone();
        self.always("DescribeServices", (200, json!({"services": [service]})));
        self.on("ListTasks", move |_, asked| {
            let from = asked["nextToken"].as_str().map_or(0, |token| token.parse().expect("our token"));
            let of = |(_, (status, _)): &(&String, &(&str, Value))| asked["desiredStatus"] == *status;
            let arns: Vec<&String> = tasks.iter().filter(of).map(|(arn, _)| arn).skip(from).collect();
            let next = (arns.len() > PAGE).then(|| (from + PAGE).to_string());
            (200, json!({"taskArns": arns.iter().take(PAGE).collect::<Vec<_>>(), "nextToken": next}))
        });
        self.on("DescribeTasks", move |_, asked| {
            let asked = asked["tasks"].as_array().expect("a list");
            assert!(asked.len() <= PAGE, "ECS describes a hundred tasks at most");
            let found = asked.iter().map(|arn| &all[arn.as_str().expect("an ARN")].1);
            (200, json!({"tasks": found.collect::<Vec<_>>(), "failures": []}))
        });
    }

    /// The SDK's configuration with which it is reached.
    #[must_use]
    pub fn sdk(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let aws = self.clone();
        let client = infallible_client_fn(move |request| {
            let request = HttpRequest::try_from(request).expect("a request");
            aws.answer(&request).try_into_http1x().expect("a response")
        });
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .http_client(client)
            .build()
    }

    /// What was sent.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state().sent.clone()
    }

    /// The bodies of the calls that begin with `call`.
    #[must_use]
    pub fn sent(&self, call: &str) -> Vec<Value> {
        self.requests().into_iter().filter(|(name, _)| name.starts_with(call)).map(|(_, body)| body).collect()
    }

    /// Forgets what was sent.
    pub fn forget(&self) {
        self.state().sent.clear();
    }

    /// The schedules that are there, by name, as they were written.
    #[must_use]
    pub fn schedules(&self) -> BTreeMap<String, Value> {
        self.state().schedules.clone()
    }

    /// Puts a schedule there.
    pub fn schedule(&self, name: &str, written: Value) {
        self.state().schedules.insert(name.to_owned(), written);
    }

    /// Takes a schedule away, as when it has fired, or a person deletes it.
    pub fn take(&self, name: &str) {
        self.state().schedules.remove(name).expect("it is there");
    }

    /// The input of a schedule that is there.
    #[must_use]
    pub fn input_of(&self, name: &str) -> Value {
        let schedules = self.schedules();
        let schedule =
            schedules.get(name).unwrap_or_else(|| panic!("{name} is not there: {:?}", schedules.keys()));
        serde_json::from_str(schedule["Target"]["Input"].as_str().expect("a text")).expect("JSON")
    }

    /// The events that were put, each with its detail as a value.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let entries = self
            .sent("PutEvents")
            .into_iter()
            .flat_map(|call| call["Entries"].as_array().cloned().expect("a list of entries"));
        entries
            .map(|mut entry| {
                entry["Detail"] =
                    serde_json::from_str(entry["Detail"].as_str().expect("text")).expect("JSON");
                entry
            })
            .collect()
    }

    /// The kinds of the events that were put, with the service that each is about, as far as it is about one.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let told = |event: &Value| {
            let kind = event["DetailType"].as_str().expect("a text");
            format!("{kind}: {}", event["Detail"]["service"].as_str().unwrap_or("-"))
        };
        self.events().iter().map(told).collect()
    }

    /// The texts of the messages that were published.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let text = |call: &Value| call["Message"].as_str().expect("a text").to_owned();
        self.sent("Publish").iter().map(text).collect()
    }

    /// The subjects of the messages that were published.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        let subject = |call: &Value| call["Subject"].as_str().expect("a text").to_owned();
        self.sent("Publish").iter().map(subject).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test has failed")
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let (call, body) = read(request);
        let mut state = self.state();
        state.sent.push((call.clone(), body.clone()));
        let rule = state.rules.iter_mut().rev().find(|(name, _)| call.starts_with(name.as_str()));
        let (status, answer) = match rule {
            Some((_, answer)) => answer(&call, &body),
            None => state.out_of_itself(&call, body),
        };
        let body = match call.as_str() {
            "Publish" => xml(status, &answer).into_bytes(),
            "DescribeAlarms" => cbor(&answer),
            _ => answer.to_string().into_bytes(),
        };
        let mut response = HttpResponse::new(status.try_into().expect("an HTTP status"), body.into());
        if call == "DescribeAlarms" {
            response.headers_mut().insert("smithy-protocol", "rpc-v2-cbor");
        }
        response
    }
}

impl State {
    fn out_of_itself(&mut self, call: &str, body: Value) -> Answer {
        let named = |beginning| Some(call.strip_prefix(beginning)?.split('?').next()?.to_owned());
        let no_such = || (404, json!({"__type": "ResourceNotFoundException", "Message": "no such schedule"}));
        let written = || (200, json!({"ScheduleArn": "arn:schedule"}));
        if let Some(name) = named(CREATE) {
            if self.schedules.contains_key(&name) {
                return (409, json!({"__type": "ConflictException", "Message": "it is there"}));
            }
            self.schedules.insert(name, body);
            written()
        } else if let Some(name) = named(READ) {
            self.schedules.get(&name).map_or_else(no_such, |schedule| (200, schedule.clone()))
        } else if let Some(name) = named(UPDATE) {
            self.schedules.get_mut(&name).map_or_else(no_such, |schedule| {
                *schedule = body;
                written()
            })
        } else if let Some(name) = named(DELETE) {
            self.schedules.remove(&name).map_or_else(no_such, |_| (200, json!({})))
        } else if call == "DescribeServices" {
            (200, json!({"services": [], "failures": []}))
        } else if call == "DescribeTaskDefinition" {
            let container = json!({"name": "app", "image": "example/app@sha256:0123"});
            (200, json!({"taskDefinition": {"containerDefinitions": [container]}}))
        } else if call == "PutEvents" {
            let entries = body["Entries"].as_array().expect("a list of entries");
            let ids: Vec<Value> =
                entries.iter().zip(1..).map(|(_, nth)| json!({"EventId": format!("{nth}")})).collect();
            (200, json!({"FailedEntryCount": 0, "Entries": ids}))
        } else if call == "Publish" {
            (200, json!({"MessageId": "94f20ce6-13c5-43a0-9a9e-ca52d816e90b"}))
        } else {
            panic!("no answer is prepared for {call} {body}");
        }
    }
}

/// The configuration that the template would set.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    let value = match name {
        "SCHEDULE_GROUP" => "the-group",
        "DEPLOY_FUNCTION_ARN" => "arn:deploy",
        "VERIFY_FUNCTION_ARN" => "arn:verify",
        "SCHEDULER_ROLE_ARN" => "arn:aws:iam::111122223333:role/the-role",
        "DEAD_LETTER_QUEUE_ARN" => "arn:queue",
        "NOTIFICATION_TOPIC_ARN" => "arn:aws:sns:eu-west-2:111122223333:the-topic",
        "AWS_REGION" => "eu-west-2",
        "ACCOUNT_ID" => "111122223333",
        "PARTITION" => "aws",
        _ => return None,
    };
    Some(value.to_owned())
}

/// The same with these parameters, by their variables.
pub fn environment_with(over: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
    let over: BTreeMap<String, String> =
        over.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| over.get(name).cloned().or_else(|| environment(name))
}

/// Gives these answers in this order.
pub fn in_turn(answers: &[Answer]) -> impl FnMut(&str, &Value) -> Answer + Send + use<> {
    let mut answers: VecDeque<Answer> = answers.iter().cloned().collect();
    move |call, body| answers.pop_front().unwrap_or_else(|| panic!("no answer is left for {call} {body}"))
}

/// An error of AWS, as it comes over the wire.
#[must_use]
pub fn error(code: &str, message: &str) -> Answer {
    (400, json!({"__type": code, "message": message}))
}

/// An object with the values of another over its own.
#[must_use]
pub fn merged(object: &Value, over: &Value) -> Value {
    let fields = |value: &Value| value.as_object().cloned().expect("an object");
    fields(object).into_iter().chain(fields(over)).collect::<Map<_, _>>().into()
}

fn read(request: &HttpRequest) -> Request {
    let bytes = request.body().bytes().expect("bytes");
    let path = request.uri().trim_start_matches("https://").split_once('/').expect("a path").1;
    let path = path.split("clientToken=").next().unwrap_or_default().trim_end_matches(['?', '&']);
    if request.headers().get("content-type") == Some("application/x-www-form-urlencoded") {
        let mut form = form(std::str::from_utf8(bytes).expect("a text"));
        let action = form.remove("Action").expect("an action");
        return (action.as_str().expect("a text").to_owned(), form.into());
    }
    if let Some((_, action)) = path.split_once("/operation/") {
        return (action.to_owned(), ciborium::from_reader(bytes).expect("CBOR"));
    }
    let mut body: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    if let Some(body) = body.as_object_mut() {
        body.remove("ClientToken");
    }
    let call = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    (call.map_or_else(|| format!("{} /{path}", request.method()), str::to_owned), body)
}

fn form(text: &str) -> Map<String, Value> {
    let decoded =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().expect("UTF-8").into_owned();
    let pairs = text.split('&').map(|pair| pair.split_once('=').expect("a name and a value"));
    pairs.map(|(name, value)| (decoded(name), json!(decoded(value)))).collect()
}

/// The answer of Amazon CloudWatch, which speaks CBOR.
fn cbor(answer: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(answer, &mut bytes).expect("a value");
    bytes
}

/// The answer of SNS, which speaks the query protocol.
fn xml(status: u16, answer: &Value) -> String {
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    let (xmlns, id) = ("http://sns.amazonaws.com/doc/2010-03-31/", "f187a3c1-376f-11df-8963-01868b7c937a");
    if status == 200 {
        format!(
            "<PublishResponse xmlns=\"{xmlns}\"><PublishResult><MessageId>{}</MessageId></PublishResult>\
             <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></PublishResponse>",
            text("MessageId")
        )
    } else {
        format!(
            "<ErrorResponse xmlns=\"{xmlns}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>{id}</RequestId></ErrorResponse>",
            text("__type"),
            text("message")
        )
    }
}
