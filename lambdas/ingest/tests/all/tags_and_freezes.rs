//! What owners and operators control when a notice is planned: tags, observe mode, change freezes and the order of services.

use crate::common::{
    DEADLINE_CHECK, FRIDAY, MEMORY, NAME, Texts, about, another, handle, tagged, with_all_services,
};
use fake_aws::{Answer, Aws, CREATE, DELETE, UPDATE, error, merged};
use rules::{
    arn::{Place, ServiceRef},
    outcome::Report,
    schedule::name::ScheduleName,
};
use serde_json::{Value, json};

/// Lets calendars answer: closed between these moments, by name.
fn closed(aws: &Aws, spans: &'static [(&str, &str, &str)], tell_next: bool) {
    aws.on("GetCalendarState", move |_, asked| {
        let (name, at) = (asked["CalendarNames"][0].as_str().unwrap(), asked["AtTime"].as_str().unwrap());
        let mut edges: Vec<(&str, &str)> = Vec::new();
        for (_, from, until) in spans.iter().filter(|(calendar, ..)| *calendar == name) {
            edges.extend([(*from, "CLOSED"), (*until, "OPEN")]);
        }
        let state = edges.iter().rev().find(|(moment, _)| *moment <= at).map_or("OPEN", |(_, state)| state);
        let next =
            edges.iter().find(|(moment, _)| *moment > at).filter(|_| tell_next).map(|(moment, _)| moment);
        (200, json!({"State": state, "NextTransitionTime": next}))
    });
}

/// The outcomes as they are answered, less the entities and names.
fn answered(report: &Report) -> Vec<Value> {
    let fields = ["outcome", "reason", "slot", "warnings"];
    let field = |outcome: &Value, name: &str| Some((name.to_owned(), outcome.get(name)?.clone()));
    let outcomes = report.outcomes.iter().map(|outcome| json!(outcome));
    outcomes.map(|outcome| fields.iter().filter_map(|name| field(&outcome, name)).collect()).collect()
}

fn writes(aws: &Aws) -> usize {
    [CREATE, UPDATE, DELETE].iter().map(|call| aws.sent(call).len()).sum()
}

#[tokio::test]
async fn tags_are_read_ten_services_at_a_time_and_give_each_its_own_window() {
    let names: Vec<String> = (0..12).map(|nth| format!("prod|web-{nth}")).collect();
    let aws = tagged(&[
        ("prod/web-3", &[("window", "Tue 01:00-03:00 Asia/Tokyo")]),
        ("prod/web-11", &[("window", "Thu 22:00-23:00")]),
    ]);
    let report = handle(&aws, &[], &about(&names.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let slots = report.outcomes.iter().map(|outcome| json!(outcome.slot)).collect::<Vec<_>>();
    let mut expected = vec![json!(FRIDAY); 12];
    expected[3] = json!("2029-12-31T16:00:00Z");
    expected[11] = json!("2029-12-27T22:00:00Z");
    assert_eq!(slots, expected);
    let asked = aws.sent("DescribeServices");
    assert_eq!(
        asked.iter().map(|call| call["services"].as_array().unwrap().len()).collect::<Vec<_>>(),
        [10, 2]
    );
    assert!(asked.iter().all(|call| call["include"] == json!(["TAGS"])));
}

#[tokio::test]
async fn an_unreadable_tag_is_reported_in_outcome_event_and_message_and_the_parameters_apply() {
    let aws = tagged(&[("prod/web", &[("window", "Fry 22:00-02:00")])]);
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    let warning = "tag ecs-task-patching:window is \"Fry 22:00-02:00\": unknown day \"Fry\"; use Fri, Fri+Sat, Mon-Thu, \
                   daily, weekdays or weekend; the parameter MaintenanceWindows applies";
    let expected = json!({
        "outcome": "scheduled", "reason": "earliest opening of Fri 22:00-02:00 UTC before the retirement date", "slot": FRIDAY,
        "warnings": [warning],
    });
    assert_eq!(answered(&report), [expected]);
    assert_eq!(aws.events()[0]["Detail"]["warnings"], json!([warning]));
    let message = &aws.messages()[0];
    assert!(message.contains(&format!("\n\nWarnings:\n- prod/web: {warning}\n")), "{message}");
    assert!(message.contains("Check the warnings"), "{message}");
}

#[tokio::test]
async fn tags_that_cannot_be_requested_do_not_hold_up_the_plan() {
    let aws = with_all_services();
    aws.always("DescribeServices", error("AccessDeniedException", "no"));
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    assert_eq!(json!(report.counts), json!({"scheduled": 1}));
    let warning = "the tags are unreadable; they are read again at the start time: DescribeServices failed: \
                   AccessDeniedException: no";
    assert_eq!(report.outcomes[0].warnings, [warning]);
}

#[tokio::test]
async fn a_changed_window_applies_when_the_notice_comes_again_and_only_once() {
    let aws = tagged(&[]);
    handle(&aws, &[], &about(&["prod|web"])).await;
    let later = tagged(&[("prod/web", &[("window", "Sun 03:00-05:00")])]);
    later.schedule(NAME, aws.schedules()[NAME].clone());
    let report = handle(&later, &[], &about(&["prod|web"])).await;
    let again = json!({
        "outcome": "rescheduled", "slot": "2029-12-30T03:00:00Z",
        "reason": "the service's windows are now Sun 03:00-05:00 UTC; planned again: earliest opening of \
                   Sun 03:00-05:00 UTC before the retirement date",
    });
    assert_eq!(answered(&report), [again]);
    let report = handle(&later, &[], &about(&["prod|web"])).await;
    assert_eq!(json!(report.counts), json!({"unchanged": 1}));
}

#[tokio::test]
async fn a_service_that_opted_out_is_left_alone_and_its_pending_deployment_is_cancelled() {
    let off: &[(&str, &[(&str, &str)])] = &[("prod/web", &[("mode", "off")])];
    let why = "the owner opted out (tag ecs-task-patching:mode is off)";
    let aws = tagged(off);
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    assert_eq!(
        answered(&report),
        [json!({"outcome": "skipped", "reason": format!("{why}; nothing was pending")})]
    );
    assert_eq!(aws.input_of(MEMORY)["done"], json!({"prod": ["web"]}));
    assert_eq!(aws.notified(), ["Patch Skipped: web"]);

    let before = tagged(&[]);
    handle(&before, &[], &about(&["prod|web"])).await;
    let aws = tagged(off);
    for (name, schedule) in before.schedules() {
        aws.schedule(&name, schedule);
    }
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    assert_eq!(answered(&report), [json!({"outcome": "cancelled", "reason": why})]);
    assert_eq!(aws.schedules().keys().collect::<Vec<_>>(), [MEMORY]);

    // What an operator disabled stays disabled, whatever the tag says or will say.
    let aws = tagged(off);
    aws.schedule(NAME, merged(&before.schedules()[NAME], &json!({"State": "DISABLED"})));
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    assert_eq!(json!(report.counts), json!({"held": 1}));
    assert_eq!(aws.schedules()[NAME]["State"], "DISABLED");
}

#[tokio::test]
async fn in_observe_mode_services_are_planned_and_announced_and_nothing_is_written() {
    let rows: [(Texts<'_>, Texts<'_>); 2] = [(&[("MODE", "observe")], &[]), (&[], &[("mode", "observe")])];
    for (parameters, tags) in rows {
        let aws = tagged(&[("prod/web", tags), ("prod/api", tags)]);
        for _ in 0..2 {
            aws.forget();
            let report = handle(&aws, parameters, &about(&["prod|web", "prod|api"])).await;
            let would = json!({
                "outcome": "skipped", "slot": FRIDAY,
                "reason": "observe mode: would redeploy on Fri 28 Dec 2029 22:00 UTC (earliest opening of \
                           Fri 22:00-02:00 UTC before the retirement date)",
            });
            assert_eq!(answered(&report), vec![would; 2]);
            assert_eq!((writes(&aws), aws.sent("UpdateService").len()), (0, 0));
            assert_eq!(aws.notified(), ["Patch Skipped: web", "Patch Skipped: api"]);
            assert_eq!(aws.events()[0]["Detail"]["slot"], FRIDAY);
            let subject = "Observe mode: 2 services, retirement date Wed 2 Jan 2030 18:00 UTC";
            assert_eq!(aws.subjects(), [subject]);
            let message = &aws.messages()[0];
            let list = "Would be redeployed (observe mode):\n- Fri 28 Dec 2029 22:00 UTC: prod/web\n";
            assert!(message.contains(list), "{message}");
        }
    }
}

#[tokio::test]
async fn in_observe_mode_the_tag_of_one_service_deploys_it_and_nothing_else_is_touched() {
    let observe = [("MODE", "observe")];
    let aws = tagged(&[("prod/api", &[("mode", "deploy")]), ("prod/off", &[("mode", "off")])]);
    let pending = json!({"ScheduleExpression": "at(2029-12-28T22:00:00)", "Target": {"Input": "{}"}});
    aws.schedule("prod.off.7f1a03bd4e3b3ebbb9e8", pending);
    let report = handle(&aws, &observe, &about(&["prod|web", "prod|api", "prod|off"])).await;
    assert_eq!(json!(report.counts), json!({"scheduled": 1, "skipped": 2}));
    let written: Vec<String> = aws.schedules().into_keys().collect();
    assert!(
        matches!(written.as_slice(), [check, api, off]
        if check == DEADLINE_CHECK && api.starts_with("prod.api.") && off.starts_with("prod.off.")),
        "{written:?}"
    );
    assert_eq!(aws.input_of(DEADLINE_CHECK)["services"], json!({"prod": ["api"]}));
}

#[tokio::test]
async fn in_observe_mode_a_notice_without_work_leaves_no_schedule() {
    let aws = tagged(&[("prod/web", &[("mode", "off")]), ("prod/api", &[])]);
    let report = handle(&aws, &[("MODE", "observe")], &about(&["prod|web", "prod|api"])).await;
    assert_eq!((json!(report.counts), writes(&aws)), (json!({"skipped": 2}), 0));
}

#[tokio::test]
async fn what_is_pending_when_observe_mode_begins_is_not_announced_as_a_redeployment() {
    let aws = tagged(&[]);
    handle(&aws, &[], &about(&["prod|web"])).await;
    aws.forget();
    let report = handle(&aws, &[("MODE", "observe")], &about(&["prod|web"])).await;
    let why = "observe mode: the existing schedule stays and does nothing";
    assert_eq!(answered(&report), [json!({"outcome": "skipped", "reason": why, "slot": FRIDAY})]);
    assert_eq!(writes(&aws), 0);
    assert!(!aws.messages()[0].contains("Will be redeployed"), "{}", aws.messages()[0]);
}

#[tokio::test]
async fn a_second_notice_moves_a_start_time_that_is_outside_the_current_windows() {
    let before = tagged(&[]);
    handle(&before, &[], &about(&["prod|web"])).await;
    for (window, expected) in [("Sun 03:00-05:00", "2029-12-30T03:00:00Z"), ("Fri+Sun 21:00-23:00", FRIDAY)] {
        let aws = tagged(&[("prod/web", &[("window", window)])]);
        aws.schedule(NAME, before.schedules()[NAME].clone());
        let second = another("arn:another", &["prod|web"]);
        let report = handle(&aws, &[("MINIMUM_NOTICE_MINUTES", "3200")], &second).await;
        assert_eq!(json!(report.outcomes[0].slot), json!(expected), "{:?}", report.outcomes);
        assert_eq!(aws.input_of(NAME)["notices"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn in_observe_mode_a_closed_notice_says_what_would_become_of_the_pending_schedule() {
    let before = tagged(&[]);
    handle(&before, &[], &about(&["prod|web"])).await;
    let aws = tagged(&[]);
    for (name, schedule) in before.schedules() {
        aws.schedule(&name, schedule);
    }
    let mut closed = about(&["prod|web"]);
    closed["detail"]["statusCode"] = json!("closed");
    let report = handle(&aws, &[("MODE", "observe")], &closed).await;
    let why = "observe mode: would delete the schedule (AWS Health closed the notice)";
    assert_eq!(answered(&report), [json!({"outcome": "skipped", "reason": why})]);
    assert_eq!((writes(&aws), aws.schedules()), (0, before.schedules()));
}

#[tokio::test]
async fn a_start_time_at_which_a_calendar_is_closed_is_not_used() {
    const FREEZE: &[(&str, &str, &str)] = &[("Freeze", "2029-12-28T00:00:00Z", "2029-12-30T00:30:00Z")];
    const TWO: &[(&str, &str, &str)] = &[
        ("Freeze", "2029-12-28T00:00:00Z", "2029-12-29T00:00:00Z"),
        ("Payroll", "2029-12-29T00:00:00Z", "2029-12-31T12:00:00Z"),
    ];
    const EVENING: &[(&str, &str, &str)] = &[("Freeze", "2029-12-28T20:00:00Z", "2029-12-28T23:10:30Z")];
    let frozen = |names: &str| format!("earliest opening of {names} before the retirement date");
    let daily = ("MAINTENANCE_WINDOWS", "Fri 22:00-02:00 or daily 03:00-05:00");
    let calendars = ("CHANGE_CALENDARS", "Freeze,Payroll");
    let rows = [
        // With the next transition one call is enough; without it, each candidate is asked about.
        (FREEZE, true, &[daily, calendars][..], "2029-12-27T03:00:00Z", frozen("daily 03:00-05:00 UTC")),
        (
            FREEZE,
            true,
            &[("MAINTENANCE_WINDOWS", "Fri+Sat+Sun 22:00-02:00"), calendars],
            "2029-12-30T22:00:00Z",
            format!(
                "{} (Change Calendar Freeze is closed on Fri 28 Dec 2029 22:00 UTC, Sat 29 Dec 2029 22:00 UTC)",
                frozen("Fri+Sat+Sun 22:00-02:00 UTC")
            ),
        ),
        (
            FREEZE,
            false,
            &[("MAINTENANCE_WINDOWS", "Fri+Sat+Sun 22:00-02:00"), calendars],
            "2029-12-30T22:00:00Z",
            format!(
                "{} (Change Calendar Freeze is closed on Fri 28 Dec 2029 22:00 UTC, Sat 29 Dec 2029 22:00 UTC)",
                frozen("Fri+Sat+Sun 22:00-02:00 UTC")
            ),
        ),
        (
            TWO,
            true,
            &[("MAINTENANCE_WINDOWS", "daily 22:00-02:00"), ("MINIMUM_NOTICE_MINUTES", "2880"), calendars],
            "2029-12-31T22:00:00Z",
            format!(
                "{} (Change Calendar Freeze is closed on Fri 28 Dec 2029 22:00 UTC; Change Calendar Payroll is closed on Sat 29 Dec 2029 \
                 22:00 UTC, Sun 30 Dec 2029 22:00 UTC)",
                frozen("daily 22:00-02:00 UTC")
            ),
        ),
        // It opens while at least half of the window is left.
        (
            EVENING,
            true,
            &[calendars],
            "2029-12-28T23:11:00Z",
            format!(
                "{} (Change Calendar Freeze is closed on Fri 28 Dec 2029 22:00 UTC)",
                frozen("Fri 22:00-02:00 UTC")
            ),
        ),
        (
            FREEZE,
            true,
            &[("MAINTENANCE_WINDOWS", "daily 22:00-02:00"), ("SLOT_PREFERENCE", "latest"), calendars],
            "2030-01-01T22:00:00Z",
            "latest opening of daily 22:00-02:00 UTC before the retirement date".to_owned(),
        ),
    ];
    for (spans, tell_next, parameters, slot, reason) in rows {
        let aws = tagged(&[]);
        closed(&aws, spans, tell_next);
        let report = handle(&aws, parameters, &about(&["prod|web"])).await;
        let expected = json!({"outcome": "scheduled", "reason": reason, "slot": slot});
        assert_eq!(answered(&report), [expected], "{parameters:?}");
        let expression = format!("at({})", slot.trim_end_matches('Z'));
        assert_eq!(aws.schedules()[NAME]["ScheduleExpression"], json!(expression));
    }
}

#[tokio::test]
async fn where_a_freeze_leaves_no_start_time_the_owner_learns_which_calendar_blocks_which() {
    const FREEZE: &[(&str, &str, &str)] = &[("Freeze", "2029-12-20T00:00:00Z", "2030-01-06T00:00:00Z")];
    let calendars = ("CHANGE_CALENDARS", "Freeze");
    let closes = "no opening of Fri 22:00-02:00 UTC fits between Wed 26 Dec 2029 19:01 UTC and the deadline, Wed 2 Jan 2030 \
                  16:00 UTC (Change Calendar Freeze is closed on Fri 28 Dec 2029 22:00 UTC); ";
    let end = ". AWS replaces the tasks from Wed 2 Jan 2030 18:00 UTC";
    let rows = [
        ("any-day", "the same hours on other days do not fit either (WhenNoWindowFits: any-day)"),
        ("leave-to-aws", "nothing is scheduled (WhenNoWindowFits: leave-to-aws)"),
    ];
    for (fallback, why) in rows {
        for tell_next in [true, false] {
            let aws = tagged(&[]);
            closed(&aws, FREEZE, tell_next);
            let parameters = [calendars, ("WHEN_NO_WINDOW_FITS", fallback)];
            let report = handle(&aws, &parameters, &about(&["prod|web"])).await;
            let reason = format!("{closes}{why}{end}");
            assert_eq!(answered(&report), [json!({"outcome": "skipped", "reason": reason})]);
            assert!(!aws.schedules().contains_key(NAME));
            assert!(aws.messages()[0].contains(&reason), "{}", aws.messages()[0]);
            assert_eq!(aws.notified(), ["Patch Skipped: web"]);
            // The deadline check still includes it: the owner must be notified before the retirement date.
            assert_eq!(aws.input_of(DEADLINE_CHECK)["services"], json!({"prod": ["web"]}));
        }
    }
    let aws = tagged(&[]);
    closed(&aws, FREEZE, true);
    let parameters = [calendars, ("WHEN_NO_WINDOW_FITS", "before-deadline")];
    let report = handle(&aws, &parameters, &about(&["prod|web"])).await;
    let why = "the deadline itself is not possible, because Change Calendar Freeze is closed until Sun 6 Jan 2030 00:00 UTC";
    assert_eq!(answered(&report), [json!({"outcome": "skipped", "reason": format!("{closes}{why}{end}")})]);
}

#[tokio::test]
async fn a_notice_whose_retirement_date_has_passed_waits_for_the_end_of_the_freeze() {
    const FREEZE: &[(&str, &str, &str)] = &[("Freeze", "2029-12-20T00:00:00Z", "2030-01-20T00:00:00Z")];
    let mut event = about(&["prod|web"]);
    event["detail"]["startTime"] = json!("Wed, 26 Dec 2029 17:00:00 GMT");
    let aws = tagged(&[]);
    closed(&aws, FREEZE, true);
    let report = handle(&aws, &[("CHANGE_CALENDARS", "Freeze")], &event).await;
    assert_eq!(json!(report.outcomes[0].slot), json!("2030-01-25T22:00:00Z"));

    let aws = tagged(&[]);
    aws.always("GetCalendarState", (200, json!({"State": "CLOSED"}))); // without an end that AWS tells
    let report = handle(&aws, &[("CHANGE_CALENDARS", "Freeze")], &event).await;
    let reason = &report.outcomes[0].reason;
    let expected = "no opening of Fri 22:00-02:00 UTC fits in the next 62 days (Change Calendar Freeze is closed on Fri \
                    28 Dec 2029 22:00 UTC, Fri 4 Jan 2030 22:00 UTC, Fri 11 Jan 2030 22:00 UTC, Fri 18 Jan 2030 22:00 UTC, \
                    Fri 25 Jan 2030 22:00 UTC and 4 more)";
    assert_eq!(reason, expected);
}

#[tokio::test]
async fn an_unreadable_calendar_is_reported_and_does_not_hold_up_the_plan() {
    let aws = tagged(&[]);
    aws.on("GetCalendarState", |_, asked| -> Answer {
        if asked["CalendarNames"] == json!(["Freeze"]) {
            error("InvalidDocument", "no such document")
        } else {
            (200, json!({"State": "OPEN"}))
        }
    });
    let report = handle(&aws, &[("CHANGE_CALENDARS", "Freeze,Payroll")], &about(&["prod|web"])).await;
    let warning = "Change Calendar Freeze is unreadable; nothing is redeployed until that is fixed: GetCalendarState failed: InvalidDocument: no such document";
    let expected = json!({
        "outcome": "scheduled", "reason": "earliest opening of Fri 22:00-02:00 UTC before the retirement date", "slot": FRIDAY,
        "warnings": [warning],
    });
    assert_eq!(answered(&report), [expected]);
    assert!(aws.messages()[0].contains(warning), "{}", aws.messages()[0]);
}

#[tokio::test]
async fn a_hundred_services_ask_a_calendar_about_their_start_time_once() {
    let aws = tagged(&[]);
    closed(&aws, &[], true);
    let names: Vec<String> = (0..100).map(|nth| format!("prod|web-{nth}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = handle(&aws, &[("CHANGE_CALENDARS", "Freeze")], &about(&names)).await;
    assert_eq!(json!(report.counts), json!({"scheduled": 100}));
    assert_eq!(aws.sent("GetCalendarState"), [json!({"CalendarNames": ["Freeze"], "AtTime": FRIDAY})]);
}

#[tokio::test]
async fn a_service_planned_before_the_one_that_it_waits_for_is_warned_of() {
    let prod: &[(&str, &str)] = &[("after", "dev/web"), ("window", "Fri 22:00-02:00")];
    let before = "waits for dev/web (tag ecs-task-patching:after), which is planned later, for Sat 29 Dec 2029 22:00 UTC";
    let unplanned = "waits for dev/web (tag ecs-task-patching:after), for which no deployment is planned: while the tasks of \
                     dev/web are old, this service is not redeployed";
    let circle =
        "waits for dev/web, which waits for this service (tags ecs-task-patching:after): neither can start";
    let rows: [(Texts<'_>, &[&str], Vec<&str>); 5] = [
        (&[("window", "Thu 22:00-23:00")], &["prod|web", "dev|web"], vec![]),
        (&[("window", "Fri 22:00-23:00")], &["prod|web", "dev|web"], vec![]),
        (&[("window", "Sat 22:00-23:00")], &["prod|web", "dev|web"], vec![before]),
        (&[], &["prod|web"], vec![unplanned]),
        (&[("after", "prod/web")], &["prod|web", "dev|web"], vec![circle]),
    ];
    for (dev, entities, expected) in rows {
        let aws = tagged(&[("prod/web", prod), ("dev/web", dev)]);
        let report = handle(&aws, &[], &about(entities)).await;
        assert_eq!(json!(report.outcomes[0].slot), json!(FRIDAY));
        assert_eq!(report.outcomes[0].warnings, expected);
        if let Some(warning) = expected.first() {
            assert!(aws.messages()[0].contains(&format!("- prod/web: {warning}")), "{}", aws.messages()[0]);
        }
    }
    // The other service does not exist.
    let aws = tagged(&[("prod/web", prod)]);
    let web = json!({"serviceName": "web", "status": "ACTIVE", "tags": [{"key": "ecs-task-patching:after", "value": "dev/web"}]});
    aws.on("DescribeServices", move |_, asked| {
        let found = if asked["cluster"] == "prod" { json!([web]) } else { json!([]) };
        (200, json!({"services": found, "failures": [{"reason": "MISSING"}]}))
    });
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    let missing = "tag ecs-task-patching:after names dev/web, which does not exist; the tag is ignored";
    assert_eq!(report.outcomes[0].warnings, [missing]);
    // A service in observe mode is not patched. Where both are in observe mode, one would come after the other.
    let observed: Texts<'_> = &[("mode", "observe"), ("window", "Thu 22:00-23:00")];
    for (mode, expected) in [("deploy", vec![unplanned]), ("observe", vec![])] {
        let aws = tagged(&[("prod/web", &[("after", "dev/web"), ("mode", mode)]), ("dev/web", observed)]);
        let report = handle(&aws, &[], &about(&["prod|web", "dev|web"])).await;
        assert_eq!(report.outcomes[0].warnings, expected, "{mode}");
    }
    // A schedule that is pending for another notice counts, and one that an operator disabled does not.
    for (state, expected) in [("ENABLED", vec![before]), ("DISABLED", vec![unplanned])] {
        let aws = tagged(&[("prod/web", prod), ("dev/web", &[])]);
        let place =
            Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
        let name = ScheduleName::of_deployment(&place, &ServiceRef::new("dev", "web").unwrap());
        let pending = json!({
            "ScheduleExpression": "at(2029-12-29T22:00:00)", "ScheduleExpressionTimezone": "UTC", "State": state,
            "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "a", "RoleArn": "b", "Input": "{}"},
        });
        aws.schedule(name.as_str(), pending);
        let report = handle(&aws, &[], &about(&["prod|web"])).await;
        assert_eq!(report.outcomes[0].warnings, expected, "{state}");
    }
}

#[tokio::test]
async fn in_approve_mode_a_schedule_is_written_disabled_and_the_plan_asks_for_approval() {
    let rows =
        [(tagged(&[]), &[("MODE", "approve")][..]), (tagged(&[("prod/web", &[("mode", "approve")])]), &[])];
    for (aws, parameters) in rows {
        let report = handle(&aws, parameters, &about(&["prod|web"])).await;
        let outcome = json!(report.outcomes[0]);
        assert_eq!((&outcome["outcome"], &outcome["awaits_approval"]), (&json!("scheduled"), &json!(true)));
        let schedule = aws.schedules()[NAME].clone();
        assert_eq!(
            (&schedule["State"], &aws.input_of(NAME)["approval"]),
            (&json!("DISABLED"), &json!("awaited"))
        );
        assert!(
            schedule["Description"]
                .as_str()
                .unwrap()
                .contains("; 1 notice; awaiting approval; service: prod/web")
        );
        assert_eq!(aws.events()[0]["Detail"]["approval"], "awaited");
        assert!(aws.subjects()[0].starts_with("Needs approval: 1 service, "), "{:?}", aws.subjects());
        let message = aws.message();
        assert!(message.contains("Needs approval:\n- Fri 28 Dec 2029 22:00 UTC: prod/web"), "{message}");
        assert!(
            message.contains(r#"--payload '{"notice":"arn:aws:health:"#)
                && !message.contains("Will be redeployed:")
        );
        // The same notice again changes nothing, before and after the approval.
        let before = aws.schedules();
        handle(&aws, parameters, &about(&["prod|web"])).await;
        let approved = merged(&before[NAME], &json!({"State": "ENABLED"}));
        aws.schedule(NAME, approved.clone());
        handle(&aws, parameters, &about(&["prod|web"])).await;
        assert_eq!((aws.schedules()[NAME].clone(), aws.subjects().len()), (approved, 1));
    }
}
