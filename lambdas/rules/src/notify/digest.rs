//! The digest: how all services of a notice stand when a window has closed.

use chrono::{DateTime, Utc};

use super::{
    Notification,
    event::Happened,
    message::{Message, Reader, Step, list, title},
};
use crate::{
    arn::ServiceRef,
    notice::NoticeRef,
    verify::deadline_check::Standing,
    wording::{count, plural},
};

/// How a service stands, and the command for its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The service.
    pub service: ServiceRef,
    /// How it stands.
    pub standing: Standing,
    /// What its owner can run.
    pub command: String,
}

/// What is sent after a window: a message, and no events, because each service has its own.
#[must_use]
pub fn notification(reader: &Reader, notice: &NoticeRef, lines: &[Line], now: DateTime<Utc>) -> Notification {
    Notification { message: Some(message(reader, notice, lines, now)), ..Notification::default() }
}

fn message(reader: &Reader, notice: &NoticeRef, lines: &[Line], now: DateTime<Utc>) -> Message {
    let sorted = Sorted::of(lines);
    let why = |line: &&Line| format!("{}: {}", line.service, line.standing.reason());
    let fix = |line: &&Line| format!("{}\n  {}", why(line), line.command);
    let lists = [
        ("Needs attention:", &sorted.attention, &fix as &dyn Fn(&&Line) -> String),
        ("Unreadable:", &sorted.unreadable, &why),
        ("Rolling out:", &sorted.rolling, &why),
        ("Will be redeployed later:", &sorted.planned, &why),
        ("Patched:", &sorted.patched, &why),
        ("Need no deployment:", &sorted.settled, &why),
    ];
    let details = lists.into_iter().filter_map(|(heading, lines, line)| list(heading, lines, line));
    let summary = sorted.summary(lines.len());
    let done = sorted.patched.len() + sorted.settled.len() == lines.len();
    let meaning = if done {
        "There is nothing to do before the retirement date".to_owned()
    } else {
        reader.what_aws_does_to_all(notice, now)
    };
    Message {
        happened: sorted.happened(),
        title: title(std::slice::from_ref(notice), &format!("{summary}, {}", reader.subject_date(notice))),
        lead: vec![format!("{summary}. {meaning}.")],
        next: sorted.next(),
        details: details.collect(),
        facts: reader.notice_facts(notice, Some(reader.dashboard()), now),
        resources: Vec::new(),
        thread: notice.event_arn.clone(),
    }
}

/// The services, by how they stand.
#[derive(Default)]
struct Sorted<'a> {
    patched: Vec<&'a Line>,
    settled: Vec<&'a Line>,
    rolling: Vec<&'a Line>,
    planned: Vec<&'a Line>,
    attention: Vec<&'a Line>,
    unreadable: Vec<&'a Line>,
}

impl<'a> Sorted<'a> {
    fn of(lines: &'a [Line]) -> Self {
        let mut sorted = Self::default();
        for line in lines {
            let group = match line.standing {
                Standing::Patched(_) => &mut sorted.patched,
                Standing::Settled(_) => &mut sorted.settled,
                Standing::Rolling(_) => &mut sorted.rolling,
                Standing::Planned(_) => &mut sorted.planned,
                Standing::Unpatched(_) => &mut sorted.attention,
                Standing::Unreadable(_) => &mut sorted.unreadable,
            };
            group.push(line);
        }
        sorted
    }

    /// Text such as `38 of 40 services patched; 1 rolling; 1 needs attention`.
    fn summary(&self, all: usize) -> String {
        let patched = format!("{} of {} patched", self.patched.len(), count(all, "service"));
        let attention = self.attention.len();
        let needs = if attention == 1 { "needs attention" } else { "need attention" };
        let others = [
            (self.settled.len(), "without need"),
            (self.rolling.len(), "rolling"),
            (self.planned.len(), "later"),
            (self.unreadable.len(), "unreadable"),
            (attention, needs),
        ];
        let others = others.iter().filter(|(number, _)| *number > 0);
        let others = others.map(|(number, words)| format!("{number} {words}"));
        std::iter::once(patched).chain(others).collect::<Vec<_>>().join("; ")
    }

    fn happened(&self) -> Happened {
        if !self.attention.is_empty() || !self.unreadable.is_empty() {
            Happened::NeedsAttention
        } else if !self.rolling.is_empty() {
            Happened::Started
        } else if !self.planned.is_empty() {
            Happened::Postponed
        } else {
            Happened::Completed
        }
    }

    fn next(&self) -> Vec<Step> {
        let attention = (!self.attention.is_empty()).then(|| {
            let them = if self.attention.len() == 1 { "the service" } else { "each service" };
            format!("Fix the cause, then redeploy {them} with the command below it")
        });
        let unreadable = (!self.unreadable.is_empty()).then(|| {
            let services = plural(self.unreadable.len(), "service");
            format!(
                "Let the verify function read the {services} under \"Unreadable\", or check them yourself"
            )
        });
        attention.into_iter().chain(unreadable).map(Step::new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notify::message::tests::{notice, reader},
        testing::instant,
    };

    fn line(name: &str, standing: Standing) -> Line {
        let service = ServiceRef::new("prod", name).unwrap();
        Line { service, standing, command: format!("aws ecs update-service {name}") }
    }

    fn sent(lines: &[Line]) -> Message {
        let sent = notification(&reader(), &notice(), lines, instant("2026-07-11T02:05:00Z"));
        assert!(sent.events.is_empty() && sent.samples.is_empty());
        sent.message.unwrap()
    }

    #[test]
    fn a_digest_counts_the_services_and_lists_what_needs_a_person_first() {
        let lines = [
            line("api", Standing::Patched("2 of 2 running tasks are new".into())),
            line("job", Standing::Settled("the service's desired count is 0".into())),
            line("web", Standing::Unpatched("1 of 2 running tasks is old; no deployment is planned".into())),
            line("www", Standing::Rolling("1 of 2 running tasks is old; ecs-svc/2 is rolling out".into())),
        ];
        let message = sent(&lines);
        assert_eq!(message.happened, Happened::NeedsAttention);
        let summary = "1 of 4 services patched; 1 without need; 1 rolling; 1 needs attention";
        assert!(message.title.starts_with(&format!("{summary}, retirement date ")), "{}", message.title);
        let text = message.text();
        let expected = format!(
            "{summary}. AWS replaces tasks that are still old from Wed 15 Jul 2026 19:00 Europe/London (18:00 UTC).\n\n\
             Next steps:\n\
             1. Fix the cause, then redeploy the service with the command below it\n\n\
             Needs attention:\n- prod/web: 1 of 2 running tasks is old; no deployment is planned\n  aws ecs update-service web\n\n\
             Rolling out:\n- prod/www: 1 of 2 running tasks is old; ecs-svc/2 is rolling out\n\n\
             Patched:\n- prod/api: 2 of 2 running tasks are new\n\n\
             Need no deployment:\n- prod/job: the service's desired count is 0\n\n"
        );
        assert!(text.starts_with(&expected), "{text}");
    }

    #[test]
    fn a_digest_says_that_there_is_nothing_to_do() {
        let message = sent(&[line("api", Standing::Patched("2 of 2 running tasks are new".into()))]);
        assert_eq!(message.happened, Happened::Completed);
        let lead = "1 of 1 service patched. There is nothing to do before the retirement date.";
        assert_eq!(message.lead, [lead]);
        let settled = line("job", Standing::Settled("the service's desired count is 0".into()));
        let both = sent(&[settled, line("api", Standing::Patched("1 of 1 running task is new".into()))]);
        assert!(
            both.lead[0].ends_with(". There is nothing to do before the retirement date."),
            "{:?}",
            both.lead
        );
    }
}
