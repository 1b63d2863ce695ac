//! The digest: how the services of a notice stand when a window has closed and its deployments have ended.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallFailed, Failure, Invocation, scheduler::Found};
use chrono::{DateTime, Utc};
use rules::{
    arn::ServiceRef,
    notice::NoticeRef,
    notify::digest::{Line, notification},
    schedule::{
        Spec,
        delivery::{self, Delivery},
        name::ScheduleName,
        wake::{DigestInput, Wake},
    },
    verify::deadline_check::Standing,
};
use serde::Serialize;
use tracing::info;

use crate::function::Verify;

/// Verify's answer to a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// The notice.
    pub event_arn: String,
    /// How many services the digest lists. Absent if none was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<usize>,
    /// When the services are read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again_at: Option<DateTime<Utc>>,
}

impl Verify {
    /// Sends the digest, or waits for deployments that are rolling out.
    pub(crate) async fn digest(
        &self,
        input: DigestInput,
        invocation: &Invocation,
    ) -> Result<Digest, Failure> {
        let event_arn = input.notice.event_arn.clone();
        let name = ScheduleName::of_digest(&event_arn, input.closes_at);
        let work = async |unfinished: bool| {
            Box::pin(self.digest_delivered(input, &name, unfinished, invocation)).await
        };
        let done = self.scheduler.locked(&name, invocation, work).await;
        let digest = done.flatten().map_err(Failure::call(&event_arn))?;
        let again_at = digest.again_at.map(|at| at.to_rfc3339());
        info!(event_arn, sent = digest.sent, again_at, "the digest of the notice");
        Ok(digest)
    }

    /// Handles an input as far as its schedule still asks for it.
    async fn digest_delivered(
        &self,
        input: DigestInput,
        name: &ScheduleName,
        unfinished: bool,
        invocation: &Invocation,
    ) -> Result<Digest, CallFailed> {
        let found = self.scheduler.get(name).await?;
        let held = found.as_ref().and_then(|found| match found.wake() {
            Ok(Wake::Digest(held)) => Some(held),
            _ => None,
        });
        let existing = found.as_ref().map(|found| &found.existing);
        let schedule = delivery::Now::of(existing, held.as_ref(), unfinished);
        match delivery::of_verify(&input, input.woken, &schedule, invocation.now()) {
            Delivery::Handle(input) => self.digest_of(input, (name, found.as_ref()), invocation).await,
            Delivery::Held | Delivery::Repeated(_) => {
                let again_at = found.and_then(|found| found.existing.at);
                Ok(Digest { event_arn: input.notice.event_arn, sent: None, again_at })
            }
        }
    }

    async fn digest_of(
        &self,
        input: DigestInput,
        (name, found): (&ScheduleName, Option<&Found>),
        invocation: &Invocation,
    ) -> Result<Digest, CallFailed> {
        let (notice, lines) = self.lines(&input, invocation.now()).await?;
        let now = invocation.now();
        let goes_on = |line: &Line| matches!(line.standing, Standing::Rolling(_) | Standing::Unreadable(_));
        let step = input.step(lines.iter().any(goes_on), now);
        let send = step.send && !lines.is_empty();
        if send {
            let digest = notification(&self.notifier.reader, &notice, &lines, now);
            self.notifier.send(&digest, now).await?;
        }
        let event_arn = input.notice.event_arn.clone();
        if let Some(at) = step.again {
            let later = DigestInput { sent: input.sent || send, woken: Some(0), ..input };
            let spec = Spec::digest(at, self.policy.windows.zone(), later);
            self.scheduler.arm(&spec, invocation).await?;
        } else {
            self.scheduler.acknowledge(name, found, now).await?;
        }
        Ok(Digest { event_arn, sent: send.then_some(lines.len()), again_at: step.again })
    }

    /// How each service of the notice stands, and the notice as its newest event tells it. Of a service that the notice no
    /// longer concerns, only the proof counts.
    async fn lines(
        &self,
        input: &DigestInput,
        now: DateTime<Utc>,
    ) -> Result<(NoticeRef, Vec<Line>), CallFailed> {
        let pages = self.scheduler.pages(&input.notice.event_arn).await?;
        let known = pages.iter().filter_map(|(_, page)| page.notice()).max_by_key(|notice| notice.cutoff);
        let notice = known.unwrap_or(&input.notice).clone();
        let mut services: BTreeMap<ServiceRef, bool> = BTreeMap::new();
        for (_, page) in &pages {
            let concerned: BTreeSet<&ServiceRef> = page.open().chain(&page.unpatched).collect();
            for service in page.all() {
                *services.entry(service.clone()).or_default() |= concerned.contains(service);
            }
        }
        let all: Vec<ServiceRef> = services.keys().cloned().collect();
        let standings = self.standings(&all, &notice, now).await.into_iter();
        let lines = standings
            .filter(|(service, standing, _)| {
                services.get(service) == Some(&true) || matches!(standing, Standing::Patched(_))
            })
            .map(|(service, standing, command)| Line { service, standing, command });
        Ok((notice, lines.collect()))
    }
}
