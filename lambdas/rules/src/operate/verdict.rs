//! What an operator asks about one service, what is known of it, and what is decided.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::request::{Asker, Operation, Why};
use crate::{
    arn::ServiceRef,
    notice::NoticeRef,
    policy::Policy,
    schedule::{Edit, Existing, story::Story, wake::StopInput},
    wording::sentence,
};

/// What is known about a service when an operator asks.
#[derive(Debug)]
pub enum Pending<'a> {
    /// The schedule of its deployment.
    Schedule(&'a Existing),
    /// Nothing.
    Nothing,
    /// No schedule, but the verification check of a deployment that was started.
    Verification,
    /// No schedule, and an invocation that worked on it ended before its work was done. It will be repeated.
    Unfinished,
}

/// What is changed about the schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Keep,
    /// It is edited.
    Edit(Box<Edit>),
    /// It is deleted.
    Delete,
}

/// What an operation does to one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What is changed.
    pub change: Change,
    /// The operation is done, or was done before. `false` if it is refused.
    pub done: bool,
    /// What was done and what happens next, or why not and what to do instead.
    pub text: String,
    /// When the service is redeployed, if it is.
    pub slot: Option<DateTime<Utc>>,
    /// The notices that the deployment is for.
    pub notices: Vec<NoticeRef>,
    /// The story of the deployment, if the operation ends it.
    pub ended: Option<Story>,
    /// Nothing is pending for the service.
    pub nothing: bool,
}

impl Verdict {
    /// It was done before, or there is nothing to do.
    pub(super) fn already(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            change: Change::Keep,
            done: true,
            text,
            slot: None,
            notices: Vec::new(),
            ended: None,
            nothing: false,
        }
    }

    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { done: false, ..Self::already(text) }
    }

    /// The same while everything is stopped: what has a start time does not start then.
    #[must_use]
    pub fn while_stopped(self, stop: &StopInput, asker: Asker) -> Self {
        if !self.done || self.slot.is_none() {
            return self;
        }
        let (stopped, until) = (sentence(&stop.text()), asker.until_released());
        Self { text: format!("{}. {stopped} It does not start {until}", self.text), ..self }
    }

    /// The same for a service that Amazon ECS does not know: its name is wrong, or it was deleted.
    #[must_use]
    pub fn of_unknown(self, service: &ServiceRef) -> Self {
        Self {
            done: false,
            text: format!("nothing is pending for {service}, and {}", unknown(service)),
            ..self
        }
    }
}

/// The request, with what it is decided by.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The operation.
    pub operation: Operation,
    /// Why.
    pub why: &'a Why,
    /// The service.
    pub service: &'a ServiceRef,
    /// The operator's policy.
    pub policy: &'a Policy,
    /// The time zone of texts.
    pub zone: Tz,
    /// Where the operator asks.
    pub asker: Asker,
    /// The time that it is.
    pub now: DateTime<Utc>,
}

/// What is said of a service that Amazon ECS does not know.
#[must_use]
pub fn unknown(service: &ServiceRef) -> String {
    let (cluster, name) = (service.cluster(), service.service());
    format!("Amazon ECS has no active service {name} in the cluster {cluster}; check both names")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{instant, web};

    #[test]
    fn what_starts_does_not_start_while_everything_is_stopped() {
        let stop = StopInput { reason: Some("outage".into()), ..StopInput::default() };
        let starts =
            Verdict { slot: Some(instant("2026-11-27T22:00:00Z")), ..Verdict::already("prod/web starts") };
        let text = |verdict: &Verdict, asker| verdict.clone().while_stopped(&stop, asker).text;
        assert_eq!(
            text(&starts, Asker::CommandLine),
            "prod/web starts. An operator stopped all deployments (outage). It does not start until release-all"
        );
        assert!(text(&starts, Asker::Console).ends_with("It does not start until you release everything"));
        for other in [Verdict::already("held"), Verdict { done: false, ..starts }] {
            assert_eq!(text(&other, Asker::CommandLine), other.text);
        }
    }

    #[test]
    fn a_service_that_nothing_knows_is_called_wrong() {
        let verdict = Verdict::already("nothing is pending").of_unknown(&web());
        let text = "nothing is pending for prod/web, and Amazon ECS has no active service web in the cluster prod; check both \
                    names";
        assert_eq!((verdict.done, verdict.text.as_str()), (false, text));
    }
}
