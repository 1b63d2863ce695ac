//! What the console is asked for.

use serde_json::{Map, Value, json};

use super::entry::{Entry, Filter, State};
use crate::arn::ServiceRef;

/// What the console is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Its documentation, in Markdown.
    Describe,
    /// The findings of the doctor, as JSON.
    Doctor,
    /// A page of the widget.
    Page(Request),
}

/// A page of the widget, and how to show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The page.
    pub view: View,
    /// Times are shown in UTC, not in the time zones of their owners.
    pub utc: bool,
    /// CloudWatch's theme is dark.
    pub dark: bool,
}

/// A page of the widget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// What is pending.
    Pending(Filter),
    /// One service.
    Service(ServiceRef),
    /// The doctor's findings and the dead letters.
    Health,
    /// What ended.
    Done,
    /// What an operation will do, before it is done.
    Confirm {
        /// The operation.
        operation: Intent,
        /// The services that it is for. Empty if it is for none in particular.
        services: Vec<ServiceRef>,
    },
}

impl Default for View {
    fn default() -> Self {
        Self::Pending(Filter::default())
    }
}

/// An operation of the operate function, as a button of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// `approve`
    Approve,
    /// `hold`
    Hold,
    /// `release`
    Release,
    /// `move`
    Move,
    /// `run-now`
    RunNow,
    /// `cancel`
    Cancel,
    /// `plan-again`
    PlanAgain,
    /// `redrive`
    Redrive,
    /// `hold-all`
    HoldAll,
    /// `release-all`
    ReleaseAll,
}

impl Intent {
    /// The operations on services, in the order of their buttons.
    pub const ON_SERVICES: [Self; 7] =
        [Self::Approve, Self::Hold, Self::Release, Self::Move, Self::RunNow, Self::Cancel, Self::PlanAgain];
    const ALL: [Self; 10] = [
        Self::Approve,
        Self::Hold,
        Self::Release,
        Self::Move,
        Self::RunNow,
        Self::Cancel,
        Self::PlanAgain,
        Self::Redrive,
        Self::HoldAll,
        Self::ReleaseAll,
    ];

    /// The operation's name on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Move => "move",
            Self::RunNow => "run-now",
            Self::Cancel => "cancel",
            Self::PlanAgain => "plan-again",
            Self::Redrive => "redrive",
            Self::HoldAll => "hold-all",
            Self::ReleaseAll => "release-all",
        }
    }

    /// The label of its button.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Hold => "Hold",
            Self::Release => "Release",
            Self::Move => "Move",
            Self::RunNow => "Run now",
            Self::Cancel => "Cancel deployment",
            Self::PlanAgain => "Plan again",
            Self::Redrive => "Redrive all",
            Self::HoldAll => "Stop everything",
            Self::ReleaseAll => "Release everything",
        }
    }

    /// Whether it makes sense for what is pending for a service. Operate decides; this keeps buttons away that it would refuse.
    #[must_use]
    pub fn fits(self, pending: Option<&Entry>) -> bool {
        use State::{AwaitingApproval, Held, NeedsAttention, Overdue, Retrying, Scheduled, Starting};
        let Some(Entry { state, is_check, .. }) = pending else { return self == Self::PlanAgain };
        if *is_check {
            return self == Self::PlanAgain && *state == NeedsAttention;
        }
        match self {
            Self::Approve => *state == AwaitingApproval,
            Self::Hold => *state != Held,
            Self::Release => *state == Held,
            Self::RunNow => !matches!(state, AwaitingApproval | Held | Starting),
            // Operators' holds and times stay as they are.
            Self::PlanAgain => matches!(state, AwaitingApproval | Overdue | Retrying | Scheduled),
            Self::Move | Self::Cancel | Self::Redrive | Self::HoldAll | Self::ReleaseAll => true,
        }
    }

    /// The operations on services that make sense for at least one of these.
    #[must_use]
    pub fn for_any(pending: &[&Entry]) -> Vec<Self> {
        let all = Self::ON_SERVICES.into_iter();
        all.filter(|intent| pending.iter().any(|entry| intent.fits(Some(entry)))).collect()
    }

    /// Whether it is for services.
    #[must_use]
    pub fn is_on_services(self) -> bool {
        Self::ON_SERVICES.contains(&self)
    }
}

impl Asked {
    /// Reads what the console is asked for. What it does not understand is the page of what is pending: a widget has to show
    /// something.
    #[must_use]
    pub fn read(event: &Value) -> Self {
        if event.get("describe").and_then(Value::as_bool) == Some(true) {
            return Self::Describe;
        }
        let context = event.get("widgetContext");
        let is_doctor = text(event, "operation") == Some("doctor");
        if is_doctor && context.is_none() {
            return Self::Doctor;
        }
        let no_form = Map::new();
        let form = event.pointer("/widgetContext/forms/all").and_then(Value::as_object).unwrap_or(&no_form);
        let view = if is_doctor { View::Health } else { view(event, form) };
        Self::Page(Request {
            view,
            utc: event.get("utc").and_then(Value::as_bool).unwrap_or_default(),
            dark: context.and_then(|context| text(context, "theme")) == Some("dark"),
        })
    }
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn view(event: &Value, form: &Map<String, Value>) -> View {
    match text(event, "view") {
        Some("service") => service(event).map_or_else(View::default, View::Service),
        Some("health") => View::Health,
        Some("done") => View::Done,
        Some("confirm") => confirm(event, form),
        _ => View::Pending(filter(event, form)),
    }
}

fn service(value: &Value) -> Option<ServiceRef> {
    ServiceRef::new(text(value, "cluster")?, text(value, "service")?)
}

/// The filter of a link to a page, or what was typed into the form.
fn filter(event: &Value, form: &Map<String, Value>) -> Filter {
    let typed = json!(form);
    let (given, prefix) = match event.get("filter") {
        Some(filter) => (filter, ""),
        None => (&typed, "filter-"),
    };
    let field = |name: &str| text(given, &format!("{prefix}{name}")).map(str::to_owned);
    let page = event.get("page").and_then(Value::as_u64).and_then(|page| usize::try_from(page).ok());
    Filter {
        cluster: field("cluster"),
        state: field("state").and_then(|word| State::named(&word)),
        text: field("text"),
        page: page.unwrap_or(1).max(1),
    }
}

/// The services that the event names or lists, or those whose boxes are checked. The page lists them before anything happens, because
/// AWS does not document what the form says of boxes that are not checked.
fn confirm(event: &Value, form: &Map<String, Value>) -> View {
    let word = text(event, "operation").unwrap_or_default();
    let Some(operation) = Intent::ALL.into_iter().find(|intent| intent.word() == word) else {
        return View::default();
    };
    let checked = form.iter().filter(|(_, value)| is_checked(value));
    let listed = event.get("services").and_then(Value::as_array);
    let services = match (service(event), listed) {
        _ if !operation.is_on_services() => Vec::new(),
        (Some(service), _) => vec![service],
        (None, Some(listed)) => listed.iter().filter_map(self::service).collect(),
        (None, None) => checked.filter_map(|(name, _)| ServiceRef::parse(name)).collect(),
    };
    View::Confirm { operation, services }
}

fn is_checked(value: &Value) -> bool {
    match value {
        Value::Bool(checked) => *checked,
        Value::String(text) => !matches!(text.as_str(), "" | "false" | "off"),
        Value::Array(values) => values.iter().any(is_checked),
        Value::Null | Value::Number(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::web;

    fn view(event: &Value) -> View {
        match Asked::read(event) {
            Asked::Page(request) => request.view,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_console_is_asked_for_its_documentation_the_doctor_or_a_page() {
        let context = json!({"theme": "dark"});
        assert_eq!(Asked::read(&json!({"describe": true})), Asked::Describe);
        assert_eq!(Asked::read(&json!({"operation": "doctor"})), Asked::Doctor);
        assert_eq!(
            Asked::read(&json!({"operation": "doctor", "widgetContext": context, "utc": true})),
            Asked::Page(Request { view: View::Health, utc: true, dark: true })
        );
        for (event, expected) in [
            (json!("x"), View::default()),
            (json!({"view": "nonsense"}), View::default()),
            (json!({"view": "health"}), View::Health),
            (json!({"view": "done"}), View::Done),
            (json!({"view": "service", "cluster": "prod", "service": "web"}), View::Service(web())),
            (json!({"view": "service", "cluster": "prod", "service": "<b>"}), View::default()),
            (json!({"view": "confirm", "operation": "restart"}), View::default()),
        ] {
            assert_eq!(view(&event), expected, "{event}");
        }
    }

    #[test]
    fn a_filter_is_typed_into_the_form_and_stays_in_links() {
        let form = json!({"forms": {"all": {"filter-cluster": "prod", "filter-state": "held", "filter-text": " web "}}});
        let expected = Filter {
            cluster: Some("prod".into()),
            state: Some(State::Held),
            text: Some("web".into()),
            page: 1,
        };
        assert_eq!(view(&json!({"widgetContext": form})), View::Pending(expected.clone()));
        let link = json!({"filter": expected.wire(), "page": 3, "widgetContext": {"forms": {"all": {"filter-text": "x"}}}});
        assert_eq!(view(&link), View::Pending(Filter { page: 3, ..expected }));
        assert_eq!(view(&json!({"filter": {}, "page": 0})), View::default());
    }

    #[test]
    fn an_operation_is_for_the_named_service_or_for_those_that_are_checked() {
        let boxes = json!({"prod/web": true, "prod/api": "on", "prod/off": false, "prod/no": "", "reason": "x/y z", "n": 1});
        let event = |fields: Value| {
            let mut event =
                json!({"view": "confirm", "operation": "hold", "widgetContext": {"forms": {"all": boxes}}});
            event.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap());
            event
        };
        let services = |event: &Value| match view(event) {
            View::Confirm { services, .. } => services.iter().map(ToString::to_string).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(services(&event(json!({}))), ["prod/api", "prod/web"]);
        assert_eq!(services(&event(json!({"cluster": "dev", "service": "web"}))), ["dev/web"]);
        let listed = json!({"services": [{"cluster": "dev", "service": "api"}, {"cluster": "dev"}]});
        assert_eq!(services(&event(listed)), ["dev/api"]);
        assert!(services(&event(json!({"operation": "hold-all"}))).is_empty());
    }
}
