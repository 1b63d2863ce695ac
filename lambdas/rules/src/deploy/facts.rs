//! Everything that deploy reads before it decides.

use chrono::{DateTime, Utc};

use super::blockers::Block;
use crate::{
    arn::ServiceRef,
    policy::{Policy, tags::Tags},
    schedule::wake::DeployInput,
    service::{Controller, ServiceState, code_deploy::CodeDeployment, command},
    time::calendar::Calendars,
};

/// Everything that deploy reads before it decides. What cannot change the decision is not read.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The input from the schedule.
    pub input: DeployInput,
    /// The service. `None` if it does not exist.
    pub service: Option<ServiceState>,
    /// The owner's choices, from the service's tags.
    pub tags: Tags,
    /// What blocks deployments. Read only where a deployment would start.
    pub blocks: Vec<Block>,
    /// Warnings of blockers that do not block.
    pub blocker_warnings: Vec<String>,
    /// What is known about the Change Calendars.
    pub calendars: Calendars,
    /// What CodeDeploy says. Read only where it would start a deployment.
    pub code_deploy: Option<CodeDeployFacts>,
}

/// What CodeDeploy says about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeDeployFacts {
    /// The deployment that created the running task set. `None` if CodeDeploy does not know it.
    pub last: Option<CodeDeployment>,
    /// A deployment that is in progress in its deployment group.
    pub running: Option<CodeDeployment>,
}

impl Facts {
    /// The facts that are known once the service has been read.
    #[must_use]
    pub fn of_service(input: DeployInput, service: Option<ServiceState>, policy: &Policy) -> Self {
        let tags = service.as_ref().map_or(&[][..], |service| &service.tags);
        let tags = Tags::read(&input.service, tags, policy.zone);
        Self {
            blocks: tags.held.iter().map(Block::unreadable).collect(),
            tags,
            calendars: policy.calendars.clone(),
            input,
            service,
            blocker_warnings: Vec::new(),
            code_deploy: None,
        }
    }

    /// The operator's policy with the owner's choices, and what is known about the calendars.
    #[must_use]
    pub fn policy(&self, policy: &Policy) -> Policy {
        Policy { calendars: self.calendars.clone(), ..self.tags.over(policy) }
    }

    /// What the owner should know about a deployment that starts, or would start.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.tags.problems.iter().chain(&self.blocker_warnings).cloned().collect()
    }

    /// A task created after this moment is on the new revision of every notice.
    #[must_use]
    pub fn cutoff(&self) -> DateTime<Utc> {
        self.input.cutoff()
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &ServiceRef {
        &self.input.service
    }

    /// What an operator can run to redeploy the service, if it exists.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let controller = self.service.as_ref().map(|service| &service.controller)?;
        Some(command::redeploy(self.name(), controller))
    }

    /// The task definition that a deployment would use.
    #[must_use]
    pub fn task_definition(&self) -> Option<&str> {
        let service = self.service.as_ref()?;
        match &service.controller {
            Controller::CodeDeploy(Some(set)) => Some(&set.task_definition),
            _ => service.task_definition.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        service::TaskSet,
        testing::{planned_for, service_with},
    };

    #[test]
    fn a_plan_from_the_facts_knows_what_was_read_of_the_calendars() {
        let mut facts = Facts::of_service(planned_for(Vec::new()), None, &Policy::default());
        facts.calendars = Calendars::parse("Freeze").unwrap();
        assert_eq!(facts.policy(&Policy::default()).calendars, facts.calendars);
    }

    #[test]
    fn the_task_definition_is_that_of_the_task_set_under_code_deploy() {
        let set = TaskSet {
            deployment: None,
            started_by: None,
            task_definition: "web:2".into(),
            container: None,
            platform_version: None,
            capacity_providers: Vec::new(),
        };
        let rows = [
            (Controller::Ecs, "web:1"),
            (Controller::CodeDeploy(Some(set)), "web:2"),
            (Controller::CodeDeploy(None), "web:1"),
        ];
        for (controller, expected) in rows {
            let state = service_with(&[], Vec::new());
            let state = ServiceState { controller, task_definition: Some("web:1".into()), ..state };
            let facts = Facts::of_service(planned_for(Vec::new()), Some(state), &Policy::default());
            assert_eq!(facts.task_definition(), Some(expected));
        }
    }
}
