//! `BlockingAlarms`: which CloudWatch alarms block deployments.

use crate::arn::Arn;

/// One entry of `BlockingAlarms`: metric or composite alarms of Amazon CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmRef {
    /// All alarms whose names start with this prefix.
    Prefix(String),
    /// One alarm.
    One {
        /// The ARN, as written in the parameter.
        arn: String,
        /// The alarm name.
        name: String,
    },
}

/// Parses alarm ARNs and prefixes of alarm names, separated by commas. An empty text means no alarms.
///
/// # Errors
/// Names the first ARN that is not the ARN of an alarm.
pub fn parse(text: &str) -> Result<Vec<AlarmRef>, String> {
    let mut alarms: Vec<AlarmRef> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let alarm = if Arn::has_prefix(part) {
            let name = Arn::parse(part)
                .filter(|arn| arn.service == "cloudwatch")
                .and_then(|arn| arn.resource.strip_prefix("alarm:"))
                .filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| {
                format!(
                    "{part:?} is not the ARN of an alarm; for example \
                     arn:aws:cloudwatch:eu-west-2:111122223333:alarm:prod-errors"
                )
            })?;
            AlarmRef::One { arn: part.to_owned(), name: name.to_owned() }
        } else {
            AlarmRef::Prefix(part.to_owned())
        };
        if !alarms.contains(&alarm) {
            alarms.push(alarm);
        }
    }
    Ok(alarms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:cloudwatch:eu-west-2:111122223333:alarm:";

    #[test]
    fn alarms_are_parsed_from_prefixes_and_arns() {
        let one = |name: &str| AlarmRef::One { arn: format!("{ARN}{name}"), name: name.to_owned() };
        let prefix = |text: &str| AlarmRef::Prefix(text.to_owned());
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(
            parse(&format!(" prod- ,{ARN}a:b c, Team A/,prod-")),
            Ok(vec![prefix("prod-"), one("a:b c"), prefix("Team A/")])
        );
        for wrong in ["arn:aws:cloudwatch:eu-west-2:111122223333:alarm:", "arn:aws:sns:eu-west-2:1:x", "arn:"]
        {
            assert!(parse(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
