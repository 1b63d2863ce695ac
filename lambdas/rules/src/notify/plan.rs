//! What is sent when a notice has been planned: one message for each page, one event for each service.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    approval::{self, AWAITED},
    event::{BusEvent, Detail, Happened},
    message::{MOST_LISTED, Message, Reader, Step, list, title},
    metrics::{Metric, Sample},
};
use crate::{
    notice::NoticeRef,
    outcome::{Cause, Outcome, OutcomeKind, Report},
    plan::deadline,
    policy::Policy,
    schedule::name::fingerprint,
    time::instant::local_and_utc,
    wording::{count, was},
};

/// What people are notified of, as a fingerprint. Start times are left out: where one changes, the outcome says so.
#[must_use]
pub fn plan_fingerprint(notice: &NoticeRef, outcomes: &[Outcome]) -> String {
    let mut lines: Vec<String> = outcomes
        .iter()
        .map(|outcome| {
            let class = match outcome.outcome {
                _ if outcome.unknown => "unknown",
                _ if outcome.cause == Some(Cause::NothingPending) => "cancelled",
                // What was announced as pending, and is patched by now, is no news.
                _ if outcome.cause == Some(Cause::Patched) => "pending",
                OutcomeKind::Skipped if outcome.cause == Some(Cause::Observed) => "observed",
                OutcomeKind::Skipped => "skipped",
                OutcomeKind::NotActionable => "not-actionable",
                OutcomeKind::Failed => "failed",
                OutcomeKind::Cancelled => "cancelled",
                _ => "pending",
            };
            format!("{class} {} {}", outcome.entity, outcome.warnings.join(" "))
        })
        .collect();
    lines.sort();
    lines.extend(notice.drill.then(|| "drill".to_owned())); // a real notice after its drill is news
    lines.push(notice.starts_at.map_or_else(|| "no date".to_owned(), |date| date.to_rfc3339()));
    fingerprint(lines.iter().map(String::as_str), "\n")
}

/// The event about one outcome, if it concerns machines.
#[must_use]
pub fn event(
    reader: &Reader,
    policy: &Policy,
    outcome: &Outcome,
    notice: &NoticeRef,
    now: DateTime<Utc>,
) -> Option<BusEvent> {
    use OutcomeKind::{Cancelled, Failed, Held, NotActionable, Rescheduled, Scheduled, Skipped, Unchanged};
    let happened = match outcome.outcome {
        _ if outcome.unknown => Happened::Skipped,
        Scheduled | Rescheduled | Unchanged => Happened::Scheduled,
        Cancelled | Held | Skipped => Happened::Skipped,
        NotActionable => Happened::NeedsAttention,
        Failed => return None, // it is retried
    };
    let notices = std::slice::from_ref(notice);
    let mut event = match outcome.service_ref() {
        Some(service) => BusEvent::of_service(happened, &reader.place, &service, notices, &outcome.reason),
        None => BusEvent {
            happened,
            resource: outcome.entity.clone(),
            detail: Detail {
                notices: notices.to_vec(),
                drill: notice.drill,
                reason: outcome.reason.clone(),
                ..Detail::default()
            },
        },
    };
    event.detail.slot = outcome.slot;
    event.detail.approval = outcome.awaits_approval.then(|| AWAITED.to_owned());
    event.detail.deadline = deadline(policy, notices, now);
    event.detail.warnings.clone_from(&outcome.warnings);
    Some(event)
}

/// What is counted. Of a report that is not `new`, only what changed something.
#[must_use]
pub fn samples(report: &Report, new: bool) -> Vec<Sample> {
    let kinds = [
        (Metric::Planned, OutcomeKind::Scheduled),
        (Metric::Rescheduled, OutcomeKind::Rescheduled),
        (Metric::Cancelled, OutcomeKind::Cancelled),
    ];
    let counted = |kind: OutcomeKind| report.counts.get(&kind).copied().unwrap_or_default();
    // People need to know what is left to AWS, and what only they can do.
    let no_window = report.outcomes.iter().filter(|outcome| outcome.cause == Some(Cause::NoWindow)).count();
    let counts: Vec<(Metric, usize)> = kinds
        .into_iter()
        .map(|(metric, kind)| (metric, counted(kind)))
        .chain(new.then(|| (Metric::NeedsAttention, counted(OutcomeKind::NotActionable) + no_window)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let mut skipped: BTreeMap<Cause, usize> = BTreeMap::new();
    for cause in report.outcomes.iter().filter(|_| new).filter_map(|outcome| outcome.cause) {
        *skipped.entry(cause).or_default() += 1;
    }
    let counts = (!counts.is_empty()).then(|| Sample::counted(&counts));
    counts
        .into_iter()
        .chain(skipped.into_iter().map(|(cause, count)| Sample::skipped(cause, count)))
        .collect()
}

/// The message about what is planned for the entities of a notice.
#[must_use]
pub fn message(reader: &Reader, report: &Report, notice: &NoticeRef, now: DateTime<Utc>) -> Message {
    let plan = Plan::of(report);
    let mut facts = reader.place_facts().to_vec();
    facts.push(("Retirement date", reader.date(notice.starts_at)));
    facts.push(reader.dashboard());
    facts.push(("Notice", notice.event_arn.clone()));
    let resources = report
        .outcomes
        .iter()
        .filter_map(Outcome::service_ref)
        .map(|service| reader.place.service_arn(&service));
    let attention = !plan.owner.is_empty()
        || !plan.approval.is_empty()
        || !plan.unknown.is_empty()
        || plan.with(Cause::NoWindow) > 0;
    Message {
        happened: if plan.pending.is_empty() && attention {
            Happened::NeedsAttention
        } else {
            Happened::Scheduled
        },
        title: title(
            std::slice::from_ref(notice),
            &format!("{}, {}", plan.title(), reader.subject_date(notice)),
        ),
        lead: vec![plan.lead(&reader.what_aws_does_to_all(notice, now))],
        next: next_steps(reader, &plan, &notice.event_arn),
        details: details(reader, &plan),
        facts,
        resources: resources.take(MOST_LISTED).collect(),
        thread: notice.event_arn.clone(),
    }
}

fn details(reader: &Reader, plan: &Plan<'_>) -> Vec<String> {
    let at = |outcome: &Outcome| outcome.slot.map(|slot| local_and_utc(slot, reader.zone));
    let start = |outcome: &&Outcome| {
        let changed = matches!(outcome.outcome, OutcomeKind::Rescheduled | OutcomeKind::Held);
        let why = if changed { format!(" ({})", outcome.reason) } else { String::new() };
        format!("{}: {}{why}", at(outcome).unwrap_or_default(), name(outcome))
    };
    let why = |outcome: &&Outcome| format!("{}: {}", name(outcome), outcome.reason);
    let would = |outcome: &&Outcome| {
        at(outcome).map_or_else(|| why(outcome), |at| format!("{at}: {}", name(outcome)))
    };
    let lists = [
        ("Needs approval:", &plan.approval, &start as &dyn Fn(&&Outcome) -> String),
        ("Will be redeployed:", &plan.pending, &start),
        ("Would be redeployed (observe mode):", &plan.observed, &would),
        ("Unknown to ECS:", &plan.unknown, &why),
        ("Held by an operator:", &plan.held, &why),
        ("Needs action by the owner:", &plan.owner, &why),
        ("Will not be redeployed:", &plan.skipped, &why),
        ("Cancelled:", &plan.cancelled, &why),
        ("Could not be planned (will be retried):", &plan.failed, &why),
    ];
    let lists = lists.into_iter().filter_map(|(heading, outcomes, line)| list(heading, outcomes, line));
    // What holds for many services, such as an unreadable calendar, must not bury what is said of one.
    let warning = |(warning, names): &(&String, Vec<String>)| match names.as_slice() {
        [name] => format!("{name}: {warning}"),
        [first, others @ ..] => format!("{first} and {} more: {warning}", others.len()),
        [] => (*warning).clone(),
    };
    lists.chain(list("Warnings:", &plan.warned, &warning)).collect()
}

fn next_steps(reader: &Reader, plan: &Plan<'_>, event_arn: &str) -> Vec<Step> {
    let mut next = Vec::new();
    if !plan.owner.is_empty() {
        next.push(Step::new(
            "Before the retirement date, do what is listed under \"Needs action by the owner\"",
        ));
    }
    if !plan.unknown.is_empty() {
        next.push(Step::new("Check the names under \"Unknown to ECS\". A deleted service needs nothing"));
    }
    next.extend((!plan.approval.is_empty()).then(|| approval::of_notice(reader, event_arn)));
    if !plan.pending.is_empty() {
        next.push(Step::with(
            "To hold, move or run a deployment, edit its schedule (docs/operations.md). To list the schedules",
            Some(format!("aws scheduler list-schedules --group-name {}", reader.stack)),
        ));
    }
    if !plan.observed.is_empty() {
        next.push(Step::new(
            "To redeploy observed services, set the parameter Mode or their tag ecs-task-patching:mode to deploy, then plan \
             the notice again (docs/operations.md)",
        ));
    }
    if !plan.warned.is_empty() {
        next.push(Step::new("Check the warnings and fix their causes"));
    }
    if plan.with(Cause::NoWindow) > 0 {
        next.push(Step::with(
            "To choose the time yourself, redeploy the service before the retirement date",
            Some(
                "aws ecs update-service --cluster CLUSTER --service SERVICE --force-new-deployment"
                    .to_owned(),
            ),
        ));
    }
    let explained =
        plan.skipped.iter().any(|outcome| !matches!(outcome.cause, Some(Cause::NoWindow | Cause::Patched)));
    if explained || !plan.failed.is_empty() {
        next.push(Step::new("Check the reasons below why services are not scheduled"));
    }
    next
}

/// The outcomes of a report, by what becomes of them.
struct Plan<'a> {
    all: Vec<&'a Outcome>,
    pending: Vec<&'a Outcome>,
    /// What will be redeployed only if somebody approves it.
    approval: Vec<&'a Outcome>,
    observed: Vec<&'a Outcome>,
    /// Services that ECS does not know: nothing is promised.
    unknown: Vec<&'a Outcome>,
    held: Vec<&'a Outcome>,
    owner: Vec<&'a Outcome>,
    skipped: Vec<&'a Outcome>,
    cancelled: Vec<&'a Outcome>,
    failed: Vec<&'a Outcome>,
    /// Warnings, each with the names of its services; those of the fewest first.
    warned: Vec<(&'a String, Vec<String>)>,
}

impl<'a> Plan<'a> {
    fn of(report: &'a Report) -> Self {
        use OutcomeKind::{
            Cancelled, Failed, Held, NotActionable, Rescheduled, Scheduled, Skipped, Unchanged,
        };
        let (unknown, known): (Vec<&Outcome>, Vec<&Outcome>) =
            report.outcomes.iter().partition(|outcome| outcome.unknown);
        let of = |kinds: &[OutcomeKind]| -> Vec<&Outcome> {
            known.iter().copied().filter(|outcome| kinds.contains(&outcome.outcome)).collect()
        };
        let (mut pending, mut held) = (of(&[Scheduled, Rescheduled, Unchanged, Held]), of(&[Held]));
        pending.retain(|outcome| outcome.slot.is_some());
        pending.sort_by_key(|outcome| outcome.slot);
        held.retain(|outcome| outcome.slot.is_none());
        let (approval, pending) = pending.into_iter().partition(|outcome| outcome.awaits_approval);
        let is_observed = |outcome: &&Outcome| outcome.cause == Some(Cause::Observed);
        let (mut observed, skipped): (Vec<_>, Vec<_>) = of(&[Skipped]).into_iter().partition(is_observed);
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
            all: report.outcomes.iter().collect(),
            pending,
            approval,
            observed,
            unknown,
            held,
            owner: of(&[NotActionable]),
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

    fn state(&self) -> State<'_, 'a> {
        let patched = self.with(Cause::Patched);
        if patched > 0 && patched == self.all.len() {
            State::Patched
        } else if !self.approval.is_empty() {
            State::Approval(&self.approval)
        } else if !self.pending.is_empty() {
            State::Scheduled(&self.pending)
        } else if !self.observed.is_empty() {
            State::Observed(&self.observed)
        } else if !self.unknown.is_empty() {
            State::Unknown(&self.unknown)
        } else if !self.cancelled.is_empty() {
            State::Cancelled(&self.cancelled)
        } else {
            State::NotScheduled
        }
    }

    /// The subject, but for the date.
    fn title(&self) -> String {
        match self.state() {
            State::Patched if name_count(&self.all) == 1 => format!("Patched: {}", things(&self.all)),
            State::Patched => format!("Patched: all {}", things(&self.all)),
            State::Approval(outcomes) => format!("Needs approval: {}", things(outcomes)),
            State::Scheduled(outcomes) => format!("Scheduled: {}", things(outcomes)),
            State::Observed(outcomes) => format!("Observe mode: {}", things(outcomes)),
            State::Unknown(outcomes) => format!("Unknown to ECS: {}", things(outcomes)),
            State::Cancelled(outcomes) => format!("Cancelled: {}", things(outcomes)),
            State::NotScheduled => format!("Not scheduled: {}", things(&self.all)),
        }
    }

    /// What happened, and what it means before the retirement date.
    fn lead(&self, aws: &str) -> String {
        let all = things(&self.all);
        let intro = format!("AWS announced the retirement of Fargate tasks ({all} affected).");
        let one = name_count(&self.all) == 1;
        match self.state() {
            State::Patched => {
                let subject = if one { "It already runs" } else { "All of them already run" };
                format!("{intro} {subject} on the new revision; you do not need to do anything.")
            }
            State::Approval(outcomes) => format!(
                "{intro} {} will be redeployed at the times below only if somebody approves that before. {aws}.",
                things(outcomes)
            ),
            State::Scheduled(outcomes) => {
                format!("{intro} {} will be redeployed at the times below. {aws}.", things(outcomes))
            }
            State::Observed(outcomes) => format!(
                "{intro} In observe mode, nothing is scheduled: {} would be redeployed at the times below. {aws}.",
                things(outcomes)
            ),
            State::Unknown(outcomes) => {
                format!("{intro} ECS does not know {}, so nothing will be redeployed.", things(outcomes))
            }
            State::Cancelled(outcomes) => {
                let number = name_count(outcomes);
                let planned = count(number, "planned deployment");
                // Without a cause of ours, AWS Health closed the notice or resolved the services.
                let resolved = outcomes.iter().all(|outcome| outcome.cause.is_none());
                let why = match number {
                    _ if !resolved => aws,
                    1 => "The service no longer needs to be redeployed for this notice",
                    _ => "The services no longer need to be redeployed for this notice",
                };
                format!("{planned} {} cancelled. {why}.", was(number))
            }
            State::NotScheduled => {
                let subject = if one { "It will not" } else { "None of them will" };
                format!("{intro} {subject} be redeployed. {aws}.")
            }
        }
    }
}

/// What a plan comes to.
enum State<'p, 'a> {
    Patched,
    Approval(&'p [&'a Outcome]),
    Scheduled(&'p [&'a Outcome]),
    Observed(&'p [&'a Outcome]),
    Unknown(&'p [&'a Outcome]),
    Cancelled(&'p [&'a Outcome]),
    NotScheduled,
}

/// `3 services`, or `3 resources` where not all of them are known services. A service that several of its tasks name
/// counts once.
fn things(outcomes: &[&Outcome]) -> String {
    let all_services = outcomes.iter().all(|outcome| outcome.service_ref().is_some());
    count(name_count(outcomes), if all_services { "service" } else { "resource" })
}

fn name_count(outcomes: &[&Outcome]) -> usize {
    outcomes.iter().map(|outcome| name(outcome)).collect::<BTreeSet<_>>().len()
}

fn name(outcome: &Outcome) -> String {
    outcome.service_ref().map_or_else(|| outcome.entity.clone(), |service| service.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arn::ServiceRef,
        notify::message::tests::{notice, reader},
        testing::{instant, web},
    };

    const NOW: &str = "2026-07-08T18:00:00Z";

    fn service(name: &str) -> ServiceRef {
        ServiceRef::new("prod", name).expect("valid names of the test")
    }

    fn planned(name: &str, kind: OutcomeKind) -> Outcome {
        Outcome {
            slot: Some(instant("2026-07-10T21:00:00Z")),
            schedule: Some(format!("prod.{name}.1")),
            ..Outcome::of(&format!("prod|{name}"), kind, "why").for_service(&service(name))
        }
    }

    fn message_of(outcomes: Vec<Outcome>) -> Message {
        message(&reader(), &Report::new("arn:1", None, outcomes), &notice(), instant(NOW))
    }

    #[test]
    fn a_plan_lists_each_service_under_what_becomes_of_it() {
        let message = message_of(vec![
            planned("web", OutcomeKind::Scheduled),
            planned("api", OutcomeKind::Rescheduled),
            Outcome { slot: None, ..planned("job", OutcomeKind::Held) },
            planned("moved", OutcomeKind::Held),
            Outcome::of("arn:task", OutcomeKind::NotActionable, "a stand-alone task"),
            Outcome::of("prod|db", OutcomeKind::Skipped, "no window fits").for_service(&service("db")),
            Outcome::of("prod|x", OutcomeKind::Failed, "throttled").for_service(&service("x")),
        ]);
        assert_eq!(
            message.title,
            "Scheduled: 3 services, retirement date Wed 15 Jul 2026 19:00 Europe/London"
        );
        assert_eq!(
            message.lead,
            [
                "AWS announced the retirement of Fargate tasks (7 resources affected). 3 services will be redeployed at the \
              times below. AWS replaces tasks that are still old from Wed 15 Jul 2026 19:00 Europe/London (18:00 UTC)."
            ]
        );
        let text = message.text();
        let slot = "Fri 10 Jul 2026 22:00 Europe/London (21:00 UTC)";
        for expected in [
            format!(
                "Will be redeployed:\n- {slot}: prod/web\n- {slot}: prod/api (why)\n- {slot}: prod/moved (why)\n"
            ),
            "Held by an operator:\n- prod/job: why\n".to_owned(),
            "Needs action by the owner:\n- arn:task: a stand-alone task\n".to_owned(),
            "Will not be redeployed:\n- prod/db: no window fits\n".to_owned(),
            "Could not be planned (will be retried):\n- prod/x: throttled\n".to_owned(),
            "aws scheduler list-schedules --group-name ecs-task-patching\n".to_owned(),
        ] {
            assert!(text.contains(&expected), "{expected:?} is not in {text}");
        }
        assert_eq!(message.happened, Happened::Scheduled);
    }

    #[test]
    fn a_plan_with_nothing_but_work_for_the_owner_says_so() {
        let message =
            message_of(vec![Outcome::of("arn:task", OutcomeKind::NotActionable, "a stand-alone task")]);
        assert_eq!(message.happened, Happened::NeedsAttention);
        assert!(message.title.starts_with("Not scheduled: 1 resource, "), "{}", message.title);
        let resolved = Outcome { slot: None, ..planned("a", OutcomeKind::Cancelled) };
        let late = Outcome { cause: Some(Cause::NoWindow), ..resolved.clone() };
        let rows = [
            (resolved, Happened::Scheduled, "The service no longer needs to be redeployed for this notice."),
            (late, Happened::NeedsAttention, "AWS replaces tasks that are still old from Wed 15 Jul 2026"),
        ];
        for (outcome, happened, why) in rows {
            let message = message_of(vec![outcome]);
            assert!(message.title.starts_with("Cancelled: 1 service, "), "{}", message.title);
            let text = message.text();
            assert!(text.starts_with(&format!("1 planned deployment was cancelled. {why}")), "{text}");
            assert_eq!(message.happened, happened);
        }
        let approval = Outcome { awaits_approval: true, ..planned("a", OutcomeKind::Scheduled) };
        assert_eq!(message_of(vec![approval]).happened, Happened::NeedsAttention);
        let failed = message_of(vec![Outcome { slot: None, ..planned("a", OutcomeKind::Failed) }]);
        let next = "Check the reasons below why services are not scheduled";
        assert_eq!(failed.next, [Step::new(next)]);
    }

    #[test]
    fn an_event_about_an_entity_that_is_no_service_has_its_notice_and_reason() {
        let notice = NoticeRef { drill: true, ..notice() };
        let task = Outcome::of("arn:task", OutcomeKind::NotActionable, "a stand-alone task");
        let event = event(&reader(), &Policy::default(), &task, &notice, instant(NOW)).unwrap();
        assert_eq!((event.happened, event.resource.as_str()), (Happened::NeedsAttention, "arn:task"));
        let Detail { notices, drill, reason, .. } = event.detail;
        assert_eq!((notices, drill, reason.as_str()), (vec![notice], true, "a stand-alone task"));
    }

    #[test]
    fn a_plan_is_counted_and_of_one_that_is_repeated_only_what_changed() {
        let skipped = |name: &str, cause| Outcome::skipped(name, cause, "why");
        let outcomes = vec![
            planned("web", OutcomeKind::Scheduled),
            planned("api", OutcomeKind::Unchanged),
            Outcome::of("task", OutcomeKind::NotActionable, "why"),
            Outcome::of("task 2", OutcomeKind::NotActionable, "why"),
            skipped("a", Cause::NoWindow),
            skipped("b", Cause::NoWindow),
            skipped("c", Cause::NoWindow),
            skipped("d", Cause::Patched),
        ];
        let report = Report::new("arn:1", None, outcomes);
        let changed = Sample::counted(&[(Metric::Planned, 1)]);
        let all = vec![
            Sample::counted(&[(Metric::Planned, 1), (Metric::NeedsAttention, 5)]),
            Sample::skipped(Cause::Patched, 1),
            Sample::skipped(Cause::NoWindow, 3),
        ];
        let sorted = |mut samples: Vec<Sample>| {
            samples.sort_by_key(|sample| sample.line("", instant(NOW)));
            samples
        };
        assert_eq!(sorted(samples(&report, true)), sorted(all));
        assert_eq!(samples(&report, false), [changed]);
        assert_eq!(samples(&Report::new("arn:1", None, Vec::new()), true), []);
    }

    #[test]
    fn a_plan_promises_nothing_for_services_that_ecs_does_not_know() {
        let unknown = planned("wbe", OutcomeKind::Scheduled).of_unknown_service();
        let message = message_of(vec![unknown.clone()]);
        assert!(message.title.starts_with("Unknown to ECS: 1 service, "), "{}", message.title);
        assert_eq!(message.happened, Happened::NeedsAttention);
        let text = message.text();
        let list = "Unknown to ECS:\n- prod/wbe: ECS has no active service with this name; read again at the start time (why)\n";
        assert!(text.contains(list) && !text.contains("will be redeployed at"), "{text}");
        let known = planned("web", OutcomeKind::Scheduled);
        let message = message_of(vec![unknown.clone(), known.clone()]);
        assert!(message.title.starts_with("Scheduled: 1 service, "), "{}", message.title);
        assert!(message.text().contains(list), "{}", message.text());
        let event = |outcome| {
            event(&reader(), &Policy::default(), outcome, &notice(), instant(NOW)).unwrap().happened
        };
        assert_eq!([&unknown, &known].map(event), [Happened::Skipped, Happened::Scheduled]);
        // When the service exists, the plan is news.
        assert_ne!(
            plan_fingerprint(&notice(), &[unknown]),
            plan_fingerprint(&notice(), &[planned("wbe", OutcomeKind::Unchanged)])
        );
        let closed =
            Outcome::skipped("prod|wbe", Cause::NothingPending, "closed").for_service(&service("wbe"));
        assert_eq!(closed.clone().of_unknown_service(), closed);
    }

    #[test]
    fn patched_and_observed_services_have_titles_of_their_own() {
        let skipped = |name: &str, cause| {
            Outcome::skipped(&format!("prod|{name}"), cause, "why").for_service(&service(name))
        };
        let both = vec![skipped("a", Cause::Patched), skipped("b", Cause::Patched)];
        assert!(message_of(both).title.starts_with("Patched: all 2 services, "));
        let one = vec![skipped("a", Cause::Patched), skipped("b", Cause::Observed)];
        assert!(message_of(one).title.starts_with("Observe mode: 1 service, "));
    }

    #[test]
    fn three_hundred_services_are_listed_and_a_thousand_long_ones_fit_and_are_counted() {
        let usual: Vec<Outcome> =
            (0..300).map(|n| planned(&format!("service-{n}"), OutcomeKind::Scheduled)).collect();
        assert!(message_of(usual).text().contains("prod/service-299\n"));
        let many: Vec<Outcome> =
            (0..1_000).map(|n| planned(&format!("{}{n}", "s".repeat(250)), OutcomeKind::Scheduled)).collect();
        let message = message_of(many);
        let listed = message.text().matches(": prod/sss").count();
        assert!((50..200).contains(&listed), "{listed}");
        assert!(message.text().contains(&format!("- and {} more: each has an event", 1_000 - listed)));
        assert!(message.subject().len() < 100, "{}", message.subject());
        let chat = message.chat();
        assert!(chat["content"]["title"].as_str().unwrap().chars().count() <= 250);
        assert!(chat["content"]["description"].as_str().unwrap().chars().count() <= 8_000);
        assert!(message.text().len() + chat.to_string().len() < 200_000);
    }

    #[test]
    fn another_plan_has_another_fingerprint() {
        let notice = |starts_at| NoticeRef { starts_at: Some(instant(starts_at)), ..notice() };
        let outcome = |kind| Outcome::of("prod|web", kind, "why").for_service(&web());
        let date = "2026-12-02T18:00:00Z";
        let first = plan_fingerprint(&notice(date), &[outcome(OutcomeKind::Scheduled)]);
        for same in [OutcomeKind::Unchanged, OutcomeKind::Held] {
            assert_eq!(plan_fingerprint(&notice(date), &[outcome(same)]), first);
        }
        let later = notice("2026-12-03T18:00:00Z");
        assert_ne!(plan_fingerprint(&later, &[outcome(OutcomeKind::Scheduled)]), first);
        let skipped = |cause| Outcome { cause: Some(cause), ..outcome(OutcomeKind::Skipped) };
        let others = [
            outcome(OutcomeKind::Scheduled),
            outcome(OutcomeKind::NotActionable),
            outcome(OutcomeKind::Failed),
            outcome(OutcomeKind::Cancelled),
            skipped(Cause::OptedOut),
            skipped(Cause::Observed),
        ];
        let prints = others.map(|outcome| plan_fingerprint(&notice(date), &[outcome]));
        assert_eq!(BTreeSet::from(prints).len(), 6);
        let warned = Outcome { warnings: vec!["a tag".into()], ..outcome(OutcomeKind::Unchanged) };
        assert_ne!(plan_fingerprint(&notice(date), &[warned]), first);
    }
}
