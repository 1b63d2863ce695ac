//! What deploy does with a service at its slot, on an AWS that speaks its wire formats.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use aws::{Failure, config::Config};
use deploy::{Deploy, Outcome, OutcomeKind};
use fake_aws::{Aws, CREATE, environment, error, merged};
use serde_json::{Value, json};

const NOW: &str = "2029-12-28T22:00:03Z";
const OLD: i64 = 1_893_002_400; // the sample's cut-off
const NEW: i64 = OLD + 1;
const JUST_NOW: i64 = 1_893_189_300; // five minutes before the slot
const WHY: &str = "1 of 1 running task(s) were created before Wed 2029-12-26 18:00 UTC";
const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
const VERIFY: &str = "prod.web.bf04ed89e1afdadd0c43.verify";

fn input() -> Value {
    serde_json::from_str(include_str!("../../../events/deploy-input.json")).unwrap()
}

/// An AWS with an active service that has one task, created at that time.
fn with_service(changes: &Value, created_at: i64) -> Aws {
    let aws = Aws::default();
    change(&aws, changes, created_at);
    let deployments = json!([{"id": "ecs-svc/2", "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}]);
    aws.always("UpdateService", (200, json!({"service": {"deployments": deployments}})));
    aws
}

fn change(aws: &Aws, changes: &Value, created_at: i64) {
    let service = merged(&json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 1}), changes);
    aws.service(&service, &[json!({"createdAt": created_at})], &[]);
}

fn rolling(id: &str, created_at: i64) -> Value {
    json!({"deployments": [
        {"id": id, "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "createdAt": created_at, "failedTasks": 0},
    ]})
}

/// A service that CodeDeploy deploys: what runs, and the last deployment with its revision.
fn with_code_deploy(revision: &Value, running: Option<i64>) -> Aws {
    let set = json!({
        "id": "ecs-svc/1", "status": "PRIMARY", "externalId": "d-1", "taskDefinition": "arn:web:7",
        "platformVersion": "1.4.0", "loadBalancers": [{"containerName": "app", "containerPort": 8080}],
    });
    let aws = with_service(&json!({"deploymentController": {"type": "CODE_DEPLOY"}, "taskSets": [set]}), OLD);
    let revision = revision.clone();
    aws.on("GetDeployment", move |_, asked| {
        let id = &asked["deploymentId"];
        let created = if id == "d-1" { Some(0) } else { running };
        let status = if id == "d-1" { "Succeeded" } else { "InProgress" };
        (
            200,
            json!({"deploymentInfo": {
                "deploymentId": id, "applicationName": "the-app", "deploymentGroupName": "the-group",
                "status": status, "createTime": created, "revision": revision, "computePlatform": "ECS",
            }}),
        )
    });
    aws.on("GetApplicationRevision", |_, asked| {
        let whole = json!({"content": app_spec("arn:web:6"), "sha256": asked["revision"]["appSpecContent"]["sha256"]});
        let revision = json!({"revisionType": "AppSpecContent", "appSpecContent": whole});
        (200, json!({"applicationName": asked["applicationName"], "revision": revision}))
    });
    let ids = running.map_or(json!([]), |_| json!(["d-2"]));
    aws.always("ListDeployments", (200, json!({"deployments": ids})));
    aws.always("CreateDeployment", (200, json!({"deploymentId": "d-3"})));
    aws
}

fn app_spec(definition: &str) -> String {
    let properties = json!({
        "TaskDefinition": definition, "PlatformVersion": "1.4.0",
        "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
    });
    json!({
        "version": 0.0,
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}],
        "Hooks": [{"AfterAllowTraffic": "arn:check"}],
    })
    .to_string()
}

fn by_hash() -> Value {
    json!({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "6f1ed002ab55"}})
}

/// The schedule as ingest left it, with these changes.
fn fired(changes: &Value) -> Value {
    let target = json!({"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": input().to_string()});
    let schedule = json!({
        "ScheduleExpression": "at(2029-12-28T22:00:00)", "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "ENABLED", "Target": target,
    });
    merged(&schedule, changes)
}

async fn handle_at(aws: &Aws, input: &Value, now: &str) -> Result<Outcome, Failure> {
    let deploy = Deploy::new(&aws.sdk(), Config::read(&environment).expect("a configuration"));
    deploy.handle(input, now.parse().expect("a date of the test")).await
}

async fn handle(aws: &Aws) -> Outcome {
    handle_at(aws, &input(), NOW).await.expect("an outcome")
}

fn told(outcome: &str, reason: &str) -> Value {
    json!({"cluster": "prod", "service": "web", "outcome": outcome, "reason": reason})
}

/// The first lines of the messages.
fn titles(aws: &Aws) -> Vec<String> {
    aws.messages().iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect()
}

/// What verify is handed for this deployment.
fn look(deployment: Option<&str>) -> Value {
    json!({
        "version": 1, "kind": "service", "cluster": "prod", "service": "web", "notices": input()["notices"],
        "deployment": deployment, "since": NOW, "look": 0, "told": false,
    })
}

#[tokio::test]
async fn a_service_with_an_old_task_is_deployed_and_handed_to_verify_and_once_is_enough() {
    let aws = with_service(&json!({}), OLD);
    let verify_at = json!("2029-12-28T22:03:00Z");
    let started = json!({"deployment_id": "ecs-svc/2", "verify_at": verify_at});
    assert_eq!(json!(handle(&aws).await), merged(&told("started", WHY), &started));
    assert_eq!((aws.told(), aws.messages()), (vec!["Patch Started: web".to_owned()], Vec::new()));
    let arn = "arn:aws:ecs:eu-west-2:111122223333:service/prod/web";
    let detail = json!({
        "cluster": "prod", "service": "web", "service_arn": arn, "notices": input()["notices"],
        "slot": "2029-12-28T22:00:00Z", "deadline": "2030-01-02T16:00:00Z", "reason": WHY,
        "deployment_id": "ecs-svc/2",
    });
    assert_eq!(aws.events()[0]["Detail"], detail);
    assert_eq!(aws.input_of(VERIFY), look(Some("ecs-svc/2")));
    let schedules = aws.schedules();
    assert_eq!(schedules[VERIFY]["ScheduleExpression"], "at(2029-12-28T22:03:00)");
    assert_eq!(schedules[VERIFY]["Target"]["Arn"], "arn:verify");

    change(&aws, &rolling("ecs-svc/2", OLD + 200_000), OLD);
    let again = handle_at(&aws, &input(), "2029-12-28T22:00:40Z").await.unwrap();
    assert_eq!(again.outcome, OutcomeKind::Skipped);
    assert_eq!((json!(again.verify_at), again.deployment_id.as_deref()), (verify_at, Some("ecs-svc/2")));
    assert_eq!((aws.sent("UpdateService").len(), aws.schedules()), (1, schedules));
}

#[tokio::test]
async fn a_service_that_needs_nothing_is_not_deployed_and_one_that_was_just_deployed_is_verified() {
    let patched =
        "all 1 running task(s) were created after Wed 2029-12-26 18:00:00 UTC: they are on the new revision";
    let under_way = "deployment ecs-svc/9, created after Wed 2029-12-26 18:00 UTC, is replacing the tasks";
    let rows = [
        (json!({}), NEW, patched, None),
        (json!({}), JUST_NOW, patched, Some(None)), // perhaps by a delivery before, which did not come that far
        (rolling("ecs-svc/9", NEW), OLD, under_way, Some(Some("ecs-svc/9"))),
        (json!({"status": "DRAINING"}), OLD, "the service is DRAINING", None),
        (json!({"desiredCount": 0}), OLD, "the service's desired count is 0: no task is to be patched", None),
    ];
    for (changes, created_at, reason, verified) in rows {
        let aws = with_service(&changes, created_at);
        let outcome = handle(&aws).await;
        assert_eq!((outcome.outcome, outcome.reason.as_str()), (OutcomeKind::Skipped, reason));
        assert_eq!(outcome.verify_at.is_some(), verified.is_some(), "{reason}");
        match verified {
            Some(deployment) => assert_eq!(aws.input_of(VERIFY), look(deployment)),
            None => assert!(aws.schedules().is_empty(), "{reason}"),
        }
        assert_eq!(aws.told(), ["Patch Skipped: web"]);
        // A service that somebody else has patched is told of here; verify tells of the others.
        let told = usize::from(reason == patched && verified.is_none());
        assert_eq!((aws.messages().len(), aws.sent("UpdateService").len()), (told, 0), "{reason}");
    }
    let aws = Aws::default();
    aws.always("DescribeServices", (200, json!({"failures": [{"reason": "MISSING"}]})));
    assert_eq!(json!(handle(&aws).await), told("skipped", "the service is gone"));
}

#[tokio::test]
async fn a_pending_look_is_joined_by_what_it_does_not_know() {
    let other = merged(&input()["notices"][0], &json!({"event_arn": "arn:another"}));
    let rows = [
        (
            "another deployment",
            json!({"deployment": "ecs-svc/1", "look": 4, "told": true}),
            input()["notices"].clone(),
        ),
        ("another notice", json!({"notices": [other]}), json!([input()["notices"][0], other])),
    ];
    for (row, pending, notices) in rows {
        let aws = with_service(&json!({}), OLD);
        let schedule = |input: Value| {
            let target = json!({"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input.to_string()});
            fired(&json!({"ScheduleExpression": "at(2029-12-28T22:40:00)", "Target": target}))
        };
        aws.schedule(VERIFY, schedule(merged(&look(Some("ecs-svc/2")), &pending)));
        assert_eq!(json!(handle(&aws).await.verify_at), "2029-12-28T22:03:00Z", "{row}");
        let expected = merged(&look(Some("ecs-svc/2")), &json!({"notices": notices}));
        assert_eq!(aws.input_of(VERIFY), expected, "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_ecs_refuses_is_told_and_what_another_try_may_mend_fails() {
    let command = "aws ecs update-service --cluster prod --service web --force-new-deployment";
    let rows = [
        ("ServiceNotFoundException", Ok(("skipped", "Patch Skipped"))), // deleted in between
        ("PlatformUnknownException", Ok(("failed", "Patch Failed"))),
        ("ThrottlingException", Err("CallFailed")),
        ("AccessDeniedException", Err("CallFailed")),
    ];
    for (code, expected) in rows {
        let aws = with_service(&json!({}), OLD);
        aws.always("UpdateService", error(code, "no"));
        let outcome = handle_at(&aws, &input(), NOW).await;
        let reason = format!("UpdateService failed: {code}: no");
        assert!(aws.schedules().is_empty(), "{code}");
        match (outcome, expected) {
            (Ok(outcome), Ok((kind, event))) => {
                let failed = kind == "failed";
                let command = if failed { json!({"command": command}) } else { json!({}) };
                assert_eq!(json!(outcome), merged(&told(kind, &reason), &command));
                assert_eq!(aws.told(), [format!("{event}: web")]);
                assert_eq!(
                    titles(&aws),
                    vec!["Failed: prod/web could not be redeployed"; usize::from(failed)]
                );
                assert!(!failed || aws.messages()[0].contains(command["command"].as_str().unwrap()));
            }
            (outcome, expected) => {
                let failure = lambda_runtime::Diagnostic::from(outcome.unwrap_err());
                assert_eq!(Err(failure.error_type.as_str()), expected, "{code}");
                assert!(failure.error_message.ends_with(&reason), "{}", failure.error_message);
                assert_eq!((aws.told(), titles(&aws)), (Vec::new(), Vec::new()), "{code}");
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_read_is_left_alone_and_fails() {
    let aws = with_service(&json!({}), OLD);
    aws.always("DescribeServices", error("AccessDeniedException", "no"));
    let failure = handle_at(&aws, &input(), NOW).await.unwrap_err();
    assert!(matches!(failure, Failure::CallFailed { .. }), "{failure}");
    assert!(failure.to_string().contains("prod/web"), "{failure}");
    assert_eq!(aws.requests().len(), 1);
}

#[tokio::test]
async fn an_input_that_cannot_be_read_makes_no_call() {
    let edited = merged(&input(), &json!({"slot": "Friday"}));
    for input in [edited, json!({}), json!("restart web please")] {
        let aws = Aws::default();
        let failure = handle_at(&aws, &input, NOW).await.unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)), "{failure}");
        assert_eq!(aws.requests(), []);
    }
}

#[tokio::test]
async fn what_nobody_but_a_person_can_deploy_is_told_with_what_to_run() {
    for controller in ["EXTERNAL", "CODE_DEPLOY", "TOMORROW"] {
        let aws = with_service(&json!({"deploymentController": {"type": controller}}), OLD);
        let outcome = handle(&aws).await;
        assert_eq!(outcome.outcome, OutcomeKind::NotActionable);
        assert!(outcome.reason.contains(controller), "{}", outcome.reason);
        let command = outcome.command.expect("a command");
        assert!(command.starts_with("aws ecs describe-services --cluster prod --services web "), "{command}");
        assert_eq!(
            (aws.told(), titles(&aws)),
            (vec!["Patch Needs Attention: web".into()], vec!["Needs attention: prod/web".into()])
        );
        assert!(aws.messages()[0].contains(&command), "{}", aws.messages()[0]);
        assert!(aws.schedules().is_empty());
    }
}

#[tokio::test]
async fn codedeploy_deploys_what_runs_once_more_and_verify_is_handed_its_deployment() {
    let content = json!({"content": app_spec("arn:web:6"), "sha256": "6f1ed002ab55"});
    for revision in [json!({"revisionType": "String", "string": content}), by_hash()] {
        let aws = with_code_deploy(&revision, None);
        let started = json!({"deployment_id": "d-3", "verify_at": "2029-12-28T22:03:00Z"});
        assert_eq!(json!(handle(&aws).await), merged(&told("started", WHY), &started), "{revision}");
        let [created] = aws.sent("CreateDeployment").try_into().expect("one deployment");
        assert_eq!(
            (&created["applicationName"], &created["deploymentGroupName"]),
            (&json!("the-app"), &json!("the-group"))
        );
        let spec = created["revision"]["appSpecContent"]["content"].as_str().expect("an AppSpec");
        assert_eq!(
            serde_json::from_str::<Value>(spec).unwrap(),
            serde_json::from_str::<Value>(&app_spec("arn:web:7")).unwrap()
        );
        assert_eq!(aws.input_of(VERIFY), look(Some("d-3")));
        assert_eq!((aws.told(), aws.sent("UpdateService").len()), (vec!["Patch Started: web".to_owned()], 0));
    }
}

#[tokio::test]
async fn codedeploys_own_deployment_is_verified_if_it_is_new_and_waited_for_if_it_is_old() {
    let revision = json!({"revisionType": "String", "string": {"content": app_spec("arn:web:6")}});
    let aws = with_code_deploy(&revision, Some(NEW));
    let outcome = handle(&aws).await;
    assert_eq!((outcome.outcome, outcome.deployment_id.as_deref()), (OutcomeKind::Skipped, Some("d-2")));
    assert_eq!(aws.input_of(VERIFY), look(Some("d-2")));
    assert_eq!(aws.sent("CreateDeployment").len(), 0);

    let aws = with_code_deploy(&revision, Some(OLD));
    let outcome = handle(&aws).await;
    assert_eq!(
        (outcome.outcome, json!(outcome.slot)),
        (OutcomeKind::Postponed, json!("2029-12-28T22:11:00Z"))
    );
    assert!(outcome.reason.starts_with("deployment d-2, created "), "{}", outcome.reason);
    assert_eq!(aws.schedules().into_keys().collect::<Vec<_>>(), [NAME]);
    assert_eq!(aws.sent("CreateDeployment").len(), 0);
}

#[tokio::test]
async fn what_codedeploy_cannot_be_asked_for_is_asked_of_a_person() {
    let s3 = json!({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "spec.yaml", "bundleType": "YAML"}});
    let text = json!({"revisionType": "String", "string": {"content": app_spec("arn:web:6")}});
    let denied = |code| Some(error(code, "no"));
    let rows = [
        (
            &s3,
            "",
            None,
            "not-actionable",
            "and the AppSpec of the last deployment is in s3://b/spec.yaml",
            Some("aws deploy get-deployment --deployment-id d-1 "),
        ),
        (
            &text,
            "GetDeployment",
            denied("DeploymentDoesNotExistException"),
            "not-actionable",
            "and its last deployment is unknown to CodeDeploy",
            Some("aws ecs describe-services --cluster prod --services web "),
        ),
        (
            &text,
            "CreateDeployment",
            denied("InvalidECSServiceException"),
            "failed",
            "CreateDeployment failed: InvalidECSServiceException: no",
            Some("aws deploy get-deployment --deployment-id d-1 "),
        ),
    ];
    for (revision, call, answer, kind, reason, command) in rows {
        let aws = with_code_deploy(revision, None);
        if let Some(answer) = answer {
            aws.always(call, answer);
        }
        let outcome = handle(&aws).await;
        assert_eq!(json!(outcome.outcome), kind);
        assert!(outcome.reason.contains(reason), "{}", outcome.reason);
        let found = outcome.command.as_deref();
        assert_eq!(
            found.map(|found| found.starts_with(command.unwrap_or("?"))),
            command.map(|_| true),
            "{found:?}"
        );
        assert_eq!((aws.messages().len(), aws.schedules().len()), (1, 0), "{reason}");
    }
}

#[tokio::test]
async fn a_foreign_rollout_is_waited_for_in_the_window() {
    let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
    aws.schedule(NAME, fired(&json!({}))); // it is still there
    let outcome = handle(&aws).await;
    let reason = "deployment ecs-svc/1, created before Wed 2029-12-26 18:00 UTC, is still rolling out; the same window, at \
                  Fri 2029-12-28 22:11 UTC";
    let slot = "2029-12-28T22:11:00Z";
    assert_eq!(json!(outcome), merged(&told("postponed", reason), &json!({"slot": slot})));
    let scheduled_for = "<aws.scheduler.scheduled-time>";
    let input = merged(&input(), &json!({"slot": slot, "attempt": 1, "scheduled_for": scheduled_for}));
    assert_eq!(aws.input_of(NAME), input);
    let schedules = aws.schedules();
    assert_eq!(schedules.keys().collect::<Vec<_>>(), [NAME]);
    assert_eq!(schedules[NAME]["ScheduleExpression"], "at(2029-12-28T22:11:00)");
    assert_eq!(schedules[NAME]["Target"]["Arn"], "arn:deploy");
    let seconds = (3 * 60 + 49) * 60; // until the window closes
    assert_eq!(schedules[NAME]["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"], seconds);
    assert_eq!(
        (aws.told(), titles(&aws)),
        (vec!["Patch Postponed: web".into()], vec!["Postponed: prod/web".into()])
    );
    assert_eq!(aws.events()[0]["Detail"]["slot"], slot);
    assert!(
        aws.messages()[0].contains("it is tried again at Fri 2029-12-28 22:11 UTC"),
        "{}",
        aws.messages()[0]
    );

    let again = handle(&aws).await; // delivered twice
    assert_eq!((json!(again.slot), aws.schedules()), (json!(slot), schedules));
    assert!(again.reason.ends_with("; it is scheduled again already"), "{}", again.reason);
    assert_eq!(aws.sent("UpdateService").len(), 0);
}

#[tokio::test]
async fn after_the_window_the_next_slot_is_waited_for_and_after_the_last_a_person_is_told() {
    let starts_at = |date: &str| {
        let notice = merged(&input()["notices"][0], &json!({"starts_at": date}));
        merged(&input(), &json!({"notices": [notice]}))
    };
    let rows = [
        ("2030-01-09T18:00:00Z", Some("2030-01-04T22:00:00Z")),
        ("2030-01-02T18:00:00Z", Some("2030-01-01T22:00:00Z")), // the same hours on the last other day
        ("2029-12-29T04:00:00Z", None),
    ];
    for (date, slot) in rows {
        let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
        let outcome = handle_at(&aws, &starts_at(date), "2029-12-29T01:51:00Z").await.unwrap();
        assert_eq!(json!(outcome.slot), json!(slot), "{date}");
        if let Some(slot) = slot {
            assert_eq!(outcome.outcome, OutcomeKind::Postponed);
            assert_eq!(aws.input_of(NAME)["slot"], slot);
        } else {
            assert_eq!(outcome.outcome, OutcomeKind::NotActionable);
            assert!(aws.schedules().is_empty(), "{:?}", aws.schedules());
            let command = outcome.command.expect("a command");
            assert_eq!(command, "aws ecs update-service --cluster prod --service web --force-new-deployment");
            assert_eq!(aws.told(), ["Patch Needs Attention: web"]);
            assert!(
                aws.messages()[0].contains("no window of Fri 22:00-02:00 UTC fits"),
                "{}",
                aws.messages()[0]
            );
            assert!(aws.messages()[0].contains(&command), "{}", aws.messages()[0]);
        }
    }
}

#[tokio::test]
async fn a_schedule_that_a_person_disabled_in_between_stays_so_and_they_are_told() {
    let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
    aws.schedule(NAME, fired(&json!({"State": "DISABLED"})));
    let (before, outcome) = (aws.schedules(), handle(&aws).await);
    assert_eq!((outcome.outcome, outcome.slot), (OutcomeKind::Postponed, None));
    assert_eq!(aws.schedules(), before);
    assert!(
        aws.messages()[0].contains("Enable the schedule, or deploy the service yourself"),
        "{}",
        aws.messages()[0]
    );
}

#[tokio::test]
async fn a_hold_that_is_released_late_waits_for_the_next_window_and_a_persons_own_time_does_not() {
    let rows = [
        ("2029-12-28T22:00:00Z", OutcomeKind::Postponed),
        ("2029-12-29T02:30:00Z", OutcomeKind::Started),
        ("<aws.scheduler.scheduled-time>", OutcomeKind::Started), // handed over by a person
    ];
    for (scheduled_for, expected) in rows {
        let aws = with_service(&json!({}), OLD);
        let input = merged(&input(), &json!({"scheduled_for": scheduled_for}));
        let outcome = handle_at(&aws, &input, "2029-12-29T02:30:05Z").await.unwrap();
        assert_eq!(outcome.outcome, expected, "{scheduled_for}: {}", outcome.reason);
        assert_eq!(aws.sent("UpdateService").len(), usize::from(expected == OutcomeKind::Started));
    }
}

#[tokio::test(start_paused = true)]
async fn that_nobody_can_be_told_never_fails_a_deployment() {
    let aws = with_service(&json!({}), OLD);
    for call in ["PutEvents", "Publish"] {
        aws.always(call, (500, json!({"__type": "InternalException", "message": "later"})));
    }
    assert_eq!(handle(&aws).await.outcome, OutcomeKind::Started);
    change(&aws, &rolling("ecs-svc/1", OLD), OLD);
    assert_eq!(handle(&aws).await.outcome, OutcomeKind::Postponed);
    assert!(aws.sent("Publish").len() > 1);
}

#[tokio::test]
async fn a_deployment_that_verify_cannot_be_handed_fails_so_that_it_is_tried_again() {
    let aws = with_service(&json!({}), OLD);
    aws.always(&format!("{CREATE}{VERIFY}"), error("AccessDeniedException", "no"));
    let failure = handle_at(&aws, &input(), NOW).await.unwrap_err().to_string();
    assert_eq!(failure, "prod/web: CreateSchedule failed: AccessDeniedException: no");
}
