//! Service deployments: how they ended, and whether one waits for a person.

use aws_sdk_ecs::{
    error::ProvideErrorMetadata,
    operation::list_service_deployments::builders::ListServiceDeploymentsFluentBuilder,
    primitives,
    types::{
        CreatedAt, DeploymentLifecycleHookAction, DeploymentLifecycleHookStatus, ServiceDeployment,
        ServiceDeploymentBrief, ServiceDeploymentStatus,
    },
};
use chrono::{DateTime, Utc};
use rules::{
    arn::ServiceRef,
    service::{Pause, ServiceState},
};

use super::{Ecs, mapping::instant};
use crate::CallFailed;

impl Ecs {
    /// The state of a service, and the pause hook at which its deployment waits, if there is one.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn state_and_pause(&self, service: &ServiceRef) -> Result<Option<ServiceState>, CallFailed> {
        self.state_to_check(service, |_| true).await
    }

    /// Like [`state_and_pause`](Self::state_and_pause), but with its tasks only if they matter in this state.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn state_to_check(
        &self,
        service: &ServiceRef,
        tasks_matter: impl Fn(&ServiceState) -> bool,
    ) -> Result<Option<ServiceState>, CallFailed> {
        let mut state = self.state_with(service, tasks_matter).await?;
        if let Some(state) = &mut state {
            self.add_pause(service, state).await?;
        }
        Ok(state)
    }

    /// Adds the pause hook to the state of a service.
    pub(super) async fn add_pause(
        &self,
        service: &ServiceRef,
        state: &mut ServiceState,
    ) -> Result<(), CallFailed> {
        // Only a deployment in progress can be paused, and only if the service has hooks.
        if state.has_hooks && state.rolling().is_some() {
            state.pause = self.pause(service).await?;
        }
        Ok(())
    }

    async fn pause(&self, service: &ServiceRef) -> Result<Option<Pause>, CallFailed> {
        let rolling = self.list_deployments(service).status(ServiceDeploymentStatus::InProgress);
        let Some(arn) = newest(all(rolling).await?).and_then(|found| found.service_deployment_arn) else {
            return Ok(None);
        };
        let call = self.client.describe_service_deployments().service_deployment_arns(&arn);
        let answer =
            call.send().await.map_err(|error| CallFailed::new("DescribeServiceDeployments", &error))?;
        let mut hooks =
            answer.service_deployments().iter().flat_map(ServiceDeployment::lifecycle_hook_details);
        let waiting =
            hooks.find(|hook| hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction));
        Ok(waiting.and_then(|hook| {
            Some(Pause {
                hook: hook.hook_id()?.to_owned(),
                expires_at: instant(hook.expires_at()),
                then_continues: hook.timeout_action() == Some(&DeploymentLifecycleHookAction::Continue),
                deployment_arn: arn,
            })
        }))
    }

    /// The status of the newest deployment since `since`, with the reason, if ECS gives one.
    pub(super) async fn deployment_status(
        &self,
        service: &ServiceRef,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>, CallFailed> {
        // AWS does not document whether the filter includes its own second.
        let after = primitives::DateTime::from_secs(since.timestamp() - 1);
        let call = self.list_deployments(service).created_at(CreatedAt::builder().after(after).build());
        let newest = newest(all(call).await?).filter(|found| created_at(found) >= Some(since));
        let status = newest.and_then(|found| {
            Some(format!("deployment {}: {}", found.status()?.as_str(), found.status_reason()?))
        });
        Ok(status.into_iter().collect())
    }

    fn list_deployments(&self, service: &ServiceRef) -> ListServiceDeploymentsFluentBuilder {
        self.client.list_service_deployments().cluster(service.cluster()).service(service.service())
    }
}

/// All pages of a list. The SDK has no paginator for this call.
async fn all(call: ListServiceDeploymentsFluentBuilder) -> Result<Vec<ServiceDeploymentBrief>, CallFailed> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let answer = match call.clone().set_next_token(token).send().await {
            Ok(answer) => answer,
            // Only services with the ECS deployment controller have service deployments.
            Err(error) if error.code() == Some("UnsupportedFeatureException") => return Ok(found),
            Err(error) => return Err(CallFailed::new("ListServiceDeployments", &error)),
        };
        found.extend(answer.service_deployments.unwrap_or_default());
        token = answer.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// The newest deployment. AWS documents no order.
fn newest(deployments: Vec<ServiceDeploymentBrief>) -> Option<ServiceDeploymentBrief> {
    deployments.into_iter().max_by_key(created_at)
}

fn created_at(deployment: &ServiceDeploymentBrief) -> Option<DateTime<Utc>> {
    instant(deployment.created_at())
}
