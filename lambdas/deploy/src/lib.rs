//! Deploy: woken by a schedule at a service's start time; gathers facts, decides, and acts.

mod act;
mod function;
mod gather;
mod handler;

pub use function::Deploy;
pub use handler::{Answer, Refused};
