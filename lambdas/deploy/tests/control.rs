//! What owners control at the slot: tags, observing, change freezes, alarms, order, images, on an AWS that speaks its
//! wire formats.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test")]

use aws::config::Config;
use deploy::{Deploy, Outcome};
use fake_aws::{Aws, CREATE, DELETE, UPDATE, environment_with, error, merged};
use serde_json::{Value, json};

const NOW: &str = "2029-12-28T22:00:03Z";
const OLD: i64 = 1_893_002_400; // the sample's cut-off
const WHY: &str = "1 of 1 running task(s) were created before Wed 2029-12-26 18:00 UTC";
const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
const ARN: &str = "arn:aws:cloudwatch:eu-west-2:111122223333:alarm:";

fn input(changes: &Value) -> Value {
    let input: Value = serde_json::from_str(include_str!("../../../events/deploy-input.json")).unwrap();
    merged(&input, changes)
}

/// An AWS whose services have one old task each, and these tags on prod/web.
fn tagged(tags: &[(&str, &str)]) -> Aws {
    let tag =
        |(key, value): &(&str, &str)| json!({"key": format!("ecs-task-patching:{key}"), "value": value});
    let tags: Vec<Value> = tags.iter().map(tag).collect();
    let aws = Aws::default();
    let service = json!({
        "serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "tags": tags, "taskDefinition": "arn:web:7",
    });
    aws.service(&service, &[json!({"createdAt": OLD})], &[]);
    let deployments = json!([{"id": "ecs-svc/2", "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}]);
    aws.always("UpdateService", (200, json!({"service": {"deployments": deployments}})));
    aws
}

async fn handle_at(aws: &Aws, parameters: &[(&str, &str)], input: &Value, now: &str) -> Outcome {
    let deploy =
        Deploy::new(&aws.sdk(), Config::read(&environment_with(parameters)).expect("a configuration"));
    deploy.handle(input, now.parse().unwrap()).await.expect("an outcome")
}

/// The outcome, its reason and its slot.
async fn handle(aws: &Aws, parameters: &[(&str, &str)], input: &Value, now: &str) -> (String, String, Value) {
    let outcome = handle_at(aws, parameters, input, now).await;
    let slot = json!(outcome.slot);
    (json!(outcome.outcome).as_str().unwrap().to_owned(), outcome.reason, slot)
}

fn titles(aws: &Aws) -> Vec<String> {
    aws.messages().iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect()
}

fn writes(aws: &Aws) -> usize {
    [CREATE, UPDATE, DELETE, "UpdateService"].iter().map(|call| aws.sent(call).len()).sum()
}

fn told(outcome: &str, reason: &str, slot: Option<&str>) -> (String, String, Value) {
    (outcome.to_owned(), reason.to_owned(), json!(slot))
}

#[tokio::test]
async fn who_opted_out_since_the_plan_is_left_alone() {
    let aws = tagged(&[("mode", "off")]);
    let why = "its owner opted out (its tag ecs-task-patching:mode is off)";
    assert_eq!(handle(&aws, &[], &input(&json!({})), NOW).await, told("skipped", why, None));
    assert_eq!((writes(&aws), aws.told()), (0, vec!["Patch Skipped: web".to_owned()]));
}

#[tokio::test]
async fn what_is_only_observed_says_what_would_be_done_and_nothing_is_written() {
    let observe = [("MODE", "observe")];
    let forced = format!("only observed: a new deployment would be forced: {WHY}");
    for (parameters, tags) in [(&observe[..], &[][..]), (&[], &[("mode", "observe")])] {
        let aws = tagged(tags);
        assert_eq!(handle(&aws, parameters, &input(&json!({})), NOW).await, told("skipped", &forced, None));
        assert_eq!((writes(&aws), aws.told()), (0, vec!["Patch Skipped: web".to_owned()]));
        assert!(
            aws.messages()[0].contains("only observed".to_owned().as_str())
                || aws.messages()[0].contains("Only observed")
        );
    }
    // What waits would wait, and what is rolling is not handed on.
    let aws = tagged(&[]);
    aws.always("GetCalendarState", (200, json!({"State": "CLOSED"})));
    let parameters = [observe[0], ("CHANGE_CALENDARS", "Freeze")];
    let would = "only observed: it would wait: Change Calendar Freeze is closed";
    assert_eq!(handle(&aws, &parameters, &input(&json!({})), NOW).await, told("skipped", would, None));
    let rolling = json!([{"id": "ecs-svc/3", "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "createdAt": OLD + 1}]);
    let service =
        json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "deployments": rolling});
    aws.service(&service, &[json!({"createdAt": OLD})], &[]);
    let outcome = handle_at(&aws, &observe, &input(&json!({})), NOW).await;
    assert!(
        outcome.reason.starts_with("only observed: nothing would be done: deployment ecs-svc/3"),
        "{outcome:?}"
    );
    assert_eq!(writes(&aws), 0);
    // The tag wins: while all are observed, this one is deployed.
    let aws = tagged(&[("mode", "deploy")]);
    assert_eq!(handle(&aws, &observe, &input(&json!({})), NOW).await.0, "started");
}

#[tokio::test]
async fn another_window_since_the_plan_is_honoured() {
    let now_other = "its windows are Sun 03:00-05:00 UTC now, and none of these is open; earliest opening of Sun 03:00-05:00 \
                     UTC before AWS's date";
    let again = told("postponed", now_other, Some("2029-12-30T03:00:00Z"));
    for (parameters, tags) in [
        (&[][..], &[("window", "Sun 03:00-05:00")][..]),
        (&[("MAINTENANCE_WINDOWS", "Sun 03:00-05:00")], &[]),
    ] {
        let aws = tagged(tags);
        assert_eq!(handle(&aws, parameters, &input(&json!({})), NOW).await, again);
        assert_eq!(aws.sent("UpdateService").len(), 0);
        assert_eq!(aws.input_of(NAME)["windows"], "Sun 03:00-05:00 UTC");
        assert_eq!(titles(&aws), ["Postponed: prod/web"]);
        // And there it is deployed.
        let second = merged(&aws.input_of(NAME), &json!({"scheduled_for": "2029-12-30T03:00:00Z"}));
        aws.take(NAME);
        assert_eq!(handle(&aws, parameters, &second, "2029-12-30T03:00:04Z").await.0, "started");
    }
}

#[tokio::test]
async fn another_window_that_is_open_too_or_a_time_that_a_person_chose_is_no_reason_to_wait() {
    let sunday = &[("window", "Sun 03:00-05:00")][..];
    let rows = [
        (&[("window", "daily 21:00-23:00")][..], json!({})),
        (sunday, json!({"scheduled_for": "2029-12-28T21:30:00Z"})), // moved
        (sunday, json!({"scheduled_for": "<aws.scheduler.scheduled-time>"})), // handed over by hand
        (sunday, json!({"windows": null})),                         // planned before windows were kept
        (&[], json!({"slot": "2029-12-28T22:00:00Z"})),
        // A slot of the fallback lies outside of the windows for which it was planned.
        (sunday, json!({"windows": "Sun 03:00-05:00 UTC"})),
    ];
    for (tags, changes) in rows {
        assert_eq!(
            handle(&tagged(tags), &[], &input(&changes), NOW).await.0,
            "started",
            "{tags:?} {changes}"
        );
    }
}

#[tokio::test]
async fn another_window_that_comes_too_late_is_for_a_person() {
    let aws = tagged(&[("window", "Thu 03:00-05:00")]);
    let parameters = [("WHEN_NO_WINDOW_FITS", "leave-to-aws")];
    let outcome = handle_at(&aws, &parameters, &input(&json!({})), NOW).await;
    assert!(
        outcome.reason.contains("none of these is open; no window of Thu 03:00-05:00 UTC fits"),
        "{outcome:?}"
    );
    let command = "aws ecs update-service --cluster prod --service web --force-new-deployment";
    assert_eq!(outcome.command.as_deref(), Some(command));
    assert_eq!((titles(&aws), writes(&aws)), (vec!["Needs attention: prod/web".to_owned()], 0));
}

#[tokio::test]
async fn a_tag_that_cannot_be_read_is_told_with_the_start() {
    let aws = tagged(&[("mode", "later")]);
    let outcome = handle_at(&aws, &[], &input(&json!({})), NOW).await;
    let warning = "its tag ecs-task-patching:mode is \"later\": it is none of deploy, observe and off; a right value is \
                   \"off\"; the parameter Mode applies";
    assert_eq!(outcome.warnings, [warning]);
    assert_eq!(aws.events()[0]["Detail"]["warnings"], json!([warning]));
    assert_eq!(titles(&aws), ["Started: prod/web"]);
    assert!(
        aws.messages()[0].contains("\n\nWarning: Its tag ecs-task-patching:mode"),
        "{}",
        aws.messages()[0]
    );
}

#[tokio::test]
async fn a_freeze_that_lies_on_the_slot_is_waited_for_in_the_window_and_then_planned_around() {
    let parameters = [("CHANGE_CALENDARS", "Freeze"), ("MAINTENANCE_WINDOWS", "Fri+Sun 22:00-02:00")];
    let planned = json!({"windows": "Fri+Sun 22:00-02:00 UTC"});
    let closed = "Change Calendar Freeze is closed";
    let rows: [(Option<&str>, &str, &str, Option<&str>); 4] = [
        // It opens within the window: then.
        (
            Some("2029-12-28T23:30:20Z"),
            NOW,
            "closed until Fri 2029-12-28 23:30 UTC; the same window, at Fri 2029-12-28 23:31 UTC",
            Some("2029-12-28T23:31:00Z"),
        ),
        // It opens after the window: the next one.
        (
            Some("2029-12-29T08:00:00Z"),
            NOW,
            "closed until Sat 2029-12-29 08:00 UTC; earliest opening of Fri+Sun 22:00-02:00 UTC before AWS's date",
            Some("2029-12-30T22:00:00Z"),
        ),
        // Nobody knows when it opens: in ten minutes, while the window is open.
        (None, NOW, "closed; the same window, at Fri 2029-12-28 22:11 UTC", Some("2029-12-28T22:11:00Z")),
        (
            None,
            "2029-12-29T01:55:00Z",
            "closed; no window of Fri+Sun 22:00-02:00 UTC fits between Sat 2029-12-29 02:55 UTC and the deadline Wed \
             2030-01-02 16:00 UTC (Change Calendar Freeze is closed at Sun 2029-12-30 22:00 UTC), nor do the same hours on \
             another day (WhenNoWindowFits: any-day): AWS replaces the tasks from Wed 2030-01-02 18:00 UTC on",
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
        let (outcome, reason, at) = handle(&aws, &parameters, &input(&planned), now).await;
        assert_eq!((reason, at), (format!("{}{expected}", closed.trim_end_matches("closed")), json!(slot)));
        assert_eq!(aws.sent("UpdateService").len(), 0);
        let told = if slot.is_some() {
            ("postponed", "Postponed: prod/web")
        } else {
            ("not-actionable", "Needs attention: prod/web")
        };
        assert_eq!((outcome.as_str(), titles(&aws)), (told.0, vec![told.1.to_owned()]));
        assert_eq!(aws.schedules().contains_key(NAME), slot.is_some());
    }
}

#[tokio::test]
async fn any_closed_calendar_closes_and_open_ones_do_not() {
    for (state, expected) in [("CLOSED", "postponed"), ("OPEN", "started")] {
        let aws = tagged(&[]);
        aws.on("GetCalendarState", move |_, asked| {
            let second = asked["CalendarNames"] == json!(["Payroll"]);
            (200, json!({"State": if second { state } else { "OPEN" }}))
        });
        let (outcome, reason, _) =
            handle(&aws, &[("CHANGE_CALENDARS", "Freeze,Payroll")], &input(&json!({})), NOW).await;
        assert_eq!(outcome, expected);
        assert_eq!(reason.contains("Change Calendar Payroll is closed"), state == "CLOSED");
    }
}

#[tokio::test]
async fn a_calendar_that_is_about_to_close_counts_as_closed() {
    for (closes, expected) in [("2029-12-28T22:04:00Z", "postponed"), ("2029-12-28T22:06:00Z", "started")] {
        let aws = tagged(&[]);
        aws.on("GetCalendarState", move |_, asked| {
            let state = if asked["AtTime"].as_str() < Some(closes) { "OPEN" } else { "CLOSED" };
            (200, json!({"State": state, "NextTransitionTime": Some(closes).filter(|_| state == "OPEN")}))
        });
        let parameters = [("CHANGE_CALENDARS", "Freeze")];
        let (outcome, reason, _) = handle(&aws, &parameters, &input(&json!({})), NOW).await;
        assert_eq!(outcome, expected, "{reason}");
        let told = "Change Calendar Freeze is about to close, at Fri 2029-12-28 22:04 UTC; ";
        assert_eq!(reason.starts_with(told), expected == "postponed", "{reason}");
        // The calendar is asked last: what comes between its answer and the start is nothing but the start.
        let calls: Vec<String> = aws.requests().into_iter().map(|(call, _)| call).collect();
        let start = calls.iter().position(|call| call == "UpdateService");
        let asked = calls.iter().position(|call| call == "GetCalendarState").unwrap();
        assert!(start.is_none_or(|start| start == asked + 1), "{calls:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_no_until_the_window_ends_and_then_the_owner_is_told() {
    let denied = error("AccessDeniedException", "no");
    let why = "AccessDeniedException: no";
    let calendar = format!(
        "Change Calendar Freeze cannot be read, and counts as closed: GetCalendarState failed: {why}"
    );
    let alarms = format!("BlockingAlarms cannot be read, and count as ALARM: DescribeAlarms failed: {why}");
    let missing = format!("there is no alarm {ARN}x, which counts as ALARM");
    let one = format!("{ARN}x");
    let rows = [
        (("CHANGE_CALENDARS", "Freeze"), ("GetCalendarState", denied.clone()), calendar),
        (("BLOCKING_ALARMS", "prod-"), ("DescribeAlarms", denied), alarms),
        (("BLOCKING_ALARMS", &one), ("DescribeAlarms", (200, json!({}))), missing),
    ];
    let daily = ("MAINTENANCE_WINDOWS", "daily 22:00-02:00");
    let planned = json!({"windows": "daily 22:00-02:00 UTC", "attempt": 3});
    for (parameter, (call, answer), reason) in rows {
        let aws = tagged(&[]);
        aws.always(call, answer);
        // In the window: again in ten minutes, and nobody is told a second time.
        let again = told(
            "postponed",
            &format!("{reason}; the same window, at Sat 2029-12-29 01:11 UTC"),
            Some("2029-12-29T01:11:00Z"),
        );
        assert_eq!(handle(&aws, &[parameter, daily], &input(&planned), "2029-12-29T01:00:03Z").await, again);
        assert_eq!((titles(&aws).len(), aws.told()), (0, vec!["Patch Postponed: web".to_owned()]));
        aws.take(NAME);
        aws.forget();
        // At its end: in the next one, and the owner is told to put it right.
        let outcome = handle_at(&aws, &[parameter, daily], &input(&planned), "2029-12-29T01:50:03Z").await;
        assert!(outcome.reason.starts_with(&reason), "{outcome:?}");
        assert_eq!(json!(outcome.slot), json!("2029-12-29T22:00:00Z"));
        assert!(outcome.command.is_some());
        assert_eq!(aws.told(), ["Patch Needs Attention: web"]);
        let next = "1. Put right what cannot be read, before AWS's date; it is tried again at Sat 2029-12-29 22:00 UTC. Only if \
                    you decide to deploy in spite of it:\n2. aws ecs update-service";
        assert!(aws.messages()[0].contains(next), "{}", aws.messages()[0]);
        assert_eq!(aws.sent("UpdateService").len(), 0);
    }
}

#[tokio::test]
async fn an_alarm_that_fires_is_waited_for_and_one_without_data_is_not() {
    let parameters = [("BLOCKING_ALARMS", format!("prod-,{ARN}x"))];
    let parameters = parameters.each_ref().map(|(name, value)| (*name, value.as_str()));
    let alarm = |name: &str, state: &str| json!({"AlarmName": name, "AlarmArn": format!("{ARN}{name}"), "StateValue": state});
    let rows = [
        ("ALARM", "OK", Some("2 alarms are in ALARM: prod-a, prod-b")),
        ("OK", "ALARM", Some("1 alarm is in ALARM: x")),
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
        let found = handle(&aws, &parameters, &input(&json!({})), NOW).await;
        match firing {
            None => assert_eq!(found.0, "started"),
            Some(firing) => {
                let reason = format!("{firing}; the same window, at Fri 2029-12-28 22:11 UTC");
                assert_eq!(found, told("postponed", &reason, Some("2029-12-28T22:11:00Z")));
                assert_eq!(titles(&aws), ["Postponed: prod/web"]);
            }
        }
    }
}

#[tokio::test]
async fn a_service_waits_while_the_one_it_comes_after_is_not_patched() {
    let waits = "its tag ecs-task-patching:after names dev/web, of which 1 of 1 running task(s) were created before Wed \
                 2029-12-26 18:00 UTC; the same window, at Fri 2029-12-28 22:11 UTC";
    let rows = [
        (json!({"createdAt": OLD}), 1, told("postponed", waits, Some("2029-12-28T22:11:00Z"))),
        (json!({"createdAt": OLD + 1}), 1, told("started", WHY, None)),
        (json!({"createdAt": OLD}), 0, told("started", WHY, None)), // it is scaled to zero
    ];
    for (task, desired, expected) in rows {
        let aws = tagged(&[("after", "dev/web")]);
        let tasks = [("prod", json!({"createdAt": OLD})), ("dev", task)];
        aws.on("DescribeServices", move |_, asked| {
            let tag = json!({"key": "ecs-task-patching:after", "value": "dev/web"});
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
        assert_eq!(handle(&aws, &[], &input(&json!({})), NOW).await, expected);
    }
    // It is gone: there is nothing to wait for. It cannot be read: nobody knows.
    for (answer, expected) in [
        (error("ClusterNotFoundException", "no"), "started"), // which is said
        (error("AccessDeniedException", "no"), "postponed"),
    ] {
        let aws = tagged(&[]);
        let tag = json!({"key": "ecs-task-patching:after", "value": "dev/web"});
        let web = json!({"serviceName": "web", "status": "ACTIVE", "desiredCount": 1, "tags": [tag]});
        aws.on("DescribeServices", move |_, asked| {
            if asked["cluster"] == "prod" { (200, json!({"services": [web]})) } else { answer.clone() }
        });
        let outcome = handle_at(&aws, &[], &input(&json!({})), NOW).await;
        assert_eq!(json!(outcome.outcome), expected);
        let said = "its tag ecs-task-patching:after names dev/web, and there is no such service: it waits for nothing";
        assert_eq!(outcome.warnings, Vec::from_iter((expected == "started").then_some(said)));
    }
}

#[tokio::test]
async fn an_image_that_can_move_is_warned_of_and_deployed_all_the_same() {
    let images = |images: &[&str]| {
        let container = |image: &&str| json!({"name": "app", "image": image});
        (
            200,
            json!({"taskDefinition": {"containerDefinitions": images.iter().map(container).collect::<Value>()}}),
        )
    };
    let ships = "the deployment may ship new code, because images are not named by their digests (app: example/app:latest is \
                 whatever is latest)";
    let unseen = "whether the deployment ships new code could not be seen: DescribeTaskDefinition failed: \
                  AccessDeniedException: no";
    let rows = [
        (images(&["example/app@sha256:0123", "example/app:latest"]), Some(ships)),
        (error("AccessDeniedException", "no"), Some(unseen)),
        (images(&["example/app@sha256:0123"]), None),
    ];
    for (answer, warning) in rows {
        let aws = tagged(&[]);
        aws.always("DescribeTaskDefinition", answer);
        let outcome = handle_at(&aws, &[], &input(&json!({})), NOW).await;
        assert_eq!(outcome.warnings, Vec::from_iter(warning));
        assert_eq!(aws.sent("DescribeTaskDefinition"), [json!({"taskDefinition": "arn:web:7"})]);
        assert_eq!(aws.sent("UpdateService").len(), 1);
        let event = &aws.events()[0];
        assert_eq!(
            (&event["DetailType"], event["Detail"].get("warnings")),
            (&json!("Patch Started"), warning.map(|warning| json!([warning])).as_ref())
        );
        let titles = titles(&aws);
        assert_eq!(titles, Vec::from_iter(warning.map(|_| "Started: prod/web")));
        if warning.is_some() {
            assert!(
                aws.messages()[0].contains("set its tag ecs-task-patching:mode to off"),
                "{}",
                aws.messages()[0]
            );
        }
    }
}
