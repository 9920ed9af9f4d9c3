//! The one place where an outcome becomes an exit code.

use std::process::ExitCode;

/// How a run ended. The worse is the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Every report was whole, and everything asked for was done.
    #[default]
    Ok,
    /// What there is was shown, and it is not all: a report is partial or corrupt.
    Loss,
    /// Something asked for could not be done.
    Failed,
}

impl Outcome {
    /// `self` from now on includes `other`.
    pub(crate) fn include(&mut self, other: Outcome) {
        *self = (*self).max(other);
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Ok => 0,
            Outcome::Failed => 1,
            // 2 is wrong usage: clap ends the process with it.
            Outcome::Loss => 3,
        })
    }
}
