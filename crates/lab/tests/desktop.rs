//! The lab's own test: notifications, tray and Secret Service are real on the private bus.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]
#![expect(clippy::unused_self, clippy::needless_pass_by_value, reason = "methods of D-Bus interfaces")]

use std::{collections::HashMap, path::Path, time::Duration};

use futures_util::StreamExt;
use mailcup_lab::desktop::{CloseReason, Desktop, DesktopConfig};
use zbus::{
    Connection, Proxy, interface,
    zvariant::{ObjectPath, OwnedValue, Value},
};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn show_replace_press_and_close_notifications() {
    let desktop = Desktop::start(DesktopConfig { keyring: false, ..Default::default() }).await.unwrap();
    let app = connect(&desktop).await;
    let server = Proxy::new(
        &app,
        "org.freedesktop.Notifications",
        "/org/freedesktop/Notifications",
        "org.freedesktop.Notifications",
    )
    .await
    .unwrap();
    let mut pressed = server.receive_signal("ActionInvoked").await.unwrap();
    let mut closed = server.receive_signal("NotificationClosed").await.unwrap();
    let show = async |replaces: u32, summary: &str| -> u32 {
        let hints = HashMap::from([("urgency", Value::from(2_u8))]);
        let call =
            ("MailCup", replaces, "", summary, "body", vec!["block", "Block the address"], hints, -1_i32);
        server.call("Notify", &call).await.unwrap()
    };
    let first = show(0, "1 failed").await;
    let second = show(0, "other").await;
    assert_ne!(first, second);
    assert_eq!(show(first, "2 failed").await, first);

    let shown = desktop.notifications.shown();
    assert_eq!(shown.iter().map(|n| n.summary.as_str()).collect::<Vec<_>>(), ["2 failed", "other"]);
    let note = desktop.notifications.await_one(SOON, |n| n.summary.starts_with('2')).await.unwrap();
    assert_eq!((note.replaces, note.has_action("block")), (first, true));
    assert_eq!(note.hints["urgency"], OwnedValue::from(2_u8));

    desktop.notifications.invoke(first, "block").await.unwrap();
    let action: (u32, String) = pressed.next().await.unwrap().body().deserialize().unwrap();
    assert_eq!(action, (first, "block".into()));
    desktop.notifications.close(second, CloseReason::Expired).await.unwrap();
    let reasons: Vec<(u32, u32)> =
        closed.by_ref().take(2).map(|m| m.body().deserialize::<(u32, u32)>().unwrap()).collect().await;
    assert_eq!(reasons, [(first, 2), (second, 1)]);
    assert!(desktop.notifications.shown().is_empty());
    let error = desktop.notifications.await_one(Duration::ZERO, |n| n.summary == "never").await.unwrap_err();
    assert!(error.to_string().contains("2 failed"), "{error}");

    let picture = desktop.home().join("screen.png");
    desktop.screenshot(&picture).await.unwrap();
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_and_click_a_tray_menu_and_keep_secrets() {
    let mut desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let app = connect(&desktop).await;
    let (tx, mut clicks) = tokio::sync::mpsc::unbounded_channel();
    app.object_server().at("/item", Item).await.unwrap();
    app.object_server().at("/menu", Menu { tx }).await.unwrap();
    let watcher = Proxy::new(
        &app,
        "org.kde.StatusNotifierWatcher",
        "/StatusNotifierWatcher",
        "org.kde.StatusNotifierWatcher",
    )
    .await
    .unwrap();
    watcher.call::<_, _, ()>("RegisterStatusNotifierItem", &"/item").await.unwrap();
    assert_eq!(desktop.tray.state().await.unwrap().title, "MailCup");
    let menu = desktop.tray.menu().await.unwrap();
    let labels: Vec<_> = menu.iter().map(|e| (e.label.as_str(), e.separator, e.enabled)).collect();
    assert_eq!(labels, [("All is well", false, false), ("", true, true), ("Pause", false, true)]);
    assert_eq!(menu[2].children[0].ticked, Some(true));
    desktop.tray.click("For an hour").await.unwrap();
    assert_eq!(clicks.recv().await.unwrap(), 4);

    let secrets = async || {
        let bus = zbus::fdo::DBusProxy::new(&app).await.unwrap();
        bus.name_has_owner("org.freedesktop.secrets".try_into().unwrap()).await.unwrap()
    };
    assert!(secrets().await);
    desktop.stop_keyring();
    assert!(!secrets().await);
}

/// `WebKit`'s own small browser stands in for the console, which this crate can't build.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_picture_weigh_and_kill_a_window() {
    let desktop = Desktop::start(DesktopConfig { keyring: false, ..Default::default() }).await.unwrap();
    let browser = Path::new("/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser");
    let window = desktop.open(browser, &["--automation"], &[]).await.unwrap();
    window.goto("data:text/html,<title>Hello</title><h1>Real</h1>").await.unwrap();
    assert_eq!(window.title().await.unwrap(), "Hello");
    let picture = desktop.home().join("page.png");
    window.picture(&picture).await.unwrap();
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    assert_ne!(desktop.window_titles().await.unwrap(), Vec::<String>::new());
    let memory = window.memory();
    eprintln!("opened in {:?}, {memory:?}", window.opened_in);
    assert!(memory.len() >= 3 && memory.iter().all(|process| process.pss > 1_000_000), "{memory:?}");
    window.kill().await.unwrap();
    let again = desktop.open(browser, &["--automation"], &[]).await.unwrap();
    let pid = again.pid();
    again.close().await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}/exe")).exists());
}

async fn connect(desktop: &Desktop) -> Connection {
    zbus::connection::Builder::address(desktop.bus_address()).unwrap().build().await.unwrap()
}

struct Item;

#[interface(name = "org.kde.StatusNotifierItem")]
impl Item {
    #[zbus(property)]
    fn title(&self) -> &'static str {
        "MailCup"
    }

    #[zbus(property)]
    fn menu(&self) -> ObjectPath<'static> {
        ObjectPath::from_static_str_unchecked("/menu")
    }
}

struct Menu {
    tx: tokio::sync::mpsc::UnboundedSender<i32>,
}

type Node = (i32, HashMap<String, Value<'static>>, Vec<Value<'static>>);

fn node(id: i32, properties: &[(&str, Value<'static>)], children: Vec<Node>) -> Node {
    let properties = properties.iter().map(|(k, v)| ((*k).to_owned(), v.try_clone().unwrap())).collect();
    (id, properties, children.into_iter().map(Value::from).collect())
}

#[interface(name = "com.canonical.dbusmenu")]
impl Menu {
    fn get_layout(&self, parent: i32, depth: i32, names: Vec<String>) -> (u32, Node) {
        assert_eq!((parent, depth, names.len()), (0, -1, 0));
        let hour = node(
            4,
            &[
                ("label", "For an _hour".into()),
                ("toggle-type", "checkmark".into()),
                ("toggle-state", 1_i32.into()),
            ],
            vec![],
        );
        let entries = vec![
            node(1, &[("label", "All is well".into()), ("enabled", false.into())], vec![]),
            node(2, &[("type", "separator".into())], vec![]),
            node(3, &[("label", "Pause".into())], vec![hour]),
            node(5, &[("label", "Hidden".into()), ("visible", false.into())], vec![]),
        ];
        (1, node(0, &[], entries))
    }

    fn event(&self, id: i32, kind: &str, data: Value<'_>, time: u32) {
        assert_eq!((kind, data, time), ("clicked", Value::from(0_i32), 0));
        self.tx.send(id).unwrap();
    }
}
