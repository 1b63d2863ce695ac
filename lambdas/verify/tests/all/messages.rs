//! The messages that verify sends, word for word: the wording is an interface. Their readers are in Berlin.

use crate::common::{
    LATER, OLD, SOON, STARTED, check, deadline_check, deployment, ended, handle_with, notice, primary,
    with_pause, with_service, with_services,
};
use fake_aws::{Aws, merged};
use serde_json::{Value, json};

/// The message that is sent for an input at that time, with its subject before it.
async fn sent(aws: &Aws, input: &Value, now: &str) -> String {
    handle_with(aws, &[("TIME_ZONE", "Europe/Berlin")], input, now).await.unwrap();
    format!("{}\n\n{}", aws.subjects().join("\n"), aws.message())
}

/// The facts that every message about `prod/web` ends with.
fn facts(time: &str) -> String {
    format!("Service:         web\nCluster:         prod\n{}", facts_of_the_notice(time))
}

fn facts_of_the_notice(time: &str) -> String {
    let arn = "arn:aws:health:eu-west-2::event/ECS/AWS_ECS_TASK_PATCHING_RETIREMENT/AWS_ECS_TASK_PATCHING_RETIREMENT_4f8e2b71";
    format!(
        "Account:         111122223333\n\
         Region:          eu-west-2\n\
         Time:            {time}\n\
         Retirement date: Wed 2 Jan 2030 19:00 Europe/Berlin (18:00 UTC)\n\
         Console:         https://eu-west-2.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/health?region=eu-west-2\n\
         Notice:          {arn}"
    )
}

#[tokio::test]
async fn the_message_about_a_patched_service() {
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &[STARTED + 1, STARTED + 2]);
    let expected = "Patched: prod/web\n\n\
                    All 2 running tasks were created by deployment ecs-svc/2 after Wed 26 Dec 2029 \
                    18:00:00 UTC, the oldest at Fri 28 Dec 2029 22:00:04 UTC. The service is patched; \
                    there is nothing to do before the retirement date.";
    let facts = facts("Fri 28 Dec 2029 23:03 Europe/Berlin (22:03 UTC)");
    assert_eq!(sent(&aws, &check(&json!({})), SOON).await, format!("{expected}\n\n{facts}"));
}

#[tokio::test]
async fn the_message_about_a_service_that_was_scaled_to_zero() {
    let aws = with_service(&json!([]), &[]);
    let expected = "Skipped: prod/web\n\n\
                    The service's desired count is 0. There is nothing to patch, and nothing to do before \
                    the retirement date.";
    let facts = facts("Fri 28 Dec 2029 23:03 Europe/Berlin (22:03 UTC)");
    assert_eq!(sent(&aws, &check(&json!({})), SOON).await, format!("{expected}\n\n{facts}"));
}

#[tokio::test]
async fn the_message_about_a_rollback_has_the_reasons_that_ecs_gives() {
    let back = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.";
    let breaker = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    let failed = "ECS deployment circuit breaker: tasks failed to start.";
    let aws = Aws::default();
    let service = json!({
        "serviceName": "web", "status": "ACTIVE", "desiredCount": 2,
        "deployments": [
            deployment("ecs-svc/3", "PRIMARY", "COMPLETED", back, 0),
            deployment("ecs-svc/2", "ACTIVE", "FAILED", failed, 3),
        ],
    });
    let stopped = json!({
        "createdAt": STARTED + 5, "stoppedReason": "Task failed ELB health checks", "stopCode": "ServiceSchedulerInitiated",
        "containers": [{"name": "app", "exitCode": 137}],
    });
    let old = json!({"createdAt": OLD});
    aws.service(&service, &[old.clone(), old], &[stopped]);
    aws.always("ListServiceDeployments", ended("ROLLBACK_SUCCESSFUL", breaker));
    let expected = "Needs attention: prod/web\n\n\
                    Deployment ecs-svc/2 was rolled back by deployment ecs-svc/3: ECS deployment circuit \
                    breaker: rolling back to deploymentId ecs-svc/1; 2 of 2 running tasks were created \
                    before Wed 26 Dec 2029 18:00 UTC. ECS says: deployment ROLLBACK_SUCCESSFUL: Service \
                    deployment rolled back because the circuit breaker threshold was exceeded; a task \
                    stopped: Task failed ELB health checks; app: exit code 137. The service is not \
                    patched. AWS replaces its old tasks from Wed 2 Jan 2030 19:00 Europe/Berlin (18:00 \
                    UTC).\n\n\
                    Next steps:\n\
                    1. Fix the cause, then redeploy the service:\n\
                    \x20  aws ecs update-service --cluster prod --service web --force-new-deployment";
    let facts = facts("Sat 29 Dec 2029 00:00 Europe/Berlin (Fri 28 Dec 23:00 UTC)");
    assert_eq!(sent(&aws, &check(&json!({})), LATER).await, format!("{expected}\n\n{facts}"));
}

#[tokio::test]
async fn the_message_about_a_deployment_that_waits_for_a_person() {
    let aws = with_pause();
    let expected = "Needs attention: prod/web\n\n\
                    Deployment ecs-svc/2 is paused by a lifecycle hook until someone continues it; ECS rolls \
                    it back on Sat 29 Dec 2029 22:00 UTC; 1 of 2 running tasks was created before Wed 26 \
                    Dec 2029 18:00 UTC. The service is not patched. AWS replaces its old tasks from Wed 2 \
                    Jan 2030 19:00 Europe/Berlin (18:00 UTC).\n\n\
                    Next steps:\n\
                    1. Check the new tasks, then continue the deployment:\n\
                    \x20  aws ecs continue-service-deployment --service-deployment-arn \
                    arn:aws:ecs:eu-west-2:111122223333:service-deployment/prod/web/2 --hook-id ecs-pause-1 \
                    --action CONTINUE";
    let facts = facts("Fri 28 Dec 2029 23:03 Europe/Berlin (22:03 UTC)");
    assert_eq!(sent(&aws, &check(&json!({})), SOON).await, format!("{expected}\n\n{facts}"));
}

#[tokio::test]
async fn the_message_about_a_rollout_that_has_not_completed_by_the_deadline() {
    let aws = with_service(&json!([primary("ecs-svc/2", "IN_PROGRESS")]), &[OLD, STARTED + 9]);
    let expected = "Needs attention: prod/web\n\n\
                    Deployment ecs-svc/2 has not completed by Wed 2 Jan 2030 16:00 UTC; 1 of 2 running \
                    tasks was created before Wed 26 Dec 2029 18:00 UTC. The service is not patched. AWS \
                    replaces its old tasks from Wed 2 Jan 2030 19:00 Europe/Berlin (18:00 UTC).\n\n\
                    Next steps:\n\
                    1. Find out what is delaying the deployment, then redeploy the service: AWS stops the \
                    old tasks from the retirement date, whether or not new ones are ready:\n\
                    \x20  aws ecs update-service --cluster prod --service web --force-new-deployment";
    let facts = facts("Wed 2 Jan 2030 17:00 Europe/Berlin (16:00 UTC)");
    assert_eq!(
        sent(&aws, &check(&json!({})), "2030-01-02T16:00:02Z").await,
        format!("{expected}\n\n{facts}")
    );
}

#[tokio::test]
async fn the_message_about_the_unpatched_services_of_a_notice() {
    let aws = with_services(&[("web", OLD, ""), ("worker", OLD, "disabled")]);
    let expected = "Not patched: 2 services, retirement date Wed 2 Jan 2030 19:00 Europe/Berlin\n\n\
                    2 services are not patched. AWS replaces old tasks from Wed 2 Jan 2030 19:00 \
                    Europe/Berlin (18:00 UTC), whether or not new ones are ready.\n\n\
                    Next steps:\n\
                    1. Check the service events in the ECS console and earlier messages about this \
                    notice for the cause\n\
                    2. Redeploy each service with the command below it\n\n\
                    Not patched:\n\
                    - prod/web: 1 of 1 running task is old; no deployment is planned or in progress\n\
                    \x20 aws ecs update-service --cluster prod --service web --force-new-deployment\n\
                    - prod/worker: 1 of 1 running task is old; an operator disabled its schedule\n\
                    \x20 aws ecs update-service --cluster prod --service worker --force-new-deployment";
    let facts = facts_of_the_notice("Wed 2 Jan 2030 16:30 Europe/Berlin (15:30 UTC)");
    let found = sent(&aws, &deadline_check(&["web", "worker"]), "2030-01-02T15:30:00Z").await;
    assert_eq!(found, format!("{expected}\n\n{facts}"));
}

#[tokio::test]
async fn the_message_about_an_unpatched_service_after_the_retirement_date() {
    let aws = with_services(&[("web", OLD, "")]);
    let expected = "Not patched: 1 service, retirement date Wed 2 Jan 2030 19:00 Europe/Berlin\n\n\
                    1 service is not patched. The retirement date was Wed 2 Jan 2030 19:00 \
                    Europe/Berlin (18:00 UTC): AWS may replace old tasks at any time.\n\n\
                    Next steps:\n\
                    1. Check the service events in the ECS console and earlier messages about this \
                    notice for the cause\n\
                    2. Redeploy each service with the command below it\n\n\
                    Not patched:\n\
                    - prod/web: 1 of 1 running task is old; no deployment is planned or in progress\n\
                    \x20 aws ecs update-service --cluster prod --service web --force-new-deployment";
    let facts = facts_of_the_notice("Wed 2 Jan 2030 19:30 Europe/Berlin (18:30 UTC)");
    let found = sent(&aws, &deadline_check(&["web"]), "2030-01-02T18:30:00Z").await;
    assert_eq!(found, format!("{expected}\n\n{facts}"));
}

#[tokio::test]
async fn after_the_retirement_date_a_message_says_that_aws_may_replace_the_tasks_at_any_time() {
    let aws = with_service(&json!([primary("ecs-svc/1", "COMPLETED")]), &[OLD]);
    let past = merged(&notice(), &json!({"starts_at": "2029-12-27T18:00:00Z"}));
    let found = sent(&aws, &check(&json!({"notices": [past]})), LATER).await;
    let aws = "The service is not patched. The retirement date was Thu 27 Dec 2029 19:00 Europe/Berlin (18:00 UTC): AWS may \
               replace its old tasks at any time.\n\nNext steps:\n1. ";
    assert!(found.contains(aws), "{found}");
}

#[tokio::test]
async fn the_messages_about_a_drill_say_so() {
    let drill = merged(&notice(), &json!({"drill": true}));
    let aws = with_service(&json!([primary("ecs-svc/2", "COMPLETED")]), &[STARTED + 1]);
    sent(&aws, &check(&json!({"notices": [drill]})), SOON).await;
    assert_eq!(
        (aws.subjects(), &aws.events()[0]["Detail"]["drill"]),
        (vec!["Drill: Patched: prod/web".into()], &json!(true))
    );
    let aws = with_services(&[("web", OLD, "")]);
    let input = merged(&deadline_check(&["web"]), &json!({"notice": drill}));
    sent(&aws, &input, "2030-01-02T15:30:00Z").await;
    assert!(aws.subjects()[0].starts_with("Drill: Not patched: 1 service, "), "{:?}", aws.subjects());
    assert_eq!(aws.events()[0]["Detail"]["drill"], true);
}
