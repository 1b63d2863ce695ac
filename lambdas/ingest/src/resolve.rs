//! From the entities of a notice to services: tasks are looked up, and what has no service is explained.

use std::collections::{BTreeMap, BTreeSet};

use aws::{
    CallFailed,
    ecs::{Ecs, TaskOrigin},
};
use rules::{
    arn::ServiceRef,
    notice::{
        Affected, Notice,
        entity::{Entity, TaskRef},
    },
    outcome::{Cause, Outcome, OutcomeKind},
    time::instant::utc,
};

/// An entity, as far as it could be traced.
pub(crate) enum Resolved {
    /// It is, or belongs to, this service.
    Service(ServiceRef),
    /// It has no service that could be scheduled.
    Done(Outcome),
}

/// Traces every entity of a notice, in its order. One that cannot be traced fails alone.
pub(crate) async fn resolve(ecs: &Ecs, notice: &Notice) -> Vec<Resolved> {
    let (tasks, clusters) = (Tasks::look_up(ecs, notice).await, clusters_of(ecs, notice).await);
    let mut resolved = Vec::with_capacity(notice.entities.len());
    for affected in &notice.entities {
        resolved.push(match &affected.entity {
            Entity::Service(service) => Resolved::Service(service.clone()),
            Entity::ServiceWithoutCluster(name) => service_without_cluster(&clusters, affected, name),
            Entity::Task(task) => tasks.trace(affected, task, notice),
            other => Resolved::Done(without_service(affected, other, notice)),
        });
    }
    resolved
}

fn without_service(affected: &Affected, entity: &Entity, notice: &Notice) -> Outcome {
    let (kind, reason) = match entity {
        Entity::Elsewhere { account, region } => {
            let reason = format!(
                "the resource is in account {account}, Region {region}, but the notice is about {}, {}",
                notice.account, notice.region
            );
            return Outcome::skipped(&affected.text, Cause::NotOurs, reason);
        }
        Entity::Placeholder => (
            OutcomeKind::NotActionable,
            "names no service or task; see the notice in the AWS Health Dashboard".to_owned(),
        ),
        _ => (
            OutcomeKind::Failed,
            format!(
                "{:?} has an unknown form; expected, for example, \"my-cluster|my-service\"",
                affected.text
            ),
        ),
    };
    Outcome::of(&affected.text, kind, reason)
}

/// A lookup in every cluster. An unreadable cluster only matters for what was found in no other one.
struct Lookup<T> {
    found: BTreeMap<String, T>,
    /// Why something may be missing from `found`.
    unreadable: Option<String>,
}

impl<T> Default for Lookup<T> {
    fn default() -> Self {
        Self { found: BTreeMap::new(), unreadable: None }
    }
}

impl<T> Lookup<T> {
    /// Keeps the first error.
    fn failed_in(&mut self, cluster: &str, error: &CallFailed) {
        self.unreadable.get_or_insert_with(|| format!("cluster {cluster} is unreadable: {error}"));
    }
}

/// In which clusters there is an active service of each of the names whose ARN leaves the cluster out.
async fn clusters_of(ecs: &Ecs, notice: &Notice) -> Lookup<Vec<ServiceRef>> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for affected in &notice.entities {
        if let Entity::ServiceWithoutCluster(name) = &affected.entity {
            names.insert(name.clone());
        }
    }
    let mut lookup = Lookup::default();
    if names.is_empty() {
        return lookup;
    }
    let names: Vec<String> = names.into_iter().collect();
    let clusters = match ecs.clusters().await {
        Ok(clusters) => clusters,
        Err(error) => return Lookup { unreadable: Some(error.to_string()), ..lookup },
    };
    for cluster in clusters {
        match ecs.active(&cluster, &names).await {
            Ok(active) => {
                for name in active {
                    let service = ServiceRef::new(&cluster, &name);
                    lookup.found.entry(name).or_default().extend(service);
                }
            }
            Err(error) => lookup.failed_in(&cluster, &error),
        }
    }
    lookup
}

/// The service that an ARN of the old format means, which leaves the cluster out.
fn service_without_cluster(lookup: &Lookup<Vec<ServiceRef>>, affected: &Affected, name: &str) -> Resolved {
    let done = |kind, reason: String| Resolved::Done(Outcome::of(&affected.text, kind, reason));
    match (lookup.found.get(name).map_or(&[][..], Vec::as_slice), &lookup.unreadable) {
        ([], Some(error)) => done(OutcomeKind::Failed, error.clone()),
        ([], None) => {
            let reason = format!("no cluster has an active service {name:?}");
            Resolved::Done(Outcome::skipped(&affected.text, Cause::Gone, reason))
        }
        ([service], _) => Resolved::Service(service.clone()),
        (several, _) => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            let reason = format!(
                "the ARN does not name the cluster, and several services match: {}",
                several.join(", ")
            );
            done(OutcomeKind::NotActionable, reason)
        }
    }
}

/// The origins of the tasks that a notice names, by cluster as in the task's ARN, then by task ID, with the cluster in
/// which each was found.
struct Tasks(BTreeMap<Option<String>, Lookup<(String, TaskOrigin)>>);

impl Tasks {
    async fn look_up(ecs: &Ecs, notice: &Notice) -> Self {
        let mut by_cluster: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for affected in &notice.entities {
            if let Entity::Task(TaskRef { cluster, id }) = &affected.entity {
                by_cluster.entry(cluster.clone()).or_default().push(id.clone());
            }
        }
        let mut tasks = BTreeMap::new();
        for (cluster, ids) in by_cluster {
            let lookup = Self::look_up_in(ecs, cluster.as_deref(), &ids).await;
            tasks.insert(cluster, lookup);
        }
        Self(tasks)
    }

    async fn look_up_in(ecs: &Ecs, cluster: Option<&str>, ids: &[String]) -> Lookup<(String, TaskOrigin)> {
        let mut lookup = Lookup::default();
        let clusters = match cluster {
            Some(cluster) => Ok(vec![cluster.to_owned()]),
            None => ecs.clusters().await,
        };
        let clusters = match clusters {
            Ok(clusters) => clusters,
            Err(error) => return Lookup { unreadable: Some(error.to_string()), ..lookup },
        };
        for cluster in clusters {
            match ecs.origins(&cluster, ids).await {
                Ok(origins) => {
                    let found =
                        origins.into_iter().map(|origin| (origin.id.clone(), (cluster.clone(), origin)));
                    lookup.found.extend(found);
                }
                Err(error) => lookup.failed_in(&cluster, &error),
            }
        }
        lookup
    }

    fn trace(&self, affected: &Affected, task: &TaskRef, notice: &Notice) -> Resolved {
        let done = |kind, reason: String| Resolved::Done(Outcome::of(&affected.text, kind, reason));
        let lookup = self.0.get(&task.cluster);
        if let Some((cluster, origin)) = lookup.and_then(|lookup| lookup.found.get(&task.id)) {
            let service =
                origin.group.strip_prefix("service:").and_then(|name| ServiceRef::new(cluster, name));
            return match service {
                Some(service) => Resolved::Service(service),
                None => done(OutcomeKind::NotActionable, stand_alone(cluster, origin, notice)),
            };
        }
        match lookup.and_then(|lookup| lookup.unreadable.as_ref()) {
            Some(error) => done(OutcomeKind::Failed, error.clone()),
            None => Resolved::Done(Outcome::skipped(
                &affected.text,
                Cause::Stopped,
                "the task has stopped: ECS no longer knows it",
            )),
        }
    }
}

/// What the owner must know of a task that nothing replaces when AWS stops it.
fn stand_alone(cluster: &str, origin: &TaskOrigin, notice: &Notice) -> String {
    let TaskOrigin { group, started_by, task_definition, .. } = origin;
    let stops = notice
        .starts_at
        .map_or_else(|| "at any time".to_owned(), |date| format!("on or after {}", utc(date)));
    format!(
        "stand-alone task (group {group:?}, started by {:?}): AWS stops it {stops}, and nothing replaces it. Start a \
         replacement: aws ecs run-task --cluster {cluster} --task-definition {} --launch-type FARGATE \
         --network-configuration …, or let the tool that started it do so",
        started_by.as_deref().unwrap_or("unknown"),
        task_definition.as_deref().unwrap_or("…"),
    )
}
