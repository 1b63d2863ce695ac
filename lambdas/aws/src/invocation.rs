//! One invocation of a function: which it is, what time it is, and until when it runs.

use chrono::{DateTime, TimeDelta, Utc};
use lambda_runtime::Context;
use tokio::time::Instant;

/// One invocation of a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    id: String,
    began_at: DateTime<Utc>,
    /// When it began, on a clock that only goes forward. `None` in tests: time stands still.
    began: Option<Instant>,
    ends_at: DateTime<Utc>,
}

impl Invocation {
    /// An invocation that begins at `now` and runs until `ends_at` at most. No other invocation has this `id`.
    #[must_use]
    pub fn new(id: impl Into<String>, now: DateTime<Utc>, ends_at: DateTime<Utc>) -> Self {
        Self { id: id.into(), began_at: now, began: Some(Instant::now()), ends_at }
    }

    /// The invocation that Lambda describes. Lambda can deliver one request twice, to two execution environments, so the
    /// environment's log stream is part of the ID
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>).
    #[must_use]
    pub fn of(context: &Context, now: DateTime<Utc>) -> Self {
        let ends_at = i64::try_from(context.deadline).ok().and_then(DateTime::from_timestamp_millis);
        let id = format!("{} in {}", context.request_id, context.env_config.log_stream);
        Self::new(id, now, ends_at.unwrap_or(now))
    }

    /// An invocation during which it is always `now`, for tests.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { began: None, ..Self::new("the invocation", now, now + TimeDelta::minutes(5)) }
    }

    /// Tells it apart from every other invocation.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The time that it is. Calls that are throttled can take minutes, so what is written late in an invocation needs
    /// the time that it is by then.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let elapsed = self.began.map(|began| began.elapsed()).unwrap_or_default();
        self.began_at + TimeDelta::from_std(elapsed).unwrap_or_default()
    }

    /// When Lambda ends it.
    #[must_use]
    pub fn ends_at(&self) -> DateTime<Utc> {
        self.ends_at
    }
}
