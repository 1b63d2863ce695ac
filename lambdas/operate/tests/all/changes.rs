//! What operate does to pending deployments, and what it says about it.

use fake_aws::{CREATE, DELETE, Fault, Planned, UPDATE, error, merged, with_fault};
use serde_json::{Value, json};

use crate::common::{
    NAME, NOTICE, NOW, ask, ask_with, deadline_check, input, known_to_ecs, name_of, planned, request, result,
    stopped, with,
};

#[tokio::test]
async fn a_held_deployment_keeps_everything_else_and_says_who_and_why() {
    let aws = with(&["web"]);
    let why = json!({"reason": "load test", "ticket": "CHG0042"});
    let answer = ask(&aws, &request("hold", &why)).await;
    let text = "prod/web is held: it is not redeployed until it is released; AWS replaces its old tasks from Wed 2 Jan 2030 \
                18:00 UTC.";
    assert_eq!(
        answer,
        json!({
            "operation": "hold", "done": true, "text": text,
            "results": [{"cluster": "prod", "service": "web", "done": true, "text": text}],
        })
    );
    let entry = json!({"at": NOW, "operation": "hold", "reason": "load test", "ticket": "CHG0042"});
    let history = input("web", &json!({"history": [entry]}));
    let description = "Redeploys on Fri 28 Dec 2029 22:00 UTC; retirement date: Wed 2 Jan 2030 18:00 UTC; 1 notice; held on \
                       Wed 26 Dec 2029 18:00 UTC (CHG0042, load test); service: prod/web";
    assert_eq!(aws.input_of(NAME), history);
    let target = aws.schedules()[NAME]["Target"].clone();
    let expected =
        planned("web", &json!({"State": "DISABLED", "Description": description, "Target": target}));
    let mut written = aws.schedules()[NAME].clone();
    written.as_object_mut().expect("an object").remove("GroupName");
    assert_eq!(written, expected);
    // The event says it to machines. Nobody gets a message: the operator has the answer.
    let [event] = aws.events().try_into().expect("one event");
    let event: Value = event;
    assert_eq!(event["DetailType"], "Patch Changed By Operator");
    let detail = &event["Detail"];
    assert_eq!((&detail["operation"], &detail["ticket"]), (&json!("hold"), &json!("CHG0042")));
    assert!(
        detail["reason"].as_str().unwrap_or_default().ends_with("(operator's reason: CHG0042, load test)")
    );
    assert_eq!((aws.messages().len(), aws.locks().len()), (0, 0));
    // A repeat changes nothing and is no event.
    let before = aws.schedules();
    let (done, text) =
        (ask(&aws, &request("hold", &why)).await, "prod/web was held already; it is not redeployed");
    assert!(result(&done).0 && result(&done).1.starts_with(text), "{done}");
    assert_eq!((aws.schedules(), aws.events().len()), (before, 1));
}

#[tokio::test]
async fn a_released_deployment_starts_at_its_time() {
    let aws = with(&[]);
    aws.schedule(NAME, planned("web", &json!({"State": "DISABLED"})));
    let answer = ask(&aws, &request("release", &json!({}))).await;
    assert_eq!(result(&answer), (true, "prod/web is released; it starts on Fri 28 Dec 2029 22:00 UTC."));
    assert_eq!(aws.schedules()[NAME]["State"], "ENABLED");
    assert_eq!(aws.sent(CREATE).len(), 0);
}

#[tokio::test]
async fn a_deployment_that_is_released_after_its_time_is_created_again_because_an_update_may_not_fire() {
    let aws = with(&[]);
    aws.schedule(NAME, planned("web", &json!({"State": "DISABLED", "Description": "CHG0042, by Ada"})));
    let answer = ask_with(&aws, &[], &request("release", &json!({})), "2029-12-28T23:00:10Z").await;
    let expected = "its window is still open, so it starts on Fri 28 Dec 2029 23:02 UTC.";
    assert!(result(&answer).0 && result(&answer).1.ends_with(expected), "{answer}");
    let schedule = aws.schedules()[NAME].clone();
    assert_eq!(schedule["ScheduleExpression"], "at(2029-12-28T23:02:00)");
    assert_eq!((&schedule["State"], &schedule["Description"]), (&Value::Null, &json!("CHG0042, by Ada")));
    assert_eq!((aws.sent(DELETE).len(), aws.sent(CREATE).len(), aws.sent(UPDATE).len()), (1, 1, 0));
    assert_eq!(aws.input_of(NAME)["woken"], 1);
}

#[tokio::test]
async fn a_deployment_that_is_lost_while_it_is_created_again_is_planned_again() {
    let aws = with(&[]);
    aws.schedule(NAME, planned("web", &json!({"State": "DISABLED"})));
    aws.always(&format!("{CREATE}{NAME}"), error("ValidationException", "no"));
    let answer = ask_with(&aws, &[], &request("release", &json!({})), "2029-12-28T23:00:10Z").await;
    assert!(
        !result(&answer).0 && result(&answer).1.contains("CreateSchedule failed: ValidationException"),
        "{answer}"
    );
    // The heartbeat finds the lock, and wakes deploy, which sees that the window has closed.
    let [lock] = aws.locks().try_into().expect("one lock");
    let lock: String = lock;
    let lock: Value = {
        let memory = aws.memory();
        let text = memory.schedules[&lock].body["Target"]["Input"].as_str().unwrap_or_default().to_owned();
        serde_json::from_str(&text).expect("JSON")
    };
    let again: Value =
        serde_json::from_str(lock["again"]["input"].as_str().unwrap_or_default()).expect("JSON");
    assert_eq!((&again["woken"], &again["window_ends_at"]), (&json!(1), &json!("2029-12-28T23:00:10Z")));
}

#[tokio::test]
async fn a_deployment_is_moved_to_a_time_before_its_deadline_unless_forced() {
    let aws = with(&["web"]);
    let at = |at: &str| request("move", &json!({"at": at}));
    let refused = ask(&aws, &at("2030-01-02 17:00")).await;
    assert!(!result(&refused).0 && result(&refused).1.contains("add \"force\": true"), "{refused}");
    assert_eq!(aws.sent(UPDATE).len(), 0);
    let answer = ask(&aws, &at("2029-12-29T03:00:00Z")).await;
    let text = "prod/web is moved to Sat 29 Dec 2029 03:00 UTC; blockers still apply.";
    assert_eq!(result(&answer), (true, text));
    let schedule = aws.schedules()[NAME].clone();
    assert_eq!(schedule["ScheduleExpression"], "at(2029-12-29T03:00:00)");
    assert_eq!(schedule["FlexibleTimeWindow"], json!({"Mode": "OFF"}));
    // The planned start time stays in the input, so that the new one counts as the operator's.
    assert_eq!(aws.input_of(NAME)["slot"], "2029-12-28T22:00:00Z");
    assert_eq!(aws.input_of(NAME)["history"][0]["slot"], "2029-12-29T03:00:00Z");
    assert_eq!(aws.events()[0]["Detail"]["slot"], "2029-12-29T03:00:00Z");
    let forced = request("move", &json!({"at": "2030-01-02T17:00:00Z", "force": true}));
    let answer = ask(&aws, &forced).await;
    assert!(result(&answer).0 && result(&answer).1.contains("that is after its deadline"), "{answer}");
}

#[tokio::test]
async fn a_deployment_runs_now_unless_it_is_held() {
    let aws = with(&["web"]);
    let answer = ask(&aws, &request("run-now", &json!({}))).await;
    assert!(
        result(&answer).1.starts_with("prod/web starts on Wed 26 Dec 2029 18:02 UTC; blockers"),
        "{answer}"
    );
    assert_eq!(aws.schedules()[NAME]["ScheduleExpression"], "at(2029-12-26T18:02:00)");
    aws.schedule(NAME, planned("web", &json!({"State": "DISABLED"})));
    let answer = ask(&aws, &request("run-now", &json!({}))).await;
    assert_eq!(result(&answer), (false, "prod/web is held; release it first, then run it."));
    assert_eq!(aws.schedules()[NAME]["ScheduleExpression"], "at(2029-12-28T22:00:00)");
}

#[tokio::test]
async fn a_cancelled_deployment_is_gone_and_what_is_gone_cannot_be_held() {
    let aws = with(&["web"]);
    let answer = ask(&aws, &request("cancel", &json!({}))).await;
    assert!(result(&answer).0 && result(&answer).1.contains("hold it instead to prevent that"), "{answer}");
    assert_eq!(
        (aws.schedules().len(), aws.notified()),
        (0, vec!["Patch Changed By Operator: web".to_owned()])
    );
    let [record] = aws.records().try_into().expect("one record");
    let record: Value = record;
    assert_eq!((&record["outcome"], &record["stack"]), (&json!("cancelled"), &json!("the-group")));
    assert_eq!(record["changes"][0]["operation"], "cancel");
    known_to_ecs(&aws, &["web"]);
    let again = ask(&aws, &request("cancel", &json!({}))).await;
    assert!(
        !result(&again).0 && result(&again).1.contains("so there is nothing to cancel: it is patched"),
        "{again}"
    );
    let held = ask(&aws, &request("hold", &json!({}))).await;
    assert!(!result(&held).0 && result(&held).1.ends_with("plan the notice again."), "{held}");
    aws.schedule(&format!("{NAME}.verify"), planned("web", &json!({})));
    let held = ask(&aws, &request("hold", &json!({}))).await;
    assert!(result(&held).1.contains("has started and is being verified, so it is too late"), "{held}");
}

#[tokio::test]
async fn several_services_are_changed_and_one_that_fails_does_not_stop_the_others() {
    let aws = with(&["api", "jobs", "web"]);
    aws.always(&format!("{UPDATE}{}", name_of("jobs")), error("AccessDeniedException", "no"));
    let services: Vec<Value> =
        ["web", "jobs", "api"].iter().map(|name| json!({"cluster": "prod", "service": name})).collect();
    let answer = ask(&aws, &json!({"operation": "hold", "services": services})).await;
    let done: Vec<(&Value, &Value)> = answer["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| (&result["service"], &result["done"]))
        .collect();
    let expected = [(json!("web"), json!(true)), (json!("jobs"), json!(false)), (json!("api"), json!(true))];
    assert_eq!(done, expected.iter().map(|(name, done)| (name, done)).collect::<Vec<_>>());
    assert_eq!(answer["text"], "Hold: done for 2 of 3 services; the others say what to do instead.");
    let states = ["web", "jobs", "api"].map(|name| aws.schedules()[&name_of(name)]["State"].clone());
    assert_eq!(states, ["DISABLED", "ENABLED", "DISABLED"].map(|state| json!(state)));
    assert_eq!((aws.events().len(), aws.locks().len()), (2, 0));
}

#[tokio::test]
async fn a_whole_notice_is_what_is_pending_for_it() {
    let aws = with(&["api", "web"]);
    // Pending for another notice, and not pending any more.
    let other = json!([{"event_arn": "arn:2", "starts_at": null, "cutoff": "2029-12-26T18:00:00Z"}]);
    let target = json!({"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": input("jobs", &json!({"notices": other})).to_string()});
    aws.schedule(&name_of("jobs"), planned("jobs", &json!({"Target": target})));
    aws.schedule("deadline.c731f120016c94a66426.1", deadline_check(&["api", "gone", "jobs", "web"]));
    let answer = ask(&aws, &json!({"operation": "hold", "notice": NOTICE})).await;
    assert_eq!(answer["text"], "Hold: done for 2 services.");
    let states = ["api", "jobs", "web"].map(|name| aws.schedules()[&name_of(name)]["State"].clone());
    assert_eq!(states, ["DISABLED", "ENABLED", "DISABLED"].map(|state| json!(state)));
    let unknown = ask(&aws, &json!({"operation": "hold", "notice": "arn:unknown"})).await;
    assert_eq!(
        (&unknown["results"], &unknown["text"]),
        (&json!([]), &json!("Nothing is pending for this notice; there is nothing to do."))
    );
    assert_eq!(unknown["done"], false);
}

#[tokio::test]
async fn a_refused_request_says_what_to_do_and_reads_nothing() {
    let aws = with(&["web"]);
    let rows = [
        (
            json!({"operation": "restart"}),
            &[][..],
            "Operation is \"restart\", which is unknown; use one of these: approve,",
        ),
        (
            request("hold", &json!({"resaon": "x"})),
            &[],
            "The request has the field \"resaon\", which is unknown; use one",
        ),
        (request("hold", &json!({})), &[("REQUIRE_REASON", "true")], "Hold needs a reason and a ticket"),
    ];
    for (request, parameters, text) in rows {
        let answer = ask_with(&aws, parameters, &request, NOW).await;
        assert!(answer["text"].as_str().unwrap_or_default().starts_with(text), "{answer}");
        assert_eq!((&answer["done"], &answer["results"]), (&json!(false), &json!([])), "{answer}");
    }
    assert_eq!(aws.requests().len(), 0);
    let allowed = request("hold", &json!({"reason": "why", "ticket": "CHG1"}));
    let answer = ask_with(&aws, &[("REQUIRE_REASON", "true")], &allowed, NOW).await;
    assert!(result(&answer).0, "{answer}");
}

#[tokio::test]
async fn the_console_gets_html() {
    let aws = with(&["web"]);
    let context = json!({"widgetContext": {"forms": {"all": {"reason": "<b>"}}}});
    let answer = ask(&aws, &request("hold", &context)).await;
    let text = answer.as_str().expect("HTML");
    assert!(text.contains("role=\"status\"><strong>Done:</strong> prod/web is held"), "{text}");
    assert_eq!(aws.input_of(NAME)["history"][0]["reason"], "<b>");
    let required = [("REQUIRE_REASON", "true")];
    let refused = ask_with(&aws, &required, &request("release", &json!({"widgetContext": {}})), NOW).await;
    let expected =
        "role=\"alert\"><strong>Not done:</strong> A reason and a ticket are required; fill in both fields.";
    assert!(refused.as_str().expect("HTML").contains(expected), "{refused}");
}

#[tokio::test]
async fn what_would_start_says_that_everything_is_stopped() {
    let aws = with(&["web"]);
    stopped(&aws);
    let expected = "An operator stopped all deployments on Wed 26 Dec 2029 18:00 UTC (outage). It does not start until release-all.";
    for operation in ["run-now", "approve", "release"] {
        let answer = ask(&aws, &request(operation, &json!({}))).await;
        assert!(result(&answer).0 && result(&answer).1.ends_with(expected), "{answer}");
    }
    let [event] = aws.events().try_into().expect("one event");
    let event: Value = event;
    assert!(event["Detail"]["reason"].as_str().unwrap_or_default().ends_with("until release-all"), "{event}");
    let held = ask(&aws, &request("hold", &json!({}))).await;
    assert!(result(&held).0 && !result(&held).1.contains("release-all"), "{held}");
}

#[tokio::test]
async fn a_name_that_nothing_knows_is_called_wrong() {
    let aws = with(&["web"]);
    known_to_ecs(&aws, &["web", "api"]);
    let wrong = "Nothing is pending for prod/wbe, and Amazon ECS has no active service wbe in the cluster prod; check both names.";
    for operation in ["approve", "hold", "release", "run-now", "cancel"] {
        let answer = ask(&aws, &request(operation, &json!({"service": "wbe"}))).await;
        assert_eq!((result(&answer), &answer["done"]), ((false, wrong), &json!(false)), "{operation}");
        let of_ecs = ask(&aws, &request(operation, &json!({"service": "api"}))).await;
        assert!(!result(&of_ecs).0 && result(&of_ecs).1.contains("no notice names it"), "{of_ecs}");
    }
    let services: Vec<Value> =
        ["web", "wbe"].iter().map(|name| json!({"cluster": "prod", "service": name})).collect();
    let answer = ask(&aws, &json!({"operation": "hold", "services": services})).await;
    assert_eq!((&answer["done"], &answer["results"][0]["done"]), (&json!(false), &json!(true)), "{answer}");
    assert_eq!(answer["results"][1]["text"], wrong);
    // What Amazon ECS does not answer is no reason to call a name wrong.
    aws.always("DescribeServices", error("AccessDeniedException", "no"));
    let answer = ask(&aws, &request("hold", &json!({"service": "wbe"}))).await;
    assert!(result(&answer).1.starts_with("Nothing is pending for prod/wbe: it is patched"), "{answer}");
}

#[tokio::test]
async fn what_is_done_stays_done_if_its_event_cannot_be_sent() {
    let aws = with(&["web"]);
    aws.always("PutEvents", error("AccessDeniedException", "no"));
    let answer = ask(&aws, &request("hold", &json!({}))).await;
    assert!(result(&answer).0, "{answer}");
    assert_eq!(aws.schedules()[NAME]["State"], "DISABLED");
}

#[tokio::test(start_paused = true)]
async fn wherever_a_request_fails_its_repeat_does_it_and_nothing_is_lost() {
    for operation in ["hold", "run-now", "cancel"] {
        for nth in 0..8 {
            for fault in [Fault::Before, Fault::After, Fault::Crash] {
                let aws = with(&["web"]);
                known_to_ecs(&aws, &["web"]);
                let asked = request(operation, &json!({}));
                let _ = Box::pin(with_fault(Some(Planned::at(nth, fault)), ask(&aws, &asked))).await;
                let exists = aws.schedules().contains_key(NAME);
                assert!(exists || operation == "cancel", "{operation} {nth} {fault:?}");
                // A lock that an invocation left behind is dead when that has ended.
                let answer = ask_with(&aws, &[], &asked, "2029-12-26T18:10:00Z").await;
                // Whether a function has work to repeat, a lock that was left behind does not say.
                let gone = operation == "cancel" && !exists;
                let unknown = gone && result(&answer).1.contains(", unless a function");
                let done =
                    result(&answer).0 || gone && result(&answer).1.contains("so there is nothing to cancel");
                assert!(done || unknown, "{operation} {nth} {fault:?}: {answer}");
                assert!(unknown || aws.locks().is_empty(), "{operation} {nth} {fault:?}");
                let schedule = aws.schedules().get(NAME).cloned();
                let held = schedule.map(|schedule| schedule["State"] == "DISABLED");
                let expected = match operation {
                    "hold" => Some(true),
                    "run-now" => Some(false),
                    _ => None,
                };
                assert_eq!(held, expected, "{operation} {nth} {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_service_on_which_a_function_has_not_finished_its_work_is_left_to_it() {
    let aws = with(&[]);
    // Deploy has ended between deleting the schedule and creating it again.
    let dead = json!({
        "version": 1, "kind": "lock", "schedule": NAME, "owner": "deploy", "expires_at": "2029-12-26T17:00:00Z",
    });
    let target = json!({"Arn": "arn:verify", "RoleArn": "arn:role", "Input": dead.to_string()});
    let lock = "lock.8dc414e6196c0af51366";
    aws.schedule(lock, merged(&planned("web", &json!({})), &json!({"State": "DISABLED", "Target": target})));
    let answer = ask(&aws, &request("run-now", &json!({}))).await;
    assert_eq!(
        result(&answer),
        (
            false,
            "Nothing is pending for prod/web, unless a function repeats work that it has not finished; look again in some minutes."
        )
    );
    assert_eq!(aws.locks(), [lock]);
}

#[tokio::test]
async fn a_deployment_that_awaits_approval_is_approved_and_one_that_is_moved_awaits_it_again() {
    let aws = with(&[]);
    let target = json!({"Arn": "arn:deploy", "RoleArn": "arn:role", "Input": input("web", &json!({"approval": "awaited"})).to_string()});
    aws.schedule(NAME, planned("web", &json!({"State": "DISABLED", "Target": target})));
    let answer = ask(&aws, &request("approve", &json!({"ticket": "CHG1"}))).await;
    let text = "prod/web is approved; it starts on Fri 28 Dec 2029 22:00 UTC. Blockers still apply.";
    assert_eq!(result(&answer), (true, text));
    assert_eq!(
        (&aws.schedules()[NAME]["State"], &aws.input_of(NAME)["approval"]),
        (&json!("ENABLED"), &json!("given"))
    );
    let answer = ask(&aws, &request("move", &json!({"at": "2029-12-29T03:00:00Z"}))).await;
    assert!(result(&answer).1.ends_with("Its new start time has to be approved again."), "{answer}");
    assert_eq!(
        (&aws.schedules()[NAME]["State"], &aws.input_of(NAME)["approval"]),
        (&json!("DISABLED"), &json!("awaited"))
    );
}
