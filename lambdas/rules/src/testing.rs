//! What the rules' own tests share.

use chrono::{DateTime, Utc};

use crate::{
    arn::ServiceRef,
    policy::{
        Policy,
        settings::{ConfigError, Settings},
    },
};

/// The instant that an RFC 3339 text names.
pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant of the test")
}

/// The policy with these parameters, by their environment variables.
pub(crate) fn policy(parameters: &[(&str, &str)]) -> Policy {
    read(parameters).expect("valid parameters of the test")
}

/// What is wrong with these parameters.
pub(crate) fn faults(parameters: &[(&str, &str)]) -> String {
    read(parameters).expect_err("invalid parameters of the test").to_string()
}

fn read(parameters: &[(&str, &str)]) -> Result<Policy, ConfigError> {
    let lookup =
        |name: &str| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let mut settings = Settings::new(&lookup);
    let policy = settings.policy();
    settings.finish(policy)
}

/// The service `prod/web`.
pub(crate) fn web() -> ServiceRef {
    ServiceRef::new("prod", "web").expect("valid names of the test")
}
