//! Deploy: woken by a schedule at its slot, reads one service, decides, and starts a new deployment.

mod handler;

pub use handler::{Deploy, Outcome, OutcomeKind};
