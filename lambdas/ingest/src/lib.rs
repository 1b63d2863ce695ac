//! Ingest: receives AWS Health's notice of a task retirement, and schedules a deployment of each service.

mod configuration;
mod control;
mod handler;
mod resolve;

pub use configuration::{Answer, Checked, handle};
pub use handler::Ingest;
