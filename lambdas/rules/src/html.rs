//! HTML for custom widgets of CloudWatch
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html>). There is
//! no script. Every text that is not written here goes through [`escaped`].

use serde_json::Value;

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

/// A paragraph. The content is HTML.
#[must_use]
pub fn paragraph(content: &str) -> String {
    format!("<p>{content}</p>")
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
