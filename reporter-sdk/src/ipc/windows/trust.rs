//! Whether a program can be somebody else's: the handler gets the memory of the product and the password of its mail server.
//!
//! By the access lists, as far as they allow something; what they deny is not counted in anybody's favour. Shares and mandatory levels are not looked at.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::windows::fs::OpenOptionsExt,
    path::Path,
};

use windows_sys::Win32::{
    Foundation::{GENERIC_ALL, GENERIC_WRITE},
    Storage::FileSystem::{
        DELETE, FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_APPEND_DATA, FILE_DELETE_CHILD, FILE_FLAG_BACKUP_SEMANTICS,
        FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_WRITE_DATA,
        READ_CONTROL, WRITE_DAC, WRITE_OWNER,
    },
};

use crate::{
    Error, places,
    security::{ADMINISTRATORS, Access, SYSTEM, TRUSTED_INSTALLER},
};

/// More in a row are a trap.
const MOST_LINKS: usize = 40;

/// To put another in its place, or to take the right to.
const REPLACE: u32 = DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
/// To change a program.
const OF_PROGRAM: u32 = REPLACE | FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE;
/// To change what is in a program's folder: a library beside it is loaded before the system's.
const OF_FOLDER: u32 = REPLACE | FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY | FILE_DELETE_CHILD | GENERIC_WRITE;
/// To put another folder in the place of one further up. Adding some does no harm there: the roots of drives let all users.
const OF_PATH: u32 = REPLACE | FILE_DELETE_CHILD;

/// Refuses a program that others than the system, its administrators and, in a check that is not `strict`, this user can change or replace: it, its folder, and
/// each link. A `strict` check looks at each folder on the way to it as well: a user who may change those further up is mostly the one who built the program there.
pub(super) fn check(program: &Path, strict: bool) -> Result<(), Error> {
    let user = if strict { None } else { Some(places::user().map_err(|error| missing(program, error))?) };
    let mut trusted = vec![SYSTEM, ADMINISTRATORS, TRUSTED_INSTALLER];
    trusted.extend(user.as_deref());
    let mut path = program.to_owned();
    for _ in 0..MOST_LINKS {
        let parent = path.parent().ok_or_else(|| refused(program, &path, "is a folder"))?;
        // As it is written, for the folders that hold links in it, and as it is without any.
        let real = fs::canonicalize(parent).map_err(|error| missing(program, error))?;
        for folder in [parent, &real] {
            look(program, folder, OF_FOLDER, &trusted)?;
            for above in folder.ancestors().skip(1).filter(|path| strict && !path.as_os_str().is_empty()) {
                look(program, above, OF_PATH, &trusted)?;
            }
        }
        look(program, &path, OF_PROGRAM, &trusted)?;
        let metadata = fs::symlink_metadata(&path).map_err(|error| missing(program, error))?;
        if metadata.is_file() {
            return Ok(());
        }
        if !metadata.is_symlink() {
            return Err(missing(program, io::Error::other("not a file")));
        }
        path = real.join(fs::read_link(&path).map_err(|error| missing(program, error))?);
    }
    Err(refused(program, &path, "is one link too many"))
}

/// At what is there, and at what it leads to if it is a link.
fn look(program: &Path, path: &Path, rights: u32, trusted: &[&str]) -> Result<(), Error> {
    for link in [FILE_FLAG_OPEN_REPARSE_POINT, 0] {
        let access = open(path, link).and_then(|file| Access::of(&file)).map_err(|error| missing(program, error))?;
        if !trusted.contains(&access.owner.as_str()) {
            let why = format!(
                "belongs to {}: install it as an administrator, or as the user who runs the product",
                access.owner
            );
            return Err(refused(program, path, &why));
        }
        if let Some(other) = access.others_who_may(rights, trusted) {
            return Err(refused(program, path, &format!("can be changed by {other} (see its security settings)")));
        }
    }
    Ok(())
}

/// To read its access list alone, so that it can be open elsewhere in any way.
fn open(path: &Path, link: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.access_mode(READ_CONTROL).share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
    options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS | link).open(path)
}

fn missing(program: &Path, error: io::Error) -> Error {
    super::launch::failed(program, error)
}

fn refused(program: &Path, path: &Path, why: &str) -> Error {
    Error::Usage(format!("the handler {} is not started: {} {why}", program.display(), path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::security::Descriptor;

    /// A program in `bin`, both of this user alone.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let program = bin.join("reporter-handler.exe");
        fs::write(&program, "").unwrap();
        for path in [&bin, &program] {
            allow(path, "");
        }
        (folder, program)
    }

    /// This user everything, and others what is said.
    fn allow(path: &Path, others: &str) {
        let text = format!("D:P(A;;FA;;;{})(A;;FA;;;SY){others}", places::user().unwrap());
        let mut options = OpenOptions::new();
        options.access_mode(READ_CONTROL | WRITE_DAC).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
        Descriptor::of_text(&text).unwrap().protect(&options.open(path).unwrap()).unwrap();
    }

    fn why(program: &Path, strict: bool) -> String {
        check(program, strict).unwrap_err().to_string()
    }

    #[test]
    fn what_only_this_user_can_change_is_started() {
        let (folder, program) = place();
        check(&program, false).unwrap();
        allow(&program, "(A;;0x1200a9;;;WD)");
        check(&program, false).expect("who may read and run it does no harm");
        assert!(why(&folder.path().join("none.exe"), false).contains("cannot start the handler"));
        let error = check(program.parent().unwrap(), false).unwrap_err();
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "not a file");
    }

    #[test]
    fn what_others_can_change_is_refused_and_the_message_says_what() {
        let (_folder, program) = place();
        for path in [program.as_path(), program.parent().unwrap()] {
            allow(path, "(A;;FA;;;WD)");
            let why = why(&program, false);
            assert!(why.contains(&format!("{} can be changed by S-1-1-0", path.display())), "{why}");
            allow(path, "");
        }
        check(&program, false).unwrap();
    }

    #[test]
    fn a_users_own_program_is_refused_with_more_rights_than_the_user_has() {
        let (_folder, program) = place();
        assert!(why(&program, true).contains(&places::user().unwrap()), "{}", why(&program, true));
    }

    #[test]
    fn the_place_of_this_very_program_will_do() {
        check(&std::env::current_exe().unwrap(), false).unwrap();
    }
}
