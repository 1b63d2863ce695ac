//! What an operator can run: the next step of every message about a service.

use super::{Controller, TaskSet};
use crate::arn::ServiceRef;

/// Redeploys a service, whoever deploys it.
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

/// Shows the task sets, from which the tool that made them can be found.
#[must_use]
pub fn task_sets(service: &ServiceRef) -> String {
    let (cluster, name) = (service.cluster(), service.service());
    format!("aws ecs describe-services --cluster {cluster} --services {name} --query 'services[0].taskSets'")
}

/// Deploys again, with CodeDeploy, the revision of the deployment `last`.
#[must_use]
pub fn code_deploy(last: &str) -> String {
    format!(
        "aws deploy get-deployment --deployment-id {last} --output json \
         --query 'deploymentInfo.{{applicationName:applicationName,deploymentGroupName:deploymentGroupName,\
         revision:revision}}' > deployment.json && aws deploy create-deployment --cli-input-json \
         file://deployment.json"
    )
}
