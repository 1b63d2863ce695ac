//! Operate: does what an operator asks for, in the console or on the command line. It changes schedules, never a
//! service.

mod drill;
mod function;
mod handler;
mod plan_again;
mod redrive;
mod stop;

pub use function::Operate;
