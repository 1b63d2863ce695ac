//! What the functions read for the doctor.

use chrono::{DateTime, Utc};

use crate::{
    arn::ServiceRef,
    notify::message::Reader,
    plan::check::Retirements,
    policy::Policy,
    schedule::wake::StopInput,
    service::{Controller, image::Container},
};

/// What could be read, or why not.
pub type Read<T> = Result<T, String>;

/// What the functions read for the doctor.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The rule that delivers notices.
    pub rule: RuleFacts,
    /// When the last heartbeat was recorded. `None`: none in the last day.
    pub heartbeat: Read<Option<DateTime<Utc>>>,
    /// What each role may not do, by the name of what uses it.
    pub denied: Vec<(String, Read<Vec<Denied>>)>,
    /// The subscriptions to messages.
    pub messages: Read<Vec<Subscription>>,
    /// The subscriptions to alarms.
    pub alarms: Read<Vec<Subscription>>,
    /// How many dead letters there are.
    pub dead_letters: Read<usize>,
    /// What is overdue: services, or names of schedules.
    pub overdue: Read<Vec<String>>,
    /// Whether everything is stopped.
    pub stop: Read<Option<StopInput>>,
    /// The settings of the account.
    pub retirements: Read<Retirements>,
    /// The Change Calendars, and whether they are readable.
    pub calendars: Vec<(String, Read<()>)>,
    /// The blocking alarms that do not exist.
    pub missing_alarms: Read<Vec<String>>,
    /// The services that run on Fargate.
    pub services: Read<Vec<ServiceFacts>>,
    /// Of how many services the images were not read.
    pub images_unread: usize,
}

/// What the findings are judged by.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The account, the Region and the stack.
    pub reader: &'a Reader,
    /// The operator's policy.
    pub policy: &'a Policy,
    /// The time that it is.
    pub now: DateTime<Utc>,
}

/// The rule that delivers notices.
#[derive(Clone, Debug)]
pub struct RuleFacts {
    /// Its name.
    pub name: String,
    /// The name of the function that it must invoke.
    pub function: String,
    /// Why it does not deliver notices: it is gone, disabled, or does not have the function as its target.
    pub described: Read<Option<String>>,
    /// Whether its pattern matches a notice.
    pub matches: Read<bool>,
    /// Whether the function lets the rule invoke it.
    pub may_invoke: Read<bool>,
}

/// A permission that a role lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The action.
    pub action: String,
    /// A policy of the organization denies it.
    pub by_organization: bool,
}

/// A subscription of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The protocol, such as `email`.
    pub protocol: String,
    /// Where it leads.
    pub endpoint: String,
    /// It has been confirmed.
    pub confirmed: bool,
}

/// A service that runs on Fargate, as far as the doctor needs it.
#[derive(Clone, Debug)]
pub struct ServiceFacts {
    /// The service.
    pub service: ServiceRef,
    /// Its tags, as keys and values.
    pub tags: Vec<(String, String)>,
    /// Its deployment controller.
    pub controller: Controller,
    /// The deployment circuit breaker is on.
    pub circuit_breaker: bool,
    /// The desired number of tasks.
    pub desired_count: i32,
    /// `minimumHealthyPercent` and `maximumPercent`.
    pub percent: (i32, i32),
    /// Its containers. `None` if they were not read.
    pub containers: Option<Vec<Container>>,
}
