//! Random runs of the functions on an AWS in memory.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod every_order;
mod everything_at_once;
