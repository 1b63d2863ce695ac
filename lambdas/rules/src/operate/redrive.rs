//! Dead letters: for which function each was meant, and what it hands over.

use serde_json::{Value, json};

use crate::{
    arn::ServiceRef,
    wording::{count, is, plural, was},
};

/// How many letters an answer names.
const NAMED: usize = 5;

/// A message of the dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its ID.
    pub id: String,
    /// What deletes it.
    pub receipt: String,
    body: Value,
    /// The function that EventBridge or EventBridge Scheduler could not invoke.
    target: String,
    truncated: bool,
    /// Why it is here, if a message attribute says so.
    error: Option<String>,
}

/// The names of the functions to which letters are sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Ingest.
    pub ingest: String,
    /// Deploy.
    pub deploy: String,
    /// Verify.
    pub verify: String,
}

/// The name in the ARN of a function, with or without a version.
#[must_use]
pub fn function_name(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or(arn)
}

/// The name or ARN of another function of the stack: their names differ only in their last parts. A version is left out.
#[must_use]
pub fn sibling(function: &str, own: &str, other: &str) -> String {
    let stack = function.rsplit_once(&format!("-{own}"));
    stack.map_or_else(|| function.to_owned(), |(stack, _)| format!("{stack}-{other}"))
}

impl Letter {
    /// Reads a message as Amazon SQS gives it.
    #[must_use]
    pub fn read(message: &Value) -> Self {
        let text = |path: &str| message.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let body = text("/Body");
        Self {
            id: text("/MessageId").to_owned(),
            receipt: text("/ReceiptHandle").to_owned(),
            body: serde_json::from_str(body).unwrap_or_else(|_| json!(body)),
            target: function_name(text("/MessageAttributes/TARGET_ARN/StringValue")).to_owned(),
            truncated: text("/MessageAttributes/IS_PAYLOAD_TRUNCATED/StringValue") == "true",
            error: [
                text("/MessageAttributes/ERROR_MESSAGE/StringValue"),
                text("/MessageAttributes/ERROR_CODE/StringValue"),
            ]
            .into_iter()
            .find(|text| !text.is_empty())
            .map(str::to_owned),
        }
    }

    /// Why it could not be processed, as far as AWS says.
    #[must_use]
    pub fn reason(&self) -> &str {
        let of_function = ["/responsePayload/errorMessage", "/requestContext/condition"];
        let of_function = || of_function.iter().find_map(|path| self.body.pointer(path)?.as_str());
        self.error.as_deref().or_else(of_function).unwrap_or("AWS does not say why")
    }

    /// A text in what the function was to get.
    fn text(&self, path: &str) -> Option<&str> {
        self.body.get("requestPayload").unwrap_or(&self.body).pointer(path)?.as_str()
    }

    /// The service that it is about, if it is about one.
    #[must_use]
    pub fn service(&self) -> Option<ServiceRef> {
        ServiceRef::new(self.text("/cluster")?, self.text("/service")?)
    }

    /// What it is about: the service, the notice, or the kind of the input.
    #[must_use]
    pub fn subject(&self) -> String {
        let other = || {
            ["/detail/eventArn", "/notice/event_arn", "/kind"].into_iter().find_map(|path| self.text(path))
        };
        match self.service() {
            Some(service) => service.to_string(),
            None => other().unwrap_or("unknown").to_owned(),
        }
    }

    /// The function that it was meant for, and what that gets. `None` if it is not understood.
    ///
    /// There are three kinds: of a function that failed, which Lambda keeps with the function's name; of the rule, whose body is
    /// the event; and of EventBridge Scheduler, whose body is the input of the schedule.
    #[must_use]
    pub fn route<'n>(&self, names: &'n Names) -> Option<(&'n str, Value)> {
        let fields = self.body.as_object().filter(|_| !self.truncated)?;
        let known =
            |name: &str| [&names.ingest, &names.deploy, &names.verify].into_iter().find(|one| *one == name);
        if let Some(context) = fields.get("requestContext") {
            let function = context
                .get("functionArn")
                .and_then(Value::as_str)
                .and_then(|arn| known(function_name(arn)))?;
            let payload = fields.get("requestPayload").filter(|payload| !payload.is_null())?;
            return Some((function, payload.clone()));
        }
        let by_content = || {
            [("detail", &names.ingest), ("slot", &names.deploy), ("kind", &names.verify)]
                .into_iter()
                .find(|(field, _)| fields.contains_key(*field))
                .map(|(_, function)| function)
        };
        // AWS does not document whether EventBridge Scheduler names the function or its own API.
        let function =
            known(&self.target).or_else(by_content).filter(|_| !fields.contains_key("requestPayload"))?;
        Some((function, self.body.clone()))
    }
}

/// What is said of the letters that were sent back, each with its function, and of those that stay, each with the cause.
/// `all` says that the queue is empty otherwise.
#[must_use]
pub fn answer(sent: &[String], stays: &[String], all: bool) -> String {
    let done = match sent.len() {
        0 => "no dead letter was sent back".to_owned(),
        number => {
            let named = sent.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = match number.saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let owner = if number == 1 { "its" } else { "their" };
            format!(
                "{} {} sent back to {owner} {}: {named}{more}",
                count(number, "dead letter"),
                was(number),
                plural(number, "function")
            )
        }
    };
    let stay = stays.first().map(|first| {
        let (letters, are) = (count(stays.len(), "letter"), is(stays.len()));
        format!(". {letters} {are} not sent and will be visible again in two minutes; the first: {first}")
    });
    let more = if all { "" } else { ". There may be more: redrive again" };
    let next = if sent.is_empty() {
        ""
    } else {
        ". One that fails again returns to the queue within minutes, and to the Health page of the console"
    };
    format!("{done}{}{more}{next}", stay.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_agrees_with_the_number_of_letters() {
        let letters = |number: usize| (0..number).map(|nth| format!("{nth} to f")).collect::<Vec<_>>();
        let next = ". One that fails again returns to the queue within minutes, and to the Health page of the console";
        let rows = [
            (1, 0, true, format!("1 dead letter was sent back to its function: 0 to f{next}")),
            (2, 0, true, format!("2 dead letters were sent back to their functions: 0 to f, 1 to f{next}")),
            (
                7,
                0,
                false,
                format!(
                    "7 dead letters were sent back to their functions: 0 to f, 1 to f, 2 to f, 3 to f, 4 to f and 2 more. There \
                     may be more: redrive again{next}"
                ),
            ),
            (
                0,
                2,
                true,
                "no dead letter was sent back. 2 letters are not sent and will be visible again in two minutes; the first: 0 to f"
                    .to_owned(),
            ),
        ];
        for (sent, stays, all, expected) in rows {
            assert_eq!(answer(&letters(sent), &letters(stays), all), expected);
        }
    }

    #[test]
    fn a_function_is_found_by_the_name_of_another_one() {
        let arn = "arn:aws:lambda:eu-west-2:111122223333:function:my-operate-stack";
        assert_eq!(sibling(&format!("{arn}-operate:live"), "operate", "console"), format!("{arn}-console"));
        assert_eq!(sibling("other", "operate", "console"), "other");
    }

    #[test]
    fn a_letter_says_what_it_is_about_and_why_it_is_there() {
        let of = |body: Value, attributes: Value| {
            Letter::read(&json!({"Body": body.to_string(), "MessageAttributes": attributes}))
        };
        let failed = json!({
            "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": {"detail": {"eventArn": "arn:1"}},
            "responsePayload": {"errorMessage": "2 of 3 services failed"},
        });
        let rows = [
            (of(failed, json!({})), "arn:1", "2 of 3 services failed"),
            (
                of(
                    json!({"cluster": "prod", "service": "web"}),
                    json!({"ERROR_CODE": {"StringValue": "AccessDenied"}}),
                ),
                "prod/web",
                "AccessDenied",
            ),
            (of(json!({"kind": "heartbeat"}), json!({})), "heartbeat", "AWS does not say why"),
            (of(json!("x"), json!({})), "unknown", "AWS does not say why"),
        ];
        for (letter, subject, reason) in rows {
            assert_eq!((letter.subject().as_str(), letter.reason()), (subject, reason));
        }
    }

    #[test]
    fn every_kind_of_letter_goes_back_to_its_function() {
        let names = Names { ingest: "i".into(), deploy: "d".into(), verify: "v".into() };
        let arn = |name: &str| format!("arn:aws:lambda:eu-west-2:111122223333:function:{name}");
        let of_lambda = |name: &str, payload: Value| {
            let context = json!({"functionArn": format!("{}:$LATEST", arn(name))});
            (json!({"requestContext": context, "requestPayload": payload}).to_string(), json!({}))
        };
        let attribute = |name: &str, text: &str| json!({name: {"StringValue": text}});
        let api = "arn:aws:scheduler:::aws-sdk:lambda:invoke";
        let rows = [
            (of_lambda("i", json!({"a": 1})), Some(("i", json!({"a": 1})))),
            (of_lambda("other", json!({"a": 1})), None),
            (of_lambda("i", Value::Null), None),
            (
                (r#"{"detail":{}}"#.to_owned(), attribute("TARGET_ARN", &arn("i"))),
                Some(("i", json!({"detail": {}}))),
            ),
            ((r#"{"slot":"x"}"#.to_owned(), attribute("TARGET_ARN", api)), Some(("d", json!({"slot": "x"})))),
            ((r#"{"kind":"heartbeat"}"#.to_owned(), json!({})), Some(("v", json!({"kind": "heartbeat"})))),
            ((r#"{"slot":"x"}"#.to_owned(), attribute("IS_PAYLOAD_TRUNCATED", "true")), None),
            ((r#"{"version":1}"#.to_owned(), json!({})), None),
            (("please restart web".to_owned(), json!({})), None),
        ];
        for ((body, attributes), expected) in rows {
            let letter = Letter::read(
                &json!({"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MessageAttributes": attributes}),
            );
            assert_eq!(letter.route(&names), expected, "{body}");
        }
    }
}
