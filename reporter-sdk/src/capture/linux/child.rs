//! Children that are forked from the product and go on without `exec`: they have its memory, its handlers and its sockets, but are not the product.

use std::{
    mem,
    os::fd::{FromRawFd, OwnedFd},
    ptr,
    sync::atomic::{AtomicPtr, AtomicU32, Ordering},
};

use report_format::schema::v1::ErrorKind;

use super::{context, threads};
use crate::{
    Children, Reporter,
    capture::claim::{Claim, Claimed},
    ipc::child_crash::ChildCrash,
    reporter::{self, State},
    shared::{clock, seat::Seat},
};

/// In a child, the state of the process that it was forked from; null in the product itself, and where the child is left alone.
static PARENT: AtomicPtr<State> = AtomicPtr::new(ptr::null_mut());
/// The child that [`PARENT`] was set in. A process that is cloned past the fork handlers has its memory but not its number.
static CHILD: AtomicU32 = AtomicU32::new(0);

/// Takes a child that was just forked out of the product's reporting. Async-signal-safe: its parent may have had other threads.
pub(crate) fn forked(parent: Option<&'static State>) {
    // Of threads that are not there any more.
    Claim::forget();
    Seat::forget_all();
    let Some(parent) = parent else { return };
    if parent.options.children != Children::Off {
        // SAFETY: getpid(2) is async-signal-safe.
        CHILD.store(unsafe { libc::getpid() } as u32, Ordering::Relaxed);
        PARENT.store(ptr::from_ref(parent).cast_mut(), Ordering::Release);
    }
}

/// Takes the parent's state where it is for such a child; a second call finds none.
fn take_parent(children: Children) -> Option<&'static State> {
    let parent = PARENT.load(Ordering::Acquire);
    // SAFETY: null, or a state that was leaked before the fork and lives, as a copy, as long as the child.
    let state = unsafe { parent.as_ref() }.filter(|state| state.options.children == children)?;
    PARENT.compare_exchange(parent, ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed).ok().map(|_| state)
}

/// Starts the reporter of a child that is to have one of its own: in its first call of the SDK, since nothing may be started in a fork handler.
pub(crate) fn start_own() -> Option<&'static State> {
    let parent = take_parent(Children::Separate)?;
    let own = Reporter::start(parent.options.clone());
    // It ends as the child does: nobody holds it.
    mem::forget(own);
    reporter::active()
}

/// Reports a fault of a child whose crashes the parent's handler takes. The crash slot and the crash channel's answers are the parent's, which may
/// crash at the same time: so the record goes out in the message itself, with a socket for the answer. Who sent it, the kernel says.
///
/// # Safety
/// As for the signal handler that calls it. Async-signal-safe.
pub(crate) unsafe fn report(info: &libc::siginfo_t, ucontext: *mut libc::c_void) {
    // SAFETY: getpid(2) is async-signal-safe.
    let pid = unsafe { libc::getpid() } as u32;
    let tid = threads::own_id() as u32;
    if pid != CHILD.load(Ordering::Relaxed) {
        return;
    }
    // Once: after a fault nothing is reported any more.
    let Some(parent) = take_parent(Children::Inherit) else { return };
    if !parent.options.wants(ErrorKind::Crash) {
        return;
    }
    let Claimed::Yes(mut claim) = Claim::take(tid, parent.crash.longest()) else { return };
    // SAFETY: the caller's promise.
    let context = unsafe { context::of_signal(&mut claim, info, ucontext, pid, tid) };
    let record = ChildCrash {
        tid,
        signal: (info.si_signo, info.si_code),
        address: context::address(info),
        monotonic: clock::monotonic(),
        realtime: clock::realtime(),
    };
    if let Some((ours, theirs)) = pair() {
        // The product's own permission is not its children's.
        // SAFETY: prctl(2) is a plain system call; where Yama is not there it fails and means nothing.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::c_ulong::from(parent.handler), 0, 0, 0) };
        parent.crash.hand_over(&record.to_bytes(), context.as_bytes(), theirs, &ours);
    }
    claim.keep();
}

/// Two connected sockets. Async-signal-safe, as is dropping them: close(2).
fn pair() -> Option<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: socketpair(2) is a plain system call; `ends` has room for the two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: just made, and nobody else's.
    let ours = unsafe { OwnedFd::from_raw_fd(ends[0]) };
    // SAFETY: as above.
    let theirs = unsafe { OwnedFd::from_raw_fd(ends[1]) };
    Some((ours, theirs))
}
