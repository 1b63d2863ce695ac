//! An AWS in memory, as far as the functions use it, and Lambda's and EventBridge Scheduler's ways of
//! delivering: at least once, in any order, with failures in between.

#![expect(clippy::indexing_slicing, reason = "JSON answers null, and a service has a deployment")]

pub mod drive;
pub mod world;
