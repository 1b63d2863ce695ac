//! What deploy does when a schedule wakes it: [`facts`] are gathered, [`decide`](mod@decide) decides, and the
//! decision becomes an [`outcome`].

pub mod blockers;
pub mod decide;
pub mod facts;
pub mod outcome;
