//! Verify: woken by schedules after a deployment and before a notice's deadline, looks whether services are
//! patched, and tells.

mod handler;
mod look;
mod watch;

pub use handler::{Answer, Heartbeat, Verify};
pub use look::{Look, LookKind};
pub use watch::Watched;
