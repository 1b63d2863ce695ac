//! AWS CodeDeploy: reads deployments and creates them.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_codedeploy::{
    Client, Config,
    types::{AppSpecContent, DeploymentInfo, DeploymentStatus, RevisionLocation, RevisionLocationType},
};
use chrono::DateTime;
use rules::service::code_deploy::{CodeDeployment, CodeProgress, Revision};

use crate::CallFailed;

/// AWS CodeDeploy in this account and Region.
#[derive(Clone, Debug)]
pub struct CodeDeploy {
    client: Client,
}

/// The result of [`CodeDeploy::create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// CodeDeploy created the deployment with this ID.
    Started(String),
    /// CodeDeploy rejects the request, and would reject a retry too.
    Refused(String),
}

impl CodeDeploy {
    /// Uses the account and Region of the SDK configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }

    /// Reads a deployment. `None` if there is no deployment with this ID.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn get(&self, id: &str) -> Result<Option<CodeDeployment>, CallFailed> {
        match self.client.get_deployment().deployment_id(id).send().await {
            Ok(answer) => Ok(answer.deployment_info.map(|info| deployment(id, info))),
            Err(error)
                if error.as_service_error().is_some_and(|error| {
                    error.is_deployment_does_not_exist_exception()
                        || error.is_invalid_deployment_id_exception()
                }) =>
            {
                Ok(None)
            }
            Err(error) => Err(CallFailed::new("GetDeployment", &error)),
        }
    }

    /// Reads a deployment with its `AppSpec`. `GetDeployment` returns only the hash of an `AppSpec`.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn last(&self, id: &str) -> Result<Option<CodeDeployment>, CallFailed> {
        let Some(mut found) = self.get(id).await? else { return Ok(None) };
        if let Revision::Registered(hash) = &found.revision {
            let requested = app_spec_revision(AppSpecContent::builder().sha256(hash).build());
            let answer = self
                .client
                .get_application_revision()
                .application_name(&found.application)
                .revision(requested)
                .send()
                .await
                .map_err(|error| CallFailed::new("GetApplicationRevision", &error))?;
            found.revision = answer.revision.map_or_else(|| found.revision.clone(), revision);
        }
        Ok(Some(found))
    }

    /// The deployment in progress in the deployment group of `last`, if any.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn running(&self, last: &CodeDeployment) -> Result<Option<CodeDeployment>, CallFailed> {
        let found = self
            .client
            .list_deployments()
            .application_name(&last.application)
            .deployment_group_name(&last.group)
            .set_include_only_statuses(Some(vec![
                DeploymentStatus::Created,
                DeploymentStatus::Queued,
                DeploymentStatus::InProgress,
                DeploymentStatus::Baking,
                DeploymentStatus::Ready,
            ]))
            .send()
            .await
            .map_err(|error| CallFailed::new("ListDeployments", &error))?;
        match found.deployments().first() {
            Some(id) => self.get(id).await,
            None => Ok(None),
        }
    }

    /// Deploys an `AppSpec` with the application and deployment group of `last`.
    ///
    /// # Errors
    /// The call failed, and a retry may succeed. This includes a missing permission, which the operator can grant.
    pub async fn create(&self, last: &CodeDeployment, app_spec: &str) -> Result<Created, CallFailed> {
        let revision = app_spec_revision(AppSpecContent::builder().content(app_spec).build());
        let sent = self
            .client
            .create_deployment()
            .application_name(&last.application)
            .deployment_group_name(&last.group)
            .description(
                "ECS Task Patching Automation: the running task definition, on Fargate's newest revision",
            )
            .revision(revision)
            .customize()
            // CreateDeployment has no client token, so a retry could create a second deployment. Instead, the
            // invocation is retried, and first looks for a deployment in progress.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        match sent {
            Ok(answer) => Ok(Created::Started(answer.deployment_id.unwrap_or_default())),
            Err(error) => {
                let failed = CallFailed::new("CreateDeployment", &error);
                // All other errors can be temporary: throttling, a limit, or another deployment that was just
                // started.
                let permanent =
                    |code: &str| code.starts_with("Invalid") || code.ends_with("DoesNotExistException");
                if failed.code().is_some_and(permanent) {
                    Ok(Created::Refused(failed.to_string()))
                } else {
                    Err(failed)
                }
            }
        }
    }
}

fn app_spec_revision(spec: AppSpecContent) -> RevisionLocation {
    RevisionLocation::builder()
        .revision_type(RevisionLocationType::AppSpecContent)
        .app_spec_content(spec)
        .build()
}

fn deployment(id: &str, info: DeploymentInfo) -> CodeDeployment {
    let progress = match info.status {
        Some(DeploymentStatus::Succeeded) => CodeProgress::Succeeded,
        Some(DeploymentStatus::Failed | DeploymentStatus::Stopped) => CodeProgress::Failed,
        _ => CodeProgress::InProgress,
    };
    let stopped = || (info.status == Some(DeploymentStatus::Stopped)).then(|| "it was stopped".to_owned());
    let error = info.error_information.as_ref().and_then(|error| error.message.clone()).or_else(stopped);
    CodeDeployment {
        id: id.to_owned(),
        created_at: info
            .create_time
            .and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos())),
        progress,
        error,
        revision: info.revision.map_or_else(|| Revision::Elsewhere("an unknown place".to_owned()), revision),
        application: info.application_name.unwrap_or_default(),
        group: info.deployment_group_name.unwrap_or_default(),
    }
}

fn revision(location: RevisionLocation) -> Revision {
    #[expect(deprecated, reason = "older deployments have their AppSpec in this field")]
    let text = location.string.and_then(|raw| raw.content);
    let (content, hash) = location.app_spec_content.map_or((None, None), |spec| (spec.content, spec.sha256));
    if let Some(content) = content.or(text) {
        return Revision::Content(content);
    }
    if let Some(hash) = hash {
        return Revision::Registered(hash);
    }
    Revision::Elsewhere(match (location.s3_location, location.git_hub_location) {
        (Some(s3), _) => format!("s3://{}/{}", s3.bucket.unwrap_or_default(), s3.key.unwrap_or_default()),
        (None, Some(git_hub)) => format!("the GitHub repository {}", git_hub.repository.unwrap_or_default()),
        (None, None) => "an unknown place".to_owned(),
    })
}
