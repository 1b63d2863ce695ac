//! Prepared answers: rules that win over the memory.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use crate::{Answer, Aws, ecs::Tasks, lock, requests::reads_the_stop};

type Respond = Box<dyn FnMut(&str, &Value) -> Answer + Send>;

/// What to answer to the calls that start with a text.
pub(crate) struct Rule {
    call: String,
    answer: Respond,
}

/// The answer of the newest rule for a call, if there is one.
pub(crate) fn answer(rules: &mut [Rule], call: &str, body: &Value) -> Option<Answer> {
    // Answers to every call are prepared for the calls that a test is about.
    let is_for =
        |rule: &&mut Rule| call.starts_with(&rule.call) && !(rule.call.is_empty() && reads_the_stop(call));
    let rule = rules.iter_mut().rev().find(is_for)?;
    Some((rule.answer)(call, body))
}

impl Aws {
    /// An AWS that gives these answers in this order, whatever the calls.
    pub fn that_answers(answers: impl IntoIterator<Item = Answer>) -> Self {
        let aws = Self::default();
        aws.on("", in_turn(&answers.into_iter().collect::<Vec<_>>()));
        aws
    }

    /// From now on, `answer` computes the answer to calls that start with `call`.
    pub fn on(&self, call: &str, answer: impl FnMut(&str, &Value) -> Answer + Send + 'static) {
        lock(&self.0.rules).push(Rule { call: call.to_owned(), answer: Box::new(answer) });
    }

    /// From now on, calls that start with `call` always get this answer.
    pub fn always(&self, call: &str, answer: Answer) {
        self.on(call, move |_, _| answer.clone());
    }

    /// From now on, ECS has this one service, whatever its name in a call, with these running and stopped tasks. All are
    /// as ECS describes them. Tasks get an ARN.
    pub fn service(&self, service: &Value, running: &[Value], stopped: &[Value]) {
        let tasks = Tasks::new([("RUNNING", running), ("STOPPED", stopped)]);
        let all = tasks.clone();
        self.always("DescribeServices", (200, json!({"services": [service]})));
        self.on("ListTasks", move |_, body| tasks.list(body));
        self.on("DescribeTasks", move |_, body| {
            all.describe(body).unwrap_or_else(|| panic!("an unknown task is described: {body}"))
        });
    }
}

/// Gives these answers in this order.
pub fn in_turn(answers: &[Answer]) -> impl FnMut(&str, &Value) -> Answer + Send + use<> {
    let mut answers: VecDeque<Answer> = answers.iter().cloned().collect();
    move |call, body| answers.pop_front().unwrap_or_else(|| panic!("no answer is left for {call} {body}"))
}

/// An AWS error as it comes over the wire.
#[must_use]
pub fn error(code: &str, message: &str) -> Answer {
    (400, json!({"__type": code, "message": message}))
}

/// An object without a field.
#[must_use]
pub fn without(mut object: Value, field: &str) -> Value {
    object.as_object_mut().expect("an object").remove(field);
    object
}

/// An object with the fields of another over its own.
#[must_use]
pub fn merged(object: &Value, over: &Value) -> Value {
    let fields = |value: &Value| value.as_object().cloned().expect("an object");
    fields(object).into_iter().chain(fields(over)).collect::<Map<_, _>>().into()
}
