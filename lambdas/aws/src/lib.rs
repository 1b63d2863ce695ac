//! The edge that the functions share: one file for each AWS service, which speaks our types outwards and
//! the SDK inwards.

pub mod alarm;
pub mod calendar;
pub mod cloudformation;
pub mod code_deploy;
pub mod config;
pub mod ecs;
mod error;
mod failure;
pub mod notify;
pub mod scheduler;

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

pub use error::CallFailed;
pub use failure::Failure;

/// How often a call is tried. A page of a thousand services, or a thousand services in one window, is
/// throttled for minutes: with pauses of up to 20 seconds this outlasts it.
const ATTEMPTS: u32 = 12;

/// The SDK's configuration, from the function's environment.
///
/// Retries survive throttling (see `unlimited` token buckets in the adapters), and no attempt hangs: the SDK
/// sets no time limits by itself.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_attempt_timeout(Duration::from_secs(15))
                // Less than the functions' own limits, so that a failure names its call.
                .operation_timeout(Duration::from_mins(4))
                .build(),
        )
        .load()
        .await
}

/// The SDK's configuration for calls that need not succeed: what cannot be read has an answer of its own, and the
/// function has other work to do.
pub(crate) fn brief(sdk: &SdkConfig) -> SdkConfig {
    const ATTEMPTS: u32 = 5;
    const PATIENCE: Duration = Duration::from_secs(20);
    let given = sdk.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
    sdk.clone()
        .into_builder()
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(given.to_builder().operation_timeout(PATIENCE).build())
        .build()
}
