//! What a verification check of a service finds, and whom it notifies.

use crate::common::{
    FORCE, LATER, NAME, OLD, SOON, STARTED, answer, change, check, deployment, ended, fires, handle,
    handle_with, notice, primary, scheduled, with_pause, with_service,
};
use fake_aws::{Aws, CREATE, error, in_turn, merged};
use serde_json::{Value, json};

/// How the two old tasks are counted.
const OLD_TASKS: &str = "2 of 2 running tasks were created before Wed 26 Dec 2029 18:00 UTC";

#[tokio::test]
async fn a_service_whose_tasks_are_all_new_is_patched_and_its_owner_is_notified() {
    let new: Vec<i64> = (1..=250).map(|nth| STARTED + nth).collect();
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &new);
    let proof = "all 250 running tasks were created by deployment ecs-svc/2 after Wed 26 Dec 2029 18:00:00 UTC, the oldest at \
                 Fri 28 Dec 2029 22:00:04 UTC";
    assert_eq!(handle(&aws, &check(&json!({})), SOON).await.unwrap(), answer("completed", proof));
    assert_eq!(
        (aws.notified(), aws.subjects()),
        (vec!["Patch Completed: web".into()], vec!["Patched: prod/web".into()])
    );
    let arn = "arn:aws:ecs:eu-west-2:111122223333:service/prod/web";
    let detail = json!({
        "cluster": "prod", "service": "web", "service_arn": arn, "notices": [notice()], "reason": proof,
        "deadline": "2030-01-02T16:00:00Z", "deployment_id": "ecs-svc/2",
    });
    assert_eq!(aws.events()[0]["Detail"], detail);
    assert!(aws.schedules().is_empty());
    assert_eq!(["ListTasks", "DescribeTasks"].map(|call| aws.sent(call).len()), [3, 3]);

    // One old task, on the last page.
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &[&new[..], &[OLD]].concat());
    let found = handle(&aws, &check(&json!({})), SOON).await.unwrap();
    assert_eq!(found["outcome"], "rolling");
}

#[tokio::test]
async fn a_newer_deployment_of_somebody_else_is_a_proof_as_well() {
    let aws = with_service(&json!([primary("ecs-svc/7", "COMPLETED")]), &[STARTED + 1; 2]);
    let found = handle(&aws, &check(&json!({})), LATER).await.unwrap();
    assert_eq!(found["outcome"], "completed");
    let reason = found["reason"].as_str().unwrap();
    assert!(reason.contains("by deployment ecs-svc/7 (which replaced ecs-svc/2)"), "{reason}");
}

#[tokio::test]
async fn a_service_with_nothing_to_patch_is_skipped_and_its_owner_is_notified() {
    let missing = (200, json!({"services": [], "failures": [{"arn": "web", "reason": "MISSING"}]}));
    let (aws, gone) = (with_service(&json!([]), &[]), with_service(&json!([]), &[]));
    gone.always("DescribeServices", missing);
    for (aws, reason) in [(aws, "the service's desired count is 0"), (gone, "the service no longer exists")] {
        assert_eq!(handle(&aws, &check(&json!({})), SOON).await.unwrap(), answer("skipped", reason));
        assert_eq!((aws.notified(), aws.schedules().len()), (vec!["Patch Skipped: web".to_owned()], 0));
        assert_eq!(aws.subjects(), ["Skipped: prod/web"]);
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table, whose rows are the rules")]
async fn the_owner_is_notified_of_a_failure_once_with_the_reasons_that_ecs_gives() {
    let breaker = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    let alarm = "Service deployment rolled back because of CloudWatch alarm(s) in ALARM state: web-5xx.";
    let hook = "Service deployment rolled back because of a lifecycle hook failure.";
    let back = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.";
    let failed = deployment(
        "ecs-svc/2",
        "ACTIVE",
        "FAILED",
        "ECS deployment circuit breaker: tasks failed to start.",
        3,
    );
    // A sentence of ECS becomes a part of ours.
    let part = |sentence: &str| sentence.trim_end_matches('.').to_owned();
    let rows = [
        (
            "the circuit breaker rolled back, and the old deployment is the primary one again",
            json!([deployment("ecs-svc/3", "PRIMARY", "COMPLETED", back, 0), failed]),
            ended("ROLLBACK_SUCCESSFUL", breaker),
            format!(
                "deployment ecs-svc/2 was rolled back by deployment ecs-svc/3: {}; {OLD_TASKS}",
                part(back)
            ),
            format!("deployment ROLLBACK_SUCCESSFUL: {}; ", part(breaker)),
        ),
        (
            "the circuit breaker rolled back long ago",
            json!([primary("ecs-svc/3", "COMPLETED")]),
            ended("ROLLBACK_SUCCESSFUL", breaker),
            format!("deployment ecs-svc/2 no longer exists: it was rolled back or replaced; {OLD_TASKS}"),
            format!("deployment ROLLBACK_SUCCESSFUL: {}; ", part(breaker)),
        ),
        (
            "alarms failed it, and nothing is rolled back",
            json!([deployment("ecs-svc/2", "PRIMARY", "FAILED", "ECS deployment failed: alarm web-5xx.", 0)]),
            ended("STOPPED", alarm),
            format!("deployment ecs-svc/2 failed: ECS deployment failed: alarm web-5xx; {OLD_TASKS}"),
            format!("deployment STOPPED: {}; ", part(alarm)),
        ),
        (
            "native blue/green rolled back",
            json!([primary("ecs-svc/1", "COMPLETED")]),
            ended("ROLLBACK_SUCCESSFUL", hook),
            format!("deployment ecs-svc/2 no longer exists: it was rolled back or replaced; {OLD_TASKS}"),
            format!("deployment ROLLBACK_SUCCESSFUL: {}; ", part(hook)),
        ),
        (
            "tasks fail to start, without a circuit breaker",
            json!([deployment(
                "ecs-svc/2",
                "PRIMARY",
                "IN_PROGRESS",
                "ECS deployment ecs-svc/2 in progress.",
                3
            )]),
            (200, json!({"serviceDeployments": []})),
            format!("deployment ecs-svc/2 is stuck: 3 tasks failed in a row; {OLD_TASKS}"),
            String::new(),
        ),
        (
            "ECS cannot be asked why",
            json!([primary("ecs-svc/1", "COMPLETED")]),
            error("AccessDeniedException", "no"),
            format!("deployment ecs-svc/2 no longer exists: it was rolled back or replaced; {OLD_TASKS}"),
            "(incomplete: ListServiceDeployments failed: AccessDeniedException: no); ".to_owned(),
        ),
    ];
    for (row, deployments, why, reason, explained) in rows {
        let aws = Aws::default();
        let old = json!({"createdAt": OLD});
        let stopped = json!({
            "createdAt": STARTED + 5, "stoppedReason": "Task failed ELB health checks", "stopCode": "ServiceSchedulerInitiated",
            "containers": [{"name": "app", "exitCode": 137}],
        });
        let event =
            json!({"id": "1", "createdAt": STARTED + 6, "message": "(service web) deployment failed."});
        let service = json!({
            "serviceName": "web", "status": "ACTIVE", "desiredCount": 2, "deployments": deployments, "events": [event],
        });
        aws.service(&service, &[old.clone(), old], &[stopped]);
        aws.always("ListServiceDeployments", why.clone());
        let troubles = "a task stopped: Task failed ELB health checks; app: exit code 137; (service web) deployment failed";
        let expected = format!("{reason}. ECS says: {explained}{troubles}");
        let found = handle(&aws, &check(&json!({})), LATER).await.unwrap();
        let next = json!({"verify_at": "2029-12-28T23:03:00Z"});
        assert_eq!(found, merged(&answer("needs-attention", &expected), &next), "{row}");
        assert_eq!(
            (aws.notified(), aws.subjects()),
            (vec!["Patch Needs Attention: web".into()], vec!["Needs attention: prod/web".into()]),
            "{row}"
        );
        assert_eq!(aws.events()[0]["Detail"]["reason"], expected, "{row}");
        assert!(aws.message().contains(FORCE), "{row}");

        for _ in 0..3 {
            let (input, now) = (aws.input_of(NAME), fires(&aws, NAME));
            assert_eq!(input["told"], true, "{row}");
            assert_eq!(handle(&aws, &input, &now).await.unwrap()["outcome"], "needs-attention", "{row}");
        }
        assert_eq!((aws.notified().len(), aws.messages().len()), (1, 1), "{row}");

        // Somebody has fixed it.
        change(&aws, &json!({"deployments": [primary("ecs-svc/9", "COMPLETED")]}), &[STARTED + 9_000; 2]);
        let found = handle(&aws, &aws.input_of(NAME), &fires(&aws, NAME)).await.unwrap();
        assert_eq!((&found["outcome"], aws.messages().len()), (&json!("completed"), 2), "{row}");
    }
}

#[tokio::test]
async fn a_rollout_is_checked_after_growing_pauses_until_the_retirement_date_and_reported_at_the_deadline() {
    let aws = with_service(&json!([primary("ecs-svc/2", "IN_PROGRESS")]), &[OLD, STARTED + 9]);
    let (mut input, mut now, mut checks) = (check(&json!({})), SOON.to_owned(), Vec::new());
    loop {
        let found = handle(&aws, &input, &now).await.unwrap();
        checks.push((now.clone(), found["outcome"].clone()));
        if found.get("verify_at").is_none() {
            break;
        }
        (input, now) = (aws.input_of(NAME), fires(&aws, NAME));
    }
    let times: Vec<&str> = checks.iter().map(|(now, _)| &now[8..16]).collect();
    assert_eq!(
        times[..8],
        ["28T22:03", "28T22:06", "28T22:11", "28T22:20", "28T22:37", "28T23:10", "29T00:11", "29T01:12"]
    );
    let at_the_end: Vec<(&str, &Value)> =
        checks.iter().rev().take(4).map(|(now, outcome)| (&now[8..16], outcome)).collect();
    let (attention, rolling) = (json!("needs-attention"), json!("rolling"));
    assert_eq!(at_the_end[0], ("02T18:00", &attention));
    let first = checks.iter().find(|(_, outcome)| *outcome == attention).expect("the owner is notified");
    assert_eq!(&first.0[8..16], "02T16:00");
    assert!(checks.iter().take_while(|(now, _)| now < &first.0).all(|(_, outcome)| *outcome == rolling));
    assert_eq!((aws.notified(), aws.subjects().len()), (vec!["Patch Needs Attention: web".to_owned()], 1));
    let reason = "Deployment ecs-svc/2 has not completed by Wed 2 Jan 2030 16:00 UTC";
    assert!(aws.message().contains(reason), "{}", aws.message());
}

#[tokio::test]
async fn a_deployment_that_waits_for_a_person_is_reported_once_and_checked_on() {
    let aws = with_pause();
    let found = handle(&aws, &check(&json!({})), SOON).await.unwrap();
    assert_eq!((&found["outcome"], aws.messages().len()), (&json!("needs-attention"), 1));
    assert_eq!(aws.input_of(NAME), check(&json!({"look": 1, "paused": "ecs-pause-1", "woken": 0})));
    for _ in 0..3 {
        let found = handle(&aws, &aws.input_of(NAME), &fires(&aws, NAME)).await.unwrap();
        assert_eq!((&found["outcome"], aws.messages().len()), (&json!("needs-attention"), 1));
    }
    // It was continued, and its new tasks fail.
    let failed = deployment("ecs-svc/2", "PRIMARY", "FAILED", "tasks failed to start.", 3);
    change(&aws, &json!({"deployments": [failed]}), &[OLD; 2]);
    let found = handle(&aws, &aws.input_of(NAME), &fires(&aws, NAME)).await.unwrap();
    assert_eq!((&found["outcome"], aws.messages().len()), (&json!("needs-attention"), 2));
}

#[tokio::test]
async fn a_repeated_delivery_checks_nothing_again() {
    let aws = with_service(&json!([primary("ecs-svc/2", "IN_PROGRESS")]), &[OLD, STARTED + 9]);
    let first = handle(&aws, &check(&json!({})), SOON).await.unwrap();
    assert_eq!(first["verify_at"], "2029-12-28T22:06:00Z");
    assert_eq!(aws.input_of(NAME), check(&json!({"look": 1, "woken": 0})));
    assert_eq!(
        aws.schedules()[NAME]["Description"],
        "Verification check 2 of prod/web on Fri 28 Dec 2029 22:06 UTC; retirement date: Wed 2 Jan 2030 18:00 UTC"
    );
    let before = aws.schedules();
    aws.forget();
    let again = handle(&aws, &check(&json!({})), SOON).await.unwrap();
    assert_eq!((&again["outcome"], &again["verify_at"]), (&json!("repeated"), &first["verify_at"]));
    assert_eq!((aws.requests().len(), aws.schedules()), (1, before)); // only the schedule was read
}

#[tokio::test]
async fn a_check_of_an_earlier_deployment_leaves_the_service_to_the_pending_check() {
    let aws = with_service(&json!([primary("ecs-svc/5", "IN_PROGRESS")]), &[OLD, STARTED + 9]);
    let input = check(&json!({"deployment": "ecs-svc/5"})).to_string();
    let schedule = json!({
        "ScheduleExpression": "at(2029-12-28T22:12:00)", "FlexibleTimeWindow": {"Mode": "OFF"}, "State": "ENABLED",
        "Target": {"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input},
    });
    aws.schedule(NAME, schedule.clone());
    let found = handle(&aws, &check(&json!({})), SOON).await.unwrap();
    assert_eq!(
        (&found["outcome"], &found["verify_at"]),
        (&json!("repeated"), &json!("2029-12-28T22:12:00Z"))
    );
    assert_eq!(aws.schedules()[NAME], schedule);
}

#[tokio::test]
async fn a_check_is_made_once_and_its_schedule_is_deleted() {
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &[STARTED + 9]);
    let input = check(&json!({"woken": 0}));
    aws.schedule(NAME, scheduled(&input));
    assert_eq!(handle(&aws, &input, SOON).await.unwrap()["outcome"], "completed");
    assert_eq!((aws.schedules().len(), aws.locks().len(), aws.messages().len()), (0, 0, 1));
    assert_eq!(handle(&aws, &input, SOON).await.unwrap()["outcome"], "repeated");
    assert_eq!(aws.messages().len(), 1);
}

#[tokio::test]
async fn a_check_that_failed_before_its_schedule_was_made_again_is_made_when_it_is_delivered_again() {
    let aws = with_service(&json!([primary("ecs-svc/2", "IN_PROGRESS")]), &[OLD]);
    let input = check(&json!({"woken": 0}));
    aws.schedule(NAME, scheduled(&input));
    aws.on(&format!("{CREATE}{NAME}"), in_turn(&[error("ValidationException", "no")]));
    handle(&aws, &input, SOON).await.unwrap_err();
    assert_eq!((aws.schedules().len(), aws.locks().len()), (0, 1));
    aws.on(&format!("{CREATE}{NAME}"), in_turn(&[(200, json!({"ScheduleArn": "arn:schedule"}))]));
    assert_eq!(handle(&aws, &input, SOON).await.unwrap()["outcome"], "rolling");
    assert_eq!((aws.sent(&format!("{CREATE}{NAME}")).len(), aws.locks().len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_notifies_nobody_fails_and_is_retried() {
    let rows = [
        (json!([primary("ecs-svc/2", "COMPLETED")]), STARTED + 1),
        (json!([primary("ecs-svc/1", "COMPLETED")]), OLD),
    ];
    for (deployments, task) in rows {
        for call in ["Publish", "PutEvents"] {
            let aws = with_service(&deployments, &[task; 2]);
            aws.always(call, error("AuthorizationError", "no"));
            let failure = handle(&aws, &check(&json!({})), LATER).await.unwrap_err().to_string();
            assert_eq!(failure, format!("prod/web: {call} failed: AuthorizationError: no"));
            assert!(aws.schedules().is_empty(), "{:?}", aws.schedules());
            aws.forget();
            aws.always(
                call,
                (200, json!({"MessageId": "1", "FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})),
            );
            handle(&aws, &check(&json!({})), LATER).await.unwrap();
            assert_eq!((aws.notified().len(), aws.messages().len()), (1, 1));
        }
    }
}

#[tokio::test]
async fn the_owner_is_notified_how_a_deployment_by_codedeploy_ends() {
    let error =
        json!({"code": "HEALTH_CONSTRAINTS", "message": "The ELB could not be updated: listener not found"});
    let rows = [
        (json!({"status": "Succeeded"}), STARTED + 9, "completed", "by deployment d-3 after"),
        (json!({"status": "InProgress"}), OLD, "rolling", "CodeDeploy deployment d-3 is rolling out"),
        (json!({"status": "Ready"}), STARTED + 9, "rolling", "CodeDeploy deployment d-3 is rolling out"),
        (
            json!({"status": "Failed", "errorInformation": error}),
            OLD,
            "needs-attention",
            "CodeDeploy deployment d-3 failed: The ELB could not be updated: listener not found",
        ),
        (
            json!({"status": "Stopped"}),
            OLD,
            "needs-attention",
            "CodeDeploy deployment d-3 failed: it was stopped",
        ),
        (json!({"status": "Succeeded"}), OLD, "needs-attention", "no deployment is in progress"),
    ];
    for (changes, task, outcome, reason) in rows {
        let aws = with_service(&json!([]), &[task; 2]);
        let set = json!({"status": "PRIMARY", "externalId": "d-3", "taskDefinition": "arn:web:7"});
        change(
            &aws,
            &json!({"deploymentController": {"type": "CODE_DEPLOY"}, "taskSets": [set]}),
            &[task; 2],
        );
        let info = json!({
            "deploymentId": "d-3", "applicationName": "the-app", "deploymentGroupName": "the-group", "createTime": STARTED,
            "computePlatform": "ECS", "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "6f1e"}},
        });
        aws.always("GetDeployment", (200, json!({"deploymentInfo": merged(&info, &changes)})));
        let whole = json!({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "6f1e", "content": "version: 0.0"}});
        aws.always("GetApplicationRevision", (200, json!({"applicationName": "the-app", "revision": whole})));
        let enabled = [("ENABLE_CODE_DEPLOY", "true")];
        let found = handle_with(&aws, &enabled, &check(&json!({"deployment": "d-3"})), LATER).await.unwrap();
        assert_eq!(found["outcome"], outcome, "{found}");
        assert!(found["reason"].as_str().unwrap().contains(reason), "{found}");
        assert_eq!(aws.messages().len(), usize::from(outcome != "rolling"), "{found}");
        assert_eq!(aws.schedules().len(), usize::from(outcome != "completed"), "{found}");
        assert_eq!(aws.sent("GetDeployment"), [json!({"deploymentId": "d-3"})]);
    }
}

#[tokio::test]
async fn no_owner_is_told_to_force_what_ecs_cannot_force() {
    let controller = json!({"deploymentController": {"type": "CODE_DEPLOY"}, "deployments": []});
    let aws = with_service(&json!([]), &[]);
    change(&aws, &controller, &[OLD; 2]);
    // Without EnableCodeDeploy, verify may not read CodeDeploy.
    aws.always("GetDeployment", error("AccessDeniedException", "no"));
    let found = handle(&aws, &check(&json!({"deployment": "d-3"})), LATER).await.unwrap();
    assert_eq!(found["outcome"], "needs-attention");
    assert!(!aws.message().contains("--force-new-deployment"), "{}", aws.message());
}
