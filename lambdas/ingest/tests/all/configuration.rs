//! What ingest answers AWS CloudFormation, which asks it to validate the configuration when the stack is deployed.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

use aws::{Failure, Invocation, cloudformation::Stacks, config::Config};
use fake_aws::{Answer, Aws, environment_with, error, merged};
use ingest::Ingest;
use serde_json::{Value, json};

const NOW: &str = "2029-12-26T18:00:10Z";
const ARN: &str = "arn:aws:cloudwatch:eu-west-2:111122223333:alarm:";

/// A URL that takes one request, as the pre-signed URL does, and gives this answer; the handle returns what was sent.
fn response_url(status: &'static str) -> (String, JoinHandle<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/bucket?signature=a%2Fb", listener.local_addr().unwrap());
    (url, thread::spawn(move || take(&listener.accept().unwrap().0, status)))
}

fn take(stream: &TcpStream, status: &str) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

/// An AWS whose account has this wait period in days.
fn with_wait(days: &str) -> Aws {
    let aws = Aws::default();
    let days = days.to_owned();
    aws.on("ListAccountSettings", move |_, asked| {
        let value =
            if asked["name"] == "fargateTaskRetirementWaitPeriod" { days.as_str() } else { "disabled" };
        (200, json!({"settings": [{"name": asked["name"], "value": value}]}))
    });
    aws
}

/// What CloudFormation is answered to a request with these changes, and what the function answers.
async fn answered(
    aws: &Aws,
    parameters: &[(&str, &str)],
    changes: &Value,
) -> (Value, Result<Value, Failure>) {
    let (url, taken) = response_url("200 OK");
    let request = json!({
        "RequestType": "Create", "ResponseURL": url, "StackId": "arn:stack", "RequestId": "r-1",
        "ResourceType": "Custom::ConfigurationCheck", "LogicalResourceId": "ConfigurationCheck",
        "ResourceProperties": {"ServiceToken": "arn:ingest", "TimeZone": "UTC"},
    });
    let config = Config::read(&environment_with(parameters)).map_err(Failure::from);
    let ingest = config.map(|config| Ingest::new(&aws.sdk(), config));
    let (stacks, request) = (Stacks::new(&aws.sdk(), "amazonaws.com"), merged(&request, changes));
    let invocation = Invocation::at(NOW.parse().unwrap());
    let done = ingest::handle(ingest.as_ref(), &stacks, &request, &invocation).await;
    let (head, body) = taken.join().unwrap();
    assert!(head.starts_with("PUT /bucket?signature=a%2Fb HTTP/1.1\r\n"), "{head}");
    assert!(
        !head.to_ascii_lowercase().contains("content-type"),
        "the signature does not cover a content type: {head}"
    );
    (body, done.map(|answer| json!(answer)))
}

#[tokio::test]
async fn a_configuration_that_works_is_accepted_with_warnings() {
    let (answer, done) = answered(&with_wait("7"), &[], &json!({})).await;
    let finding = "notices that arrive during 1 hour of each week miss every opening of Fri 22:00-02:00 UTC; then \
                   WhenNoWindowFits (any-day) applies; to miss fewer, add windows or set fargateTaskRetirementWaitPeriod to 14 \
                   days (now 7)";
    let sentence = format!("{}.", finding.replacen('n', "N", 1));
    let expected = json!({
        "Status": "SUCCESS", "Reason": sentence, "PhysicalResourceId": answer["PhysicalResourceId"],
        "StackId": "arn:stack", "RequestId": "r-1", "LogicalResourceId": "ConfigurationCheck",
        "Data": {"Findings": sentence},
    });
    assert_eq!(answer, expected);
    assert_eq!(done.expect("an answer"), json!({"accepted": true, "findings": [finding]}));
    let (answer, _) = answered(&with_wait("14"), &[], &json!({})).await;
    assert_eq!((&answer["Status"], &answer["Reason"]), (&json!("SUCCESS"), &json!("No problems found.")));
}

#[tokio::test]
async fn a_configuration_that_can_never_work_is_refused_with_a_valid_example() {
    let unsuitable: Answer = error("InvalidDocument", "no such document");
    let alarm = format!("{ARN}x");
    let missing = format!("BlockingAlarms: alarm {alarm} does not exist; use the ARN of an existing alarm");
    let rows = [
        ("7", &[("TIME_ZONE", "Mars/Olympus")][..], "use an IANA name, for example Europe/London"),
        ("7", &[("MAINTENANCE_WINDOWS", "")], "for example Fri 22:00-02:00"),
        ("7", &[("DEADLINE_MARGIN_MINUTES", "10080")], "use, for example, 120 and 60"),
        ("0", &[], "set it to 7 or 14 days: aws ecs put-account-setting-default"),
        (
            "7",
            &[("CHANGE_CALENDARS", "Freeze")],
            "ChangeCalendars names \"Freeze\", which is not a Change Calendar",
        ),
        (
            "7",
            &[("CHANGE_CALENDARS", "Locked")],
            "ChangeCalendars names \"Locked\", which is unreadable, so that nothing would be redeployed: GetCalendarState failed: \
             SomeException: no; give this account access to the calendar, or leave it out",
        ),
        ("7", &[("BLOCKING_ALARMS", &alarm)], &missing),
    ];
    for (wait, parameters, expected) in rows {
        let aws = with_wait(wait);
        let unsuitable = unsuitable.clone();
        aws.on("GetCalendarState", move |_, asked| {
            if asked["CalendarNames"] == json!(["Locked"]) {
                error("SomeException", "no")
            } else {
                unsuitable.clone()
            }
        });
        aws.always("DescribeAlarms", (200, json!({})));
        with_status(&aws, "UPDATE_IN_PROGRESS");
        for kind in ["Create", "Update"] {
            let changes = json!({"RequestType": kind, "PhysicalResourceId": "configuration.of-others"});
            let (answer, done) = answered(&aws, parameters, &changes).await;
            assert_eq!(answer["Status"], "FAILED", "{parameters:?}");
            let reason = answer["Reason"].as_str().unwrap();
            assert!(reason.contains(expected), "{reason}");
            assert_eq!(done.expect("a refusal is an answer, so that nothing is retried")["accepted"], false);
        }
    }
}

#[tokio::test]
async fn unreadable_alarms_and_account_settings_are_reported_and_refuse_nothing() {
    let aws = with_wait("14");
    aws.always("DescribeAlarms", error("SomeException", "no"));
    let (answer, _) = answered(&aws, &[("BLOCKING_ALARMS", "prod-")], &json!({})).await;
    let expected = "BlockingAlarms are unreadable; nothing is redeployed until that is fixed: \
                    DescribeAlarms failed: SomeException: no.";
    assert_eq!((&answer["Status"], &answer["Reason"]), (&json!("SUCCESS"), &json!(expected)));

    let aws = with_wait("14");
    aws.always("ListAccountSettings", error("SomeException", "no"));
    aws.always("DescribeAlarms", (200, json!({})));
    let (answer, _) = answered(&aws, &[("BLOCKING_ALARMS", "prod-")], &json!({})).await;
    let reason = answer["Reason"].as_str().unwrap();
    for expected in ["WaitPeriod is unknown", "ListAccountSettings failed", "which matches no alarm"] {
        assert!(reason.contains(expected), "{reason}");
    }
    let own = [("BLOCKING_ALARMS", "the-g"), ("SCHEDULE_GROUP", "the-group")];
    let (answer, _) = answered(&aws, &own, &json!({})).await;
    assert!(answer.to_string().contains("which matches this stack's own alarms"), "{answer}");
}

/// From now on the stack has this status.
fn with_status(aws: &Aws, status: &str) {
    aws.always(
        "DescribeStacks",
        (200, json!({"Stacks": [{"StackName": "the-stack", "StackStatus": status}]})),
    );
}

#[tokio::test]
async fn a_deletion_is_always_accepted() {
    let aws = Aws::default(); // it has no answer to anything
    for parameters in [&[][..], &[("TIME_ZONE", "Mars/Olympus")]] {
        let changes = json!({"RequestType": "Delete", "PhysicalResourceId": "anything"});
        let (answer, _) = answered(&aws, parameters, &changes).await;
        assert_eq!(
            (&answer["Status"], &answer["PhysicalResourceId"]),
            (&json!("SUCCESS"), &json!("anything"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_accepted_with_its_findings_and_an_update_to_the_same_values_is_not() {
    let rows = [
        ("UPDATE_IN_PROGRESS", "Update", "FAILED"), // also to values that were accepted before
        ("UPDATE_ROLLBACK_IN_PROGRESS", "Update", "SUCCESS"),
        ("ROLLBACK_IN_PROGRESS", "Update", "SUCCESS"),
        ("CREATE_IN_PROGRESS", "Create", "FAILED"),
    ];
    for (status, kind, expected) in rows {
        for (wait, parameters) in [("0", &[][..]), ("7", &[("TIME_ZONE", "Mars/Olympus")])] {
            let aws = with_wait(wait);
            with_status(&aws, status);
            let changes = json!({"RequestType": kind, "PhysicalResourceId": "configuration"});
            let (answer, _) = answered(&aws, parameters, &changes).await;
            assert_eq!(answer["Status"], expected, "{status} {parameters:?}");
            let reason = answer["Reason"].as_str().unwrap();
            let found = ["fargateTaskRetirementWaitPeriod is 0", "Mars/Olympus"];
            assert!(found.iter().any(|found| reason.contains(found)), "{reason}");
        }
    }
    // If nobody knows, it may be a rollback.
    let aws = with_wait("0");
    aws.always("DescribeStacks", error("AccessDenied", "no"));
    let changes = json!({"RequestType": "Update", "PhysicalResourceId": "configuration"});
    assert_eq!(answered(&aws, &[], &changes).await.0["Status"], "SUCCESS");
}

#[tokio::test]
async fn the_names_of_resources_are_given_whatever_the_configuration() {
    let aws = Aws::default();
    let set = "StackSet-ecs-task-patching-6f1d3a52-0c0b-4b8e-9f7e-0123456789ab";
    for (stack, prefix) in
        [("the-stack", "the-stack"), (set, "StackSet-ecs-task-patching-6f1d3a52-0c0b-4b8e-ac67a92a69")]
    {
        let id = format!("arn:aws:cloudformation:eu-west-2:111122223333:stack/{stack}/0e1f");
        let changes = json!({"ResourceType": "Custom::Names", "LogicalResourceId": "Names", "StackId": id});
        let (answer, done) = answered(&aws, &[("TIME_ZONE", "Mars/Olympus")], &changes).await;
        let names = json!({"Prefix": prefix, "Short": prefix});
        assert_eq!((&answer["Status"], &answer["Data"]), (&json!("SUCCESS"), &names));
        assert_eq!(done.expect("an answer"), json!({"prefix": prefix}));
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_delivered_fails_the_invocation_so_that_lambda_retries_it() {
    let (url, taken) = response_url("403 Forbidden");
    let request = json!({
        "RequestType": "Delete", "ResponseURL": url, "StackId": "arn:stack", "RequestId": "r-1",
        "LogicalResourceId": "ConfigurationCheck",
    });
    let failed = Failure::InvalidConfiguration("wrong".to_owned());
    let stacks = Stacks::new(&Aws::default().sdk(), "amazonaws.com");
    let invocation = Invocation::at(NOW.parse().unwrap());
    let done = ingest::handle(Err(&failed), &stacks, &request, &invocation).await;
    taken.join().unwrap();
    assert_eq!(
        done.unwrap_err().to_string(),
        "arn:stack: PUT of CloudFormation's ResponseURL failed: HTTP status 403 Forbidden"
    );
}
