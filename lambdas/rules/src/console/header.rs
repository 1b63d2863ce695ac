//! The header of every page: where one is, what blocks now, and the way to stop everything.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    Frame,
    request::{Intent, View},
};
use crate::{
    deploy::blockers::{Block, stop},
    html::escaped,
    operate::request::Asker,
    policy::{Mode, Policy},
    schedule::wake::StopInput,
    time::instant::span,
    wording::sentence,
};

/// What the header shows.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// The operator's policy.
    pub policy: &'a Policy,
    /// Whether everything is stopped, or why that is unreadable.
    pub stop: Result<Option<StopInput>, String>,
    /// The freezes and alarms that block now.
    pub blocks: Vec<Block>,
    /// When the last heartbeat was recorded. `None`: none in the last day.
    pub heartbeat: Result<Option<DateTime<Utc>>, String>,
    /// How many lines the list of what is pending has, and how many of them need a person.
    pub pending: (usize, usize),
    /// How many findings the doctor has, if the page shows them.
    pub findings: Option<usize>,
    /// Some times are shown in another time zone than UTC.
    pub has_zones: bool,
}

impl Header<'_> {
    /// The header of a page.
    #[must_use]
    pub fn html(&self, frame: &Frame<'_>) -> String {
        let place = &frame.reader.place;
        let mode = match self.policy.mode {
            Mode::Deploy => "deploy",
            Mode::Approve => "approve",
            Mode::Observe | Mode::Off => "observe",
        };
        let facts = [
            format!(
                "Account {} · {} · stack {}",
                escaped(&place.account),
                escaped(&place.region),
                escaped(&frame.reader.stack)
            ),
            format!("Mode: {mode}"),
            self.window(frame),
            self.heartbeat(frame),
        ];
        let stopped = matches!(self.stop, Ok(Some(_)));
        let operation = if stopped { Intent::ReleaseAll } else { Intent::HoldAll };
        // The page that confirms it has this button.
        let is_asked =
            matches!(&frame.request.view, View::Confirm { operation: asked, .. } if *asked == operation);
        let facts = format!("<span>{}</span>", facts.join("</span><span>"));
        format!(
            "<div class=\"ecs-task-patching-bar\">{facts}</div><div class=\"ecs-task-patching-bar\">{}{}</div>{}",
            self.blocked(),
            if is_asked { String::new() } else { frame.to_confirm(operation, None) },
            self.tabs(frame)
        )
    }

    /// The window that is open, or the next one.
    fn window(&self, frame: &Frame<'_>) -> String {
        let zone = self.policy.windows.zone();
        match self.policy.windows.open_or_next(frame.now) {
            Some(opening) if opening.start <= frame.now => {
                format!("<strong>Window open</strong> until {}", frame.time(opening.end, zone))
            }
            Some(opening) => format!("Next window: {}", frame.time(opening.start, zone)),
            None => "No window opens within a week".to_owned(),
        }
    }

    fn heartbeat(&self, frame: &Frame<'_>) -> String {
        match &self.heartbeat {
            Ok(Some(at)) => format!("Last heartbeat: {} ago", span(frame.now - *at)),
            Ok(None) => {
                "<span class=\"ecs-task-patching-bad\">No heartbeat in the last day: see Health</span>"
                    .to_owned()
            }
            Err(_) => "<span class=\"ecs-task-patching-warn\">Last heartbeat: unreadable, see Health</span>"
                .to_owned(),
        }
    }

    /// What keeps deployments from starting now.
    fn blocked(&self) -> String {
        let stop = match &self.stop {
            Ok(stop) => stop.as_ref().map(|stop| {
                Block::by(format!("{}; nothing starts {}", stop.text(), Asker::Console.until_released()))
            }),
            Err(error) => Some(stop::unreadable(error)),
        };
        let reasons: Vec<String> =
            stop.iter().chain(&self.blocks).map(|block| escaped(&sentence(&block.reason))).collect();
        if reasons.is_empty() {
            return "<span class=\"ecs-task-patching-good\">No stop, freeze or alarm blocks deployments now.</span>".to_owned();
        }
        format!(
            "<span class=\"ecs-task-patching-bad\" role=\"alert\"><strong>Blocked now:</strong> {}</span>",
            reasons.join(" ")
        )
    }

    fn tabs(&self, frame: &Frame<'_>) -> String {
        let (all, urgent) = self.pending;
        let pending = if urgent == 0 {
            format!("Pending ({all})")
        } else {
            format!("Pending ({all}, {urgent} to look at)")
        };
        let tab = |label: &str, view: &str, is_here: bool| {
            if is_here {
                format!(
                    "<span class=\"ecs-task-patching-here\" aria-current=\"page\">{}</span>",
                    escaped(label)
                )
            } else {
                frame.link(label, &json!({"view": view}))
            }
        };
        let view = &frame.request.view;
        let zones = match (frame.request.utc, self.has_zones) {
            (true, _) => frame.link("Show local times", &here(view, false)),
            (false, true) => frame.link("Show UTC", &here(view, true)),
            (false, false) => String::new(), // all times are in UTC
        };
        let health =
            self.findings.map_or_else(|| "Health".to_owned(), |findings| format!("Health ({findings})"));
        format!(
            "<div class=\"ecs-task-patching-bar\">{}{}{}{}</div>",
            tab(
                &pending,
                "pending",
                matches!(view, View::Pending(filter) if *filter == super::entry::Filter::default())
            ),
            tab(&health, "health", matches!(view, View::Health)),
            tab("Done", "done", matches!(view, View::Done)),
            zones
        )
    }
}

/// The same page, with other times.
fn here(view: &View, utc: bool) -> serde_json::Value {
    match view {
        View::Pending(filter) => {
            json!({"view": "pending", "filter": filter.wire(), "page": filter.page, "utc": utc})
        }
        View::Service(service) => {
            json!({"view": "service", "cluster": service.cluster(), "service": service.service(), "utc": utc})
        }
        View::Health => json!({"view": "health", "utc": utc}),
        View::Done => json!({"view": "done", "utc": utc}),
        View::Confirm { .. } => json!({"utc": utc}),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        console::{frame::tests::with_frame, request::Request},
        testing::{instant, policy},
    };

    fn shown(policy: &Policy, change: impl Fn(&mut Header<'_>), request: &Request) -> String {
        let mut header = Header {
            policy,
            stop: Ok(None),
            blocks: Vec::new(),
            heartbeat: Ok(Some(instant("2026-11-26T11:48:00Z"))),
            pending: (3, 1),
            findings: None,
            has_zones: true,
        };
        change(&mut header);
        with_frame(request, |frame| header.html(frame))
    }

    #[test]
    fn the_header_says_where_one_is_and_what_blocks() {
        let policy = policy(&[("MAINTENANCE_WINDOWS", "Fri 22:00-02:00"), ("TIME_ZONE", "Europe/London")]);
        let html = shown(&policy, |_| {}, &Request::default());
        for part in [
            "Account 111122223333 · eu-west-2 · stack the-stack",
            "Mode: deploy",
            "Next window: Fri 27 Nov 2026 22:00 Europe/London",
            "Last heartbeat: 12 min ago",
            "No stop, freeze or alarm blocks deployments now.",
            "Pending (3, 1 to look at)",
            "Stop everything</a>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        let stopped = |header: &mut Header<'_>| {
            header.stop = Ok(Some(StopInput { reason: Some("<b>outage".into()), ..StopInput::default() }));
            header.blocks.push(Block::by("Change Calendar Freeze is closed"));
            header.heartbeat = Ok(None);
        };
        let html = shown(&policy, stopped, &Request::default());
        for part in [
            "<strong>Blocked now:</strong> An operator stopped all deployments (&lt;b&gt;outage); nothing starts until you \
             release everything. \
             Change Calendar Freeze is closed.",
            "Release everything</a>",
            "No heartbeat in the last day",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn an_open_window_is_shown_with_its_end() {
        let policy = policy(&[("MAINTENANCE_WINDOWS", "daily 11:00-13:00 or Fri 22:00-02:00")]);
        let html = shown(&policy, |_| {}, &Request { view: View::Health, ..Request::default() });
        assert!(html.contains("<strong>Window open</strong> until Thu 26 Nov 2026 13:00 UTC"), "{html}");
        assert!(html.contains("aria-current=\"page\">Health</span>"), "{html}");
        let html = shown(
            &policy,
            |header| header.findings = Some(2),
            &Request { view: View::Health, ..Request::default() },
        );
        assert!(html.contains("aria-current=\"page\">Health (2)</span>"), "{html}");
    }

    #[test]
    fn the_switch_to_utc_is_there_only_if_it_changes_something() {
        let (policy, utc) = (policy(&[]), Request { utc: true, ..Request::default() });
        let without = |header: &mut Header<'_>| header.has_zones = false;
        assert!(shown(&policy, |_| {}, &Request::default()).contains(">Show UTC</a>"));
        assert!(!shown(&policy, without, &Request::default()).contains(">Show UTC</a>"));
        assert!(shown(&policy, without, &utc).contains(">Show local times</a>"));
    }
}
