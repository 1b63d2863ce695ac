//! The exact requests to the default event bus and the topic, and how their answers are read.

use aws::{config::Config, notify::Notifier};
use chrono::{DateTime, Utc};
use fake_aws::{Answer, Aws, environment, error, in_turn};
use rules::{
    arn::ServiceRef,
    notice::NoticeRef,
    notify::{
        Notification,
        event::{BusEvent, Happened},
        message::{Message, Step},
    },
};
use serde_json::{Value, json};

const TOPIC: &str = "arn:aws:sns:eu-west-2:111122223333:the-topic";

fn now() -> DateTime<Utc> {
    "2029-12-28T22:00:00Z".parse().expect("an instant of the test")
}

fn notifier(aws: &Aws, format: &'static str) -> Notifier {
    let lookup = move |name: &str| match name {
        "NOTIFICATION_FORMAT" => Some(format.to_owned()),
        _ => environment(name),
    };
    Notifier::new(&aws.sdk(), &Config::read(&lookup).expect("a configuration"))
}

fn notices() -> Vec<NoticeRef> {
    vec![NoticeRef { event_arn: "arn:1".into(), starts_at: None, cutoff: now(), drill: false }]
}

fn event(notifier: &Notifier, nth: usize) -> BusEvent {
    let service = ServiceRef::new("prod", &format!("web-{nth}")).expect("valid names of the test");
    BusEvent::of_service(Happened::Started, &notifier.reader.place, &service, &notices(), "why")
}

fn message(notifier: &Notifier) -> Message {
    let service = ServiceRef::new("prod", "web").expect("valid names of the test");
    let lead = ["it is stuck: 50% é".to_owned()];
    let message = notifier.reader.about_service(Happened::NeedsAttention, &service, &notices(), &lead, now());
    Message { next: vec![Step::new("Fix it & try < 2 times")], ..message }
}

async fn send(aws: &Aws, events: usize, with_message: bool) -> Result<(), String> {
    let notifier = notifier(aws, "text");
    let notification = Notification {
        events: (0..events).map(|nth| event(&notifier, nth)).collect(),
        message: with_message.then(|| message(&notifier)),
        samples: Vec::new(),
    };
    notifier.send(&notification, now()).await.map_err(|error| error.to_string())
}

/// The services in each `PutEvents` call.
fn batches(aws: &Aws) -> Vec<Vec<String>> {
    let name = |entry: &Value| {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        detail["service"].as_str().unwrap().to_owned()
    };
    aws.sent("PutEvents")
        .iter()
        .map(|call| call["Entries"].as_array().unwrap().iter().map(name).collect())
        .collect()
}

fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|nth| format!("web-{nth}")).collect()
}

/// The answer of `PutEvents` to `count` entries, of which these were refused.
fn put(count: usize, refused: &[usize]) -> Answer {
    let entry = |nth| {
        if refused.contains(&nth) {
            json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"})
        } else {
            json!({"EventId": format!("{nth}")})
        }
    };
    let entries: Vec<Value> = (0..count).map(entry).collect();
    (200, json!({"FailedEntryCount": refused.len(), "Entries": entries}))
}

#[tokio::test]
async fn put_events_sends_exactly_this_request() {
    let aws = Aws::default();
    assert_eq!(send(&aws, 1, false).await, Ok(()));
    let arn = "arn:aws:ecs:eu-west-2:111122223333:service/prod/web-0";
    let detail = json!({
        "cluster": "prod", "service": "web-0", "service_arn": arn, "reason": "why",
        "notices": [{"event_arn": "arn:1", "starts_at": null, "cutoff": "2029-12-28T22:00:00Z"}],
    });
    assert_eq!(aws.events()[0]["Detail"], detail);
    let mut sent = aws.requests();
    sent[0].1["Entries"][0]["Detail"].take();
    let entry = json!({
        "Source": "ecs-task-patching", "DetailType": "Patch Started", "Resources": [arn], "Detail": null,
    });
    assert_eq!(sent, [("PutEvents".to_owned(), json!({"Entries": [entry]}))]);
}

#[tokio::test]
async fn events_are_sent_in_batches_of_10_and_no_events_make_no_call() {
    let aws = Aws::default();
    assert_eq!(send(&aws, 25, false).await, Ok(()));
    assert_eq!(batches(&aws), [names(0..10), names(10..20), names(20..25)]);
    let aws = Aws::default();
    assert_eq!(send(&aws, 0, false).await, Ok(()));
    assert_eq!(aws.requests(), []);
}

#[tokio::test]
async fn only_refused_events_are_sent_again_and_an_event_is_sent_at_most_three_times() {
    let refused = || Err("PutEvents failed: EventBridge rejected an event: ThrottlingException".to_owned());
    let alone = |nth: usize| names(nth..nth + 1);
    let rows = [
        ("once", vec![put(3, &[1]), put(1, &[])], Ok(()), vec![names(0..3), alone(1)]),
        (
            "two, then one",
            vec![put(3, &[0, 2]), put(2, &[1]), put(1, &[])],
            Ok(()),
            vec![names(0..3), vec!["web-0".into(), "web-2".into()], alone(2)],
        ),
        (
            "always",
            vec![put(3, &[1]), put(1, &[0]), put(1, &[0])],
            refused(),
            vec![names(0..3), alone(1), alone(1)],
        ),
        (
            "a call is denied",
            vec![put(3, &[1]), error("AccessDeniedException", "no")],
            Err("PutEvents failed: AccessDeniedException: no".to_owned()),
            vec![names(0..3), alone(1)],
        ),
    ];
    for (row, answers, expected, expected_batches) in rows {
        let aws = Aws::that_answers(answers);
        assert_eq!(send(&aws, 3, false).await, expected, "{row}");
        assert_eq!(batches(&aws), expected_batches, "{row}");
    }
}

#[tokio::test]
async fn a_failed_batch_does_not_stop_the_next_one_and_is_returned() {
    let aws = Aws::default();
    aws.on("PutEvents", in_turn(&[error("AccessDeniedException", "no"), put(5, &[])]));
    assert_eq!(send(&aws, 15, false).await, Err("PutEvents failed: AccessDeniedException: no".to_owned()));
    assert_eq!(batches(&aws), [names(0..10), names(10..15)]);
}

#[tokio::test]
async fn a_message_is_published_as_text_or_for_a_chat_channel() {
    for format in ["text", "chat"] {
        let aws = Aws::default();
        let notifier = notifier(&aws, format);
        let message = message(&notifier);
        let notification = Notification { message: Some(message.clone()), ..Notification::default() };
        notifier.send(&notification, now()).await.unwrap();
        let mut form = json!({
            "Version": "2010-03-31",
            "TopicArn": TOPIC,
            "Subject": "Needs attention: prod/web",
            "Message": message.text(),
            "MessageAttributes.entry.1.Name": "detail-type",
            "MessageAttributes.entry.1.Value.DataType": "String",
            "MessageAttributes.entry.1.Value.StringValue": "Patch Needs Attention",
        });
        let mut sent = aws.requests();
        if format == "chat" {
            let each: Value = serde_json::from_str(sent[0].1["Message"].as_str().unwrap()).unwrap();
            let default: Value = serde_json::from_str(each["default"].as_str().unwrap()).unwrap();
            assert_eq!(default, message.chat());
            assert_eq!((&default["version"], &default["source"]), (&json!("1.0"), &json!("custom")));
            assert_eq!(each, json!({"default": each["default"], "email": message.text()}));
            form["MessageStructure"] = json!("json");
            form["Message"] = sent[0].1["Message"].take();
            sent[0].1["Message"] = form["Message"].clone();
        }
        assert_eq!(sent, [("Publish".to_owned(), form)], "{format}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_and_the_message_are_both_sent_even_if_one_of_them_fails() {
    let (bus, topic) = (["PutEvents"].as_slice(), ["Publish"].as_slice());
    let denied = |call| format!("{call} failed: AuthorizationError: no");
    for (failing, expected) in [
        (&[][..], Ok(())),
        (bus, Err(denied("PutEvents"))),
        (topic, Err(denied("Publish"))),
        (&["PutEvents", "Publish"], Err(denied("PutEvents"))),
    ] {
        let aws = Aws::default();
        for call in failing {
            aws.always(call, error("AuthorizationError", "no"));
        }
        assert_eq!(send(&aws, 1, true).await, expected);
        let calls: Vec<String> = aws.requests().into_iter().map(|(call, _)| call).collect();
        assert_eq!(calls, ["PutEvents", "Publish"], "{failing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn notifying_never_delays_the_work_for_minutes() {
    let started = tokio::time::Instant::now();
    for (call, code) in [("PutEvents", "InternalException"), ("Publish", "InternalError")] {
        let aws = Aws::default();
        let (_, body) = error(code, "later");
        aws.always(call, (500, body));
        assert_eq!(send(&aws, 1, true).await, Err(format!("{call} failed: {code}: later")));
        assert_eq!(aws.sent(call).len(), 4);
    }
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}
