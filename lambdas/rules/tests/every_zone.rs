//! The planner against a second, slower algorithm for the start time: minute by minute, in every IANA time zone, around the
//! nights in which the clocks change.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use std::{cell::Cell, collections::BTreeMap};

use chrono::{DateTime, Datelike, Days, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use rules::{
    notice::NoticeRef,
    plan::plan,
    policy::{Policy, settings::Settings},
};

/// One case: windows, parameters, and an instant near a change of the clocks.
#[derive(Clone, Debug)]
struct Case {
    windows: Vec<(u8, u16, u16)>,
    latest: bool,
    notice: u16,
    margin: u16,
    wait_minutes: i64,
    change: Index,
    before_change: i64,
}

fn cases() -> impl Strategy<Value = Case> {
    // Most changes of the clocks lie between midnight and four in the morning.
    let minute = || prop_oneof![0u16..240, 0u16..1440];
    let window = (1u8..128, minute(), minute());
    (
        prop::collection::vec(window, 1..3),
        any::<bool>(),
        0u16..600,
        0u16..3_000,
        prop_oneof![Just(7 * 1440i64), Just(14 * 1440), 1i64..14 * 1440],
        any::<Index>(),
        -1_440i64..10 * 86_400, // in seconds
    )
        .prop_map(|(windows, latest, notice, margin, wait_minutes, change, before_change)| Case {
            windows,
            latest,
            notice,
            margin,
            wait_minutes,
            change,
            before_change,
        })
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn opens_on(days: u8, day: Weekday) -> bool {
    days & (1 << day.num_days_from_monday()) != 0
}

impl Case {
    fn policy(&self, zone: Tz) -> Policy {
        let windows = self.windows.iter().map(|(days, start, end)| {
            let days: Vec<&str> = DAYS
                .into_iter()
                .enumerate()
                .filter(|(day, _)| days & (1 << day) != 0)
                .map(|(_, name)| name)
                .collect();
            let time = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            format!("{} {}-{}", days.join("+"), time(start), time(end))
        });
        let settings = BTreeMap::from([
            ("TIME_ZONE", zone.name().to_owned()),
            ("MAINTENANCE_WINDOWS", windows.collect::<Vec<_>>().join(" or ")),
            ("MINIMUM_NOTICE_MINUTES", self.notice.to_string()),
            ("DEADLINE_MARGIN_MINUTES", self.margin.to_string()),
            ("SLOT_PREFERENCE", if self.latest { "latest" } else { "earliest" }.to_owned()),
            ("WHEN_NO_WINDOW_FITS", "leave-to-aws".to_owned()),
        ]);
        let lookup = |name: &str| settings.get(name).cloned();
        let mut settings = Settings::new(&lookup);
        let policy = settings.policy();
        settings.finish(policy).expect("settings of the test")
    }
}

/// The instants at which the offset from UTC changes, to within six hours; some instant where it never does.
fn changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let start = Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).unwrap();
    let steps: Vec<DateTime<Utc>> = (0..4 * 366 * 4).map(|step| start + TimeDelta::hours(6 * step)).collect();
    let offset = |moment: &DateTime<Utc>| zone.offset_from_utc_datetime(&moment.naive_utc()).fix();
    let found: Vec<_> =
        steps.windows(2).filter(|pair| offset(&pair[0]) != offset(&pair[1])).map(|pair| pair[0]).collect();
    if found.is_empty() { vec![start] } else { found }
}

/// Walks over the minutes and reads the local clock: a window opens in the first minute that shows its start, or a later
/// time.
fn slowly(case: &Case, zone: Tz, now: DateTime<Utc>, deadline: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let minute = TimeDelta::minutes(1);
    let earliest = now + TimeDelta::minutes(case.notice.into());
    let mut moment = (earliest - TimeDelta::days(4)).date_naive().and_time(NaiveTime::MIN).and_utc();
    let wall = |moment: DateTime<Utc>| moment.with_timezone(&zone).naive_local();
    let mut seen: NaiveDateTime = wall(moment - minute);
    let mut open_until: Vec<(DateTime<Utc>, TimeDelta)> = Vec::new();
    let mut first_minute = true;
    let mut start_time = None;
    while moment <= deadline {
        let shown = wall(moment);
        let mut opens = false;
        if shown > seen {
            for (days, start, end) in &case.windows {
                let time = NaiveTime::from_hms_opt(u32::from(start / 60), u32::from(start % 60), 0).unwrap();
                let mut date = seen.date() - Days::new(1);
                while date <= shown.date() {
                    let opening = date.and_time(time);
                    if opens_on(*days, date.weekday()) && seen < opening && opening <= shown {
                        let length = if end > start { end - start } else { 1440 + end - start };
                        let length = TimeDelta::minutes(length.into());
                        open_until.push((moment + length, length));
                        opens = true;
                    }
                    date = date.succ_opt().unwrap();
                }
            }
            seen = shown;
        }
        if moment >= earliest {
            let half_is_left = |&(until, length): &(DateTime<Utc>, TimeDelta)| {
                (until - moment) * 2 >= length && until > moment
            };
            if opens || (first_minute && open_until.iter().any(half_is_left)) {
                start_time = Some(moment);
                if !case.latest {
                    return start_time;
                }
            }
            first_minute = false;
        }
        moment += minute;
    }
    start_time
}

#[test]
fn the_planner_agrees_with_a_walk_over_the_minutes_in_every_time_zone() {
    #[expect(clippy::disallowed_methods, reason = "PROPTEST_CASES asks for more in a thorough run")]
    let cases_per_zone =
        std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(4);
    let config =
        ProptestConfig { cases: cases_per_zone, failure_persistence: None, ..ProptestConfig::default() };
    let (compared, planned) = (Cell::new(0), Cell::new(0));
    for zone in TZ_VARIANTS {
        let changes = changes(zone);
        TestRunner::new(config.clone())
            .run(&cases(), |case| {
                let now = *case.change.get(&changes) - TimeDelta::seconds(case.before_change);
                let starts_at = now + TimeDelta::minutes(case.wait_minutes);
                let notice = NoticeRef {
                    event_arn: "arn:1".into(),
                    starts_at: Some(starts_at),
                    cutoff: now,
                    drill: false,
                };
                let found = plan(&case.policy(zone), &[notice], now).map(|slot| slot.at).ok();
                let expected = slowly(&case, zone, now, starts_at - TimeDelta::minutes(case.margin.into()));
                prop_assert_eq!(found, expected, "now {} starts_at {}", now, starts_at);
                compared.set(compared.get() + 1);
                planned.set(planned.get() + u32::from(found.is_some()));
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{zone}: {error}"));
    }
    assert_eq!(compared.get(), u32::try_from(TZ_VARIANTS.len()).unwrap() * cases_per_zone);
    assert!(
        planned.get() * 2 > compared.get(),
        "most cases should have a start time, or they compare nothing"
    );
}
