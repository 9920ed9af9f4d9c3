//! The end of a spool, with the product that it was for.

use std::path::Path;

use super::counts::{COUNTS, RESTARTS};
use super::directory::Claim;
use super::{Spool, SpoolError, choice};
use crate::places::LOST;

/// What was there and is not any more, and what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files that are gone.
    pub files: usize,
    /// Files that a process holds.
    pub busy: usize,
    /// The folder itself is gone: nothing else was in it.
    pub whole: bool,
}

impl Spool {
    /// Whether a spool lies there, of whatever release. Makes nothing, and follows no link.
    pub fn lies_at(path: &Path) -> bool {
        let is_folder = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_dir());
        is_folder(path) && ["new", "out"].iter().all(|name| is_folder(&path.join(name)))
    }

    /// Destroys all that waits in it, decided or not, and what the person has chosen. What else somebody has put into its folder stays.
    ///
    /// A file that a handler works on stays as well: end it first.
    ///
    /// # Errors
    /// A file cannot be removed. Those before it are gone.
    pub fn remove(self) -> Result<Removed, SpoolError> {
        let mut removed = Removed::default();
        for directory in [&self.new, &self.out, &self.lost, &self.bad] {
            // A report before its state: what has no state is not delivered.
            for name in directory.names("")? {
                match directory.claim(&name)? {
                    Claim::Ours(_held) => directory.remove(&name).map(|()| removed.files += 1)?,
                    Claim::Busy => removed.busy += 1,
                    Claim::Gone => {}
                }
            }
            directory.sweep_temporaries()?;
        }
        for name in [choice::NAME, COUNTS, RESTARTS] {
            if self.root.has(name)? {
                self.root.remove(name)?;
                removed.files += 1;
            }
        }
        self.root.sweep_temporaries()?;
        let path = self.root.path.clone();
        self.remove_if_empty();
        removed.whole = !path.exists();
        Ok(removed)
    }

    /// Removes the spool's directories as far as nothing is in them.
    pub(super) fn remove_if_empty(self) {
        // A system that holds open directories where they are lets go of them first.
        drop((self.new, self.out, self.lost, self.bad));
        for name in ["new", "out", LOST, "bad"] {
            self.root.remove_if_empty(name);
        }
        let path = self.root.path.clone();
        drop(self.root);
        let _ = std::fs::remove_dir(path);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use report_format::ReportId;
    use report_format::schema::v1::{ErrorKind, Product};

    use super::*;
    use crate::consent::{CategorySet, Draft, Remember, Remembered};

    fn spool(folder: &Path) -> Spool {
        let spool = Spool::open(&folder.join("reports")).unwrap();
        let draft = Draft::new(ReportId([7; 16]), Product::default(), [0; 16], ErrorKind::Crash, 1);
        spool.put_draft(&draft).unwrap();
        let (remember, categories) = (Remember::Never, CategorySet::essential());
        spool.remember(&Remembered { remember, product_version: "1".into(), categories, time: 1 }).unwrap();
        spool
    }

    #[test]
    fn nothing_is_left_of_a_spool_that_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        fs::write(folder.path().join("reports/bad/of a release to come"), "").unwrap();
        assert!(Spool::lies_at(spool.path()));
        assert_eq!(spool.remove().unwrap(), Removed { files: 3, busy: 0, whole: true });
        assert!(!Spool::lies_at(&folder.path().join("reports")));
        assert!(!Spool::lies_at(folder.path()));
    }

    #[test]
    fn what_others_put_into_its_folder_stays_and_so_does_what_somebody_works_on() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, other) = (spool(folder.path()), Spool::open(&folder.path().join("reports")).unwrap());
        fs::write(folder.path().join("reports/mine.txt"), "mine").unwrap();
        let held = other.take_draft(ReportId([7; 16])).unwrap().unwrap();
        assert_eq!(spool.remove().unwrap(), Removed { files: 1, busy: 1, whole: false });
        drop(held);
        drop(other);
        let again = Spool::open(&folder.path().join("reports")).unwrap();
        assert_eq!(again.drafts().unwrap(), [ReportId([7; 16])]);
        assert_eq!(again.remove().unwrap(), Removed { files: 1, busy: 0, whole: false });
        assert_eq!(fs::read(folder.path().join("reports/mine.txt")).unwrap(), b"mine");
    }
}
