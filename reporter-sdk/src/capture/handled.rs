//! Errors that the product handled and goes on from, and those that a runtime above us found nobody for.

use std::{
    any::TypeId,
    error::Error,
    ffi::c_void,
    io,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    thread,
};

use report_format::schema::v1::{ErrorKind, ErrorLink};

use super::{
    before_send::{Hint, Verdict},
    sys,
};
use crate::{
    ipc, reporter, schema,
    shared::{
        clock,
        writer::{self, cut},
    },
};

/// Links kept of a chain of errors.
const CHAIN_LIMIT: usize = 32;
/// Bytes kept of a message.
const MESSAGE_BYTES: usize = 2048;
/// Frames kept of a stack.
const FRAME_LIMIT: usize = 64;
/// Of the walk and this module, at most, on top of them.
const OWN_FRAMES: usize = 16;
/// Of one link: a recursion without an end has tens of thousands, of which the innermost tell what it was.
const MANAGED_FRAME_LIMIT: usize = 256;
/// And as many where all together is too much for a message.
const FEW_MANAGED_FRAMES: usize = 16;
/// Bytes of a message around the error.
const ENVELOPE: usize = 64;
/// Bytes kept of each text of a frame. Names of generic methods have no end.
const FRAME_TEXT_BYTES: usize = 512;

/// An error described by the caller: for languages that have no [`std::error::Error`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HandledError {
    /// The error and what caused it, outermost first. At most 32 are kept, and 2 KiB of each message and 256 frames of each.
    pub chain: Vec<ErrorLink>,
    /// [`ErrorKind::HandledError`], or [`ErrorKind::UnhandledException`] where nothing caught it.
    pub kind: ErrorKind,
    /// Instruction pointers of the stack, innermost first. None: the SDK walks the caller's stack.
    pub frames: Option<Vec<u64>>,
    /// None: the calling thread's, as Rust knows it.
    pub thread_name: Option<String>,
}

impl HandledError {
    /// A handled error of the calling thread.
    pub fn new(chain: Vec<ErrorLink>) -> Self {
        Self { chain, kind: ErrorKind::HandledError, frames: None, thread_name: None }
    }

    /// As another kind of error.
    #[must_use]
    pub fn kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }
}

/// The thread that has reported an unhandled exception last, and when.
static UNHANDLED_IN: AtomicU32 = AtomicU32::new(0);
static UNHANDLED_AT: AtomicU64 = AtomicU64::new(0);

/// Whether a SIGABRT in this thread is the end of an exception that is reported already: .NET calls the product's hook and aborts. Async-signal-safe.
#[cfg(any(target_os = "linux", windows))]
pub(crate) fn is_ending(tid: u32) -> bool {
    /// For so long an abort of a thread is taken for the end of what it has reported as unhandled.
    const END_TIME: u64 = 10_000_000_000;
    let since = || clock::monotonic().saturating_sub(UNHANDLED_AT.load(Ordering::Relaxed));
    UNHANDLED_IN.load(Ordering::Relaxed) == tid && since() < END_TIME
}

/// The thread that has reported an unhandled exception last, for who reads this process's memory.
#[cfg(windows)]
pub(crate) fn unhandled_in() -> &'static AtomicU32 {
    &UNHANDLED_IN
}

/// Reports an error that the product handled, with the errors that caused it.
///
/// Returns in under a millisecond and without asking anyone, unless [`Options::kind`](crate::Options::kind) wants memory for handled errors: then the
/// product is held for the dump.
///
/// ```
/// if let Err(error) = std::fs::read("/no/such/file") {
///     reporter_sdk::capture_error(&error);
/// }
/// ```
// Inlined, so that the stack begins with the caller.
#[inline(always)]
pub fn capture_error<E: Error + ?Sized + 'static>(error: &E) {
    capture_error_with_hint(error, None);
}

/// As [`capture_error`], with a hint for the hook of [`Options::before_send`](crate::Options::before_send).
#[inline(always)]
pub fn capture_error_with_hint<E: Error + ?Sized + 'static>(error: &E, hint: Hint<'_>) {
    if reporter::entered().is_some() {
        capture_handled_with_hint(HandledError::new(chain_of(error)), hint);
    }
}

/// Reports an error that the caller describes; otherwise as [`capture_error`].
///
/// One of the kind [`ErrorKind::UnhandledException`] is what the hook of a runtime reports that found nobody to catch it. Unless the options say otherwise it
/// comes with a dump, for which the product is held. If the runtime then aborts the process from the same thread, that is no second error.
#[inline(always)]
pub fn capture_handled(error: HandledError) {
    capture_handled_with_hint(error, None);
}

/// As [`capture_handled`], with a hint for the hook of [`Options::before_send`](crate::Options::before_send).
// Not inlined: the stack is what lies above this function.
#[inline(never)]
pub fn capture_handled_with_hint(mut error: HandledError, hint: Hint<'_>) {
    let Some(state) = reporter::entered() else { return };
    if !state.options.wants(error.kind) {
        return;
    }
    let kind = error.kind;
    if let Some(hook) = &state.options.before_send
        && hook.judge(&mut error, hint) == Verdict::Drop
    {
        if kind == ErrorKind::UnhandledException {
            // What the runtime does next is the end of the same, and as unwanted: neither its abort nor a process that has ended without a word is told.
            ends_of_it();
            state.shared.mark_clean_exit();
        }
        return;
    }
    // Whoever captured it knows what it is.
    error.kind = kind;
    let frames =
        error.frames.unwrap_or_else(|| walk(capture_handled_with_hint as fn(HandledError, Hint<'_>) as *mut c_void));
    let mut chain = error.chain;
    chain.truncate(CHAIN_LIMIT);
    let shorten = |text: &mut String, bytes| text.truncate(text.floor_char_boundary(bytes));
    for link in &mut chain {
        shorten(&mut link.message, MESSAGE_BYTES);
        link.frames.truncate(MANAGED_FRAME_LIMIT);
        for frame in &mut link.frames {
            let file = frame.location.as_mut().map(|location| &mut location.file);
            [&mut frame.method, &mut frame.assembly]
                .into_iter()
                .chain(file)
                .for_each(|text| shorten(text, FRAME_TEXT_BYTES));
        }
    }
    let name = error.thread_name.unwrap_or_else(|| thread::current().name().unwrap_or_default().to_owned());
    state.send_handled(chain, error.kind, frames, cut(&name, 256));
    if error.kind == ErrorKind::UnhandledException {
        ends_of_it();
    }
}

/// The abort of this thread that follows is the end of what is reported, or was not to be.
fn ends_of_it() {
    UNHANDLED_AT.store(clock::monotonic(), Ordering::Relaxed);
    UNHANDLED_IN.store(writer::thread_id(), Ordering::Relaxed);
}

/// Cuts what is too much for a message: first the outer frames of the longest stacks, then the innermost causes.
pub(crate) fn fit(error: &mut schema::HandledError) {
    while prost::Message::encoded_len(error) > ipc::socket::MESSAGE_LIMIT - ENVELOPE {
        let longest = error.chain.iter_mut().map(|link| &mut link.frames).max_by_key(|frames| frames.len());
        if let Some(frames) = longest.filter(|frames| frames.len() > FEW_MANAGED_FRAMES) {
            frames.truncate(frames.len() / 2);
        } else if error.chain.len() > 1 {
            error.chain.pop();
        } else {
            return;
        }
    }
}

fn chain_of<E: Error + ?Sized + 'static>(error: &E) -> Vec<ErrorLink> {
    // The name of a trait object's type is the trait's, which tells nothing.
    let name = std::any::type_name::<E>();
    let type_name = if name.starts_with("dyn ") { String::new() } else { name.to_owned() };
    // The same type in any crate that gives it, as far as it can be told from here: `E` can be unsized, which rules out `downcast_ref`.
    let own: Option<&io::Error> = (TypeId::of::<E>() == TypeId::of::<io::Error>())
        // SAFETY: `E` is `io::Error`, as just compared, so this is the same reference.
        .then(|| unsafe { &*std::ptr::from_ref(error).cast() });
    let mut chain = vec![ErrorLink {
        type_name,
        message: error.to_string(),
        code: own.and_then(io::Error::raw_os_error).map(i64::from),
        ..ErrorLink::default()
    }];
    let mut next = error.source();
    while let Some(error) = next.filter(|_| chain.len() < CHAIN_LIMIT) {
        let io = error.downcast_ref::<io::Error>();
        chain.push(ErrorLink {
            type_name: if io.is_some() { std::any::type_name::<io::Error>().to_owned() } else { String::new() },
            message: error.to_string(),
            code: io.and_then(io::Error::raw_os_error).map(i64::from),
            ..ErrorLink::default()
        });
        next = error.source();
    }
    chain
}

/// Instruction pointers of the callers of the function `below`, innermost first. No names are looked up: that is the handler's and support's work.
#[inline(never)]
fn walk(below: *mut c_void) -> Vec<u64> {
    let mut frames = Vec::with_capacity(FRAME_LIMIT + OWN_FRAMES);
    let mut own = 0;
    sys::walk(below, |instruction, is_below| {
        frames.push(instruction);
        if own == 0 && is_below {
            own = frames.len();
        }
        frames.len() < FRAME_LIMIT + own.max(OWN_FRAMES)
    });
    frames.drain(..own);
    frames.truncate(FRAME_LIMIT);
    frames
}

#[cfg(test)]
mod tests {
    use report_format::schema::v1::ManagedFrame;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the ledger")]
    struct Outer(#[source] io::Error);

    #[test]
    fn the_chain_has_types_messages_and_codes() {
        let chain = chain_of(&Outer(io::Error::from_raw_os_error(libc::ENOENT)));
        let [outer, inner] = &chain[..] else { panic!("{chain:?}") };
        assert!(outer.type_name.ends_with("tests::Outer"), "{}", outer.type_name);
        assert_eq!((&*outer.message, outer.code), ("cannot open the ledger", None));
        assert_eq!((&*inner.type_name, inner.code), ("std::io::error::Error", Some(libc::ENOENT.into())));
        let chain = chain_of(&io::Error::from_raw_os_error(libc::EACCES));
        assert_eq!(chain[0].code, Some(libc::EACCES.into()));
        let boxed: Box<dyn Error + Send + Sync> = "plain".into();
        assert_eq!((&*chain_of(&*boxed)[0].type_name, &*chain_of(&*boxed)[0].message), ("", "plain"));
    }

    #[test]
    fn stacks_that_are_too_much_for_a_message_lose_their_outer_frames_and_the_error_its_innermost_causes() {
        let frame = |number: usize| ManagedFrame {
            method: format!("{number:0>FRAME_TEXT_BYTES$}"),
            assembly: "x".repeat(FRAME_TEXT_BYTES),
            ..ManagedFrame::default()
        };
        let link = |number: usize| ErrorLink {
            message: format!("{number:0>MESSAGE_BYTES$}"),
            frames: (0..MANAGED_FRAME_LIMIT).map(frame).collect(),
            ..ErrorLink::default()
        };
        for links in [1, 2, CHAIN_LIMIT] {
            let mut error =
                schema::HandledError { chain: (0..links).map(link).collect(), ..schema::HandledError::default() };
            fit(&mut error);
            assert!(prost::Message::encoded_len(&error) + ENVELOPE <= ipc::socket::MESSAGE_LIMIT);
            assert!(error.chain[0].frames.len() >= FEW_MANAGED_FRAMES, "{links} links");
            assert_eq!(error.chain[0].frames[0], frame(0));
            assert!(links > 2 || error.chain.len() == links, "no cause is lost to frames");
        }
    }

    #[inline(never)]
    fn captures() -> Vec<u64> {
        std::hint::black_box(walk(captures as fn() -> Vec<u64> as *mut c_void))
    }

    #[test]
    fn the_stack_starts_at_the_caller() {
        let frames = captures();
        assert!(frames.len() > 2 && frames.len() <= FRAME_LIMIT, "{frames:x?}");
        let here = the_stack_starts_at_the_caller as *const () as u64;
        assert!((here..here + 4096).contains(&frames[0]), "{here:x} {frames:x?}");
        let of_nobody = std::ptr::without_provenance_mut(1);
        assert!(!walk(of_nobody).is_empty(), "rather with our own frames than none");
    }
}
