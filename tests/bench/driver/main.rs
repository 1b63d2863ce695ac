//! Runs a function once, as AWS Lambda does, and measures it.
//!
//! Reads a [`Scenario`] from standard input, starts the function with a Runtime API and an AWS of its own, hands it one
//! event after the other, and writes a [`Run`] to standard output.

mod aws;
mod function;
mod runtime_api;
mod server;

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use aws::{Aws, World};
use function::Function;
use runtime_api::{Invocation, RuntimeApi};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What to run.
#[derive(Deserialize)]
struct Scenario {
    command: Vec<String>,
    env: BTreeMap<String, String>,
    /// The first is the cold one.
    events: Vec<Value>,
    /// How long the function rests before each further event: its token buckets are full again.
    pause_ms: u64,
    /// How long AWS takes to answer.
    latency_ms: u64,
    /// The part of a CPU that the function gets once it has started, as Lambda gives by memory.
    cpu_share: Option<f64>,
    world: World,
    /// The schedules that exist before, by name.
    schedules: BTreeMap<String, Value>,
}

/// What was measured.
#[derive(Serialize)]
struct Run {
    /// From the start of the process until it asks for the first event.
    start_ms: f64,
    start_cpu_ms: f64,
    invocations: Vec<Invocation>,
    peak_kib: u64,
    /// The schedules that exist afterwards, by name.
    schedules: BTreeMap<String, Value>,
}

const TIMEOUT: Duration = Duration::from_secs(300);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario: Scenario = serde_json::from_reader(std::io::stdin())?;
    let tasks = tokio::task::LocalSet::new();
    let run = tokio::time::timeout(TIMEOUT, tasks.run_until(run(scenario))).await??;
    serde_json::to_writer(std::io::stdout(), &run)?;
    Ok(())
}

async fn run(scenario: Scenario) -> Result<Run, Box<dyn std::error::Error>> {
    let latency = Duration::from_millis(scenario.latency_ms);
    let aws = Rc::new(Aws::new(scenario.world, scenario.schedules, latency));
    let api = Rc::new(RuntimeApi::new(scenario.events, Duration::from_millis(scenario.pause_ms), Rc::clone(&aws)));
    let (aws_at, api_at) = (server::start(Rc::clone(&aws)).await?, server::start(Rc::clone(&api)).await?);

    let mut env = scenario.env;
    env.insert("AWS_ENDPOINT_URL".to_owned(), format!("http://{aws_at}"));
    env.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api_at.to_string());
    let mut function = Function::start(&scenario.command, &env)?;
    api.started(function.cpu_clock());

    tokio::select! {
        start = api.first_request() => start,
        status = function.ended() => return Err(format!("the function ended before its first event: {status:?}").into()),
    };
    if let Some(share) = scenario.cpu_share {
        function.limit(share);
    }
    tokio::select! {
        () = api.all_done() => {}
        status = function.ended() => return Err(format!("the function ended: {status:?}").into()),
    }
    let peak_kib = function.peak_kib()?;
    function.stop().await?;
    let (start_ms, start_cpu_ms) = api.start();
    Ok(Run { start_ms, start_cpu_ms, invocations: api.invocations(), peak_kib, schedules: aws.schedules() })
}
