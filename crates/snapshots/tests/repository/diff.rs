//! Comparisons of two snapshots.

use super::*;

#[test]
fn a_diff_names_what_came_went_changed_and_moved() {
    let lab = Lab::new();
    let mut files = mail();
    let first = lab.backup_at(&files, 0).unwrap().snapshot;
    let cur = Path::new("mail/example.org/anna/cur");
    let moved = files.remove(&cur.join("0003.host:2,S")).unwrap();
    files.insert("mail/example.org/anna/trash/0003".into(), moved);
    files.remove(&cur.join("0005.host:2,S"));
    files.insert(cur.join("0006.host:2,S"), b"other".to_vec());
    files.insert(cur.join("new"), b"new".to_vec());
    let second = lab.backup_at(&files, 60).unwrap().snapshot;
    let found = lab.repository.diff(&first, &second, &Unwatched).unwrap();
    let found: Vec<_> = found.into_iter().map(|one| (one.path, one.change)).collect();
    assert_eq!(
        found,
        [
            (cur.join("0005.host:2,S"), Change::Removed),
            (cur.join("0006.host:2,S"), Change::Changed),
            (cur.join("new"), Change::Added),
            ("mail/example.org/anna/trash/0003".into(), Change::Moved { from: cur.join("0003.host:2,S") }),
        ]
    );
    assert_eq!(lab.repository.diff(&second, &second, &Unwatched).unwrap(), []);
}

/// Few paths and few contents, so that all kinds of differences come up.
fn some_files() -> impl Strategy<Value = Files> {
    let path = prop::sample::select(vec!["a/x", "a/y", "a/deep/x", "b/x", "b/z", "c"]);
    let content = prop::sample::select(vec!["", "one", "two", "three"]);
    prop::collection::btree_map(path.prop_map(PathBuf::from), content.prop_map(Into::into), 0..6)
}

#[test]
fn a_diff_is_what_a_naive_comparison_finds() {
    let lab = Lab::new();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    runner
        .run(&(some_files(), some_files()), |(old, new)| {
            let first = lab.backup(&old).unwrap().snapshot;
            let second = lab.backup_at(&new, 60).unwrap().snapshot;
            let (mut came, mut went, mut changed) = (Vec::new(), Vec::new(), Vec::new());
            let (mut added, mut removed) = (Vec::new(), Vec::new());
            for found in lab.repository.diff(&first, &second, &Unwatched).unwrap() {
                match found.change {
                    Change::Added => {
                        added.push(new[&found.path].clone());
                        came.push(found.path);
                    }
                    Change::Removed => {
                        removed.push(old[&found.path].clone());
                        went.push(found.path);
                    }
                    Change::Changed => changed.push(found.path),
                    Change::Moved { from } => {
                        prop_assert_eq!(&old[&from], &new[&found.path]);
                        came.push(found.path);
                        went.push(from);
                    }
                }
            }
            came.sort();
            went.sort();
            let only = |a: &Files, b: &Files| -> Vec<PathBuf> {
                a.keys().filter(|path| !b.contains_key(*path)).cloned().collect()
            };
            prop_assert_eq!(came, only(&new, &old));
            prop_assert_eq!(went, only(&old, &new));
            let differ = |path: &&PathBuf| new.get(*path).is_some_and(|content| *content != old[*path]);
            prop_assert_eq!(changed, old.keys().filter(differ).cloned().collect::<Vec<_>>());
            // What went and came with the same content has moved; empty files are all alike.
            prop_assert!(!added.iter().any(|content| !content.is_empty() && removed.contains(content)));
            Ok(())
        })
        .unwrap();
}
