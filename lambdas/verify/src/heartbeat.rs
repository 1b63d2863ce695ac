//! The heartbeat: shows that schedules wake functions. The alarm on silence rests on it.

use aws::Failure;
use chrono::{DateTime, Utc};
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
}

impl Verify {
    /// Counts the pending schedules.
    pub(crate) async fn heartbeat(&self, now: DateTime<Utc>) -> Result<Heartbeat, Failure> {
        let names = self.scheduler.names().await.map_err(Failure::call("the heartbeat"))?;
        let own = ScheduleName::of_heartbeat();
        let pending = names.iter().filter(|name| **name != own).count();
        self.notifier.count(&[Sample::counted(&[(Metric::Heartbeat, 1), (Metric::Pending, pending)])], now);
        Ok(Heartbeat { pending })
    }
}
