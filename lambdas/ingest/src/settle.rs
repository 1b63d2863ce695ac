//! Applies a notice to the schedule of one service: reads the schedule, decides, and writes the change. If the schedule
//! was changed in the meantime, all of this is repeated.

use std::collections::{BTreeMap, BTreeSet};

use aws::{
    CallFailed, Invocation,
    lock::Lock,
    scheduler::{Found, PAUSE, READS, Written, changed_by_others},
};
use chrono::{DateTime, Utc};
use rules::{
    arn::ServiceRef,
    notice::NoticeRef,
    outcome::{Cause, Outcome, OutcomeKind},
    policy::{
        Mode, Policy,
        tags::{OPTED_OUT, Tags},
    },
    schedule::{
        Existing, PlannedDeployment, Spec,
        name::ScheduleName,
        reconcile::{Change, Ended, Verdict, reconcile},
        story::Story,
        wake::{DeployInput, Wake},
    },
    service::ServiceState,
    time::calendar::Calendars,
};
use tokio::sync::Mutex;

use crate::{function::Ingest, tags::Services};

/// What every service of an event is settled with.
pub(crate) struct Settling<'a> {
    /// The notice, as a schedule keeps it.
    pub(crate) notice: &'a NoticeRef,
    /// The services that the page has named before.
    pub(crate) known: &'a BTreeMap<ServiceRef, bool>,
    /// What ECS says of the services.
    pub(crate) services: &'a Services,
    /// How many services the page has.
    pub(crate) together: usize,
    /// What is known of the Change Calendars so far: a thousand services ask about the same few start times.
    pub(crate) calendars: Mutex<Calendars>,
    /// The invocation.
    pub(crate) invocation: &'a Invocation,
    /// The time that counts for the plan.
    pub(crate) now: DateTime<Utc>,
    /// Changes are written.
    pub(crate) write: bool,
    /// The schedules that need not be read, because nobody has changed them.
    pub(crate) untouched: BTreeSet<ScheduleName>,
}

/// One service, settled.
pub(crate) struct Settled {
    name: ScheduleName,
    verdict: Verdict,
    unknown: bool,
    /// Nobody has approved the start time yet.
    awaits_approval: bool,
    warnings: Vec<String>,
    /// The story of the deployment that was pending.
    story: Option<Story>,
}

impl Ingest {
    /// Lets the notice take effect on the schedule of one service. `closed` says why AWS no longer includes it, if so.
    pub(crate) async fn settle(
        &self,
        service: &ServiceRef,
        closed: Option<&str>,
        settling: &Settling<'_>,
    ) -> Result<Settled, CallFailed> {
        let mut lock: Option<Lock> = None;
        let settled = self.settle_with(&mut lock, service, closed, settling).await;
        if let Some(lock) = lock {
            self.scheduler.unlock(&lock).await;
        }
        settled
    }

    /// A new schedule is created without a lock: only one can be created. An existing one is changed under its lock, which
    /// deploy holds as well while it works on the schedule.
    async fn settle_with(
        &self,
        lock: &mut Option<Lock>,
        service: &ServiceRef,
        closed: Option<&str>,
        settling: &Settling<'_>,
    ) -> Result<Settled, CallFailed> {
        let name = ScheduleName::of_deployment(&self.notifier.reader.place, service);
        let tags = settling.services.tags.get(service).cloned().unwrap_or_default();
        let mut policy = Policy { together: settling.together, ..tags.over(&self.policy) };
        let write = settling.write && tags.may_write(&self.policy);
        let unknown = settling.services.unknown.contains(service);
        if closed.is_none() && settling.untouched.contains(&name) {
            let warnings = tags.problems;
            let verdict = Verdict::untouched();
            return Ok(Settled { name, verdict, unknown, awaits_approval: false, warnings, story: None });
        }
        // Most services have no schedule yet: creating one without reading it first saves half of the calls.
        let mut read = !tags.may_write(&self.policy) || settling.known.contains_key(service);
        let mut found: Option<Found> = if read { self.scheduler.get(&name).await? } else { None };
        let is_pending = found.as_ref().is_some_and(|found| found.existing.holds(settling.notice));
        let repeated = !is_pending && settling.known.contains_key(service);
        let mut ended = self.ended(service, closed, &policy, repeated, settling).await?;
        if repeated && ended.is_none() {
            if self.is_verified(service, settling).await? {
                let (verdict, warnings) = (Verdict::in_progress(), tags.problems);
                return Ok(Settled { name, verdict, unknown, awaits_approval: false, warnings, story: None });
            }
            // Nothing of ours is in progress. The check may have been dealt with since the tasks were read.
            ended = self.patched(service, settling, ServiceState::renewed).await?;
        }
        for nth in 0..=READS {
            let existing = found.as_ref().map(|found| &found.existing);
            let verdict = self.verdict(service, existing, ended.as_ref(), &mut policy, settling).await;
            let now = settling.invocation.now();
            let verdict = verdict.written_at(now);
            let warnings = warnings(&tags, &policy, &verdict);
            let awaits_approval = tags.may_write(&self.policy) && verdict.awaits_approval(existing);
            let story = existing.and_then(|existing| existing.input.as_ref().ok()).map(DeployInput::story);
            if !write {
                let verdict = if tags.may_write(&self.policy) { verdict } else { verdict.observed() };
                return Ok(Settled { name, verdict, unknown, awaits_approval, warnings, story });
            }
            if found.is_some() && verdict.change != Change::Keep && lock.is_none() {
                *lock = Some(self.scheduler.lock(&name, settling.invocation).await?);
            } else if self.write(&name, &verdict.change, found.as_ref(), read, now).await? == Written::Done {
                return Ok(Settled { name, verdict, unknown, awaits_approval, warnings, story });
            } else if read {
                tokio::time::sleep(PAUSE * 2_u32.pow(nth)).await;
            }
            found = self.scheduler.get(&name).await?;
            read = true;
        }
        Err(changed_by_others("UpdateSchedule", &name))
    }

    async fn write(
        &self,
        name: &ScheduleName,
        change: &Change,
        found: Option<&Found>,
        read: bool,
        now: DateTime<Utc>,
    ) -> Result<Written, CallFailed> {
        let spec = |planned: &PlannedDeployment| Spec {
            written: found.and_then(Found::description_by_operator),
            ..planned.spec(name.clone())
        };
        match (change, found) {
            (Change::Keep, _) if read => Ok(Written::Done),
            (Change::Create(planned), _) => self.scheduler.create(&spec(planned), now).await,
            // A schedule that has fired is deleted and created again.
            (Change::Replace(planned), Some(found)) if found.is_due(now) => {
                self.scheduler.delete(name).await?;
                self.scheduler.create(&spec(planned), now).await
            }
            (Change::Replace(planned), _) => self.scheduler.replace(&spec(planned), now).await,
            (Change::Update(input), Some(found)) => self.scheduler.update_input(name, found, input).await,
            (Change::Delete, _) => self.scheduler.delete(name).await,
            (Change::Keep | Change::Update(_), _) => Ok(Written::Conflict),
        }
    }

    /// Why the notice no longer concerns the service, if it does not.
    async fn ended(
        &self,
        service: &ServiceRef,
        closed: Option<&str>,
        policy: &Policy,
        repeated: bool,
        settling: &Settling<'_>,
    ) -> Result<Option<Ended>, CallFailed> {
        if let Some(why) = closed {
            return Ok(Some(Ended { cause: None, why: why.to_owned() }));
        }
        if policy.mode == Mode::Off {
            return Ok(Some(Ended { cause: Some(Cause::OptedOut), why: OPTED_OUT.to_owned() }));
        }
        // AWS sends a notice again on its retirement date, and at times before. A service that was planned, and for which the
        // notice is not pending any more, may be patched, whatever is pending for other notices. Of a new notice, tasks are
        // not read: AWS names services that have old ones, and deploy reads them anyway.
        let has_passed = settling.notice.starts_at.is_some_and(|starts_at| starts_at <= settling.now);
        if !has_passed && !repeated {
            return Ok(None);
        }
        let patched = self.patched(service, settling, ServiceState::patched).await;
        // An unreadable service of a new notice is planned: deploy reads it again.
        if repeated { patched } else { Ok(patched.unwrap_or_default()) }
    }

    /// Says so if every task of the service is newer than the cut-off, by this rule.
    async fn patched(
        &self,
        service: &ServiceRef,
        settling: &Settling<'_>,
        rule: fn(Option<&ServiceState>, DateTime<Utc>) -> Option<String>,
    ) -> Result<Option<Ended>, CallFailed> {
        let state = self.ecs.state(service).await?;
        let why = rule(state.as_ref(), settling.notice.cutoff);
        Ok(why.map(|why| Ended { cause: Some(Cause::Patched), why }))
    }

    /// Whether a verification check is pending that knows the notice as it is now, and has found no problem yet: the service
    /// was deployed, and its owner is notified of the result.
    async fn is_verified(&self, service: &ServiceRef, settling: &Settling<'_>) -> Result<bool, CallFailed> {
        let name = ScheduleName::of_check(&self.notifier.reader.place, service);
        let wake = self.scheduler.get(&name).await?.map(|found| found.wake());
        Ok(
            matches!(wake, Some(Ok(Wake::Check(input))) if !input.notified && input.notices.contains(settling.notice)),
        )
    }

    /// What the notice changes about the schedule, once every calendar has been asked about the start time.
    async fn verdict(
        &self,
        service: &ServiceRef,
        existing: Option<&Existing>,
        ended: Option<&Ended>,
        policy: &mut Policy,
        settling: &Settling<'_>,
    ) -> Verdict {
        let Settling { notice, calendars, now, .. } = settling;
        loop {
            let verdict = reconcile(service, existing, notice, ended, policy, *now);
            let (Change::Create(planned) | Change::Replace(planned)) = &verdict.change else {
                return verdict;
            };
            let at = planned.input.slot;
            if policy.calendars.unknown(at).is_empty() {
                return verdict;
            }
            let mut known = calendars.lock().await;
            self.change_calendars.ask(&mut known, at).await;
            policy.calendars = known.clone();
        }
    }
}

/// What the owner should know: unreadable tags and calendars.
fn warnings(tags: &Tags, policy: &Policy, verdict: &Verdict) -> Vec<String> {
    let unreadable = verdict.slot.into_iter().flat_map(|at| policy.calendars.unreadable(at));
    let unreadable = unreadable.map(|(calendar, why)| {
        format!("Change Calendar {calendar} is unreadable; nothing is redeployed until that is fixed: {why}")
    });
    tags.problems.iter().cloned().chain(unreadable).collect()
}

impl Settled {
    /// Whether a schedule changes.
    pub(crate) fn changes(&self) -> bool {
        self.verdict.change != Change::Keep
    }

    /// The story of the deployment that was pending, if there was one.
    pub(crate) fn story(&self) -> Option<Story> {
        self.story.clone()
    }

    /// The outcome for one entity of the service.
    pub(crate) fn outcome(&self, entity: &str) -> Outcome {
        let Self { name, verdict, unknown, awaits_approval, warnings, .. } = self;
        // Where something is pending, an operator needs its name to see it.
        let pending =
            !matches!(verdict.outcome, OutcomeKind::Skipped) && !matches!(verdict.change, Change::Delete);
        let outcome = Outcome {
            cause: verdict.cause,
            slot: verdict.slot,
            schedule: pending.then(|| name.to_string()),
            awaits_approval: *awaits_approval,
            warnings: warnings.clone(),
            ..Outcome::of(entity, verdict.outcome, &verdict.reason)
        };
        if *unknown { outcome.of_unknown_service() } else { outcome }
    }
}
