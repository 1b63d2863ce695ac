//! Calls that fail on purpose.

use std::cell::RefCell;

use serde_json::json;

use crate::Answer;

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

/// A fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The start of the calls that are counted. Empty: all calls.
    pub call: &'static str,
    /// How many of them come before the one that fails.
    pub nth: usize,
    /// How it fails.
    pub fault: Fault,
}

impl Planned {
    /// A fault of the call that follows so many others.
    #[must_use]
    pub fn at(nth: usize, fault: Fault) -> Self {
        Self { call: "", nth, fault }
    }
}

/// The planned fault, and the calls since it was planned.
#[derive(Default)]
struct Faults {
    planned: Option<Planned>,
    calls: usize,
}

impl Faults {
    /// How the next call fails, if it does.
    fn next(&mut self, call: &str) -> Option<Fault> {
        let planned = self.planned?;
        let crashed = self.calls > planned.nth && planned.fault == Fault::Crash;
        if crashed || !call.starts_with(planned.call) {
            return crashed.then_some(planned.fault);
        }
        self.calls += 1;
        (self.calls == planned.nth + 1).then_some(planned.fault)
    }
}

tokio::task_local! {
    static FAULTS: RefCell<Faults>;
}

/// Does `work`, in which a call fails as planned. `None`: no call fails.
pub async fn with_fault<T>(planned: Option<Planned>, work: impl Future<Output = T>) -> T {
    FAULTS.scope(RefCell::new(Faults { planned, calls: 0 }), work).await
}

/// How the next call fails, if it does.
pub(crate) fn next(call: &str) -> Option<Fault> {
    FAULTS.try_with(|faults| faults.borrow_mut().next(call)).ok().flatten()
}

/// What a failed call is answered.
pub(crate) fn answer() -> Answer {
    (500, json!({"__type": "InternalFailure", "message": "a planned fault"}))
}
