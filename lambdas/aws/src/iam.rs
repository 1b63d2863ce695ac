//! AWS Identity and Access Management: whether roles may do what they will have to.

use aws_config::{Region, SdkConfig};
use rules::{
    arn::Place,
    doctor::{Denied, permissions::Needed},
};

use crate::{
    CallFailed, best_effort,
    call::{QueryService, members},
};

/// The roles of this account.
#[derive(Clone, Debug)]
pub struct Roles {
    iam: QueryService,
}

impl Roles {
    /// The roles of the account. IAM has one endpoint for a partition, whose requests are signed for one Region
    /// (<https://docs.aws.amazon.com/general/latest/gr/iam-service.html>).
    #[must_use]
    pub fn new(sdk: &SdkConfig, place: &Place, url_suffix: &str) -> Self {
        let (host, region) = match place.partition.as_str() {
            "aws" => (format!("iam.{url_suffix}"), "us-east-1"),
            "aws-cn" => (format!("iam.cn-north-1.{url_suffix}"), "cn-north-1"),
            "aws-us-gov" => (format!("iam.us-gov.{url_suffix}"), "us-gov-west-1"),
            _ => (format!("iam.{}.{url_suffix}", place.region), place.region.as_str()),
        };
        let sdk = best_effort(sdk).into_builder().region(Region::new(region.to_owned())).build();
        Self { iam: QueryService::global(sdk, "iam", "2010-05-08", &host) }
    }

    /// What a role may not do of what it needs. IAM also considers its permissions boundary and the organization's policies.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn denied(&self, role: &str, needed: &[Needed]) -> Result<Vec<Denied>, CallFailed> {
        let mut denied = Vec::new();
        for needed in needed {
            denied.extend(self.denied_of(role, needed).await?);
        }
        Ok(denied)
    }

    async fn denied_of(&self, role: &str, needed: &Needed) -> Result<Vec<Denied>, CallFailed> {
        const CALL: &str = "SimulatePrincipalPolicy";
        let names: Vec<String> =
            (1..=needed.actions.len()).map(|nth| format!("ActionNames.member.{nth}")).collect();
        let mut fields = vec![("PolicySourceArn", role), ("ResourceArns.member.1", needed.resource.as_str())];
        fields.extend(names.iter().map(String::as_str).zip(needed.actions.iter().copied()));
        if let Some((key, value)) = needed.context {
            fields.push(("ContextEntries.member.1.ContextKeyName", key));
            fields.push(("ContextEntries.member.1.ContextKeyType", "string"));
            fields.push(("ContextEntries.member.1.ContextKeyValues.member.1", value));
        }
        let answer = self.iam.call(CALL, &fields).await?;
        let found = members(
            &answer,
            "EvaluationResults",
            &["EvalActionName", "EvalDecision", "AllowedByOrganizations"],
        );
        if found.len() < needed.actions.len() {
            return Err(CallFailed::unexpected(CALL, "the answer lacks an action"));
        }
        let denied = found.into_iter().filter_map(|fields| match fields.as_slice() {
            [Some(action), decision, by_organization] => {
                let by_organization = by_organization.as_deref() == Some("false");
                let is_denied = by_organization || decision.as_deref() != Some("allowed");
                is_denied.then(|| Denied { action: action.clone(), by_organization })
            }
            _ => None,
        });
        Ok(denied.collect())
    }
}
