//! Judges what a verification check of a service finds.

use chrono::{DateTime, TimeDelta, Utc};

use super::verification_times::{LEAST_TIME, ends_at};
use crate::{
    outcome::Cause,
    plan::deadline,
    policy::Policy,
    schedule::wake::CheckInput,
    service::{
        Progress, Rollout, ServiceState,
        code_deploy::{CodeDeployment, CodeProgress},
    },
    time::instant::{utc, utc_seconds},
    wording::{plural, was},
};

/// For this long after the start, ECS may not show the deployment yet, or may still list tasks that are stopping.
const SETTLING: TimeDelta = TimeDelta::minutes(5);
/// A deployment with at least this many consecutive failed tasks counts as stuck.
const STUCK_FAILURES: i32 = 3;

/// The result of a verification check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The service is patched. The text is the proof.
    Completed(String),
    /// There is nothing left to patch.
    Skipped(Cause, String),
    /// The deployment is still in progress: check again.
    Rolling(String),
    /// The owner must fix a problem.
    Attention {
        /// The problem.
        reason: String,
        /// The next step.
        next: String,
        /// Its kind.
        problem: Problem,
    },
}

/// What the owner is notified of: each kind once for a deployment, and each pause once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The deployment failed, is stuck, was rolled back, or left old tasks.
    Failed,
    /// The deployment is only not complete in time: it may still succeed, or fail.
    Late,
    /// The deployment waits for a person at the lifecycle hook with this ID.
    Paused(String),
}

impl Problem {
    /// Whether the owner knows of it already.
    #[must_use]
    pub fn is_known(&self, input: &CheckInput) -> bool {
        match self {
            Self::Failed => input.notified,
            Self::Late => input.notified || input.notified_late,
            Self::Paused(hook) => input.paused.as_ref() == Some(hook),
        }
    }

    /// The input of the next check, which knows that the owner has been notified.
    #[must_use]
    pub fn noted(self, input: &CheckInput) -> CheckInput {
        let input = input.clone();
        match self {
            Self::Failed => CheckInput { notified: true, ..input },
            Self::Late => CheckInput { notified_late: true, ..input },
            Self::Paused(hook) => CheckInput { paused: Some(hook), ..input },
        }
    }
}

/// Whether the tasks of a service matter for its check. They do not while a deployment is rolling out that is neither old
/// enough to be stuck, nor due, nor paused. A thousand checks would exceed the rate at which Amazon ECS lets tasks be read.
#[must_use]
pub fn tasks_matter(input: &CheckInput, state: &ServiceState, policy: &Policy, now: DateTime<Utc>) -> bool {
    let is_young = |rollout: &Rollout| rollout.created_at.is_some_and(|at| now < at + LEAST_TIME);
    !state.rolling().is_some_and(is_young) || state.has_hooks || now >= due(input, policy)
}

/// When a deployment must have completed. One that starts shortly before the deadline, or after it, gets at least
/// [`LEAST_TIME`].
fn due(input: &CheckInput, policy: &Policy) -> DateTime<Utc> {
    let deadline = deadline(policy, &input.notices, input.since);
    deadline.unwrap_or_else(|| ends_at(input)).max(input.since + LEAST_TIME)
}

/// Judges a verification check. `state` is `None` if the service does not exist; `code` is the CodeDeploy deployment
/// that was started, if any.
#[must_use]
pub fn judge(
    input: &CheckInput,
    state: Option<&ServiceState>,
    code: Option<&CodeDeployment>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Judgement {
    let state = match ServiceState::to_patch(state) {
        Ok(state) => state,
        Err((cause, reason)) => return Judgement::Skipped(cause, reason),
    };
    let cutoff = input.cutoff();
    let counted = state.describe_old_tasks(cutoff);
    let code_runs = code.is_some_and(|code| code.progress == CodeProgress::InProgress);
    let rolling = state.rolling();
    if rolling.is_none()
        && !code_runs
        && let Some(judgement) = settled(input, state, code, now)
    {
        return judgement;
    }
    if let Some(rollout) = rolling
        && let Some(reason) = stuck(rollout, state, input, now)
    {
        return attention(format!("deployment {} is stuck: {reason}; {counted}", rollout.id), FIX);
    }
    if now >= due(input, policy) {
        let who = rolling.map_or("no deployment has completed".to_owned(), |rollout| {
            format!("deployment {} has not completed", rollout.id)
        });
        let pause =
            state.pause.as_ref().map_or_else(String::new, |pause| format!("; it is {}", pause.describe()));
        let reason = format!("{who} by {}{pause}; {counted}", utc(now));
        let next = if state.pause.is_some() { CONTINUE } else { HURRY };
        return Judgement::Attention { reason, next: next.to_owned(), problem: Problem::Late };
    }
    if let (Some(rollout), Some(pause)) = (rolling, &state.pause) {
        let reason = format!("deployment {} is {}; {counted}", rollout.id, pause.describe());
        let problem = Problem::Paused(pause.hook.clone());
        return Judgement::Attention { reason, next: CONTINUE.to_owned(), problem };
    }
    let who = match (rolling, code) {
        (Some(rollout), _) => format!("deployment {} is rolling out", rollout.id),
        (None, Some(code)) if code_runs => format!("CodeDeploy deployment {} is rolling out", code.id),
        _ => "waiting for tasks to run".to_owned(),
    };
    Judgement::Rolling(if state.tasks.is_empty() { who } else { format!("{who}; {counted}") })
}

/// Judges a service without a deployment in progress. `None` if it is too early to say.
fn settled(
    input: &CheckInput,
    state: &ServiceState,
    code: Option<&CodeDeployment>,
    now: DateTime<Utc>,
) -> Option<Judgement> {
    let cutoff = input.cutoff();
    let (old, all) = (state.old_tasks(cutoff), state.tasks.len());
    let counted = state.describe_old_tasks(cutoff);
    let primary = state.deployments.iter().find(|rollout| rollout.primary);
    let failed = failure(input, primary, code);
    if old == 0 && all > 0 && primary.is_none_or(|primary| primary.progress != Progress::Failed) {
        return Some(Judgement::Completed(proof(input, state, primary, failed)));
    }
    if let Some(failed) = failed {
        return Some(attention(format!("{failed}; {counted}"), FIX));
    }
    if now < input.since + SETTLING || all == 0 {
        return None;
    }
    let missing = |id: &&String| state.deployments.iter().all(|rollout| rollout.id != **id) && code.is_none();
    Some(match input.deployment.as_ref().filter(missing) {
        Some(id) => {
            let why = format!("deployment {id} no longer exists: it was rolled back or replaced; {counted}");
            attention(why, FIX)
        }
        None => attention(format!("no deployment is in progress, and {counted}"), FIX),
    })
}

const CONTINUE: &str = "Check the new tasks, then continue the deployment";
const FIX: &str = "Fix the cause, then redeploy the service";
const HURRY: &str = "Find out what is delaying the deployment, then redeploy the service: AWS stops the old tasks from the \
                     retirement date, whether or not new ones are ready";

fn attention(reason: String, next: &str) -> Judgement {
    Judgement::Attention { reason, next: next.to_owned(), problem: Problem::Failed }
}

/// Why the deployment failed or was rolled back. `None` if it did not fail and was not rolled back.
fn failure(input: &CheckInput, primary: Option<&Rollout>, code: Option<&CodeDeployment>) -> Option<String> {
    if let Some(code) = code.filter(|code| code.progress == CodeProgress::Failed) {
        let why = code.error.as_deref().unwrap_or("CodeDeploy gives no reason");
        return Some(format!("CodeDeploy deployment {} failed: {why}", code.id));
    }
    let primary = primary?;
    let why = || primary.reason.as_deref().map_or("ECS gives no reason", without_stop);
    if primary.progress == Progress::Failed {
        return Some(format!("deployment {} failed: {}", primary.id, why()));
    }
    let ours = input.deployment.as_deref()?;
    let replaced = ours.starts_with("ecs-svc/")
        && primary.id != ours
        && primary.reason.as_deref().is_some_and(rolled_back);
    replaced.then(|| format!("deployment {ours} was rolled back by deployment {}: {}", primary.id, why()))
}

/// A sentence of ECS as part of one of ours.
fn without_stop(text: &str) -> &str {
    text.trim_end().trim_end_matches('.')
}

/// Whether a `rolloutStateReason` is that of a rollback, by the circuit breaker or by deployment alarms.
fn rolled_back(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("rolling back") || reason.contains("rolled back") || reason.contains("rollback")
}

/// The proof that a service is patched, with the failure of the deployment if there was one.
fn proof(
    input: &CheckInput,
    state: &ServiceState,
    primary: Option<&Rollout>,
    failed: Option<String>,
) -> String {
    let cutoff = utc_seconds(input.cutoff());
    let all = state.tasks.len();
    let oldest = state.tasks.iter().flatten().min();
    let oldest =
        oldest.map_or_else(String::new, |oldest| format!(", the oldest at {}", utc_seconds(*oldest)));
    let by = match (primary, &input.deployment) {
        (Some(primary), Some(ours)) if primary.id != *ours => {
            format!(" by deployment {} (which replaced {ours})", primary.id)
        }
        (Some(primary), _) => format!(" by deployment {}", primary.id),
        (None, Some(ours)) => format!(" by deployment {ours}"),
        (None, None) => String::new(),
    };
    let note = failed.map_or_else(String::new, |failed| format!("; note that {failed}"));
    let (tasks, were) = (plural(all, "running task"), was(all));
    let all = if all == 1 { "the".to_owned() } else { format!("all {all}") };
    format!("{all} {tasks} {were} created{by} after {cutoff}{oldest}{note}")
}

/// Why a deployment in progress is stuck. `None` if it is not. A blue/green deployment that is waiting with its new
/// tasks running is not stuck. One whose new tasks run for a while, fail and are replaced again is: without a circuit
/// breaker it never ends.
fn stuck(rollout: &Rollout, state: &ServiceState, input: &CheckInput, now: DateTime<Utc>) -> Option<String> {
    let started = rollout.created_at?;
    if now < started + LEAST_TIME {
        return None;
    }
    let some_replaced = state.old_tasks(input.cutoff()) < state.tasks.len();
    let failing = rollout.failed_tasks >= STUCK_FAILURES;
    if failing && (!some_replaced || rollout.failed_tasks > input.failed_tasks) {
        return Some(format!("{} tasks failed in a row", rollout.failed_tasks));
    }
    if some_replaced {
        return None;
    }
    let trouble =
        state.events.iter().find(|event| event.at >= started && event.text.contains("unable to"))?;
    Some(without_stop(&trouble.text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, rollout, service_with, web};
    use crate::{
        notice::NoticeRef,
        service::{Pause, ServiceEvent, code_deploy::Revision},
    };

    const SINCE: &str = "2026-11-27T22:00:00Z";
    const CUTOFF: &str = "2026-11-25T18:00:00Z";
    const OLD: &str = "2026-11-20T00:00:00Z";
    const NEW: &str = "2026-11-27T22:01:00Z";

    fn notice(arn: &str, starts_at: Option<&str>) -> NoticeRef {
        NoticeRef {
            event_arn: arn.into(),
            starts_at: starts_at.map(instant),
            cutoff: instant(CUTOFF),
            drill: false,
        }
    }

    fn input() -> CheckInput {
        let notices = [notice("arn:1", Some("2026-12-02T18:00:00Z"))];
        CheckInput::first(&web(), &notices, Some("ecs-svc/2".into()), instant(SINCE))
    }

    fn summary(judgement: Judgement) -> String {
        match judgement {
            Judgement::Completed(proof) => format!("completed: {proof}"),
            Judgement::Skipped(cause, reason) => format!("skipped ({}): {reason}", cause.word()),
            Judgement::Rolling(reason) => format!("rolling: {reason}"),
            Judgement::Attention { reason, .. } => format!("attention: {reason}"),
        }
    }

    #[test]
    fn tasks_are_read_once_they_matter() {
        let ours = |progress| service_with(&[], vec![rollout("ecs-svc/2", SINCE, progress)]);
        let rolling = || ours(Progress::InProgress);
        let rows = [
            (rolling(), "2026-11-27T22:02:00Z", false),
            (rolling(), "2026-11-27T22:29:00Z", false),
            (rolling(), "2026-11-27T22:30:00Z", true), // it may be stuck
            (ServiceState { has_hooks: true, ..rolling() }, "2026-11-27T22:02:00Z", true),
            (ours(Progress::Completed), "2026-11-27T22:02:00Z", true),
            (service_with(&[], vec![]), "2026-11-27T22:02:00Z", true),
            (
                service_with(&[], vec![rollout("ecs-svc/3", "2026-12-02T15:50:00Z", Progress::InProgress)]),
                "2026-12-02T16:00:00Z",
                true,
            ),
        ];
        for (state, now, expected) in rows {
            assert_eq!(
                tasks_matter(&input(), &state, &Policy::default(), instant(now)),
                expected,
                "{now} {state:?}"
            );
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table, whose rows are the rules")]
    fn every_state_has_its_judgement() {
        use Progress::{Completed, Failed, InProgress};
        let ours = |progress| rollout("ecs-svc/2", "2026-11-27T22:00:00Z", progress);
        let before =
            |progress| Rollout { primary: false, ..rollout("ecs-svc/1", "2026-11-01T00:00:00Z", progress) };
        let with = |mut rollout: Rollout, reason: &str, failed_tasks| {
            rollout.reason = Some(reason.into());
            rollout.failed_tasks = failed_tasks;
            rollout
        };
        let event = |mut state: ServiceState, at: &str, text: &str| {
            state.events.push(ServiceEvent { at: instant(at), text: text.into() });
            state
        };
        let soon = "2026-11-27T22:02:00Z";
        let later = "2026-11-27T22:40:00Z";
        let deadline = "2026-12-02T16:00:00Z";
        let someone = rollout("ecs-svc/3", "2026-11-28T09:00:00Z", Completed);
        let back = with(
            rollout("ecs-svc/3", "2026-11-27T22:20:00Z", Completed),
            "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.",
            0,
        );
        let rows = [
            (None, soon, "skipped (gone): the service no longer exists"),
            (
                Some(ServiceState { desired_count: 0, ..service_with(&[], vec![]) }),
                soon,
                "skipped (scaled-to-zero): the service's desired count is 0",
            ),
            (
                Some(service_with(&[OLD, NEW], vec![ours(InProgress), before(Progress::Unknown)])),
                soon,
                "rolling: deployment ecs-svc/2 is rolling out; 1 of 2 running tasks was created before Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(service_with(&[NEW, NEW], vec![ours(InProgress)])),
                soon,
                "rolling: deployment ecs-svc/2 is rolling out; 0 of 2 running tasks were created before Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(service_with(&[NEW, NEW], vec![ours(Completed)])),
                soon,
                "completed: all 2 running tasks were created by deployment ecs-svc/2 after Wed 25 Nov 2026 18:00:00 UTC, \
                 the oldest at Fri 27 Nov 2026 22:01:00 UTC",
            ),
            (
                Some(service_with(&["2026-11-28T09:01:00Z"], vec![someone.clone()])),
                "2026-11-28T10:00:00Z",
                "completed: the running task was created by deployment ecs-svc/3 (which replaced ecs-svc/2) after \
                 Wed 25 Nov 2026 18:00:00 UTC, the oldest at Sat 28 Nov 2026 09:01:00 UTC",
            ),
            // ECS may not show the deployment yet, and may still list tasks that are stopping.
            (
                Some(service_with(&[OLD, OLD], vec![rollout("ecs-svc/1", OLD, Completed)])),
                soon,
                "rolling: waiting for tasks to run; 2 of 2 running tasks were created before Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(service_with(&[OLD, OLD], vec![rollout("ecs-svc/1", OLD, Completed)])),
                later,
                "attention: deployment ecs-svc/2 no longer exists: it was rolled back or replaced; 2 of 2 running tasks \
                 were created before Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(service_with(&[OLD, OLD], vec![with(ours(Failed), "tasks failed to start.", 3)])),
                soon,
                "attention: deployment ecs-svc/2 failed: tasks failed to start; 2 of 2 running tasks were created before \
                 Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(service_with(&[NEW, NEW], vec![with(ours(Failed), "tasks failed to start.", 3)])),
                soon,
                "attention: deployment ecs-svc/2 failed: tasks failed to start; 0 of 2 running tasks were created before \
                 Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(service_with(&[OLD, OLD], vec![back.clone()])),
                soon,
                "attention: deployment ecs-svc/2 was rolled back by deployment ecs-svc/3: ECS deployment circuit breaker: \
                 rolling back to deploymentId ecs-svc/1; 2 of 2 running tasks were created before Wed 25 Nov 2026 18:00 UTC",
            ),
            // The rollback itself replaced every task, so the service is patched.
            (
                Some(service_with(&[NEW, NEW], vec![back])),
                soon,
                "completed: all 2 running tasks were created by deployment ecs-svc/3 (which replaced ecs-svc/2) after \
                 Wed 25 Nov 2026 18:00:00 UTC, the oldest at Fri 27 Nov 2026 22:01:00 UTC; note that deployment ecs-svc/2 was \
                 rolled back by deployment ecs-svc/3: ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1",
            ),
            (
                Some(service_with(&[OLD, OLD], vec![with(ours(InProgress), "in progress", 3)])),
                later,
                "attention: deployment ecs-svc/2 is stuck: 3 tasks failed in a row; 2 of 2 running tasks were \
                 created before Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(event(
                    service_with(&[OLD, OLD], vec![ours(InProgress)]),
                    NEW,
                    "(service web) was unable to place a task.",
                )),
                later,
                "attention: deployment ecs-svc/2 is stuck: (service web) was unable to place a task; 2 of 2 running tasks \
                 were created before Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(event(
                    service_with(&[OLD, OLD], vec![ours(InProgress)]),
                    OLD,
                    "(service web) was unable to place a task.",
                )),
                later,
                "rolling: deployment ecs-svc/2 is rolling out; 2 of 2 running tasks were created before Wed 25 Nov 2026 18:00 UTC",
            ),
            // Its tasks get time to start.
            (
                Some(service_with(&[OLD, OLD], vec![with(ours(InProgress), "in progress", 3)])),
                "2026-11-27T22:29:00Z",
                "rolling: deployment ecs-svc/2 is rolling out; 2 of 2 running tasks were created before Wed 25 Nov 2026 18:00 UTC",
            ),
            // Somebody else's deployment that leaves old tasks is no rollback.
            (
                Some(service_with(
                    &[OLD],
                    vec![with(someone.clone(), "ECS deployment ecs-svc/3 completed.", 0)],
                )),
                "2026-11-28T10:00:00Z",
                "attention: deployment ecs-svc/2 no longer exists: it was rolled back or replaced; 1 of 1 running task was created \
                 before Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(service_with(&[OLD], vec![with(someone.clone(), "Rolled back by an operator.", 0)])),
                "2026-11-28T10:00:00Z",
                "attention: deployment ecs-svc/2 was rolled back by deployment ecs-svc/3: Rolled back by an operator; 1 of 1 \
                 running task was created before Wed 25 Nov 2026 18:00 UTC",
            ),
            // Blue/green: old and new tasks run during the bake time.
            (
                Some(service_with(&[OLD, NEW], vec![with(ours(InProgress), "baking", 0)])),
                "2026-11-28T09:00:00Z",
                "rolling: deployment ecs-svc/2 is rolling out; 1 of 2 running tasks was created before Wed 25 Nov 2026 18:00 UTC",
            ),
            (
                Some(service_with(&[OLD, NEW], vec![ours(InProgress)])),
                deadline,
                "attention: deployment ecs-svc/2 has not completed by Wed 2 Dec 2026 16:00 UTC; 1 of 2 running tasks was \
                 created before Wed 25 Nov 2026 18:00 UTC",
            ),
            (Some(service_with(&[], vec![ours(Completed)])), later, "rolling: waiting for tasks to run"),
        ];
        for (state, now, expected) in rows {
            let judgement = judge(&input(), state.as_ref(), None, &Policy::default(), instant(now));
            assert_eq!(summary(judgement), expected, "at {now}: {state:?}");
        }
    }

    #[test]
    fn a_codedeploy_deployment_is_judged_by_its_progress_and_by_the_tasks() {
        let code = |progress, error: Option<&str>| CodeDeployment {
            id: "d-2".into(),
            application: "app".into(),
            group: "group".into(),
            created_at: Some(instant(SINCE)),
            progress,
            error: error.map(str::to_owned),
            revision: Revision::Content(String::new()),
        };
        let input = CheckInput { deployment: Some("d-2".into()), ..input() };
        let rows = [
            (
                CodeProgress::InProgress,
                None,
                &[OLD, NEW][..],
                "rolling: CodeDeploy deployment d-2 is rolling out; 1 of 2",
            ),
            // All tasks are new, but CodeDeploy has not finished.
            (
                CodeProgress::InProgress,
                None,
                &[NEW, NEW],
                "rolling: CodeDeploy deployment d-2 is rolling out; 0 of 2",
            ),
            (
                CodeProgress::Succeeded,
                None,
                &[NEW, NEW],
                "completed: all 2 running tasks were created by deployment d-2 after",
            ),
            (
                CodeProgress::Failed,
                Some("hook failed"),
                &[OLD],
                "attention: CodeDeploy deployment d-2 failed: hook failed; 1 of 1",
            ),
            (CodeProgress::Succeeded, None, &[OLD], "attention: no deployment is in progress, and 1 of 1"),
            (CodeProgress::Succeeded, None, &[], "rolling: waiting for tasks to run"),
        ];
        for (progress, error, tasks, expected) in rows {
            let state = service_with(tasks, Vec::new());
            let code = code(progress, error);
            let found = summary(judge(
                &input,
                Some(&state),
                Some(&code),
                &Policy::default(),
                instant("2026-11-27T22:10:00Z"),
            ));
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn a_pause_for_a_person_is_a_problem_at_once_and_each_pause_is_reported_once() {
        let pause = |hook: &str| Pause {
            hook: hook.into(),
            deployment_arn: "arn:sd/2".into(),
            expires_at: Some(instant("2026-11-28T10:00:00Z")),
            then_continues: false,
        };
        let judged = |hook: &str, now: &str| {
            let mut state =
                service_with(&[OLD, NEW], vec![rollout("ecs-svc/2", SINCE, Progress::InProgress)]);
            state.pause = Some(pause(hook));
            judge(&input(), Some(&state), None, &Policy::default(), instant(now))
        };
        let Judgement::Attention { reason, problem, .. } = judged("1", "2026-11-27T22:02:00Z") else {
            panic!("not reported");
        };
        assert_eq!(
            reason,
            "deployment ecs-svc/2 is paused by a lifecycle hook until someone continues it; ECS rolls it back on \
             Sat 28 Nov 2026 10:00 UTC; 1 of 2 running tasks was created before Wed 25 Nov 2026 18:00 UTC"
        );
        assert!(!problem.is_known(&input()));
        let notified = problem.clone().noted(&input());
        assert!(problem.is_known(&notified));
        assert!(!Problem::Paused("2".into()).is_known(&notified), "a second pause is reported");
        assert!(!Problem::Failed.is_known(&notified), "a failure after a pause is reported");
        let late = judged("1", "2026-12-02T16:00:00Z");
        assert!(matches!(late, Judgement::Attention { problem: Problem::Late, .. }), "{late:?}");
    }

    #[test]
    fn the_owner_is_notified_of_each_kind_of_problem_once() {
        let (failed, late) = (Problem::Failed.noted(&input()), Problem::Late.noted(&input()));
        assert!(Problem::Failed.is_known(&failed) && Problem::Late.is_known(&failed));
        assert!(
            Problem::Late.is_known(&late) && !Problem::Failed.is_known(&late),
            "a failure after all is news"
        );
        assert!(!Problem::Late.is_known(&input()));
    }

    #[test]
    fn a_deployment_that_starts_after_the_deadline_gets_time_to_complete() {
        let since = instant("2026-12-02T17:00:00Z");
        let input = CheckInput { since, ..input() };
        let state = service_with(
            &[OLD, NEW],
            vec![rollout("ecs-svc/2", "2026-12-02T17:00:00Z", Progress::InProgress)],
        );
        let judged = |now| judge(&input, Some(&state), None, &Policy::default(), now);
        assert!(matches!(judged(since + LEAST_TIME - TimeDelta::seconds(1)), Judgement::Rolling(_)));
        assert!(matches!(judged(since + LEAST_TIME), Judgement::Attention { problem: Problem::Late, .. }));
    }

    #[test]
    fn a_crash_loop_with_new_tasks_in_between_is_reported_while_failures_grow() {
        let crash_looping =
            |failed_tasks| Rollout { failed_tasks, ..rollout("ecs-svc/2", SINCE, Progress::InProgress) };
        let now = instant("2026-11-27T22:32:00Z");
        let judged = |failed_tasks, before| {
            let input = CheckInput { failed_tasks: before, ..input() };
            judge(
                &input,
                Some(&service_with(&[OLD, NEW], vec![crash_looping(failed_tasks)])),
                None,
                &Policy::default(),
                now,
            )
        };
        for (failed_tasks, before, reported) in [(9, 4, true), (3, 0, true), (2, 0, false), (9, 9, false)] {
            let found = judged(failed_tasks, before);
            assert_eq!(
                matches!(found, Judgement::Attention { problem: Problem::Failed, .. }),
                reported,
                "{found:?}"
            );
        }
    }
}
