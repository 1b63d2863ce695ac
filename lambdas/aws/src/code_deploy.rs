//! AWS CodeDeploy: reads deployments and creates them.

use aws_config::{SdkConfig, retry::RetryConfig};
use chrono::DateTime;
use rules::service::code_deploy::{CodeDeployment, CodeProgress, Revision};
use serde_json::{Value, json};

use crate::{CallFailed, call::JsonService};

/// AWS CodeDeploy in this account and Region.
#[derive(Clone, Debug)]
pub struct CodeDeploy {
    deployments: JsonService,
    /// `CreateDeployment` has no client token, so a retry could create a second deployment. Instead, the invocation is
    /// retried, and first looks for a deployment in progress.
    without_retries: JsonService,
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
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        let service = |sdk| JsonService::new(sdk, "codedeploy", "CodeDeploy_20141006", url_suffix);
        let once = sdk.clone().into_builder().retry_config(RetryConfig::disabled()).build();
        Self { deployments: service(sdk.clone()), without_retries: service(once) }
    }

    /// Reads a deployment. `None` if there is no deployment with this ID.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn get(&self, id: &str) -> Result<Option<CodeDeployment>, CallFailed> {
        match self.deployments.call("GetDeployment", json!({"deploymentId": id})).await {
            Ok(answer) => Ok(answer.get("deploymentInfo").map(|info| deployment(id, info))),
            Err(error) => match error.code() {
                Some("DeploymentDoesNotExistException" | "InvalidDeploymentIdException") => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Reads a deployment with its `AppSpec`. `GetDeployment` returns only the hash of an `AppSpec`.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn last(&self, id: &str) -> Result<Option<CodeDeployment>, CallFailed> {
        let Some(mut found) = self.get(id).await? else { return Ok(None) };
        if let Revision::Registered(hash) = &found.revision {
            let asked = json!({
                "applicationName": found.application, "revision": app_spec_revision("sha256", hash),
            });
            let answer = self.deployments.call("GetApplicationRevision", asked).await?;
            found.revision = answer.get("revision").map_or_else(|| found.revision.clone(), revision);
        }
        Ok(Some(found))
    }

    /// The deployment in progress in the deployment group of `last`, if any.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn running(&self, last: &CodeDeployment) -> Result<Option<CodeDeployment>, CallFailed> {
        let asked = json!({
            "applicationName": last.application, "deploymentGroupName": last.group,
            "includeOnlyStatuses": ["Created", "Queued", "InProgress", "Baking", "Ready"],
        });
        let found = self.deployments.call("ListDeployments", asked).await?;
        match found.pointer("/deployments/0").and_then(Value::as_str) {
            Some(id) => self.get(id).await,
            None => Ok(None),
        }
    }

    /// Deploys an `AppSpec` with the application and deployment group of `last`.
    ///
    /// # Errors
    /// The call failed, and a retry may succeed. This includes a missing permission, which the operator can grant.
    pub async fn create(&self, last: &CodeDeployment, app_spec: &str) -> Result<Created, CallFailed> {
        let asked = json!({
            "applicationName": last.application, "deploymentGroupName": last.group,
            "description": "ECS Task Patching Automation: the running task definition, on Fargate's newest revision",
            "revision": app_spec_revision("content", app_spec),
        });
        match self.without_retries.call("CreateDeployment", asked).await {
            Ok(answer) => Ok(Created::Started(text(&answer, "/deploymentId").unwrap_or_default())),
            Err(failed) => {
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

fn app_spec_revision(field: &str, value: &str) -> Value {
    json!({"revisionType": "AppSpecContent", "appSpecContent": {field: value}})
}

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path).and_then(Value::as_str).map(str::to_owned)
}

fn deployment(id: &str, info: &Value) -> CodeDeployment {
    let status = text(info, "/status");
    let progress = match status.as_deref() {
        Some("Succeeded") => CodeProgress::Succeeded,
        Some("Failed" | "Stopped") => CodeProgress::Failed,
        _ => CodeProgress::InProgress,
    };
    let stopped = || (status.as_deref() == Some("Stopped")).then(|| "it was stopped".to_owned());
    let created_at =
        info.get("createTime").and_then(Value::as_f64).map(aws_smithy_types::DateTime::from_secs_f64);
    CodeDeployment {
        id: id.to_owned(),
        created_at: created_at.and_then(|time| DateTime::from_timestamp(time.secs(), time.subsec_nanos())),
        progress,
        error: text(info, "/errorInformation/message").or_else(stopped),
        revision: info
            .get("revision")
            .map_or_else(|| Revision::Elsewhere("an unknown place".to_owned()), revision),
        application: text(info, "/applicationName").unwrap_or_default(),
        group: text(info, "/deploymentGroupName").unwrap_or_default(),
    }
}

fn revision(location: &Value) -> Revision {
    // Older deployments have their AppSpec in the field `string`.
    let content = text(location, "/appSpecContent/content").or_else(|| text(location, "/string/content"));
    if let Some(content) = content {
        return Revision::Content(content);
    }
    if let Some(hash) = text(location, "/appSpecContent/sha256") {
        return Revision::Registered(hash);
    }
    let part = |path: &str| text(location, path).unwrap_or_default();
    Revision::Elsewhere(if location.get("s3Location").is_some() {
        format!("s3://{}/{}", part("/s3Location/bucket"), part("/s3Location/key"))
    } else if location.get("gitHubLocation").is_some() {
        format!("the GitHub repository {}", part("/gitHubLocation/repository"))
    } else {
        "an unknown place".to_owned()
    })
}
