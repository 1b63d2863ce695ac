//! What decides about order, repeats and failures.

use std::time::Duration;

/// A row of numbers that decide about order, repeats and failures, each used once. After the last one, everything
/// happens in order, once, and without failures.
#[derive(Clone, Debug, Default)]
pub struct Choices(std::vec::IntoIter<u8>);

impl Choices {
    /// The choices that these numbers make.
    #[must_use]
    pub fn new(numbers: Vec<u8>) -> Self {
        Self(numbers.into_iter())
    }

    /// A number below `below`.
    pub(crate) fn next(&mut self, below: usize) -> usize {
        usize::from(self.0.next().unwrap_or_default()) % below.max(1)
    }

    /// One of these values, the first by default.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        values[self.next(N)]
    }

    /// A seed, zero by default.
    pub(crate) fn seed(&mut self) -> u64 {
        (0..8).fold(0, |seed, _| (seed << 8) | u64::from(self.0.next().unwrap_or_default()))
    }
}

/// Random latencies: xorshift64* by S. Vigna.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33
    }

    /// Mostly some milliseconds, at times seconds, rarely as long as a throttled call. None without a seed.
    pub(crate) fn latency(&mut self) -> Duration {
        match self.next() % 64 {
            _ if self.0 == 0 => Duration::ZERO,
            0 => Duration::from_millis(self.next() % 20_000),
            1..8 => Duration::from_millis(self.next() % 2_000),
            _ => Duration::from_millis(self.next() % 40),
        }
    }
}
