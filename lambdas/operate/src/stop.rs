//! The emergency stop, and its end.

use aws::{Failure, Invocation, scheduler::Written};
use rules::{
    notify::{Notification, operator},
    operate::{
        answer::Answer,
        request::{Asker, Why},
    },
    schedule::wake::StopInput,
};
use tracing::info;

use crate::function::Operate;

const HOLD_ALL: &str = "hold-all";
const RELEASE_ALL: &str = "release-all";

impl Operate {
    /// Lets nothing start until release-all.
    ///
    /// # Errors
    /// A call to AWS failed: it is unknown whether everything is stopped.
    pub(crate) async fn hold_all(
        &self,
        why: Why,
        asker: Asker,
        invocation: &Invocation,
    ) -> Result<Answer, Failure> {
        let Why { reason, ticket } = why.clone();
        let stop = StopInput { since: Some(invocation.now()), reason, ticket };
        let written = self.scheduler.stop(stop, invocation.now()).await.map_err(Failure::call(HOLD_ALL))?;
        let until = asker.until_released();
        if written == Written::Done {
            let text = format!(
                "all deployments are stopped. Nothing that is pending or will be planned starts {until}; deployments that are \
                 rolling out already go on. AWS still replaces old tasks from their retirement date"
            );
            self.told(HOLD_ALL, &text, &why, invocation).await;
            return Ok(Answer::text(HOLD_ALL, true, &text));
        }
        let before = self.scheduler.stopped().await.map_err(Failure::call(HOLD_ALL))?.unwrap_or_default();
        let text = format!("all deployments were stopped already: {}; nothing starts {until}", before.text());
        Ok(Answer::text(HOLD_ALL, true, &text))
    }

    /// Ends the emergency stop.
    ///
    /// # Errors
    /// A call to AWS failed: it is unknown whether the stop has ended.
    pub(crate) async fn release_all(&self, why: &Why, invocation: &Invocation) -> Result<Answer, Failure> {
        let Some(stop) = self.scheduler.stopped().await.map_err(Failure::call(RELEASE_ALL))? else {
            let text = "nothing was stopped; deployments start at their times";
            return Ok(Answer::text(RELEASE_ALL, true, text));
        };
        if self.scheduler.resume().await.map_err(Failure::call(RELEASE_ALL))? == Written::Conflict {
            let text = "the stop was changed at the same moment; try again";
            return Ok(Answer::text(RELEASE_ALL, false, text));
        }
        let text = format!(
            "deployments start again at their times; those that were due meanwhile are retried within ten minutes, or in their \
             next window. Deployments that are held stay held. Ended: {}",
            stop.text()
        );
        self.told(RELEASE_ALL, &text, why, invocation).await;
        Ok(Answer::text(RELEASE_ALL, true, &text))
    }

    /// Logs what was done, and sends the event.
    pub(crate) async fn told(&self, operation: &str, text: &str, why: &Why, invocation: &Invocation) {
        let (operator_reason, ticket) = (why.reason.as_deref(), why.ticket.as_deref());
        info!(operation, outcome = "changed-by-operator", reason = text, operator_reason, ticket);
        let event = operator::event_of_all(&self.notifier.reader, None, text, (operation, why));
        let notification = Notification { events: vec![event], ..Notification::default() };
        // A failure is logged and counted; what was done stays done.
        let _ = self.notifier.send(&notification, invocation.now()).await;
    }
}
