//! What all pages share: links, times and styles.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::request::{Intent, Request};
use crate::{
    arn::ServiceRef,
    html::{call, widget},
    notify::message::Reader,
    time::instant::{local, utc},
};

/// What every page needs to know.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The account, the Region, the stack and the time zone.
    pub reader: &'a Reader,
    /// The ARN of the console function.
    pub console: &'a str,
    /// The ARN of the operate function.
    pub operate: &'a str,
    /// The page that is asked for, and how to show it.
    pub request: &'a Request,
    /// What an operator changes needs a reason and a ticket.
    pub require_reason: bool,
    /// The rule accepts drills.
    pub drills: bool,
    /// The time that it is.
    pub now: DateTime<Utc>,
}

impl Frame<'_> {
    /// The whole widget, with this content.
    #[must_use]
    pub fn page(&self, content: &str) -> String {
        widget(self.request.dark, content)
    }

    /// A link to another page of the console.
    #[must_use]
    pub fn link(&self, label: &str, payload: &Value) -> String {
        call(label, "ecs-task-patching-link", self.console, &self.kept(payload))
    }

    /// A button that leads to another page of the console.
    #[must_use]
    pub fn button(&self, label: &str, payload: &Value) -> String {
        call(label, "btn", self.console, &self.kept(payload))
    }

    /// A link to the page of a service.
    #[must_use]
    pub fn to_service(&self, service: &ServiceRef) -> String {
        let payload = json!({"view": "service", "cluster": service.cluster(), "service": service.service()});
        self.link(&service.to_string(), &payload)
    }

    /// A button that leads to the page that confirms an operation, on this service or on those that are checked.
    #[must_use]
    pub fn to_confirm(&self, operation: Intent, service: Option<&ServiceRef>) -> String {
        let mut payload = json!({"view": "confirm", "operation": operation.word()});
        if let (Some(service), Some(fields)) = (service, payload.as_object_mut()) {
            fields.insert("cluster".to_owned(), json!(service.cluster()));
            fields.insert("service".to_owned(), json!(service.service()));
        }
        self.button(operation.label(), &payload)
    }

    /// A time as the reader wants it: in the time zone of the owner, or in UTC.
    #[must_use]
    pub fn time(&self, at: DateTime<Utc>, zone: Tz) -> String {
        if self.request.utc || zone == Tz::UTC { utc(at) } else { local(at, zone) }
    }

    /// A time as the reader wants it, beside one that says the zone and the year.
    #[must_use]
    pub fn short_time(&self, at: DateTime<Utc>, zone: Tz) -> String {
        let zone = if self.request.utc { Tz::UTC } else { zone };
        at.with_timezone(&zone).format("%a %-d %b %H:%M").to_string()
    }

    /// The payload, with the choice of UTC.
    fn kept(&self, payload: &Value) -> Value {
        let mut kept = payload.clone();
        if let (true, Some(fields)) = (self.request.utc, kept.as_object_mut()) {
            fields.entry("utc").or_insert(json!(true));
        }
        kept
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{arn::Place, policy::NotificationDetail, testing::instant};

    pub(crate) const NOW: &str = "2026-11-26T12:00:00Z";

    /// What a page with this request says.
    pub(crate) fn with_frame(request: &Request, html: impl Fn(&Frame<'_>) -> String) -> String {
        let place =
            Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
        let reader = Reader {
            place,
            zone: Tz::Europe__London,
            stack: "the-stack".into(),
            detail: NotificationDetail::Digest,
        };
        html(&Frame {
            reader: &reader,
            console: "arn:console",
            operate: "arn:operate",
            request,
            require_reason: false,
            drills: true,
            now: instant(NOW),
        })
    }

    #[test]
    fn utc_is_kept_in_links_until_it_is_switched_off() {
        let utc = Request { utc: true, ..Request::default() };
        let links = with_frame(&utc, |frame| {
            frame.link("x", &json!({"view": "done"})) + &frame.link("y", &json!({"utc": false}))
        });
        assert!(
            links.contains(r#"{"utc":true,"view":"done"}"#) && links.contains(r#"{"utc":false}"#),
            "{links}"
        );
        let at = instant("2026-07-10T21:00:00Z");
        let time = |request: &Request| with_frame(request, |frame| frame.time(at, Tz::Europe__London));
        assert_eq!(time(&utc), "Fri 10 Jul 2026 21:00 UTC");
        assert_eq!(time(&Request::default()), "Fri 10 Jul 2026 22:00 Europe/London");
    }

    #[test]
    fn both_themes_have_their_colors_and_nothing_is_a_script() {
        for (dark, class) in [(false, "ecs-task-patching-light"), (true, "ecs-task-patching-dark")] {
            let page = with_frame(&Request { dark, ..Request::default() }, |frame| frame.page("<p>x</p>"));
            assert!(
                page.contains(&format!("<div class=\"ecs-task-patching {class}\"><p>x</p></div>")),
                "{page}"
            );
            assert!(!page.contains("<script") && !page.contains("style=\""), "{page}");
        }
    }
}
