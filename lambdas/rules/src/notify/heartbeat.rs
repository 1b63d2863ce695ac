//! What is sent about a schedule whose function was woken twice in vain.

use chrono::{DateTime, Utc};

use super::{
    Notification,
    event::{BusEvent, Happened},
    message::{Message, Reader, Step},
    metrics::{Metric, Sample},
};
use crate::{
    notice::NoticeRef,
    schedule::{
        name::ScheduleName,
        wake::{InvalidInput, Wake},
    },
    time::instant::local_and_utc,
    wording::sentence,
};

/// What is sent about the schedule `name`, which holds `wake`.
#[must_use]
pub fn notification(reader: &Reader, name: &ScheduleName, wake: &Wake, now: DateTime<Utc>) -> Notification {
    let (what, service, notices) = match wake {
        Wake::Deploy(input) => ("the deployment", Some(&input.service), &input.notices[..]),
        Wake::Check(input) => ("the verification check", Some(&input.service), &input.notices[..]),
        Wake::DeadlineCheck(input) | Wake::Settled(input) => {
            ("the deadline check", None, std::slice::from_ref(&input.notice))
        }
        Wake::Digest(input) => ("the digest", None, std::slice::from_ref(&input.notice)),
        Wake::Heartbeat | Wake::Lock(_) | Wake::Drill(_) | Wake::Stop(_) => return Notification::default(),
    };
    let reason = format!("{what} did not run: its function was woken three times, and did not finish");
    let meaning = format!("the service may not be patched. {}", reader.what_aws_does(notices, now));
    let lead = [reason.clone(), meaning];
    let event = service.map(|service| {
        BusEvent::of_service(Happened::NeedsAttention, &reader.place, service, notices, &reason)
    });
    let message = match service {
        Some(service) => reader.about_service(Happened::NeedsAttention, service, notices, &lead, now),
        None => about_a_notice(reader, notices, &reason, now),
    };
    let next = vec![
        Step::new("Read the errors of the functions, and the dead-letter queue: docs/troubleshooting.md"),
        Step::with(
            "Fix the cause. To wake the function again, set the schedule to a time that is two minutes away. To see it",
            Some(format!("aws scheduler get-schedule --group-name {} --name {name}", reader.stack)),
        ),
    ];
    Notification {
        events: event.into_iter().collect(),
        message: Some(Message { next, ..message }),
        samples: vec![Sample::one(Metric::NeedsAttention)],
    }
}

/// What is sent about the schedule `name`, whose input is invalid.
#[must_use]
pub fn of_invalid_input(
    reader: &Reader,
    name: &ScheduleName,
    invalid: &InvalidInput,
    now: DateTime<Utc>,
) -> Notification {
    let mut facts = vec![("Schedule", name.to_string())];
    facts.extend(reader.place_facts());
    facts.push(("Time", local_and_utc(now, reader.zone)));
    let lead = format!(
        "The schedule {name} has fired, and its function could not do anything: {invalid}. If it redeploys a service, the \
         service is not patched."
    );
    let next = vec![
        Step::with(
            "Read the input of the schedule",
            Some(format!("aws scheduler get-schedule --group-name {} --name {name}", reader.stack)),
        ),
        Step::new(
            "Correct the input and the time of the schedule, or delete it and plan the notice again: docs/operations.md",
        ),
    ];
    let message = Message {
        happened: Happened::NeedsAttention,
        title: format!("Needs attention: schedule {name}"),
        lead: vec![lead],
        next,
        details: Vec::new(),
        facts,
        resources: Vec::new(),
        thread: name.to_string(),
    };
    Notification {
        events: Vec::new(),
        message: Some(message),
        samples: vec![Sample::one(Metric::NeedsAttention)],
    }
}

fn about_a_notice(reader: &Reader, notices: &[NoticeRef], reason: &str, now: DateTime<Utc>) -> Message {
    let notice = notices.first();
    let event_arn = notice.map(|notice| notice.event_arn.clone()).unwrap_or_default();
    let mut facts = reader.place_facts().to_vec();
    facts.push(("Time", local_and_utc(now, reader.zone)));
    facts.push(("Retirement date", reader.date(notice.and_then(|notice| notice.starts_at))));
    facts.push(("Notice", event_arn.clone()));
    let lead = format!(
        "{reason}, so services that are not patched before the retirement date may not be reported. {}.",
        reader.what_aws_does(notices, now)
    );
    Message {
        happened: Happened::NeedsAttention,
        title: "Needs attention: the deadline check of a notice".to_owned(),
        lead: vec![sentence(&lead)],
        next: Vec::new(),
        details: Vec::new(),
        facts,
        resources: Vec::new(),
        thread: event_arn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notify::message::tests::reader,
        schedule::wake::{CheckInput, DeadlineInput},
        testing::{instant, web},
    };

    fn notice() -> NoticeRef {
        NoticeRef {
            event_arn: "arn:1".into(),
            starts_at: Some(instant("2026-12-02T18:00:00Z")),
            cutoff: instant("2026-11-25T18:00:00Z"),
            drill: false,
        }
    }

    fn sent(wake: &Wake) -> (usize, String) {
        let name = ScheduleName::listed("the-name".into());
        let sent = notification(&reader(), &name, wake, instant("2026-11-28T01:00:00Z"));
        let message = sent.message.expect("a message");
        (sent.events.len(), format!("{}\n\n{}", message.subject(), message.text()))
    }

    #[test]
    fn the_owner_learns_which_schedule_did_not_run_and_how_to_wake_its_function() {
        let check = CheckInput::first(&web(), &[notice()], None, instant("2026-11-27T22:00:00Z"));
        let (events, text) = sent(&Wake::Check(check));
        assert_eq!(events, 1);
        let start = "Needs attention: prod/web\n\nThe verification check did not run: its function was woken three times, \
                     and did not finish. The service may not be patched. AWS replaces its old tasks from Wed 2 Dec 2026 18:00 \
                     Europe/London (18:00 UTC).\n\nNext steps:\n1. Read the errors of the functions";
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains("--name the-name"), "{text}");
    }

    #[test]
    fn an_invalid_input_is_about_its_schedule() {
        let invalid = Wake::read_text("{}").expect_err("no version");
        let name = ScheduleName::listed("the-name".into());
        let sent = of_invalid_input(&reader(), &name, &invalid, instant("2026-11-28T01:00:00Z"));
        let message = sent.message.expect("a message");
        assert_eq!(message.subject(), "Needs attention: schedule the-name");
        let start = "The schedule the-name has fired, and its function could not do anything: the schedule's input is \
                     invalid: version is absent; expected 1.";
        assert!(message.text().starts_with(start), "{}", message.text());
    }

    #[test]
    fn a_deadline_check_is_about_a_notice() {
        let input = DeadlineInput {
            notice: notice(),
            page: 1,
            part: 0,
            services: vec![web()],
            released: Vec::new(),
            sent_at: instant("2026-11-25T18:00:00Z"),
            announced: Vec::new(),
            last_check_at: instant("2026-12-02T17:00:00Z"),
            owed: Vec::new(),
            closed_at: None,
            left: None,
            unpatched: Vec::new(),
            woken: Some(3),
        };
        let (events, text) = sent(&Wake::DeadlineCheck(input));
        assert_eq!(events, 0);
        let start = "Needs attention: the deadline check of a notice\n\nThe deadline check did not run: its function was \
                     woken three times, and did not finish, so services that are not patched before the retirement date may \
                     not be reported.";
        assert!(text.starts_with(start), "{text}");
    }
}
