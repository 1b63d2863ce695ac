//! Whether the roles may do what they will have to, with the permissions boundaries and the organization's policies.

use super::{
    facts::{Denied, Read},
    finding::{Finding, Severity, names},
};
use crate::{arn::Place, notify::message::Step};

/// What a role must be allowed to do to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The actions.
    pub actions: &'static [&'static str],
    /// The ARN of such a resource.
    pub resource: String,
    /// What a request says about itself, as keys and values of conditions.
    pub context: Option<(&'static str, &'static str)>,
}

/// The resources of the stack.
#[derive(Clone, Debug)]
pub struct Resources<'a> {
    /// The partition, account and Region.
    pub place: &'a Place,
    /// The schedule group.
    pub group: &'a str,
    /// The topic for messages.
    pub topic: &'a str,
    /// The role of the schedules.
    pub scheduler_role: &'a str,
    /// The dead-letter queue.
    pub queue: &'a str,
    /// The deploy and verify functions.
    pub woken: [&'a str; 2],
}

const SCHEDULES: &[&str] = &[
    "scheduler:CreateSchedule",
    "scheduler:GetSchedule",
    "scheduler:UpdateSchedule",
    "scheduler:DeleteSchedule",
];

fn needed(actions: &'static [&'static str], resource: String) -> Needed {
    Needed { actions, resource, context: None }
}

/// What ingest, deploy and verify have in common.
fn of_every_function(resources: &Resources<'_>) -> Vec<Needed> {
    let arn = |service: &str, resource: &str| resources.place.arn(service, resource);
    vec![
        needed(SCHEDULES, arn("scheduler", &format!("schedule/{}/name", resources.group))),
        needed(&["ecs:DescribeServices"], arn("ecs", "service/cluster/service")),
        needed(&["ecs:DescribeTasks"], arn("ecs", "task/cluster/task")),
        needed(&["ecs:ListTasks"], "*".to_owned()),
        needed(&["sns:Publish"], resources.topic.to_owned()),
        needed(&["sqs:SendMessage"], resources.queue.to_owned()),
        Needed {
            context: Some(("events:source", "ecs-task-patching")),
            ..needed(&["events:PutEvents"], arn("events", "event-bus/default"))
        },
        Needed {
            context: Some(("iam:PassedToService", "scheduler.amazonaws.com")),
            ..needed(&["iam:PassRole"], resources.scheduler_role.to_owned())
        },
    ]
}

/// What the role of ingest needs.
#[must_use]
pub fn of_ingest(resources: &Resources<'_>) -> Vec<Needed> {
    let mut all = of_every_function(resources);
    let listed = &["ecs:ListClusters", "ecs:ListAccountSettings", "scheduler:ListSchedules"];
    all.push(needed(listed, "*".to_owned()));
    all
}

/// What the role of deploy needs.
#[must_use]
pub fn of_deploy(resources: &Resources<'_>) -> Vec<Needed> {
    let mut all = of_every_function(resources);
    all.push(needed(&["ecs:UpdateService"], resources.place.arn("ecs", "service/cluster/service")));
    all.push(needed(&["ecs:DescribeTaskDefinition"], "*".to_owned()));
    all
}

/// What the role of verify needs.
#[must_use]
pub fn of_verify(resources: &Resources<'_>) -> Vec<Needed> {
    let mut all = of_every_function(resources);
    all.push(needed(&["scheduler:ListSchedules"], "*".to_owned()));
    all
}

/// What the role of the schedules needs.
#[must_use]
pub fn of_schedules(resources: &Resources<'_>) -> Vec<Needed> {
    let invoke =
        resources.woken.iter().map(|function| needed(&["lambda:InvokeFunction"], (*function).to_owned()));
    invoke.chain([needed(&["sqs:SendMessage"], resources.queue.to_owned())]).collect()
}

pub(super) fn findings(denied: &[(String, Read<Vec<Denied>>)]) -> Vec<Finding> {
    denied.iter().filter_map(|(user, denied)| of_role(user, denied)).collect()
}

fn of_role(user: &str, denied: &Read<Vec<Denied>>) -> Option<Finding> {
    let denied = match denied {
        Err(error) => return Some(Finding::unchecked(&format!("The permissions of {user}"), error)),
        Ok(denied) if denied.is_empty() => return None,
        Ok(denied) => denied,
    };
    let actions: Vec<String> = denied.iter().map(|denied| denied.action.clone()).collect();
    let by_organization = denied.iter().any(|denied| denied.by_organization);
    let (cause, fix) = if by_organization {
        (
            "a policy of the organization denies",
            "Have the organization's policy allow these actions to the role",
        )
    } else {
        (
            "its role does not allow",
            "Deploy the stack again, which restores its roles, and check the permissions boundary of the role",
        )
    };
    Some(Finding::new(
        Severity::Critical,
        &format!("{user} may not do what it has to: {cause} {}", names(&actions)),
        "A notice is not handled completely: the call is denied, and the input ends in the dead-letter queue",
        Step::new(fix),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::tests::only;

    #[test]
    fn a_missing_permission_is_critical_and_says_who_denies_it() {
        let denied = |by_organization| vec![Denied { action: "ecs:UpdateService".into(), by_organization }];
        for (by_organization, found) in [
            (false, "Deploy may not do what it has to: its role does not allow ecs:UpdateService."),
            (
                true,
                "Deploy may not do what it has to: a policy of the organization denies ecs:UpdateService.",
            ),
        ] {
            let finding = only(|facts| facts.denied.push(("deploy".into(), Ok(denied(by_organization)))));
            assert_eq!((finding.severity, finding.found.as_str()), (Severity::Critical, found));
        }
    }

    #[test]
    fn each_role_needs_what_its_function_calls() {
        let place =
            Place { partition: "aws-cn".into(), region: "cn-north-1".into(), account: "111122223333".into() };
        let resources = Resources {
            place: &place,
            group: "the-group",
            topic: "arn:topic",
            scheduler_role: "arn:role",
            queue: "arn:queue",
            woken: ["arn:deploy", "arn:verify"],
        };
        let has = |all: &[Needed], action: &str, resource: &str| {
            all.iter().any(|needed| needed.actions.contains(&action) && needed.resource == resource)
        };
        let deploy = of_deploy(&resources);
        assert!(has(
            &deploy,
            "ecs:UpdateService",
            "arn:aws-cn:ecs:cn-north-1:111122223333:service/cluster/service"
        ));
        assert!(has(
            &deploy,
            "scheduler:DeleteSchedule",
            "arn:aws-cn:scheduler:cn-north-1:111122223333:schedule/the-group/name"
        ));
        assert!(has(&of_ingest(&resources), "ecs:ListAccountSettings", "*"));
        for role in [of_ingest(&resources), of_verify(&resources)] {
            assert!(has(&role, "scheduler:ListSchedules", "*"));
        }
        assert!(has(&of_schedules(&resources), "lambda:InvokeFunction", "arn:verify"));
    }
}
