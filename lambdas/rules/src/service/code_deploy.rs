//! Services that AWS CodeDeploy deploys: their deployments, and the `AppSpec` for the next one.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::TaskSet;

/// A CodeDeploy deployment, reduced to what the rules need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeDeployment {
    /// The deployment ID, such as `d-ABCDEF123`.
    pub id: String,
    /// The application name.
    pub application: String,
    /// The deployment group name.
    pub group: String,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// The progress.
    pub progress: CodeProgress,
    /// Why it failed, if CodeDeploy says.
    pub error: Option<String>,
    /// The revision that it deployed.
    pub revision: Revision,
}

/// The progress of a CodeDeploy deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeProgress {
    /// It is waiting, replacing tasks, or keeping the old tasks until they are terminated.
    InProgress,
    /// It succeeded.
    Succeeded,
    /// It failed or was stopped.
    Failed,
}

/// The revision of a CodeDeploy deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// The text of the `AppSpec`.
    Content(String),
    /// The SHA-256 hash of an `AppSpec` that CodeDeploy stores but has not returned.
    Registered(String),
    /// The location of an `AppSpec` outside CodeDeploy, such as in Amazon S3.
    Elsewhere(String),
}

/// The `AppSpec` that deploys the running task set again: the same task definition, container, port, platform version
/// and capacity providers, with the hooks of the last deployment.
///
/// Format: <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>
///
/// # Errors
/// Says what is unknown: the hooks, or the container behind the load balancer.
pub fn app_spec(set: &TaskSet, last: &Revision) -> Result<String, String> {
    let hooks = match last {
        Revision::Content(content) => hooks(content)?,
        Revision::Registered(hash) => {
            return Err(format!(
                "CodeDeploy does not return the AppSpec of the last deployment (SHA-256 {hash}), so its hooks are unknown"
            ));
        }
        Revision::Elsewhere(location) => {
            return Err(format!(
                "the AppSpec of the last deployment is in {location}, so its hooks are unknown"
            ));
        }
    };
    let Some((container, port)) = &set.container else {
        return Err("the task set names no container behind a load balancer".to_owned());
    };
    let mut service = json!({
        "TaskDefinition": set.task_definition,
        "LoadBalancerInfo": {"ContainerName": container, "ContainerPort": port},
    });
    if let (Some(properties), Some(version)) = (service.as_object_mut(), &set.platform_version) {
        properties.insert("PlatformVersion".to_owned(), json!(version));
    }
    if let (Some(properties), false) = (service.as_object_mut(), set.capacity_providers.is_empty()) {
        let strategy: Vec<Value> = set
            .capacity_providers
            .iter()
            .map(|(name, base, weight)| json!({"CapacityProvider": name, "Base": base, "Weight": weight}))
            .collect();
        properties.insert("CapacityProviderStrategy".to_owned(), json!(strategy));
    }
    let mut spec = json!({
        "version": 0.0,
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": service}}],
    });
    if let (Some(spec), Some(hooks)) = (spec.as_object_mut(), hooks) {
        spec.insert("Hooks".to_owned(), hooks);
    }
    Ok(spec.to_string())
}

/// Parses the hooks of an `AppSpec`. It is YAML or JSON, and JSON is valid YAML.
fn hooks(content: &str) -> Result<Option<Value>, String> {
    let spec: Value = serde_saphyr::from_str(content).map_err(|error| {
        format!("the AppSpec of the last deployment is invalid, so its hooks are unknown: {error}")
    })?;
    let hooks = spec.as_object().into_iter().flatten().find(|(key, _)| key.eq_ignore_ascii_case("hooks"));
    Ok(hooks.map(|(_, hooks)| hooks.clone()).filter(|hooks| !hooks.is_null()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> TaskSet {
        TaskSet {
            deployment: Some("d-1".into()),
            started_by: None,
            task_definition: "arn:aws:ecs:eu-west-2:111122223333:task-definition/web:7".into(),
            container: Some(("web".into(), 8080)),
            platform_version: Some("1.4.0".into()),
            capacity_providers: vec![("FARGATE_SPOT".into(), 0, 3), ("FARGATE".into(), 1, 1)],
        }
    }

    #[test]
    fn the_running_task_set_is_deployed_again_with_the_hooks_of_the_last_deployment() {
        let yaml = "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        \
                    TaskDefinition: \"arn:old:3\"\nhooks:\n  - BeforeAllowTraffic: \"arn:aws:lambda:check\"\n";
        let json = json!({"version": 0.0, "Resources": [], "Hooks": [{"BeforeAllowTraffic": "arn:aws:lambda:check"}]});
        for revision in [yaml.to_owned(), json.to_string()] {
            let spec = app_spec(&set(), &Revision::Content(revision)).expect("an AppSpec");
            assert_eq!(
                serde_json::from_str::<Value>(&spec).unwrap(),
                json!({
                    "version": 0.0,
                    "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
                        "TaskDefinition": "arn:aws:ecs:eu-west-2:111122223333:task-definition/web:7",
                        "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 8080},
                        "PlatformVersion": "1.4.0",
                        "CapacityProviderStrategy": [
                            {"CapacityProvider": "FARGATE_SPOT", "Base": 0, "Weight": 3},
                            {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 1},
                        ],
                    }}}],
                    "Hooks": [{"BeforeAllowTraffic": "arn:aws:lambda:check"}],
                })
            );
        }
    }

    #[test]
    fn properties_that_the_task_set_does_not_have_are_omitted() {
        let plain = TaskSet { platform_version: None, capacity_providers: Vec::new(), ..set() };
        let spec = app_spec(&plain, &Revision::Content("version: 0.0".into())).expect("an AppSpec");
        for absent in ["PlatformVersion", "CapacityProviderStrategy", "Hooks"] {
            assert!(!spec.contains(absent), "{spec}");
        }
    }

    #[test]
    fn unknown_hooks_are_an_error() {
        let no_container = TaskSet { container: None, ..set() };
        let content = |text: &str| Revision::Content(text.into());
        let rows = [
            (
                set(),
                Revision::Elsewhere("s3://bucket/spec".into()),
                "the AppSpec of the last deployment is in s3://bucket/spec, so its hooks are unknown",
            ),
            (
                set(),
                Revision::Registered("6f1ed002ab55".into()),
                "CodeDeploy does not return the AppSpec of the last deployment (SHA-256 6f1ed002ab55), so its hooks are \
                 unknown",
            ),
            (
                set(),
                content(": ["),
                "the AppSpec of the last deployment is invalid, so its hooks are unknown: ",
            ),
            (no_container, content("version: 0.0"), "the task set names no container behind a load balancer"),
        ];
        for (set, revision, expected) in rows {
            let reason = app_spec(&set, &revision).expect_err("no AppSpec");
            assert!(reason.starts_with(expected), "{reason}");
        }
    }
}
