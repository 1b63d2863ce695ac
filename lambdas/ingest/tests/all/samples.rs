//! The samples in `events/`, sent as they are in their files, in the order of the table that explains them: each has the
//! result that the table promises, on every day, after one another, and after real notices.

use crate::common::{another, sample, tagged, try_handle};
use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::Aws;
use rules::outcome::OutcomeKind::{self, Cancelled, NotActionable, Scheduled, Skipped, Unchanged};
use serde_json::json;

/// The table, without what fails.
const RESULTS: [(&str, &[OutcomeKind]); 11] = [
    ("service-notice", &[Scheduled; 3]),
    ("page-1-of-2", &[Scheduled; 2]),
    ("page-2-of-2", &[Scheduled, Unchanged]),
    ("update-moved-date", &[Unchanged; 3]),
    ("entity-resolved", &[Cancelled, Unchanged, Unchanged]),
    ("closed", &[Cancelled, Cancelled, Skipped]),
    ("iso-dates", &[Scheduled; 2]),
    ("placeholders", &[Scheduled, NotActionable, NotActionable]),
    ("govcloud-arns", &[Skipped; 3]),
    ("backup-region-copy", &[Skipped; 3]),
    ("organisation-feed", &[Skipped; 3]),
];

/// An AWS with the services of the samples, whose tasks are old, and the default wait period.
fn an_aws() -> Aws {
    let services = ["prod/web", "prod/api", "staging/web", "prod/cart", "prod/search", "prod/mail"];
    let aws = tagged(&services.map(|service| (service, &[][..])));
    aws.always("ListAccountSettings", (200, json!({"settings": [{"value": "7"}]})));
    aws
}

/// Sends the samples in the order of the table. `story` is added to their ARNs.
async fn all_do_what_the_table_says(aws: &Aws, story: &str, now: DateTime<Utc>) {
    for (minutes, (name, expected)) in (0..).zip(RESULTS) {
        let mut event = sample(name);
        let arn = event["detail"]["eventArn"].as_str().unwrap().to_owned();
        event["detail"]["eventArn"] = json!(format!("{arn}{story}"));
        let now = now + TimeDelta::minutes(minutes);
        let report = try_handle(aws, &[], &event, &now.to_rfc3339()).await.expect(name);
        let mut found: Vec<OutcomeKind> = report.outcomes.iter().map(|outcome| outcome.outcome).collect();
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{name} on {now}: {report:#?}");
    }
}

#[tokio::test]
async fn every_sample_does_what_the_table_says_on_every_day_and_again_with_another_arn() {
    let start: DateTime<Utc> = "2026-11-23T00:30:00Z".parse().unwrap();
    for hours in (0..7 * 24).step_by(3) {
        all_do_what_the_table_says(&an_aws(), "", start + TimeDelta::hours(hours)).await;
    }
    let aws = an_aws();
    all_do_what_the_table_says(&aws, "", start).await;
    all_do_what_the_table_says(&aws, "-again", start + TimeDelta::hours(1)).await;
    all_do_what_the_table_says(&an_aws(), "", "2029-12-25T09:00:00Z".parse().unwrap()).await;
}

#[tokio::test]
async fn the_samples_do_what_the_table_says_on_a_stack_that_has_seen_real_notices() {
    let now: DateTime<Utc> = "2026-11-25T18:00:00Z".parse().unwrap();
    for (days, status) in [(7, "upcoming"), (-30, "upcoming"), (7, "closed")] {
        let aws = an_aws();
        for (arn, service) in [("arn:1", "prod|shop"), ("arn:2", "prod|web"), ("arn:3", "prod|cart")] {
            let mut real = another(arn, &[service]);
            real["time"] = json!(now);
            real["detail"]["startTime"] = json!(now + TimeDelta::days(days));
            real["detail"]["statusCode"] = json!(status);
            try_handle(&aws, &[], &real, &now.to_rfc3339()).await.expect("no failure");
        }
        all_do_what_the_table_says(&aws, "", now + TimeDelta::hours(1)).await;
    }
}
