//! The decisions of verify: whether a deployment has succeeded ([`judge`](mod@judge)), when it is checked next
//! ([`pauses`]), and whether every service of a notice is patched shortly before its deadline ([`deadline`]).

pub mod deadline;
pub mod heartbeat;
pub mod judge;
pub mod pauses;
