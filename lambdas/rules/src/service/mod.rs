//! The state of a service, reduced to what the rules need.

pub mod code_deploy;
pub mod command;
pub mod image;
pub mod permission;

use chrono::{DateTime, Utc};

use crate::{
    outcome::Cause,
    time::instant::{utc, utc_seconds},
    wording::{plural, was},
};

/// The state of a service, as ECS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// The desired number of tasks.
    pub desired_count: i32,
    /// The deployment controller.
    pub controller: Controller,
    /// The deployments.
    pub deployments: Vec<Rollout>,
    /// When each running task was created, if ECS says. Empty if the service is not active.
    pub tasks: Vec<Option<DateTime<Utc>>>,
    /// The images of the running tasks with their digests, as far as ECS reports them: `IMAGE@DIGEST`.
    pub images: Vec<String>,
    /// The number of tasks that are starting.
    pub starting: usize,
    /// The service events, newest first.
    pub events: Vec<ServiceEvent>,
    /// The ARN of the task definition, if ECS deploys the service.
    pub task_definition: Option<String>,
    /// The tags, as keys and values.
    pub tags: Vec<(String, String)>,
    /// Whether its deployments have lifecycle hooks.
    pub has_hooks: bool,
    /// The lifecycle hook at which its deployment waits for a person. `None` also if nobody asked.
    pub pause: Option<Pause>,
}

impl ServiceState {
    /// The number of running tasks on the old revision: those created at or before `cutoff`.
    ///
    /// New tasks always start on the latest platform version revision, so the creation time decides
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-fargate.html>). A task without a
    /// creation time counts as old.
    #[must_use]
    pub fn old_tasks(&self, cutoff: DateTime<Utc>) -> usize {
        self.tasks.iter().filter(|created_at| !is_after(**created_at, cutoff)).count()
    }

    /// The number of old tasks as text, such as `1 of 2 running tasks was created before Wed 25 Nov 2026 18:00 UTC`.
    #[must_use]
    pub fn describe_old_tasks(&self, cutoff: DateTime<Utc>) -> String {
        let (old, all) = (self.old_tasks(cutoff), self.tasks.len());
        format!("{old} of {all} {} {} created before {}", plural(all, "running task"), was(old), utc(cutoff))
    }

    /// The deployment that is in progress; the newest if there are several.
    #[must_use]
    pub fn rolling(&self) -> Option<&Rollout> {
        let rolling = self.deployments.iter().filter(|rollout| rollout.progress == Progress::InProgress);
        rolling.max_by_key(|rollout| rollout.created_at)
    }

    /// The reason why no task needs to be replaced. `None` if a task is old.
    #[must_use]
    pub fn all_new(&self, cutoff: DateTime<Utc>) -> Option<String> {
        match self.tasks.len() {
            0 => Some("no task is running; new tasks start on the new revision".to_owned()),
            _ if self.old_tasks(cutoff) > 0 => None,
            all => Some(format!(
                "{} running {} {} created after {}, on the new revision",
                if all == 1 { "the".to_owned() } else { format!("all {all}") },
                plural(all, "task"),
                was(all),
                utc_seconds(cutoff)
            )),
        }
    }

    /// The reason why a service counts as patched: no task is old, and no deployment is in progress. `None` if it
    /// does not.
    #[must_use]
    pub fn patched(state: Option<&Self>, cutoff: DateTime<Utc>) -> Option<String> {
        let is_settled = state.is_some_and(|state| state.rolling().is_none());
        Self::renewed(state, cutoff).filter(|_| is_settled)
    }

    /// The reason why no deployment of ours is needed: no task is old, whatever someone else deploys. A rollback starts new
    /// tasks, too. `None` if one is needed.
    #[must_use]
    pub fn renewed(state: Option<&Self>, cutoff: DateTime<Utc>) -> Option<String> {
        Self::to_patch(state).ok()?.all_new(cutoff)
    }

    /// Returns the service if it is active and should run tasks.
    ///
    /// # Errors
    /// Says why there is nothing to patch.
    pub fn to_patch(state: Option<&Self>) -> Result<&Self, (Cause, String)> {
        let state = state.ok_or_else(|| (Cause::Gone, "the service no longer exists".to_owned()))?;
        if state.status != "ACTIVE" {
            return Err((Cause::Gone, format!("the service is {}", state.status)));
        }
        if state.desired_count == 0 {
            return Err((Cause::ScaledToZero, "the service's desired count is 0".to_owned()));
        }
        Ok(state)
    }
}

/// Whether something was created after `cutoff`. `false` if its creation time is unknown.
#[must_use]
pub fn is_after(created_at: Option<DateTime<Utc>>, cutoff: DateTime<Utc>) -> bool {
    created_at.is_some_and(|created_at| created_at > cutoff)
}

/// The service's deployment controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Amazon ECS: rolling update, and native blue/green, linear and canary.
    Ecs,
    /// AWS CodeDeploy, with the primary task set.
    CodeDeploy(Option<TaskSet>),
    /// An external tool, with the primary task set.
    External(Option<TaskSet>),
    /// A controller that this version does not know.
    Unknown(String),
}

/// The primary task set of a service that uses task sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSet {
    /// The ID of the CodeDeploy deployment that created it. That deployment names the application and the group.
    pub deployment: Option<String>,
    /// The `startedBy` field: the tool that created it.
    pub started_by: Option<String>,
    /// The ARN of the task definition.
    pub task_definition: String,
    /// The container behind the load balancer and its port.
    pub container: Option<(String, i32)>,
    /// The platform version, such as `LATEST` or `1.4.0`.
    pub platform_version: Option<String>,
    /// The capacity providers, each with base and weight.
    pub capacity_providers: Vec<(String, i32, i32)>,
}

/// One deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// The deployment ID.
    pub id: String,
    /// Whether it is the primary deployment: the most recent one, whose tasks ECS keeps running.
    pub primary: bool,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// The progress.
    pub progress: Progress,
    /// The `rolloutStateReason`.
    pub reason: Option<String>,
    /// The number of consecutive tasks that failed to start.
    pub failed_tasks: i32,
}

/// A lifecycle hook at which a deployment waits until a person continues it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The hook ID. Every pause has its own.
    pub hook: String,
    /// The ARN of the service deployment.
    pub deployment_arn: String,
    /// When ECS stops waiting.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether ECS then continues the deployment. Otherwise ECS rolls it back.
    pub then_continues: bool,
}

impl Pause {
    /// Text such as `paused by a lifecycle hook until someone continues it; ECS rolls it back on …`.
    #[must_use]
    pub fn describe(&self) -> String {
        let then = if self.then_continues { "continues it" } else { "rolls it back" };
        let end = self.expires_at.map_or_else(String::new, |at| format!("; ECS {then} on {}", utc(at)));
        format!("paused by a lifecycle hook until someone continues it{end}")
    }
}

/// The `rolloutState` of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// ECS is replacing tasks.
    InProgress,
    /// All tasks were replaced.
    Completed,
    /// The deployment failed. ECS reports this only if the circuit breaker or deployment alarms are enabled.
    Failed,
    /// ECS reports no state.
    Unknown,
}

/// A service event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// When it was created.
    pub at: DateTime<Utc>,
    /// The message.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, rollout, service_with};

    const CUTOFF: &str = "2026-11-25T18:00:00Z";
    const NEW: &str = "2026-11-25T18:00:01Z";

    #[test]
    fn a_task_without_a_creation_time_or_created_at_the_cutoff_is_old() {
        let mut service = service_with(&[CUTOFF, NEW], vec![]);
        service.tasks.push(None);
        let cutoff = instant(CUTOFF);
        assert_eq!(service.old_tasks(cutoff), 2);
        let described = "2 of 3 running tasks were created before Wed 25 Nov 2026 18:00 UTC";
        assert_eq!(
            (service.describe_old_tasks(cutoff), service.all_new(cutoff)),
            (described.to_owned(), None)
        );
    }

    #[test]
    fn the_proof_counts_the_tasks() {
        let proof = |tasks: &[&str]| service_with(tasks, vec![]).all_new(instant(CUTOFF)).unwrap();
        let end = "created after Wed 25 Nov 2026 18:00:00 UTC, on the new revision";
        assert_eq!(proof(&[NEW]), format!("the running task was {end}"));
        assert_eq!(proof(&[NEW, NEW]), format!("all 2 running tasks were {end}"));
        assert_eq!(proof(&[]), "no task is running; new tasks start on the new revision");
    }

    #[test]
    fn a_service_counts_as_patched_once_nothing_is_rolling() {
        let with = |progress| service_with(&[NEW], vec![rollout("ecs-svc/1", NEW, progress)]);
        let patched = |state: &ServiceState| ServiceState::patched(Some(state), instant(CUTOFF)).is_some();
        assert!(patched(&with(Progress::Completed)));
        assert!(!patched(&with(Progress::InProgress)));
        assert!(!patched(&service_with(&[CUTOFF], vec![])));
        assert!(!patched(&ServiceState { desired_count: 0, ..with(Progress::Completed) }));
        assert_eq!(ServiceState::patched(None, instant(CUTOFF)), None);
    }

    #[test]
    fn the_newest_deployment_in_progress_is_the_one_that_rolls() {
        let rollouts = [
            rollout("old", CUTOFF, Progress::InProgress),
            rollout("new", NEW, Progress::InProgress),
            rollout("done", "2026-11-26T00:00:00Z", Progress::Completed),
        ];
        let service = service_with(&[], rollouts.to_vec());
        assert_eq!(service.rolling().map(|rollout| rollout.id.as_str()), Some("new"));
        assert!(is_after(Some(instant(NEW)), instant(CUTOFF)) && !is_after(None, instant(CUTOFF)));
        let pause = Pause {
            hook: "h".into(),
            deployment_arn: "arn".into(),
            expires_at: Some(instant(CUTOFF)),
            then_continues: true,
        };
        let text = "paused by a lifecycle hook until someone continues it; ECS continues it on Wed 25 Nov 2026 18:00 UTC";
        assert_eq!(pause.describe(), text);
        assert!(Pause { then_continues: false, ..pause }.describe().contains("ECS rolls it back on"));
    }
}
