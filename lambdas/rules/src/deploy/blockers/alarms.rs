//! `BlockingAlarms`: while any of these CloudWatch alarms is in `ALARM`, no deployment starts.

use std::collections::BTreeSet;

use super::Block;
use crate::{policy::alarms::AlarmRef, wording::plural};

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

/// What the `watched` alarms block, of which `found` exist.
#[must_use]
pub fn blocks(watched: &[AlarmRef], found: &[Alarm]) -> Vec<Block> {
    let mut firing: BTreeSet<&str> = BTreeSet::new();
    for alarm in watched {
        let is_watched = |found: &&Alarm| match alarm {
            AlarmRef::Prefix(prefix) => found.name.starts_with(prefix),
            AlarmRef::One { arn, .. } => found.arn == *arn,
        };
        firing.extend(
            found.iter().filter(is_watched).filter(|alarm| alarm.fires).map(|alarm| alarm.name.as_str()),
        );
    }
    let names = firing.iter().copied().collect::<Vec<_>>().join(", ");
    let firing = (!firing.is_empty())
        .then(|| Block::by(format!("{} in ALARM: {names}", plural(firing.len(), "CloudWatch alarm"))));
    let missing = missing(watched, found);
    let missing =
        missing.into_iter().map(|why| Block::unreadable(format!("{why} and is treated as in ALARM")));
    firing.into_iter().chain(missing).collect()
}

/// Which alarms are watched by their ARN and do not exist, so that nobody knows whether they are in `ALARM`.
#[must_use]
pub fn missing(watched: &[AlarmRef], found: &[Alarm]) -> Vec<String> {
    let missing = watched.iter().filter_map(|alarm| match alarm {
        AlarmRef::One { arn, .. } if found.iter().all(|alarm| alarm.arn != *arn) => {
            Some(format!("alarm {arn} does not exist"))
        }
        AlarmRef::One { .. } | AlarmRef::Prefix(_) => None,
    });
    missing.collect()
}

/// Alarms that could not be read count as `ALARM`.
#[must_use]
pub fn unreadable(why: &str) -> Block {
    Block::unreadable(format!("BlockingAlarms are unreadable and are treated as in ALARM: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::alarms::parse;

    const ARN: &str = "arn:aws:cloudwatch:eu-west-2:111122223333:alarm:";

    #[test]
    fn alarms_in_alarm_and_missing_alarms_block() {
        let watched = parse(&format!("prod-,{ARN}errors")).unwrap();
        let alarm = |name: &str, fires| Alarm { name: name.into(), arn: format!("{ARN}{name}"), fires };
        let firing = |text: &str| Block::by(text);
        let rows = [
            (vec![alarm("prod-a", false), alarm("errors", false)], vec![]),
            (
                vec![alarm("prod-a", true), alarm("errors", false)],
                vec![firing("CloudWatch alarm in ALARM: prod-a")],
            ),
            (
                vec![
                    alarm("prod-b", true),
                    alarm("prod-a", true),
                    alarm("errors", true),
                    alarm("other", true),
                ],
                vec![firing("CloudWatch alarms in ALARM: errors, prod-a, prod-b")],
            ),
            (
                vec![alarm("prod-b", true)],
                vec![
                    firing("CloudWatch alarm in ALARM: prod-b"),
                    Block::unreadable(format!("alarm {ARN}errors does not exist and is treated as in ALARM")),
                ],
            ),
        ];
        for (found, expected) in rows {
            assert_eq!(blocks(&watched, &found), expected);
        }
    }
}
