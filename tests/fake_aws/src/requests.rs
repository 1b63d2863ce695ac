//! What the functions have sent, whether or not AWS accepted it.

use serde_json::Value;

use crate::{Aws, Request, lock};

/// The detail-type of records.
const RECORD: &str = "Patch Record";

impl Aws {
    /// Every request, in order, but those that take and release locks, and that read whether everything is stopped.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        let requests = lock(&self.0.requests);
        let hidden = |call: &str| is_about_a_lock(call) || reads_the_stop(call);
        requests.iter().filter(|(call, _)| !hidden(call)).cloned().collect()
    }

    /// How often it was read whether everything is stopped.
    #[must_use]
    pub fn reads_of_the_stop(&self) -> usize {
        lock(&self.0.requests).iter().filter(|(call, _)| reads_the_stop(call)).count()
    }

    /// The calls that take and release locks, in order.
    #[must_use]
    pub fn lock_calls(&self) -> Vec<String> {
        let requests = lock(&self.0.requests);
        requests.iter().filter(|(call, _)| is_about_a_lock(call)).map(|(call, _)| call.clone()).collect()
    }

    /// The bodies of the calls that start with `call`, but those that take and release locks.
    #[must_use]
    pub fn sent(&self, call: &str) -> Vec<Value> {
        let calls = self.requests().into_iter().filter(|(name, _)| name.starts_with(call));
        calls.map(|(_, body)| body).collect()
    }

    /// Forgets all requests.
    pub fn forget(&self) {
        lock(&self.0.requests).clear();
    }

    /// The events that were sent, each with its detail as a value, but for the records.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.all_events().filter(|event| event["DetailType"] != RECORD).collect()
    }

    /// The details of the records that were sent.
    #[must_use]
    pub fn records(&self) -> Vec<Value> {
        let records = self.all_events().filter(|event| event["DetailType"] == RECORD);
        records.map(|event| event["Detail"].clone()).collect()
    }

    fn all_events(&self) -> impl Iterator<Item = Value> + use<> {
        self.sent("PutEvents").into_iter().flat_map(|form| entries(&form))
    }

    /// The events that were sent, as `DETAIL-TYPE: SERVICE`; `-` stands for an event that is about no service.
    #[must_use]
    pub fn notified(&self) -> Vec<String> {
        let line = |event: &Value| {
            let service = event["Detail"]["service"].as_str().unwrap_or("-");
            format!("{}: {service}", text(&event["DetailType"]))
        };
        self.events().iter().map(line).collect()
    }

    /// The texts of the messages that were sent.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        self.sent("Publish").iter().map(|form| text(&form["Message"])).collect()
    }

    /// The text of the only message that was sent.
    ///
    /// # Panics
    /// None, or more than one, was sent.
    #[must_use]
    pub fn message(&self) -> String {
        let [text] = self.messages().try_into().expect("one message");
        text
    }

    /// The subjects of the messages that were sent.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        self.sent("Publish").iter().map(|form| text(&form["Subject"])).collect()
    }
}

/// Whether a call reads whether everything is stopped, as functions do again and again.
pub(crate) fn reads_the_stop(call: &str) -> bool {
    call.starts_with("GET /schedules/hold-all")
}

fn is_about_a_lock(call: &str) -> bool {
    call.contains("/schedules/lock.")
}

/// The entries of a `PutEvents` call, each with its detail as a value.
pub(crate) fn entries(body: &Value) -> Vec<Value> {
    let mut entries = body["Entries"].as_array().cloned().expect("a list of entries");
    for entry in &mut entries {
        entry["Detail"] = serde_json::from_str(&text(&entry["Detail"])).expect("JSON");
    }
    entries
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
