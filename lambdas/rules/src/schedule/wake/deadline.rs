//! The input of a deadline check.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    arn::ServiceRef,
    notice::{NoticeRef, date},
};

/// The input for verify before a notice's deadline: the services that one page of the notice names.
///
/// A page can name over a thousand services, pages are handled concurrently, and the size of a schedule's input is
/// limited. So each page has its own deadline check, and a very long page has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct DeadlineInput {
    /// The notice.
    pub notice: NoticeRef,
    /// The page of the notice.
    pub page: u32,
    /// The part of the page, from 0. Nearly all pages have one part.
    pub part: u32,
    /// The services to check.
    pub services: Vec<ServiceRef>,
    /// The services that the notice no longer affects, so that an older event that arrives late does not add them
    /// again. On the wire: `done`.
    pub released: Vec<ServiceRef>,
    /// When the newest handled event was sent. An older event that arrives late changes nothing.
    pub sent_at: DateTime<Utc>,
    /// Fingerprints of the plans that owners have been notified of, so that no plan is announced twice. On the wire:
    /// `told`.
    pub announced: Vec<String>,
    /// The time of the last check, which reports every unpatched service, even if a deployment is in progress. On the
    /// wire: `until`.
    pub last_check_at: DateTime<Utc>,
    /// Services of which the owner has to be notified: their cancellation could not be announced yet, or a failure was.
    pub owed: Vec<ServiceRef>,
    /// When the newest event that closed the notice was sent. An older event that arrives late adds no service.
    pub closed_at: Option<DateTime<Utc>>,
    /// How the page was left. `None` if its last event was not handled completely.
    pub left: Option<Left>,
    /// The services that were reported to be unpatched, and whose story ends on the retirement date.
    pub unpatched: Vec<ServiceRef>,
    /// How often the heartbeat has woken the function again. `None` if AWS deletes the schedule after it has fired, as
    /// with schedules of version 0.1.
    pub woken: Option<u32>,
}

/// How an event left its page when all of it was handled, so that its repeat reads only what was changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// When everything was written.
    #[serde(deserialize_with = "date::read")]
    pub at: DateTime<Utc>,
    /// A fingerprint of what was decided with: the configuration and the tags of the services.
    pub basis: String,
    /// The earliest start time. From then on, deployments change the schedules.
    #[serde(deserialize_with = "date::read")]
    pub until: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    notice: NoticeRef,
    page: u32,
    part: u32,
    /// Service names by cluster, so that each cluster name is written only once.
    services: BTreeMap<String, Vec<String>>,
    done: BTreeMap<String, Vec<String>>,
    #[serde(deserialize_with = "date::read")]
    sent_at: DateTime<Utc>,
    told: Vec<String>,
    #[serde(deserialize_with = "date::read")]
    until: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    owed: BTreeMap<String, Vec<String>>,
    #[serde(default, deserialize_with = "date::read_option", skip_serializing_if = "Option::is_none")]
    closed_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unpatched: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<Left>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    woken: Option<u32>,
}

impl TryFrom<Wire> for DeadlineInput {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        Ok(Self {
            notice: wire.notice,
            page: wire.page,
            part: wire.part,
            services: ungrouped(&wire.services)?,
            released: ungrouped(&wire.done)?,
            sent_at: wire.sent_at,
            announced: wire.told,
            last_check_at: wire.until,
            owed: ungrouped(&wire.owed)?,
            closed_at: wire.closed_at,
            left: wire.left,
            unpatched: ungrouped(&wire.unpatched)?,
            woken: wire.woken,
        })
    }
}

impl From<DeadlineInput> for Wire {
    fn from(input: DeadlineInput) -> Self {
        Self {
            notice: input.notice,
            page: input.page,
            part: input.part,
            services: grouped(input.services),
            done: grouped(input.released),
            sent_at: input.sent_at,
            told: input.announced,
            until: input.last_check_at,
            owed: grouped(input.owed),
            closed_at: input.closed_at,
            left: input.left,
            unpatched: grouped(input.unpatched),
            woken: input.woken,
        }
    }
}

fn grouped(services: Vec<ServiceRef>) -> BTreeMap<String, Vec<String>> {
    let mut by_cluster: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for service in services {
        by_cluster.entry(service.cluster().to_owned()).or_default().push(service.service().to_owned());
    }
    by_cluster
}

fn ungrouped(by_cluster: &BTreeMap<String, Vec<String>>) -> Result<Vec<ServiceRef>, String> {
    by_cluster
        .iter()
        .flat_map(|(cluster, names)| names.iter().map(move |name| ServiceRef::named(cluster, name)))
        .collect()
}
