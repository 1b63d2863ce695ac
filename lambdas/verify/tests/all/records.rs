//! The records that verify sends when the story of a service ends.

use crate::common::{
    DEADLINE, MEMORY, OLD, SINCE, SOON, STARTED, check, deadline_check, handle, notice, primary,
    with_service, with_services,
};
use fake_aws::{Aws, merged};
use serde_json::{Value, json};

/// The time of the first deadline check.
const FIRST: &str = "2030-01-02T15:30:01Z";
/// The retirement date.
const DATE: &str = "2030-01-02T18:00:01Z";

fn story() -> Value {
    json!({
        "slot": "2029-12-28T22:00:00Z",
        "plans": [{"at": "2029-12-26T18:00:10Z", "slot": "2029-12-28T22:00:00Z", "reason": "earliest", "configuration": "0"}],
        "changes": [{"at": "2029-12-27T09:00:00Z", "operation": "approve", "ticket": "CHG0042"}],
        "approval": "given",
        "before": {"task_definition": "arn:web:6", "images": ["web:1@sha256:1"]},
    })
}

/// The records that were sent, each as its service and outcome.
fn endings(aws: &Aws) -> Vec<String> {
    let text = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_owned();
    aws.records()
        .iter()
        .map(|record| format!("{}: {}", text(record, "service"), text(record, "outcome")))
        .collect()
}

#[tokio::test]
async fn a_proof_is_recorded_for_each_notice_with_everything_that_the_schedules_told() {
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &[STARTED + 1, STARTED + 2]);
    let other = merged(&notice(), &json!({"event_arn": "arn:other"}));
    let input = check(&json!({"notices": [notice(), other], "story": story()}));
    let proof = handle(&aws, &input, SOON).await.unwrap()["reason"].clone();
    let [record, of_other] = aws.records().try_into().expect("a record for each notice");
    let arn = "arn:aws:ecs:eu-west-2:111122223333:service/prod/web";
    let mut expected = json!({
        "cluster": "prod", "service": "web", "service_arn": arn, "notices": [notice()], "stack": "the-group",
        "id": record["id"], "outcome": "patched", "deployment_id": "ecs-svc/2", "proof": proof, "reason": proof,
        "deadline": "2030-01-02T16:00:00Z", "started_at": SINCE, "ended_at": SOON,
    });
    let fields = expected.as_object_mut().unwrap();
    fields.extend(story().as_object().cloned().unwrap());
    assert_eq!(record, expected);
    assert_ne!(record["id"], of_other["id"]);
    // A check that is delivered again sends the same records.
    handle(&aws, &input, SOON).await.unwrap();
    assert_eq!(aws.records().get(2).map(|record| record["id"].clone()), Some(record["id"].clone()));
}

#[tokio::test]
async fn a_service_that_is_still_old_at_the_last_check_is_recorded_as_unpatched() {
    let aws = with_service(&json!([primary("ecs-svc/1", "COMPLETED")]), &[OLD]);
    let input = check(&json!({"told": true, "deployment": null}));
    handle(&aws, &input, SOON).await.unwrap();
    assert_eq!(endings(&aws), Vec::<String>::new(), "a further check follows");
    handle(&aws, &input, DATE).await.unwrap();
    assert_eq!(endings(&aws), ["web: unpatched"]);
    assert_eq!(aws.records()[0].get("started_at"), None, "nothing was deployed");
    assert_eq!(aws.subjects(), Vec::<String>::new(), "the owner knows it");
}

#[tokio::test]
async fn what_the_deadline_check_has_reported_is_recorded_as_it_is_on_the_retirement_date() {
    let services = [("api", OLD, ""), ("batch", OLD, "disabled"), ("web", STARTED, "")];
    let aws = with_services(&services);
    let mut given = deadline_check(&["api", "batch"]);
    given["unpatched"] = json!({"prod": ["web"]});
    handle(&aws, &given, FIRST).await.unwrap();
    assert_eq!(endings(&aws), Vec::<String>::new());
    let memory = &aws.schedules()[MEMORY];
    assert_eq!(memory["ScheduleExpression"], "at(2030-01-02T18:00:00)");
    let description = memory["Description"].as_str().unwrap();
    assert!(
        description
            .starts_with("Records on Wed 2 Jan 2030 18:00 UTC whether 3 services of this notice are patched")
    );
    let input = aws.input_of(MEMORY);

    let recorded = handle(&aws, &input, DATE).await.unwrap();
    assert_eq!(recorded["recorded"], 3);
    assert_eq!(endings(&aws), ["api: unpatched", "batch: unpatched", "web: patched"]);
    assert_eq!(aws.schedules()[MEMORY]["ScheduleExpression"], "at(2030-01-04T18:01:00)");
    // A second delivery finds that it is done.
    let again = handle(&aws, &input, DATE).await.unwrap();
    assert_eq!((again.get("recorded"), aws.records().len()), (None, 3));
    assert!(!aws.schedules().contains_key(DEADLINE));
}

#[tokio::test]
async fn what_cannot_be_read_on_the_retirement_date_fails_after_the_rest_was_recorded() {
    let aws = with_services(&[("api", OLD, ""), ("zoo", OLD, "")]);
    handle(&aws, &deadline_check(&["api", "zoo"]), FIRST).await.unwrap();
    let input = aws.input_of(MEMORY);
    let zoo = with_services(&[("api", OLD, ""), ("zoo", OLD, "unreadable")]);
    zoo.schedule(MEMORY, aws.schedules()[MEMORY].clone());
    let failure = handle(&zoo, &input, DATE).await.unwrap_err().to_string();
    assert!(failure.contains("AccessDeniedException"), "{failure}");
    assert_eq!(endings(&zoo), ["api: unpatched"]);
    assert_eq!(zoo.input_of(MEMORY), input, "it is repeated");
}
