//! Validates the configuration when the stack is deployed. Ingest answers AWS CloudFormation's custom resource itself,
//! so that the code that plans has read the parameters.

mod findings;

use std::time::Duration;

use aws::{Failure, Invocation, cloudformation};
use chrono::{DateTime, Utc};
use lambda_runtime::tracing::{info, warn};
use rules::{outcome::Report, plan::check::Findings, schedule::name::fingerprint, wording::sentence};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::function::Ingest;

/// Ingest's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To an event of AWS Health.
    Report(Report),
    /// To AWS CloudFormation.
    Checked(Checked),
}

/// What became of the check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The stack may be deployed so.
    pub accepted: bool,
    /// What was found.
    pub findings: Vec<String>,
}

/// A custom resource's request, as far as it is needed
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html>).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum RequestType {
    Create,
    Update,
    Delete,
}

/// Handles whatever invokes ingest: AWS CloudFormation asks about the configuration, all else is an event.
///
/// # Errors
/// The configuration cannot be read, or as for [`Ingest::handle`]. AWS CloudFormation always gets its answer; that
/// it could not be given is an error.
pub async fn handle(
    ingest: Result<&Ingest, &Failure>,
    payload: &Value,
    invocation: &Invocation,
) -> Result<Answer, Failure> {
    if let Some(request) = Asked::read(payload) {
        // Boxed: the types of the SDK's futures nest deeper than the compiler follows.
        let checked = Box::pin(request.check(ingest, invocation.now())).await;
        let answer = request.answer(&checked);
        cloudformation::answer(&request.response_url, &answer)
            .await
            .map_err(Failure::call(&request.stack_id))?;
        return Ok(Answer::Checked(checked));
    }
    Box::pin(ingest.map_err(Clone::clone)?.handle(payload, invocation)).await.map(Answer::Report)
}

impl Asked {
    /// The request, if a payload is one.
    fn read(payload: &Value) -> Option<Self> {
        payload.get("ResponseURL")?;
        Self::deserialize(payload).ok()
    }

    async fn check(&self, ingest: Result<&Ingest, &Failure>, now: DateTime<Utc>) -> Checked {
        let nothing = Checked { accepted: true, findings: Vec::new() };
        if self.request_type == RequestType::Delete {
            return nothing;
        }
        if self.was_accepted() {
            return nothing;
        }
        let findings = match ingest {
            Ok(ingest) => tokio::time::timeout(PATIENCE, ingest.findings(now)).await.unwrap_or_else(|_| {
                let warning = format!(
                    "AWS did not answer within {} seconds: the configuration was not validated completely",
                    PATIENCE.as_secs()
                );
                Findings { refusals: Vec::new(), warnings: vec![warning] }
            }),
            Err(wrong) => Findings { refusals: vec![wrong.to_string()], warnings: Vec::new() },
        };
        let accepted = findings.refusals.is_empty();
        for finding in findings.refusals.iter().chain(&findings.warnings) {
            warn!(stack_id = self.stack_id, accepted, finding);
        }
        // A refusal must not be buried in warnings.
        let findings = if accepted { findings.warnings } else { findings.refusals };
        info!(stack_id = self.stack_id, accepted, "configuration validated");
        Checked { accepted, findings }
    }

    /// The fingerprint of the parameters that the request carries.
    fn fingerprint(&self) -> String {
        fingerprint([self.resource_properties.to_string().as_str()], "\n")
    }

    /// The resource carried these parameters before, or does. A stack that is rolled back to them must not be held
    /// up, whatever the account says by now.
    fn was_accepted(&self) -> bool {
        let known = self.physical_resource_id.as_deref().unwrap_or_default();
        self.request_type == RequestType::Update && known.contains(&self.fingerprint())
    }

    /// The id of the resource: which parameters were accepted last, and which before those.
    fn physical_id(&self, accepted: bool) -> String {
        let known = self.physical_resource_id.clone();
        match known {
            Some(known) if !accepted || self.request_type == RequestType::Delete => known,
            Some(known) => {
                let this = self.fingerprint();
                let last =
                    known.rsplit('.').find(|part| **part != this && *part != PREFIX).map(str::to_owned);
                [PREFIX.to_owned()].into_iter().chain(last).chain([this]).collect::<Vec<_>>().join(".")
            }
            None => format!("{PREFIX}.{}", self.fingerprint()),
        }
    }

    fn answer(&self, Checked { accepted, findings }: &Checked) -> Value {
        let mut found = findings.iter().map(|finding| sentence(finding)).collect::<Vec<_>>().join(" ");
        if found.is_empty() {
            "No problems found.".clone_into(&mut found);
        }
        let found = found.get(..found.floor_char_boundary(MOST_BYTES)).unwrap_or_default();
        json!({
            "Status": if *accepted { "SUCCESS" } else { "FAILED" },
            "Reason": found,
            "PhysicalResourceId": self.physical_id(*accepted),
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_resource_id,
            "Data": { "Findings": found },
        })
    }
}

/// What the id of the resource begins with.
const PREFIX: &str = "configuration";
/// AWS CloudFormation takes 4,096 bytes as an answer, in which this stands twice, and 1,024 as an output.
const MOST_BYTES: usize = 1_000;
/// For how long the account is asked. The template has AWS CloudFormation wait for a minute longer.
const PATIENCE: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: &str, id: Option<&str>, windows: &str) -> Asked {
        let payload = json!({
            "RequestType": kind,
            "ResponseURL": "https://example.com",
            "StackId": "arn:stack",
            "RequestId": "1",
            "LogicalResourceId": "ConfigurationCheck",
            "PhysicalResourceId": id,
            "ResourceProperties": { "MaintenanceWindows": windows },
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
    fn a_rollback_finds_its_parameters_accepted() {
        let first = asked("Create", None, "Fri").physical_id(true);
        // The update is refused, and its resource keeps its id.
        let refused = asked("Update", Some(&first), "Sat");
        assert!(!refused.was_accepted());
        assert_eq!(refused.physical_id(false), first);
        assert!(asked("Update", Some(&first), "Fri").was_accepted());
        // The update is accepted, and something else fails.
        let second = refused.physical_id(true);
        assert!(second != first && second.len() < 100, "{second}");
        assert!(asked("Update", Some(&second), "Fri").was_accepted());
        let back = asked("Update", Some(&second), "Fri").physical_id(true);
        assert!(asked("Update", Some(&back), "Sat").was_accepted());
        // Only the last two are known, and nothing is at creation.
        let third = asked("Update", Some(&second), "Sun").physical_id(true);
        assert!(!asked("Update", Some(&third), "Fri").was_accepted());
        assert!(!asked("Create", Some(&first), "Fri").was_accepted());
        // The same again is the same resource.
        assert_eq!(asked("Update", Some(&third), "Sun").physical_id(true), third);
        assert_eq!(asked("Delete", Some(&third), "Sun").physical_id(true), third);
    }

    #[test]
    fn an_answer_is_short_enough_for_cloudformation() {
        let findings = vec!["\"é\" ".repeat(2_000)];
        let answer = asked("Create", None, "Fri").answer(&Checked { accepted: false, findings });
        assert!(answer.to_string().len() < 4_096, "{}", answer.to_string().len());
        assert_eq!(answer["Status"], "FAILED");
        let fine = asked("Create", None, "Fri").answer(&Checked { accepted: true, findings: Vec::new() });
        assert_eq!(
            (&fine["Status"], &fine["Data"]["Findings"]),
            (&json!("SUCCESS"), &json!("No problems found."))
        );
    }
}
