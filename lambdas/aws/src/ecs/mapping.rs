//! From the SDK's types of Amazon ECS to those of the rules.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{
    Container, Deployment, DeploymentControllerType, DeploymentRolloutState, LoadBalancer, Service, Task,
};
use chrono::{DateTime, Utc};
use rules::service::{Controller, Progress, Rollout, ServiceEvent, ServiceState, TaskSet};

use super::TaskOrigin;

pub(super) fn instant(date: Option<&aws_sdk_ecs::primitives::DateTime>) -> Option<DateTime<Utc>> {
    let date = date?;
    DateTime::from_timestamp(date.secs(), date.subsec_nanos())
}

pub(super) fn origin(task: &Task) -> Option<TaskOrigin> {
    Some(TaskOrigin {
        id: task.task_arn()?.rsplit('/').next()?.to_owned(),
        group: task.group().unwrap_or_default().to_owned(),
        started_by: task.started_by().map(str::to_owned),
        task_definition: task.task_definition_arn().map(str::to_owned),
    })
}

pub(super) fn service_state(service: &Service) -> ServiceState {
    let controller = service.deployment_controller().map(aws_sdk_ecs::types::DeploymentController::r#type);
    // During a deployment there are two task sets. The primary one serves production traffic.
    let primary = || service.task_sets().iter().find(|set| set.status() == Some("PRIMARY")).map(task_set);
    ServiceState {
        status: service.status().unwrap_or_default().to_owned(),
        desired_count: service.desired_count(),
        controller: match controller {
            None | Some(DeploymentControllerType::Ecs) => Controller::Ecs,
            Some(DeploymentControllerType::CodeDeploy) => Controller::CodeDeploy(primary()),
            Some(DeploymentControllerType::External) => Controller::External(primary()),
            Some(other) => Controller::Unknown(other.as_str().to_owned()),
        },
        deployments: service.deployments().iter().map(rollout).collect(),
        tasks: Vec::new(),
        images: Vec::new(),
        starting: 0,
        events: service.events().iter().filter_map(event).collect(),
        task_definition: service.task_definition().map(str::to_owned),
        tags: tags(service),
        has_hooks: service
            .deployment_configuration()
            .is_some_and(|found| !found.lifecycle_hooks().is_empty()),
        pause: None,
    }
}

/// Adds the tasks of a service to its state.
pub(super) fn add_tasks(state: &mut ServiceState, tasks: &[Task]) {
    let starting =
        |task: &&Task| matches!(task.last_status(), Some("PROVISIONING" | "PENDING" | "ACTIVATING"));
    state.starting = tasks.iter().filter(starting).count();
    let running = || tasks.iter().filter(|task| !starting(task));
    state.tasks = running().map(|task| instant(task.created_at())).collect();
    let image = |container: &Container| Some(format!("{}@{}", container.image()?, container.image_digest()?));
    let images = running().flat_map(Task::containers).filter_map(image);
    state.images = images.collect::<BTreeSet<_>>().into_iter().collect();
}

pub(super) fn tags(service: &Service) -> Vec<(String, String)> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    service.tags().iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}

fn rollout(deployment: &Deployment) -> Rollout {
    Rollout {
        id: deployment.id().unwrap_or_default().to_owned(),
        primary: deployment.status() == Some("PRIMARY"),
        created_at: instant(deployment.created_at()),
        progress: match deployment.rollout_state() {
            Some(DeploymentRolloutState::InProgress) => Progress::InProgress,
            Some(DeploymentRolloutState::Completed) => Progress::Completed,
            Some(DeploymentRolloutState::Failed) => Progress::Failed,
            _ => Progress::Unknown,
        },
        reason: deployment.rollout_state_reason().map(str::to_owned),
        failed_tasks: deployment.failed_tasks(),
    }
}

fn task_set(set: &aws_sdk_ecs::types::TaskSet) -> TaskSet {
    let container =
        |balancer: &LoadBalancer| Some((balancer.container_name()?.to_owned(), balancer.container_port()?));
    TaskSet {
        deployment: set.external_id().map(str::to_owned),
        started_by: set.started_by().map(str::to_owned),
        task_definition: set.task_definition().unwrap_or_default().to_owned(),
        container: set.load_balancers().iter().find_map(container),
        platform_version: set.platform_version().map(str::to_owned),
        capacity_providers: set
            .capacity_provider_strategy()
            .iter()
            .map(|item| (item.capacity_provider().to_owned(), item.base(), item.weight()))
            .collect(),
    }
}

fn event(event: &aws_sdk_ecs::types::ServiceEvent) -> Option<ServiceEvent> {
    Some(ServiceEvent { at: instant(event.created_at())?, text: event.message()?.to_owned() })
}

/// Why a task stopped: the reason from ECS, then the reason or exit code of each container.
pub(super) fn stop_reason(task: &Task) -> Option<String> {
    let reason = task.stopped_reason()?;
    let containers = task.containers().iter().filter_map(|container| {
        let code = container.exit_code().map(|code| format!("exit code {code}"));
        let why = container.reason().map(str::to_owned).or(code)?;
        Some(format!("{}: {why}", container.name().unwrap_or("a container")))
    });
    Some(std::iter::once(reason.to_owned()).chain(containers).collect::<Vec<_>>().join("; "))
}
