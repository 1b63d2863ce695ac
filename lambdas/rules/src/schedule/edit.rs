//! What is changed about an existing schedule. Everything else about it stays.

use chrono::{DateTime, Utc};

use super::wake::DeployInput;

/// What is changed about an existing schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new time, at which the schedule fires without a delay.
    pub at: Option<DateTime<Utc>>,
    /// Whether the schedule is enabled.
    pub enabled: Option<bool>,
    /// The new input.
    pub input: Option<DeployInput>,
}

impl Edit {
    /// Only the input changes.
    #[must_use]
    pub fn of_input(input: DeployInput) -> Self {
        Self { input: Some(input), ..Self::default() }
    }
}
