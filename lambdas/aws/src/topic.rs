//! Amazon SNS: who is subscribed to a topic.

use aws_config::SdkConfig;
use rules::doctor::Subscription;

use crate::{
    CallFailed, best_effort,
    call::{QueryService, members, text},
};

/// How many pages of a hundred subscriptions are read.
const PAGES: usize = 10;

/// The topics of this account and Region.
#[derive(Clone, Debug)]
pub struct Topics {
    topics: QueryService,
}

impl Topics {
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        Self { topics: QueryService::new(best_effort(sdk), "sns", "2010-03-31", url_suffix) }
    }

    /// The subscriptions of a topic.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn subscriptions(&self, topic: &str) -> Result<Vec<Subscription>, CallFailed> {
        let (mut all, mut next) = (Vec::new(), String::new());
        for _ in 0..PAGES {
            let mut fields = vec![("TopicArn", topic)];
            if !next.is_empty() {
                fields.push(("NextToken", &next));
            }
            let answer = self.topics.call("ListSubscriptionsByTopic", &fields).await?;
            let found = members(&answer, "Subscriptions", &["Protocol", "Endpoint", "SubscriptionArn"]);
            all.extend(found.into_iter().filter_map(|fields| match fields.as_slice() {
                [protocol, endpoint, Some(arn)] => Some(Subscription {
                    protocol: protocol.clone().unwrap_or_default(),
                    endpoint: endpoint.clone().unwrap_or_default(),
                    // Amazon SNS gives an ARN to those that are confirmed.
                    confirmed: arn.starts_with("arn:"),
                }),
                _ => None,
            }));
            next = text(&answer, "NextToken").unwrap_or_default();
            if next.is_empty() {
                break;
            }
        }
        Ok(all)
    }
}
