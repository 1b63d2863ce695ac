//! Notifications, composed by pure functions: [`event`]s for machines, [`message`]s for people and [`metrics`]. The
//! functions only send them.

pub mod approval;
pub mod deployment;
pub mod digest;
pub mod event;
pub mod heartbeat;
pub mod message;
pub mod metrics;
pub mod operator;
pub mod plan;
pub mod record;
pub mod verification;

use crate::policy::NotificationDetail;
use event::{BusEvent, Happened};
use message::{Message, Reader};
use metrics::Sample;

/// Everything that is sent and counted when something has happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notification {
    /// Events on the default bus.
    pub events: Vec<BusEvent>,
    /// A message, if people are to know.
    pub message: Option<Message>,
    /// What is counted and measured.
    pub samples: Vec<Sample>,
}

impl Notification {
    /// The same about one service, as people want it: what needs nobody is in the digest.
    #[must_use]
    fn in_detail(self, reader: &Reader) -> Self {
        let needed = |message: &Message| {
            reader.detail == NotificationDetail::Each
                || matches!(message.happened, Happened::NeedsAttention | Happened::Failed)
        };
        Self { message: self.message.filter(needed), ..self }
    }
}
