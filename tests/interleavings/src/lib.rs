//! Runs the functions on an AWS in memory. Lambda and EventBridge Scheduler deliver as AWS does: at least once, in
//! any order, and with failures at any call.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a run fails where AWS or a payload is not as expected"
)]

mod checks;
mod choices;
mod conditions;
mod history;
mod people;
mod plot;
mod run;
mod steps;
mod told;

pub use choices::Choices;
pub use conditions::{Mode, WINDOWS, Window};
pub use people::Edit;
pub use plot::{Plot, plots};
pub use run::{Counts, End, Run, ServiceEnd};
pub use steps::{Step, What};
