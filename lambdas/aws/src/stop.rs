//! The emergency stop: a schedule that never fires. While it exists, no deployment starts.

use chrono::{DateTime, Utc};
use rules::schedule::{
    Spec,
    name::ScheduleName,
    wake::{StopInput, Wake},
};

use crate::{
    CallFailed,
    scheduler::{Scheduler, Written},
};

impl Scheduler {
    /// Since when, and why, no deployment starts. `None` if nothing is stopped. A schedule of that name with an unreadable
    /// input stops everything as well.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn stopped(&self) -> Result<Option<StopInput>, CallFailed> {
        let found = self.get(&ScheduleName::of_stop()).await?;
        Ok(found.map(|found| match found.wake() {
            Ok(Wake::Stop(stop)) => stop,
            _ => StopInput::default(),
        }))
    }

    /// Stops everything. `Conflict`: everything is stopped already.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn stop(&self, input: StopInput, now: DateTime<Utc>) -> Result<Written, CallFailed> {
        self.create(&Spec::stop(input, now), now).await
    }

    /// Ends the stop.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn resume(&self) -> Result<Written, CallFailed> {
        self.delete(&ScheduleName::of_stop()).await
    }
}
