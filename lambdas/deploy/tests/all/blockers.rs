//! What keeps a deployment from starting: change freezes, alarms, and the service that comes first.

use crate::common::{FORCE, NAME, NOW, OLD, WHY, answer, calls, handle, handle_at, input, tag, tagged};
use fake_aws::{error, merged};
use rules::deploy::outcome::DeployOutcomeKind;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:cloudwatch:eu-west-2:111122223333:alarm:";

/// The answer where a deployment is retried.
fn postponed(reason: &str, slot: &str) -> Value {
    merged(&answer("postponed", reason), &json!({"slot": slot}))
}

#[tokio::test]
async fn a_change_freeze_is_waited_for_in_the_window_and_then_planned_around() {
    let parameters = [("CHANGE_CALENDARS", "Freeze"), ("MAINTENANCE_WINDOWS", "Fri+Sun 22:00-02:00")];
    let planned = json!({"windows": "Fri+Sun 22:00-02:00 UTC"});
    let rows: [(Option<&str>, &str, &str, Option<&str>); 4] = [
        // It opens within the window: then.
        (
            Some("2029-12-28T23:30:20Z"),
            NOW,
            " until Fri 28 Dec 2029 23:30 UTC; retrying in the same window on Fri 28 Dec 2029 23:31 UTC",
            Some("2029-12-28T23:31:00Z"),
        ),
        // It opens after the window: in the next one.
        (
            Some("2029-12-29T08:00:00Z"),
            NOW,
            " until Sat 29 Dec 2029 08:00 UTC; planned again for Sun 30 Dec 2029 22:00 UTC: earliest opening of Fri+Sun \
             22:00-02:00 UTC before the retirement date",
            Some("2029-12-30T22:00:00Z"),
        ),
        // Nobody knows when it opens: in ten minutes, while the window is open.
        (
            None,
            NOW,
            "; retrying in the same window on Fri 28 Dec 2029 22:11 UTC",
            Some("2029-12-28T22:11:00Z"),
        ),
        (
            None,
            "2029-12-29T01:55:00Z",
            "; no opening of Fri+Sun 22:00-02:00 UTC fits between Sat 29 Dec 2029 02:55 UTC and the deadline, Wed 2 Jan 2030 \
             16:00 UTC (Change Calendar Freeze is closed on Sun 30 Dec 2029 22:00 UTC); the same hours on other days do not \
             fit either (WhenNoWindowFits: any-day). AWS replaces the tasks from Wed 2 Jan 2030 18:00 UTC",
            None,
        ),
    ];
    for (opens, now, expected, slot) in rows {
        let aws = tagged(&[]);
        let opens = opens.map(str::to_owned);
        aws.on("GetCalendarState", move |_, asked| {
            let at = asked["AtTime"].as_str().unwrap();
            let state = if opens.as_deref().is_some_and(|opens| opens <= at) { "OPEN" } else { "CLOSED" };
            (200, json!({"State": state, "NextTransitionTime": opens.as_ref().filter(|_| state == "CLOSED")}))
        });
        let outcome = handle_at(&aws, &parameters, &input(&planned), now).await;
        assert_eq!(outcome.reason, format!("Change Calendar Freeze is closed{expected}"));
        assert_eq!(json!(outcome.slot), json!(slot));
        assert_eq!(aws.sent("UpdateService").len(), 0);
        let (kind, subject) = if slot.is_some() {
            (DeployOutcomeKind::Postponed, "Postponed: prod/web")
        } else {
            (DeployOutcomeKind::NotActionable, "Needs attention: prod/web")
        };
        assert_eq!((outcome.outcome, aws.subjects()), (kind, vec![subject.to_owned()]));
        assert_eq!(aws.schedules().contains_key(NAME), slot.is_some());
    }
}

#[tokio::test]
async fn any_closed_calendar_blocks_and_open_ones_do_not() {
    for (state, expected) in [("CLOSED", DeployOutcomeKind::Postponed), ("OPEN", DeployOutcomeKind::Started)]
    {
        let aws = tagged(&[]);
        aws.on("GetCalendarState", move |_, asked| {
            let second = asked["CalendarNames"] == json!(["Payroll"]);
            (200, json!({"State": if second { state } else { "OPEN" }}))
        });
        let parameters = [("CHANGE_CALENDARS", "Freeze,Payroll")];
        let outcome = handle_at(&aws, &parameters, &input(&json!({})), NOW).await;
        assert_eq!(outcome.outcome, expected);
        assert_eq!(outcome.reason.contains("Change Calendar Payroll is closed"), state == "CLOSED");
    }
}

#[tokio::test]
async fn a_calendar_that_is_about_to_close_blocks_and_is_asked_right_before_the_start() {
    let rows = [
        ("2029-12-28T22:04:00Z", DeployOutcomeKind::Postponed),
        ("2029-12-28T22:06:00Z", DeployOutcomeKind::Started),
    ];
    for (closes, expected) in rows {
        let aws = tagged(&[]);
        aws.on("GetCalendarState", move |_, asked| {
            let state = if asked["AtTime"].as_str() < Some(closes) { "OPEN" } else { "CLOSED" };
            (200, json!({"State": state, "NextTransitionTime": Some(closes).filter(|_| state == "OPEN")}))
        });
        let outcome = handle_at(&aws, &[("CHANGE_CALENDARS", "Freeze")], &input(&json!({})), NOW).await;
        assert_eq!(outcome.outcome, expected, "{outcome:?}");
        let closing = "Change Calendar Freeze closes soon, on Fri 28 Dec 2029 22:04 UTC; ";
        let postponed = expected == DeployOutcomeKind::Postponed;
        assert_eq!(outcome.reason.starts_with(closing), postponed, "{outcome:?}");
        // Between the calendar's answer and the start there is nothing but the start.
        let calls = calls(&aws);
        let start = calls.iter().position(|call| call == "UpdateService");
        let asked = calls.iter().position(|call| call == "GetCalendarState").unwrap();
        assert_eq!(start, (!postponed).then_some(asked + 1), "{calls:?}");
    }
}

#[tokio::test]
async fn what_is_unreadable_blocks_until_the_window_ends_and_then_the_owner_is_notified() {
    let denied = error("AccessDeniedException", "no");
    let why = "AccessDeniedException: no";
    let calendar = format!(
        "Change Calendar Freeze is unreadable and is treated as closed: GetCalendarState failed: {why}"
    );
    let alarms =
        format!("BlockingAlarms are unreadable and are treated as in ALARM: DescribeAlarms failed: {why}");
    let one = format!("{ARN}x");
    let missing = format!("alarm {one} does not exist and is treated as in ALARM");
    let rows = [
        (("CHANGE_CALENDARS", "Freeze"), ("GetCalendarState", denied.clone()), calendar),
        (("BLOCKING_ALARMS", "prod-"), ("DescribeAlarms", denied), alarms),
        (("BLOCKING_ALARMS", &one), ("DescribeAlarms", (200, json!({}))), missing),
    ];
    let daily = ("MAINTENANCE_WINDOWS", "daily 22:00-02:00");
    let planned = input(&json!({"windows": "daily 22:00-02:00 UTC", "attempt": 3}));
    for (parameter, (call, found), reason) in rows {
        let aws = tagged(&[]);
        aws.always(call, found);
        // In the window: again in ten minutes, and nobody is notified a second time.
        let outcome = handle_at(&aws, &[parameter, daily], &planned, "2029-12-29T01:00:03Z").await;
        let again = format!("{reason}; retrying in the same window on Sat 29 Dec 2029 01:11 UTC");
        let command = json!({"command": FORCE});
        assert_eq!(json!(outcome), merged(&postponed(&again, "2029-12-29T01:11:00Z"), &command));
        assert_eq!((aws.subjects().len(), aws.notified()), (0, vec!["Patch Postponed: web".to_owned()]));
        aws.take(NAME);
        aws.forget();
        // At its end: in the next one, and the owner has to fix it.
        let outcome = handle_at(&aws, &[parameter, daily], &planned, "2029-12-29T01:50:03Z").await;
        assert!(outcome.reason.starts_with(&reason), "{outcome:?}");
        assert_eq!(json!(outcome.outcome), "postponed");
        assert_eq!(json!(outcome.slot), json!("2029-12-29T22:00:00Z"));
        assert_eq!(outcome.command.as_deref(), Some(FORCE));
        assert_eq!(aws.notified(), ["Patch Needs Attention: web"]);
        let message = aws.message();
        assert!(message.contains("It is retried on Sat 29 Dec 2029 22:00 UTC"), "{message}");
        let next = format!(
            "1. Before the retirement date, fix what is unreadable or missing\n\
             2. To redeploy the service anyway:\n   {FORCE}"
        );
        assert!(message.contains(&next), "{message}");
        assert_eq!(aws.sent("UpdateService").len(), 0);
    }
}

#[tokio::test]
async fn an_alarm_in_alarm_blocks_and_one_without_data_does_not() {
    let alarms = format!("prod-,{ARN}x");
    let parameters = [("BLOCKING_ALARMS", alarms.as_str())];
    let alarm = |name: &str, state: &str| json!({"AlarmName": name, "AlarmArn": format!("{ARN}{name}"), "StateValue": state});
    let rows = [
        ("ALARM", "OK", Some("CloudWatch alarms in ALARM: prod-a, prod-b")),
        ("OK", "ALARM", Some("CloudWatch alarm in ALARM: x")),
        ("OK", "INSUFFICIENT_DATA", None),
        ("OK", "OK", None),
    ];
    for (of_prefix, of_arn, firing) in rows {
        let aws = tagged(&[]);
        let (metric, composite) = (alarm("prod-a", of_prefix), alarm("prod-b", of_prefix));
        let one = alarm("x", of_arn);
        aws.on("DescribeAlarms", move |_, asked| {
            let fires = of_prefix == asked["StateValue"];
            let found = |alarm: &Value| if fires { json!([alarm]) } else { json!([]) };
            match asked.get("AlarmNames") {
                Some(_) => (200, json!({"MetricAlarms": [one]})),
                None => (200, json!({"MetricAlarms": found(&metric), "CompositeAlarms": found(&composite)})),
            }
        });
        let outcome = handle_at(&aws, &parameters, &input(&json!({})), NOW).await;
        match firing {
            None => assert_eq!(outcome.outcome, DeployOutcomeKind::Started),
            Some(firing) => {
                let reason = format!("{firing}; retrying in the same window on Fri 28 Dec 2029 22:11 UTC");
                assert_eq!(json!(outcome), postponed(&reason, "2029-12-28T22:11:00Z"));
                assert_eq!(aws.subjects(), ["Postponed: prod/web"]);
            }
        }
    }
}

#[tokio::test]
async fn a_service_waits_until_the_one_that_comes_first_is_patched() {
    let reason = "waiting for dev/web: its task has not been replaced yet; retrying in the same window on Fri 28 Dec 2029 \
                  22:11 UTC";
    let waits = (DeployOutcomeKind::Postponed, reason, json!("2029-12-28T22:11:00Z"));
    let starts = (DeployOutcomeKind::Started, WHY, json!(null));
    let rows = [
        (json!({"createdAt": OLD}), 1, waits),
        (json!({"createdAt": OLD + 1}), 1, starts.clone()),
        (json!({"createdAt": OLD}), 0, starts), // it is scaled to zero
    ];
    for (task, desired, expected) in rows {
        let aws = tagged(&[("after", "dev/web")]);
        let tasks = [("prod", json!({"createdAt": OLD})), ("dev", task)];
        aws.on("DescribeServices", move |_, asked| {
            let tag = tag(("after", "dev/web"));
            let (tags, desired) =
                if asked["cluster"] == "prod" { (json!([tag]), 1) } else { (json!([]), desired) };
            let service =
                json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": desired, "tags": tags});
            (200, json!({"services": [service]}))
        });
        aws.on("DescribeTasks", move |_, asked| {
            let (_, task) = tasks.iter().find(|(cluster, _)| asked["cluster"] == *cluster).unwrap();
            (200, json!({"tasks": [task]}))
        });
        let outcome = handle(&aws).await;
        assert_eq!((outcome.outcome, outcome.reason.as_str(), json!(outcome.slot)), expected);
    }
}

#[tokio::test]
async fn a_missing_service_that_would_come_first_is_warned_of_and_an_unreadable_one_blocks() {
    let warning = "tag ecs-task-patching:after names dev/web, which does not exist; the tag is ignored";
    let rows = [
        (error("ClusterNotFoundException", "no"), DeployOutcomeKind::Started, WHY, Some(warning)),
        (
            error("AccessDeniedException", "no"),
            DeployOutcomeKind::Postponed,
            "dev/web, which comes first (tag ecs-task-patching:after), is unreadable: DescribeServices failed: \
             AccessDeniedException: no; retrying in the same window on Fri 28 Dec 2029 22:11 UTC",
            None,
        ),
    ];
    for (found, expected, reason, warning) in rows {
        let aws = tagged(&[]);
        let tags = [tag(("after", "dev/web"))];
        let web = json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "tags": tags});
        aws.on("DescribeServices", move |_, asked| {
            if asked["cluster"] == "prod" { (200, json!({"services": [web]})) } else { found.clone() }
        });
        let outcome = handle(&aws).await;
        assert_eq!((outcome.outcome, outcome.reason.as_str()), (expected, reason));
        assert_eq!(outcome.warnings, Vec::from_iter(warning));
    }
}

#[tokio::test]
async fn nothing_starts_while_everything_is_stopped_or_that_is_unreadable() {
    let stop = json!({
        "version": 1, "kind": "hold-all", "since": "2029-12-28T20:00:00Z", "reason": "outage",
    });
    let stopped = "an operator stopped all deployments on Fri 28 Dec 2029 20:00 UTC (outage); nothing starts until release-all";
    let by_hand = "an operator stopped all deployments; nothing starts until release-all";
    let unreadable = "it is unreadable whether an operator stopped all deployments: GetSchedule failed: AccessDeniedException: no";
    let schedule = |input: &str| {
        (200, json!({"State": "DISABLED", "Target": {"Arn": "a", "RoleArn": "r", "Input": input}}))
    };
    let rows = [
        (schedule(&stop.to_string()), stopped),
        (schedule("please stop"), by_hand),
        (error("AccessDeniedException", "no"), unreadable),
    ];
    for (answer, reason) in rows {
        let aws = tagged(&[]);
        aws.always("GET /schedules/hold-all", answer);
        let outcome = handle(&aws).await;
        assert_eq!(outcome.outcome, DeployOutcomeKind::Postponed);
        assert!(
            outcome.reason.starts_with(&format!("{reason}; retrying in the same window")),
            "{}",
            outcome.reason
        );
        assert_eq!(aws.sent("UpdateService").len(), 0);
        assert!(aws.message().contains(&reason[1..30]), "{}", aws.message());
    }
    // A deployment that starts without a message reads it once.
    let aws = tagged(&[]);
    assert_eq!(handle(&aws).await.outcome, DeployOutcomeKind::Started);
    assert_eq!(aws.reads_of_the_stop(), 1);
}
