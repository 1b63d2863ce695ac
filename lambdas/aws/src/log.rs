//! The log: one JSON object a line, in which each fact stands once.

use tracing::Subscriber;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Starts the log of a function. `lookup` reads the environment variables of Lambda's logging controls, and `RUST_LOG`.
pub fn init(lookup: &dyn Fn(&str) -> Option<String>) {
    let is_json = lookup("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let level = lookup("AWS_LAMBDA_LOG_LEVEL");
    if is_json {
        let level = level.and_then(|level| level.parse().ok());
        json_lines(level.unwrap_or(LevelFilter::INFO), std::io::stdout).init();
        return;
    }
    let filter = level.or_else(|| lookup("RUST_LOG")).and_then(|filter| filter.parse::<Targets>().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_target(false).without_time();
    tracing_subscriber::registry().with(filter).with(lines).init();
}

/// Like the runtime's own, which repeats the span of the invocation in a list of spans.
fn json_lines<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .with_span_list(false)
        .with_target(false)
        .without_time()
        .with_max_level(level)
        .with_writer(writer)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_has_each_fact_once() {
        let lines = Lines::default();
        let shared = lines.clone();
        let log = json_lines(LevelFilter::INFO, move || shared.clone()).set_default();
        tracing::info_span!("Lambda runtime invoke", requestId = "r-1").in_scope(|| {
            tracing::info!(cluster = "prod", outcome = "scheduled");
            tracing::debug!("not logged");
        });
        drop(log);
        let text = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
        let line: Value = serde_json::from_str(&text).expect("one line of JSON");
        let expected = json!({
            "level": "INFO", "fields": {"cluster": "prod", "outcome": "scheduled"},
            "span": {"name": "Lambda runtime invoke", "requestId": "r-1"},
        });
        assert_eq!(line, expected);
    }
}
