//! What verify looks at: whether a deployment has ended, and what that means for the notice.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    code_deploy::{CodeDeployment, CodeProgress},
    date::{self, ceil_minute},
    decide::{Cause, Progress, Rollout, ServiceState},
    entity::ServiceRef,
    notice::{NoticeRef, latest_cutoff},
    plan::deadline,
    policy::Policy,
    schedule::{VERSION, expect_kind},
};

/// The first pause between two looks; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(2);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// For how long ECS may not show what was just started, or may show tasks that are about to stop.
const SETTLING: TimeDelta = TimeDelta::minutes(5);
/// After how long a deployment that starts no task is said to be stuck.
const STUCK_AFTER: TimeDelta = TimeDelta::minutes(30);
/// How many tasks in a row fail to start in a deployment that is said to be stuck.
const STUCK_FAILURES: i32 = 3;
/// For how long a deployment is watched whose notice has no date to come.
const WITHOUT_A_DATE: TimeDelta = TimeDelta::hours(24);

/// What a schedule hands to verify: one service whose deployment was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct VerifyInput {
    /// The service.
    pub service: ServiceRef,
    /// The notices that the deployment serves, each once.
    pub notices: Vec<NoticeRef>,
    /// The deployment that was started, or found under way; nothing where none was needed.
    pub deployment: Option<String>,
    /// When the first look was asked for.
    pub since: DateTime<Utc>,
    /// How many looks there were.
    pub look: u32,
    /// The owner was told that something is wrong.
    pub told: bool,
}

/// The word by which a function tells this input from others.
const KIND: &str = "service";

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u32,
    kind: String,
    cluster: String,
    service: String,
    notices: Vec<NoticeRef>,
    deployment: Option<String>,
    since: DateTime<Utc>,
    look: u32,
    told: bool,
}

impl TryFrom<Wire> for VerifyInput {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let Wire { version, kind, cluster, service, notices, deployment, since, look, told } = wire;
        expect_kind(version, &kind, KIND)?;
        let service = ServiceRef::named(&cluster, &service)?;
        if notices.is_empty() {
            return Err("notices is []; expected at least one notice".to_owned());
        }
        Ok(Self { service, notices, deployment, since, look, told })
    }
}

impl From<VerifyInput> for Wire {
    fn from(input: VerifyInput) -> Self {
        let VerifyInput { service, notices, deployment, since, look, told } = input;
        let (cluster, service) = (service.cluster().to_owned(), service.service().to_owned());
        Self {
            version: VERSION,
            kind: KIND.to_owned(),
            cluster,
            service,
            notices,
            deployment,
            since,
            look,
            told,
        }
    }
}

impl VerifyInput {
    /// The first look at a service, whose deployment was started `now` for `notices`.
    #[must_use]
    pub fn first(
        service: &ServiceRef,
        notices: &[NoticeRef],
        deployment: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let (service, notices) = (service.clone(), notices.to_vec());
        Self { service, notices, deployment, since: now, look: 0, told: false }
    }

    /// This look together with one that is pending: nothing if the pending one says it all, as after a
    /// delivery that is repeated.
    #[must_use]
    pub fn join(mut self, pending: &Self) -> Option<Self> {
        let known = |notice: &NoticeRef| pending.notices.contains(notice);
        let same = self.deployment.is_none() || self.deployment == pending.deployment;
        if same && self.notices.iter().all(known) {
            return None;
        }
        for notice in &pending.notices {
            if self.notices.iter().all(|ours| ours.event_arn != notice.event_arn) {
                self.notices.push(notice.clone());
            }
        }
        self.deployment = self.deployment.or_else(|| pending.deployment.clone());
        Some(self)
    }

    /// A task created after this moment is on the new revision of every notice.
    #[must_use]
    pub fn cutoff(&self) -> DateTime<Utc> {
        latest_cutoff(&self.notices)
    }

    /// When the service is looked at no more: AWS's date, or a day after the start where there is none to
    /// come.
    #[must_use]
    pub fn ends_at(&self) -> DateTime<Utc> {
        let dates = self.notices.iter().filter_map(|notice| notice.starts_at);
        dates.filter(|date| *date > self.since).min().unwrap_or(self.since + WITHOUT_A_DATE)
    }

    /// When to look next, after a look at `now`: after growing pauses, and at the deadline, by which
    /// somebody must know. Nothing once [`ends_at`](Self::ends_at) has come.
    #[must_use]
    pub fn next_look(&self, policy: &Policy, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let ends_at = self.ends_at();
        if now >= ends_at {
            return None;
        }
        let doubled = 2_i32.checked_pow(self.look).map_or(LONGEST_PAUSE, |factor| FIRST_PAUSE * factor);
        let next = now + doubled.min(LONGEST_PAUSE);
        let deadline = deadline(policy, &self.notices, self.since).filter(|deadline| *deadline > now);
        Some(ceil_minute(deadline.map_or(next, |deadline| next.min(deadline)).min(ends_at)))
    }
}

/// What a look has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Patched: the proof.
    Completed(String),
    /// There is nothing to patch any more.
    Skipped(Cause, String),
    /// Not yet: look again.
    Rolling(String),
    /// Something is wrong that a person must mend: what, and what to do.
    Attention {
        /// What is wrong.
        reason: String,
        /// What to do.
        next: String,
    },
}

/// Judges what a look at a service has shown. `state` is nothing where ECS knows no such service; `code` is
/// the deployment of CodeDeploy that was started, if one was.
#[must_use]
pub fn judge(
    input: &VerifyInput,
    state: Option<&ServiceState>,
    code: Option<&CodeDeployment>,
    policy: &Policy,
    now: DateTime<Utc>,
) -> Judgement {
    let state = match ServiceState::to_patch(state) {
        Ok(state) => state,
        Err((cause, reason)) => return Judgement::Skipped(cause, reason),
    };
    let cutoff = input.cutoff();
    let (old, all) = (state.old_tasks(cutoff), state.tasks.len());
    let counted = format!("{old} of {all} running task(s) were created before {}", date::utc(cutoff));
    let code_runs = code.is_some_and(|code| code.progress == CodeProgress::InProgress);
    let rolling = state.rolling();
    let primary = state.deployments.iter().find(|rollout| rollout.primary);

    if rolling.is_none() && !code_runs {
        let failed = failure(input, primary, code);
        if old == 0 && all > 0 && primary.is_none_or(|primary| primary.progress != Progress::Failed) {
            return Judgement::Completed(proof(input, state, primary, failed));
        }
        if let Some(failed) = failed {
            return attention(format!("{failed}; {counted}"), MEND);
        }
        if now >= input.since + SETTLING && all > 0 {
            return match &input.deployment {
                Some(id) if state.deployments.iter().all(|rollout| rollout.id != *id) && code.is_none() => {
                    attention(
                        format!(
                            "deployment {id} is no longer there: it was rolled back or replaced; {counted}"
                        ),
                        MEND,
                    )
                }
                _ => attention(format!("no deployment is under way, and {counted}"), MEND),
            };
        }
    }

    if let Some(rollout) = rolling
        && let Some(reason) = stuck(rollout, state, old, all, now)
    {
        return attention(format!("deployment {} is stuck: {reason}; {counted}", rollout.id), MEND);
    }
    let deadline = deadline(policy, &input.notices, input.since);
    let due = deadline.unwrap_or_else(|| input.ends_at());
    // One that was started later than that gets the time that others get.
    if now >= due.max(input.since + STUCK_AFTER) {
        let who = rolling.map_or("no deployment has completed".to_owned(), |rollout| {
            format!("deployment {} has not completed", rollout.id)
        });
        return attention(format!("{who} by {}; {counted}", date::utc(now)), HURRY);
    }
    let who = match (rolling, code) {
        (Some(rollout), _) => format!("deployment {} is rolling out", rollout.id),
        (None, Some(code)) if code_runs => format!("CodeDeploy deployment {} is rolling out", code.id),
        _ => "waiting for tasks to run".to_owned(),
    };
    Judgement::Rolling(format!("{who}; {counted}"))
}

const MEND: &str = "Mend the cause, then deploy the service once more";
const HURRY: &str =
    "See what holds the deployment up; AWS stops the old tasks from its date on, ready or not";

fn attention(reason: String, next: &str) -> Judgement {
    Judgement::Attention { reason, next: next.to_owned() }
}

/// Why the deployment that was started has failed, if it has.
fn failure(input: &VerifyInput, primary: Option<&Rollout>, code: Option<&CodeDeployment>) -> Option<String> {
    if let Some(code) = code.filter(|code| code.progress == CodeProgress::Failed) {
        let why = code.error.as_deref().unwrap_or("CodeDeploy gives no reason");
        return Some(format!("CodeDeploy deployment {} failed: {why}", code.id));
    }
    let primary = primary?;
    let why = || primary.reason.as_deref().unwrap_or("ECS gives no reason");
    if primary.progress == Progress::Failed {
        return Some(format!("deployment {} failed: {}", primary.id, why()));
    }
    let ours = input.deployment.as_deref()?;
    let replaced = ours.starts_with("ecs-svc/")
        && primary.id != ours
        && primary.reason.as_deref().is_some_and(rolled_back);
    replaced.then(|| format!("deployment {ours} was rolled back by deployment {}: {}", primary.id, why()))
}

/// What ECS's circuit breaker and alarms write into the `rolloutStateReason` of the deployment that rolls
/// back.
fn rolled_back(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("rolling back") || reason.contains("rolled back") || reason.contains("rollback")
}

fn proof(
    input: &VerifyInput,
    state: &ServiceState,
    primary: Option<&Rollout>,
    failed: Option<String>,
) -> String {
    let cutoff = date::precise(input.cutoff());
    let all = state.tasks.len();
    let oldest = state.tasks.iter().flatten().min();
    let oldest =
        oldest.map_or_else(String::new, |oldest| format!(", the oldest at {}", date::precise(*oldest)));
    let by = match (primary, &input.deployment) {
        (Some(primary), Some(ours)) if primary.id != *ours => {
            format!(" by deployment {}, which replaced {ours}", primary.id)
        }
        (Some(primary), _) => format!(" by deployment {}", primary.id),
        (None, Some(ours)) => format!(" by deployment {ours}"),
        (None, None) => String::new(),
    };
    let note = failed.map_or_else(String::new, |failed| format!("; note that {failed}"));
    format!("all {all} running task(s) were created{by} after {cutoff}{oldest}{note}")
}

/// Why a deployment that is in progress will not end by itself, if so. Blue/green deployments that wait, with
/// their new tasks running, are not stuck.
fn stuck(
    rollout: &Rollout,
    state: &ServiceState,
    old: usize,
    all: usize,
    now: DateTime<Utc>,
) -> Option<String> {
    let started = rollout.created_at?;
    if now < started + STUCK_AFTER || old < all {
        return None;
    }
    if rollout.failed_tasks >= STUCK_FAILURES {
        return Some(format!("{} of its tasks have failed in a row", rollout.failed_tasks));
    }
    let trouble =
        state.events.iter().find(|event| event.at >= started && event.text.contains("unable to"))?;
    Some(trouble.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{code_deploy::Revision, decide::Controller, decide::ServiceEvent, policy::Settings};

    const SINCE: &str = "2026-11-27T22:00:00Z";
    const CUTOFF: &str = "2026-11-25T18:00:00Z";
    const OLD: &str = "2026-11-20T00:00:00Z";
    const NEW: &str = "2026-11-27T22:01:00Z";

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

    fn policy() -> Policy {
        let mut settings = Settings::new(&|_| None);
        let policy = settings.policy();
        settings.finish(policy).expect("the defaults")
    }

    fn notice(arn: &str, starts_at: Option<&str>) -> NoticeRef {
        NoticeRef { event_arn: arn.into(), starts_at: starts_at.map(instant), cutoff: instant(CUTOFF) }
    }

    fn input() -> VerifyInput {
        let web = ServiceRef::new("prod", "web").expect("names of the test");
        let notices = [notice("arn:1", Some("2026-12-02T18:00:00Z"))];
        VerifyInput::first(&web, &notices, Some("ecs-svc/2".into()), instant(SINCE))
    }

    fn rollout(id: &str, primary: bool, created_at: &str, progress: Progress) -> Rollout {
        Rollout {
            id: id.into(),
            primary,
            created_at: Some(instant(created_at)),
            progress,
            reason: None,
            failed_tasks: 0,
        }
    }

    fn state(tasks: &[&str], deployments: Vec<Rollout>) -> ServiceState {
        ServiceState {
            status: "ACTIVE".into(),
            desired_count: 2,
            controller: Controller::Ecs,
            deployments,
            tasks: tasks.iter().map(|task| Some(instant(task))).collect(),
            starting: 0,
            events: Vec::new(),
            task_definition: None,
            tags: Vec::new(),
        }
    }

    fn told(judgement: Judgement) -> String {
        match judgement {
            Judgement::Completed(proof) => format!("completed: {proof}"),
            Judgement::Skipped(cause, reason) => format!("skipped ({}): {reason}", cause.word()),
            Judgement::Rolling(reason) => format!("rolling: {reason}"),
            Judgement::Attention { reason, .. } => format!("attention: {reason}"),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table, whose rows are the rules")]
    fn every_state_has_its_judgement() {
        use Progress::{Completed, Failed, InProgress};
        let ours = |progress| rollout("ecs-svc/2", true, "2026-11-27T22:00:00Z", progress);
        let before = |progress| rollout("ecs-svc/1", false, "2026-11-01T00:00:00Z", progress);
        let with = |mut rollout: Rollout, reason: &str, failed_tasks| {
            rollout.reason = Some(reason.into());
            rollout.failed_tasks = failed_tasks;
            rollout
        };
        let event = |mut state: ServiceState, at: &str, text: &str| {
            state.events.push(ServiceEvent { at: instant(at), text: text.into() });
            state
        };
        let soon = "2026-11-27T22:02:00Z";
        let later = "2026-11-27T22:40:00Z";
        let deadline = "2026-12-02T16:00:00Z";
        let someone = rollout("ecs-svc/3", true, "2026-11-28T09:00:00Z", Completed);
        let back = with(
            rollout("ecs-svc/3", true, "2026-11-27T22:20:00Z", Completed),
            "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.",
            0,
        );
        let rows = [
            (None, soon, "skipped (gone): the service is gone"),
            (
                Some(ServiceState { desired_count: 0, ..state(&[], vec![]) }),
                soon,
                "skipped (scaled-to-zero): the service's desired count is 0: no task is to be patched",
            ),
            (
                Some(state(&[OLD, NEW], vec![ours(InProgress), before(Progress::Unknown)])),
                soon,
                "rolling: deployment ecs-svc/2 is rolling out; 1 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(state(&[NEW, NEW], vec![ours(InProgress)])),
                soon,
                "rolling: deployment ecs-svc/2 is rolling out; 0 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(state(&[NEW, NEW], vec![ours(Completed)])),
                soon,
                "completed: all 2 running task(s) were created by deployment ecs-svc/2 after Wed 2026-11-25 18:00:00 UTC, \
                 the oldest at Fri 2026-11-27 22:01:00 UTC",
            ),
            (
                Some(state(&["2026-11-28T09:01:00Z"], vec![someone])),
                "2026-11-28T10:00:00Z",
                "completed: all 1 running task(s) were created by deployment ecs-svc/3, which replaced ecs-svc/2 after \
                 Wed 2026-11-25 18:00:00 UTC, the oldest at Sat 2026-11-28 09:01:00 UTC",
            ),
            // What was just started may not be visible yet, and what was replaced may still be.
            (
                Some(state(&[OLD, OLD], vec![rollout("ecs-svc/1", true, OLD, Completed)])),
                soon,
                "rolling: waiting for tasks to run; 2 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(state(&[OLD, OLD], vec![rollout("ecs-svc/1", true, OLD, Completed)])),
                later,
                "attention: deployment ecs-svc/2 is no longer there: it was rolled back or replaced; 2 of 2 running task(s) \
                 were created before Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(state(&[OLD, OLD], vec![with(ours(Failed), "tasks failed to start.", 3)])),
                soon,
                "attention: deployment ecs-svc/2 failed: tasks failed to start.; 2 of 2 running task(s) were created before \
                 Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(state(&[NEW, NEW], vec![with(ours(Failed), "tasks failed to start.", 3)])),
                soon,
                "attention: deployment ecs-svc/2 failed: tasks failed to start.; 0 of 2 running task(s) were created before \
                 Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(state(&[OLD, OLD], vec![back.clone()])),
                soon,
                "attention: deployment ecs-svc/2 was rolled back by deployment ecs-svc/3: ECS deployment circuit breaker: \
                 rolling back to deploymentId ecs-svc/1.; 2 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC",
            ),
            // The rollback itself started every task anew: the service is patched all the same.
            (
                Some(state(&[NEW, NEW], vec![back])),
                soon,
                "completed: all 2 running task(s) were created by deployment ecs-svc/3, which replaced ecs-svc/2 after \
                 Wed 2026-11-25 18:00:00 UTC, the oldest at Fri 2026-11-27 22:01:00 UTC; note that deployment ecs-svc/2 was \
                 rolled back by deployment ecs-svc/3: ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.",
            ),
            (
                Some(state(&[OLD, OLD], vec![with(ours(InProgress), "in progress", 3)])),
                later,
                "attention: deployment ecs-svc/2 is stuck: 3 of its tasks have failed in a row; 2 of 2 running task(s) were \
                 created before Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(event(
                    state(&[OLD, OLD], vec![ours(InProgress)]),
                    NEW,
                    "(service web) was unable to place a task.",
                )),
                later,
                "attention: deployment ecs-svc/2 is stuck: (service web) was unable to place a task.; 2 of 2 running task(s) \
                 were created before Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(event(
                    state(&[OLD, OLD], vec![ours(InProgress)]),
                    OLD,
                    "(service web) was unable to place a task.",
                )),
                later,
                "rolling: deployment ecs-svc/2 is rolling out; 2 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC",
            ),
            // Blue/green: the new tasks run, and both kinds stay while it bakes.
            (
                Some(state(&[OLD, NEW], vec![with(ours(InProgress), "baking", 0)])),
                "2026-11-28T09:00:00Z",
                "rolling: deployment ecs-svc/2 is rolling out; 1 of 2 running task(s) were created before Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(state(&[OLD, NEW], vec![ours(InProgress)])),
                deadline,
                "attention: deployment ecs-svc/2 has not completed by Wed 2026-12-02 16:00 UTC; 1 of 2 running task(s) were \
                 created before Wed 2026-11-25 18:00 UTC",
            ),
            (
                Some(state(&[], vec![ours(Completed)])),
                later,
                "rolling: waiting for tasks to run; 0 of 0 running task(s) were created before Wed 2026-11-25 18:00 UTC",
            ),
        ];
        for (state, now, expected) in rows {
            let judgement = judge(&input(), state.as_ref(), None, &policy(), instant(now));
            assert_eq!(told(judgement), expected, "at {now}: {state:?}");
        }
    }

    #[test]
    fn a_deployment_of_codedeploy_is_judged_by_its_end_and_by_the_tasks() {
        let code = |progress, error: Option<&str>| CodeDeployment {
            id: "d-2".into(),
            application: "app".into(),
            group: "group".into(),
            created_at: Some(instant(SINCE)),
            progress,
            error: error.map(str::to_owned),
            revision: Revision::Content(String::new()),
        };
        let input = VerifyInput { deployment: Some("d-2".into()), ..input() };
        let rows = [
            (
                CodeProgress::InProgress,
                None,
                &[OLD, NEW][..],
                "rolling: CodeDeploy deployment d-2 is rolling out; 1 of 2",
            ),
            // The old task set stays until CodeDeploy ends it.
            (
                CodeProgress::InProgress,
                None,
                &[NEW, NEW],
                "rolling: CodeDeploy deployment d-2 is rolling out; 0 of 2",
            ),
            (
                CodeProgress::Succeeded,
                None,
                &[NEW, NEW],
                "completed: all 2 running task(s) were created by deployment d-2 after",
            ),
            (
                CodeProgress::Failed,
                Some("hook failed"),
                &[OLD],
                "attention: CodeDeploy deployment d-2 failed: hook failed; 1 of 1",
            ),
            (CodeProgress::Succeeded, None, &[OLD], "attention: no deployment is under way, and 1 of 1"),
        ];
        for (progress, error, tasks, expected) in rows {
            let state = state(tasks, Vec::new());
            let code = code(progress, error);
            let told =
                told(judge(&input, Some(&state), Some(&code), &policy(), instant("2026-11-27T22:10:00Z")));
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn looks_grow_apart_meet_the_deadline_and_end_with_awss_date() {
        let mut looks = Vec::new();
        let (mut input, mut now) = (input(), instant(SINCE));
        while let Some(next) = input.next_look(&policy(), now) {
            looks.push(next);
            (now, input.look) = (next, input.look + 1);
        }
        let minutes: Vec<i64> =
            looks.iter().map(|look| (*look - instant(SINCE)).num_minutes()).take(8).collect();
        assert_eq!(minutes, [2, 6, 14, 30, 62, 122, 182, 242]);
        assert!(looks.contains(&instant("2026-12-02T16:00:00Z")));
        assert_eq!(looks.last(), Some(&instant("2026-12-02T18:00:00Z")));
        let without = VerifyInput { notices: vec![notice("arn:1", None)], look: 40, ..self::input() };
        assert_eq!(without.ends_at(), instant("2026-11-28T22:00:00Z"));
        assert_eq!(without.next_look(&policy(), instant(SINCE)), Some(instant("2026-11-27T23:00:00Z")));
        assert_eq!(without.next_look(&policy(), instant("2026-11-28T22:00:00Z")), None);
    }

    #[test]
    fn a_repeated_delivery_adds_no_look_and_a_second_notice_joins() {
        let pending = VerifyInput { look: 3, ..input() };
        assert_eq!(input().join(&pending), None);
        assert_eq!(VerifyInput { deployment: None, ..input() }.join(&pending), None);
        let second = VerifyInput {
            notices: vec![notice("arn:2", None)],
            deployment: Some("ecs-svc/3".into()),
            ..input()
        };
        let joined = second.join(&pending).expect("something new");
        let arns: Vec<&str> = joined.notices.iter().map(|notice| notice.event_arn.as_str()).collect();
        assert_eq!(
            (arns, joined.deployment.as_deref(), joined.look),
            (vec!["arn:2", "arn:1"], Some("ecs-svc/3"), 0)
        );
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else() {
        let value = serde_json::to_value(input()).unwrap();
        assert_eq!(value["kind"], "service");
        assert_eq!(serde_json::from_value::<VerifyInput>(value.clone()).unwrap(), input());
        for (key, wrong) in [
            ("kind", "deadline".into()),
            ("version", 2.into()),
            ("cluster", "pr od".into()),
            ("notices", serde_json::json!([])),
        ] {
            let mut value = value.clone();
            value[key] = wrong;
            serde_json::from_value::<VerifyInput>(value).expect_err(key);
        }
    }
}
