//! Planning a notice again, and sending dead letters back.

use fake_aws::{Answer, Aws, error, in_turn};
use serde_json::{Value, json};

use crate::common::{NOTICE, NOW, ask_with, deadline_check, input, known_to_ecs, result, with};

const INVOKE: &str = "POST /2015-03-31/functions/";
const PARAMETERS: [(&str, &str); 4] = [
    ("INGEST_FUNCTION_ARN", "arn:aws:lambda:eu-west-2:111122223333:function:the-ingest"),
    ("DEPLOY_FUNCTION_ARN", "arn:aws:lambda:eu-west-2:111122223333:function:the-deploy"),
    ("VERIFY_FUNCTION_ARN", "arn:aws:lambda:eu-west-2:111122223333:function:the-verify"),
    ("DEAD_LETTER_QUEUE_URL", "https://sqs.eu-west-2.amazonaws.com/111122223333/letters"),
];
const ACCEPTED: u16 = 202;

async fn asked(aws: &Aws, request: &Value) -> Value {
    Box::pin(ask_with(aws, &PARAMETERS, request, NOW)).await
}

/// The calls of functions, each as its function and what it is handed.
fn handed_over(aws: &Aws) -> Vec<(String, Value)> {
    let calls = aws.requests().into_iter().filter(|(call, _)| call.starts_with(INVOKE));
    calls.map(|(call, body)| (call.split('/').nth(3).unwrap_or_default().to_owned(), body)).collect()
}

#[tokio::test]
async fn a_notice_is_planned_again_from_what_its_deadline_check_remembers() {
    let by_notice = json!({"operation": "plan-again", "notice": NOTICE});
    let by_service = json!({"operation": "plan-again", "cluster": "prod", "service": "web"});
    for (request, services) in [(by_notice, vec!["api", "web"]), (by_service, vec!["web"])] {
        let aws = with(&[]);
        aws.schedule("deadline.c731f120016c94a66426.1", deadline_check(&["api", "web"]));
        aws.always(INVOKE, (ACCEPTED, json!({})));
        let answer = asked(&aws, &request).await;
        assert!(answer["text"].as_str().unwrap_or_default().contains("planned again"), "{answer}");
        let [(function, event)] = handed_over(&aws).try_into().expect("one call");
        assert_eq!(function, "the-ingest");
        let entities: Vec<Value> =
            services.iter().map(|name| json!({"entityValue": format!("prod|{name}")})).collect();
        assert_eq!(event["detail"]["affectedEntities"], json!(entities));
        assert_eq!((&event["detail"]["eventArn"], &event["time"]), (&json!(NOTICE), &json!(NOW)));
        assert_eq!(aws.notified(), ["Patch Changed By Operator: -"]);
    }
    let aws = with(&[]);
    known_to_ecs(&aws, &["web"]);
    let wrong = asked(&aws, &json!({"operation": "plan-again", "cluster": "prod", "service": "wbe"})).await;
    let text = "No known notice names prod/wbe, and Amazon ECS has no active service wbe in the cluster prod; check both names.";
    assert_eq!(result(&wrong), (false, text));
    let unknown = asked(&aws, &json!({"operation": "plan-again", "cluster": "prod", "service": "web"})).await;
    assert!(
        !result(&unknown).0 && result(&unknown).1.starts_with("Nothing is known of a notice for that"),
        "{unknown}"
    );
    assert_eq!((handed_over(&aws).len(), aws.events().len()), (0, 0));
}

fn letter(id: &str, body: &Value, target: &str) -> Value {
    json!({
        "MessageId": id, "ReceiptHandle": format!("receipt-{id}"), "Body": body.to_string(),
        "MessageAttributes": {"TARGET_ARN": {"DataType": "String", "StringValue": target}},
    })
}

fn letters(letters: &[Value]) -> Answer {
    (200, json!({"Messages": letters}))
}

#[tokio::test]
async fn every_dead_letter_goes_back_to_its_function_and_is_deleted_only_then() {
    let api = "arn:aws:scheduler:::aws-sdk:lambda:invoke";
    let failed = json!({
        "requestContext": {"functionArn": "arn:aws:lambda:eu-west-2:111122223333:function:the-verify:$LATEST"},
        "requestPayload": {"version": 1, "kind": "heartbeat"},
    });
    let undelivered = json!({"detail": {"eventArn": "arn:1"}});
    let batch = [
        letter("lambda", &failed, ""),
        letter("rule", &undelivered, "arn:aws:lambda:eu-west-2:111122223333:function:the-ingest"),
        letter("scheduler", &input("web", &json!({})), api),
        letter("unknown", &json!("please restart web"), api),
    ];
    let aws = with(&[]);
    aws.on("ReceiveMessage", in_turn(&[letters(&batch), (200, json!({}))]));
    aws.always("DeleteMessage", (200, json!({})));
    aws.always(INVOKE, (ACCEPTED, json!({})));
    let answer = asked(&aws, &json!({"operation": "redrive"})).await;
    let text = "3 dead letters were sent back to their functions: heartbeat to the-verify, arn:1 to the-ingest, prod/web to \
                the-deploy. 1 letter is not sent and will be visible again in two minutes; the first: unknown is not understood. One \
                that fails again returns to the queue within minutes, and to the Health page of the console.";
    assert_eq!(answer, json!({"operation": "redrive", "done": false, "results": [], "text": text}));
    let expected = [
        ("the-verify", json!({"version": 1, "kind": "heartbeat"})),
        ("the-ingest", undelivered),
        ("the-deploy", input("web", &json!({}))),
    ];
    assert_eq!(handed_over(&aws), expected.map(|(name, body)| (name.to_owned(), body)));
    let deleted: Vec<Value> =
        aws.sent("DeleteMessage").iter().map(|body| body["ReceiptHandle"].clone()).collect();
    assert_eq!(
        deleted,
        ["receipt-lambda", "receipt-rule", "receipt-scheduler"].map(|receipt| json!(receipt))
    );
    assert_eq!(aws.notified(), ["Patch Changed By Operator: web", "Patch Changed By Operator: -"]);
    let [of_service, _] = aws.events().try_into().expect("two events");
    let of_service: Value = of_service;
    assert_eq!(of_service["Detail"]["operation"], "redrive");
    assert_eq!(
        of_service["Detail"]["reason"],
        "the dead letter (AWS does not say why) was sent back to the-deploy"
    );
}

#[tokio::test]
async fn a_letter_that_lambda_does_not_accept_stays() {
    let aws = with(&[]);
    let batch = [letter("one", &json!({"kind": "heartbeat"}), "")];
    aws.on("ReceiveMessage", in_turn(&[letters(&batch), (200, json!({}))]));
    aws.always(INVOKE, error("TooManyRequestsException", "no"));
    let answer = asked(&aws, &json!({"operation": "redrive"})).await;
    let text = answer["text"].as_str().unwrap_or_default();
    assert!(text.contains("the first: one: Invoke failed: TooManyRequestsException: no"), "{text}");
    assert_eq!(aws.sent("DeleteMessage").len(), 0);
    aws.on("ReceiveMessage", in_turn(&[(200, json!({}))]));
    let empty = asked(&aws, &json!({"operation": "redrive"})).await;
    assert_eq!(
        (&empty["text"], &empty["done"]),
        (&json!("No dead letter is visible in the queue; there is nothing to do."), &json!(true))
    );
}
