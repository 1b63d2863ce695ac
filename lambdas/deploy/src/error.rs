//! How an invocation fails: with a stable type to alarm on, and a sentence to act on.

use aws::CallFailed;
use lambda_runtime::Diagnostic;
use shared::schedule::InvalidInput;

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The schedule's input was edited to something that cannot be read.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// AWS could not be asked, or a permission is missing. Lambda tries again.
    #[error(transparent)]
    CallFailed(#[from] CallFailed),
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match failure {
            Failure::InvalidInput(_) => "InvalidInput",
            Failure::CallFailed(_) => "CallFailed",
        };
        Self { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}
