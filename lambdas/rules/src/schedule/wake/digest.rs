//! The input of the digest of a notice.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::deploy::DeployInput;
use crate::{
    notice::{NoticeRef, date},
    time::instant::ceil_minute,
};

/// How long after the end of a window its digest is sent at the earliest, if nothing is rolling out any more.
const AFTER: TimeDelta = TimeDelta::minutes(5);
/// Deployments that operators start at other times share a digest if they start within so many minutes.
const TOGETHER: TimeDelta = TimeDelta::minutes(10);
/// For how long after the end of a window the first digest waits for deployments that are rolling out.
const PATIENCE: TimeDelta = TimeDelta::hours(2);
/// The pauses between two checks whether they still are.
const SHORT_PAUSE: TimeDelta = TimeDelta::minutes(10);
const LONG_PAUSE: TimeDelta = TimeDelta::minutes(30);
/// For how long a digest that was sent is followed, if the notice has no future retirement date.
const WITHOUT_A_DATE: TimeDelta = TimeDelta::days(1);

/// The input for verify after a window: a notice of which deployments were started in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestInput {
    /// The notice.
    pub notice: NoticeRef,
    /// When the window has closed.
    #[serde(deserialize_with = "date::read")]
    pub closes_at: DateTime<Utc>,
    /// A digest was sent while deployments were rolling out: another one follows when they have ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sent: bool,
    /// How often the heartbeat has woken the function again.
    pub woken: Option<u32>,
}

/// What to do about a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Send it.
    pub send: bool,
    /// Wake verify again then, if at all.
    pub again: Option<DateTime<Utc>>,
}

impl DigestInput {
    /// The digests of the window in which deploy has worked on this input, one for each notice. A deployment that an
    /// operator starts before its window opens does not wait for that.
    #[must_use]
    pub fn of(input: &DeployInput, now: DateTime<Utc>) -> Vec<Self> {
        let minutes = TOGETHER.num_seconds();
        let next = now.timestamp().div_euclid(minutes).saturating_add(1).saturating_mul(minutes);
        let soon = DateTime::from_timestamp(next, 0).unwrap_or(now);
        let in_window = input.slot <= now && now < input.window_ends_at;
        let closes_at = if in_window { input.window_ends_at } else { soon };
        let of = |notice: &NoticeRef| Self { notice: notice.clone(), closes_at, sent: false, woken: Some(0) };
        input.notices.iter().map(of).collect()
    }

    /// When the digest is due for the first time.
    #[must_use]
    pub fn due_at(&self) -> DateTime<Utc> {
        ceil_minute(self.closes_at + AFTER)
    }

    /// What to do now, if deployments are still `rolling`.
    #[must_use]
    pub fn step(&self, rolling: bool, now: DateTime<Utc>) -> Step {
        let date = self.notice.starts_at.filter(|date| *date > self.closes_at);
        let ends_at = date.unwrap_or(self.closes_at + WITHOUT_A_DATE);
        let after = |pause: TimeDelta| Some(ceil_minute(now + pause));
        match (rolling, self.sent) {
            (true, false) if now < self.closes_at + PATIENCE => {
                Step { send: false, again: after(SHORT_PAUSE) }
            }
            (true, sent) if now < ends_at => Step { send: !sent, again: after(LONG_PAUSE) },
            _ => Step { send: true, again: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instant;

    fn input(sent: bool) -> DigestInput {
        let notice = NoticeRef {
            event_arn: "arn:1".into(),
            starts_at: Some(instant("2026-12-02T18:00:00Z")),
            cutoff: instant("2026-11-25T18:00:00Z"),
            drill: false,
        };
        DigestInput { notice, closes_at: instant("2026-11-28T02:00:00Z"), sent, woken: Some(0) }
    }

    #[test]
    fn a_notice_without_a_date_to_come_has_a_day_for_its_rollouts() {
        let past = NoticeRef { starts_at: Some(instant("2026-11-27T18:00:00Z")), ..input(true).notice };
        for notice in [NoticeRef { starts_at: None, ..past.clone() }, past] {
            let digest = DigestInput { notice, ..input(true) };
            let again = |now| digest.step(true, instant(now)).again;
            assert_eq!(again("2026-11-28T03:00:00Z"), Some(instant("2026-11-28T03:30:00Z")));
            assert_eq!(again("2026-11-30T02:00:00Z"), None);
        }
    }

    #[test]
    fn a_digest_waits_for_rollouts_then_says_that_they_go_on_and_later_how_they_ended() {
        let rows = [
            (false, false, "2026-11-28T02:05:02Z", true, None),
            (false, true, "2026-11-28T02:05:02Z", false, Some("2026-11-28T02:16:00Z")),
            (false, true, "2026-11-28T04:00:00Z", true, Some("2026-11-28T04:30:00Z")),
            (true, true, "2026-11-28T04:30:02Z", false, Some("2026-11-28T05:01:00Z")),
            (true, false, "2026-11-28T05:01:02Z", true, None),
            (true, true, "2026-12-02T17:30:00Z", false, Some("2026-12-02T18:00:00Z")),
            (true, true, "2026-12-02T18:00:00Z", true, None),
        ];
        for (sent, rolling, now, send, again) in rows {
            let step = input(sent).step(rolling, instant(now));
            assert_eq!(step, Step { send, again: again.map(instant) }, "{sent} {rolling} {now}");
        }
    }
}
