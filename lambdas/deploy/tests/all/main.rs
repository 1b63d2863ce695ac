//! The tests of this package. They are one program, because linking the SDK takes seconds for each program.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod blockers;
mod code_deploy;
mod common;
mod digests;
mod messages;
mod overlap;
mod owner_controls;
mod retries;
mod start_time;
