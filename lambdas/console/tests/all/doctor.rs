//! The doctor, on the command line and on the page of its findings.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

use fake_aws::{Aws, error};
use serde_json::{Value, json};

use crate::common::{NOW, ask_with, name_of, page, planned, with};

/// An AWS in which the installation is healthy.
fn healthy() -> Aws {
    let aws = with(&["web"]);
    aws.memory().now = NOW.parse().unwrap();
    let arn = "arn:aws:events:eu-west-2:111122223333:rule/the-rule";
    aws.always("DescribeRule", (200, json!({"State": "ENABLED", "Arn": arn, "EventPattern": "{}"})));
    let ingest = "arn:aws:lambda:eu-west-2:111122223333:function:the-ingest";
    aws.always("ListTargetsByRule", (200, json!({"Targets": [{"Arn": ingest}]})));
    aws.always("TestEventPattern", (200, json!({"Result": true})));
    let statement = json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Condition": {"ArnLike": {"AWS:SourceArn": arn}}});
    let policy = json!({"Statement": [statement]}).to_string();
    aws.always("GET /2015-03-31/functions/", (200, json!({"Role": "arn:aws:iam::111122223333:role/its"})));
    aws.always("GET /2015-03-31/functions/the-ingest/policy", (200, json!({"Policy": policy})));
    aws.on("SimulatePrincipalPolicy", |_, form: &Value| simulated(form, &[], true));
    let subscription =
        json!({"Protocol": "email", "Endpoint": "ops@example.org", "SubscriptionArn": "arn:aws:sns:x"});
    aws.always("ListSubscriptionsByTopic", (200, json!({"Subscriptions": [subscription]})));
    aws.on("ListAccountSettings", |_, body: &Value| {
        let value = if body["name"] == "fargateEventWindows" { "disabled" } else { "14" };
        (200, json!({"settings": [{"name": body["name"], "value": value}]}))
    });
    aws.always(
        "ListClusters",
        (200, json!({"clusterArns": ["arn:aws:ecs:eu-west-2:111122223333:cluster/prod"]})),
    );
    aws.always(
        "ListServices",
        (200, json!({"serviceArns": ["arn:aws:ecs:eu-west-2:111122223333:service/prod/web"]})),
    );
    aws.always("DescribeServices", (200, json!({"services": [service()]})));
    let image = format!("app@sha256:{}", "0123456789abcdef".repeat(4));
    let definition = json!({"containerDefinitions": [{"name": "app", "image": image}]});
    aws.always("DescribeTaskDefinition", (200, json!({"taskDefinition": definition})));
    aws
}

fn service() -> Value {
    json!({
        "serviceName": "web", "status": "ACTIVE", "launchType": "FARGATE", "desiredCount": 2, "taskDefinition": "arn:td",
        "deploymentConfiguration": {
            "minimumHealthyPercent": 100, "maximumPercent": 200, "deploymentCircuitBreaker": {"enable": true, "rollback": true},
        },
    })
}

/// IAM's answer: all actions are allowed but these.
fn simulated(form: &Value, denied: &[&str], by_organization: bool) -> (u16, Value) {
    let actions = form.as_object().unwrap().iter().filter(|(name, _)| name.starts_with("ActionNames."));
    let result = |action: &Value| {
        let is_denied = denied.contains(&action.as_str().unwrap());
        let decision = if is_denied { "implicitDeny" } else { "allowed" };
        let organizations =
            json!({"AllowedByOrganizations": if is_denied && !by_organization { "false" } else { "true" }});
        json!({"EvalActionName": action, "EvalDecision": decision, "OrganizationsDecisionDetail": organizations})
    };
    (200, json!({"EvaluationResults": actions.map(|(_, action)| result(action)).collect::<Vec<_>>()}))
}

async fn examine(aws: &Aws) -> Value {
    ask_with(aws, &[("MAINTENANCE_WINDOWS", "daily 22:00-02:00")], &json!({"operation": "doctor"})).await
}

/// What the only finding says.
async fn only(aws: &Aws) -> String {
    let answer = examine(aws).await;
    let [finding] = answer["findings"].as_array().unwrap().as_slice() else { panic!("{answer:#}") };
    format!("{}: {}", finding["severity"].as_str().unwrap(), finding["found"].as_str().unwrap())
}

#[tokio::test]
async fn a_healthy_installation_gets_no_finding() {
    let aws = healthy();
    assert_eq!(examine(&aws).await, json!({"findings": [], "text": "A notice tonight would be handled."}));
    let event: Value =
        serde_json::from_str(aws.sent("TestEventPattern")[0]["Event"].as_str().unwrap()).unwrap();
    assert_eq!(event["detail"]["eventTypeCode"], "AWS_ECS_TASK_PATCHING_RETIREMENT");
    let asked = aws.sent("SimulatePrincipalPolicy");
    let pass_role = asked.iter().find(|form| form["ActionNames.member.1"] == "iam:PassRole").unwrap();
    assert_eq!(pass_role["ContextEntries.member.1.ContextKeyValues.member.1"], "scheduler.amazonaws.com");
}

/// A part that is broken, and the finding about it.
type Broken = (fn(&Aws), &'static str);

const BROKEN: [Broken; 14] = [
    (
        |aws| aws.always("DescribeRule", (200, json!({"State": "DISABLED"}))),
        "critical: The rule the-rule is disabled.",
    ),
    (
        |aws| aws.always("ListTargetsByRule", (200, json!({}))),
        "critical: The rule the-rule does not invoke arn:aws:lambda",
    ),
    (
        |aws| aws.always("TestEventPattern", (200, json!({"Result": false}))),
        "critical: The pattern of the rule the-rule",
    ),
    (
        |aws| {
            aws.always(
                "GET /2015-03-31/functions/the-ingest/policy",
                error("ResourceNotFoundException", "no"),
            );
        },
        "critical: The function the-ingest does not let the rule",
    ),
    (
        |aws| aws.always("GetMetricData", (200, json!({"MetricDataResults": []}))),
        "critical: No heartbeat was recorded in the last day.",
    ),
    (
        |aws| {
            aws.on("SimulatePrincipalPolicy", |_, form: &Value| {
                simulated(form, &["ecs:UpdateService"], true)
            });
        },
        "critical: Deploy may not do what it has to: its role does not allow ecs:UpdateService.",
    ),
    (
        |aws| {
            aws.on("SimulatePrincipalPolicy", |_, form: &Value| {
                simulated(form, &["ecs:UpdateService"], false)
            });
        },
        "critical: Deploy may not do what it has to: a policy of the organization denies ecs:UpdateService.",
    ),
    (
        |aws| {
            aws.on("ListSubscriptionsByTopic", |_, form: &Value| {
                let arn = if form["TopicArn"].as_str().unwrap().ends_with("alarms") { "PendingConfirmation" } else { "arn:x" };
                (200, json!({"Subscriptions": [{"Protocol": "email", "Endpoint": "a@b.c", "SubscriptionArn": arn}]}))
            });
        },
        "critical: No subscription to alarms is confirmed.",
    ),
    (
        |aws| {
            let numbers =
                json!({"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "0"});
            aws.always("GetQueueAttributes", (200, json!({"Attributes": numbers})));
        },
        "warning: 1 message is in the dead-letter queue.",
    ),
    (
        |aws| {
            aws.schedule(
                &name_of("web"),
                planned("web", &json!({"ScheduleExpression": "at(2029-12-26T12:00:00)"})),
            );
        },
        "warning: 1 schedule is overdue: prod/web.",
    ),
    (
        |aws| {
            aws.on("ListAccountSettings", |_, body: &Value| {
                let value = if body["name"] == "fargateEventWindows" { "disabled" } else { "0" };
                (200, json!({"settings": [{"value": value}]}))
            });
        },
        "critical: The account setting fargateTaskRetirementWaitPeriod is 0",
    ),
    (
        |aws| {
            let mut service = service();
            service["tags"] = json!([{"key": "ecs-task-patching:window", "value": "sometimes"}]);
            aws.always("DescribeServices", (200, json!({"services": [service]})));
        },
        "warning: On prod/web, tag ecs-task-patching:window is \"sometimes\"",
    ),
    (
        |aws| {
            let mut service = service();
            service["deploymentConfiguration"]["maximumPercent"] = json!(100);
            aws.always("DescribeServices", (200, json!({"services": [service]})));
        },
        "warning: 1 service is unable to replace a task",
    ),
    (
        |aws| aws.always("ListClusters", error("AccessDeniedException", "no")),
        "warning: The services on Fargate could not be checked: ListClusters failed: AccessDeniedException: no.",
    ),
];

#[tokio::test]
async fn each_broken_part_is_found() {
    for (break_it, expected) in BROKEN {
        let aws = healthy();
        break_it(&aws);
        let found = only(&aws).await;
        assert!(found.starts_with(expected), "{expected}: {found}");
    }
}

#[tokio::test]
async fn the_page_shows_the_findings_the_verdict_and_the_dead_letters() {
    let aws = healthy();
    aws.always("DescribeRule", (200, json!({"State": "DISABLED"})));
    let body = json!({"cluster": "prod", "service": "web", "slot": "x"}).to_string();
    let attributes = json!({"ERROR_MESSAGE": {"StringValue": "<denied>"}});
    let message = json!({"MessageId": "1", "Body": body, "MessageAttributes": attributes});
    aws.always("ReceiveMessage", (200, json!({"Messages": [message]})));
    let html = page(&aws, &json!({"operation": "doctor"})).await;
    for part in [
        "The rule the-rule is disabled.",
        "A notice tonight would NOT be handled",
        "&lt;denied&gt;",
        "Redrive all",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(aws.sent("ReceiveMessage").iter().all(|asked| asked["VisibilityTimeout"] == 0));
}
