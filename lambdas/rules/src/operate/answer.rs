//! Operate's answer.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    arn::ServiceRef,
    html::{call, escaped, list, widget},
    wording::{count, sentence},
};

/// What became of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The operation is done, or was done before.
    pub done: bool,
    /// What was done and what happens next, or why not and what to do instead.
    pub text: String,
}

impl Done {
    /// What became of a service, with a text that becomes a sentence.
    #[must_use]
    pub fn new(service: &ServiceRef, done: bool, text: &str) -> Self {
        let named = service.to_string();
        let text = match text.strip_prefix(&named) {
            Some(rest) => named + &sentence(rest), // names are not capitalized
            None => sentence(text),
        };
        Self { cluster: service.cluster().to_owned(), service: service.service().to_owned(), done, text }
    }
}

/// Operate's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The operation.
    pub operation: String,
    /// All of it is done, or was done before.
    pub done: bool,
    /// All of it, in a sentence or two.
    pub text: String,
    /// What became of each service.
    pub results: Vec<Done>,
}

impl Answer {
    /// The answer to a request that is about no service in particular, or that is refused.
    #[must_use]
    pub fn text(operation: &str, done: bool, text: &str) -> Self {
        Self { operation: operation.to_owned(), done, text: sentence(text), results: Vec::new() }
    }

    /// The answer to a request about these services.
    #[must_use]
    pub fn of(operation: &str, results: Vec<Done>) -> Self {
        let done = results.iter().filter(|result| result.done).count();
        let all_done = done > 0 && done == results.len();
        let text = match results.as_slice() {
            [] => "nothing is pending for this notice; there is nothing to do".to_owned(),
            [only] => {
                let text = only.text.clone();
                return Self { operation: operation.to_owned(), done: all_done, text, results };
            }
            all if all_done => format!("{operation}: done for {}", count(all.len(), "service")),
            all => format!(
                "{operation}: done for {done} of {}; the others say what to do instead",
                count(all.len(), "service")
            ),
        };
        Self { operation: operation.to_owned(), done: all_done, text: sentence(&text), results }
    }

    /// The answer as a custom widget of CloudWatch shows it: plain HTML, with ways back to the console function. `request` is
    /// what it answers.
    #[must_use]
    pub fn html(&self, console: Option<&str>, request: &Value) -> Value {
        let several = self.results.len() > 1;
        let items = self.results.iter().filter(|_| several).map(|result| {
            let state = if result.done { "Done" } else { "Not done" };
            format!("<strong>{state}:</strong> {}", escaped(&result.text))
        });
        let (class, role, word) =
            if self.done { ("good", "status", "Done") } else { ("bad", "alert", "Not done") };
        let text = format!(
            "<p class=\"ecs-task-patching-{class}\" role=\"{role}\"><strong>{word}:</strong> {}</p>",
            escaped(&self.text)
        );
        let items = list(&items.collect::<Vec<_>>());
        let back = console.map(|endpoint| {
            let list = call("Back to the list", "btn", endpoint, &json!({}));
            let again = self.form(request).map(|form| call("Back to the form", "btn", endpoint, &form));
            format!("<div class=\"ecs-task-patching-bar\">{}{list}</div>", again.unwrap_or_default())
        });
        let dark = request.pointer("/widgetContext/theme").is_some_and(|theme| theme == "dark");
        json!(widget(dark, &format!("{text}{items}{}", back.unwrap_or_default())))
    }

    /// The console's form in which what was not done can be asked for again. A drill has none.
    fn form(&self, request: &Value) -> Option<Value> {
        if self.done || self.operation == "drill" {
            return None;
        }
        let left = self.results.iter().filter(|result| !result.done);
        let left: Vec<Value> =
            left.map(|result| json!({"cluster": result.cluster, "service": result.service})).collect();
        let services = if left.is_empty() { request.get("services").cloned() } else { Some(json!(left)) };
        Some(json!({"view": "confirm", "operation": self.operation, "services": services}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::web;

    #[test]
    fn an_answer_has_a_result_for_each_service_and_a_text() {
        let done = |done| Done::new(&web(), done, "prod/web is held");
        let rows = [
            (vec![], "Nothing is pending for this notice; there is nothing to do."),
            (vec![done(true)], "prod/web is held."),
            (vec![done(true), done(true)], "Hold: done for 2 services."),
            (
                vec![done(true), done(false)],
                "Hold: done for 1 of 2 services; the others say what to do instead.",
            ),
        ];
        for (results, text) in rows {
            let all = !results.is_empty() && results.iter().all(|result| result.done);
            let answer = Answer::of("hold", results);
            assert_eq!((answer.text.as_str(), answer.done), (text, all));
        }
        assert_eq!(
            json!(Answer::of("hold", vec![done(true)])),
            json!({
                "operation": "hold", "done": true, "text": "prod/web is held.",
                "results": [{"cluster": "prod", "service": "web", "done": true, "text": "prod/web is held."}],
            })
        );
    }

    #[test]
    fn the_console_gets_html_in_which_everything_is_escaped() {
        let done = |text: &str| Done::new(&web(), false, text);
        let answer = Answer::of("hold", vec![done("<b>\"a\" & 'b'"), done("fine")]);
        let html = |answer: &Answer, console, request: &Value| {
            answer.html(console, request).as_str().unwrap().split_once("</style>").unwrap().1.to_owned()
        };
        assert_eq!(
            html(&answer, None, &json!({})),
            "<div class=\"ecs-task-patching ecs-task-patching-light\">\
             <p class=\"ecs-task-patching-bad\" role=\"alert\"><strong>Not done:</strong> Hold: done for 0 of 2 services; \
             the others say what to do instead.</p>\
             <ul><li><strong>Not done:</strong> &lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;.</li>\
             <li><strong>Not done:</strong> Fine.</li></ul></div>"
        );
        let one = html(&Answer::of("hold", vec![done("fine")]), None, &json!({}));
        assert!(!one.contains("<ul>"), "what is said of one service is said once: {one}");
        let dark = json!({"widgetContext": {"theme": "dark"}});
        let back = html(&Answer::text("hold-all", true, "stopped"), Some("arn:console"), &dark);
        for part in [
            "ecs-task-patching-dark",
            "<p class=\"ecs-task-patching-good\" role=\"status\"><strong>Done:</strong> Stopped.</p>",
            "endpoint=\"arn:console\">{}</cwdb-action>",
        ] {
            assert!(back.contains(part), "{part}: {back}");
        }
        assert!(!back.contains("Back to the form"), "{back}");
    }

    #[test]
    fn what_was_not_done_leads_back_to_its_form() {
        let services = json!([{"cluster": "prod", "service": "web"}]);
        let request = json!({"operation": "move", "services": services});
        let refused = Answer::text("move", false, "choose the new start time");
        let expected = json!({"view": "confirm", "operation": "move", "services": services});
        assert_eq!(refused.form(&request), Some(expected.clone()));
        let api = crate::arn::ServiceRef::new("prod", "api").unwrap();
        let partly = Answer::of("move", vec![Done::new(&api, true, "x"), Done::new(&web(), false, "y")]);
        assert_eq!(partly.form(&json!({})), Some(expected));
        assert_eq!(Answer::text("drill", false, "lost").form(&json!({})), None);
        assert_eq!(Answer::text("move", true, "moved").form(&request), None);
    }
}
