//! EventBridge Scheduler: the pending schedules.

use aws_config::SdkConfig;
use aws_sdk_scheduler::{
    Client,
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction, RetryPartition, TokenBucket},
    },
    error::ProvideErrorMetadata,
    operation::{
        create_schedule::CreateScheduleError,
        get_schedule::{GetScheduleError, GetScheduleOutput},
    },
    types::{
        ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy,
        ScheduleState, Target,
    },
};
use chrono_tz::Tz;
use shared::{
    reconcile::Existing,
    schedule::{self, NewSchedule, ScheduleInput},
};

use crate::CallFailed;

/// What every schedule has in common.
#[derive(Clone, Debug)]
pub struct ScheduleTarget {
    /// The group's name.
    pub group: String,
    /// The ARN of the deploy function.
    pub function_arn: String,
    /// The ARN of the role with which EventBridge Scheduler invokes it.
    pub role_arn: String,
    /// The ARN of the queue for what could not be handed over.
    pub dead_letter_queue_arn: String,
}

/// The schedules of one group.
#[derive(Clone, Debug)]
pub struct Scheduler {
    client: Client,
    target: ScheduleTarget,
}

/// A schedule as it is, with everything that an update must repeat.
#[derive(Clone, Debug)]
pub struct Found {
    /// What decides.
    pub existing: Existing,
    raw: GetScheduleOutput,
}

/// Whether a write took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It did.
    Done,
    /// Somebody else was faster: the schedule is there, is gone, or is being changed. Read it again.
    Lost,
}

impl Scheduler {
    /// The schedules of `target`'s group, with the SDK's configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig, target: ScheduleTarget) -> Self {
        let config = aws_sdk_scheduler::config::Builder::from(sdk)
            // The default quota of retries is used up by a hundred throttled calls, and then fails at once.
            .retry_partition(RetryPartition::custom("ingest").token_bucket(TokenBucket::unlimited()).build())
            .retry_classifier(RoleNotReadyYet)
            .build();
        Self::with_client(Client::from_conf(config), target)
    }

    /// The schedules of `target`'s group, with a client.
    #[must_use]
    pub fn with_client(client: Client, target: ScheduleTarget) -> Self {
        Self { client, target }
    }

    /// Creates a schedule, unless one of that name is there.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn create(&self, name: &str, schedule: &NewSchedule) -> Result<Written, CallFailed> {
        let sent = self
            .client
            .create_schedule()
            .group_name(&self.target.group)
            .name(name)
            .schedule_expression(schedule::at_expression(schedule.slot.at))
            .schedule_expression_timezone("UTC")
            .description(describe(&schedule.input, schedule.slot.at, schedule.slot.zone))
            .flexible_time_window(flexible(schedule.slot.spread_minutes)?)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(self.target(schedule)?)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Written::Done),
            Err(error)
                if error.as_service_error().is_some_and(CreateScheduleError::is_conflict_exception) =>
            {
                Ok(Written::Lost)
            }
            Err(error) => Err(CallFailed::new("CreateSchedule", &error)),
        }
    }

    /// Reads a schedule.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn get(&self, name: &str) -> Result<Option<Found>, CallFailed> {
        match self.client.get_schedule().group_name(&self.target.group).name(name).send().await {
            Ok(raw) => Ok(Some(Found { existing: existing(&raw), raw })),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetScheduleError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(CallFailed::new("GetSchedule", &error)),
        }
    }

    /// Writes all of a schedule anew, and enables it.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn replace(&self, name: &str, schedule: &NewSchedule) -> Result<Written, CallFailed> {
        let update = self
            .client
            .update_schedule()
            .group_name(&self.target.group)
            .name(name)
            .schedule_expression(schedule::at_expression(schedule.slot.at))
            .schedule_expression_timezone("UTC")
            .description(describe(&schedule.input, schedule.slot.at, schedule.slot.zone))
            .flexible_time_window(flexible(schedule.slot.spread_minutes)?)
            .action_after_completion(ActionAfterCompletion::Delete)
            .state(ScheduleState::Enabled)
            .target(self.target(schedule)?);
        match update.send().await {
            Ok(_) => Ok(Written::Done),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conflict_exception() || e.is_resource_not_found_exception()) =>
            {
                Ok(Written::Lost)
            }
            Err(error) => Err(CallFailed::new("UpdateSchedule", &error)),
        }
    }

    /// Writes the input of a schedule. Everything else is repeated as it is, because an update sets what it
    /// leaves out back to the defaults: a person's state and time would be lost.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn update_input(
        &self,
        name: &str,
        found: &Found,
        input: &ScheduleInput,
    ) -> Result<Written, CallFailed> {
        let Found { raw, existing } = found;
        // A description of ours keeps telling the truth; a person's stays.
        let zone = raw.description().and_then(schedule::zone_of);
        let description = match (existing.at, zone) {
            (Some(at), Some(zone)) => Some(describe(input, at, zone)),
            _ => raw.description().map(str::to_owned),
        };
        let mut target = raw.target.clone();
        if let Some(target) = &mut target {
            target.input = Some(to_text(input)?);
        }
        let update = self
            .client
            .update_schedule()
            .group_name(&self.target.group)
            .name(name)
            .set_schedule_expression(raw.schedule_expression.clone())
            .set_schedule_expression_timezone(raw.schedule_expression_timezone.clone())
            .set_start_date(raw.start_date)
            .set_end_date(raw.end_date)
            .set_description(description)
            .set_flexible_time_window(raw.flexible_time_window.clone())
            .set_action_after_completion(raw.action_after_completion.clone())
            .set_kms_key_arn(raw.kms_key_arn.clone())
            .set_state(raw.state.clone())
            .set_target(target);
        match update.send().await {
            Ok(_) => Ok(Written::Done),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conflict_exception() || e.is_resource_not_found_exception()) =>
            {
                Ok(Written::Lost)
            }
            Err(error) => Err(CallFailed::new("UpdateSchedule", &error)),
        }
    }

    /// Deletes a schedule. One that is gone already is as good.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn delete(&self, name: &str) -> Result<Written, CallFailed> {
        match self.client.delete_schedule().group_name(&self.target.group).name(name).send().await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(e) if e.is_resource_not_found_exception() => Ok(Written::Done),
                Some(e) if e.is_conflict_exception() => Ok(Written::Lost),
                _ => Err(CallFailed::new("DeleteSchedule", &error)),
            },
        }
    }

    fn target(&self, schedule: &NewSchedule) -> Result<Target, CallFailed> {
        Target::builder()
            .arn(&self.target.function_arn)
            .role_arn(&self.target.role_arn)
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.target.dead_letter_queue_arn).build())
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_event_age_in_seconds(schedule.retry_seconds())
                    .maximum_retry_attempts(185) // the most: the age is what ends it
                    .build(),
            )
            .input(to_text(&schedule.input)?)
            .build()
            .map_err(|error| CallFailed::unexpected("CreateSchedule", error.to_string()))
    }
}

fn to_text(input: &ScheduleInput) -> Result<String, CallFailed> {
    serde_json::to_string(input).map_err(|error| CallFailed::unexpected("UpdateSchedule", error.to_string()))
}

fn describe(input: &ScheduleInput, at: chrono::DateTime<chrono::Utc>, zone: Tz) -> String {
    schedule::description(&input.service, at, zone, &input.notices)
}

fn flexible(minutes: u16) -> Result<FlexibleTimeWindow, CallFailed> {
    let window = FlexibleTimeWindow::builder();
    let window = if minutes == 0 {
        window.mode(FlexibleTimeWindowMode::Off)
    } else {
        window.mode(FlexibleTimeWindowMode::Flexible).maximum_window_in_minutes(minutes.into())
    };
    window.build().map_err(|error| CallFailed::unexpected("CreateSchedule", error.to_string()))
}

fn existing(raw: &GetScheduleOutput) -> Existing {
    let spread = raw.flexible_time_window().and_then(FlexibleTimeWindow::maximum_window_in_minutes);
    let input = raw.target().and_then(Target::input).unwrap_or_default();
    Existing {
        at: raw
            .schedule_expression()
            .and_then(|expression| schedule::parse_at(expression, raw.schedule_expression_timezone())),
        spread_minutes: spread.and_then(|minutes| minutes.try_into().ok()).unwrap_or_default(),
        enabled: raw.state() != Some(&ScheduleState::Disabled),
        input: ScheduleInput::from_text(input),
    }
}

/// EventBridge Scheduler refuses a role for some seconds after its creation, as a fault of the request.
#[derive(Debug)]
struct RoleNotReadyYet;

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
