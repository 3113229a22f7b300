//! A system tray: `StatusNotifierWatcher`, and the user's side of the item that registers with it.
#![expect(clippy::unused_self, reason = "methods of a D-Bus interface take self")]

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use zbus::{
    Connection, Proxy, interface,
    message::Header,
    object_server::SignalEmitter,
    proxy::CacheProperties,
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

use crate::{LabError, wait};

const PATIENCE: Duration = Duration::from_secs(10);

/// What the tray shows of the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrayState {
    pub id: String,
    pub title: String,
    /// Active, Passive or `NeedsAttention`.
    pub status: String,
    /// The icon's file, where the item names one.
    pub icon: Option<PathBuf>,
}

/// One line of the item's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuEntry {
    pub id: i32,
    /// Without the marks of access keys.
    pub label: String,
    pub enabled: bool,
    pub separator: bool,
    /// For entries that can be ticked.
    pub ticked: Option<bool>,
    pub children: Vec<MenuEntry>,
}

/// The tray, holding the item that registered last.
#[derive(Debug, Clone)]
pub struct Tray {
    connection: Connection,
    items: Arc<Mutex<Vec<Item>>>,
}

impl Tray {
    /// Waits until an item is there and shows something.
    pub async fn state(&self) -> Result<TrayState, LabError> {
        let proxy = self.item("org.kde.StatusNotifierItem").await?;
        let text = async |name: &str| proxy.get_property::<String>(name).await.unwrap_or_default();
        let (folder, name) = (text("IconThemePath").await, text("IconName").await);
        Ok(TrayState {
            id: text("Id").await,
            title: text("Title").await,
            status: text("Status").await,
            icon: icon_file(&folder, &name),
        })
    }

    /// The menu as it is now.
    pub async fn menu(&self) -> Result<Vec<MenuEntry>, LabError> {
        let menu = self.menu_proxy().await?;
        // Toolkits that fill their menu late do it at this call; others don't know it.
        let _ = menu.call_method("AboutToShow", &(0_i32,)).await;
        let reply = menu.call_method("GetLayout", &(0_i32, -1_i32, Vec::<String>::new())).await?;
        let (_revision, root): (u32, Node) = reply.body().deserialize()?;
        Ok(root.2.iter().filter_map(|child| entry(child)).collect())
    }

    /// Waits until the menu has an entry whose label contains `text`, and gives it.
    pub async fn await_entry(&self, text: &str, deadline: Duration) -> Result<MenuEntry, LabError> {
        let mut last = Vec::new();
        let what = format!("the tray's menu got no entry “{text}”");
        let found = wait::until(&what, deadline, async || {
            last = self.menu().await.unwrap_or_default();
            find(&last, text).cloned()
        })
        .await;
        found.map_err(|error| error.with_evidence(&format!("the menu: {last:#?}")))
    }

    /// Clicks the first entry whose label contains `text`.
    pub async fn click(&self, text: &str) -> Result<(), LabError> {
        let entry = self.await_entry(text, PATIENCE).await?;
        let event = (entry.id, "clicked", Value::from(0_i32), 0_u32);
        self.menu_proxy().await?.call_method("Event", &event).await?;
        Ok(())
    }

    pub(super) async fn serve(connection: &Connection) -> Result<Self, LabError> {
        let items = Arc::new(Mutex::new(Vec::new()));
        let watcher = Watcher { items: Arc::clone(&items) };
        connection.object_server().at("/StatusNotifierWatcher", watcher).await?;
        connection.request_name("org.kde.StatusNotifierWatcher").await?;
        Ok(Self { connection: connection.clone(), items })
    }

    async fn item(&self, interface: &'static str) -> Result<Proxy<'static>, LabError> {
        let item = wait::until("no item registered with the tray", PATIENCE, async || {
            self.items.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
        })
        .await?;
        self.proxy(item.owner, item.path, interface).await
    }

    async fn menu_proxy(&self) -> Result<Proxy<'static>, LabError> {
        let item = self.item("org.kde.StatusNotifierItem").await?;
        let path: OwnedObjectPath = item.get_property("Menu").await?;
        self.proxy(item.destination().to_string(), path.to_string(), "com.canonical.dbusmenu").await
    }

    async fn proxy(
        &self,
        owner: String,
        path: String,
        interface: &'static str,
    ) -> Result<Proxy<'static>, LabError> {
        Ok(zbus::proxy::Builder::new(&self.connection)
            .destination(owner)?
            .path(path)?
            .interface(interface)?
            .cache_properties(CacheProperties::No)
            .build()
            .await?)
    }
}

/// The layout of `com.canonical.dbusmenu`: id, properties, children.
type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

fn find<'a>(entries: &'a [MenuEntry], text: &str) -> Option<&'a MenuEntry> {
    entries
        .iter()
        .find_map(|entry| if entry.label.contains(text) { Some(entry) } else { find(&entry.children, text) })
}

fn entry(value: &Value<'_>) -> Option<MenuEntry> {
    let fields = match value {
        Value::Value(inner) => return entry(inner),
        Value::Structure(structure) => structure.fields(),
        _ => return None,
    };
    let [id, Value::Dict(properties), Value::Array(children)] = fields else { return None };
    let text = |name: &str| properties.get::<_, String>(&name).ok().flatten();
    let flag = |name: &str| properties.get::<_, bool>(&name).ok().flatten();
    if flag("visible") == Some(false) {
        return None;
    }
    let ticked = text("toggle-type")
        .filter(|kind| !kind.is_empty())
        .map(|_| properties.get::<_, i32>(&"toggle-state").ok().flatten() == Some(1));
    Some(MenuEntry {
        id: i32::try_from(id).ok()?,
        label: text("label").unwrap_or_default().replace('_', ""),
        enabled: flag("enabled").unwrap_or(true),
        separator: text("type").as_deref() == Some("separator"),
        ticked,
        children: children.iter().filter_map(entry).collect(),
    })
}

fn icon_file(folder: &str, name: &str) -> Option<PathBuf> {
    [PathBuf::from(name), PathBuf::from(folder).join(name), PathBuf::from(folder).join(format!("{name}.png"))]
        .into_iter()
        .find(|path| path.is_absolute() && path.is_file())
}

#[derive(Debug, Clone)]
struct Item {
    owner: String,
    path: String,
}

#[derive(Debug)]
struct Watcher {
    items: Arc<Mutex<Vec<Item>>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    /// `service` is a bus name, or an object path of whoever calls.
    async fn register_status_notifier_item(
        &self,
        service: String,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let item = if service.starts_with('/') {
            Item { owner: sender, path: service.clone() }
        } else {
            Item { owner: service.clone(), path: "/StatusNotifierItem".into() }
        };
        self.items.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        Self::status_notifier_item_registered(&emitter, &service).await?;
        Ok(())
    }

    fn register_status_notifier_host(&self, service: &str) {
        tracing::debug!(service, "a tray host");
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.iter().map(|item| format!("{}{}", item.owner, item.path)).collect()
    }

    #[zbus(signal)]
    async fn status_notifier_item_registered(emitter: &SignalEmitter<'_>, service: &str) -> zbus::Result<()>;
}
