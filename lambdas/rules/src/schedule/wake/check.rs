//! The input of a service's next verification check.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    arn::ServiceRef,
    notice::{NoticeRef, cutoff::latest_cutoff, date, joined},
    schedule::story::Story,
};

/// The input for verify: one service whose deployment was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct CheckInput {
    /// The service.
    pub service: ServiceRef,
    /// The notices that the deployment is for, without duplicates.
    pub notices: Vec<NoticeRef>,
    /// The ID of the deployment that was started or found in progress. `None` if none was needed.
    pub deployment: Option<String>,
    /// When the first check was scheduled.
    pub since: DateTime<Utc>,
    /// The number of checks done so far. On the wire: `look`.
    pub checks: u32,
    /// The owner has been notified of a problem. On the wire: `told`.
    pub notified: bool,
    /// The owner has been notified that the deployment is not complete in time. On the wire: `late`.
    pub notified_late: bool,
    /// How many tasks of the deployment had failed in a row at the last check.
    pub failed_tasks: i32,
    /// How often the heartbeat has woken the function again. `None` if AWS deletes the schedule after it has fired, as
    /// with schedules of version 0.1.
    pub woken: Option<u32>,
    /// The ID of the last lifecycle hook whose pause the owner has been notified of.
    pub paused: Option<String>,
    /// What the record of the deployment needs.
    pub story: Story,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    cluster: String,
    service: String,
    notices: Vec<NoticeRef>,
    deployment: Option<String>,
    #[serde(deserialize_with = "date::read")]
    since: DateTime<Utc>,
    look: u32,
    told: bool,
    // Version 0.1 did not write these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    late: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    failed_tasks: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    woken: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused: Option<String>,
    #[serde(default, skip_serializing_if = "Story::is_empty")]
    story: Story,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl TryFrom<Wire> for CheckInput {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let Wire {
            cluster,
            service,
            notices,
            deployment,
            since,
            look,
            told,
            late,
            failed_tasks,
            paused,
            woken,
            story,
        } = wire;
        let service = ServiceRef::named(&cluster, &service)?;
        if notices.is_empty() {
            return Err("notices is []; expected at least one notice".to_owned());
        }
        Ok(Self {
            service,
            notices,
            deployment,
            since,
            checks: look,
            notified: told,
            notified_late: late,
            failed_tasks,
            woken,
            paused,
            story,
        })
    }
}

impl From<CheckInput> for Wire {
    fn from(input: CheckInput) -> Self {
        Self {
            cluster: input.service.cluster().to_owned(),
            service: input.service.service().to_owned(),
            notices: input.notices,
            deployment: input.deployment,
            since: input.since,
            look: input.checks,
            told: input.notified,
            late: input.notified_late,
            failed_tasks: input.failed_tasks,
            paused: input.paused,
            woken: input.woken,
            story: input.story,
        }
    }
}

impl CheckInput {
    /// The first check of a service whose deployment was started at `now` for `notices`.
    #[must_use]
    pub fn first(
        service: &ServiceRef,
        notices: &[NoticeRef],
        deployment: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let (service, notices) = (service.clone(), notices.to_vec());
        Self {
            service,
            notices,
            deployment,
            since: now,
            checks: 0,
            notified: false,
            notified_late: false,
            failed_tasks: 0,
            woken: Some(0),
            paused: None,
            story: Story::default(),
        }
    }

    /// The same check, of a deployment with this story.
    #[must_use]
    pub fn telling(self, story: Story) -> Self {
        Self { story, ..self }
    }

    /// The same check, for an owner who was asked to redeploy the service: only the proof is news.
    #[must_use]
    pub fn of_owner(self) -> Self {
        Self { notified: true, ..self }
    }

    /// Whether only the owner can redeploy the service: nothing was started here.
    #[must_use]
    pub fn awaits_owner(&self) -> bool {
        self.notified && self.deployment.is_none()
    }

    /// Merges this check with a pending one. Returns `None` if the pending check already covers it, for example after
    /// a repeated delivery.
    #[must_use]
    pub fn join(mut self, pending: &Self) -> Option<Self> {
        let known = |notice: &NoticeRef| pending.notices.contains(notice);
        let same = self.deployment.is_none() || self.deployment == pending.deployment;
        if same && self.notices.iter().all(known) {
            return None;
        }
        self.notices = joined(&pending.notices, &self.notices);
        self.notified &= pending.notified; // of what is in progress, the owner may not know
        self.deployment = self.deployment.or_else(|| pending.deployment.clone());
        Some(self)
    }

    /// The latest cut-off: a task created after it is on the new revision of all notices.
    #[must_use]
    pub fn cutoff(&self) -> DateTime<Utc> {
        latest_cutoff(&self.notices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, web};

    fn notice(arn: &str) -> NoticeRef {
        NoticeRef {
            event_arn: arn.into(),
            starts_at: None,
            cutoff: instant("2026-11-25T18:00:00Z"),
            drill: false,
        }
    }

    fn input() -> CheckInput {
        CheckInput::first(
            &web(),
            &[notice("arn:1")],
            Some("ecs-svc/2".into()),
            instant("2026-11-27T22:00:00Z"),
        )
    }

    #[test]
    fn a_repeated_delivery_adds_no_check_and_a_second_notice_is_merged() {
        let pending = CheckInput { checks: 3, ..input() };
        assert_eq!(input().join(&pending), None);
        assert_eq!(CheckInput { deployment: None, ..input() }.join(&pending), None);
        let of_owner = CheckInput { deployment: None, notices: vec![notice("arn:2")], ..input() }.of_owner();
        assert!(of_owner.awaits_owner() && !input().of_owner().awaits_owner());
        let joined = of_owner.join(&pending).expect("a new notice");
        assert!(!joined.awaits_owner() && !joined.notified, "a deployment is in progress");
        let second =
            CheckInput { notices: vec![notice("arn:2")], deployment: Some("ecs-svc/3".into()), ..input() };
        let joined = second.join(&pending).expect("a new notice");
        let arns: Vec<&str> = joined.notices.iter().map(|notice| notice.event_arn.as_str()).collect();
        assert_eq!(
            (arns, joined.deployment.as_deref(), joined.checks),
            (vec!["arn:2", "arn:1"], Some("ecs-svc/3"), 0)
        );
    }

    #[test]
    fn an_invalid_input_is_refused() {
        let value = serde_json::to_value(input()).unwrap();
        assert_eq!(serde_json::from_value::<CheckInput>(value.clone()).unwrap(), input());
        for (key, wrong) in [("cluster", "pr od".into()), ("notices", serde_json::json!([]))] {
            let mut value = value.clone();
            value[key] = wrong;
            serde_json::from_value::<CheckInput>(value).expect_err(key);
        }
    }
}
