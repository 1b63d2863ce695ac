//! The page of what is pending.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{
    Frame,
    entry::{Entry, Filter, State, page},
    request::Intent,
};
use crate::{
    html::{escaped, form, table},
    wording::count,
};

/// The page of the lines that a filter asks for.
#[must_use]
pub fn html(frame: &Frame<'_>, all: &[Entry], filter: &Filter) -> String {
    let page = page(all, filter);
    let rows: Vec<Vec<String>> = page.entries.iter().map(|entry| row(frame, entry)).collect();
    let caption = match page.found {
        found if found == all.len() => format!("{found} pending"),
        found => format!("{found} of {} match the filter", all.len()),
    };
    let list = if rows.is_empty() {
        let text = if all.is_empty() {
            "Nothing is pending: no notice concerns a service that still has to be patched."
        } else {
            "Nothing matches the filter."
        };
        format!("<p>{text}</p>")
    } else {
        let columns = ["Service", "Start time", "State", "Retirement date", "Why", "Last change"];
        let buttons: String =
            Intent::ON_SERVICES.iter().map(|intent| frame.to_confirm(*intent, None)).collect();
        format!(
            "{}{}<div class=\"ecs-task-patching-bar\"><span>With the checked services:</span>{buttons}</div>",
            table(&caption, &columns, &rows),
            pages(frame, filter, page.number, page.pages)
        )
    };
    form(&format!("{}{list}", filter_fields(frame, all, filter)))
}

/// The fields of the filter.
fn filter_fields(frame: &Frame<'_>, all: &[Entry], filter: &Filter) -> String {
    let clusters: BTreeSet<&str> =
        all.iter().filter_map(|entry| Some(entry.service.as_ref()?.cluster())).collect();
    let clusters: Vec<(String, String)> =
        clusters.into_iter().map(|cluster| (cluster.to_owned(), cluster.to_owned())).collect();
    let states: Vec<(String, String)> =
        State::ALL.iter().map(|state| (state.word().to_owned(), state.label())).collect();
    format!(
        "<div class=\"ecs-task-patching-bar\">{}{}<label>Text <input type=\"text\" name=\"filter-text\" value=\"{}\"></label>{}{}</div>",
        select("Cluster", "filter-cluster", &clusters, filter.cluster.as_deref()),
        select("State", "filter-state", &states, filter.state.map(State::word)),
        escaped(filter.text.as_deref().unwrap_or_default()),
        frame.button("Filter", &json!({"view": "pending"})),
        if *filter == Filter::default() {
            String::new()
        } else {
            frame.link("Show all", &to(&Filter::default()))
        }
    )
}

fn select(label: &str, name: &str, options: &[(String, String)], selected: Option<&str>) -> String {
    let option = |(value, label): &(String, String)| {
        let mark = if Some(value.as_str()) == selected { " selected" } else { "" };
        format!("<option value=\"{}\"{mark}>{}</option>", escaped(value), escaped(label))
    };
    let options: String = options.iter().map(option).collect();
    format!(
        "<label>{label} <select name=\"{name}\"><option value=\"\">all</option>{options}</select></label>"
    )
}

/// What a link to a page of the list carries.
fn to(filter: &Filter) -> Value {
    json!({"view": "pending", "filter": filter.wire(), "page": filter.page})
}

fn pages(frame: &Frame<'_>, filter: &Filter, number: usize, pages: usize) -> String {
    if pages == 1 {
        return String::new();
    }
    let link = |label: &str, page: usize| frame.link(label, &to(&Filter { page, ..filter.clone() }));
    let previous = if number > 1 { link("First", 1) + &link("Previous", number - 1) } else { String::new() };
    let next = if number < pages { link("Next", number + 1) + &link("Last", pages) } else { String::new() };
    format!(
        "<div class=\"ecs-task-patching-bar\">{previous}<span>Page {number} of {pages}</span>{next}</div>"
    )
}

fn row(frame: &Frame<'_>, entry: &Entry) -> Vec<String> {
    let service = match &entry.service {
        Some(service) => format!(
            "<input type=\"checkbox\" name=\"{0}\" aria-label=\"Select {0}\"> {1}",
            escaped(&service.to_string()),
            frame.to_service(service)
        ),
        None => escaped(&entry.schedule),
    };
    vec![
        service,
        start(frame, entry),
        mark(entry.state),
        retirement(frame, entry),
        escaped(&entry.why),
        escaped(&entry.control.last().unwrap_or_else(|| "none".to_owned())),
    ]
}

/// When it starts, and when its window closes.
pub(super) fn start(frame: &Frame<'_>, entry: &Entry) -> String {
    let at = entry.at.map_or_else(|| "recurring".to_owned(), |at| frame.time(at, entry.zone));
    let at = format!("<span class=\"ecs-task-patching-time\">{at}</span>");
    match entry.window_ends_at {
        Some(end) if entry.at.is_some_and(|at| at < end) => {
            let zone = if frame.request.utc { Tz::UTC } else { entry.zone };
            format!("{at}<br><small>window until {}</small>", end.with_timezone(&zone).format("%a %H:%M"))
        }
        _ => at,
    }
}

pub(super) fn retirement(frame: &Frame<'_>, entry: &Entry) -> String {
    let Some(date) = entry.retirement_date() else { return "unknown".to_owned() };
    let left = match entry.hours_left(frame.now) {
        Some(hours) if date > frame.now => {
            format!("{} left", count(usize::try_from(hours).unwrap_or_default(), "hour"))
        }
        _ => "passed".to_owned(),
    };
    format!(
        "<span class=\"ecs-task-patching-time\">{}</span><br><small>{left}</small>",
        frame.time(date, entry.zone)
    )
}

/// A state, colored by its urgency.
pub(super) fn mark(state: State) -> String {
    let class = match state {
        State::Invalid | State::Overdue | State::NeedsAttention => " ecs-task-patching-bad",
        State::AwaitingApproval | State::Held | State::Retrying => " ecs-task-patching-warn",
        State::Moved | State::Scheduled | State::Verifying => "",
    };
    format!("<span class=\"ecs-task-patching-mark{class}\">{}</span>", escaped(&state.label()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arn::ServiceRef,
        console::{frame::tests::with_frame, request::Request},
        notice::NoticeRef,
        schedule::control::{Control, Entry as Change},
        testing::instant,
    };

    fn entry(service: &str, state: State) -> Entry {
        let hostile = "<script>alert(1)</script>".to_owned();
        let change = Change {
            at: instant("2026-11-25T09:00:00Z"),
            operation: "hold".into(),
            slot: None,
            reason: Some(hostile.clone()),
            ticket: Some("CHG1".into()),
        };
        Entry {
            schedule: format!("prod.{service}.1"),
            service: ServiceRef::new("prod", service),
            state,
            at: Some(instant("2026-11-27T22:00:00Z")),
            zone: Tz::Europe__London,
            window_ends_at: Some(instant("2026-11-28T02:00:00Z")),
            why: hostile,
            notices: vec![NoticeRef {
                event_arn: "arn:notice".into(),
                starts_at: Some(instant("2026-12-02T18:00:00Z")),
                cutoff: instant("2026-11-25T18:00:00Z"),
                drill: false,
            }],
            control: Control::default().with(change),
        }
    }

    fn shown(all: &[Entry], filter: &Filter) -> String {
        with_frame(&Request::default(), |frame| html(frame, all, filter))
    }

    #[test]
    fn a_line_shows_what_counts_and_escapes_every_text() {
        let html =
            shown(&[entry("web", State::Held)], &Filter { text: Some("\"><b>".into()), ..Filter::default() });
        assert!(
            html.contains("Nothing matches the filter.") && html.contains("value=\"&quot;&gt;&lt;b&gt;\""),
            "{html}"
        );
        let html = shown(&[entry("web", State::Held)], &Filter::default());
        for part in [
            "<input type=\"checkbox\" name=\"prod/web\" aria-label=\"Select prod/web\"> <a ",
            "Fri 27 Nov 2026 22:00 Europe/London</span><br><small>window until Sat 02:00</small>",
            "<span class=\"ecs-task-patching-mark ecs-task-patching-warn\">held</span>",
            "Wed 2 Dec 2026 18:00 Europe/London</span><br><small>150 hours left",
            "held on Wed 25 Nov 2026 09:00 UTC (CHG1, &lt;script&gt;alert(1)&lt;/script&gt;)",
            "<option value=\"prod\">prod</option>",
            "<caption>1 pending</caption>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("<script"), "{html}");
        for intent in Intent::ON_SERVICES {
            assert!(html.contains(&format!(">{}</a>", intent.label())), "{intent:?}");
        }
    }

    #[test]
    fn a_long_list_has_pages_that_keep_the_filter() {
        let all: Vec<Entry> = (0..60).map(|nth| entry(&format!("s{nth}"), State::Scheduled)).collect();
        let filter = Filter { cluster: Some("prod".into()), page: 2, ..Filter::default() };
        let html = shown(&all, &filter);
        assert_eq!(html.matches("type=\"checkbox\"").count(), 25);
        assert!(
            html.contains("Page 2 of 3") && html.contains(">Previous</a>") && html.contains(">Last</a>"),
            "{html}"
        );
        assert!(
            html.contains(
                r#"{"filter":{"cluster":"prod","state":null,"text":null},"page":3,"view":"pending"}"#
            ),
            "{html}"
        );
        assert!(
            html.contains("<option value=\"prod\" selected>prod</option>") && html.contains(">Show all</a>"),
            "{html}"
        );
    }

    #[test]
    fn an_empty_list_says_what_that_means() {
        assert!(shown(&[], &Filter::default()).contains("Nothing is pending: no notice concerns a service"));
    }
}
