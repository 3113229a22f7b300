//! What is written, read and restored: by us, and by Debian's restic.

use super::*;

#[test]
fn restic_reads_what_we_write() {
    let lab = Lab::new();
    let files = mail();
    let backed = lab.backup(&files).unwrap();
    assert_eq!(backed.skipped, []);
    let summary = backed.snapshot.summary.unwrap();
    assert_eq!(summary.files, files.len() as u64);
    assert_eq!(summary.bytes, files.values().map(|content| content.len() as u64).sum::<u64>());

    let listed = String::from_utf8(lab.restic(&["snapshots"]).stdout).unwrap();
    assert!(listed.contains(&backed.snapshot.id.to_string()[..8]) && listed.contains("mail.example.org"));
    let names = String::from_utf8(lab.restic(&["ls", "latest"]).stdout).unwrap();
    for path in files.keys() {
        assert!(names.lines().any(|line| Path::new(line) == Path::new("/").join(path)), "{}", path.display());
    }
    lab.restic(&["check", "--read-data"]);
    let large = "mail/example.org/bo/cur/large";
    assert_eq!(lab.restic(&["dump", "latest", &format!("/{large}")]).stdout, files[Path::new(large)]);
    let target = lab.folder.path().join("restored");
    lab.restic(&["restore", "latest", "--target", target.to_str().unwrap()]);
    assert_eq!(read_folder(&target), files);
}

#[test]
fn we_read_what_restic_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (root, source) = (folder.path().join("repo"), folder.path().join("source"));
    let files = mail();
    for (path, content) in &files {
        let path = source.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    for arguments in
        [&["init", "--repository-version", "2"][..], &["backup", "--tag", "x", source.to_str().unwrap()]]
    {
        let output = restic(&root, "secret", arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let wrong = Repository::open_with_password(storage(&root), "wrong").unwrap_err();
    assert!(matches!(wrong, Error::WrongPassword), "{wrong}");
    let repository = Repository::open_with_password(storage(&root), "secret").unwrap();
    let listing = repository.snapshots().unwrap();
    assert_eq!((listing.snapshots.len(), listing.damaged.len()), (1, 0));
    let snapshot = &listing.snapshots[0];
    assert_eq!(snapshot.tags, ["x"]);
    let inside = source.strip_prefix("/").unwrap();
    let target = tempfile::tempdir().unwrap();
    let sink = Directory::new(target.path(), Existing::Replace).unwrap();
    let done = repository.restore(snapshot, inside, &sink, &Unwatched).unwrap();
    assert_eq!(done.troubles, []);
    assert_eq!(read_folder(target.path()), files);
    assert!(repository.prove_structure(&Unwatched).unwrap().is_whole());
    assert!(repository.prove_data(Part::All, &Unwatched).unwrap().is_whole());
    let again = backup(&repository, &files, 0, &(Arc::new(Unwatched) as Arc<dyn Watch>)).unwrap();
    // restic had cut and stored the very same blobs.
    assert!(again.snapshot.summary.unwrap().bytes_stored < 100_000);
    assert!(restic(&root, "secret", &["check", "--read-data"]).status.success());
}

#[test]
fn a_file_is_read_from_any_offset_and_exported() {
    let lab = Lab::new();
    let files = mail();
    let snapshot = lab.backup(&files).unwrap().snapshot;
    let path = Path::new("mail/example.org/bo/cur/large");
    let entry = lab.repository.entry(&snapshot, path).unwrap();
    let content = &files[path];
    for (offset, length) in [(0, 10), (400_000, 1_500_000), (content.len() - 5, 100), (content.len(), 1)] {
        let end = (offset + length).min(content.len());
        let read = lab.repository.read_at(&entry, offset as u64, length).unwrap();
        assert!(read == content[offset..end], "{offset}+{length}");
    }
    let mut exported = Vec::new();
    assert_eq!(lab.repository.export(&entry, &mut exported).unwrap(), content.len() as u64);
    assert!(exported == *content);
    let names = lab.repository.tree(&snapshot, Path::new("mail/example.org")).unwrap();
    assert_eq!(names.iter().map(|entry| entry.name.to_str().unwrap()).collect::<Vec<_>>(), ["anna", "bo"]);
    let missing = lab.repository.entry(&snapshot, Path::new("mail/nobody"));
    assert!(matches!(missing, Err(Error::NotFound { .. })));
    let folder = lab.repository.tree(&snapshot, Path::new("manifest.json"));
    assert!(matches!(folder, Err(Error::NotAFolder { .. })));
}

#[test]
fn what_is_in_the_way_is_kept_or_replaced_and_no_link_is_followed() {
    let lab = Lab::new();
    let files = mail();
    let snapshot = lab.backup(&files).unwrap().snapshot;
    let (target, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(target.path().join("manifest.json"), b"mine").unwrap();
    fs::create_dir_all(target.path().join("mail/example.org")).unwrap();
    std::os::unix::fs::symlink(outside.path(), target.path().join("mail/example.org/anna")).unwrap();
    let sink = Directory::new(target.path(), Existing::Keep).unwrap();
    let done = lab.repository.restore(&snapshot, Path::new(""), &sink, &Unwatched).unwrap();
    assert_eq!(done.kept, 1);
    assert_eq!(fs::read(target.path().join("manifest.json")).unwrap(), b"mine");
    assert_eq!(done.troubles.len(), 1);
    assert_eq!(done.troubles[0].path, Path::new("mail/example.org/anna"));
    assert!(read_folder(outside.path()).is_empty());
    let sink = Directory::new(target.path(), Existing::Replace).unwrap();
    lab.repository.restore(&snapshot, Path::new(""), &sink, &Unwatched).unwrap();
    assert_eq!(fs::read(target.path().join("manifest.json")).unwrap(), b"{}");
}
