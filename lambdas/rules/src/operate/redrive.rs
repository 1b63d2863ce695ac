//! Dead letters: for which function each was meant, and what it hands over.

use serde_json::{Value, json};

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

    /// What it is about: the service, the notice, or the kind of the input.
    #[must_use]
    pub fn subject(&self) -> String {
        let payload = self.body.get("requestPayload").unwrap_or(&self.body);
        let text = |path: &str| payload.pointer(path).and_then(Value::as_str);
        match (text("/cluster"), text("/service")) {
            (Some(cluster), Some(service)) => format!("{cluster}/{service}"),
            _ => ["/detail/eventArn", "/notice/event_arn", "/kind"]
                .into_iter()
                .find_map(text)
                .map_or_else(|| "unknown".to_owned(), str::to_owned),
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

#[cfg(test)]
mod tests {
    use super::*;

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
