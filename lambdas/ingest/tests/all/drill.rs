//! A drill that only asks what would be done.

use crate::common::{FRIDAY, handle, tagged, task};
use fake_aws::{Aws, CREATE, merged};
use serde_json::{Value, json};

const ANSWER: &str = "drill.";

fn drill(detail: &Value) -> Value {
    let usual = json!({
        "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT", "eventArn": "drill-1", "observed": true,
        "affectedEntities": [{"entityValue": "prod|web"}],
    });
    json!({
        "source": "ecs-task-patching.drill", "detail-type": "AWS Health Event", "account": "111122223333",
        "region": "eu-west-2", "time": "2029-12-26T18:00:05Z", "detail": merged(&usual, detail),
    })
}

/// The answer to the only drill.
fn answer(aws: &Aws) -> Value {
    let names: Vec<String> = aws.schedules().into_keys().collect();
    let [name] = names.as_slice() else { panic!("{names:?}") };
    assert!(name.starts_with(ANSWER), "{name}");
    assert_eq!(aws.schedules()[name]["State"], "DISABLED");
    aws.input_of(name)
}

#[tokio::test]
async fn an_observed_drill_writes_only_its_answer_whatever_the_tag_of_the_service_says() {
    for tags in [&[][..], &[("mode", "deploy")], &[("mode", "off")]] {
        let aws = tagged(&[("prod/web", tags)]);
        let report = handle(&aws, &[], &drill(&json!({}))).await;
        let answer = answer(&aws);
        assert_eq!(
            (&answer["event_arn"], &answer["reason"]),
            (&json!("drill-1"), &json!(report.outcomes[0].reason))
        );
        let reason = report.outcomes[0].reason.as_str();
        assert!(reason.starts_with("observe mode: would redeploy on Fri 28 Dec 2029 22:00 UTC"), "{reason}");
        assert_eq!(json!(report.outcomes[0].slot), FRIDAY);
        assert_eq!((aws.sent(CREATE).len(), aws.records().len()), (1, 0));
        assert!(aws.subjects()[0].starts_with("Drill: Observe mode: 1 service"), "{:?}", aws.subjects());
    }
}

#[tokio::test]
async fn an_observed_drill_about_an_unknown_task_writes_only_its_answer() {
    let aws = Aws::default();
    aws.always("DescribeTasks", (200, json!({"tasks": [], "failures": []})));
    let entities = json!([{"entityValue": task("1")}]);
    handle(&aws, &[], &drill(&json!({"affectedEntities": entities}))).await;
    assert!(answer(&aws)["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
}

#[tokio::test]
async fn only_a_drill_can_be_observed() {
    let aws = tagged(&[("prod/web", &[])]);
    let notice = merged(&drill(&json!({})), &json!({"source": "aws.health"}));
    handle(&aws, &[], &notice).await;
    assert!(!aws.schedules().keys().any(|name| name.starts_with(ANSWER)), "AWS Health has no such field");
    assert!(aws.schedules().contains_key("prod.web.bf04ed89e1afdadd0c43"));
}
