//! One notice: traced, planned, written, reported. A service that fails never stops the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws::{
    CallFailed, Failure,
    alarm::Alarms,
    calendar::ChangeCalendars,
    config::Config,
    ecs::Ecs,
    notify::Notifier,
    scheduler::{Found, PAUSE, READS, Scheduler, Written, changed_by_others},
};
use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use lambda_runtime::tracing::{error, info, warn};
use serde_json::Value;
use shared::{
    bus::{BusEvent, Detail, Happened},
    calendar::Calendars,
    control::{Control, OPTED_OUT},
    date,
    decide::{Cause, Decision, decide},
    entity::ServiceRef,
    metrics::Metric,
    notice::{Affected, Notice, NoticeRef},
    order,
    outcome::{Outcome, OutcomeKind, Report},
    plan::deadline,
    policy::{Mode, Policy},
    reconcile::{self, Change, Existing, Verdict},
    schedule,
    watch::{self, WatchInput},
};
use tokio::sync::Mutex;

use crate::{
    control::controls,
    resolve::{Resolved, resolve},
};

/// How many schedules are written at once. Small Regions allow 250 writes a second.
const CONCURRENCY: usize = 16;

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// Where schedules are written.
    pub scheduler: Scheduler,
    /// Where tasks are traced to their services, and services' tags are read.
    pub ecs: Ecs,
    /// Where it is asked whether a change freeze lies on a slot.
    pub change_calendars: ChangeCalendars,
    /// Where it is checked at deployment whether the alarms are there that block.
    pub alarms: Alarms,
    /// Who is told.
    pub notifier: Notifier,
    /// When services are redeployed.
    pub policy: Policy,
}

/// How many fingerprints of what was told are kept.
const REMEMBERED: usize = 20;

/// What is known of a page of a notice from before.
#[derive(Debug, Default)]
struct Remembered {
    /// When the newest event was sent that was handled.
    sent_at: Option<DateTime<Utc>>,
    /// What was told, as fingerprints.
    told: Vec<String>,
    /// The services that were named, and whether the notice still concerns them.
    services: BTreeMap<ServiceRef, bool>,
}

/// What became of the entities of a notice.
struct Processed {
    outcomes: Vec<Outcome>,
    /// Something may be written about the notice: not all of its services are only observed.
    acts: bool,
}

/// What every service of an event is settled with.
struct Settling<'a> {
    notice: &'a NoticeRef,
    controls: BTreeMap<ServiceRef, Control>,
    /// What was learned of the Change Calendars so far: a thousand services ask about the same few slots.
    calendars: Mutex<Calendars>,
    now: DateTime<Utc>,
}

/// The entities of one service, by their place in the event.
struct Group {
    places: Vec<usize>,
    /// Why the notice no longer concerns the service, if so.
    cancelled: Option<&'static str>,
}

impl Ingest {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config) -> Self {
        Self {
            ecs: Ecs::new(sdk),
            change_calendars: ChangeCalendars::new(sdk),
            alarms: Alarms::new(sdk),
            notifier: Notifier::new(sdk, &config),
            scheduler: Scheduler::new(sdk, config.target),
            policy: config.policy,
        }
    }

    /// Handles one event, and answers with an outcome for each of its entities.
    ///
    /// # Errors
    /// The event is no usable notice, or, after all else was done, something could not be done.
    pub async fn handle(&self, event: &Value, now: DateTime<Utc>) -> Result<Report, Failure> {
        let notice = Notice::read(event, now)?;
        if let Some(reason) = notice.not_ours(&self.notifier.reader.place.region) {
            let skipped = |affected: &Affected| Outcome::skipped(&affected.text, Cause::NotOurs, &reason);
            return Ok(self.nothing_done(&notice, skipped, now));
        }
        notice.require_entities()?;
        let kept = notice.as_ref(self.wait_for(&notice).await);
        let before = self.remembered(&notice).await.map_err(Failure::call(&notice.event_arn))?;
        let Processed { outcomes, acts } = self.process(&notice, &kept, &before, now).await;
        let report = Report::new(&notice, outcomes);
        let announced = self.announce(&notice, &kept, &report, before, acts, now).await;
        Failure::of(&report).map_or(Ok(()), Err)?;
        announced.map_err(Failure::call(&notice.event_arn))?;
        Ok(report)
    }

    /// What the watch over this page of the notice holds, which is in parts where the page is very long.
    async fn remembered(&self, notice: &Notice) -> Result<Remembered, CallFailed> {
        let mut before = Remembered::default();
        for part in 0.. {
            let name = watch::name(&notice.event_arn, notice.page, part);
            let Some(found) = self.scheduler.get(&name).await? else { break };
            let Some(watch) = found.input::<WatchInput>() else { continue };
            before.sent_at = before.sent_at.max(Some(watch.sent_at));
            before.told = watch.told;
            before.services.extend(watch.services.into_iter().map(|service| (service, true)));
            before.services.extend(watch.done.into_iter().map(|service| (service, false)));
        }
        Ok(before)
    }

    async fn process(
        &self,
        notice: &Notice,
        kept: &NoticeRef,
        before: &Remembered,
        now: DateTime<Utc>,
    ) -> Processed {
        let newer = before.sent_at.filter(|sent_at| *sent_at > notice.sent_at);
        let mut outcomes: Vec<Option<Outcome>> = notice.entities.iter().map(|_| None).collect();
        let mut groups: BTreeMap<ServiceRef, Group> = BTreeMap::new();
        let entities = notice.entities.iter().zip(resolve(&self.ecs, notice).await);
        for ((place, (affected, resolved)), outcome) in entities.enumerate().zip(&mut outcomes) {
            match resolved {
                Resolved::Done(done) => {
                    log(&notice.event_arn, &done);
                    *outcome = Some(done);
                }
                Resolved::Service(service) if newer.is_some() && before.services.contains_key(&service) => {
                    let sent_at = newer.map_or_else(String::new, date::precise);
                    let reason =
                        format!("a newer event of this notice, sent at {sent_at}, was handled already");
                    let done =
                        Outcome::of(&affected.text, OutcomeKind::Unchanged, reason).for_service(&service);
                    log(&notice.event_arn, &done);
                    *outcome = Some(done);
                }
                Resolved::Service(service) => {
                    let group =
                        groups.entry(service).or_insert(Group { places: Vec::new(), cancelled: None });
                    let cancelled = if notice.closed {
                        Some("AWS Health closed the notice")
                    } else {
                        affected.resolved.then_some("AWS Health says that it is resolved")
                    };
                    // One entity of a service that still needs patching keeps the notice alive.
                    group.cancelled =
                        if group.places.is_empty() { cancelled } else { group.cancelled.and(cancelled) };
                    group.places.push(place);
                }
            }
        }

        let settling = Settling {
            notice: kept,
            controls: controls(&self.ecs, groups.keys(), self.policy.zone).await,
            calendars: Mutex::new(self.policy.calendars.clone()),
            now,
        };
        let settling = &settling;
        let mut work = stream::iter(groups)
            .map(|(service, group)| async move {
                let name = schedule::name(&notice.account, &notice.region, &service);
                let settled = self.settle(&service, &name, group.cancelled, settling).await;
                (service, name, group.places, settled)
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((service, name, places, settled)) = work.next().await {
            let first =
                places.first().and_then(|place| notice.entities.get(*place)).map(|affected| &affected.text);
            for (nth, place) in places.iter().enumerate() {
                let (Some(affected), Some(outcome)) = (notice.entities.get(*place), outcomes.get_mut(*place))
                else {
                    continue; // places are those of the same lists
                };
                let mut told = outcome_of(&affected.text, &service, &name, &settled);
                if let (1.., Some(first)) = (nth, first) {
                    told = repeated(told, first);
                }
                log(&notice.event_arn, &told);
                *outcome = Some(told);
            }
        }
        let mut outcomes = outcomes.into_iter().flatten().collect();
        self.warn_of_order(&mut outcomes, settling).await;
        Processed { outcomes, acts: self.acts(settling) }
    }

    /// Whether something may be written about the notice itself: all of it is not if all is only observed.
    fn acts(&self, settling: &Settling<'_>) -> bool {
        let deploys = self.policy.mode == Mode::Deploy;
        let mut modes = settling.controls.values().map(|control| control.mode(&self.policy));
        let any = modes.any(|mode| mode == Mode::Deploy || (mode == Mode::Off && deploys));
        if settling.controls.is_empty() { deploys } else { any }
    }

    /// Warns of services that are to come after another, and whose plan does not give that.
    async fn warn_of_order(&self, outcomes: &mut Vec<Outcome>, settling: &Settling<'_>) {
        let after =
            |(service, control): (&ServiceRef, &Control)| Some((service.clone(), control.after.clone()?));
        let after: BTreeMap<ServiceRef, ServiceRef> = settling.controls.iter().filter_map(after).collect();
        if after.is_empty() {
            return;
        }
        let planned = |outcome: &&Outcome| outcome.cause != Some(Cause::Observed);
        let slot = |outcome: &Outcome| Some((outcome.service_ref()?, outcome.slot?));
        let would: BTreeMap<ServiceRef, DateTime<Utc>> = outcomes.iter().filter_map(slot).collect();
        let will: BTreeMap<ServiceRef, DateTime<Utc>> =
            outcomes.iter().filter(planned).filter_map(slot).collect();
        let others: BTreeSet<&ServiceRef> =
            after.values().filter(|other| !will.contains_key(other)).collect();
        let elsewhere = stream::iter(others)
            .map(|other| async move { (other.clone(), self.planned_elsewhere(other, settling).await) })
            .buffer_unordered(CONCURRENCY)
            .collect::<BTreeMap<_, _>>();
        // A warning is no reason to lose the time in which the plan is told.
        let elsewhere = tokio::time::timeout(ORDER_PATIENCE, elsewhere).await.unwrap_or_default();
        for outcome in outcomes {
            let Some((service, slot)) = outcome.service_ref().zip(outcome.slot) else { continue };
            let Some(other) = after.get(&service) else { continue };
            // Of two that are only observed, one would come after the other.
            let observed = outcome.cause == Some(Cause::Observed);
            let known = if observed { would.get(other) } else { will.get(other) };
            let warning = match (known, elsewhere.get(other)) {
                _ if order::in_a_circle(&service, &after) => Some(order::circle(other)),
                (Some(at), _) | (None, Some(Ok(Planned::At(at)))) => order::warning(slot, other, Some(*at)),
                (None, Some(Ok(Planned::Nothing))) => order::warning(slot, other, None),
                (None, Some(Ok(Planned::NotNeeded(missing)))) => missing.clone(),
                (None, Some(Err(error))) => {
                    Some(format!("{other}, after which it comes, could not be read: {error}"))
                }
                (None, None) => Some(format!("{other}, after which it comes, could not be read in time")),
            };
            if let Some(warning) = warning {
                warn!(event_arn = settling.notice.event_arn, %service, warning, "{service}: {warning}");
                outcome.warnings.push(warning);
            }
        }
    }

    /// When a service is redeployed that is not planned with this notice.
    async fn planned_elsewhere(
        &self,
        other: &ServiceRef,
        settling: &Settling<'_>,
    ) -> Result<Planned, CallFailed> {
        let place = &self.notifier.reader.place;
        let found = self.scheduler.get(&schedule::name(&place.account, &place.region, other)).await?;
        if let Some(at) = found.filter(|found| found.existing.enabled).and_then(|found| found.existing.at) {
            return Ok(Planned::At(at));
        }
        let state = self.ecs.state(other).await?;
        let unpatched = order::wait(other, state.as_ref(), settling.notice.cutoff).is_some();
        let missing = order::missing(other, state.as_ref());
        Ok(if unpatched { Planned::Nothing } else { Planned::NotNeeded(missing) })
    }

    /// Counts, tells people and machines what is new, once, and has the notice watched.
    ///
    /// The watch is written last, and holds what was told: what could not be told is told when the event comes
    /// again, which Lambda's retry sees to.
    async fn announce(
        &self,
        notice: &Notice,
        kept: &NoticeRef,
        report: &Report,
        before: Remembered,
        acts: bool,
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        use OutcomeKind::{Cancelled, Rescheduled, Scheduled};
        let moved = |outcome: &Outcome| matches!(outcome.outcome, Cancelled | Rescheduled | Scheduled);
        let Remembered { sent_at, mut told, mut services } = before;
        let older = sent_at.is_some_and(|sent_at| sent_at > notice.sent_at);
        let print = watch::told(kept, &report.outcomes);
        // An older event says something only of what no newer one has named.
        let known = |outcome: &Outcome| older && outcome.outcome == OutcomeKind::Unchanged;
        let new = !notice.closed && !told.contains(&print) && !report.outcomes.iter().all(known);
        let anything = new || report.outcomes.iter().any(moved);
        self.count(report, new, now);
        if !anything && sent_at.is_some_and(|sent_at| sent_at >= notice.sent_at) {
            return Ok(()); // the same again: the watch holds what is still to be looked at
        }

        let mut all_told = Ok(());
        if anything {
            let news = report.outcomes.iter().filter(|outcome| (new && !known(outcome)) || moved(outcome));
            let events: Vec<BusEvent> = news.filter_map(|outcome| self.event(outcome, kept, now)).collect();
            let message = self.notifier.reader.plan(report, kept);
            all_told = self.notifier.tell(&events, Some(&message), now).await;
        }
        if !acts {
            return all_told; // what is only observed leaves no trace, so that a repeated event is told again
        }
        if all_told.is_ok() && !told.contains(&print) {
            told.push(print);
            let most = told.len().saturating_sub(REMEMBERED);
            told.drain(..most);
        }
        for outcome in &report.outcomes {
            if let Some(service) = outcome.service_ref() {
                let open = !notice.closed && still_open(outcome);
                // What a newer event has said stands.
                let known = older.then(|| services.get(&service).copied()).flatten();
                services.insert(service, known.unwrap_or(open));
            }
        }
        let page = WatchInput {
            notice: kept.clone(),
            page: notice.page,
            part: 0,
            services: Vec::new(),
            done: Vec::new(),
            sent_at: sent_at.max(Some(notice.sent_at)).unwrap_or(notice.sent_at),
            told,
            until: now,
        };
        let last = report.outcomes.iter().filter_map(|outcome| outcome.slot).max();
        for (name, at, input) in watch::watches(&self.policy, &page, services, last, now) {
            self.scheduler.put(&input.spec(name, at, self.policy.windows.zone())).await?;
        }
        all_told
    }

    /// What machines are told of an outcome, if it concerns them.
    fn event(&self, outcome: &Outcome, notice: &NoticeRef, now: DateTime<Utc>) -> Option<BusEvent> {
        use OutcomeKind::{
            Cancelled, Failed, Held, NotActionable, Rescheduled, Scheduled, Skipped, Unchanged,
        };
        let happened = match outcome.outcome {
            Scheduled | Rescheduled | Unchanged => Happened::Scheduled,
            Cancelled | Held | Skipped => Happened::Skipped,
            NotActionable => Happened::NeedsAttention,
            Failed => return None, // it is tried again
        };
        let (place, notices) = (&self.notifier.reader.place, std::slice::from_ref(notice));
        let mut event = match outcome.service_ref() {
            Some(service) => BusEvent::of_service(happened, place, &service, notices, &outcome.reason),
            None => BusEvent {
                happened,
                resource: outcome.entity.clone(),
                detail: Detail {
                    notices: notices.to_vec(),
                    reason: outcome.reason.clone(),
                    ..Detail::default()
                },
            },
        };
        event.detail.slot = outcome.slot;
        event.detail.deadline = deadline(&self.policy, notices, now);
        event.detail.warnings.clone_from(&outcome.warnings);
        Some(event)
    }

    /// Why a service needs nothing any more, where AWS's date has passed and every task is new: AWS sends a
    /// notice once more when its date comes.
    async fn patched(&self, service: &ServiceRef, notice: &NoticeRef, now: DateTime<Utc>) -> Option<String> {
        notice.starts_at.filter(|starts_at| *starts_at <= now)?;
        // A service that cannot be read is planned: deploy reads it again.
        let state = self.ecs.state(service).await.ok()?;
        match decide(service, state.as_ref(), notice.cutoff, now) {
            Decision::Skip(Cause::Patched, reason) | Decision::Verify(Cause::Patched, reason, None) => {
                Some(reason)
            }
            _ => None,
        }
    }

    /// The report on an event that changes nothing.
    fn nothing_done(
        &self,
        notice: &Notice,
        outcome: impl Fn(&Affected) -> Outcome,
        now: DateTime<Utc>,
    ) -> Report {
        let report = Report::new(notice, notice.entities.iter().map(outcome).collect());
        report.outcomes.iter().for_each(|outcome| log(&notice.event_arn, outcome));
        self.count(&report, true, now);
        report
    }

    /// Counts what became of the entities; what is no news only as far as something was done.
    fn count(&self, report: &Report, new: bool, now: DateTime<Utc>) {
        let count = |kind: OutcomeKind| report.counts.get(&kind).copied().unwrap_or_default();
        let metrics = [
            (Metric::Planned, OutcomeKind::Scheduled),
            (Metric::Rescheduled, OutcomeKind::Rescheduled),
            (Metric::Cancelled, OutcomeKind::Cancelled),
        ];
        // What is left to AWS is for a person to know of, as is what only a person can do.
        let no_window =
            report.outcomes.iter().filter(|outcome| outcome.cause == Some(Cause::NoWindow)).count();
        let counts: Vec<(Metric, usize)> = metrics
            .into_iter()
            .map(|(metric, kind)| (metric, count(kind)))
            .chain(new.then(|| (Metric::NeedsAttention, count(OutcomeKind::NotActionable) + no_window)))
            .filter(|(_, n)| *n > 0)
            .collect();
        if !counts.is_empty() {
            self.notifier.count(None, &counts, now);
        }
        let mut skipped: BTreeMap<Cause, usize> = BTreeMap::new();
        for cause in report.outcomes.iter().filter(|_| new).filter_map(|outcome| outcome.cause) {
            *skipped.entry(cause).or_default() += 1;
        }
        for (cause, count) in skipped {
            self.notifier.count(Some(cause.word()), &[(Metric::Skipped, count)], now);
        }
    }

    /// The account's wait period, if the notice needs it. Without it the cut-off is later than need be,
    /// which costs a needless deployment at most: no reason to fail.
    async fn wait_for(&self, notice: &Notice) -> Option<chrono::TimeDelta> {
        if notice.stated_cutoff.is_some() || notice.starts_at.is_none() {
            return None;
        }
        let wait = self.ecs.retirement_wait().await;
        if !matches!(wait, Ok(Some(_))) {
            let error = wait.as_ref().err().map(ToString::to_string);
            warn!(
                error,
                "the account's fargateTaskRetirementWaitPeriod is unknown: the cut-off is the event's time"
            );
        }
        wait.ok().flatten()
    }

    /// Lets the notice take effect on the schedule of one service, and says what its owner should know. Where
    /// somebody else was faster, what they left is read, and decides anew.
    async fn settle(
        &self,
        service: &ServiceRef,
        name: &str,
        cancelled: Option<&str>,
        settling: &Settling<'_>,
    ) -> Result<(Verdict, Vec<String>), CallFailed> {
        let control = settling.controls.get(service).cloned().unwrap_or_default();
        let mut policy = control.over(&self.policy);
        let observed =
            [policy.mode, self.policy.mode].contains(&Mode::Observe) && policy.mode != Mode::Deploy;
        let patched = self.patched(service, settling.notice, settling.now).await;
        let over = match (cancelled, policy.mode, &patched) {
            (Some(why), ..) => Some((None, why)),
            (None, Mode::Off, _) => Some((Some(Cause::OptedOut), OPTED_OUT)),
            (None, _, Some(why)) => Some((Some(Cause::Patched), why.as_str())),
            (None, _, None) => None,
        };
        // Most services have no schedule yet: to create one without a look saves half of the calls.
        let mut found: Option<Found> = None;
        let mut looked = false;
        if observed {
            found = self.scheduler.get(name).await?;
        }
        for nth in 0..=READS {
            let existing = found.as_ref().map(|found| &found.existing);
            let verdict = self.verdict(service, existing, over, &mut policy, settling).await;
            let unread = verdict.slot.into_iter().flat_map(|at| policy.calendars.unread(at));
            let unread = unread.map(|(calendar, why)| {
                format!(
                    "Change Calendar {calendar} could not be read; nothing is redeployed until it can: {why}"
                )
            });
            let warnings = control.problems.iter().cloned().chain(unread).collect();
            if observed {
                return Ok((verdict.only_observed(), warnings));
            }
            let written = match (&verdict.change, &found) {
                (Change::Keep, _) if looked => Written::Done,
                (Change::Create(schedule), _) => self.scheduler.create(&schedule.spec(name)).await?,
                (Change::Replace(schedule), _) => self.scheduler.replace(&schedule.spec(name)).await?,
                (Change::Update(input), Some(found)) => {
                    self.scheduler.update_input(name, found, input).await?
                }
                (Change::Delete, _) => self.scheduler.delete(name).await?,
                (Change::Keep | Change::Update(_), _) => Written::Lost,
            };
            if written == Written::Done {
                return Ok((verdict, warnings));
            }
            if looked {
                tokio::time::sleep(PAUSE * 2_u32.pow(nth)).await;
            }
            found = self.scheduler.get(name).await?;
            looked = true;
        }
        Err(changed_by_others("UpdateSchedule", name))
    }

    /// What the notice changes about the schedule, once no calendar is left that is not asked about the slot.
    async fn verdict(
        &self,
        service: &ServiceRef,
        existing: Option<&Existing>,
        over: Option<(Option<Cause>, &str)>,
        policy: &mut Policy,
        settling: &Settling<'_>,
    ) -> Verdict {
        let Settling { notice, calendars, now, .. } = settling;
        // A schedule that a person disabled stays: their hold outlives the tag.
        let held = existing.is_some_and(|existing| !existing.enabled);
        if let Some((cause, why)) = over.filter(|(cause, _)| *cause != Some(Cause::OptedOut) || !held) {
            let verdict = reconcile::cancel(service, existing, &notice.event_arn, why);
            return Verdict { cause: cause.or(verdict.cause), ..verdict };
        }
        loop {
            let verdict = reconcile::apply(service, existing, notice, policy, *now);
            let (Change::Create(planned) | Change::Replace(planned)) = &verdict.change else {
                return verdict;
            };
            let at = planned.slot.at;
            if policy.calendars.unknown(at).is_empty() {
                return verdict;
            }
            let mut known = calendars.lock().await;
            self.change_calendars.ask(&mut known, at).await;
            policy.calendars = known.clone();
        }
    }
}

/// How long it may take to find out when the services are redeployed after which others come.
const ORDER_PATIENCE: Duration = Duration::from_mins(1);

/// When a service is redeployed after which another comes.
enum Planned {
    At(DateTime<Utc>),
    /// Not at all, though it is not patched.
    Nothing,
    /// Not at all: it is patched, or there is no such service, which is to be said.
    NotNeeded(Option<String>),
}

/// The notice may still concern the service.
fn still_open(outcome: &Outcome) -> bool {
    (outcome.outcome != OutcomeKind::Cancelled || outcome.cause == Some(Cause::NoWindow))
        && !matches!(
            outcome.cause,
            Some(Cause::NothingPending | Cause::Patched | Cause::OptedOut | Cause::Observed)
        )
}

/// The outcome for one entity of a service.
fn outcome_of(
    text: &str,
    service: &ServiceRef,
    name: &str,
    settled: &Result<(Verdict, Vec<String>), CallFailed>,
) -> Outcome {
    let outcome = match settled {
        Ok((verdict, warnings)) => {
            // Where something is pending, people need its name to look at it.
            let pending =
                !matches!(verdict.outcome, OutcomeKind::Skipped) && !matches!(verdict.change, Change::Delete);
            Outcome {
                cause: verdict.cause,
                slot: verdict.slot,
                schedule: pending.then(|| name.to_owned()),
                warnings: warnings.clone(),
                ..Outcome::of(text, verdict.outcome, &verdict.reason)
            }
        }
        Err(error) => Outcome::of(text, OutcomeKind::Failed, error.to_string()),
    };
    outcome.for_service(service)
}

/// The outcome for a further entity of a service: what was done is told with the first, and counted once.
fn repeated(outcome: Outcome, first: &str) -> Outcome {
    match outcome.outcome {
        OutcomeKind::Scheduled | OutcomeKind::Rescheduled | OutcomeKind::Cancelled => Outcome {
            outcome: OutcomeKind::Unchanged,
            reason: format!("of the same service as {first}: see there"),
            ..outcome
        },
        _ => outcome,
    }
}

/// One line for each outcome, as soon as it is known: the record of what the product did and why.
fn log(event_arn: &str, outcome: &Outcome) {
    let Outcome { entity, cluster, service, outcome: kind, reason, slot, schedule, warnings, .. } = outcome;
    let warnings = (!warnings.is_empty()).then(|| warnings.join("; "));
    let (word, slot) = (serde_json::json!(kind), slot.map(|slot| slot.to_rfc3339()));
    let word = word.as_str().unwrap_or_default();
    macro_rules! line {
        ($level:ident) => {
            $level!(
                event_arn,
                entity,
                cluster,
                service,
                outcome = word,
                reason,
                slot,
                schedule,
                warnings,
                "{entity}: {word}: {reason}"
            )
        };
    }
    if *kind == OutcomeKind::Failed { line!(error) } else { line!(info) }
}
