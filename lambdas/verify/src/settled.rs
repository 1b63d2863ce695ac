//! The end of the memory of a notice that no longer concerns any service.

use aws::{CallFailed, Failure, Invocation};
use rules::schedule::{name::ScheduleName, wake::DeadlineInput};
use serde::Serialize;

use crate::function::Verify;

/// Verify's answer to the schedule of a memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// The notice that is forgotten.
    pub event_arn: String,
}

impl Verify {
    /// Forgets a page of a notice, unless a later event has renewed the memory.
    pub(crate) async fn forget(
        &self,
        input: &DeadlineInput,
        invocation: &Invocation,
    ) -> Result<Forgotten, Failure> {
        let event_arn = input.notice.event_arn.clone();
        let lock = ScheduleName::of_page(&event_arn, input.page);
        let name = ScheduleName::of_settled(&event_arn, input.page, input.part);
        let work = async |_| -> Result<(), CallFailed> {
            let found = self.scheduler.get(&name).await?;
            self.scheduler.acknowledge(&name, found.as_ref(), invocation.now()).await
        };
        let done = self.scheduler.locked(&lock, invocation, work).await;
        done.flatten().map_err(Failure::call(&event_arn))?;
        Ok(Forgotten { event_arn })
    }
}
