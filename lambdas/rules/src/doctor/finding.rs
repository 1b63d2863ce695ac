//! What the doctor found.

use serde::Serialize;

use crate::{notify::message::Step, wording::sentence};

/// How many names a finding lists.
pub(super) const LISTED: usize = 10;

/// How bad a finding is. In order: the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A notice would not be handled, or nobody would learn about it.
    Critical,
    /// A notice would be handled only in part.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// The severity as text.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Critical => "Critical",
            Self::Warning => "Warning",
            Self::Note => "Note",
        }
    }
}

/// Something that the doctor found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is.
    pub found: String,
    /// What it means before the next notice.
    pub means: String,
    /// What to do, as an order.
    pub fix: String,
    /// The command that does it or shows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Finding {
    pub(super) fn new(severity: Severity, found: &str, means: &str, fix: Step) -> Self {
        Self {
            severity,
            found: sentence(found),
            means: sentence(means),
            fix: sentence(&fix.order),
            command: fix.command,
        }
    }

    /// A check that could not be done.
    pub(super) fn unchecked(what: &str, error: &str) -> Self {
        let means = "It is unknown whether this would keep a notice from being handled";
        let fix = Step::new(
            "Give the role of the console function the permission that the error names, or try again",
        );
        Self::new(Severity::Warning, &format!("{what} could not be checked: {error}"), means, fix)
    }
}

/// Names, as many as are worth reading.
pub(super) fn names(all: &[String]) -> String {
    let listed = all.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(LISTED) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_lists_ten_names() {
        let all: Vec<String> = (1..=12).map(|nth| format!("s{nth}")).collect();
        assert_eq!(names(&all[..2]), "s1, s2");
        assert_eq!(names(&all[..10]), "s1, s2, s3, s4, s5, s6, s7, s8, s9, s10");
        assert_eq!(names(&all), "s1, s2, s3, s4, s5, s6, s7, s8, s9, s10 and 2 more");
    }

    #[test]
    fn what_could_not_be_checked_is_a_warning_with_the_error() {
        let finding = Finding::unchecked("the rule", "AccessDenied");
        assert_eq!(
            (finding.severity, finding.found.as_str()),
            (Severity::Warning, "The rule could not be checked: AccessDenied.")
        );
        assert!(finding.command.is_none() && finding.means.ends_with("being handled."));
        let labels = [Severity::Critical, Severity::Warning, Severity::Note].map(Severity::label);
        assert_eq!(labels, ["Critical", "Warning", "Note"]);
    }
}
