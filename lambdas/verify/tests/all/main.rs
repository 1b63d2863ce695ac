//! The tests of this package. They are one program, because linking the SDK takes seconds for each program.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;
mod deadline_check;
mod digest;
mod messages;
mod records;
mod verification_check;
mod wake_ups;
