//! The exact requests to AWS CodeDeploy, and how its answers are read.

use aws::code_deploy::{CodeDeploy, Created};
use chrono::DateTime;
use fake_aws::{Answer, Aws, error, in_turn, merged};
use rules::service::code_deploy::{CodeDeployment, CodeProgress, Revision};
use serde_json::{Value, json};

const EPOCH: i64 = 1_892_937_600; // 2029-12-26T00:00:00Z
const SPEC: &str = "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n";
const SHA: &str = "6f1ed002ab5595859014ebf0951522d9";

fn code_deploy(aws: &Aws) -> CodeDeploy {
    CodeDeploy::new(&aws.sdk(), "amazonaws.com")
}

fn last() -> CodeDeployment {
    CodeDeployment {
        id: "d-1".into(),
        application: "the-app".into(),
        group: "the-group".into(),
        created_at: DateTime::from_timestamp(EPOCH, 0),
        progress: CodeProgress::Succeeded,
        error: None,
        revision: Revision::Elsewhere("s3://bucket/spec.yaml".into()),
    }
}

/// The answer of `GetDeployment` for a deployment of a service.
fn deployment(changes: &Value) -> Answer {
    let info = json!({
        "deploymentId": "d-1", "applicationName": "the-app", "deploymentGroupName": "the-group",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce", "status": "Succeeded", "creator": "user",
        "createTime": EPOCH, "completeTime": EPOCH + 600, "computePlatform": "ECS",
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "deploymentOverview": {"Pending": 0, "InProgress": 0, "Succeeded": 1, "Failed": 0, "Skipped": 0, "Ready": 0},
        "revision": {
            "revisionType": "S3", "s3Location": {"bucket": "bucket", "key": "spec.yaml", "bundleType": "YAML"},
        },
    });
    (200, json!({"deploymentInfo": merged(&info, changes)}))
}

#[tokio::test]
async fn every_status_maps_to_a_progress() {
    use CodeProgress::{Failed, InProgress, Succeeded};
    let why = json!({"errorInformation": {"code": "HEALTH_CONSTRAINTS", "message": "too few healthy tasks"}});
    let rows = [
        ("Created", json!({}), InProgress, None),
        ("Queued", json!({}), InProgress, None),
        ("InProgress", json!({}), InProgress, None),
        ("Baking", json!({}), InProgress, None),
        ("Ready", json!({}), InProgress, None),
        ("Tomorrow", json!({}), InProgress, None),
        ("Succeeded", json!({}), Succeeded, None),
        ("Failed", json!({}), Failed, None),
        ("Failed", why.clone(), Failed, Some("too few healthy tasks")),
        ("Stopped", json!({}), Failed, Some("it was stopped")),
        ("Stopped", why, Failed, Some("too few healthy tasks")),
    ];
    for (status, changes, progress, error) in rows {
        let aws = Aws::that_answers([deployment(&merged(&json!({"status": status}), &changes))]);
        let error = error.map(str::to_owned);
        let expected = CodeDeployment { progress, error, ..last() };
        assert_eq!(code_deploy(&aws).get("d-1").await, Ok(Some(expected)), "{status}");
        assert_eq!(aws.requests(), [("GetDeployment".to_owned(), json!({"deploymentId": "d-1"}))]);
    }
}

#[tokio::test]
async fn a_revision_is_read_wherever_codedeploy_keeps_it() {
    let content = || Revision::Content(SPEC.into());
    let rows = [
        // GetDeployment never returns the content (API reference); GetApplicationRevision does, given the hash.
        (json!({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": SHA}}), content()),
        (json!({"revisionType": "String", "string": {"content": SPEC, "sha256": SHA}}), content()),
        (
            json!({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k/spec.yaml", "bundleType": "YAML"}}),
            Revision::Elsewhere("s3://b/k/spec.yaml".into()),
        ),
        (
            json!({"revisionType": "GitHub", "gitHubLocation": {"repository": "owner/name", "commitId": SHA}}),
            Revision::Elsewhere("the GitHub repository owner/name".into()),
        ),
    ];
    for (revision, expected) in rows {
        let aws = Aws::default();
        aws.always("GetDeployment", deployment(&json!({"revision": revision})));
        aws.on("GetApplicationRevision", |_, asked| {
            let by_hash = json!({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": SHA}});
            assert_eq!(*asked, json!({"applicationName": "the-app", "revision": by_hash}));
            let whole = json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": SPEC, "sha256": SHA}});
            (200, json!({"applicationName": "the-app", "revision": whole, "revisionInfo": {"registerTime": EPOCH}}))
        });
        let found = code_deploy(&aws).last("d-1").await.unwrap().unwrap();
        assert_eq!(found.revision, expected, "{revision}");
    }
}

#[tokio::test]
async fn an_unknown_deployment_is_none_and_any_other_error_is_an_error() {
    let rows = [
        ("DeploymentDoesNotExistException", Ok(None)),
        ("InvalidDeploymentIdException", Ok(None)),
        ("AccessDeniedException", Err("GetDeployment failed: AccessDeniedException: no".to_owned())),
    ];
    for (code, expected) in rows {
        let aws = Aws::that_answers([error(code, "no")]);
        assert_eq!(code_deploy(&aws).get("d-1").await.map_err(|error| error.to_string()), expected);
    }
}

#[tokio::test]
async fn a_running_deployment_is_searched_in_the_deployment_group_of_the_last_one() {
    let asked = json!({
        "applicationName": "the-app", "deploymentGroupName": "the-group",
        "includeOnlyStatuses": ["Created", "Queued", "InProgress", "Baking", "Ready"],
    });
    let running = deployment(&json!({"deploymentId": "d-2", "status": "InProgress"}));
    let rows = [
        (vec![(200, json!({"deployments": []}))], None),
        (
            vec![(200, json!({"deployments": ["d-2"]})), running],
            Some(CodeDeployment { id: "d-2".into(), progress: CodeProgress::InProgress, ..last() }),
        ),
    ];
    for (answers, expected) in rows {
        let aws = Aws::that_answers(answers);
        assert_eq!(code_deploy(&aws).running(&last()).await, Ok(expected));
        assert_eq!(aws.sent("ListDeployments"), std::slice::from_ref(&asked));
    }
    let aws = Aws::that_answers([error("AccessDeniedException", "no")]);
    let failed = code_deploy(&aws).running(&last()).await.unwrap_err().to_string();
    assert_eq!(failed, "ListDeployments failed: AccessDeniedException: no");
}

#[tokio::test]
async fn create_deployment_sends_exactly_this_request() {
    let aws = Aws::that_answers([(200, json!({"deploymentId": "d-2"}))]);
    let created = code_deploy(&aws).create(&last(), SPEC).await;
    assert_eq!(created, Ok(Created::Started("d-2".into())));
    let asked = json!({
        "applicationName": "the-app",
        "deploymentGroupName": "the-group",
        "description": "ECS Task Patching Automation: the running task definition, on Fargate's newest revision",
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": SPEC}},
    });
    assert_eq!(aws.requests(), [("CreateDeployment".to_owned(), asked)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final_and_any_other_error_can_be_retried() {
    type Made = fn(String) -> Result<Created, String>;
    let refused: Made = |text| Ok(Created::Refused(text));
    let rows: [(&str, Made); 9] = [
        ("InvalidRevisionException", refused),
        ("InvalidECSServiceException", refused),
        ("InvalidRoleException", refused),
        ("ApplicationDoesNotExistException", refused),
        ("DeploymentGroupDoesNotExistException", refused),
        ("DeploymentConfigDoesNotExistException", refused),
        ("DeploymentLimitExceededException", Err),
        ("AccessDeniedException", Err),
        ("ThrottlingException", Err),
    ];
    for (code, expected) in rows {
        let aws = Aws::default();
        aws.on("CreateDeployment", in_turn(&[error(code, "no")]));
        let created = code_deploy(&aws).create(&last(), SPEC).await.map_err(|error| error.to_string());
        assert_eq!(created, expected(format!("CreateDeployment failed: {code}: no")));
        assert_eq!(aws.requests().len(), 1, "{code}: the deployment may have started");
    }
}
