//! What an operator asks for: the request, what is decided about each service, and the answer.

pub mod answer;
pub mod decide;
pub mod drill;
pub mod plan_again;
pub mod redrive;
pub mod request;
pub mod verdict;
