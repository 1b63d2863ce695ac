//! How an invocation fails: with a stable type to alarm on, and a sentence to act on.

use std::fmt;

use lambda_runtime::Diagnostic;
use rules::{
    notice::InvalidEvent, outcome::Report, policy::settings::ConfigError, schedule::wake::InvalidInput,
};

use crate::CallFailed;

/// Why an invocation failed.
#[derive(Clone, thiserror::Error)]
pub enum Failure {
    /// The parameters cannot work.
    #[error("{0}")]
    InvalidConfiguration(String),
    /// The event is no usable notice.
    #[error(transparent)]
    InvalidEvent(#[from] InvalidEvent),
    /// A schedule's input was edited to something that cannot be read.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// All was done that could be, and some could not.
    #[error("{0}")]
    OutcomesFailed(String),
    /// AWS could not be asked, or a permission is missing. Lambda tries again.
    #[error("{about}: {error}")]
    CallFailed {
        /// The service or notice for which not all was done.
        about: String,
        /// The call.
        error: CallFailed,
    },
}

impl Failure {
    /// A call that failed for a service or a notice.
    pub fn call(about: impl fmt::Display) -> impl FnOnce(CallFailed) -> Self {
        move |error| Self::CallFailed { about: about.to_string(), error }
    }

    /// The failure of a report with failed outcomes, which names the first of them.
    #[must_use]
    pub fn of(report: &Report) -> Option<Self> {
        const NAMED: usize = 5;
        let failed: Vec<String> =
            report.failures().map(|outcome| format!("{}: {}", outcome.entity, outcome.reason)).collect();
        if failed.is_empty() {
            return None;
        }
        let named = failed.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
        let more = failed.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!("; and {more} more in the log") };
        let all = report.outcomes.len();
        Some(Self::OutcomesFailed(format!("{} of {all} entities failed: {named}{more}", failed.len())))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::InvalidConfiguration(error.to_string())
    }
}

impl fmt::Debug for Failure {
    /// The runtime logs a failure with `{:?}`: the sentence, once.
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
