//! A service whose tasks AWS CodeDeploy replaces: what is deployed once more, and how far that is.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::TaskSet;

/// A deployment of AWS CodeDeploy, reduced to what decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeDeployment {
    /// Its id, such as `d-ABCDEF123`.
    pub id: String,
    /// The application.
    pub application: String,
    /// The deployment group.
    pub group: String,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// How far it is.
    pub progress: CodeProgress,
    /// What CodeDeploy says about its failure.
    pub error: Option<String>,
    /// What it deployed.
    pub revision: Revision,
}

/// How far a deployment of CodeDeploy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeProgress {
    /// It is waiting, replacing tasks, or keeping the old ones for a while.
    InProgress,
    /// It has ended well.
    Succeeded,
    /// It failed, or somebody stopped it.
    Failed,
}

/// What a deployment of CodeDeploy deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// An `AppSpec` that CodeDeploy keeps.
    Content(String),
    /// One that CodeDeploy keeps under this hash, and has not told yet.
    Registered(String),
    /// One that lies elsewhere, such as in S3.
    Elsewhere(String),
}

/// The `AppSpec` that deploys what runs once more: its task definition, container, port, platform version and
/// capacity providers, with the hooks of the last deployment.
///
/// Shape: <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>
///
/// # Errors
/// Says what is not known: the hooks, or the container behind the load balancer.
pub fn app_spec(set: &TaskSet, last: &Revision) -> Result<String, String> {
    let hooks = match last {
        Revision::Content(content) => hooks(content)?,
        Revision::Registered(hash) => {
            return Err(format!(
                "CodeDeploy does not return the AppSpec of the last deployment (SHA-256 {hash}), so its hooks are unknown"
            ));
        }
        Revision::Elsewhere(place) => {
            return Err(format!(
                "the AppSpec of the last deployment is in {place}, so its hooks are unknown"
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

/// The hooks of an `AppSpec`, which is YAML or JSON, and so YAML.
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
    fn what_runs_is_deployed_as_it_is_with_the_hooks_of_the_last_deployment() {
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
    fn what_the_task_set_does_not_have_is_left_out() {
        let plain = TaskSet { platform_version: None, capacity_providers: Vec::new(), ..set() };
        let spec = app_spec(&plain, &Revision::Content("version: 0.0".into())).expect("an AppSpec");
        for absent in ["PlatformVersion", "CapacityProviderStrategy", "Hooks"] {
            assert!(!spec.contains(absent), "{spec}");
        }
    }

    #[test]
    fn hooks_that_are_unknown_are_not_left_out() {
        let headless = TaskSet { container: None, ..set() };
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
            (headless, content("version: 0.0"), "the task set names no container behind a load balancer"),
        ];
        for (set, revision, expected) in rows {
            let reason = app_spec(&set, &revision).expect_err("unknown hooks");
            assert!(reason.starts_with(expected), "{reason}");
        }
    }
}
