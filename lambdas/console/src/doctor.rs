//! Reads the facts for the doctor. What is unreadable is a fact, too.

use std::collections::BTreeMap;

use aws::CallFailed;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use rules::{
    console::entry::{State, entries},
    deploy::blockers::alarms::missing,
    doctor::{
        Context, Denied, Facts, Read, RuleFacts, ServiceFacts, lets_invoke,
        permissions::{self, Resources},
        sample_notice,
    },
    operate::redrive::Names,
    plan::check::Retirements,
    service::image::Container,
    verify::heartbeat::Pending,
};

use crate::{function::Console, handler::stopped};

/// How many task definitions the doctor reads: Amazon ECS answers some twenty a second.
const MOST_IMAGES: usize = 100;
/// How many calls of a kind are made at once.
const CONCURRENCY: usize = 4;

/// What could be read, or why not, as text.
fn read<T>(result: Result<T, CallFailed>) -> Read<T> {
    result.map_err(|error| error.to_string())
}

impl Console {
    /// What the findings are judged by.
    pub(crate) fn context(&self, now: DateTime<Utc>) -> Context<'_> {
        Context { reader: &self.reader, policy: &self.policy, now }
    }

    /// Reads all facts.
    pub(crate) async fn facts(&self, schedules: Read<&[Pending]>, now: DateTime<Utc>) -> Facts {
        let overdue = schedules.clone().map(|all| {
            let entries = entries(all, &self.policy, now).into_iter();
            entries.filter(|entry| entry.state == State::Overdue).map(|entry| entry.name()).collect()
        });
        let stop = schedules.map(stopped);
        let (
            rule,
            denied,
            heartbeat,
            messages,
            alarms,
            dead_letters,
            retirements,
            calendars,
            missing_alarms,
            services,
        ) = tokio::join!(
            biased;
            self.rule_facts(),
            self.denied(),
            self.metrics.last_heartbeat(&self.reader.stack, now),
            self.topics.subscriptions(&self.topic_arn),
            self.topics.subscriptions(&self.alarm_topic_arn),
            self.dead_letters.count(),
            self.retirements(),
            self.calendars(now),
            self.missing_alarms(),
            self.services()
        );
        let (services, images_unread) = match services {
            Ok((services, unread)) => (Ok(services), unread),
            Err(error) => (Err(error.to_string()), 0),
        };
        Facts {
            rule,
            heartbeat: read(heartbeat),
            denied,
            messages: read(messages),
            alarms: read(alarms),
            dead_letters: read(dead_letters),
            overdue,
            stop,
            retirements: read(retirements),
            calendars,
            missing_alarms: read(missing_alarms),
            services,
            images_unread,
        }
    }

    async fn rule_facts(&self) -> RuleFacts {
        let function = self.names.ingest.clone();
        let rule = &self.rule;
        let described = read(self.event_rules.fault(rule).await);
        let mut facts = RuleFacts {
            name: rule.name.clone(),
            function,
            described,
            matches: Ok(true),
            may_invoke: Ok(true),
        };
        // The rest depends on a rule that can be read.
        if facts.described == Ok(None) {
            let matched = self.event_rules.matches(rule, &sample_notice(&self.reader.place)).await;
            let policy = read(self.functions.policy(&self.names.ingest).await);
            facts.may_invoke = match (&matched, policy) {
                (Ok((arn, _)), Ok(policy)) => Ok(policy.is_some_and(|policy| lets_invoke(&policy, arn))),
                (Err(error), _) => Err(error.to_string()),
                (_, Err(error)) => Err(error),
            };
            facts.matches = read(matched.map(|(_, matches)| matches));
        }
        facts
    }

    /// What each role may not do of what it needs.
    async fn denied(&self) -> Vec<(String, Read<Vec<Denied>>)> {
        let target = &self.target;
        let of = Resources {
            place: &self.reader.place,
            group: &target.group,
            topic: &self.topic_arn,
            scheduler_role: &target.role_arn,
            queue: &target.dead_letter_queue_arn,
            woken: [&target.deploy_arn, &target.verify_arn],
        };
        let Names { ingest, deploy, verify } = &self.names;
        let roles = [
            ("ingest", Some(ingest), permissions::of_ingest(&of)),
            ("deploy", Some(deploy), permissions::of_deploy(&of)),
            ("verify", Some(verify), permissions::of_verify(&of)),
            ("EventBridge Scheduler", None, permissions::of_schedules(&of)),
        ];
        let asked = stream::iter(roles).map(async |(user, function, needed)| {
            let role = match function {
                Some(function) => self.functions.role(function).await,
                None => Ok(target.role_arn.clone()),
            };
            let denied = match role {
                Ok(role) => self.roles.denied(&role, &needed).await,
                Err(error) => Err(error),
            };
            (user.to_owned(), read(denied))
        });
        asked.buffered(CONCURRENCY).collect().await
    }

    async fn retirements(&self) -> Result<Retirements, CallFailed> {
        let (wait, event_windows) =
            tokio::join!(biased; self.ecs.retirement_wait(), self.ecs.event_windows());
        Ok(Retirements { wait: wait?, event_windows: event_windows? })
    }

    async fn calendars(&self, now: DateTime<Utc>) -> Vec<(String, Read<()>)> {
        let names = stream::iter(self.policy.calendars.names());
        let asked = names
            .map(async |name| (name.clone(), read(self.change_calendars.state(name, now).await.map(drop))));
        asked.buffered(CONCURRENCY).collect().await
    }

    /// The blocking alarms that do not exist.
    async fn missing_alarms(&self) -> Result<Vec<String>, CallFailed> {
        if self.policy.alarms.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.alarms.watched(&self.policy.alarms).await?;
        Ok(missing(&self.policy.alarms, &found))
    }

    /// The services on Fargate with their containers, and of how many these were not read.
    async fn services(&self) -> Result<(Vec<ServiceFacts>, usize), CallFailed> {
        let found = self.ecs.on_fargate().await?;
        let mut definitions: Vec<String> =
            found.iter().filter_map(|(_, definition)| definition.clone()).collect();
        definitions.sort();
        definitions.dedup();
        definitions.truncate(MOST_IMAGES);
        let asked = stream::iter(definitions).map(async |definition| {
            let containers = self.ecs.containers(&definition).await.ok()?;
            Some((definition, containers))
        });
        let known: Vec<Option<(String, Vec<Container>)>> =
            asked.buffer_unordered(CONCURRENCY).collect().await;
        let known: BTreeMap<String, Vec<Container>> = known.into_iter().flatten().collect();
        let mut unread = 0;
        let services = found.into_iter().map(|(facts, definition)| {
            let containers = definition.as_ref().and_then(|definition| known.get(definition)).cloned();
            // Other deployment controllers choose the task definition.
            unread += usize::from(definition.is_some() && containers.is_none());
            ServiceFacts { containers, ..facts }
        });
        let services = services.collect();
        Ok((services, unread))
    }
}
