//! Amazon ECS: what runs, and the forced deployment.

use std::{collections::BTreeMap, time::Duration};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ecs::{
    Client,
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction, RetryPartition, TokenBucket},
    },
    error::ProvideErrorMetadata,
    operation::update_service::UpdateServiceError,
    types::{
        ContainerDefinition, Deployment, DeploymentControllerType, DeploymentRolloutState, DesiredStatus,
        LoadBalancer, Service, ServiceField, SettingName, Task,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use rules::{
    arn::ServiceRef,
    service::{Controller, Progress, Rollout, ServiceEvent, ServiceState, TaskSet, image::Container},
};

use crate::CallFailed;

/// `DescribeTasks` takes so many tasks in one call.
const TASKS_PER_CALL: usize = 100;

/// `DescribeServices` takes so many services in one call.
pub const SERVICES_PER_CALL: usize = 10;

/// The ECS of this account and Region.
#[derive(Clone, Debug)]
pub struct Ecs {
    client: Client,
}

/// Where a task comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOrigin {
    /// The task's id.
    pub id: String,
    /// `service:NAME` for a service's task; `family:NAME` or a free text for a stand-alone one.
    pub group: String,
    /// Who started it.
    pub started_by: Option<String>,
    /// The ARN of its task definition.
    pub task_definition: Option<String>,
}

/// What became of a forced deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forced {
    /// ECS accepted it.
    Started {
        /// The new deployment's id.
        deployment: Option<String>,
    },
    /// The service is gone or no longer active.
    Gone(String),
    /// ECS refuses it, and will refuse it again.
    Refused(String),
}

impl Ecs {
    /// The ECS of the SDK's account and Region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        let config = aws_sdk_ecs::config::Builder::from(sdk)
            // The default quota of retries is used up by a hundred throttled calls, and then fails at once.
            .retry_partition(RetryPartition::custom("ecs").token_bucket(TokenBucket::unlimited()).build())
            .build();
        Self::with_client(Client::from_conf(config))
    }

    /// The ECS that a client reaches.
    #[must_use]
    pub fn with_client(client: Client) -> Self {
        Self { client }
    }

    /// How long AWS waits between its notice and its date: the account's `fargateTaskRetirementWaitPeriod`,
    /// or nothing where it is no number of days.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn retirement_wait(&self) -> Result<Option<TimeDelta>, CallFailed> {
        let days = self.settings(SettingName::FargateTaskRetirementWaitPeriod).await?;
        let days = days.iter().find_map(|days| days.parse::<u16>().ok());
        Ok(days.map(|days| TimeDelta::days(days.into())))
    }

    /// Whether AWS aims for windows of its own: the account's `fargateEventWindows` is `enabled`.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn event_windows(&self) -> Result<bool, CallFailed> {
        Ok(self.settings(SettingName::FargateEventWindows).await?.iter().any(|value| value == "enabled"))
    }

    /// The values of an account setting, as it takes effect.
    async fn settings(&self, name: SettingName) -> Result<Vec<String>, CallFailed> {
        let call = self.client.list_account_settings().name(name).effective_settings(true);
        let answer = call.send().await.map_err(|error| CallFailed::new("ListAccountSettings", &error))?;
        Ok(answer.settings.unwrap_or_default().into_iter().filter_map(|setting| setting.value).collect())
    }

    /// The tags of those of these services of a cluster that ECS knows, by the services' names.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn tags(
        &self,
        cluster: &str,
        names: &[String],
    ) -> Result<BTreeMap<String, Vec<(String, String)>>, CallFailed> {
        let services = self.describe_services(cluster, names).await?;
        let tagged = |service: &Service| Some((service.service_name()?.to_owned(), tags(service)));
        Ok(services.iter().filter_map(tagged).collect())
    }

    /// The containers of a task definition.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn containers(&self, task_definition: &str) -> Result<Vec<Container>, CallFailed> {
        // What it serves for is no reason to keep a deployment waiting.
        let quickly = aws_sdk_ecs::config::Builder::new()
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(10)).build());
        let call = self.client.describe_task_definition().task_definition(task_definition);
        let answer = call.customize().config_override(quickly).send().await;
        let answer = answer.map_err(|error| CallFailed::new("DescribeTaskDefinition", &error))?;
        let containers = answer.task_definition().map_or(&[][..], |found| found.container_definitions());
        let container = |found: &ContainerDefinition| Container {
            name: found.name().unwrap_or_default().to_owned(),
            image: found.image().unwrap_or_default().to_owned(),
        };
        Ok(containers.iter().map(container).collect())
    }

    /// Where the tasks of one cluster come from. Those that ECS no longer knows are left out; without the
    /// cluster, that is all.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn origins(&self, cluster: &str, ids: &[String]) -> Result<Vec<TaskOrigin>, CallFailed> {
        Ok(self.describe_tasks(cluster, ids).await?.iter().filter_map(origin).collect())
    }

    async fn describe_tasks(&self, cluster: &str, tasks: &[String]) -> Result<Vec<Task>, CallFailed> {
        let mut found = Vec::new();
        for some in tasks.chunks(TASKS_PER_CALL) {
            let call = self.client.describe_tasks().cluster(cluster).set_tasks(Some(some.to_vec()));
            match call.send().await {
                Ok(answer) => found.extend(answer.tasks.unwrap_or_default()),
                Err(error) if error.code() == Some("ClusterNotFoundException") => return Ok(Vec::new()),
                Err(error) => return Err(CallFailed::new("DescribeTasks", &error)),
            }
        }
        Ok(found)
    }

    /// The names of the clusters.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn clusters(&self) -> Result<Vec<String>, CallFailed> {
        let mut arns = self.client.list_clusters().into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(arn) = arns.next().await {
            let arn = arn.map_err(|error| CallFailed::new("ListClusters", &error))?;
            names.extend(arn.rsplit('/').next().map(str::to_owned));
        }
        Ok(names)
    }

    /// Which of these names are active services of the cluster.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn active(&self, cluster: &str, names: &[String]) -> Result<Vec<String>, CallFailed> {
        let services = self.describe_services(cluster, names).await?.into_iter();
        let active = services.filter(|found| found.status() == Some("ACTIVE"));
        Ok(active.filter_map(|found| found.service_name).collect())
    }

    /// Those of these services of a cluster that ECS knows, with their tags.
    async fn describe_services(&self, cluster: &str, names: &[String]) -> Result<Vec<Service>, CallFailed> {
        let mut services = Vec::new();
        for some in names.chunks(SERVICES_PER_CALL) {
            let call = self.client.describe_services().cluster(cluster).set_services(Some(some.to_vec()));
            match call.include(ServiceField::Tags).send().await {
                Ok(answer) => services.extend(answer.services.unwrap_or_default()),
                Err(error) if error.code() == Some("ClusterNotFoundException") => return Ok(Vec::new()),
                Err(error) => return Err(CallFailed::new("DescribeServices", &error)),
            }
        }
        Ok(services)
    }

    /// The state of a service and the age of its running tasks, or nothing where ECS knows none.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn state(&self, service: &ServiceRef) -> Result<Option<ServiceState>, CallFailed> {
        let Some(found) = self.describe(service).await? else { return Ok(None) };
        let mut state = service_state(&found);
        if state.status == "ACTIVE" {
            let running = self.tasks(service, DesiredStatus::Running).await?;
            let tasks = self.describe_tasks(service.cluster(), &running).await?;
            let starting =
                |task: &&Task| matches!(task.last_status(), Some("PROVISIONING" | "PENDING" | "ACTIVATING"));
            state.starting = tasks.iter().filter(starting).count();
            let running = tasks.iter().filter(|task| !starting(task));
            state.tasks = running.map(|task| instant(task.created_at())).collect();
        }
        Ok(Some(state))
    }

    async fn describe(&self, service: &ServiceRef) -> Result<Option<Service>, CallFailed> {
        const CALL: &str = "DescribeServices";
        let call = self.client.describe_services().cluster(service.cluster()).services(service.service());
        let answer = match call.include(ServiceField::Tags).send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ClusterNotFoundException") => return Ok(None),
            Err(error) => return Err(CallFailed::new(CALL, &error)),
        };
        if let Some(found) = answer.services.unwrap_or_default().into_iter().next() {
            return Ok(Some(found));
        }
        match answer.failures.unwrap_or_default().first().map(|failure| failure.reason().unwrap_or_default())
        {
            Some("MISSING") => Ok(None),
            reason => Err(CallFailed::unexpected(CALL, format!("{service}: no answer, reason {reason:?}"))),
        }
    }

    /// What ECS tells about a service since `since` that may explain why it is not patched, most telling
    /// first: how its deployment ended, why tasks stopped, and its events. What cannot be read is said, and
    /// keeps nothing else back.
    pub async fn troubles(
        &self,
        service: &ServiceRef,
        events: &[ServiceEvent],
        since: DateTime<Utc>,
    ) -> Vec<String> {
        const EACH: usize = 3;
        let unread = |error: CallFailed| vec![format!("(not all could be read: {error})")];
        let ended = self.ended(service, since).await.unwrap_or_else(unread);
        let stopped = self.stopped(service, since).await.unwrap_or_else(unread);
        let events = events.iter().filter(|event| event.at >= since).map(|event| event.text.clone());
        ended.into_iter().chain(stopped.into_iter().take(EACH)).chain(events.take(EACH)).collect()
    }

    async fn ended(&self, service: &ServiceRef, since: DateTime<Utc>) -> Result<Vec<String>, CallFailed> {
        let call =
            self.client.list_service_deployments().cluster(service.cluster()).service(service.service());
        let answer = match call.send().await {
            Ok(answer) => answer,
            // Other controllers than ECS have none.
            Err(error) if error.code() == Some("UnsupportedFeatureException") => return Ok(Vec::new()),
            Err(error) => return Err(CallFailed::new("ListServiceDeployments", &error)),
        };
        let newest = answer
            .service_deployments()
            .iter()
            .filter(|found| instant(found.created_at()).is_some_and(|created_at| created_at >= since))
            .max_by_key(|found| instant(found.created_at()));
        let ended = newest.and_then(|found| {
            Some(format!("deployment {}: {}", found.status()?.as_str(), found.status_reason()?))
        });
        Ok(ended.into_iter().collect())
    }

    async fn stopped(&self, service: &ServiceRef, since: DateTime<Utc>) -> Result<Vec<String>, CallFailed> {
        let ids = self.tasks(service, DesiredStatus::Stopped).await?;
        let tasks = self.describe_tasks(service.cluster(), &ids).await?;
        let mut reasons: Vec<String> = Vec::new();
        for task in tasks.iter().filter(|task| instant(task.created_at()).is_some_and(|at| at >= since)) {
            let reason = stopped(task).map(|reason| format!("a task stopped: {reason}"));
            reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
        }
        Ok(reasons)
    }

    async fn tasks(&self, service: &ServiceRef, desired: DesiredStatus) -> Result<Vec<String>, CallFailed> {
        let call = self
            .client
            .list_tasks()
            .cluster(service.cluster())
            .service_name(service.service())
            .desired_status(desired);
        let mut arns = call.into_paginator().items().send();
        let mut tasks = Vec::new();
        while let Some(arn) = arns.next().await {
            tasks.push(arn.map_err(|error| CallFailed::new("ListTasks", &error))?);
        }
        Ok(tasks)
    }

    /// Forces a new deployment of a service, and changes nothing else about it.
    ///
    /// # Errors
    /// The call failed in a way that another try may mend, or for want of a permission.
    pub async fn force(&self, service: &ServiceRef) -> Result<Forced, CallFailed> {
        let call = self
            .client
            .update_service()
            .cluster(service.cluster())
            .service(service.service())
            .force_new_deployment(true)
            .customize()
            .config_override(aws_sdk_ecs::config::Builder::new().retry_classifier(OnlyThrottled));
        match call.send().await {
            Ok(answer) => {
                let deployments = answer.service.and_then(|service| service.deployments).unwrap_or_default();
                let primary =
                    deployments.into_iter().find(|deployment| deployment.status() == Some("PRIMARY"));
                Ok(Forced::Started { deployment: primary.and_then(|deployment| deployment.id) })
            }
            Err(error) => {
                let failed = CallFailed::new("UpdateService", &error);
                match failed.code() {
                    Some(
                        "ServiceNotFoundException" | "ServiceNotActiveException" | "ClusterNotFoundException",
                    ) => Ok(Forced::Gone(failed.to_string())),
                    Some(
                        "ClientException"
                        | "InvalidParameterException"
                        | "NamespaceNotFoundException"
                        | "PlatformTaskDefinitionIncompatibilityException"
                        | "PlatformUnknownException"
                        | "UnsupportedFeatureException",
                    ) => Ok(Forced::Refused(failed.to_string())),
                    _ => Err(failed),
                }
            }
        }
    }
}

/// Tries a call again only where it was throttled. `UpdateService` has no client token: a call whose answer was
/// lost has perhaps started a deployment, which a second one would stop and start over. Lambda's own retry reads
/// the service first.
#[derive(Debug)]
struct OnlyThrottled;

impl ClassifyRetry for OnlyThrottled {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let throttled = error
            .and_then(|error| error.as_operation_error())
            .and_then(|error| error.downcast_ref::<UpdateServiceError>())
            .and_then(ProvideErrorMetadata::code)
            .is_some_and(|code| code.starts_with("Throttling") || code == "TooManyRequestsException");
        if error.is_none() || throttled {
            RetryAction::NoActionIndicated
        } else {
            RetryAction::RetryForbidden
        }
    }

    fn name(&self) -> &'static str {
        "only throttled"
    }
}

fn instant(date: Option<&aws_sdk_ecs::primitives::DateTime>) -> Option<DateTime<Utc>> {
    let date = date?;
    DateTime::from_timestamp(date.secs(), date.subsec_nanos())
}

fn origin(task: &Task) -> Option<TaskOrigin> {
    Some(TaskOrigin {
        id: task.task_arn()?.rsplit('/').next()?.to_owned(),
        group: task.group().unwrap_or_default().to_owned(),
        started_by: task.started_by().map(str::to_owned),
        task_definition: task.task_definition_arn().map(str::to_owned),
    })
}

fn service_state(service: &Service) -> ServiceState {
    let controller = service.deployment_controller().map(aws_sdk_ecs::types::DeploymentController::r#type);
    // While it deploys there are two sets, and the old one names the deployment before.
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
        starting: 0,
        events: service.events().iter().filter_map(event).collect(),
        task_definition: service.task_definition().map(str::to_owned),
        tags: tags(service),
    }
}

fn tags(service: &Service) -> Vec<(String, String)> {
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

/// Why a task has stopped: what ECS says, and what each container does.
fn stopped(task: &Task) -> Option<String> {
    let reason = task.stopped_reason()?;
    let containers = task.containers().iter().filter_map(|container| {
        let code = container.exit_code().map(|code| format!("exit code {code}"));
        let why = container.reason().map(str::to_owned).or(code)?;
        Some(format!("{}: {why}", container.name().unwrap_or("a container")))
    });
    Some(std::iter::once(reason.to_owned()).chain(containers).collect::<Vec<_>>().join("; "))
}
