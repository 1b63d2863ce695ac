//! The input of a lock. A lock is a disabled schedule, so no function is woken by it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::notice::date;

/// Who holds a lock, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInput {
    /// The name of the schedule that only the owner may change.
    pub schedule: String,
    /// The invocation that holds the lock.
    pub owner: String,
    /// When the lock is dead: the invocation has ended by then, whether or not it could release the lock.
    #[serde(deserialize_with = "date::read")]
    pub expires_at: DateTime<Utc>,
    /// The schedule that the owner deletes in order to create it again. If the owner ends in between, the heartbeat
    /// creates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
}

/// A schedule that is deleted in order to be created again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// Its name.
    pub name: String,
    /// Its new input.
    pub input: String,
}
