//! What console works with.

use aws::{
    alarm::Alarms,
    calendar::ChangeCalendars,
    config::Config,
    ecs::Ecs,
    function::Functions,
    iam::Roles,
    log_group::LogGroups,
    metric::Metrics,
    queue::DeadLetters,
    rule::{EventRules, Rule},
    scheduler::{ScheduleTarget, Scheduler},
    topic::Topics,
};
use aws_config::SdkConfig;
use rules::{
    notify::message::Reader,
    operate::redrive::{Names, function_name, sibling},
    policy::Policy,
};

/// The resources of the stack that only the console looks at.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// The name of the rule that delivers notices.
    pub rule_name: String,
    /// The name of the topic for alarms.
    pub alarm_topic: String,
    /// The name of the log group that keeps the records.
    pub record_log_group: String,
}

impl Resources {
    /// Reads each environment variable with `lookup`. The template sets them.
    #[must_use]
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| lookup(name).unwrap_or_default();
        Self {
            rule_name: text("RULE_NAME"),
            alarm_topic: text("ALARM_TOPIC"),
            record_log_group: text("RECORD_LOG_GROUP"),
        }
    }
}

/// What every invocation uses.
#[derive(Clone, Debug)]
pub struct Console {
    /// What is pending.
    pub scheduler: Scheduler,
    /// The services.
    pub ecs: Ecs,
    /// The Change Calendars.
    pub change_calendars: ChangeCalendars,
    /// The blocking alarms.
    pub alarms: Alarms,
    /// The rule that delivers notices, and the function that it must invoke.
    pub rule: Rule,
    /// The rules of EventBridge.
    pub event_rules: EventRules,
    /// The functions.
    pub functions: Functions,
    /// The names of the functions.
    pub names: Names,
    /// The roles.
    pub roles: Roles,
    /// The topics.
    pub topics: Topics,
    /// The topic for messages.
    pub topic_arn: String,
    /// The topic for alarms.
    pub alarm_topic_arn: String,
    /// What could not be processed.
    pub dead_letters: DeadLetters,
    /// The metrics.
    pub metrics: Metrics,
    /// The log groups.
    pub log_groups: LogGroups,
    /// The settings of all schedules.
    pub target: ScheduleTarget,
    /// The account, the Region, the stack and the time zone.
    pub reader: Reader,
    /// When and whether services are redeployed.
    pub policy: Policy,
    /// What an operator changes needs a reason and a ticket.
    pub require_reason: bool,
    /// The rule accepts drills.
    pub drills: bool,
    /// What only the console looks at.
    pub resources: Resources,
}

impl Console {
    /// What every invocation of a function with this configuration uses.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: Config, resources: Resources) -> Self {
        let name = |arn: &str| function_name(arn).to_owned();
        let (suffix, place) = (config.url_suffix, config.place);
        // All variables of a function have 4 KB, so what follows from others has none.
        let ingest_arn = sibling(&config.target.deploy_arn, "deploy", "ingest");
        let names = Names {
            ingest: name(&ingest_arn),
            deploy: name(&config.target.deploy_arn),
            verify: name(&config.target.verify_arn),
        };
        Self {
            scheduler: Scheduler::new(sdk, config.target.clone()),
            ecs: Ecs::new(sdk),
            change_calendars: ChangeCalendars::new(sdk, &suffix),
            alarms: Alarms::new(sdk, &suffix),
            rule: Rule { name: resources.rule_name.clone(), target_arn: ingest_arn },
            event_rules: EventRules::new(sdk, &suffix),
            functions: Functions::new(sdk, &suffix),
            names,
            roles: Roles::new(sdk, &place, &suffix),
            topics: Topics::new(sdk, &suffix),
            topic_arn: config.topic_arn,
            alarm_topic_arn: place.arn("sns", &resources.alarm_topic),
            dead_letters: DeadLetters::of_arn(sdk, &suffix, &config.target.dead_letter_queue_arn),
            metrics: Metrics::new(sdk, &suffix),
            log_groups: LogGroups::new(sdk, &suffix),
            reader: Reader {
                place,
                zone: config.policy.windows.zone(),
                stack: config.target.group.clone(),
                detail: config.detail,
            },
            target: config.target,
            policy: config.policy,
            require_reason: config.require_reason,
            drills: config.drills,
            resources,
        }
    }
}
