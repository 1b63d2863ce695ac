//! Messages for people: a text to act on without opening a console, and the same for a chat channel.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::event::Happened;
use crate::{
    arn::{Place, ServiceRef},
    notice::{NoticeRef, first_retirement_date, is_drill},
    policy::NotificationDetail,
    schedule::wake::StopInput,
    time::instant::{UNKNOWN, local, local_and_utc},
    wording::sentence,
};

/// How many resources a message names.
pub(super) const MOST_LISTED: usize = 40;
/// How many bytes a list has at most. Amazon SNS allows 256 KB for a message, and a message has few long lists.
const LONGEST_LIST: usize = 30_000;

/// One message, before it is a text. Its parts are read in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What happened: subscriptions filter by it.
    pub happened: Happened,
    /// The subject: the state, and what it is about.
    pub title: String,
    /// What happened, and what it means before the retirement date. In paragraphs.
    pub lead: Vec<String>,
    /// What to do, in order.
    pub next: Vec<Step>,
    /// The rest, in paragraphs.
    pub details: Vec<String>,
    /// What is known, by name.
    pub facts: Vec<(&'static str, String)>,
    /// The ARNs of the services that it is about, as far as they are listed.
    pub resources: Vec<String>,
    /// The notice: all messages about one notice are a thread.
    pub thread: String,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// An order.
    pub order: String,
    /// The command that carries it out.
    pub command: Option<String>,
}

impl Step {
    /// An order without a command.
    #[must_use]
    pub fn new(order: impl Into<String>) -> Self {
        Self { order: order.into(), command: None }
    }

    /// An order with the command that carries it out, as far as there is one.
    #[must_use]
    pub fn with(order: impl Into<String>, command: Option<String>) -> Self {
        Self { order: order.into(), command }
    }

    fn line(&self, separator: &str) -> String {
        match &self.command {
            Some(command) => format!("{}:{separator}{command}", self.order),
            None => self.order.clone(),
        }
    }
}

/// Where the readers of messages are, and in which time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The account and Region.
    pub place: Place,
    /// The time zone of the maintenance windows.
    pub zone: Tz,
    /// The name of the stack, which its schedule group shares.
    pub stack: String,
    /// Which messages people want.
    pub detail: NotificationDetail,
}

impl Reader {
    /// A message about one service, without next steps.
    #[must_use]
    pub fn about_service(
        &self,
        happened: Happened,
        service: &ServiceRef,
        notices: &[NoticeRef],
        lead: &[String],
        now: DateTime<Utc>,
    ) -> Message {
        let state = match happened {
            Happened::Completed => "Patched",
            Happened::Postponed => "Postponed",
            Happened::Failed => "Failed",
            Happened::NeedsAttention => "Needs attention",
            Happened::Scheduled => "Scheduled",
            Happened::Skipped => "Skipped",
            Happened::Started => "Started",
            Happened::ChangedByOperator => "Changed",
            Happened::Recorded => "Recorded",
        };
        let mut facts =
            vec![("Service", service.service().to_owned()), ("Cluster", service.cluster().to_owned())];
        facts.extend(self.place_facts());
        facts.push(("Time", local_and_utc(now, self.zone)));
        facts.push(("Retirement date", self.date(first_retirement_date(notices))));
        facts.push(("Console", self.place.console(service)));
        facts.extend(notices.iter().map(|notice| ("Notice", notice.event_arn.clone())));
        Message {
            happened,
            title: title(notices, &format!("{state}: {service}")),
            lead: vec![lead.iter().map(|text| sentence(text)).collect::<Vec<_>>().join(" ")],
            next: Vec::new(),
            details: Vec::new(),
            facts,
            resources: vec![self.place.service_arn(service)],
            thread: notices.first().map(|notice| notice.event_arn.clone()).unwrap_or_default(),
        }
    }

    /// The command that sends a request to the operate function.
    #[must_use]
    pub fn operate(&self, request: &Value) -> String {
        format!(
            "aws lambda invoke --function-name {}-operate --cli-binary-format raw-in-base64-out --payload '{request}' \
             /dev/stdout",
            self.stack
        )
    }

    /// What AWS does to services that are not redeployed.
    #[must_use]
    pub fn what_aws_does(&self, notices: &[NoticeRef], now: DateTime<Utc>) -> String {
        let dates = || notices.iter().filter_map(|notice| notice.starts_at);
        let date = dates().filter(|date| *date > now).min().or_else(|| dates().max());
        let ahead = |date: String| format!("AWS replaces its old tasks from {date}");
        self.what_aws_does_on(date, "its old tasks", ahead, now)
    }

    /// What AWS does to `tasks` that are not redeployed, given the retirement date. `ahead` says it of a date in the
    /// future.
    pub(super) fn what_aws_does_on(
        &self,
        date: Option<DateTime<Utc>>,
        tasks: &str,
        ahead: impl FnOnce(String) -> String,
        now: DateTime<Utc>,
    ) -> String {
        let Some(date) = date else { return "AWS has not given a retirement date".to_owned() };
        let shown = local_and_utc(date, self.zone);
        if date > now {
            ahead(shown)
        } else {
            format!("The retirement date was {shown}: AWS may replace {tasks} at any time")
        }
    }

    /// What AWS does to the services of a notice that are not redeployed.
    pub(super) fn what_aws_does_to_all(&self, notice: &NoticeRef, now: DateTime<Utc>) -> String {
        let ahead = |date: String| format!("AWS replaces tasks that are still old from {date}");
        self.what_aws_does_on(notice.starts_at, "old tasks", ahead, now)
    }

    /// A date in the readers' zone and in UTC.
    pub(super) fn date(&self, date: Option<DateTime<Utc>>) -> String {
        date.map_or_else(|| UNKNOWN.to_owned(), |date| local_and_utc(date, self.zone))
    }

    /// A retirement date for a subject: without a second zone.
    pub(super) fn subject_date(&self, notice: &NoticeRef) -> String {
        let date = notice.starts_at.map_or_else(|| UNKNOWN.to_owned(), |date| local(date, self.zone));
        format!("retirement date {date}")
    }

    /// Where the console of the stack is: on its dashboard, which is named after the stack and the Region.
    pub(super) fn dashboard(&self) -> (&'static str, String) {
        ("Dashboard", self.place.dashboard(&format!("{}-{}", self.stack, self.place.region)))
    }

    /// The facts of a message about a notice, with a link, if there is one.
    pub(super) fn notice_facts(
        &self,
        notice: &NoticeRef,
        link: Option<(&'static str, String)>,
        now: DateTime<Utc>,
    ) -> Vec<(&'static str, String)> {
        let mut facts = self.place_facts().to_vec();
        facts.push(("Time", local_and_utc(now, self.zone)));
        facts.push(("Retirement date", self.date(notice.starts_at)));
        facts.extend(link);
        facts.push(("Notice", notice.event_arn.clone()));
        facts
    }

    pub(super) fn place_facts(&self) -> [(&'static str, String); 2] {
        [("Account", self.place.account.clone()), ("Region", self.place.region.clone())]
    }
}

/// The title of a message about these notices: that of a drill says so.
pub(super) fn title(notices: &[NoticeRef], title: &str) -> String {
    format!("{}{title}", if is_drill(notices) { "Drill: " } else { "" })
}

/// The items under their heading; `None` where there are none.
pub(super) fn list<T>(heading: &str, items: &[T], line: &dyn Fn(&T) -> String) -> Option<String> {
    // Each line stands once, though several tasks of a service may be named.
    let mut seen = BTreeSet::new();
    let items: Vec<String> = items.iter().map(line).filter(|line| seen.insert(line.clone())).collect();
    let mut bytes = 0;
    let fits = |item: &&String| {
        bytes += item.len() + 3;
        bytes <= LONGEST_LIST
    };
    let mut lines = vec![heading.to_owned()];
    lines.extend(items.iter().take_while(fits).map(|item| format!("- {item}")));
    let more = (items.len() + 1).saturating_sub(lines.len());
    if more > 0 {
        lines.push(format!(
            "- and {more} more: each has an event and a line in the log, and is on the dashboard"
        ));
    }
    (!items.is_empty()).then(|| lines.join("\n"))
}

impl Message {
    /// The same, with warnings after its lead.
    #[must_use]
    pub fn with_warnings(mut self, warnings: &[String]) -> Self {
        self.lead.extend(warnings.iter().map(|warning| format!("Warning: {}", sentence(warning))));
        self
    }

    /// The same, with a first paragraph that says that everything is stopped, if it is.
    #[must_use]
    pub fn with_stop(mut self, stop: Option<&StopInput>) -> Self {
        let text = |stop: &StopInput| {
            format!("All deployments are stopped: {}. Nothing starts until release-all.", stop.text())
        };
        self.lead.splice(0..0, stop.map(text));
        self
    }

    /// The subject of an e-mail, within the 100 characters of ASCII that SNS allows.
    #[must_use]
    pub fn subject(&self) -> String {
        const MOST: usize = 99;
        let plain: String =
            self.title.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        if plain.len() <= MOST { plain } else { plain.chars().take(MOST - 3).chain("...".chars()).collect() }
    }

    /// The message as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 2;
        let facts: Vec<String> =
            self.facts.iter().map(|(name, value)| format!("{:<width$}{value}", format!("{name}:"))).collect();
        let next: Vec<String> =
            self.next.iter().zip(1..).map(|(step, nth)| format!("{nth}. {}", step.line("\n   "))).collect();
        let mut parts = self.lead.clone();
        if !next.is_empty() {
            parts.push(format!("Next steps:\n{}", next.join("\n")));
        }
        parts.extend(self.details.iter().cloned());
        parts.push(facts.join("\n"));
        parts.join("\n\n")
    }

    /// The message in the schema of Amazon Q Developer in chat applications
    /// (<https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>).
    #[must_use]
    pub fn chat(&self) -> Value {
        let cut = |text: &str, most: usize| -> String {
            if text.chars().count() <= most {
                text.to_owned()
            } else {
                text.chars().take(most - 1).chain("…".chars()).collect()
            }
        };
        let facts: Vec<String> =
            self.facts.iter().map(|(name, value)| format!("*{name}:* {value}")).collect();
        let mut parts = [self.lead.clone(), self.details.clone()].concat();
        parts.push(facts.join("\n"));
        let next: Vec<String> = self.next.iter().map(|step| step.line(" ")).collect();
        json!({
            "version": "1.0",
            "source": "custom",
            "content": {
                "textType": "client-markdown",
                "title": cut(&self.title, 250),
                "description": cut(&parts.join("\n\n"), 8_000),
                "nextSteps": next,
                "keywords": ["ECS", "task retirement"],
            },
            "metadata": {
                "threadId": self.thread,
                "summary": cut(&self.title, 250),
                "eventType": self.happened.detail_type(),
                "relatedResources": self.resources,
            },
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::{instant, web};

    pub(in crate::notify) fn reader() -> Reader {
        Reader {
            place: Place {
                partition: "aws".into(),
                region: "eu-west-2".into(),
                account: "111122223333".into(),
            },
            zone: "Europe/London".parse().expect("a zone"),
            stack: "ecs-task-patching".into(),
            detail: NotificationDetail::Each,
        }
    }

    pub(in crate::notify) fn notice() -> NoticeRef {
        NoticeRef {
            event_arn: "arn:aws:health:eu-west-2::event/ECS/X/1".into(),
            starts_at: Some(instant("2026-07-15T18:00:00Z")),
            cutoff: instant("2026-07-08T18:00:00Z"),
            drill: false,
        }
    }

    fn message(happened: Happened) -> Message {
        let lead = ["all 2 running tasks are new".to_owned()];
        reader().about_service(happened, &web(), &[notice()], &lead, instant("2026-07-10T21:30:00Z"))
    }

    #[test]
    fn a_message_says_what_happened_what_to_do_and_what_is_known() {
        let mut message = message(Happened::NeedsAttention);
        message.next = vec![Step::new("Find the cause"), Step::with("Redeploy it", Some("aws ecs".into()))];
        message.details = vec!["Details:\n- one".into()];
        assert_eq!(message.subject(), "Needs attention: prod/web");
        assert_eq!(
            message.with_warnings(&["a tag is unreadable".into()]).text(),
            "All 2 running tasks are new.\n\n\
             Warning: A tag is unreadable.\n\n\
             Next steps:\n\
             1. Find the cause\n\
             2. Redeploy it:\n   aws ecs\n\n\
             Details:\n- one\n\n\
             Service:         web\n\
             Cluster:         prod\n\
             Account:         111122223333\n\
             Region:          eu-west-2\n\
             Time:            Fri 10 Jul 2026 22:30 Europe/London (21:30 UTC)\n\
             Retirement date: Wed 15 Jul 2026 19:00 Europe/London (18:00 UTC)\n\
             Console:         https://eu-west-2.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/health?region=eu-west-2\n\
             Notice:          arn:aws:health:eu-west-2::event/ECS/X/1"
        );
    }

    #[test]
    fn a_long_subject_is_shortened_to_what_sns_allows() {
        let subject = |title: String| Message { title, ..message(Happened::Completed) }.subject();
        assert_eq!(subject("x".repeat(99)), "x".repeat(99));
        assert_eq!(subject("x".repeat(100)), format!("{}...", "x".repeat(96)));
    }

    #[test]
    fn a_message_says_first_that_everything_is_stopped() {
        let stop = StopInput { since: Some(instant("2026-07-10T20:00:00Z")), ..StopInput::default() };
        let text = message(Happened::Completed).with_stop(Some(&stop)).text();
        let expected = "All deployments are stopped: an operator stopped all deployments on Fri 10 Jul 2026 20:00 UTC. \
                        Nothing starts until release-all.\n\nAll 2 running tasks are new.";
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(message(Happened::Completed).with_stop(None), message(Happened::Completed));
    }

    #[test]
    fn the_subject_of_a_drill_says_so_unless_a_real_notice_is_served_too() {
        let drill = NoticeRef { drill: true, ..notice() };
        let title = |notices: &[NoticeRef]| {
            let now = instant("2026-07-10T21:30:00Z");
            reader().about_service(Happened::Completed, &web(), notices, &[], now).subject()
        };
        assert_eq!(title(std::slice::from_ref(&drill)), "Drill: Patched: prod/web");
        assert_eq!(title(&[drill, notice()]), "Patched: prod/web");
    }

    #[test]
    fn what_aws_does_depends_on_the_retirement_date() {
        let said = |dates: &[Option<&str>]| {
            let notices: Vec<NoticeRef> =
                dates.iter().map(|date| NoticeRef { starts_at: date.map(instant), ..notice() }).collect();
            reader().what_aws_does(&notices, instant("2026-07-10T21:30:00Z"))
        };
        let (past, coming) = (Some("2026-07-01T12:00:00Z"), Some("2026-07-15T18:00:00Z"));
        assert_eq!(
            said(&[past, coming, None]),
            "AWS replaces its old tasks from Wed 15 Jul 2026 19:00 Europe/London (18:00 UTC)"
        );
        let later = Some("2026-07-16T18:00:00Z");
        assert_eq!(said(&[later, coming]), said(&[coming]), "the first that is to come");
        assert_eq!(
            said(&[past]),
            "The retirement date was Wed 1 Jul 2026 13:00 Europe/London (12:00 UTC): AWS may replace its old tasks at any \
             time"
        );
        assert_eq!(said(&[None]), "AWS has not given a retirement date");
    }

    #[test]
    fn a_chat_channel_gets_one_thread_for_each_notice() {
        let mut message = message(Happened::Completed);
        message.next = vec![Step::with("Redeploy it", Some("aws ecs".into()))];
        let chat = message.chat();
        assert_eq!(chat["version"], "1.0");
        assert_eq!(chat["source"], "custom");
        assert_eq!(chat["content"]["textType"], "client-markdown");
        assert_eq!(chat["content"]["nextSteps"], json!(["Redeploy it: aws ecs"]));
        assert_eq!(chat["metadata"]["threadId"], "arn:aws:health:eu-west-2::event/ECS/X/1");
        assert_eq!(chat["metadata"]["eventType"], "Patch Completed");
        assert_eq!(
            chat["metadata"]["relatedResources"],
            json!(["arn:aws:ecs:eu-west-2:111122223333:service/prod/web"])
        );
    }
}
