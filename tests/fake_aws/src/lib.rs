//! A fake AWS for tests. The functions speak to it through the real SDK, in AWS's wire formats.
//!
//! It answers in two ways:
//! - **From memory.** [`Memory`] holds schedules, ECS services whose deployments and tasks change over time, events
//!   and messages. It answers the calls that the functions make about them.
//! - **With prepared answers.** A test prepares an answer for a call with [`Aws::always`] and [`Aws::on`]. Prepared
//!   answers win over the memory, and newer ones over older ones.
//!
//! A call with neither fails the test. Every request is recorded. With [`Aws::limit`], AWS throttles calls.
//!
//! ```
//! use aws::{Invocation, config::Config};
//! use deploy::Deploy;
//! use fake_aws::{Aws, Fate, Service, environment, error};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The service prod/web has two tasks that are older than the notice's cut-off.
//! let aws = Aws::default();
//! let now = "2029-12-28T22:00:03Z".parse()?;
//! aws.memory().now = now;
//! let deployed_at = "2029-12-01T09:00:00Z".parse()?;
//! aws.memory().services.insert("prod/web".into(), Service::new(Fate::Completes(10), 2, deployed_at));
//!
//! // Its schedule fires.
//! let deploy = Deploy::new(&aws.sdk(), Config::read(&environment)?);
//! let notice = json!({"event_arn": "arn:1", "starts_at": "2030-01-02T18:00:00Z", "cutoff": "2029-12-26T18:00:00Z"});
//! let input = json!({
//!     "version": 1, "cluster": "prod", "service": "web", "notices": [notice],
//!     "slot": "2029-12-28T22:00:00Z", "window_ends_at": "2029-12-29T02:00:00Z",
//! });
//! deploy.handle(&input, &Invocation::at(now)).await?;
//!
//! // The deployment is forced, and a verification check is scheduled.
//! let request = json!({"cluster": "prod", "service": "web", "forceNewDeployment": true});
//! assert_eq!(aws.sent("UpdateService"), [request]);
//! assert_eq!(aws.notified(), ["Patch Started: web"]);
//! assert_eq!(aws.input_of("prod.web.bf04ed89e1afdadd0c43.verify")["deployment"], "ecs-svc/1");
//!
//! // A prepared answer wins over the memory: ECS can no longer be read.
//! aws.always("DescribeServices", error("AccessDeniedException", "no"));
//! let failure = deploy.handle(&input, &Invocation::at(now)).await.expect_err("a failure").to_string();
//! assert_eq!(failure, "prod/web: DescribeServices failed: AccessDeniedException: no");
//! # Ok(())
//! # }
//! ```

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test fails where it uses what it has not prepared"
)]

mod conditions;
mod connector;
mod ecs;
mod environment;
mod fault;
mod memory;
mod prepared;
mod rates;
mod requests;
mod scheduler;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_scheduler::config::{Credentials, SharedCredentialsProvider};
use chrono::{DateTime, TimeDelta, Utc};
use http::{Response, request::Parts};

pub use conditions::Conditions;
pub use connector::Latency;
pub use ecs::{Fate, Service};
pub use environment::{environment, environment_with};
pub use fault::{Fault, Planned, with_fault};
pub use memory::Memory;
pub use prepared::{error, in_turn, merged, without};
pub use rates::Traffic;
pub use scheduler::{CREATE, DELETE, READ, Schedule, UPDATE};
pub use wire::{Answer, Request};

/// How often the SDK tries a call: as often as in the functions.
pub const ATTEMPTS: u32 = 12;

/// A fake AWS. Clones share everything.
#[derive(Clone, Default)]
pub struct Aws(Arc<Shared>);

#[derive(Default)]
struct Shared {
    rules: Mutex<Vec<prepared::Rule>>,
    requests: Mutex<Vec<Request>>,
    buckets: Mutex<Vec<rates::Bucket>>,
    /// How many calls were made, and how many failed on purpose.
    calls: Mutex<(usize, usize)>,
    memory: Mutex<Memory>,
    latency: Mutex<Option<Box<dyn FnMut() -> Latency + Send>>>,
    /// What the clock of AWS said at an instant of tokio's clock.
    clock: Mutex<Option<(DateTime<Utc>, tokio::time::Instant)>>,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Aws")
    }
}

impl Aws {
    /// The SDK configuration that reaches this AWS. Failed calls are retried as in the functions.
    #[must_use]
    pub fn sdk(&self) -> SdkConfig {
        self.sdk_with(RetryConfig::standard().with_max_attempts(ATTEMPTS))
    }

    /// The SDK configuration that reaches this AWS. A failed call is not retried.
    #[must_use]
    pub fn sdk_without_retries(&self) -> SdkConfig {
        self.sdk_with(RetryConfig::disabled())
    }

    fn sdk_with(&self, retries: RetryConfig) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let client = connector::Connector(self.clone());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retries)
            .http_client(client)
            .build()
    }

    /// From now on, each request and each response takes some time of tokio's clock.
    pub fn set_latency(&self, latency: impl FnMut() -> Latency + Send + 'static) {
        *lock(&self.0.latency) = Some(Box::new(latency));
    }

    fn latency(&self) -> Option<Latency> {
        lock(&self.0.latency).as_mut().map(|latency| latency())
    }

    /// From now on, the clock of the memory goes with tokio's clock.
    pub fn start_clock(&self) {
        *lock(&self.0.clock) = Some((self.memory().now, tokio::time::Instant::now()));
    }

    /// Sets the clock of the memory, if it goes, and lets happen what happens in AWS without a call.
    #[must_use]
    pub fn tick(&self) -> DateTime<Utc> {
        let clock = *lock(&self.0.clock);
        let mut memory = self.memory();
        if let Some((began_at, began)) = clock {
            let before = memory.now;
            memory.now = began_at + TimeDelta::from_std(began.elapsed()).expect("a time of the test");
            // Deployments end at full seconds.
            if memory.now.timestamp() != before.timestamp() {
                memory.settle();
            }
        }
        memory.now
    }

    /// How many calls were made, and how many of them failed on purpose.
    #[must_use]
    pub fn calls(&self) -> (usize, usize) {
        *lock(&self.0.calls)
    }

    /// The state in memory. Drop the guard before the next call to AWS.
    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.0.memory)
    }

    fn respond(&self, head: &Parts, body: &[u8]) -> Response<Vec<u8>> {
        let (protocol, request) = wire::read(head, body);
        let now = self.tick();
        lock(&self.0.requests).push(request.clone());
        let fault = fault::next(&request.0);
        {
            let mut calls = lock(&self.0.calls);
            *calls = (calls.0 + 1, calls.1 + usize::from(fault.is_some()));
        }
        let answer = match fault {
            None => self.throttled(&request.0, now).unwrap_or_else(|| self.answer(&request)),
            Some(Fault::Before | Fault::Crash) => fault::answer(),
            Some(Fault::After) => {
                self.answer(&request);
                fault::answer()
            }
        };
        wire::write(protocol, &request.0, &answer)
    }

    fn answer(&self, (call, body): &Request) -> Answer {
        prepared::answer(&mut lock(&self.0.rules), call, body)
            .or_else(|| self.memory().answer(call, body))
            .unwrap_or_else(|| panic!("no answer is prepared for {call} {body}"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no call has failed the test")
}
