//! What deploy does with a service at its start time.

use crate::common::{
    FORCE, NEW, NOW, OLD, VERIFY, WHY, answer, change, check, fired, handle, handle_at, input, notices,
    rolling, try_handle, with_service,
};
use aws::{Failure, Invocation, config::Config};
use deploy::Deploy;
use fake_aws::{Aws, CREATE, READ, environment, error, merged, without};
use rules::deploy::outcome::DeployOutcomeKind;
use serde_json::{Value, json};

/// Five minutes before the start time.
const JUST_NOW: i64 = 1_893_189_300;

#[tokio::test]
async fn a_service_with_an_old_task_is_redeployed_once_and_a_verification_check_is_scheduled() {
    let aws = with_service(&json!({}), OLD);
    let verify_at = json!("2029-12-28T22:03:00Z");
    let started = json!({"deployment_id": "ecs-svc/2", "verify_at": verify_at});
    assert_eq!(json!(handle(&aws).await), merged(&answer("started", WHY), &started));
    assert_eq!((aws.notified(), aws.messages()), (vec!["Patch Started: web".to_owned()], Vec::new()));
    let arn = "arn:aws:ecs:eu-west-2:111122223333:service/prod/web";
    let detail = json!({
        "cluster": "prod", "service": "web", "service_arn": arn, "notices": notices(),
        "slot": "2029-12-28T22:00:00Z", "deadline": "2030-01-02T16:00:00Z", "reason": WHY,
        "deployment_id": "ecs-svc/2",
    });
    assert_eq!(aws.events()[0]["Detail"], detail);
    let input_of_check = aws.input_of(VERIFY);
    let story = json!({"slot": "2029-12-28T22:00:00Z", "before": {"task_definition": "arn:web:7"}});
    assert_eq!(input_of_check["story"], story);
    assert_eq!(without(input_of_check, "story"), check(Some("ecs-svc/2")));
    let schedules = aws.schedules();
    assert_eq!(schedules[VERIFY]["ScheduleExpression"], "at(2029-12-28T22:03:00)");
    assert_eq!(schedules[VERIFY]["Target"]["Arn"], "arn:verify");
    assert_eq!(
        schedules[VERIFY]["Description"],
        "Verification check 1 of prod/web on Fri 28 Dec 2029 22:03 UTC; retirement date: Wed 2 Jan 2030 18:00 UTC"
    );

    // A second delivery.
    change(&aws, &rolling("ecs-svc/2", OLD + 200_000), OLD);
    let again = handle_at(&aws, &[], &input(&json!({})), "2029-12-28T22:00:40Z").await;
    assert_eq!(again.outcome, DeployOutcomeKind::Skipped);
    assert_eq!((json!(again.verify_at), again.deployment_id.as_deref()), (verify_at, Some("ecs-svc/2")));
    assert_eq!((aws.sent("UpdateService").len(), aws.schedules()), (1, schedules));
}

#[tokio::test]
async fn a_service_that_needs_no_deployment_is_skipped_and_one_that_was_just_deployed_is_checked() {
    let patched = "the running task was created after Wed 26 Dec 2029 18:00:00 UTC, on the new revision";
    let in_progress = "deployment ecs-svc/9, created after Wed 26 Dec 2029 18:00 UTC, is replacing the tasks";
    let rows = [
        (json!({}), NEW, patched, None),
        (json!({}), JUST_NOW, patched, Some(None)), // perhaps by a delivery that failed before scheduling the check
        (rolling("ecs-svc/9", NEW), OLD, in_progress, Some(Some("ecs-svc/9"))),
        (json!({"status": "DRAINING"}), OLD, "the service is DRAINING", None),
        (json!({"desiredCount": 0}), OLD, "the service's desired count is 0", None),
    ];
    for (changes, created_at, reason, checked) in rows {
        let aws = with_service(&changes, created_at);
        let outcome = handle(&aws).await;
        assert_eq!((outcome.outcome, outcome.reason.as_str()), (DeployOutcomeKind::Skipped, reason));
        assert_eq!(outcome.verify_at.is_some(), checked.is_some(), "{reason}");
        match checked {
            Some(deployment) => assert_eq!(without(aws.input_of(VERIFY), "story"), check(deployment)),
            None => assert!(aws.schedules().is_empty(), "{reason}"),
        }
        assert_eq!(aws.notified(), ["Patch Skipped: web"]);
        let ending = if reason == patched { "patched" } else { "skipped" };
        let recorded: Vec<Value> = aws.records().iter().map(|record| record["outcome"].clone()).collect();
        let expected = if checked.is_some() { Vec::new() } else { vec![json!(ending)] };
        assert_eq!(recorded, expected, "{reason}: the check that follows records how it ends");
        // Of a service that somebody else has patched, or that is gone, the owner is notified here.
        let gone = reason.ends_with("DRAINING");
        let notified = usize::from(gone || (reason == patched && checked.is_none()));
        assert_eq!((aws.messages().len(), aws.sent("UpdateService").len()), (notified, 0), "{reason}");
    }
    let aws = Aws::default();
    aws.always("DescribeServices", (200, json!({"failures": [{"reason": "MISSING"}]})));
    assert_eq!(json!(handle(&aws).await), answer("skipped", "the service no longer exists"));
    assert_eq!(aws.subjects(), ["Skipped: prod/web"]);
}

#[tokio::test]
async fn a_pending_check_is_joined_by_what_it_does_not_know() {
    let notice = &notices()[0];
    let other = merged(notice, &json!({"event_arn": "arn:another"}));
    let rows = [
        ("another deployment", json!({"deployment": "ecs-svc/1", "look": 4, "told": true}), json!([notice])),
        ("another notice", json!({"notices": [other]}), json!([notice, other])),
    ];
    for (row, pending, notices) in rows {
        let aws = with_service(&json!({}), OLD);
        let schedule = |input: Value| {
            let target = json!({"Arn": "arn:verify", "RoleArn": "arn:role", "Input": input.to_string()});
            fired(&json!({"ScheduleExpression": "at(2029-12-28T22:40:00)", "Target": target}))
        };
        aws.schedule(VERIFY, schedule(merged(&check(Some("ecs-svc/2")), &pending)));
        assert_eq!(json!(handle(&aws).await.verify_at), "2029-12-28T22:03:00Z", "{row}");
        let expected = merged(&check(Some("ecs-svc/2")), &json!({"notices": notices}));
        assert_eq!(without(aws.input_of(VERIFY), "story"), expected, "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_notified_of_what_ecs_refuses_and_what_a_retry_may_solve_fails() {
    let rows = [
        ("ServiceNotFoundException", Ok(("skipped", "Patch Skipped"))), // deleted in between
        ("PlatformUnknownException", Ok(("failed", "Patch Failed"))),
        ("AccessDeniedException", Err("CallFailed")),
    ];
    for (code, expected) in rows {
        let aws = with_service(&json!({}), OLD);
        aws.always("UpdateService", error(code, "no"));
        let outcome = try_handle(&aws, &[], &input(&json!({})), NOW).await;
        let reason = format!("UpdateService failed: {code}: no");
        match (outcome, expected) {
            (Ok(outcome), Ok((kind, event))) => {
                let failed = kind == "failed";
                let more = json!({"command": FORCE, "verify_at": "2029-12-28T22:03:00Z"});
                let command = if failed { more } else { json!({}) };
                assert_eq!(json!(outcome), merged(&answer(kind, &reason), &command));
                assert_eq!(aws.notified(), [format!("{event}: web")]);
                assert_eq!(aws.subjects(), [if failed { "Failed: prod/web" } else { "Skipped: prod/web" }]);
                assert!(!failed || aws.message().contains(FORCE));
                // Whether the owner redeploys the service, verify finds out.
                assert_eq!(aws.schedules().contains_key(VERIFY), failed);
            }
            (outcome, expected) => {
                let failure = lambda_runtime::Diagnostic::from(outcome.unwrap_err());
                assert_eq!(Err(failure.error_type.as_str()), expected, "{code}");
                assert!(failure.error_message.ends_with(&reason), "{}", failure.error_message);
                assert_eq!((aws.notified(), aws.subjects()), (Vec::new(), Vec::new()), "{code}");
                assert!(aws.schedules().is_empty(), "{code}");
            }
        }
    }
}

#[tokio::test]
async fn an_unreadable_service_fails_and_nothing_else_is_called() {
    let aws = with_service(&json!({}), OLD);
    aws.always("DescribeServices", error("AccessDeniedException", "no"));
    let failure = try_handle(&aws, &[], &input(&json!({})), NOW).await.unwrap_err();
    assert!(matches!(failure, Failure::CallFailed { .. }), "{failure}");
    assert!(failure.to_string().contains("prod/web"), "{failure}");
    let read = |(call, _): &(String, Value)| call.starts_with(READ) || call == "DescribeServices";
    assert!(aws.requests().iter().all(read), "{:?}", aws.requests());
    assert_eq!(aws.locks().len(), 1, "the next delivery learns that this one did not finish");
}

#[tokio::test]
async fn an_invalid_input_makes_no_call() {
    let rows = [
        (input(&json!({"slot": "Friday"})), "input contains invalid characters"),
        (input(&json!({"notices": []})), "notices is []"),
        (json!({"version": 1, "scheduled_for": "2029-12-28T22:00:00Z"}), "missing field"),
        (json!({"scheduled_for": "2029-12-28T22:00:00Z"}), "version is absent"),
        (json!("restart web please"), "expected a JSON object"),
        (check(None), "kind is \"service\", which deploy does not handle"),
    ];
    for (input, expected) in rows {
        let aws = Aws::default();
        let failure = try_handle(&aws, &[], &input, NOW).await.unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)), "{failure}");
        assert!(failure.to_string().starts_with("the schedule's input is invalid: "), "{failure}");
        assert!(failure.to_string().contains(expected), "{failure}");
        assert_eq!(aws.requests(), []);
    }
}

#[tokio::test]
async fn what_an_operator_hands_over_wrongly_is_refused_and_is_no_failure() {
    let rows = [
        (json!({}), "version is absent; expected 1"),
        (json!({"version": 1, "cluster": "prod", "service": "web"}), "missing field `notices`"),
        (input(&json!({"slot": "Friday", "scheduled_for": "<aws.scheduler.scheduled-time>"})), "slot"),
    ];
    for (input, expected) in rows {
        let aws = Aws::default();
        let config = Config::read(&environment).unwrap();
        let invocation = Invocation::at(NOW.parse().unwrap());
        let answer = json!(Deploy::new(&aws.sdk(), config).handle(&input, &invocation).await.unwrap());
        assert_eq!(answer["outcome"], "refused");
        assert!(answer["reason"].as_str().unwrap().contains(expected), "{answer}");
        assert_eq!(aws.requests(), []);
    }
}

#[tokio::test]
async fn a_service_with_an_unsupported_deployment_controller_is_for_its_owner() {
    for controller in ["EXTERNAL", "CODE_DEPLOY", "TOMORROW"] {
        let aws = with_service(&json!({"deploymentController": {"type": controller}}), OLD);
        let outcome = handle(&aws).await;
        assert_eq!(outcome.outcome, DeployOutcomeKind::NotActionable);
        assert!(outcome.reason.contains(controller), "{}", outcome.reason);
        let command = outcome.command.unwrap();
        assert!(command.starts_with("aws ecs describe-services --cluster prod --services web "), "{command}");
        assert_eq!(aws.notified(), ["Patch Needs Attention: web"]);
        assert_eq!(aws.subjects(), ["Needs attention: prod/web"]);
        assert!(aws.message().contains(&command), "{}", aws.message());
        let check = aws.input_of(VERIFY);
        assert_eq!((&check["told"], &check["deployment"]), (&json!(true), &Value::Null), "{controller}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_notification_fails_no_deployment() {
    let aws = with_service(&json!({}), OLD);
    for call in ["PutEvents", "Publish"] {
        aws.always(call, (500, json!({"__type": "InternalException", "message": "later"})));
    }
    assert_eq!(handle(&aws).await.outcome, DeployOutcomeKind::Started);
    change(&aws, &rolling("ecs-svc/1", OLD), OLD);
    assert_eq!(handle(&aws).await.outcome, DeployOutcomeKind::Postponed);
    assert!(aws.sent("Publish").len() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_notification_of_an_owner_who_must_act_fails_the_invocation() {
    let external = with_service(&json!({"deploymentController": {"type": "EXTERNAL"}}), OLD);
    let refused = with_service(&json!({}), OLD);
    refused.always("UpdateService", error("PlatformUnknownException", "no"));
    for aws in [external, refused] {
        aws.always("Publish", error("AuthorizationError", "no"));
        let failure = try_handle(&aws, &[], &input(&json!({})), NOW).await.unwrap_err().to_string();
        assert_eq!(failure, "prod/web: Publish failed: AuthorizationError: no");
    }
}

#[tokio::test]
async fn a_deployment_whose_check_cannot_be_scheduled_fails_and_is_retried() {
    let aws = with_service(&json!({}), OLD);
    aws.always(&format!("{CREATE}{VERIFY}"), error("AccessDeniedException", "no"));
    let failure = try_handle(&aws, &[], &input(&json!({})), NOW).await.unwrap_err().to_string();
    assert_eq!(failure, "prod/web: CreateSchedule failed: AccessDeniedException: no");
}

#[tokio::test]
async fn a_missing_permission_to_pass_a_role_says_which_statement_to_add() {
    let aws = with_service(&json!({}), OLD);
    let role = "arn:aws:iam::111122223333:role/web-task";
    let denied = format!("User: arn:deploy is not authorized to perform: iam:PassRole on resource: {role}");
    aws.always("UpdateService", error("AccessDeniedException", &denied));
    let failure = try_handle(&aws, &[], &input(&json!({})), NOW).await.expect_err("a failure").to_string();
    let statement =
        format!("{{Sid: PassRoleOfTasks, Effect: Allow, Action: iam:PassRole, Resource: {role}}}");
    assert!(failure.contains(&denied) && failure.ends_with(&statement), "{failure}");
}
