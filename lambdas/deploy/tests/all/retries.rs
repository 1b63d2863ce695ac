//! When a deployment is retried that cannot start now.

use crate::common::{
    FORCE, NAME, NOW, OLD, VERIFY, answer, disabled_meanwhile, fired, handle, handle_at, input, notices,
    rolling, tagged, with_service, writes,
};
use fake_aws::{READ, error, in_turn, merged, without};
use rules::deploy::outcome::DeployOutcomeKind;
use serde_json::{Value, json};

/// What EventBridge Scheduler replaces by the time for which a schedule is set.
const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";

#[tokio::test]
async fn a_deployment_of_somebody_else_is_waited_for_in_the_window() {
    let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
    aws.schedule(NAME, fired(&json!({})));
    let outcome = handle(&aws).await;
    let reason = "deployment ecs-svc/1, created before Wed 26 Dec 2029 18:00 UTC, is still rolling out; retrying in the same \
                  window on Fri 28 Dec 2029 22:11 UTC";
    let slot = "2029-12-28T22:11:00Z";
    assert_eq!(json!(outcome), merged(&answer("postponed", reason), &json!({"slot": slot})));
    let waits_for = "deployment ecs-svc/1, created before Wed 26 Dec 2029 18:00 UTC, is still rolling out";
    let retried = json!({
        "slot": slot, "attempt": 1, "zone": "UTC", "scheduled_for": SCHEDULED_TIME, "woken": 0, "spread_minutes": 5,
        "waits_for": waits_for,
    });
    let input_of_retry = aws.input_of(NAME);
    assert_eq!(input_of_retry["plans"][0]["reason"], reason, "the first retry changes the plan");
    assert_eq!(without(input_of_retry, "plans"), input(&retried));
    let schedules = aws.schedules();
    assert_eq!(schedules.keys().collect::<Vec<_>>(), [NAME]);
    assert_eq!(schedules[NAME]["ScheduleExpression"], "at(2029-12-28T22:11:00)");
    assert_eq!(schedules[NAME]["Target"]["Arn"], "arn:deploy");
    assert_eq!(
        schedules[NAME]["Description"],
        "Redeploys on Fri 28 Dec 2029 22:11 UTC; retirement date: Wed 2 Jan 2030 18:00 UTC; 1 notice; service: prod/web"
    );
    let seconds = (3 * 60 + 49) * 60; // until the window closes
    assert_eq!(schedules[NAME]["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"], seconds);
    assert_eq!(aws.notified(), ["Patch Postponed: web"]);
    assert_eq!(aws.subjects(), ["Postponed: prod/web"]);
    assert_eq!(aws.events()[0]["Detail"]["slot"], slot);
    assert!(aws.message().contains("It is retried on Fri 28 Dec 2029 22:11 UTC"), "{}", aws.message());

    let again = handle(&aws).await; // a second delivery
    assert_eq!(again.reason, "its schedule is set to Fri 28 Dec 2029 22:11 UTC");
    assert_eq!((aws.schedules(), aws.messages().len()), (schedules, 1));
    assert_eq!(aws.sent("UpdateService").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_ecs_throttles_is_retried_in_the_window() {
    let aws = with_service(&json!({}), OLD);
    aws.always("UpdateService", error("ThrottlingException", "Rate exceeded"));
    aws.schedule(NAME, fired(&json!({})));
    let outcome = handle(&aws).await;
    let reason = "more deployments are starting than Amazon ECS accepts (UpdateService failed: ThrottlingException: Rate \
                  exceeded); retrying in the same window on Fri 28 Dec 2029 22:11 UTC";
    let slot = "2029-12-28T22:11:00Z";
    assert_eq!(json!(outcome), merged(&answer("postponed", reason), &json!({"slot": slot})));
    assert_eq!(aws.input_of(NAME)["slot"], slot);
    assert_eq!(
        aws.schedules().keys().collect::<Vec<_>>(),
        [NAME],
        "nothing has started that could be verified"
    );
    assert_eq!(aws.notified(), ["Patch Postponed: web"]);
}

#[tokio::test]
async fn after_the_window_comes_the_next_start_time_and_after_the_last_the_owner_is_notified() {
    let starts_at = |date: &str| {
        let notice = merged(&notices()[0], &json!({"starts_at": date}));
        input(&json!({"notices": [notice]}))
    };
    let rows = [
        ("2030-01-09T18:00:00Z", Some("2030-01-04T22:00:00Z")),
        ("2030-01-02T18:00:00Z", Some("2030-01-01T22:00:00Z")), // the same hours on the last other day
        ("2029-12-29T04:00:00Z", None),
    ];
    for (date, slot) in rows {
        let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
        let outcome = handle_at(&aws, &[], &starts_at(date), "2029-12-29T01:51:00Z").await;
        assert_eq!(json!(outcome.slot), json!(slot), "{date}");
        if let Some(slot) = slot {
            assert_eq!(outcome.outcome, DeployOutcomeKind::Postponed);
            assert_eq!(aws.input_of(NAME)["slot"], slot);
        } else {
            assert_eq!(outcome.outcome, DeployOutcomeKind::NotActionable);
            assert_eq!(aws.schedules().keys().collect::<Vec<_>>(), [VERIFY]);
            assert_eq!(outcome.command.as_deref(), Some(FORCE));
            assert_eq!(aws.notified(), ["Patch Needs Attention: web"]);
            let message = aws.message();
            assert!(message.contains("no opening of Fri 22:00-02:00 UTC fits"), "{message}");
            assert!(message.contains(FORCE), "{message}");
        }
    }
}

#[tokio::test]
async fn a_schedule_that_an_operator_disabled_in_between_stays_disabled_and_the_owner_is_notified() {
    let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
    disabled_meanwhile(&aws);
    let outcome = handle(&aws).await;
    assert_eq!((outcome.outcome, outcome.slot), (DeployOutcomeKind::Postponed, None));
    assert_eq!(writes(&aws), 0);
    let message = aws.message();
    assert!(message.contains("Enable the schedule, or redeploy the service yourself"), "{message}");
}

#[tokio::test]
async fn a_late_delivery_waits_for_the_next_window_unless_an_operator_chose_the_time() {
    let rows = [
        ("2029-12-28T22:00:00Z", DeployOutcomeKind::Postponed), // as when a disabled schedule is enabled too late
        ("2029-12-29T02:30:00Z", DeployOutcomeKind::Started),
        (SCHEDULED_TIME, DeployOutcomeKind::Started), // an operator handed the input over
    ];
    for (scheduled_for, expected) in rows {
        let aws = with_service(&json!({}), OLD);
        let input = input(&json!({"scheduled_for": scheduled_for}));
        let outcome = handle_at(&aws, &[], &input, "2029-12-29T02:30:05Z").await;
        assert_eq!(outcome.outcome, expected, "{scheduled_for}: {}", outcome.reason);
        assert_eq!(aws.sent("UpdateService").len(), usize::from(expected == DeployOutcomeKind::Started));
    }
}

#[tokio::test]
async fn windows_that_have_changed_since_the_plan_apply() {
    let reason = "outside the current windows (Sun 03:00-05:00 UTC); planned again for Sun 30 Dec 2029 03:00 UTC: earliest \
                  opening of Sun 03:00-05:00 UTC before the retirement date";
    let again = merged(&answer("postponed", reason), &json!({"slot": "2029-12-30T03:00:00Z"}));
    for (parameters, tags) in [
        (&[][..], &[("window", "Sun 03:00-05:00")][..]),
        (&[("MAINTENANCE_WINDOWS", "Sun 03:00-05:00")], &[]),
    ] {
        let aws = tagged(tags);
        assert_eq!(json!(handle_at(&aws, parameters, &input(&json!({})), NOW).await), again);
        assert_eq!(aws.sent("UpdateService").len(), 0);
        assert_eq!(aws.input_of(NAME)["windows"], "Sun 03:00-05:00 UTC");
        assert_eq!(aws.subjects(), ["Postponed: prod/web"]);
        // And there it is redeployed.
        let second = merged(&aws.input_of(NAME), &json!({"scheduled_for": "2029-12-30T03:00:00Z"}));
        let outcome = handle_at(&aws, parameters, &second, "2029-12-30T03:00:04Z").await;
        assert_eq!(outcome.outcome, DeployOutcomeKind::Started);
        assert_eq!(aws.schedules().into_keys().collect::<Vec<_>>(), [VERIFY], "and its schedule is deleted");
    }
}

#[tokio::test]
async fn a_schedule_that_an_operator_disabled_before_it_fired_or_while_it_was_delivered_starts_nothing() {
    for scheduled_for in ["2029-12-28T22:00:00Z", SCHEDULED_TIME] {
        let aws = with_service(&json!({}), OLD);
        aws.schedule(NAME, fired(&json!({"State": "DISABLED"})));
        let outcome = handle_at(&aws, &[], &input(&json!({"scheduled_for": scheduled_for})), NOW).await;
        let reason = "an operator disabled the schedule; to redeploy the service, enable it";
        assert_eq!(json!(outcome), answer("skipped", reason));
        assert_eq!((writes(&aws), aws.messages().len()), (0, 0), "{scheduled_for}");
    }
}

#[tokio::test]
async fn a_schedule_is_deleted_when_it_was_dealt_with_and_kept_when_it_was_changed_meanwhile() {
    let (due, patched) = (fired(&json!({})), OLD + 1);
    let aws = with_service(&json!({}), patched);
    aws.schedule(NAME, due.clone());
    assert_eq!(handle(&aws).await.outcome, DeployOutcomeKind::Skipped);
    assert_eq!((aws.schedules().len(), aws.locks().len()), (0, 0));

    let moved = fired(&json!({"ScheduleExpression": "at(2029-12-29T05:00:00)"}));
    let aws = with_service(&json!({}), patched);
    aws.schedule(NAME, due.clone());
    aws.on(&format!("{READ}{NAME}?"), in_turn(&[(200, due), (200, moved)]));
    assert_eq!(handle(&aws).await.outcome, DeployOutcomeKind::Skipped);
    assert_eq!(aws.schedules().len(), 1);
}

#[tokio::test]
async fn a_changed_window_that_is_open_as_well_and_a_time_that_an_operator_chose_are_no_reason_to_wait() {
    let sunday = &[("window", "Sun 03:00-05:00")][..];
    let rows: [(&[(&str, &str)], Value); 6] = [
        (&[("window", "daily 21:00-23:00")], json!({})),
        (sunday, json!({"scheduled_for": "2029-12-28T21:30:00Z"})), // moved
        (sunday, json!({"scheduled_for": SCHEDULED_TIME})),         // handed over by an operator
        (sunday, json!({"windows": null})),                         // planned before windows were kept
        (&[], json!({"slot": "2029-12-28T22:00:00Z"})),
        // A start time of the fallback lies outside the windows for which it was planned.
        (sunday, json!({"windows": "Sun 03:00-05:00 UTC"})),
    ];
    for (tags, changes) in rows {
        let outcome = handle_at(&tagged(tags), &[], &input(&changes), NOW).await;
        assert_eq!(outcome.outcome, DeployOutcomeKind::Started, "{tags:?} {changes}");
    }
}

#[tokio::test]
async fn a_changed_window_that_opens_too_late_is_for_the_owner() {
    let aws = tagged(&[("window", "Thu 03:00-05:00")]);
    let parameters = [("WHEN_NO_WINDOW_FITS", "leave-to-aws")];
    let outcome = handle_at(&aws, &parameters, &input(&json!({})), NOW).await;
    let expected =
        "outside the current windows (Thu 03:00-05:00 UTC); no opening of Thu 03:00-05:00 UTC fits";
    assert!(outcome.reason.starts_with(expected), "{outcome:?}");
    assert_eq!(outcome.command.as_deref(), Some(FORCE));
    assert_eq!(aws.subjects(), ["Needs attention: prod/web"]);
    assert_eq!(aws.schedules().keys().collect::<Vec<_>>(), [VERIFY]);
}
