//! The decisions of verify: whether a deployment has succeeded ([`judge`](mod@judge)), when it is checked next
//! ([`check_times`]), and whether every service of a notice is patched shortly before its deadline ([`deadline`]).

pub mod check_times;
pub mod deadline;
pub mod heartbeat;
pub mod judge;
