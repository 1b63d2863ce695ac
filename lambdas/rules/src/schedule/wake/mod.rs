//! Everything that wakes a function by a schedule, and its wire format: the only place where inputs of
//! schedules are read and written.
//!
//! Every input is a JSON object with a `version`. `kind` tells them apart: a deployment has none, as people hand
//! such inputs over by hand; the others have the words below. Schedules outlive an update of the stack, so a
//! change of the format must keep reading what is pending in somebody's account.

mod check;
mod deadline;
mod deploy;

use serde::Deserialize;
use serde_json::{Value, json};

pub use check::CheckInput;
pub use deadline::DeadlineInput;
pub use deploy::DeployInput;

/// The version of every input that is written.
const VERSION: u32 = 1;

/// What a schedule hands to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    /// To deploy: redeploy a service. No `kind` on the wire.
    Deploy(DeployInput),
    /// To verify: the next verification check of a service. Kind `service`.
    Check(CheckInput),
    /// To verify: the deadline check of a page of a notice. Kind `deadline`.
    DeadlineCheck(DeadlineInput),
    /// To verify, from the template's recurring schedule: shows that schedules wake functions. Kind `heartbeat`.
    Heartbeat,
}

const CHECK: &str = "service";
const DEADLINE_CHECK: &str = "deadline";
const HEARTBEAT: &str = "heartbeat";

/// Which function a schedule wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Deploy.
    Deploy,
    /// Verify.
    Verify,
}

impl Function {
    fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Verify => "verify",
        }
    }
}

/// An input that is invalid, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule's input is invalid: {0}")]
pub struct InvalidInput(String);

impl Wake {
    /// Reads what a schedule, or an operator in its place, hands over.
    ///
    /// # Errors
    /// Names the field that is invalid.
    pub fn read(value: &Value) -> Result<Self, InvalidInput> {
        let Some(fields) = value.as_object() else {
            return Err(InvalidInput(format!("expected a JSON object, found {value}")));
        };
        match fields.get("version") {
            Some(version) if *version == json!(VERSION) => {}
            version => {
                return Err(InvalidInput(format!("version is {}; expected {VERSION}", shown(version))));
            }
        }
        let kind = fields.get("kind");
        match kind.map(Value::as_str) {
            None => typed(value).map(Self::Deploy),
            Some(Some(CHECK)) => typed(value).map(Self::Check),
            Some(Some(DEADLINE_CHECK)) => typed(value).map(Self::DeadlineCheck),
            Some(Some(HEARTBEAT)) => Ok(Self::Heartbeat),
            Some(_) => Err(InvalidInput(format!(
                "kind is {}; expected {CHECK:?}, {DEADLINE_CHECK:?} or {HEARTBEAT:?}, or no kind for a deployment",
                shown(kind)
            ))),
        }
    }

    /// Reads the text that a schedule carries.
    ///
    /// # Errors
    /// The text is not JSON, or as for [`Wake::read`].
    pub fn read_text(text: &str) -> Result<Self, InvalidInput> {
        Self::read(&serde_json::from_str(text).map_err(|error| InvalidInput(error.to_string()))?)
    }

    /// Refuses an input that another function handles.
    #[must_use]
    pub fn refused_by(&self, function: Function) -> InvalidInput {
        let kind = self.kind().map_or_else(|| "absent".to_owned(), |kind| format!("{kind:?}"));
        InvalidInput(format!("kind is {kind}, which {} does not handle", function.word()))
    }

    /// The function that it wakes.
    #[must_use]
    pub fn function(&self) -> Function {
        match self {
            Self::Deploy(_) => Function::Deploy,
            Self::Check(_) | Self::DeadlineCheck(_) | Self::Heartbeat => Function::Verify,
        }
    }

    /// The text that a schedule carries.
    #[must_use]
    pub fn text(&self) -> String {
        let mut value = match self {
            Self::Deploy(input) => json!(input),
            Self::Check(input) => json!(input),
            Self::DeadlineCheck(input) => json!(input),
            Self::Heartbeat => json!({}),
        };
        if let Some(fields) = value.as_object_mut() {
            fields.insert("version".to_owned(), json!(VERSION));
            fields.extend(self.kind().map(|kind| ("kind".to_owned(), json!(kind))));
        }
        value.to_string()
    }

    fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Deploy(_) => None,
            Self::Check(_) => Some(CHECK),
            Self::DeadlineCheck(_) => Some(DEADLINE_CHECK),
            Self::Heartbeat => Some(HEARTBEAT),
        }
    }
}

fn typed<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, InvalidInput> {
    serde_path_to_error::deserialize(value).map_err(|error| InvalidInput(error.to_string()))
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, web};

    /// Inputs as version 0.1 wrote them: they are pending in somebody's account.
    const WRITTEN_BY_0_1: [&str; 4] = [
        r#"{"version":1,"cluster":"prod","service":"web","notices":[{"event_arn":"arn:1","starts_at":"2026-12-02T18:00:00Z","cutoff":"2026-11-25T18:00:00Z"}],"slot":"2026-11-27T22:00:00Z","window_ends_at":"2026-11-28T02:00:00Z","windows":"Fri 22:00-02:00 UTC","attempt":0,"scheduled_for":"<aws.scheduler.scheduled-time>"}"#,
        r#"{"version":1,"kind":"service","cluster":"prod","service":"web","notices":[{"event_arn":"arn:1","starts_at":null,"cutoff":"2026-11-25T18:00:00Z"}],"deployment":"ecs-svc/2","since":"2026-11-27T22:00:00Z","look":3,"told":true}"#,
        r#"{"version":1,"kind":"deadline","notice":{"event_arn":"arn:1","starts_at":"2026-12-02T18:00:00Z","cutoff":"2026-11-25T18:00:00Z"},"page":1,"part":0,"services":{"prod":["web"]},"done":{},"sent_at":"2026-11-25T18:00:00Z","told":["0123"],"until":"2026-12-02T17:00:00Z"}"#,
        r#"{"version": 1, "kind": "heartbeat"}"#,
    ];

    #[test]
    fn what_version_0_1_wrote_is_read_and_written_back() {
        for text in WRITTEN_BY_0_1 {
            let wake = Wake::read_text(text).expect(text);
            let known = match &wake {
                Wake::Deploy(input) => {
                    input.service == web()
                        && input.zone.is_none()
                        && input.slot == instant("2026-11-27T22:00:00Z")
                }
                Wake::Check(input) => input.service == web() && input.checks == 3 && input.notified,
                Wake::DeadlineCheck(input) => input.services == [web()] && input.announced == ["0123"],
                Wake::Heartbeat => true,
            };
            assert!(known, "{wake:?}");
            let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            let (mut written, read) = (value(&wake.text()), value(text));
            if let Some(fields) = written.as_object_mut() {
                fields.retain(|key, value| !(key == "zone" && value.is_null()));
            }
            assert_eq!(written, read);
        }
    }

    #[test]
    fn an_unknown_kind_or_version_is_refused() {
        let rows = [
            (
                r#"{"version":1,"kind":"restart"}"#,
                r#"kind is "restart"; expected "service", "deadline" or "heartbeat", or no kind"#,
            ),
            (r#"{"version":1,"kind":7}"#, "kind is 7; expected"),
            (r#"{"version":2,"kind":"heartbeat"}"#, "version is 2; expected 1"),
            (r#"{"kind":"heartbeat"}"#, "version is absent; expected 1"),
            ("[]", "expected a JSON object, found []"),
            ("restart web please", "expected value at line 1"),
        ];
        for (text, expected) in rows {
            let error = Wake::read_text(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!("the schedule's input is invalid: {expected}")), "{error}");
        }
    }

    #[test]
    fn an_input_names_the_function_that_it_wakes() {
        let functions = WRITTEN_BY_0_1.map(|text| Wake::read_text(text).expect(text).function());
        assert_eq!(functions, [Function::Deploy, Function::Verify, Function::Verify, Function::Verify]);
        let refused = Wake::Heartbeat.refused_by(Function::Deploy).to_string();
        assert!(refused.ends_with(r#"kind is "heartbeat", which deploy does not handle"#), "{refused}");
    }
}
