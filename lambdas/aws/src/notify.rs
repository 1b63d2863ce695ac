//! Notifications: events on the default bus, messages on the SNS topic, and metrics in the log.

use aws_config::{SdkConfig, retry::RetryConfig};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use rules::{
    notify::{
        Notification,
        event::{self, BusEvent, Detail},
        message::{Message, Reader},
        metrics::{Metric, Sample},
    },
    policy::Format,
    schedule::wake::StopInput,
};
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::{Value, json};
use tracing::{error, warn};

use crate::{
    CallFailed,
    call::{JsonService, QueryService},
    config::Config,
    scheduler::Scheduler,
};

/// The maximum number of events in a `PutEvents` request.
const EVENTS_PER_CALL: usize = 10;
/// The maximum number of `PutEvents` requests at once. The smallest Regions accept 400 in a second
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>), and a notice of 1,000 services needs 100.
const PUTS_AT_ONCE: usize = 50;
/// The maximum number of attempts for events that the bus rejects.
const PUT_ATTEMPTS: usize = 3;
/// The maximum number of attempts for a call. Notifications must not delay the function by minutes.
const ATTEMPTS: u32 = 4;

/// Sends notifications.
#[derive(Clone, Debug)]
pub struct Notifier {
    /// What the texts of messages depend on: place, time zone and stack.
    pub reader: Reader,
    events: JsonService,
    topic: QueryService,
    topic_arn: String,
    format: Format,
    /// Where it is read whether everything is stopped: every message says so.
    scheduler: Scheduler,
}

impl Notifier {
    /// Uses the default bus of the SDK's account and Region, and the topic of the configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &Config) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let patient = sdk.clone().into_builder().retry_config(retries).build();
        Self {
            reader: Reader {
                place: config.place.clone(),
                zone: config.policy.windows.zone(),
                stack: config.target.group.clone(),
                detail: config.detail,
            },
            events: JsonService::new(patient.clone(), "events", "AWSEvents", &config.url_suffix),
            topic: QueryService::new(patient, "sns", "2010-03-31", &config.url_suffix),
            topic_arn: config.topic_arn.clone(),
            format: config.format,
            scheduler: Scheduler::new(sdk, config.target.clone()),
        }
    }

    /// Writes metrics to the log, from which CloudWatch reads them (embedded metric format).
    pub fn count(&self, samples: &[Sample], now: DateTime<Utc>) {
        for sample in samples {
            println!("{}", sample.line(&self.reader.stack, now));
        }
    }

    /// Writes the metrics, puts the events and publishes the message. Failures are logged and counted.
    ///
    /// # Errors
    /// An event or the message could not be sent. A caller whose own work is done may ignore this. A caller that only
    /// notifies must fail.
    pub async fn send(&self, notification: &Notification, now: DateTime<Utc>) -> Result<(), CallFailed> {
        self.send_knowing(notification, async { self.stop().await }, now).await
    }

    /// Like [`send`](Self::send), for a caller that reads anyway whether everything is stopped.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_knowing(
        &self,
        notification: &Notification,
        stop: impl Future<Output = Option<StopInput>>,
        now: DateTime<Utc>,
    ) -> Result<(), CallFailed> {
        let Notification { events, message, samples } = notification;
        self.count(samples, now);
        let published = async {
            match message {
                Some(message) => self.publish(&message.clone().with_stop(stop.await.as_ref())).await,
                None => Ok(()),
            }
        };
        // Boxed: the types of the SDK's futures are large.
        let (put, published) = tokio::join!(biased; Box::pin(self.put(events)), Box::pin(published));
        for failed in [&put, &published].into_iter().filter_map(|result| result.as_ref().err()) {
            error!("could not send a notification: {failed}");
            self.count(&[Sample::one(Metric::NotificationsFailed)], now);
        }
        put.and(published)
    }

    async fn put(&self, events: &[BusEvent]) -> Result<(), CallFailed> {
        stream::iter(events.chunks(EVENTS_PER_CALL))
            .map(|batch| self.put_batch(batch.iter().map(Entry::of).collect()))
            .buffer_unordered(PUTS_AT_ONCE)
            .fold(Ok(()), async |result, put| Result::and(result, put))
            .await
    }

    /// Puts a drill on the bus, as an operator does.
    ///
    /// # Errors
    /// The bus did not accept it.
    pub async fn put_drill(&self, entry: Value) -> Result<(), CallFailed> {
        self.put_batch(vec![entry]).await
    }

    async fn put_batch<T: Serialize>(&self, mut entries: Vec<T>) -> Result<(), CallFailed> {
        let mut refusal = String::new();
        for _ in 0..PUT_ATTEMPTS {
            let sent = self.events.call("PutEvents", Entries { entries: &entries }).await?;
            let answers = sent.get("Entries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let refused = |answer: &Value| Some(answer.get("ErrorCode")?.as_str()?.to_owned());
            let Some(why) = answers.iter().find_map(refused) else { return Ok(()) };
            refusal = format!("EventBridge rejected an event: {why}");
            let again = entries.into_iter().zip(answers).filter(|(_, answer)| refused(answer).is_some());
            entries = again.map(|(entry, _)| entry).collect();
        }
        Err(CallFailed::unexpected("PutEvents", refusal))
    }

    /// Why everything is stopped, which every message says, if it is.
    pub async fn stop(&self) -> Option<StopInput> {
        let stop = self.scheduler.stopped().await;
        stop.unwrap_or_else(|error| {
            warn!("a message does not say whether all deployments are stopped: {error}");
            None
        })
    }

    async fn publish(&self, message: &Message) -> Result<(), CallFailed> {
        let subject = message.subject();
        let (text, structure) = match self.format {
            Format::Text => (message.text(), None),
            // Amazon Q Developer accepts only its own JSON schema. Email subscribers get plain text.
            Format::Chat => {
                let texts = json!({"default": message.chat().to_string(), "email": message.text()});
                (texts.to_string(), Some(("MessageStructure", "json")))
            }
        };
        let mut fields = vec![
            ("TopicArn", self.topic_arn.as_str()),
            ("Message", &text),
            ("Subject", &subject),
            ("MessageAttributes.entry.1.Name", "detail-type"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", message.happened.detail_type()),
        ];
        fields.extend(structure);
        self.topic.call("Publish", &fields).await.map(drop)
    }
}

/// A `PutEvents` request.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entries<'a, T> {
    entries: &'a [T],
}

/// An event in it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    source: &'static str,
    detail_type: &'static str,
    resources: [&'a str; 1],
    #[serde(serialize_with = "as_text")]
    detail: &'a Detail,
}

/// EventBridge takes the details as a text.
fn as_text<S: Serializer>(detail: &Detail, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&serde_json::to_string(detail).map_err(S::Error::custom)?)
}

impl<'a> Entry<'a> {
    fn of(bus_event: &'a BusEvent) -> Self {
        Self {
            source: event::SOURCE,
            detail_type: bus_event.happened.detail_type(),
            resources: [&bus_event.resource],
            detail: &bus_event.detail,
        }
    }
}
