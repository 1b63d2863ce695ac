//! Validates the configuration when the stack is deployed. Ingest answers AWS CloudFormation's custom resource itself,
//! so that the code that plans has read the parameters. The same code also answers for the names of resources.

mod findings;
mod names;

use std::time::Duration;

use aws::{
    Failure, Invocation,
    cloudformation::{self, Stacks},
};
use chrono::{DateTime, Utc};
use rules::{outcome::Report, plan::check::Findings, wording::sentence};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{info, warn};

use self::findings::patiently;
use crate::function::Ingest;

/// Ingest's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To an event of AWS Health.
    Report(Report),
    /// To AWS CloudFormation.
    Checked(Checked),
    /// To AWS CloudFormation, before there is anything else of the stack.
    Named(Named),
}

/// What became of the check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The stack may be deployed so.
    pub accepted: bool,
    /// What was found.
    pub findings: Vec<String>,
}

/// What the resources of the stack are named after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The prefix of the names.
    pub prefix: String,
}

/// A custom resource's request, as far as it is needed
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html>).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    request_type: RequestType,
    #[serde(default)]
    resource_type: String,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum RequestType {
    Create,
    Update,
    Delete,
}

/// Handles whatever invokes ingest: AWS CloudFormation asks about the configuration or the names, all else is an event.
///
/// # Errors
/// The configuration cannot be read, or as for [`Ingest::handle`]. AWS CloudFormation always gets its answer; that
/// it could not be given is an error.
pub async fn handle(
    ingest: Result<&Ingest, &Failure>,
    stacks: &Stacks,
    payload: &Value,
    invocation: &Invocation,
) -> Result<Answer, Failure> {
    let Some(request) = Asked::read(payload) else {
        return Box::pin(ingest.map_err(Clone::clone)?.handle(payload, invocation)).await.map(Answer::Report);
    };
    let (sent, answer) = if request.resource_type == names::TYPE {
        let prefix = names::prefix(request.stack_name());
        (request.names(&prefix, &names::short_prefix(request.stack_name())), Answer::Named(Named { prefix }))
    } else {
        // Boxed: the types of the SDK's futures nest deeper than the compiler follows.
        let checked = Box::pin(request.check(ingest, stacks, invocation.now())).await;
        (request.answer(&checked), Answer::Checked(checked))
    };
    cloudformation::answer(&request.response_url, &sent).await.map_err(Failure::call(&request.stack_id))?;
    Ok(answer)
}

impl Asked {
    /// The request, if a payload is one.
    fn read(payload: &Value) -> Option<Self> {
        payload.get("ResponseURL")?;
        Self::deserialize(payload).ok()
    }

    /// The name in `arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID`.
    fn stack_name(&self) -> &str {
        self.stack_id.split('/').nth(1).unwrap_or_default()
    }

    async fn check(&self, ingest: Result<&Ingest, &Failure>, stacks: &Stacks, now: DateTime<Utc>) -> Checked {
        if self.request_type == RequestType::Delete {
            return Checked { accepted: true, findings: Vec::new() };
        }
        let mut findings = match ingest {
            Ok(ingest) => tokio::time::timeout(PATIENCE, ingest.findings(now)).await.unwrap_or_else(|_| {
                let warning = format!(
                    "AWS did not answer within {} seconds: the configuration was not validated completely",
                    PATIENCE.as_secs()
                );
                Findings { refusals: Vec::new(), warnings: vec![warning] }
            }),
            Err(wrong) => Findings { refusals: vec![wrong.to_string()], warnings: Vec::new() },
        };
        if !findings.refusals.is_empty() && self.may_be_a_rollback(stacks).await {
            findings.warnings.splice(..0, findings.refusals.drain(..));
        }
        let accepted = findings.refusals.is_empty();
        for finding in findings.refusals.iter().chain(&findings.warnings) {
            warn!(stack_id = self.stack_id, accepted, finding);
        }
        // A refusal must not be buried in warnings.
        let findings = if accepted { findings.warnings } else { findings.refusals };
        info!(stack_id = self.stack_id, accepted, "configuration validated");
        Checked { accepted, findings }
    }

    /// The stack is rolled back to this configuration, or that is unknown. A rollback must not be held up, whatever the
    /// account says by now. The request itself does not tell it from an update to earlier values.
    async fn may_be_a_rollback(&self, stacks: &Stacks) -> bool {
        if self.request_type != RequestType::Update {
            return false;
        }
        patiently(|| stacks.is_rolling_back(&self.stack_id)).await.unwrap_or_else(|error| {
            warn!(
                stack_id = self.stack_id,
                "an invalid configuration is accepted, in case of a rollback: {error}"
            );
            true
        })
    }

    fn answer(&self, Checked { accepted, findings }: &Checked) -> Value {
        let mut found = findings.iter().map(|finding| sentence(finding)).collect::<Vec<_>>().join(" ");
        if found.is_empty() {
            "No problems found.".clone_into(&mut found);
        }
        let found = found.get(..found.floor_char_boundary(MOST_BYTES)).unwrap_or_default();
        self.respond(*accepted, found, "configuration", &json!({ "Findings": found }))
    }

    fn names(&self, prefix: &str, short: &str) -> Value {
        self.respond(true, "", prefix, &json!({ "Prefix": prefix, "Short": short }))
    }

    /// A response about the resource, whose id `new_id` is if it has none yet.
    fn respond(&self, success: bool, reason: &str, new_id: &str, data: &Value) -> Value {
        json!({
            "Status": if success { "SUCCESS" } else { "FAILED" },
            "Reason": reason,
            "PhysicalResourceId": self.physical_resource_id.as_deref().unwrap_or(new_id),
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_resource_id,
            "Data": data,
        })
    }
}

/// AWS CloudFormation takes 4,096 bytes as an answer, in which this stands twice, and 1,024 as an output.
const MOST_BYTES: usize = 1_000;
/// For how long the account is asked. The template has AWS CloudFormation wait for a minute longer.
const PATIENCE: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(id: Option<&str>) -> Asked {
        let payload = json!({
            "RequestType": "Create",
            "ResponseURL": "https://example.com",
            "StackId": "arn:aws:cloudformation:eu-west-2:111122223333:stack/the-stack/0e1f",
            "RequestId": "1",
            "LogicalResourceId": "ConfigurationCheck",
            "PhysicalResourceId": id,
        });
        Asked::read(&payload).expect("a request of the test")
    }

    #[test]
    fn only_a_request_of_cloudformation_is_one() {
        for payload in [json!({}), json!({"source": "aws.health"}), json!({"ResponseURL": "x"}), json!("x")] {
            assert!(Asked::read(&payload).is_none(), "{payload}");
        }
    }

    #[test]
    fn the_resource_keeps_its_id() {
        let answer = |id| asked(id).answer(&Checked { accepted: false, findings: Vec::new() });
        assert_eq!(answer(None)["PhysicalResourceId"], "configuration");
        assert_eq!(answer(Some("configuration.0123"))["PhysicalResourceId"], "configuration.0123");
    }

    #[test]
    fn an_answer_is_short_enough_for_cloudformation() {
        let findings = vec!["\"é\" ".repeat(2_000)];
        let answer = asked(None).answer(&Checked { accepted: false, findings });
        assert!(answer.to_string().len() < 4_096, "{}", answer.to_string().len());
        assert_eq!(answer["Status"], "FAILED");
        let fine = asked(None).answer(&Checked { accepted: true, findings: Vec::new() });
        assert_eq!(
            (&fine["Status"], &fine["Data"]["Findings"]),
            (&json!("SUCCESS"), &json!("No problems found."))
        );
    }
}
