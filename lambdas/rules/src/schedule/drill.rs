//! The schedule with which ingest answers a drill.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{
    Spec,
    name::ScheduleName,
    wake::{DrillInput, Wake},
};
use crate::time::instant::ceil_minute;

impl Spec {
    /// The answer to a drill. It is disabled, so it never fires; operate reads and deletes it.
    #[must_use]
    pub fn drill(input: DrillInput, now: DateTime<Utc>) -> Self {
        let name = ScheduleName::of_drill(&input.event_arn);
        let written = Some(format!("The answer to the drill {}, for the operate function", input.event_arn));
        Self { written, ..Self::on_the_minute(name, ceil_minute(now), Tz::UTC, Wake::Drill(input)) }
    }
}
