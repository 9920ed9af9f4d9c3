//! How the product is started again after a crash.

use std::{env, ffi::OsString, path::PathBuf, time::Duration};

use crate::Error;

/// The product that crashed is started again: with these arguments, fixed at start.
///
/// The handler does it once the person has answered or put off the question; after a crash, an unhandled exception or a panic that ended the
/// product, never after a clean exit, a signal that somebody sent, a hang or a handled error. Never in a loop: not where the product had run for
/// less than [`Restart::uptime`], and not more than twice in an hour. Never with more rights than its user has.
///
/// The new process has the environment of the product at its start, in which `REPORTER_RESTARTED` counts the restarts of the last hour,
/// from 1; a session of its own without a terminal; its standard streams lead to `/dev/null`; no other descriptor is open, and no signal is
/// ignored or blocked.
///
/// ```
/// use reporter_sdk::{Options, Restart};
///
/// let options = Options::new("Example Software", "Ledger", "3.1.4").restart(Restart::new(["--recover"]));
/// # drop(options);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// Empty, until it is settled: the product's own.
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Empty, until it is settled: the product's own at start.
    pub(crate) directory: PathBuf,
    pub(crate) uptime: Duration,
}

impl Restart {
    /// The product's own program again, with these arguments, in the directory in which it starts its reporter.
    pub fn new<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: PathBuf::new(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            directory: PathBuf::new(),
            uptime: Duration::from_mins(1),
        }
    }

    /// Another program, a launcher for example. Must be absolute.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Another working directory. Must be absolute.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// How long the product must have run. Default: a minute. Cut to whole milliseconds.
    #[must_use]
    pub fn uptime(mut self, uptime: Duration) -> Self {
        self.uptime = uptime;
        self
    }

    /// Fixes what was left open.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        if crate::places::elevated() {
            return Err(Error::Usage("a product with more rights than its user is not started again".into()));
        }
        if self.program.as_os_str().is_empty() {
            let own = env::current_exe().map_err(|error| Error::io("the product's own path", error))?;
            // Updated while it ran: the kernel adds " (deleted)" to a path that is now another file's, or nobody's.
            if !own.exists() {
                let text = format!("{} is not there any more: name a program to start again", own.display());
                return Err(Error::Usage(text));
            }
            self.program = own;
        }
        if self.directory.as_os_str().is_empty() {
            self.directory = env::current_dir().map_err(|error| Error::io("the working directory", error))?;
        }
        for path in [&self.program, &self.directory] {
            if !path.is_absolute() {
                return Err(Error::Usage(format!("to start again takes absolute paths, not {}", path.display())));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_open_is_the_product_s_own() {
        let mut restart = Restart::new(["--recover"]);
        restart.settle().unwrap();
        assert_eq!(restart.program, env::current_exe().unwrap());
        assert_eq!(restart.directory, env::current_dir().unwrap());
        let (program, directory) =
            if cfg!(windows) { ("C:\\Ledger\\launcher.exe", "C:\\") } else { ("/opt/launcher", "/") };
        let mut given = Restart::new(["-x"; 0]).program(program).directory(directory);
        given.settle().unwrap();
        assert_eq!((given.program.to_str(), given.directory.to_str()), (Some(program), Some(directory)));
    }

    #[test]
    fn a_path_that_depends_on_where_one_stands_is_refused() {
        for restart in [Restart::new(["-x"]).program("launcher"), Restart::new(["-x"]).directory("..")] {
            let error = restart.clone().settle().unwrap_err();
            assert!(matches!(&error, Error::Usage(text) if text.contains("absolute")), "{error}");
        }
    }
}
