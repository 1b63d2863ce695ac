//! Verify, as AWS Lambda runs it.

use aws::{Failure, Invocation, config::Config};
use chrono::Utc;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use verify::Verify;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::log::init(&|name| std::env::var(name).ok());
    // With a wrong configuration every invocation fails with what is wrong, and its input is kept.
    let config = Config::read(&|name| std::env::var(name).ok());
    let sdk = aws::sdk_config(&|name| std::env::var(name).ok());
    let verify = config.map(|config| Verify::new(&sdk, config)).map_err(Failure::from);
    let verify = &verify;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        match verify {
            Ok(verify) => verify.handle(&event.payload, &Invocation::of(&event.context, Utc::now())).await,
            Err(failure) => Err(failure.clone()),
        }
    }))
    .await
}
