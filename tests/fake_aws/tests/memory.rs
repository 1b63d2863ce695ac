//! The AWS in memory: deployments end, schedules fire, and calls fail as planned.

#![expect(clippy::expect_used, reason = "a test")]

use aws::ecs::{Ecs, Forced};
use aws_sdk_scheduler::Client;
use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::{Aws, Fate, Fault, Planned, Service, with_fault};
use rules::arn::ServiceRef;
use serde_json::json;

fn now() -> DateTime<Utc> {
    "2029-12-28T22:00:00Z".parse().expect("an instant of the test")
}

/// A schedule of Friday 22:00, as it is created and updated.
fn friday() -> serde_json::Value {
    json!({"ScheduleExpression": "at(2029-12-28T22:00:00)", "ScheduleExpressionTimezone": "UTC"})
}

#[tokio::test]
async fn a_forced_deployment_ends_as_the_services_fate_says() {
    let rows = [
        (Fate::Completes(10), "ecs-svc/1", "COMPLETED", true),
        (Fate::RollsBack(10), "ecs-svc/back-1", "COMPLETED", false),
        (Fate::Sticks, "ecs-svc/1", "IN_PROGRESS", false),
    ];
    for (fate, deployment, state, patched) in rows {
        let aws = Aws::default();
        aws.memory().now = now();
        aws.memory().services.insert("prod/web".into(), Service::new(fate, 2, now() - TimeDelta::days(30)));
        let web = ServiceRef::new("prod", "web").expect("valid names of the test");
        let forced = Ecs::new(&aws.sdk()).force(&web).await;
        assert_eq!(forced, Ok(Forced::Started { deployment: Some("ecs-svc/1".into()) }));

        for (minutes, ended) in [(9, false), (10, true)] {
            let mut memory = aws.memory();
            memory.now = now() + TimeDelta::minutes(minutes);
            memory.settle();
            let service = &memory.services["prod/web"];
            let (id, progress) = (&service.deployments[0]["id"], &service.deployments[0]["rolloutState"]);
            let expected = if ended { (deployment, state) } else { ("ecs-svc/1", "IN_PROGRESS") };
            assert_eq!((id, progress), (&json!(expected.0), &json!(expected.1)), "{fate:?}");
            let all_new = service.tasks.iter().all(|created_at| *created_at > now());
            assert_eq!(all_new, patched && ended, "{fate:?}");
        }
    }
}

#[tokio::test]
async fn a_planned_fault_hits_its_call_and_a_crash_hits_all_later_calls() {
    // Three schedules are deleted, and the second call fails.
    let rows = [
        (None, [true, true, true], vec![]),
        (Some(Fault::Before), [true, false, true], vec!["b"]),
        (Some(Fault::After), [true, false, true], vec![]),
        (Some(Fault::Crash), [true, false, false], vec!["b", "c"]),
    ];
    for (fault, succeed, left) in rows {
        let aws = Aws::default();
        let scheduler = Client::new(&aws.sdk_without_retries());
        for name in ["a", "b", "c"] {
            aws.schedule(name, friday());
        }
        let work = async {
            for (name, succeeds) in ["a", "b", "c"].into_iter().zip(succeed) {
                let deleted = scheduler.delete_schedule().name(name).send().await;
                assert_eq!(deleted.is_ok(), succeeds, "{fault:?} {name}");
            }
        };
        with_fault(fault.map(|fault| Planned::at(1, fault)), work).await;
        assert_eq!(aws.schedules().keys().collect::<Vec<_>>(), left, "{fault:?}");
        assert_eq!(aws.requests().len(), 3);
    }
}

#[test]
fn a_schedule_fires_once_and_a_new_schedule_of_its_name_is_another_incarnation() {
    let aws = Aws::default();
    let read = || aws.memory().schedules["a"].clone();
    aws.schedule("a", friday());
    let first = read();
    assert_eq!(first.fires_at(), Some(now()));
    aws.memory().schedules.get_mut("a").expect("the schedule").fired = true;
    assert_eq!(read().fires_at(), None);

    aws.take("a");
    aws.schedule("a", json!({"ScheduleExpression": "at(2029-12-28T22:00:00)", "State": "DISABLED"}));
    assert_eq!(read().fires_at(), None);
    assert_ne!(read().incarnation, first.incarnation);
}

#[tokio::test]
#[should_panic(expected = "no answer is prepared for ListClusters")]
async fn a_call_that_neither_the_test_nor_the_memory_answers_fails_the_test() {
    let _ = Ecs::new(&Aws::default().sdk()).clusters().await;
}
