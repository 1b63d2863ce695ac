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
pub mod iam;
pub mod invocation;
mod listing;
pub mod lock;
pub mod log;
pub mod log_group;
pub mod metric;
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
pub mod topic;

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_scheduler::config::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime::client::identity::IdentityCache;

pub use error::CallFailed;
pub use failure::Failure;
pub use invocation::Invocation;

/// The maximum number of attempts for a call. A thousand services on a page or in a window cause minutes of
/// throttling, which this number of attempts outlasts: the pauses between them grow to 20 seconds.
const ATTEMPTS: u32 = 12;

/// The SDK configuration, from the function's environment, in which Lambda sets the Region and the credentials.
///
/// It is not loaded with `aws_config::defaults`, whose other sources would be a tenth of each program. It sets timeouts,
/// because by default the SDK waits for a response without a limit. All clients share one HTTP client, and with it the
/// connections, and the credentials: by default, each client has its own.
#[must_use]
pub fn sdk_config(lookup: &dyn Fn(&str) -> Option<String>) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(http)
        .identity_cache(IdentityCache::lazy().build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_attempt_timeout(Duration::from_secs(15))
                // Shorter than the timeouts of the functions, so that an error names the call.
                .operation_timeout(Duration::from_mins(4))
                .build(),
        );
    sdk.set_region(lookup("AWS_REGION").map(Region::new)).set_endpoint_url(lookup("AWS_ENDPOINT_URL"));
    sdk.build()
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
