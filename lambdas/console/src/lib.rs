//! Console: shows what is pending, how healthy the installation is, and what ended, as a custom widget of CloudWatch. It
//! reads, and changes nothing.

mod doctor;
mod function;
mod handler;

pub use function::{Console, Resources};
