//! Where the functions run: what ARNs and links are made of.

use crate::entity::ServiceRef;

/// A partition, a Region and an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `aws`, `aws-us-gov`, `aws-cn` or another.
    pub partition: String,
    /// The Region.
    pub region: String,
    /// The account's id.
    pub account: String,
}

impl Place {
    /// The place of a function that runs in `region` with the role `role_arn`, if that is the ARN of one.
    #[must_use]
    pub fn of_role(role_arn: &str, region: &str) -> Option<Self> {
        let mut parts = role_arn.split(':');
        let (Some("arn"), Some(partition), Some("iam"), Some(""), Some(account)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        Some(Self { partition: partition.to_owned(), region: region.to_owned(), account: account.to_owned() })
    }

    /// The ARN of a service.
    #[must_use]
    pub fn service_arn(&self, service: &ServiceRef) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:ecs:{region}:{account}:service/{service}")
    }

    /// The ARN of a function.
    #[must_use]
    pub fn function_arn(&self, name: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:lambda:{region}:{account}:function:{name}")
    }

    /// The page of a service in the console.
    #[must_use]
    pub fn console(&self, service: &ServiceRef) -> String {
        let region = &self.region;
        let host = match self.partition.as_str() {
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            "aws-cn" => "console.amazonaws.cn",
            _ => "console.aws.amazon.com",
        };
        let (cluster, name) = (service.cluster(), service.service());
        format!("https://{region}.{host}/ecs/v2/clusters/{cluster}/services/{name}/health?region={region}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_and_links_are_those_of_the_partition() {
        let rows = [
            (
                "arn:aws:iam::111122223333:role/x",
                "eu-west-2",
                "https://eu-west-2.console.aws.amazon.com/ecs/",
            ),
            (
                "arn:aws-us-gov:iam::111122223333:role/x",
                "us-gov-west-1",
                "https://us-gov-west-1.console.amazonaws-us-gov.com/ecs/",
            ),
            (
                "arn:aws-cn:iam::111122223333:role/x",
                "cn-north-1",
                "https://cn-north-1.console.amazonaws.cn/ecs/",
            ),
        ];
        let web = ServiceRef::new("prod", "web").unwrap();
        for (role, region, console) in rows {
            let place = Place::of_role(role, region).unwrap();
            let partition = role.split(':').nth(1).unwrap();
            assert_eq!(
                place.service_arn(&web),
                format!("arn:{partition}:ecs:{region}:111122223333:service/prod/web")
            );
            assert_eq!(
                place.function_arn("f"),
                format!("arn:{partition}:lambda:{region}:111122223333:function:f")
            );
            let link = place.console(&web);
            assert!(link.starts_with(console) && link.contains("/clusters/prod/services/web/"), "{link}");
        }
        assert_eq!(Place::of_role("my-role", "eu-west-2"), None);
    }
}
