//! The cut-off: a task created after it is already on the new revision.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Notice, NoticeRef};

impl Notice {
    /// The cut-off is the first of these that is known:
    /// 1. the date that the description states;
    /// 2. the retirement date minus `wait`, the account's `fargateTaskRetirementWaitPeriod`, but never later than
    ///    the event;
    /// 3. the time of the event.
    ///
    /// A cut-off that is too late costs a needless deployment. A cut-off that is too early leaves a task unpatched.
    /// The cut-off is never later than now: otherwise a wrong sender clock would make the tasks of every new
    /// deployment look old.
    pub(super) fn cutoff(&self, wait: Option<TimeDelta>) -> DateTime<Utc> {
        let announced = || self.starts_at?.checked_sub_signed(wait?);
        self.stated_cutoff
            .or_else(|| Some(announced()?.min(self.sent_at)))
            .unwrap_or(self.sent_at)
            .min(self.received_at)
    }
}

/// The latest cut-off of several notices: a task created after it is on the new revision of all of them.
///
/// With no notices, every task counts as old. A valid input always has a notice.
#[must_use]
pub fn latest_cutoff(notices: &[NoticeRef]) -> DateTime<Utc> {
    notices.iter().map(|notice| notice.cutoff).max().unwrap_or(DateTime::<Utc>::MAX_UTC)
}
