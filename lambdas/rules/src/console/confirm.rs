//! The page that says what an operation will do, before it is done. Its button calls the operate function, with the services
//! that the page lists.

use serde_json::{Value, json};

use super::{
    Frame,
    entry::Entry,
    pending::{mark, retirement, start},
    request::Intent,
};
use crate::{
    arn::ServiceRef,
    html::{call, escaped, form, table},
    operate::decide::MOVE_ANYWAY,
    policy::{Mode, Policy},
    service::image::{Container, warning},
    wording::count,
};

/// A service that an operation is for.
#[derive(Clone, Debug)]
pub struct Chosen<'a> {
    /// The service.
    pub service: &'a ServiceRef,
    /// What is pending for it.
    pub entry: Option<&'a Entry>,
    /// The containers of its task definition.
    pub containers: Result<Vec<Container>, String>,
}

/// The page.
#[must_use]
pub fn html(frame: &Frame<'_>, operation: Intent, chosen: &[Chosen<'_>], policy: &Policy) -> String {
    let back = frame.button("Back", &json!({"view": "pending"}));
    if operation.is_on_services() && chosen.is_empty() {
        return format!("<p>No service is checked. Check the boxes of the services first.</p>{back}");
    }
    let label = match chosen {
        [] => operation.label().to_owned(),
        [only] => format!("{}: {}", operation.label(), only.service),
        several => format!("{}: {}", operation.label(), count(several.len(), "service")),
    };
    let rows: Vec<Vec<String>> = chosen.iter().map(|chosen| row(frame, chosen)).collect();
    let columns = ["Service", "Start time", "State", "Retirement date", "Last change", "Images"];
    let services = if rows.is_empty() { String::new() } else { table("Services", &columns, &rows) };
    form(&format!(
        "<h3>{}</h3><p>{}</p>{services}{}<div class=\"ecs-task-patching-bar\">{}{back}</div>",
        escaped(&label),
        escaped(&what_happens(operation, policy, asks_again(chosen, policy))),
        fields(operation, frame),
        buttons(frame, operation, chosen)
    ))
}

/// Whether a new start time may have to be approved.
fn asks_again(chosen: &[Chosen<'_>], policy: &Policy) -> bool {
    let asks = |entry: &Entry| entry.control.approval.is_some();
    policy.mode == Mode::Approve || chosen.iter().any(|chosen| chosen.entry.is_some_and(asks))
}

/// What will happen.
fn what_happens(operation: Intent, policy: &Policy, asks_again: bool) -> String {
    const BLOCKERS: &str = "Freezes, alarms and the order of services still apply";
    match operation {
        Intent::Approve => format!("The deployments start at their start times. {BLOCKERS}."),
        Intent::Hold => "The services are not redeployed until they are released. AWS still replaces their old tasks from the \
                         retirement date."
            .to_owned(),
        Intent::Release => "The deployments start at their start times again. Those whose start time has passed start within \
                            two minutes, or are planned again if the window has closed."
            .to_owned(),
        Intent::Move => format!(
            "The deployments start at the new time, in the windows ({}) or not. {BLOCKERS}.{}",
            policy.windows,
            if asks_again { " A start time that was approved has to be approved again." } else { "" }
        ),
        Intent::RunNow => format!("The deployments start within two minutes. {BLOCKERS}."),
        Intent::Cancel => "The pending deployments are deleted. If AWS sends the notice again, they are scheduled again: hold \
                           them instead to prevent that."
            .to_owned(),
        Intent::PlanAgain => "All notices that are known of the services are planned again. What is patched, held or in progress \
                              stays as it is."
            .to_owned(),
        Intent::Redrive => "Every dead letter is sent back to its function. One that fails again returns to the queue.".to_owned(),
        Intent::HoldAll => "Nothing that is pending or will be planned starts until everything is released. Deployments that are \
                            rolling out already go on. AWS still replaces old tasks from their retirement dates."
            .to_owned(),
        Intent::ReleaseAll => "Deployments start again at their times. Those that were due meanwhile are retried within ten \
                               minutes, or in their next window. What is held stays held."
            .to_owned(),
    }
}

fn row(frame: &Frame<'_>, Chosen { service, entry, containers }: &Chosen<'_>) -> Vec<String> {
    let images = match containers {
        Ok(containers) => {
            warning(containers).unwrap_or_else(|| "pinned by digest: they stay as they are".to_owned())
        }
        Err(error) => format!("unknown: {error}"),
    };
    let Some(entry) = entry else {
        let (nothing, none) = (|| "nothing is pending".to_owned(), || "none".to_owned());
        return vec![escaped(&service.to_string()), nothing(), nothing(), none(), none(), escaped(&images)];
    };
    vec![
        escaped(&service.to_string()),
        start(frame, entry),
        mark(entry.state),
        retirement(frame, entry),
        escaped(&entry.control.last().unwrap_or_else(|| "none".to_owned())),
        escaped(&images),
    ]
}

/// The fields that operate reads from the form.
fn fields(operation: Intent, frame: &Frame<'_>) -> String {
    let at = if operation == Intent::Move {
        format!(
            "<p><label>New start time ({}) <input type=\"datetime-local\" name=\"at\"></label></p>",
            escaped(frame.reader.zone.name())
        )
    } else {
        String::new()
    };
    let needed = if frame.require_reason { " (required)" } else { "" };
    let field = |label: &str, name: &str| {
        format!("<label>{label}{needed} <input type=\"text\" name=\"{name}\" maxlength=\"300\"></label>")
    };
    format!("{at}<p>{} {}</p>", field("Reason", "reason"), field("Ticket", "ticket"))
}

fn buttons(frame: &Frame<'_>, operation: Intent, chosen: &[Chosen<'_>]) -> String {
    let mut request = json!({"operation": operation.word()});
    let named = |chosen: &Chosen<'_>| json!({"cluster": chosen.service.cluster(), "service": chosen.service.service()});
    if operation.is_on_services() {
        merge(&mut request, json!({"services": chosen.iter().map(named).collect::<Vec<_>>()}));
    }
    let button = |label: &str, class: &str, request: &Value| call(label, class, frame.operate, request);
    let yes = button(operation.label(), "btn btn-primary", &request);
    if operation != Intent::Move {
        return yes;
    }
    let mut forced = request.clone();
    merge(&mut forced, json!({"force": true}));
    yes + &button(MOVE_ANYWAY, "btn", &forced)
}

fn merge(request: &mut Value, fields: Value) {
    if let (Some(request), Value::Object(fields)) = (request.as_object_mut(), fields) {
        request.extend(fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        console::{frame::tests::with_frame, request::Request},
        operate::request::Request as Asked,
        testing::{policy, web},
    };

    fn shown(operation: Intent, services: &[ServiceRef]) -> String {
        let containers = || Ok(vec![Container { name: "app".into(), image: "app:latest".into() }]);
        let chosen: Vec<Chosen<'_>> = services
            .iter()
            .map(|service| Chosen { service, entry: None, containers: containers() })
            .collect();
        with_frame(&Request::default(), |frame| html(frame, operation, &chosen, &policy(&[])))
    }

    /// The requests of the page that operate gets.
    fn requests(html: &str) -> Vec<Value> {
        let actions = html.split("endpoint=\"arn:operate\">").skip(1);
        let contents = actions.filter_map(|rest| rest.split("</cwdb-action>").next());
        contents.map(|content| serde_json::from_str(content).unwrap()).collect()
    }

    #[test]
    fn every_button_sends_a_request_that_operate_understands() {
        let api = ServiceRef::new("prod", "api").unwrap();
        let on_services = Intent::ON_SERVICES.into_iter().map(|intent| (intent, vec![web(), api.clone()]));
        let on_all = [Intent::Redrive, Intent::HoldAll, Intent::ReleaseAll].map(|intent| (intent, vec![]));
        for (intent, services) in on_services.chain(on_all) {
            let html = shown(intent, &services);
            let requests = requests(&html);
            assert_eq!(requests.len(), if intent == Intent::Move { 2 } else { 1 });
            for mut request in requests {
                assert_eq!(request["operation"], intent.word());
                merge(
                    &mut request,
                    json!({"widgetContext": {"forms": {"all": {"at": "2026-11-28T03:00", "reason": "x"}}}}),
                );
                Asked::read(&request, chrono_tz::Tz::UTC, false)
                    .unwrap_or_else(|error| panic!("{intent:?}: {error}"));
            }
            assert!(html.contains("name=\"reason\"") && html.contains(">Back</a>"), "{html}");
        }
    }

    #[test]
    fn the_page_says_what_will_happen_and_to_what() {
        let html = shown(Intent::RunNow, &[web()]);
        for part in [
            "<h3>Run now: prod/web</h3>",
            "The deployments start within two minutes. Freezes, alarms and the order of services still apply.",
            "the deployment may ship new code",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        let html = shown(Intent::Move, &[web()]);
        assert!(
            html.contains("New start time (Europe/London) <input type=\"datetime-local\" name=\"at\">"),
            "{html}"
        );
        assert!(!html.contains("approved again"), "{html}");
        let asks = what_happens(Intent::Move, &policy(&[]), asks_again(&[], &policy(&[("MODE", "approve")])));
        assert!(asks.ends_with("A start time that was approved has to be approved again."), "{asks}");
        assert!(shown(Intent::Hold, &[]).contains("No service is checked."));
    }
}
