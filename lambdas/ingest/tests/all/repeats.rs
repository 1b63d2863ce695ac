//! A repeat of a large notice reads only the schedules that somebody has changed.

use crate::common::{Texts, about, handle, tag, with_all_services};
use chrono::{DateTime, Utc};
use fake_aws::{Aws, READ, error};
use rules::outcome::OutcomeKind::{Held, Rescheduled, Scheduled, Unchanged};
use serde_json::{Value, json};

const SERVICES: usize = 150;

/// The retirement date is in January.
fn event() -> Value {
    let names: Vec<String> = (0..SERVICES).map(|nth| format!("prod|service-{nth}")).collect();
    about(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The services whose deployment schedules were read.
fn read(aws: &Aws) -> Vec<String> {
    let requests = aws.requests();
    let of_services = requests.iter().filter_map(|(call, _)| call.strip_prefix(READ)?.strip_prefix("prod."));
    of_services.filter_map(|name| Some(name.split('.').next()?.to_owned())).collect()
}

/// Handles the notice and then, with these parameters, its repeat.
async fn repeated(aws: &Aws, parameters: Texts<'_>, between: impl AsyncFnOnce(&Aws)) -> Vec<String> {
    let first = handle(aws, &[], &event()).await;
    assert!(first.outcomes.iter().all(|outcome| outcome.outcome == Scheduled));
    between(aws).await;
    aws.forget();
    let repeat = handle(aws, parameters, &event()).await;
    let other = repeat.outcomes.iter().filter(|outcome| outcome.outcome != Unchanged);
    let mut other: Vec<String> =
        other.map(|outcome| format!("{} {:?}", outcome.entity, outcome.outcome)).collect();
    other.sort();
    other
}

#[tokio::test]
async fn nothing_is_read_that_nobody_has_changed() {
    let aws = with_all_services();
    assert_eq!(repeated(&aws, &[], async |_| {}).await, [""; 0]);
    assert_eq!(read(&aws), [""; 0]);
    assert!(aws.messages().is_empty() && aws.events().is_empty());
}

#[tokio::test]
async fn what_an_operator_has_changed_is_read() {
    let aws = with_all_services();
    let hold = async |aws: &Aws| {
        aws.memory().now = "2029-12-26T19:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let schedules = aws.schedules();
        let (name, body) = schedules.iter().find(|(name, _)| name.starts_with("prod.service-7.")).unwrap();
        let mut held = body.clone();
        held["State"] = json!("DISABLED");
        aws.schedule(name, held);
    };
    assert_eq!(repeated(&aws, &[], hold).await, [format!("prod|service-7 {Held:?}")]);
    assert_eq!(read(&aws), ["service-7"]);
}

#[tokio::test]
async fn what_an_operator_has_deleted_comes_back() {
    let aws = with_all_services();
    let delete = async |aws: &Aws| {
        let schedules = aws.schedules();
        aws.take(schedules.keys().find(|name| name.starts_with("prod.service-7.")).unwrap());
    };
    assert_eq!(repeated(&aws, &[], delete).await, [format!("prod|service-7 {Scheduled:?}")]);
}

#[tokio::test]
async fn after_a_change_of_parameters_or_tags_everything_is_read() {
    let aws = with_all_services();
    let moved = repeated(&aws, &[("MAINTENANCE_WINDOWS", "Sat 22:00-02:00")], async |_| {}).await;
    assert!(moved.len() == SERVICES && moved.iter().all(|line| line.ends_with(&format!("{Rescheduled:?}"))));

    let aws = with_all_services();
    let changed = async |aws: &Aws| tag(aws, &[("prod/service-7", &[("window", "Sat 22:00-02:00")])]);
    assert_eq!(repeated(&aws, &[], changed).await, [format!("prod|service-7 {Rescheduled:?}")]);
}

#[tokio::test]
async fn without_a_listing_each_schedule_is_read() {
    let aws = with_all_services();
    let refuse = async |aws: &Aws| aws.always("GET /schedules?", error("AccessDeniedException", "no"));
    assert_eq!(repeated(&aws, &[], refuse).await, [""; 0]);
    assert_eq!(read(&aws).len(), SERVICES);
}
