//! All services of the account that run on Fargate, for the doctor.

use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration, LaunchType, Service};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rules::{arn::ServiceRef, doctor::ServiceFacts};

use super::{
    Ecs, SERVICES_PER_CALL,
    mapping::{service_state, tags},
};
use crate::CallFailed;

/// How many calls are made at once.
const CONCURRENCY: usize = 8;

impl Ecs {
    /// The active services that run on Fargate, each with its task definition. Their containers are not read.
    ///
    /// # Errors
    /// A call failed after its retries.
    pub async fn on_fargate(&self) -> Result<Vec<(ServiceFacts, Option<String>)>, CallFailed> {
        let mut batches: Vec<(String, Vec<String>)> = Vec::new();
        for cluster in self.clusters().await? {
            let names = self.services_of(&cluster).await?;
            batches.extend(names.chunks(SERVICES_PER_CALL).map(|batch| (cluster.clone(), batch.to_vec())));
        }
        let described = stream::iter(batches).map(async |(cluster, names)| {
            let answer = self.describe_batch(&cluster, names).await?;
            let services = answer.and_then(|answer| answer.services).unwrap_or_default();
            Ok::<_, CallFailed>(
                services.iter().filter_map(|service| facts(&cluster, service)).collect::<Vec<_>>(),
            )
        });
        let found: Vec<Vec<_>> = described.buffer_unordered(CONCURRENCY).try_collect().await?;
        let mut found: Vec<(ServiceFacts, Option<String>)> = found.into_iter().flatten().collect();
        found.sort_by(|(one, _), (other, _)| one.service.cmp(&other.service));
        Ok(found)
    }

    async fn services_of(&self, cluster: &str) -> Result<Vec<String>, CallFailed> {
        let mut pages = self.client.list_services().cluster(cluster).max_results(100).into_paginator().send();
        let mut names = Vec::new();
        loop {
            self.reads_of_services.wait().await;
            let Some(page) = pages.next().await else { return Ok(names) };
            let page = page.map_err(|error| CallFailed::new("ListServices", &error))?;
            let is_last = page.next_token.is_none();
            names.extend(
                page.service_arns().iter().filter_map(|arn| arn.rsplit('/').next().map(str::to_owned)),
            );
            if is_last {
                return Ok(names);
            }
        }
    }
}

fn facts(cluster: &str, service: &Service) -> Option<(ServiceFacts, Option<String>)> {
    let on_fargate = service.launch_type() == Some(&LaunchType::Fargate)
        || service
            .capacity_provider_strategy()
            .iter()
            .any(|item| item.capacity_provider().starts_with("FARGATE"));
    if !on_fargate || service.status() != Some("ACTIVE") {
        return None;
    }
    let configuration = service.deployment_configuration();
    let breaker = configuration.and_then(|configuration| configuration.deployment_circuit_breaker());
    // These are the defaults of Amazon ECS.
    let percent = (
        configuration.and_then(DeploymentConfiguration::minimum_healthy_percent).unwrap_or(100),
        configuration.and_then(DeploymentConfiguration::maximum_percent).unwrap_or(200),
    );
    let state = service_state(service);
    let facts = ServiceFacts {
        service: ServiceRef::new(cluster, service.service_name()?)?,
        tags: tags(service),
        controller: state.controller,
        circuit_breaker: breaker.is_some_and(DeploymentCircuitBreaker::enable),
        desired_count: state.desired_count,
        percent,
        containers: None,
    };
    Some((facts, state.task_definition))
}
