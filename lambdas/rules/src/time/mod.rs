//! Time: instants and how they are shown, maintenance windows, and the known states of Change Calendars.

pub mod calendar;
pub mod instant;
pub mod window;
