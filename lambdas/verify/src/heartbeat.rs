//! The heartbeat: shows that schedules wake functions, and finds out whether notices still arrive. The alarms on silence
//! and on the rule rest on it.

use aws::Failure;
use chrono::{DateTime, Utc};
use lambda_runtime::tracing::error;
use rules::{
    notify::metrics::{Metric, Sample},
    schedule::name::ScheduleName,
};
use serde::Serialize;

use crate::function::Verify;

/// Verify's answer to the template's recurring schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heartbeat {
    /// How many schedules are pending.
    pub pending: usize,
    /// Why notices do not arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_fault: Option<String>,
}

impl Verify {
    /// Counts the pending schedules, and reads the rule.
    pub(crate) async fn heartbeat(&self, now: DateTime<Utc>) -> Result<Heartbeat, Failure> {
        let names = self.scheduler.names().await.map_err(Failure::call("the heartbeat"))?;
        let own = ScheduleName::of_heartbeat();
        let pending = names.iter().filter(|name| **name != own).count();
        self.notifier.count(&[Sample::counted(&[(Metric::Heartbeat, 1), (Metric::Pending, pending)])], now);
        let rule_fault = self.rule_fault(now).await?;
        Ok(Heartbeat { pending, rule_fault })
    }

    /// Why notices do not arrive. The metric is written in either case, because the alarm keeps its state until the next
    /// value.
    async fn rule_fault(&self, now: DateTime<Utc>) -> Result<Option<String>, Failure> {
        let Some(rule) = &self.rule else { return Ok(None) };
        let fault = self.event_rules.fault(rule).await.map_err(Failure::call("the heartbeat"))?;
        if let Some(fault) = &fault {
            error!(fault, "notices do not arrive: {fault}");
        }
        self.notifier.count(&[Sample::counted(&[(Metric::RuleFault, usize::from(fault.is_some()))])], now);
        Ok(fault)
    }
}
