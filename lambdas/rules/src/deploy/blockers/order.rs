//! The tag `ecs-task-patching:after`: a service waits until the one that it names is patched.

use chrono::{DateTime, Utc};

use super::Block;
use crate::{arn::ServiceRef, service::ServiceState};

/// The blocks of a service that comes after `other`.
#[must_use]
pub fn blocks(other: &ServiceRef, state: Option<&ServiceState>, cutoff: DateTime<Utc>) -> Vec<Block> {
    wait(other, state, cutoff).map(Block::by).into_iter().collect()
}

/// The block of a service that comes after `other`, which is unreadable.
#[must_use]
pub fn unreadable(other: &ServiceRef, why: &str) -> Block {
    Block::unreadable(format!(
        "{other}, which comes first (tag ecs-task-patching:after), is unreadable: {why}"
    ))
}

/// Why a service has to wait for `other`, if it has to: `other` is patched when no running task of it was
/// created up to `cutoff` and no deployment is rolling out.
#[must_use]
pub fn wait(other: &ServiceRef, state: Option<&ServiceState>, cutoff: DateTime<Utc>) -> Option<String> {
    let state = ServiceState::to_patch(state).ok()?;
    let why = match (state.old_tasks(cutoff), state.tasks.len(), state.rolling()) {
        (0, _, None) => return None,
        (0, _, Some(rollout)) => format!("its deployment {} is still rolling out", rollout.id),
        (1, 1, _) => "its task has not been replaced yet".to_owned(),
        (1, all, _) => format!("1 of its {all} tasks has not been replaced yet"),
        (old, all, _) if old == all => format!("its {all} tasks have not been replaced yet"),
        (old, all, _) => format!("{old} of its {all} tasks have not been replaced yet"),
    };
    Some(format!("waiting for {other}: {why}"))
}

/// What to warn of where `other`, after which a service comes, does not exist: the tag may be mistyped.
#[must_use]
pub fn missing(other: &ServiceRef, state: Option<&ServiceState>) -> Option<String> {
    let gone = state.is_none_or(|state| state.status == "INACTIVE");
    gone.then(|| {
        format!("tag ecs-task-patching:after names {other}, which does not exist; the tag is ignored")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Progress;
    use crate::testing::{instant, rollout, service_with};

    const CUTOFF: &str = "2026-11-25T18:00:00Z";

    fn service(text: &str) -> ServiceRef {
        ServiceRef::new("dev", text).expect("names of the test")
    }

    #[test]
    fn a_service_waits_while_the_other_is_not_patched() {
        let (old, new) = ("2026-11-20T00:00:00Z", "2026-11-27T21:00:00Z");
        let state = |tasks: &[&str], progress| service_with(tasks, vec![rollout("ecs-svc/1", new, progress)]);
        let rows = [
            (None, None), // it no longer exists
            (Some(ServiceState { desired_count: 0, ..state(&[], Progress::Completed) }), None),
            (Some(state(&[new, new], Progress::Completed)), None),
            (
                Some(state(&[old, new], Progress::InProgress)),
                Some("1 of its 2 tasks has not been replaced yet"),
            ),
            (
                Some(state(&[new, new], Progress::InProgress)),
                Some("its deployment ecs-svc/1 is still rolling out"),
            ),
            (Some(state(&[old, old], Progress::Failed)), Some("its 2 tasks have not been replaced yet")),
            (
                Some(state(&[old, old, new], Progress::Failed)),
                Some("2 of its 3 tasks have not been replaced yet"),
            ),
            (Some(state(&[old], Progress::Failed)), Some("its task has not been replaced yet")),
        ];
        for (state, expected) in rows {
            let expected = expected.map(|why| format!("waiting for dev/web: {why}"));
            assert_eq!(wait(&service("web"), state.as_ref(), instant(CUTOFF)), expected);
            let told = missing(&service("web"), state.as_ref());
            assert_eq!(told.is_some(), state.is_none(), "{told:?}");
        }
    }
}
