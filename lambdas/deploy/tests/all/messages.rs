//! The messages that deploy sends, word for word: the wording is an interface. Their readers are in Berlin.

use crate::common::{NOW, OLD, disabled_meanwhile, handle_at, input, notices, rolling, tagged, with_service};
use fake_aws::{Aws, error, merged};
use serde_json::{Value, json};

/// The message that is sent for an input at that time, with its subject before it.
async fn sent(aws: &Aws, parameters: &[(&str, &str)], changes: &Value, now: &str) -> String {
    let parameters = [&[("TIME_ZONE", "Europe/Berlin")], parameters].concat();
    handle_at(aws, &parameters, &input(changes), now).await;
    format!("{}\n\n{}", aws.subjects().join("\n"), aws.message())
}

/// The facts that every message about `prod/web` ends with.
fn facts(time: &str) -> String {
    let arn = "arn:aws:health:eu-west-2::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/AWS_ECS_TASK_PATCHING_RETIREMENT_4f8e2b71";
    format!(
        "Service:         web\n\
         Cluster:         prod\n\
         Account:         111122223333\n\
         Region:          eu-west-2\n\
         Time:            {time}\n\
         Retirement date: Wed 2 Jan 2030 19:00 Europe/Berlin (18:00 UTC)\n\
         Console:         https://eu-west-2.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/health?region=eu-west-2\n\
         Notice:          {arn}"
    )
}

/// A service that only its owner's tool can redeploy.
fn external() -> Aws {
    let set = json!({"status": "PRIMARY", "startedBy": "my-tool", "taskDefinition": "arn:web:7"});
    with_service(&json!({"deploymentController": {"type": "EXTERNAL"}, "taskSets": [set]}), OLD)
}

/// When [`NOW`] is, as readers read it.
const AT_THE_START: &str = "Fri 28 Dec 2029 23:00 Europe/Berlin (22:00 UTC)";

#[tokio::test]
async fn the_message_of_a_start_with_a_warning() {
    let aws = tagged(&[("after", "web")]);
    let expected = "Started: prod/web\n\n\
                    1 of 1 running task was created before Wed 26 Dec 2029 18:00 UTC. A new deployment \
                    has started.\n\n\
                    Warning: Tag ecs-task-patching:after is \"web\": must be cluster/service, for example \
                    dev/web; the tag is ignored.\n\n\
                    Next steps:\n\
                    1. Check the warnings. You will be notified when the deployment finishes\n\
                    2. To exclude the service next time, set its tag ecs-task-patching:mode to off";
    assert_eq!(sent(&aws, &[], &json!({}), NOW).await, format!("{expected}\n\n{}", facts(AT_THE_START)));
}

#[tokio::test]
async fn the_message_of_a_retry_in_the_same_window() {
    let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
    let expected = "Postponed: prod/web\n\n\
                    Deployment ecs-svc/1, created before Wed 26 Dec 2029 18:00 UTC, is still rolling out; \
                    retrying in the same window on Fri 28 Dec 2029 22:11 UTC. The service is not patched \
                    yet. It is retried on Fri 28 Dec 2029 23:11 Europe/Berlin (22:11 UTC); you do not \
                    need to do anything. AWS replaces its old tasks from Wed 2 Jan 2030 19:00 \
                    Europe/Berlin (18:00 UTC).";
    assert_eq!(sent(&aws, &[], &json!({}), NOW).await, format!("{expected}\n\n{}", facts(AT_THE_START)));
}

#[tokio::test]
async fn the_message_where_an_operator_disabled_the_schedule_so_that_nothing_is_retried() {
    let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
    disabled_meanwhile(&aws);
    let expected = "Postponed: prod/web\n\n\
                    Deployment ecs-svc/1, created before Wed 26 Dec 2029 18:00 UTC, is still rolling out; \
                    an operator disabled the schedule. The service is not patched yet, and is not \
                    retried. AWS replaces its old tasks from Wed 2 Jan 2030 19:00 Europe/Berlin (18:00 \
                    UTC).\n\n\
                    Next steps:\n\
                    1. Enable the schedule, or redeploy the service yourself";
    assert_eq!(sent(&aws, &[], &json!({}), NOW).await, format!("{expected}\n\n{}", facts(AT_THE_START)));
}

#[tokio::test]
async fn the_message_of_a_skip_because_somebody_else_has_patched_the_service() {
    let aws = with_service(&json!({}), OLD + 1);
    let expected = "Skipped: prod/web\n\n\
                    The running task was created after Wed 26 Dec 2029 18:00:00 UTC, on the new revision. \
                    The service is patched; there is nothing to do before the retirement date.";
    assert_eq!(sent(&aws, &[], &json!({}), NOW).await, format!("{expected}\n\n{}", facts(AT_THE_START)));
}

#[tokio::test]
async fn the_message_of_a_skip_in_observe_mode() {
    let expected = "Skipped: prod/web\n\n\
                    Observe mode: would force a new deployment: 1 of 1 running task was created before \
                    Wed 26 Dec 2029 18:00 UTC. Nothing was changed. AWS replaces its old tasks from Wed 2 \
                    Jan 2030 19:00 Europe/Berlin (18:00 UTC).\n\n\
                    Next steps:\n\
                    1. To redeploy the service, set the parameter Mode or the tag ecs-task-patching:mode \
                    to deploy, then plan the notice again (docs/operations.md)";
    let found = sent(&tagged(&[]), &[("MODE", "observe")], &json!({}), NOW).await;
    assert_eq!(found, format!("{expected}\n\n{}", facts(AT_THE_START)));
}

#[tokio::test]
async fn the_message_of_a_skip_because_the_service_is_gone() {
    let aws = Aws::default();
    aws.always("DescribeServices", (200, json!({"failures": [{"reason": "MISSING"}]})));
    let expected = "Skipped: prod/web\n\n\
                    The service no longer exists. There is nothing to patch.\n\n\
                    Next steps:\n\
                    1. Check that the service was deleted on purpose, and that its name is right";
    assert_eq!(sent(&aws, &[], &json!({}), NOW).await, format!("{expected}\n\n{}", facts(AT_THE_START)));
}

#[tokio::test]
async fn the_message_where_a_calendar_is_unreadable_and_the_window_is_open() {
    let aws = tagged(&[]);
    aws.always("GetCalendarState", error("AccessDeniedException", "no"));
    let found = sent(&aws, &[("CHANGE_CALENDARS", "Freeze")], &json!({}), NOW).await;
    let start = "Postponed: prod/web\n\nChange Calendar Freeze is unreadable and is treated as closed: GetCalendarState failed";
    assert!(found.starts_with(start), "{found}");
    let next = "Next steps:\n\
                1. Before the retirement date, fix what is unreadable or missing\n\
                2. To redeploy the service anyway:\n\
                \x20  aws ecs update-service --cluster prod --service web --force-new-deployment";
    assert!(found.contains(next) && !found.contains("you do not need to do anything"), "{found}");
}

#[tokio::test]
async fn the_message_where_a_calendar_is_unreadable_when_the_window_ends() {
    let aws = tagged(&[]);
    aws.always("GetCalendarState", error("AccessDeniedException", "no"));
    let parameters = [("CHANGE_CALENDARS", "Freeze"), ("MAINTENANCE_WINDOWS", "daily 22:00-02:00")];
    let expected = "Needs attention: prod/web\n\n\
                    Change Calendar Freeze is unreadable and is treated as closed: GetCalendarState \
                    failed: AccessDeniedException: no; planned again for Sat 29 Dec 2029 21:00 UTC: \
                    earliest opening of daily 22:00-02:00 Europe/Berlin before the retirement date. The \
                    service is not patched yet. It is retried on Sat 29 Dec 2029 22:00 Europe/Berlin \
                    (21:00 UTC). AWS replaces its old tasks from Wed 2 Jan 2030 19:00 Europe/Berlin \
                    (18:00 UTC).\n\n\
                    Next steps:\n\
                    1. Before the retirement date, fix what is unreadable or missing\n\
                    2. To redeploy the service anyway:\n\
                    \x20  aws ecs update-service --cluster prod --service web --force-new-deployment";
    let planned = json!({"windows": "daily 22:00-02:00 Europe/Berlin", "attempt": 3});
    let found = sent(&aws, &parameters, &planned, "2029-12-29T01:55:00Z").await;
    assert_eq!(found, format!("{expected}\n\n{}", facts("Sat 29 Dec 2029 02:55 Europe/Berlin (01:55 UTC)")));
}

#[tokio::test]
async fn the_message_where_no_start_time_is_left() {
    let aws = with_service(&rolling("ecs-svc/1", OLD), OLD);
    let expected = "Needs attention: prod/web\n\n\
                    Deployment ecs-svc/1, created before Wed 26 Dec 2029 18:00 UTC, is still rolling out; \
                    no opening of Fri 22:00-02:00 Europe/Berlin fits between Sat 29 Dec 2029 02:51 UTC \
                    and the deadline, Wed 2 Jan 2030 16:00 UTC; nothing is scheduled (WhenNoWindowFits: \
                    leave-to-aws). AWS replaces the tasks from Wed 2 Jan 2030 18:00 UTC. The service is \
                    not patched, and cannot be redeployed automatically. AWS replaces its old tasks from \
                    Wed 2 Jan 2030 19:00 Europe/Berlin (18:00 UTC).\n\n\
                    Next steps:\n\
                    1. Redeploy the service yourself before the retirement date:\n\
                    \x20  aws ecs update-service --cluster prod --service web --force-new-deployment";
    let found =
        sent(&aws, &[("WHEN_NO_WINDOW_FITS", "leave-to-aws")], &json!({}), "2029-12-29T01:51:00Z").await;
    assert_eq!(found, format!("{expected}\n\n{}", facts("Sat 29 Dec 2029 02:51 Europe/Berlin (01:51 UTC)")));
}

#[tokio::test]
async fn the_message_where_only_the_owners_tool_can_redeploy_the_service() {
    let aws = external();
    let expected = "Needs attention: prod/web\n\n\
                    1 of 1 running task was created before Wed 26 Dec 2029 18:00 UTC, and the deployment \
                    controller is EXTERNAL, which ECS cannot force: its task set was started by \
                    \"my-tool\" from arn:web:7. The service is not patched, and cannot be redeployed \
                    automatically. AWS replaces its old tasks from Wed 2 Jan 2030 19:00 Europe/Berlin \
                    (18:00 UTC).\n\n\
                    Next steps:\n\
                    1. Before the retirement date, redeploy the service with the tool that made its task \
                    sets. To see them:\n\
                    \x20  aws ecs describe-services --cluster prod --services web --query \
                    'services[0].taskSets'";
    assert_eq!(sent(&aws, &[], &json!({}), NOW).await, format!("{expected}\n\n{}", facts(AT_THE_START)));
}

#[tokio::test]
async fn the_message_of_a_deployment_that_aws_refuses() {
    let aws = tagged(&[]);
    aws.always("UpdateService", error("PlatformUnknownException", "The platform version is unknown."));
    let expected = "Failed: prod/web\n\n\
                    UpdateService failed: PlatformUnknownException: The platform version is unknown. The \
                    service is not patched, and the deployment is not retried. AWS replaces its old tasks \
                    from Wed 2 Jan 2030 19:00 Europe/Berlin (18:00 UTC).\n\n\
                    Next steps:\n\
                    1. Fix the cause, then redeploy the service yourself:\n\
                    \x20  aws ecs update-service --cluster prod --service web --force-new-deployment";
    assert_eq!(sent(&aws, &[], &json!({}), NOW).await, format!("{expected}\n\n{}", facts(AT_THE_START)));
}

#[tokio::test]
async fn after_the_retirement_date_a_message_says_that_aws_may_replace_the_tasks_at_any_time() {
    let past = merged(&notices()[0], &json!({"starts_at": "2029-12-27T18:00:00Z"}));
    let found = sent(&external(), &[], &json!({"notices": [past]}), NOW).await;
    let aws = "automatically. The retirement date was Thu 27 Dec 2029 19:00 Europe/Berlin (18:00 UTC): AWS may replace its \
               old tasks at any time.\n\nNext steps:\n1. ";
    assert!(found.contains(aws), "{found}");
}
