//! Amazon SQS: the dead-letter queue.

use aws_config::SdkConfig;
use rules::operate::redrive::Letter;
use serde_json::{Value, json};

use crate::{CallFailed, call::JsonService};

/// For how long a letter that was received is hidden from others, in seconds.
const HIDDEN: u32 = 120;

/// The dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    queues: JsonService,
    url: String,
}

impl DeadLetters {
    /// The queue with this URL. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str, url: String) -> Self {
        Self { queues: JsonService::new(sdk.clone(), "sqs", "AmazonSQS", url_suffix).json_1_0(), url }
    }

    /// Receives up to ten letters.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn receive(&self) -> Result<Vec<Letter>, CallFailed> {
        let asked = json!({
            "QueueUrl": self.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": HIDDEN, "WaitTimeSeconds": 1,
            "MessageAttributeNames": ["All"],
        });
        let answer = self.queues.call("ReceiveMessage", asked).await?;
        let messages =
            answer.get("Messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(messages.iter().map(Letter::read).collect())
    }

    /// Deletes a letter.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn delete(&self, letter: &Letter) -> Result<(), CallFailed> {
        let asked = json!({"QueueUrl": self.url, "ReceiptHandle": letter.receipt});
        self.queues.call("DeleteMessage", asked).await.map(drop)
    }
}
