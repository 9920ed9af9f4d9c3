//! What lies in a spool, counted without touching it; and whether it can be used.

use std::io::Read;

use super::{Spool, SpoolError};

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Undecided.
    pub drafts: usize,
    /// Granted, and not yet delivered.
    pub outgoing: usize,
    /// Of these, those that are not tried any more.
    pub given_up: usize,
    /// Left by products that had lost their handler.
    pub lost: usize,
    /// What could not be read.
    pub set_aside: usize,
}

/// Written, and removed at once.
const TRIAL: &str = "trial";

impl Spool {
    /// Counts what is there.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn census(&self) -> Result<Census, SpoolError> {
        let given_up = self.undelivered()?.iter().filter(|report| report.gave_up).count();
        Ok(Census {
            drafts: self.drafts()?.len(),
            outgoing: self.outgoing()?.len(),
            given_up,
            lost: self.lost.names("")?.len(),
            set_aside: self.bad.names("")?.len(),
        })
    }

    /// Writes a file as reports are written: under a temporary name, flushed, renamed, the directory flushed; reads it, and removes it.
    ///
    /// # Errors
    /// Whatever a report would have met.
    pub fn try_out(&self) -> Result<(), SpoolError> {
        // Of its own name: another process may try it out as well.
        let name = &format!("{TRIAL}-{}", uuid::Uuid::now_v7());
        for directory in [&self.new, &self.out] {
            directory.write(name, TRIAL.as_bytes())?;
            let read = directory.open_file(name)?.map(|mut file| {
                let mut text = String::new();
                file.read_to_string(&mut text).map(|_| text)
            });
            directory.remove(name)?;
            match read {
                Some(Ok(text)) if text == TRIAL => {}
                Some(Err(error)) => return Err(directory.failed("read", name, error)),
                _ => return Err(directory.failed("find again", name, std::io::ErrorKind::InvalidData.into())),
            }
        }
        Ok(())
    }
}
