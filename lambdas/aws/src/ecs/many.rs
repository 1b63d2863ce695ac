//! Many services at once, with as few calls as the API allows.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_ecs::types::{DesiredStatus, Failure, Service, Task};
use futures_util::{StreamExt as _, stream};
use rules::{arn::ServiceRef, service::ServiceState};

use super::{
    Ecs, SERVICES_PER_CALL, TASKS_PER_CALL,
    mapping::{add_tasks, service_state},
};
use crate::CallFailed;

/// How many calls are made at once. ECS answers some twenty a second.
const CONCURRENCY: usize = 8;
/// From so many services of a cluster on, all tasks of the cluster are listed, a hundred in a call, instead of those of
/// each service.
const MANY: usize = 10;

type States = BTreeMap<ServiceRef, Result<Option<ServiceState>, CallFailed>>;

impl Ecs {
    /// The states of services, each as [`state_and_pause`](Self::state_and_pause) reads it.
    pub async fn states(&self, services: &[ServiceRef]) -> States {
        let mut by_cluster: BTreeMap<&str, Vec<&ServiceRef>> = BTreeMap::new();
        for service in services {
            by_cluster.entry(service.cluster()).or_default().push(service);
        }
        let mut states = States::new();
        for (cluster, services) in by_cluster {
            if services.len() < MANY {
                let read =
                    async |service: &ServiceRef| (service.clone(), self.state_and_pause(service).await);
                let read = stream::iter(services).map(read).buffer_unordered(CONCURRENCY);
                states.extend(read.collect::<Vec<_>>().await);
            } else {
                states.extend(self.states_in(cluster, &services).await);
            }
        }
        states
    }

    async fn states_in(&self, cluster: &str, services: &[&ServiceRef]) -> States {
        let batches = stream::iter(services.chunks(SERVICES_PER_CALL).map(<[_]>::to_vec));
        let described = batches.map(|batch| self.described(cluster, batch)).buffer_unordered(CONCURRENCY);
        let (described, tasks) =
            tokio::join!(biased; described.collect::<Vec<_>>(), self.tasks_by_group(cluster));
        let mut states = States::new();
        for (service, described) in described.into_iter().flatten() {
            let state = match described {
                Ok(Some(described)) => self.complete(&service, &described, &tasks).await.map(Some),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            states.insert(service, state);
        }
        states
    }

    async fn complete(
        &self,
        service: &ServiceRef,
        described: &Service,
        tasks: &Result<HashMap<String, Vec<Task>>, CallFailed>,
    ) -> Result<ServiceState, CallFailed> {
        let mut state = service_state(described);
        if state.status == "ACTIVE" {
            let tasks = tasks.as_ref().map_err(CallFailed::clone)?;
            let group = format!("service:{}", service.service());
            add_tasks(&mut state, tasks.get(&group).map_or(&[][..], Vec::as_slice));
            self.add_pause(service, &mut state).await?;
        }
        Ok(state)
    }

    async fn described(
        &self,
        cluster: &str,
        batch: Vec<&ServiceRef>,
    ) -> Vec<(ServiceRef, Result<Option<Service>, CallFailed>)> {
        let names = batch.iter().map(|service| service.service().to_owned()).collect();
        let answer = self.describe_batch(cluster, names).await;
        let of = |service: &ServiceRef| match &answer {
            Ok(Some(answer)) => {
                let found =
                    answer.services().iter().find(|found| found.service_name() == Some(service.service()));
                found.map_or_else(|| missing(service, answer.failures()), |found| Ok(Some(found.clone())))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error.clone()),
        };
        batch.into_iter().map(|service| (service.clone(), of(service))).collect()
    }

    /// The running tasks of a cluster, by group: `service:NAME` for those of a service.
    async fn tasks_by_group(&self, cluster: &str) -> Result<HashMap<String, Vec<Task>>, CallFailed> {
        let listed = self.tasks(self.client.list_tasks().cluster(cluster), DesiredStatus::Running).await?;
        let batches = stream::iter(listed.chunks(TASKS_PER_CALL).map(<[_]>::to_vec));
        let mut described = batches
            .map(async |batch| self.describe_tasks(cluster, &batch).await)
            .buffer_unordered(CONCURRENCY);
        let mut tasks: HashMap<String, Vec<Task>> = HashMap::new();
        while let Some(batch) = described.next().await {
            for task in batch? {
                tasks.entry(task.group().unwrap_or_default().to_owned()).or_default().push(task);
            }
        }
        Ok(tasks)
    }
}

/// What it means that a response leaves out a service. `None` if the service does not exist.
pub(super) fn missing(service: &ServiceRef, failures: &[Failure]) -> Result<Option<Service>, CallFailed> {
    let of_service = |failure: &&Failure| {
        failure.arn().is_some_and(|arn| arn.rsplit('/').next() == Some(service.service()))
    };
    let failure = failures.iter().find(of_service).or(failures.first().filter(|_| failures.len() == 1));
    match failure.and_then(Failure::reason).unwrap_or("none") {
        "MISSING" => Ok(None),
        reason => {
            let text = format!("{service} is missing from the response; reason: {reason}");
            Err(CallFailed::unexpected("DescribeServices", text))
        }
    }
}
