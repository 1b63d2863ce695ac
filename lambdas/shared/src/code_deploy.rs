//! A service whose tasks AWS CodeDeploy replaces: what is deployed once more, and how far that is.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    date,
    decide::{Cause, TaskSet},
};

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

/// What to do with a service under CodeDeploy that has old tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeDecision {
    /// A deployment that makes every task new is under way: verify it.
    Verify(Cause, String, String),
    /// An older deployment is under way.
    Wait(String),
    /// Deploy this `AppSpec`.
    Deploy(String),
    /// A person must act.
    Ask {
        /// Why it cannot be done here.
        reason: String,
        /// What they can run.
        command: String,
    },
}

/// Decides what CodeDeploy is asked to do. `last` is the deployment that made the running task set, `running`
/// one that is under way in its group.
#[must_use]
pub fn decide(
    set: &TaskSet,
    last: &CodeDeployment,
    running: Option<&CodeDeployment>,
    cutoff: DateTime<Utc>,
) -> CodeDecision {
    if let Some(CodeDeployment { id, created_at, .. }) = running {
        let date = date::utc(cutoff);
        return if created_at.is_some_and(|created_at| created_at > cutoff) {
            let reason = format!("deployment {id}, created after {date}, is replacing the tasks");
            CodeDecision::Verify(Cause::Rolling, reason, id.clone())
        } else {
            CodeDecision::Wait(format!("deployment {id}, created before {date}, is still rolling out"))
        };
    }
    app_spec(set, &last.revision)
        .map_or_else(|reason| CodeDecision::Ask { reason, command: command(&last.id) }, CodeDecision::Deploy)
}

/// The `AppSpec` that deploys what runs once more: its task definition, container, port, platform version and
/// capacity providers, with the hooks of the last deployment.
///
/// Shape: <https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html>
///
/// # Errors
/// Says what is not known: the hooks, or the container behind the load balancer.
fn app_spec(set: &TaskSet, last: &Revision) -> Result<String, String> {
    let hooks = match last {
        Revision::Content(content) => hooks(content)?,
        Revision::Registered(hash) => {
            return Err(format!("CodeDeploy does not tell the AppSpec of the last deployment, {hash}"));
        }
        Revision::Elsewhere(place) => {
            return Err(format!(
                "the AppSpec of the last deployment is in {place}, so that its hooks are not known"
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
    let spec: Value = serde_saphyr::from_str(content)
        .map_err(|error| format!("the AppSpec of the last deployment cannot be read: {error}"))?;
    let hooks = spec.as_object().into_iter().flatten().find(|(key, _)| key.eq_ignore_ascii_case("hooks"));
    Ok(hooks.map(|(_, hooks)| hooks.clone()).filter(|hooks| !hooks.is_null()))
}

/// What a person can run: deploys the last deployment's revision once more.
#[must_use]
pub fn command(last: &str) -> String {
    format!(
        "aws deploy get-deployment --deployment-id {last} --output json \
         --query 'deploymentInfo.{{applicationName:applicationName,deploymentGroupName:deploymentGroupName,\
         revision:revision}}' > deployment.json && aws deploy create-deployment --cli-input-json \
         file://deployment.json"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTOFF: &str = "2026-11-25T18:00:00Z";

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

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

    fn deployment(id: &str, created_at: &str, revision: Revision) -> CodeDeployment {
        CodeDeployment {
            id: id.into(),
            application: "app".into(),
            group: "group".into(),
            created_at: Some(instant(created_at)),
            progress: CodeProgress::InProgress,
            error: None,
            revision,
        }
    }

    fn last(revision: &str) -> CodeDeployment {
        deployment("d-1", "2026-10-01T00:00:00Z", Revision::Content(revision.into()))
    }

    #[test]
    fn what_runs_is_deployed_as_it_is_with_the_hooks_of_the_last_deployment() {
        let yaml = "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        \
                    TaskDefinition: \"arn:old:3\"\nhooks:\n  - BeforeAllowTraffic: \"arn:aws:lambda:check\"\n";
        let json = json!({"version": 0.0, "Resources": [], "Hooks": [{"BeforeAllowTraffic": "arn:aws:lambda:check"}]});
        for revision in [yaml.to_owned(), json.to_string()] {
            let CodeDecision::Deploy(spec) = decide(&set(), &last(&revision), None, instant(CUTOFF)) else {
                panic!("expected a deployment of {revision}");
            };
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
        let CodeDecision::Deploy(spec) = decide(&plain, &last("version: 0.0"), None, instant(CUTOFF)) else {
            panic!("expected a deployment");
        };
        for absent in ["PlatformVersion", "CapacityProviderStrategy", "Hooks"] {
            assert!(!spec.contains(absent), "{spec}");
        }
    }

    #[test]
    fn a_person_is_asked_rather_than_hooks_left_out() {
        let elsewhere =
            deployment("d-1", "2026-10-01T00:00:00Z", Revision::Elsewhere("s3://bucket/spec".into()));
        let headless = TaskSet { container: None, ..set() };
        let rows = [
            (
                set(),
                elsewhere,
                "the AppSpec of the last deployment is in s3://bucket/spec, so that its hooks are not known",
            ),
            (set(), last(": ["), "the AppSpec of the last deployment cannot be read: "),
            (headless, last("version: 0.0"), "the task set names no container behind a load balancer"),
        ];
        for (set, last, expected) in rows {
            let CodeDecision::Ask { reason, command } = decide(&set, &last, None, instant(CUTOFF)) else {
                panic!("expected a question");
            };
            assert!(reason.starts_with(expected), "{reason}");
            assert!(command.starts_with("aws deploy get-deployment --deployment-id d-1 "), "{command}");
            assert!(
                command.ends_with("create-deployment --cli-input-json file://deployment.json"),
                "{command}"
            );
        }
    }

    #[test]
    fn one_that_runs_is_verified_if_it_is_new_enough_and_waited_for_if_not() {
        let running = |created_at| deployment("d-2", created_at, Revision::Content(String::new()));
        let new = decide(&set(), &last(""), Some(&running("2026-11-25T18:00:01Z")), instant(CUTOFF));
        assert!(matches!(new, CodeDecision::Verify(Cause::Rolling, _, id) if id == "d-2"));
        let old = decide(&set(), &last(""), Some(&running(CUTOFF)), instant(CUTOFF));
        assert!(matches!(old, CodeDecision::Wait(reason) if reason.contains("d-2")));
    }
}
