//! Helpers for the unit tests of this crate.

use chrono::{DateTime, Utc};

use crate::{
    arn::ServiceRef,
    notice::NoticeRef,
    policy::{
        Policy,
        settings::{ConfigError, Settings},
    },
    schedule::{control::Control, wake::DeployInput},
    service::{Controller, Progress, Rollout, ServiceState},
};

/// Parses an RFC 3339 instant.
pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("test data: a valid instant")
}

/// The policy that these environment variables configure.
pub(crate) fn policy(parameters: &[(&str, &str)]) -> Policy {
    read(parameters).expect("test data: valid parameters")
}

/// The error that these environment variables cause.
pub(crate) fn faults(parameters: &[(&str, &str)]) -> String {
    read(parameters).expect_err("test data: invalid parameters").to_string()
}

fn read(parameters: &[(&str, &str)]) -> Result<Policy, ConfigError> {
    let lookup =
        |name: &str| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let mut settings = Settings::new(&lookup);
    let policy = settings.policy();
    settings.finish(policy)
}

/// The service `prod/web`.
pub(crate) fn web() -> ServiceRef {
    ServiceRef::new("prod", "web").expect("test data: valid names")
}

/// The deployment of `prod/web` that is planned for these notices on a Friday night.
pub(crate) fn planned_for(notices: Vec<NoticeRef>) -> DeployInput {
    DeployInput {
        service: web(),
        notices,
        slot: instant("2026-11-27T22:00:00Z"),
        window_ends_at: instant("2026-11-28T02:00:00Z"),
        windows: None,
        zone: None,
        fallback: false,
        spread_minutes: None,
        attempt: 0,
        scheduled_for: None,
        woken: Some(0),
        control: Control::default(),
    }
}

/// An active service under ECS, with tasks that were created at these times.
pub(crate) fn service_with(tasks: &[&str], deployments: Vec<Rollout>) -> ServiceState {
    ServiceState {
        status: "ACTIVE".into(),
        desired_count: 2,
        controller: Controller::Ecs,
        deployments,
        tasks: tasks.iter().map(|task| Some(instant(task))).collect(),
        images: Vec::new(),
        starting: 0,
        events: Vec::new(),
        task_definition: None,
        tags: Vec::new(),
        has_hooks: false,
        pause: None,
    }
}

/// The primary deployment of a service.
pub(crate) fn rollout(id: &str, created_at: &str, progress: Progress) -> Rollout {
    Rollout {
        id: id.into(),
        primary: true,
        created_at: Some(instant(created_at)),
        progress,
        reason: None,
        failed_tasks: 0,
    }
}
