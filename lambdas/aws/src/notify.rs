//! Notifications: events on the default bus, messages on the SNS topic, and metrics in the log.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::MessageAttributeValue;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use lambda_runtime::tracing::{error, warn};
use rules::{
    notify::{
        Notification,
        event::{self, BusEvent},
        message::{Message, Reader},
        metrics::{Metric, Sample},
    },
    policy::Format,
    schedule::wake::StopInput,
};
use serde_json::json;

use crate::{CallFailed, config::Config, scheduler::Scheduler};

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
    events: aws_sdk_eventbridge::Client,
    topic: aws_sdk_sns::Client,
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
        Self {
            reader: Reader {
                place: config.place.clone(),
                zone: config.policy.windows.zone(),
                stack: config.target.group.clone(),
            },
            events: aws_sdk_eventbridge::Client::from_conf(
                aws_sdk_eventbridge::config::Builder::from(sdk).retry_config(retries.clone()).build(),
            ),
            topic: aws_sdk_sns::Client::from_conf(
                aws_sdk_sns::config::Builder::from(sdk).retry_config(retries).build(),
            ),
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
        let (put, published) = tokio::join!(biased; self.put(events), published);
        for failed in [&put, &published].into_iter().filter_map(|result| result.as_ref().err()) {
            error!("could not send a notification: {failed}");
            self.count(&[Sample::one(Metric::NotificationsFailed)], now);
        }
        put.and(published)
    }

    async fn put(&self, events: &[BusEvent]) -> Result<(), CallFailed> {
        stream::iter(events.chunks(EVENTS_PER_CALL))
            .map(|batch| self.put_batch(batch.iter().map(entry).collect()))
            .buffer_unordered(PUTS_AT_ONCE)
            .fold(Ok(()), async |result, put| Result::and(result, put))
            .await
    }

    async fn put_batch(&self, mut entries: Vec<PutEventsRequestEntry>) -> Result<(), CallFailed> {
        let mut refusal = String::new();
        for _ in 0..PUT_ATTEMPTS {
            let sent = self.events.put_events().set_entries(Some(entries.clone())).send().await;
            let answers =
                sent.map_err(|error| CallFailed::new("PutEvents", &error))?.entries.unwrap_or_default();
            let Some(why) = answers.iter().find_map(|answer| answer.error_code()) else { return Ok(()) };
            refusal = format!("EventBridge rejected an event: {why}");
            let refused = entries.into_iter().zip(&answers).filter(|(_, answer)| answer.error_code.is_some());
            entries = refused.map(|(entry, _)| entry).collect();
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
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(message.happened.detail_type())
            .build()
            .map_err(|error| CallFailed::unexpected("Publish", error.to_string()))?;
        let publish = self
            .topic
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(message.subject())
            .message_attributes("detail-type", attribute);
        let publish = match self.format {
            Format::Text => publish.message(message.text()),
            // Amazon Q Developer accepts only its own JSON schema. Email subscribers get plain text.
            Format::Chat => publish
                .message(json!({"default": message.chat().to_string(), "email": message.text()}).to_string())
                .message_structure("json"),
        };
        publish.send().await.map_err(|error| CallFailed::new("Publish", &error))?;
        Ok(())
    }
}

fn entry(bus_event: &BusEvent) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .source(event::SOURCE)
        .detail_type(bus_event.happened.detail_type())
        .resources(&bus_event.resource)
        .detail(json!(bus_event.detail).to_string())
        .build()
}
