//! What owners control at the start time: opting out, observe mode, unreadable tags, and images that can move.

use crate::common::{
    NAME, NOW, OLD, WHY, answer, handle, handle_at, input, rolling, tagged, with_service, writes,
};
use fake_aws::{Aws, error};
use rules::deploy::outcome::DeployOutcomeKind;
use serde_json::{Value, json};

const OBSERVE: (&str, &str) = ("MODE", "observe");

/// The answer to the sample at its start time.
async fn answered(aws: &Aws, parameters: &[(&str, &str)]) -> Value {
    json!(handle_at(aws, parameters, &input(&json!({})), NOW).await)
}

#[tokio::test]
async fn a_service_whose_owner_opted_out_since_the_plan_is_skipped() {
    let aws = tagged(&[("mode", "off")]);
    let reason = "the owner opted out (tag ecs-task-patching:mode is off)";
    assert_eq!(json!(handle(&aws).await), answer("skipped", reason));
    assert_eq!((writes(&aws), aws.notified()), (0, vec!["Patch Skipped: web".to_owned()]));
    assert_eq!(aws.subjects(), Vec::<String>::new());
}

#[tokio::test]
async fn observe_mode_reports_what_would_happen_and_writes_nothing() {
    let forced = answer("skipped", &format!("observe mode: would force a new deployment: {WHY}"));
    for (parameters, tags) in [(&[OBSERVE][..], &[][..]), (&[], &[("mode", "observe")])] {
        let aws = tagged(tags);
        assert_eq!(answered(&aws, parameters).await, forced);
        assert_eq!((writes(&aws), aws.notified()), (0, vec!["Patch Skipped: web".to_owned()]));
        assert!(
            aws.message().starts_with("Observe mode: would force a new deployment: "),
            "{}",
            aws.message()
        );
    }
    // A blocked deployment would wait, and one that is in progress is not checked.
    let aws = tagged(&[]);
    aws.always("GetCalendarState", (200, json!({"State": "CLOSED"})));
    let would_wait = answer("skipped", "observe mode: would wait: Change Calendar Freeze is closed");
    assert_eq!(answered(&aws, &[OBSERVE, ("CHANGE_CALENDARS", "Freeze")]).await, would_wait);
    let aws = with_service(&rolling("ecs-svc/3", OLD + 1), OLD);
    let outcome = handle_at(&aws, &[OBSERVE], &input(&json!({})), NOW).await;
    let nothing = "observe mode: would do nothing: deployment ecs-svc/3";
    assert!(outcome.reason.starts_with(nothing), "{outcome:?}");
    assert_eq!(writes(&aws), 0);
}

#[tokio::test]
async fn a_service_whose_tag_says_deploy_is_redeployed_in_observe_mode() {
    let aws = tagged(&[("mode", "deploy")]);
    let outcome = handle_at(&aws, &[OBSERVE], &input(&json!({})), NOW).await;
    assert_eq!(outcome.outcome, DeployOutcomeKind::Started);
}

#[tokio::test]
async fn an_unreadable_tag_is_reported_with_the_start() {
    let aws = tagged(&[("after", "web")]);
    let outcome = handle(&aws).await;
    let warning = "tag ecs-task-patching:after is \"web\": must be cluster/service, for example dev/web; the tag is ignored";
    assert_eq!(outcome.warnings, [warning]);
    assert_eq!(aws.events()[0]["Detail"]["warnings"], json!([warning]));
    assert_eq!(aws.subjects(), ["Started: prod/web"]);
    assert!(aws.message().contains("\n\nWarning: Tag ecs-task-patching:after"), "{}", aws.message());
}

#[tokio::test]
async fn an_unreadable_mode_holds_the_service_and_its_owner_is_notified() {
    let aws = tagged(&[("mode", "later")]);
    let outcome = handle(&aws).await;
    let problem = "tag ecs-task-patching:mode is \"later\": must be deploy, approve, observe or off; the service is not redeployed \
                   until the tag is valid";
    assert_eq!(outcome.outcome, DeployOutcomeKind::Postponed);
    assert!(outcome.reason.starts_with(problem), "{}", outcome.reason);
    assert_eq!(aws.sent("UpdateService").len(), 0);
    assert_eq!(aws.subjects(), ["Postponed: prod/web"]);
}

#[tokio::test]
async fn an_image_that_can_move_is_warned_of_and_deployed_all_the_same() {
    let images = |images: &[&str]| {
        let containers: Value = images.iter().map(|image| json!({"name": "app", "image": image})).collect();
        (200, json!({"taskDefinition": {"containerDefinitions": containers}}))
    };
    let moves = "the deployment may ship new code, because not every image is pinned by its digest (app: example/app:latest \
                 is a mutable tag)";
    let unreadable = "the images are unreadable, so the deployment may ship new code: DescribeTaskDefinition failed: \
                      AccessDeniedException: no";
    let rows = [
        (images(&["example/app@sha256:0123", "example/app:latest"]), Some(moves)),
        (error("AccessDeniedException", "no"), Some(unreadable)),
        (images(&["example/app@sha256:0123"]), None),
    ];
    for (found, warning) in rows {
        let aws = tagged(&[]);
        aws.always("DescribeTaskDefinition", found);
        let outcome = handle(&aws).await;
        assert_eq!(outcome.warnings, Vec::from_iter(warning));
        assert_eq!(aws.sent("DescribeTaskDefinition"), [json!({"taskDefinition": "arn:web:7"})]);
        assert_eq!(aws.sent("UpdateService").len(), 1);
        let event = &aws.events()[0];
        assert_eq!(event["DetailType"], "Patch Started");
        assert_eq!(event["Detail"].get("warnings"), warning.map(|warning| json!([warning])).as_ref());
        assert_eq!(aws.subjects(), Vec::from_iter(warning.map(|_| "Started: prod/web")));
        if warning.is_some() {
            let off = "set its tag ecs-task-patching:mode to off";
            assert!(aws.message().contains(off), "{}", aws.message());
        }
    }
}

#[tokio::test]
async fn a_service_that_nobody_approved_gets_a_later_time_that_awaits_approval() {
    let approve = ("MODE", "approve");
    for (approval, reason) in [
        (json!({}), "the deployment needs approval, and nobody was asked for it yet; planned again for "),
        (
            json!({"approval": "missed"}),
            "nobody approved the deployment before its start time; planned again for ",
        ),
    ] {
        let aws = tagged(&[]);
        let outcome =
            handle_at(&aws, &[approve, ("WHEN_NO_WINDOW_FITS", "any-day")], &input(&approval), NOW).await;
        assert_eq!((outcome.outcome, outcome.awaits_approval), (DeployOutcomeKind::Postponed, true));
        assert!(outcome.reason.starts_with(reason), "{}", outcome.reason);
        assert_eq!(aws.sent("UpdateService").len(), 0);
        let schedule = aws.schedules()[NAME].clone();
        assert_eq!(schedule["State"], "DISABLED");
        assert!(
            schedule["Description"].as_str().unwrap_or_default().contains("; awaiting approval;"),
            "{schedule}"
        );
        assert_eq!(aws.input_of(NAME)["approval"], "awaited");
        assert_eq!(aws.notified(), ["Patch Needs Attention: web"]);
        let command = r#"--payload '{"cluster":"prod","operation":"approve","service":"web"}' /dev/stdout"#;
        assert!(aws.message().contains(command), "{}", aws.message());
    }
    // One that is approved, or whose schedule somebody enabled, starts.
    for approval in ["given", "awaited"] {
        let aws = tagged(&[]);
        let outcome = handle_at(&aws, &[approve], &input(&json!({"approval": approval})), NOW).await;
        assert_eq!(outcome.outcome, DeployOutcomeKind::Started);
    }
}
