//! What a run is about.

use std::str::FromStr;

/// The options of the command line.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) services: usize,
    pub(crate) windows: String,
    pub(crate) region: String,
}

impl Options {
    /// Reads `--seed N --services N --windows TEXT --region NAME`.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            seed: 1,
            services: 10_000,
            windows: "Fri 22:00-02:00".to_owned(),
            region: "eu-west-2".to_owned(),
        };
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} has no value"))?;
            match option.as_str() {
                "--seed" => options.seed = number(&option, &value)?,
                "--services" => options.services = number(&option, &value)?,
                "--windows" => options.windows = value,
                "--region" => options.region = value,
                _ => {
                    return Err(format!("{option}: expected --seed, --services, --windows or --region"));
                }
            }
        }
        Ok(options)
    }

    /// Whether the quotas of EventBridge are those of a large Region. `eu-west-2` is one, `eu-north-1` is not.
    pub(crate) fn is_large_region(&self) -> bool {
        self.region == "eu-west-2"
    }
}

fn number<T: FromStr>(option: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{option} must be a number, such as 1: {value}"))
}
