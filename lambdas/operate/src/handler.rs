//! One request of an operator: read what is pending, decide, write, say what was done.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallFailed, Failure, Invocation};
use futures_util::{StreamExt as _, stream};
use rules::{
    arn::ServiceRef,
    notice::NoticeRef,
    notify::{Notification, operator, record},
    operate::{
        answer::{Answer, Done},
        decide::decide,
        request::{Asker, Operation, Request, Target, Why},
        verdict::{Asked, Change, Pending, Verdict},
    },
};
use serde_json::{Value, json};
use tracing::{error, info};

use crate::function::{CONCURRENCY, Operate};

/// A service, and what was decided about it.
type Decided = (ServiceRef, Result<Verdict, CallFailed>);

impl Operate {
    /// Does what an operator asks for. A request that is refused is answered with what to do instead; it is no failure of
    /// the function.
    ///
    /// # Errors
    /// A call to AWS failed before anything was done.
    pub async fn handle(&self, input: &Value, invocation: &Invocation) -> Result<Value, Failure> {
        let asker = Asker::of(input);
        let answer = match Request::read(input, self.notifier.reader.zone, self.require_reason) {
            Ok(Request::Change { operation, target, why }) => {
                Box::pin(self.change(operation, target, (&why, asker), invocation)).await?
            }
            Ok(Request::PlanAgain { target, why }) => {
                Box::pin(self.plan_again(target, &why, invocation)).await?
            }
            Ok(Request::Redrive(why)) => Box::pin(self.redrive(&why, invocation)).await?,
            Ok(Request::Drill(service)) => Box::pin(self.drill(service, invocation)).await?,
            Ok(Request::HoldAll(why)) => self.hold_all(why, asker, invocation).await?,
            Ok(Request::ReleaseAll(why)) => self.release_all(&why, invocation).await?,
            Err(invalid) => {
                let operation = input.get("operation").and_then(Value::as_str).unwrap_or_default();
                let reason = invalid.to_string();
                info!(operation, outcome = "refused", reason);
                Answer::text(operation, false, &reason)
            }
        };
        // CloudWatch shows a text as HTML.
        Ok(match asker {
            Asker::Console => answer.html(self.console_arn.as_deref(), input),
            Asker::CommandLine => json!(answer),
        })
    }

    /// Changes what is pending for each service.
    async fn change(
        &self,
        operation: Operation,
        target: Target,
        by: (&Why, Asker),
        invocation: &Invocation,
    ) -> Result<Answer, Failure> {
        let word = operation.word();
        let (services, notice) = match target {
            Target::Services(services) => (services, None),
            Target::Notice(event_arn) => {
                let services = self.services_of(&event_arn).await.map_err(Failure::call(&event_arn))?;
                (services, Some(event_arn))
            }
        };
        let notice = notice.as_deref();
        let verdicts = stream::iter(services).map(|service| async move {
            let done = self.change_one(operation, &service, notice, by, invocation).await;
            (service, done)
        });
        let verdicts: Vec<Decided> = verdicts.buffered(CONCURRENCY).collect().await;
        // Of a notice, only the services count for which something is pending.
        let concerns = |done: &Result<Verdict, CallFailed>| match (done, notice) {
            (Ok(verdict), Some(event_arn)) => names(&verdict.notices, event_arn),
            _ => true,
        };
        let verdicts = verdicts.into_iter().filter(|(_, done)| concerns(done)).collect();
        let verdicts = self.with_what_else_counts(verdicts, by.1).await;
        self.announce(word, by.0, &verdicts, invocation).await;
        let results = verdicts.iter().map(|(service, done)| match done {
            Ok(verdict) => Done::new(service, verdict.done, &verdict.text),
            Err(error) => Done::new(
                service,
                false,
                &format!("{service} is unchanged, or its change is not confirmed; try again: {error}"),
            ),
        });
        Ok(Answer::of(word, results.collect()))
    }

    async fn change_one(
        &self,
        operation: Operation,
        service: &ServiceRef,
        notice: Option<&str>,
        (why, asker): (&Why, Asker),
        invocation: &Invocation,
    ) -> Result<Verdict, CallFailed> {
        let (policy, zone) = (&self.policy, self.notifier.reader.zone);
        let of = (&self.notifier.reader.place, service);
        let verdict = |pending: &Pending<'_>| {
            let request = Asked { operation, why, service, policy, zone, asker, now: invocation.now() };
            match notice {
                Some(event_arn) if !is_for(pending, event_arn) => request.nothing(),
                _ => decide(&request, pending),
            }
        };
        Box::pin(self.scheduler.operate(of, invocation, verdict)).await
    }

    /// Adds that everything is stopped, or that Amazon ECS does not know a service.
    async fn with_what_else_counts(&self, verdicts: Vec<Decided>, asker: Asker) -> Vec<Decided> {
        let starts = |done: &Result<Verdict, CallFailed>| {
            done.as_ref().is_ok_and(|verdict| verdict.done && verdict.slot.is_some())
        };
        let stop = if verdicts.iter().any(|(_, done)| starts(done)) {
            // What is unreadable here keeps deploy from starting anything, which then says so.
            self.scheduler.stopped().await.unwrap_or_default()
        } else {
            None
        };
        let without = verdicts.iter().filter(|(_, done)| done.as_ref().is_ok_and(|verdict| verdict.nothing));
        let wrong = self.unknown_to_ecs(without.map(|(service, _)| service.clone()).collect()).await;
        let with = |(service, done): Decided| {
            let done = done.map(|verdict| match &stop {
                _ if wrong.contains(&service) => verdict.of_unknown(&service),
                Some(stop) => verdict.while_stopped(stop, asker),
                None => verdict,
            });
            (service, done)
        };
        verdicts.into_iter().map(with).collect()
    }

    /// Those of the services that Amazon ECS does not know. It helps with a mistyped name, so an error is none.
    pub(crate) async fn unknown_to_ecs(&self, services: Vec<ServiceRef>) -> BTreeSet<ServiceRef> {
        let mut by_cluster: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for service in &services {
            by_cluster.entry(service.cluster().to_owned()).or_default().push(service.service().to_owned());
        }
        let mut unknown: BTreeSet<ServiceRef> = services.into_iter().collect();
        for (cluster, names) in by_cluster {
            let active = self.ecs.active(&cluster, &names).await.unwrap_or(names);
            unknown.retain(|service| {
                service.cluster() != cluster || !active.iter().any(|name| name == service.service())
            });
        }
        unknown
    }

    /// The services that a notice concerns, as its deadline checks remember.
    async fn services_of(&self, event_arn: &str) -> Result<Vec<ServiceRef>, CallFailed> {
        let pages = self.scheduler.pages(event_arn).await?;
        let all: BTreeSet<&ServiceRef> = pages.iter().flat_map(|(_, page)| page.open()).collect();
        Ok(all.into_iter().cloned().collect())
    }

    /// Logs what became of each service, and sends an event for each that was changed. What was done stays done if the
    /// events cannot be sent: that is logged and counted.
    async fn announce(&self, operation: &str, why: &Why, verdicts: &[Decided], invocation: &Invocation) {
        let now = invocation.now();
        let mut events = Vec::new();
        for (service, done) in verdicts {
            let (cluster, name, ticket) = (service.cluster(), service.service(), why.ticket.as_deref());
            let operator_reason = why.reason.as_deref();
            match done {
                Ok(verdict) => {
                    let outcome = match (&verdict.change, verdict.done) {
                        (Change::Keep, true) => "unchanged",
                        (Change::Keep, false) => "refused",
                        _ => "changed-by-operator",
                    };
                    let (reason, slot) = (&verdict.text, verdict.slot.map(|slot| slot.to_rfc3339()));
                    info!(operation, cluster, service = name, outcome, reason, slot, operator_reason, ticket);
                    if verdict.change != Change::Keep {
                        let (reader, of) = (&self.notifier.reader, (service, verdict));
                        events.push(operator::event(reader, &self.policy, of, (operation, why), now));
                        events.extend(record::of_cancellation(reader, &self.policy, of, now));
                    }
                }
                Err(error) => {
                    let reason = error.to_string();
                    error!(
                        operation,
                        cluster,
                        service = name,
                        outcome = "failed",
                        reason,
                        operator_reason,
                        ticket
                    );
                }
            }
        }
        // A failure is logged and counted.
        let _ = self.notifier.send(&Notification { events, ..Notification::default() }, now).await;
    }
}

/// Whether what is pending is for this notice.
fn is_for(pending: &Pending<'_>, event_arn: &str) -> bool {
    match pending {
        Pending::Schedule(existing) => {
            existing.input.as_ref().is_ok_and(|input| names(&input.notices, event_arn))
        }
        Pending::Nothing | Pending::Verification | Pending::Unfinished => false,
    }
}

fn names(notices: &[NoticeRef], event_arn: &str) -> bool {
    notices.iter().any(|notice| notice.event_arn == event_arn)
}
