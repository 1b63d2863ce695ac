//! What is sent after a verification check, and after a deadline check.

use chrono::{DateTime, Utc};

use super::{
    Notification,
    event::{BusEvent, Happened},
    message::{MOST_LISTED, Message, Reader, Step, list, title},
    metrics::{Metric, Sample},
};
use crate::{
    notice::NoticeRef,
    plan::deadline,
    policy::{NotificationDetail, Policy},
    schedule::wake::{CheckInput, DeadlineInput},
    verify::{deadline_check::Unpatched, judge::Judgement},
    wording::{count, is},
};

/// What is sent for what a check has shown; `None` while the deployment is rolling out, and where the owner was
/// notified already. `command` is for the owner to run.
#[must_use]
pub fn of_check(
    reader: &Reader,
    policy: &Policy,
    input: &CheckInput,
    judgement: &Judgement,
    command: Option<String>,
    now: DateTime<Utc>,
) -> Option<Notification> {
    let aws = reader.what_aws_does(&input.notices, now);
    let (happened, reason, meaning, next, samples) = match judgement {
        Judgement::Completed(proof) => {
            let minutes = i32::try_from((now - input.since).num_minutes()).unwrap_or(i32::MAX);
            let samples = vec![
                Sample::one(Metric::Completed),
                Sample::measured(Metric::MinutesToComplete, minutes.into()),
            ];
            let meaning = "the service is patched; there is nothing to do before the retirement date";
            (Happened::Completed, proof, meaning.to_owned(), vec![], samples)
        }
        Judgement::Skipped(cause, reason) => {
            let samples = vec![Sample::skipped(*cause, 1)];
            let meaning = "there is nothing to patch, and nothing to do before the retirement date";
            (Happened::Skipped, reason, meaning.to_owned(), vec![], samples)
        }
        Judgement::Attention { reason, next, problem } if !problem.is_known(input) => {
            let meaning = format!("the service is not patched. {aws}");
            let next = vec![Step::with(next.clone(), command)];
            (Happened::NeedsAttention, reason, meaning, next, vec![Sample::one(Metric::NeedsAttention)])
        }
        Judgement::Attention { .. } | Judgement::Rolling(_) => return None,
    };
    let mut event = BusEvent::of_service(happened, &reader.place, &input.service, &input.notices, reason);
    event.detail.deadline = deadline(policy, &input.notices, input.since);
    event.detail.deployment_id.clone_from(&input.deployment);
    let lead = [reason.clone(), meaning];
    let message = reader.about_service(happened, &input.service, &input.notices, &lead, now);
    let message = Some(Message { next, ..message });
    Some(Notification { events: vec![event], message, samples }.in_detail(reader))
}

/// What is sent for services that are not patched shortly before the retirement date.
#[must_use]
pub fn of_deadline_check(
    reader: &Reader,
    policy: &Policy,
    input: &DeadlineInput,
    unpatched: &[Unpatched],
    now: DateTime<Utc>,
) -> Notification {
    let notices = std::slice::from_ref(&input.notice);
    let event = |Unpatched { service, reason, .. }: &Unpatched| {
        let mut event =
            BusEvent::of_service(Happened::NeedsAttention, &reader.place, service, notices, reason);
        event.detail.deadline = deadline(policy, notices, now);
        event
    };
    Notification {
        events: unpatched.iter().map(event).collect(),
        message: Some(unpatched_message(reader, &input.notice, unpatched, now)),
        samples: vec![Sample::counted(&[(Metric::NeedsAttention, unpatched.len())])],
    }
}

/// What is sent before the deadline if no service of a notice still needs a deployment, and digests are wanted.
#[must_use]
pub fn of_settled_notice(reader: &Reader, notice: &NoticeRef, now: DateTime<Utc>) -> Notification {
    if reader.detail == NotificationDetail::Each {
        return Notification::default();
    }
    let subject = format!("Nothing left to patch, {}", reader.subject_date(notice));
    let message = Message {
        happened: Happened::Completed,
        title: title(std::slice::from_ref(notice), &subject),
        lead: vec![
            "The deadline check found no service of this notice that still needs a deployment.".to_owned(),
        ],
        next: Vec::new(),
        details: Vec::new(),
        facts: reader.notice_facts(notice, None, now),
        resources: Vec::new(),
        thread: notice.event_arn.clone(),
    };
    Notification { message: Some(message), ..Notification::default() }
}

fn unpatched_message(
    reader: &Reader,
    notice: &NoticeRef,
    unpatched: &[Unpatched],
    now: DateTime<Utc>,
) -> Message {
    let list = list("Not patched:", unpatched, &|Unpatched { service, reason, command }| {
        format!("{service}: {reason}\n  {command}")
    });
    let services = count(unpatched.len(), "service");
    let ahead =
        |date: String| format!("AWS replaces old tasks from {date}, whether or not new ones are ready");
    let aws = reader.what_aws_does_on(notice.starts_at, "old tasks", ahead, now);
    let console = unpatched.first().map(|first| ("Console", reader.place.console(&first.service)));
    Message {
        happened: Happened::NeedsAttention,
        title: title(
            std::slice::from_ref(notice),
            &format!("Not patched: {services}, {}", reader.subject_date(notice)),
        ),
        lead: vec![format!("{services} {} not patched. {aws}.", is(unpatched.len()))],
        next: vec![
            Step::new(
                "Check the service events in the ECS console and earlier messages about this notice for the cause",
            ),
            Step::new("Redeploy each service with the command below it"),
        ],
        details: list.into_iter().collect(),
        facts: reader.notice_facts(notice, console, now),
        resources: unpatched
            .iter()
            .take(MOST_LISTED)
            .map(|found| reader.place.service_arn(&found.service))
            .collect(),
        thread: notice.event_arn.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notify::message::tests::{notice, reader},
        outcome::Cause,
        testing::{instant, web},
        verify::judge::Problem,
    };

    const DOCUMENT: &str = include_str!("../../../../docs/notifications.md");

    #[test]
    fn the_example_in_the_documents_is_what_is_sent() {
        let notice = NoticeRef {
            event_arn: "arn:aws:health:eu-west-2::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/…".into(),
            starts_at: Some(instant("2026-12-02T18:00:00Z")),
            cutoff: instant("2026-11-25T18:00:00Z"),
            drill: false,
        };
        let input =
            CheckInput::first(&web(), &[notice], Some("ecs-svc/2".into()), instant("2026-11-27T22:00:00Z"));
        let reason = "deployment ecs-svc/2 failed: tasks failed to start; 2 of 2 running tasks were created before \
                      Wed 25 Nov 2026 18:00 UTC. ECS says: a task stopped: Task failed to start; web: \
                      CannotPullContainerError: image not found";
        let judgement = Judgement::Attention {
            reason: reason.into(),
            next: "Fix the cause, then redeploy the service".into(),
            problem: Problem::Failed,
        };
        let command = "aws ecs update-service --cluster prod --service web --force-new-deployment";
        let now = instant("2026-11-27T22:32:00Z");
        let notification =
            of_check(&reader(), &Policy::default(), &input, &judgement, Some(command.into()), now).unwrap();
        let message = notification.message.unwrap();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let sent = format!("Subject: {} {}", message.subject(), message.text());
        assert!(words(DOCUMENT).contains(&words(&sent)), "{sent}");
    }

    #[test]
    fn a_notice_of_which_nothing_is_left_is_said_once_where_digests_are_wanted() {
        let now = instant("2026-07-15T15:30:00Z");
        let each = reader();
        assert_eq!(of_settled_notice(&each, &notice(), now), Notification::default());
        let sent = of_settled_notice(&Reader { detail: NotificationDetail::Digest, ..each }, &notice(), now);
        let message = sent.message.unwrap();
        let title = "Nothing left to patch, retirement date Wed 15 Jul 2026 19:00 Europe/London";
        assert_eq!((message.happened, message.title.as_str()), (Happened::Completed, title));
        assert_eq!((sent.events, sent.samples), (vec![], vec![]));
    }

    #[test]
    fn every_service_that_is_not_patched_has_an_event_and_a_line_with_its_command() {
        let unpatched = |name: &str| Unpatched {
            service: crate::arn::ServiceRef::new("prod", name).unwrap(),
            reason: "1 of 2 running tasks is old".into(),
            command: format!("aws {name}"),
        };
        let input = DeadlineInput {
            notice: notice(),
            page: 1,
            part: 0,
            services: Vec::new(),
            released: Vec::new(),
            sent_at: instant("2026-07-08T18:00:00Z"),
            announced: Vec::new(),
            last_check_at: instant("2026-07-15T17:00:00Z"),
            owed: Vec::new(),
            closed_at: None,
            left: None,
            unpatched: Vec::new(),
            woken: None,
        };
        let now = instant("2026-07-15T15:30:00Z");
        let both = [unpatched("api"), unpatched("web")];
        let sent = of_deadline_check(&reader(), &Policy::default(), &input, &both, now);
        assert_eq!(sent.samples, [Sample::counted(&[(Metric::NeedsAttention, 2)])]);
        let services: Vec<_> = sent.events.iter().map(|event| event.detail.service.as_deref()).collect();
        assert_eq!(services, [Some("api"), Some("web")]);
        assert_eq!(sent.events[0].detail.deadline, Some(instant("2026-07-15T16:00:00Z")));
        let message = sent.message.unwrap();
        assert_eq!(
            message.details,
            ["Not patched:\n- prod/api: 1 of 2 running tasks is old\n  aws api\n\
                                      - prod/web: 1 of 2 running tasks is old\n  aws web"]
        );
        assert_eq!(
            message.lead,
            [
                "2 services are not patched. AWS replaces old tasks from Wed 15 Jul 2026 19:00 Europe/London (18:00 UTC), \
              whether or not new ones are ready."
            ]
        );
        assert_eq!(message.resources.len(), 2);
        let passed = unpatched_message(&reader(), &notice(), &both[..1], instant("2026-07-15T18:00:00Z"));
        assert_eq!(
            passed.lead,
            [
                "1 service is not patched. The retirement date was Wed 15 Jul 2026 19:00 Europe/London (18:00 UTC): AWS may \
              replace old tasks at any time."
            ]
        );
    }

    #[test]
    fn a_check_notifies_of_news_only() {
        let input =
            CheckInput::first(&web(), &[notice()], Some("ecs-svc/2".into()), instant("2026-07-10T21:00:00Z"));
        let now = instant("2026-07-10T21:12:00Z");
        let check = |input: &CheckInput, judgement: &Judgement| {
            of_check(&reader(), &Policy::default(), input, judgement, None, now)
        };
        let completed = check(&input, &Judgement::Completed("all are new".into())).unwrap();
        assert_eq!(
            completed.samples,
            [Sample::one(Metric::Completed), Sample::measured(Metric::MinutesToComplete, 12.0)]
        );
        assert_eq!(completed.events[0].detail.deployment_id.as_deref(), Some("ecs-svc/2"));
        assert_eq!(completed.events[0].detail.deadline, Some(instant("2026-07-15T16:00:00Z")));
        let skipped = check(&input, &Judgement::Skipped(Cause::Gone, "it is gone".into())).unwrap();
        assert_eq!(skipped.samples, [Sample::skipped(Cause::Gone, 1)]);
        assert_eq!(check(&input, &Judgement::Rolling("rolling".into())), None);
        let failed =
            Judgement::Attention { reason: "failed".into(), next: "fix it".into(), problem: Problem::Failed };
        assert!(check(&input, &failed).is_some());
        assert_eq!(check(&CheckInput { notified: true, ..input }, &failed), None, "the owner knows");
    }
}
