//! Which shard a thread writes into.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering},
};

use super::layout;

/// A thread's place in the shared memory. It keeps it for all reporters of the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    /// The kernel's number of the thread; 0 for one that has no seat yet.
    pub(crate) thread: u32,
    pub(crate) shard: usize,
}

/// One bit for each shard that a thread has to itself.
static TAKEN: AtomicU32 = AtomicU32::new(0);
const _: () = assert!(layout::OWN_SHARDS <= 32);

const NO_SEAT: Seat = Seat { thread: 0, shard: layout::OWN_SHARDS };

thread_local! {
    /// Has no destructor and hence no state: looking at it is a single load, and allowed at any time of a thread.
    static SEAT: Cell<Seat> = const { Cell::new(NO_SEAT) };
    /// Touched when a seat is taken, so that it is given back when the thread ends.
    static LEAVING: Leaving = const { Leaving };
}

struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        let seat = SEAT.get();
        // Destructors of other thread-locals may act after this.
        SEAT.set(Seat { shard: common(seat.thread), ..seat });
        if seat.is_own() {
            // Release: whoever takes the shard next goes on where this thread has stopped.
            TAKEN.fetch_and(!(1 << seat.shard), Ordering::Release);
        }
    }
}

impl Seat {
    /// The calling thread's. Its first call may allocate and asks the kernel for the thread's number.
    #[inline]
    pub(crate) fn mine() -> Self {
        let seat = SEAT.get();
        if seat.thread == 0 { Self::take() } else { seat }
    }

    #[cold]
    fn take() -> Self {
        let thread = thread_id();
        // In a thread that is about to end nothing would give an own shard back.
        let own = LEAVING.try_with(|_| ()).ok().and_then(|()| {
            let free = |taken: u32| Some(taken.trailing_ones()).filter(|free| (*free as usize) < layout::OWN_SHARDS);
            let take = |taken| free(taken).map(|free| taken | 1 << free);
            TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, take).ok().and_then(free)
        });
        let seat = Seat { thread, shard: own.map_or(common(thread), |own| own as usize) };
        SEAT.set(seat);
        seat
    }

    /// Whether no other thread writes into this shard.
    #[inline]
    pub(crate) fn is_own(self) -> bool {
        self.shard < layout::OWN_SHARDS
    }

    /// In the child of a fork: its one thread has another number, and the others' seats are free. Async-signal-safe.
    #[cfg(target_os = "linux")]
    pub(crate) fn forget_all() {
        SEAT.set(NO_SEAT);
        TAKEN.store(0, Ordering::Relaxed);
    }
}

/// The shard of a thread that has none to itself: spread by the thread's number.
fn common(thread: u32) -> usize {
    layout::OWN_SHARDS + thread as usize % layout::COMMON_SHARDS
}

/// The kernel's number of the calling thread.
pub(crate) fn thread_id() -> u32 {
    #[cfg(target_os = "linux")]
    let thread = rustix::thread::gettid().as_raw_nonzero().get() as u32;
    #[cfg(windows)]
    // SAFETY: reads a value of this thread's own.
    let thread = unsafe { windows_sys::Win32::System::Threading::GetCurrentThreadId() };
    // No thread records anything.
    #[cfg(not(any(target_os = "linux", windows)))]
    let thread = 1;
    thread
}

#[cfg(test)]
mod tests {
    use std::{
        cell::OnceCell,
        sync::{Barrier, mpsc},
        thread,
        time::{Duration, Instant},
    };

    use super::*;

    #[test]
    fn threads_have_shards_to_themselves_while_there_are_enough_and_give_them_back() {
        let count = layout::OWN_SHARDS + 4;
        for _ in 0..3 {
            let all_there = Barrier::new(count);
            let sit = || {
                let seat = Seat::mine();
                all_there.wait();
                assert_eq!((Seat::mine().thread, Seat::mine().shard), (thread_id(), seat.shard), "for good");
                seat
            };
            let mut seats: Vec<Seat> = thread::scope(|scope| {
                let threads: Vec<_> = (0..count).map(|_| scope.spawn(sit)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(seats.iter().all(|seat| seat.shard < layout::SHARDS), "{seats:?}");
            seats.retain(|seat| seat.is_own());
            seats.sort_by_key(|seat| seat.shard);
            assert!(seats.is_sorted_by(|one, other| one.shard < other.shard), "no two have the same: {seats:?}");
        }
        // Other tests of this process may have them all for a while.
        let started = Instant::now();
        while !thread::spawn(Seat::mine).join().unwrap().is_own() {
            assert!(started.elapsed() < Duration::from_secs(60), "none was given back");
        }
    }

    #[test]
    fn a_thread_that_is_ending_still_has_a_seat() {
        struct Late(mpsc::Sender<Seat>);
        impl Drop for Late {
            fn drop(&mut self) {
                self.0.send(Seat::mine()).unwrap();
            }
        }
        thread_local!(static LATE: OnceCell<Late> = const { OnceCell::new() });
        let (sender, after) = mpsc::channel();
        let thread = thread::spawn(move || {
            // Thread-locals go in the opposite order of their first use: this one after the seat was given back.
            LATE.with(|late| assert!(late.set(Late(sender)).is_ok()));
            Seat::mine().thread
        });
        let before = thread.join().unwrap();
        let after = after.recv().unwrap();
        assert_eq!(after.thread, before);
        // There thread-locals have no order: this one may have been the first, whose seat was still its own.
        if cfg!(not(all(windows, target_env = "gnu"))) {
            assert!(!after.is_own(), "{after:?}");
        }
    }
}
