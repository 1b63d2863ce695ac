//! Commands that an operator can run, for the next steps of a message.

use super::{Controller, Pause, ServiceState, TaskSet};
use crate::arn::ServiceRef;

/// The command that gets a service patched: it continues a paused deployment, or redeploys the service.
#[must_use]
pub fn patch(service: &ServiceRef, state: Option<&ServiceState>) -> String {
    match state {
        Some(ServiceState { pause: Some(pause), .. }) => resume(pause),
        Some(state) => redeploy(service, &state.controller),
        None => redeploy(service, &Controller::Ecs),
    }
}

/// The command that continues a paused deployment.
fn resume(pause: &Pause) -> String {
    let Pause { deployment_arn, hook, .. } = pause;
    format!(
        "aws ecs continue-service-deployment --service-deployment-arn {deployment_arn} --hook-id {hook} \
         --action CONTINUE"
    )
}

/// The command that redeploys a service. If an external or unknown tool deploys it, the command that shows its task
/// sets.
#[must_use]
pub fn redeploy(service: &ServiceRef, controller: &Controller) -> String {
    match controller {
        Controller::Ecs => force(service),
        Controller::CodeDeploy(Some(TaskSet { deployment: Some(id), .. })) => code_deploy(id),
        Controller::CodeDeploy(_) | Controller::External(_) | Controller::Unknown(_) => task_sets(service),
    }
}

fn force(service: &ServiceRef) -> String {
    let (cluster, name) = (service.cluster(), service.service());
    format!("aws ecs update-service --cluster {cluster} --service {name} --force-new-deployment")
}

/// The command that shows the task sets, which name the tool that created them.
#[must_use]
pub fn task_sets(service: &ServiceRef) -> String {
    let (cluster, name) = (service.cluster(), service.service());
    format!("aws ecs describe-services --cluster {cluster} --services {name} --query 'services[0].taskSets'")
}

/// The command that deploys the revision of the CodeDeploy deployment `last` again.
#[must_use]
pub fn code_deploy(last: &str) -> String {
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
    use crate::testing::{service_with, web};

    fn set(deployment: Option<&str>) -> TaskSet {
        TaskSet {
            deployment: deployment.map(str::to_owned),
            started_by: None,
            task_definition: "arn:td".into(),
            container: None,
            platform_version: None,
            capacity_providers: Vec::new(),
        }
    }

    #[test]
    fn a_command_suits_what_deploys_the_service() {
        let forced = "aws ecs update-service --cluster prod --service web --force-new-deployment";
        let shown = "aws ecs describe-services --cluster prod --services web --query 'services[0].taskSets'";
        let rows = [
            (Controller::Ecs, forced),
            (Controller::CodeDeploy(Some(set(None))), shown),
            (Controller::CodeDeploy(None), shown),
            (Controller::External(Some(set(Some("d-1")))), shown),
            (Controller::Unknown("new".into()), shown),
        ];
        for (controller, expected) in rows {
            assert_eq!(redeploy(&web(), &controller), expected, "{controller:?}");
        }
        let command = redeploy(&web(), &Controller::CodeDeploy(Some(set(Some("d-1")))));
        assert!(
            command.starts_with("aws deploy get-deployment --deployment-id d-1 --output json"),
            "{command}"
        );
        assert_eq!(patch(&web(), None), forced);
        let mut state = service_with(&[], vec![]);
        assert_eq!(patch(&web(), Some(&state)), forced);
        state.pause = Some(Pause {
            hook: "h-1".into(),
            deployment_arn: "arn:d".into(),
            expires_at: None,
            then_continues: false,
        });
        assert_eq!(
            patch(&web(), Some(&state)),
            "aws ecs continue-service-deployment --service-deployment-arn arn:d --hook-id h-1 --action CONTINUE"
        );
    }
}
