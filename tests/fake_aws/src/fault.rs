//! Calls that fail on purpose.

use serde_json::json;

use crate::{Answer, Aws, lock};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call has no effect and fails.
    Before,
    /// The call takes effect, but its answer is lost.
    After,
    /// This call and all later ones have no effect and fail: the function has crashed.
    Crash,
}

/// The planned fault, and the calls since it was planned.
#[derive(Default)]
pub(crate) struct Faults {
    planned: Option<(usize, Fault)>,
    calls: usize,
}

impl Faults {
    /// How the next call fails, if it does.
    pub(crate) fn next(&mut self) -> Option<Fault> {
        let nth = self.calls;
        self.calls += 1;
        let (at, fault) = self.planned?;
        (nth == at || (nth > at && fault == Fault::Crash)).then_some(fault)
    }
}

impl Aws {
    /// From now on, the call that follows so many other calls fails in this way. `None`: no call fails.
    pub fn plan_fault(&self, fault: Option<(usize, Fault)>) {
        *lock(&self.1) = Faults { planned: fault, calls: 0 };
    }
}

/// What a failed call is answered.
pub(crate) fn answer() -> Answer {
    (500, json!({"__type": "InternalFailure", "message": "a planned fault"}))
}
