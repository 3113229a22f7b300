//! Events written to a file.

use std::{fs, path::Path, time::Duration};

use mailcup_console_core::Console;
use mailcup_wire::{
    Code, Event, ExportId,
    desktop::{Column, ExportFormat, ExportRequest, ExportState, SavedView},
};

use super::{
    desk::{Desk, set_up},
    of, query, reports,
};

fn request(path: &Path, format: ExportFormat) -> ExportRequest {
    ExportRequest {
        filter: of("anna"),
        format,
        path: path.display().to_string(),
        columns: vec![Column::Account, Column::Address, Column::Outcome],
    }
}

async fn with_failures(desk: &Desk, folder: &Path) -> Console {
    let console = desk.start(folder);
    set_up(&console).await;
    let reports = reports(&console).await;
    for attempt in 0..3 {
        reports.failure("anna@example.org", "203.0.113.9", attempt).await;
    }
    let here = mailcup_lab::wait::until("the failures", Duration::from_secs(20), async || {
        let here = console.count_events(of("anna"), None).await.unwrap();
        (here.events == 3).then_some(())
    });
    here.await.unwrap();
    console
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_what_passes_and_nothing_is_left_of_one_that_fails() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = with_failures(&desk, folder.path()).await;
    let target = folder.path().join("exports");
    fs::create_dir(&target).unwrap();

    let table = target.join("events.csv");
    let id = console.export_events(request(&table, ExportFormat::Csv)).unwrap();
    let ended = desk.export_ended(&id).await;
    assert_eq!(ended.state, ExportState::Done { path: table.display().to_string() });
    let text = fs::read_to_string(&table).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("account,address,outcome"));
    let failures = lines.filter(|line| *line == "anna@example.org,203.0.113.9,failed").count();
    assert_eq!(failures, 3);
    assert_eq!(ended.written, u32::try_from(text.lines().count() - 1).unwrap());
    assert_eq!(ended.written, ended.total);

    let lines = target.join("events.jsonl");
    let id = console.export_events(request(&lines, ExportFormat::JsonLines)).unwrap();
    desk.export_ended(&id).await;
    let exported: Vec<Event> =
        fs::read_to_string(&lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = console.events(mailcup_wire::desktop::EventQuery { filter: of("anna"), ..query() });
    assert_eq!(exported, shown.await.unwrap().events);

    // There is a folder of this name: the finished file can't take its place.
    let taken = target.join("taken");
    fs::create_dir_all(taken.join("inside")).unwrap();
    let id = console.export_events(request(&taken, ExportFormat::Csv)).unwrap();
    let ended = desk.export_ended(&id).await;
    assert!(matches!(ended.state, ExportState::Failed { .. }), "{ended:?}");
    let nowhere = request(&target.join("no/folder/here.csv"), ExportFormat::Csv);
    let id = console.export_events(nowhere).unwrap();
    assert!(matches!(desk.export_ended(&id).await.state, ExportState::Failed { .. }));
    let relative = request(Path::new("here.csv"), ExportFormat::Csv);
    assert_eq!(console.export_events(relative).unwrap_err().code, Code::Invalid);
    console.cancel_export(&ExportId("none".to_owned()));

    let mut left: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["events.csv", "events.jsonl", "taken"]);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_views_outlive_the_console() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    assert_eq!(console.saved_views().await.unwrap_err().code, Code::Unavailable);
    set_up(&console).await;
    let view = |name: &str| SavedView { name: name.to_owned(), address: "/activity?x=1".to_owned() };
    console.save_view(view("Refused")).await.unwrap();
    console.save_view(view("Anna")).await.unwrap();
    console.rename_view("Refused".into(), "Refused by us".into()).await.unwrap();
    console.shut_down().await.unwrap();
    drop(console);

    let console = desk.start(folder.path());
    desk.ready().await;
    assert_eq!(console.saved_views().await.unwrap(), [view("Refused by us"), view("Anna")]);
    console.delete_view("Anna".into()).await.unwrap();
    assert_eq!(console.saved_views().await.unwrap(), [view("Refused by us")]);
    console.shut_down().await.unwrap();
}
