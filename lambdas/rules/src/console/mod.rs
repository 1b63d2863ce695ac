//! The console: pages of a custom widget of CloudWatch that show what is pending, how healthy the installation is, and what
//! ended. They only show: a button leads to a page that says what will happen, whose button calls the operate function.

pub mod confirm;
pub mod describe;
pub mod done;
pub mod entry;
mod frame;
pub mod header;
pub mod health;
pub mod pending;
pub mod request;
pub mod service;

pub use frame::Frame;
