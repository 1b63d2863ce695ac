//! Console, as AWS Lambda runs it.

use aws::{Failure, Invocation, config::Config};
use chrono::Utc;
use console::{Console, Resources};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let lookup = |name: &str| std::env::var(name).ok();
    aws::log::init(&lookup);
    // With a wrong configuration every invocation fails with what is wrong.
    let config = Config::read(&lookup);
    let sdk = aws::sdk_config(&lookup);
    let console =
        config.map(|config| Console::new(&sdk, config, Resources::read(&lookup))).map_err(Failure::from);
    let console = &console;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let invocation = Invocation::of(&event.context, Utc::now());
        match console {
            Ok(console) => {
                console.handle(&event.payload, &event.context.invoked_function_arn, &invocation).await
            }
            Err(failure) => Err(failure.clone()),
        }
    }))
    .await
}
