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
