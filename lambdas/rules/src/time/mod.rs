//! Time: instants as people read them, maintenance windows, and what is known of Change Calendars.

pub mod calendar;
pub mod instant;
pub mod window;
