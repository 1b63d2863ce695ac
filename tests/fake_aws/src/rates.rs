//! The rates at which AWS accepts calls.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::{Answer, Aws, lock};

/// A token bucket that AWS fills up every second. A call without a token is throttled.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// How the calls begin that share it.
    calls: &'static [&'static str],
    capacity: u32,
    per_second: u32,
    tokens: u32,
    /// The second in which it was filled up.
    filled_at: i64,
    traffic: Traffic,
}

/// How many calls were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// AWS answered.
    pub accepted: usize,
    /// There were too many.
    pub throttled: usize,
}

impl Bucket {
    fn accepts(&mut self, now: DateTime<Utc>) -> bool {
        let passed = u32::try_from(now.timestamp() - self.filled_at).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(passed.saturating_mul(self.per_second)).min(self.capacity);
        self.filled_at = now.timestamp();
        let accepted = self.tokens > 0;
        self.tokens -= u32::from(accepted);
        self.traffic.accepted += usize::from(accepted);
        self.traffic.throttled += usize::from(!accepted);
        accepted
    }
}

impl Aws {
    /// From now on, all calls that begin with one of `calls` share this rate: `at_once`, then `per_second`.
    pub fn limit(&self, calls: &'static [&'static str], at_once: u32, per_second: u32) {
        let traffic = Traffic::default();
        let bucket =
            Bucket { calls, capacity: at_once, per_second, tokens: at_once, filled_at: i64::MAX, traffic };
        lock(&self.0.buckets).push(bucket);
    }

    /// The calls to which each rate applied, by how the first of them begins.
    #[must_use]
    pub fn traffic(&self) -> BTreeMap<&'static str, Traffic> {
        let buckets = lock(&self.0.buckets);
        buckets.iter().filter_map(|bucket| Some((*bucket.calls.first()?, bucket.traffic))).collect()
    }

    /// What a call is answered that exceeds its rate.
    pub(crate) fn throttled(&self, call: &str, now: DateTime<Utc>) -> Option<Answer> {
        let mut buckets = lock(&self.0.buckets);
        let bucket =
            buckets.iter_mut().find(|bucket| bucket.calls.iter().any(|own| call.starts_with(own)))?;
        let refusal = || (400, json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
        (!bucket.accepts(now)).then(refusal)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_bucket_accepts_its_capacity_at_once_and_then_the_rate() {
        let aws = Aws::default();
        aws.limit(&["UpdateService", "CreateService"], 5, 2);
        let accepted = |seconds: i64, call: &str| {
            let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
            (0..10).filter(|_| aws.throttled(call, now).is_none()).count()
        };
        let rows = [
            (0, "UpdateService", 5),
            (0, "CreateService", 0),
            (1, "UpdateService", 2),
            (3, "UpdateService", 4),
            (60, "UpdateService", 5),
            (60, "DescribeServices", 10),
        ];
        for (seconds, call, expected) in rows {
            assert_eq!(accepted(seconds, call), expected, "{call} after {seconds} s");
        }
        let traffic = aws.traffic();
        assert_eq!(traffic["UpdateService"], Traffic { accepted: 16, throttled: 34 });
    }
}
