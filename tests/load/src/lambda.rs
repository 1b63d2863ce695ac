//! AWS Lambda: how many functions run at once, how long, and what happens if they fail.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
};

use aws::{Invocation, config::Config};
use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use deploy::Deploy;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use ingest::Ingest;
use serde_json::{Value, json};
use verify::Verify;

/// The default quota of an account.
const AT_ONCE: usize = 1_000;
/// How often an asynchronous invocation is retried.
const RETRIES: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Function {
    Ingest,
    Deploy,
    Verify,
}

impl Function {
    /// As in `template.yaml`.
    fn timeout(self) -> TimeDelta {
        TimeDelta::seconds(match self {
            Self::Ingest => 600,
            Self::Deploy => 300,
            Self::Verify => 900,
        })
    }
}

/// An event for a function.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) at: DateTime<Utc>,
    pub(crate) function: Function,
    pub(crate) payload: Value,
    retries: u8,
}

impl Delivery {
    pub(crate) fn new(at: DateTime<Utc>, function: Function, payload: Value) -> Self {
        Self { at, function, payload, retries: 0 }
    }

    /// What the event is about: `deploy`, `verify deadline`.
    pub(crate) fn kind(&self) -> String {
        let function = format!("{:?}", self.function).to_lowercase();
        match self.payload["kind"].as_str() {
            Some(kind) => format!("{function} {kind}"),
            None => function,
        }
    }
}

/// An execution environment. It handles one event at a time, then the next.
enum Environment {
    Ingest(Box<Ingest>),
    Deploy(Box<Deploy>),
    Verify(Box<Verify>),
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) delivery: Delivery,
    pub(crate) took: TimeDelta,
    /// The answer of the function, or why it failed.
    pub(crate) answer: Result<Value, String>,
}

type Running = Pin<Box<dyn Future<Output = (Option<Environment>, Ended)>>>;

/// The functions of the stack.
pub(crate) struct Lambda {
    sdk: SdkConfig,
    config: Config,
    idle: BTreeMap<Function, Vec<Environment>>,
    running: FuturesUnordered<Running>,
    waiting: VecDeque<Delivery>,
    /// How many ran.
    pub(crate) invocations: usize,
    /// How many ran at the same time.
    pub(crate) most_at_once: usize,
}

impl Lambda {
    pub(crate) fn new(sdk: SdkConfig, config: Config) -> Self {
        Self {
            sdk,
            config,
            idle: BTreeMap::new(),
            running: FuturesUnordered::new(),
            waiting: VecDeque::new(),
            invocations: 0,
            most_at_once: 0,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Invokes a function, or lets its event wait until fewer functions run.
    pub(crate) fn deliver(&mut self, delivery: Delivery, now: DateTime<Utc>) {
        self.waiting.push_back(delivery);
        self.start(now);
    }

    /// The next invocation that ends. A retry is up to the caller.
    pub(crate) async fn next(&mut self) -> Option<Ended> {
        let (environment, ended) = self.running.next().await?;
        if let Some(environment) = environment {
            self.idle.entry(ended.delivery.function).or_default().push(environment);
        }
        Some(ended)
    }

    /// Starts what waits.
    pub(crate) fn start(&mut self, now: DateTime<Utc>) {
        while self.running.len() < AT_ONCE {
            let Some(delivery) = self.waiting.pop_front() else { break };
            let idle = self.idle.entry(delivery.function).or_default().pop();
            let environment = idle.unwrap_or_else(|| self.environment(delivery.function));
            self.invocations += 1;
            let invocation =
                Invocation::new(self.invocations.to_string(), now, now + delivery.function.timeout());
            self.running.push(Box::pin(invoke(environment, delivery, invocation, now)));
        }
        self.most_at_once = self.most_at_once.max(self.running.len());
    }

    fn environment(&self, function: Function) -> Environment {
        let (sdk, config) = (&self.sdk, self.config.clone());
        match function {
            Function::Ingest => Environment::Ingest(Box::new(Ingest::new(sdk, config))),
            Function::Deploy => Environment::Deploy(Box::new(Deploy::new(sdk, config))),
            Function::Verify => Environment::Verify(Box::new(Verify::new(sdk, config))),
        }
    }
}

impl Ended {
    /// The retry of a failed invocation: after a minute, then after two. `None` if none is left.
    pub(crate) fn retry(&self, now: DateTime<Utc>) -> Option<Delivery> {
        let retries = self.delivery.retries + 1;
        let at = now + TimeDelta::minutes(retries.into());
        (retries <= RETRIES).then(|| Delivery { at, retries, ..self.delivery.clone() })
    }
}

async fn invoke(
    environment: Environment,
    delivery: Delivery,
    invocation: Invocation,
    now: DateTime<Utc>,
) -> (Option<Environment>, Ended) {
    let payload = &delivery.payload;
    let work = async {
        let answer = match &environment {
            Environment::Ingest(ingest) => {
                ingest.handle(payload, &invocation).await.map(|answer| json!(answer))
            }
            Environment::Deploy(deploy) => {
                deploy.handle(payload, &invocation).await.map(|answer| json!(answer))
            }
            Environment::Verify(verify) => {
                verify.handle(payload, &invocation).await.map(|answer| json!(answer))
            }
        };
        answer.map_err(|failure| failure.to_string())
    };
    let limit = delivery.function.timeout().to_std().expect("a positive time");
    let done = tokio::time::timeout(limit, work).await;
    // An environment that Lambda stops is gone.
    let environment = done.is_ok().then_some(environment);
    let answer = done.unwrap_or_else(|_| Err("it timed out".to_owned()));
    (environment, Ended { took: invocation.now() - now, delivery, answer })
}
