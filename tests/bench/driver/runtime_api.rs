//! Lambda's Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use http_body_util::Full;
use hyper::{Response, body::Bytes, http::request::Parts};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Notify;

use crate::{
    aws::Aws,
    function::CpuClock,
    server::{Handler, response},
};

/// One invocation, from the event to the response.
#[derive(Clone, Serialize)]
pub(crate) struct Invocation {
    ms: f64,
    cpu_ms: f64,
    /// How often AWS was called, by operation.
    calls: BTreeMap<String, u32>,
    failed: bool,
    answer: Value,
}

pub(crate) struct RuntimeApi {
    events: RefCell<VecDeque<Value>>,
    pause: Duration,
    aws: Rc<Aws>,
    clocks: Cell<Option<(Instant, CpuClock)>>,
    start: Cell<Option<(f64, f64)>>,
    /// Milliseconds since the start, and of CPU time, when the current event was handed out.
    current: Cell<(f64, f64)>,
    invocations: RefCell<Vec<Invocation>>,
    asked: Notify,
    done: Notify,
}

impl RuntimeApi {
    pub(crate) fn new(events: Vec<Value>, pause: Duration, aws: Rc<Aws>) -> Self {
        Self {
            events: RefCell::new(events.into()),
            pause,
            aws,
            clocks: Cell::default(),
            start: Cell::default(),
            current: Cell::default(),
            invocations: RefCell::default(),
            asked: Notify::new(),
            done: Notify::new(),
        }
    }

    /// The function's process was started at this moment.
    pub(crate) fn started(&self, (at, clock): (Instant, CpuClock)) {
        self.clocks.set(Some((at, clock)));
    }

    pub(crate) async fn first_request(&self) {
        self.asked.notified().await;
    }

    pub(crate) async fn all_done(&self) {
        self.done.notified().await;
    }

    pub(crate) fn start(&self) -> (f64, f64) {
        self.start.get().unwrap_or_default()
    }

    pub(crate) fn invocations(&self) -> Vec<Invocation> {
        self.invocations.borrow().clone()
    }

    /// Milliseconds since the start, and of CPU time.
    fn now(&self) -> (f64, f64) {
        let (at, clock) = self.clocks.get().expect("a process that was started");
        (at.elapsed().as_secs_f64() * 1000.0, clock.ms())
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        if self.start.get().is_none() {
            self.start.set(Some(self.now()));
            self.asked.notify_one();
        }
        let Some(event) = self.events.borrow_mut().pop_front() else {
            self.done.notify_one();
            return std::future::pending().await;
        };
        if !self.invocations.borrow().is_empty() {
            tokio::time::sleep(self.pause).await;
        }
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis() + 900_000;
        let headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", &format!("request-{}", self.invocations.borrow().len())),
            ("lambda-runtime-deadline-ms", &deadline.to_string()),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-2:111122223333:function:bench"),
            ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
        ];
        let response = response(200, &headers, event.to_string().into_bytes());
        self.aws.take_calls();
        self.current.set(self.now());
        response
    }

    fn ended(&self, failed: bool, body: &[u8]) -> Response<Full<Bytes>> {
        let ((ms, cpu_ms), (from_ms, from_cpu_ms)) = (self.now(), self.current.get());
        self.invocations.borrow_mut().push(Invocation {
            ms: ms - from_ms,
            cpu_ms: cpu_ms - from_cpu_ms,
            calls: self.aws.take_calls(),
            failed,
            answer: serde_json::from_slice(body).unwrap_or_default(),
        });
        response(202, &[], br#"{"status":"OK"}"#.to_vec())
    }
}

impl Handler for RuntimeApi {
    async fn handle(&self, head: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
        match head.uri.path().rsplit('/').next() {
            Some("next") => self.next().await,
            Some("response") => self.ended(false, body),
            _ => {
                eprintln!("{} {}", head.uri.path(), String::from_utf8_lossy(body));
                self.ended(true, body)
            }
        }
    }
}
