//! By the place, not by the file: what is made below a profile folder is the person's, the administrators' and the system's by inheritance; what
//! is made anywhere else has the permissions of its folder, and below `C:\` that is all users of the machine, who may read and change it.
//!
//! Situation: `reportdecode keygen --output C:\work\triage.key`, as one would on Unix, gives the key to every account of a shared machine.
//! Handling: it is said, once a run, and the file is made: who chose the place may have closed it. An access list of the file's own would be
//! surer, but the standard library cannot make one, and this program has no `unsafe`; a folder in the profile that was shared is not seen.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::commands::complain;

/// Makes the directory and those above it that are not there. One that exists stays as it is.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    warn_of_others(path);
    Ok(())
}

/// Makes a file that must not exist, not even as a link.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    warn_of_others(path);
    Ok(file)
}

#[derive(Debug, thiserror::Error)]
#[error("lies outside of your profile folder: who else may read it is up to the permissions of the folder it is in")]
struct OutsideProfile;

fn warn_of_others(path: &Path) {
    static SAID: Once = Once::new();
    if !std::env::home_dir().is_some_and(|profile| is_below(&profile, path)) {
        SAID.call_once(|| complain(&path.display().to_string(), &OutsideProfile));
    }
}

/// Whether what was made as `path` lies below `profile` in fact: with links and junctions followed, and in one way of writing.
fn is_below(profile: &Path, path: &Path) -> bool {
    let real: io::Result<[PathBuf; 2]> = (|| Ok([profile.canonicalize()?, path.canonicalize()?]))();
    real.is_ok_and(|[profile, path]| path.starts_with(profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_profile_in_fact_is_below_it() {
        let directory = tempfile::tempdir().unwrap();
        let [profile, neighbour] = ["anna", "anna2"].map(|name| directory.path().join(name));
        for path in [&profile, &neighbour] {
            create_directory(&path.join("reports")).unwrap();
        }
        for below in [profile.clone(), profile.join("reports"), neighbour.join("../anna/reports")] {
            assert!(is_below(&profile, &below), "{below:?}");
        }
        for not_below in
            [neighbour.clone(), profile.join("../anna2/reports"), directory.path().to_owned(), profile.join("missing")]
        {
            assert!(!is_below(&profile, &not_below), "{not_below:?}");
        }
    }
}
