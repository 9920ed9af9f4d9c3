//! Whether a program can be somebody else's: the handler gets the memory of the product and the password of its mail server.
//!
//! Access lists beyond the mode are not looked at: with one, the mode's group bits are its mask.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::Error;

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;
const STICKY: u32 = 0o1000;

/// Refuses a program that others than `owners` can change or replace: it, each directory on the way to it, and each link. What the group can write is refused in a
/// `strict` check only: on many systems a user's own group has nobody else in it, and is in every mode (umask 002).
pub(super) fn check(program: &Path, owners: &[u32], strict: bool) -> Result<(), Error> {
    let writable = if strict { 0o022 } else { 0o002 };
    let mut path = program.to_owned();
    for _ in 0..MOST_LINKS {
        let parent = path.parent().ok_or_else(|| refused(program, &path, "is a directory"))?;
        // As it is written, for the directories that hold links in it, and as it is without any.
        let real = fs::canonicalize(parent).map_err(|error| missing(program, error))?;
        for directory in parent.ancestors().chain(real.ancestors()).filter(|path| !path.as_os_str().is_empty()) {
            for stat in [fs::symlink_metadata(directory), fs::metadata(directory)] {
                let stat = stat.map_err(|error| missing(program, error))?;
                check_owner(program, directory, &stat, owners)?;
                // Of a sticky directory others can take nothing that is not theirs.
                if stat.is_dir() && stat.mode() & writable != 0 && stat.mode() & STICKY == 0 {
                    return Err(refused(program, directory, "can be written by others (chmod go-w)"));
                }
            }
        }
        let stat = fs::symlink_metadata(&path).map_err(|error| missing(program, error))?;
        check_owner(program, &path, &stat, owners)?;
        if !stat.is_symlink() {
            let open = stat.mode() & writable != 0;
            return if open { Err(refused(program, &path, "can be written by others (chmod go-w)")) } else { Ok(()) };
        }
        path = real.join(fs::read_link(&path).map_err(|error| missing(program, error))?);
    }
    Err(refused(program, &path, "is one link too many"))
}

fn check_owner(program: &Path, path: &Path, stat: &Metadata, owners: &[u32]) -> Result<(), Error> {
    if owners.contains(&stat.uid()) {
        return Ok(());
    }
    let what = format!("belongs to user {}: install it as root, or as the user who runs the product", stat.uid());
    Err(refused(program, path, &what))
}

fn missing(program: &Path, error: io::Error) -> Error {
    super::launch::failed(program, error)
}

fn refused(program: &Path, path: &Path, why: &str) -> Error {
    Error::Usage(format!("the handler {} is not started: {} {why}", program.display(), PathBuf::from(path).display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    /// A program in `ours/bin`, both of mode 755.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let program = bin.join("reporter-handler");
        fs::write(&program, "").unwrap();
        mode(&bin, 0o755);
        mode(&program, 0o755);
        (folder, program)
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn owners() -> Vec<u32> {
        let root = fs::metadata("/").unwrap().uid();
        vec![0, root, rustix::process::geteuid().as_raw()]
    }

    fn why(program: &Path, strict: bool) -> String {
        check(program, &owners(), strict).unwrap_err().to_string()
    }

    #[test]
    fn what_only_its_owner_can_write_is_started_also_behind_a_link_of_ours() {
        let (folder, program) = place();
        check(&program, &owners(), true).unwrap();
        let link = folder.path().join("link");
        symlink("bin/reporter-handler", &link).unwrap();
        check(&link, &owners(), true).unwrap();
        assert!(why(&folder.path().join("none"), false).contains("cannot start the handler"));
    }

    #[test]
    fn what_others_can_write_is_refused_and_the_message_says_what() {
        let (folder, program) = place();
        let bin = program.parent().unwrap();
        for (path, restored) in [(program.as_path(), 0o755), (bin, 0o755), (folder.path(), 0o700)] {
            mode(path, restored | 0o002);
            let why = why(&program, false);
            assert!(why.contains(&format!("{} can be written by others", path.display())), "{why}");
            mode(path, restored);
        }
        mode(bin, 0o1777);
        check(&program, &owners(), true).expect("others can take nothing out of a sticky directory");
    }

    #[test]
    fn what_the_group_can_write_is_refused_with_more_rights_only() {
        let (_folder, program) = place();
        let bin = program.parent().unwrap();
        for path in [program.as_path(), bin] {
            mode(path, 0o775);
            check(&program, &owners(), false).unwrap();
            assert!(why(&program, true).contains("can be written by others"));
            mode(path, 0o755);
        }
    }

    #[test]
    fn a_directory_with_a_link_in_the_way_counts_as_well() {
        let (folder, program) = place();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        mode(&open, 0o777);
        for (link, target) in [("handler", program.as_path()), ("bin", program.parent().unwrap())] {
            symlink(target, open.join(link)).unwrap();
        }
        for path in ["handler", "bin/reporter-handler"] {
            assert!(why(&open.join(path), false).contains("open can be written by others"), "{path}");
        }
        // One link on.
        let second = folder.path().join("second");
        symlink(open.join("handler"), &second).unwrap();
        assert!(why(&second, false).contains("open can be written by others"));
    }

    #[test]
    fn what_belongs_to_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED: only root can give a file to another user");
            return;
        }
        let (_folder, program) = place();
        chown(&program, Some(65534), None).unwrap();
        assert!(why(&program, false).contains("belongs to user 65534"));
        check(&program, &[0, 65534], false).unwrap();
        chown(&program, Some(0), None).unwrap();
        chown(program.parent().unwrap(), Some(65534), None).unwrap();
        assert!(why(&program, false).contains("bin belongs to user 65534"));
    }
}
