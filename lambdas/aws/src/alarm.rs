//! Amazon CloudWatch alarms: what lets no deployment start.

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::{
    Client,
    operation::describe_alarms::builders::DescribeAlarmsFluentBuilder,
    types::{AlarmType, StateValue},
};
use rules::{deploy::blockers::alarms::Alarm, policy::alarms::AlarmRef};

use crate::{CallFailed, brief};

/// `DescribeAlarms` takes so many names in one call, and gives so many alarms.
const ALARMS_PER_CALL: i32 = 100;

/// The alarms of this account and Region.
#[derive(Clone, Debug)]
pub struct Alarms {
    client: Client,
}

impl Alarms {
    /// The alarms of the SDK's account and Region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(&brief(sdk)) }
    }

    /// The watched alarms: those of a prefix as far as they fire, and all that are named.
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
        for some in names.chunks(ALARMS_PER_CALL.unsigned_abs() as usize) {
            found.extend(all(self.describe().set_alarm_names(Some(some.to_vec()))).await?);
        }
        Ok(found)
    }

    /// Whether any alarm's name begins so.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn any(&self, prefix: &str) -> Result<bool, CallFailed> {
        let answer = self.describe().alarm_name_prefix(prefix).max_records(1).send().await;
        let answer = answer.map_err(|error| CallFailed::new("DescribeAlarms", &error))?;
        Ok(!answer.metric_alarms().is_empty() || !answer.composite_alarms().is_empty())
    }

    /// Without their types CloudWatch leaves composite alarms out.
    fn describe(&self) -> DescribeAlarmsFluentBuilder {
        self.client
            .describe_alarms()
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
    }
}

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
