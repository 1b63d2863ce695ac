//! The record of how the story of a service and a notice ended, for auditors: an event for each of the two. Absent facts are
//! left out.

use chrono::{DateTime, SubsecRound as _, Utc};

use super::{
    event::{BusEvent, Ending, Happened, Record},
    message::Reader,
};
use crate::{
    arn::ServiceRef,
    deploy::outcome::{DeployOutcome, DeployOutcomeKind},
    notice::NoticeRef,
    operate::verdict::Verdict,
    outcome::{Cause, Outcome, OutcomeKind},
    plan::deadline,
    policy::Policy,
    schedule::{
        control::Approval,
        name::fingerprint,
        story::{Running, Story},
        wake::{CheckInput, DeployInput},
    },
    service::ServiceState,
    verify::judge::Judgement,
};

/// What ends, how, and what is known of it.
struct End<'a> {
    service: &'a ServiceRef,
    notices: &'a [NoticeRef],
    ending: Ending,
    cause: Option<Cause>,
    reason: &'a str,
    story: Story,
    after: Option<Running>,
    deployment: Option<&'a String>,
    started_at: Option<DateTime<Utc>>,
}

impl<'a> End<'a> {
    fn new(service: &'a ServiceRef, notices: &'a [NoticeRef], ending: Ending, reason: &'a str) -> Self {
        let (story, after) = (Story::default(), None);
        Self {
            service,
            notices,
            ending,
            cause: None,
            reason,
            story,
            after,
            deployment: None,
            started_at: None,
        }
    }

    /// One record for each notice.
    fn records(&self, reader: &Reader, policy: &Policy, now: DateTime<Utc>) -> Vec<BusEvent> {
        self.notices.iter().map(|notice| self.record(reader, policy, notice, now)).collect()
    }

    fn record(&self, reader: &Reader, policy: &Policy, notice: &NoticeRef, now: DateTime<Utc>) -> BusEvent {
        let Self { service, ending, story, .. } = self;
        let place = &reader.place;
        let arn = place.service_arn(service);
        let notices = std::slice::from_ref(notice);
        let mut event = BusEvent::of_service(Happened::Recorded, place, service, notices, self.reason);
        event.detail.slot = story.slot;
        event.detail.deadline = deadline(policy, notices, self.started_at.unwrap_or(now));
        event.detail.deployment_id = self.deployment.cloned();
        event.detail.approval = story.approval.map(|approval| approval_word(approval).to_owned());
        event.detail.stack = Some(reader.stack.clone());
        event.detail.record = Some(Box::new(Record {
            id: fingerprint([arn.as_str(), &notice.event_arn, ending.word()], "\n"),
            outcome: *ending,
            cause: self.cause.map(Cause::word),
            plans: story.plans.clone(),
            changes: story.changes.clone(),
            before: story.before.clone(),
            after: self.after.clone(),
            proof: (*ending == Ending::Patched).then(|| self.reason.to_owned()),
            started_at: self.started_at.map(|at| at.trunc_subsecs(0)),
            ended_at: now.trunc_subsecs(0),
        }));
        event
    }
}

fn approval_word(approval: Approval) -> &'static str {
    match approval {
        Approval::Awaited => super::approval::AWAITED,
        Approval::Given => "given",
        Approval::Missed => "missed",
    }
}

/// What a service runs, if ECS says.
#[must_use]
pub fn running(state: Option<&ServiceState>) -> Option<Running> {
    let state = state?;
    let running = Running { task_definition: state.task_definition.clone(), images: state.images.clone() };
    (running != Running::default()).then_some(running)
}

/// The records about what ingest has decided for one entity, if its story ends with that. `story` is that of the schedule
/// that was pending.
#[must_use]
pub fn of_plan(
    reader: &Reader,
    policy: &Policy,
    (outcome, story): (&Outcome, Option<&Story>),
    notice: &NoticeRef,
    now: DateTime<Utc>,
) -> Vec<BusEvent> {
    let ending = match (outcome.outcome, outcome.cause) {
        _ if outcome.unknown => return Vec::new(), // deploy reads it again
        (OutcomeKind::Cancelled, None) => Ending::Closed,
        (OutcomeKind::Skipped | OutcomeKind::Cancelled, Some(Cause::Patched)) => Ending::Patched,
        (
            OutcomeKind::Skipped | OutcomeKind::Cancelled,
            Some(Cause::NoWindow | Cause::OptedOut | Cause::Observed),
        ) => Ending::Skipped,
        _ => return Vec::new(),
    };
    let Some(service) = outcome.service_ref() else { return Vec::new() };
    let story = story.cloned().unwrap_or_default();
    let notices = std::slice::from_ref(notice);
    let end = End::new(&service, notices, ending, &outcome.reason);
    End { cause: outcome.cause, story, ..end }.records(reader, policy, now)
}

/// The records about a service whose story ends at its start time: nothing is deployed, and no check follows.
#[must_use]
pub fn of_deployment(
    reader: &Reader,
    policy: &Policy,
    input: &DeployInput,
    outcome: &DeployOutcome,
    now: DateTime<Utc>,
) -> Vec<BusEvent> {
    let ending = match outcome.cause {
        _ if outcome.outcome != DeployOutcomeKind::Skipped || outcome.verify_at.is_some() => {
            return Vec::new();
        }
        Some(Cause::Patched) => Ending::Patched,
        Some(Cause::Gone | Cause::ScaledToZero | Cause::OptedOut | Cause::Observed) => Ending::Skipped,
        _ => return Vec::new(),
    };
    let end = End::new(&input.service, &input.notices, ending, &outcome.reason);
    End { cause: outcome.cause, story: input.story(), ..end }.records(reader, policy, now)
}

/// The records after a verification check, if the story ends with it. `last` says that no further check follows.
#[must_use]
pub fn of_check(
    reader: &Reader,
    policy: &Policy,
    (input, last): (&CheckInput, bool),
    judgement: &Judgement,
    state: Option<&ServiceState>,
    now: DateTime<Utc>,
) -> Vec<BusEvent> {
    let (ending, cause, reason) = match judgement {
        Judgement::Completed(proof) => (Ending::Patched, None, proof),
        Judgement::Skipped(cause, reason) => (Ending::Skipped, Some(*cause), reason),
        Judgement::Rolling(reason) | Judgement::Attention { reason, .. } if last => {
            (Ending::Unpatched, None, reason)
        }
        Judgement::Rolling(_) | Judgement::Attention { .. } => return Vec::new(),
    };
    let end = End {
        cause,
        story: input.story.clone(),
        after: running(state),
        deployment: input.deployment.as_ref(),
        started_at: input.deployment.as_ref().map(|_| input.since),
        ..End::new(&input.service, &input.notices, ending, reason)
    };
    end.records(reader, policy, now)
}

/// The records about a deployment that an operator has cancelled.
#[must_use]
pub fn of_cancellation(
    reader: &Reader,
    policy: &Policy,
    (service, verdict): (&ServiceRef, &Verdict),
    now: DateTime<Utc>,
) -> Vec<BusEvent> {
    let Some(story) = &verdict.ended else { return Vec::new() };
    let end = End::new(service, &verdict.notices, Ending::Cancelled, &verdict.text);
    End { story: story.clone(), ..end }.records(reader, policy, now)
}

/// The record about a service that nothing was going to patch shortly before the retirement date, as it is on that date.
/// `held` is the deployment that an operator holds, or that nobody has approved.
#[must_use]
pub fn of_retirement_date(
    reader: &Reader,
    policy: &Policy,
    service: &ServiceRef,
    notice: &NoticeRef,
    (state, held): (Option<&ServiceState>, Option<&DeployInput>),
    now: DateTime<Utc>,
) -> Vec<BusEvent> {
    let (ending, cause, reason) = match ServiceState::to_patch(state) {
        Err((cause, reason)) => (Ending::Skipped, Some(cause), reason),
        Ok(state) => match state.all_new(notice.cutoff) {
            Some(proof) => (Ending::Patched, None, proof),
            None => (Ending::Unpatched, None, state.describe_old_tasks(notice.cutoff)),
        },
    };
    let end = End {
        cause,
        story: held.map(DeployInput::story).unwrap_or_default(),
        after: running(state),
        ..End::new(service, std::slice::from_ref(notice), ending, &reason)
    };
    end.records(reader, policy, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notify::message::tests::{notice, reader},
        service::Progress,
        testing::{instant, rollout, service_with, web},
    };

    const NOW: &str = "2026-07-15T18:00:00Z";

    fn ending(records: &[BusEvent]) -> Option<(Ending, Option<&'static str>)> {
        let record = records.first()?.detail.record.as_ref()?;
        Some((record.outcome, record.cause))
    }

    #[test]
    fn a_plan_ends_the_story_of_what_is_not_redeployed() {
        use OutcomeKind::{Cancelled, Failed, Held, NotActionable, Scheduled, Skipped};
        let rows = [
            (Scheduled, None, None),
            (Held, None, None),
            (NotActionable, None, None),
            (Failed, None, None),
            (Cancelled, None, Some((Ending::Closed, None))),
            (Cancelled, Some(Cause::NoWindow), Some((Ending::Skipped, Some("no-window")))),
            (Skipped, Some(Cause::NoWindow), Some((Ending::Skipped, Some("no-window")))),
            (Skipped, Some(Cause::OptedOut), Some((Ending::Skipped, Some("opted-out")))),
            (Skipped, Some(Cause::Observed), Some((Ending::Skipped, Some("observed")))),
            (Skipped, Some(Cause::Patched), Some((Ending::Patched, Some("patched")))),
            // Its story has ended before, or was never told.
            (Skipped, Some(Cause::NothingPending), None),
            (Skipped, Some(Cause::NotOurs), None),
        ];
        for (kind, cause, expected) in rows {
            let outcome = Outcome { cause, ..Outcome::of("prod|web", kind, "why") }.for_service(&web());
            let story = input().story();
            let found =
                of_plan(&reader(), &Policy::default(), (&outcome, Some(&story)), &notice(), instant(NOW));
            assert_eq!(ending(&found), expected, "{kind:?} {cause:?}");
            assert!(found.iter().all(|event| event.detail.slot == story.slot));
            let unknown = Outcome { unknown: true, ..outcome };
            let found = of_plan(&reader(), &Policy::default(), (&unknown, None), &notice(), instant(NOW));
            assert_eq!(found, []);
        }
    }

    #[test]
    fn the_retirement_date_shows_how_a_service_stands() {
        let with_images = |state| ServiceState { images: vec!["app@sha256:1".into()], ..state };
        let old = with_images(service_with(&["2026-07-01T00:00:00Z"], vec![]));
        let deployed = "2026-07-10T00:00:00Z";
        let new =
            with_images(service_with(&[deployed], vec![rollout("ecs-svc/2", deployed, Progress::Completed)]));
        let rows = [
            (Some(&old), (Ending::Unpatched, None)),
            (Some(&new), (Ending::Patched, None)),
            (None, (Ending::Skipped, Some("gone"))),
        ];
        for (state, expected) in rows {
            let policy = Policy::default();
            let found = of_retirement_date(
                &reader(),
                &policy,
                &web(),
                &notice(),
                (state, Some(&input())),
                instant(NOW),
            );
            assert_eq!(ending(&found), Some(expected));
            let detail = &found[0].detail;
            assert_eq!(detail.slot, Some(input().slot));
            assert_eq!(detail.record.as_ref().unwrap().after.is_some(), state.is_some());
        }
    }

    #[test]
    fn the_id_is_that_of_a_service_a_notice_and_an_ending() {
        let id = |ending: Ending, arn: &str, now: &str| {
            let notices = [NoticeRef { event_arn: arn.into(), ..notice() }];
            let (service, end) = (web(), |service| End::new(service, &notices, ending, "why"));
            let records = end(&service).records(&reader(), &Policy::default(), instant(now));
            records[0].detail.record.as_ref().map(|record| record.id.clone())
        };
        let first = id(Ending::Patched, "arn:1", NOW);
        assert_eq!(first, id(Ending::Patched, "arn:1", "2026-07-15T19:00:00Z"));
        assert_ne!(first, id(Ending::Patched, "arn:2", NOW));
        assert_ne!(first, id(Ending::Unpatched, "arn:1", NOW));
    }

    fn input() -> DeployInput {
        let slot =
            crate::plan::plan(&Policy::default(), &[notice()], instant("2026-07-08T18:00:00Z")).unwrap();
        crate::schedule::PlannedDeployment::new(&web(), &slot, vec![notice()]).input
    }

    #[test]
    fn a_start_time_ends_the_story_of_what_is_skipped_without_a_check() {
        let rows = [
            (Some(Cause::Patched), Some((Ending::Patched, Some("patched")))),
            (Some(Cause::Gone), Some((Ending::Skipped, Some("gone")))),
            (Some(Cause::ScaledToZero), Some((Ending::Skipped, Some("scaled-to-zero")))),
            (Some(Cause::OptedOut), Some((Ending::Skipped, Some("opted-out")))),
            (Some(Cause::Observed), Some((Ending::Skipped, Some("observed")))),
            (Some(Cause::Repeated), None),
            (Some(Cause::Rolling), None),
            (None, None),
        ];
        for (cause, expected) in rows {
            let records = |outcome: &DeployOutcome| {
                of_deployment(&reader(), &Policy::default(), &input(), outcome, instant(NOW))
            };
            let outcome = DeployOutcome { cause, ..DeployOutcome::repeated(&input(), "why".into()) };
            assert_eq!(ending(&records(&outcome)), expected, "{cause:?}");
            assert!(records(&outcome).iter().all(|event| event.detail.slot == Some(input().slot)));
            let checked = DeployOutcome { verify_at: Some(instant(NOW)), ..outcome.clone() };
            assert_eq!(records(&checked), []);
            let started = DeployOutcome { outcome: DeployOutcomeKind::Started, ..outcome };
            assert_eq!(records(&started), []);
        }
    }

    #[test]
    fn a_check_ends_the_story_with_its_proof_or_with_the_last_check() {
        let state = ServiceState { images: vec!["app@sha256:1".into()], ..service_with(&[], vec![]) };
        let check =
            CheckInput::first(&web(), &[notice()], Some("ecs-svc/2".into()), instant("2026-07-10T21:00:00Z"));
        let problem = crate::verify::judge::Problem::Failed;
        let attention = Judgement::Attention { reason: "why".into(), next: "fix it".into(), problem };
        let rows = [
            (Judgement::Completed("why".into()), false, Some((Ending::Patched, None))),
            (Judgement::Skipped(Cause::Gone, "why".into()), false, Some((Ending::Skipped, Some("gone")))),
            (Judgement::Rolling("why".into()), false, None),
            (Judgement::Rolling("why".into()), true, Some((Ending::Unpatched, None))),
            (attention.clone(), false, None),
            (attention, true, Some((Ending::Unpatched, None))),
        ];
        for (judgement, last, expected) in rows {
            let (policy, now) = (Policy::default(), instant(NOW));
            let records = of_check(&reader(), &policy, (&check, last), &judgement, Some(&state), now);
            assert_eq!(ending(&records), expected, "{judgement:?} {last}");
            let Some(detail) = records.first().map(|event| &event.detail) else { continue };
            let record = detail.record.as_ref().unwrap();
            assert_eq!(record.proof.is_some(), expected == Some((Ending::Patched, None)));
            assert_eq!((record.started_at, record.ended_at), (Some(check.since), now));
            assert_eq!(record.after.as_ref().map(|running| running.images.len()), Some(1));
            assert_eq!(detail.deployment_id.as_deref(), Some("ecs-svc/2"));
            assert_eq!(detail.deadline, Some(instant("2026-07-15T16:00:00Z")));
        }
    }

    #[test]
    fn a_record_says_whether_the_start_time_was_approved_and_what_ran() {
        let word = |approval| {
            let mut input = input();
            input.control.approval = approval;
            let end = End::new(&input.service, &input.notices, Ending::Closed, "why");
            let records =
                End { story: input.story(), ..end }.records(&reader(), &Policy::default(), instant(NOW));
            records[0].detail.approval.clone()
        };
        let words =
            [Approval::Awaited, Approval::Given, Approval::Missed].map(|approval| word(Some(approval)));
        assert_eq!(words.map(Option::unwrap), ["awaited", "given", "missed"]);
        assert_eq!(word(None), None);
        assert_eq!((running(None), running(Some(&service_with(&[], vec![])))), (None, None));
    }

    #[test]
    fn a_cancellation_ends_the_story_for_each_notice() {
        let verdict = |ended| Verdict {
            change: crate::operate::verdict::Change::Delete,
            done: true,
            nothing: false,
            text: "cancelled".into(),
            slot: None,
            notices: vec![notice(), NoticeRef { event_arn: "arn:2".into(), ..notice() }],
            ended,
        };
        let records =
            |ended| of_cancellation(&reader(), &Policy::default(), (&web(), &verdict(ended)), instant(NOW));
        let story = Story { slot: Some(instant(NOW)), ..Story::default() };
        let found = records(Some(story));
        assert_eq!((ending(&found), found.len()), (Some((Ending::Cancelled, None)), 2));
        assert_eq!(found[0].detail.slot, Some(instant(NOW)));
        assert_eq!(records(None), []);
    }
}
