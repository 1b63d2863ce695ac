//! What is sent when a schedule has woken deploy: an event always, a message where people have something to know.

use chrono::{DateTime, Utc};

use super::{
    Notification, approval,
    event::{BusEvent, Happened},
    message::{Message, Reader, Step},
    metrics::{Metric, Sample},
};
use crate::{
    deploy::outcome::{DeployOutcome, DeployOutcomeKind},
    outcome::Cause,
    plan::deadline,
    policy::Policy,
    schedule::wake::DeployInput,
    service::command,
    time::instant::local_and_utc,
};

/// What is sent and counted for the outcome of a deployment.
#[must_use]
pub fn notification(
    reader: &Reader,
    policy: &Policy,
    input: &DeployInput,
    outcome: &DeployOutcome,
    now: DateTime<Utc>,
) -> Notification {
    let (happened, metric) = kind(outcome);
    let deadline = deadline(policy, &input.notices, now);
    let mut samples = vec![match outcome.cause {
        Some(cause) => Sample::skipped(cause, 1),
        None => Sample::one(metric),
    }];
    if let (DeployOutcomeKind::Started, Some(deadline)) = (outcome.outcome, deadline) {
        let minutes = i32::try_from((deadline - now).num_minutes()).unwrap_or(i32::MAX);
        samples.push(Sample::measured(Metric::HoursToDeadline, f64::from(minutes) / 60.0));
    }

    let mut event =
        BusEvent::of_service(happened, &reader.place, &input.service, &input.notices, &outcome.reason);
    event.detail.slot = outcome.slot.or(Some(input.slot));
    event.detail.deadline = deadline;
    event.detail.approval = outcome.awaits_approval.then(|| approval::AWAITED.to_owned());
    event.detail.deployment_id.clone_from(&outcome.deployment_id);
    event.detail.warnings.clone_from(&outcome.warnings);
    let message = message(reader, happened, input, outcome, now);
    Notification { events: vec![event], message, samples }.in_detail(reader)
}

fn kind(outcome: &DeployOutcome) -> (Happened, Metric) {
    match outcome.outcome {
        DeployOutcomeKind::Started => (Happened::Started, Metric::Started),
        DeployOutcomeKind::Skipped => (Happened::Skipped, Metric::Skipped),
        DeployOutcomeKind::Postponed if outcome.attention || outcome.awaits_approval => {
            (Happened::NeedsAttention, Metric::NeedsAttention)
        }
        DeployOutcomeKind::Postponed => (Happened::Postponed, Metric::Postponed),
        DeployOutcomeKind::NotActionable => (Happened::NeedsAttention, Metric::NeedsAttention),
        DeployOutcomeKind::Failed => (Happened::Failed, Metric::Failed),
    }
}

/// Whether people are to know. How a deployment ends, verify reports; what is retried every ten minutes is reported
/// once for each window.
fn concerns_people(input: &DeployInput, outcome: &DeployOutcome) -> bool {
    match outcome.outcome {
        DeployOutcomeKind::Started => !outcome.warnings.is_empty(),
        DeployOutcomeKind::Skipped => match outcome.cause {
            Some(Cause::Observed | Cause::Gone) => true,
            Some(Cause::Patched) => outcome.verify_at.is_none(),
            _ => false,
        },
        DeployOutcomeKind::Postponed => {
            let in_window = outcome.slot.is_some_and(|at| at < input.window_ends_at);
            outcome.attention || outcome.awaits_approval || input.attempt == 0 || !in_window
        }
        DeployOutcomeKind::NotActionable | DeployOutcomeKind::Failed => true,
    }
}

fn message(
    reader: &Reader,
    happened: Happened,
    input: &DeployInput,
    outcome: &DeployOutcome,
    now: DateTime<Utc>,
) -> Option<Message> {
    if !concerns_people(input, outcome) {
        return None;
    }
    let aws = reader.what_aws_does(&input.notices, now);
    let (meaning, next) = match outcome.outcome {
        DeployOutcomeKind::Started => started(),
        DeployOutcomeKind::Skipped if outcome.cause == Some(Cause::Observed) => observed(&aws),
        DeployOutcomeKind::Skipped if outcome.cause == Some(Cause::Gone) => {
            let next = Step::new("Check that the service was deleted on purpose, and that its name is right");
            ("there is nothing to patch".to_owned(), vec![next])
        }
        DeployOutcomeKind::Skipped => {
            ("the service is patched; there is nothing to do before the retirement date".to_owned(), vec![])
        }
        DeployOutcomeKind::Postponed if outcome.awaits_approval => {
            let at = outcome.slot.map(|slot| local_and_utc(slot, reader.zone)).unwrap_or_default();
            let meaning = format!(
                "the service is not patched yet. If somebody approves it, it is redeployed on {at}. {aws}"
            );
            (meaning, vec![approval::of_service(reader, &input.service)])
        }
        DeployOutcomeKind::Postponed => {
            let retried = outcome.slot.map(|slot| local_and_utc(slot, reader.zone));
            postponed(outcome, retried.as_deref(), &aws)
        }
        DeployOutcomeKind::NotActionable => (
            format!("the service is not patched, and cannot be redeployed automatically. {aws}"),
            vec![Step::with(redeploy_order(input, outcome), outcome.command.clone())],
        ),
        DeployOutcomeKind::Failed => (
            format!("the service is not patched, and the deployment is not retried. {aws}"),
            vec![Step::with("Fix the cause, then redeploy the service yourself", outcome.command.clone())],
        ),
    };
    let lead = [outcome.reason.clone(), meaning];
    let message = reader.about_service(happened, &input.service, &input.notices, &lead, now);
    Some(Message { next, ..message }.with_warnings(&outcome.warnings))
}

/// The order that fits the command: a tool that is not known here has to be found first.
fn redeploy_order(input: &DeployInput, outcome: &DeployOutcome) -> &'static str {
    if outcome.command.as_deref() == Some(&command::task_sets(&input.service)) {
        "Before the retirement date, redeploy the service with the tool that made its task sets. To see them"
    } else {
        "Redeploy the service yourself before the retirement date"
    }
}

/// What an outcome means before the retirement date, and the next steps.
type Advice = (String, Vec<Step>);

fn started() -> Advice {
    let next = [
        "Check the warnings. You will be notified when the deployment finishes",
        "To exclude the service next time, set its tag ecs-task-patching:mode to off",
    ];
    ("a new deployment has started".to_owned(), next.map(Step::new).to_vec())
}

fn observed(aws: &str) -> Advice {
    let next = "To redeploy the service, set the parameter Mode or the tag ecs-task-patching:mode to deploy, then plan the \
                notice again (docs/operations.md)";
    (format!("nothing was changed. {aws}"), vec![Step::new(next)])
}

fn postponed(outcome: &DeployOutcome, retried: Option<&str>, aws: &str) -> Advice {
    match retried {
        Some(retried) if outcome.unreadable => (
            format!("the service is not patched yet. It is retried on {retried}. {aws}"),
            vec![
                Step::new("Before the retirement date, fix what is unreadable or missing"),
                Step::with("To redeploy the service anyway", outcome.command.clone()),
            ],
        ),
        Some(retried) => (
            format!(
                "the service is not patched yet. It is retried on {retried}; you do not need to do anything. {aws}"
            ),
            vec![],
        ),
        None => (
            format!("the service is not patched yet, and is not retried. {aws}"),
            vec![Step::new("Enable the schedule, or redeploy the service yourself")],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notify::message::tests::{notice, reader},
        testing::{instant, planned_for},
    };

    fn sent(attempt: u32, change: impl FnOnce(&mut DeployOutcome)) -> Notification {
        let input = DeployInput { attempt, ..planned_for(vec![notice()]) };
        let mut outcome = DeployOutcome::repeated(&input, "why".into());
        outcome.cause = None;
        change(&mut outcome);
        notification(&reader(), &Policy::default(), &input, &outcome, instant("2026-07-13T22:30:00Z"))
    }

    #[test]
    fn a_start_measures_the_hours_to_the_deadline() {
        let samples = sent(0, |outcome| outcome.outcome = DeployOutcomeKind::Started).samples;
        assert_eq!(samples, [Sample::one(Metric::Started), Sample::measured(Metric::HoursToDeadline, 41.5)]);
    }

    #[test]
    fn what_is_retried_every_ten_minutes_is_reported_once_for_each_window_and_where_somebody_must_act() {
        let (inside, end) = ("2026-11-27T22:10:00Z", "2026-11-28T02:00:00Z");
        let rows = [
            (0, inside, false, false, true),
            (1, inside, false, false, false),
            (1, end, false, false, true),
            (1, inside, true, false, true),
            (1, inside, false, true, true),
        ];
        for (attempt, slot, attention, awaits_approval, expected) in rows {
            let sent = sent(attempt, |outcome| {
                outcome.outcome = DeployOutcomeKind::Postponed;
                outcome.slot = Some(instant(slot));
                (outcome.attention, outcome.awaits_approval) = (attention, awaits_approval);
            });
            assert_eq!(sent.message.is_some(), expected, "{attempt} {slot} {attention} {awaits_approval}");
        }
    }
}
