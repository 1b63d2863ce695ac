//! Amazon ECS: what runs, and the forced deployment.

use aws_config::SdkConfig;
use aws_sdk_ecs::{
    Client,
    config::retry::{RetryPartition, TokenBucket},
    error::ProvideErrorMetadata,
    types::{Deployment, DeploymentControllerType, DeploymentRolloutState, Service, SettingName, Task},
};
use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    decide::{Controller, Rollout, ServiceState},
    entity::ServiceRef,
};

use crate::CallFailed;

/// `DescribeTasks` takes so many tasks in one call.
const TASKS_PER_CALL: usize = 100;

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
        let answer = self
            .client
            .list_account_settings()
            .name(SettingName::FargateTaskRetirementWaitPeriod)
            .effective_settings(true)
            .send()
            .await
            .map_err(|error| CallFailed::new("ListAccountSettings", &error))?;
        let days = answer.settings().iter().find_map(|setting| setting.value()?.parse::<u16>().ok());
        Ok(days.map(|days| TimeDelta::days(days.into())))
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

    /// Whether the cluster has an active service of that name.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn has_service(&self, service: &ServiceRef) -> Result<bool, CallFailed> {
        Ok(self.describe(service).await?.is_some_and(|found| found.status() == Some("ACTIVE")))
    }

    /// The state of a service and the age of its running tasks, or nothing where ECS knows none.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn state(&self, service: &ServiceRef) -> Result<Option<ServiceState>, CallFailed> {
        let Some(found) = self.describe(service).await? else { return Ok(None) };
        let mut state = service_state(&found);
        if state.status == "ACTIVE" {
            let running = self.running_tasks(service).await?;
            let tasks = self.describe_tasks(service.cluster(), &running).await?;
            state.tasks = tasks.iter().map(|task| instant(task.created_at())).collect();
        }
        Ok(Some(state))
    }

    async fn describe(&self, service: &ServiceRef) -> Result<Option<Service>, CallFailed> {
        const CALL: &str = "DescribeServices";
        let call = self.client.describe_services().cluster(service.cluster()).services(service.service());
        let answer = match call.send().await {
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

    async fn running_tasks(&self, service: &ServiceRef) -> Result<Vec<String>, CallFailed> {
        let call = self.client.list_tasks().cluster(service.cluster()).service_name(service.service());
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
            .force_new_deployment(true);
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
    ServiceState {
        status: service.status().unwrap_or_default().to_owned(),
        desired_count: service.desired_count(),
        controller: match controller {
            None | Some(DeploymentControllerType::Ecs) => Controller::Ecs,
            Some(DeploymentControllerType::CodeDeploy) => Controller::CodeDeploy {
                last_deployment: service
                    .task_sets()
                    .iter()
                    // While it deploys there are two, and the old one names the deployment before.
                    .find(|set| set.status() == Some("PRIMARY"))
                    .and_then(|set| set.external_id())
                    .map(str::to_owned),
            },
            Some(DeploymentControllerType::External) => Controller::External,
            Some(other) => Controller::Unknown(other.as_str().to_owned()),
        },
        deployments: service.deployments().iter().map(rollout).collect(),
        tasks: Vec::new(),
    }
}

fn rollout(deployment: &Deployment) -> Rollout {
    Rollout {
        id: deployment.id().unwrap_or_default().to_owned(),
        created_at: instant(deployment.created_at()),
        in_progress: deployment.rollout_state() == Some(&DeploymentRolloutState::InProgress),
    }
}
