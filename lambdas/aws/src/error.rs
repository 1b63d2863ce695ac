//! The error of a call to AWS.

use std::{error::Error, iter::successors};

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use rules::service::permission;

/// A call to AWS failed after its retries.
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
            // The error itself says only "service error" or "dispatch failure"; its sources say why.
            _ => successors(Some(error as &dyn Error), |&error| error.source())
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": "),
        };
        let advice = permission::advice(call, &message);
        let message = advice.map_or(message.clone(), |advice| format!("{message}. {advice}"));
        Self { call, code, message }
    }

    /// A call with an unexpected response.
    #[must_use]
    pub fn unexpected(call: &'static str, message: impl Into<String>) -> Self {
        Self { call, code: None, message: message.into() }
    }

    /// The AWS error code, such as `ThrottlingException`. `None` if there was no response or it had no code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}
