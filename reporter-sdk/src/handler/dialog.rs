//! Asks in a window: by a dialog of the product's own, else by ours where there is a display; and in the product's terminal where neither can be shown.

mod own;
mod program;
mod session;
mod surroundings;

use std::env;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use report_format::ReportId;

use self::program::DialogError;
use self::session::Session;
use self::surroundings::Surroundings;
use super::delivery::Watchers;
use crate::consent::{Answer, Asker, Decision, Opening, ProductId, Request, TerminalAsker};
use crate::schema::NothingReason;

/// Nobody waits for a person at a window; but their desktop is not to keep a question for ever.
const TIMEOUT: Duration = Duration::from_mins(10);
/// Ours, which lies beside this program.
const OURS: &str = if cfg!(windows) { "reporter-dialog.exe" } else { "reporter-dialog" };

/// Whoever asks for a product.
#[derive(Debug)]
pub(super) struct ProductAsker {
    way: Way,
    product: u32,
    terminal: TerminalAsker,
    timeout: Duration,
    restarts: bool,
    watchers: Option<Watchers>,
    /// The person's answer to that.
    stays_ended: bool,
}

/// How a person is asked.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one is made per question")]
enum Way {
    /// By this program of the product's.
    OwnDialog(PathBuf),
    /// By ours, which can be at work already.
    Window {
        program: PathBuf,
        session: Option<Session>,
    },
    Terminal,
}

impl Way {
    fn to_ask(own: Option<PathBuf>) -> Self {
        let here = Surroundings::here();
        match own {
            // One of the product's own knows by itself whether there is a display.
            Some(program) if here != Surroundings::Elevated => Self::OwnDialog(program),
            None if here.have_display() => {
                our_dialog().map_or(Self::Terminal, |program| Self::Window { program, session: None })
            }
            Some(_) | None => {
                tracing::info!(?here, "no window is tried");
                Self::Terminal
            }
        }
    }
}

/// None where it is not installed: then the product is to stay, so that its terminal can be asked.
fn our_dialog() -> Option<PathBuf> {
    Some(env::current_exe().ok()?.with_file_name(OURS)).filter(|program| program.is_file())
}

/// Whether our own dialog would ask here.
pub(super) fn is_ours_there() -> bool {
    Surroundings::here().have_display() && our_dialog().is_some()
}

impl ProductAsker {
    /// Asks for the product `product`, by this program of its own if it has one.
    pub(super) fn new(own: Option<PathBuf>, product: u32, terminal: ProductId) -> Self {
        Self {
            way: Way::to_ask(own),
            product,
            terminal: TerminalAsker::new(terminal),
            timeout: TIMEOUT,
            restarts: false,
            watchers: None,
            stays_ended: false,
        }
    }

    /// Waits that long for the person.
    pub(super) fn timeout(self, timeout: Duration) -> Self {
        Self { terminal: self.terminal.timeout(timeout), timeout: timeout.min(TIMEOUT), ..self }
    }

    /// The product is started again, unless the person does not want it.
    pub(super) fn restarts(self, restarts: bool) -> Self {
        Self { restarts, ..self }
    }

    /// Delivery tells a window how it gets on.
    pub(super) fn watched_by(self, watchers: Option<Watchers>) -> Self {
        Self { watchers, ..self }
    }

    /// The person does not want the product to start again.
    pub(super) fn stays_ended(&self) -> bool {
        self.stays_ended
    }

    /// The report could not be made, and nothing of it is kept.
    pub(super) fn lost(&mut self) {
        if let Some(session) = self.close() {
            session.nothing_to_send(NothingReason::Lost);
        }
    }

    /// The window that is at work, unless it has found no display.
    fn session(&self) -> Option<&Session> {
        match &self.way {
            Way::Window { session, .. } => session.as_ref().filter(|session| session.can_show()),
            Way::OwnDialog(_) | Way::Terminal => None,
        }
    }

    fn ask_in_window(&mut self, request: &Request<'_>) -> Result<Decision, DialogError> {
        self.prepare();
        let Way::Window { session: Some(session), .. } = &self.way else { return Err(DialogError::CannotAsk) };
        session.open(&request.opening(), self.restarts);
        let (decision, stays_ended) = session.ask(request, self.timeout)?;
        self.stays_ended = stays_ended;
        Ok(decision)
    }

    /// There is no window any more, if there was one.
    fn close(&mut self) -> Option<Session> {
        match &mut self.way {
            Way::Window { session, .. } => session.take(),
            Way::OwnDialog(_) | Way::Terminal => None,
        }
    }
}

impl Asker for ProductAsker {
    fn ask(&mut self, request: &Request<'_>) -> Decision {
        let answered = match &self.way {
            Way::Terminal => return self.terminal.ask(request),
            Way::OwnDialog(program) => own::ask(program, self.product, request, self.timeout),
            Way::Window { .. } => self.ask_in_window(request),
        };
        answered.unwrap_or_else(|error| {
            tracing::info!(error = super::soft_error("", &error).message, "the dialog has no answer");
            if let Some(session) = self.close() {
                session.kill();
            }
            if error.was_not_shown() { self.terminal.ask(request) } else { request.answered(Answer::Later, None) }
        })
    }

    fn prepare(&mut self) {
        let Way::Window { program, session } = &mut self.way else { return };
        if session.is_some() {
            return;
        }
        match Session::start(program, self.product) {
            Ok(started) => *session = Some(started),
            Err(error) => {
                tracing::warn!(error = super::soft_error("", &error).message, "there is no window");
                self.way = Way::Terminal;
            }
        }
    }

    fn open(&mut self, opening: &Opening<'_>) {
        if let Some(session) = self.session() {
            session.open(opening, self.restarts);
        }
    }

    fn queued(&mut self, ids: &[ReportId]) {
        let Some(session) = self.close() else { return };
        session.queued(ids);
        // Without delivery it is told that it was not sent.
        if let Some(watchers) = &self.watchers {
            watchers.add(ids, Arc::new(session));
        }
    }

    fn suppressed(&mut self) {
        if let Some(session) = self.close() {
            session.nothing_to_send(NothingReason::Known);
        }
    }

    fn can_ask(&self) -> bool {
        !self.needs_product() || self.terminal.can_ask()
    }

    fn needs_product(&self) -> bool {
        match &self.way {
            Way::Terminal => true,
            Way::OwnDialog(_) => false,
            Way::Window { session, .. } => session.as_ref().is_some_and(|session| !session.can_show()),
        }
    }

    fn reading_memory(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        match self.session() {
            Some(session) => session.collecting(done, total),
            None => self.terminal.reading_memory(done, total),
        }
    }

    fn memory_is_read(&mut self) {
        self.terminal.memory_is_read();
    }
}
