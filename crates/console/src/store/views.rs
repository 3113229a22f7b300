//! Pages' addresses that were saved under names.

use mailcup_wire::{Code, Problem, desktop::SavedView};
use rusqlite::Connection;

use super::{
    Readers, Result, Store,
    meta::{get, put},
};

const VIEWS: &str = "saved_views";
const MOST: usize = 200;
const LONGEST_NAME: usize = 100;
const LONGEST_ADDRESS: usize = 8_000;

pub enum ViewChange {
    /// Replaces one of the same name.
    Save(SavedView),
    Rename {
        name: String,
        new_name: String,
    },
    Delete {
        name: String,
    },
}

impl Readers {
    /// In the order in which they were saved first.
    pub async fn saved_views(&self) -> Result<Vec<SavedView>> {
        self.run(saved).await
    }
}

impl Store {
    pub async fn change_views(&self, change: ViewChange) -> Result<Result<(), Problem>> {
        self.write(move |writer| {
            let transaction = writer.transaction()?;
            let mut views = saved(&transaction)?;
            let changed = changed(&mut views, change);
            if changed.is_ok() {
                put(&transaction, VIEWS, &views)?;
                transaction.commit()?;
            }
            Ok(changed)
        })
        .await
    }
}

fn saved(reader: &Connection) -> Result<Vec<SavedView>> {
    Ok(get(reader, VIEWS)?.unwrap_or_default())
}

fn changed(views: &mut Vec<SavedView>, change: ViewChange) -> Result<(), Problem> {
    match change {
        ViewChange::Save(mut view) => {
            view.name = named(&view.name)?;
            if !view.address.starts_with('/') || view.address.len() > LONGEST_ADDRESS {
                return Err(Problem::field("address", "Save the address of a page."));
            }
            let full = views.len() >= MOST;
            match views.iter_mut().find(|known| known.name == view.name) {
                Some(known) => known.address = view.address,
                None if full => {
                    let why = format!("{MOST} views are saved already. Delete one first.");
                    return Err(Problem::new(Code::Conflict, why));
                }
                None => views.push(view),
            }
        }
        ViewChange::Rename { name, new_name } => {
            let new_name = named(&new_name)?;
            if new_name != name && views.iter().any(|known| known.name == new_name) {
                let why = format!("There is a view “{new_name}” already.");
                return Err(Problem::field("new_name", why));
            }
            let known = views.iter_mut().find(|known| known.name == name);
            let known = known.ok_or_else(|| Problem::new(Code::NotFound, "There is no such view."))?;
            known.name = new_name;
        }
        ViewChange::Delete { name } => views.retain(|known| known.name != name),
    }
    Ok(())
}

fn named(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Problem::field("name", "Give the view a name."));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(Problem::field("name", format!("Use at most {LONGEST_NAME} characters.")));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, address: &str) -> SavedView {
        SavedView { name: name.to_owned(), address: address.to_owned() }
    }

    #[test]
    fn a_name_stands_for_one_view() {
        let mut views = Vec::new();
        let mut change = |change| changed(&mut views, change).map_err(|problem| problem.code);
        let rename = |name: &str, new_name: &str| ViewChange::Rename {
            name: name.to_owned(),
            new_name: new_name.to_owned(),
        };
        assert_eq!(change(ViewChange::Save(view(" a ", "/activity?x=1"))), Ok(()));
        assert_eq!(change(ViewChange::Save(view("b", "/activity"))), Ok(()));
        assert_eq!(change(ViewChange::Save(view("a", "/activity?x=2"))), Ok(()));
        assert_eq!(change(ViewChange::Save(view(" ", "/activity"))), Err(Code::Invalid));
        assert_eq!(change(ViewChange::Save(view("c", "https://example.org"))), Err(Code::Invalid));
        assert_eq!(change(rename("a", "b")), Err(Code::Invalid));
        assert_eq!(change(rename("c", "d")), Err(Code::NotFound));
        assert_eq!(change(rename("a", "c")), Ok(()));
        assert_eq!(change(ViewChange::Delete { name: "b".to_owned() }), Ok(()));
        assert_eq!(views, [view("c", "/activity?x=2")]);
    }
}
