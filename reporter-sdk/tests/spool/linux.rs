//! Who may see what, by modes; links; a disk that is full.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use report_format::ReportId;
use reporter_sdk::consent::{CategorySet, Remember, Remembered};
use reporter_sdk::spool::{Spool, SpoolError};

use super::{draft, enqueue, files, place};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn all_is_for_its_owner_alone() {
    let place = place();
    let spool = Spool::open(&place.path).unwrap();
    spool.put_draft(&draft(1)).unwrap();
    drop(enqueue(&spool, &draft(2), b"report").unwrap());
    let remember = Remember::Never;
    spool
        .remember(&Remembered { remember, product_version: "1".into(), categories: CategorySet::essential(), time: 5 })
        .unwrap();
    let mut found = files(&place.path);
    assert_eq!(found.len(), 4, "{found:?}");
    found.iter().for_each(|file| assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{file:?}"));
    found = ["", "new", "out", "bad", "../../product", "../../../vendor"].map(|name| place.path.join(name)).into();
    found.iter().for_each(|directory| assert_eq!(directory.metadata().unwrap().mode() & 0o777, 0o700, "{directory:?}"));
}

#[test]
fn places_that_others_can_reach_are_refused() {
    let place = place();
    drop(Spool::open(&place.path).unwrap());
    set_mode(&place.path, 0o755);
    drop(Spool::open(&place.path).unwrap());
    assert_eq!(place.path.metadata().unwrap().mode() & 0o777, 0o700, "closed to readers");
    for (path, mode) in [("", 0o722), ("..", 0o777), ("out", 0o770)] {
        let path = place.path.join(path);
        set_mode(&path, mode);
        assert!(matches!(Spool::open(&place.path), Err(SpoolError::Unsafe { .. })), "{path:?}");
        set_mode(&path, 0o700);
    }
    assert!(matches!(Spool::open(Path::new("relative")), Err(SpoolError::Unsafe { .. })));
}

#[test]
fn symbolic_links_are_refused() {
    let place = place();
    fs::create_dir_all(place.path.parent().unwrap()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    set_mode(elsewhere.path(), 0o700);
    symlink(elsewhere.path(), &place.path).unwrap();
    assert!(matches!(Spool::open(&place.path), Err(SpoolError::Unsafe { .. })));
    fs::remove_file(&place.path).unwrap();
    fs::create_dir(&place.path).unwrap();
    set_mode(&place.path, 0o700);
    symlink(elsewhere.path(), place.path.join("new")).unwrap();
    assert!(matches!(Spool::open(&place.path), Err(SpoolError::Unsafe { .. })));
    assert_eq!(files(elsewhere.path()), [] as [PathBuf; 0]);
}

#[test]
fn a_directory_of_someone_else_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a directory away");
        return;
    }
    let place = place();
    drop(Spool::open(&place.path).unwrap());
    std::os::unix::fs::chown(&place.path, Some(12_345), None).unwrap();
    let refused = Spool::open(&place.path).unwrap_err();
    assert!(refused.to_string().contains("belongs to user 12345"), "{refused}");
}

#[test]
fn a_full_disk_is_said_so_and_leaves_nothing_half_written() {
    let place = place();
    fs::create_dir_all(&place.path).unwrap();
    set_mode(&place.path, 0o700);
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "none"]).arg(&place.path).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no small file system can be mounted here");
        return;
    }
    let spool = Spool::open(&place.path).unwrap();
    spool.put_draft(&draft(1)).unwrap();
    let mut large = draft(2);
    large.sections[1].payload = vec![7; 1 << 20];
    let full_draft = spool.put_draft(&large).unwrap_err();
    let full_report = enqueue(&spool, &draft(1), &vec![7; 1 << 20]).unwrap_err();
    let left = files(&place.path);
    let drafts = spool.drafts().unwrap();
    let small = spool.put_draft(&draft(3));
    drop(spool);
    let unmounted = Command::new("umount").arg(&place.path).status().unwrap();
    assert!(full_draft.is_disk_full() && full_report.is_disk_full(), "{full_draft:?} {full_report:?}");
    assert_eq!((left.len(), drafts), (1, vec![ReportId([1; 16])]), "{left:?}");
    assert!(small.is_ok() && unmounted.success());
}
