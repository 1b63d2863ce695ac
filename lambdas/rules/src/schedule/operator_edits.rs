//! Operators' edits of a schedule: whether one is kept when a notice arrives.

use chrono::{DateTime, Utc};

use super::Existing;
use crate::{notice::NoticeRef, time::instant::utc};

/// An operator's edit of a schedule.
pub(super) enum Edited {
    /// No edit, or an edit to a time that has passed.
    No,
    /// The time and state that the operator set are kept.
    Keep { reason: String, at: Option<DateTime<Utc>> },
    /// The edit cannot be kept, for this reason.
    Replace(String),
}

/// Decides whether an operator's edit is kept. `notices` are the `scheduled` notices with the new one; `same_date`
/// says that the new one was already scheduled, with the same retirement date.
pub(super) fn edited(
    existing: &Existing,
    scheduled: &[NoticeRef],
    notices: &[NoticeRef],
    same_date: bool,
    now: DateTime<Utc>,
) -> Edited {
    if existing.is_held() {
        let all_passed = !scheduled.is_empty()
            && scheduled.iter().all(|known| known.starts_at.is_some_and(|starts_at| starts_at <= now));
        if same_date || !all_passed {
            let reason = "an operator disabled the schedule; the service is not redeployed until an operator enables it";
            return Edited::Keep { reason: reason.to_owned(), at: None };
        }
        let why = "an operator disabled the schedule for notices whose retirement dates have passed";
        return Edited::Replace(why.to_owned());
    }
    if existing.input.is_err() {
        return Edited::Replace("the schedule's input was invalid and has been rewritten".to_owned());
    }
    if !existing.moved() || existing.overdue(now) {
        return Edited::No;
    }
    let Some(at) = existing.at else {
        let reason = "an operator made the schedule recurring; it is left unchanged";
        return Edited::Keep { reason: reason.to_owned(), at: None };
    };
    let mut future =
        notices.iter().filter_map(|notice| notice.starts_at).filter(|starts_at| *starts_at > now);
    let moved = format!("an operator moved the schedule to {}", utc(at));
    if future.all(|starts_at| at < starts_at) {
        Edited::Keep { reason: moved, at: Some(at) }
    } else {
        Edited::Replace(format!("{moved}, which is not before the retirement date"))
    }
}
