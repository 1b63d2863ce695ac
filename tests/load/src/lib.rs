//! The load run: ten notices of a thousand services each within a minute, and a window in which all are deployed, with
//! the rates that AWS documents. The functions run as AWS Lambda runs them, in tokio's paused time.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a run fails where AWS or a payload is not as expected"
)]

mod account;
mod lambda;
mod options;
mod report;
mod run;
mod wake_ups;

use std::process::ExitCode;

use options::Options;

/// Prints a table to standard output. Fails if something is not as it must be.
pub fn main(words: impl Iterator<Item = String>) -> ExitCode {
    let options = match Options::read(words) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::FAILURE;
        }
    };
    fastrand::seed(options.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let ran = runtime.expect("a runtime").block_on(run::run(&options));
    println!("{}", report::table(&options, &ran));
    let faults = report::faults(&options, &ran);
    for fault in faults.iter().take(20) {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("{} faults", faults.len());
    ExitCode::FAILURE
}
