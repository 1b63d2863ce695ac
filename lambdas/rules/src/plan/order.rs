//! Order between services (tag `ecs-task-patching:after`): what to warn of when the plan does not give it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::{
    arn::ServiceRef,
    outcome::{Cause, Outcome},
    time::instant::utc,
};

/// What is planned for a service that comes first, as read from AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planned {
    /// A deployment at this time.
    At(DateTime<Utc>),
    /// Nothing, though it is not patched.
    Nothing,
    /// Nothing, and it need not be: it is patched, or does not exist, of which to warn.
    NotNeeded(Option<String>),
    /// This is unreadable, for this reason.
    Unreadable(String),
}

/// The order that tags ask for, and the start times that an event has planned.
#[derive(Debug)]
pub struct Order {
    /// For which service each one waits.
    after: BTreeMap<ServiceRef, ServiceRef>,
    /// When each service is redeployed.
    will: BTreeMap<ServiceRef, DateTime<Utc>>,
    /// When each service is, or would be redeployed if it were not in observe mode.
    would: BTreeMap<ServiceRef, DateTime<Utc>>,
}

impl Order {
    /// The order of the services that wait for another one, with what an event has planned.
    #[must_use]
    pub fn new(after: BTreeMap<ServiceRef, ServiceRef>, outcomes: &[Outcome]) -> Self {
        let slot = |outcome: &Outcome| Some((outcome.service_ref()?, outcome.slot?));
        let would = outcomes.iter().filter_map(slot).collect();
        let planned = outcomes.iter().filter(|outcome| outcome.cause != Some(Cause::Observed));
        let will = planned.filter_map(slot).collect();
        Self { after, will, would }
    }

    /// The services that come first and that the event does not plan.
    #[must_use]
    pub fn elsewhere(&self) -> BTreeSet<&ServiceRef> {
        self.after.values().filter(|other| !self.will.contains_key(other)).collect()
    }

    /// What to warn of the service of an outcome. `elsewhere` says what is planned for the services that the event does not
    /// plan; one that is missing there was not read in time.
    #[must_use]
    pub fn warning(&self, outcome: &Outcome, elsewhere: &BTreeMap<ServiceRef, Planned>) -> Option<String> {
        let (service, slot) = outcome.service_ref().zip(outcome.slot)?;
        let other = self.after.get(&service)?;
        if in_a_circle(&service, &self.after) {
            return Some(circle(other));
        }
        // Of two that are only observed, one would come after the other.
        let observed = outcome.cause == Some(Cause::Observed);
        let known = if observed { self.would.get(other) } else { self.will.get(other) };
        match (known, elsewhere.get(other)) {
            (Some(at), _) | (None, Some(Planned::At(at))) => warning(slot, other, Some(*at)),
            (None, Some(Planned::Nothing)) => warning(slot, other, None),
            (None, Some(Planned::NotNeeded(missing))) => missing.clone(),
            (None, Some(Planned::Unreadable(why))) => Some(unreadable(other, why)),
            (None, None) => Some(unreadable(other, "AWS did not answer in time")),
        }
    }
}

/// What to warn of where a service is planned for `slot` and `other`, after which it comes, for `other_slot`;
/// `None` where no deployment of `other` is planned.
fn warning(slot: DateTime<Utc>, other: &ServiceRef, other_slot: Option<DateTime<Utc>>) -> Option<String> {
    match other_slot {
        None => Some(format!(
            "waits for {other} (tag ecs-task-patching:after), for which no deployment is planned: while the tasks of \
             {other} are old, this service is not redeployed"
        )),
        Some(other_slot) if slot < other_slot => Some(format!(
            "waits for {other} (tag ecs-task-patching:after), which is planned later, for {}",
            utc(other_slot)
        )),
        Some(_) => None,
    }
}

/// Whether a service waits for itself in a circle, and so for ever; `after` is for which each one waits.
fn in_a_circle(service: &ServiceRef, after: &BTreeMap<ServiceRef, ServiceRef>) -> bool {
    let mut other = after.get(service);
    // A circle that this one is on is no longer than all there are.
    for _ in after {
        match other {
            Some(found) if found == service => return true,
            Some(found) => other = after.get(found),
            None => return false,
        }
    }
    false
}

/// What to warn of where a service waits in a circle, first for `other`.
fn circle(other: &ServiceRef) -> String {
    format!(
        "waits for {other}, which waits for this service (tags ecs-task-patching:after): neither can start"
    )
}

fn unreadable(other: &ServiceRef, why: &str) -> String {
    format!("waits for {other} (tag ecs-task-patching:after), which is unreadable: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{outcome::OutcomeKind, testing::instant};

    fn service(text: &str) -> ServiceRef {
        ServiceRef::new("dev", text).expect("names of the test")
    }

    #[test]
    fn the_plan_warns_of_a_window_before_the_others() {
        let friday = instant("2026-11-27T22:00:00Z");
        let told = |other: Option<&str>| warning(friday, &service("web"), other.map(instant));
        assert_eq!(told(Some("2026-11-24T22:00:00Z")), None);
        assert_eq!(told(Some("2026-11-27T22:00:00Z")), None); // together: deploy lets the other go first
        assert_eq!(
            told(Some("2026-11-28T22:00:00Z")).unwrap(),
            "waits for dev/web (tag ecs-task-patching:after), which is planned later, for Sat 28 Nov 2026 22:00 UTC"
        );
        assert!(told(None).unwrap().contains("for which no deployment is planned"));
    }

    #[test]
    fn circles_are_seen() {
        let after = |pairs: &[(&str, &str)]| -> BTreeMap<ServiceRef, ServiceRef> {
            pairs.iter().map(|(one, other)| (service(one), service(other))).collect()
        };
        let circle = after(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]);
        assert!(["a", "b", "c"].iter().all(|name| in_a_circle(&service(name), &circle)));
        assert!(!in_a_circle(&service("d"), &circle)); // it waits for a circle, but is on none
        assert!(!in_a_circle(&service("a"), &after(&[("a", "b"), ("b", "c")])));
    }

    #[test]
    fn the_plan_of_the_event_counts_before_what_is_planned_elsewhere() {
        let [tuesday, friday, saturday] =
            ["2026-11-24T22:00:00Z", "2026-11-27T22:00:00Z", "2026-11-28T22:00:00Z"].map(instant);
        let outcome = |name: &str, at: DateTime<Utc>| {
            let planned = Outcome { slot: Some(at), ..Outcome::of(name, OutcomeKind::Scheduled, "planned") };
            planned.for_service(&service(name))
        };
        let observed = |name: &str, at| Outcome { cause: Some(Cause::Observed), ..outcome(name, at) };
        let later = Some("is planned later, for Sat 28 Nov 2026 22:00 UTC");
        let rows = [
            ("it is planned first", vec![outcome("web", friday), outcome("db", tuesday)], None, None),
            ("it is planned later", vec![outcome("web", friday), outcome("db", saturday)], None, later),
            (
                "the event counts",
                vec![outcome("web", friday), outcome("db", tuesday)],
                Some(Planned::At(saturday)),
                None,
            ),
            ("both are observed", vec![observed("web", friday), observed("db", saturday)], None, later),
            (
                "it is only observed",
                vec![outcome("web", friday), observed("db", tuesday)],
                Some(Planned::Nothing),
                Some("for which no deployment is planned"),
            ),
            ("it is pending", vec![outcome("web", friday)], Some(Planned::At(tuesday)), None),
            ("it is pending for later", vec![outcome("web", friday)], Some(Planned::At(saturday)), later),
            ("it is patched", vec![outcome("web", friday)], Some(Planned::NotNeeded(None)), None),
            (
                "it does not exist",
                vec![outcome("web", friday)],
                Some(Planned::NotNeeded(Some("does not exist".into()))),
                Some("does not exist"),
            ),
            (
                "it is unreadable",
                vec![outcome("web", friday)],
                Some(Planned::Unreadable("AccessDenied".into())),
                Some("which is unreadable: AccessDenied"),
            ),
            ("AWS is slow", vec![outcome("web", friday)], None, Some("AWS did not answer in time")),
        ];
        for (row, outcomes, elsewhere, expected) in rows {
            let order = Order::new([(service("web"), service("db"))].into(), &outcomes);
            let elsewhere = elsewhere.map(|planned| (service("db"), planned)).into_iter().collect();
            let warned = order.warning(&outcomes[0], &elsewhere);
            assert_eq!(warned.is_some(), expected.is_some(), "{row}: {warned:?}");
            let warned = warned.unwrap_or_default();
            assert!(warned.contains(expected.unwrap_or_default()), "{row}: {warned}");
            let others = outcomes.iter().skip(1).filter_map(|other| order.warning(other, &elsewhere));
            assert_eq!(others.count(), 0, "{row}");
        }
    }

    #[test]
    fn only_services_that_the_event_does_not_plan_are_looked_up() {
        let planned = |name: &str| Outcome {
            slot: Some(instant("2026-11-27T22:00:00Z")),
            ..Outcome::of(name, OutcomeKind::Scheduled, "planned").for_service(&service(name))
        };
        let after = [("a", "b"), ("b", "c")].map(|(one, other)| (service(one), service(other)));
        let order = Order::new(after.into(), &[planned("a"), planned("b")]);
        assert_eq!(order.elsewhere(), [&service("c")].into());
    }
}
