//! The end of a notice that no longer concerns any service: on the retirement date, the stories that are still open are
//! recorded; later, the notice is forgotten.

use aws::{CallFailed, Failure, Invocation, scheduler::Found};
use rules::{
    arn::ServiceRef,
    notify::{Notification, event::BusEvent, record},
    schedule::{
        Spec,
        name::ScheduleName,
        wake::{DeadlineInput, Wake},
    },
    service::ServiceState,
};
use serde::Serialize;

use crate::function::Verify;

/// Verify's answer to the schedule of a memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// The notice that has ended.
    pub event_arn: String,
    /// How many stories were recorded.
    #[serde(skip_serializing_if = "is_zero")]
    pub recorded: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Verify {
    /// Records the stories that end on the retirement date, then remembers the page for some time; or forgets it. Does nothing
    /// if a later event has renewed the memory.
    pub(crate) async fn forget(
        &self,
        input: &DeadlineInput,
        invocation: &Invocation,
    ) -> Result<Forgotten, Failure> {
        let event_arn = input.notice.event_arn.clone();
        let lock = ScheduleName::of_page(&event_arn, input.page);
        let name = ScheduleName::of_settled(&event_arn, input.page, input.part);
        let work = async |_| -> Result<usize, CallFailed> {
            let found = self.scheduler.get(&name).await?.filter(|found| found.is_due(invocation.now()));
            let Some(found) = found else { return Ok(0) };
            match found.wake() {
                Ok(Wake::Settled(held)) if !held.unpatched.is_empty() => {
                    Box::pin(self.record(held, &found, invocation)).await
                }
                _ => self.scheduler.acknowledge(&name, Some(&found), invocation.now()).await.map(|()| 0),
            }
        };
        let done = self.scheduler.locked(&lock, invocation, work).await;
        let recorded = done.flatten().map_err(Failure::call(&event_arn))?;
        Ok(Forgotten { event_arn, recorded })
    }

    /// Records how each service stands. What cannot be read fails at the end, and is repeated with the rest: a record has the
    /// same ID each time.
    async fn record(
        &self,
        input: DeadlineInput,
        found: &Found,
        invocation: &Invocation,
    ) -> Result<usize, CallFailed> {
        if !found.existing.enabled {
            return Ok(0);
        }
        let now = invocation.now();
        let (mut events, mut failed) = (Vec::new(), None);
        for (service, state) in Box::pin(self.ecs.states(&input.unpatched)).await {
            let state = async { self.story_end(&input, &service, state?.as_ref(), invocation).await };
            match state.await {
                Ok(records) => events.extend(records),
                Err(error) => failed = Some(error),
            }
        }
        let recorded = events.len();
        self.notifier.send(&Notification { events, ..Notification::default() }, now).await?;
        if let Some(error) = failed {
            return Err(error);
        }
        let later = DeadlineInput { unpatched: Vec::new(), woken: Some(0), ..input };
        let spec = Spec::settled(self.policy.windows.zone(), later, now);
        self.scheduler.arm(&spec, invocation).await?;
        Ok(recorded)
    }

    /// The records about one service; none while a verification check is pending, which records it.
    async fn story_end(
        &self,
        input: &DeadlineInput,
        service: &ServiceRef,
        state: Option<&ServiceState>,
        invocation: &Invocation,
    ) -> Result<Vec<BusEvent>, CallFailed> {
        let reader = &self.notifier.reader;
        let check = self.scheduler.get(&ScheduleName::of_check(&reader.place, service)).await?;
        if check.is_some_and(|check| check.existing.enabled) {
            return Ok(Vec::new());
        }
        let pending = self.scheduler.get(&ScheduleName::of_deployment(&reader.place, service)).await?;
        let held = pending.as_ref().and_then(|found| found.existing.input.as_ref().ok());
        let notice = &input.notice;
        let now = invocation.now();
        Ok(record::of_retirement_date(reader, &self.policy, service, notice, (state, held), now))
    }
}
