//! A call to AWS that failed, after all its retries.

use aws_sdk_scheduler::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// A call to AWS that failed, after all its retries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} failed: {message}")]
pub struct CallFailed {
    call: &'static str,
    code: Option<String>,
    message: String,
}

impl CallFailed {
    pub(crate) fn new<E, R>(call: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug,
    {
        let code = error.code().map(str::to_owned);
        let message = match (&code, error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            // Display alone says only "service error" or "dispatch failure".
            _ => DisplayErrorContext(error).to_string(),
        };
        Self { call, code, message }
    }

    /// A call whose answers make no sense.
    #[must_use]
    pub fn unexpected(call: &'static str, message: impl Into<String>) -> Self {
        Self { call, code: None, message: message.into() }
    }

    /// AWS's code of the error, such as `ThrottlingException`, if an answer came at all.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}
