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

/// The planned fault, and the calls since it was planned.
#[derive(Default)]
struct Faults {
    planned: Option<(usize, Fault)>,
    calls: usize,
}

impl Faults {
    /// How the next call fails, if it does.
    fn next(&mut self) -> Option<Fault> {
        let nth = self.calls;
        self.calls += 1;
        let (at, fault) = self.planned?;
        (nth == at || (nth > at && fault == Fault::Crash)).then_some(fault)
    }
}

tokio::task_local! {
    static FAULTS: RefCell<Faults>;
}

/// Does `work`, in which the call that follows so many other calls fails in this way. `None`: no call fails.
pub async fn with_fault<T>(fault: Option<(usize, Fault)>, work: impl Future<Output = T>) -> T {
    FAULTS.scope(RefCell::new(Faults { planned: fault, calls: 0 }), work).await
}

/// How the next call fails, if it does.
pub(crate) fn next() -> Option<Fault> {
    FAULTS.try_with(|faults| faults.borrow_mut().next()).ok().flatten()
}

/// What a failed call is answered.
pub(crate) fn answer() -> Answer {
    (500, json!({"__type": "InternalFailure", "message": "a planned fault"}))
}
