//! Verify: woken by schedules after a deployment and before a notice's deadline; checks whether services are
//! patched, and notifies.

mod check;
mod deadline;
mod handler;
mod heartbeat;

pub use check::{Check, CheckKind};
pub use deadline::DeadlineCheck;
pub use handler::{Answer, Verify};
pub use heartbeat::Heartbeat;
