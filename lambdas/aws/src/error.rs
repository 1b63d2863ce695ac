//! A call to AWS that failed, after all its retries.

use std::{error::Error, iter::successors};

use aws_sdk_scheduler::error::{ProvideErrorMetadata, SdkError};

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
        E: Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        let code = error.code().map(str::to_owned);
        let message = match (&code, error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            // The error itself says only "service error" or "dispatch failure"; what it rests on says why.
            _ => successors(Some(error as &dyn Error), |&error| error.source())
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": "),
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
