//! The rules of ECS Task Patching Automation: functions of values, without an SDK, a clock or an environment.
//!
//! In reading order, which is also the order of imports: a module uses only those above it.
//!
//! 1. [`arn`] reads and writes ARNs and names services; [`wording`] makes words agree with numbers; [`html`] is what
//!    custom widgets show; [`outcome`] is the vocabulary of answers, logs, events and metrics.
//! 2. [`notice`] is a retirement notice, read from AWS Health's events; [`time`] has instants, maintenance windows and
//!    Change Calendars.
//! 3. [`policy`] is what the operator chose for all services, and an owner for one; [`plan`] picks the start time, and
//!    validates a configuration at deployment.
//! 4. [`schedule`] is what is written for a start time, what wakes a function, and what a notice changes about it.
//! 5. [`service`] is what ECS and CodeDeploy say about a service; [`deploy`] decides at the start time, [`verify`] after
//!    it and before the deadline.
//! 6. [`operate`] is what an operator asks for, and what that changes.
//! 7. [`notify`] composes events, messages and metrics.
//! 8. [`doctor`] finds what would keep the next notice from being handled, [`console`] shows what is pending and what ended.

pub mod arn;
pub mod console;
pub mod deploy;
pub mod doctor;
pub mod html;
pub mod notice;
pub mod notify;
pub mod operate;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod schedule;
pub mod service;
pub mod time;
pub mod verify;

#[cfg(test)]
mod testing;
pub mod wording;
