//! Ingest: receives AWS Health's notice of a task retirement, and schedules a deployment of each service.

mod handler;
mod resolve;

pub use handler::Ingest;
