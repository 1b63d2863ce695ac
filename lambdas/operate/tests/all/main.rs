//! The tests of this package. They are one program, because linking the SDK takes seconds for each program.

mod again;
mod changes;
mod common;
mod drill;
mod stop;
