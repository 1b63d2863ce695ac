//! What wakes verify: a verification check of a service, the deadline check of a notice, and the heartbeat.

use aws::{Failure, Invocation};
use rules::schedule::wake::{Function, Wake};
use serde::Serialize;
use serde_json::Value;

use crate::{
    check::Check, deadline::DeadlineCheck, digest::Digest, function::Verify, heartbeat::Heartbeat,
    settled::Forgotten,
};

/// Verify's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a verification check.
    Check(Check),
    /// To a deadline check.
    DeadlineCheck(DeadlineCheck),
    /// To the end of a memory.
    Forgotten(Forgotten),
    /// To a digest.
    Digest(Digest),
    /// To the template's recurring schedule.
    Heartbeat(Heartbeat),
}

impl Verify {
    /// Handles what a schedule hands over.
    ///
    /// # Errors
    /// The input is invalid, a call to AWS failed, or the owner could not be notified.
    pub async fn handle(&self, input: &Value, invocation: &Invocation) -> Result<Answer, Failure> {
        // Boxed: the types of the SDK's futures nest deeper than the compiler follows.
        match Wake::read(input)? {
            Wake::Check(input) => Box::pin(self.check(input, invocation)).await.map(Answer::Check),
            Wake::DeadlineCheck(input) => {
                Box::pin(self.deadline_check(input, invocation)).await.map(Answer::DeadlineCheck)
            }
            Wake::Settled(input) => Box::pin(self.forget(&input, invocation)).await.map(Answer::Forgotten),
            Wake::Digest(input) => Box::pin(self.digest(input, invocation)).await.map(Answer::Digest),
            Wake::Heartbeat => Box::pin(self.heartbeat(invocation)).await.map(Answer::Heartbeat),
            other @ (Wake::Deploy(_) | Wake::Lock(_) | Wake::Drill(_) | Wake::Stop(_)) => {
                Err(other.refused_by(Function::Verify).into())
            }
        }
    }
}
