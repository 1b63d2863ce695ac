//! What deploy does when a schedule wakes it: read the service, then decide.

use chrono::{DateTime, Utc};

use crate::{date, entity::ServiceRef};

/// A service as ECS describes it, reduced to what decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// How many tasks should run.
    pub desired_count: i32,
    /// Who replaces its tasks.
    pub controller: Controller,
    /// Its deployments.
    pub deployments: Vec<Rollout>,
    /// When each of its running tasks was created, where ECS says so. Empty for a service that is not
    /// active.
    pub tasks: Vec<Option<DateTime<Utc>>>,
}

/// The service's deployment controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Amazon ECS: rolling, and native blue/green, linear and canary.
    Ecs,
    /// AWS CodeDeploy.
    CodeDeploy {
        /// The id of its last deployment, from which application and group are found.
        last_deployment: Option<String>,
    },
    /// Somebody's own tool.
    External,
    /// One that did not exist when this was written.
    Unknown(String),
}

/// One deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Its id.
    pub id: String,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// ECS is still replacing tasks.
    pub in_progress: bool,
}

/// What to do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it is patched, about to be, or needs none.
    Skip(String),
    /// Force a new deployment.
    Force(String),
    /// A person must act.
    Ask {
        /// Why it cannot be done here.
        reason: String,
        /// What they can run.
        command: String,
    },
}

/// Decides what becomes of a service whose tasks created up to `cutoff` are on the old revision. `state` is
/// nothing where ECS knows no such service.
#[must_use]
pub fn decide(service: &ServiceRef, state: Option<&ServiceState>, cutoff: DateTime<Utc>) -> Decision {
    let Some(state) = state else {
        return Decision::Skip("the service is gone".to_owned());
    };
    if state.status != "ACTIVE" {
        return Decision::Skip(format!("the service is {}", state.status));
    }
    if state.desired_count == 0 {
        return Decision::Skip("the service's desired count is 0: no task is to be patched".to_owned());
    }
    // New tasks start on the newest revision always, so their age is the proof.
    let is_new =
        |created_at: &Option<DateTime<Utc>>| created_at.is_some_and(|created_at| created_at > cutoff);
    let old = state.tasks.iter().filter(|created_at| !is_new(created_at)).count();
    if state.tasks.is_empty() {
        return Decision::Skip("no task is running: new ones start on the new revision".to_owned());
    }
    if old == 0 {
        return Decision::Skip(format!(
            "all {} running task(s) were created after {}: they are on the new revision",
            state.tasks.len(),
            date::utc(cutoff)
        ));
    }
    if let Some(rollout) =
        state.deployments.iter().find(|rollout| rollout.in_progress && is_new(&rollout.created_at))
    {
        return Decision::Skip(format!(
            "deployment {}, created after {}, is replacing the tasks",
            rollout.id,
            date::utc(cutoff)
        ));
    }
    let why = format!("{old} of {} running task(s) were created by {}", state.tasks.len(), date::utc(cutoff));
    match &state.controller {
        Controller::Ecs => Decision::Force(why),
        Controller::CodeDeploy { last_deployment } => Decision::Ask {
            reason: format!("{why}, and the deployment controller is CODE_DEPLOY, which ECS cannot force"),
            command: code_deploy_command(service, last_deployment.as_deref()),
        },
        Controller::External => Decision::Ask {
            reason: format!("{why}, and the deployment controller is EXTERNAL, which ECS cannot force"),
            command: external_command(service),
        },
        Controller::Unknown(name) => Decision::Ask {
            reason: format!("{why}, and the deployment controller is {name}, which is not known here"),
            command: external_command(service),
        },
    }
}

/// Deploys the running task definition once more through CodeDeploy, which keeps the `AppSpec` of the last
/// deployment's revision.
fn code_deploy_command(service: &ServiceRef, last_deployment: Option<&str>) -> String {
    let (cluster, name) = (service.cluster(), service.service());
    let Some(id) = last_deployment else {
        return format!(
            "aws ecs describe-services --cluster {cluster} --services {name}  # then create a deployment of the \
             running task definition with your CodeDeploy application"
        );
    };
    format!(
        "aws deploy get-deployment --deployment-id {id} --output json \
         --query 'deploymentInfo.{{applicationName:applicationName,deploymentGroupName:deploymentGroupName,\
         revision:revision}}' > deployment.json && aws deploy create-deployment --cli-input-json \
         file://deployment.json"
    )
}

fn external_command(service: &ServiceRef) -> String {
    format!(
        "aws ecs describe-services --cluster {} --services {} --query 'services[0].taskSets'  # then let the tool \
         that made these task sets replace them with new ones of the same task definition",
        service.cluster(),
        service.service()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTOFF: &str = "2026-11-25T18:00:00Z";

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

    fn web() -> ServiceRef {
        ServiceRef::new("prod", "web").expect("names of the test")
    }

    fn service(tasks: &[&str]) -> ServiceState {
        ServiceState {
            status: "ACTIVE".into(),
            desired_count: 2,
            controller: Controller::Ecs,
            deployments: vec![rollout("2026-11-01T00:00:00Z", false)],
            tasks: tasks.iter().map(|task| Some(instant(task))).collect(),
        }
    }

    fn rollout(created_at: &str, in_progress: bool) -> Rollout {
        Rollout { id: "ecs-svc/1".into(), created_at: Some(instant(created_at)), in_progress }
    }

    #[test]
    fn every_state_of_a_service_has_its_decision() {
        let old = "2026-11-20T00:00:00Z";
        let new = "2026-11-25T18:00:01Z";
        let with = |change: &dyn Fn(&mut ServiceState)| {
            let mut state = service(&[old, new]);
            change(&mut state);
            Some(state)
        };
        let rows = [
            (None, "skip: the service is gone"),
            (with(&|state| state.status = "DRAINING".into()), "skip: the service is DRAINING"),
            (with(&|state| state.status = "INACTIVE".into()), "skip: the service is INACTIVE"),
            (
                with(&|state| state.desired_count = 0),
                "skip: the service's desired count is 0: no task is to be patched",
            ),
            (
                Some(service(&[new, new])),
                "skip: all 2 running task(s) were created after Wed 2026-11-25 18:00 UTC: they are on the new revision",
            ),
            (Some(service(&[])), "skip: no task is running: new ones start on the new revision"),
            (
                Some(service(&[CUTOFF])),
                "force: 1 of 1 running task(s) were created by Wed 2026-11-25 18:00 UTC",
            ),
            (with(&|_| {}), "force: 1 of 2 running task(s) were created by Wed 2026-11-25 18:00 UTC"),
            (
                with(&|state| state.tasks.push(None)),
                "force: 2 of 3 running task(s) were created by Wed 2026-11-25 18:00 UTC",
            ),
            (
                with(&|state| state.deployments.push(rollout(new, true))),
                "skip: deployment ecs-svc/1, created after Wed 2026-11-25 18:00 UTC, is replacing the tasks",
            ),
            (
                // It failed or was rolled back: the old tasks are still there.
                with(&|state| state.deployments.push(rollout(new, false))),
                "force: 1 of 2 running task(s) were created by Wed 2026-11-25 18:00 UTC",
            ),
            (
                with(&|state| state.deployments.push(rollout(old, true))),
                "force: 1 of 2 running task(s) were created by Wed 2026-11-25 18:00 UTC",
            ),
        ];
        for (state, expected) in rows {
            let decision = match decide(&web(), state.as_ref(), instant(CUTOFF)) {
                Decision::Skip(reason) => format!("skip: {reason}"),
                Decision::Force(reason) => format!("force: {reason}"),
                Decision::Ask { reason, .. } => format!("ask: {reason}"),
            };
            assert_eq!(decision, expected);
        }
    }

    #[test]
    fn a_person_gets_a_command_for_what_ecs_cannot_force() {
        let ask = |controller| {
            let state = ServiceState { controller, ..service(&["2026-11-20T00:00:00Z"]) };
            match decide(&web(), Some(&state), instant(CUTOFF)) {
                Decision::Ask { reason, command } => (reason, command),
                other => panic!("expected a question, got {other:?}"),
            }
        };
        let (reason, command) = ask(Controller::CodeDeploy { last_deployment: Some("d-ABCDEF123".into()) });
        assert!(reason.ends_with("CODE_DEPLOY, which ECS cannot force"), "{reason}");
        assert!(command.starts_with("aws deploy get-deployment --deployment-id d-ABCDEF123 "), "{command}");
        assert!(
            command.ends_with("aws deploy create-deployment --cli-input-json file://deployment.json"),
            "{command}"
        );
        let (_, command) = ask(Controller::CodeDeploy { last_deployment: None });
        assert!(command.starts_with("aws ecs describe-services --cluster prod --services web "), "{command}");
        let (reason, command) = ask(Controller::External);
        assert!(reason.ends_with("EXTERNAL, which ECS cannot force"), "{reason}");
        assert!(command.contains("taskSets"), "{command}");
        let (reason, _) = ask(Controller::Unknown("NEW".into()));
        assert!(reason.ends_with("NEW, which is not known here"), "{reason}");
    }

    #[test]
    fn a_patched_service_is_left_alone_whatever_deploys_it() {
        for controller in [Controller::CodeDeploy { last_deployment: None }, Controller::External] {
            let state = ServiceState { controller, ..service(&["2026-11-26T00:00:00Z"]) };
            assert!(matches!(decide(&web(), Some(&state), instant(CUTOFF)), Decision::Skip(_)));
        }
    }
}
