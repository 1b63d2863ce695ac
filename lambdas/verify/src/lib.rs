//! Verify: woken by schedules after a deployment and before a notice's deadline; checks whether services are
//! patched, and notifies.

mod check;
mod deadline;
mod digest;
mod function;
mod handler;
mod heartbeat;
mod settled;

pub use check::{Check, CheckKind};
pub use deadline::DeadlineCheck;
pub use digest::Digest;
pub use function::Verify;
pub use handler::Answer;
pub use heartbeat::Heartbeat;
pub use settled::Forgotten;
