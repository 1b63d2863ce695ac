//! Deploy, as AWS Lambda runs it.

use aws::{Failure, Invocation, config::Config};
use chrono::Utc;
use deploy::Deploy;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::log::init(&|name| std::env::var(name).ok());
    // With a wrong configuration every invocation fails with what is wrong, and its input is kept.
    let config = Config::read(&|name| std::env::var(name).ok());
    let sdk = aws::sdk_config(&|name| std::env::var(name).ok());
    let deploy = config.map(|config| Deploy::new(&sdk, config)).map_err(Failure::from);
    let deploy = &deploy;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        match deploy {
            Ok(deploy) => deploy.handle(&event.payload, &Invocation::of(&event.context, Utc::now())).await,
            Err(failure) => Err(failure.clone()),
        }
    }))
    .await
}
