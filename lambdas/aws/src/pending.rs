//! What is pending, kept by writes that other invocations and operators can overtake. Every change of an existing schedule
//! is made under its lock, so only operators come between.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rules::{
    notice::joined,
    schedule::{
        Spec,
        name::ScheduleName,
        wake::{DeployInput, Wake},
    },
};

use crate::{
    CallFailed,
    invocation::Invocation,
    lock::Lock,
    scheduler::{Found, PAUSE, READS, Scheduler, Written, changed_by_others},
};

/// The result of [`Scheduler::arm`].
#[derive(Clone, Debug)]
pub enum Armed {
    /// The schedule was created.
    Created,
    /// An existing schedule was kept.
    Kept(Box<Found>),
}

impl Scheduler {
    /// Creates the schedule of a retry or of the next check.
    ///
    /// The schedule that has just fired still exists. It is deleted and created again, not updated: AWS does not document
    /// whether a schedule that has fired fires again when it is updated. A schedule that has not fired yet, or that an
    /// operator disabled, is kept: another delivery, a notice or an operator has already set it.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn arm(&self, spec: &Spec, invocation: &Invocation) -> Result<Armed, CallFailed> {
        let mut spec = spec.clone();
        for nth in 0..READS {
            let now = invocation.now();
            match self.get(&spec.name).await? {
                Some(found) if !found.existing.enabled || !found.is_due(now) => {
                    return Ok(Armed::Kept(Box::new(found)));
                }
                Some(found) => {
                    spec.written = found.description_by_operator();
                    self.delete(&spec.name).await?;
                }
                None => {}
            }
            if self.create(&spec, now).await? == Written::Done {
                return Ok(Armed::Created);
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(nth)).await;
        }
        Err(changed_by_others("CreateSchedule", &spec.name))
    }

    /// Like [`arm`](Self::arm), for a schedule that is not expected to exist: it is not read first.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn arm_first(&self, spec: &Spec, invocation: &Invocation) -> Result<Armed, CallFailed> {
        match self.create(spec, invocation.now()).await? {
            Written::Done => Ok(Armed::Created),
            Written::Conflict => self.arm(spec, invocation).await,
        }
    }

    /// Creates a schedule, or gives an existing one this time and input. A disabled schedule stays disabled.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn put(&self, spec: &Spec, invocation: &Invocation) -> Result<(), CallFailed> {
        for nth in 0..READS {
            let now = invocation.now();
            if self.create(spec, now).await? == Written::Done {
                return Ok(());
            }
            match self.get(&spec.name).await? {
                Some(found) if found.existing.enabled && found.is_due(now) => {
                    self.delete(&spec.name).await?;
                    continue;
                }
                Some(found) if found.wake().as_ref() == Ok(&spec.wake) => return Ok(()),
                Some(found) if self.overwrite(spec, &found, now).await? == Written::Done => return Ok(()),
                _ => {}
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(nth)).await;
        }
        Err(changed_by_others("UpdateSchedule", &spec.name))
    }

    /// Adds the notices of a deployment to its existing schedule, unless they are there.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn join(&self, name: &ScheduleName, spec: &Spec, found: &Found) -> Result<(), CallFailed> {
        let (Ok(pending), Wake::Deploy(input)) = (&found.existing.input, &spec.wake) else { return Ok(()) };
        let notices = joined(&input.notices, &pending.notices);
        if notices == pending.notices {
            return Ok(());
        }
        match self.update_input(name, found, &DeployInput { notices, ..pending.clone() }).await? {
            Written::Done => Ok(()),
            Written::Conflict => Err(changed_by_others("UpdateSchedule", name)),
        }
    }

    /// Wakes the function of an overdue schedule again: the schedule is deleted and created again, with this input and the
    /// target that it had. Does nothing if it was dealt with or changed in the meantime. `locked` is the schedule under
    /// whose lock it is changed.
    ///
    /// # Errors
    /// A call failed after its retries. If the schedule is lost in between, the lock says what to create.
    pub async fn wake_again(
        &self,
        locked: &ScheduleName,
        overdue: (&ScheduleName, &Found),
        wake: &Wake,
        zone: Tz,
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        let mut lock = self.lock(locked, invocation).await?;
        let done = self.make_again(&mut lock, overdue, wake, zone, invocation).await;
        match done {
            Ok(true) => self.unlock(&lock).await,
            // Whoever repeats unfinished work must learn of it from the dead lock.
            Ok(false) => self.step_back(&lock).await,
            Err(_) => self.give_up(lock, invocation.now()).await,
        }
        done.map(drop)
    }

    /// Says whether the schedule was still there to be made again.
    async fn make_again(
        &self,
        lock: &mut Lock,
        (name, overdue): (&ScheduleName, &Found),
        wake: &Wake,
        zone: Tz,
        invocation: &Invocation,
    ) -> Result<bool, CallFailed> {
        let Some(found) = self.get(name).await?.filter(|found| found.is_unchanged(overdue)) else {
            return Ok(false);
        };
        let written = found.description_by_operator();
        let spec = Spec { written, ..Spec::again(name.clone(), zone, wake.clone(), invocation.now()) };
        self.intend(lock, name, wake).await?;
        self.delete(name).await?;
        match self.create_like(&spec, Some(&found), invocation.now()).await? {
            Written::Done => Ok(true),
            Written::Conflict => Err(changed_by_others("CreateSchedule", name)),
        }
    }

    /// Creates a schedule that was lost while its function was woken again. Does nothing if it exists.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn restore(
        &self,
        name: &ScheduleName,
        wake: &Wake,
        zone: Tz,
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        let spec = Spec::again(name.clone(), zone, wake.clone(), invocation.now());
        self.create(&spec, invocation.now()).await.map(drop)
    }

    /// Deletes the schedule that woke a function, as its last step. A schedule that an operator has changed in the meantime
    /// stays.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn acknowledge(
        &self,
        name: &ScheduleName,
        handled: Option<&Found>,
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        let Some(handled) = handled.filter(|handled| handled.is_due(now)) else { return Ok(()) };
        if self.get(name).await?.is_some_and(|found| found.is_unchanged(handled)) {
            self.delete(name).await?;
        }
        Ok(())
    }
}
