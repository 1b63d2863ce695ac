//! What an operator changes about the pending deployment of a service, under its lock.

use chrono::{DateTime, Utc};
use rules::{
    arn::{Place, ServiceRef},
    operate::verdict::{Change, Pending, Verdict},
    schedule::{
        Edit, Spec,
        name::ScheduleName,
        wake::{DeployInput, Wake},
    },
};

use crate::{
    CallFailed,
    invocation::Invocation,
    lock::Lock,
    scheduler::{Found, Scheduler, Written},
};

/// How the work under a lock ended.
enum Ended {
    /// The lock is released.
    Done(Verdict),
    /// An earlier invocation has not finished its work: the next one has to know.
    Unfinished(Verdict),
}

impl Scheduler {
    /// Reads what is pending for a service, and does what `decide` says.
    ///
    /// # Errors
    /// Another invocation held the lock for too long, the schedule was changed at the same moment, or a call failed.
    pub async fn operate(
        &self,
        (place, service): (&Place, &ServiceRef),
        invocation: &Invocation,
        decide: impl Fn(&Pending<'_>) -> Verdict,
    ) -> Result<Verdict, CallFailed> {
        let name = ScheduleName::of_deployment(place, service);
        let mut lock = self.lock(&name, invocation).await?;
        let check = ScheduleName::of_check(place, service);
        match self.decide_and_write(&mut lock, (&name, &check), invocation, decide).await {
            Ok(Ended::Done(verdict)) => {
                self.unlock(&lock).await;
                Ok(verdict)
            }
            Ok(Ended::Unfinished(verdict)) => {
                self.step_back(&lock).await;
                Ok(verdict)
            }
            // A schedule that was deleted in order to be created again is in the lock.
            Err(error) if lock.intends() => {
                self.give_up(lock, invocation.now()).await;
                Err(error)
            }
            Err(error) => {
                self.step_back(&lock).await;
                Err(error)
            }
        }
    }

    async fn decide_and_write(
        &self,
        lock: &mut Lock,
        (name, check): (&ScheduleName, &ScheduleName),
        invocation: &Invocation,
        decide: impl Fn(&Pending<'_>) -> Verdict,
    ) -> Result<Ended, CallFailed> {
        let Some(found) = self.get(name).await? else {
            if lock.unfinished() {
                return Ok(Ended::Unfinished(decide(&Pending::Unfinished)));
            }
            let awaits_owner =
                |found: &Found| matches!(found.wake(), Ok(Wake::Check(check)) if check.awaits_owner());
            let verifying = self.get(check).await?.is_some_and(|found| !awaits_owner(&found));
            let pending = if verifying { Pending::Verification } else { Pending::Nothing };
            return Ok(Ended::Done(decide(&pending)));
        };
        let verdict = decide(&Pending::Schedule(&found.existing));
        let written = match &verdict.change {
            Change::Keep => Written::Done,
            Change::Delete => self.delete(name).await?,
            Change::Edit(edit) => self.edit_or_create(lock, (name, &found), edit, invocation).await?,
        };
        match written {
            Written::Done => Ok(Ended::Done(verdict)),
            Written::Conflict => {
                let why = format!("{name} was changed at the same moment; try again");
                Err(CallFailed::unexpected("UpdateSchedule", why))
            }
        }
    }

    /// Edits a schedule. One whose time has passed is deleted and created again if it is to fire: AWS does not document
    /// whether a schedule that has fired fires again when it is updated.
    async fn edit_or_create(
        &self,
        lock: &mut Lock,
        (name, found): (&ScheduleName, &Found),
        edit: &Edit,
        invocation: &Invocation,
    ) -> Result<Written, CallFailed> {
        let now = invocation.now();
        let fires = edit.enabled.unwrap_or(found.existing.enabled);
        let (Some(at), Some(input)) = (edit.at, &edit.input) else {
            return self.edit(name, found, edit).await;
        };
        if !fires || !found.is_due(now) {
            return self.edit(name, found, edit).await;
        }
        self.intend(lock, name, &if_lost(input, now)).await?;
        self.delete(name).await?;
        let spec = Spec {
            at,
            written: found.description_by_operator(),
            ..Spec::again(name.clone(), input.zone.unwrap_or_default(), Wake::Deploy(input.clone()), now)
        };
        self.create_like(&spec, Some(found), now).await
    }
}

/// What the heartbeat creates if the schedule is lost while it is created again: the service is planned again, so that it
/// does not start at a time that nobody chose.
fn if_lost(input: &DeployInput, now: DateTime<Utc>) -> Wake {
    let window_ends_at = input.window_ends_at.min(now);
    Wake::Deploy(DeployInput { window_ends_at, woken: Some(1), ..input.clone() })
}
