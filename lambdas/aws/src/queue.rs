//! Amazon SQS: the dead-letter queue.

use aws_config::SdkConfig;
use rules::operate::redrive::Letter;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{CallFailed, call::JsonService};

/// For how long a letter that was received is hidden from others, in seconds.
const HIDDEN: u32 = 120;
/// How often the queue is asked for letters to show.
const SAMPLES: usize = 3;

/// The dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    queues: JsonService,
    name: String,
    url: OnceCell<String>,
}

impl DeadLetters {
    /// The queue with this URL. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str, url: String) -> Self {
        Self { url: OnceCell::new_with(Some(url)), ..Self::of_arn(sdk, url_suffix, "") }
    }

    /// The queue with this ARN. Its URL is asked for when it is needed.
    #[must_use]
    pub fn of_arn(sdk: &SdkConfig, url_suffix: &str, arn: &str) -> Self {
        let queues = JsonService::new(sdk.clone(), "sqs", "AmazonSQS", url_suffix).json_1_0();
        Self { queues, name: arn.rsplit(':').next().unwrap_or_default().to_owned(), url: OnceCell::new() }
    }

    async fn url(&self) -> Result<&String, CallFailed> {
        const CALL: &str = "GetQueueUrl";
        let ask = async || {
            let answer = self.queues.call(CALL, json!({"QueueName": self.name})).await?;
            let url = answer.get("QueueUrl").and_then(Value::as_str).map(str::to_owned);
            url.ok_or_else(|| CallFailed::unexpected(CALL, "the answer has no URL"))
        };
        self.url.get_or_try_init(ask).await
    }

    /// Receives up to ten letters.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn receive(&self) -> Result<Vec<Letter>, CallFailed> {
        self.receive_for(HIDDEN, 1).await
    }

    /// Receives up to ten letters, which are hidden from others for so many seconds. Waits so many seconds for the first.
    async fn receive_for(&self, hidden: u32, wait: u32) -> Result<Vec<Letter>, CallFailed> {
        let asked = json!({
            "QueueUrl": self.url().await?, "MaxNumberOfMessages": 10, "VisibilityTimeout": hidden, "WaitTimeSeconds": wait,
            "MessageAttributeNames": ["All"],
        });
        let answer = self.queues.call("ReceiveMessage", asked).await?;
        // An empty queue answers without messages.
        let messages = answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(messages.iter().map(Letter::read).collect())
    }

    /// Reads up to thirty letters, which stay visible to others.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn peek(&self) -> Result<Vec<Letter>, CallFailed> {
        let mut letters: Vec<Letter> = Vec::new();
        // Each answer is a sample of the queue.
        for _ in 0..SAMPLES {
            for letter in self.receive_for(0, 0).await? {
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
