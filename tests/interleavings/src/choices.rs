//! What decides about order, repeats and failures.

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
