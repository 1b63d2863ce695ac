//! The page of one service.

use serde_json::json;

use super::{
    Frame,
    entry::Entry,
    pending::{mark, retirement, start},
    request::Intent,
};
use crate::{
    arn::ServiceRef,
    html::{call, escaped, list, table},
    notice::{NoticeRef, cutoff::latest_cutoff},
    service::{Controller, Progress, ServiceState},
    time::instant::{utc, utc_or_unknown},
};

/// How many service events are shown.
const EVENTS: usize = 8;

/// What the page of a service shows.
#[derive(Clone, Debug)]
pub struct ServicePage<'a> {
    /// The service.
    pub service: &'a ServiceRef,
    /// What ECS says of it. `None`: it does not exist.
    pub state: Result<Option<ServiceState>, String>,
    /// Its lines in the list of what is pending.
    pub entries: Vec<&'a Entry>,
    /// The log groups of the functions, by the name of the function.
    pub logs: &'a [(String, String)],
}

impl ServicePage<'_> {
    /// The page.
    #[must_use]
    pub fn html(&self, frame: &Frame<'_>) -> String {
        let intents =
            if self.entries.is_empty() { vec![Intent::PlanAgain] } else { Intent::for_any(&self.entries) };
        let buttons: String =
            intents.into_iter().map(|intent| frame.to_confirm(intent, Some(self.service))).collect();
        let buttons = buttons + &self.drill(frame);
        let name = escaped(&self.service.to_string());
        format!(
            "<h3>{name}</h3>{}<div class=\"ecs-task-patching-bar\">{buttons}</div>{}{}{}{}",
            self.links(frame),
            self.pending(frame),
            self.live(),
            self.notices(),
            self.history()
        )
    }

    /// The button that proves the way. It touches nothing, so nobody has to confirm it.
    fn drill(&self, frame: &Frame<'_>) -> String {
        if !frame.drills {
            return String::new();
        }
        let (cluster, service) = (self.service.cluster(), self.service.service());
        let request = json!({"operation": "drill", "cluster": cluster, "service": service});
        let button = call("Drill", "btn", frame.operate, &request);
        format!(
            "{button}<small>A drill proves the way of a notice within a minute, and changes nothing.</small>"
        )
    }

    fn links(&self, frame: &Frame<'_>) -> String {
        let place = &frame.reader.place;
        let link = |label: &str, url: &str| {
            format!("<a href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a>", escaped(url), escaped(label))
        };
        let logs: String = self
            .logs
            .iter()
            .map(|(function, group)| {
                link(&format!("Log lines of {function}"), &place.log_lines(group, self.service))
            })
            .collect();
        let ecs = link("ECS console", &place.console(self.service));
        format!("<div class=\"ecs-task-patching-bar\">{ecs}{logs}</div>")
    }

    fn pending(&self, frame: &Frame<'_>) -> String {
        let rows: Vec<Vec<String>> = self
            .entries
            .iter()
            .map(|entry| {
                vec![mark(entry.state), start(frame, entry), retirement(frame, entry), escaped(&entry.why)]
            })
            .collect();
        if rows.is_empty() {
            return "<p>Nothing is pending for this service: it is patched, was cancelled, or no notice names it. To redeploy it \
                    for a notice, plan the notice again.</p>"
                .to_owned();
        }
        table("Pending", &["State", "Start time", "Retirement date", "Why"], &rows)
    }

    /// What ECS says now.
    fn live(&self) -> String {
        let state = match &self.state {
            Err(error) => return format!("<p>Amazon ECS does not answer: {}</p>", escaped(error)),
            Ok(None) => return "<p>Amazon ECS does not know this service.</p>".to_owned(),
            Ok(Some(state)) => state,
        };
        let rollouts: Vec<Vec<String>> = state
            .deployments
            .iter()
            .map(|rollout| {
                let progress = match rollout.progress {
                    Progress::InProgress => "in progress",
                    Progress::Completed => "completed",
                    Progress::Failed => "failed",
                    Progress::Unknown => "unknown",
                };
                let reason = rollout.reason.as_deref().unwrap_or_default();
                vec![
                    escaped(&rollout.id),
                    if rollout.primary { "primary" } else { "" }.to_owned(),
                    utc_or_unknown(rollout.created_at),
                    format!("{progress}{}", escaped(&prefixed(": ", reason))),
                    rollout.failed_tasks.to_string(),
                ]
            })
            .collect();
        let columns = ["Deployment", "Role", "Created", "Rollout", "Failed tasks"];
        let events = state.events.iter().take(EVENTS);
        let events: Vec<String> =
            events.map(|event| format!("{} — {}", utc(event.at), escaped(&event.text))).collect();
        format!(
            "<p>{}</p>{}{}",
            escaped(&self.in_words(state)),
            if rollouts.is_empty() {
                String::new()
            } else {
                table("Deployments in ECS", &columns, &rollouts)
            },
            if events.is_empty() {
                String::new()
            } else {
                format!("<p>Last service events:</p>{}", list(&events))
            }
        )
    }

    fn in_words(&self, state: &ServiceState) -> String {
        let controller = match &state.controller {
            Controller::Ecs => "ECS".to_owned(),
            Controller::CodeDeploy(_) => "CODE_DEPLOY".to_owned(),
            Controller::External(_) => "EXTERNAL".to_owned(),
            Controller::Unknown(name) => name.clone(),
        };
        let notices = self.all_notices();
        let tasks = if notices.is_empty() {
            format!("{} running", state.tasks.len())
        } else {
            let cutoff = latest_cutoff(&notices);
            let old = state.old_tasks(cutoff);
            format!(
                "{old} old and {} new running tasks (the cut-off is {})",
                state.tasks.len().saturating_sub(old),
                utc(cutoff)
            )
        };
        let starting =
            if state.starting > 0 { format!(", {} starting", state.starting) } else { String::new() };
        let pause = state.pause.as_ref().map(|pause| format!(". The deployment is {}", pause.describe()));
        format!(
            "Now in ECS: {}, controller {controller}, desired count {}, {tasks}{starting}{}",
            state.status,
            state.desired_count,
            pause.unwrap_or_default()
        )
    }

    fn all_notices(&self) -> Vec<NoticeRef> {
        self.entries.iter().flat_map(|entry| entry.notices.clone()).collect()
    }

    fn notices(&self) -> String {
        let mut notices = self.all_notices();
        notices.sort_by(|one, other| one.event_arn.cmp(&other.event_arn));
        notices.dedup();
        let rows: Vec<Vec<String>> = notices
            .iter()
            .map(|notice| {
                let drill = if notice.drill { " (drill)" } else { "" };
                vec![
                    escaped(&format!("{}{drill}", notice.event_arn)),
                    utc_or_unknown(notice.starts_at),
                    utc(notice.cutoff),
                ]
            })
            .collect();
        if rows.is_empty() {
            String::new()
        } else {
            table("Notices", &["Notice", "Retirement date", "Cut-off"], &rows)
        }
    }

    fn history(&self) -> String {
        let entries = self.entries.iter().flat_map(|entry| entry.control.history.iter().rev());
        let rows: Vec<Vec<String>> = entries
            .map(|change| {
                vec![
                    utc(change.at),
                    escaped(&change.operation),
                    change.slot.map(utc).unwrap_or_default(),
                    escaped(change.reason.as_deref().unwrap_or_default()),
                    escaped(change.ticket.as_deref().unwrap_or_default()),
                ]
            })
            .collect();
        if rows.is_empty() {
            return "<p>No operator has changed it.</p>".to_owned();
        }
        table("What operators did", &["When", "Operation", "New start time", "Reason", "Ticket"], &rows)
    }
}

fn prefixed(prefix: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{prefix}{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        console::{entry::entries, frame::tests::with_frame, request::Request},
        schedule::{
            Existing,
            control::{Control, Entry as Change},
            name::ScheduleName,
            wake::{DeployInput, Wake},
        },
        service::{Rollout, ServiceEvent},
        testing::{instant, planned_for, policy, rollout, service_with, web},
        verify::heartbeat::Pending,
    };

    fn entry() -> Entry {
        let change = Change {
            at: instant("2026-11-25T09:00:00Z"),
            operation: "move".into(),
            slot: Some(instant("2026-11-28T03:00:00Z")),
            reason: Some("<i>freeze".into()),
            ticket: None,
        };
        let input = DeployInput {
            control: Control::default().with(change),
            ..planned_for(vec![NoticeRef {
                event_arn: "arn:notice".into(),
                starts_at: None,
                cutoff: instant("2026-11-25T18:00:00Z"),
                drill: true,
            }])
        };
        let existing =
            Existing { at: Some(input.slot), spread_minutes: 0, enabled: true, input: Ok(input.clone()) };
        let pending =
            Pending { name: ScheduleName::listed("x".into()), existing, wake: Ok(Wake::Deploy(input)) };
        entries(&[pending], &policy(&[]), instant("2026-11-26T12:00:00Z")).remove(0)
    }

    fn shown(state: Result<Option<ServiceState>, String>, entries: Vec<&Entry>) -> String {
        let logs = [("deploy".to_owned(), "/aws/lambda/the-stack-deploy".to_owned())];
        let service = web();
        let page = ServicePage { service: &service, state, entries, logs: &logs };
        with_frame(&Request::default(), |frame| page.html(frame))
    }

    #[test]
    fn a_service_is_shown_with_its_state_notices_history_and_links() {
        let mut state = service_with(
            &["2026-11-01T09:00:00Z", "2026-11-26T09:00:00Z"],
            vec![Rollout {
                reason: Some("in <b>".into()),
                ..rollout("ecs-svc/1", "2026-11-26T09:00:00Z", Progress::InProgress)
            }],
        );
        state.starting = 1;
        state.events.push(ServiceEvent { at: instant("2026-11-26T09:01:00Z"), text: "<b>started".into() });
        let (entry, notices) = (entry(), "<caption>Notices</caption>");
        let html = shown(Ok(Some(state)), vec![&entry]);
        for part in [
            "Now in ECS: ACTIVE, controller ECS, desired count 2, 1 old and 1 new running tasks (the cut-off is Wed 25 Nov 2026",
            "ecs-svc/1",
            "in progress: in &lt;b&gt;",
            "&lt;b&gt;started",
            "UTC), 1 starting",
            notices,
            "arn:notice (drill)",
            "&lt;i&gt;freeze",
            "Sat 28 Nov 2026 03:00 UTC",
            "https://eu-west-2.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/health?region=eu-west-2",
            "$252Faws$252Flambda$252Fthe-stack-deploy/log-events$3FfilterPattern$3D$2522prod$2522$2520$2522web$2522",
            r#"{"cluster":"prod","operation":"run-now","service":"web","view":"confirm"}"#,
            r#"endpoint="arn:operate">{"cluster":"prod","operation":"drill","service":"web"}</cwdb-action>"#,
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn a_service_that_is_unknown_or_unreadable_says_so() {
        assert!(shown(Ok(None), vec![]).contains("Amazon ECS does not know this service."));
        let html = shown(Err("<AccessDenied>".into()), vec![]);
        assert!(html.contains("Amazon ECS does not answer: &lt;AccessDenied&gt;"), "{html}");
        assert!(html.contains("Nothing is pending for this service"), "{html}");
        let html = shown(Ok(Some(service_with(&[], vec![]))), vec![]);
        assert!(html.contains("desired count 2, 0 running</p>"), "{html}");
        assert!(html.contains(">Plan again</a>") && !html.contains(">Hold</a>"), "{html}");
    }
}
