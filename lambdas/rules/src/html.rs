//! HTML for custom widgets of CloudWatch
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html>). There is
//! no script. Every text that is not written here goes through [`escaped`].

use serde_json::Value;

/// Only what CloudWatch's own styles leave open. The colors have enough contrast on both of its themes.
const STYLE: &str = "<style>\
.ecs-task-patching{font-size:14px;line-height:1.45}\
.ecs-task-patching a{cursor:pointer}\
.ecs-task-patching table{width:100%;border-collapse:collapse;margin:8px 0}\
.ecs-task-patching caption{text-align:left;font-weight:bold;padding:4px 0}\
.ecs-task-patching th,.ecs-task-patching td{text-align:left;vertical-align:top;padding:6px 10px 6px 0;\
overflow-wrap:anywhere;border-bottom:1px solid #8884}\
.ecs-task-patching tbody th{font-weight:normal;min-width:13em}\
.ecs-task-patching-time{white-space:nowrap}\
.ecs-task-patching-pick{display:flex;gap:8px;align-items:baseline}\
.ecs-task-patching small{opacity:.85}\
.ecs-task-patching input,.ecs-task-patching select{max-width:100%;padding:4px;font:inherit}\
.ecs-task-patching-bar{display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center;margin:8px 0}\
.ecs-task-patching-bar .btn{white-space:nowrap}\
.ecs-task-patching-here{font-weight:bold}\
.ecs-task-patching-mark{display:inline-block;border:1px solid;border-radius:8px;padding:0 8px;white-space:nowrap}\
.ecs-task-patching-light .ecs-task-patching-bad{color:#b0180c}.ecs-task-patching-dark .ecs-task-patching-bad{color:#ff8a80}\
.ecs-task-patching-light .ecs-task-patching-warn{color:#8a4b00}.ecs-task-patching-dark .ecs-task-patching-warn{color:#ffc266}\
.ecs-task-patching-light .ecs-task-patching-good{color:#1d6b1a}.ecs-task-patching-dark .ecs-task-patching-good{color:#8bdc87}\
.ecs-task-patching code{overflow-wrap:anywhere;white-space:pre-wrap}\
@media(max-width:640px){.ecs-task-patching thead{position:absolute;left:-10000px}\
.ecs-task-patching tr{display:block;border-bottom:2px solid #8886;padding:6px 0}\
.ecs-task-patching tbody th,.ecs-task-patching td{display:block;border:0;padding:2px 0}\
.ecs-task-patching td:before{content:attr(data-label) ': ';opacity:.85}}\
</style>";

/// A whole widget with this content, in the colors of CloudWatch's theme.
#[must_use]
pub fn widget(dark: bool, content: &str) -> String {
    let theme = if dark { "dark" } else { "light" };
    format!("{STYLE}<div class=\"ecs-task-patching ecs-task-patching-{theme}\">{content}</div>")
}

/// A text, as the content of an element or the value of an attribute.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A link or button that calls a function and shows its answer in place of the widget.
#[must_use]
pub fn call(label: &str, class: &str, endpoint: &str, payload: &Value) -> String {
    format!(
        "<a class=\"{class}\" role=\"button\" tabindex=\"0\">{}</a><cwdb-action action=\"call\" display=\"widget\" \
         endpoint=\"{}\">{}</cwdb-action>",
        escaped(label),
        escaped(endpoint),
        inert(payload)
    )
}

/// JSON without characters that mean something in HTML. AWS does not document whether CloudWatch decodes entities in the
/// content of an action, and JSON has escapes of its own.
fn inert(payload: &Value) -> String {
    let mut inert = String::new();
    for c in payload.to_string().chars() {
        match c {
            '<' => inert.push_str("\\u003c"),
            '>' => inert.push_str("\\u003e"),
            '&' => inert.push_str("\\u0026"),
            c => inert.push(c),
        }
    }
    inert
}

/// A table that a screen reader can read, also where a narrow screen shows its rows as blocks. The cells are HTML.
#[must_use]
pub fn table(caption: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let heads = columns
        .iter()
        .map(|column| format!("<th scope=\"col\" role=\"columnheader\">{}</th>", escaped(column)));
    let cell = |(nth, (column, cell)): (usize, (&&str, &String))| {
        let label = escaped(column);
        if nth == 0 {
            format!("<th scope=\"row\" role=\"rowheader\" data-label=\"{label}\">{cell}</th>")
        } else {
            format!("<td role=\"cell\" data-label=\"{label}\">{cell}</td>")
        }
    };
    let row = |row: &Vec<String>| {
        let cells: String = columns.iter().zip(row).enumerate().map(cell).collect();
        format!("<tr role=\"row\">{cells}</tr>")
    };
    format!(
        "<table role=\"table\"><caption>{}</caption><thead role=\"rowgroup\"><tr role=\"row\">{}</tr></thead><tbody \
         role=\"rowgroup\">{}</tbody></table>",
        escaped(caption),
        heads.collect::<String>(),
        rows.iter().map(row).collect::<String>()
    )
}

/// A form around HTML. Pressing Enter must not send it anywhere, and nothing is the effect of the method `dialog` outside of a
/// dialog.
#[must_use]
pub fn form(content: &str) -> String {
    format!("<form method=\"dialog\">{content}</form>")
}

/// A list. The items are HTML.
#[must_use]
pub fn list(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    format!("<ul><li>{}</li></ul>", items.join("</li><li>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HOSTILE: &str = "<img src=x onerror=\"alert('1')\"> & </cwdb-action>";

    #[test]
    fn a_text_cannot_leave_its_element_or_its_attribute() {
        assert_eq!(
            escaped(HOSTILE),
            "&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt; &amp; &lt;/cwdb-action&gt;"
        );
    }

    #[test]
    fn an_action_is_the_same_json_whether_or_not_entities_are_decoded() {
        let html = call("<Hold>", "btn", "arn:\"x", &json!({"text": HOSTILE}));
        assert!(
            html.starts_with("<a class=\"btn\" role=\"button\" tabindex=\"0\">&lt;Hold&gt;</a><cwdb-action ")
        );
        let content = html
            .split("endpoint=\"arn:&quot;x\">")
            .nth(1)
            .and_then(|rest| rest.strip_suffix("</cwdb-action>"));
        let content = content.unwrap();
        assert!(!content.contains(['<', '>', '&']), "{content}");
        assert_eq!(serde_json::from_str::<Value>(content).unwrap(), json!({"text": HOSTILE}));
    }

    #[test]
    fn a_table_names_its_columns_and_rows() {
        let html = table("Pending", &["Service", "State"], &[vec!["web".into(), "held".into()]]);
        for part in [
            "<caption>Pending</caption>",
            "<th scope=\"col\" role=\"columnheader\">State</th>",
            "<th scope=\"row\" role=\"rowheader\" data-label=\"Service\">web</th>",
            "<td role=\"cell\" data-label=\"State\">held</td>",
        ] {
            assert!(html.contains(part), "{html}");
        }
        assert_eq!((list(&[]), list(&["a".into()])), (String::new(), "<ul><li>a</li></ul>".to_owned()));
    }
}
