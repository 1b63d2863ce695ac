//! Operate's answer.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    arn::ServiceRef,
    html::{call, escaped, list, paragraph},
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
    /// What became of each service.
    pub results: Vec<Done>,
    /// All of it, in a sentence or two.
    pub text: String,
}

impl Answer {
    /// The answer to a request that is about no service, or that is refused.
    #[must_use]
    pub fn text(operation: &str, text: &str) -> Self {
        Self { operation: operation.to_owned(), results: Vec::new(), text: sentence(text) }
    }

    /// The answer to a request about these services.
    #[must_use]
    pub fn of(operation: &str, results: Vec<Done>) -> Self {
        let done = results.iter().filter(|result| result.done).count();
        let text = match results.as_slice() {
            [] => "nothing is pending for that; there is nothing to do".to_owned(),
            [only] => {
                let text = only.text.clone();
                return Self { operation: operation.to_owned(), results, text };
            }
            all if done == all.len() => format!("{operation}: done for {}", count(done, "service")),
            all => format!(
                "{operation}: done for {done} of {}; the others say what to do instead",
                count(all.len(), "service")
            ),
        };
        Self { operation: operation.to_owned(), results, text: sentence(&text) }
    }

    /// The answer as a custom widget of CloudWatch shows it: plain HTML, with the way back to the console function.
    #[must_use]
    pub fn html(&self, console: Option<&str>) -> Value {
        let several = self.results.len() > 1;
        let items = self.results.iter().filter(|_| several).map(|result| {
            let state = if result.done { "Done" } else { "Not done" };
            format!("<strong>{state}:</strong> {}", escaped(&result.text))
        });
        let (text, items) = (paragraph(&escaped(&self.text)), list(&items.collect::<Vec<_>>()));
        let back = console.map(|endpoint| paragraph(&call("Back to the list", "btn", endpoint, &json!({}))));
        json!(format!("<div class=\"ecs-task-patching\">{text}{items}{}</div>", back.unwrap_or_default()))
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
            (vec![], "Nothing is pending for that; there is nothing to do."),
            (vec![done(true)], "prod/web is held."),
            (vec![done(true), done(true)], "Hold: done for 2 services."),
            (
                vec![done(true), done(false)],
                "Hold: done for 1 of 2 services; the others say what to do instead.",
            ),
        ];
        for (results, text) in rows {
            assert_eq!(Answer::of("hold", results).text, text);
        }
        assert_eq!(
            json!(Answer::of("hold", vec![done(true)])),
            json!({
                "operation": "hold", "text": "prod/web is held.",
                "results": [{"cluster": "prod", "service": "web", "done": true, "text": "prod/web is held."}],
            })
        );
    }

    #[test]
    fn the_console_gets_html_in_which_everything_is_escaped() {
        let done = |text: &str| Done::new(&web(), false, text);
        let answer = Answer::of("hold", vec![done("<b>\"a\" & 'b'"), done("fine")]);
        assert_eq!(
            answer.html(None),
            "<div class=\"ecs-task-patching\"><p>Hold: done for 0 of 2 services; the others say what to do instead.</p>\
             <ul><li><strong>Not done:</strong> &lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;.</li>\
             <li><strong>Not done:</strong> Fine.</li></ul></div>"
        );
        let back = answer.html(Some("arn:console"));
        assert!(
            back.as_str().is_some_and(|html| html.contains("endpoint=\"arn:console\">{}</cwdb-action>")),
            "{back}"
        );
    }
}
