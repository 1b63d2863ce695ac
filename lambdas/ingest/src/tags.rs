//! What ECS says about a notice's services: their owners' choices, by tags, and which services it does not know.

use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::{Ecs, SERVICES_PER_CALL};
use chrono_tz::Tz;
use futures_util::{StreamExt as _, stream};
use rules::{
    arn::ServiceRef,
    policy::{Policy, tags::Tags},
    schedule::name::fingerprint,
};

/// How many calls are made at once. ECS accepts a hundred, which is what 1,000 services need; each has its own connection.
const CONCURRENCY: usize = 50;

/// What ECS says about services.
#[derive(Default)]
pub(crate) struct Services {
    /// What the owners chose, by tags.
    pub(crate) tags: BTreeMap<ServiceRef, Tags>,
    /// The services that ECS does not know.
    pub(crate) unknown: BTreeSet<ServiceRef>,
}

impl Services {
    /// A fingerprint of what start times are decided with. Equal values have equal texts as long as the function's code
    /// is the same; other code decides anew.
    pub(crate) fn basis(&self, policy: &Policy) -> String {
        let tags = self.tags.iter().map(|tags| format!("{tags:?}"));
        let texts: Vec<String> =
            [format!("{policy:?}"), format!("{:?}", self.unknown)].into_iter().chain(tags).collect();
        fingerprint(texts.iter().map(String::as_str), "\n")
    }

    /// Adds what was read about further services.
    pub(crate) fn extend(&mut self, more: Self) {
        self.tags.extend(more.tags);
        self.unknown.extend(more.unknown);
    }
}

/// Reads the tags of each service. Where they are unreadable the parameters apply, with a warning: deploy reads them
/// again.
pub(crate) async fn read_services<'a>(
    ecs: &Ecs,
    services: impl IntoIterator<Item = &'a ServiceRef>,
    zone: Tz,
) -> Services {
    let mut by_cluster: BTreeMap<&str, Vec<&ServiceRef>> = BTreeMap::new();
    for service in services {
        by_cluster.entry(service.cluster()).or_default().push(service);
    }
    let batches = by_cluster.iter().flat_map(|(cluster, services)| {
        services.chunks(SERVICES_PER_CALL).map(|some| (*cluster, some.to_vec()))
    });
    let batches: Vec<(&str, Vec<&ServiceRef>)> = batches.collect();
    let read = stream::iter(batches).map(|(cluster, services)| async move {
        let names: Vec<String> = services.iter().map(|service| service.service().to_owned()).collect();
        let tags = ecs.tags(cluster, &names).await;
        let parsed = |service: &ServiceRef| match &tags {
            Ok(tags) => tags.get(service.service()).map(|tags| Tags::read(service, tags, zone)),
            Err(error) => {
                let problem =
                    format!("the tags are unreadable; they are read again at the start time: {error}");
                Some(Tags { problems: vec![problem], ..Tags::default() })
            }
        };
        services.into_iter().map(|service| (service.clone(), parsed(service))).collect::<Vec<_>>()
    });
    let read: Vec<(ServiceRef, Option<Tags>)> =
        read.buffer_unordered(CONCURRENCY).flat_map(stream::iter).collect().await;
    let mut services = Services::default();
    for (service, tags) in read {
        if tags.is_none() {
            services.unknown.insert(service.clone());
        }
        services.tags.insert(service, tags.unwrap_or_default());
    }
    services
}
