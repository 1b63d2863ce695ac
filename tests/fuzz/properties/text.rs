//! Texts: dates, entities, windows, tags, parameters, times of schedules, and what AWS services store for owners.

use chrono::{Datelike as _, SubsecRound as _, TimeDelta};
use chrono_tz::Tz;
use rules::{
    arn::{Arn, ServiceRef},
    notice::{date, entity::Entity},
    notify::{event::Happened, message::Message},
    policy::{
        Policy,
        alarms::{self, AlarmRef},
        settings::Settings,
        tags::Tags,
    },
    schedule::parse_at,
    service::{
        TaskSet,
        code_deploy::{Revision, app_spec},
        image::{Container, warning},
        permission::advice,
    },
    time::{calendar::Calendars, window::Windows},
};

use super::{check_time, now, place, web};

pub(super) fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    dates(text);
    entities(text);
    windows(text);
    names(text);
    settings(text);
    tags(text);
    stored(text);
    for zone in [None, Some("Asia/Kathmandu"), Some(text)] {
        parse_at(text, zone).into_iter().for_each(check_time);
    }
}

/// A date is the same in every form. In a sentence, what follows it changes nothing.
fn dates(text: &str) {
    let in_sentence = date::in_sentence(text);
    if in_sentence.is_some() {
        assert_eq!(date::in_sentence(&format!("{text} were launched")), in_sentence);
    }
    for date in [date::parse(text), in_sentence].into_iter().flatten() {
        assert!((1970..=9999).contains(&date.year()), "{date}");
        assert_eq!(date::parse(&date.to_rfc3339()), Some(date));
        let whole = Some(date.trunc_subsecs(0));
        let worded = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        assert_eq!((date::parse(&worded), date::in_sentence(&worded)), (whole, whole), "{worded}");
    }
}

/// A service is the same in each of its forms, and an ARN prints as it was.
fn entities(text: &str) {
    let parse = |text: &str| Entity::parse(text, "111122223333", "eu-west-2");
    if let Entity::Service(service) = parse(text) {
        let (cluster, name) = (service.cluster(), service.service());
        for form in
            [format!("{cluster}|{name}"), format!(" {cluster}/{name} "), place().service_arn(&service)]
        {
            assert_eq!(parse(&form), Entity::Service(service.clone()), "{form}");
        }
    }
    if let Some(arn) = Arn::parse(text) {
        assert_eq!(arn.to_string(), text);
    }
    if let Some(service) = ServiceRef::parse(text) {
        assert_eq!(ServiceRef::parse(&service.to_string()), Some(service));
    }
}

/// Windows print as they are read, in characters that a tag may have. One is open now, or opens within nine days.
fn windows(text: &str) {
    let windows = match Windows::parse(text, Tz::Europe__London) {
        Ok(windows) => windows,
        Err(error) => {
            return assert!(error.to_string().contains("for example") || error.to_string().contains("use "));
        }
    };
    let printed = windows.to_string();
    assert_eq!(Windows::parse(&printed, Tz::UTC), Ok(windows.clone()), "{printed}");
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    assert!(printed.chars().all(allowed), "{printed}");
    let opening = windows.open_or_next(now()).expect("an opening");
    assert!(opening.start < opening.end && now() < opening.end && opening.start < now() + TimeDelta::days(9));
    assert_eq!(windows.is_open(now()), opening.start <= now(), "{printed}");
    assert!(
        windows.is_open(opening.start) && windows.is_open(opening.end - TimeDelta::seconds(1)),
        "{printed}"
    );
}

/// Names of calendars and alarms are read as they were written.
fn names(text: &str) {
    if let Ok(calendars) = Calendars::parse(text) {
        assert_eq!(Calendars::parse(&calendars.names().join(",")), Ok(calendars));
    }
    if let Ok(parsed) = alarms::parse(text) {
        let written = parsed.iter().map(|alarm| match alarm {
            AlarmRef::Prefix(prefix) => prefix.as_str(),
            AlarmRef::One { arn, .. } => arn.as_str(),
        });
        assert_eq!(alarms::parse(&written.collect::<Vec<_>>().join(",")), Ok(parsed));
    }
}

/// Invalid parameters are refused together, each with its name.
fn settings(text: &str) {
    let lookup = |_: &str| Some(text.to_owned());
    let mut settings = Settings::new(&lookup);
    let policy = settings.policy();
    let Err(error) = settings.finish(policy) else { panic!("no text is a mode and a number of minutes") };
    let error = error.to_string();
    for parameter in ["Mode", "MinimumNoticeMinutes", "SlotPreference"] {
        let valid = match parameter {
            "Mode" => matches!(text.trim(), "deploy" | "approve" | "observe"),
            "SlotPreference" => matches!(text.trim(), "earliest" | "latest"),
            _ => text.trim().parse::<u16>().is_ok_and(|minutes| minutes <= 20_160),
        };
        let reported =
            error.starts_with(&format!("{parameter} is ")) || error.contains(&format!("; {parameter} is "));
        assert!(valid || reported, "{error}");
    }
}

/// What an owner writes as a tag is used or reported, and an unreadable mode holds the service.
fn tags(text: &str) {
    for name in ["window", "mode", "after"] {
        let tag = (format!("ecs-task-patching:{name}"), text.to_owned());
        let tags = Tags::read(&web(), &[tag], Tz::UTC);
        let used = [tags.windows.is_some(), tags.mode.is_some(), tags.after.is_some()].contains(&true);
        assert!(used != (tags.problems.len() == 1), "{tags:?}");
        assert_eq!(tags.held.is_some(), name == "mode" && !used);
        let policy = tags.over(&Policy::default());
        assert!(tags.windows.is_none_or(|windows| windows == policy.windows));
    }
    let tags = Tags::read(&web(), &[(text.to_owned(), "off".to_owned())], Tz::UTC);
    assert!(tags.mode.is_none() || text == "ecs-task-patching:mode");
}

/// What other services store for owners: `AppSpec`s, images, errors, and names in subjects of messages.
fn stored(text: &str) {
    let set = TaskSet {
        deployment: None,
        started_by: None,
        task_definition: "arn:td".into(),
        container: Some(("app".into(), 80)),
        platform_version: None,
        capacity_providers: Vec::new(),
    };
    if let Ok(spec) = app_spec(&set, &Revision::Content(text.to_owned())) {
        assert_eq!(app_spec(&set, &Revision::Content(spec.clone())), Ok(spec), "the hooks change");
    }
    let _ = warning(&[Container { name: "app".into(), image: text.to_owned() }]);
    let denied = format!("AccessDeniedException: not authorized to perform iam:PassRole on {text}");
    assert!(advice("UpdateService", &denied).is_some_and(|advice| advice.contains("PassRole")));
    let subject = message(text).subject();
    assert!(subject.len() < 100 && subject.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{subject}");
}

fn message(text: &str) -> Message {
    Message {
        happened: Happened::Skipped,
        title: text.to_owned(),
        lead: Vec::new(),
        next: Vec::new(),
        details: Vec::new(),
        facts: Vec::new(),
        resources: Vec::new(),
        thread: String::new(),
    }
}
