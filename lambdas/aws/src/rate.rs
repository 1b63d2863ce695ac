//! The rates that AWS allows. A function that keeps to them is not throttled, and leaves its retries to others' calls.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, Instant};

/// The Regions in which AWS accepts 5,000 `CreateSchedule` requests in a second. Elsewhere, it is 250
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html>).
const LARGE_REGIONS: [&str; 11] = [
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "sa-east-1",
];

/// A token bucket. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    /// The time until a token comes back.
    interval: Duration,
    /// The time until an empty bucket is full.
    capacity: Duration,
    /// When the bucket is full again.
    full_at: Arc<Mutex<Option<Instant>>>,
}

impl Rate {
    /// So many calls at once, then so many in each second.
    pub(crate) fn new(at_once: u32, per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second;
        Self { interval, capacity: interval * at_once, full_at: Arc::default() }
    }

    /// The rate of `CreateSchedule` in a Region. Other programs of the account create schedules, too.
    pub(crate) fn of_creations(region: &str) -> Self {
        let creations = if LARGE_REGIONS.contains(&region) { 1_000 } else { 200 };
        Self::new(creations, creations)
    }

    /// The rate of each of `GetSchedule`, `UpdateSchedule` and `DeleteSchedule` in a Region: AWS allows 1,000 in a second, or
    /// 250. Several functions call them.
    pub(crate) fn of_others(region: &str) -> Self {
        let calls = if LARGE_REGIONS.contains(&region) { 900 } else { 200 };
        Self::new(calls, calls)
    }

    /// Waits until a call may be made.
    pub(crate) async fn wait(&self) {
        let now = Instant::now();
        let full_at = {
            let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
            let next = full_at.unwrap_or(now).max(now) + self.interval;
            *full_at.insert(next)
        };
        if let Some(allowed_at) = full_at.checked_sub(self.capacity).filter(|allowed_at| *allowed_at > now) {
            tokio::time::sleep_until(allowed_at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let rate = Rate::new(100, 20);
        let begun = Instant::now();
        let mut waited = Vec::new();
        for _ in 0..141 {
            rate.wait().await;
            waited.push(begun.elapsed().as_millis());
        }
        assert_eq!((waited[99], waited[100], waited[120], waited[140]), (0, 50, 1050, 2050));
        tokio::time::sleep(Duration::from_mins(1)).await;
        let begun = Instant::now();
        for _ in 0..100 {
            rate.wait().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO, "a bucket that is full again");
    }
}
