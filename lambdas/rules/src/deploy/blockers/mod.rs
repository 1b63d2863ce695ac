//! What keeps deployments from starting. Each blocker is a file that turns what was read into [`Block`]s.
//!
//! To add one, write its file here, and have the deploy function read what it needs (`lambdas/deploy/src/gather.rs`).

pub mod alarms;
pub mod calendars;
pub mod order;
pub mod stop;

/// A reason why no deployment starts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What blocks, and until when, if known.
    pub reason: String,
    /// Something is unreadable, which the owner must fix.
    pub unreadable: bool,
}

impl Block {
    /// A block by a known state.
    #[must_use]
    pub fn by(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), unreadable: false }
    }

    /// A block because something is unreadable.
    #[must_use]
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), unreadable: true }
    }
}
