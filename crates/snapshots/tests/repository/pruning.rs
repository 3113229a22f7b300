//! Making room.

use super::*;

#[test]
fn a_prune_makes_room_in_two_phases_and_loses_nothing() {
    let lab = Lab::new();
    let watch = Arc::new(Unwatched) as Arc<dyn Watch>;
    let first = lab.backup(&mail()).unwrap().snapshot;
    let files = mail();
    let second = lab.backup_at(&files, 60).unwrap().snapshot;
    let size =
        || Folder::new(lab.root()).list(FileKind::Pack).unwrap().iter().map(|(_, size)| size).sum::<u64>();
    let before = size();
    lab.repository.forget(&[first.id]).unwrap();
    let day = std::time::Duration::from_hours(24);
    let marked = lab.repository.prune(day, &watch).unwrap();
    assert!(marked.bytes_freed == 0 && marked.bytes_marked > 1 << 20, "{marked:?}");
    assert!(size() >= before, "nothing goes before the grace is over");
    let freed = lab.repository.prune(std::time::Duration::ZERO, &watch).unwrap();
    assert!(freed.bytes_freed > 1 << 20 && size() < before - (1 << 20), "{freed:?}");
    assert_eq!(lab.reopened().snapshots().unwrap().snapshots, std::slice::from_ref(&second));
    assert!(restored(&lab.reopened(), &second).0 == files);
    assert!(lab.reopened().prove_structure(&Unwatched).unwrap().is_whole());
    lab.restic(&["check", "--read-data"]);
}

#[test]
fn a_backup_beside_a_prune_loses_nothing() {
    let lab = Lab::new();
    let watch = Arc::new(Unwatched) as Arc<dyn Watch>;
    let files = mail();
    let old = lab.backup(&files).unwrap().snapshot;
    // What the backup counts on is what the prune wants to remove.
    lab.repository.forget(&[old.id]).unwrap();
    let other = lab.reopened();
    let day = std::time::Duration::from_hours(24);
    let snapshot = std::thread::scope(|scope| {
        let backing = scope.spawn(|| lab.backup_at(&files, 60).unwrap().snapshot);
        while !backing.is_finished() {
            other.prune(day, &watch).unwrap();
        }
        backing.join().unwrap()
    });
    assert!(restored(&lab.reopened(), &snapshot).0 == files);
    lab.repository.prune(day, &watch).unwrap();
    assert!(restored(&lab.reopened(), &snapshot).0 == files);
    assert!(lab.reopened().prove_structure(&Unwatched).unwrap().is_whole());
    lab.restic(&["check", "--read-data"]);
}
