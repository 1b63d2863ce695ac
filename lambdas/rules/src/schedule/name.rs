//! Names of schedules. They are readable, have at most the 64 characters that EventBridge Scheduler allows, and never
//! change, because pending schedules are found by name.

use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::arn::{Place, ServiceRef};

/// The name of a schedule in the stack's schedule group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScheduleName(String);

impl ScheduleName {
    /// The schedule that deploys a service: `CLUSTER.SERVICE.HASH`, with long names truncated.
    ///
    /// The hash covers only account, Region, cluster and service. So all pages, copies and repeated events about a
    /// service use the same schedule, and no two services share one.
    #[must_use]
    pub fn of_deployment(place: &Place, service: &ServiceRef) -> Self {
        Self::of_service(place, service, 18, 24, "")
    }

    /// The schedule of a service's next verification check: `CLUSTER.SERVICE.HASH.verify`, with long names truncated.
    #[must_use]
    pub fn of_check(place: &Place, service: &ServiceRef) -> Self {
        Self::of_service(place, service, 15, 20, ".verify")
    }

    /// The schedule of the deadline check of one page of a notice: `deadline.HASH.PAGE`. Further parts of a very long
    /// page have the name `deadline.HASH.PAGE.PART`.
    #[must_use]
    pub fn of_deadline_check(event_arn: &str, page: u32, part: u32) -> Self {
        let hash = fingerprint([event_arn], "\n");
        Self(if part == 0 {
            format!("deadline.{hash}.{page}")
        } else {
            format!("deadline.{hash}.{page}.{part}")
        })
    }

    /// The schedule under whose lock all events and checks of one page of a notice are handled, whatever their part.
    #[must_use]
    pub fn of_page(event_arn: &str, page: u32) -> Self {
        Self::of_deadline_check(event_arn, page, 0)
    }

    /// The memory of one page of a notice that no longer concerns any service: `settled.HASH.PAGE`, in parts like its
    /// deadline checks.
    #[must_use]
    pub fn of_settled(event_arn: &str, page: u32, part: u32) -> Self {
        let Self(name) = Self::of_deadline_check(event_arn, page, part);
        Self(name.replacen("deadline", "settled", 1))
    }

    /// The digest of a notice after the window that closes at `closes_at`: `digest.HASH.TIME`.
    #[must_use]
    pub fn of_digest(event_arn: &str, closes_at: DateTime<Utc>) -> Self {
        Self(format!("digest.{}.{}", fingerprint([event_arn], "\n"), closes_at.format("%Y%m%dT%H%M%S")))
    }

    /// The answer to a drill: `drill.HASH`.
    #[must_use]
    pub fn of_drill(event_arn: &str) -> Self {
        Self(format!("drill.{}", fingerprint([event_arn], "\n")))
    }

    /// The lock without which a schedule is not changed: `lock.HASH`.
    #[must_use]
    pub fn of_lock(schedule: &Self) -> Self {
        Self(format!("lock.{}", fingerprint([schedule.as_str()], "\n")))
    }

    /// The lock that follows a dead one, which expired at `expired_at`. Its name derives from the dead lock, so that only
    /// one can follow.
    #[must_use]
    pub fn of_lock_after(schedule: &Self, owner: &str, expired_at: DateTime<Utc>) -> Self {
        let hash = fingerprint([schedule.as_str(), owner, &expired_at.to_rfc3339()], "\n");
        Self(format!("lock.{hash}"))
    }

    /// The template's recurring heartbeat schedule.
    #[must_use]
    pub fn of_heartbeat() -> Self {
        Self("heartbeat".to_owned())
    }

    /// The schedule that stops everything while it exists.
    #[must_use]
    pub fn of_stop() -> Self {
        Self("hold-all".to_owned())
    }

    /// A name that EventBridge Scheduler lists.
    #[must_use]
    pub fn listed(name: String) -> Self {
        Self(name)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of_service(
        Place { account, region, .. }: &Place,
        service: &ServiceRef,
        cluster_chars: usize,
        service_chars: usize,
        suffix: &str,
    ) -> Self {
        // No part can contain the separator, so different services have different texts to hash.
        let hash = fingerprint([account, region, service.cluster(), service.service()], "/");
        let truncate = |text: &str, max: usize| text.chars().take(max).collect::<String>();
        let (cluster, name) =
            (truncate(service.cluster(), cluster_chars), truncate(service.service(), service_chars));
        Self(format!("{cluster}.{name}.{hash}{suffix}"))
    }
}

impl fmt::Display for ScheduleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Prefixes of which each has at most `most` of these names, so that they can be listed at the same time. Each name has
/// one of them.
#[must_use]
pub fn prefixes(names: &BTreeSet<ScheduleName>, most: usize) -> Vec<String> {
    let names: Vec<&str> = names.iter().map(ScheduleName::as_str).collect();
    let mut prefixes = Vec::new();
    split(&names, most.max(1), &mut prefixes);
    prefixes
}

/// Splits sorted names by the first character in which they differ, until no part has more than `most`.
fn split(names: &[&str], most: usize, prefixes: &mut Vec<String>) {
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return };
    let common: String =
        first.chars().zip(last.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    if names.len() <= most {
        prefixes.push(common);
        return;
    }
    let next = |name: &str| name.get(common.len()..).and_then(|rest| rest.chars().next());
    for some in names.chunk_by(|a, b| next(a) == next(b)) {
        split(some, most, prefixes);
    }
}

/// The first ten bytes of the SHA-256 hash of `texts`, each followed by `separator`, as 20 hexadecimal digits.
#[must_use]
pub fn fingerprint<'a>(texts: impl IntoIterator<Item = &'a str>, separator: &str) -> String {
    const BYTES: usize = 10;
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
        hash.update(separator);
    }
    let hash = hash.finalize().iter().take(BYTES).fold(0, |hash: u128, byte| (hash << 8) | u128::from(*byte));
    format!("{hash:020x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::web;
    use proptest::prelude::*;

    fn place(account: &str, region: &str) -> Place {
        Place { partition: "aws".into(), region: region.into(), account: account.into() }
    }

    fn service(cluster: &str, service: &str) -> ServiceRef {
        ServiceRef::new(cluster, service).expect("test data: valid names")
    }

    proptest! {
        #[test]
        fn each_name_has_a_prefix_and_no_prefix_has_too_many(
            names in proptest::collection::btree_set("[ab]{1,3}[a-z.]{0,3}", 0..60),
            most in 1_usize..10,
        ) {
            let names: BTreeSet<ScheduleName> = names.into_iter().map(ScheduleName::listed).collect();
            let prefixes = prefixes(&names, most);
            let of = |prefix: &String| names.iter().filter(|name| name.as_str().starts_with(prefix)).count();
            // A name that is itself the start of others has those, too.
            let whole = |prefix: &String| names.iter().any(|name| name.as_str() == prefix);
            for prefix in &prefixes {
                prop_assert!(of(prefix) <= most || whole(prefix), "{prefix} of {prefixes:?}");
            }
            for name in &names {
                prop_assert!(prefixes.iter().any(|prefix| name.as_str().starts_with(prefix)), "{name}");
            }
        }
    }

    #[test]
    fn a_thousand_services_that_are_numbered_are_listed_with_ten_prefixes() {
        let name =
            |nth| ScheduleName::of_deployment(&place("1", "r"), &service("prod", &format!("web-{nth:04}")));
        let prefixes = prefixes(&(0..1_000).map(name).collect(), 100);
        assert_eq!((prefixes.len(), prefixes.first().map(String::as_str)), (10, Some("prod.web-00")));
    }

    #[test]
    fn a_name_is_readable_and_never_changes() {
        // Pending schedules are found by these names.
        let (place, web) = (place("111122223333", "eu-west-2"), web());
        let arn = "arn:aws:health:eu-west-2::event/ECS/X/1";
        let names = [
            ScheduleName::of_deployment(&place, &web),
            ScheduleName::of_check(&place, &web),
            ScheduleName::of_deadline_check(arn, 1, 0),
            ScheduleName::of_deadline_check(arn, 2, 1),
            ScheduleName::of_settled(arn, 2, 1),
            ScheduleName::of_lock(&ScheduleName::of_deployment(&place, &web)),
            ScheduleName::of_heartbeat(),
        ];
        assert_eq!(
            names.map(|name| name.to_string()),
            [
                "prod.web.bf04ed89e1afdadd0c43",
                "prod.web.bf04ed89e1afdadd0c43.verify",
                "deadline.c6f0bdbb81b6a23b3130.1",
                "deadline.c6f0bdbb81b6a23b3130.2.1",
                "settled.c6f0bdbb81b6a23b3130.2.1",
                "lock.8dc414e6196c0af51366",
                "heartbeat",
            ]
        );
    }

    #[test]
    fn account_and_region_are_part_of_the_name() {
        let name = |account, region| ScheduleName::of_deployment(&place(account, region), &web());
        let names = [name("1", "eu-west-2"), name("2", "eu-west-2"), name("1", "eu-west-1")];
        assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2]);
    }

    proptest! {
        #[test]
        fn every_name_is_valid_in_scheduler(cluster in "[A-Za-z0-9_-]{1,255}", name in "[A-Za-z0-9_-]{1,255}") {
            let (place, service) = (place("111122223333", "us-gov-west-1"), service(&cluster, &name));
            for name in [ScheduleName::of_deployment(&place, &service), ScheduleName::of_check(&place, &service)] {
                let name = name.as_str();
                prop_assert!(name.len() <= 64, "{}", name);
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{}", name);
            }
        }

        #[test]
        fn two_services_never_share_a_name(
            one in ("[ab-]{1,40}", "[ab-]{1,40}"), two in ("[ab-]{1,40}", "[ab-]{1,40}"),
        ) {
            prop_assume!(one != two);
            let place = place("111122223333", "eu-west-2");
            let of = |pair: &(String, String)| ScheduleName::of_deployment(&place, &service(&pair.0, &pair.1));
            prop_assert_ne!(of(&one), of(&two));
        }
    }

    #[test]
    fn the_lock_after_a_dead_one_has_another_name_for_each_owner_and_end() {
        let (schedule, at) = (ScheduleName::of_stop(), |text| crate::testing::instant(text));
        let [one, two] = ["2026-11-27T22:00:00Z", "2026-11-27T22:00:01Z"].map(at);
        let names: BTreeSet<ScheduleName> = [
            ScheduleName::of_lock(&schedule),
            ScheduleName::of_lock_after(&schedule, "me", one),
            ScheduleName::of_lock_after(&schedule, "me", two),
            ScheduleName::of_lock_after(&schedule, "you", one),
            ScheduleName::of_lock_after(&ScheduleName::of_heartbeat(), "me", one),
        ]
        .into();
        assert_eq!(names.len(), 5);
        assert!(names.iter().all(|name| name.as_str().starts_with("lock.")));
        let digest = ScheduleName::of_digest("arn:1", one);
        assert!(digest.as_str().starts_with("digest.") && digest.as_str().ends_with(".20261127T220000"));
        assert_ne!(digest, ScheduleName::of_digest("arn:2", one));
        assert_ne!(ScheduleName::of_drill("arn:1"), ScheduleName::of_drill("arn:2"));
    }
}
