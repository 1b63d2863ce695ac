//! The tests of this package. They are one program, because linking the SDK takes seconds for each program.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod common;
mod configuration;
mod drill;
mod messages;
mod notice;
mod over_time;
mod repeats;
mod samples;
mod tags_and_freezes;
