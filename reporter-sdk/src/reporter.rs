//! The guard that a product holds while it wants its errors reported.

mod greeting;

use std::{
    io,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use greeting::{Greeting, NoService};
use report_format::schema::v1::{ErrorKind, ErrorLink};

use crate::{
    Dump, Error, Options, Restart, SoftError,
    capture::{
        claim::{Claim, Claimed},
        handled, panic,
        sys::{self, Channel, context, copies, lost},
    },
    ipc::{
        launch::{self, Launched},
        socket::{IpcError, Socket, lend},
        spawn::Process,
    },
    options::{FileAttachment, wire},
    schema::{self, client_message::Message, handler_message::Message as Answer},
    shared::{
        clock,
        mapping::{self, Mapping},
        writer::{self, Crash, Writer},
    },
};

/// How long the handler has to answer at start, and to take an attachment.
const START_TIMEOUT: Duration = Duration::from_secs(2);

/// What the running reporter needs. Leaked: a signal handler or another thread may hold it at any time.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) shared: Writer,
    /// What that writes to.
    _mapping: &'static Mapping,
    pub(crate) crash: Channel,
    /// Where the memory is left if the handler is lost.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "no handler is lost"))]
    pub(crate) lost: lost::Places,
    /// Without the mail server, which is the handler's alone.
    pub(crate) options: Options,
    pub(crate) pid: u32,
    /// The handler's process; 0 where it is not known. For forked children, which let it read their memory.
    #[cfg(target_os = "linux")]
    pub(crate) handler: u32,
    control: Socket,
    /// What the start has left to others, until somebody needs to know what came of it. Locked before [`CHANGING`].
    starting: Mutex<Option<Starting>>,
    /// The handler was lost before it served: what happens is left for the next start.
    unserved: AtomicBool,
    sequence: AtomicU64,
    /// Held by the one thread that waits for an answer.
    answers: Mutex<()>,
    soft_errors: Mutex<Vec<SoftError>>,
}

/// What may still go on when [`Reporter::start`] has returned.
#[derive(Debug)]
struct Starting {
    greeting: Greeting,
    /// Gives the other threads their alternate stacks.
    stacks: Option<JoinHandle<io::Result<()>>>,
}

static ACTIVE: AtomicPtr<State> = AtomicPtr::new(std::ptr::null_mut());
/// Those that have ended. Nobody asks for them: a leak checker in the product takes what nothing points to for lost, and fails the product's tests.
static ENDED: Mutex<Vec<&'static State>> = Mutex::new(Vec::new());
/// Held while a reporter starts or ends.
static CHANGING: Mutex<()> = Mutex::new(());

/// The running reporter's state. A single load: async-signal-safe.
#[inline]
pub(crate) fn active() -> Option<&'static State> {
    // SAFETY: the pointer is null or comes from `Box::leak`, and nothing ever frees it or writes through it.
    unsafe { ACTIVE.load(Ordering::Acquire).as_ref() }
}

/// As [`active`], for calls of the product: the thread gets its alternate stack on the way, a forked child its own reporter if it is to have one.
/// Not async-signal-safe.
#[inline]
pub(crate) fn entered() -> Option<&'static State> {
    let state = active().or_else(sys::start_own)?;
    sys::prepare_thread();
    Some(state)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps error reporting on while it lives. Dropping it is a clean end of the product: see [`shutdown`].
#[derive(Debug)]
#[must_use = "reporting ends when this is dropped"]
pub struct Reporter {
    state: Option<&'static State>,
    /// Of a start that failed.
    soft_errors: Vec<SoftError>,
    /// Why it failed.
    is_second_copy: bool,
}

impl Reporter {
    /// Starts the handler and begins to catch crashes and panics.
    ///
    /// Never fails and never panics: what does not work is in [`Reporter::soft_errors`], and the product runs without it. A process has one
    /// reporter at a time; a second start is inactive. So is one of another copy of this library in the process, such as a plug-in's own: see
    /// [`Reporter::is_second_copy`].
    ///
    /// Takes the time that a program takes to be started, and does not wait until it runs: a crash, and whatever else is reported from here on,
    /// finds the handler when it does. Who asks [`Reporter::is_active`] or [`Reporter::soft_errors`], or for a [`flush`] or [`shutdown`], waits for the
    /// handler's first answer, two seconds from the start on at most. A handler that answers otherwise or not at all is ended, and the reporter is
    /// inactive from then on; where it was no answer at all, crashes are still caught, and left for the product's next start.
    ///
    /// The handler is no child of the product: no SIGCHLD comes of it, and `wait` does not know it.
    ///
    /// Threads that are alive get an alternate stack each, so that their stack overflows can be reported: by a SIGURG, or a SIGWINCH where that one is
    /// handled, which may end a call such as poll() early, with EINTR. A thread of this library does it while the product goes on, and ends within
    /// milliseconds. Threads made later have theirs once they make any call of this library.
    pub fn start(options: Options) -> Self {
        if active().is_some() {
            return Self::inactive(already_running());
        }
        let _turn = copies::Turn::take();
        if copies::another_reports() {
            let error = SoftError::new("reporter", "another copy of the library reports for this process already");
            let mut inactive = Self::inactive(error);
            inactive.is_second_copy = true;
            return inactive;
        }
        match launch::launch(&launch::find(options.handler.as_deref())) {
            Ok(launched) => Self::connect(options, launched),
            Err(error) => Self::inactive(SoftError::from_error("handler", &error)),
        }
    }

    fn inactive(soft_error: SoftError) -> Self {
        log::warn!("errors are not reported: {soft_error}");
        Self { state: None, soft_errors: vec![soft_error], is_second_copy: false }
    }

    /// Begins to report to the handler at the other ends of the sockets.
    pub(crate) fn connect(mut options: Options, launched: Launched) -> Self {
        let Launched { control, crash, process, program } = launched;
        let _changing = lock(&CHANGING);
        if active().is_some() {
            process.into_iter().for_each(Process::kill);
            return Self::inactive(already_running());
        }
        let mut soft_errors = Vec::new();
        if let Some(Err(error)) = options.restart.as_mut().map(Restart::settle) {
            options.restart = None;
            soft_errors.push(SoftError::from_error("restart", &error));
        }
        let handler = process.as_ref().map(Process::id);
        let handlers_place = PathBuf::from(&program);
        let (mapping, greeting) = match Greeting::send(&mut options, &control, program, process) {
            Ok(sent) => sent,
            Err(error) => return Self::inactive(error),
        };
        handler.into_iter().for_each(sys::let_read_memory);
        let channel = match Channel::new(crash, options.without_progress, options.longest) {
            Ok(channel) => channel,
            Err(error) => return Self::inactive(greeting.end(&Error::io("no crash channel", error))),
        };
        let mapping: &'static Mapping = Box::leak(Box::new(mapping));
        let state: &'static State = Box::leak(Box::new(State {
            shared: Writer::new(mapping.words()),
            _mapping: mapping,
            crash: channel,
            lost: lost::Places::of(&options),
            options,
            pid: std::process::id(),
            #[cfg(target_os = "linux")]
            handler: handler.unwrap_or(0),
            control,
            starting: Mutex::new(Some(Starting { greeting, stacks: None })),
            unserved: AtomicBool::new(false),
            sequence: AtomicU64::new(1),
            answers: Mutex::new(()),
            soft_errors: Mutex::new(soft_errors),
        }));
        state.shared.product_version(&state.options.version);
        register_exits();
        sys::prepare_thread();
        ACTIVE.store(std::ptr::from_ref(state).cast_mut(), Ordering::Release);
        if let Err(error) = sys::rearm() {
            state.note("capture.signals", &error);
        }
        panic::install();
        if let Err(error) = sys::let_system_tell(state, &handlers_place) {
            state.note("capture.wer", &error);
        }
        // Last: hundreds of threads that each take a stack leave this one no processor.
        match sys::prepare_threads() {
            Ok(stacks) => {
                if let Some(starting) = &mut *lock(&state.starting) {
                    starting.stacks = stacks;
                }
            }
            Err(error) => state.note("capture.threads", &error),
        }
        Self { state: Some(state), soft_errors: Vec::new(), is_second_copy: false }
    }

    /// What does not work, now and since the start. Waits for the handler's first answer, which may tell of more: see [`Reporter::start`].
    pub fn soft_errors(&self) -> Vec<SoftError> {
        let Some(state) = self.state else { return self.soft_errors.clone() };
        state.settle(Duration::MAX);
        let mut all = lock(&state.soft_errors).clone();
        match state.shared.lost_errors() {
            0 => {}
            lost => all.push(SoftError::new("capture.handled", format!("{lost} handled errors found the queue full"))),
        }
        all
    }

    /// Whether errors are caught and a handler takes them. Waits for the handler's first answer: see [`Reporter::start`].
    pub fn is_active(&self) -> bool {
        self.state.is_some_and(|state| state.settle(Duration::MAX) && state.is_current())
    }

    /// Whether this start found that another copy of the library reports for the process: a host and its plug-in that each have their own. The first
    /// one's reports tell of both. Once that one has ended its reporting, another start can succeed.
    pub fn is_second_copy(&self) -> bool {
        self.is_second_copy
    }

    /// Ends reporting, as dropping does, with a bound of its own. Returns whether the handler confirmed.
    pub fn shutdown(self, timeout: Duration) -> bool {
        self.state.is_none_or(|state| state.shutdown(timeout))
    }
}

impl Drop for Reporter {
    /// As [`shutdown`], with the options' waits as the bound.
    fn drop(&mut self) {
        if let Some(state) = self.state {
            state.shutdown(state.options.longest);
        }
    }
}

fn already_running() -> SoftError {
    SoftError::new("reporter", "a reporter runs already in this process: keep that one")
}

impl State {
    fn is_current(&self) -> bool {
        active().is_some_and(|state| std::ptr::eq(state, self))
    }

    fn note(&self, subject: &str, error: &io::Error) {
        lock(&self.soft_errors).push(SoftError::from_error(subject, error));
    }

    /// Waits, up to `timeout`, until what the start has left to others is done. Returns false where it turns out that nobody serves. Nothing is caught from then on,
    /// unless the handler was lost: then crashes are left for the next start.
    fn settle(&self, timeout: Duration) -> bool {
        // A forked child has this memory and the same sockets: the answer is its parent's.
        if !self.is_current() || self.pid != std::process::id() {
            return true;
        }
        let mut starting = lock(&self.starting);
        if self.unserved.load(Ordering::Relaxed) {
            return false;
        }
        if let Some(Err(error)) =
            starting.as_mut().and_then(|starting| starting.stacks.take()).and_then(|stacks| stacks.join().ok())
        {
            self.note("capture.threads", &error);
        }
        match starting.as_ref().and_then(|starting| starting.greeting.answer(&self.control, timeout)) {
            None => true,
            Some(Ok(ready)) => {
                *starting = None;
                lock(&self.soft_errors).extend(ready.soft_errors.into_iter().map(SoftError::from));
                true
            }
            Some(Err(NoService::Refused(error))) => {
                if let Some(Starting { greeting, .. }) = starting.take() {
                    self.give_up(greeting.end(&error));
                }
                false
            }
            Some(Err(NoService::Silent(error))) => {
                if let Some(Starting { greeting, .. }) = starting.take() {
                    let why = greeting.end(&error);
                    log::warn!("crashes are kept for the next start: {why}");
                    lock(&self.soft_errors).push(why);
                }
                self.unserved.store(true, Ordering::Relaxed);
                sys::handler_is_lost();
                false
            }
        }
    }

    fn give_up(&self, why: SoftError) {
        log::warn!("errors are not reported: {why}");
        lock(&self.soft_errors).push(why);
        let _changing = lock(&CHANGING);
        if self.is_current() {
            self.stop();
        }
    }

    /// Nothing is reported from here on, and another reporter can start. The caller holds [`CHANGING`].
    fn stop(&self) {
        // Which also says that no copy of this library reports with this memory any more.
        self.shared.mark_clean_exit();
        lock(&ENDED).extend(active());
        ACTIVE.store(std::ptr::null_mut(), Ordering::Release);
        sys::disarm();
    }

    fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a handled error; never waits unless a dump is wanted.
    pub(crate) fn send_handled(&self, chain: Vec<ErrorLink>, kind: ErrorKind, frames: Vec<u64>, thread_name: &str) {
        let tid = writer::thread_id();
        let claim = if self.options.dump_of(kind) == Dump::None {
            None
        } else {
            match Claim::take(tid, self.crash.longest()) {
                Claimed::Yes(claim) => Some(claim),
                // Without memory, then: better than not at all.
                Claimed::Already | Claimed::TimedOut => None,
            }
        };
        let number = claim.as_ref().map(|_| self.crash.next_number());
        let mut error = schema::HandledError {
            chain,
            thread_id: tid,
            thread_name: thread_name.into(),
            frames,
            time: clock::realtime(),
            monotonic: clock::monotonic(),
            kind: kind.into(),
            crash_number: number.unwrap_or(0),
        };
        handled::fit(&mut error);
        let message = schema::ClientMessage { sequence: self.next(), message: Some(Message::HandledError(error)) };
        match self.control.send(&message, &[], Duration::ZERO) {
            Ok(()) => {}
            // Without its text, then: where the product was is left for the next handler, if it is wanted at all.
            Err(IpcError::Closed) if claim.is_some() => {}
            Err(_) => {
                self.shared.count_lost_error();
                return;
            }
        }
        if let (Some(mut claim), Some(number)) = (claim, number) {
            self.report_here(&mut claim, number, kind, tid);
        }
    }

    /// Has the process dumped at this point, and goes on.
    pub(crate) fn report_here(&self, claim: &mut Claim, number: u64, kind: ErrorKind, tid: u32) {
        let context = context::here(claim, self.pid, tid);
        self.shared.crashed(&Crash {
            number,
            kind: kind.into(),
            pid: self.pid,
            tid,
            signal: None,
            address: None,
            context: context.as_bytes(),
        });
        self.crash.report();
    }

    pub(crate) fn send_file(&self, file: &FileAttachment) -> Result<(), Error> {
        let message = Some(Message::AttachFile(wire::attachment(file)));
        let message = schema::ClientMessage { sequence: self.next(), message };
        self.control.send(&message, &[], START_TIMEOUT).map_err(|error| attaching(&file.name, error))
    }

    pub(crate) fn send_content(&self, name: &str, media_type: &str, content: &[u8]) -> Result<(), Error> {
        let memory = mapping::sealed_bytes(content)
            .map_err(|error| Error::io(format!("no memory for the attachment {name}"), error))?;
        let attach = schema::AttachBytes { name: name.into(), media_type: media_type.into() };
        let message = schema::ClientMessage { sequence: self.next(), message: Some(Message::AttachBytes(attach)) };
        self.control.send(&message, &[lend(&memory)], START_TIMEOUT).map_err(|error| attaching(name, error))
    }

    /// Tells the handler of a piece of memory that no report is to have. A length of 0 ends that.
    pub(crate) fn send_exclusion(&self, address: u64, length: u64) -> Result<(), Error> {
        let message = Some(Message::ExcludeMemory(schema::ExcludeMemory { address, length }));
        let message = schema::ClientMessage { sequence: self.next(), message };
        let failed = |error| Error::io("the handler did not learn of memory to exclude", io::Error::other(error));
        self.control.send(&message, &[], START_TIMEOUT).map_err(failed)
    }

    /// Sends what `message` makes of the time-out in milliseconds, and waits for the answer: `timeout` at most, and no longer without a sign of
    /// life than the options say.
    fn ask(&self, message: impl FnOnce(u64) -> Message, timeout: Duration) -> bool {
        let _answers = lock(&self.answers);
        let started = Instant::now();
        let sequence = self.next();
        let millis = timeout.as_millis().try_into().unwrap_or(u64::MAX);
        let message = schema::ClientMessage { sequence, message: Some(message(millis)) };
        let patience = timeout.min(self.options.without_progress);
        if self.control.send(&message, &[], patience).is_err() {
            return false;
        }
        let mut progress = Instant::now();
        while started.elapsed() < timeout && progress.elapsed() < self.options.without_progress {
            let left = timeout.saturating_sub(started.elapsed());
            match self.control.receive::<schema::HandlerMessage>(left.min(Duration::from_millis(250))) {
                Ok((answer, _)) if answer.sequence == sequence => {
                    if let Some(Answer::Done(done)) = answer.message {
                        lock(&self.soft_errors).extend(done.soft_errors.into_iter().map(SoftError::from));
                        return true;
                    }
                    return false;
                }
                // To a question that was given up.
                Ok(_) => progress = Instant::now(),
                Err(IpcError::TimedOut(_)) => {
                    // A thread that reports meanwhile reads the crash channel itself.
                    let claimed = Claim::take(writer::thread_id(), 0);
                    if !matches!(&claimed, Claimed::Yes(_)) || self.crash.take_progress() {
                        progress = Instant::now();
                    }
                }
                Err(_) => return false,
            }
        }
        false
    }

    fn flush(&self, timeout: Duration) -> bool {
        let started = Instant::now();
        let message = |timeout_millis| Message::Flush(schema::Flush { timeout_millis });
        self.settle(timeout) && self.ask(message, timeout.saturating_sub(started.elapsed()))
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        let started = Instant::now();
        let served = self.settle(timeout);
        let _changing = lock(&CHANGING);
        if !self.is_current() || self.pid != std::process::id() {
            return served;
        }
        if !served {
            self.stop();
            return false;
        }
        self.shared.mark_clean_exit();
        let message = |timeout_millis| Message::Shutdown(schema::Shutdown { timeout_millis });
        let confirmed = self.ask(message, timeout.saturating_sub(started.elapsed()));
        self.stop();
        confirmed
    }
}

fn attaching(name: &str, error: IpcError) -> Error {
    Error::io(format!("the handler did not take the attachment {name}"), io::Error::other(error))
}

/// Waits until the handler has stored and, as far as the time allows, delivered what was reported so far. Returns whether it did.
pub fn flush(timeout: Duration) -> bool {
    entered().is_none_or(|state| state.flush(timeout))
}

/// Ends reporting: a clean end of the product. The handler may ask the person about handled errors that are queued, where a terminal is there.
/// Waits up to `timeout`; returns whether the handler confirmed. For callers without the guard, such as other languages.
pub fn shutdown(timeout: Duration) -> bool {
    active().is_none_or(|state| state.shutdown(timeout))
}

/// Puts the reporter's signal handlers on top again, where others have replaced them since: after loading a plug-in, a driver, a managed runtime.
///
/// Those others stay in the chain: they are called as if we had come later, which lets a managed runtime have its own faults first. Costs seven system
/// calls where nothing has changed.
///
/// ```
/// # fn load_plugin(_: &str) {}
/// load_plugin("charts");
/// reporter_sdk::rearm();
/// ```
pub fn rearm() {
    let Some(state) = entered() else { return };
    if let Err(error) = sys::rearm() {
        let soft = SoftError::from_error("capture.signals", &error);
        let mut soft_errors = lock(&state.soft_errors);
        if !soft_errors.contains(&soft) {
            soft_errors.push(soft);
        }
    }
}

/// Makes a report as a crash would, of kind *simulated*, and goes on: to try the way to support.
pub fn simulate_crash() {
    let Some(state) = entered() else { return };
    let tid = writer::thread_id();
    if let Claimed::Yes(mut claim) = Claim::take(tid, state.crash.longest()) {
        state.report_here(&mut claim, state.crash.next_number(), ErrorKind::Simulated, tid);
    }
}

/// Marks an `exit` without a shutdown as clean, and takes forked children out: they share the memory and the sockets, but are not the product.
fn register_exits() {
    extern "C" fn at_exit() {
        if let Some(state) = active().filter(|state| state.pid == std::process::id()) {
            state.shared.mark_clean_exit();
        }
    }
    extern "C" fn in_child() {
        let parent = active();
        ACTIVE.store(std::ptr::null_mut(), Ordering::Release);
        sys::forked(parent);
    }
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        // SAFETY: the function lives as long as the program does, and takes part in no Rust state that has ended by then.
        unsafe { libc::atexit(at_exit) };
        sys::at_fork(in_child);
    }
}
