//! From the entities of a notice to its services: which event speaks of which service.

use std::collections::{BTreeMap, BTreeSet};

use rules::{
    arn::ServiceRef,
    notice::{Affected, Notice},
    outcome::{Outcome, OutcomeKind},
    schedule::known::Page,
};

use crate::resolve::Resolved;

/// The entities of one service, each with its place in the event.
#[derive(Default)]
pub(crate) struct Named<'a> {
    /// The entities, in the event's order.
    pub(crate) entities: Vec<(usize, &'a Affected)>,
}

impl Named<'_> {
    /// Why AWS no longer includes the service, if so. One entity that still needs patching keeps the notice alive.
    pub(crate) fn closed(&self, notice: &Notice) -> Option<&'static str> {
        if notice.closed {
            return Some("AWS Health closed the notice");
        }
        let resolved = self.entities.iter().all(|(_, affected)| affected.resolved);
        resolved.then_some("AWS Health reports the service as resolved")
    }
}

/// The entities of a notice, by service.
pub(crate) struct Grouped<'a> {
    /// The outcomes of those that have no service, or about which a newer event has spoken, each with its place.
    pub(crate) outcomes: Vec<(usize, Outcome)>,
    /// The services that the event speaks of.
    pub(crate) services: BTreeMap<ServiceRef, Named<'a>>,
}

/// Groups the entities of a notice by service. A closed notice concerns every service that is known from before.
pub(crate) fn group<'a>(notice: &'a Notice, resolved: &[Resolved], page: &Page) -> Grouped<'a> {
    let mut grouped = Grouped { outcomes: Vec::with_capacity(resolved.len()), services: BTreeMap::new() };
    for (place, (affected, resolved)) in notice.entities.iter().zip(resolved).enumerate() {
        match resolved {
            Resolved::Done(done) => grouped.outcomes.push((place, done.clone())),
            Resolved::Service(service) => match page.superseded(service, notice) {
                Some(reason) => {
                    let outcome = Outcome::of(&affected.text, OutcomeKind::Unchanged, reason);
                    grouped.outcomes.push((place, outcome.for_service(service)));
                }
                None => {
                    grouped.services.entry(service.clone()).or_default().entities.push((place, affected));
                }
            },
        }
    }
    if notice.closed && page.newer_than(notice).is_none() {
        for service in page.open() {
            grouped.services.entry(service.clone()).or_default();
        }
    }
    grouped
}

/// The services that a notice names, each once.
pub(crate) fn named(resolved: &[Resolved]) -> BTreeSet<&ServiceRef> {
    let services = resolved.iter().filter_map(|resolved| match resolved {
        Resolved::Service(service) => Some(service),
        Resolved::Done(_) => None,
    });
    services.collect()
}

/// The outcome for a further entity of a service: what was done is reported with the first, and counted once.
pub(crate) fn repeated(outcome: Outcome, first: &str) -> Outcome {
    match outcome.outcome {
        OutcomeKind::Scheduled | OutcomeKind::Rescheduled | OutcomeKind::Cancelled => Outcome {
            outcome: OutcomeKind::Unchanged,
            reason: format!("belongs to the same service as {first}; see the outcome there"),
            ..outcome
        },
        _ => outcome,
    }
}
