//! All schedules of the group at once, within the rate that AWS allows.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rules::verify::heartbeat::Pending;

use crate::{CallFailed, rate::Rate, scheduler::Scheduler};

/// How many schedules are read at once.
const CONCURRENCY: usize = 64;

/// The schedules of the group. `ListSchedules` shows neither times nor inputs, so each schedule is read.
#[derive(Clone, Debug)]
pub struct Schedules {
    scheduler: Scheduler,
    reads: Rate,
}

impl Schedules {
    /// The schedules of the scheduler's group, in this Region.
    #[must_use]
    pub fn new(scheduler: Scheduler, region: &str) -> Self {
        Self { scheduler, reads: Rate::of_reads(region) }
    }

    /// Reads all schedules.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn all(&self) -> Result<Vec<Pending>, CallFailed> {
        let read = async |name| {
            self.reads.wait().await;
            let found = self.scheduler.get(&name).await?;
            Ok::<_, CallFailed>(found.map(|found| Pending {
                wake: found.wake(),
                existing: found.existing,
                name,
            }))
        };
        let names = stream::iter(self.scheduler.names().await?);
        let all: Vec<Option<Pending>> = names.map(read).buffer_unordered(CONCURRENCY).try_collect().await?;
        Ok(all.into_iter().flatten().collect())
    }
}
