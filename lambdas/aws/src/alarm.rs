//! Amazon CloudWatch: the states of the alarms that block deployments.

use aws_config::SdkConfig;
use rules::{deploy::blockers::alarms::Alarm, policy::alarms::AlarmRef};
use serde_json::{Value, json};

use crate::{CallFailed, best_effort, call::JsonService};

/// The maximum number of names in a `DescribeAlarms` request, and of alarms in its response.
const ALARMS_PER_CALL: usize = 100;

/// The alarms of this account and Region.
#[derive(Clone, Debug)]
pub struct Alarms {
    alarms: JsonService,
}

impl Alarms {
    /// Uses the account and Region of the SDK configuration. The URL suffix is that of the partition.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url_suffix: &str) -> Self {
        let service =
            JsonService::new(best_effort(sdk), "monitoring", "GraniteServiceVersion20100801", url_suffix);
        Self { alarms: service.json_1_0() }
    }

    /// Reads the watched alarms: for a prefix only those in `ALARM`, for an ARN in any state.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn watched(&self, watched: &[AlarmRef]) -> Result<Vec<Alarm>, CallFailed> {
        let mut found = Vec::new();
        let mut names = Vec::new();
        for alarm in watched {
            match alarm {
                AlarmRef::Prefix(prefix) => {
                    let firing = json!({"AlarmNamePrefix": prefix, "StateValue": "ALARM"});
                    found.extend(self.all(firing).await?);
                }
                AlarmRef::One { name, .. } => names.push(name.clone()),
            }
        }
        for batch in names.chunks(ALARMS_PER_CALL) {
            found.extend(self.all(json!({"AlarmNames": batch})).await?);
        }
        Ok(found)
    }

    /// Whether any alarm name starts with `prefix`.
    ///
    /// # Errors
    /// The call failed after its retries.
    pub async fn any(&self, prefix: &str) -> Result<bool, CallFailed> {
        let (found, _) = self.page(json!({"AlarmNamePrefix": prefix, "MaxRecords": 1})).await?;
        Ok(!found.is_empty())
    }

    /// Reads all pages.
    async fn all(&self, mut asked: Value) -> Result<Vec<Alarm>, CallFailed> {
        let mut all = Vec::new();
        merge(&mut asked, "MaxRecords", json!(ALARMS_PER_CALL));
        loop {
            let (found, next) = self.page(asked.clone()).await?;
            all.extend(found);
            let Some(next) = next else { return Ok(all) };
            merge(&mut asked, "NextToken", next);
        }
    }

    /// Reads a page of metric and composite alarms, and what asks for the next one.
    async fn page(&self, mut asked: Value) -> Result<(Vec<Alarm>, Option<Value>), CallFailed> {
        // Without types, CloudWatch omits composite alarms.
        merge(&mut asked, "AlarmTypes", json!(["MetricAlarm", "CompositeAlarm"]));
        let answer = self.alarms.call("DescribeAlarms", asked).await?;
        let of = |kind: &str| answer.get(kind).and_then(Value::as_array).into_iter().flatten();
        let found = of("MetricAlarms").chain(of("CompositeAlarms")).map(alarm).collect();
        Ok((found, answer.get("NextToken").filter(|token| !token.is_null()).cloned()))
    }
}

fn merge(asked: &mut Value, field: &str, value: Value) {
    asked.as_object_mut().map(|fields| fields.insert(field.to_owned(), value));
}

fn alarm(described: &Value) -> Alarm {
    let text = |field: &str| described.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    Alarm { name: text("AlarmName"), arn: text("AlarmArn"), fires: text("StateValue") == "ALARM" }
}
