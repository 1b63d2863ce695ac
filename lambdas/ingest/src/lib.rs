//! Ingest: receives AWS Health's notice of a task retirement, and schedules a deployment of each service.

mod announce;
mod configuration;
mod function;
mod group;
mod handler;
mod order_warnings;
mod page;
mod resolve;
mod settle;
mod tags;

pub use configuration::{Answer, Checked, Named, handle};
pub use function::Ingest;
