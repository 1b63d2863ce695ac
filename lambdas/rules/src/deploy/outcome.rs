//! What became of a service at its start time: deploy's answer.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    decide::{Decision, Within},
    facts::Facts,
};
use crate::{outcome::Cause, schedule::wake::DeployInput};

/// What became of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeployOutcomeKind {
    /// A new deployment has started.
    Started,
    /// There is nothing to do.
    Skipped,
    /// It is retried later.
    Postponed,
    /// The owner must act.
    NotActionable,
    /// AWS refuses the deployment, and will refuse it again.
    Failed,
}

impl DeployOutcomeKind {
    /// The word in answers and logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Skipped => "skipped",
            Self::Postponed => "postponed",
            Self::NotActionable => "not-actionable",
            Self::Failed => "failed",
        }
    }
}

/// Deploy's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployOutcome {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// What became of it.
    pub outcome: DeployOutcomeKind,
    /// Why.
    pub reason: String,
    /// What the owner can run, where the owner must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The deployment that was started, or is in progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// When it is retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<DateTime<Utc>>,
    /// When the first verification check is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_at: Option<DateTime<Utc>>,
    /// Nobody has approved the time of the retry yet: without that, nothing is redeployed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub awaits_approval: bool,
    /// What the owner should know, such as an unreadable tag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The cause of a skip, to count by.
    #[serde(skip)]
    pub cause: Option<Cause>,
    /// Something that blocks is unreadable: the owner must fix it.
    #[serde(skip)]
    pub unreadable: bool,
    /// The owner must act, though it is retried.
    #[serde(skip)]
    pub attention: bool,
}

impl DeployOutcome {
    /// The outcome of a decision, before it is acted on: started, or what the decision says.
    #[must_use]
    pub fn of(facts: &Facts, decision: &Decision) -> Self {
        let told = |outcome, reason: &str| Self {
            cluster: facts.name().cluster().to_owned(),
            service: facts.name().service().to_owned(),
            outcome,
            reason: reason.to_owned(),
            command: None,
            deployment_id: None,
            slot: None,
            verify_at: None,
            awaits_approval: false,
            warnings: facts.warnings(),
            cause: None,
            unreadable: false,
            attention: false,
        };
        match decision {
            Decision::Skip { cause, reason } => {
                Self { cause: Some(*cause), ..told(DeployOutcomeKind::Skipped, reason) }
            }
            Decision::Verify { cause, reason, deployment } => Self {
                cause: Some(*cause),
                deployment_id: deployment.clone(),
                ..told(DeployOutcomeKind::Skipped, reason)
            },
            Decision::Wait { reason, unreadable, command, .. } => Self {
                command: command.clone(),
                unreadable: *unreadable,
                attention: *unreadable,
                // What would only matter at the start is said at the start.
                warnings: facts.tags.problems.clone(),
                ..told(DeployOutcomeKind::Postponed, reason)
            },
            Decision::NotActionable { reason, command } => {
                Self { command: Some(command.clone()), ..told(DeployOutcomeKind::NotActionable, reason) }
            }
            Decision::Force { reason } | Decision::CodeDeploy { reason, .. } => {
                told(DeployOutcomeKind::Started, reason)
            }
        }
    }

    /// The outcome if an operator disabled the schedule, or nobody has approved its time.
    #[must_use]
    pub fn held(input: &DeployInput, awaits_approval: bool) -> Self {
        let reason = if awaits_approval {
            "nobody has approved the deployment; to redeploy the service, approve it"
        } else {
            "an operator disabled the schedule; to redeploy the service, enable it"
        };
        Self { cause: Some(Cause::Held), ..Self::skipped(input, reason.to_owned()) }
    }

    /// The outcome if the input was handled already, or will be.
    #[must_use]
    pub fn repeated(input: &DeployInput, why: String) -> Self {
        Self { cause: Some(Cause::Repeated), ..Self::skipped(input, why) }
    }

    fn skipped(input: &DeployInput, reason: String) -> Self {
        Self {
            cluster: input.service.cluster().to_owned(),
            service: input.service.service().to_owned(),
            outcome: DeployOutcomeKind::Skipped,
            reason,
            command: None,
            deployment_id: None,
            slot: None,
            verify_at: None,
            awaits_approval: false,
            warnings: Vec::new(),
            cause: None,
            attention: false,
            unreadable: false,
        }
    }

    /// The outcome with a warning about what the new tasks run, if a deployment has started, or would have.
    #[must_use]
    pub fn warning_of(mut self, images: Option<String>) -> Self {
        if self.outcome == DeployOutcomeKind::Started || self.cause == Some(Cause::Observed) {
            self.warnings.extend(images);
        }
        self
    }

    /// The outcome if the service no longer exists when its deployment is to start.
    #[must_use]
    pub fn gone(self, reason: String) -> Self {
        Self { outcome: DeployOutcomeKind::Skipped, cause: Some(Cause::Gone), reason, ..self }
    }

    /// The outcome if AWS refuses the deployment.
    #[must_use]
    pub fn refused(self, reason: String, command: Option<String>) -> Self {
        Self { outcome: DeployOutcomeKind::Failed, reason, command, ..self }
    }

    /// The outcome if AWS throttles the deployment.
    #[must_use]
    pub fn throttled(self, error: &str) -> Self {
        let reason = format!("more deployments are starting than Amazon ECS accepts ({error})");
        Self { outcome: DeployOutcomeKind::Postponed, reason, ..self }
    }

    /// The outcome if no further start time is left.
    #[must_use]
    pub fn without_retry(self, why: &str) -> Self {
        let reason = format!("{}; {why}", self.reason);
        Self { outcome: DeployOutcomeKind::NotActionable, reason, ..self }
    }

    /// The outcome if the deployment is retried at `slot`. The owner must act only when the window has closed: until
    /// then, what is unreadable may become readable.
    #[must_use]
    pub fn retried(self, slot: Option<DateTime<Utc>>, when: &str, next_window: bool) -> Self {
        let attention = self.attention && next_window;
        Self {
            reason: format!("{}; {when}", self.reason),
            command: self.command.filter(|_| self.unreadable),
            slot,
            attention,
            ..self
        }
    }
}

/// The input for a retry. If it is retried in another window, its own window ends now.
#[must_use]
pub fn to_retry(input: &DeployInput, within: Within, now: DateTime<Utc>) -> DeployInput {
    let window_ends_at = match within {
        Within::SameWindow => input.window_ends_at,
        Within::OtherWindow => now,
    };
    DeployInput { window_ends_at, ..input.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notice::NoticeRef,
        policy::Policy,
        testing::{instant, planned_for},
    };

    const SLOT: &str = "2026-11-27T22:00:00Z";

    fn input() -> DeployInput {
        planned_for(vec![NoticeRef {
            event_arn: "arn:1".into(),
            starts_at: None,
            cutoff: instant("2026-11-25T18:00:00Z"),
            drill: false,
        }])
    }

    fn waiting(unreadable: bool) -> DeployOutcome {
        let mut facts = Facts::of_service(input(), None, &Policy::default());
        facts.tags.problems = vec!["a tag".into()];
        facts.blocker_warnings = vec!["a missing service".into()];
        let decision = Decision::Wait {
            reason: "an alarm".into(),
            within: Within::SameWindow,
            unreadable,
            command: Some("aws".into()),
        };
        DeployOutcome::of(&facts, &decision)
    }

    #[test]
    fn what_waits_is_postponed_with_the_warnings_that_matter_now() {
        let outcome = waiting(false);
        assert_eq!((outcome.outcome, outcome.reason.as_str()), (DeployOutcomeKind::Postponed, "an alarm"));
        assert_eq!((outcome.cluster.as_str(), outcome.service.as_str()), ("prod", "web"));
        assert_eq!((outcome.warnings, outcome.attention), (vec!["a tag".to_owned()], false));
        assert!(waiting(true).attention && waiting(true).unreadable);
    }

    #[test]
    fn what_needs_no_deployment_has_its_cause() {
        let facts = Facts::of_service(input(), None, &Policy::default());
        let (cause, reason) = (Cause::Patched, "all new".to_owned());
        let deployment = Some("ecs-svc/2".to_owned());
        let skip = Decision::Skip { cause, reason: reason.clone() };
        let verify = Decision::Verify { cause, reason, deployment: deployment.clone() };
        for (decision, id) in [(skip, None), (verify, deployment)] {
            let DeployOutcome { outcome, cause, deployment_id, .. } = DeployOutcome::of(&facts, &decision);
            assert_eq!(
                (outcome, cause, deployment_id),
                (DeployOutcomeKind::Skipped, Some(Cause::Patched), id)
            );
        }
    }

    #[test]
    fn an_owner_must_act_only_when_the_window_has_closed_and_something_is_unreadable() {
        let slot = Some(instant(SLOT));
        for (unreadable, next_window, attention) in
            [(true, true, true), (true, false, false), (false, true, false), (false, false, false)]
        {
            let retried = waiting(unreadable).retried(slot, "retrying", next_window);
            assert_eq!(retried.attention, attention, "{unreadable} {next_window}");
            assert_eq!(retried.command.is_some(), unreadable);
            assert_eq!((retried.reason.as_str(), retried.slot), ("an alarm; retrying", slot));
        }
    }

    #[test]
    fn an_outcome_changes_with_what_aws_answers() {
        let kind = |outcome: DeployOutcome| (outcome.outcome, outcome.reason, outcome.cause);
        let skipped = DeployOutcomeKind::Skipped;
        assert_eq!(kind(waiting(false).gone("gone".into())), (skipped, "gone".to_owned(), Some(Cause::Gone)));
        let late = (DeployOutcomeKind::NotActionable, "an alarm; too late".to_owned(), None);
        assert_eq!(kind(waiting(false).without_retry("too late")), late);
        let refused = waiting(false).refused("denied".into(), None);
        assert_eq!((refused.outcome, refused.command), (DeployOutcomeKind::Failed, None));
    }

    #[test]
    fn what_is_delivered_again_or_held_is_skipped() {
        let held = |awaits| DeployOutcome::held(&input(), awaits);
        assert_eq!((held(true).cause, held(true).cluster.as_str()), (Some(Cause::Held), "prod"));
        assert!(held(true).reason.starts_with("nobody has approved the deployment"));
        assert!(held(false).reason.starts_with("an operator disabled the schedule"));
        let repeated = DeployOutcome::repeated(&input(), "handled".into());
        assert_eq!((repeated.cause, repeated.outcome.word()), (Some(Cause::Repeated), "skipped"));
    }

    #[test]
    fn a_retry_in_another_window_leaves_its_own() {
        let now = instant("2026-11-27T23:00:00Z");
        assert_eq!(to_retry(&input(), Within::SameWindow, now), input());
        assert_eq!(
            to_retry(&input(), Within::OtherWindow, now),
            DeployInput { window_ends_at: now, ..input() }
        );
    }
}
