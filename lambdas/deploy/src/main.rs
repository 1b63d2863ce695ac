//! Deploy: woken by a schedule at its slot, reads one service, decides, and forces a new deployment.

mod error;
mod handler;

use aws::ecs::Ecs;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let ecs = Ecs::new(&aws::sdk_config().await);
    let ecs = &ecs;
    run(service_fn(|event: LambdaEvent<Value>| async move { handler::handle(ecs, &event.payload).await }))
        .await
}
