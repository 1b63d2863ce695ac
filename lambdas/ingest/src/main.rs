//! Ingest, as AWS Lambda runs it.

use aws::{Failure, Invocation, cloudformation::Stacks, config::Config};
use chrono::Utc;
use ingest::Ingest;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::log::init(&|name| std::env::var(name).ok());
    // With a wrong configuration every invocation fails with what is wrong, and its event is kept.
    let config = Config::read(&|name| std::env::var(name).ok());
    let sdk = aws::sdk_config(&|name| std::env::var(name).ok());
    let ingest = config.map(|config| Ingest::new(&sdk, config)).map_err(Failure::from);
    let url_suffix = std::env::var("URL_SUFFIX").unwrap_or_default();
    let (ingest, stacks) = (ingest.as_ref(), &Stacks::new(&sdk, &url_suffix));
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let invocation = Invocation::of(&event.context, Utc::now());
        ingest::handle(ingest, stacks, &event.payload, &invocation).await
    }))
    .await
}
