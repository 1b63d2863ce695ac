//! The page of what is pending.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Frame,
    entry::{Entry, Filter, State, page},
    request::Intent,
};
use crate::{
    html::{escaped, form, table},
    time::instant::span,
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
        format!(
            "{}{}{}",
            table(&caption, &columns, &rows),
            pages(frame, filter, page.number, page.pages),
            buttons(frame, &page.entries)
        )
    };
    form(&format!("{}{list}", filter_fields(frame, all, filter)))
}

/// The buttons that make sense for a service on the page.
fn buttons(frame: &Frame<'_>, entries: &[&Entry]) -> String {
    let buttons: String =
        Intent::for_any(entries).into_iter().map(|intent| frame.to_confirm(intent, None)).collect();
    if buttons.is_empty() {
        return buttons;
    }
    format!("<div class=\"ecs-task-patching-bar\"><span>With the checked services:</span>{buttons}</div>")
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
        // Nothing can be done with a box that no button is for.
        Some(service) if Intent::for_any(&[entry]).is_empty() => frame.to_service(service),
        Some(service) => format!(
            "<span class=\"ecs-task-patching-pick\"><input type=\"checkbox\" name=\"{0}\" aria-label=\"Select {0}\"> \
             <span>{1}</span></span>",
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

/// When it starts or is checked, until when its window is open, and whether that is too late.
pub(super) fn start(frame: &Frame<'_>, entry: &Entry) -> String {
    let at = entry.at.map_or_else(|| "recurring".to_owned(), |at| frame.time(at, entry.zone));
    let check = if entry.is_check { "<small>next check:</small><br>" } else { "" };
    let window = entry
        .window_ends_at
        .map(|end| format!("<br><small>window until {}</small>", frame.short_time(end, entry.zone)));
    let late =
        entry.late.map(|what| format!("<br><strong class=\"ecs-task-patching-bad\">after {what}</strong>"));
    format!(
        "{check}<span class=\"ecs-task-patching-time\">{at}</span>{}{}",
        window.unwrap_or_default(),
        late.unwrap_or_default()
    )
}

/// The retirement date, what is left until then, and the deadline before it.
pub(super) fn retirement(frame: &Frame<'_>, entry: &Entry) -> String {
    let Some(date) = entry.retirement_date() else { return "unknown".to_owned() };
    let left =
        if date > frame.now { format!("{} left", span(date - frame.now)) } else { "passed".to_owned() };
    let deadline = entry
        .deadline
        .map(|deadline| format!("<br><small>deadline: {}</small>", frame.short_time(deadline, entry.zone)));
    format!(
        "<span class=\"ecs-task-patching-time\">{}</span><br><small>{left}</small>{}",
        frame.time(date, entry.zone),
        deadline.unwrap_or_default()
    )
}

/// A state, colored by its urgency.
pub(super) fn mark(state: State) -> String {
    let class = match state {
        State::Invalid | State::Overdue | State::NeedsAttention => " ecs-task-patching-bad",
        State::AwaitingApproval | State::Held | State::Retrying => " ecs-task-patching-warn",
        State::Starting | State::Moved | State::Scheduled | State::Verifying => "",
    };
    format!("<span class=\"ecs-task-patching-mark{class}\">{}</span>", escaped(&state.label()))
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

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
            is_check: false,
            window_ends_at: Some(instant("2026-11-28T02:00:00Z")),
            deadline: Some(instant("2026-12-02T16:00:00Z")),
            late: None,
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
            "<input type=\"checkbox\" name=\"prod/web\" aria-label=\"Select prod/web\"> <span><a ",
            "Fri 27 Nov 2026 22:00 Europe/London</span><br><small>window until Sat 28 Nov 02:00</small>",
            "<span class=\"ecs-task-patching-mark ecs-task-patching-warn\">held</span>",
            "Wed 2 Dec 2026 18:00 Europe/London</span><br><small>6 days 6 h left</small><br><small>deadline: Wed 2 Dec 16:00<",
            "held on Wed 25 Nov 2026 09:00 UTC (CHG1, &lt;script&gt;alert(1)&lt;/script&gt;)",
            "<option value=\"prod\">prod</option>",
            "<caption>1 pending</caption>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn only_buttons_that_make_sense_for_a_service_of_the_page_are_shown() {
        use State::{AwaitingApproval, Held, NeedsAttention, Overdue, Scheduled, Starting, Verifying};
        let shown = |states: &[State]| {
            let entry = |state| {
                let is_check = matches!(state, NeedsAttention | Verifying);
                Entry { is_check, ..entry("web", state) }
            };
            let html =
                shown(&states.iter().map(|state| entry(*state)).collect::<Vec<_>>(), &Filter::default());
            let has = |intent: &Intent| html.contains(&format!(">{}</a>", intent.label()));
            let words = Intent::ON_SERVICES.into_iter().filter(has).map(Intent::word).collect::<Vec<_>>();
            (words.join(" "), html.matches("type=\"checkbox\"").count())
        };
        let rows = [
            (vec![AwaitingApproval], "approve hold move cancel plan-again", 1),
            (vec![Held], "release move cancel", 1),
            (vec![Scheduled], "hold move run-now cancel plan-again", 1),
            (vec![Overdue], "hold move run-now cancel plan-again", 1),
            (vec![Starting], "hold move cancel", 1),
            (vec![Verifying], "", 0),
            (vec![NeedsAttention], "plan-again", 1),
            (vec![Held, Starting, Verifying], "hold release move cancel", 2),
        ];
        for (states, buttons, boxes) in rows {
            assert_eq!(shown(&states), (buttons.to_owned(), boxes), "{states:?}");
        }
        assert!(Intent::PlanAgain.fits(None) && !Intent::Hold.fits(None));
    }

    #[test]
    fn a_time_says_what_it_is_and_whether_it_is_too_late() {
        let web = entry("web", State::Scheduled);
        let check = Entry { is_check: true, window_ends_at: None, ..web.clone() };
        let start = |entry: &Entry| with_frame(&Request::default(), |frame| start(frame, entry));
        assert!(start(&check).starts_with("<small>next check:</small><br><span"), "{}", start(&check));
        let late = start(&Entry { late: Some("the retirement date"), ..web });
        assert!(
            late.ends_with("<br><strong class=\"ecs-task-patching-bad\">after the retirement date</strong>"),
            "{late}"
        );
    }

    #[test]
    fn a_long_list_has_pages_that_keep_the_filter() {
        let all: Vec<Entry> = (0..60).map(|nth| entry(&format!("s{nth}"), State::Scheduled)).collect();
        let filter = Filter { cluster: Some("prod".into()), page: 2, ..Filter::default() };
        let html = shown(&all, &filter);
        assert_eq!(html.matches("type=\"checkbox\"").count(), 25);
        assert!(html.contains("Page 2 of 3") && html.contains("\"prod/s25\""), "{html}");
        let to = |html: &str, page: usize| html.matches(&format!("\"page\":{page},")).count();
        assert_eq!(
            [1, 2, 3].map(|page| to(&html, page)),
            [3, 0, 2],
            "all, first and previous; next and last: {html}"
        );
        let links = |page| {
            let html = shown(&all, &Filter { page, ..filter.clone() });
            (html.contains(">Previous</a>"), html.contains(">Next</a>"))
        };
        assert_eq!([1, 2, 3].map(links), [(false, true), (true, true), (true, false)]);
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
