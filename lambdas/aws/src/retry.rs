//! Which failed calls are retried, where the SDK's own answer does not fit.

use aws_sdk_ecs::operation::update_service::UpdateServiceError;
use aws_sdk_scheduler::{
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction},
    },
    error::ProvideErrorMetadata,
    operation::create_schedule::CreateScheduleError,
};

/// Whether a call with this error was refused because there are too many. It had no effect.
pub(crate) fn is_throttling(code: &str) -> bool {
    code.starts_with("Throttling") || code == "TooManyRequestsException"
}

/// Retries a call only if it was throttled. `UpdateService` has no client token. A call whose response was lost may
/// have started a deployment, which a retry would replace with another one. Lambda retries the invocation instead,
/// which reads the service first.
#[derive(Debug)]
pub(crate) struct OnlyThrottled;

impl ClassifyRetry for OnlyThrottled {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let throttled = error
            .and_then(|error| error.as_operation_error())
            .and_then(|error| error.downcast_ref::<UpdateServiceError>())
            .and_then(ProvideErrorMetadata::code)
            .is_some_and(is_throttling);
        if error.is_none() || throttled {
            RetryAction::NoActionIndicated
        } else {
            RetryAction::RetryForbidden
        }
    }

    fn name(&self) -> &'static str {
        "only throttled"
    }
}

/// Retries while EventBridge Scheduler cannot assume a role that was just created. It reports this as a
/// `ValidationException`, which the SDK does not retry.
#[derive(Debug)]
pub(crate) struct RoleNotReadyYet;

impl ClassifyRetry for RoleNotReadyYet {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let refused = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(|error| error.as_operation_error())
            .and_then(|error| error.downcast_ref::<CreateScheduleError>())
            .is_some_and(|error| {
                error.is_validation_exception()
                    && error.message().is_some_and(|m| m.contains("to assume the role"))
            });
        if refused { RetryAction::server_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "role not ready yet"
    }
}
