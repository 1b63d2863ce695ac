//! `BlockingAlarms`: while one of these CloudWatch alarms fires, no deployment starts.

use std::collections::BTreeSet;

/// Alarms of Amazon CloudWatch, of metrics or composite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmRef {
    /// All alarms whose names begin so.
    Prefix(String),
    /// One alarm.
    One {
        /// Its ARN, as it is written in the parameter.
        arn: String,
        /// Its name.
        name: String,
    },
}

/// An alarm as CloudWatch has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// It is in state `ALARM`; `INSUFFICIENT_DATA` is not.
    pub fires: bool,
}

/// Reads prefixes of alarms' names, or ARNs of alarms, separated by commas. The empty text is none.
///
/// # Errors
/// Names the ARN that is none of an alarm.
pub fn parse(text: &str) -> Result<Vec<AlarmRef>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut alarms: Vec<AlarmRef> = Vec::new();
    for part in parts {
        let alarm = if part.starts_with("arn:") {
            let name = match part.splitn(7, ':').collect::<Vec<_>>().as_slice() {
                ["arn", _, "cloudwatch", _, _, "alarm", name] if !name.is_empty() => (*name).to_owned(),
                _ => {
                    return Err(format!(
                        "{part:?} is no ARN of an alarm, such as \
                         arn:aws:cloudwatch:eu-west-2:111122223333:alarm:prod-errors"
                    ));
                }
            };
            AlarmRef::One { arn: part.to_owned(), name }
        } else {
            AlarmRef::Prefix(part.to_owned())
        };
        if !alarms.contains(&alarm) {
            alarms.push(alarm);
        }
    }
    Ok(alarms)
}

/// Why alarms let no deployment start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocking {
    /// Which of them fire, if any do.
    pub firing: Option<String>,
    /// Which are named and not there, so that nobody knows whether they fire.
    pub missing: Vec<String>,
}

/// Which of the `watched` alarms let no deployment start, of those that were `found`.
#[must_use]
pub fn blocking(watched: &[AlarmRef], found: &[Alarm]) -> Blocking {
    let mut firing: BTreeSet<&str> = BTreeSet::new();
    let mut missing = Vec::new();
    for alarm in watched {
        match alarm {
            AlarmRef::Prefix(prefix) => {
                let of_prefix = found.iter().filter(|alarm| alarm.fires && alarm.name.starts_with(prefix));
                firing.extend(of_prefix.map(|alarm| alarm.name.as_str()));
            }
            AlarmRef::One { arn, .. } => match found.iter().find(|alarm| alarm.arn == *arn) {
                Some(alarm) => firing.extend(alarm.fires.then_some(alarm.name.as_str())),
                None => missing.push(format!("there is no alarm {arn}")),
            },
        }
    }
    let names = firing.iter().copied().collect::<Vec<_>>().join(", ");
    let firing = (!firing.is_empty()).then(|| format!("{} in ALARM: {names}", count(firing.len())));
    Blocking { firing, missing }
}

fn count(alarms: usize) -> String {
    if alarms == 1 { "1 alarm is".to_owned() } else { format!("{alarms} alarms are") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:cloudwatch:eu-west-2:111122223333:alarm:";

    #[test]
    fn alarms_are_prefixes_or_arns() {
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

    #[test]
    fn what_fires_or_is_missing_blocks() {
        let watched = parse(&format!("prod-,{ARN}errors")).unwrap();
        let alarm = |name: &str, fires| Alarm { name: name.into(), arn: format!("{ARN}{name}"), fires };
        let rows = [
            (vec![alarm("prod-a", false), alarm("errors", false)], None, vec![]),
            (
                vec![alarm("prod-a", true), alarm("errors", false)],
                Some("1 alarm is in ALARM: prod-a"),
                vec![],
            ),
            (
                vec![
                    alarm("prod-b", true),
                    alarm("prod-a", true),
                    alarm("errors", true),
                    alarm("other", true),
                ],
                Some("3 alarms are in ALARM: errors, prod-a, prod-b"),
                vec![],
            ),
            (
                vec![alarm("prod-b", true)],
                Some("1 alarm is in ALARM: prod-b"),
                vec![format!("there is no alarm {ARN}errors")],
            ),
        ];
        for (found, firing, missing) in rows {
            assert_eq!(blocking(&watched, &found), Blocking { firing: firing.map(str::to_owned), missing });
        }
    }
}
