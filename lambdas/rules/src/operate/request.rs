//! What an operator asks for, as JSON.

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    arn::ServiceRef,
    notice::date::is_usable,
    schedule::control::Entry,
    time::window::{first_instant, parse_zone},
};

/// How many characters a reason or a ticket has at most.
const LONGEST: usize = 300;
/// How many services a request names at most. More than that are a whole notice.
const MOST_SERVICES: usize = 1_000;

/// The operations.
const OPERATIONS: [&str; 11] = [
    "approve",
    "hold",
    "release",
    "move",
    "run-now",
    "cancel",
    "plan-again",
    "redrive",
    "drill",
    "hold-all",
    "release-all",
];
/// The fields of a request.
const FIELDS: [&str; 9] =
    ["operation", "cluster", "service", "services", "notice", "at", "reason", "ticket", "force"];

/// Where an operator asks. Texts name what the operator can change there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// On the command line: the fields of the request.
    CommandLine,
    /// In the console: the fields and buttons of the page.
    Console,
}

impl Asker {
    /// Where a request comes from.
    #[must_use]
    pub fn of(request: &Value) -> Self {
        if request.get("widgetContext").is_some() { Self::Console } else { Self::CommandLine }
    }

    /// How an emergency stop ends.
    #[must_use]
    pub fn until_released(self) -> &'static str {
        match self {
            Self::CommandLine => "until release-all",
            Self::Console => "until you release everything",
        }
    }
}

/// An operation on the pending deployment of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Let a deployment that needs approval start.
    Approve,
    /// Let it not start until it is released.
    Hold,
    /// End a hold.
    Release,
    /// Change its start time.
    Move {
        /// The new start time.
        at: DateTime<Utc>,
        /// Also after the deadline.
        force: bool,
    },
    /// Start it within two minutes.
    RunNow,
    /// Delete it.
    Cancel,
}

impl Operation {
    /// The operation's name on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Move { .. } => "move",
            Self::RunNow => "run-now",
            Self::Cancel => "cancel",
        }
    }
}

/// The services that an operation is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// These services.
    Services(Vec<ServiceRef>),
    /// All services of a notice for which something is pending.
    Notice(String),
}

/// Why the operator asks, as the operator wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// The reason.
    pub reason: Option<String>,
    /// The ticket.
    pub ticket: Option<String>,
}

impl Why {
    /// An entry of the history.
    #[must_use]
    pub fn entry(&self, operation: &str, slot: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Entry {
        let Self { reason, ticket } = self.clone();
        Entry { at: now.trunc_subsecs(0), operation: operation.to_owned(), slot, reason, ticket }
    }

    /// The ticket and the reason in one text. `None` if there is neither.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let parts: Vec<&str> =
            [&self.ticket, &self.reason].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// An operation on pending deployments.
    Change {
        /// The operation.
        operation: Operation,
        /// The services.
        target: Target,
        /// Why.
        why: Why,
    },
    /// Plan these notices again, or those of these services.
    PlanAgain {
        /// The services, or the notice.
        target: Target,
        /// Why.
        why: Why,
    },
    /// Send every dead letter back to its function.
    Redrive(Why),
    /// Send a drill for this service that touches nothing.
    Drill(ServiceRef),
    /// Let nothing start until release-all.
    HoldAll(Why),
    /// End that.
    ReleaseAll(Why),
}

/// Why a request is refused, as a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRequest(pub String);

/// The fields of a request. Those of the console come with `widgetContext`, which has the values of its form.
#[derive(Deserialize)]
struct Wire {
    operation: Option<String>,
    cluster: Option<String>,
    service: Option<String>,
    #[serde(default)]
    services: Vec<WireService>,
    notice: Option<String>,
    at: Option<String>,
    reason: Option<String>,
    ticket: Option<String>,
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
struct WireService {
    cluster: String,
    service: String,
}

impl Request {
    /// Reads a request. `zone` is the time zone of a time that names none. With `require_why`, a change needs a reason
    /// and a ticket.
    ///
    /// # Errors
    /// Says what is missing or invalid, with a valid example.
    pub fn read(value: &Value, zone: Tz, require_why: bool) -> Result<Self, InvalidRequest> {
        let asker = Asker::of(value);
        // What CloudWatch may add to the console's requests is its own affair.
        if asker == Asker::CommandLine {
            only_known_fields(value)?;
        }
        let wire: Wire = serde_path_to_error::deserialize(with_form(value))
            .map_err(|error| InvalidRequest(format!("the request is invalid: {error}")))?;
        let why = Why {
            reason: written("reason", wire.reason.as_deref())?,
            ticket: written("ticket", wire.ticket.as_deref())?,
        };
        let word = wire.operation.clone().unwrap_or_default();
        let word = word.as_str();
        if word == "drill" {
            return drill(wire); // it changes nothing, so it never needs a reason
        }
        let operation = match word {
            "approve" => Operation::Approve,
            "hold" => Operation::Hold,
            "release" => Operation::Release,
            "move" => Operation::Move { at: time(wire.at.as_deref(), zone, asker)?, force: wire.force },
            "run-now" => Operation::RunNow,
            "cancel" => Operation::Cancel,
            "plan-again" | "redrive" | "hold-all" | "release-all" => {
                required(word, require_why, &why, asker)?;
                return on_more(word, wire, why);
            }
            _ => return Err(unknown("operation is", word, &OPERATIONS)),
        };
        required(word, require_why, &why, asker)?;
        let target = target(word, wire.cluster, wire.service, &wire.services, wire.notice)?;
        Ok(Self::Change { operation, target, why })
    }
}

/// Refuses a request with a field that is none: it may be mistyped, and an operation without it is not what was meant.
fn only_known_fields(value: &Value) -> Result<(), InvalidRequest> {
    let fields = value.as_object().into_iter().flat_map(Map::keys);
    let of_services = value.get("services").and_then(Value::as_array).into_iter().flatten();
    let of_services = of_services.filter_map(Value::as_object).flat_map(Map::keys);
    let refused = |mut fields: Vec<&String>, known: &[&str]| {
        fields.retain(|field| !known.contains(&field.as_str()));
        fields.first().map_or(Ok(()), |field| Err(unknown("the request has the field", field, known)))
    };
    refused(fields.collect(), &FIELDS)?;
    refused(of_services.collect(), &["cluster", "service"])
}

/// What is said of a word that is none of these.
fn unknown(what: &str, word: &str, known: &[&str]) -> InvalidRequest {
    InvalidRequest(format!("{what} {word:?}, which is unknown; use one of these: {}", known.join(", ")))
}

/// The request, with the values of the console's form for what it does not name itself.
fn with_form(value: &Value) -> Value {
    let mut fields = value.as_object().cloned().unwrap_or_default();
    let form = value.pointer("/widgetContext/forms/all").and_then(Value::as_object);
    for name in ["at", "reason", "ticket"] {
        let typed = form.and_then(|form| form.get(name)).and_then(Value::as_str).map(str::trim);
        if let Some(text) = typed.filter(|text| !text.is_empty()) {
            fields.entry(name).or_insert_with(|| text.into());
        }
    }
    Value::Object(without_empty(fields))
}

/// The fields that have a value: an empty text is none.
fn without_empty(fields: Map<String, Value>) -> Map<String, Value> {
    let empty = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    fields.into_iter().filter(|(_, value)| !empty(value)).collect()
}

/// A text that an operator wrote, on one line.
fn written(field: &str, text: Option<&str>) -> Result<Option<String>, InvalidRequest> {
    let Some(text) = text else { return Ok(None) };
    let text = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let text = text.collect::<Vec<_>>().join(" ");
    if text.chars().count() > LONGEST {
        return Err(InvalidRequest(format!("{field} is longer than {LONGEST} characters; shorten it")));
    }
    Ok((!text.is_empty()).then_some(text))
}

fn target(
    word: &str,
    cluster: Option<String>,
    service: Option<String>,
    services: &[WireService],
    notice: Option<String>,
) -> Result<Target, InvalidRequest> {
    let named = |cluster: &str, service: &str| ServiceRef::named(cluster, service).map_err(InvalidRequest);
    match (cluster, service, services, notice) {
        (Some(cluster), Some(service), [], None) => Ok(Target::Services(vec![named(&cluster, &service)?])),
        (None, None, [], Some(notice)) => Ok(Target::Notice(notice)),
        (None, None, [_, ..], None) if services.len() > MOST_SERVICES => Err(InvalidRequest(format!(
            "services has {} services; name at most {MOST_SERVICES}, or a whole notice with \"notice\"",
            services.len()
        ))),
        (None, None, [_, ..], None) => {
            let mut all: Vec<ServiceRef> = Vec::new();
            for WireService { cluster, service } in services {
                let service = named(cluster, service)?;
                if !all.contains(&service) {
                    all.push(service);
                }
            }
            Ok(Target::Services(all))
        }
        _ => Err(InvalidRequest(format!(
            "{word} needs one of these: \"cluster\" and \"service\"; \"services\", a list of \
             {{\"cluster\", \"service\"}}; or \"notice\", the ARN of a notice"
        ))),
    }
}

/// A time, as `2026-11-28T03:00:00Z`, or as `2026-11-28 03:00` in `zone` or in a zone that follows it.
fn time(text: Option<&str>, zone: Tz, asker: Asker) -> Result<DateTime<Utc>, InvalidRequest> {
    const FORMS: [&str; 4] = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    const EXAMPLE: &str = "2026-11-28T03:00:00Z or \"2026-11-28 03:00 Europe/London\"";
    let Some(text) = text.map(str::trim) else {
        return Err(InvalidRequest(match asker {
            Asker::CommandLine => format!("move needs a time; add \"at\", such as {EXAMPLE}"),
            Asker::Console => "choose the new start time".to_owned(),
        }));
    };
    let invalid = || InvalidRequest(format!("at is {text:?}; use a time such as {EXAMPLE}"));
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc()).filter(is_usable).ok_or_else(invalid);
    }
    let (local, zone) = match text.rsplit_once(' ') {
        Some((local, name)) if name.chars().next().is_some_and(char::is_alphabetic) => {
            (local, parse_zone(name).map_err(|error| InvalidRequest(format!("at is {text:?}: {error}")))?)
        }
        _ => (text, zone),
    };
    let local = FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(local, form).ok());
    local.map(|local| first_instant(local, zone)).filter(is_usable).ok_or_else(invalid)
}

/// Reads a request that is about more than what is pending for a service.
fn on_more(word: &str, wire: Wire, why: Why) -> Result<Request, InvalidRequest> {
    match word {
        "hold-all" => Ok(Request::HoldAll(why)),
        "release-all" => Ok(Request::ReleaseAll(why)),
        "redrive" => Ok(Request::Redrive(why)),
        _ => {
            let target = target(word, wire.cluster, wire.service, &wire.services, wire.notice)?;
            Ok(Request::PlanAgain { target, why })
        }
    }
}

/// Reads a request for a drill.
fn drill(wire: Wire) -> Result<Request, InvalidRequest> {
    match (wire.cluster, wire.service, wire.services.as_slice(), wire.notice) {
        (Some(cluster), Some(service), [], None) => {
            ServiceRef::named(&cluster, &service).map(Request::Drill).map_err(InvalidRequest)
        }
        _ => Err(InvalidRequest("drill needs \"cluster\" and \"service\": one service".to_owned())),
    }
}

/// Refuses a request without a reason and a ticket, where they are mandatory.
fn required(word: &str, required: bool, why: &Why, asker: Asker) -> Result<(), InvalidRequest> {
    if !required || (why.reason.is_some() && why.ticket.is_some()) {
        return Ok(());
    }
    Err(InvalidRequest(match asker {
        Asker::CommandLine => format!(
            "{word} needs a reason and a ticket (RequireReason is true); add \"reason\" and \"ticket\""
        ),
        Asker::Console => "a reason and a ticket are required; fill in both fields".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, web};
    use serde_json::json;

    fn read(value: &Value) -> Result<Request, String> {
        Request::read(value, Tz::Europe__London, false).map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_names_a_service_several_or_a_notice() {
        let one = json!({"operation": "hold", "cluster": "prod", "service": "web", "reason": " load\n test ", "ticket": ""});
        let several = json!({"operation": "cancel", "services": [
            {"cluster": "prod", "service": "web"}, {"cluster": "prod", "service": "web"},
        ]});
        let notice = json!({"operation": "run-now", "notice": "arn:1", "cluster": null});
        let services = vec![json!({"cluster": "prod", "service": "web"}); MOST_SERVICES];
        let most = json!({"operation": "hold", "services": services, "reason": "x".repeat(300)});
        let why = Why { reason: Some("load test".into()), ticket: None };
        let rows = [
            (one, Operation::Hold, Target::Services(vec![web()]), why),
            (several, Operation::Cancel, Target::Services(vec![web()]), Why::default()),
            (notice, Operation::RunNow, Target::Notice("arn:1".into()), Why::default()),
            (
                most,
                Operation::Hold,
                Target::Services(vec![web()]),
                Why { reason: Some("x".repeat(300)), ticket: None },
            ),
        ];
        for (value, operation, target, why) in rows {
            assert_eq!(read(&value), Ok(Request::Change { operation, target, why }), "{value}");
        }
    }

    #[test]
    fn a_time_is_in_utc_or_in_a_zone() {
        let rows = [
            ("2026-07-10T03:00:00Z", "2026-07-10T03:00:00Z"),
            ("2026-07-10T03:00:00+09:00", "2026-07-09T18:00:00Z"),
            ("2026-07-10T03:00", "2026-07-10T02:00:00Z"),
            ("2026-07-10 03:00", "2026-07-10T02:00:00Z"),
            ("2026-07-10 03:00:30 Asia/Tokyo", "2026-07-09T18:00:30Z"),
            ("2026-07-10 03:00 UTC", "2026-07-10T03:00:00Z"),
            // The clocks skip this time.
            ("2026-03-29 01:30", "2026-03-29T01:00:00Z"),
        ];
        for (text, expected) in rows {
            assert_eq!(
                time(Some(text), Tz::Europe__London, Asker::CommandLine),
                Ok(instant(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn an_invalid_request_is_refused_with_what_to_do() {
        let service = json!({"cluster": "prod", "service": "web"});
        let with = |over: Value| -> Value {
            let fields = service.as_object().cloned().unwrap().into_iter();
            fields.chain(over.as_object().cloned().unwrap()).collect::<Map<_, _>>().into()
        };
        let needs = "needs one of these: \"cluster\" and \"service\";";
        let rows = [
            (json!("hold"), "operation is \"\", which is unknown; use one of these: approve, hold,"),
            (
                with(json!({"operation": "restart"})),
                "operation is \"restart\", which is unknown; use one of these:",
            ),
            (
                with(json!({"operation": "hold", "resaon": "x"})),
                "the request has the field \"resaon\", which is unknown; use one of these: operation, cluster, service",
            ),
            (
                json!({"operation": "hold", "services": [{"cluster": "prod", "sevice": "web"}]}),
                "the request has the field \"sevice\", which is unknown; use one of these: cluster, service",
            ),
            (with(json!({"operation": 7})), "the request is invalid: operation: invalid type"),
            (json!({"operation": "hold"}), needs),
            (json!({"operation": "hold", "cluster": "prod"}), needs),
            (with(json!({"operation": "hold", "notice": "arn:1"})), needs),
            (json!({"operation": "hold", "notice": " "}), needs),
            (
                with(json!({"operation": "hold", "service": "we b"})),
                "cluster and service are \"prod\" and \"we b\"",
            ),
            (
                json!({"operation": "drill", "notice": "arn:1"}),
                "drill needs \"cluster\" and \"service\": one service",
            ),
            (with(json!({"operation": "move"})), "move needs a time; add \"at\", such as 2026-"),
            (with(json!({"operation": "move", "at": "Friday"})), "at is \"Friday\"; use a time such as"),
            (
                with(json!({"operation": "move", "at": "+12345-01-01T00:00Z"})),
                "at is \"+12345-01-01T00:00Z\"; use",
            ),
            (
                with(json!({"operation": "move", "at": "+12345-01-01 00:00"})),
                "at is \"+12345-01-01 00:00\"; use",
            ),
            (with(json!({"operation": "move", "at": "2026-11-28 03:00 Mars"})), "unknown time zone \"Mars\""),
            (
                json!({"operation": "hold", "services": vec![service.clone(); MOST_SERVICES + 1]}),
                "services; name at most",
            ),
            (
                with(json!({"operation": "hold", "reason": "x".repeat(301)})),
                "reason is longer than 300 characters",
            ),
        ];
        for (value, expected) in rows {
            let error = read(&value).unwrap_err();
            assert!(error.contains(expected), "{value}: {error}");
        }
    }

    #[test]
    fn a_change_board_can_require_a_reason_and_a_ticket() {
        let value = |why: Value| {
            let mut value = json!({"operation": "hold", "cluster": "prod", "service": "web"});
            value.as_object_mut().unwrap().extend(why.as_object().cloned().unwrap());
            value
        };
        let read = |why| Request::read(&value(why), Tz::UTC, true);
        for missing in [json!({}), json!({"reason": "why"}), json!({"ticket": "CHG1", "reason": "  "})] {
            let error = read(missing).unwrap_err().to_string();
            assert!(error.starts_with("hold needs a reason and a ticket"), "{error}");
        }
        assert!(read(json!({"reason": "why", "ticket": "CHG1"})).is_ok());
        for operation in ["hold-all", "release-all", "redrive"] {
            let error = Request::read(&json!({"operation": operation}), Tz::UTC, true).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{operation} needs a reason")), "{error}");
        }
        let drill = json!({"operation": "drill", "cluster": "prod", "service": "web"});
        assert_eq!(Request::read(&drill, Tz::UTC, true), Ok(Request::Drill(web())));
    }

    #[test]
    fn a_refusal_in_the_console_speaks_of_the_page() {
        let in_console = |operation: &str| {
            let fields = json!({"cluster": "prod", "service": "web", "widgetContext": {}, "view": "added"});
            let mut value = json!({"operation": operation});
            value.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap());
            value
        };
        let refused = |operation: &str, require_why| {
            Request::read(&in_console(operation), Tz::UTC, require_why).unwrap_err().to_string()
        };
        assert_eq!(refused("hold", true), "a reason and a ticket are required; fill in both fields");
        assert_eq!(refused("move", false), "choose the new start time");
        assert!(read(&in_console("hold")).is_ok(), "what CloudWatch adds is no field of the operator's");
    }

    #[test]
    fn what_the_operator_typed_into_the_form_of_the_console_counts() {
        let value = json!({
            "operation": "move", "cluster": "prod", "service": "web", "reason": "ours",
            "widgetContext": {"forms": {"all": {"at": "2026-07-10T03:00", "reason": "typed", "ticket": " CHG1 ", "service": "api"}}},
        });
        let Ok(Request::Change { operation, target, why }) = read(&value) else { panic!("{value}") };
        assert_eq!(operation, Operation::Move { at: instant("2026-07-10T02:00:00Z"), force: false });
        assert_eq!(target, Target::Services(vec![web()]));
        assert_eq!(why, Why { reason: Some("ours".into()), ticket: Some("CHG1".into()) });
    }
}
