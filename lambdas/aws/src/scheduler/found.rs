//! A schedule as it was read.

use aws_sdk_scheduler::{
    operation::get_schedule::GetScheduleOutput,
    types::{FlexibleTimeWindow, ScheduleState, Target},
};
use chrono::{DateTime, Utc};
use rules::{
    schedule::{
        self, Existing, delivery,
        name::ScheduleName,
        wake::{Function, InvalidInput, Wake},
    },
    verify::heartbeat::Pending,
};

/// A schedule as read, with everything that an update must repeat.
#[derive(Clone, Debug)]
pub struct Found {
    /// The part that the rules use.
    pub existing: Existing,
    pub(super) raw: GetScheduleOutput,
}

impl Found {
    /// The schedule that was read.
    pub(super) fn of(raw: GetScheduleOutput) -> Self {
        Self { existing: existing(&raw), raw }
    }

    /// The input.
    ///
    /// # Errors
    /// The input is invalid or missing.
    pub fn wake(&self) -> Result<Wake, InvalidInput> {
        Wake::read_text(input(&self.raw))
    }

    /// The schedule of this name, as the heartbeat and the console look at it.
    #[must_use]
    pub fn pending(&self, name: &ScheduleName) -> Pending {
        Pending { name: name.clone(), existing: self.existing.clone(), wake: self.wake() }
    }

    /// Whether it is set to a time that has come, once.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.existing.at.is_some_and(|at| delivery::is_due(at, now))
    }

    /// Whether nobody has changed its time, state or input since it was read as `before`.
    pub(crate) fn is_unchanged(&self, before: &Self) -> bool {
        let of = |found: &GetScheduleOutput| {
            let time = (found.schedule_expression.clone(), found.schedule_expression_timezone.clone());
            (time, found.state.clone(), input(found).to_owned())
        };
        of(&self.raw) == of(&before.raw)
    }

    /// Its description, if an operator wrote it.
    #[must_use]
    pub fn description_by_operator(&self) -> Option<String> {
        let text = self.raw.description()?;
        let is_deployment = matches!(self.wake(), Ok(Wake::Deploy(_)));
        (is_deployment && self.existing.zone_of_our_description(text).is_none()).then(|| text.to_owned())
    }
}

fn input(raw: &GetScheduleOutput) -> &str {
    raw.target().and_then(Target::input).unwrap_or_default()
}

fn existing(raw: &GetScheduleOutput) -> Existing {
    let spread = raw.flexible_time_window().and_then(FlexibleTimeWindow::maximum_window_in_minutes);
    Existing {
        at: raw
            .schedule_expression()
            .and_then(|expression| schedule::parse_at(expression, raw.schedule_expression_timezone())),
        spread_minutes: spread.and_then(|minutes| minutes.try_into().ok()).unwrap_or_default(),
        enabled: raw.state() != Some(&ScheduleState::Disabled),
        input: Wake::read_text(input(raw)).and_then(|wake| match wake {
            Wake::Deploy(input) => Ok(input),
            other => Err(other.refused_by(Function::Deploy)),
        }),
    }
}
