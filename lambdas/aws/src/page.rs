//! Reads what is known of a notice. Its deadline checks remember it, and once it concerns no service any more, schedules
//! that only remember.

use rules::schedule::{
    known::{LOOKED_FOR, Page},
    name::ScheduleName,
};

use crate::{CallFailed, scheduler::Scheduler};

impl Scheduler {
    /// Reads what is known of a page. A very long page is remembered in parts.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn page(&self, event_arn: &str, number: u32) -> Result<Page, CallFailed> {
        let mut page = Page::default();
        for part in 0.. {
            let deadline_check = ScheduleName::of_deadline_check(event_arn, number, part);
            let settled = ScheduleName::of_settled(event_arn, number, part);
            let (deadline_check, settled) =
                tokio::join!(biased; self.get(&deadline_check), self.get(&settled));
            let found = [settled?, deadline_check?];
            if found.iter().all(Option::is_none) {
                break;
            }
            for found in found.into_iter().flatten() {
                if let Ok(wake) = found.wake() {
                    page.add(wake);
                }
            }
        }
        Ok(page)
    }

    /// Reads what is known of all pages of a notice.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn pages(&self, event_arn: &str) -> Result<Vec<(u32, Page)>, CallFailed> {
        let mut pages = Vec::new();
        for number in 0.. {
            let page = self.page(event_arn, number).await?;
            if page.is_known() {
                pages.push((number, page));
            } else if number >= LOOKED_FOR {
                break;
            }
        }
        Ok(pages)
    }
}
