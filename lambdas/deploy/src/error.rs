//! How an invocation fails: with a stable type to alarm on, and a sentence to act on.

use std::fmt;

use aws::CallFailed;
use lambda_runtime::Diagnostic;
use shared::{entity::ServiceRef, schedule::InvalidInput};

/// Why an invocation failed.
#[derive(thiserror::Error)]
pub(crate) enum Failure {
    /// The schedule's input was edited to something that cannot be read.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// AWS could not be asked, or a permission is missing. Lambda tries again.
    #[error("{service}: {error}")]
    CallFailed {
        /// The service that is not redeployed yet.
        service: ServiceRef,
        /// The call.
        error: CallFailed,
    },
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
            Failure::InvalidInput(_) => "InvalidInput",
            Failure::CallFailed { .. } => "CallFailed",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}
