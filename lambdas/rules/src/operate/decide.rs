//! What an operation does to the pending deployment of one service, and what it says.

use chrono::{DateTime, Utc};

use super::{
    request::{Asker, Operation},
    verdict::{Asked, Change, Pending, Verdict},
};
use crate::{
    notice::first_retirement_date,
    plan::deadline,
    schedule::{Edit, Existing, REMINDER, control::Approval, delivery::is_due, soonest, wake::DeployInput},
    time::instant::{ceil_minute, local_and_utc},
    wording::sentence,
};

const APPLY: &str = "blockers still apply";
/// The button of the console that moves a deployment past its deadline.
pub const MOVE_ANYWAY: &str = "Move, even past the deadline";

/// Decides what an operation does to the pending deployment of a service.
#[must_use]
pub fn decide(asked: &Asked<'_>, pending: &Pending<'_>) -> Verdict {
    let existing = match pending {
        Pending::Schedule(existing) => *existing,
        Pending::Nothing => return asked.nothing(),
        Pending::Verification => return asked.verifying(),
        Pending::Unfinished => return asked.unfinished(),
    };
    if existing.input.as_ref().is_ok_and(|input| input.service != *asked.service) {
        let Asked { service, .. } = asked;
        return Verdict::refused(format!(
            "the schedule of {service} was edited to redeploy another service; correct its input or delete the schedule"
        ));
    }
    let verdict = match asked.operation {
        Operation::Approve => asked.approve(existing),
        Operation::Hold => asked.hold(existing),
        Operation::Release => asked.release(existing),
        Operation::Move { at, force } => asked.move_to(existing, at, force),
        Operation::RunNow => asked.run_now(existing),
        Operation::Cancel => asked.cancel(existing),
    };
    let notices = existing.input.as_ref().map(|input| input.notices.clone()).unwrap_or_default();
    Verdict { notices, ..verdict }
}

impl Asked<'_> {
    fn time(&self, at: DateTime<Utc>) -> String {
        local_and_utc(at, self.zone)
    }

    /// What happens to the tasks that are not replaced.
    fn aws(&self, existing: &Existing) -> String {
        let notices = existing.input.as_ref().map(|input| input.notices.as_slice()).unwrap_or_default();
        match first_retirement_date(notices) {
            Some(date) if date > self.now => format!("AWS replaces its old tasks from {}", self.time(date)),
            Some(_) => {
                "its retirement date has passed, so AWS may replace its old tasks at any time".to_owned()
            }
            None => "AWS has not given a retirement date".to_owned(),
        }
    }

    /// What is said where nothing is pending.
    #[must_use]
    pub fn nothing(&self) -> Verdict {
        let Self { service, .. } = self;
        let text = match self.operation {
            Operation::Cancel => format!(
                "nothing is pending for {service}, so there is nothing to cancel: it is patched, was cancelled before, or no \
                 notice names it"
            ),
            _ => format!(
                "nothing is pending for {service}: it is patched, was cancelled, or no notice names it. To redeploy it for a \
                 notice, plan the notice again"
            ),
        };
        Verdict { nothing: true, ..Verdict::refused(text) }
    }

    fn verifying(&self) -> Verdict {
        let Self { service, .. } = self;
        let started = format!("the deployment of {service} has started and is being verified");
        match self.operation {
            Operation::Approve | Operation::Release | Operation::RunNow => Verdict::already(started),
            Operation::Hold | Operation::Move { .. } | Operation::Cancel => Verdict::refused(format!(
                "{started}, so it is too late for that. To stop the deployment, roll it back in the ECS console"
            )),
        }
    }

    fn unfinished(&self) -> Verdict {
        Verdict::refused(format!(
            "nothing is pending for {}, unless a function repeats work that it has not finished; look again in some minutes",
            self.service
        ))
    }

    /// The input with an entry in its history, and with these changes.
    fn input(
        &self,
        existing: &Existing,
        slot: Option<DateTime<Utc>>,
        change: impl FnOnce(&mut DeployInput),
    ) -> Option<DeployInput> {
        let mut input = existing.input.clone().ok()?;
        let entry = self.why.entry(self.operation.word(), slot, self.now);
        input.control = input.control.with(entry);
        change(&mut input);
        Some(input)
    }

    /// What keeps an operation from a schedule whose input is invalid.
    fn invalid(&self, existing: &Existing) -> Option<Verdict> {
        let error = existing.input.as_ref().err()?;
        let Self { service, .. } = self;
        Some(Verdict::refused(format!(
            "{error}; correct the input of the schedule of {service}, or cancel it and plan the notice again"
        )))
    }

    fn approve(&self, existing: &Existing) -> Verdict {
        let Self { service, .. } = self;
        let approval = existing.input.as_ref().ok().and_then(|input| input.control.approval);
        if !existing.enabled && !existing.awaits_approval() {
            return Verdict::refused(match approval {
                Some(Approval::Awaited) => {
                    format!("{service} is held and needs approval; release it first, then approve it")
                }
                Some(Approval::Given | Approval::Missed) => {
                    format!("{service} was approved already, but it is held; release it to let it start")
                }
                None => format!("{service} is held and needs no approval; release it to let it start"),
            });
        }
        match (existing.enabled, approval) {
            (false, _) if existing.at.is_some_and(|at| at < soonest(self.now)) => {
                self.woken(existing, "approved")
            }
            (false, _) => {
                let give = |input: &mut DeployInput| input.control.approval = Some(Approval::Given);
                let edit = Edit { enabled: Some(true), input: self.input(existing, None, give), at: None };
                let text = format!("{service} is approved; {}. {}", self.starts(existing), sentence(APPLY));
                Verdict { change: Change::Edit(edit.into()), slot: existing.at, ..Verdict::already(text) }
            }
            (true, Some(Approval::Missed)) => Verdict::refused(format!(
                "{service} was not approved in time; it is planned again within minutes, then approve the new start time"
            )),
            (true, approval) => {
                let already =
                    if approval.is_some() { "was approved already" } else { "does not need approval" };
                let text = format!("{service} {already}; {}", self.starts(existing));
                Verdict { slot: existing.at, ..Verdict::already(text) }
            }
        }
    }

    /// When an enabled schedule starts the deployment.
    fn starts(&self, existing: &Existing) -> String {
        match existing.at {
            Some(at) if is_due(at, self.now) => {
                format!(
                    "its start time, {}, has come, and its function is at work or about to be",
                    self.time(at)
                )
            }
            Some(at) => format!("it starts on {}", self.time(at)),
            None => "an operator made its schedule recurring".to_owned(),
        }
    }

    fn hold(&self, existing: &Existing) -> Verdict {
        let Self { service, .. } = self;
        let until = format!("it is not redeployed until it is released; {}", self.aws(existing));
        if existing.is_held() {
            return Verdict::already(format!("{service} was held already; {until}"));
        }
        let awaits = existing.awaits_approval();
        let hold = |input: &mut DeployInput| input.control.held = awaits;
        let edit = Edit { enabled: Some(false), input: self.input(existing, None, hold), at: None };
        Verdict {
            change: Change::Edit(edit.into()),
            ..Verdict::already(format!("{service} is held: {until}"))
        }
    }

    fn release(&self, existing: &Existing) -> Verdict {
        let Self { service, .. } = self;
        if existing.enabled {
            let text = format!("{service} is not held; {}", self.starts(existing));
            return Verdict { slot: existing.at, ..Verdict::already(text) };
        }
        if existing.awaits_approval() {
            return Verdict::refused(format!("{service} is not held; it needs approval: approve it instead"));
        }
        if let Some(refused) = self.invalid(existing) {
            return refused;
        }
        if existing.input.as_ref().is_ok_and(|input| input.control.held) {
            let end = |input: &mut DeployInput| input.control.held = false;
            let edit = Edit { enabled: None, input: self.input(existing, None, end), at: None };
            let text = format!("{service} is released, but it still needs approval: approve it next");
            return Verdict { change: Change::Edit(edit.into()), ..Verdict::already(text) };
        }
        match existing.at {
            Some(at) if at < soonest(self.now) => self.woken(existing, "released"),
            at => {
                let edit = Edit { enabled: Some(true), input: self.input(existing, None, |_| {}), at: None };
                let text = format!("{service} is released; {}", self.starts(existing));
                Verdict { change: Change::Edit(edit.into()), slot: at, ..Verdict::already(text) }
            }
        }
    }

    /// A deployment whose start time has passed while it was held: deploy is woken, as by the heartbeat, and decides.
    fn woken(&self, existing: &Existing, done: &str) -> Verdict {
        let Self { service, now, .. } = self;
        let at = soonest(*now);
        let input = self.input(existing, Some(at), |input| {
            input.woken = Some(input.woken.unwrap_or_default().max(1));
            if input.control.approval.is_some() {
                input.control.approval = Some(Approval::Given);
            }
        });
        let is_open = input.as_ref().is_some_and(|input| at < input.window_ends_at);
        let passed = existing.at.map_or_else(String::new, |at| format!(" ({})", self.time(at)));
        let next = if is_open {
            format!("its window is still open, so it starts on {}", self.time(at))
        } else {
            "its window has closed, so it is planned again within two minutes, and the owner gets the new start time".to_owned()
        };
        let edit = Edit { at: Some(at), enabled: Some(true), input };
        let text = format!("{service} is {done}. Its start time has passed{passed}; {next}");
        Verdict { change: Change::Edit(edit.into()), slot: is_open.then_some(at), ..Verdict::already(text) }
    }

    fn move_to(&self, existing: &Existing, at: DateTime<Utc>, force: bool) -> Verdict {
        let Self { service, policy, now, .. } = self;
        if let Some(refused) = self.invalid(existing) {
            return refused;
        }
        let at = ceil_minute(at);
        let shown = self.time(at);
        if at < soonest(*now) {
            let run_now = if self.asker == Asker::Console { "Run now" } else { "run-now" };
            return Verdict::refused(format!(
                "{shown} is not in the future; choose a later time, or use {run_now}"
            ));
        }
        let notices = existing.input.as_ref().map(|input| input.notices.as_slice()).unwrap_or_default();
        let late = deadline(policy, notices, *now).filter(|deadline| at > *deadline);
        if let Some(deadline) = late.filter(|_| !force) {
            let anyway = match self.asker {
                Asker::Console => format!("use \"{MOVE_ANYWAY}\""),
                Asker::CommandLine => "add \"force\": true".to_owned(),
            };
            return Verdict::refused(format!(
                "{shown} is after the deadline, {}; choose an earlier time, or {anyway}. {}",
                self.time(deadline),
                sentence(&self.aws(existing))
            ));
        }
        let approved =
            existing.input.as_ref().is_ok_and(|input| input.control.approval == Some(Approval::Given));
        let held = match existing.enabled {
            true if approved => ". Its new start time has to be approved again",
            true => "",
            false if existing.awaits_approval() => ". It still needs approval",
            false => ". It is still held: release it to let it start then",
        };
        if existing.at == Some(at) && existing.spread_minutes == 0 {
            return Verdict {
                slot: Some(at),
                ..Verdict::already(format!("{service} is set to {shown} already{held}"))
            };
        }
        let next = match late.map(|deadline| at < deadline + policy.margin) {
            Some(true) => format!("; that is after its deadline, and {}", self.aws(existing)),
            Some(false) => format!("; that is too late: {}", self.aws(existing)),
            None => format!("; {APPLY}"),
        };
        let ask = |input: &mut DeployInput| {
            if approved {
                input.control = input.control.clone().for_new_time(true, at <= *now + REMINDER);
            }
        };
        let enabled = (approved && existing.enabled).then_some(false);
        let edit = Edit { at: Some(at), enabled, input: self.input(existing, Some(at), ask) };
        let text = format!("{service} is moved to {shown}{next}{held}");
        Verdict { change: Change::Edit(edit.into()), slot: Some(at), ..Verdict::already(text) }
    }

    fn run_now(&self, existing: &Existing) -> Verdict {
        let Self { service, now, .. } = self;
        if existing.awaits_approval() {
            return Verdict::refused(format!("{service} needs approval; approve it first, then run it"));
        }
        if !existing.enabled {
            return Verdict::refused(format!("{service} is held; release it first, then run it"));
        }
        if let Some(refused) = self.invalid(existing) {
            return refused;
        }
        let at = soonest(*now);
        let apply = APPLY;
        if existing.at.is_some_and(|set| set <= at && !is_due(set, *now)) {
            let text = format!("{service} starts within two minutes already; {apply}");
            return Verdict { slot: existing.at, ..Verdict::already(text) };
        }
        let edit = Edit { at: Some(at), enabled: Some(true), input: self.input(existing, Some(at), |_| {}) };
        let text = format!(
            "{service} starts on {}; {apply}. If one blocks it, the owner is notified when it is retried",
            self.time(at)
        );
        Verdict { change: Change::Edit(edit.into()), slot: Some(at), ..Verdict::already(text) }
    }

    fn cancel(&self, existing: &Existing) -> Verdict {
        let entry = self.why.entry(self.operation.word(), None, self.now);
        let ended = existing.input.as_ref().ok().map(|input| input.story().with(entry));
        let text = format!(
            "the deployment of {} is cancelled; {}. If AWS sends the notice again, the service is scheduled again: hold it \
             instead to prevent that",
            self.service,
            self.aws(existing)
        );
        Verdict { change: Change::Delete, ended, ..Verdict::already(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use chrono_tz::Tz;

    use crate::{
        arn::ServiceRef,
        notice::NoticeRef,
        operate::request::Why,
        policy::Policy,
        schedule::{control::Control, wake::Wake},
        testing::{instant, planned_for, web},
    };

    const NOW: &str = "2026-11-25T18:00:10Z";
    const FRIDAY: &str = "2026-11-27T22:00:00Z";
    const PASSED: &str = "2026-11-25T17:00:00Z";

    fn input() -> DeployInput {
        DeployInput {
            zone: Some(Tz::UTC),
            spread_minutes: Some(15),
            ..planned_for(vec![NoticeRef {
                event_arn: "arn:1".into(),
                starts_at: Some(instant("2026-12-02T18:00:00Z")),
                cutoff: instant("2026-11-25T18:00:00Z"),
                drill: false,
            }])
        }
    }

    fn existing(at: &str, enabled: bool) -> Existing {
        Existing { at: Some(instant(at)), spread_minutes: 15, enabled, input: Ok(input()) }
    }

    fn decided(operation: Operation, pending: &Pending<'_>) -> Verdict {
        decided_for(Asker::CommandLine, operation, pending)
    }

    fn decided_for(asker: Asker, operation: Operation, pending: &Pending<'_>) -> Verdict {
        let (service, policy, why) =
            (web(), Policy::default(), Why { reason: Some("why".into()), ticket: None });
        let now = instant(NOW);
        decide(
            &Asked { operation, why: &why, service: &service, policy: &policy, zone: Tz::UTC, asker, now },
            pending,
        )
    }

    fn moved(at: &str, force: bool) -> Operation {
        Operation::Move { at: instant(at), force }
    }

    /// Whether it is done, what changes, and the text.
    fn seen(verdict: &Verdict) -> (bool, String, &str) {
        let change = match &verdict.change {
            Change::Keep => "keep".to_owned(),
            Change::Delete => "delete".to_owned(),
            Change::Edit(edit) => {
                let Edit { at, enabled, input } = edit.as_ref();
                let at = at.map_or_else(String::new, |at| format!(" at {}", at.format("%dT%H:%M:%S")));
                let state = match enabled {
                    Some(true) => " enabled",
                    Some(false) => " disabled",
                    None => "",
                };
                let logged = input.as_ref().map(|input| input.control.history.len());
                let logged = logged.map_or_else(|| " unlogged".to_owned(), |entries| format!(" {entries}"));
                format!("edit{at}{state}{logged}")
            }
        };
        (verdict.done, change, &verdict.text)
    }

    /// The start time that the text of a verdict announces.
    fn start(verdict: &Verdict, existing: &Existing) -> Option<DateTime<Utc>> {
        let at = match &verdict.change {
            Change::Edit(edit) => edit.at.or(existing.at),
            _ => existing.at,
        };
        let words = ["it starts on", "prod/web starts", "is moved to", "has come"];
        at.filter(|_| words.iter().any(|word| verdict.text.contains(word)))
    }

    const AWS: &str = "AWS replaces its old tasks from Wed 2 Dec 2026 18:00 UTC";

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table, whose rows are the rules")]
    fn every_operation_has_its_effect_or_says_what_to_do_instead() {
        use Operation::{Approve, Cancel, Hold, Release, RunNow};
        let (planned, held) = (existing(FRIDAY, true), existing(FRIDAY, false));
        let (due, passed) = (existing("2026-11-25T18:00:00Z", true), existing(PASSED, false));
        let open = Existing {
            input: Ok(DeployInput { window_ends_at: instant("2026-11-25T21:00:00Z"), ..input() }),
            ..passed.clone()
        };
        let closed = Existing {
            input: Ok(DeployInput { window_ends_at: instant("2026-11-25T18:02:00Z"), ..input() }),
            ..passed.clone()
        };
        let (soon, held_soon) =
            (existing("2026-11-25T18:02:00Z", true), existing("2026-11-25T18:02:00Z", false));
        let recurring = Existing { at: None, ..planned.clone() };
        let invalid = Existing { input: Wake::read_text("{}").map(|_| input()), ..planned.clone() };
        let notices = vec![NoticeRef { starts_at: Some(instant(PASSED)), ..input().notices.remove(0) }];
        let late = Existing { input: Ok(DeployInput { notices, ..input() }), ..planned.clone() };
        let applies = "blockers still apply";
        let until = format!("it is not redeployed until it is released; {AWS}");
        let rows = [
            (Hold, &planned, true, "edit disabled 1", format!("prod/web is held: {until}")),
            (Hold, &due, true, "edit disabled 1", format!("prod/web is held: {until}")),
            (Hold, &recurring, true, "edit disabled 1", format!("prod/web is held: {until}")),
            (Hold, &held, true, "keep", format!("prod/web was held already; {until}")),
            (
                Hold,
                &invalid,
                true,
                "edit disabled unlogged",
                "prod/web is held: it is not redeployed until it is released; AWS has not given a retirement date".to_owned(),
            ),
            (Release, &held, true, "edit enabled 1", "prod/web is released; it starts on Fri 27 Nov 2026 22:00 UTC".to_owned()),
            (Release, &planned, true, "keep", "prod/web is not held; it starts on Fri 27 Nov 2026 22:00 UTC".to_owned()),
            (Release, &held_soon, true, "edit enabled 1", "prod/web is released; it starts on Wed 25 Nov 2026 18:02 UTC".to_owned()),
            (
                Release,
                &open,
                true,
                "edit at 25T18:02:00 enabled 1",
                "prod/web is released. Its start time has passed (Wed 25 Nov 2026 17:00 UTC); its window is still open, so it \
                 starts on Wed 25 Nov 2026 18:02 UTC"
                    .to_owned(),
            ),
            (
                Release,
                &closed,
                true,
                "edit at 25T18:02:00 enabled 1",
                "prod/web is released. Its start time has passed (Wed 25 Nov 2026 17:00 UTC); its window has closed, so it is \
                 planned again within two minutes, and the owner gets the new start time"
                    .to_owned(),
            ),
            (
                Release,
                &due,
                true,
                "keep",
                "prod/web is not held; its start time, Wed 25 Nov 2026 18:00 UTC, has come, and its function is at work or about \
                 to be"
                    .to_owned(),
            ),
            (
                Hold,
                &late,
                true,
                "edit disabled 1",
                "prod/web is held: it is not redeployed until it is released; its retirement date has passed, so AWS may replace \
                 its old tasks at any time"
                    .to_owned(),
            ),
            (
                moved("2026-11-28T03:00:30Z", false),
                &planned,
                true,
                "edit at 28T03:01:00 1",
                format!("prod/web is moved to Sat 28 Nov 2026 03:01 UTC; {applies}"),
            ),
            (
                moved("2026-11-28T03:00:00Z", false),
                &held,
                true,
                "edit at 28T03:00:00 1",
                format!(
                    "prod/web is moved to Sat 28 Nov 2026 03:00 UTC; {applies}. It is still held: release it to let it start \
                     then"
                ),
            ),
            (
                moved("2026-12-02T16:00:00Z", false),
                &planned,
                true,
                "edit at 02T16:00:00 1",
                format!("prod/web is moved to Wed 2 Dec 2026 16:00 UTC; {applies}"),
            ),
            (
                moved("2026-11-25T18:02:00Z", false),
                &planned,
                true,
                "edit at 25T18:02:00 1",
                format!("prod/web is moved to Wed 25 Nov 2026 18:02 UTC; {applies}"),
            ),
            (
                moved("2026-12-02T16:01:00Z", false),
                &planned,
                false,
                "keep",
                format!(
                    "Wed 2 Dec 2026 16:01 UTC is after the deadline, Wed 2 Dec 2026 16:00 UTC; choose an earlier time, or add \
                     \"force\": true. {AWS}."
                ),
            ),
            (
                moved("2026-12-02T16:01:00Z", true),
                &planned,
                true,
                "edit at 02T16:01:00 1",
                format!("prod/web is moved to Wed 2 Dec 2026 16:01 UTC; that is after its deadline, and {AWS}"),
            ),
            (
                moved("2026-11-25T18:00:00Z", true),
                &planned,
                false,
                "keep",
                "Wed 25 Nov 2026 18:00 UTC is not in the future; choose a later time, or use run-now".to_owned(),
            ),
            (
                RunNow,
                &planned,
                true,
                "edit at 25T18:02:00 enabled 1",
                format!(
                    "prod/web starts on Wed 25 Nov 2026 18:02 UTC; {applies}. If one blocks it, the owner is notified \
                     when it is retried"
                ),
            ),
            (
                RunNow,
                &due,
                true,
                "edit at 25T18:02:00 enabled 1",
                format!(
                    "prod/web starts on Wed 25 Nov 2026 18:02 UTC; {applies}. If one blocks it, the owner is notified \
                     when it is retried"
                ),
            ),
            (RunNow, &soon, true, "keep", format!("prod/web starts within two minutes already; {applies}")),
            (RunNow, &held, false, "keep", "prod/web is held; release it first, then run it".to_owned()),
            (
                Cancel,
                &held,
                true,
                "delete",
                format!(
                    "the deployment of prod/web is cancelled; {AWS}. If AWS sends the notice again, the service is scheduled \
                     again: hold it instead to prevent that"
                ),
            ),
            (
                Approve,
                &planned,
                true,
                "keep",
                "prod/web does not need approval; it starts on Fri 27 Nov 2026 22:00 UTC".to_owned(),
            ),
            (
                Approve,
                &held,
                false,
                "keep",
                "prod/web is held and needs no approval; release it to let it start".to_owned(),
            ),
            (
                moved("2026-12-02T18:00:00Z", true),
                &planned,
                true,
                "edit at 02T18:00:00 1",
                format!("prod/web is moved to Wed 2 Dec 2026 18:00 UTC; that is too late: {AWS}"),
            ),
        ];
        for (operation, existing, done, change, text) in rows {
            let verdict = decided(operation, &Pending::Schedule(existing));
            assert_eq!(seen(&verdict), (done, change.to_owned(), text.as_str()), "{operation:?}");
            assert_eq!(verdict.slot, start(&verdict, existing), "{operation:?}: {text}");
        }
        for operation in [Release, RunNow, moved("2026-11-28T03:00:00Z", false)] {
            let invalid = Existing { enabled: operation != Release, ..invalid.clone() };
            let verdict = decided(operation, &Pending::Schedule(&invalid));
            assert!(
                !verdict.done && verdict.text.contains("version is absent; expected 1; correct"),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn an_approval_is_no_hold_and_a_new_time_is_approved_again() {
        use Operation::{Approve, Hold, Release, RunNow};
        let with = |approval: Option<Approval>, held: bool, enabled: bool, at: &str| {
            let control = Control { approval, held, ..Control::default() };
            Existing { input: Ok(DeployInput { control, ..input() }), ..existing(at, enabled) }
        };
        let awaited = Some(Approval::Awaited);
        let (awaits, held) = (with(awaited, false, false, FRIDAY), with(awaited, true, false, FRIDAY));
        let late = with(awaited, false, false, PASSED);
        let soon_due = with(awaited, false, false, "2026-11-25T18:02:00Z");
        let held_later = with(Some(Approval::Given), false, false, FRIDAY);
        let (given, missed) = (
            with(Some(Approval::Given), false, true, FRIDAY),
            with(Some(Approval::Missed), false, true, FRIDAY),
        );
        let (saturday, soon) = (moved("2026-11-28T03:00:00Z", false), moved("2026-11-26T18:00:00Z", false));
        let rows = [
            (
                Approve,
                &awaits,
                true,
                "edit enabled 1",
                "prod/web is approved; it starts on Fri 27 Nov 2026 22:00 UTC. Blockers",
            ),
            (
                Approve,
                &late,
                true,
                "edit at 25T18:02:00 enabled 1",
                "prod/web is approved. Its start time has passed",
            ),
            (
                Approve,
                &soon_due,
                true,
                "edit enabled 1",
                "prod/web is approved; it starts on Wed 25 Nov 2026 18:02 UTC",
            ),
            (Approve, &given, true, "keep", "prod/web was approved already; it starts on Fri"),
            (
                Approve,
                &held,
                false,
                "keep",
                "prod/web is held and needs approval; release it first, then approve it",
            ),
            (
                Approve,
                &held_later,
                false,
                "keep",
                "prod/web was approved already, but it is held; release it to let it start",
            ),
            (Approve, &missed, false, "keep", "prod/web was not approved in time; it is planned again"),
            (Hold, &awaits, true, "edit disabled 1", "prod/web is held: "),
            (Hold, &held, true, "keep", "prod/web was held already"),
            (Release, &held, true, "edit 1", "prod/web is released, but it still needs approval"),
            (Release, &awaits, false, "keep", "prod/web is not held; it needs approval"),
            (RunNow, &awaits, false, "keep", "prod/web needs approval; approve it first"),
            (
                RunNow,
                &given,
                true,
                "edit at 25T18:02:00 enabled 1",
                "prod/web starts on Wed 25 Nov 2026 18:02 UTC",
            ),
            (
                saturday,
                &awaits,
                true,
                "edit at 28T03:00:00 1",
                "prod/web is moved to Sat 28 Nov 2026 03:00 UTC; blockers still apply. It still needs approval",
            ),
            (saturday, &given, true, "edit at 28T03:00:00 disabled 1", "prod/web is moved to Sat 28 Nov"),
        ];
        for (operation, existing, done, change, text) in rows {
            let verdict = decided(operation, &Pending::Schedule(existing));
            let (was_done, changed, said) = seen(&verdict);
            assert_eq!((was_done, changed.as_str()), (done, change), "{operation:?}: {said}");
            assert!(said.starts_with(text), "{operation:?}: {said}");
            assert_eq!(verdict.slot, start(&verdict, existing), "{operation:?}: {said}");
        }
        let approval = |operation, existing| {
            let Change::Edit(edit) = decided(operation, &Pending::Schedule(existing)).change else {
                panic!("{operation:?}")
            };
            let control = edit.input.unwrap().control;
            assert_eq!(control.reminded, operation == soon, "one that is soon needs no reminder");
            (control.approval, control.held)
        };
        assert_eq!(approval(soon, &given), (awaited, false));
        assert_eq!(approval(Approve, &awaits), (Some(Approval::Given), false));
        assert_eq!(approval(saturday, &given), (awaited, false));
        assert_eq!(approval(RunNow, &given), (Some(Approval::Given), false));
        assert_eq!(approval(Hold, &awaits), (awaited, true));
        assert_eq!(approval(Release, &held), (awaited, false));
    }

    #[test]
    fn a_refusal_in_the_console_speaks_of_what_the_page_has() {
        let planned = existing(FRIDAY, true);
        let rows = [
            ("2026-12-02T16:01:00Z", "choose an earlier time, or use \"Move, even past the deadline\"."),
            ("2026-11-25T18:00:00Z", "choose a later time, or use Run now"),
        ];
        for (at, expected) in rows {
            let pending = Pending::Schedule(&planned);
            let text = decided_for(Asker::Console, moved(at, false), &pending).text;
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_repeated_move_changes_nothing() {
        let moved_already = Existing { spread_minutes: 0, ..existing("2026-11-28T03:00:00Z", true) };
        let verdict = decided(moved("2026-11-28T03:00:00Z", false), &Pending::Schedule(&moved_already));
        assert_eq!(
            seen(&verdict),
            (true, "keep".to_owned(), "prod/web is set to Sat 28 Nov 2026 03:00 UTC already")
        );
        assert_eq!(verdict.slot, moved_already.at);
    }

    #[test]
    fn what_is_released_late_is_decided_by_deploy_as_after_a_lost_wake_up() {
        let Change::Edit(edit) =
            decided(Operation::Release, &Pending::Schedule(&existing(PASSED, false))).change
        else {
            panic!("an edit")
        };
        let input = edit.input.unwrap();
        assert_eq!(input.woken, Some(1));
        let now = instant("2026-11-28T02:00:00Z");
        assert!(input.is_late(now) && !input.is_late(now - TimeDelta::seconds(1)));
    }

    #[test]
    fn without_a_schedule_there_is_little_to_do() {
        use Operation::{Approve, Cancel, Hold, Release, RunNow};
        for operation in [Approve, Cancel, Hold, Release, RunNow, moved(FRIDAY, false)] {
            let nothing = decided(operation, &Pending::Nothing);
            let (done, change, text) = seen(&nothing);
            assert_eq!((done, change.as_str(), nothing.nothing), (false, "keep", true), "{operation:?}");
            assert!(text.starts_with("nothing is pending for prod/web"), "{text}");
            assert_eq!(text.contains("so there is nothing to cancel"), operation == Cancel, "{text}");
            let verifying = decided(operation, &Pending::Verification);
            let (done, _, text) = seen(&verifying);
            assert_eq!(done, matches!(operation, Approve | Release | RunNow), "{operation:?}");
            assert!(
                text.starts_with("the deployment of prod/web has started and is being verified"),
                "{text}"
            );
            let unfinished = decided(operation, &Pending::Unfinished);
            assert!(!unfinished.done && unfinished.text.contains("nothing is pending for prod/web, unless"));
        }
    }

    #[test]
    fn a_schedule_that_was_edited_to_redeploy_another_service_is_not_touched() {
        let other = ServiceRef::new("prod", "api").expect("valid names");
        let existing =
            Existing { input: Ok(DeployInput { service: other, ..input() }), ..existing(FRIDAY, true) };
        let verdict = decided(Operation::Cancel, &Pending::Schedule(&existing));
        assert_eq!((verdict.done, verdict.change), (false, Change::Keep));
    }
}
