//! One service at its slot: read, decided, deployed, handed to verify.

use aws::{
    CallFailed, Failure,
    alarm::Alarms,
    calendar::ChangeCalendars,
    code_deploy::{CodeDeploy, Created},
    config::Config,
    ecs::{Ecs, Forced},
    notify::Notifier,
    scheduler::{Armed, Scheduler},
};
use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use lambda_runtime::tracing::{error, info, warn};
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    alarm::{Blocking, blocking},
    bus::{BusEvent, Happened},
    code_deploy::{self, CodeDecision},
    control::{Control, OPTED_OUT},
    date,
    decide::{Cause, Controller, Decision, TaskSet, decide, deploy_command},
    image,
    metrics::Metric,
    order,
    plan::{CLOSING, NoSlot, deadline},
    policy::{Mode, Policy},
    postpone::postpone,
    schedule::{self, ScheduleInput, Spec},
    verify::VerifyInput,
};
use tokio::time::Instant;

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// Where services are read and deployed.
    pub ecs: Ecs,
    /// Where services under CodeDeploy are deployed.
    pub code_deploy: CodeDeploy,
    /// Where it is asked whether a change freeze lies on now.
    pub change_calendars: ChangeCalendars,
    /// Where it is asked whether an alarm fires that blocks.
    pub alarms: Alarms,
    /// Where further tries and looks are scheduled.
    pub scheduler: Scheduler,
    /// Who is told.
    pub notifier: Notifier,
    /// When services are redeployed.
    pub policy: Policy,
}

/// What became of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// A new deployment was started.
    Started,
    /// Nothing is to be done.
    Skipped,
    /// It is tried again later.
    Postponed,
    /// Nothing can be done by us: a person must act.
    NotActionable,
    /// AWS refuses the deployment, and will refuse it again.
    Failed,
}

/// Deploy's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// What became of it.
    pub outcome: OutcomeKind,
    /// Why, in a sentence for people.
    pub reason: String,
    /// What a person can run, where one must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The deployment that was started, or is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<DateTime<Utc>>,
    /// When verify looks first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_at: Option<DateTime<Utc>>,
    /// What its owner should know, such as a tag that cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why nothing is done, in a word to count by.
    #[serde(skip)]
    cause: Option<Cause>,
    /// A person must act, though it is tried again.
    #[serde(skip)]
    attention: bool,
}

/// Why a deployment that is needed does not start now.
struct Hold {
    reason: String,
    /// The window in which it is tried again is not the one for which it was planned.
    other_window: bool,
    /// Something could not be read, and counts as a no.
    unread: bool,
}

impl Deploy {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config) -> Self {
        Self {
            ecs: Ecs::new(sdk),
            code_deploy: CodeDeploy::new(sdk),
            change_calendars: ChangeCalendars::new(sdk),
            alarms: Alarms::new(sdk),
            notifier: Notifier::new(sdk, &config),
            scheduler: Scheduler::new(sdk, config.target),
            policy: config.policy,
        }
    }

    /// Handles what a schedule hands over. Delivered twice, it finds the first delivery's deployment and skips.
    ///
    /// # Errors
    /// The input cannot be read, or a call to AWS failed.
    pub async fn handle(&self, input: &Value, now: DateTime<Utc>) -> Result<Outcome, Failure> {
        let input: ScheduleInput = schedule::read(input)?;
        // Boxed: the types of the SDK's futures are large.
        let outcome = Box::pin(self.deploy(&input, now)).await.map_err(Failure::call(&input.service))?;
        log(&input, &outcome);
        let told = self.report(&input, &outcome, now).await;
        // That nobody could be told does not undo a deployment; but a person who must act has to know.
        if matches!(outcome.outcome, OutcomeKind::NotActionable | OutcomeKind::Failed) {
            told.map_err(Failure::call(&input.service))?;
        }
        Ok(outcome)
    }

    async fn deploy(&self, input: &ScheduleInput, now: DateTime<Utc>) -> Result<Outcome, CallFailed> {
        let service = &input.service;
        let state = self.ecs.state(service).await?;
        let tags = state.as_ref().map_or(&[][..], |state| &state.tags);
        let control = Control::read(service, tags, self.policy.zone);
        let told = |outcome, reason: String| Outcome {
            cluster: service.cluster().to_owned(),
            service: service.service().to_owned(),
            outcome,
            reason,
            command: None,
            deployment_id: None,
            slot: None,
            verify_at: None,
            warnings: control.problems.clone(),
            cause: None,
            attention: false,
        };
        let mut policy = control.over(&self.policy);
        let decision = decide(service, state.as_ref(), input.cutoff(), now);
        let postponed = |reason| Outcome {
            command: state.as_ref().map(|state| deploy_command(service, &state.controller)),
            ..told(OutcomeKind::Postponed, reason)
        };
        let (starts, task_definition) = match &decision {
            Decision::Force(_) => (true, state.as_ref().and_then(|state| state.task_definition.as_deref())),
            Decision::CodeDeploy(_, set) => (true, Some(set.task_definition.as_str())),
            _ => (false, None),
        };
        let (mut hold, mut warnings) = (None, control.problems.clone());
        if starts && policy.mode != Mode::Off {
            // Before it is asked whether it may start: between that answer and the start nothing may take long.
            warnings.extend(self.image_warning(task_definition.unwrap_or_default()).await);
            hold = self.hold(input, &control, &mut policy, &mut warnings, now).await;
        }
        let started = |reason| Outcome { warnings, ..told(OutcomeKind::Started, reason) };
        match policy.mode {
            Mode::Off if !matches!(decision, Decision::Skip(..)) => {
                let skipped = told(OutcomeKind::Skipped, OPTED_OUT.to_owned());
                return Ok(Outcome { cause: Some(Cause::OptedOut), ..skipped });
            }
            Mode::Observe if !matches!(decision, Decision::Skip(..)) => {
                let would = hold.map_or_else(|| decision.would(), |hold| Decision::Wait(hold.reason).would());
                let (outcome, cause) = (OutcomeKind::Skipped, Some(Cause::Observed));
                return Ok(Outcome { outcome, cause, ..started(format!("only observed: {would}")) });
            }
            Mode::Deploy | Mode::Observe | Mode::Off => {}
        }
        if let Some(hold) = hold {
            let window_ends_at = if hold.other_window { now } else { input.window_ends_at };
            let input = ScheduleInput { window_ends_at, ..input.clone() };
            let outcome = Outcome { attention: hold.unread, ..postponed(hold.reason) };
            return self.wait(&input, outcome, &mut policy, now).await;
        }
        match decision {
            Decision::Skip(cause, reason) => {
                Ok(Outcome { cause: Some(cause), ..told(OutcomeKind::Skipped, reason) })
            }
            Decision::Verify(cause, reason, deployment_id) => {
                let skipped =
                    Outcome { cause: Some(cause), deployment_id, ..told(OutcomeKind::Skipped, reason) };
                self.hand_to_verify(input, skipped, now).await
            }
            Decision::Wait(reason) => self.wait(input, postponed(reason), &mut policy, now).await,
            Decision::Ask { reason, command } => {
                Ok(Outcome { command: Some(command), ..told(OutcomeKind::NotActionable, reason) })
            }
            Decision::Force(reason) => self.force(input, started(reason), now).await,
            Decision::CodeDeploy(reason, set) => {
                self.deploy_with_code_deploy(input, &set, started(reason), &mut policy, now).await
            }
        }
    }

    /// Why a deployment that is needed does not start now, if it does not. What cannot be read counts as a no.
    async fn hold(
        &self,
        input: &ScheduleInput,
        control: &Control,
        policy: &mut Policy,
        warnings: &mut Vec<String>,
        now: DateTime<Utc>,
    ) -> Option<Hold> {
        if input.is_late(now) {
            let reason = "its window has closed, as when a hold is released late".to_owned();
            return Some(Hold { reason, other_window: false, unread: false });
        }
        if input.is_outside(&policy.windows, now) {
            let reason = format!("its windows are {} now, and none of these is open", policy.windows);
            return Some(Hold { reason, other_window: true, unread: false });
        }
        let (mut known, mut unread) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        match self.alarms.watched(&policy.alarms).await {
            Ok(found) => {
                let Blocking { firing, missing } = blocking(&policy.alarms, &found);
                known.extend(firing);
                unread.extend(missing.into_iter().map(|missing| format!("{missing}, which counts as ALARM")));
            }
            Err(error) => unread.push(format!("BlockingAlarms cannot be read, and count as ALARM: {error}")),
        }
        if let Some(other) = &control.after {
            match self.ecs.state(other).await {
                Ok(state) => {
                    known.extend(order::wait(other, state.as_ref(), input.cutoff()));
                    warnings.extend(order::missing(other, state.as_ref()));
                }
                Err(error) => unread.push(format!("{other}, after which it comes, cannot be read: {error}")),
            }
        }
        // Last, and about the moment that it is by then: a freeze may begin while the rest is asked.
        let by_now = now + TimeDelta::from_std(begun.elapsed()).unwrap_or_default();
        let calendars = &mut policy.calendars;
        self.change_calendars.ask(calendars, by_now).await;
        known.extend(calendars.closed(by_now).map(|closed| closed.to_string()));
        if let Some((calendar, at)) = calendars.closes_before(by_now, by_now + CLOSING) {
            known.push(format!("Change Calendar {calendar} is about to close, at {}", date::utc(at)));
        }
        for (calendar, why) in calendars.unread(by_now) {
            unread.push(format!("Change Calendar {calendar} cannot be read, and counts as closed: {why}"));
        }
        let reasons = [known, unread.clone()].concat();
        (!reasons.is_empty()).then(|| Hold {
            reason: reasons.join("; "),
            other_window: false,
            unread: !unread.is_empty(),
        })
    }

    /// Whether the new tasks may run other code than the old. It does not keep them from being started.
    async fn image_warning(&self, task_definition: &str) -> Option<String> {
        match self.ecs.containers(task_definition).await {
            Ok(containers) => image::warning(&containers),
            Err(error) => Some(format!("whether the deployment ships new code could not be seen: {error}")),
        }
    }

    async fn force(
        &self,
        input: &ScheduleInput,
        started: Outcome,
        now: DateTime<Utc>,
    ) -> Result<Outcome, CallFailed> {
        let service = &input.service;
        match self.ecs.force(service).await? {
            Forced::Started { deployment } => {
                self.hand_to_verify(input, Outcome { deployment_id: deployment, ..started }, now).await
            }
            Forced::Gone(reason) => {
                let (outcome, cause) = (OutcomeKind::Skipped, Some(Cause::Gone));
                Ok(Outcome { outcome, reason, cause, ..started })
            }
            Forced::Refused(reason) => {
                let command = Some(deploy_command(service, &Controller::Ecs));
                Ok(Outcome { outcome: OutcomeKind::Failed, command, reason, ..started })
            }
        }
    }

    async fn deploy_with_code_deploy(
        &self,
        input: &ScheduleInput,
        set: &TaskSet,
        started: Outcome,
        policy: &mut Policy,
        now: DateTime<Utc>,
    ) -> Result<Outcome, CallFailed> {
        let last = match &set.deployment {
            Some(id) => self.code_deploy.last(id).await?,
            None => None,
        };
        let Some(last) = last else {
            let reason = format!("{}, and its last deployment is unknown to CodeDeploy", started.reason);
            let command = Some(format!(
                "aws ecs describe-services --cluster {} --services {}  # then create a deployment of the running task \
                 definition with your CodeDeploy application",
                started.cluster, started.service
            ));
            return Ok(Outcome { outcome: OutcomeKind::NotActionable, reason, command, ..started });
        };
        let running = self.code_deploy.running(&last).await?;
        match code_deploy::decide(set, &last, running.as_ref(), input.cutoff()) {
            CodeDecision::Verify(cause, reason, id) => {
                let (cause, deployment_id) = (Some(cause), Some(id));
                let skipped =
                    Outcome { outcome: OutcomeKind::Skipped, reason, cause, deployment_id, ..started };
                self.hand_to_verify(input, skipped, now).await
            }
            CodeDecision::Wait(reason) => {
                let (outcome, command) = (OutcomeKind::Postponed, Some(code_deploy::command(&last.id)));
                self.wait(input, Outcome { outcome, reason, command, ..started }, policy, now).await
            }
            CodeDecision::Ask { reason, command } => {
                let reason = format!("{}, and {reason}", started.reason);
                Ok(Outcome { outcome: OutcomeKind::NotActionable, reason, command: Some(command), ..started })
            }
            CodeDecision::Deploy(app_spec) => match self.code_deploy.create(&last, &app_spec).await? {
                Created::Started(id) => {
                    self.hand_to_verify(input, Outcome { deployment_id: Some(id), ..started }, now).await
                }
                Created::Refused(reason) => {
                    let command = Some(code_deploy::command(&last.id));
                    Ok(Outcome { outcome: OutcomeKind::Failed, reason, command, ..started })
                }
            },
        }
    }

    /// Has verify look at the service. A look that is pending for the same deployment stays.
    async fn hand_to_verify(
        &self,
        input: &ScheduleInput,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<Outcome, CallFailed> {
        let place = &self.notifier.reader.place;
        let name = schedule::verify_name(&place.account, &place.region, &input.service);
        let first = VerifyInput::first(&input.service, &input.notices, outcome.deployment_id.clone(), now);
        let at = first.next_look(&self.policy, now).unwrap_or(now);
        let spec = |input: &VerifyInput| Spec::look(name.clone(), at, self.policy.windows.zone(), input);
        let verify_at = match self.scheduler.arm(&spec(&first), now).await? {
            Armed::Anew => Some(at),
            Armed::AsItWas(found) => {
                let joined = match found.input::<VerifyInput>() {
                    Some(pending) => first.join(&pending),
                    None => Some(first),
                };
                match joined {
                    Some(joined) => {
                        self.scheduler.put(&spec(&joined)).await?;
                        Some(at)
                    }
                    None => found.existing.at,
                }
            }
        };
        Ok(Outcome { verify_at, ..outcome })
    }

    /// Tries again in the same window, then in the next; a person is asked where there is none, with the
    /// outcome's command.
    async fn wait(
        &self,
        input: &ScheduleInput,
        outcome: Outcome,
        policy: &mut Policy,
        now: DateTime<Utc>,
    ) -> Result<Outcome, CallFailed> {
        let again = loop {
            let again = match postpone(policy, input, now) {
                Ok(again) => again,
                Err(NoSlot(why)) => {
                    let reason = format!("{}; {why}", outcome.reason);
                    return Ok(Outcome { outcome: OutcomeKind::NotActionable, reason, ..outcome });
                }
            };
            if policy.calendars.unknown(again.slot.at).is_empty() {
                break again;
            }
            self.change_calendars.ask(&mut policy.calendars, again.slot.at).await;
        };
        // What cannot be read may be read in ten minutes; when the window ends, a person has to see to it.
        let attention = outcome.attention && again.slot.at >= input.window_ends_at;
        let place = &self.notifier.reader.place;
        let name = schedule::name(&place.account, &place.region, &input.service);
        let (slot, when) = match self.scheduler.arm(&again.spec(&name), now).await? {
            Armed::Anew => (Some(again.slot.at), again.slot.reason),
            Armed::AsItWas(found) if !found.existing.enabled => {
                (None, "an operator disabled the schedule".to_owned())
            }
            Armed::AsItWas(found) => (found.existing.at, "it is scheduled again already".to_owned()),
        };
        let reason = format!("{}; {when}", outcome.reason);
        Ok(Outcome { reason, slot, attention, command: outcome.command.filter(|_| attention), ..outcome })
    }

    /// Counts, and tells machines and people.
    async fn report(
        &self,
        input: &ScheduleInput,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        let (happened, metric) = match outcome.outcome {
            OutcomeKind::Started => (Happened::Started, Metric::Started),
            OutcomeKind::Skipped => (Happened::Skipped, Metric::Skipped),
            OutcomeKind::Postponed if outcome.attention => (Happened::NeedsAttention, Metric::NeedsAttention),
            OutcomeKind::Postponed => (Happened::Postponed, Metric::Postponed),
            OutcomeKind::NotActionable => (Happened::NeedsAttention, Metric::NeedsAttention),
            OutcomeKind::Failed => (Happened::Failed, Metric::Failed),
        };
        self.notifier.count(outcome.cause.map(Cause::word), &[(metric, 1)], now);
        let deadline = deadline(&self.policy, &input.notices, now);
        if let (OutcomeKind::Started, Some(deadline)) = (outcome.outcome, deadline) {
            let minutes = i32::try_from((deadline - now).num_minutes()).unwrap_or(i32::MAX);
            self.notifier.measure(Metric::HoursToDeadline, f64::from(minutes) / 60.0, now);
        }

        let reader = &self.notifier.reader;
        let mut event =
            BusEvent::of_service(happened, &reader.place, &input.service, &input.notices, &outcome.reason);
        event.detail.slot = outcome.slot.or(Some(input.slot));
        event.detail.deadline = deadline;
        event.detail.deployment_id.clone_from(&outcome.deployment_id);
        event.detail.warnings.clone_from(&outcome.warnings);
        let next = match outcome.outcome {
            // Verify tells how it ends; and what is tried again every ten minutes is told once for a window.
            OutcomeKind::Started if outcome.warnings.is_empty() => None,
            OutcomeKind::Started => Some(
                "Read the warnings; how the deployment ends is told. To have the service left alone the next time, set \
                 its tag ecs-task-patching:mode to off"
                    .to_owned(),
            ),
            OutcomeKind::Skipped if outcome.cause == Some(Cause::Observed) => Some(
                "To have it redeployed: set the parameter Mode, or its tag ecs-task-patching:mode, to deploy, and plan this \
                 notice again (README)"
                    .to_owned(),
            ),
            OutcomeKind::Postponed if outcome.attention => Some(format!(
                "Put right what cannot be read, before AWS's date{}. Only if you decide to deploy in spite of it:",
                outcome.slot.map_or_else(String::new, |slot| {
                    format!("; it is tried again at {}", date::both(slot, self.policy.windows.zone()))
                })
            )),
            OutcomeKind::Skipped if outcome.cause != Some(Cause::Patched) || outcome.verify_at.is_some() => {
                None
            }
            OutcomeKind::Postponed
                if input.attempt > 0 && outcome.slot.is_some_and(|at| at < input.window_ends_at) =>
            {
                None
            }
            OutcomeKind::Skipped => Some("Nothing: it is patched".to_owned()),
            OutcomeKind::Postponed => Some(outcome.slot.map_or_else(
                || "Enable the schedule, or deploy the service yourself".to_owned(),
                |slot| {
                    format!("Nothing: it is tried again at {}", date::both(slot, self.policy.windows.zone()))
                },
            )),
            OutcomeKind::NotActionable => Some("Deploy the service yourself, before AWS's date".to_owned()),
            OutcomeKind::Failed => Some("Mend the cause, then deploy the service yourself".to_owned()),
        };
        let message = next.map(|next| {
            let next = std::iter::once(next).chain(outcome.command.clone()).collect();
            reader
                .service(happened, &input.service, &input.notices, &outcome.reason, next, now)
                .with_warnings(&outcome.warnings)
        });
        self.notifier.tell(&[event], message.as_ref(), now).await
    }
}

/// One line: the record of what the product did and why.
fn log(input: &ScheduleInput, told: &Outcome) {
    let notices: Vec<&str> = input.notices.iter().map(|notice| notice.event_arn.as_str()).collect();
    let event_arns = notices.join(" ");
    let Outcome { cluster, service, outcome, reason, command, deployment_id, .. } = told;
    let kind = json!(outcome);
    let kind = kind.as_str().unwrap_or_default();
    let (slot, verify_at) =
        (told.slot.map(|slot| slot.to_rfc3339()), told.verify_at.map(|at| at.to_rfc3339()));
    let warnings = (!told.warnings.is_empty()).then(|| told.warnings.join("; "));
    macro_rules! line {
        ($level:ident) => {
            $level!(
                event_arns,
                cluster,
                service,
                outcome = kind,
                reason,
                deployment_id,
                slot,
                verify_at,
                command,
                warnings,
                "{cluster}/{service}: {kind}: {reason}"
            )
        };
    }
    match outcome {
        OutcomeKind::Failed => line!(error),
        OutcomeKind::NotActionable => line!(warn),
        OutcomeKind::Postponed if told.attention => line!(warn),
        OutcomeKind::Started | OutcomeKind::Skipped | OutcomeKind::Postponed => line!(info),
    }
}
