//! Where reports go while their spool cannot take them: its disk is full, a file stands in its place, it is mounted read-only. In the
//! memory of the machine, owner-only, until it is switched off; the next start that finds the spool in order moves them there.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::choice::NAME as CHOICE;
use super::counts::COUNTS;
use super::directory::{Claim, Directory};
use super::drafts::ENDING as DRAFT;
use super::lost::ENDING as LEFT;
use super::{Spool, SpoolError};
use crate::fail_points::{self, Point};
use crate::places;

impl Spool {
    /// The place for the reports of the spool at `path` while that cannot take them: below `$XDG_RUNTIME_DIR`, which is its user's
    /// alone and in memory; for root below `/run`, since root's environment may be a user's.
    ///
    /// `None` where there is no such place, or where the process has more rights than who started it.
    pub fn fallback_directory(path: &Path) -> Option<PathBuf> {
        places::fallback(path)
    }

    /// Moves in what waits in another spool, and removes that one if nothing is left of it. Returns how many items came.
    ///
    /// # Errors
    /// Something could not be read, or not be written here: it is then still there.
    pub fn adopt(&self, from: &Path) -> Result<usize, SpoolError> {
        if !from.is_dir() {
            return Ok(0);
        }
        fail_points::reach(Point::Adopt).map_err(|error| self.root.failed("bring home to", "", error))?;
        let other = Spool::open(from)?;
        let mut moved = 0;
        for name in other.new.names(DRAFT)? {
            moved += usize::from(move_file(&other.new, &self.new, &name)?);
        }
        for name in other.lost.names(LEFT)? {
            moved += usize::from(move_file(&other.lost, &self.lost, &name)?);
        }
        for id in other.outgoing()? {
            moved += usize::from(self.adopt_outgoing(&other, id)?);
        }
        if !self.root.has(CHOICE)? && other.root.has(CHOICE)? {
            move_file(&other.root, &self.root, CHOICE)?;
        }
        // Of the time in which the spool could not be written: those at home go on.
        if other.root.has(COUNTS)? {
            other.root.remove(COUNTS)?;
        }
        other.remove_if_empty();
        Ok(moved)
    }
}

/// Copies a file and removes the original; they lie on different file systems. False where another process has it.
fn move_file(from: &Directory, to: &Directory, name: &str) -> Result<bool, SpoolError> {
    let Claim::Ours(mut file) = from.claim(name)? else { return Ok(false) };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| from.failed("read", name, error))?;
    to.write(name, &bytes)?;
    from.remove(name)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use report_format::ReportId;
    use report_format::schema::v1::{ErrorKind, Product};

    use super::*;
    use crate::consent::Draft;

    #[test]
    fn each_spool_has_a_fallback_of_its_own() {
        let one = Spool::fallback_directory(Path::new("/home/anna/.local/state/x/y/reports"));
        let other = Spool::fallback_directory(Path::new("/home/anna/.local/state/x/z/reports"));
        if let (Some(one), Some(other)) = (&one, &other) {
            assert!(one.is_absolute());
            assert_ne!(one, other);
        }
        assert_eq!(one.is_some(), other.is_some());
    }

    #[test]
    fn what_waited_elsewhere_comes_home_and_nothing_is_left_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        let draft = Draft::new(ReportId([7; 16]), Product::default(), [0; 16], ErrorKind::Crash, 1);
        Spool::open(&there).and_then(|spool| spool.put_draft(&draft)).expect("written");

        let spool = Spool::open(&here).expect("a spool");
        assert_eq!(spool.adopt(&there).expect("moved"), 1);
        assert_eq!(spool.drafts().expect("listed"), [draft.id]);
        let came = spool.take_draft(draft.id).expect("readable").expect("there");
        assert_eq!(came.draft().digest(), draft.digest());
        assert!(!there.exists(), "{:?}", fs::read_dir(&there).map(Iterator::count));
        assert_eq!(spool.adopt(&there).expect("nothing to do"), 0);
    }
}
