//! The handler's end of the conversation with its own dialog, which is there before the question and stays after the answer.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use report_format::ReportId;
use report_format::schema::v1::ConsentSource;

use super::program::{DialogError, GLANCE, MESSAGE_LIMIT, Pipes, Program};
use crate::consent::{self, Answered, Decision, Opening, Request, SaveError};
use crate::handler::delivery::Watcher;
use crate::handler::pipeline::save::numbered;
use crate::handler::soft_error;
use crate::ipc::framed;
use crate::schema::dialog_action::Action;
use crate::schema::dialog_update::Update;
use crate::schema::{self, DialogAction, DialogUpdate, NothingReason};
use crate::stopping;

/// From one word on how far something is to the next.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// What is told last is to come there before this program ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A dialog at work. Dropped, it tells that nothing was sent, unless it has told what became of the report.
#[derive(Debug)]
pub(super) struct Session(Mutex<State>);

#[derive(Debug)]
struct State {
    program: Program,
    /// To the thread that writes. `None` once nothing more is told.
    updates: Option<Sender<Update>>,
    /// Ends when all is written.
    written: Receiver<()>,
    actions: Receiver<io::Result<DialogAction>>,
    /// Actions are read from there no more.
    is_over: bool,
    cannot_show: bool,
    memory_is_left_out: bool,
    is_withdrawn: bool,
    is_opened: bool,
    is_asked: bool,
    /// It has answered what nobody had asked.
    has_answered_early: bool,
    /// The person wants what could not be sent in these files.
    files: BTreeMap<ReportId, PathBuf>,
    /// Why one of them is not there.
    not_saved: Option<SaveError>,
    /// The reports that the person wants to be sent.
    queued: Vec<ReportId>,
    /// Of these, what support has.
    sent: Vec<ReportId>,
    /// It has told what became of the report, or the person wants to hear no more.
    is_concluded: bool,
    last_progress: Option<Instant>,
}

impl Session {
    /// Starts the dialog for the product `product`. It shows nothing before it is opened.
    pub(super) fn start(program: &Path, product: u32) -> Result<Self, DialogError> {
        let (process, Pipes { mut input, mut output }) = Program::start(program, product)?;
        let (updates, to_write) = mpsc::channel::<Update>();
        let (told, actions) = mpsc::channel();
        let (all, written) = mpsc::channel::<()>();
        let write = move || {
            let _ends_with_this = all;
            for update in to_write {
                // One that does not read has no use for the rest either.
                if framed::write(&mut input, &DialogUpdate { update: Some(update) }).is_err() {
                    return;
                }
            }
        };
        let read = move || {
            loop {
                let action = framed::read(&mut output, MESSAGE_LIMIT);
                let is_last = action.is_err();
                if told.send(action).is_err() || is_last {
                    return;
                }
            }
        };
        // Threads, since a pipe has no time-outs on every system.
        let start = |work: Box<dyn FnOnce() + Send>| {
            let spawned = thread::Builder::new().name("dialog".into()).spawn(work);
            spawned.map_err(|source| DialogError::Start { program: program.to_owned(), source })
        };
        start(Box::new(write))?;
        start(Box::new(read))?;
        Ok(Self(Mutex::new(State {
            program: process,
            updates: Some(updates),
            written,
            actions,
            is_over: false,
            cannot_show: false,
            memory_is_left_out: false,
            is_withdrawn: false,
            is_opened: false,
            is_asked: false,
            has_answered_early: false,
            files: BTreeMap::new(),
            not_saved: None,
            queued: Vec::new(),
            sent: Vec::new(),
            is_concluded: false,
            last_progress: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As far as it has found out.
    pub(super) fn can_show(&self) -> bool {
        let mut state = self.state();
        state.hear_all();
        !state.cannot_show && !state.is_over
    }

    /// Has it show its window, once. `restarts`: whether the product is started again.
    pub(super) fn open(&self, opening: &Opening<'_>, restarts: bool) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.is_opened, true) {
            state.tell(Update::Opening(consent::opening(opening, restarts)));
        }
    }

    /// All of the program's memory is read. `Break`: the person does not wait for it.
    pub(super) fn collecting(&self, done: u64, total: u64) -> ControlFlow<()> {
        let mut state = self.state();
        state.progress(Update::Collecting(schema::Collecting { done, total }), done == total);
        state.hear_all();
        if state.memory_is_left_out { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Asks, and waits for the answer, and whether the product is to stay ended.
    pub(super) fn ask(&self, request: &Request<'_>, timeout: Duration) -> Result<(Decision, bool), DialogError> {
        let mut state = self.state();
        let deadline = Instant::now() + timeout;
        // What was said until now is to no question, however late we come to hear it.
        state.hear_all();
        if state.has_answered_early {
            return Err(DialogError::Meaningless);
        }
        if state.cannot_show {
            return Err(DialogError::CannotAsk);
        }
        state.is_asked = true;
        let question = consent::question(request, timeout);
        // Nor is what was on its way to us.
        let nonce = question.nonce.clone();
        let decision = |said: Option<schema::ConsentDecision>| {
            let said = said.filter(|said| said.nonce == nonce);
            said.ok_or(DialogError::Meaningless).and_then(decided_by_person)
        };
        state.tell(Update::Question(question));
        loop {
            match state.hear(GLANCE.min(deadline.saturating_duration_since(Instant::now()))) {
                Heard::Decided(decided) => {
                    return Ok((decision(decided.decision)?, decided.stays_ended));
                }
                Heard::Save(save) => {
                    let saved = request.save(decision(save.decision)?, Path::new(&save.path));
                    state.tell_saved(saved);
                }
                Heard::Noted | Heard::Nothing if state.cannot_show => return Err(DialogError::CannotAsk),
                Heard::Nothing if Instant::now() >= deadline => return Err(DialogError::TimedOut(timeout)),
                Heard::Nothing if stopping::is_wished() => return Err(DialogError::Stopped),
                Heard::Nothing | Heard::Noted => {}
                Heard::End => return Err(state.program.no_answer()),
                Heard::Nonsense => return Err(DialogError::Meaningless),
            }
        }
    }

    /// These reports are to be sent.
    pub(super) fn queued(&self, ids: &[ReportId]) {
        self.state().queued = ids.to_vec();
    }

    /// There is no question.
    pub(super) fn nothing_to_send(&self, reason: NothingReason) {
        self.state().conclude(Update::NothingToSend(schema::NothingToSend { reason: reason.into() }));
    }

    /// Nothing that it would say is of interest.
    pub(super) fn kill(self) {
        self.state().is_concluded = true;
    }
}

impl Watcher for Session {
    fn sending(&self, done: u64, total: u64) -> ControlFlow<()> {
        let mut state = self.state();
        state.progress(Update::Sending(schema::Sending { done, total }), done == total);
        state.hear_all();
        if state.is_withdrawn { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn is_withdrawn(&self) -> bool {
        let mut state = self.state();
        state.hear_all();
        state.is_withdrawn
    }

    fn wants_file(&self, id: ReportId) -> Option<PathBuf> {
        let mut state = self.state();
        state.hear_all();
        state.files.remove(&id)
    }

    fn saved(&self, saved: Result<(), SaveError>) {
        let mut state = self.state();
        if let Err(error) = saved {
            state.not_saved.get_or_insert(error);
        }
        if state.files.is_empty() {
            let saved = state.not_saved.take().map_or(Ok(()), Err);
            state.tell_saved(saved);
        }
    }

    fn is_there(&self) -> bool {
        let mut state = self.state();
        state.hear_all();
        !state.is_over
    }

    fn sent(&self, id: ReportId) {
        let mut state = self.state();
        state.sent.push(id);
        if state.queued.iter().any(|id| !state.sent.contains(id)) {
            return;
        }
        let mut ids = state.queued.iter().map(|id| id.0.to_vec());
        let report_id = ids.next().unwrap_or_default();
        let sent = schema::Sent { report_id, others: ids.collect() };
        state.conclude(Update::Sent(sent));
    }

    fn not_sent(&self, id: ReportId, why: &str, again: Option<Duration>) {
        self.state().conclude(not_sent(id, why, again));
    }

    fn withdrawn(&self) {
        self.nothing_to_send(NothingReason::Withdrawn);
    }
}

/// What the person has said that is to be answered at once.
enum Heard {
    Decided(schema::Decided),
    Save(schema::Save),
    /// Not yet.
    Nothing,
    /// What is in the state now.
    Noted,
    /// It has closed its output.
    End,
    Nonsense,
}

/// Only a person in front of our window says this.
fn decided_by_person(decision: schema::ConsentDecision) -> Result<Decision, DialogError> {
    match consent::decision(decision, ConsentSource::Person) {
        Some(Answered::Decided(decision)) => Ok(decision),
        Some(Answered::CannotAsk) => Err(DialogError::CannotAsk),
        None => Err(DialogError::Meaningless),
    }
}

fn not_sent(id: ReportId, why: &str, again: Option<Duration>) -> Update {
    let again_millis = again.map_or(0, |again| u64::try_from(again.as_millis()).unwrap_or(u64::MAX).max(1));
    Update::NotSent(schema::NotSent { report_id: id.0.to_vec(), why: why.to_owned(), again_millis })
}

impl State {
    fn tell(&self, update: Update) {
        // A dialog that is gone is noticed by what it says.
        if let Some(updates) = &self.updates {
            let _ = updates.send(update);
        }
    }

    fn tell_saved(&self, saved: Result<(), SaveError>) {
        let error = saved.err().map(|error| soft_error("", &*error).message);
        self.tell(Update::Saved(schema::Saved { error: error.unwrap_or_default() }));
    }

    /// Not for each byte; but the last.
    fn progress(&mut self, update: Update, is_last: bool) {
        let now = Instant::now();
        if is_last || self.last_progress.is_none_or(|last| now - last >= PROGRESS_EVERY) {
            self.last_progress = Some(now);
            self.tell(update);
        }
    }

    /// Tells what became of it. The window stays for as long as the person wants.
    fn conclude(&mut self, update: Update) {
        self.tell(update);
        self.is_concluded = true;
        self.program.leave();
    }

    /// Hears what was said already, where no answer is waited for: one that comes all the same is to no question, or to one that was answered.
    fn hear_all(&mut self) {
        while !self.is_over {
            match self.hear(Duration::ZERO) {
                Heard::Nothing => return,
                Heard::Decided(_) | Heard::Save(_) if !self.is_asked => self.has_answered_early = true,
                Heard::Save(schema::Save { decision: None, path }) => {
                    let unsent = self.queued.iter().filter(|id| !self.sent.contains(id));
                    self.files =
                        unsent.zip(0..).map(|(id, number)| (*id, numbered(Path::new(&path), number))).collect();
                }
                Heard::Decided(_) | Heard::Save(_) | Heard::Noted | Heard::End | Heard::Nonsense => {}
            }
        }
    }

    fn hear(&mut self, wait: Duration) -> Heard {
        let action = match self.actions.recv_timeout(wait) {
            Ok(Ok(DialogAction { action: Some(action) })) => action,
            // Of a later dialog.
            Ok(Ok(DialogAction { action: None })) => return Heard::Noted,
            Err(RecvTimeoutError::Timeout) => return Heard::Nothing,
            Ok(Err(error)) => {
                self.is_over = true;
                let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
                return if is_end { Heard::End } else { Heard::Nonsense };
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.is_over = true;
                return Heard::End;
            }
        };
        match action {
            Action::Decided(decided) => return Heard::Decided(decided),
            Action::Save(save) => return Heard::Save(save),
            Action::LeaveOutMemory(_) => self.memory_is_left_out = true,
            Action::Withdraw(_) => self.is_withdrawn = true,
            Action::CannotShow(_) => self.cannot_show = true,
        }
        Heard::Noted
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if !self.is_concluded {
            self.conclude(match self.queued.iter().find(|id| !self.sent.contains(id)) {
                Some(id) => not_sent(*id, "", None),
                None => Update::NothingToSend(schema::NothingToSend::default()),
            });
        }
        drop(self.updates.take());
        let _ = self.written.recv_timeout(LAST_WORDS);
    }
}
