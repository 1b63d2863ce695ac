//! Inputs of schedules, which operators can edit, and everything that is decided by them.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rules::{
    arn::ServiceRef,
    console::entry::entries,
    deploy::blockers::stop,
    notice::NoticeRef,
    operate::{
        decide::decide,
        request::{Asker, Operation, Why},
        verdict::{Asked, Change, Pending as Known},
    },
    policy::{Mode, Policy},
    schedule::{
        Existing, Spec,
        delivery::{Now, of_deployment},
        known::Page,
        name::ScheduleName,
        reconcile,
        retry::retry,
        wake::{CheckInput, DeadlineInput, DeployInput, DigestInput, Wake},
    },
    verify::{
        deadline_check,
        heartbeat::{Action, Pending, actions, pending_counts},
        verification_times::next_check,
    },
};

use super::{check_schedule, check_time, check_wire, now, place};

pub(super) fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let wake = Wake::read_text(text);
    for (at, enabled) in [(Some(-1), true), (Some(1), true), (Some(-1), false), (None, true)] {
        let at = at.map(|hours| now() + TimeDelta::hours(hours));
        let input = match &wake {
            Ok(Wake::Deploy(input)) => Ok(input.clone()),
            Ok(wake) => Err(wake.refused_by(wake.function())),
            Err(invalid) => Err(invalid.clone()),
        };
        let existing = Existing { at, spread_minutes: 15, enabled, input };
        in_the_group(&Pending {
            name: ScheduleName::of_stop(),
            existing: existing.clone(),
            wake: wake.clone(),
        });
        if let Ok(Wake::Deploy(input)) = &wake {
            edited(&existing, input);
        }
    }
    let Ok(wake) = wake else { return };
    check_wire(&wake);
    check_schedule(&Spec::again(ScheduleName::of_stop(), Tz::UTC, wake.clone(), now()));
    match wake {
        Wake::Deploy(input) => deployment(&input),
        Wake::Check(input) => verification(&input),
        Wake::DeadlineCheck(input) | Wake::Settled(input) => page(&input),
        Wake::Digest(input) => digest(&input),
        Wake::Lock(input) => check_schedule(&Spec::lock(ScheduleName::of_stop(), input)),
        Wake::Drill(input) => check_schedule(&Spec::drill(input, now())),
        Wake::Stop(input) => {
            assert!(stop::block(&input).reason.ends_with("nothing starts until release-all"));
            check_schedule(&Spec::stop(input, now()));
        }
        Wake::Heartbeat => {}
    }
}

/// The heartbeat and the console can deal with the schedule, whatever it holds.
fn in_the_group(pending: &Pending) {
    let all = std::slice::from_ref(pending);
    for action in actions(all, now()) {
        match action {
            Action::WakeAgain(_, wake) | Action::Report(_, wake) | Action::Missed(_, wake) => {
                assert!(wake.woken() > Some(0), "{wake:?}");
                check_wire(&wake);
            }
            Action::Restore(_, wake) => check_wire(&wake),
            Action::Watch(notice, services) => assert!(!services.is_empty(), "{notice:?}"),
            Action::Remind(..) | Action::Invalid(..) | Action::DeleteLock(_) => {}
        }
    }
    let (deployments, checks) = pending_counts(all);
    assert!(deployments + checks <= 1);
    assert!(entries(all, &Policy::default(), now()).len() <= 1);
}

fn deployment(input: &DeployInput) {
    let (name, zone) =
        (ScheduleName::of_deployment(&place(), &input.service), input.zone.unwrap_or_default());
    for mode in [Mode::Deploy, Mode::Approve] {
        let policy = Policy { mode, ..Policy::default() };
        if let Ok(retry) = retry(&policy, input, now()) {
            let input = &retry.deployment.input;
            assert!(input.slot > now() && input.slot < input.window_ends_at, "{input:?}");
            check_schedule(&retry.deployment.spec(name.clone()));
        }
    }
    let check =
        CheckInput::first(&input.service, &input.notices, None, now()).telling(input.story_of_start(None));
    check_schedule(&Spec::check(ScheduleName::of_check(&place(), &input.service), now(), zone, check));
    for digest in DigestInput::of(input, now()) {
        check_schedule(&Spec::digest(digest.due_at(), zone, digest));
    }
    let _ = input.is_late(now()) || input.is_outside(&Policy::default().windows, now());
}

/// A schedule with this input is delivered, and changed by operators and notices. What is written is read again as the same.
fn edited(existing: &Existing, input: &DeployInput) {
    let now = now();
    let delivered = DeployInput { woken: Some(0), ..input.clone() };
    let _ = of_deployment(&delivered, &Now::Is(existing, Some(input)), now);
    let _ = existing.zone_of_our_description("Redeploys on x; retirement date: x; service: prod/web");
    let why = Why { reason: Some("a reason".into()), ticket: Some("CHG0042".into()) };
    let (policy, soon) = (Policy::default(), now + TimeDelta::hours(30));
    let operations = [
        Operation::Approve,
        Operation::Hold,
        Operation::Release,
        Operation::Move { at: soon, force: true },
        Operation::RunNow,
        Operation::Cancel,
    ];
    for operation in operations {
        let asked = Asked {
            operation,
            why: &why,
            service: &input.service,
            policy: &policy,
            zone: Tz::Asia__Tokyo,
            asker: Asker::Console,
            now,
        };
        let verdict = decide(&asked, &Known::Schedule(existing));
        assert!(!verdict.text.is_empty());
        if let Change::Edit(edit) = verdict.change {
            edit.at.into_iter().for_each(check_time);
            let input = edit.input.expect("an input that is valid stays valid");
            check_wire(&Wake::Deploy(input));
        }
    }
    let another = notice("arn:2", now + TimeDelta::days(6));
    let verdict = reconcile::reconcile(&input.service, Some(existing), &another, None, &policy, now);
    let planned = match verdict.change {
        reconcile::Change::Create(planned) | reconcile::Change::Replace(planned) => planned,
        reconcile::Change::Update(input) => return check_wire(&Wake::Deploy(input)),
        reconcile::Change::Keep | reconcile::Change::Delete => return,
    };
    check_schedule(&planned.spec(ScheduleName::of_deployment(&place(), &input.service)));
}

fn notice(arn: &str, starts_at: DateTime<Utc>) -> NoticeRef {
    NoticeRef { event_arn: arn.into(), starts_at: Some(starts_at), cutoff: now(), drill: false }
}

fn verification(input: &CheckInput) {
    if let Some(next) = next_check(input, &Policy::default(), now()) {
        assert!(next > now(), "{next}");
        let next_input = CheckInput { checks: input.checks.saturating_add(1), ..input.clone() };
        let name = ScheduleName::of_check(&place(), &input.service);
        check_schedule(&Spec::check(name, next, Tz::Europe__London, next_input));
    }
    assert_eq!(input.clone().join(input), None, "a check covers itself");
}

/// What a page remembers is known again.
fn page(input: &DeadlineInput) {
    if let Some(next) = deadline_check::next_check(input, now()) {
        assert!(next > now(), "{next}");
        check_schedule(&Spec::deadline_check(next, Tz::UTC, input.clone()));
    }
    check_schedule(&Spec::settled(Tz::UTC, input.clone(), now()));
    let mut page = Page::default();
    page.add(Wake::DeadlineCheck(input.clone()));
    page.add(Wake::Settled(input.clone()));
    assert_eq!((page.sent_at, page.notice()), (Some(input.sent_at), Some(&input.notice)));
    let known = |service: &ServiceRef| page.all().any(|known| known == service);
    assert!(input.services.iter().chain(&input.released).all(known));
}

fn digest(input: &DigestInput) {
    for rolling in [true, false] {
        let step = input.step(rolling, now());
        assert!(step.send || step.again.is_some(), "a digest is never forgotten: {step:?}");
        assert!(step.again.is_none_or(|at| at > now()), "{step:?}");
    }
    check_schedule(&Spec::digest(input.due_at(), Tz::UTC, input.clone()));
}
