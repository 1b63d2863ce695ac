//! Sends every dead letter back to its function.

use aws::{CallFailed, Failure, Invocation};
use chrono::TimeDelta;
use rules::{
    notify::{Notification, event::BusEvent, operator},
    operate::{
        answer::Answer,
        redrive::{Letter, answer},
        request::Why,
    },
};
use tracing::{info, warn};

use crate::function::Operate;

const REDRIVE: &str = "redrive";
/// How much time is left for the answer.
const RESERVE: TimeDelta = TimeDelta::seconds(15);

impl Operate {
    /// Goes through the dead-letter queue. A letter is deleted only once Lambda has accepted what it hands over, so that it may be
    /// handed over twice, which is harmless, but is never lost.
    ///
    /// # Errors
    /// The queue is unreadable.
    pub(crate) async fn redrive(&self, why: &Why, invocation: &Invocation) -> Result<Answer, Failure> {
        let (mut sent, mut stays, mut events) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_empty = false;
        while invocation.now() + RESERVE < invocation.ends_at() {
            let letters = self.dead_letters.receive().await.map_err(Failure::call(REDRIVE))?;
            if letters.is_empty() {
                is_empty = true;
                break;
            }
            for letter in letters {
                match self.send_back(&letter).await {
                    Ok(Some(function)) => {
                        sent.push(format!("{} to {function}", letter.subject()));
                        events.extend(self.event_of(&letter, function, why));
                    }
                    Ok(None) => stays.push(format!("{} is not understood", letter.id)),
                    Err(error) => stays.push(format!("{}: {error}", letter.id)),
                }
            }
        }
        if sent.is_empty() && stays.is_empty() && is_empty {
            let text = "no dead letter is visible in the queue; there is nothing to do";
            return Ok(Answer::text(REDRIVE, true, text));
        }
        for letter in &stays {
            warn!(reason = letter, "a dead letter stays in the queue");
        }
        let text = answer(&sent, &stays, is_empty);
        if !sent.is_empty() {
            // A failure is logged and counted; what was done stays done.
            let notification = Notification { events, ..Notification::default() };
            let _ = self.notifier.send(&notification, invocation.now()).await;
            self.told(REDRIVE, &text, why, invocation).await;
        }
        Ok(Answer::text(REDRIVE, stays.is_empty() && is_empty, &text))
    }

    /// Logs that a letter was sent back. If it is about a service, that is an event as well.
    fn event_of(&self, letter: &Letter, function: &str, why: &Why) -> Option<BusEvent> {
        let (operator_reason, ticket) = (why.reason.as_deref(), why.ticket.as_deref());
        let (about, cause) = (letter.subject(), letter.reason());
        let reason = format!("the dead letter ({cause}) was sent back to {function}");
        let outcome = "changed-by-operator";
        let Some(service) = letter.service() else {
            info!(operation = REDRIVE, about, outcome, reason, operator_reason, ticket);
            return None;
        };
        let (cluster, name) = (service.cluster(), service.service());
        info!(operation = REDRIVE, cluster, service = name, outcome, reason, operator_reason, ticket);
        Some(operator::event_of_all(&self.notifier.reader, Some(&service), &reason, (REDRIVE, why)))
    }

    /// Hands a letter over and deletes it. Says to which function it was sent; `None`: it is not understood, and stays.
    async fn send_back(&self, letter: &Letter) -> Result<Option<&str>, CallFailed> {
        let Some((function, payload)) = letter.route(&self.names) else { return Ok(None) };
        self.functions.hand_over(function, payload).await?;
        self.dead_letters.delete(letter).await?;
        Ok(Some(function))
    }
}
