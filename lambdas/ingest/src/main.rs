//! Ingest, as AWS Lambda runs it.

use aws::{Failure, cloudformation::Stacks, config::Config};
use chrono::Utc;
use ingest::Ingest;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    // With a wrong configuration every invocation fails with what is wrong, and its event is kept.
    let config = Config::read(&|name| std::env::var(name).ok());
    let sdk = aws::sdk_config().await;
    let ingest = config.map(|config| Ingest::new(&sdk, config)).map_err(Failure::from);
    let (ingest, stacks) = (ingest.as_ref(), &Stacks::new(&sdk));
    run(service_fn(|event: LambdaEvent<Value>| async move {
        ingest::handle(ingest, stacks, &event.payload, Utc::now()).await
    }))
    .await
}
