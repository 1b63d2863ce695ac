//! Operate, as AWS Lambda runs it.

use aws::{Failure, Invocation, config::Config};
use chrono::Utc;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use operate::Operate;
use rules::operate::redrive::sibling;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let lookup = |name: &str| std::env::var(name).ok();
    aws::log::init(&lookup);
    // With a wrong configuration every invocation fails with what is wrong.
    let config = Config::read(&lookup);
    let sdk = aws::sdk_config(&lookup);
    let own_name = lookup("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let operate = config.map(|config| {
        let console_arn = Some(config.place.function_arn(&sibling(&own_name, "operate", "console")));
        Operate { console_arn, ..Operate::new(&sdk, config) }
    });
    let operate = operate.map_err(Failure::from);
    let operate = &operate;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        match operate {
            Ok(operate) => operate.handle(&event.payload, &Invocation::of(&event.context, Utc::now())).await,
            Err(failure) => Err(failure.clone()),
        }
    }))
    .await
}
