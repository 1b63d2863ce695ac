//! Amazon ECS: reads services and tasks, and forces deployments.

mod audit;
mod deployments;
mod many;
mod mapping;

use std::{collections::BTreeMap, time::Duration};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ecs::{
    Client,
    config::retry::{RetryPartition, TokenBucket},
    error::ProvideErrorMetadata,
    operation::{describe_services::DescribeServicesOutput, list_tasks::builders::ListTasksFluentBuilder},
    types::{ContainerDefinition, DesiredStatus, Service, ServiceField, SettingName, Task},
};
use chrono::{DateTime, TimeDelta, Utc};
use rules::{
    arn::ServiceRef,
    service::{ServiceEvent, ServiceState, image::Container},
};

use crate::{
    CallFailed,
    rate::Rate,
    retry::{OnlyThrottled, is_throttling},
};
use mapping::{add_tasks, instant, origin, service_state, stop_reason, tags};

/// The maximum number of tasks in a `DescribeTasks` request.
const TASKS_PER_CALL: usize = 100;

/// The maximum number of services in a `DescribeServices` request.
pub const SERVICES_PER_CALL: usize = 10;

/// Amazon ECS in this account and Region.
#[derive(Clone, Debug)]
pub struct Ecs {
    client: Client,
    reads_of_services: Rate,
    reads_of_tasks: Rate,
}

/// The origin of a task: the service or the caller that started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOrigin {
    /// The task ID.
    pub id: String,
    /// `service:NAME` for a task of a service; `family:NAME` or another text for a standalone task.
    pub group: String,
    /// The `startedBy` field.
    pub started_by: Option<String>,
    /// The ARN of the task definition.
    pub task_definition: Option<String>,
}

/// The result of [`Ecs::force`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forced {
    /// ECS started a deployment.
    Started {
        /// The deployment ID.
        deployment: Option<String>,
    },
    /// The service no longer exists or is not active.
    Gone(String),
    /// ECS rejects the request, and would reject a retry too.
    Refused(String),
    /// ECS accepted no further deployment during all retries.
    Throttled(String),
}

impl Ecs {
    /// Uses the account and Region of the SDK configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        let config = aws_sdk_ecs::config::Builder::from(sdk)
            // By default, the SDK stops retrying after about a hundred throttled calls.
            .retry_partition(RetryPartition::custom("ecs").token_bucket(TokenBucket::unlimited()).build())
            .build();
        Self::with_client(Client::from_conf(config))
    }

    /// Uses `client`.
    #[must_use]
    pub fn with_client(client: Client) -> Self {
        // AWS allows 100 calls at once, then 20 in a second, to each group of actions:
        // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
        let rate = || Rate::new(100, 20);
        Self { client, reads_of_services: rate(), reads_of_tasks: rate() }
    }

    /// The account setting `fargateTaskRetirementWaitPeriod`: the time between a notice and its retirement date.
    /// `None` if the value is not a number of days.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn retirement_wait(&self) -> Result<Option<TimeDelta>, CallFailed> {
        let days = self.settings(SettingName::FargateTaskRetirementWaitPeriod).await?;
        let days = days.iter().find_map(|days| days.parse::<u16>().ok());
        Ok(days.map(|days| TimeDelta::days(days.into())))
    }

    /// Whether the account setting `fargateEventWindows` is enabled: AWS replaces tasks in EC2 event windows.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn event_windows(&self) -> Result<bool, CallFailed> {
        Ok(self.settings(SettingName::FargateEventWindows).await?.iter().any(|value| value == "enabled"))
    }

    /// The effective values of an account setting.
    async fn settings(&self, name: SettingName) -> Result<Vec<String>, CallFailed> {
        let call = self.client.list_account_settings().name(name).effective_settings(true);
        let answer = call.send().await.map_err(|error| CallFailed::new("ListAccountSettings", &error))?;
        Ok(answer.settings.unwrap_or_default().into_iter().filter_map(|setting| setting.value).collect())
    }

    /// The tags of services of a cluster, by service name. Services that do not exist, or were deleted, are omitted.
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
        let exists = |service: &&Service| service.status() != Some("INACTIVE");
        Ok(services.iter().filter(exists).filter_map(tagged).collect())
    }

    /// The containers of a task definition, with a short timeout.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn containers(&self, task_definition: &str) -> Result<Vec<Container>, CallFailed> {
        // The images only serve for a warning, which must not delay the deployment.
        let short_timeout = aws_sdk_ecs::config::Builder::new()
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(10)).build());
        let call = self.client.describe_task_definition().task_definition(task_definition);
        let answer = call.customize().config_override(short_timeout).send().await;
        let answer = answer.map_err(|error| CallFailed::new("DescribeTaskDefinition", &error))?;
        let containers = answer.task_definition().map_or(&[][..], |found| found.container_definitions());
        let container = |found: &ContainerDefinition| Container {
            name: found.name().unwrap_or_default().to_owned(),
            image: found.image().unwrap_or_default().to_owned(),
        };
        Ok(containers.iter().map(container).collect())
    }

    /// The origins of tasks of one cluster. Tasks that ECS no longer lists are omitted: all of them if the cluster
    /// does not exist.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn origins(&self, cluster: &str, ids: &[String]) -> Result<Vec<TaskOrigin>, CallFailed> {
        Ok(self.describe_tasks(cluster, ids).await?.iter().filter_map(origin).collect())
    }

    async fn describe_tasks(&self, cluster: &str, tasks: &[String]) -> Result<Vec<Task>, CallFailed> {
        let mut found = Vec::new();
        for batch in tasks.chunks(TASKS_PER_CALL) {
            self.reads_of_tasks.wait().await;
            let call = self.client.describe_tasks().cluster(cluster).set_tasks(Some(batch.to_vec()));
            match call.send().await {
                Ok(answer) => found.extend(answer.tasks.unwrap_or_default()),
                Err(error) if error.code() == Some("ClusterNotFoundException") => return Ok(Vec::new()),
                Err(error) => return Err(CallFailed::new("DescribeTasks", &error)),
            }
        }
        Ok(found)
    }

    /// The names of all clusters.
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

    /// Those of `names` that are active services of the cluster.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn active(&self, cluster: &str, names: &[String]) -> Result<Vec<String>, CallFailed> {
        let services = self.describe_services(cluster, names).await?.into_iter();
        let active = services.filter(|found| found.status() == Some("ACTIVE"));
        Ok(active.filter_map(|found| found.service_name).collect())
    }

    /// Reads services of a cluster with their tags. Services that do not exist are omitted.
    async fn describe_services(&self, cluster: &str, names: &[String]) -> Result<Vec<Service>, CallFailed> {
        let mut services = Vec::new();
        for batch in names.chunks(SERVICES_PER_CALL) {
            let Some(answer) = self.describe_batch(cluster, batch.to_vec()).await? else {
                return Ok(Vec::new());
            };
            services.extend(answer.services.unwrap_or_default());
        }
        Ok(services)
    }

    /// One `DescribeServices` call, with tags. `None` if the cluster does not exist.
    async fn describe_batch(
        &self,
        cluster: &str,
        names: Vec<String>,
    ) -> Result<Option<DescribeServicesOutput>, CallFailed> {
        self.reads_of_services.wait().await;
        let call = self.client.describe_services().cluster(cluster).set_services(Some(names));
        match call.include(ServiceField::Tags).send().await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code() == Some("ClusterNotFoundException") => Ok(None),
            Err(error) => Err(CallFailed::new("DescribeServices", &error)),
        }
    }

    /// The state of a service, with the creation times of its running tasks. `None` if it does not exist.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn state(&self, service: &ServiceRef) -> Result<Option<ServiceState>, CallFailed> {
        self.state_with(service, |_| true).await
    }

    /// Like [`state`](Self::state), but with its tasks only if they matter in this state.
    async fn state_with(
        &self,
        service: &ServiceRef,
        tasks_matter: impl Fn(&ServiceState) -> bool,
    ) -> Result<Option<ServiceState>, CallFailed> {
        let Some(found) = self.describe(service).await? else { return Ok(None) };
        let mut state = service_state(&found);
        if state.status == "ACTIVE" && tasks_matter(&state) {
            let running = self.tasks_of(service, DesiredStatus::Running).await?;
            let tasks = self.describe_tasks(service.cluster(), &running).await?;
            add_tasks(&mut state, &tasks);
        }
        Ok(Some(state))
    }

    async fn describe(&self, service: &ServiceRef) -> Result<Option<Service>, CallFailed> {
        let names = vec![service.service().to_owned()];
        let Some(answer) = self.describe_batch(service.cluster(), names).await? else { return Ok(None) };
        if let Some(found) = answer.services.unwrap_or_default().into_iter().next() {
            return Ok(Some(found));
        }
        many::missing(service, &answer.failures.unwrap_or_default())
    }

    /// What may explain why a service is not patched, most likely cause first: the status of its newest deployment,
    /// why tasks stopped, and the service events, all since `since`. If a call fails, its error is listed instead.
    pub async fn likely_causes(
        &self,
        service: &ServiceRef,
        events: &[ServiceEvent],
        since: DateTime<Utc>,
    ) -> Vec<String> {
        const MAX_OF_EACH: usize = 3;
        let incomplete = |error: CallFailed| vec![format!("(incomplete: {error})")];
        let deployment = self.deployment_status(service, since).await.unwrap_or_else(incomplete);
        let stopped = self.stopped_tasks(service, since).await.unwrap_or_else(incomplete);
        let events = events.iter().filter(|event| event.at >= since).map(|event| event.text.clone());
        deployment
            .into_iter()
            .chain(stopped.into_iter().take(MAX_OF_EACH))
            .chain(events.take(MAX_OF_EACH))
            .collect()
    }

    async fn stopped_tasks(
        &self,
        service: &ServiceRef,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>, CallFailed> {
        let ids = self.tasks_of(service, DesiredStatus::Stopped).await?;
        let tasks = self.describe_tasks(service.cluster(), &ids).await?;
        let mut reasons: Vec<String> = Vec::new();
        for task in tasks.iter().filter(|task| instant(task.created_at()).is_some_and(|at| at >= since)) {
            let reason = stop_reason(task).map(|reason| format!("a task stopped: {reason}"));
            reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
        }
        Ok(reasons)
    }

    async fn tasks_of(
        &self,
        service: &ServiceRef,
        desired: DesiredStatus,
    ) -> Result<Vec<String>, CallFailed> {
        let call = self.client.list_tasks().cluster(service.cluster()).service_name(service.service());
        self.tasks(call, desired).await
    }

    /// All pages of a list of tasks.
    async fn tasks(
        &self,
        call: ListTasksFluentBuilder,
        desired: DesiredStatus,
    ) -> Result<Vec<String>, CallFailed> {
        let mut pages = call.desired_status(desired).into_paginator().send();
        let mut tasks = Vec::new();
        loop {
            self.reads_of_tasks.wait().await;
            let Some(page) = pages.next().await else { return Ok(tasks) };
            let page = page.map_err(|error| CallFailed::new("ListTasks", &error))?;
            let is_last = page.next_token.is_none();
            tasks.extend(page.task_arns.unwrap_or_default());
            if is_last {
                return Ok(tasks);
            }
        }
    }

    /// Forces a new deployment of a service without changing its settings.
    ///
    /// # Errors
    /// The call failed, and a retry may succeed. This includes a missing permission, which the operator can grant.
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
                    Some(code) if is_throttling(code) => Ok(Forced::Throttled(failed.to_string())),
                    _ => Err(failed),
                }
            }
        }
    }
}
