//! Notifications, composed by pure functions: [`event`]s for machines, [`message`]s for people and [`metrics`]. The
//! functions only send them.

pub mod approval;
pub mod deployment;
pub mod event;
pub mod heartbeat;
pub mod message;
pub mod metrics;
pub mod operator;
pub mod plan;
pub mod record;
pub mod verification;

use event::BusEvent;
use message::Message;
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
