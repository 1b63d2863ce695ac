//! One page: read what it shows, and compose it.

use aws::{CallFailed, Failure, Invocation};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use rules::{
    arn::ServiceRef,
    console::{
        Frame,
        confirm::{self, Chosen},
        describe::MARKDOWN,
        done::{self, DAYS, MOST, Record},
        entry::{Entry, entries, has_zones},
        header::Header,
        health, pending,
        request::{Asked, Intent, Request, View},
        service::ServicePage,
    },
    deploy::blockers::{Block, alarms, calendars},
    doctor::{findings, verdict},
    operate::redrive::sibling,
    schedule::{
        name::ScheduleName,
        wake::{StopInput, Wake},
    },
    service::{ServiceState, image::Container},
    verify::heartbeat::Pending,
};
use serde_json::{Value, json};

use crate::function::Console;

/// How many task definitions are read at once.
const CONCURRENCY: usize = 8;

impl Console {
    /// Answers what CloudWatch or an operator asks. `own_arn` is the function's own ARN, to which its links lead.
    ///
    /// # Errors
    /// The schedules are unreadable. What else is unreadable, the page says.
    pub async fn handle(
        &self,
        event: &Value,
        own_arn: &str,
        invocation: &Invocation,
    ) -> Result<Value, Failure> {
        match Asked::read(event) {
            Asked::Describe => Ok(json!(MARKDOWN)),
            Asked::Doctor => Ok(self.examine(invocation.now()).await),
            Asked::Page(request) => Box::pin(self.page(&request, own_arn, invocation.now())).await,
        }
    }

    /// The findings of the doctor, as JSON. The verdict comes last.
    async fn examine(&self, now: DateTime<Utc>) -> Value {
        let schedules = self.schedules().await.map_err(|error| error.to_string());
        let facts = Box::pin(self.facts(schedules.as_deref().map_err(Clone::clone), now)).await;
        let found = findings(&facts, &self.context(now));
        json!({"findings": found, "text": verdict(&found, self.policy.mode)})
    }

    async fn page(&self, request: &Request, own_arn: &str, now: DateTime<Utc>) -> Result<Value, Failure> {
        let (schedules, heartbeat, blocks) = tokio::join!(
            biased;
            self.schedules(),
            self.metrics.last_heartbeat(&self.reader.stack, now),
            self.blocks(now)
        );
        let schedules = schedules.map_err(Failure::call("the console"))?;
        let entries = entries(&schedules, &self.policy, now);
        let urgent = entries.iter().filter(|entry| entry.state.needs_person()).count();
        let mut header = Header {
            policy: &self.policy,
            stop: Ok(stopped(&schedules)),
            blocks,
            heartbeat: heartbeat.map_err(|error| error.to_string()),
            pending: (entries.len(), urgent),
            findings: None,
            has_zones: has_zones(&entries, &self.policy),
        };
        let operate_arn = sibling(own_arn, "console", "operate");
        let frame = Frame {
            reader: &self.reader,
            console: own_arn,
            operate: &operate_arn,
            request,
            require_reason: self.require_reason,
            drills: self.drills,
            now,
        };
        let content = match &request.view {
            View::Pending(filter) => pending::html(&frame, &entries, filter),
            View::Service(service) => self.service(&frame, service, &entries).await,
            View::Health => {
                let (found, page) = Box::pin(self.health(&frame, &schedules)).await;
                header.findings = Some(found);
                page
            }
            View::Done => self.done(&frame).await,
            View::Confirm { operation, services } => {
                self.confirm(&frame, *operation, services, &entries).await
            }
        };
        Ok(json!(frame.page(&format!("{}{content}", header.html(&frame)))))
    }

    /// All schedules.
    async fn schedules(&self) -> Result<Vec<Pending>, CallFailed> {
        Ok(self.scheduler.all().await?.iter().map(|(name, found)| found.pending(name)).collect())
    }

    /// The freezes and alarms that block now.
    async fn blocks(&self, now: DateTime<Utc>) -> Vec<Block> {
        let mut freezes = self.policy.calendars.clone();
        let watched = async {
            if self.policy.alarms.is_empty() {
                return Vec::new();
            }
            match self.alarms.watched(&self.policy.alarms).await {
                Ok(found) => alarms::blocks(&self.policy.alarms, &found),
                Err(error) => vec![alarms::unreadable(&error.to_string())],
            }
        };
        let (mut blocks, ()) = tokio::join!(biased; watched, self.change_calendars.ask(&mut freezes, now));
        blocks.extend(calendars::blocks(&freezes, now));
        blocks
    }

    async fn service(&self, frame: &Frame<'_>, service: &ServiceRef, entries: &[Entry]) -> String {
        let logs = [&self.names.deploy, &self.names.verify, &self.names.ingest]
            .map(|name| (name.clone(), format!("/aws/lambda/{name}")));
        let state = self.ecs.state_and_pause(service).await.map_err(|error| error.to_string());
        let entries = entries.iter().filter(|entry| entry.service.as_ref() == Some(service)).collect();
        ServicePage { service, state, entries, logs: &logs }.html(frame)
    }

    /// The page of the findings, and how many there are.
    async fn health(&self, frame: &Frame<'_>, schedules: &[Pending]) -> (usize, String) {
        let (facts, letters) =
            tokio::join!(biased; self.facts(Ok(schedules), frame.now), self.dead_letters.peek());
        let found = findings(&facts, &self.context(frame.now));
        let letters = letters.map_err(|error| error.to_string());
        (found.len(), health::html(frame, &found, self.policy.mode, &letters, &self.names))
    }

    async fn done(&self, frame: &Frame<'_>) -> String {
        let group = &self.resources.record_log_group;
        let lines = self.log_groups.newest(group, (DAYS, MOST), frame.now).await;
        let records: Result<Vec<Record>, String> = lines
            .map(|lines| lines.iter().filter_map(|line| Record::read(line)).collect())
            .map_err(|error| error.to_string());
        done::html(frame, &records)
    }

    async fn confirm(
        &self,
        frame: &Frame<'_>,
        operation: Intent,
        services: &[ServiceRef],
        entries: &[Entry],
    ) -> String {
        let states = self.ecs.states(services).await;
        let chosen = stream::iter(services).map(async |service| {
            let containers = match states.get(service) {
                Some(Ok(Some(state))) => self.containers(state).await,
                Some(Err(error)) => Err(error.to_string()),
                Some(Ok(None)) | None => Err("Amazon ECS does not know this service".to_owned()),
            };
            let of_service = |entry: &&Entry| entry.service.as_ref() == Some(service);
            // Beside a verification check there can be a deployment, for a further notice. That is what an operation changes.
            let entry = entries.iter().filter(of_service).min_by_key(|entry| entry.is_check);
            Chosen { service, entry, containers }
        });
        let chosen: Vec<Chosen<'_>> = chosen.buffered(CONCURRENCY).collect().await;
        confirm::html(frame, operation, &chosen, &self.policy)
    }

    async fn containers(&self, state: &ServiceState) -> Result<Vec<Container>, String> {
        let Some(task_definition) = &state.task_definition else {
            return Err("the task definition is chosen by the deployment controller".to_owned());
        };
        self.ecs.containers(task_definition).await.map_err(|error| error.to_string())
    }
}

/// Since when, and why, no deployment starts. A schedule of that name with an unreadable input stops everything as well.
pub(crate) fn stopped(schedules: &[Pending]) -> Option<StopInput> {
    let stop = schedules.iter().find(|pending| pending.name == ScheduleName::of_stop())?;
    Some(match &stop.wake {
        Ok(Wake::Stop(stop)) => stop.clone(),
        _ => StopInput::default(),
    })
}
