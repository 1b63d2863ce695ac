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

/// The word that was probably meant by one that is none of `words`: most of its letters are the same.
#[must_use]
pub fn nearest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    const MOST: usize = 2;
    let word = word.to_lowercase();
    let distances = words.iter().map(|known| (distance(&word, known), *known));
    let near = distances.filter(|(distance, known)| *distance <= MOST && distance * 2 <= known.len());
    near.min().map(|(_, known)| known)
}

/// How many letters have to be inserted, deleted or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let first: Vec<usize> = (0..=other.chars().count()).collect();
    let last = one.chars().fold(first, |above, letter| {
        let mut row: Vec<usize> = above.iter().take(1).map(|start| start + 1).collect();
        for ((diagonal, above), wanted) in above.iter().zip(above.iter().skip(1)).zip(other.chars()) {
            let left = row.last().copied().unwrap_or_default();
            row.push((diagonal + usize::from(letter != wanted)).min(above + 1).min(left + 1));
        }
        row
    });
    last.last().copied().unwrap_or_default()
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
    fn a_mistyped_word_has_a_nearest_one() {
        let words = ["reason", "ticket", "at"];
        let rows = [
            ("resaon", Some("reason")),
            ("Ticket", Some("ticket")),
            ("tikets", Some("ticket")),
            ("because", None),
            ("", None),
        ];
        for (word, expected) in rows {
            assert_eq!(nearest(word, &words), expected, "{word}");
        }
        assert_eq!([distance("", "abc"), distance("kitten", "sitting"), distance("same", "same")], [3, 3, 0]);
    }

    #[test]
    fn a_sentence_gets_one_full_stop() {
        assert_eq!(sentence("tasks failed to start."), "Tasks failed to start.");
        assert_eq!(sentence("é"), "É.");
    }
}
