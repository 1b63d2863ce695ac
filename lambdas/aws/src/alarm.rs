//! Amazon CloudWatch: the states of the alarms that block deployments.

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::{
    Client,
    operation::describe_alarms::builders::DescribeAlarmsFluentBuilder,
    types::{AlarmType, StateValue},
};
use rules::{deploy::blockers::alarms::Alarm, policy::alarms::AlarmRef};

use crate::{CallFailed, best_effort};

/// The maximum number of names in a `DescribeAlarms` request, and of alarms in its response.
const ALARMS_PER_CALL: i32 = 100;

/// The alarms of this account and Region.
#[derive(Clone, Debug)]
pub struct Alarms {
    client: Client,
}

impl Alarms {
    /// Uses the account and Region of the SDK configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(&best_effort(sdk)) }
    }

    /// Reads the watched alarms: for a prefix only those in `ALARM`, for an ARN in any state.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn watched(&self, watched: &[AlarmRef]) -> Result<Vec<Alarm>, CallFailed> {
        let mut found = Vec::new();
        let mut names = Vec::new();
        for alarm in watched {
            match alarm {
                AlarmRef::Prefix(prefix) => {
                    let firing = self.describe().alarm_name_prefix(prefix).state_value(StateValue::Alarm);
                    found.extend(all(firing).await?);
                }
                AlarmRef::One { name, .. } => names.push(name.clone()),
            }
        }
        for batch in names.chunks(ALARMS_PER_CALL.unsigned_abs() as usize) {
            found.extend(all(self.describe().set_alarm_names(Some(batch.to_vec()))).await?);
        }
        Ok(found)
    }

    /// Whether any alarm name starts with `prefix`.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn any(&self, prefix: &str) -> Result<bool, CallFailed> {
        let answer = self.describe().alarm_name_prefix(prefix).max_records(1).send().await;
        let answer = answer.map_err(|error| CallFailed::new("DescribeAlarms", &error))?;
        Ok(!answer.metric_alarms().is_empty() || !answer.composite_alarms().is_empty())
    }

    /// A request for metric and composite alarms. Without types, CloudWatch omits composite alarms.
    fn describe(&self) -> DescribeAlarmsFluentBuilder {
        self.client
            .describe_alarms()
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
    }
}

/// Sends the request and reads all pages.
async fn all(call: DescribeAlarmsFluentBuilder) -> Result<Vec<Alarm>, CallFailed> {
    let mut pages = call.max_records(ALARMS_PER_CALL).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| CallFailed::new("DescribeAlarms", &error))?;
        let metric = page
            .metric_alarms()
            .iter()
            .map(|alarm| (alarm.alarm_name(), alarm.alarm_arn(), alarm.state_value()));
        let composite = page
            .composite_alarms()
            .iter()
            .map(|alarm| (alarm.alarm_name(), alarm.alarm_arn(), alarm.state_value()));
        found.extend(metric.chain(composite).map(|(name, arn, state)| Alarm {
            name: name.unwrap_or_default().to_owned(),
            arn: arn.unwrap_or_default().to_owned(),
            fires: state == Some(&StateValue::Alarm),
        }));
    }
    Ok(found)
}
