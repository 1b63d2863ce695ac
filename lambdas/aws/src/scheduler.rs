//! Amazon EventBridge Scheduler: reads and writes the schedules of the stack's group.

mod found;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_scheduler::{
    Client,
    config::retry::{RetryPartition, TokenBucket},
    error::SdkError,
    operation::{
        create_schedule::CreateScheduleError,
        get_schedule::GetScheduleError,
        update_schedule::{UpdateScheduleError, UpdateScheduleOutput},
    },
    types::{
        ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy,
        ScheduleState, Target,
    },
};
use chrono::{DateTime, Utc};
use rules::schedule::{
    self, Edit, Spec,
    name::ScheduleName,
    wake::{DeployInput, Function, Wake},
};

use crate::{CallFailed, rate::Rate, retry::RoleNotReadyYet};

pub use found::Found;

/// The maximum number of attempts to change a schedule that is changed concurrently.
pub const READS: u32 = 5;
/// The pause after the first of these attempts. Each further pause is twice as long.
pub const PAUSE: Duration = Duration::from_millis(50);

/// The settings that all schedules share.
#[derive(Clone, Debug)]
pub struct ScheduleTarget {
    /// The name of the schedule group.
    pub group: String,
    /// The ARN of the deploy function.
    pub deploy_arn: String,
    /// The ARN of the verify function.
    pub verify_arn: String,
    /// The ARN of the role with which EventBridge Scheduler invokes the functions.
    pub role_arn: String,
    /// The ARN of the queue for invocations that failed.
    pub dead_letter_queue_arn: String,
    /// `KmsKeyArn`: the key that encrypts the inputs. Without one, EventBridge Scheduler uses a key of its own.
    pub kms_key_arn: Option<String>,
}

/// The schedules of one group.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub(crate) client: Client,
    pub(crate) target: ScheduleTarget,
    creations: Rate,
    reads: Rate,
    updates: Rate,
    deletions: Rate,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The write took effect.
    Done,
    /// A concurrent change: the schedule already exists, is gone, or is being changed. Read it again.
    Conflict,
}

impl Scheduler {
    /// Uses the SDK configuration and `target`'s schedule group.
    #[must_use]
    pub fn new(sdk: &SdkConfig, target: ScheduleTarget) -> Self {
        let config = aws_sdk_scheduler::config::Builder::from(sdk)
            // By default, the SDK stops retrying after about a hundred throttled calls.
            .retry_partition(
                RetryPartition::custom("scheduler").token_bucket(TokenBucket::unlimited()).build(),
            )
            .retry_classifier(RoleNotReadyYet)
            .build();
        Self::with_client(Client::from_conf(config), target)
    }

    /// Uses `client` and `target`'s schedule group.
    #[must_use]
    pub fn with_client(client: Client, target: ScheduleTarget) -> Self {
        let region = client.config().region().map_or("", |region| region.as_ref());
        let [reads, updates, deletions] = std::array::from_fn(|_| Rate::of_others(region));
        Self { creations: Rate::of_creations(region), reads, updates, deletions, client, target }
    }

    /// Creates a schedule, unless one with its name exists. It stays until the function that it wakes deletes it. One that
    /// never fires, such as a lock, is created disabled.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn create(&self, spec: &Spec, now: DateTime<Utc>) -> Result<Written, CallFailed> {
        self.create_like(spec, None, now).await
    }

    /// Creates a schedule, with the target of one that was found, or with the usual one. An update of the stack can have
    /// replaced the role of the one that was found.
    pub(crate) async fn create_like(
        &self,
        spec: &Spec,
        like: Option<&Found>,
        now: DateTime<Utc>,
    ) -> Result<Written, CallFailed> {
        let spec = &spec.clone().in_the_future(now);
        let target = match like.and_then(|found| found.raw.target.clone()) {
            Some(mut target) => {
                target.input = Some(spec.wake.text());
                target.role_arn.clone_from(&self.target.role_arn);
                target
            }
            None => self.target(spec)?,
        };
        self.creations.wait().await;
        let sent = self
            .client
            .create_schedule()
            .group_name(&self.target.group)
            .name(spec.name.as_str())
            .schedule_expression(schedule::at_expression(spec.at))
            .schedule_expression_timezone("UTC")
            .description(spec.description())
            .flexible_time_window(flexible(spec.spread_minutes)?)
            .action_after_completion(ActionAfterCompletion::None)
            .set_kms_key_arn(self.target.kms_key_arn.clone())
            .set_state(spec.is_disabled().then_some(ScheduleState::Disabled))
            .target(target)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Written::Done),
            Err(error)
                if error.as_service_error().is_some_and(CreateScheduleError::is_conflict_exception) =>
            {
                Ok(Written::Conflict)
            }
            Err(error) => Err(CallFailed::new("CreateSchedule", &error)),
        }
    }

    /// Reads a schedule. `None` if it does not exist.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn get(&self, name: &ScheduleName) -> Result<Option<Found>, CallFailed> {
        self.reads.wait().await;
        match self.client.get_schedule().group_name(&self.target.group).name(name.as_str()).send().await {
            Ok(raw) => Ok(Some(Found::of(raw))),
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

    /// Overwrites an existing schedule that has not fired, and enables it, unless it awaits approval.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn replace(&self, spec: &Spec, now: DateTime<Utc>) -> Result<Written, CallFailed> {
        let state = if spec.is_disabled() { ScheduleState::Disabled } else { ScheduleState::Enabled };
        self.write_over(&spec.clone().in_the_future(now), state).await
    }

    /// Overwrites an existing schedule that has not fired. A disabled one stays disabled.
    pub(crate) async fn overwrite(
        &self,
        spec: &Spec,
        found: &Found,
        now: DateTime<Utc>,
    ) -> Result<Written, CallFailed> {
        let state = found.raw.state.clone().unwrap_or(ScheduleState::Enabled);
        self.write_over(&spec.clone().in_the_future(now), state).await
    }

    /// Overwrites a lock.
    pub(crate) async fn overwrite_lock(&self, spec: &Spec) -> Result<Written, CallFailed> {
        self.write_over(spec, ScheduleState::Disabled).await
    }

    async fn write_over(&self, spec: &Spec, state: ScheduleState) -> Result<Written, CallFailed> {
        let update = self
            .client
            .update_schedule()
            .group_name(&self.target.group)
            .name(spec.name.as_str())
            .schedule_expression(schedule::at_expression(spec.at))
            .schedule_expression_timezone("UTC")
            .description(spec.description())
            .flexible_time_window(flexible(spec.spread_minutes)?)
            .action_after_completion(ActionAfterCompletion::None)
            .set_kms_key_arn(self.target.kms_key_arn.clone())
            .state(state)
            .target(self.target(spec)?);
        self.updates.wait().await;
        updated(update.send().await)
    }

    /// Updates only the input of a schedule, and its description unless an operator wrote it.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn update_input(
        &self,
        name: &ScheduleName,
        found: &Found,
        input: &DeployInput,
    ) -> Result<Written, CallFailed> {
        self.edit(name, found, &Edit::of_input(input.clone())).await
    }

    /// Edits a schedule, and its description unless an operator wrote it. The request repeats everything else, because
    /// `UpdateSchedule` resets omitted fields to their defaults, and an operator's edits of the time and state would be
    /// lost: <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html>
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn edit(&self, name: &ScheduleName, found: &Found, edit: &Edit) -> Result<Written, CallFailed> {
        let Found { raw, existing } = found;
        let input = edit.input.as_ref().or(existing.input.as_ref().ok());
        // Update a generated description; keep one that an operator wrote.
        let zone = raw.description().and_then(|text| existing.zone_of_our_description(text));
        let description = match (edit.at.or(existing.at), zone, input) {
            (Some(at), Some(zone), Some(input)) => Some(schedule::description(input, at, zone)),
            _ => raw.description().map(str::to_owned),
        };
        let mut target = raw.target.clone();
        if let (Some(target), Some(input)) = (&mut target, &edit.input) {
            target.input = Some(Wake::Deploy(input.clone()).text());
        }
        let state = edit.enabled.map(|on| if on { ScheduleState::Enabled } else { ScheduleState::Disabled });
        let update = self
            .client
            .update_schedule()
            .group_name(&self.target.group)
            .name(name.as_str())
            .set_schedule_expression(raw.schedule_expression.clone())
            .set_schedule_expression_timezone(raw.schedule_expression_timezone.clone())
            .set_start_date(raw.start_date)
            .set_end_date(raw.end_date)
            .set_description(description)
            .set_flexible_time_window(raw.flexible_time_window.clone())
            .set_action_after_completion(raw.action_after_completion.clone())
            .set_kms_key_arn(raw.kms_key_arn.clone())
            .set_state(state.or(raw.state.clone()))
            .set_target(target);
        let update = match edit.at {
            None => update,
            Some(at) => update
                .schedule_expression(schedule::at_expression(at))
                .schedule_expression_timezone("UTC")
                .flexible_time_window(flexible(0)?),
        };
        self.updates.wait().await;
        updated(update.send().await)
    }

    /// Deletes a schedule. Succeeds if it does not exist.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn delete(&self, name: &ScheduleName) -> Result<Written, CallFailed> {
        self.deletions.wait().await;
        match self.client.delete_schedule().group_name(&self.target.group).name(name.as_str()).send().await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(e) if e.is_resource_not_found_exception() => Ok(Written::Done),
                Some(e) if e.is_conflict_exception() => Ok(Written::Conflict),
                _ => Err(CallFailed::new("DeleteSchedule", &error)),
            },
        }
    }

    fn target(&self, spec: &Spec) -> Result<Target, CallFailed> {
        let arn = match spec.wake.function() {
            Function::Deploy => &self.target.deploy_arn,
            Function::Verify => &self.target.verify_arn,
        };
        Target::builder()
            .arn(arn)
            .role_arn(&self.target.role_arn)
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.target.dead_letter_queue_arn).build())
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_event_age_in_seconds(spec.retry_seconds)
                    .maximum_retry_attempts(185) // the maximum, so that only the age ends the retries
                    .build(),
            )
            .input(spec.wake.text())
            .build()
            .map_err(|error| CallFailed::unexpected("CreateSchedule", error.to_string()))
    }
}

/// Interprets the response of `UpdateSchedule`.
fn updated(
    answer: Result<UpdateScheduleOutput, SdkError<UpdateScheduleError>>,
) -> Result<Written, CallFailed> {
    match answer {
        Ok(_) => Ok(Written::Done),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|e| e.is_conflict_exception() || e.is_resource_not_found_exception()) =>
        {
            Ok(Written::Conflict)
        }
        Err(error) => Err(CallFailed::new("UpdateSchedule", &error)),
    }
}

/// The error after [`READS`] attempts to change a schedule that is changed concurrently.
#[must_use]
pub fn changed_by_others(call: &'static str, name: &ScheduleName) -> CallFailed {
    CallFailed::unexpected(call, format!("{name} was changed concurrently {READS} times"))
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
