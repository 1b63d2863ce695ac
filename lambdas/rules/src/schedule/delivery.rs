//! What a function makes of an input that is delivered to it: EventBridge Scheduler and Lambda deliver at least once, and
//! the schedule may have changed since it fired.
//!
//! A schedule stays until the function that it woke has dealt with it. So a schedule that is gone was dealt with, and
//! one that is still there says what is to be done now.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Existing, wake::DeployInput};
use crate::{
    notice::{NoticeRef, joined},
    time::instant::utc,
};

/// What to make of a delivered input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery<T> {
    /// Handle this input, which may be newer than the delivered one.
    Handle(T),
    /// Do nothing: an operator disabled the schedule.
    Held,
    /// Do nothing, for this reason: it was dealt with already, or will be.
    Repeated(String),
}

/// What is known of the schedule whose input was delivered.
#[derive(Debug)]
pub enum Now<'a, T> {
    /// It does not exist.
    Gone {
        /// An invocation that worked on it ended before its work was done.
        unfinished: bool,
    },
    /// It exists, with this input, unless that is invalid.
    Is(&'a Existing, Option<&'a T>),
}

impl<'a, T> Now<'a, T> {
    /// What was found, and its input.
    #[must_use]
    pub fn of(existing: Option<&'a Existing>, held: Option<&'a T>, unfinished: bool) -> Self {
        existing.map_or(Self::Gone { unfinished }, |existing| Self::Is(existing, held))
    }
}

/// The clocks of EventBridge Scheduler and of a function may differ by this much.
const SKEW: TimeDelta = TimeDelta::seconds(30);

/// Whether a schedule that is set to `at` has fired, or is about to.
#[must_use]
pub fn is_due(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at <= now + SKEW
}

const HANDLED: &str = "its schedule is gone: it was handled already, or an operator deleted it";

/// What deploy makes of an input.
#[must_use]
pub fn of_deployment(
    input: &DeployInput,
    schedule: &Now<'_, DeployInput>,
    now: DateTime<Utc>,
) -> Delivery<DeployInput> {
    let by_hand = input.scheduled_for.is_none();
    let (existing, held) = match *schedule {
        Now::Gone { unfinished } => {
            let handled = input.woken.is_some() && !by_hand && !unfinished;
            return if handled {
                Delivery::Repeated(HANDLED.to_owned())
            } else {
                Delivery::Handle(input.clone())
            };
        }
        Now::Is(existing, _) if !existing.enabled => return Delivery::Held,
        Now::Is(existing, held) => (existing, held.filter(|held| held.service == input.service)),
    };
    // An input that an operator edited into something unreadable or into another service's is not used.
    let Some(held) = held else { return Delivery::Handle(input.clone()) };
    match existing.at.filter(|at| !is_due(*at, now)) {
        Some(at) if !by_hand && covers(&held.notices, &input.notices) => {
            Delivery::Repeated(format!("its schedule is set to {}", utc(at)))
        }
        Some(_) => {
            Delivery::Handle(DeployInput { notices: joined(&input.notices, &held.notices), ..input.clone() })
        }
        None => Delivery::Handle(DeployInput { scheduled_for: input.scheduled_for, ..held.clone() }),
    }
}

/// What verify makes of the input of a check, which was `woken` so often.
#[must_use]
pub fn of_verify<T: Clone>(
    input: &T,
    woken: Option<u32>,
    schedule: &Now<'_, T>,
    now: DateTime<Utc>,
) -> Delivery<T> {
    match *schedule {
        Now::Gone { unfinished } if woken.is_some() && !unfinished => Delivery::Repeated(HANDLED.to_owned()),
        Now::Gone { .. } => Delivery::Handle(input.clone()),
        Now::Is(existing, _) if !existing.enabled => Delivery::Held,
        Now::Is(existing, held) => match existing.at.filter(|at| !is_due(*at, now)) {
            Some(at) => Delivery::Repeated(format!("another check is scheduled for {}", utc(at))),
            None => Delivery::Handle(held.unwrap_or(input).clone()),
        },
    }
}

/// Whether a schedule with the notices `held` patches every one of `notices`.
fn covers(held: &[NoticeRef], notices: &[NoticeRef]) -> bool {
    notices.iter().all(|notice| {
        held.iter().any(|known| known.event_arn == notice.event_arn && known.cutoff >= notice.cutoff)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arn::ServiceRef,
        schedule::wake::CheckInput,
        testing::{instant, planned_for, web},
    };

    const SLOT: &str = "2026-11-27T22:00:00Z";
    const NOW: &str = "2026-11-27T22:00:10Z";
    const LATER: &str = "2026-11-27T22:10:00Z";

    fn notice(arn: &str, cutoff: &str) -> NoticeRef {
        NoticeRef { event_arn: arn.into(), starts_at: None, cutoff: instant(cutoff), drill: false }
    }

    fn one() -> NoticeRef {
        notice("arn:1", "2026-11-25T18:00:00Z")
    }

    fn two() -> NoticeRef {
        notice("arn:2", "2026-11-25T18:00:00Z")
    }

    fn input() -> DeployInput {
        DeployInput { scheduled_for: Some(instant(SLOT)), ..planned_for(vec![one()]) }
    }

    fn existing(at: Option<&str>, enabled: bool) -> Existing {
        Existing { at: at.map(instant), spread_minutes: 0, enabled, input: Ok(input()) }
    }

    fn seen(delivery: Delivery<DeployInput>) -> String {
        match delivery {
            Delivery::Handle(input) => {
                let notices: Vec<&str> =
                    input.notices.iter().map(|notice| notice.event_arn.as_str()).collect();
                format!("handle {} try {}", notices.join(" "), input.attempt)
            }
            Delivery::Held => "held".to_owned(),
            Delivery::Repeated(why) => format!("repeated: {why}"),
        }
    }

    #[test]
    fn a_deployment_that_is_gone_is_handled_once() {
        let rows = [
            (
                "from EventBridge Scheduler",
                input(),
                false,
                "repeated: its schedule is gone: it was handled already, or an operator deleted it",
            ),
            ("after an invocation that did not finish", input(), true, "handle arn:1 try 0"),
            ("by hand", DeployInput { scheduled_for: None, ..input() }, false, "handle arn:1 try 0"),
            ("deleted by AWS", DeployInput { woken: None, ..input() }, false, "handle arn:1 try 0"),
        ];
        for (row, input, unfinished, expected) in rows {
            let delivery = of_deployment(&input, &Now::Gone { unfinished }, instant(NOW));
            assert_eq!(seen(delivery), expected, "{row}");
        }
    }

    #[test]
    fn a_deployment_whose_schedule_exists_is_what_the_schedule_says() {
        let by_hand = DeployInput { scheduled_for: None, ..input() };
        let joined = DeployInput { notices: vec![one(), two()], ..input() };
        let retry = DeployInput { attempt: 1, ..input() };
        let second = DeployInput { notices: vec![two()], ..input() };
        let stricter = DeployInput { notices: vec![notice("arn:1", "2026-11-26T18:00:00Z")], ..input() };
        let another =
            DeployInput { service: ServiceRef::new("prod", "api").expect("valid names"), ..second.clone() };
        let later = "repeated: its schedule is set to Fri 27 Nov 2026 22:10 UTC";
        let rows = [
            ("as delivered", input(), Some(SLOT), true, Some(&retry), "handle arn:1 try 1"),
            ("with a further notice", input(), Some(SLOT), true, Some(&joined), "handle arn:1 arn:2 try 0"),
            (
                "without a notice that closed",
                joined.clone(),
                Some(SLOT),
                true,
                Some(&second),
                "handle arn:2 try 0",
            ),
            ("disabled", input(), Some(SLOT), false, Some(&retry), "held"),
            ("disabled, by hand", by_hand.clone(), Some(LATER), false, Some(&retry), "held"),
            ("invalid input", input(), Some(SLOT), true, None, "handle arn:1 try 0"),
            ("another service", input(), Some(SLOT), true, Some(&another), "handle arn:1 try 0"),
            ("a retry is pending", input(), Some(LATER), true, Some(&retry), later),
            (
                "the clock is behind",
                input(),
                Some("2026-11-27T22:00:30Z"),
                true,
                Some(&retry),
                "handle arn:1 try 1",
            ),
            ("now, by hand", by_hand, Some(LATER), true, Some(&joined), "handle arn:1 arn:2 try 0"),
            (
                "pending for another notice",
                input(),
                Some(LATER),
                true,
                Some(&second),
                "handle arn:2 arn:1 try 0",
            ),
            (
                "pending with an earlier cut-off",
                stricter,
                Some(LATER),
                true,
                Some(&retry),
                "handle arn:1 try 0",
            ),
            ("recurring", input(), None, true, Some(&input()), "handle arn:1 try 0"),
        ];
        for (row, input, at, enabled, held, expected) in rows {
            let existing = existing(at, enabled);
            let delivery = of_deployment(&input, &Now::Is(&existing, held), instant(NOW));
            assert_eq!(seen(delivery), expected, "{row}");
        }
    }

    #[test]
    fn what_a_schedule_holds_is_handled_with_the_time_that_woke_it() {
        let (held, existing) = (DeployInput { scheduled_for: None, ..input() }, existing(Some(SLOT), true));
        let delivery = of_deployment(&input(), &Now::Is(&existing, Some(&held)), instant(NOW));
        assert_eq!(delivery, Delivery::Handle(input()));
    }

    #[test]
    fn a_check_is_handled_once_and_as_its_schedule_says() {
        let first = CheckInput::first(&web(), &[one()], None, instant(SLOT));
        let by_0_1 = CheckInput { woken: None, ..first.clone() };
        let next = CheckInput { checks: 1, ..first.clone() };
        let (due, pending) = (existing(Some(SLOT), true), existing(Some(LATER), true));
        let held = existing(Some(SLOT), false);
        let gone = |unfinished| Now::Gone { unfinished };
        let handle = |input: &CheckInput| Delivery::Handle(input.clone());
        let check = |input: &CheckInput, schedule: Now<'_, CheckInput>| {
            of_verify(input, input.woken, &schedule, instant(NOW))
        };
        assert_eq!(check(&first, gone(false)), Delivery::Repeated(HANDLED.to_owned()));
        assert_eq!(check(&first, gone(true)), handle(&first));
        assert_eq!(check(&by_0_1, gone(false)), handle(&by_0_1));
        assert_eq!(check(&first, Now::Is(&held, Some(&first))), Delivery::Held);
        assert_eq!(check(&first, Now::Is(&due, Some(&next))), handle(&next));
        assert_eq!(check(&first, Now::Is(&due, None)), handle(&first));
        let repeated = "another check is scheduled for Fri 27 Nov 2026 22:10 UTC";
        assert_eq!(check(&first, Now::Is(&pending, Some(&next))), Delivery::Repeated(repeated.to_owned()));
    }
}
