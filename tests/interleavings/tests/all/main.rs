//! Random runs of the functions on an AWS in memory.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod every_order;
mod everything_at_once;

use proptest::test_runner::{Config, RngSeed};

/// So many runs, fewer than proptest's default, because each is a week or more with some hundred invocations: `make faults`
/// makes more. They are the same runs each time, so that a change is to blame if one fails. `PROPTEST_CASES` makes other runs,
/// and so many.
fn config(cases: u32, max_shrink_iters: u32) -> Config {
    match std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()) {
        Some(cases) => Config { max_shrink_iters, ..Config::with_cases(cases) },
        None => Config { max_shrink_iters, rng_seed: RngSeed::Fixed(1), ..Config::with_cases(cases) },
    }
}
