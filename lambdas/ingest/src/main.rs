//! Ingest: receives AWS Health's notice of a task retirement, and schedules a deployment of each service.

mod config;
mod error;
mod handler;
mod resolve;

use aws::{ecs::Ecs, scheduler::Scheduler};
use chrono::Utc;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;

use crate::{config::Config, error::Failure, handler::Ingest};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = match Config::read(&|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(error) => {
            // Every invocation fails with the sentence that says what is wrong, and its event is kept.
            let failure = Failure::InvalidConfiguration(error.to_string());
            return run(service_fn(|_: LambdaEvent<Value>| async { Err::<Value, _>(failure.clone()) })).await;
        }
    };
    let sdk = aws::sdk_config().await;
    let ingest = Ingest {
        scheduler: Scheduler::new(&sdk, config.target),
        ecs: Ecs::new(&sdk),
        policy: config.policy,
        region: config.region,
    };
    let ingest = &ingest;
    run(service_fn(
        |event: LambdaEvent<Value>| async move { ingest.handle(&event.payload, Utc::now()).await },
    ))
    .await
}
