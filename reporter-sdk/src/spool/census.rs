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

/// Made and removed at once.
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
        for directory in [&self.new, &self.out] {
            directory.write(TRIAL, TRIAL.as_bytes())?;
            let read = directory.open_file(TRIAL)?.map(|mut file| {
                let mut text = String::new();
                file.read_to_string(&mut text).map(|_| text)
            });
            directory.remove(TRIAL)?;
            match read {
                Some(Ok(text)) if text == TRIAL => {}
                Some(Err(error)) => return Err(directory.failed("read", TRIAL, error)),
                _ => return Err(directory.failed("find again", TRIAL, std::io::ErrorKind::InvalidData.into())),
            }
        }
        Ok(())
    }
}
