//! The emergency stop.

use fake_aws::{error, merged};
use serde_json::{Value, json};

use crate::common::{NOW, ask, ask_with, with};

const STOP: &str = "hold-all";

#[tokio::test]
async fn everything_is_stopped_with_one_call_until_it_is_released() {
    let aws = with(&["web"]);
    let hold = json!({"operation": STOP, "reason": "outage", "ticket": "INC7"});
    let answer = ask(&aws, &hold).await;
    let text = answer["text"].as_str().unwrap_or_default();
    assert!(
        text.starts_with("All deployments are stopped. Nothing that is pending or will be planned starts"),
        "{text}"
    );
    assert_eq!(aws.requests().len(), 2, "one call, and the event: {:?}", aws.requests());
    let stop = json!({"version": 1, "kind": "hold-all", "since": NOW, "reason": "outage", "ticket": "INC7"});
    assert_eq!(aws.input_of(STOP), stop);
    let schedule = aws.schedules()[STOP].clone();
    assert_eq!(schedule["State"], "DISABLED");
    let description = "No deployment starts while this schedule exists: an operator stopped all deployments on Wed 26 Dec 2029 \
                       18:00 UTC (INC7, outage). To end that: release-all";
    assert_eq!(schedule["Description"], description);
    let [event] = aws.events().try_into().expect("one event");
    let event: Value = event;
    assert_eq!(
        (&event["DetailType"], &event["Detail"]["operation"]),
        (&json!("Patch Changed By Operator"), &json!(STOP))
    );
    // The first stop counts.
    let again = ask(&aws, &json!({"operation": STOP})).await;
    let text = "All deployments were stopped already: an operator stopped all deployments on Wed 26 Dec 2029 18:00 UTC (INC7, \
                outage); nothing starts until release-all.";
    assert_eq!((&again["text"], &again["done"], aws.input_of(STOP)), (&json!(text), &json!(true), stop));
    let released = ask(&aws, &json!({"operation": "release-all"})).await;
    assert!(
        released["text"].as_str().unwrap_or_default().starts_with("Deployments start again at their times"),
        "{released}"
    );
    assert!(!aws.schedules().contains_key(STOP));
    let repeated = ask(&aws, &json!({"operation": "release-all"})).await;
    assert_eq!(repeated["text"], "Nothing was stopped; deployments start at their times.");
    assert_eq!(aws.events().len(), 2);
}

#[tokio::test]
async fn a_change_board_can_require_a_reason_for_an_emergency_as_well() {
    let aws = with(&[]);
    let required = [("REQUIRE_REASON", "true")];
    let asked = |operation: &str, why: Value| merged(&json!({"operation": operation}), &why);
    let why = json!({"reason": "outage", "ticket": "INC7"});
    for (operation, exists) in [(STOP, false), ("release-all", true)] {
        let refused = ask_with(&aws, &required, &asked(operation, json!({})), NOW).await;
        let text = refused["text"].as_str().unwrap_or_default().to_lowercase();
        assert!(text.starts_with(&format!("{operation} needs a reason and a ticket")), "{refused}");
        assert_eq!((&refused["done"], aws.schedules().contains_key(STOP)), (&json!(false), exists));
        let done = ask_with(&aws, &required, &asked(operation, why.clone()), NOW).await;
        assert_eq!((&done["done"], aws.schedules().contains_key(STOP)), (&json!(true), !exists), "{done}");
    }
}

#[tokio::test]
async fn in_the_console_the_stop_ends_with_a_button() {
    let answer = ask(&with(&[]), &json!({"operation": STOP, "widgetContext": {}})).await;
    let html = answer.as_str().unwrap_or_default();
    assert!(html.contains("starts until you release everything") && !html.contains("release-all"), "{html}");
}

#[tokio::test]
#[should_panic(expected = "hold-all: CreateSchedule failed: AccessDeniedException: no")]
async fn a_stop_that_fails_fails_loudly() {
    let aws = with(&[]);
    aws.always("POST /schedules/", error("AccessDeniedException", "no"));
    ask(&aws, &json!({"operation": STOP})).await;
}
