//! The requests to Change Calendars and CloudWatch alarms, and how their answers are read.

use aws::{alarm::Alarms, calendar::ChangeCalendars};
use chrono::{DateTime, Utc};
use fake_aws::{Aws, error, merged};
use rules::{
    deploy::blockers::alarms::Alarm,
    policy::alarms::parse as parse_alarms,
    time::calendar::{Calendars, State},
};
use serde_json::json;

const AT: &str = "2029-12-28T22:00:00Z";
const ARN: &str = "arn:aws:cloudwatch:eu-west-2:111122223333:alarm:";

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_calendar_is_open_or_closed_with_or_without_a_next_transition() {
    let until = instant("2030-01-03T08:00:00Z");
    let throttled = error("ThrottlingException", "Rate exceeded");
    let rows = [
        (vec![(200, json!({"State": "OPEN"}))], Ok((State::Open, None))),
        (
            vec![
                throttled.clone(),
                (200, json!({"State": "CLOSED", "NextTransitionTime": "2030-01-03T08:00:00Z"})),
            ],
            Ok((State::Closed, Some(until))),
        ),
        (
            vec![(200, json!({"State": "OPEN", "NextTransitionTime": "2030-01-03T09:00:00+01:00"}))],
            Ok((State::Open, Some(until))),
        ),
        (
            vec![(200, json!({"State": "CLOSED", "NextTransitionTime": "some day"}))],
            Ok((State::Closed, None)),
        ),
        (vec![(200, json!({"State": "AJAR"}))], Err("GetCalendarState failed: unexpected state: AJAR")),
        (vec![(200, json!({}))], Err("GetCalendarState failed: unexpected state: none")),
        (vec![error("InvalidDocument", "no")], Err("GetCalendarState failed: InvalidDocument: no")),
        (vec![throttled; 5], Err("GetCalendarState failed: ThrottlingException: Rate exceeded")),
    ];
    for (answers, expected) in rows {
        let calls = answers.len();
        let aws = Aws::that_answers(answers);
        let state = ChangeCalendars::new(&aws.sdk(), "amazonaws.com").state("Freeze", instant(AT)).await;
        assert_eq!(
            state.as_ref().map_err(ToString::to_string),
            expected.as_ref().map_err(ToString::to_string)
        );
        let asked = json!({"CalendarNames": ["Freeze"], "AtTime": AT});
        assert_eq!(aws.sent("GetCalendarState"), vec![asked; calls]);
    }
}

#[tokio::test]
async fn each_calendar_is_read_once_for_a_time_and_an_unreadable_calendar_does_not_hide_the_others() {
    let aws = Aws::default();
    aws.on("GetCalendarState", |_, asked| match asked["CalendarNames"][0].as_str() {
        Some("Freeze") => error("AccessDeniedException", "no"),
        _ => (200, json!({"State": "CLOSED"})),
    });
    let mut calendars = Calendars::parse("Freeze,Payroll").unwrap();
    for _ in 0..2 {
        ChangeCalendars::new(&aws.sdk(), "amazonaws.com").ask(&mut calendars, instant(AT)).await;
    }
    assert_eq!(aws.sent("GetCalendarState").len(), 2);
    assert_eq!(calendars.closed(instant(AT)).unwrap().calendar, "Payroll");
    let why = "GetCalendarState failed: AccessDeniedException: no";
    assert_eq!(calendars.unreadable(instant(AT)).collect::<Vec<_>>(), [("Freeze", why)]);
}

#[tokio::test]
async fn metric_and_composite_alarms_are_found_by_prefix_and_by_name_on_every_page() {
    let alarm = |name: &str, state: &str| json!({"AlarmName": name, "AlarmArn": format!("{ARN}{name}"), "StateValue": state});
    let first = json!({"MetricAlarms": [alarm("prod-a", "ALARM")], "NextToken": "more"});
    let aws = Aws::that_answers([
        (200, first),
        (200, json!({"CompositeAlarms": [alarm("prod-b", "ALARM")]})),
        (200, json!({"MetricAlarms": [alarm("x", "OK"), alarm("y", "INSUFFICIENT_DATA")]})),
    ]);
    let watched = parse_alarms(&format!("prod-,{ARN}x,{ARN}y")).unwrap();
    let found = Alarms::new(&aws.sdk(), "amazonaws.com").watched(&watched).await;
    let expected = [("prod-a", true), ("prod-b", true), ("x", false), ("y", false)];
    let expected =
        expected.map(|(name, fires)| Alarm { name: name.into(), arn: format!("{ARN}{name}"), fires });
    assert_eq!(found, Ok(expected.into()));
    let types = json!(["MetricAlarm", "CompositeAlarm"]);
    let by_prefix =
        json!({"AlarmNamePrefix": "prod-", "AlarmTypes": types, "StateValue": "ALARM", "MaxRecords": 100});
    let next = merged(&by_prefix, &json!({"NextToken": "more"}));
    let by_name = json!({"AlarmNames": ["x", "y"], "AlarmTypes": types, "MaxRecords": 100});
    assert_eq!(aws.sent("DescribeAlarms"), [by_prefix, next, by_name]);
}

#[tokio::test]
async fn unreadable_alarms_are_an_error_and_no_alarms_are_no_error() {
    let aws = Aws::that_answers([
        error("AccessDenied", "no"),
        (200, json!({})),
        (200, json!({"CompositeAlarms": [{"AlarmName": "prod-b"}]})),
    ]);
    let alarms = Alarms::new(&aws.sdk(), "amazonaws.com");
    let failed = alarms.watched(&parse_alarms("prod-").unwrap()).await.unwrap_err().to_string();
    assert_eq!(failed, "DescribeAlarms failed: AccessDenied: no");
    assert_eq!((alarms.any("prod-").await, alarms.any("prod-").await), (Ok(false), Ok(true)));
    assert_eq!(alarms.watched(&[]).await, Ok(vec![]));
    assert_eq!(aws.sent("DescribeAlarms").len(), 3);
}
