//! The heartbeat: shows that schedules wake functions, repairs what was lost, and finds out whether notices still arrive.
//! The alarms on silence and on the rule rest on it.

use std::collections::BTreeMap;

use aws::{CallFailed, Failure, Invocation, scheduler::Found};
use chrono::{DateTime, Utc};
use rules::{
    arn::ServiceRef,
    notice::NoticeRef,
    notify::{
        approval,
        heartbeat::{notification, of_invalid_input},
        metrics::{Metric, Sample},
    },
    schedule::{
        Spec,
        control::Control,
        name::ScheduleName,
        wake::{DeadlineInput, DeployInput, Wake},
    },
    service::ServiceState,
    verify::{
        deadline_check::deadline_checks,
        heartbeat::{Action, Pending, actions, pending_counts},
    },
};
use serde::Serialize;
use tracing::{error, warn};

use crate::function::Verify;

/// The page of the deadline checks that replace lost ones. Pages of AWS Health are numbered from 1.
pub(crate) const REPLACEMENT: u32 = 0;

/// Verify's answer to the template's recurring schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heartbeat {
    /// How many schedules are pending.
    pub pending: usize,
    /// The schedules whose functions were woken again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub woken: Vec<String>,
    /// The notices whose deadline check was missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<String>,
    /// Why notices do not arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_fault: Option<String>,
}

impl Verify {
    /// Counts the pending schedules, repairs what was lost, and reads the rule. What fails does not stop the rest.
    pub(crate) async fn heartbeat(&self, invocation: &Invocation) -> Result<Heartbeat, Failure> {
        let found = self.scheduler.all().await.map_err(Failure::call("the heartbeat"))?;
        let all: Vec<Pending> = found.iter().map(|(name, found)| found.pending(name)).collect();
        let (deployments, checks) = pending_counts(&all);
        let count = deployments + checks;
        let sample = Sample::counted(&[
            (Metric::Heartbeat, 1),
            (Metric::Pending, count),
            (Metric::PendingDeployments, deployments),
            (Metric::PendingChecks, checks),
        ]);
        self.notifier.count(&[sample], invocation.now());
        let mut done = Heartbeat { pending: count, woken: Vec::new(), watched: Vec::new(), rule_fault: None };
        let mut failed = None;
        for action in actions(&all, invocation.now()) {
            if let Err(error) = self.repair(&action, &found, &mut done, invocation).await {
                error!("{action:?} failed: {error}");
                failed.get_or_insert(error);
            }
        }
        match self.rule_fault(invocation.now()).await {
            Ok(fault) => done.rule_fault = fault,
            Err(error) => failed = Some(error),
        }
        failed.map_or(Ok(done), |error| Err(Failure::call("the heartbeat")(error)))
    }

    /// Why notices do not arrive. The metric is written in either case, because the alarm keeps its state until the next
    /// value.
    async fn rule_fault(&self, now: DateTime<Utc>) -> Result<Option<String>, CallFailed> {
        let Some(rule) = &self.rule else { return Ok(None) };
        let fault = self.event_rules.fault(rule).await?;
        if let Some(fault) = &fault {
            error!(fault, "notices do not arrive");
        }
        self.notifier.count(&[Sample::counted(&[(Metric::RuleFault, usize::from(fault.is_some()))])], now);
        Ok(fault)
    }

    async fn repair(
        &self,
        action: &Action,
        found: &BTreeMap<ScheduleName, Found>,
        done: &mut Heartbeat,
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        match action {
            Action::WakeAgain(name, wake) => {
                warn!(schedule = name.as_str(), "the schedule is overdue: its function is woken again");
                done.woken.push(name.to_string());
                self.wake_again(name, wake, found, invocation).await
            }
            Action::Report(name, wake) => {
                let notification = notification(&self.notifier.reader, name, wake, invocation.now());
                self.notifier.send(&notification, invocation.now()).await?;
                self.wake_again(name, wake, found, invocation).await
            }
            Action::Remind(name, input) => self.remind(name, input, found, invocation).await,
            Action::Missed(name, wake) => {
                warn!(
                    schedule = name.as_str(),
                    "nobody approved the deployment in time: it is planned again"
                );
                done.woken.push(name.to_string());
                self.wake_again(name, wake, found, invocation).await
            }
            Action::Invalid(name, invalid) => {
                let notification = of_invalid_input(&self.notifier.reader, name, invalid, invocation.now());
                self.notifier.send(&notification, invocation.now()).await
            }
            Action::Restore(name, wake) => {
                let Some(lock) = wake.lock(&self.notifier.reader.place) else { return Ok(()) };
                done.woken.push(name.to_string());
                let zone = self.policy.windows.zone();
                let work = async |_| self.scheduler.restore(name, wake, zone, invocation).await;
                self.scheduler.locked(&lock, invocation, work).await?
            }
            Action::DeleteLock(name) => self.scheduler.delete(name).await.map(drop),
            Action::Watch(notice, services) => {
                let event_arn = &notice.event_arn;
                warn!(event_arn, "the deadline check is missing: it is made again");
                done.watched.push(event_arn.clone());
                self.watch(notice, services, invocation).await
            }
        }
    }

    /// Reminds the owner of a missing approval, then remembers that. The owner may be reminded twice, but not never. What
    /// someone else has patched in the meantime needs no approval.
    async fn remind(
        &self,
        name: &ScheduleName,
        input: &DeployInput,
        found: &BTreeMap<ScheduleName, Found>,
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        let Some(at) = found.get(name).and_then(|found| found.existing.at) else { return Ok(()) };
        // An unreadable service may need it.
        let state = self.ecs.state(&input.service).await.unwrap_or(None);
        if ServiceState::renewed(state.as_ref(), input.cutoff()).is_some() {
            return Ok(());
        }
        let reader = &self.notifier.reader;
        let reminder = approval::reminder(reader, &self.policy, input, at, invocation.now());
        self.notifier.send(&reminder, invocation.now()).await?;
        let work = async |_| -> Result<(), CallFailed> {
            let Some(now) = self.scheduler.get(name).await? else { return Ok(()) };
            if let (true, Ok(input)) = (now.existing.awaits_approval(), &now.existing.input) {
                let control = Control { reminded: true, ..input.control.clone() };
                self.scheduler.update_input(name, &now, &DeployInput { control, ..input.clone() }).await?;
            }
            Ok(())
        };
        self.scheduler.locked(name, invocation, work).await?
    }

    async fn wake_again(
        &self,
        name: &ScheduleName,
        wake: &Wake,
        found: &BTreeMap<ScheduleName, Found>,
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        let (Some(lock), Some(overdue)) = (wake.lock(&self.notifier.reader.place), found.get(name)) else {
            return Ok(());
        };
        let zone = self.policy.windows.zone();
        self.scheduler.wake_again(&lock, (name, overdue), wake, zone, invocation).await
    }

    /// Schedules a deadline check of these services, besides those that the replacement names already.
    async fn watch(
        &self,
        notice: &NoticeRef,
        services: &[ServiceRef],
        invocation: &Invocation,
    ) -> Result<(), CallFailed> {
        let name = ScheduleName::of_deadline_check(&notice.event_arn, REPLACEMENT, 0);
        let work = async |_| -> Result<(), CallFailed> {
            let now = invocation.now();
            let known = self.scheduler.get(&name).await?.and_then(|found| match found.wake() {
                Ok(Wake::DeadlineCheck(known)) => Some(known.services),
                _ => None,
            });
            let all = services.iter().cloned().chain(known.into_iter().flatten());
            let input = DeadlineInput {
                notice: notice.clone(),
                page: REPLACEMENT,
                part: 0,
                services: Vec::new(),
                released: Vec::new(),
                sent_at: now,
                announced: Vec::new(),
                last_check_at: now,
                owed: Vec::new(),
                closed_at: None,
                left: None,
                unpatched: Vec::new(),
                woken: Some(0),
            };
            let all = all.map(|service| (service, true)).collect();
            for (at, input) in deadline_checks(&self.policy, &input, all, None, now) {
                let spec = Spec::deadline_check(at, self.policy.windows.zone(), input);
                self.scheduler.put(&spec, invocation).await?;
            }
            Ok(())
        };
        self.scheduler.locked(&name, invocation, work).await?
    }
}
