//! The rules of ECS Task Patching Automation, without AWS: no SDK, no clock, no environment.
//!
//! In reading order:
//!
//! 1. [`health`] is the AWS Health event as delivered; [`notice`] is what it tells, its affected things are
//!    in [`entity`], and its dates are read by [`date`].
//! 2. [`policy`] is what the operator chose for all services, [`control`] what an owner chose for one, with tags;
//!    [`window`] says when the chosen windows open, [`calendar`] when a change freeze lies on them; [`check`]
//!    says at deployment what can never work.
//! 3. [`plan`] picks the slot; [`schedule`] is what is written for it; [`reconcile`] says what a notice
//!    changes about a schedule that is there; [`outcome`] is what is answered.
//! 4. [`decide`] is what deploy does when the schedule fires, [`code_deploy`] what it asks of AWS CodeDeploy,
//!    [`postpone`] when it tries again; [`alarm`] and [`order`] are what it waits for, [`image`] what it warns of.
//! 5. [`verify`] judges whether the deployment has ended well, [`watch`] whether all of a notice is patched.
//! 6. [`bus`] is what machines are told, [`message`] what people are, [`metrics`] what is counted; [`place`]
//!    is where all this happens.

pub mod alarm;
pub mod bus;
pub mod calendar;
pub mod check;
pub mod code_deploy;
pub mod control;
pub mod date;
pub mod decide;
pub mod entity;
pub mod health;
pub mod image;
pub mod message;
pub mod metrics;
pub mod notice;
pub mod order;
pub mod outcome;
pub mod place;
pub mod plan;
pub mod policy;
pub mod postpone;
pub mod reconcile;
pub mod schedule;
pub mod verify;
pub mod watch;
pub mod window;
