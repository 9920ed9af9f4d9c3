//! Where the system's part has not been written yet: a start finds no handler to start and says so, and whatever follows it cannot happen, which the types say.

use crate::Error;

const WHAT: &str = "error reporting";

/// What there is none of.
#[derive(Debug, PartialEq)]
pub(crate) enum Never {}

pub(crate) mod launch {
    use std::path::{Path, PathBuf};

    use super::{Error, WHAT, socket::Socket, spawn::Process};

    #[derive(Debug)]
    pub(crate) struct Launched {
        pub(crate) control: Socket,
        pub(crate) crash: Socket,
        pub(crate) process: Option<Process>,
        pub(crate) program: String,
    }

    pub(crate) fn find(options: Option<&Path>) -> PathBuf {
        options.map(Path::to_owned).unwrap_or_default()
    }

    pub(crate) fn launch(_program: &Path) -> Result<Launched, Error> {
        Err(Error::Unsupported(WHAT))
    }
}

pub(crate) mod spawn {
    use super::Never;

    #[derive(Debug)]
    pub(crate) struct Process(Never);

    impl Process {
        pub(crate) fn id(&self) -> u32 {
            match self.0 {}
        }

        pub(crate) fn kill(self) {
            match self.0 {}
        }
    }
}

pub(crate) mod socket {
    use std::time::Duration;

    use prost::Message;

    use super::Never;

    pub(crate) const MESSAGE_LIMIT: usize = 128 << 10;

    /// A descriptor for a message.
    pub(crate) type Descriptor = Never;

    pub(crate) fn lend(descriptor: &Descriptor) -> &Descriptor {
        descriptor
    }

    #[derive(Debug, thiserror::Error)]
    #[expect(dead_code, reason = "what is never sent does not fail")]
    pub(crate) enum IpcError {
        #[error("the other side is gone")]
        Closed,
        #[error("no answer in {0:?}")]
        TimedOut(Duration),
    }

    #[derive(Debug)]
    pub(crate) struct Socket(Never);

    impl Socket {
        pub(crate) fn send(&self, _: &impl Message, _: &[&Descriptor], _: Duration) -> Result<(), IpcError> {
            match self.0 {}
        }

        pub(crate) fn receive<M: Message + Default>(&self, _: Duration) -> Result<(M, Vec<Descriptor>), IpcError> {
            match self.0 {}
        }
    }
}

pub(crate) mod mapping {
    use std::{io, sync::atomic::AtomicU64};

    use super::Never;

    #[derive(Debug)]
    pub(crate) struct Mapping(Never);

    impl Mapping {
        pub(crate) fn create() -> io::Result<(Self, Never)> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn words(&self) -> &[AtomicU64] {
            match self.0 {}
        }
    }

    pub(crate) fn sealed_bytes(_content: &[u8]) -> io::Result<Never> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The clocks, in nanoseconds.
pub(crate) mod clock {
    use std::{
        sync::LazyLock,
        time::{Instant, SystemTime, UNIX_EPOCH},
    };

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(crate) fn monotonic() -> u64 {
        u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn coarse() -> u64 {
        monotonic()
    }

    pub(crate) fn realtime() -> u64 {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        time.as_nanos().try_into().unwrap_or(u64::MAX)
    }
}

pub(crate) mod places {
    #[cfg(feature = "handler")]
    use std::path::Path;
    use std::path::PathBuf;

    pub(crate) const REPORTS: &str = "Reports";

    pub(crate) fn state() -> Option<PathBuf> {
        None
    }

    #[cfg(feature = "handler")]
    pub(crate) fn fallback(_spool: &Path) -> Option<PathBuf> {
        None
    }

    /// Nothing of the environment is believed.
    pub(crate) fn elevated() -> bool {
        true
    }
}

/// Nothing is caught: no reporter ever runs.
pub(crate) mod capture {
    use std::{ffi::c_void, io, path::Path, thread::JoinHandle, time::Duration};

    use super::{Never, socket::Socket};
    use crate::{capture::claim::Outcome, reporter::State};

    #[derive(Debug)]
    pub(crate) struct Channel(Never);

    impl Channel {
        pub(crate) fn new(_socket: Socket, _without_progress: Duration, _longest: Duration) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn next_number(&self) -> u64 {
            match self.0 {}
        }

        pub(crate) fn longest(&self) -> u64 {
            match self.0 {}
        }

        pub(crate) fn report(&self) -> Outcome {
            match self.0 {}
        }

        pub(crate) fn take_progress(&self) -> bool {
            match self.0 {}
        }
    }

    pub(crate) mod context {
        use crate::capture::claim::Claim;

        pub(crate) struct Context;

        impl Context {
            pub(crate) fn as_bytes(&self) -> &[u8] {
                &[]
            }
        }

        pub(crate) fn here(_claim: &mut Claim, _pid: u32, _tid: u32) -> &'static Context {
            &Context
        }
    }

    pub(crate) mod copies {
        #[derive(Debug)]
        pub(crate) struct Turn;

        impl Turn {
            pub(crate) fn take() -> Self {
                Self
            }
        }

        pub(crate) fn another_reports() -> bool {
            false
        }
    }

    pub(crate) mod lost {
        use crate::Options;

        #[derive(Debug)]
        pub(crate) struct Places;

        impl Places {
            pub(crate) fn of(_options: &Options) -> Self {
                Self
            }
        }
    }

    pub(crate) fn start_own() -> Option<&'static State> {
        None
    }

    pub(crate) fn prepare_thread() {}

    pub(crate) fn prepare_threads() -> io::Result<Option<JoinHandle<io::Result<()>>>> {
        Ok(None)
    }

    pub(crate) fn rearm() -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn disarm() {}

    pub(crate) fn pause() {
        std::thread::sleep(Duration::from_millis(2));
    }

    pub(crate) fn walk(_below: *mut c_void, mut visit: impl FnMut(u64, bool) -> bool) {
        // SAFETY: what must be synchronised is the debug help library of Windows; here the process's own unwind tables are used.
        unsafe {
            backtrace::trace_unsynchronized(|frame| visit(frame.ip() as u64, false));
        }
    }

    pub(crate) fn forked(_parent: Option<&'static State>) {}

    pub(crate) fn at_fork(_in_child: extern "C" fn()) {}

    pub(crate) fn let_read_memory(_handler: u32) {}

    pub(crate) fn let_system_tell(_state: &'static State, _handler: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn handler_is_lost() {}
}
