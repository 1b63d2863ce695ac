//! What deploy does when a schedule wakes it: read the service, then decide.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{code_deploy, date, entity::ServiceRef};

/// A service as ECS describes it, reduced to what decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// How many tasks should run.
    pub desired_count: i32,
    /// Who replaces its tasks.
    pub controller: Controller,
    /// Its deployments.
    pub deployments: Vec<Rollout>,
    /// When each of its running tasks was created, where ECS says so. Empty for a service that is not
    /// active.
    pub tasks: Vec<Option<DateTime<Utc>>>,
    /// How many tasks are about to run.
    pub starting: usize,
    /// What ECS reports about it, newest first.
    pub events: Vec<ServiceEvent>,
    /// The ARN of its task definition, where ECS deploys it.
    pub task_definition: Option<String>,
    /// Its tags, as keys and values.
    pub tags: Vec<(String, String)>,
}

impl ServiceState {
    /// How many running tasks are on the old revision: those created up to `cutoff`.
    ///
    /// New tasks start on the newest revision always, so their age is the proof. One whose age ECS does not
    /// tell counts as old.
    #[must_use]
    pub fn old_tasks(&self, cutoff: DateTime<Utc>) -> usize {
        self.tasks.iter().filter(|created_at| !is_after(**created_at, cutoff)).count()
    }

    /// The deployment that is replacing tasks, the newest if there are several.
    #[must_use]
    pub fn rolling(&self) -> Option<&Rollout> {
        let rolling = self.deployments.iter().filter(|rollout| rollout.progress == Progress::InProgress);
        rolling.max_by_key(|rollout| rollout.created_at)
    }

    /// The service, if it has tasks to patch.
    ///
    /// # Errors
    /// Says why there is nothing to patch.
    pub fn to_patch(state: Option<&Self>) -> Result<&Self, (Cause, String)> {
        let state = state.ok_or_else(|| (Cause::Gone, "the service is gone".to_owned()))?;
        if state.status != "ACTIVE" {
            return Err((Cause::Gone, format!("the service is {}", state.status)));
        }
        if state.desired_count == 0 {
            let reason = "the service's desired count is 0: no task is to be patched";
            return Err((Cause::ScaledToZero, reason.to_owned()));
        }
        Ok(state)
    }
}

fn is_after(created_at: Option<DateTime<Utc>>, cutoff: DateTime<Utc>) -> bool {
    created_at.is_some_and(|created_at| created_at > cutoff)
}

/// The service's deployment controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Amazon ECS: rolling, and native blue/green, linear and canary.
    Ecs,
    /// AWS CodeDeploy, with what it runs now.
    CodeDeploy(Option<TaskSet>),
    /// Somebody's own tool, with what it runs now.
    External(Option<TaskSet>),
    /// One that did not exist when this was written.
    Unknown(String),
}

/// What a service with task sets runs: the primary one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSet {
    /// The id of the CodeDeploy deployment that made it, from which application and group are found.
    pub deployment: Option<String>,
    /// Who started it.
    pub started_by: Option<String>,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// The container and its port behind the load balancer.
    pub container: Option<(String, i32)>,
    /// Its platform version, such as `LATEST` or `1.4.0`.
    pub platform_version: Option<String>,
    /// Its capacity providers, with base and weight.
    pub capacity_providers: Vec<(String, i32, i32)>,
}

/// One deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Its id.
    pub id: String,
    /// Its tasks are those that ECS wants to run.
    pub primary: bool,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// How far it is.
    pub progress: Progress,
    /// What ECS says about its progress.
    pub reason: Option<String>,
    /// How many tasks failed to start in a row.
    pub failed_tasks: i32,
}

/// How far a deployment is: its `rolloutState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// ECS is replacing tasks.
    InProgress,
    /// All tasks were replaced.
    Completed,
    /// It failed. ECS says so only with the circuit breaker or alarms on.
    Failed,
    /// ECS does not tell.
    Unknown,
}

/// Something that ECS reports about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub text: String,
}

/// Why nothing is done, in a word to count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// There is no such service any more.
    Gone,
    /// No task should run.
    ScaledToZero,
    /// Every task is new.
    Patched,
    /// A deployment is making every task new.
    Rolling,
    /// The notice is about another account or Region.
    NotOurs,
    /// The task has stopped.
    Stopped,
    /// No window fits before the deadline.
    NoWindow,
    /// The notice is closed, and nothing was pending.
    NothingPending,
    /// The service's tag says that it is not to be redeployed.
    OptedOut,
    /// It would be redeployed, were it not only observed.
    Observed,
}

impl Cause {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::ScaledToZero => "scaled-to-zero",
            Self::Patched => "patched",
            Self::Rolling => "rolling",
            Self::NotOurs => "not-ours",
            Self::Stopped => "stopped",
            Self::NoWindow => "no-window",
            Self::NothingPending => "nothing-pending",
            Self::OptedOut => "opted-out",
            Self::Observed => "observed",
        }
    }
}

/// What to do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: there is nothing to patch.
    Skip(Cause, String),
    /// Nothing but to verify: it is patched, or about to be by this deployment.
    Verify(Cause, String, Option<String>),
    /// Force a new deployment.
    Force(String),
    /// Deploy what this task set runs once more, with CodeDeploy.
    CodeDeploy(String, TaskSet),
    /// Not now.
    Wait(String),
    /// A person must act.
    Ask {
        /// Why it cannot be done here.
        reason: String,
        /// What they can run.
        command: String,
    },
}

impl Decision {
    /// What would be done, for a service that is only observed.
    #[must_use]
    pub fn would(&self) -> String {
        match self {
            Self::Skip(_, reason) | Self::Verify(_, reason, _) => format!("nothing would be done: {reason}"),
            Self::Force(reason) => format!("a new deployment would be forced: {reason}"),
            Self::CodeDeploy(reason, _) => format!("it would be deployed with CodeDeploy: {reason}"),
            Self::Wait(reason) => format!("it would wait: {reason}"),
            Self::Ask { reason, .. } => format!("a person would be asked: {reason}"),
        }
    }
}

/// For how long tasks may be those of a delivery before this one, which did not come to hand them to verify.
const JUST_STARTED: TimeDelta = TimeDelta::minutes(15);

/// Decides what becomes of a service whose tasks created up to `cutoff` are on the old revision. `state` is
/// nothing where ECS knows no such service.
#[must_use]
pub fn decide(
    service: &ServiceRef,
    state: Option<&ServiceState>,
    cutoff: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Decision {
    let state = match ServiceState::to_patch(state) {
        Ok(state) => state,
        Err((cause, reason)) => return Decision::Skip(cause, reason),
    };
    let (old, all) = (state.old_tasks(cutoff), state.tasks.len());
    let rolling = state.rolling();
    if all == 0 {
        let reason = "no task is running: new ones start on the new revision".to_owned();
        return Decision::Verify(Cause::Patched, reason, rolling.map(|rollout| rollout.id.clone()));
    }
    if old == 0 {
        let reason = format!(
            "all {all} running task(s) were created after {}: they are on the new revision",
            date::precise(cutoff)
        );
        let just_started = state.tasks.iter().flatten().any(|created_at| *created_at > now - JUST_STARTED);
        if rolling.is_none() && !just_started {
            return Decision::Skip(Cause::Patched, reason);
        }
        return Decision::Verify(Cause::Patched, reason, rolling.map(|rollout| rollout.id.clone()));
    }
    if let Some(rollout) = rolling {
        let (id, date) = (&rollout.id, date::utc(cutoff));
        if is_after(rollout.created_at, cutoff) {
            let reason = format!("deployment {id}, created after {date}, is replacing the tasks");
            return Decision::Verify(Cause::Rolling, reason, Some(id.clone()));
        }
        return Decision::Wait(format!("deployment {id}, created before {date}, is still rolling out"));
    }
    let why = format!("{old} of {all} running task(s) were created before {}", date::utc(cutoff));
    match &state.controller {
        Controller::Ecs => Decision::Force(why),
        Controller::CodeDeploy(Some(running)) => Decision::CodeDeploy(why, running.clone()),
        Controller::CodeDeploy(None) => Decision::Ask {
            reason: format!("{why}, and the deployment controller is CODE_DEPLOY, but ECS names no task set"),
            command: external_command(service),
        },
        Controller::External(set) => Decision::Ask {
            reason: format!(
                "{why}, and the deployment controller is EXTERNAL, which ECS cannot force: its task set was started by {:?} \
                 from {}",
                set.as_ref().and_then(|set| set.started_by.as_deref()).unwrap_or("unknown"),
                set.as_ref().map_or("an unknown task definition", |set| &set.task_definition),
            ),
            command: external_command(service),
        },
        Controller::Unknown(name) => Decision::Ask {
            reason: format!("{why}, and the deployment controller is {name}, which is not known here"),
            command: external_command(service),
        },
    }
}

/// What a person can run to have a service deployed once more, whoever deploys it.
#[must_use]
pub fn deploy_command(service: &ServiceRef, controller: &Controller) -> String {
    match controller {
        Controller::Ecs => force_command(service),
        Controller::CodeDeploy(Some(TaskSet { deployment: Some(id), .. })) => code_deploy::command(id),
        Controller::CodeDeploy(_) | Controller::External(_) | Controller::Unknown(_) => {
            external_command(service)
        }
    }
}

fn force_command(service: &ServiceRef) -> String {
    let (cluster, name) = (service.cluster(), service.service());
    format!("aws ecs update-service --cluster {cluster} --service {name} --force-new-deployment")
}

fn external_command(service: &ServiceRef) -> String {
    format!(
        "aws ecs describe-services --cluster {} --services {} --query 'services[0].taskSets'  # then let the tool \
         that made these task sets replace them with new ones of the same task definition",
        service.cluster(),
        service.service()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTOFF: &str = "2026-11-25T18:00:00Z";
    const NOW: &str = "2026-11-27T22:00:00Z";

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

    fn web() -> ServiceRef {
        ServiceRef::new("prod", "web").expect("names of the test")
    }

    fn service(tasks: &[&str]) -> ServiceState {
        ServiceState {
            status: "ACTIVE".into(),
            desired_count: 2,
            controller: Controller::Ecs,
            deployments: vec![rollout("2026-11-01T00:00:00Z", Progress::Completed)],
            tasks: tasks.iter().map(|task| Some(instant(task))).collect(),
            starting: 0,
            events: Vec::new(),
            task_definition: None,
            tags: Vec::new(),
        }
    }

    fn rollout(created_at: &str, progress: Progress) -> Rollout {
        Rollout {
            id: "ecs-svc/1".into(),
            primary: true,
            created_at: Some(instant(created_at)),
            progress,
            reason: None,
            failed_tasks: 0,
        }
    }

    fn task_set() -> TaskSet {
        TaskSet {
            deployment: Some("d-1".into()),
            started_by: Some("my-tool".into()),
            task_definition: "arn:task-definition/web:7".into(),
            container: None,
            platform_version: None,
            capacity_providers: Vec::new(),
        }
    }

    fn told(decision: Decision) -> String {
        match decision {
            Decision::Skip(cause, reason) => format!("skip ({}): {reason}", cause.word()),
            Decision::Verify(cause, reason, deployment) => {
                format!("verify ({}) {}: {reason}", cause.word(), deployment.unwrap_or_default())
            }
            Decision::Force(reason) => format!("force: {reason}"),
            Decision::CodeDeploy(reason, _) => format!("CodeDeploy: {reason}"),
            Decision::Wait(reason) => format!("wait: {reason}"),
            Decision::Ask { reason, .. } => format!("ask: {reason}"),
        }
    }

    #[test]
    fn every_state_of_a_service_has_its_decision() {
        use Progress::{Completed, Failed, InProgress};
        let old = "2026-11-20T00:00:00Z";
        let new = "2026-11-25T18:00:01Z";
        let with = |change: &dyn Fn(&mut ServiceState)| {
            let mut state = service(&[old, new]);
            change(&mut state);
            Some(state)
        };
        let one_old = "1 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC";
        let rows = [
            (None, "skip (gone): the service is gone".to_owned()),
            (with(&|state| state.status = "DRAINING".into()), "skip (gone): the service is DRAINING".to_owned()),
            (with(&|state| state.status = "INACTIVE".into()), "skip (gone): the service is INACTIVE".to_owned()),
            (
                with(&|state| state.desired_count = 0),
                "skip (scaled-to-zero): the service's desired count is 0: no task is to be patched".to_owned(),
            ),
            (
                Some(service(&[new, new])),
                "skip (patched): all 2 running task(s) were created after Wed 2026-11-25 18:00:00 UTC: they are on the \
                 new revision"
                    .to_owned(),
            ),
            // Perhaps by a delivery that did not come to hand them to verify.
            (
                Some(service(&[new, "2026-11-27T21:58:00Z"])),
                "verify (patched) : all 2 running task(s) were created after Wed 2026-11-25 18:00:00 UTC: they are on \
                 the new revision"
                    .to_owned(),
            ),
            (
                Some(service(&[])),
                "verify (patched) : no task is running: new ones start on the new revision".to_owned(),
            ),
            (
                Some(service(&[CUTOFF])),
                "force: 1 of 1 running task(s) were created before Wed 2026-11-25 18:00 UTC".to_owned(),
            ),
            (with(&|_| {}), format!("force: {one_old}")),
            (
                with(&|state| state.tasks.push(None)),
                "force: 2 of 3 running task(s) were created before Wed 2026-11-25 18:00 UTC".to_owned(),
            ),
            (
                with(&|state| state.deployments.push(rollout(new, InProgress))),
                "verify (rolling) ecs-svc/1: deployment ecs-svc/1, created after Wed 2026-11-25 18:00 UTC, is replacing \
                 the tasks"
                    .to_owned(),
            ),
            // It failed or was rolled back: the old tasks are still there.
            (with(&|state| state.deployments.push(rollout(new, Failed))), format!("force: {one_old}")),
            (with(&|state| state.deployments.push(rollout(new, Completed))), format!("force: {one_old}")),
            (
                with(&|state| state.deployments.push(rollout(old, InProgress))),
                "wait: deployment ecs-svc/1, created before Wed 2026-11-25 18:00 UTC, is still rolling out".to_owned(),
            ),
            (
                with(&|state| state.controller = Controller::CodeDeploy(Some(task_set()))),
                format!("CodeDeploy: {one_old}"),
            ),
            (
                with(&|state| state.controller = Controller::CodeDeploy(None)),
                format!("ask: {one_old}, and the deployment controller is CODE_DEPLOY, but ECS names no task set"),
            ),
            (
                with(&|state| state.controller = Controller::External(Some(task_set()))),
                format!(
                    "ask: {one_old}, and the deployment controller is EXTERNAL, which ECS cannot force: its task set was \
                     started by \"my-tool\" from arn:task-definition/web:7"
                ),
            ),
            (
                with(&|state| state.controller = Controller::Unknown("NEW".into())),
                format!("ask: {one_old}, and the deployment controller is NEW, which is not known here"),
            ),
        ];
        for (state, expected) in rows {
            assert_eq!(told(decide(&web(), state.as_ref(), instant(CUTOFF), instant(NOW))), expected);
        }
    }

    #[test]
    fn a_person_gets_a_command_for_what_ecs_cannot_force() {
        let state =
            ServiceState { controller: Controller::External(None), ..service(&["2026-11-20T00:00:00Z"]) };
        let Decision::Ask { command, .. } = decide(&web(), Some(&state), instant(CUTOFF), instant(NOW))
        else {
            panic!("expected a question");
        };
        assert!(command.starts_with("aws ecs describe-services --cluster prod --services web "), "{command}");
        assert!(command.contains("taskSets"), "{command}");
    }

    #[test]
    fn a_patched_service_is_left_alone_whatever_deploys_it() {
        for controller in [Controller::CodeDeploy(Some(task_set())), Controller::External(None)] {
            let state = ServiceState { controller, ..service(&["2026-11-26T00:00:00Z"]) };
            let decision = decide(&web(), Some(&state), instant(CUTOFF), instant(NOW));
            assert!(matches!(decision, Decision::Skip(Cause::Patched, _)), "{decision:?}");
        }
    }
}
