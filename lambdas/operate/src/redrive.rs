//! Sends every dead letter back to its function.

use aws::{CallFailed, Failure, Invocation};
use chrono::TimeDelta;
use lambda_runtime::tracing::warn;
use rules::{
    operate::{answer::Answer, redrive::Letter, request::Why},
    wording::{count, is},
};

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
        let (mut sent, mut stays) = (0, Vec::new());
        let mut is_empty = false;
        while invocation.now() + RESERVE < invocation.ends_at() {
            let letters = self.dead_letters.receive().await.map_err(Failure::call(REDRIVE))?;
            if letters.is_empty() {
                is_empty = true;
                break;
            }
            for letter in letters {
                match self.send_back(&letter).await {
                    Ok(true) => sent += 1,
                    Ok(false) => stays.push(format!("{} is not understood", letter.id)),
                    Err(error) => stays.push(format!("{}: {error}", letter.id)),
                }
            }
        }
        let more = if is_empty { "" } else { ". There may be more: redrive again" };
        if sent == 0 && stays.is_empty() {
            return Ok(Answer::text(
                REDRIVE,
                "no dead letter is visible in the queue; there is nothing to do",
            ));
        }
        for letter in &stays {
            warn!(reason = letter, "a dead letter stays in the queue");
        }
        let left = match stays.first() {
            None => String::new(),
            Some(first) => format!(
                ". {} {} not sent and will be visible again in two minutes; the first: {first}",
                count(stays.len(), "letter"),
                is(stays.len())
            ),
        };
        let text = format!(
            "{} {} sent back to their functions{left}{more}. If one fails again, it returns to the queue",
            count(sent, "dead letter"),
            if sent == 1 { "was" } else { "were" }
        );
        Ok(self.told(REDRIVE, &text, why, invocation).await)
    }

    /// Hands a letter over and deletes it. `false`: it is not understood, and stays.
    async fn send_back(&self, letter: &Letter) -> Result<bool, CallFailed> {
        let Some((function, payload)) = letter.route(&self.names) else { return Ok(false) };
        self.functions.hand_over(function, payload).await?;
        self.dead_letters.delete(letter).await?;
        Ok(true)
    }
}
