//! Asks in a window: by a dialog of the product's own, else by ours where there is a display; and in the product's terminal where neither can be shown.

use std::env;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use report_format::schema::v1::ConsentSource;

use super::sys::manners::Manners;
use crate::consent::{self, Answer, Answered, Asker, Decision, ProductId, Request, TerminalAsker};
use crate::ipc::{framed, launch};
use crate::schema::ConsentDecision;
use crate::{Error, places, stopping};

/// Nobody waits for a person at a window; but their desktop is not to keep a question for ever.
const TIMEOUT: Duration = Duration::from_mins(10);
/// Bytes of an answer: four texts of known limits.
const DECISION_LIMIT: usize = 256 << 10;
/// So often is looked whether the machine shuts down.
const GLANCE: Duration = Duration::from_millis(200);
/// The dialog has answered, and closes its window.
const END_TIME: Duration = Duration::from_secs(5);

/// Ours, which lies beside this program.
const OURS: &str = if cfg!(windows) { "reporter-dialog.exe" } else { "reporter-dialog" };

/// A program that asks.
#[derive(Debug)]
struct Dialog {
    program: PathBuf,
    /// Who vouches for what it says.
    source: ConsentSource,
}

/// Whoever asks for a product.
#[derive(Debug)]
pub(super) struct ProductAsker {
    dialog: Option<Dialog>,
    product: u32,
    terminal: TerminalAsker,
    timeout: Duration,
}

/// The dialog has brought no answer.
#[derive(Debug, thiserror::Error)]
enum DialogError {
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
    fn was_not_shown(&self) -> bool {
        !matches!(self, Self::Closed | Self::TimedOut(_) | Self::Stopped)
    }
}

impl ProductAsker {
    /// Asks for the product `product`, by this program of its own if it has one.
    pub(super) fn new(dialog: Option<PathBuf>, product: u32, terminal: ProductId) -> Self {
        let of_product = dialog.map(|program| Dialog { program, source: ConsentSource::ProductDialog });
        // Rights that the person has not are nothing for a window of theirs.
        let dialog = of_product.or_else(Dialog::ours).filter(|_| !places::elevated());
        Self { dialog, product, terminal: TerminalAsker::new(terminal), timeout: TIMEOUT }
    }

    /// Waits that long for the person.
    pub(super) fn timeout(self, timeout: Duration) -> Self {
        Self { terminal: self.terminal.timeout(timeout), timeout: timeout.min(TIMEOUT), ..self }
    }
}

impl Dialog {
    /// None where it is not installed, or where there is no display: then the product is to stay, so that its terminal can be asked.
    fn ours() -> Option<Self> {
        let program = env::current_exe().ok()?.with_file_name(OURS);
        let is_there = has_display() && program.is_file();
        is_there.then_some(Self { program, source: ConsentSource::Person })
    }
}

/// Whether our own dialog would ask here.
pub(super) fn is_ours_there() -> bool {
    Dialog::ours().is_some() && !places::elevated()
}

/// Whether a window could be shown, as far as the environment tells. What it does not tell the dialog finds out.
fn has_display() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    // Windows tells by other means, which the dialog asks.
    cfg!(windows) || is_set("WAYLAND_DISPLAY") || is_set("DISPLAY")
}

impl Asker for ProductAsker {
    fn ask(&mut self, request: &Request<'_>) -> Decision {
        let Some(dialog) = &self.dialog else { return self.terminal.ask(request) };
        match ask_by(dialog, self.product, request, self.timeout) {
            Ok(decision) => decision,
            Err(error) => {
                tracing::info!(error = super::soft_error("", &error).message, "the dialog has no answer");
                if error.was_not_shown() { self.terminal.ask(request) } else { request.answered(Answer::Later, None) }
            }
        }
    }

    fn can_ask(&self) -> bool {
        self.dialog.is_some() || self.terminal.can_ask()
    }

    fn needs_product(&self) -> bool {
        self.dialog.is_none()
    }

    fn reading_memory(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        self.terminal.reading_memory(done, total)
    }

    fn memory_is_read(&mut self) {
        self.terminal.memory_is_read();
    }
}

/// Starts the dialog and waits for what it says.
fn ask_by(dialog: &Dialog, product: u32, request: &Request<'_>, timeout: Duration) -> Result<Decision, DialogError> {
    let Dialog { program, source } = dialog;
    let failed = |source| DialogError::Start { program: program.clone(), source };
    program.metadata().map_err(failed)?;
    launch::check(program).map_err(DialogError::Untrusted)?;
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    Manners::of(product).give(&mut command);
    let mut dialog = Running(command.spawn().map_err(failed)?);
    let answer = wait_for_answer(&mut dialog.0, request, timeout)?;
    dialog.end();
    match answer.and_then(|answer| consent::decision(answer, *source)) {
        Some(Answered::Decided(decision)) => Ok(decision),
        Some(Answered::CannotAsk) => Err(DialogError::CannotAsk),
        None => Err(DialogError::Meaningless),
    }
}

/// `None`: something else than an answer.
fn wait_for_answer(
    dialog: &mut Child,
    request: &Request<'_>,
    timeout: Duration,
) -> Result<Option<ConsentDecision>, DialogError> {
    let deadline = Instant::now() + timeout;
    let question = consent::question(request, timeout);
    let (tell, answers) = mpsc::channel();
    // Threads, since a pipe has no time-outs on every system. Neither is waited for: the dialog may have left its ends to a program of its own.
    if let (Some(mut input), Some(mut output)) = (dialog.stdin.take(), dialog.stdout.take()) {
        // One that does not read all of it has no use for it.
        let start = |work: Box<dyn FnOnce() + Send>| {
            // Where there is no room for a thread nothing comes back, which is no answer.
            thread::Builder::new().name("dialog".into()).spawn(work).map(drop).ok()
        };
        start(Box::new(move || drop(framed::write(&mut input, &question))));
        start(Box::new(move || drop(tell.send(framed::read(&mut output, DECISION_LIMIT)))));
    }
    loop {
        match answers.recv_timeout(GLANCE.min(deadline.saturating_duration_since(Instant::now()))) {
            Ok(Ok(decision)) => return Ok(Some(decision)),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(no_answer(dialog)),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => return Err(DialogError::TimedOut(timeout)),
            Err(RecvTimeoutError::Timeout) if stopping::is_wished() => return Err(DialogError::Stopped),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// It has closed its output.
fn no_answer(dialog: &mut Child) -> DialogError {
    match ended_within(dialog, END_TIME) {
        Some(status) if status.success() => DialogError::Closed,
        Some(status) => DialogError::Failed(status.to_string()),
        None => DialogError::Failed("it has closed its output and goes on".into()),
    }
}

fn ended_within(dialog: &mut Child, time: Duration) -> Option<std::process::ExitStatus> {
    let deadline = Instant::now() + time;
    loop {
        match dialog.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            _ => return None,
        }
    }
}

/// Leaves no dialog behind that nobody listens to.
struct Running(Child);

impl Running {
    /// It has answered, and ends.
    fn end(mut self) {
        ended_within(&mut self.0, END_TIME);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is not there to be killed; waiting for it makes it no zombie.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
