//! Nouns and verbs that agree with a number, and sentences.

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
    fn a_sentence_gets_one_full_stop() {
        assert_eq!(sentence("tasks failed to start."), "Tasks failed to start.");
        assert_eq!(sentence("é"), "É.");
    }
}
