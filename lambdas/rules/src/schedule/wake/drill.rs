//! The input of the schedule that answers a drill. It is disabled, so no function is woken by it: operate reads it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::notice::date;

/// What became of the service of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillInput {
    /// The drill.
    pub event_arn: String,
    /// When ingest answered.
    #[serde(deserialize_with = "date::read")]
    pub answered_at: DateTime<Utc>,
    /// What ingest would do, and why.
    pub reason: String,
}
