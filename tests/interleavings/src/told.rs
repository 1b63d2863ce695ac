//! What AWS Health has told of its notices, whatever became of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// One event, as AWS Health sent it.
#[derive(Clone, Debug)]
struct Telling {
    sent_at: DateTime<Utc>,
    arrives_at: DateTime<Utc>,
    date: DateTime<Utc>,
    closed: bool,
    page: Value,
    /// The services of the cluster `prod` that it names.
    services: BTreeSet<String>,
}

/// Everything that AWS Health sent, by notice.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeMap<String, Vec<Telling>>);

/// A notice that still concerned a service.
pub(crate) struct Open<'a> {
    pub(crate) event_arn: &'a str,
    pub(crate) service: &'a str,
    /// The retirement date.
    pub(crate) date: DateTime<Utc>,
    /// When the last event about it arrived.
    pub(crate) known_at: DateTime<Utc>,
}

impl Told {
    pub(crate) fn tell(&mut self, event: &Value, arrives_at: DateTime<Utc>) {
        let detail = &event["detail"];
        let instant = |value: &Value| -> DateTime<Utc> {
            value.as_str().and_then(|text| text.parse().ok()).expect("an instant")
        };
        let name = |entity: &Value| {
            entity["entityValue"].as_str().and_then(|text| text.strip_prefix("prod|")).map(str::to_owned)
        };
        let telling = Telling {
            sent_at: instant(&event["time"]),
            arrives_at,
            date: instant(&detail["startTime"]),
            closed: detail["statusCode"] == "closed",
            page: detail["page"].clone(),
            services: detail["affectedEntities"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(name)
                .collect(),
        };
        self.0.entry(detail["eventArn"].as_str().expect("a text").to_owned()).or_default().push(telling);
    }

    /// When the newest event that has arrived was sent.
    pub(crate) fn newest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let arrived = self.0.values().flatten().filter(|telling| telling.arrives_at <= now);
        arrived.map(|telling| telling.sent_at).max()
    }

    /// The notices that were still open for a service, as far as AWS Health had sent it by `now`.
    pub(crate) fn open(&self, now: DateTime<Utc>) -> Vec<Open<'_>> {
        let mut open = Vec::new();
        for (event_arn, tellings) in &self.0 {
            let tellings: Vec<&Telling> =
                tellings.iter().filter(|telling| telling.arrives_at <= now).collect();
            let Some(newest) = tellings.iter().max_by_key(|telling| telling.sent_at) else { continue };
            let known_at = tellings.iter().map(|telling| telling.arrives_at).max().unwrap_or(now);
            for service in tellings.iter().flat_map(|telling| &telling.services).collect::<BTreeSet<_>>() {
                if !Newest::of(&tellings, service).closes {
                    open.push(Open { event_arn, service, date: newest.date, known_at });
                }
            }
        }
        open
    }

    /// Whether a notice is closed for a service, and was so long before: what follows from it has been done.
    pub(crate) fn is_long_closed(
        &self,
        event_arn: &str,
        service: &str,
        now: DateTime<Utc>,
        long: TimeDelta,
    ) -> bool {
        let Some(all) = self.0.get(event_arn) else { return false };
        [now - long, now].iter().all(|moment| {
            let tellings: Vec<&Telling> =
                all.iter().filter(|telling| telling.arrives_at <= *moment).collect();
            Newest::of(&tellings, service).closes_the_page
        })
    }
}

/// What the newest event says that may speak of a service. Of two that were sent at once, either may win.
struct Newest {
    /// The newest event that names the service, or closes its page, or everything, closes the notice.
    closes: bool,
    /// So does the newest event of the page: no event is newer that leaves the service out.
    closes_the_page: bool,
}

impl Newest {
    fn of(tellings: &[&Telling], service: &str) -> Self {
        let names = |telling: &&&Telling| telling.services.contains(service);
        let pages: Vec<&Value> = tellings.iter().filter(names).map(|telling| &telling.page).collect();
        let of_page = |telling: &&&Telling| pages.contains(&&telling.page);
        let closes_all = |telling: &&&Telling| telling.services.is_empty() || of_page(telling);
        let speaks = |telling: &&&Telling| names(telling) || (telling.closed && closes_all(telling));
        let newest = |telling: &&&Telling| (telling.sent_at, telling.closed);
        let closes = |telling: Option<&&Telling>| telling.is_some_and(|telling| telling.closed);
        Self {
            closes: closes(tellings.iter().filter(speaks).max_by_key(newest)),
            closes_the_page: closes(
                tellings.iter().filter(of_page).max_by_key(|telling| (telling.sent_at, !telling.closed)),
            ),
        }
    }
}
