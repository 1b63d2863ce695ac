//! What people set besides schedules - parameters, tags, a freeze, an alarm, a stop - and whether a deployment may start.

use std::{collections::BTreeMap, ops::Range};

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};

use crate::history::History;

/// A maintenance window in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// As a person writes it.
    pub text: &'static str,
    /// The days on which it opens, counted from Monday.
    days: &'static [u32],
    opens_at: u32,
    hours: u32,
}

/// The windows that people choose from. The first is the default of the template.
pub const WINDOWS: [Window; 4] = [
    Window { text: "Fri 22:00-02:00", days: &[4], opens_at: 22, hours: 4 },
    Window { text: "daily 22:00-02:00", days: &[0, 1, 2, 3, 4, 5, 6], opens_at: 22, hours: 4 },
    Window { text: "weekend 08:00-12:00", days: &[5, 6], opens_at: 8, hours: 4 },
    Window { text: "Mon-Thu 01:00-05:00", days: &[0, 1, 2, 3], opens_at: 1, hours: 4 },
];

impl Window {
    /// Whether `now` is within its hours, on whatever day.
    fn has_hour(&self, now: DateTime<Utc>) -> bool {
        (now.hour() + 24 - self.opens_at) % 24 < self.hours
    }

    fn is_open(&self, now: DateTime<Utc>) -> bool {
        let day = (now - TimeDelta::hours(self.opens_at.into())).weekday().num_days_from_monday();
        self.has_hour(now) && self.days.contains(&day)
    }
}

/// What a service's mode tag can say. `None`: there is no tag.
pub type Mode = Option<&'static str>;

/// What is in force, and was.
#[derive(Debug)]
pub(crate) struct Conditions {
    pub(crate) windows: History<Window>,
    pub(crate) freeze: History<Option<Range<DateTime<Utc>>>>,
    pub(crate) alarm: History<bool>,
    pub(crate) stop: History<bool>,
    pub(crate) tags: BTreeMap<String, (History<Option<Window>>, History<Mode>)>,
}

/// A function may act by what it read so long before.
const READ_BEFORE: TimeDelta = TimeDelta::minutes(5);
/// A call that starts in time may take so long.
const CALL: TimeDelta = TimeDelta::minutes(2);

impl Conditions {
    pub(crate) fn new(services: impl Iterator<Item = String>) -> Self {
        let [window, ..] = WINDOWS;
        Self {
            windows: History::new(window),
            freeze: History::new(None),
            alarm: History::new(false),
            stop: History::new(false),
            tags: services.map(|service| (service, (History::new(None), History::new(None)))).collect(),
        }
    }

    /// Why a deployment of a service must not start now, if so. `fallback`: the start time is not in a window of the
    /// service, but no window offers one. `chosen`: a person chose the time.
    pub(crate) fn forbids(
        &self,
        service: &str,
        now: DateTime<Utc>,
        fallback: bool,
        chosen: bool,
    ) -> Option<String> {
        let since = now - READ_BEFORE;
        let (tagged, mode) = self.tags.get(service)?;
        if mode.during(since, now).all(|mode| matches!(mode, Some("off" | "observe"))) {
            return Some("though its tag says that it must not be".to_owned());
        }
        if self.stop.during(since, now).all(|stopped| *stopped) {
            return Some("though everything is stopped".to_owned());
        }
        if self.alarm.during(since, now).all(|firing| *firing) {
            return Some("though an alarm is firing".to_owned());
        }
        let frozen = |freeze: &Option<Range<DateTime<Utc>>>| {
            freeze.as_ref().is_some_and(|freeze| freeze.contains(&now))
        };
        if self.freeze.during(now - CALL, now).all(frozen) {
            return Some("during a freeze".to_owned());
        }
        let may = |window: &Window, at: DateTime<Utc>| {
            if fallback { window.has_hour(at) } else { window.is_open(at) }
        };
        // A start time of the fallback survives a change of the windows.
        let since = if fallback { DateTime::<Utc>::MIN_UTC } else { since };
        let parameter: Vec<&Window> = self.windows.during(since, now).collect();
        let in_force = tagged
            .during(since, now)
            .flat_map(|tag| tag.as_ref().map_or_else(|| parameter.clone(), |tag| vec![tag]));
        let open = in_force.into_iter().any(|window| may(window, now) || may(window, now - CALL));
        (!open && !chosen).then(|| "outside of its windows".to_owned())
    }

    /// Whether a service was only ever to be deployed with an approval.
    pub(crate) fn needs_approval(&self, service: &str) -> bool {
        self.modes(service).skip(1).all(|mode| *mode == Some("approve")) && self.modes(service).count() > 1
    }

    /// Whether the owner ever said that nothing is to be done for a service.
    pub(crate) fn is_exempt(&self, service: &str) -> bool {
        self.modes(service).any(|mode| matches!(mode, Some("off" | "observe")))
    }

    fn modes(&self, service: &str) -> impl Iterator<Item = &Mode> {
        let mode = self.tags.get(service).map(|(_, mode)| mode);
        mode.into_iter().flat_map(|mode| mode.during(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC))
    }
}
