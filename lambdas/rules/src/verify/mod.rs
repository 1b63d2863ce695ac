//! The decisions of verify: whether a deployment has succeeded ([`judge`](mod@judge)), when it is checked next
//! ([`verification_times`]), and whether every service of a notice is patched shortly before its deadline ([`deadline_check`]).

pub mod deadline_check;
pub mod heartbeat;
pub mod judge;
pub mod verification_times;
