//! EventBridge Scheduler in memory.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Value, json};

use crate::{Answer, Aws, Memory};

/// The start of the call that creates a schedule. The schedule's name follows.
pub const CREATE: &str = "POST /schedules/";
/// The start of the call that reads a schedule.
pub const READ: &str = "GET /schedules/";
/// The start of the call that overwrites a schedule.
pub const UPDATE: &str = "PUT /schedules/";
/// The start of the call that deletes a schedule.
pub const DELETE: &str = "DELETE /schedules/";

/// A schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The body of the call that wrote it.
    pub body: Value,
    /// Tells apart schedules that have the same name one after the other.
    pub incarnation: u64,
    /// It has fired, and is not deleted yet.
    pub fired: bool,
    /// When it was written last.
    modified_at: DateTime<Utc>,
}

impl Schedule {
    /// The time that it is set to, if it is set to one.
    #[must_use]
    pub fn at(&self) -> Option<DateTime<Utc>> {
        let (expression, zone) = (&self.body["ScheduleExpression"], &self.body["ScheduleExpressionTimezone"]);
        assert!(zone.is_null() || zone == "UTC", "the fake knows schedules in UTC only: {zone}");
        let at = NaiveDateTime::parse_from_str(expression.as_str()?, "at(%Y-%m-%dT%H:%M:%S)").ok()?;
        Some(at.and_utc())
    }

    /// When it fires next, if it does.
    #[must_use]
    pub fn fires_at(&self) -> Option<DateTime<Utc>> {
        self.at().filter(|_| self.body["State"] != "DISABLED" && !self.fired)
    }
}

impl Aws {
    /// The bodies of the schedules, by name. Locks are left out.
    #[must_use]
    pub fn schedules(&self) -> BTreeMap<String, Value> {
        let memory = self.memory();
        let schedules = memory.schedules.iter().filter(|(name, _)| !name.starts_with("lock."));
        schedules.map(|(name, schedule)| (name.clone(), schedule.body.clone())).collect()
    }

    /// The names of the locks that are held or dead.
    #[must_use]
    pub fn locks(&self) -> Vec<String> {
        self.memory().schedules.keys().filter(|name| name.starts_with("lock.")).cloned().collect()
    }

    /// Adds or overwrites a schedule.
    pub fn schedule(&self, name: &str, body: Value) {
        self.memory().create_schedule(name, body);
    }

    /// Removes a schedule: it has fired, or an operator deletes it.
    pub fn take(&self, name: &str) {
        self.memory().schedules.remove(name).expect("a schedule of this name");
    }

    /// The input of a schedule.
    #[must_use]
    pub fn input_of(&self, name: &str) -> Value {
        let schedules = self.schedules();
        let schedule = schedules
            .get(name)
            .unwrap_or_else(|| panic!("there is no schedule {name}, only {:?}", schedules.keys()));
        serde_json::from_str(schedule["Target"]["Input"].as_str().expect("a text")).expect("JSON")
    }
}

impl Memory {
    fn create_schedule(&mut self, name: &str, body: Value) {
        self.incarnations += 1;
        let schedule = Schedule { body, incarnation: self.incarnations, fired: false, modified_at: self.now };
        self.schedules.insert(name.to_owned(), schedule);
    }

    /// A hundred schedules with the prefix, from the one that the last answer named.
    fn listed(&self, call: &str) -> Value {
        let field =
            |name| call.split(['?', '&']).find_map(|field| field.strip_prefix(name)).unwrap_or_default();
        let (from, prefix) = (field("NextToken="), field("NamePrefix="));
        let mut rest = self.schedules.range(from.to_owned()..).filter(|(name, _)| name.starts_with(prefix));
        let page: Vec<Value> = rest
            .by_ref()
            .take(100)
            .map(|(name, Schedule { body, modified_at, .. })| {
                let state = body["State"].as_str().unwrap_or("ENABLED");
                json!({"Name": name, "State": state, "LastModificationDate": modified_at.timestamp()})
            })
            .collect();
        json!({"Schedules": page, "NextToken": rest.next().map(|(name, _)| name)})
    }

    /// The answer to a call about one schedule.
    pub(crate) fn answer_scheduler(&mut self, call: &str, body: &Value) -> Option<Answer> {
        if call.starts_with("GET /schedules?") {
            return Some((200, self.listed(call)));
        }
        let (method, path) = call.split_once("/schedules/")?;
        let name = path.split('?').next()?;
        let (refires, now) = (self.refires, self.now);
        let written = (200, json!({"ScheduleArn": "arn:schedule"}));
        let missing = (404, json!({"__type": "ResourceNotFoundException", "Message": "no such schedule"}));
        match (method.trim_end(), self.schedules.get_mut(name)) {
            ("POST", Some(_)) => Some((409, json!({"__type": "ConflictException", "Message": "it exists"}))),
            ("POST", None) => {
                self.create_schedule(name, body.clone());
                Some(written)
            }
            ("GET" | "PUT" | "DELETE", None) => Some(missing),
            ("GET", Some(schedule)) => Some((200, schedule.body.clone())),
            ("PUT", Some(schedule)) => {
                let fired = schedule.fired && !refires;
                *schedule = Schedule { body: body.clone(), fired, modified_at: now, ..*schedule };
                Some(written)
            }
            ("DELETE", Some(_)) => {
                self.schedules.remove(name);
                Some((200, json!({})))
            }
            _ => None,
        }
    }
}
