//! What ECS says of a service, reduced to what decides.

pub mod code_deploy;
pub mod command;
pub mod image;

use chrono::{DateTime, Utc};

use crate::{
    outcome::Cause,
    time::instant::{utc, utc_seconds},
    wording::{plural, was},
};

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
    /// New tasks always start on the newest revision, so their age is the proof. A task whose age ECS does not
    /// give counts as old.
    #[must_use]
    pub fn old_tasks(&self, cutoff: DateTime<Utc>) -> usize {
        self.tasks.iter().filter(|created_at| !is_after(**created_at, cutoff)).count()
    }

    /// The old tasks, counted in words.
    #[must_use]
    pub fn counted(&self, cutoff: DateTime<Utc>) -> String {
        let (old, all) = (self.old_tasks(cutoff), self.tasks.len());
        format!("{old} of {all} {} {} created before {}", plural(all, "running task"), was(old), utc(cutoff))
    }

    /// The deployment that is replacing tasks, the newest if there are several.
    #[must_use]
    pub fn rolling(&self) -> Option<&Rollout> {
        let rolling = self.deployments.iter().filter(|rollout| rollout.progress == Progress::InProgress);
        rolling.max_by_key(|rollout| rollout.created_at)
    }

    /// Why no task needs to be replaced, if none does.
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

    /// The proof that a service is patched and nothing changes that, if it is.
    #[must_use]
    pub fn patched(state: Option<&Self>, cutoff: DateTime<Utc>) -> Option<String> {
        let state = Self::to_patch(state).ok()?;
        if state.rolling().is_some() { None } else { state.all_new(cutoff) }
    }

    /// The service, if it has tasks to patch.
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

/// Whether ECS says that something was created after `cutoff`.
#[must_use]
pub fn is_after(created_at: Option<DateTime<Utc>>, cutoff: DateTime<Utc>) -> bool {
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
