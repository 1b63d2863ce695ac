use aws_sdk_ecs::{
    Client,
    config::{http::HttpResponse, retry::RetryConfig},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use serde_json::json;

use super::*;

const OLD: i64 = 1_893_002_400; // the sample's cut-off
const NEW: i64 = OLD + 1;
const WHY: &str = "1 of 1 running task(s) were created by Wed 2029-12-26 18:00 UTC";

/// An ECS that gives these answers in this order. Any other call panics.
fn ecs(rules: &[&Rule]) -> Ecs {
    Ecs::with_client(mock_client!(aws_sdk_ecs, RuleMode::Sequential, rules, |config| config
        .retry_config(RetryConfig::disabled())))
}

fn input() -> Value {
    serde_json::from_str(include_str!("../../../../events/deploy-input.json")).unwrap()
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), body.to_string().into())
}

fn refusal(code: &str) -> HttpResponse {
    answer(400, &json!({"__type": code, "message": "no"}))
}

/// An active service with one task, created at that time.
fn running(controller: &'static str, created_at: i64) -> [Rule; 3] {
    [
        mock!(Client::describe_services).then_http_response(move || {
            let sets = json!([{"status": "PRIMARY", "externalId": "d-123"}]);
            let controller = json!({"type": controller});
            answer(
                200,
                &json!({"services": [{
                    "status": "ACTIVE", "desiredCount": 1, "deploymentController": controller, "taskSets": sets,
                }]}),
            )
        }),
        mock!(Client::list_tasks).then_http_response(|| answer(200, &json!({"taskArns": ["arn:task/1"]}))),
        mock!(Client::describe_tasks).then_http_response(move || {
            answer(200, &json!({"tasks": [{"taskArn": "arn:task/1", "createdAt": created_at}]}))
        }),
    ]
}

/// What becomes of a service with an old task if `UpdateService` is answered so.
async fn forced(answer: impl Fn() -> HttpResponse + Send + Sync + 'static) -> Result<Outcome, Failure> {
    let [services, list, tasks] = running("ECS", OLD);
    let update = mock!(Client::update_service).then_http_response(answer);
    let outcome = handle(&ecs(&[&services, &list, &tasks, &update]), &input()).await;
    assert_eq!(update.num_calls(), 1);
    outcome
}

fn told(outcome: &str, reason: &str) -> Value {
    json!({"cluster": "prod", "service": "web", "outcome": outcome, "reason": reason})
}

#[tokio::test]
async fn a_service_with_an_old_task_is_deployed() {
    let outcome = forced(|| {
        answer(200, &json!({"service": {"deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}]}}))
    });
    let mut expected = told("started", WHY);
    expected["deployment_id"] = json!("ecs-svc/1");
    assert_eq!(json!(outcome.await.unwrap()), expected);
}

#[tokio::test]
async fn a_service_that_needs_nothing_is_not_deployed() {
    let gone = mock!(Client::describe_services)
        .then_http_response(|| answer(200, &json!({"failures": [{"reason": "MISSING"}]})));
    let patched = running("ECS", NEW);
    let why =
        "all 1 running task(s) were created after Wed 2029-12-26 18:00 UTC: they are on the new revision";
    let rows = [(vec![&gone], "the service is gone"), (patched.iter().collect(), why)];
    for (rules, reason) in rows {
        assert_eq!(json!(handle(&ecs(&rules), &input()).await.unwrap()), told("skipped", reason));
    }
}

#[tokio::test]
async fn what_ecs_refuses_is_told_and_what_another_try_may_mend_fails() {
    let rows = [
        ("ServiceNotFoundException", Ok("skipped")), // deleted in between
        ("PlatformUnknownException", Ok("failed")),
        ("ThrottlingException", Err("CallFailed")),
        ("AccessDeniedException", Err("CallFailed")),
    ];
    for (code, expected) in rows {
        let outcome = forced(move || refusal(code)).await;
        let reason = format!("UpdateService failed: {code}: no");
        match (outcome, expected) {
            (Ok(outcome), Ok(kind)) => assert_eq!(json!(outcome), told(kind, &reason)),
            (outcome, expected) => {
                let failure = lambda_runtime::Diagnostic::from(outcome.unwrap_err());
                assert_eq!(Err(failure.error_type.as_str()), expected, "{code}");
                assert!(failure.error_message.ends_with(&reason), "{}", failure.error_message);
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_read_is_left_alone_and_fails() {
    let denied = mock!(Client::describe_services).then_http_response(|| refusal("AccessDeniedException"));
    let failure = handle(&ecs(&[&denied]), &input()).await.unwrap_err();
    assert!(matches!(failure, Failure::CallFailed { .. }), "{failure}");
    assert!(failure.to_string().contains("prod/web"), "{failure}");
}

#[tokio::test]
async fn what_ecs_cannot_force_is_told_with_what_to_run() {
    for (controller, start) in [
        ("CODE_DEPLOY", "aws deploy get-deployment --deployment-id d-123 "),
        ("EXTERNAL", "aws ecs describe-services --cluster prod --services web "),
    ] {
        let rules = running(controller, OLD);
        let outcome = handle(&ecs(&rules.iter().collect::<Vec<_>>()), &input()).await.unwrap();
        assert_eq!(outcome.outcome, OutcomeKind::NotActionable);
        assert!(outcome.reason.contains(controller), "{}", outcome.reason);
        assert!(outcome.command.as_ref().unwrap().starts_with(start), "{:?}", outcome.command);
    }
}

#[tokio::test]
async fn an_input_that_cannot_be_read_makes_no_call() {
    let mut edited = input();
    edited["slot"] = json!("Friday");
    for input in [edited, json!({}), json!("restart web please")] {
        let failure = handle(&ecs(&[]), &input).await.unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)), "{failure}");
    }
}
