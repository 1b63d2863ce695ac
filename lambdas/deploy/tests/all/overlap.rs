//! Two invocations that work on one service at the same moment.

use std::time::Duration;

use crate::common::{NAME, NOW, OLD, fired, input, with_service};
use aws::{Invocation, config::Config};
use chrono::{DateTime, TimeDelta, Utc};
use deploy::{Answer, Deploy};
use fake_aws::{Aws, environment};
use rules::deploy::outcome::{
    DeployOutcome,
    DeployOutcomeKind::{self, Skipped, Started},
};
use serde_json::json;

/// Deploys in an invocation with this ID.
async fn deployed(aws: &Aws, id: &str) -> DeployOutcome {
    let now: DateTime<Utc> = NOW.parse().expect("an instant of the test");
    let invocation = Invocation::new(id, now, now + TimeDelta::minutes(5));
    let config = Config::read(&environment).expect("a configuration");
    let answer = Deploy::new(&aws.sdk(), config).handle(&input(&json!({"woken": 0})), &invocation).await;
    let Ok(Answer::Outcome(outcome)) = answer else { panic!("{answer:?}") };
    outcome
}

#[tokio::test(start_paused = true)]
async fn two_deliveries_of_one_schedule_at_the_same_moment_start_one_deployment() {
    for milliseconds in [1, 7, 30] {
        let aws = with_service(&json!({}), OLD);
        aws.schedule(NAME, fired(&json!({})));
        let latency = Duration::from_millis(milliseconds);
        aws.set_latency(move || (latency, latency));
        let (one, other) = tokio::join!(deployed(&aws, "one"), deployed(&aws, "other"));
        let mut outcomes: [DeployOutcomeKind; 2] = [one.outcome, other.outcome];
        outcomes.sort_by_key(|outcome| outcome.word());
        assert_eq!(outcomes, [Skipped, Started]);
        assert_eq!(aws.sent("UpdateService").len(), 1);
        assert_eq!((aws.notified(), aws.locks().len()), (vec!["Patch Started: web".to_owned()], 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_was_killed_leaves_a_lock_that_the_next_one_waits_for() {
    let aws = with_service(&json!({}), OLD);
    aws.schedule(NAME, fired(&json!({})));
    aws.set_latency(|| (Duration::from_secs(1), Duration::from_secs(1)));
    // Killed after it has taken the lock.
    tokio::time::timeout(Duration::from_secs(5), deployed(&aws, "killed")).await.expect_err("too slow");
    assert_eq!(aws.locks().len(), 1);
    let now: DateTime<Utc> = NOW.parse().expect("an instant of the test");
    let later = Invocation::new("later", now + TimeDelta::minutes(1), now + TimeDelta::minutes(6));
    let config = Config::read(&environment).expect("a configuration");
    let deploy = Deploy::new(&aws.sdk(), config);
    let answer = deploy.handle(&input(&json!({"woken": 0})), &later).await;
    let Ok(Answer::Outcome(outcome)) = answer else { panic!("{answer:?}") };
    assert_eq!((outcome.outcome, aws.locks().len()), (Started, 0));
    assert!(
        later.now() > now + TimeDelta::minutes(5),
        "the lock is dead when its invocation must have ended"
    );
}
