//! What deploy does with services whose deployment controller is `CODE_DEPLOY`.

use crate::common::{
    NAME, NEW, NOW, OLD, VERIFY, WHY, answer, app_spec, calls, check, handle_at, input, revision, try_handle,
    with_code_deploy,
};
use fake_aws::{Aws, error, merged, without};
use rules::deploy::outcome::{DeployOutcome, DeployOutcomeKind};
use serde_json::{Value, json};

const ENABLED: (&str, &str) = ("ENABLE_CODE_DEPLOY", "true");

/// Handles the sample at its start time.
async fn handle(aws: &Aws) -> DeployOutcome {
    handle_at(aws, &[ENABLED], &input(&json!({})), NOW).await
}

/// A revision that CodeDeploy keeps and names by its hash alone.
fn by_hash() -> Value {
    json!({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "6f1ed002ab55"}})
}

#[tokio::test]
async fn codedeploy_deploys_the_running_task_definition_again_and_its_deployment_is_checked() {
    let content = json!({"content": app_spec("arn:web:6"), "sha256": "6f1ed002ab55"});
    for revision in [json!({"revisionType": "String", "string": content}), by_hash()] {
        let aws = with_code_deploy(&revision, None);
        let started = json!({"deployment_id": "d-3", "verify_at": "2029-12-28T22:03:00Z"});
        assert_eq!(json!(handle(&aws).await), merged(&answer("started", WHY), &started), "{revision}");
        let [created] = aws.sent("CreateDeployment").try_into().unwrap();
        assert_eq!(
            (&created["applicationName"], &created["deploymentGroupName"]),
            (&json!("the-app"), &json!("the-group"))
        );
        let spec = created["revision"]["appSpecContent"]["content"].as_str().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(spec).unwrap(),
            serde_json::from_str::<Value>(&app_spec("arn:web:7")).unwrap()
        );
        assert_eq!(without(aws.input_of(VERIFY), "story"), check(Some("d-3")));
        assert_eq!(
            (aws.notified(), aws.sent("UpdateService").len()),
            (vec!["Patch Started: web".to_owned()], 0)
        );
    }
}

#[tokio::test]
async fn a_new_deployment_in_codedeploy_is_checked_and_an_old_one_is_waited_for() {
    let aws = with_code_deploy(&revision(), Some(NEW));
    let outcome = handle(&aws).await;
    assert_eq!(
        (outcome.outcome, outcome.deployment_id.as_deref()),
        (DeployOutcomeKind::Skipped, Some("d-2"))
    );
    assert_eq!(without(aws.input_of(VERIFY), "story"), check(Some("d-2")));
    assert_eq!(aws.sent("CreateDeployment").len(), 0);

    let aws = with_code_deploy(&revision(), Some(OLD));
    let outcome = handle(&aws).await;
    assert_eq!(
        (outcome.outcome, json!(outcome.slot)),
        (DeployOutcomeKind::Postponed, json!("2029-12-28T22:11:00Z"))
    );
    assert!(outcome.reason.starts_with("deployment d-2, created "), "{}", outcome.reason);
    assert_eq!(aws.schedules().into_keys().collect::<Vec<_>>(), [NAME]);
    assert_eq!(aws.sent("CreateDeployment").len(), 0);
}

#[tokio::test]
async fn what_codedeploy_cannot_deploy_again_is_for_the_owner() {
    let s3 = json!({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "spec.yaml", "bundleType": "YAML"}});
    let denied = |code| Some(error(code, "no"));
    let rows = [
        (
            &s3,
            "",
            None,
            "not-actionable",
            "and the AppSpec of the last deployment is in s3://b/spec.yaml",
            "aws deploy get-deployment --deployment-id d-1 ",
        ),
        (
            &revision(),
            "GetDeployment",
            denied("DeploymentDoesNotExistException"),
            "not-actionable",
            "and CodeDeploy does not know the deployment that made its task set",
            "aws ecs describe-services --cluster prod --services web ",
        ),
        (
            &revision(),
            "CreateDeployment",
            denied("InvalidECSServiceException"),
            "failed",
            "CreateDeployment failed: InvalidECSServiceException: no",
            "aws deploy get-deployment --deployment-id d-1 ",
        ),
    ];
    for (revision, call, refusal, kind, reason, command) in rows {
        let aws = with_code_deploy(revision, None);
        if let Some(refusal) = refusal {
            aws.always(call, refusal);
        }
        let outcome = handle(&aws).await;
        assert_eq!(json!(outcome.outcome), kind);
        assert!(outcome.reason.contains(reason), "{}", outcome.reason);
        assert!(outcome.command.as_deref().unwrap().starts_with(command), "{outcome:?}");
        assert_eq!(
            (aws.messages().len(), aws.schedules().into_keys().collect::<Vec<_>>()),
            (1, vec![VERIFY.to_owned()]),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn codedeploy_is_read_before_the_calendars_and_only_where_it_would_deploy() {
    let reads = ["GetDeployment", "ListDeployments"];
    let calendars = ("CHANGE_CALENDARS", "Freeze");
    let aws = with_code_deploy(&revision(), None);
    aws.always("GetCalendarState", (200, json!({"State": "OPEN"})));
    let outcome = handle_at(&aws, &[ENABLED, calendars], &input(&json!({})), NOW).await;
    assert_eq!(outcome.outcome, DeployOutcomeKind::Started);
    let calls = calls(&aws);
    let last = |call: &str| calls.iter().rposition(|other| other == call).unwrap();
    assert!(reads.iter().all(|read| last(read) < last("GetCalendarState")), "{calls:?}");
    assert_eq!(last("CreateDeployment"), last("GetCalendarState") + 1, "{calls:?}");

    let late = json!({"window_ends_at": "2029-12-28T22:00:00Z", "scheduled_for": "2029-12-28T21:59:00Z"});
    for (parameters, changes) in [(&[ENABLED, ("MODE", "observe")][..], json!({})), (&[ENABLED], late)] {
        let aws = with_code_deploy(&revision(), None);
        handle_at(&aws, parameters, &input(&changes), NOW).await;
        assert_eq!(reads.map(|read| aws.sent(read).len()), [0, 0], "{parameters:?} {changes}");
    }
}

#[tokio::test]
async fn unreadable_codedeploy_fails_unless_something_blocks() {
    let parameters = [ENABLED, ("CHANGE_CALENDARS", "Freeze")];
    for (state, expected) in [("CLOSED", Ok(DeployOutcomeKind::Postponed)), ("OPEN", Err(()))] {
        let aws = with_code_deploy(&revision(), None);
        aws.always("GetCalendarState", (200, json!({"State": state})));
        aws.always("ListDeployments", error("AccessDeniedException", "no"));
        let found = try_handle(&aws, &parameters, &input(&json!({})), NOW).await;
        assert_eq!(found.map(|found| found.outcome).map_err(|_| ()), expected, "{state}");
        assert_eq!(aws.sent("CreateDeployment").len(), 0);
    }
}

#[tokio::test]
async fn without_the_parameter_codedeploy_is_not_called_and_the_owner_gets_the_command() {
    let aws = with_code_deploy(&revision(), None);
    aws.always("GetCalendarState", (200, json!({"State": "CLOSED"})));
    let outcome = handle_at(&aws, &[("CHANGE_CALENDARS", "Freeze")], &input(&json!({})), NOW).await;
    assert_eq!(outcome.outcome, DeployOutcomeKind::NotActionable);
    let reason = "the deployment controller is CODE_DEPLOY, and EnableCodeDeploy is false";
    assert_eq!(outcome.reason, format!("{WHY}, {reason}"));
    let command = outcome.command.expect("a command");
    assert!(command.starts_with("aws deploy get-deployment --deployment-id d-1 "), "{command}");
    assert!(aws.message().contains(&command), "{}", aws.message());
    let calls = calls(&aws);
    assert!(
        !calls.iter().any(|call| ["GetDeployment", "ListDeployments", "CreateDeployment"].contains(&&**call)),
        "{calls:?}"
    );
}
