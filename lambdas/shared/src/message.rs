//! What people are told: a text to act on without opening the console, and the same for a chat room.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::{
    bus::Happened,
    date,
    decide::Cause,
    entity::ServiceRef,
    notice::NoticeRef,
    outcome::{Outcome, OutcomeKind, Report},
    place::Place,
    watch::Unpatched,
};

/// How many services or tasks a message lists before it only counts.
const MOST_LISTED: usize = 40;

/// One message, before it is a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about, to be filtered by.
    pub happened: Happened,
    /// One line.
    pub title: String,
    /// What happened, in paragraphs.
    pub paragraphs: Vec<String>,
    /// What is known, by name.
    pub facts: Vec<(&'static str, String)>,
    /// What to do, in order.
    pub next: Vec<String>,
    /// The ARNs of the services that it is about, as far as they are listed.
    pub resources: Vec<String>,
    /// The notice: all messages about one are a thread.
    pub thread: String,
}

/// Where and in which zone the readers of messages are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The account and Region.
    pub place: Place,
    /// The zone of their windows.
    pub zone: Tz,
    /// The stack, where they find the log.
    pub stack: String,
}

impl Reader {
    fn date(&self, notices: &[NoticeRef]) -> String {
        let first = notices.iter().filter_map(|notice| notice.starts_at).min();
        first.map_or_else(|| "unknown".to_owned(), |date| date::both(date, self.zone))
    }

    fn where_it_is(&self) -> [(&'static str, String); 2] {
        [("Account", self.place.account.clone()), ("Region", self.place.region.clone())]
    }

    /// What happened to one service, at `now`.
    #[must_use]
    pub fn service(
        &self,
        happened: Happened,
        service: &ServiceRef,
        notices: &[NoticeRef],
        reason: &str,
        next: Vec<String>,
        now: DateTime<Utc>,
    ) -> Message {
        let title = match happened {
            Happened::Completed => format!("Patched: {service}"),
            Happened::Postponed => format!("Postponed: {service}"),
            Happened::Failed => format!("Failed: {service} could not be redeployed"),
            Happened::NeedsAttention => format!("Needs attention: {service}"),
            Happened::Scheduled => format!("Scheduled: {service}"),
            Happened::Skipped => format!("Skipped: {service}"),
            Happened::Started => format!("Started: {service}"),
        };
        let mut facts =
            vec![("Service", service.service().to_owned()), ("Cluster", service.cluster().to_owned())];
        facts.extend(self.where_it_is());
        facts.push(("Time", date::both(now, self.zone)));
        facts.push(("AWS's date", self.date(notices)));
        facts.push(("Console", self.place.console(service)));
        facts.extend(notices.iter().map(|notice| ("Notice", notice.event_arn.clone())));
        Message {
            happened,
            title,
            paragraphs: vec![sentence(reason)],
            facts,
            next,
            resources: vec![self.place.service_arn(service)],
            thread: notices.first().map(|notice| notice.event_arn.clone()).unwrap_or_default(),
        }
    }

    /// What is planned for the entities of a notice.
    #[must_use]
    pub fn plan(&self, report: &Report, notice: &NoticeRef) -> Message {
        let plan = Plan::of(report);
        let date = self.date(std::slice::from_ref(notice));
        let mut paragraphs = vec![format!(
            "AWS retires Fargate tasks of this account. It replaces them from this date on: {date}."
        )];
        let at = |outcome: &Outcome| outcome.slot.map(|slot| date::both(slot, self.zone));
        let slot = |outcome: &&Outcome| {
            let moved = if matches!(outcome.outcome, OutcomeKind::Rescheduled | OutcomeKind::Held) {
                format!(" ({})", outcome.reason)
            } else {
                String::new()
            };
            format!("{}: {}{moved}", at(outcome).unwrap_or_default(), name(outcome))
        };
        let why = |outcome: &&Outcome| format!("{}: {}", name(outcome), outcome.reason);
        let would = |outcome: &&Outcome| {
            at(outcome).map_or_else(|| why(outcome), |at| format!("{at}: {}", name(outcome)))
        };
        for (head, outcomes, line) in [
            ("Will be redeployed:", &plan.pending, &slot as &dyn Fn(&&Outcome) -> String),
            ("Would be redeployed, but are only observed:", &plan.observed, &would),
            ("Held by a person:", &plan.held, &why),
            ("A person must act:", &plan.ask, &why),
            ("Will not be redeployed:", &plan.skipped, &why),
            ("No longer planned:", &plan.cancelled, &why),
            ("Could not be planned, and is tried again:", &plan.failed, &why),
        ] {
            paragraphs.extend(list(head, outcomes, line));
        }
        // What holds for many services, such as a calendar that cannot be read, must not bury what is said of one.
        let warning = |(warning, names): &(&String, Vec<String>)| match names.as_slice() {
            [name] => format!("{name}: {warning}"),
            [first, others @ ..] => format!("{first} and {} more: {warning}", others.len()),
            [] => (*warning).clone(),
        };
        paragraphs.extend(list("Warnings:", &plan.warned, &warning));

        let mut facts = self.where_it_is().to_vec();
        facts.push(("AWS's date", date));
        facts.push(("Notice", notice.event_arn.clone()));
        let resources = report
            .outcomes
            .iter()
            .filter_map(Outcome::service_ref)
            .map(|service| self.place.service_arn(&service));
        let attention = !plan.ask.is_empty() || plan.with(Cause::NoWindow) > 0;
        Message {
            happened: if plan.pending.is_empty() && attention {
                Happened::NeedsAttention
            } else {
                Happened::Scheduled
            },
            title: self.title(&plan, notice),
            paragraphs,
            facts,
            next: self.next_steps(&plan),
            resources: resources.take(MOST_LISTED).collect(),
            thread: notice.event_arn.clone(),
        }
    }

    fn title(&self, plan: &Plan<'_>, notice: &NoticeRef) -> String {
        let patched = plan.with(Cause::Patched);
        let date = self.short(notice);
        if patched > 0 && patched == plan.all {
            format!("Task retirement: all {patched} service(s) are patched")
        } else if !plan.pending.is_empty() {
            let count = services(&plan.pending);
            format!("Task retirement: {count} service(s) will be redeployed; AWS's date is {date}")
        } else if !plan.observed.is_empty() {
            let count = services(&plan.observed);
            format!(
                "Task retirement: {count} service(s) would be redeployed, but are only observed; AWS's date is {date}"
            )
        } else if !plan.cancelled.is_empty() {
            format!("Task retirement: {} service(s) no longer planned", plan.cancelled.len())
        } else {
            format!("Task retirement: no service will be redeployed; AWS's date is {date}")
        }
    }

    fn next_steps(&self, plan: &Plan<'_>) -> Vec<String> {
        let mut next = Vec::new();
        if !plan.pending.is_empty() {
            next.push(format!(
                "To hold, move or run a deployment: edit its schedule in the group {} of EventBridge Scheduler",
                self.stack
            ));
        }
        if !plan.observed.is_empty() {
            next.push(
                "To have services redeployed that are only observed: set the parameter Mode, or their tag \
                 ecs-task-patching:mode, to deploy, and plan this notice again (README)"
                    .to_owned(),
            );
        }
        if !plan.warned.is_empty() {
            next.push("Read the warnings, and put right what they name".to_owned());
        }
        if !plan.ask.is_empty() {
            next.push("Do what is said under \"A person must act\" before AWS's date".to_owned());
        }
        if !plan.skipped.is_empty() || !plan.failed.is_empty() {
            next.push(
                "Read the reasons; what is not redeployed is replaced by AWS from its date on".to_owned(),
            );
        }
        next
    }

    /// Which services are not patched, shortly before AWS's date.
    #[must_use]
    pub fn unpatched(&self, notice: &NoticeRef, services: &[Unpatched], now: DateTime<Utc>) -> Message {
        let list = list("Not patched:", services, &|Unpatched { service, reason, command }| {
            format!("{service}: {reason}\n  {command}")
        });
        let mut facts = self.where_it_is().to_vec();
        facts.push(("Time", date::both(now, self.zone)));
        facts.push(("AWS's date", self.date(std::slice::from_ref(notice))));
        facts.extend(services.first().map(|first| ("Console", self.place.console(&first.service))));
        facts.push(("Notice", notice.event_arn.clone()));
        let mut next =
            vec!["See why in the services' events and in the earlier messages of this notice".to_owned()];
        next.push("Deploy each once more, with the command that stands below it".to_owned());
        next.push("What is left is replaced by AWS from its date on, ready or not".to_owned());
        Message {
            happened: Happened::NeedsAttention,
            title: format!(
                "Needs attention: {} service(s) not patched; AWS's date is {}",
                services.len(),
                self.short(notice)
            ),
            paragraphs: list.into_iter().collect(),
            facts,
            next,
            resources: services
                .iter()
                .take(MOST_LISTED)
                .map(|found| self.place.service_arn(&found.service))
                .collect(),
            thread: notice.event_arn.clone(),
        }
    }

    /// AWS's date for a title: without a second zone.
    fn short(&self, notice: &NoticeRef) -> String {
        notice.starts_at.map_or_else(|| "unknown".to_owned(), |date| date::local(date, self.zone))
    }
}

/// The outcomes of a report, as people are told of them.
struct Plan<'a> {
    all: usize,
    pending: Vec<&'a Outcome>,
    observed: Vec<&'a Outcome>,
    held: Vec<&'a Outcome>,
    ask: Vec<&'a Outcome>,
    skipped: Vec<&'a Outcome>,
    cancelled: Vec<&'a Outcome>,
    failed: Vec<&'a Outcome>,
    /// Warnings, each with the services' names, those of the fewest first.
    warned: Vec<(&'a String, Vec<String>)>,
}

impl<'a> Plan<'a> {
    fn of(report: &'a Report) -> Self {
        use OutcomeKind::{
            Cancelled, Failed, Held, NotActionable, Rescheduled, Scheduled, Skipped, Unchanged,
        };
        let of = |kinds: &[OutcomeKind]| -> Vec<&Outcome> {
            report.outcomes.iter().filter(|outcome| kinds.contains(&outcome.outcome)).collect()
        };
        let (mut pending, mut held) = (of(&[Scheduled, Rescheduled, Unchanged, Held]), of(&[Held]));
        pending.retain(|outcome| outcome.slot.is_some());
        pending.sort_by_key(|outcome| outcome.slot);
        held.retain(|outcome| outcome.slot.is_none());
        let only_observed = |outcome: &&Outcome| outcome.cause == Some(Cause::Observed);
        let (mut observed, skipped): (Vec<_>, Vec<_>) = of(&[Skipped]).into_iter().partition(only_observed);
        observed.sort_by_key(|outcome| outcome.slot);
        let mut warned: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
        for outcome in &report.outcomes {
            for warning in &outcome.warnings {
                warned.entry(warning).or_default().insert(name(outcome));
            }
        }
        let mut warned: Vec<_> =
            warned.into_iter().map(|(warning, names)| (warning, Vec::from_iter(names))).collect();
        warned.sort_by_key(|(_, names)| names.len());
        Self {
            all: report.outcomes.len(),
            pending,
            observed,
            held,
            ask: of(&[NotActionable]),
            skipped,
            cancelled: of(&[Cancelled]),
            failed: of(&[Failed]),
            warned,
        }
    }

    /// How many are left alone for this cause.
    fn with(&self, cause: Cause) -> usize {
        let left = self.skipped.iter().chain(&self.cancelled);
        left.filter(|outcome| outcome.cause == Some(cause)).count()
    }
}

/// How many services the outcomes are about: a service can be named by several of its tasks.
fn services(outcomes: &[&Outcome]) -> usize {
    outcomes.iter().map(|outcome| name(outcome)).collect::<BTreeSet<_>>().len()
}

fn name(outcome: &Outcome) -> String {
    outcome.service_ref().map_or_else(|| outcome.entity.clone(), |service| service.to_string())
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let text: String =
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

/// The items under their head, nothing where there are none.
fn list<T>(head: &str, items: &[T], line: &dyn Fn(&T) -> String) -> Option<String> {
    // What is said of a service is said once, though several of its tasks may be named.
    let mut said = BTreeSet::new();
    let items: Vec<String> = items.iter().map(line).filter(|line| said.insert(line.clone())).collect();
    let more = items.len().saturating_sub(MOST_LISTED);
    let mut lines = vec![head.to_owned()];
    lines.extend(items.iter().take(MOST_LISTED).map(|item| format!("- {item}")));
    if more > 0 {
        lines.push(format!("- and {more} more, which are in the log"));
    }
    (!items.is_empty()).then(|| lines.join("\n"))
}

impl Message {
    /// The same, with warnings.
    #[must_use]
    pub fn with_warnings(mut self, warnings: &[String]) -> Self {
        self.paragraphs.extend(warnings.iter().map(|warning| format!("Warning: {}", sentence(warning))));
        self
    }

    /// The subject of an e-mail, within the 100 characters that SNS allows.
    #[must_use]
    pub fn subject(&self) -> String {
        const MOST: usize = 99;
        let plain: String =
            self.title.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        if plain.len() <= MOST { plain } else { plain.chars().take(MOST - 3).chain("...".chars()).collect() }
    }

    /// The message as a plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 2;
        let facts: Vec<String> =
            self.facts.iter().map(|(name, value)| format!("{:<width$}{value}", format!("{name}:"))).collect();
        let next: Vec<String> =
            self.next.iter().zip(1..).map(|(step, nth)| format!("{nth}. {step}")).collect();
        let mut parts = vec![self.title.clone()];
        parts.extend(self.paragraphs.iter().cloned());
        if !next.is_empty() {
            parts.push(format!("What next:\n{}", next.join("\n")));
        }
        parts.push(facts.join("\n"));
        parts.join("\n\n")
    }

    /// The message as Amazon Q Developer in chat applications takes it
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
        let mut parts = self.paragraphs.clone();
        parts.push(facts.join("\n"));
        json!({
            "version": "1.0",
            "source": "custom",
            "content": {
                "textType": "client-markdown",
                "title": cut(&self.title, 250),
                "description": cut(&parts.join("\n\n"), 8_000),
                "nextSteps": self.next,
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
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().expect("a date of the test")
    }

    fn reader() -> Reader {
        Reader {
            place: Place {
                partition: "aws".into(),
                region: "eu-west-2".into(),
                account: "111122223333".into(),
            },
            zone: "Europe/London".parse().expect("a zone"),
            stack: "ecs-task-patching".into(),
        }
    }

    fn notice() -> NoticeRef {
        NoticeRef {
            event_arn: "arn:aws:health:eu-west-2::event/ECS/X/1".into(),
            starts_at: Some(instant("2026-07-15T18:00:00Z")),
            cutoff: instant("2026-07-08T18:00:00Z"),
        }
    }

    fn service(name: &str) -> ServiceRef {
        ServiceRef::new("prod", name).expect("names of the test")
    }

    fn report(outcomes: Vec<Outcome>) -> Report {
        Report {
            event_arn: "arn:1".into(),
            starts_at: None,
            outcomes,
            counts: std::collections::BTreeMap::new(),
        }
    }

    fn planned(name: &str, kind: OutcomeKind) -> Outcome {
        Outcome {
            slot: Some(instant("2026-07-10T21:00:00Z")),
            schedule: Some(format!("prod.{name}.1")),
            ..Outcome::of(&format!("prod|{name}"), kind, "why").for_service(&service(name))
        }
    }

    #[test]
    fn a_person_can_act_on_a_message_without_the_console() {
        let message = reader().service(
            Happened::NeedsAttention,
            &service("web"),
            &[notice()],
            "deployment ecs-svc/2 failed: tasks failed to start",
            vec![
                "Mend the cause".into(),
                "aws ecs update-service --cluster prod --service web --force-new-deployment".into(),
            ],
            instant("2026-07-10T21:30:00Z"),
        );
        assert_eq!(message.subject(), "Needs attention: prod/web");
        assert_eq!(
            message.text(),
            "Needs attention: prod/web\n\n\
             Deployment ecs-svc/2 failed: tasks failed to start.\n\n\
             What next:\n\
             1. Mend the cause\n\
             2. aws ecs update-service --cluster prod --service web --force-new-deployment\n\n\
             Service:    web\n\
             Cluster:    prod\n\
             Account:    111122223333\n\
             Region:     eu-west-2\n\
             Time:       Fri 2026-07-10 22:30 Europe/London (Fri 2026-07-10 21:30 UTC)\n\
             AWS's date: Wed 2026-07-15 19:00 Europe/London (Wed 2026-07-15 18:00 UTC)\n\
             Console:    https://eu-west-2.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/health?region=eu-west-2\n\
             Notice:     arn:aws:health:eu-west-2::event/ECS/X/1"
        );
    }

    #[test]
    fn a_plan_lists_each_service_under_what_becomes_of_it() {
        let message = reader().plan(
            &report(vec![
                planned("web", OutcomeKind::Scheduled),
                planned("api", OutcomeKind::Rescheduled),
                Outcome { slot: None, ..planned("job", OutcomeKind::Held) },
                planned("moved", OutcomeKind::Held),
                Outcome::of("arn:task", OutcomeKind::NotActionable, "a stand-alone task"),
                Outcome::of("prod|db", OutcomeKind::Skipped, "no window fits").for_service(&service("db")),
                Outcome::of("prod|x", OutcomeKind::Failed, "throttled").for_service(&service("x")),
            ]),
            &notice(),
        );
        assert_eq!(
            message.title,
            "Task retirement: 3 service(s) will be redeployed; AWS's date is Wed 2026-07-15 19:00 Europe/London"
        );
        let text = message.text();
        let slot = "Fri 2026-07-10 22:00 Europe/London (Fri 2026-07-10 21:00 UTC)";
        for expected in [
            format!(
                "Will be redeployed:\n- {slot}: prod/web\n- {slot}: prod/api (why)\n- {slot}: prod/moved (why)\n"
            ),
            "Held by a person:\n- prod/job: why\n".to_owned(),
            "A person must act:\n- arn:task: a stand-alone task\n".to_owned(),
            "Will not be redeployed:\n- prod/db: no window fits\n".to_owned(),
            "Could not be planned, and is tried again:\n- prod/x: throttled\n".to_owned(),
            "group ecs-task-patching of EventBridge Scheduler".to_owned(),
        ] {
            assert!(text.contains(&expected), "{expected:?} is not in {text}");
        }
        assert_eq!(message.happened, Happened::Scheduled);
    }

    #[test]
    fn a_plan_with_nothing_but_work_for_people_says_so() {
        let ask = report(vec![Outcome::of("arn:task", OutcomeKind::NotActionable, "a stand-alone task")]);
        let message = reader().plan(&ask, &notice());
        assert_eq!(message.happened, Happened::NeedsAttention);
        assert!(
            message.title.starts_with("Task retirement: no service will be redeployed; "),
            "{}",
            message.title
        );
        let message = reader()
            .plan(&report(vec![Outcome { slot: None, ..planned("a", OutcomeKind::Cancelled) }]), &notice());
        assert_eq!(message.title, "Task retirement: 1 service(s) no longer planned");
    }

    #[test]
    fn a_thousand_services_fit_and_are_counted() {
        let many =
            (0..1_000).map(|n| planned(&format!("{}{n}", "s".repeat(250)), OutcomeKind::Scheduled)).collect();
        let unpatched = |n| Unpatched {
            service: service(&format!("{}{n}", "s".repeat(250))),
            reason: "why".into(),
            command: "aws".into(),
        };
        let unpatched: Vec<Unpatched> = (0..1_000).map(unpatched).collect();
        let now = instant("2026-07-15T15:30:00Z");
        for message in
            [reader().plan(&report(many), &notice()), reader().unpatched(&notice(), &unpatched, now)]
        {
            assert!(message.text().contains("- and 960 more, which are in the log"));
            assert!(message.subject().len() < 100, "{}", message.subject());
            let chat = message.chat();
            assert!(chat["content"]["title"].as_str().unwrap().chars().count() <= 250);
            assert!(chat["content"]["description"].as_str().unwrap().chars().count() <= 8_000);
            assert!(message.text().len() + chat.to_string().len() < 200_000);
        }
    }

    #[test]
    fn a_chat_room_gets_one_thread_for_each_notice() {
        let chat = reader()
            .service(
                Happened::Completed,
                &service("web"),
                &[notice()],
                "all new",
                Vec::new(),
                instant("2026-07-10T21:30:00Z"),
            )
            .chat();
        assert_eq!(chat["version"], "1.0");
        assert_eq!(chat["source"], "custom");
        assert_eq!(chat["content"]["textType"], "client-markdown");
        assert_eq!(chat["metadata"]["threadId"], "arn:aws:health:eu-west-2::event/ECS/X/1");
        assert_eq!(chat["metadata"]["eventType"], "Patch Completed");
        assert_eq!(
            chat["metadata"]["relatedResources"],
            json!(["arn:aws:ecs:eu-west-2:111122223333:service/prod/web"])
        );
    }
}
