//! What owners control at planning: tags, observing, change freezes, order, on an AWS that speaks its wire formats.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use aws::config::Config;
use fake_aws::{Answer, Aws, CREATE, DELETE, UPDATE, environment_with, error, merged};
use ingest::Ingest;
use serde_json::{Value, json};
use shared::outcome::Report;

const NOW: &str = "2029-12-26T18:00:10Z"; // a Wednesday; AWS's date is a week later
const FRIDAY: &str = "2029-12-28T22:00:00Z";
const NAME: &str = "prod.web.bf04ed89e1afdadd0c43";
const WATCH: &str = "deadline.c731f120016c94a66426.1";

/// Parameters or tags, with their values.
type Texts<'a> = &'a [(&'a str, &'a str)];

/// The usual notice, about these services.
fn about(entities: &[&str]) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../../../events/service-notice.json")).unwrap();
    event["resources"] = json!([]);
    let entity = |text: &&str| json!({"entityValue": text, "status": "PENDING"});
    event["detail"]["affectedEntities"] = entities.iter().map(entity).collect();
    event
}

/// An AWS whose ECS knows services by these tags, each with tasks that are old.
fn tagged(tags: &[(&str, &[(&str, &str)])]) -> Aws {
    let tags: Vec<(String, Value)> = tags
        .iter()
        .map(|(name, tags)| {
            let tag = |(key, value): &(&str, &str)| json!({"key": format!("ecs-task-patching:{key}"), "value": value});
            ((*name).to_owned(), tags.iter().map(tag).collect())
        })
        .collect();
    let aws = Aws::default();
    aws.on("DescribeServices", move |_, asked| {
        let cluster = asked["cluster"].as_str().unwrap();
        let names = asked["services"].as_array().unwrap().iter().filter_map(Value::as_str);
        let known = names.filter_map(|name| {
            let (_, tags) = tags.iter().find(|(service, _)| *service == format!("{cluster}/{name}"))?;
            Some(json!({"serviceName": name, "status": "ACTIVE", "desiredCount": 1, "tags": tags}))
        });
        (200, json!({"services": known.collect::<Vec<_>>(), "failures": [{"reason": "MISSING"}]}))
    });
    aws.always("ListTasks", (200, json!({"taskArns": ["arn:task"]})));
    aws.always("DescribeTasks", (200, json!({"tasks": [{"taskArn": "arn:task", "createdAt": 0}]})));
    aws
}

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

async fn handle(aws: &Aws, parameters: &[(&str, &str)], event: &Value) -> Report {
    let config = Config::read(&environment_with(parameters)).expect("a configuration");
    let ingest = Ingest::new(&aws.sdk(), config);
    ingest.handle(event, NOW.parse().unwrap()).await.expect("no failure")
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
async fn tags_are_read_by_the_ten_and_give_each_service_its_own_window() {
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
async fn a_tag_that_cannot_be_read_is_reported_in_outcome_event_and_message_and_the_parameters_apply() {
    let aws = tagged(&[("prod/web", &[("window", "Fry 22:00-02:00")])]);
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    let warning = "its tag ecs-task-patching:window is \"Fry 22:00-02:00\": \"Fry\" is no day (write Fri, Fri+Sat, Mon-Thu, \
                   daily, weekdays or weekend); a right value is \"Fri 22:00-02:00\"; the parameter MaintenanceWindows applies";
    let expected = json!({
        "outcome": "scheduled", "reason": "earliest opening of Fri 22:00-02:00 UTC before AWS's date", "slot": FRIDAY,
        "warnings": [warning],
    });
    assert_eq!(answered(&report), [expected]);
    assert_eq!(aws.events()[0]["Detail"]["warnings"], json!([warning]));
    let message = &aws.messages()[0];
    assert!(message.contains(&format!("\n\nWarnings:\n- prod/web: {warning}\n")), "{message}");
    assert!(message.contains("Read the warnings"), "{message}");
}

#[tokio::test]
async fn tags_that_could_not_be_asked_for_hold_no_plan_up() {
    let aws = Aws::default();
    aws.always("DescribeServices", error("AccessDeniedException", "no"));
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    assert_eq!(json!(report.counts), json!({"scheduled": 1}));
    let warning = "its tags could not be read, and are read again at its slot: DescribeServices failed: \
                   AccessDeniedException: no";
    assert_eq!(report.outcomes[0].warnings, [warning]);
}

#[tokio::test]
async fn a_changed_window_is_planned_again_when_the_notice_comes_again_and_then_stays() {
    let aws = tagged(&[]);
    handle(&aws, &[], &about(&["prod|web"])).await;
    let later = tagged(&[("prod/web", &[("window", "Sun 03:00-05:00")])]);
    later.schedule(NAME, aws.schedules()[NAME].clone());
    let report = handle(&later, &[], &about(&["prod|web"])).await;
    let again = json!({
        "outcome": "rescheduled", "slot": "2029-12-30T03:00:00Z",
        "reason": "its windows are Sun 03:00-05:00 UTC now; planned again: earliest opening of Sun 03:00-05:00 UTC \
                   before AWS's date",
    });
    assert_eq!(answered(&report), [again]);
    let report = handle(&later, &[], &about(&["prod|web"])).await;
    assert_eq!(json!(report.counts), json!({"unchanged": 1}));
}

#[tokio::test]
async fn who_opted_out_is_left_alone_and_what_was_pending_goes() {
    let off: &[(&str, &[(&str, &str)])] = &[("prod/web", &[("mode", "off")])];
    let why = "its owner opted out (its tag ecs-task-patching:mode is off)";
    let aws = tagged(off);
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    assert_eq!(
        answered(&report),
        [json!({"outcome": "skipped", "reason": format!("{why}; nothing was pending")})]
    );
    assert_eq!(aws.input_of(WATCH)["services"], json!({}));
    assert_eq!(aws.told(), ["Patch Skipped: web"]);

    let before = tagged(&[]);
    handle(&before, &[], &about(&["prod|web"])).await;
    let aws = tagged(off);
    for (name, schedule) in before.schedules() {
        aws.schedule(&name, schedule);
    }
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    assert_eq!(answered(&report), [json!({"outcome": "cancelled", "reason": why})]);
    assert_eq!(aws.schedules().keys().collect::<Vec<_>>(), [WATCH]);

    // What a person disabled stays disabled, whatever the tag says or will say.
    let aws = tagged(off);
    aws.schedule(NAME, merged(&before.schedules()[NAME], &json!({"State": "DISABLED"})));
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    assert_eq!(json!(report.counts), json!({"held": 1}));
    assert_eq!(aws.schedules()[NAME]["State"], "DISABLED");
}

#[tokio::test]
async fn what_is_only_observed_is_planned_and_told_and_nothing_is_written() {
    let rows: [(Texts<'_>, Texts<'_>); 2] = [(&[("MODE", "observe")], &[]), (&[], &[("mode", "observe")])];
    for (parameters, tags) in rows {
        let aws = tagged(&[("prod/web", tags), ("prod/api", tags)]);
        for _ in 0..2 {
            aws.forget();
            let report = handle(&aws, parameters, &about(&["prod|web", "prod|api"])).await;
            let would = json!({
                "outcome": "skipped", "slot": FRIDAY,
                "reason": "only observed: it would be scheduled: earliest opening of Fri 22:00-02:00 UTC before AWS's date",
            });
            assert_eq!(answered(&report), vec![would; 2]);
            assert_eq!((writes(&aws), aws.sent("UpdateService").len()), (0, 0));
            assert_eq!(aws.told(), ["Patch Skipped: web", "Patch Skipped: api"]);
            assert_eq!(aws.events()[0]["Detail"]["slot"], FRIDAY);
            let message = &aws.messages()[0];
            let title = "Task retirement: 2 service(s) would be redeployed, but are only observed; AWS's date is Wed \
                         2030-01-02 18:00 UTC\n";
            assert!(message.starts_with(title), "{message}");
            let list = "Would be redeployed, but are only observed:\n- Fri 2029-12-28 22:00 UTC: prod/web\n";
            assert!(message.contains(list), "{message}");
        }
    }
}

#[tokio::test]
async fn while_observing_one_service_can_be_deployed_by_its_tag_and_nothing_else_is_touched() {
    let observe = [("MODE", "observe")];
    let aws = tagged(&[("prod/api", &[("mode", "deploy")]), ("prod/off", &[("mode", "off")])]);
    let pending = json!({"ScheduleExpression": "at(2029-12-28T22:00:00)", "Target": {"Input": "{}"}});
    aws.schedule("prod.off.7f1a03bd4e3b3ebbb9e8", pending);
    let report = handle(&aws, &observe, &about(&["prod|web", "prod|api", "prod|off"])).await;
    assert_eq!(json!(report.counts), json!({"scheduled": 1, "skipped": 2}));
    let written: Vec<String> = aws.schedules().into_keys().collect();
    assert!(
        matches!(written.as_slice(), [watch, api, off]
        if watch == WATCH && api.starts_with("prod.api.") && off.starts_with("prod.off.")),
        "{written:?}"
    );
    assert_eq!(aws.input_of(WATCH)["services"], json!({"prod": ["api"]}));
}

#[tokio::test]
async fn a_notice_of_which_nothing_is_to_be_done_leaves_nothing_while_observing() {
    let aws = tagged(&[("prod/web", &[("mode", "off")]), ("prod/api", &[])]);
    let report = handle(&aws, &[("MODE", "observe")], &about(&["prod|web", "prod|api"])).await;
    assert_eq!((json!(report.counts), writes(&aws)), (json!({"skipped": 2}), 0));
}

#[tokio::test]
async fn what_is_pending_when_observing_begins_is_not_said_to_be_redeployed() {
    let aws = tagged(&[]);
    handle(&aws, &[], &about(&["prod|web"])).await;
    aws.forget();
    let report = handle(&aws, &[("MODE", "observe")], &about(&["prod|web"])).await;
    let why = "only observed: its schedule stays, and will do nothing: already scheduled";
    assert_eq!(answered(&report), [json!({"outcome": "skipped", "reason": why, "slot": FRIDAY})]);
    assert_eq!(writes(&aws), 0);
    assert!(!aws.messages()[0].contains("Will be redeployed"), "{}", aws.messages()[0]);
}

#[tokio::test]
async fn a_notice_that_joins_moves_a_slot_that_is_in_none_of_the_windows_of_by_now() {
    let before = tagged(&[]);
    handle(&before, &[], &about(&["prod|web"])).await;
    for (window, expected) in [("Sun 03:00-05:00", "2029-12-30T03:00:00Z"), ("Fri+Sun 21:00-23:00", FRIDAY)] {
        let aws = tagged(&[("prod/web", &[("window", window)])]);
        aws.schedule(NAME, before.schedules()[NAME].clone());
        let mut second = about(&["prod|web"]);
        second["detail"]["eventArn"] = json!("arn:another");
        let report = handle(&aws, &[("MINIMUM_NOTICE_MINUTES", "3200")], &second).await;
        assert_eq!(json!(report.outcomes[0].slot), json!(expected), "{:?}", report.outcomes);
        assert_eq!(aws.input_of(NAME)["notices"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn what_is_observed_when_a_schedule_is_pending_says_what_would_become_of_it() {
    let before = tagged(&[]);
    handle(&before, &[], &about(&["prod|web"])).await;
    let aws = tagged(&[]);
    for (name, schedule) in before.schedules() {
        aws.schedule(&name, schedule);
    }
    let mut closed = about(&["prod|web"]);
    closed["detail"]["statusCode"] = json!("closed");
    let report = handle(&aws, &[("MODE", "observe")], &closed).await;
    let why = "only observed: its schedule would be deleted: AWS Health closed the notice";
    assert_eq!(answered(&report), [json!({"outcome": "skipped", "reason": why})]);
    assert_eq!((writes(&aws), aws.schedules()), (0, before.schedules()));
}

#[tokio::test]
async fn a_candidate_on_which_a_calendar_is_closed_is_skipped() {
    const FREEZE: &[(&str, &str, &str)] = &[("Freeze", "2029-12-28T00:00:00Z", "2029-12-30T00:30:00Z")];
    const TWO: &[(&str, &str, &str)] = &[
        ("Freeze", "2029-12-28T00:00:00Z", "2029-12-29T00:00:00Z"),
        ("Payroll", "2029-12-29T00:00:00Z", "2029-12-31T12:00:00Z"),
    ];
    const EVENING: &[(&str, &str, &str)] = &[("Freeze", "2029-12-28T20:00:00Z", "2029-12-28T23:10:30Z")];
    let frozen = |names: &str| format!("earliest opening of {names} before AWS's date");
    let daily = ("MAINTENANCE_WINDOWS", "Fri 22:00-02:00 or daily 03:00-05:00");
    let calendars = ("CHANGE_CALENDARS", "Freeze,Payroll");
    let rows = [
        // With the next transition one call is enough; without it each candidate is asked about.
        (FREEZE, true, &[daily, calendars][..], "2029-12-27T03:00:00Z", frozen("daily 03:00-05:00 UTC")),
        (
            FREEZE,
            true,
            &[("MAINTENANCE_WINDOWS", "Fri+Sat+Sun 22:00-02:00"), calendars],
            "2029-12-30T22:00:00Z",
            format!(
                "{} (Change Calendar Freeze is closed at Fri 2029-12-28 22:00 UTC, Sat 2029-12-29 22:00 UTC)",
                frozen("Fri+Sat+Sun 22:00-02:00 UTC")
            ),
        ),
        (
            FREEZE,
            false,
            &[("MAINTENANCE_WINDOWS", "Fri+Sat+Sun 22:00-02:00"), calendars],
            "2029-12-30T22:00:00Z",
            format!(
                "{} (Change Calendar Freeze is closed at Fri 2029-12-28 22:00 UTC, Sat 2029-12-29 22:00 UTC)",
                frozen("Fri+Sat+Sun 22:00-02:00 UTC")
            ),
        ),
        (
            TWO,
            true,
            &[("MAINTENANCE_WINDOWS", "daily 22:00-02:00"), ("MINIMUM_NOTICE_MINUTES", "2880"), calendars],
            "2029-12-31T22:00:00Z",
            format!(
                "{} (Change Calendar Freeze is closed at Fri 2029-12-28 22:00 UTC; Change Calendar Payroll is closed at Sat 2029-12-29 \
                 22:00 UTC, Sun 2029-12-30 22:00 UTC)",
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
                "{} (Change Calendar Freeze is closed at Fri 2029-12-28 22:00 UTC)",
                frozen("Fri 22:00-02:00 UTC")
            ),
        ),
        (
            FREEZE,
            true,
            &[("MAINTENANCE_WINDOWS", "daily 22:00-02:00"), ("SLOT_PREFERENCE", "latest"), calendars],
            "2030-01-01T22:00:00Z",
            "latest opening of daily 22:00-02:00 UTC before AWS's date".to_owned(),
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
async fn where_a_freeze_leaves_nothing_the_owner_is_told_which_calendar_closed_which_candidates() {
    const FREEZE: &[(&str, &str, &str)] = &[("Freeze", "2029-12-20T00:00:00Z", "2030-01-06T00:00:00Z")];
    let calendars = ("CHANGE_CALENDARS", "Freeze");
    let closes = "no window of Fri 22:00-02:00 UTC fits between Wed 2029-12-26 19:01 UTC and the deadline Wed 2030-01-02 \
                  16:00 UTC (Change Calendar Freeze is closed at Fri 2029-12-28 22:00 UTC), ";
    let end = ": AWS replaces the tasks from Wed 2030-01-02 18:00 UTC on";
    let rows = [
        ("any-day", "nor do the same hours on another day (WhenNoWindowFits: any-day)"),
        ("leave-to-aws", "WhenNoWindowFits is leave-to-aws"),
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
            assert_eq!(aws.told(), ["Patch Skipped: web"]);
            // It is still watched: somebody must be told before AWS's date.
            assert_eq!(aws.input_of(WATCH)["services"], json!({"prod": ["web"]}));
        }
    }
    let aws = tagged(&[]);
    closed(&aws, FREEZE, true);
    let parameters = [calendars, ("WHEN_NO_WINDOW_FITS", "before-deadline")];
    let report = handle(&aws, &parameters, &about(&["prod|web"])).await;
    let why = "nor the deadline itself, when Change Calendar Freeze is closed until Sun 2030-01-06 00:00 UTC";
    assert_eq!(answered(&report), [json!({"outcome": "skipped", "reason": format!("{closes}{why}{end}")})]);
}

#[tokio::test]
async fn a_notice_whose_date_has_passed_waits_for_the_end_of_the_freeze() {
    const FREEZE: &[(&str, &str, &str)] = &[("Freeze", "2029-12-20T00:00:00Z", "2030-01-20T00:00:00Z")];
    let mut event = about(&["prod|web"]);
    event["detail"]["startTime"] = json!("Wed, 26 Dec 2029 17:00:00 GMT");
    let aws = tagged(&[]);
    closed(&aws, FREEZE, true);
    let report = handle(&aws, &[("CHANGE_CALENDARS", "Freeze")], &event).await;
    assert_eq!(json!(report.outcomes[0].slot), json!("2030-01-25T22:00:00Z"));

    let aws = tagged(&[]);
    aws.always("GetCalendarState", (200, json!({"State": "CLOSED"}))); // for ever, as far as AWS tells
    let report = handle(&aws, &[("CHANGE_CALENDARS", "Freeze")], &event).await;
    let reason = &report.outcomes[0].reason;
    let expected = "no window of Fri 22:00-02:00 UTC opens in the next 62 days (Change Calendar Freeze is closed at Fri \
                    2029-12-28 22:00 UTC, Fri 2030-01-04 22:00 UTC, Fri 2030-01-11 22:00 UTC, Fri 2030-01-18 22:00 UTC, \
                    Fri 2030-01-25 22:00 UTC and 4 more)";
    assert_eq!(reason, expected);
}

#[tokio::test]
async fn a_calendar_that_cannot_be_read_is_said_and_holds_no_plan_up() {
    let aws = tagged(&[]);
    aws.on("GetCalendarState", |_, asked| -> Answer {
        if asked["CalendarNames"] == json!(["Freeze"]) {
            error("InvalidDocument", "no such document")
        } else {
            (200, json!({"State": "OPEN"}))
        }
    });
    let report = handle(&aws, &[("CHANGE_CALENDARS", "Freeze,Payroll")], &about(&["prod|web"])).await;
    let warning = "Change Calendar Freeze could not be read; nothing is redeployed until it can: GetCalendarState failed: InvalidDocument: no such document";
    let expected = json!({
        "outcome": "scheduled", "reason": "earliest opening of Fri 22:00-02:00 UTC before AWS's date", "slot": FRIDAY,
        "warnings": [warning],
    });
    assert_eq!(answered(&report), [expected]);
    assert!(aws.messages()[0].contains(warning), "{}", aws.messages()[0]);
}

#[tokio::test]
async fn a_hundred_services_ask_about_a_slot_once() {
    let aws = tagged(&[]);
    closed(&aws, &[], true);
    let names: Vec<String> = (0..100).map(|nth| format!("prod|web-{nth}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = handle(&aws, &[("CHANGE_CALENDARS", "Freeze")], &about(&names)).await;
    assert_eq!(json!(report.counts), json!({"scheduled": 100}));
    assert_eq!(aws.sent("GetCalendarState"), [json!({"CalendarNames": ["Freeze"], "AtTime": FRIDAY})]);
}

#[tokio::test]
async fn a_window_before_that_of_the_service_it_comes_after_is_warned_of() {
    let prod: &[(&str, &str)] = &[("after", "dev/web"), ("window", "Fri 22:00-02:00")];
    let before = "its window lies before that of dev/web: dev/web, which its tag ecs-task-patching:after names, is planned \
                  for Sat 2029-12-29 22:00 UTC, and this one will wait for it";
    let unplanned = "dev/web, which its tag ecs-task-patching:after names, has no deployment that is planned: while its \
                     tasks are old, this one will wait, and then a person is asked";
    let circle = "it waits for dev/web, and that one for this, by their tags ecs-task-patching:after: neither would ever \
                  start";
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
    // There is no such service.
    let aws = tagged(&[("prod/web", prod)]);
    let report = handle(&aws, &[], &about(&["prod|web"])).await;
    let missing =
        "its tag ecs-task-patching:after names dev/web, and there is no such service: it waits for nothing";
    assert_eq!(report.outcomes[0].warnings, [missing]);
    // Where the other is only observed, it will not be patched; where both are, one would come after the other.
    let observed: Texts<'_> = &[("mode", "observe"), ("window", "Thu 22:00-23:00")];
    for (mode, expected) in [("deploy", vec![unplanned]), ("observe", vec![])] {
        let aws = tagged(&[("prod/web", &[("after", "dev/web"), ("mode", mode)]), ("dev/web", observed)]);
        let report = handle(&aws, &[], &about(&["prod|web", "dev|web"])).await;
        assert_eq!(report.outcomes[0].warnings, expected, "{mode}");
    }
    // A schedule that is pending from another notice counts, and one that a person disabled does not.
    for (state, expected) in [("ENABLED", vec![before]), ("DISABLED", vec![unplanned])] {
        let aws = tagged(&[("prod/web", prod), ("dev/web", &[])]);
        let dev = shared::entity::ServiceRef::new("dev", "web").unwrap();
        let name = shared::schedule::name("111122223333", "eu-west-2", &dev);
        let pending = json!({
            "ScheduleExpression": "at(2029-12-29T22:00:00)", "ScheduleExpressionTimezone": "UTC", "State": state,
            "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "a", "RoleArn": "b", "Input": "{}"},
        });
        aws.schedule(&name, pending);
        let report = handle(&aws, &[], &about(&["prod|web"])).await;
        assert_eq!(report.outcomes[0].warnings, expected, "{state}");
    }
}
