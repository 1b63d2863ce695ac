//! The load run. An example, because `cargo build --bins` builds what is deployed.

use std::process::ExitCode;

fn main() -> ExitCode {
    load::main(std::env::args().skip(1))
}
