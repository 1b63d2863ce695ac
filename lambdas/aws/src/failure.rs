//! Failures of an invocation: a stable error type for alarms, and a message that says what to fix.

use std::fmt;

use lambda_runtime::Diagnostic;
use rules::{
    notice::InvalidEvent, outcome::Report, policy::settings::ConfigError, schedule::wake::InvalidInput,
};

use crate::CallFailed;

/// Why an invocation failed.
#[derive(Clone, thiserror::Error)]
pub enum Failure {
    /// The configuration is invalid.
    #[error("{0}")]
    InvalidConfiguration(String),
    /// The event is not a usable notice.
    #[error(transparent)]
    InvalidEvent(#[from] InvalidEvent),
    /// The input of a schedule is invalid, for example after an edit.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// Some outcomes failed. All others are done.
    #[error("{0}")]
    OutcomesFailed(String),
    /// A call to AWS failed, for example because a permission is missing. Lambda retries the invocation.
    #[error("{about}: {error}")]
    CallFailed {
        /// The service or notice that the call was for.
        about: String,
        /// The failed call.
        error: CallFailed,
    },
}

impl Failure {
    /// Wraps the error of a call for a service or notice.
    pub fn call(about: impl fmt::Display) -> impl FnOnce(CallFailed) -> Self {
        move |error| Self::CallFailed { about: about.to_string(), error }
    }

    /// The failure of a report, which lists the first failed outcomes. `None` if no outcome failed.
    #[must_use]
    pub fn of(report: &Report) -> Option<Self> {
        const MAX_LISTED: usize = 5;
        let failed: Vec<String> =
            report.failures().map(|outcome| format!("{}: {}", outcome.entity, outcome.reason)).collect();
        if failed.is_empty() {
            return None;
        }
        let listed = failed.iter().take(MAX_LISTED).map(String::as_str).collect::<Vec<_>>().join("; ");
        let more = failed.len().saturating_sub(MAX_LISTED);
        let more = if more == 0 { String::new() } else { format!("; and {more} more in the log") };
        let all = report.outcomes.len();
        let entities = if all == 1 { "entity" } else { "entities" };
        Some(Self::OutcomesFailed(format!("{} of {all} {entities} failed: {listed}{more}", failed.len())))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::InvalidConfiguration(error.to_string())
    }
}

impl fmt::Debug for Failure {
    /// The Lambda runtime logs a failure with `{:?}`, so this prints the message.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match failure {
            Failure::InvalidConfiguration(_) => "InvalidConfiguration",
            Failure::InvalidEvent(_) => "InvalidEvent",
            Failure::InvalidInput(_) => "InvalidInput",
            Failure::OutcomesFailed(_) => "OutcomesFailed",
            Failure::CallFailed { .. } => "CallFailed",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}
