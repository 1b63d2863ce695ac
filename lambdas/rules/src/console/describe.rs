//! The documentation that CloudWatch shows beside the widget when somebody edits it.

/// The documentation, in Markdown with the parameters as YAML.
pub const MARKDOWN: &str = "## ECS Task Patching\n\
\n\
Shows the Fargate services that a retirement notice affects: what is pending, why it starts at its time, what needs a person, and \
what ended. Its buttons approve, hold, release, move, run and cancel deployments. They call the operate function of the stack, and \
work for those who may invoke it.\n\
\n\
### Widget parameters\n\
All parameters are optional.\n\
\n\
Parameter | Meaning\n\
---|---\n\
**view** | The first page: pending, health or done\n\
**filter** | What the page of pending deployments shows: cluster, state, text\n\
**utc** | true shows times in UTC, not in the time zones of their owners\n\
\n\
### Example parameters\n\
``` yaml\n\
view: pending\n\
filter:\n\
\x20 cluster: prod\n\
utc: false\n\
```\n\
\n\
On the command line, `{\"operation\": \"doctor\"}` answers the findings of the doctor as JSON.\n";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::console::request::{Asked, View};

    #[test]
    fn the_example_is_one_that_the_console_reads() {
        let yaml = MARKDOWN.split("``` yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_eq!(yaml, "view: pending\nfilter:\n  cluster: prod\nutc: false\n");
        let event = json!({"view": "pending", "filter": {"cluster": "prod"}, "utc": false});
        let Asked::Page(request) = Asked::read(&event) else { panic!("a page") };
        assert!(matches!(request.view, View::Pending(filter) if filter.cluster.as_deref() == Some("prod")));
    }
}
