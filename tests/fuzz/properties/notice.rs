//! Events of AWS Health, and what is planned for their notices.

use std::{collections::BTreeMap, slice};

use chrono::{SubsecRound, TimeDelta};
use chrono_tz::Tz;
use rules::{
    arn::ServiceRef,
    notice::{Notice, NoticeRef, date::is_usable, entity::Entity, health},
    operate::plan_again,
    plan::plan,
    policy::{Fallback, Policy},
    schedule::{PlannedDeployment, Spec, name::ScheduleName, wake::DeadlineInput},
    verify::deadline_check::deadline_checks,
};
use serde_json::json;

use super::{check_schedule, now, place};

pub(super) fn check(data: &[u8]) {
    let Ok(event) = serde_json::from_slice(data) else { return };
    let notice = match health::read(&event, now()) {
        Ok(notice) => notice,
        Err(error) => return assert!(error.to_string().contains("; expected ")),
    };
    let mut services = BTreeMap::new();
    for affected in &notice.entities {
        if let Entity::Service(service) = &affected.entity {
            let first = services.insert(service.clone(), !affected.resolved).is_none();
            assert!(first, "{service} is listed twice");
        }
    }
    assert!(services.is_empty() || notice.require_entities().is_ok());
    for wait in [None, Some(TimeDelta::days(7))] {
        let kept = notice.to_ref(wait);
        assert!(kept.cutoff <= now(), "the cut-off is in the future: {}", kept.cutoff);
        assert_eq!(serde_json::from_value::<NoticeRef>(json!(kept)).ok().as_ref(), Some(&kept));
        plan_for(&kept, services.keys().next());
        watch(&notice, &kept, &services);
        again(&notice, &kept, &services);
    }
}

/// The start time is in time, and its schedule is valid.
fn plan_for(notice: &NoticeRef, service: Option<&ServiceRef>) {
    for fallback in [Fallback::AnyDay, Fallback::BeforeDeadline] {
        let policy = Policy { fallback, ..Policy::default() };
        let Ok(slot) = plan(&policy, slice::from_ref(notice), now()) else { continue };
        assert!(slot.at >= now() + policy.minimum_notice, "{slot:?}");
        assert!(slot.at < slot.window_ends_at, "{slot:?}");
        let date = notice.starts_at.filter(|date| *date > now());
        assert!(date.is_none_or(|date| slot.at <= date - policy.margin), "{slot:?}");
        let Some(service) = service else { continue };
        let planned = PlannedDeployment::new(service, &slot, vec![notice.clone()]);
        let planned = planned.asking(&policy, now()).noting(&slot.reason, &policy, now());
        check_schedule(&planned.spec(ScheduleName::of_deployment(&place(), service)));
    }
}

/// The deadline checks name every service once. Their schedules are valid, and so is the memory that follows them.
fn watch(notice: &Notice, kept: &NoticeRef, services: &BTreeMap<ServiceRef, bool>) {
    let page = DeadlineInput {
        notice: kept.clone(),
        page: notice.page,
        part: 0,
        services: Vec::new(),
        released: Vec::new(),
        sent_at: notice.sent_at,
        announced: Vec::new(),
        last_check_at: now(),
        owed: Vec::new(),
        closed_at: None,
        left: None,
        unpatched: services.keys().cloned().collect(),
        woken: Some(0),
    };
    let mut watched = BTreeMap::new();
    for (at, part) in deadline_checks(&Policy::default(), &page, services.clone(), None, now()) {
        assert!(at >= now(), "{at}");
        watched.extend(part.services.iter().map(|service| (service.clone(), true)));
        watched.extend(part.released.iter().map(|service| (service.clone(), false)));
        check_schedule(&Spec::deadline_check(at, Tz::UTC, part));
    }
    assert_eq!(watched, *services);
    check_schedule(&Spec::settled(Tz::UTC, page.clone(), now()));
    check_schedule(&Spec::settled(Tz::UTC, DeadlineInput { unpatched: Vec::new(), ..page }, now()));
}

/// The event with which an operator has the notice planned again says the same, to the second.
fn again(notice: &Notice, kept: &NoticeRef, services: &BTreeMap<ServiceRef, bool>) {
    if !is_usable(&kept.cutoff) {
        return; // read again, it is not believed, and the later time of the event counts
    }
    let names: Vec<ServiceRef> = services.keys().cloned().collect();
    let event = plan_again::event(&place(), kept, notice.page, &names, now());
    let Ok(read) = health::read(&event, now()) else {
        // Only an ARN of spaces is refused, and no notice has one.
        panic!("{event}");
    };
    let expected = NoticeRef {
        starts_at: kept.starts_at.map(|date| date.trunc_subsecs(0)),
        cutoff: kept.cutoff.trunc_subsecs(0),
        ..kept.clone()
    };
    assert_eq!(read.to_ref(None), expected);
    let found = read.entities.into_iter().map(|affected| affected.entity);
    assert!(found.eq(names.into_iter().map(Entity::Service)));
}
