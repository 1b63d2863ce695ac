//! The entities that a notice can name: services, tasks and placeholders.

use crate::arn::{Arn, ServiceRef, is_ecs_name};

/// An affected entity, parsed from its text alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entity {
    /// A service: `cluster|service`, `cluster/service` or its ARN.
    Service(ServiceRef),
    /// The name from a service ARN in the old format, which omits the cluster.
    ServiceWithoutCluster(String),
    /// A task, from its ARN.
    Task(TaskRef),
    /// The ARN of a resource in an account or Region other than the notice's.
    Elsewhere {
        /// The account in the ARN.
        account: String,
        /// The Region in the ARN.
        region: String,
    },
    /// A text that stands for the whole account: `UNKNOWN`, `AWS_ACCOUNT`, an account ID or an empty text.
    Placeholder,
    /// Anything else. It is reported, never ignored.
    Unreadable,
}

/// One ECS task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskRef {
    /// The cluster name; `None` for an ARN in the old format, which omits it.
    pub cluster: Option<String>,
    /// The task ID.
    pub id: String,
}

impl Entity {
    /// Parses the text of an entity in a notice about `account` and `region`. Never fails: an unexpected text is
    /// [`Entity::Unreadable`], so that it does not hide the other entities.
    #[must_use]
    pub fn parse(text: &str, account: &str, region: &str) -> Self {
        let text = text.trim();
        if Arn::has_prefix(text) {
            return from_arn(text, account, region).unwrap_or(Self::Unreadable);
        }
        if let Some((cluster, service)) = text.split_once('|').or_else(|| text.split_once('/')) {
            return ServiceRef::new(cluster.trim(), service.trim()).map_or(Self::Unreadable, Self::Service);
        }
        let account_id = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        if account_id || matches!(text.to_ascii_uppercase().as_str(), "" | "UNKNOWN" | "AWS_ACCOUNT") {
            return Self::Placeholder;
        }
        Self::Unreadable
    }
}

/// Parses `arn:PARTITION:ecs:REGION:ACCOUNT:service/[CLUSTER/]SERVICE` or `…:task/[CLUSTER/]ID`.
fn from_arn(text: &str, account: &str, region: &str) -> Option<Entity> {
    let arn = Arn::parse(text)?;
    if arn.service != "ecs" {
        return None;
    }
    let mut resource = arn.resource.split('/');
    let (kind, first, second) = (resource.next()?, resource.next()?, resource.next());
    if resource.next().is_some() || !is_ecs_name(first) || !second.is_none_or(is_ecs_name) {
        return None;
    }
    let entity = match (kind, second) {
        ("service", Some(service)) => Entity::Service(ServiceRef::new(first, service)?),
        ("service", None) => Entity::ServiceWithoutCluster(first.to_owned()),
        // DescribeTasks rejects the whole batch if one ID has another length.
        ("task", second) if !matches!(second.unwrap_or(first).len(), 32 | 36) => return None,
        ("task", Some(id)) => Entity::Task(TaskRef { cluster: Some(first.to_owned()), id: id.to_owned() }),
        ("task", None) => Entity::Task(TaskRef { cluster: None, id: first.to_owned() }),
        _ => return None,
    };
    if (arn.account, arn.region) == (account, region) {
        Some(entity)
    } else {
        Some(Entity::Elsewhere { account: arn.account.to_owned(), region: arn.region.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(cluster: &str, service: &str) -> Entity {
        Entity::Service(ServiceRef::new(cluster, service).expect("test data: valid names"))
    }

    fn task(cluster: Option<&str>, id: &str) -> Entity {
        Entity::Task(TaskRef { cluster: cluster.map(str::to_owned), id: id.to_owned() })
    }

    #[test]
    fn every_known_form_is_parsed() {
        let here = |text: &str| Entity::parse(text, "111122223333", "eu-west-2");
        let long = format!("{}|{}", "c".repeat(255), "s".repeat(255));
        let rows = [
            ("prod|web", service("prod", "web")),
            ("prod | web", service("prod", "web")),
            (" prod|web ", service("prod", "web")),
            ("prod/web", service("prod", "web")),
            ("arn:aws:ecs:eu-west-2:111122223333:service/prod/web", service("prod", "web")),
            ("arn:aws:ecs:eu-west-2:111122223333:service/web", Entity::ServiceWithoutCluster("web".into())),
            (
                "arn:aws:ecs:eu-west-2:111122223333:task/prod/0123456789abcdef0123456789abcdef",
                task(Some("prod"), "0123456789abcdef0123456789abcdef"),
            ),
            (
                "arn:aws:ecs:eu-west-2:111122223333:task/01234567-89ab-cdef-0123-456789abcdef",
                task(None, "01234567-89ab-cdef-0123-456789abcdef"),
            ),
            ("UNKNOWN", Entity::Placeholder),
            ("aws_account", Entity::Placeholder),
            ("111122223333", Entity::Placeholder),
            ("", Entity::Placeholder),
            (long.as_str(), service(&"c".repeat(255), &"s".repeat(255))),
        ];
        for (text, expected) in rows {
            assert_eq!(here(text), expected, "{text}");
        }
    }

    #[test]
    fn arns_of_every_partition_are_parsed() {
        for (partition, region) in
            [("aws", "eu-west-2"), ("aws-us-gov", "us-gov-west-1"), ("aws-cn", "cn-north-1")]
        {
            let text = format!("arn:{partition}:ecs:{region}:111122223333:service/prod/web");
            assert_eq!(Entity::parse(&text, "111122223333", region), service("prod", "web"));
        }
    }

    #[test]
    fn an_arn_of_another_account_or_region_is_elsewhere() {
        for (account, region) in [("999999999999", "eu-west-2"), ("111122223333", "us-east-1")] {
            let text = format!("arn:aws:ecs:{region}:{account}:service/prod/web");
            let expected = Entity::Elsewhere { account: account.into(), region: region.into() };
            assert_eq!(Entity::parse(&text, "111122223333", "eu-west-2"), expected);
        }
    }

    #[test]
    fn any_other_text_is_unreadable() {
        let long = format!("{}|web", "c".repeat(256));
        let rows = [
            "web",
            "prod|",
            "|web",
            "prod|web|extra",
            "prod/web/extra",
            "arn:aws:ecs:eu-west-2:111122223333:task/prod/0123abcd",
            "prod|we b",
            "prod|wéb",
            "12345",
            "arn:aws:ecs:eu-west-2:111122223333:cluster/prod",
            "arn:aws:ecs:eu-west-2:111122223333:service/prod/web/extra",
            "arn:aws:ecs:eu-west-2:111122223333:service/",
            "arn:aws:rds:eu-west-2:111122223333:db:web",
            "arn:aws:ecs",
            long.as_str(),
        ];
        for text in rows {
            assert_eq!(Entity::parse(text, "111122223333", "eu-west-2"), Entity::Unreadable, "{text}");
        }
    }
}
