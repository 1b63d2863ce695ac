//! The inputs with which schedules wake functions, and their wire format. Inputs are read and written only here.
//!
//! Every input is a JSON object with a `version` and a `kind`. Only a deployment has no `kind`, because operators
//! also write such inputs by hand. Pending schedules outlive an update of the stack, so the functions must always be
//! able to read the inputs that earlier versions wrote.

mod check;
mod deadline;
mod deploy;
mod digest;
mod drill;
mod lock;
mod stop;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::name::ScheduleName;
use crate::{
    arn::Place,
    wording::{excerpt, kind},
};

pub use check::CheckInput;
pub use deadline::{DeadlineInput, Left};
pub use deploy::DeployInput;
pub use digest::{DigestInput, Step};
pub use drill::DrillInput;
pub use lock::{Again, LockInput};
pub use stop::StopInput;

/// The version of the wire format.
const VERSION: u32 = 1;

/// The input of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    /// For deploy: redeploy a service. No `kind`.
    Deploy(DeployInput),
    /// For verify: the next verification check of a service. Kind `service`.
    Check(CheckInput),
    /// For verify: the deadline check of one page of a notice. Kind `deadline`.
    DeadlineCheck(DeadlineInput),
    /// For verify: the memory of one page of a notice that no longer concerns any service, until it can be forgotten.
    /// Kind `settled`.
    Settled(DeadlineInput),
    /// For verify: the digest of a notice after a window. Kind `digest`.
    Digest(DigestInput),
    /// For verify: proof that schedules wake functions, from the template's recurring schedule. Kind `heartbeat`.
    Heartbeat,
    /// For no function: a lock. Kind `lock`.
    Lock(LockInput),
    /// For no function: the answer to a drill. Kind `drill`.
    Drill(DrillInput),
    /// For no function: while it exists, no deployment starts. Kind `hold-all`.
    Stop(StopInput),
}

const CHECK: &str = "service";
const DEADLINE_CHECK: &str = "deadline";
const SETTLED: &str = "settled";
const DIGEST: &str = "digest";
const HEARTBEAT: &str = "heartbeat";
const LOCK: &str = "lock";
const DRILL: &str = "drill";
const STOP: &str = "hold-all";

/// The function that a schedule wakes.
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

/// Why an input is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule's input is invalid: {0}")]
pub struct InvalidInput(String);

impl Wake {
    /// Parses an input from a schedule or from an operator.
    ///
    /// # Errors
    /// Names the invalid field.
    pub fn read(value: &Value) -> Result<Self, InvalidInput> {
        let Some(fields) = value.as_object() else {
            return Err(InvalidInput(format!("expected a JSON object, found {}", kind(value))));
        };
        match fields.get("version") {
            Some(version) if *version == json!(VERSION) => {}
            version => {
                return Err(InvalidInput(format!("version is {}; expected {VERSION}", shown(version))));
            }
        }
        let named = fields.get("kind");
        match named.map(Value::as_str) {
            None => typed(value).map(Self::Deploy),
            Some(Some(CHECK)) => typed(value).map(Self::Check),
            Some(Some(DEADLINE_CHECK)) => typed(value).map(Self::DeadlineCheck),
            Some(Some(SETTLED)) => typed(value).map(Self::Settled),
            Some(Some(DIGEST)) => typed(value).map(Self::Digest),
            Some(Some(HEARTBEAT)) => Ok(Self::Heartbeat),
            Some(Some(LOCK)) => typed(value).map(Self::Lock),
            Some(Some(DRILL)) => typed(value).map(Self::Drill),
            Some(Some(STOP)) => typed(value).map(Self::Stop),
            Some(_) => Err(InvalidInput(format!(
                "kind is {}; expected {CHECK:?}, {DEADLINE_CHECK:?}, {SETTLED:?}, {DIGEST:?}, {HEARTBEAT:?}, {LOCK:?}, \
                 {DRILL:?} or {STOP:?}, or no kind for a deployment",
                shown(named)
            ))),
        }
    }

    /// Parses the text of a schedule's input.
    ///
    /// # Errors
    /// The text is not JSON, or [`Wake::read`] fails.
    pub fn read_text(text: &str) -> Result<Self, InvalidInput> {
        Self::read(&serde_json::from_str(text).map_err(|error| InvalidInput(error.to_string()))?)
    }

    /// The error of a `function` that does not handle this input.
    #[must_use]
    pub fn refused_by(&self, function: Function) -> InvalidInput {
        let kind = self.kind().map_or_else(|| "absent".to_owned(), |kind| format!("{kind:?}"));
        InvalidInput(format!("kind is {kind}, which {} does not handle", function.word()))
    }

    /// The function that this input is for.
    #[must_use]
    pub fn function(&self) -> Function {
        match self {
            Self::Deploy(_) => Function::Deploy,
            Self::Check(_)
            | Self::DeadlineCheck(_)
            | Self::Settled(_)
            | Self::Digest(_)
            | Self::Heartbeat
            | Self::Lock(_)
            | Self::Drill(_)
            | Self::Stop(_) => Function::Verify,
        }
    }

    /// The schedule under whose lock a schedule with this input is changed: one invocation at a time works on a service,
    /// and on a page of a notice.
    #[must_use]
    pub fn lock(&self, place: &Place) -> Option<ScheduleName> {
        match self {
            Self::Deploy(input) => Some(ScheduleName::of_deployment(place, &input.service)),
            Self::Check(input) => Some(ScheduleName::of_deployment(place, &input.service)),
            Self::DeadlineCheck(input) | Self::Settled(input) => {
                Some(ScheduleName::of_page(&input.notice.event_arn, input.page))
            }
            Self::Digest(input) => Some(ScheduleName::of_digest(&input.notice.event_arn, input.closes_at)),
            Self::Heartbeat | Self::Lock(_) | Self::Drill(_) | Self::Stop(_) => None,
        }
    }

    /// How often the heartbeat has woken the function again. `None` if it never does.
    #[must_use]
    pub fn woken(&self) -> Option<u32> {
        match self {
            Self::Deploy(input) => Some(input.woken.unwrap_or_default()),
            Self::Check(input) => Some(input.woken.unwrap_or_default()),
            Self::DeadlineCheck(input) | Self::Settled(input) => Some(input.woken.unwrap_or_default()),
            Self::Digest(input) => Some(input.woken.unwrap_or_default()),
            Self::Heartbeat | Self::Lock(_) | Self::Drill(_) | Self::Stop(_) => None,
        }
    }

    /// The same input, for a function that the heartbeat wakes once more.
    #[must_use]
    pub fn woken_again(mut self) -> Self {
        let times = self.woken().map(|times| times.saturating_add(1));
        match &mut self {
            Self::Deploy(input) => input.woken = times,
            Self::Check(input) => input.woken = times,
            Self::DeadlineCheck(input) | Self::Settled(input) => input.woken = times,
            Self::Digest(input) => input.woken = times,
            Self::Heartbeat | Self::Lock(_) | Self::Drill(_) | Self::Stop(_) => {}
        }
        self
    }

    /// The text of the schedule's input.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Deploy(input) => self.written(input),
            Self::Check(input) => self.written(input),
            Self::DeadlineCheck(input) | Self::Settled(input) => self.written(input),
            Self::Digest(input) => self.written(input),
            Self::Heartbeat => self.written(&json!({})),
            Self::Lock(input) => self.written(input),
            Self::Drill(input) => self.written(input),
            Self::Stop(input) => self.written(input),
        }
    }

    fn written<T: Serialize>(&self, input: &T) -> String {
        #[derive(Serialize)]
        struct Written<'a, T> {
            version: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            kind: Option<&'static str>,
            #[serde(flatten)]
            input: &'a T,
        }
        let written = Written { version: VERSION, kind: self.kind(), input };
        // It fails only for maps with keys that are not strings, which inputs do not have.
        serde_json::to_string(&written).unwrap_or_default()
    }

    fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Deploy(_) => None,
            Self::Check(_) => Some(CHECK),
            Self::DeadlineCheck(_) => Some(DEADLINE_CHECK),
            Self::Settled(_) => Some(SETTLED),
            Self::Digest(_) => Some(DIGEST),
            Self::Heartbeat => Some(HEARTBEAT),
            Self::Lock(_) => Some(LOCK),
            Self::Drill(_) => Some(DRILL),
            Self::Stop(_) => Some(STOP),
        }
    }
}

fn typed<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, InvalidInput> {
    serde_path_to_error::deserialize(value).map_err(|error| InvalidInput(excerpt(&error.to_string())))
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| excerpt(&value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, web};

    /// Inputs as written by version 0.1, which may still be pending in an account.
    const WRITTEN_BY_0_1: [&str; 4] = [
        r#"{"version":1,"cluster":"prod","service":"web","notices":[{"event_arn":"arn:1","starts_at":"2026-12-02T18:00:00Z","cutoff":"2026-11-25T18:00:00Z"}],"slot":"2026-11-27T22:00:00Z","window_ends_at":"2026-11-28T02:00:00Z","windows":"Fri 22:00-02:00 UTC","attempt":0,"scheduled_for":"<aws.scheduler.scheduled-time>"}"#,
        r#"{"version":1,"kind":"service","cluster":"prod","service":"web","notices":[{"event_arn":"arn:1","starts_at":null,"cutoff":"2026-11-25T18:00:00Z"}],"deployment":"ecs-svc/2","since":"2026-11-27T22:00:00Z","look":3,"told":true}"#,
        r#"{"version":1,"kind":"deadline","notice":{"event_arn":"arn:1","starts_at":"2026-12-02T18:00:00Z","cutoff":"2026-11-25T18:00:00Z"},"page":1,"part":0,"services":{"prod":["web"]},"done":{},"sent_at":"2026-11-25T18:00:00Z","told":["0123"],"until":"2026-12-02T17:00:00Z"}"#,
        r#"{"version": 1, "kind": "heartbeat"}"#,
    ];

    #[test]
    fn inputs_of_version_0_1_are_read_and_written_back() {
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
                Wake::Settled(_) | Wake::Digest(_) | Wake::Lock(_) | Wake::Drill(_) | Wake::Stop(_) => false,
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
                r#"kind is "restart"; expected "service", "deadline", "settled", "digest", "heartbeat", "lock", "drill" or "hold-all""#,
            ),
            (r#"{"version":1,"kind":7}"#, "kind is 7; expected"),
            (r#"{"version":2,"kind":"heartbeat"}"#, "version is 2; expected 1"),
            (r#"{"kind":"heartbeat"}"#, "version is absent; expected 1"),
            ("[]", "expected a JSON object, found an array"),
            ("restart web please", "expected value at line 1"),
        ];
        for (text, expected) in rows {
            let error = Wake::read_text(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!("the schedule's input is invalid: {expected}")), "{error}");
        }
    }

    #[test]
    fn a_date_that_cannot_be_calculated_with_is_refused() {
        let first = "2026-11-27T22:00:00Z";
        let lock = |at: &str| {
            json!({"version": 1, "kind": "lock", "schedule": "s", "owner": "o", "expires_at": at}).to_string()
        };
        Wake::read_text(&lock(first)).expect("a lock");
        let error = Wake::read_text(&lock("+262142-12-31T23:59:59Z")).unwrap_err().to_string();
        let expected =
            "the schedule's input is invalid: expires_at: the year of +262142-12-31 23:59:59 UTC does not";
        assert!(error.starts_with(expected), "{error}");
        for date in [r#""starts_at":"2026-12-02T18:00:00Z""#, r#""cutoff":"2026-11-25T18:00:00Z""#] {
            let far = date.replace("2026", "+12026");
            for text in WRITTEN_BY_0_1.into_iter().filter(|text| text.contains(date)) {
                let error = Wake::read_text(&text.replace(date, &far)).expect_err(text).to_string();
                assert!(error.contains("does not have four digits"), "{error}");
            }
        }
    }

    #[test]
    fn every_input_is_for_one_function() {
        let functions = WRITTEN_BY_0_1.map(|text| Wake::read_text(text).expect(text).function());
        assert_eq!(functions, [Function::Deploy, Function::Verify, Function::Verify, Function::Verify]);
        let refused = Wake::Heartbeat.refused_by(Function::Deploy).to_string();
        assert!(refused.ends_with(r#"kind is "heartbeat", which deploy does not handle"#), "{refused}");
    }
}
