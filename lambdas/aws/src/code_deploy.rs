//! AWS CodeDeploy: what it deploys for a service, and one more deployment of it.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_codedeploy::{
    Client, Config,
    types::{AppSpecContent, DeploymentInfo, DeploymentStatus, RevisionLocation, RevisionLocationType},
};
use chrono::DateTime;
use rules::service::code_deploy::{CodeDeployment, CodeProgress, Revision};

use crate::CallFailed;

/// The CodeDeploy of this account and Region.
#[derive(Clone, Debug)]
pub struct CodeDeploy {
    client: Client,
}

/// What became of a deployment that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// CodeDeploy accepted it; its id.
    Started(String),
    /// CodeDeploy refuses it, and will refuse it again.
    Refused(String),
}

impl CodeDeploy {
    /// The CodeDeploy of the SDK's account and Region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }

    /// A deployment, or nothing where CodeDeploy knows none of that id.
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

    /// A deployment with the `AppSpec` that it deployed, which `GetDeployment` never tells.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn last(&self, id: &str) -> Result<Option<CodeDeployment>, CallFailed> {
        let Some(mut found) = self.get(id).await? else { return Ok(None) };
        if let Revision::Registered(hash) = &found.revision {
            let asked = app_spec_revision(AppSpecContent::builder().sha256(hash).build());
            let answer = self
                .client
                .get_application_revision()
                .application_name(&found.application)
                .revision(asked)
                .send()
                .await
                .map_err(|error| CallFailed::new("GetApplicationRevision", &error))?;
            found.revision = answer.revision.map_or_else(|| found.revision.clone(), revision);
        }
        Ok(Some(found))
    }

    /// The deployment that is under way in the group of `last`, if one is.
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

    /// Deploys an `AppSpec` with the application and group of `last`.
    ///
    /// # Errors
    /// The call failed in a way that another try may mend, or for want of a permission.
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
            // There is no client token: what was perhaps started is read again before another try.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        match sent {
            Ok(answer) => Ok(Created::Started(answer.deployment_id.unwrap_or_default())),
            Err(error) => {
                let failed = CallFailed::new("CreateDeployment", &error);
                // Anything else may pass: a limit, throttling, and one that somebody else started just now.
                let for_good =
                    |code: &str| code.starts_with("Invalid") || code.ends_with("DoesNotExistException");
                if failed.code().is_some_and(for_good) {
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
    #[expect(deprecated, reason = "old deployments have their AppSpec there")]
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
