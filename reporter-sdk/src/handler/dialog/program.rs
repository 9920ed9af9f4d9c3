//! A program that asks, as a process of the person's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::handler::sys::manners::Manners;
use crate::ipc::launch;

/// Bytes of what it says at once: an answer has four texts of known limits.
pub(super) const MESSAGE_LIMIT: usize = 256 << 10;
/// So often is looked whether the machine shuts down.
pub(super) const GLANCE: Duration = Duration::from_millis(200);
/// It has said all, and closes its window.
const END_TIME: Duration = Duration::from_secs(5);

/// The dialog has brought no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialogError {
    #[error("the dialog is not to be trusted")]
    Untrusted(#[source] Error),
    #[error("the dialog {} cannot be started", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("the dialog says that it cannot ask")]
    CannotAsk,
    #[error("the dialog was closed without an answer")]
    Closed,
    #[error("the dialog failed before it had an answer: {0}")]
    Failed(String),
    #[error("the dialog's answer has no meaning")]
    Meaningless,
    #[error("there was no answer within {0:?}")]
    TimedOut(Duration),
    #[error("this program is to end")]
    Stopped,
}

impl DialogError {
    /// Whether nobody can have seen the question.
    pub(super) fn was_not_shown(&self) -> bool {
        !matches!(self, Self::Closed | Self::TimedOut(_) | Self::Stopped)
    }
}

/// Leaves no dialog behind that nobody listens to.
#[derive(Debug)]
pub(super) struct Program(Option<Child>);

/// Its standard input and output.
pub(super) struct Pipes {
    pub(super) input: ChildStdin,
    pub(super) output: ChildStdout,
}

impl Program {
    /// Starts it for the product `product`.
    pub(super) fn start(program: &Path, product: u32) -> Result<(Self, Pipes), DialogError> {
        let failed = |source| DialogError::Start { program: program.to_owned(), source };
        fs::metadata(program).map_err(failed)?;
        launch::check(program).map_err(DialogError::Untrusted)?;
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Manners::of(product).give(&mut command);
        let mut child = command.spawn().map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let started = Self(Some(child));
        let (input, output) = pipes.ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        Ok((started, Pipes { input, output }))
    }

    /// It has answered, and ends. Whether and how it has.
    pub(super) fn end(&mut self) -> Option<ExitStatus> {
        let child = self.0.as_mut()?;
        let deadline = Instant::now() + END_TIME;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                _ => return None,
            }
        }
    }

    /// Lets it go on for as long as the person wants.
    pub(super) fn leave(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It is no zombie then, as long as we live. Without a thread it is one.
            let wait = move || drop(child.wait());
            let _ = thread::Builder::new().name("dialog".into()).spawn(wait);
        }
    }

    /// It has closed its output.
    pub(super) fn no_answer(&mut self) -> DialogError {
        match self.end() {
            Some(status) if status.success() => DialogError::Closed,
            Some(status) => DialogError::Failed(status.to_string()),
            None => DialogError::Failed("it has closed its output and goes on".into()),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // One that has ended is not there to be killed; waiting for it makes it no zombie.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
