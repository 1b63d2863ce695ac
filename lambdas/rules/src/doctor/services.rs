//! The services that run on Fargate: what would keep one of them from being patched.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{
    facts::{Context, Facts, ServiceFacts},
    finding::{Finding, LISTED, Severity, names},
};
use crate::{
    notify::message::Step,
    plan::spread::most_starts,
    policy::{Mode, tags::Tags},
    service::{Controller, image::warning},
    wording::{count, is},
};

impl ServiceFacts {
    /// Whether a rolling update can replace a task: start a new one first, or stop an old one first. ECS rounds the minimum up
    /// and the maximum down.
    fn can_roll(&self) -> bool {
        let (desired, (minimum, maximum)) = (i64::from(self.desired_count), self.percent);
        let most = desired * i64::from(maximum) / 100;
        let least = (desired * i64::from(minimum) + 99) / 100;
        desired == 0 || most > desired || least < desired
    }
}

pub(super) fn findings(facts: &Facts, context: &Context<'_>) -> Vec<Finding> {
    let all = match &facts.services {
        Err(error) => return vec![Finding::unchecked("The services on Fargate", error)],
        Ok(all) => all,
    };
    let tags: Vec<Tags> =
        all.iter().map(|one| Tags::read(&one.service, &one.tags, context.policy.zone)).collect();
    let concerned: Vec<(&ServiceFacts, &Tags)> =
        all.iter().zip(&tags).filter(|(_, tags)| tags.mode(context.policy) != Mode::Off).collect();
    let crowded = crowded(&concerned, context);
    let concerned: Vec<&ServiceFacts> = concerned.into_iter().map(|(one, _)| one).collect();
    let rolling: Vec<&ServiceFacts> =
        concerned.iter().copied().filter(|one| one.controller == Controller::Ecs).collect();
    let mut found: Vec<Finding> =
        all.iter().zip(&tags).filter_map(|(one, tags)| unreadable(one, tags)).collect();
    found.extend(crowded);
    found.extend(stuck(&rolling));
    found.extend(by_hand(&concerned, context));
    found.extend(without_breaker(&rolling));
    found.extend(mutable(&concerned));
    if facts.images_unread > 0 {
        found.push(Finding::new(
            Severity::Note,
            &format!(
                "the images of {} were not checked, because there are many or Amazon ECS did not answer",
                count(facts.images_unread, "service")
            ),
            "Whether their images can change is unknown until they are deployed",
            Step::new("Nothing to do: a deployment whose images can change warns its owner"),
        ));
    }
    found
}

fn unreadable(one: &ServiceFacts, tags: &Tags) -> Option<Finding> {
    if tags.problems.is_empty() {
        return None;
    }
    let means = if tags.held.is_some() {
        "A notice finds the service held, and AWS replaces its tasks from the retirement date"
    } else {
        "A notice is planned without what the owner wants"
    };
    let fix = Step::new("Fix the tag of the service: docs/configuration.md, \"Tags\"");
    let found = format!("on {}, {}", one.service, tags.problems.join("; "));
    Some(Finding::new(Severity::Warning, &found, means, fix))
}

/// One finding for several services.
fn of_several(
    severity: Severity,
    services: &[&ServiceFacts],
    (found, means): (&str, &str),
    fix: Step,
) -> Option<Finding> {
    let all: Vec<String> = services.iter().map(|one| one.service.to_string()).collect();
    let found = format!("{} {found}: {}", count(all.len(), "service"), names(&all));
    (!all.is_empty()).then(|| Finding::new(severity, &found, means, fix))
}

/// The command that changes the deployment configuration of the services that a finding lists.
fn configure(services: &[&ServiceFacts], configuration: &str) -> String {
    let update = |cluster: &str, service: &str| {
        format!(
            "aws ecs update-service --cluster {cluster} --service {service} --deployment-configuration {configuration}"
        )
    };
    if let [only] = services {
        return update(only.service.cluster(), only.service.service());
    }
    let listed: Vec<String> = services.iter().take(LISTED).map(|one| one.service.to_string()).collect();
    format!("for s in {}; do {}; done", listed.join(" "), update("${s%/*}", "${s#*/}"))
}

/// A finding for each window that is too short for the services that share it.
fn crowded(concerned: &[(&ServiceFacts, &Tags)], context: &Context<'_>) -> Vec<Finding> {
    let mut shared: BTreeMap<String, (usize, TimeDelta)> = BTreeMap::new();
    for (_, tags) in concerned.iter().filter(|(one, _)| one.controller == Controller::Ecs) {
        let windows = tags.windows.as_ref().unwrap_or(&context.policy.windows);
        let shortest = windows.iter().map(|window| window.length()).min().unwrap_or_default();
        shared.entry(windows.to_string()).or_insert((0, shortest)).0 += 1;
    }
    let too_many = shared.into_iter().filter(|(_, (services, length))| *services > most_starts(*length));
    let finding = |(windows, (services, length)): (String, (usize, TimeDelta))| {
        let found = format!(
            "{} share {windows}, in which Amazon ECS starts at most {} deployments",
            count(services, "service"),
            most_starts(length)
        );
        let means =
            "The others are planned for a later window, or AWS replaces their tasks from the retirement date";
        let fix = Step::new(
            "Make the window longer, or give some of the services other windows with the tag ecs-task-patching:window",
        );
        Finding::new(Severity::Warning, &found, means, fix)
    };
    too_many.map(finding).collect()
}

fn stuck(rolling: &[&ServiceFacts]) -> Option<Finding> {
    let stuck: Vec<&ServiceFacts> = rolling.iter().copied().filter(|one| !one.can_roll()).collect();
    let verb = is(stuck.len());
    let text = format!(
        "{verb} unable to replace a task, because of minimumHealthyPercent, maximumPercent and the desired count"
    );
    let command = configure(&stuck, "minimumHealthyPercent=100,maximumPercent=200");
    let means = "A deployment starts no new task and stops no old one, so the service stays unpatched";
    of_several(
        Severity::Warning,
        &stuck,
        (&text, means),
        Step::with("Let ECS start a task before it stops one", Some(command)),
    )
}

fn by_hand(concerned: &[&ServiceFacts], context: &Context<'_>) -> Option<Finding> {
    let needs_person = |one: &&ServiceFacts| match one.controller {
        Controller::Ecs => false,
        Controller::CodeDeploy(_) => !context.policy.code_deploy,
        Controller::External(_) | Controller::Unknown(_) => true,
    };
    let manual: Vec<&ServiceFacts> = concerned.iter().copied().filter(needs_person).collect();
    let found = "cannot be redeployed by this stack, because of the deployment controller";
    let means = "The owner gets a message with the command to run, and has to run it";
    let fix =
        Step::new("Tell the owners. For CODE_DEPLOY, EnableCodeDeploy=true redeploys them with CodeDeploy");
    of_several(Severity::Warning, &manual, (found, means), fix)
}

fn without_breaker(rolling: &[&ServiceFacts]) -> Option<Finding> {
    let without: Vec<&ServiceFacts> = rolling.iter().copied().filter(|one| !one.circuit_breaker).collect();
    let verb = if without.len() == 1 { "has" } else { "have" };
    let command = configure(&without, "'deploymentCircuitBreaker={enable=true,rollback=true}'");
    let means = "A deployment that fails does not end by itself; the owner is notified that it is stuck";
    let fix = Step::with("Turn on the circuit breaker with rollback", Some(command));
    of_several(Severity::Note, &without, (&format!("{verb} no deployment circuit breaker"), means), fix)
}

fn mutable(concerned: &[&ServiceFacts]) -> Option<Finding> {
    let can_change =
        |one: &&ServiceFacts| one.containers.as_deref().is_some_and(|all| warning(all).is_some());
    let mutable: Vec<&ServiceFacts> = concerned.iter().copied().filter(can_change).collect();
    let verb = if mutable.len() == 1 { "has" } else { "have" };
    let means = "A new deployment resolves the tags again and may ship new code";
    let fix = Step::new("Pin each image by its digest, name@sha256:…, in the task definition");
    of_several(Severity::Note, &mutable, (&format!("{verb} images that can change"), means), fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::tests::only, service::image::Container, testing::web};

    fn healthy() -> ServiceFacts {
        let image = format!("example/app@sha256:{}", "0123456789abcdef".repeat(4));
        ServiceFacts {
            service: web(),
            tags: Vec::new(),
            controller: Controller::Ecs,
            circuit_breaker: true,
            desired_count: 2,
            percent: (100, 200),
            containers: Some(vec![Container { name: "app".into(), image }]),
        }
    }

    fn only_about(change: impl FnOnce(&mut ServiceFacts)) -> Finding {
        let mut service = healthy();
        change(&mut service);
        only(|facts| facts.services = Ok(vec![service]))
    }

    #[test]
    fn each_problem_of_a_service_is_found() {
        type Row = (Box<dyn FnOnce(&mut ServiceFacts)>, Severity, &'static str);
        let tag = |key: &str, value: &str| vec![(format!("ecs-task-patching:{key}"), value.to_owned())];
        let rows: [Row; 6] = [
            (
                Box::new(move |one| one.tags = tag("mode", "never")),
                Severity::Warning,
                "On prod/web, tag ecs-task-patching:mode is \"never\"",
            ),
            (
                Box::new(|one| one.percent = (100, 100)),
                Severity::Warning,
                "1 service is unable to replace a task",
            ),
            (
                Box::new(|one| one.controller = Controller::External(None)),
                Severity::Warning,
                "1 service cannot be redeployed by this stack",
            ),
            (
                Box::new(|one| one.controller = Controller::CodeDeploy(None)),
                Severity::Warning,
                "1 service cannot be redeployed by this stack",
            ),
            (
                Box::new(|one| one.circuit_breaker = false),
                Severity::Note,
                "1 service has no deployment circuit breaker: prod/web.",
            ),
            (
                Box::new(|one| {
                    one.containers = Some(vec![Container { name: "app".into(), image: "app:latest".into() }]);
                }),
                Severity::Note,
                "1 service has images that can change: prod/web.",
            ),
        ];
        for (change, severity, found) in rows {
            let finding = only_about(change);
            assert_eq!(finding.severity, severity, "{finding:?}");
            assert!(finding.found.starts_with(found), "{finding:?}");
        }
    }

    #[test]
    fn a_healthy_service_and_one_that_opted_out_have_no_findings() {
        let off = ServiceFacts {
            tags: vec![("ecs-task-patching:mode".into(), "off".into())],
            circuit_breaker: false,
            controller: Controller::External(None),
            containers: None,
            ..healthy()
        };
        let mut facts = crate::doctor::tests::healthy();
        facts.services = Ok(vec![healthy(), off]);
        assert_eq!(crate::doctor::tests::found(&facts), []);
        let unread = only(|facts| facts.images_unread = 3);
        assert_eq!(
            unread.found,
            "The images of 3 services were not checked, because there are many or Amazon ECS did not answer."
        );
    }

    #[test]
    fn a_window_that_is_too_short_for_its_services_is_found() {
        let tag = ("ecs-task-patching:window".to_owned(), "Sat 01:00-01:10".to_owned());
        let tagged = |count: usize| {
            let mut facts = crate::doctor::tests::healthy();
            let one = ServiceFacts { tags: vec![tag.clone()], ..healthy() };
            // Others have the windows of the parameter.
            facts.services = Ok([vec![one; count], vec![healthy(); 60]].concat());
            crate::doctor::tests::found(&facts)
        };
        assert_eq!(tagged(50), []);
        let found = tagged(51);
        let [finding] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(
            finding.found,
            "51 services share Sat 01:00-01:10 UTC, in which Amazon ECS starts at most 50 deployments."
        );
    }

    #[test]
    fn each_service_that_is_named_has_its_command() {
        let api = crate::arn::ServiceRef::new("prod", "api").unwrap();
        let without = |service| ServiceFacts { service, circuit_breaker: false, ..healthy() };
        let finding = only(|facts| facts.services = Ok(vec![without(api), without(web())]));
        let expected = "for s in prod/api prod/web; do aws ecs update-service --cluster ${s%/*} --service ${s#*/} \
                        --deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=true}'; done";
        assert_eq!(finding.command.as_deref(), Some(expected));
    }

    #[test]
    fn what_a_tag_means_is_said_once() {
        for (key, value) in [("mode", "never"), ("window", "whenever")] {
            let finding =
                only_about(|one| one.tags = vec![(format!("ecs-task-patching:{key}"), value.to_owned())]);
            let consequence = finding.found.trim_end_matches('.').rsplit("; ").next().unwrap().to_owned();
            assert!(!finding.means.to_lowercase().contains(&consequence.to_lowercase()), "{finding:?}");
        }
    }

    #[test]
    fn a_rolling_update_needs_room_for_one_task() {
        let rows = [
            (2, (100, 200), true),
            (2, (100, 100), false),
            (2, (50, 100), true),
            (1, (100, 150), false),
            (1, (100, 200), true),
            (1, (50, 100), false),
            (1, (0, 100), true),
            (0, (100, 100), true),
        ];
        for (desired_count, percent, expected) in rows {
            let service = ServiceFacts { desired_count, percent, ..healthy() };
            assert_eq!(service.can_roll(), expected, "{desired_count} {percent:?}");
        }
    }
}
