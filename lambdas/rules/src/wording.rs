//! Nouns and verbs that agree with a number, sentences, and what an error says of a value.

use serde_json::Value;

/// `1 service`, `3 services`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {}", plural(number, noun))
}

/// `service` for one, `services` for any other number.
#[must_use]
pub fn plural(number: usize, noun: &str) -> String {
    if number == 1 { noun.to_owned() } else { format!("{noun}s") }
}

/// `was` for one, `were` for any other number.
#[must_use]
pub fn was(number: usize) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

/// `is` for one, `are` for any other number.
#[must_use]
pub fn is(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// Capitalizes the text and adds a full stop, unless the text already ends with `.`, `!`, `?` or `:`.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let text: String =
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    if text.ends_with(['.', '!', '?', ':']) { text } else { text + "." }
}

/// What kind of JSON a value is. For errors about all of an event, which must not get into the log.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The first characters of a text about a value, enough to recognize it. An event can have 256 KB.
#[must_use]
pub fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    if text.chars().count() <= MAX_CHARS {
        text.to_owned()
    } else {
        text.chars().take(MAX_CHARS).chain("…".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_and_verbs_agree_with_their_number() {
        assert_eq!(count(1, "service"), "1 service");
        assert_eq!(count(0, "service"), "0 services");
        assert_eq!(format!("{} {}", count(2, "task"), was(2)), "2 tasks were");
        assert_eq!(format!("{} {}", count(1, "task"), is(1)), "1 task is");
    }

    #[test]
    fn a_long_value_is_shortened_to_its_first_characters() {
        assert_eq!(excerpt(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(excerpt(&"é".repeat(201)), "é".repeat(200) + "…");
    }

    #[test]
    fn a_sentence_gets_one_full_stop() {
        assert_eq!(sentence("tasks failed to start."), "Tasks failed to start.");
        assert_eq!(sentence("é"), "É.");
    }
}
