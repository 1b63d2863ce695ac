//! Operate, as AWS Lambda runs it.

use aws::{Failure, Invocation, config::Config};
use chrono::Utc;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use operate::Operate;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let lookup = |name: &str| std::env::var(name).ok();
    aws::log::init(&lookup);
    // With a wrong configuration every invocation fails with what is wrong.
    let config = Config::read(&lookup);
    let sdk = aws::sdk_config(&lookup);
    let console_arn = lookup("CONSOLE_FUNCTION_ARN");
    let operate =
        config.map(|config| Operate { console_arn, ..Operate::new(&sdk, config) }).map_err(Failure::from);
    let operate = &operate;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        match operate {
            Ok(operate) => operate.handle(&event.payload, &Invocation::of(&event.context, Utc::now())).await,
            Err(failure) => Err(failure.clone()),
        }
    }))
    .await
}
