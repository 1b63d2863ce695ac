//! Random runs: notices, people, rollouts and failures at once.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use fake_aws::Fate;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Value, json};

use crate::{Choices, Edit, Run, Step, WINDOWS, What, run::Counts};

/// A Wednesday. No notice has a later cut-off: all tasks are older, and all new tasks are newer.
const START: &str = "2026-11-25T18:00:00Z";
const SERVICES: usize = 3;

/// What happens in a run.
#[derive(Clone)]
pub struct Plot {
    fates: Vec<Fate>,
    steps: Vec<Step>,
    /// Calls fail, functions are killed, and wake-ups are lost.
    faults: bool,
    choices: Vec<u8>,
}

/// One line for each step: proptest prints what it shrinks to.
impl fmt::Debug for Plot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:?}, faults: {}, {} choices", self.fates, self.faults, self.choices.len())?;
        self.steps.iter().try_for_each(|Step { at, what }| match what {
            What::Event(event) => {
                let detail = &event["detail"];
                let [arn, page, status, date, names] =
                    ["eventArn", "page", "statusCode", "startTime", "affectedEntities"]
                        .map(|field| &detail[field]);
                writeln!(formatter, "  {at} {arn} page {page} {status} {date}: {names}")
            }
            what => writeln!(formatter, "  {at} {what:?}"),
        })
    }
}

fn start() -> DateTime<Utc> {
    START.parse().expect("an instant")
}

fn name(service: usize) -> String {
    format!("service-{service}")
}

/// One thing that AWS Health says of a notice.
#[derive(Clone, Debug)]
struct Telling {
    /// Minutes after the first event of the notice.
    after: i64,
    /// Days from the start to the retirement date. `None`: as before.
    days: Option<i64>,
    closed: bool,
    /// Names only the first service of each page, or, if `closed`, none.
    names: Names,
}

#[derive(Clone, Copy, Debug)]
enum Names {
    All,
    First,
    None,
}

#[derive(Clone, Debug)]
struct Notice {
    /// Minutes from the start to its first event.
    first: i64,
    pages: Vec<Vec<usize>>,
    days: i64,
    tellings: Vec<Telling>,
    /// Its events have no page number, like older events of AWS Health.
    unnumbered: bool,
    /// Its description states the cut-off.
    stated: bool,
}

impl Notice {
    fn steps(&self, nth: usize) -> Vec<Step> {
        let mut days = self.days;
        let first = Telling { after: 0, days: None, closed: false, names: Names::All };
        let mut tellings = self.tellings.clone();
        tellings.sort_by_key(|telling| telling.after);
        let mut steps = Vec::new();
        for telling in [first].iter().chain(&tellings) {
            days = telling.days.unwrap_or(days);
            let sent_at = start() + TimeDelta::minutes(self.first + telling.after);
            for page in 0..self.pages.len() {
                let what = What::Event(self.event(nth, page, days, telling, sent_at));
                steps.push(Step { at: sent_at, what });
            }
        }
        steps
    }

    fn event(&self, nth: usize, page: usize, days: i64, telling: &Telling, sent_at: DateTime<Utc>) -> Value {
        let named = match telling.names {
            Names::All => self.pages[page].len(),
            Names::None if telling.closed => 0,
            Names::First | Names::None => 1,
        };
        let services = self.pages[page].iter().take(named);
        let entities: Vec<Value> =
            services.map(|service| json!({"entityValue": format!("prod|{}", name(*service))})).collect();
        let stated = format!("Tasks launched after {START} are new.");
        json!({
            "detail-type": "AWS Health Event", "source": "aws.health", "account": "111122223333", "region": "eu-west-2",
            "time": sent_at.to_rfc3339(), "resources": [],
            "detail": {
                "eventArn": format!("arn:aws:health:eu-west-2::event/ECS/X/{nth}"),
                "eventTypeCode": "AWS_ECS_TASK_PATCHING_RETIREMENT",
                "statusCode": if telling.closed { "closed" } else { "upcoming" },
                "page": if self.unnumbered { Value::Null } else { json!((page + 1).to_string()) },
                "totalPages": self.pages.len().to_string(),
                "startTime": (start() + TimeDelta::days(days)).to_rfc3339(),
                "eventDescription": [{"latestDescription": if self.stated { &stated } else { "Tasks are retired." }}],
                "affectedEntities": entities,
            },
        })
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => (1_u32..90).prop_map(Fate::Completes),
        1 => (1_u32..90).prop_map(Fate::RollsBack),
        1 => Just(Fate::Sticks),
        1 => Just(Fate::CrashLoops),
    ]
}

/// Retirement dates. With the wait periods of a run, none leads to a cut-off after the start.
fn days() -> impl Strategy<Value = i64> {
    select(vec![3_i64, 5, 7])
}

fn notice() -> impl Strategy<Value = Notice> {
    let after = prop_oneof![1_i64..120, 1_i64..2_800];
    let telling = (after, prop::option::weighted(0.4, days()), prop::bool::weighted(0.2), 0..5_u8);
    let telling = telling.prop_map(|(after, days, closed, names)| {
        let names = match names {
            0 | 1 => Names::First,
            2 => Names::None,
            _ => Names::All,
        };
        Telling { after, days, closed, names }
    });
    // A notice names a service on one of its pages.
    let named = subsequence((0..SERVICES).collect::<Vec<_>>(), 1..=SERVICES);
    let pages =
        (named, 1..=SERVICES).prop_map(|(named, most)| named.chunks(most).map(<[usize]>::to_vec).collect());
    let first = prop_oneof![2 => Just(0_i64), 1 => 0_i64..1_400];
    let flags = (prop::bool::weighted(0.25), any::<bool>());
    (first, pages, days(), vec(telling, 0..3), flags).prop_map(
        |(first, pages, days, tellings, (unnumbered, stated))| Notice {
            first,
            pages,
            days,
            tellings,
            unnumbered,
            stated,
        },
    )
}

/// What people and other systems do.
fn deed() -> impl Strategy<Value = What> {
    let service = || (0..SERVICES).prop_map(name);
    let edit = prop_oneof![
        Just(Edit::Disable),
        Just(Edit::Enable),
        (5_i64..7_000).prop_map(Edit::Move),
        Just(Edit::Delete),
        Just(Edit::Describe),
    ];
    let window = || select(WINDOWS.to_vec());
    let mode = select(vec![None, None, Some("approve"), Some("observe"), Some("off")]);
    prop_oneof![
        6 => (service(), edit).prop_map(|(service, edit)| What::Edit(service, edit)),
        2 => (service(), prop::option::weighted(0.7, window())).prop_map(|(service, window)| What::TagWindow(service, window)),
        1 => (service(), mode).prop_map(|(service, mode)| What::TagMode(service, mode)),
        2 => window().prop_map(What::Parameter),
        2 => prop::option::weighted(0.8, (0_i64..3_000, 30_i64..2_000)).prop_map(What::Freeze),
        1 => any::<bool>().prop_map(What::Alarm),
        1 => select(vec![7_u32, 14]).prop_map(What::WaitPeriod),
        1 => any::<bool>().prop_map(What::Stop),
        2 => (service(), fate()).prop_map(|(service, fate)| What::Foreign(service, fate)),
    ]
}

/// Random plots.
pub fn plots() -> impl Strategy<Value = Plot> {
    let deeds = vec((1_i64..9_000, deed()), 0..8);
    let choices = vec(any::<u8>(), 100..600);
    (vec(fate(), SERVICES), vec(notice(), 1..=2), deeds, any::<bool>(), choices).prop_map(
        |(fates, notices, deeds, faults, choices)| {
            let mut steps: Vec<Step> =
                notices.iter().enumerate().flat_map(|(nth, notice)| notice.steps(nth)).collect();
            let deed = |(minutes, what)| Step { at: start() + TimeDelta::minutes(minutes), what };
            steps.extend(deeds.into_iter().map(deed));
            steps.sort_by_key(|step| step.at);
            Plot { fates, steps, faults, choices }
        },
    )
}

impl Plot {
    /// Runs until nothing is left to happen, and counts what happened.
    ///
    /// # Errors
    /// The story of what went wrong.
    pub fn run(&self) -> Result<Counts, String> {
        let services: Vec<(String, Fate)> = (0..).map(name).zip(self.fates.iter().copied()).collect();
        let mut run = Run::new(&services, start(), self.faults);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let until = start() + TimeDelta::days(9);
        let choices = &mut Choices::new(self.choices.clone());
        let to_the_end = run.to_the_end(self.steps.clone(), start(), until, choices);
        runtime.expect("a runtime").block_on(to_the_end);
        if run.violations.is_empty() { Ok(run.counts()) } else { Err(run.short_story()) }
    }
}
