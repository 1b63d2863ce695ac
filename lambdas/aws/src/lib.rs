//! Clients of the AWS services that the functions share. Each file wraps one service: its public interface uses the
//! types of the `rules` crate and hides the SDK.

pub mod alarm;
pub mod calendar;
mod call;
pub mod cloudformation;
pub mod code_deploy;
pub mod config;
pub mod ecs;
mod error;
mod failure;
pub mod function;
pub mod invocation;
pub mod lock;
pub mod log;
pub mod notify;
pub mod operate;
pub mod page;
pub mod pending;
pub mod queue;
mod rate;
mod retry;
pub mod rule;
pub mod scheduler;
pub mod stop;

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

pub use error::CallFailed;
pub use failure::Failure;
pub use invocation::Invocation;

/// The maximum number of attempts for a call. A thousand services on a page or in a window cause minutes of
/// throttling, which this number of attempts outlasts: the pauses between them grow to 20 seconds.
const ATTEMPTS: u32 = 12;

/// The SDK configuration, from the function's environment.
///
/// Sets timeouts, because by default the SDK waits for a response without a limit.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_attempt_timeout(Duration::from_secs(15))
                // Shorter than the timeouts of the functions, so that an error names the call.
                .operation_timeout(Duration::from_mins(4))
                .build(),
        )
        .load()
        .await
}

/// The SDK configuration for calls that may fail: the functions handle unreadable alarms and calendars, and must not
/// wait long for them.
pub(crate) fn best_effort(sdk: &SdkConfig) -> SdkConfig {
    const ATTEMPTS: u32 = 5;
    const TIMEOUT: Duration = Duration::from_secs(20);
    let given = sdk.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
    sdk.clone()
        .into_builder()
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(given.to_builder().operation_timeout(TIMEOUT).build())
        .build()
}
