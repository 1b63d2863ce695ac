//! What the functions and the schedule group are named after: the stack, as far as their names are long enough.

use rules::schedule::name::fingerprint;

/// The type of the custom resource.
pub(super) const TYPE: &str = "Custom::Names";
/// The most characters of the prefix: the name of a function has at most 64, of which `-ingest` takes 7.
const MOST: usize = 57;
/// The most characters of the prefix of functions with longer names: `-operate` takes 8.
const MOST_SHORT: usize = 56;
/// How many characters of a longer name stay.
const KEPT: usize = 45;
/// How many digits of the hash follow.
const DIGITS: usize = 10;

/// The prefix of the names of resources. The names of stacks have up to 128 characters, those of stacks in a stack
/// set 46 and the name of the set.
///
/// A name that fits is its own prefix, so that the names of existing stacks stay: a new schedule group would begin
/// without the schedules of the old one. AWS CloudFormation itself can neither measure nor cut a text.
pub(super) fn prefix(stack: &str) -> String {
    fitting(stack, MOST)
}

/// The prefix of the names of functions that existing stacks do not have yet.
pub(super) fn short_prefix(stack: &str) -> String {
    fitting(stack, MOST_SHORT)
}

fn fitting(stack: &str, most: usize) -> String {
    if stack.len() <= most {
        return stack.to_owned();
    }
    let hash = fingerprint([stack], "\n");
    let (kept, digits) = (stack.get(..KEPT).unwrap_or_default(), hash.get(..DIGITS).unwrap_or_default());
    format!("{}-{digits}", kept.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_fits_stays_and_a_longer_one_is_cut_and_hashed() {
        let longest = "a".repeat(57);
        for name in ["ecs-task-patching", &longest] {
            assert_eq!(prefix(name), name);
        }
        assert_eq!(short_prefix("ecs-task-patching"), "ecs-task-patching");
        assert_eq!(short_prefix(&longest).len(), MOST_SHORT);
        let set = "StackSet-ecs-task-patching-6f1d3a52-0c0b-4b8e-9f7e-0123456789ab";
        assert_eq!(prefix(set), "StackSet-ecs-task-patching-6f1d3a52-0c0b-4b8e-ac67a92a69");
        let (a, b) = (format!("{}a", "x".repeat(127)), format!("{}b", "x".repeat(127)));
        assert!(prefix(&a) != prefix(&b) && prefix(&a).len() <= MOST, "{}", prefix(&a));
        assert!(!prefix(&format!("{}-{}", "x".repeat(44), "y".repeat(50))).contains("--"));
    }
}
