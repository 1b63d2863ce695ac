//! What is wrong with the configuration in this account.

use std::time::Duration;

use aws::CallFailed;
use chrono::{DateTime, Utc};
use rules::{
    deploy::blockers::alarms::missing,
    plan::check::{Findings, Retirements, check},
    policy::alarms::AlarmRef,
};

use crate::function::Ingest;

impl Ingest {
    /// What is wrong with the configuration in this account.
    pub(super) async fn findings(&self, now: DateTime<Utc>) -> Findings {
        let wait = patiently(|| self.ecs.retirement_wait()).await;
        let event_windows = patiently(|| self.ecs.event_windows()).await;
        let unread =
            [wait.as_ref().err(), event_windows.as_ref().err()].map(|error| error.map(ToString::to_string));
        let retirements =
            Retirements { wait: wait.ok().flatten(), event_windows: event_windows.unwrap_or_default() };
        let mut findings = check(&self.policy, retirements, now);
        findings.warnings.extend(unread.into_iter().flatten());
        self.calendars(now, &mut findings).await;
        self.alarms(&mut findings).await;
        findings
    }

    /// A calendar that does not exist or is unreadable would block every deployment.
    async fn calendars(&self, now: DateTime<Utc>, findings: &mut Findings) {
        for calendar in self.policy.calendars.names() {
            let Err(error) = patiently(|| self.change_calendars.state(calendar, now)).await else { continue };
            let no_calendar = matches!(
                error.code(),
                Some("InvalidDocument" | "InvalidDocumentType" | "UnsupportedCalendarException")
            );
            findings.refusals.push(if no_calendar {
                format!(
                    "ChangeCalendars names {calendar:?}, which is not a Change Calendar: {error}; to list yours: aws ssm \
                     list-documents --filters Key=DocumentType,Values=ChangeCalendar"
                )
            } else {
                format!(
                    "ChangeCalendars names {calendar:?}, which is unreadable, so that nothing would be redeployed: {error}; \
                     give this account access to the calendar, or leave it out"
                )
            });
        }
    }

    /// An alarm that does not exist would block every deployment for ever; a prefix that matches none blocks nothing.
    async fn alarms(&self, findings: &mut Findings) {
        match patiently(|| self.alarms.watched(&self.policy.alarms)).await {
            Ok(found) => {
                let missing = missing(&self.policy.alarms, &found).into_iter();
                findings.refusals.extend(missing.map(|missing| {
                    format!("BlockingAlarms: {missing}; use the ARN of an existing alarm, or a name prefix")
                }));
            }
            Err(error) => findings.warnings.push(format!(
                "BlockingAlarms are unreadable; nothing is redeployed until that is fixed: {error}"
            )),
        }
        for alarm in &self.policy.alarms {
            let AlarmRef::Prefix(prefix) = alarm else { continue };
            if format!("{}-", self.notifier.reader.stack).starts_with(prefix.as_str()) {
                findings.warnings.push(format!(
                    "BlockingAlarms names {prefix:?}, which matches this stack's own alarms: a problem with one service would \
                     block all others"
                ));
            }
            if let Ok(false) = self.alarms.any(prefix).await {
                let warning =
                    format!("BlockingAlarms names {prefix:?}, which matches no alarm: it blocks nothing");
                findings.warnings.push(warning);
            }
        }
    }
}

/// Repeats a call that is denied: the stack may have granted it a moment ago, and IAM takes seconds to propagate it.
pub(super) async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, CallFailed>
where
    F: Future<Output = Result<T, CallFailed>>,
{
    const PAUSE: Duration = Duration::from_secs(5);
    for _ in 0..4 {
        match call().await {
            Err(error) if error.code().is_some_and(|code| code.starts_with("AccessDenied")) => {}
            answer => return answer,
        }
        tokio::time::sleep(PAUSE).await;
    }
    call().await
}

#[cfg(test)]
mod tests {
    use aws::config::Config;
    use fake_aws::{Aws, environment_with, error, in_turn};
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_permission_that_was_just_granted_is_waited_for_and_a_missing_one_is_refused() {
        let (denied, open) = (error("AccessDeniedException", "no"), (200, json!({"State": "OPEN"})));
        for (answers, refused) in
            [(vec![denied.clone(), denied.clone(), open], false), (vec![denied; 5], true)]
        {
            let aws = Aws::default();
            aws.always("ListAccountSettings", (200, json!({"settings": [{"value": "14"}]})));
            aws.on("GetCalendarState", in_turn(&answers));
            let config = Config::read(&environment_with(&[("CHANGE_CALENDARS", "Freeze")])).unwrap();
            let findings =
                Ingest::new(&aws.sdk(), config).findings("2029-12-26T18:00:10Z".parse().unwrap()).await;
            assert_eq!((findings.refusals.len(), findings.warnings.len()), (usize::from(refused), 0));
        }
    }
}
