//! What keeps deployments from starting: each blocker is a file that turns what was read into [`Block`]s.
//!
//! To add one, write its file here, and have the deploy function read what it needs (`lambdas/deploy/src/gather.rs`).

pub mod alarms;
pub mod calendars;
pub mod order;

/// A reason for which no deployment starts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What blocks, and until when as far as known.
    pub reason: String,
    /// What blocks is that something is unreadable: the owner must fix it.
    pub unreadable: bool,
}

impl Block {
    /// Something blocks.
    #[must_use]
    pub fn by(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), unreadable: false }
    }

    /// Something is unreadable, which counts as blocking.
    #[must_use]
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), unreadable: true }
    }
}
