//! The page of what ended: the records of the last weeks, with the proofs.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Frame;
use crate::{
    arn::ServiceRef,
    html::{escaped, table},
    notify::event::Happened,
    time::instant::{utc, utc_or_unknown},
};

/// How many days back the records are read.
pub const DAYS: i64 = 30;
/// How many records are shown.
pub const MOST: usize = 100;

/// The end of a story: one service and one notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The same in each copy of a record.
    pub id: String,
    /// When it ended.
    pub at: Option<DateTime<Utc>>,
    /// The service.
    pub service: Option<ServiceRef>,
    /// How it ended.
    pub outcome: String,
    /// The proof, or the reason.
    pub proof: String,
    /// The ARN of the notice.
    pub notice: String,
    /// The retirement date.
    pub retirement_date: Option<DateTime<Utc>>,
    /// The tickets that operators named.
    pub tickets: String,
}

impl Record {
    /// Reads the event `Patch Record` in a line of the log. `None` if the line has none.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(line).ok()?;
        let is_record =
            event.get("detail-type").and_then(Value::as_str) == Some(Happened::Recorded.detail_type());
        let detail = event.get("detail").filter(|_| is_record)?;
        let text = |path: &str| detail.pointer(path).and_then(Value::as_str);
        let moment = |text: &str| text.parse().ok();
        let changes = detail.get("changes").and_then(Value::as_array).into_iter().flatten();
        let mut tickets: Vec<&str> = changes.filter_map(|change| change.get("ticket")?.as_str()).collect();
        tickets.dedup();
        let first = |paths: &[&str]| paths.iter().find_map(|path| text(path)).unwrap_or_default().to_owned();
        Some(Self {
            id: first(&["/id"]),
            at: event.get("time").and_then(Value::as_str).and_then(moment),
            service: text("/cluster")
                .zip(text("/service"))
                .and_then(|(cluster, service)| ServiceRef::new(cluster, service)),
            outcome: first(&["/outcome"]),
            proof: first(&["/proof", "/reason"]),
            notice: first(&["/notices/0/event_arn"]),
            retirement_date: text("/notices/0/starts_at").and_then(moment),
            tickets: tickets.join(", "),
        })
    }
}

/// The page. A record that was written twice is shown once.
#[must_use]
pub fn html(frame: &Frame<'_>, records: &Result<Vec<Record>, String>) -> String {
    let records = match records {
        Err(error) => return format!("<p>The records are unreadable: {}</p>", escaped(error)),
        Ok(records) if records.is_empty() => {
            return format!("<p>Nothing has ended in the last {DAYS} days.</p>");
        }
        Ok(records) => records,
    };
    let mut newest: Vec<&Record> = records.iter().collect();
    newest.sort_by_key(|record| std::cmp::Reverse(record.at));
    let mut shown = BTreeSet::new();
    newest.retain(|record| shown.insert(&record.id));
    let rows: Vec<Vec<String>> = newest
        .into_iter()
        .take(MOST)
        .map(|record| {
            vec![
                record.service.as_ref().map_or_else(String::new, |service| frame.to_service(service)),
                escaped(&record.outcome),
                record.at.map(utc).unwrap_or_default(),
                utc_or_unknown(record.retirement_date),
                escaped(&record.proof),
                escaped(&record.tickets),
                notice(&record.notice),
            ]
        })
        .collect();
    let caption = format!("What ended in the last {DAYS} days, newest first, at most {MOST}");
    let columns = ["Service", "Outcome", "Ended", "Retirement date", "Proof or reason", "Ticket", "Notice"];
    table(&caption, &columns, &rows)
}

/// A notice by the end of its ARN, which tells it from others. The rest is the same for all.
fn notice(arn: &str) -> String {
    let end = arn.rsplit(['/', '_']).next().unwrap_or(arn);
    format!("<span title=\"{}\">{}</span>", escaped(arn), escaped(end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::console::{frame::tests::with_frame, request::Request};

    fn line(time: &str, outcome: &str) -> String {
        let detail = json!({
            "id": outcome, "cluster": "prod", "service": "web", "outcome": outcome, "proof": "all <2> running tasks are new",
            "notices": [{
                "event_arn": "arn:aws:health:eu-west-2::event/ECS/RETIREMENT/RETIREMENT_\"7<f", "starts_at": "2026-12-02T18:00:00Z",
            }],
            "changes": [{"ticket": "CHG<1"}, {"operation": "release"}, {"ticket": "CHG<1"}],
        });
        json!({"time": time, "detail-type": "Patch Record", "detail": detail}).to_string()
    }

    #[test]
    fn the_newest_record_comes_first_with_its_proof() {
        let lines = [
            line("2026-11-24T10:00:00Z", "unpatched"),
            line("2026-11-25T10:00:00Z", "patched"),
            line("2026-11-25T10:00:02Z", "patched"),
            line("2026-11-25T10:00:00Z", "held").replace("Patch Record", "Patch Changed By Operator"),
            "no JSON".into(),
        ];
        let records: Vec<Record> = lines.iter().filter_map(|line| Record::read(line)).collect();
        assert_eq!(records.len(), 3);
        let html = with_frame(&Request::default(), |frame| html(frame, &Ok(records.clone())));
        assert!(html.find(">patched<") < html.find(">unpatched<"), "{html}");
        assert_eq!(html.matches(">patched<").count(), 1, "written twice: {html}");
        for part in [
            "all &lt;2&gt; running tasks are new",
            ">Wed 2 Dec 2026 18:00 UTC<",
            ">CHG&lt;1<",
            "<span title=\"arn:aws:health:eu-west-2::event/ECS/RETIREMENT/RETIREMENT_&quot;7&lt;f\">&quot;7&lt;f</span>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn a_page_without_records_says_why() {
        let shown = |records: Result<Vec<Record>, String>| {
            with_frame(&Request::default(), |frame| html(frame, &records))
        };
        assert!(shown(Err("denied".into())).contains("unreadable: denied"));
        assert!(shown(Ok(Vec::new())).contains("Nothing has ended in the last 30 days."));
    }
}
