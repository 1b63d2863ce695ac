//! What was in force when.

use chrono::{DateTime, Utc};

/// The values of something over time.
#[derive(Clone, Debug)]
pub(crate) struct History<T>(Vec<(DateTime<Utc>, T)>);

impl<T> History<T> {
    /// This value, since ever.
    pub(crate) fn new(value: T) -> Self {
        Self(vec![(DateTime::<Utc>::MIN_UTC, value)])
    }

    /// From now on, this value.
    pub(crate) fn set(&mut self, now: DateTime<Utc>, value: T) {
        self.0.push((now, value));
    }

    /// The values that were in force at some moment between two instants.
    pub(crate) fn during(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = &T> {
        let ends = self.0.iter().skip(1).map(|(since, _)| *since).chain([DateTime::<Utc>::MAX_UTC]);
        let values = self.0.iter().zip(ends);
        values.filter(move |((since, _), end)| *since <= to && *end > from).map(|((_, value), _)| value)
    }
}
