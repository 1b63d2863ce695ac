//! Locks, for what reads a schedule, decides, and writes it: `UpdateSchedule` and `DeleteSchedule` take no condition, but
//! `CreateSchedule` of a name that exists fails
//! (<https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>), so a schedule that never fires
//! can be a lock.
//!
//! An invocation that is killed leaves its lock behind. The lock is dead once Lambda has ended the invocation. Whoever
//! finds a dead lock creates its successor, whose name derives from the dead one, so that only one can.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rules::schedule::{
    Spec,
    name::ScheduleName,
    wake::{Again, LockInput, Wake},
};
use tracing::warn;

use crate::{
    CallFailed,
    invocation::Invocation,
    scheduler::{Scheduler, Written},
};

/// A request of an invocation may take effect this long after Lambda has ended it, and clocks differ.
const GRACE: TimeDelta = TimeDelta::seconds(20);
/// Waiting for a lock leaves this much time to report that it stayed busy.
const RESERVE: TimeDelta = TimeDelta::seconds(5);
/// The first pause between two attempts to get a lock. Each further pause is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A lock that is held.
#[derive(Debug)]
pub struct Lock {
    /// The schedules that make it: the dead locks that it follows, oldest first, then its own.
    names: Vec<ScheduleName>,
    input: LockInput,
}

impl Lock {
    /// Whether an invocation that held the lock before ended without finishing its work.
    #[must_use]
    pub fn unfinished(&self) -> bool {
        self.names.len() > 1
    }

    /// Whether a schedule is deleted in order to be created again.
    pub(crate) fn intends(&self) -> bool {
        self.input.again.is_some()
    }
}

/// What one attempt to get a lock has shown.
enum Attempt {
    Held(Lock),
    /// Another invocation holds it.
    Busy,
    /// It changed in the meantime: try again at once.
    Changed,
}

impl Scheduler {
    /// Does `work` while no other invocation works under the lock of `schedule`. `work` learns whether the invocation
    /// that held the lock before has not finished.
    ///
    /// If the work fails, its lock stays as a dead one, so that the next invocation learns of it.
    ///
    /// # Errors
    /// Another invocation held the lock for too long, or a call failed. The work's own errors are within the result.
    pub async fn locked<T, E>(
        &self,
        schedule: &ScheduleName,
        invocation: &Invocation,
        work: impl AsyncFnOnce(bool) -> Result<T, E>,
    ) -> Result<Result<T, E>, CallFailed> {
        // Boxed: the types of the SDK's futures nest deeper than the compiler follows.
        let lock = Box::pin(self.lock(schedule, invocation)).await?;
        let done = Box::pin(work(lock.unfinished())).await;
        match done {
            Ok(_) => self.unlock(&lock).await,
            Err(_) => self.give_up(lock, invocation.now()).await,
        }
        Ok(done)
    }

    /// Waits until the lock of `schedule` is free, and takes it.
    ///
    /// # Errors
    /// Another invocation held the lock for too long, or a call failed.
    pub async fn lock(&self, schedule: &ScheduleName, invocation: &Invocation) -> Result<Lock, CallFailed> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(schedule, invocation).await? {
                Attempt::Held(lock) => return Ok(lock),
                Attempt::Changed => {}
                Attempt::Busy => pause = (pause * 2).min(LONGEST_PAUSE),
            }
            if invocation.now() + TimeDelta::from_std(pause).unwrap_or(RESERVE)
                > invocation.ends_at() - RESERVE
            {
                let why = format!("another invocation is working on {schedule}");
                return Err(CallFailed::unexpected("CreateSchedule", why));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Releases a lock. One that cannot be released is dead soon.
    pub async fn unlock(&self, lock: &Lock) {
        for name in &lock.names {
            if let Err(error) = self.delete(name).await {
                let expires_at = lock.input.expires_at.to_rfc3339();
                warn!(schedule = lock.input.schedule, expires_at, "a lock was not released: {error}");
                return; // the successors of a lock that stays must stay as well
            }
        }
    }

    /// Releases a lock, but leaves the dead locks that it follows: the next invocation learns, too, that the work was not
    /// finished.
    pub(crate) async fn step_back(&self, lock: &Lock) {
        let Some(own) = lock.names.last() else { return };
        if let Err(error) = self.delete(own).await {
            warn!(lock = own.as_str(), "a lock stays until it expires: {error}");
        }
    }

    /// Writes into a lock that the schedule `name` is deleted in order to be created again with the input `wake`.
    pub(crate) async fn intend(
        &self,
        lock: &mut Lock,
        name: &ScheduleName,
        wake: &Wake,
    ) -> Result<(), CallFailed> {
        let Some(own) = lock.names.last() else { return Ok(()) };
        lock.input.again = Some(Again { name: name.to_string(), input: wake.text() });
        self.overwrite_lock(&Spec::lock(own.clone(), lock.input.clone())).await.map(drop)
    }

    /// Lets a lock die at once, because its work failed. One dead lock stays, however many there were.
    pub(crate) async fn give_up(&self, Lock { names, input }: Lock, now: DateTime<Utc>) {
        let Some((first, others)) = names.split_first() else { return };
        let dead = Spec::lock(first.clone(), LockInput { expires_at: now, ..input });
        let mut done = self.overwrite_lock(&dead).await;
        for name in others {
            done = match done {
                Ok(_) => self.delete(name).await,
                Err(_) => break,
            };
        }
        if let Err(error) = done {
            warn!(lock = first.as_str(), "a lock stays until it expires: {error}");
        }
    }

    async fn attempt(&self, schedule: &ScheduleName, invocation: &Invocation) -> Result<Attempt, CallFailed> {
        let now = invocation.now();
        let input = LockInput {
            schedule: schedule.to_string(),
            owner: invocation.id().to_owned(),
            expires_at: invocation.ends_at() + GRACE,
            again: None,
        };
        let mut names: Vec<ScheduleName> = Vec::new();
        let mut first_dead: Option<LockInput> = None;
        let mut current = ScheduleName::of_lock(schedule);
        while self.create(&Spec::lock(current.clone(), input.clone()), now).await? == Written::Conflict {
            let Some(found) = self.get(&current).await? else { return Ok(Attempt::Changed) };
            let Ok(Wake::Lock(held)) = found.wake() else {
                return Err(CallFailed::unexpected(
                    "GetSchedule",
                    format!("{current} is not a lock; delete it"),
                ));
            };
            if held == input {
                break; // the response to an earlier request was lost
            }
            if held.expires_at > now {
                return Ok(Attempt::Busy);
            }
            let successor = ScheduleName::of_lock_after(schedule, &held.owner, held.expires_at);
            names.push(std::mem::replace(&mut current, successor));
            first_dead.get_or_insert(held);
        }
        // Another successor may have ended, and released everything, before ours was created.
        if let Some(dead) = first_dead {
            let first = self.get(&ScheduleName::of_lock(schedule)).await?;
            if !first.is_some_and(|found| found.wake() == Ok(Wake::Lock(dead))) {
                self.delete(&current).await?;
                return Ok(Attempt::Changed);
            }
        }
        names.push(current);
        Ok(Attempt::Held(Lock { names, input }))
    }
}
