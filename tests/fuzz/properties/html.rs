//! A strict reader of the widgets' HTML: everything that it does not know comes from outside.

use serde_json::Value;

const ELEMENTS: [&str; 25] = [
    "a",
    "br",
    "caption",
    "code",
    "cwdb-action",
    "div",
    "form",
    "h3",
    "input",
    "label",
    "li",
    "option",
    "p",
    "select",
    "small",
    "span",
    "strong",
    "style",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];
const EMPTY: [&str; 2] = ["br", "input"];
const ATTRIBUTES: [&str; 20] = [
    "action",
    "aria-current",
    "aria-label",
    "class",
    "data-label",
    "display",
    "endpoint",
    "href",
    "maxlength",
    "method",
    "name",
    "rel",
    "role",
    "scope",
    "selected",
    "tabindex",
    "target",
    "title",
    "type",
    "value",
];
const ENTITIES: [&str; 5] = ["amp;", "lt;", "gt;", "quot;", "#39;"];

/// Checks that the HTML has only elements and attributes of the widgets, all of them closed, and that every other text is
/// escaped. Returns the actions: the endpoint and the payload of each.
pub(super) fn check(html: &str) -> Vec<(String, Value)> {
    let (mut rest, mut open, mut actions) = (html, Vec::<&str>::new(), Vec::new());
    let mut endpoint = "";
    while let Some((text, tag_and_rest)) = rest.split_once('<') {
        check_text(text);
        let (tag, after) = tag_and_rest.split_once('>').expect("the end of a tag");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if name == "cwdb-action" {
                actions
                    .push((endpoint.replace("&quot;", "\""), serde_json::from_str(text).expect("a payload")));
            }
            assert_eq!(open.pop(), Some(name), "{html}");
            continue;
        }
        let name = tag.split(' ').next().unwrap_or_default();
        assert!(ELEMENTS.contains(&name), "<{tag}> in {html}");
        for (attribute, value) in attributes(tag.get(name.len()..).unwrap_or_default()) {
            assert!(ATTRIBUTES.contains(&attribute), "<{tag}> in {html}");
            assert!(attribute != "href" || value.starts_with("https://"), "<{tag}> in {html}");
            if attribute == "endpoint" {
                endpoint = value;
            }
        }
        if name == "style" {
            (_, rest) = rest.split_once("</style>").expect("the end of the style");
        } else if !EMPTY.contains(&name) {
            open.push(name);
        }
    }
    check_text(rest);
    assert!(open.is_empty(), "{open:?} in {html}");
    actions
}

fn check_text(text: &str) {
    assert!(!text.contains('>'), "{text}");
    for after in text.split('&').skip(1) {
        assert!(ENTITIES.iter().any(|entity| after.starts_with(entity)), "{text}");
    }
}

/// The attributes of a tag, with their values.
fn attributes(mut rest: &str) -> Vec<(&str, &str)> {
    let mut attributes = Vec::new();
    while let Some(attribute) = rest.strip_prefix(' ') {
        let end = attribute.find([' ', '=']).unwrap_or(attribute.len());
        let (name, after) = attribute.split_at(end);
        let mut value = "";
        rest = after;
        if let Some(quoted) = after.strip_prefix("=\"") {
            (value, rest) = quoted.split_once('"').expect("the end of a value");
            check_text(value);
        }
        attributes.push((name, value));
    }
    assert_eq!(rest, "", "what follows the attributes");
    attributes
}
