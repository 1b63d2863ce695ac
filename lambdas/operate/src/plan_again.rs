//! Plans a notice again, from what is known of it.

use std::collections::BTreeMap;

use aws::{CallFailed, Failure, Invocation};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rules::{
    arn::ServiceRef,
    notice::NoticeRef,
    operate::{
        answer::{Answer, Done},
        plan_again::event,
        request::{Target, Why},
        verdict,
    },
    schedule::wake::Wake,
    wording::{count, is},
};

use crate::function::{CONCURRENCY, Operate};

const PLAN_AGAIN: &str = "plan-again";

/// The services of a page of a notice that are planned again.
type Pages = BTreeMap<(String, u32), (NoticeRef, Vec<ServiceRef>)>;

impl Operate {
    /// Hands what is known of a notice, or of the notices of services, to ingest, which plans it like an event of AWS Health.
    ///
    /// # Errors
    /// A call to AWS failed.
    pub(crate) async fn plan_again(
        &self,
        target: Target,
        why: &Why,
        invocation: &Invocation,
    ) -> Result<Answer, Failure> {
        let pages = match &target {
            Target::Notice(event_arn) => self.pages_of(event_arn).await,
            Target::Services(services) => self.pages_that_name(services).await,
        };
        let pages = pages.map_err(Failure::call(PLAN_AGAIN))?;
        let mut planned: Vec<&ServiceRef> = Vec::new();
        for ((_, page), (notice, services)) in &pages {
            let event = event(&self.notifier.reader.place, notice, *page, services, invocation.now());
            self.functions.hand_over(&self.names.ingest, event).await.map_err(Failure::call(PLAN_AGAIN))?;
            planned.extend(services);
        }
        planned.sort();
        planned.dedup();
        let unknown = "nothing is known of a notice for that: it is in observe mode, or its retirement date passed days ago. To plan \
                       it all the same, invoke the ingest function with the notice (docs/operations.md)";
        if planned.is_empty() && matches!(target, Target::Notice(_)) {
            return Ok(Answer::text(PLAN_AGAIN, false, unknown));
        }
        let text = format!(
            "{} {} planned again: what changes is in the message about the plan, which follows within a minute. A service that is \
             patched, held or in progress stays as it is",
            count(planned.len(), "service"),
            is(planned.len())
        );
        if !planned.is_empty() {
            self.told(PLAN_AGAIN, &text, why, invocation).await;
        }
        let Target::Services(services) = target else { return Ok(Answer::text(PLAN_AGAIN, true, &text)) };
        let others = services.iter().filter(|service| !planned.contains(service)).cloned().collect();
        let wrong = self.unknown_to_ecs(others).await;
        let results = services.iter().map(|service| {
            if planned.contains(&service) {
                let text =
                    format!("{service} is planned again; what changes is in the message about the plan");
                Done::new(service, true, &text)
            } else if wrong.contains(service) {
                let wrong = verdict::unknown(service);
                Done::new(service, false, &format!("no known notice names {service}, and {wrong}"))
            } else {
                Done::new(service, false, unknown)
            }
        });
        Ok(Answer::of(PLAN_AGAIN, results.collect()))
    }

    /// Every service that a notice has ever named, by page.
    async fn pages_of(&self, event_arn: &str) -> Result<Pages, CallFailed> {
        let pages = self.scheduler.pages(event_arn).await?.into_iter();
        Ok(pages
            .filter_map(|(number, page)| {
                let services = page.all().cloned().collect();
                Some(((event_arn.to_owned(), number), (page.notice()?.clone(), services)))
            })
            .collect())
    }

    /// The pages of all notices that have ever named one of these services.
    async fn pages_that_name(&self, services: &[ServiceRef]) -> Result<Pages, CallFailed> {
        let names = self.scheduler.names().await?.into_iter();
        let pages = names
            .filter(|name| name.as_str().starts_with("deadline.") || name.as_str().starts_with("settled."))
            .map(|name| async move { self.scheduler.get(&name).await });
        let found: Vec<_> = stream::iter(pages).buffer_unordered(CONCURRENCY).try_collect().await?;
        let mut all = Pages::new();
        for known in found.into_iter().flatten().filter_map(|found| match found.wake() {
            Ok(Wake::DeadlineCheck(known) | Wake::Settled(known)) => Some(known),
            _ => None,
        }) {
            let concerned = services
                .iter()
                .filter(|service| known.services.contains(service) || known.released.contains(service));
            let concerned: Vec<ServiceRef> = concerned.cloned().collect();
            if !concerned.is_empty() {
                let page = (known.notice.event_arn.clone(), known.page);
                let (_, services) = all.entry(page).or_insert_with(|| (known.notice, Vec::new()));
                services.extend(concerned);
            }
        }
        Ok(all)
    }
}
