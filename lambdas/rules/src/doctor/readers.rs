//! Whether anybody gets the messages and the alarms.

use super::{
    facts::{Context, Facts, Read, Subscription},
    finding::{Finding, Severity},
};
use crate::notify::message::Step;

pub(super) fn findings(facts: &Facts, context: &Context<'_>) -> Vec<Finding> {
    let of = |kind, output, subscriptions| of_topic(kind, output, subscriptions, context);
    let mut found = of("messages", "NotificationTopicArn", &facts.messages);
    found.extend(of("alarms", "AlarmTopicArn", &facts.alarms));
    found
}

fn of_topic(
    kind: &str,
    output: &str,
    subscriptions: &Read<Vec<Subscription>>,
    context: &Context<'_>,
) -> Vec<Finding> {
    let subscriptions = match subscriptions {
        Err(error) => return vec![Finding::unchecked(&format!("The subscriptions to {kind}"), error)],
        Ok(subscriptions) => subscriptions,
    };
    if subscriptions.iter().all(|subscription| !subscription.confirmed) {
        let found = if subscriptions.is_empty() {
            format!("nobody is subscribed to {kind}")
        } else {
            format!("no subscription to {kind} is confirmed")
        };
        let order = if subscriptions.is_empty() {
            "Subscribe an address, and confirm it in the email that Amazon SNS sends"
        } else {
            "Open the email from Amazon SNS and confirm the subscription. If it has expired, subscribe again"
        };
        let topic = format!(
            "$(aws cloudformation describe-stacks --stack-name {} --query \"Stacks[0].Outputs[?OutputKey=='{output}'].OutputValue\" \
             --output text)",
            context.reader.stack
        );
        let command = format!(
            "aws sns subscribe --topic-arn \"{topic}\" --protocol email --notification-endpoint ops@example.org"
        );
        let means = format!("What needs a person stays undone, because nobody gets {kind}");
        return vec![Finding::new(Severity::Critical, &found, &means, Step::with(order, Some(command)))];
    }
    let pending = subscriptions.iter().filter(|subscription| !subscription.confirmed);
    pending
        .map(|Subscription { protocol, endpoint, .. }| {
            Finding::new(
                Severity::Warning,
                &format!("the subscription of {protocol} {endpoint} to {kind} is not confirmed"),
                &format!("This address gets no {kind}"),
                Step::new("Open the email from Amazon SNS and confirm the subscription. If it has expired, subscribe again"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::tests::only;

    fn subscription(confirmed: bool) -> Subscription {
        Subscription { protocol: "email".into(), endpoint: "ops@example.org".into(), confirmed }
    }

    #[test]
    fn a_topic_needs_a_confirmed_subscription() {
        let nobody = only(|facts| facts.messages = Ok(Vec::new()));
        assert_eq!(
            (nobody.severity, nobody.found.as_str()),
            (Severity::Critical, "Nobody is subscribed to messages.")
        );
        let pending = only(|facts| facts.alarms = Ok(vec![subscription(false)]));
        assert_eq!(
            (pending.severity, pending.found.as_str()),
            (Severity::Critical, "No subscription to alarms is confirmed.")
        );
        assert!(pending.command.unwrap().contains("OutputKey=='AlarmTopicArn'"));
        let one = only(|facts| facts.alarms = Ok(vec![subscription(true), subscription(false)]));
        let expected = "The subscription of email ops@example.org to alarms is not confirmed.";
        assert_eq!((one.severity, one.found.as_str()), (Severity::Warning, expected));
    }
}
