//! Order between services (tag `ecs-task-patching:after`): what to warn of when the plan does not give it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{arn::ServiceRef, time::instant::utc};

/// What to warn of where a service is planned for `slot` and `other`, after which it comes, for `other_slot`;
/// `None` where no deployment of `other` is planned.
#[must_use]
pub fn warning(slot: DateTime<Utc>, other: &ServiceRef, other_slot: Option<DateTime<Utc>>) -> Option<String> {
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
#[must_use]
pub fn in_a_circle(service: &ServiceRef, after: &BTreeMap<ServiceRef, ServiceRef>) -> bool {
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
#[must_use]
pub fn circle(other: &ServiceRef) -> String {
    format!(
        "waits for {other}, which waits for this service (tags ecs-task-patching:after): neither can start"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;

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
}
