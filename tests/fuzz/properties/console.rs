//! Events of the widget, and pages on which every text is one from outside.

use chrono::TimeDelta;
use chrono_tz::Tz;
use rules::{
    console::{
        Frame,
        confirm::{self, Chosen},
        done::{self, Record},
        entry::{Entry, Filter, State},
        header::Header,
        health, pending,
        request::{Asked, Intent, Request, View},
        service::ServicePage,
    },
    deploy::blockers::Block,
    doctor::{Finding, Severity},
    notice::NoticeRef,
    notify::message::Reader,
    operate::redrive::{Letter, Names},
    policy::{Mode, NotificationDetail, Policy},
    schedule::{
        control::{Control, Entry as Done},
        wake::StopInput,
    },
    service::{Controller, Pause, Progress, Rollout, ServiceEvent, ServiceState, image::Container},
};
use serde_json::{Value, json};

use super::{html, now, place, web};

pub(super) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let event = serde_json::from_str(&text).unwrap_or_default();
    let Asked::Page(request) = Asked::read(&event) else { return };
    let reader = Reader {
        place: place(),
        zone: Tz::Europe__London,
        stack: "stack".into(),
        detail: NotificationDetail::Each,
    };
    let frame = Frame {
        reader: &reader,
        console: "arn:console",
        operate: "arn:operate",
        request: &request,
        require_reason: true,
        drills: true,
        now: now(),
    };
    let header = header(&text);
    for content in contents(&frame, &text, &event) {
        let html = frame.page(&format!("{}{content}", header(&frame)));
        links(&request, &html::check(&html));
    }
}

/// Every link leads to a page, and the one that changes the times leads to the same page.
fn links(request: &Request, actions: &[(String, Value)]) {
    let pages = actions.iter().filter(|(endpoint, _)| endpoint == "arn:console").map(|(_, payload)| {
        let Asked::Page(page) = Asked::read(payload) else { panic!("not a page: {payload}") };
        page
    });
    let same = Request { view: request.view.clone(), utc: !request.utc, dark: false };
    let is_confirmation = matches!(request.view, View::Confirm { .. });
    assert!(is_confirmation || pages.collect::<Vec<_>>().contains(&same), "no link leads to {same:?}");
}

fn header(text: &str) -> impl Fn(&Frame<'_>) -> String {
    let stop = StopInput { since: Some(now()), reason: Some(text.to_owned()), ticket: Some(text.to_owned()) };
    let block = Block::by(text);
    move |frame| {
        let header = Header {
            policy: &Policy::default(),
            stop: Ok(Some(stop.clone())),
            blocks: vec![block.clone()],
            heartbeat: Ok(None),
            pending: (2, 1),
            findings: Some(1),
            has_zones: true,
        };
        header.html(frame)
    }
}

/// The contents of all pages.
fn contents(frame: &Frame<'_>, text: &str, event: &Value) -> Vec<String> {
    let entries: Vec<Entry> = State::ALL.into_iter().map(|state| entry(state, text)).collect();
    let (mut filter, mut services) = (Filter::default(), vec![web()]);
    match &frame.request.view {
        View::Pending(asked) => filter = asked.clone(),
        View::Confirm { services: asked, .. } => services.extend(asked.iter().take(3).cloned()),
        View::Service(asked) => services.push(asked.clone()),
        View::Health | View::Done => {}
    }
    let mut contents =
        vec![pending::html(frame, &entries, &filter), health(frame, text, event), done(frame, text)];
    let logs = [("deploy".to_owned(), "/aws/lambda/deploy".to_owned())];
    for service in &services {
        let (state, entries) = (Ok(Some(state(text))), entries.iter().collect());
        contents.push(ServicePage { service, state, entries, logs: &logs }.html(frame));
    }
    let containers = || Ok(vec![Container { name: text.to_owned(), image: text.to_owned() }]);
    let chosen = |service| Chosen { service, entry: entries.first(), containers: containers() };
    let chosen: Vec<Chosen<'_>> = services.iter().map(chosen).collect();
    for intent in [Intent::Approve, Intent::Move] {
        contents.push(confirm::html(frame, intent, &chosen, &Policy::default()));
    }
    contents
}

fn entry(state: State, text: &str) -> Entry {
    let done = Done {
        at: now(),
        operation: text.to_owned(),
        slot: Some(now()),
        reason: Some(text.to_owned()),
        ticket: Some(text.to_owned()),
    };
    let notice = NoticeRef { event_arn: text.to_owned(), starts_at: Some(now()), cutoff: now(), drill: true };
    Entry {
        schedule: text.to_owned(),
        service: (state != State::Invalid).then(web),
        state,
        at: Some(now()),
        zone: Tz::Europe__London,
        is_check: false,
        window_ends_at: Some(now() + TimeDelta::hours(4)),
        deadline: Some(now()),
        late: Some("the deadline"),
        why: text.to_owned(),
        notices: vec![notice],
        control: Control::default().with(done),
    }
}

fn state(text: &str) -> ServiceState {
    let rollout = Rollout {
        id: text.to_owned(),
        primary: true,
        created_at: Some(now()),
        progress: Progress::InProgress,
        reason: Some(text.to_owned()),
        failed_tasks: 1,
    };
    let pause = Pause {
        hook: text.to_owned(),
        deployment_arn: text.to_owned(),
        expires_at: Some(now()),
        then_continues: false,
    };
    ServiceState {
        status: text.to_owned(),
        desired_count: 2,
        controller: Controller::Unknown(text.to_owned()),
        deployments: vec![rollout],
        tasks: vec![Some(now()), None],
        images: vec![text.to_owned()],
        starting: 1,
        events: vec![ServiceEvent { at: now(), text: text.to_owned() }],
        task_definition: Some(text.to_owned()),
        tags: Vec::new(),
        has_hooks: true,
        pause: Some(pause),
    }
}

/// The page with the dead letters. One of them is the event, as Amazon SQS may hand it over.
fn health(frame: &Frame<'_>, text: &str, event: &Value) -> String {
    let finding = Finding {
        severity: Severity::Critical,
        found: text.to_owned(),
        means: text.to_owned(),
        fix: text.to_owned(),
        command: Some(text.to_owned()),
    };
    let names = Names { ingest: "ingest".into(), deploy: "deploy".into(), verify: "verify".into() };
    let failed = json!({
        "Body": text,
        "MessageAttributes": {"ERROR_MESSAGE": {"StringValue": text}, "TARGET_ARN": {"StringValue": text}},
    });
    let letters = vec![Letter::read(event), Letter::read(&failed), Letter::read(&json!({"Body": text}))];
    health::html(frame, &[finding], Mode::Deploy, &Ok(letters), &names)
}

fn done(frame: &Frame<'_>, text: &str) -> String {
    let written = Record {
        id: text.to_owned(),
        at: Some(now()),
        service: Some(web()),
        outcome: text.to_owned(),
        proof: text.to_owned(),
        notice: text.to_owned(),
        retirement_date: Some(now()),
        tickets: text.to_owned(),
    };
    let records = Record::read(text).into_iter().chain([written]).collect();
    done::html(frame, &Ok(records))
}
