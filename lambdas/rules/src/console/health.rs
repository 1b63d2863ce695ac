//! The page of the doctor's findings and the dead letters.

use super::{Frame, request::Intent};
use crate::{
    doctor::{Finding, Severity, verdict},
    html::{escaped, table},
    operate::redrive::{Letter, Names},
    policy::Mode,
};

/// The page.
#[must_use]
pub fn html(
    frame: &Frame<'_>,
    findings: &[Finding],
    mode: Mode,
    letters: &Result<Vec<Letter>, String>,
    names: &Names,
) -> String {
    let rows: Vec<Vec<String>> = findings.iter().map(row).collect();
    let found = if rows.is_empty() {
        "<p>The doctor has found nothing.</p>".to_owned()
    } else {
        table("Findings of the doctor", &["Severity", "What is", "What it means", "What to do"], &rows)
    };
    let class = match findings.first().map(|finding| finding.severity) {
        Some(Severity::Critical) => "bad",
        Some(Severity::Warning) => "warn",
        Some(Severity::Note) | None => "good",
    };
    let verdict = escaped(&verdict(findings, mode));
    format!(
        "<p class=\"ecs-task-patching-{class}\"><strong>{verdict}</strong></p>{found}{}",
        dead_letters(frame, letters, names)
    )
}

fn row(finding: &Finding) -> Vec<String> {
    let class = match finding.severity {
        Severity::Critical => " ecs-task-patching-bad",
        Severity::Warning => " ecs-task-patching-warn",
        Severity::Note => "",
    };
    let command = finding.command.as_ref().map(|command| format!("<br><code>{}</code>", escaped(command)));
    vec![
        format!("<span class=\"ecs-task-patching-mark{class}\">{}</span>", finding.severity.label()),
        escaped(&finding.found),
        escaped(&finding.means),
        format!("{}{}", escaped(&finding.fix), command.unwrap_or_default()),
    ]
}

fn dead_letters(frame: &Frame<'_>, letters: &Result<Vec<Letter>, String>, names: &Names) -> String {
    let letters = match letters {
        Err(error) => return format!("<p>The dead-letter queue is unreadable: {}</p>", escaped(error)),
        Ok(letters) if letters.is_empty() => return "<p>No dead letters are visible.</p>".to_owned(),
        Ok(letters) => letters,
    };
    let rows: Vec<Vec<String>> = letters
        .iter()
        .map(|letter| {
            let function = letter.route(names).map_or("not understood", |(function, _)| function);
            vec![escaped(&letter.subject()), escaped(function), escaped(letter.reason())]
        })
        .collect();
    format!(
        "{}<p>Fix the cause first: a letter that fails again returns to the queue.</p>{}",
        table("Dead letters", &["About", "For the function", "Reason"], &rows),
        frame.to_confirm(Intent::Redrive, None)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        console::{frame::tests::with_frame, request::Request},
        doctor::tests::only,
    };

    fn shown(findings: &[Finding], letters: &Result<Vec<Letter>, String>) -> String {
        let names = Names { ingest: "i".into(), deploy: "d".into(), verify: "v".into() };
        with_frame(&Request::default(), |frame| html(frame, findings, Mode::Deploy, letters, &names))
    }

    #[test]
    fn the_verdict_comes_first_then_the_findings() {
        let finding = only(|facts| facts.dead_letters = Err("<denied>".into()));
        let html = shown(&[finding], &Ok(Vec::new()));
        let (finding, verdict) = (
            html.find("&lt;denied&gt;").unwrap(),
            html.find("A notice tonight would be handled, but").unwrap(),
        );
        assert!(verdict < finding && html.contains("No dead letters are visible."), "{html}");
        assert!(shown(&[], &Ok(Vec::new())).contains("The doctor has found nothing."));
    }

    #[test]
    fn dead_letters_are_shown_with_their_reasons_and_can_be_redriven() {
        let body = json!({"slot": "x", "cluster": "prod", "service": "web"}).to_string();
        let letter = Letter::read(
            &json!({"Body": body, "MessageAttributes": {"ERROR_MESSAGE": {"StringValue": "<no>"}}}),
        );
        let html = shown(&[], &Ok(vec![letter]));
        for part in ["prod/web", ">d<", "&lt;no&gt;", ">Redrive all</a>"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(
            shown(&[], &Err("AccessDenied".into()))
                .contains("The dead-letter queue is unreadable: AccessDenied")
        );
    }
}
