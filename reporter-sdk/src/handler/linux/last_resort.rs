//! Ends this process where it holds the product's threads and does not get on.
//!
//! Situation: who holds threads by ptrace is the only one who can let them go; theirs is no wait that could run out. Example: the handler is stopped (SIGSTOP, a
//! frozen group of processes) in the middle of a dump, or the thread that dumps is stuck in the kernel over a dead file server, and the product stands still for as long.
//! Handling: a timer of the kernel's, whose signal is SIGKILL, which a stopped process takes as well. With this process its holds end: the product finds its handler
//! lost, leaves what it has for the next start, and goes on or ends.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// A timer that ends this process, unless it is renewed or dropped in time. Time that the machine sleeps does not count.
#[derive(Debug)]
pub(super) struct LastResort {
    timer: libc::timer_t,
    time: Duration,
}

impl LastResort {
    /// Begins to count. Where there are no timers to be had, nothing does.
    pub(super) fn after(time: Duration) -> Option<Self> {
        let mut event = MaybeUninit::<libc::sigevent>::zeroed();
        // SAFETY: all fields are integers and pointers, for which zero is a value.
        let event = unsafe { event.assume_init_mut() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGKILL;
        let mut timer = ptr::null_mut();
        // SAFETY: reads `event` and writes `timer`, which live here.
        let made = unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, ptr::from_mut(event), &raw mut timer) };
        let this = (made == 0).then_some(Self { timer, time });
        match &this {
            Some(this) => this.renew(),
            None => tracing::warn!(error = %io::Error::last_os_error(), "no timer: a dump that hangs is not ended"),
        }
        this
    }

    /// Counts from the start.
    pub(super) fn renew(&self) {
        let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let time = libc::timespec {
            tv_sec: libc::time_t::try_from(self.time.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: self.time.subsec_nanos().into(),
        };
        let once = libc::itimerspec { it_interval: none, it_value: time };
        // SAFETY: the timer is this value's, and lives; `once` lives here, and what was set before is not asked for.
        unsafe { libc::timer_settime(self.timer, 0, &raw const once, ptr::null_mut()) };
    }
}

impl Drop for LastResort {
    fn drop(&mut self) {
        // SAFETY: made by `after`, and deleted here alone.
        unsafe { libc::timer_delete(self.timer) };
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::thread::sleep;
    use std::time::Instant;

    use super::*;

    const ROLE: &str = "REPORTER_TEST_LAST_RESORT";
    const SHORT: Duration = Duration::from_millis(300);

    /// What `stops_for_good` does, in a process of its own.
    fn in_role(role: &str) -> std::process::ExitStatus {
        let program = std::env::current_exe().unwrap();
        let arguments = ["--exact", "handler::linux::last_resort::tests::stops_for_good", "--include-ignored"];
        Command::new(program).args(arguments).env(ROLE, role).output().unwrap().status
    }

    #[test]
    #[ignore = "another process's part of other tests"]
    fn stops_for_good() {
        let Some(role) = std::env::var_os(ROLE) else { return };
        let timer = LastResort::after(SHORT).unwrap();
        if role == "stopped" {
            // SAFETY: nothing of this process is to go on.
            unsafe { libc::raise(libc::SIGSTOP) };
        }
        let started = Instant::now();
        while started.elapsed() < 3 * SHORT {
            timer.renew();
            sleep(SHORT / 30);
        }
        drop(timer);
        sleep(2 * SHORT);
    }

    #[test]
    fn a_stopped_process_is_ended_and_one_that_gets_on_is_not() {
        assert_eq!(in_role("stopped").signal(), Some(libc::SIGKILL));
        assert!(in_role("goes on").success());
    }
}
