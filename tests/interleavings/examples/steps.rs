//! Random runs until so many steps were made, on two threads. The seeds of past findings come first, and the seed of a new
//! one is kept with them.
//!
//! Prints a table to standard output. Stops at the first violation, with its story.

#![expect(clippy::expect_used, reason = "a run fails where something is not as expected")]

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use interleavings::{Counts, Plot, plots};
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestCaseError, TestRunner};

const THREADS: u64 = 2;
/// The runs of one test runner. The next runner has another seed.
const RUNS: u32 = 200;
/// The findings of the test that makes such runs.
const FINDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proptest-regressions/everything_at_once.txt");

/// What the runs of a thread came to.
#[derive(Default)]
struct Done {
    runs: usize,
    counts: Counts,
    violation: Option<String>,
}

fn main() -> ExitCode {
    let number = |option: &str, default: u64| {
        let mut words = std::env::args().skip_while(|word| word != option).skip(1);
        words.next().map_or(default, |number| number.parse().expect("a number after the option"))
    };
    let (steps, seed) = (number("--steps", 1_000_000), number("--seed", 1));
    let share = usize::try_from(steps.div_ceil(THREADS)).expect("a number of steps");
    let (begun, stop) = (Instant::now(), AtomicBool::new(false));
    let all: Vec<Done> = thread::scope(|scope| {
        let start = |thread: u64| {
            scope.spawn({
                let stop = &stop;
                move || work(seed * THREADS + thread, share, stop)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that ended")).collect()
    });
    let mut counts = Counts::default();
    for done in &all {
        counts += done.counts;
    }
    let runs: usize = all.iter().map(|done| done.runs).sum();
    let violations = all.iter().filter(|done| done.violation.is_some()).count();
    println!("| runs | steps | invocations | calls | faults | violations | seed | seconds |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    println!(
        "| {runs} | {} | {} | {} | {} | {violations} | {seed} | {} |",
        counts.steps(),
        counts.invocations,
        counts.calls,
        counts.faults,
        begun.elapsed().as_secs()
    );
    for violation in all.iter().filter_map(|done| done.violation.as_ref()) {
        eprintln!("{violation}");
    }
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Makes runs until so many steps were made, or another thread has found a violation.
fn work(thread: u64, steps: usize, stop: &AtomicBool) -> Done {
    let done = Mutex::new(Done::default());
    let count = || done.lock().expect("no run has panicked").counts.steps();
    let ends = || stop.load(Ordering::Relaxed) || count() >= steps;
    for nth in 0.. {
        if ends() {
            break;
        }
        let config = Config {
            cases: RUNS,
            max_shrink_iters: 200,
            rng_seed: RngSeed::Fixed((thread << 32) | nth),
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(FINDINGS))),
            ..Config::default()
        };
        let run = |plot: Plot| {
            if ends() {
                return Ok(());
            }
            let counts = plot.run().map_err(TestCaseError::fail)?;
            let mut done = done.lock().expect("no run has panicked");
            done.runs += 1;
            done.counts += counts;
            Ok(())
        };
        if let Err(violation) = TestRunner::new(config).run(&plots(), run) {
            stop.store(true, Ordering::Relaxed);
            done.lock().expect("no run has panicked").violation = Some(violation.to_string());
        }
        eprintln!("thread {thread}: {} steps", count());
    }
    done.into_inner().expect("no run has panicked")
}
