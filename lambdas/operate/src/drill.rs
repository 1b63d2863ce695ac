//! Sends a drill that touches nothing, and waits for what comes back.

use std::time::Duration;

use aws::{CallFailed, Failure, Invocation};
use chrono::TimeDelta;
use rules::{
    arn::ServiceRef,
    operate::{
        answer::{Answer, Done},
        drill::{DISABLED, came_back, entry, lost},
        verdict,
    },
    schedule::{
        name::{ScheduleName, fingerprint},
        wake::{DrillInput, Wake},
    },
};
use tracing::info;

use crate::function::Operate;

const DRILL: &str = "drill";
/// The pause between two looks for the answer, and how often operate looks. A function that starts and is throttled takes seconds.
const PAUSE: Duration = Duration::from_secs(1);
const LOOKS: usize = 40;
/// How much time is left for the answer.
const RESERVE: TimeDelta = TimeDelta::seconds(5);

impl Operate {
    /// Sends a notice about `service` through bus, rule and ingest, which only says what it would do.
    ///
    /// # Errors
    /// A call to AWS failed.
    pub(crate) async fn drill(
        &self,
        service: ServiceRef,
        invocation: &Invocation,
    ) -> Result<Answer, Failure> {
        let (done, text) = if !self.drills {
            (false, DISABLED.to_owned())
        } else if self.unknown_to_ecs(vec![service.clone()]).await.contains(&service) {
            (false, verdict::unknown(&service))
        } else {
            self.sent_and_answered(&service, invocation).await.map_err(Failure::call(&service))?
        };
        let (cluster, name) = (service.cluster(), service.service());
        let outcome = if done { "came-back" } else { "refused" };
        info!(operation = DRILL, cluster, service = name, outcome, reason = text);
        Ok(Answer::of(DRILL, vec![Done::new(&service, done, &text)]))
    }

    async fn sent_and_answered(
        &self,
        service: &ServiceRef,
        invocation: &Invocation,
    ) -> Result<(bool, String), CallFailed> {
        let sent_at = invocation.now();
        let event_arn = format!("drill-{}", fingerprint([invocation.id(), &sent_at.to_rfc3339()], "\n"));
        self.notifier.put_drill(entry(service, &event_arn)).await?;
        Ok(match self.answer_to_drill(&event_arn, invocation).await? {
            Some(answer) => (true, came_back(service, &answer, sent_at)),
            None => (false, lost(service)),
        })
    }

    /// The answer, once it is there. The heartbeat deletes one that comes too late.
    async fn answer_to_drill(
        &self,
        event_arn: &str,
        invocation: &Invocation,
    ) -> Result<Option<DrillInput>, CallFailed> {
        let name = ScheduleName::of_drill(event_arn);
        for _ in 0..LOOKS {
            if let Some(found) = self.scheduler.get(&name).await? {
                self.scheduler.delete(&name).await?;
                if let Ok(Wake::Drill(answer)) = found.wake() {
                    return Ok(Some(answer));
                }
            }
            if invocation.now() + RESERVE >= invocation.ends_at() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }
}
