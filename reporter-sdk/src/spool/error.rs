use std::io;
use std::path::PathBuf;

use report_format::ReportId;

use crate::encode::EncodeError;

/// Why the spool could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The operating system said no: a full disk, a read-only file system, missing rights.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The place is not safe: what lies there could have been put there by someone else.
    #[error("the spool {} is not used: {why}", path.display())]
    Unsafe {
        /// Which directory.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Another process works on this report.
    #[error("another process works on report {id}")]
    Busy {
        /// Which one.
        id: ReportId,
    },
    /// The report could not be encoded.
    #[error("report {id} could not be encoded")]
    Encode {
        /// Which one.
        id: ReportId,
        /// Why.
        source: EncodeError,
    },
    /// The encoded file is not the one that was granted.
    #[error("the file of report {id} was changed after it was granted; it was moved to bad/")]
    Changed {
        /// Which one.
        id: ReportId,
    },
}

impl SpoolError {
    /// True where there is no room left: on the disk, in the quota, or under the limit for a file's size.
    pub fn is_disk_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let (SpoolError::Io { source, .. } | SpoolError::Encode { source: EncodeError::Io(source), .. }) = self else {
            return false;
        };
        matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }
}
