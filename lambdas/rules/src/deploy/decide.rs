//! What deploy does with a service at its start time. The rows of the table "What wins over what" in
//! `docs/scheduling.md` are in [`need`] (what the service needs), [`decide`] (the mode) and `hold` (why it waits). Where
//! several apply, the first row wins.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    blockers::Block,
    facts::{CodeDeployFacts, Facts},
};
use crate::{
    outcome::Cause,
    policy::{Mode, Policy, tags::OPTED_OUT},
    schedule::control::Approval,
    service::{
        Controller, ServiceState, TaskSet,
        code_deploy::{CodeDeployment, app_spec},
        command, is_after,
    },
    time::instant::utc,
};

/// What to do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing.
    Skip {
        /// The cause, to count by.
        cause: Cause,
        /// Why.
        reason: String,
    },
    /// Nothing but a verification check: the service is patched, or a deployment is patching it.
    Verify {
        /// The cause, to count by.
        cause: Cause,
        /// Why.
        reason: String,
        /// The deployment in progress.
        deployment: Option<String>,
    },
    /// Retry later.
    Wait {
        /// What keeps the deployment from starting.
        reason: String,
        /// Where it is retried.
        within: Within,
        /// Something that blocks is unreadable: the owner must fix it, though the deployment is retried.
        unreadable: bool,
        /// What an operator can run instead.
        command: Option<String>,
    },
    /// The owner must act.
    NotActionable {
        /// Why it cannot be done here.
        reason: String,
        /// What the owner can run.
        command: String,
    },
    /// Force a new deployment.
    Force {
        /// Why.
        reason: String,
    },
    /// Deploy with CodeDeploy.
    CodeDeploy {
        /// Why.
        reason: String,
        /// The last deployment, whose application and deployment group are used.
        last: CodeDeployment,
        /// The `AppSpec` to deploy.
        app_spec: String,
    },
}

/// Where a deployment that cannot start is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// In the window of its start time, while that is open.
    SameWindow,
    /// In another window: the one of its start time is no longer the service's.
    OtherWindow,
}

/// Tasks this young may come from a delivery that failed before scheduling verification.
const JUST_STARTED: TimeDelta = TimeDelta::minutes(15);

/// Decides what becomes of a service at its start time.
#[must_use]
pub fn decide(facts: &Facts, policy: &Policy, now: DateTime<Utc>) -> Decision {
    let policy = &facts.policy(policy);
    let need = match need(facts, policy, now) {
        Ok(need) => need,
        Err((cause, reason)) => return Decision::Skip { cause, reason },
    };
    match (policy.mode, need) {
        (Mode::Off, _) => Decision::Skip { cause: Cause::OptedOut, reason: OPTED_OUT.to_owned() },
        (Mode::Observe, need) => {
            let would =
                hold(facts, policy, &need, now).map_or_else(|| need.would(), |hold| would_wait(&hold.reason));
            Decision::Skip { cause: Cause::Observed, reason: format!("observe mode: {would}") }
        }
        (Mode::Deploy | Mode::Approve, need) => match (hold(facts, policy, &need, now), need) {
            (Some(Hold { reason, within, unreadable }), _) => {
                Decision::Wait { reason, within, unreadable, command: facts.command() }
            }
            (None, Need::Verification(cause, reason, deployment)) => {
                Decision::Verify { cause, reason, deployment }
            }
            (None, Need::Patience(reason)) => Decision::Wait {
                reason,
                within: Within::SameWindow,
                unreadable: false,
                command: facts.command(),
            },
            (None, Need::Owner(reason)) => Decision::NotActionable {
                reason,
                command: command::patch(facts.name(), facts.service.as_ref()),
            },
            (None, Need::Force(reason)) => Decision::Force { reason },
            (None, Need::CodeDeploy(reason, set)) => with_code_deploy(facts, reason, &set),
        },
    }
}

/// Whether a deployment starts, or would start in another mode: what its tasks will run matters only then.
#[must_use]
pub fn ships(facts: &Facts, policy: &Policy, decision: &Decision, now: DateTime<Utc>) -> bool {
    let would = || need(facts, &facts.policy(policy), now).is_ok_and(|need| need.starts());
    match decision {
        Decision::Force { .. } | Decision::CodeDeploy { .. } => true,
        Decision::Skip { cause: Cause::Observed, .. } => would(),
        _ => false,
    }
}

/// What a service needs, whatever its owner chose and whatever blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// A verification check: tasks were replaced just now, or are being replaced by this deployment.
    Verification(Cause, String, Option<String>),
    /// Another deployment has to end first.
    Patience(String),
    /// The owner, because ECS cannot force a deployment of it.
    Owner(String),
    /// A forced deployment.
    Force(String),
    /// A deployment of this task set by CodeDeploy.
    CodeDeploy(String, TaskSet),
}

impl Need {
    /// Whether a deployment would start, if nothing blocked it.
    #[must_use]
    pub fn starts(&self) -> bool {
        matches!(self, Self::Force(_) | Self::CodeDeploy(..))
    }

    fn would(&self) -> String {
        match self {
            Self::Verification(_, reason, _) => format!("would do nothing: {reason}"),
            Self::Patience(reason) => would_wait(reason),
            Self::Owner(reason) => format!("would notify the owner: {reason}"),
            Self::Force(reason) => format!("would force a new deployment: {reason}"),
            Self::CodeDeploy(reason, _) => format!("would start a CodeDeploy deployment: {reason}"),
        }
    }
}

fn would_wait(reason: &str) -> String {
    format!("would wait: {reason}")
}

/// What a service needs, by its tasks, its deployments and its deployment controller, whatever blocks.
///
/// # Errors
/// Says why it needs nothing.
pub fn need(facts: &Facts, policy: &Policy, now: DateTime<Utc>) -> Result<Need, (Cause, String)> {
    let cutoff = facts.cutoff();
    let state = ServiceState::to_patch(facts.service.as_ref())?;
    let rolling = state.rolling();
    if let Some(reason) = state.all_new(cutoff) {
        let just_started = state.tasks.iter().flatten().any(|created_at| *created_at > now - JUST_STARTED);
        if rolling.is_none() && !just_started && !state.tasks.is_empty() {
            return Err((Cause::Patched, reason));
        }
        return Ok(Need::Verification(Cause::Patched, reason, rolling.map(|rollout| rollout.id.clone())));
    }
    if let Some(rollout) = rolling {
        return Ok(match InProgress::of(&rollout.id, rollout.created_at, cutoff) {
            InProgress::Patching(reason) => {
                Need::Verification(Cause::Rolling, reason, Some(rollout.id.clone()))
            }
            InProgress::Outdated(reason) => Need::Patience(reason),
        });
    }
    let why = state.describe_old_tasks(cutoff);
    Ok(match &state.controller {
        Controller::Ecs => Need::Force(why),
        Controller::CodeDeploy(_) if !policy.code_deploy => Need::Owner(format!(
            "{why}, the deployment controller is CODE_DEPLOY, and EnableCodeDeploy is false"
        )),
        Controller::CodeDeploy(Some(running)) => Need::CodeDeploy(why, running.clone()),
        Controller::CodeDeploy(None) => Need::Owner(format!(
            "{why}, and the deployment controller is CODE_DEPLOY, but ECS reports no task set"
        )),
        Controller::External(set) => Need::Owner(format!(
            "{why}, and the deployment controller is EXTERNAL, which ECS cannot force: its task set was started by {:?} \
             from {}",
            set.as_ref().and_then(|set| set.started_by.as_deref()).unwrap_or("unknown"),
            set.as_ref().map_or("an unknown task definition", |set| &set.task_definition),
        )),
        Controller::Unknown(name) => {
            Need::Owner(format!("{why}, and the deployment controller {name} is not supported"))
        }
    })
}

/// A deployment that is already replacing tasks.
enum InProgress {
    /// It was created after the cut-off: its tasks are new.
    Patching(String),
    /// It was created before the cut-off: it has to end first.
    Outdated(String),
}

impl InProgress {
    fn of(id: &str, created_at: Option<DateTime<Utc>>, cutoff: DateTime<Utc>) -> Self {
        let date = utc(cutoff);
        if is_after(created_at, cutoff) {
            Self::Patching(format!("deployment {id}, created after {date}, is replacing the tasks"))
        } else {
            Self::Outdated(format!("deployment {id}, created before {date}, is still rolling out"))
        }
    }
}

/// Why a deployment that is needed does not start now.
struct Hold {
    reason: String,
    within: Within,
    unreadable: bool,
}

/// Why a start time is not approved.
fn unapproved(approval: Option<Approval>) -> &'static str {
    match approval {
        Some(Approval::Missed) => "nobody approved the deployment before its start time",
        _ => "the deployment needs approval, and nobody was asked for it yet",
    }
}

/// Why a deployment that is needed does not start now, if it does not.
fn hold(facts: &Facts, policy: &Policy, need: &Need, now: DateTime<Utc>) -> Option<Hold> {
    if !need.starts() {
        return None;
    }
    if policy.mode == Mode::Approve && !facts.input.control.is_approved() {
        let reason = unapproved(facts.input.control.approval).to_owned();
        return Some(Hold { reason, within: Within::OtherWindow, unreadable: false });
    }
    if facts.input.is_late(now) {
        let reason = "the window closed before the deployment could start".to_owned();
        return Some(Hold { reason, within: Within::SameWindow, unreadable: false });
    }
    if facts.input.is_outside(&policy.windows, now) {
        let reason = format!("outside the current windows ({})", policy.windows);
        return Some(Hold { reason, within: Within::OtherWindow, unreadable: false });
    }
    if facts.blocks.is_empty() {
        return None;
    }
    let (unreadable, known): (Vec<&Block>, Vec<&Block>) =
        facts.blocks.iter().partition(|block| block.unreadable);
    let reasons: Vec<&str> = known.iter().chain(&unreadable).map(|block| block.reason.as_str()).collect();
    Some(Hold { reason: reasons.join("; "), within: Within::SameWindow, unreadable: !unreadable.is_empty() })
}

/// What becomes of a service whose tasks CodeDeploy replaces.
fn with_code_deploy(facts: &Facts, reason: String, set: &TaskSet) -> Decision {
    let Some(CodeDeployFacts { last: Some(last), running }) = &facts.code_deploy else {
        return Decision::NotActionable {
            reason: format!("{reason}, and CodeDeploy does not know the deployment that made its task set"),
            command: command::task_sets(facts.name()),
        };
    };
    let again = command::code_deploy(&last.id);
    if let Some(running) = running {
        return match InProgress::of(&running.id, running.created_at, facts.cutoff()) {
            InProgress::Patching(reason) => {
                Decision::Verify { cause: Cause::Rolling, reason, deployment: Some(running.id.clone()) }
            }
            InProgress::Outdated(reason) => {
                Decision::Wait { reason, within: Within::SameWindow, unreadable: false, command: Some(again) }
            }
        };
    }
    match app_spec(set, &last.revision) {
        Ok(app_spec) => Decision::CodeDeploy { reason, last: last.clone(), app_spec },
        Err(why) => Decision::NotActionable { reason: format!("{reason}, and {why}"), command: again },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arn::ServiceRef,
        notice::NoticeRef,
        schedule::{control::Control, wake::DeployInput},
        service::{
            Progress,
            code_deploy::{CodeProgress, Revision},
        },
        testing::{instant, policy, rollout, service_with, web},
    };

    const CUTOFF: &str = "2026-11-25T18:00:00Z";
    /// The start time: a Friday, in the default window.
    const NOW: &str = "2026-11-27T22:00:00Z";
    const OLD: &str = "2026-11-20T00:00:00Z";
    const NEW: &str = "2026-11-25T18:00:01Z";
    const ONE_OLD: &str = "1 of 2 running tasks was created before Wed 25 Nov 2026 18:00 UTC";

    fn service(tasks: &[&str]) -> ServiceState {
        service_with(tasks, vec![rollout("ecs-svc/1", "2026-11-01T00:00:00Z", Progress::Completed)])
    }

    fn task_set() -> TaskSet {
        TaskSet {
            deployment: Some("d-1".into()),
            started_by: Some("my-tool".into()),
            task_definition: "arn:task-definition/web:7".into(),
            container: Some(("app".into(), 80)),
            platform_version: None,
            capacity_providers: Vec::new(),
        }
    }

    fn code_deployment(id: &str, created_at: &str) -> CodeDeployment {
        CodeDeployment {
            id: id.into(),
            application: "app".into(),
            group: "group".into(),
            created_at: Some(instant(created_at)),
            progress: CodeProgress::Succeeded,
            error: None,
            revision: Revision::Content("version: 0.0".into()),
        }
    }

    /// What deploy knows of a service whose schedule fires at its start time.
    fn facts(state: Option<ServiceState>) -> Facts {
        let notice =
            NoticeRef { event_arn: "arn:1".into(), starts_at: None, cutoff: instant(CUTOFF), drill: false };
        let input = DeployInput {
            service: web(),
            notices: vec![notice],
            slot: instant(NOW),
            window_ends_at: instant("2026-11-28T02:00:00Z"),
            windows: Some(Policy::default().windows.to_string()),
            zone: None,
            fallback: false,
            spread_minutes: None,
            attempt: 0,
            scheduled_for: Some(instant(NOW)),
            woken: Some(0),
            control: Control::default(),
        };
        Facts::of_service(input, state, &Policy::default())
    }

    fn seen(decision: Decision) -> String {
        match decision {
            Decision::Skip { cause, reason } => format!("skip ({}): {reason}", cause.word()),
            Decision::Verify { cause, reason, deployment } => {
                format!("verify ({}) {}: {reason}", cause.word(), deployment.unwrap_or_default())
            }
            Decision::Force { reason } => format!("force: {reason}"),
            Decision::CodeDeploy { reason, last, .. } => format!("CodeDeploy again {}: {reason}", last.id),
            Decision::Wait { reason, within, unreadable, .. } => {
                let unreadable = if unreadable { ", unreadable" } else { "" };
                format!("wait ({within:?}{unreadable}): {reason}")
            }
            Decision::NotActionable { reason, command } => format!("not actionable: {reason}: {command}"),
        }
    }

    fn decided(facts: &Facts) -> String {
        seen(decide(facts, &Policy { code_deploy: true, ..Policy::default() }, instant(NOW)))
    }

    #[test]
    fn what_needs_approval_starts_only_with_it() {
        let policy = Policy { mode: Mode::Approve, ..Policy::default() };
        let missed = "wait (OtherWindow): nobody approved the deployment before its start time";
        let never = "wait (OtherWindow): the deployment needs approval, and nobody was asked for it yet";
        let force = format!("force: {ONE_OLD}");
        let rows = [
            (Some(Approval::Given), force.as_str()),
            (Some(Approval::Awaited), &force), // somebody enabled the schedule
            (Some(Approval::Missed), missed),
            (None, never),
        ];
        for (approval, expected) in rows {
            let mut facts = facts(Some(service(&[OLD, NEW])));
            facts.input.control.approval = approval;
            assert_eq!(seen(decide(&facts, &policy, instant(NOW))), expected);
        }
        // Without the need for approval, what was asked before does not matter.
        let mut facts = facts(Some(service(&[OLD, NEW])));
        facts.input.control.approval = Some(Approval::Missed);
        assert_eq!(decided(&facts), force);
    }

    #[test]
    fn every_state_of_a_service_has_its_decision() {
        use Progress::{Completed, Failed, InProgress};
        let with = |change: &dyn Fn(&mut ServiceState)| {
            let mut state = service(&[OLD, NEW]);
            change(&mut state);
            Some(state)
        };
        let task_sets =
            "aws ecs describe-services --cluster prod --services web --query 'services[0].taskSets'";
        let rows = [
            (None, "skip (gone): the service no longer exists".to_owned()),
            (with(&|state| state.status = "DRAINING".into()), "skip (gone): the service is DRAINING".to_owned()),
            (with(&|state| state.status = "INACTIVE".into()), "skip (gone): the service is INACTIVE".to_owned()),
            (
                with(&|state| state.desired_count = 0),
                "skip (scaled-to-zero): the service's desired count is 0".to_owned(),
            ),
            (
                Some(service(&[NEW, NEW])),
                "skip (patched): all 2 running tasks were created after Wed 25 Nov 2026 18:00:00 UTC, on the new revision"
                    .to_owned(),
            ),
            // Perhaps by a delivery that failed before scheduling verification.
            (
                Some(service(&[NEW, "2026-11-27T21:58:00Z"])),
                "verify (patched) : all 2 running tasks were created after Wed 25 Nov 2026 18:00:00 UTC, on the new revision"
                    .to_owned(),
            ),
            (
                Some(service(&[])),
                "verify (patched) : no task is running; new tasks start on the new revision".to_owned(),
            ),
            (
                Some(service(&[CUTOFF])),
                "force: 1 of 1 running task was created before Wed 25 Nov 2026 18:00 UTC".to_owned(),
            ),
            (with(&|_| {}), format!("force: {ONE_OLD}")),
            (
                with(&|state| state.tasks.push(None)),
                "force: 2 of 3 running tasks were created before Wed 25 Nov 2026 18:00 UTC".to_owned(),
            ),
            (
                with(&|state| state.deployments.push(rollout("ecs-svc/1", NEW, InProgress))),
                "verify (rolling) ecs-svc/1: deployment ecs-svc/1, created after Wed 25 Nov 2026 18:00 UTC, is replacing \
                 the tasks"
                    .to_owned(),
            ),
            // It failed or was rolled back: the old tasks are still running.
            (with(&|state| state.deployments.push(rollout("ecs-svc/1", NEW, Failed))), format!("force: {ONE_OLD}")),
            (with(&|state| state.deployments.push(rollout("ecs-svc/1", NEW, Completed))), format!("force: {ONE_OLD}")),
            (
                with(&|state| state.deployments.push(rollout("ecs-svc/1", OLD, InProgress))),
                "wait (SameWindow): deployment ecs-svc/1, created before Wed 25 Nov 2026 18:00 UTC, is still rolling out"
                    .to_owned(),
            ),
            (
                with(&|state| state.controller = Controller::CodeDeploy(None)),
                format!(
                    "not actionable: {ONE_OLD}, and the deployment controller is CODE_DEPLOY, but ECS reports no task \
                     set: {task_sets}"
                ),
            ),
            (
                with(&|state| state.controller = Controller::External(Some(task_set()))),
                format!(
                    "not actionable: {ONE_OLD}, and the deployment controller is EXTERNAL, which ECS cannot force: its \
                     task set was started by \"my-tool\" from arn:task-definition/web:7: {task_sets}"
                ),
            ),
            (
                with(&|state| state.controller = Controller::External(None)),
                format!(
                    "not actionable: {ONE_OLD}, and the deployment controller is EXTERNAL, which ECS cannot force: its \
                     task set was started by \"unknown\" from an unknown task definition: {task_sets}"
                ),
            ),
            (
                with(&|state| state.controller = Controller::Unknown("NEW".into())),
                format!("not actionable: {ONE_OLD}, and the deployment controller NEW is not supported: {task_sets}"),
            ),
        ];
        for (state, expected) in rows {
            assert_eq!(decided(&facts(state)), expected);
        }
    }

    #[test]
    fn what_tasks_will_run_matters_where_a_deployment_starts_or_would() {
        let deploy = Policy::default();
        let observe = Policy { mode: Mode::Observe, ..Policy::default() };
        let (old, patched) = (|| Some(service(&[OLD])), || Some(service(&[NEW])));
        let rows = [
            (old(), &deploy, true),
            (patched(), &deploy, false),
            (None, &deploy, false),
            (old(), &observe, true),
            (patched(), &observe, false),
        ];
        for (state, policy, expected) in rows {
            let facts = facts(state);
            let decision = decide(&facts, policy, instant(NOW));
            assert_eq!(ships(&facts, policy, &decision, instant(NOW)), expected, "{decision:?}");
        }
    }

    #[test]
    fn codedeploy_is_asked_only_where_nothing_is_in_progress_and_the_hooks_are_known() {
        let under_code_deploy =
            || ServiceState { controller: Controller::CodeDeploy(Some(task_set())), ..service(&[OLD, NEW]) };
        let last = || code_deployment("d-1", "2026-10-01T00:00:00Z");
        let elsewhere = CodeDeployment { revision: Revision::Elsewhere("s3://bucket/spec".into()), ..last() };
        let again = command::code_deploy("d-1");
        let rows = [
            (Some(last()), None, format!("CodeDeploy again d-1: {ONE_OLD}")),
            (
                Some(last()),
                Some(code_deployment("d-2", NEW)),
                "verify (rolling) d-2: deployment d-2, created after Wed 25 Nov 2026 18:00 UTC, is replacing the tasks"
                    .to_owned(),
            ),
            (
                Some(last()),
                Some(code_deployment("d-2", CUTOFF)),
                "wait (SameWindow): deployment d-2, created before Wed 25 Nov 2026 18:00 UTC, is still rolling out"
                    .to_owned(),
            ),
            (
                Some(elsewhere),
                None,
                format!(
                    "not actionable: {ONE_OLD}, and the AppSpec of the last deployment is in s3://bucket/spec, so its hooks \
                     are unknown: {again}"
                ),
            ),
            (
                None,
                None,
                format!(
                    "not actionable: {ONE_OLD}, and CodeDeploy does not know the deployment that made its task set: {}",
                    command::task_sets(&web())
                ),
            ),
        ];
        for (last, running, expected) in rows {
            let code_deploy = Some(CodeDeployFacts { last, running });
            assert_eq!(decided(&Facts { code_deploy, ..facts(Some(under_code_deploy())) }), expected);
        }
    }

    #[test]
    fn without_the_parameter_a_service_under_codedeploy_is_for_its_owner_whatever_blocks() {
        let controller = Controller::CodeDeploy(Some(task_set()));
        let mut facts = facts(Some(ServiceState { controller, ..service(&[OLD, NEW]) }));
        facts.blocks = vec![Block::by("a calendar is closed")];
        let why = "the deployment controller is CODE_DEPLOY, and EnableCodeDeploy is false";
        let command = command::code_deploy("d-1");
        assert_eq!(
            seen(decide(&facts, &Policy::default(), instant(NOW))),
            format!("not actionable: {ONE_OLD}, {why}: {command}")
        );
    }

    #[test]
    fn a_patched_service_is_skipped_whatever_deploys_it() {
        for controller in [Controller::CodeDeploy(Some(task_set())), Controller::External(None)] {
            let state = ServiceState { controller, ..service(&["2026-11-26T00:00:00Z"]) };
            let decision = decided(&facts(Some(state)));
            assert!(decision.starts_with("skip (patched): the running task was created after"), "{decision}");
        }
    }

    /// The rows of "What wins over what" in `docs/scheduling.md` that are decided at the start time. Each row's
    /// facts also have everything that stands below it, so that the order is what is tested.
    #[test]
    fn what_wins_over_what() {
        let tagged = |mode: &str, window: &str, tasks: &[&str]| {
            let tag = |name: &str, value: &str| (format!("ecs-task-patching:{name}"), value.to_owned());
            let tags = vec![tag("mode", mode), tag("window", window)];
            let mut facts = facts(Some(ServiceState { tags, ..service(tasks) }));
            facts.blocks =
                vec![Block::unreadable("alarms are unreadable"), Block::by("a calendar is closed")];
            facts
        };
        let monday = "Mon 01:00-02:00";
        let friday = "Fri 22:00-02:00";
        let blocks = "a calendar is closed; alarms are unreadable";
        let moved = |mut facts: Facts| {
            facts.input.scheduled_for = Some(instant(NOW));
            facts.input.slot = instant("2026-11-26T22:00:00Z");
            facts
        };
        let by_fallback = |mut facts: Facts| {
            facts.input.fallback = true;
            facts
        };
        let open = |mut facts: Facts| {
            facts.blocks.clear();
            facts
        };
        let rows = [
            (
                "patched wins over everything",
                tagged("off", monday, &[NEW]),
                "skip (patched): the running task",
            ),
            ("opted out", tagged("off", monday, &[OLD]), "skip (opted-out): the owner opted out"),
            (
                "observed, and blocked",
                tagged("observe", friday, &[OLD]),
                "skip (observed): observe mode: would wait: a calendar is closed; alarms are unreadable",
            ),
            (
                "observed",
                open(tagged("observe", friday, &[OLD])),
                "skip (observed): observe mode: would force a new deployment: 1 of 1 running task was created",
            ),
            (
                "other windows by now",
                tagged("deploy", monday, &[OLD]),
                "wait (OtherWindow): outside the current windows (Mon 01:00-02:00 UTC)",
            ),
            (
                "a blocker wins over the operator's time",
                moved(tagged("deploy", monday, &[OLD])),
                &format!("wait (SameWindow, unreadable): {blocks}"),
            ),
            (
                "the operator's time wins over the windows",
                open(moved(tagged("deploy", monday, &[OLD]))),
                "force: 1 of 1 running task was created",
            ),
            (
                "a fallback wins over windows that changed since",
                by_fallback(open(tagged("deploy", monday, &[OLD]))),
                "force: 1 of 1 running task was created",
            ),
            (
                "nothing else",
                open(tagged("deploy", friday, &[OLD])),
                "force: 1 of 1 running task was created",
            ),
        ];
        for (name, facts, expected) in rows {
            let decision = decided(&facts);
            assert!(decision.starts_with(expected), "{name}: {decision}");
        }
    }

    #[test]
    fn a_delivery_after_its_window_waits_for_the_next() {
        let mut facts = facts(Some(service(&[OLD])));
        facts.blocks = vec![Block::by("a calendar is closed")];
        let decision = seen(decide(&facts, &Policy::default(), instant("2026-11-28T02:00:00Z")));
        assert_eq!(decision, "wait (SameWindow): the window closed before the deployment could start");
    }

    #[test]
    fn a_decision_without_a_start_asks_no_blocker() {
        let mut facts =
            facts(Some(ServiceState { controller: Controller::External(None), ..service(&[OLD]) }));
        facts.blocks = vec![Block::by("a calendar is closed")];
        assert!(decided(&facts).starts_with("not actionable: "));
        let observe = policy(&[("MODE", "observe")]);
        let decision = seen(decide(&facts, &observe, instant(NOW)));
        assert!(
            decision.starts_with("skip (observed): observe mode: would notify the owner: "),
            "{decision}"
        );
    }

    #[test]
    fn the_services_own_name_is_in_the_command() {
        let api = ServiceRef::new("prod", "api").unwrap();
        let state = ServiceState { controller: Controller::External(None), ..service(&[OLD]) };
        let mut facts = facts(Some(state));
        facts.input.service = api;
        assert!(decided(&facts).contains("--services api "));
    }
}
