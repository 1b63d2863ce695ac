//! Amazon Resource Names (ARNs): the only code that parses and prints them. Also where the functions run.

use std::fmt;

/// An ARN, `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
///
/// Format: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// The partition, such as `aws`, `aws-us-gov` or `aws-cn`.
    pub partition: &'a str,
    /// The service namespace, such as `ecs`.
    pub service: &'a str,
    /// The Region; empty for a global resource.
    pub region: &'a str,
    /// The account ID; empty for resources whose ARN omits it.
    pub account: &'a str,
    /// Everything after the account, which may contain colons and slashes.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Whether the text starts with `arn:`. The rest may still be invalid.
    #[must_use]
    pub fn has_prefix(text: &str) -> bool {
        text.starts_with("arn:")
    }

    /// Splits an ARN into its parts. Returns `None` if a part is missing, or if the partition, service or resource
    /// is empty.
    ///
    /// ```
    /// # use rules::arn::Arn;
    /// let alarm = Arn::parse("arn:aws:cloudwatch:eu-west-2:111122223333:alarm:a:b").expect("an ARN");
    /// assert_eq!((alarm.service, alarm.resource), ("cloudwatch", "alarm:a:b"));
    /// assert_eq!(Arn::parse("arn:aws:ecs"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let (partition, service, region, account, resource) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let complete = !partition.is_empty() && !service.is_empty() && !resource.is_empty();
        complete.then_some(Self { partition, service, region, account, resource })
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(formatter, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// The partition, Region and account in which the functions run. ARNs and console links are built from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The partition, such as `aws`, `aws-us-gov` or `aws-cn`.
    pub partition: String,
    /// The Region.
    pub region: String,
    /// The account ID.
    pub account: String,
}

impl Place {
    /// The ARN of an ECS service.
    #[must_use]
    pub fn service_arn(&self, service: &ServiceRef) -> String {
        self.arn("ecs", &format!("service/{service}"))
    }

    /// The ARN of a function.
    #[must_use]
    pub fn function_arn(&self, name: &str) -> String {
        self.arn("lambda", &format!("function:{name}"))
    }

    /// The ARN of a resource of this service.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account } = self;
        Arn { partition, service, region, account, resource }.to_string()
    }

    /// The URL of the service's page in the ECS console.
    #[must_use]
    pub fn console(&self, service: &ServiceRef) -> String {
        let (region, (cluster, name)) = (&self.region, (service.cluster(), service.service()));
        format!(
            "{}/ecs/v2/clusters/{cluster}/services/{name}/health?region={region}",
            self.console_of_region()
        )
    }

    /// The URL of a dashboard in the CloudWatch console.
    #[must_use]
    pub fn dashboard(&self, name: &str) -> String {
        let region = &self.region;
        format!("{}/cloudwatch/home?region={region}#dashboards/dashboard/{name}", self.console_of_region())
    }

    /// The URL of the lines of a log group that name the service, in the CloudWatch console.
    #[must_use]
    pub fn log_lines(&self, group: &str, service: &ServiceRef) -> String {
        let (region, (cluster, name)) = (&self.region, (service.cluster(), service.service()));
        // The console encodes texts twice, the second time with a dollar sign.
        let group = group.replace('/', "$252F");
        let pattern = format!("$2522{cluster}$2522$2520$2522{name}$2522");
        format!(
            "{}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}/log-events$3FfilterPattern$3D{pattern}",
            self.console_of_region()
        )
    }

    fn console_of_region(&self) -> String {
        let host = match self.partition.as_str() {
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            "aws-cn" => "console.amazonaws.cn",
            _ => "console.aws.amazon.com",
        };
        format!("https://{}.{host}", self.region)
    }
}

/// An ECS service in the functions' account and Region, identified by its cluster name and its own name.
///
/// Each name has 1 to 255 characters of `[A-Za-z0-9_-]`, as ECS requires.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceRef {
    cluster: String,
    service: String,
}

impl ServiceRef {
    /// Returns `None` unless both names are valid in ECS.
    #[must_use]
    pub fn new(cluster: &str, service: &str) -> Option<Self> {
        (is_ecs_name(cluster) && is_ecs_name(service))
            .then(|| Self { cluster: cluster.to_owned(), service: service.to_owned() })
    }

    /// Like [`ServiceRef::new`], with an error for input that an operator can edit.
    ///
    /// # Errors
    /// Returns both names if either is not valid in ECS.
    pub fn named(cluster: &str, service: &str) -> Result<Self, String> {
        Self::new(cluster, service).ok_or_else(|| {
            format!(
                "cluster and service are {cluster:?} and {service:?}; expected the names of an ECS service"
            )
        })
    }

    /// Parses `cluster/service`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().split_once('/').and_then(|(cluster, service)| Self::new(cluster, service))
    }

    /// The cluster name.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The service name, without the cluster.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.cluster, self.service)
    }
}

/// Whether ECS accepts the text as the name of a cluster or a service.
#[must_use]
pub fn is_ecs_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::web;

    #[test]
    fn a_parsed_arn_prints_unchanged() {
        for text in [
            "arn:aws:ecs:eu-west-2:111122223333:service/prod/web",
            "arn:aws-cn:cloudwatch:cn-north-1:111122223333:alarm:a:b c",
            "arn:aws:health:eu-west-2::event/ECS/X/1",
        ] {
            assert_eq!(Arn::parse(text).expect(text).to_string(), text);
        }
        for text in [
            "",
            "arn:",
            "arn:aws:ecs",
            "arn::ecs:r:a:x",
            "arn:aws::r:a:x",
            "arn:aws:ecs:r:a:",
            "x:aws:ecs:r:a:y",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn arns_and_console_links_match_the_partition() {
        let rows = [
            ("aws", "eu-west-2", "https://eu-west-2.console.aws.amazon.com/ecs/"),
            ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/ecs/"),
            ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/ecs/"),
        ];
        for (partition, region, console) in rows {
            let place =
                Place { partition: partition.into(), region: region.into(), account: "111122223333".into() };
            assert_eq!(
                place.service_arn(&web()),
                format!("arn:{partition}:ecs:{region}:111122223333:service/prod/web")
            );
            let link = place.console(&web());
            assert!(link.starts_with(console) && link.contains("/clusters/prod/services/web/"), "{link}");
        }
    }

    #[test]
    fn links_and_arns_are_those_of_the_place() {
        let place =
            Place { partition: "aws".into(), region: "eu-west-2".into(), account: "111122223333".into() };
        assert_eq!(place.function_arn("f"), "arn:aws:lambda:eu-west-2:111122223333:function:f");
        let console = "https://eu-west-2.console.aws.amazon.com/cloudwatch/home?region=eu-west-2#";
        assert_eq!(place.dashboard("d"), format!("{console}dashboards/dashboard/d"));
        assert_eq!(
            place.log_lines("/aws/lambda/f", &web()),
            format!(
                "{console}logsV2:log-groups/log-group/$252Faws$252Flambda$252Ff/log-events\
                 $3FfilterPattern$3D$2522prod$2522$2520$2522web$2522"
            )
        );
    }

    #[test]
    fn a_name_has_the_characters_and_the_length_that_ecs_allows() {
        let longest = "n".repeat(255);
        for (name, valid) in
            [("a", true), ("a-B_9", true), (&longest, true), ("", false), ("a b", false), ("é", false)]
        {
            assert_eq!(is_ecs_name(name), valid, "{name}");
        }
        assert!(!is_ecs_name(&"n".repeat(256)));
        assert!(ServiceRef::new("", "web").is_none() && ServiceRef::new("prod", "").is_none());
        assert!(
            ServiceRef::named("prod", "w b").is_err() && Arn::has_prefix("arn:") && !Arn::has_prefix("prod")
        );
    }
}
