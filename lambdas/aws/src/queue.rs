//! Amazon SQS: the dead-letter queue.

use aws_config::SdkConfig;
use rules::operate::redrive::Letter;
use serde_json::{Value, json};

use crate::{CallFailed, call::JsonService};

/// For how long a letter that was received is hidden from others, in seconds.
const HIDDEN: u32 = 120;
/// How often the queue is asked for letters to show.
const SAMPLES: usize = 3;

/// The dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    queues: JsonService,
    queue: Queue,
}

/// How a queue is known.
#[derive(Clone, Debug)]
enum Queue {
    Url(String),
    Name(String),
}

impl DeadLetters {
    /// The queue with this URL. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str, url: String) -> Self {
        Self { queues: queues(sdk, url_suffix), queue: Queue::Url(url) }
    }

    /// The queue with this ARN. Its URL is asked for when it is needed.
    #[must_use]
    pub fn of_arn(sdk: &SdkConfig, url_suffix: &str, arn: &str) -> Self {
        let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
        Self { queues: queues(sdk, url_suffix), queue: Queue::Name(name) }
    }

    async fn url(&self) -> Result<String, CallFailed> {
        const CALL: &str = "GetQueueUrl";
        match &self.queue {
            Queue::Url(url) => Ok(url.clone()),
            Queue::Name(name) => {
                let answer = self.queues.call(CALL, json!({"QueueName": name})).await?;
                let url = answer.get("QueueUrl").and_then(Value::as_str).map(str::to_owned);
                url.ok_or_else(|| CallFailed::unexpected(CALL, "the answer has no URL"))
            }
        }
    }

    /// Receives up to ten letters.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn receive(&self) -> Result<Vec<Letter>, CallFailed> {
        let asked = json!({
            "QueueUrl": self.url().await?, "MaxNumberOfMessages": 10, "VisibilityTimeout": HIDDEN, "WaitTimeSeconds": 1,
            "MessageAttributeNames": ["All"],
        });
        let answer = self.queues.call("ReceiveMessage", asked).await?;
        let messages =
            answer.get("Messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(messages.iter().map(Letter::read).collect())
    }

    /// Reads up to thirty letters, which stay visible to others.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn peek(&self) -> Result<Vec<Letter>, CallFailed> {
        let asked = json!({
            "QueueUrl": self.url().await?, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "WaitTimeSeconds": 0,
            "MessageAttributeNames": ["All"],
        });
        let mut letters: Vec<Letter> = Vec::new();
        // Each answer is a sample of the queue.
        for _ in 0..SAMPLES {
            let answer = self.queues.call("ReceiveMessage", asked.clone()).await?;
            let messages = answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
            for letter in messages.iter().map(Letter::read) {
                if letters.iter().all(|known| known.id != letter.id) {
                    letters.push(letter);
                }
            }
        }
        Ok(letters)
    }

    /// About how many letters there are, with those that somebody has received and not deleted.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn count(&self) -> Result<usize, CallFailed> {
        const NUMBERS: [&str; 2] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let asked = json!({"QueueUrl": self.url().await?, "AttributeNames": NUMBERS});
        let answer = self.queues.call("GetQueueAttributes", asked).await?;
        let number =
            |name: &&str| answer.pointer(&format!("/Attributes/{name}"))?.as_str()?.parse::<usize>().ok();
        let numbers: Option<Vec<usize>> = NUMBERS.iter().map(number).collect();
        let unexpected =
            || CallFailed::unexpected("GetQueueAttributes", "the answer has no numbers of messages");
        numbers.map(|numbers| numbers.iter().sum()).ok_or_else(unexpected)
    }

    /// Deletes a letter.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn delete(&self, letter: &Letter) -> Result<(), CallFailed> {
        let asked = json!({"QueueUrl": self.url().await?, "ReceiptHandle": letter.receipt});
        self.queues.call("DeleteMessage", asked).await.map(drop)
    }
}

fn queues(sdk: &SdkConfig, url_suffix: &str) -> JsonService {
    JsonService::new(sdk.clone(), "sqs", "AmazonSQS", url_suffix).json_1_0()
}
