//! Damage of each kind: which level finds it, and what is still read.

use super::*;

#[test]
fn each_damaged_file_is_found_by_its_level_and_named() {
    let files = mail();
    for (kind, of_trees) in [
        (FileKind::Pack, false),
        (FileKind::Pack, true),
        (FileKind::Index, false),
        (FileKind::Snapshot, false),
        (FileKind::Key, false),
    ] {
        let lab = Lab::new();
        let snapshot = lab.backup(&files).unwrap().snapshot;
        let (id, path) = if kind == FileKind::Pack { pack(&lab, of_trees) } else { only_file(&lab, kind) };
        flip(&path);
        let repository = lab.reopened();

        let names = scrub(&Folder::new(lab.root()), &Unwatched).unwrap();
        assert_eq!(names.faults.len(), 1, "{kind}");
        assert_eq!(
            (names.faults[0].kind, names.faults[0].id, &names.faults[0].wrong),
            (kind, id, &Wrong::Hash)
        );

        let structure = repository.prove_structure(&Unwatched).unwrap();
        let named = structure.faults.iter().any(|fault| (fault.kind, fault.id) == (kind, id));
        // The bytes of messages are not its business.
        assert_eq!(named, (kind, of_trees) != (FileKind::Pack, false), "{kind}: {:?}", structure.faults);
        let data = repository.prove_data(Part::All, &Unwatched).unwrap();
        assert_eq!(data.faults.iter().any(|fault| fault.id == id), kind == FileKind::Pack);

        let listing = repository.snapshots().unwrap();
        assert_eq!(listing.damaged.len(), usize::from(kind == FileKind::Snapshot));
        let (back, troubles) = restored_or_nothing(&repository, &snapshot);
        for (path, content) in &back {
            assert!(files[path] == *content, "never a wrong byte: {}", path.display());
        }
        match kind {
            FileKind::Pack => {
                assert!(!troubles.is_empty() && (of_trees || back.len() + troubles.len() == files.len()));
            }
            _ => assert!(back == files, "{kind}"),
        }
    }
}

/// A damaged topmost folder is an error of its own.
fn restored_or_nothing(
    repository: &Repository,
    snapshot: &mailcup_snapshots::Snapshot,
) -> (Files, Vec<PathBuf>) {
    match repository.tree(snapshot, Path::new("")) {
        Ok(_) => restored(repository, snapshot),
        Err(Error::Damaged(_)) => (Files::new(), vec![PathBuf::new()]),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_damaged_or_lost_config_is_told_and_everything_is_still_read() {
    let lab = Lab::new();
    let files = mail();
    let snapshot = lab.backup(&files).unwrap().snapshot;
    let config = lab.root().join("config");
    let key = lab.repository.key().clone();
    for lost in [false, true] {
        if lost {
            fs::remove_file(&config).unwrap();
        } else {
            flip(&config);
        }
        let told = Repository::open(storage(&lab.root()), key.clone()).unwrap_err();
        assert!(matches!(told, Error::Config { .. }), "{told}");
        let salvaged = Repository::salvage(storage(&lab.root()), key.clone());
        assert!(restored(&salvaged, &snapshot).0 == files);
        let faults = salvaged.prove_structure(&Unwatched).unwrap().faults;
        assert_eq!(faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [FileKind::Config]);
        assert!(matches!(salvaged.add_phrase(&lab.phrase), Err(Error::ReadOnly)));
    }
}

#[test]
fn a_wrong_password_is_told_apart_from_a_damaged_key() {
    let lab = Lab::new();
    let open = |password: &str| Repository::open_with_password(storage(&lab.root()), password);
    assert!(open(lab.phrase.expose()).is_ok());
    assert!(matches!(open("wrong"), Err(Error::WrongPassword)));
    let (id, path) = only_file(&lab, FileKind::Key);
    let mut content = fs::read_to_string(&path).unwrap();
    let data = content.find("\"data\":\"").unwrap() + 20;
    let other = if content.as_bytes()[data] == b'A' { "B" } else { "A" };
    content.replace_range(data..=data, other);
    fs::write(&path, content).unwrap();
    let told = open(lab.phrase.expose()).unwrap_err();
    assert!(matches!(&told, Error::DamagedKeys { ids } if *ids == [id]), "{told}");
    assert!(Repository::open(storage(&lab.root()), lab.repository.key().clone()).is_ok());
    let foreign = Repository::open(storage(&lab.root()), MasterKey::from_bytes([7; 64])).unwrap_err();
    assert!(matches!(foreign, Error::Config { what: Wrong::Seal, .. }), "{foreign}");
}

#[test]
fn no_repository_a_second_one_and_a_missing_place_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let key = MasterKey::from_bytes(rand::rng().random());
    let nothing = Repository::open(storage(folder.path()), key.clone()).unwrap_err();
    assert!(matches!(nothing, Error::NoRepository { .. }), "{nothing}");
    let lab = Lab::new();
    let second = Repository::create(storage(&lab.root()), key).unwrap_err();
    assert!(matches!(second, Error::AlreadyThere { .. }), "{second}");
    lab.backup(&mail()).unwrap();
    fs::rename(lab.root(), lab.folder.path().join("elsewhere")).unwrap();
    let away = lab.repository.snapshots().unwrap_err();
    assert!(matches!(away, Error::Away { .. }), "{away}");
}

#[test]
fn each_pack_is_due_on_exactly_one_of_so_many_days() {
    for number in 0..200_u32 {
        let pack = Id::of(&number.to_le_bytes());
        for days in 1..10 {
            for start in [-3, 0, 20_000] {
                let on = (start..start + i64::from(days)).filter(|day| due(&pack, *day, days)).count();
                assert_eq!(on, 1, "{pack} within {days} days from {start}");
            }
        }
    }
}
