//! What verify decides: whether a deployment has succeeded ([`judge`](mod@judge)), when it is checked ([`pauses`]), and whether
//! every service of a notice is patched before its deadline ([`deadline`]).

pub mod deadline;
pub mod judge;
pub mod pauses;
