//! Order between services: one whose tag `ecs-task-patching:after` names another comes after it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{date, decide::ServiceState, entity::ServiceRef};

/// What the plan must say of a service, whose slot is `slot`, about `other`, after which it comes.
/// `other_slot` is when that one is redeployed, nothing where it is not planned.
#[must_use]
pub fn warning(slot: DateTime<Utc>, other: &ServiceRef, other_slot: Option<DateTime<Utc>>) -> Option<String> {
    let tag = format!("{other}, which its tag ecs-task-patching:after names,");
    match other_slot {
        None => Some(format!(
            "{tag} has no deployment that is planned: while its tasks are old, this one will wait, and then a person is asked"
        )),
        Some(other_slot) if slot < other_slot => Some(format!(
            "its window lies before that of {other}: {tag} is planned for {}, and this one will wait for it",
            date::utc(other_slot)
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

/// What is to be said where `other`, after which a service comes, does not exist: perhaps the tag is mistyped.
#[must_use]
pub fn missing(other: &ServiceRef, state: Option<&ServiceState>) -> Option<String> {
    let gone = state.is_none_or(|state| state.status == "INACTIVE");
    gone.then(|| format!("its tag ecs-task-patching:after names {other}, and there is no such service: it waits for nothing"))
}

/// What the plan must say of a service that waits in a circle, first for `other`.
#[must_use]
pub fn circle(other: &ServiceRef) -> String {
    format!(
        "it waits for {other}, and that one for this, by their tags ecs-task-patching:after: neither would ever start"
    )
}

/// Why a service has to wait for `other`, after which it comes, if it has to: that one is patched when no
/// running task of it was created up to `cutoff` and no deployment is rolling.
#[must_use]
pub fn wait(other: &ServiceRef, state: Option<&ServiceState>, cutoff: DateTime<Utc>) -> Option<String> {
    let state = ServiceState::to_patch(state).ok()?;
    let (old, all) = (state.old_tasks(cutoff), state.tasks.len());
    let why = match state.rolling() {
        _ if old > 0 => {
            format!("of which {old} of {all} running task(s) were created before {}", date::utc(cutoff))
        }
        Some(rollout) => format!("whose deployment {} is still rolling out", rollout.id),
        None => return None,
    };
    Some(format!("its tag ecs-task-patching:after names {other}, {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Controller, Progress, Rollout};

    const CUTOFF: &str = "2026-11-25T18:00:00Z";

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

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
            "its window lies before that of dev/web: dev/web, which its tag ecs-task-patching:after names, is planned for \
             Sat 2026-11-28 22:00 UTC, and this one will wait for it"
        );
        assert!(told(None).unwrap().contains("has no deployment that is planned"));
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
    fn a_service_waits_while_the_other_is_not_patched() {
        let (old, new) = ("2026-11-20T00:00:00Z", "2026-11-27T21:00:00Z");
        let state = |tasks: &[&str], progress| ServiceState {
            status: "ACTIVE".into(),
            desired_count: 2,
            controller: Controller::Ecs,
            deployments: vec![Rollout {
                id: "ecs-svc/1".into(),
                primary: true,
                created_at: Some(instant(new)),
                progress,
                reason: None,
                failed_tasks: 0,
            }],
            tasks: tasks.iter().map(|task| Some(instant(task))).collect(),
            starting: 0,
            events: Vec::new(),
            task_definition: None,
            tags: Vec::new(),
        };
        let tag = "its tag ecs-task-patching:after names dev/web,";
        let rows = [
            (None, None), // it is gone
            (Some(ServiceState { desired_count: 0, ..state(&[], Progress::Completed) }), None),
            (Some(state(&[new, new], Progress::Completed)), None),
            (
                Some(state(&[old, new], Progress::InProgress)),
                Some(format!(
                    "{tag} of which 1 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC"
                )),
            ),
            (
                Some(state(&[new, new], Progress::InProgress)),
                Some(format!("{tag} whose deployment ecs-svc/1 is still rolling out")),
            ),
            (
                Some(state(&[old, old], Progress::Failed)),
                Some(format!(
                    "{tag} of which 2 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC"
                )),
            ),
        ];
        for (state, expected) in rows {
            assert_eq!(wait(&service("web"), state.as_ref(), instant(CUTOFF)), expected);
            let told = missing(&service("web"), state.as_ref());
            assert_eq!(told.is_some(), state.is_none(), "{told:?}");
        }
    }
}
