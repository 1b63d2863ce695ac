//! Every file in `events/` is explained, can be read, and is what its name says.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeMap, fs, path::Path};

use chrono::{DateTime, Utc};
use rules::{
    arn::Place,
    notice::{Notice, entity::Entity, health},
    schedule::wake::Wake,
};
use serde_json::Value;

fn now() -> DateTime<Utc> {
    "2029-12-26T18:00:10Z".parse().unwrap()
}

fn samples() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let files = fs::read_dir(folder).expect("the folder of samples").map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&fs::read_to_string(path).unwrap()).expect("JSON"))
        })
        .collect()
}

fn notice(name: &str) -> Notice {
    health::read(&samples()[name], now()).expect("a notice")
}

#[test]
fn every_sample_is_a_notice_unless_its_name_says_otherwise() {
    for (name, sample) in samples() {
        let usable = health::read(&sample, now())
            .and_then(|notice| notice.require_entities())
            .map_err(|error| error.to_string());
        match name.as_str() {
            "deploy-input" => assert!(matches!(Wake::read(&sample), Ok(Wake::Deploy(_))), "{sample}"),
            "malformed-entity" => usable.expect("one of its entities is usable"),
            _ if name.starts_with("malformed-") => drop(usable.expect_err(&name)),
            _ => usable.expect(&name),
        }
    }
}

#[test]
fn every_sample_is_explained() {
    let explained = include_str!("../../../events/README.md");
    for name in samples().keys() {
        assert!(
            explained.contains(&format!("`{name}.json`")),
            "events/README.md does not explain {name}.json"
        );
    }
}

#[test]
fn both_pages_are_of_one_notice_and_the_wrong_weekday_is_ignored() {
    let (first, second) = (notice("page-1-of-2"), notice("page-2-of-2"));
    assert_eq!(first.event_arn, second.event_arn);
    assert_eq!(first.starts_at, Some("2030-01-02T18:00:00Z".parse().unwrap())); // a Wednesday, not a Thursday
    assert_eq!(first.starts_at, second.starts_at);
}

#[test]
fn the_description_states_the_cutoff_and_an_update_keeps_it() {
    let cutoff = Some("2029-12-26T18:00:00Z".parse().unwrap());
    assert_eq!(notice("service-notice").stated_cutoff, cutoff);
    assert_eq!(notice("update-moved-date").stated_cutoff, cutoff);
    assert_eq!(notice("iso-dates").stated_cutoff, None);
}

#[test]
fn updates_carry_the_arn_of_their_notice() {
    for update in ["update-moved-date", "entity-resolved", "closed"] {
        assert_eq!(notice(update).event_arn, notice("service-notice").event_arn, "{update}");
    }
    assert!(notice("closed").closed);
    let resolved: Vec<bool> =
        notice("entity-resolved").entities.iter().map(|affected| affected.resolved).collect();
    assert_eq!(resolved, [false, true, false]);
}

#[test]
fn the_sample_of_govcloud_names_each_service_once() {
    let notice = notice("govcloud-arns");
    let place = Place {
        partition: "aws-us-gov".into(),
        region: "us-gov-west-1".into(),
        account: notice.account.clone(),
    };
    assert_eq!(notice.not_ours(&place), None);
    let kinds: Vec<String> = notice
        .entities
        .iter()
        .map(|affected| match &affected.entity {
            Entity::Service(service) => service.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["prod/web", "prod/api", r#"ServiceWithoutCluster("legacy")"#]);
}
