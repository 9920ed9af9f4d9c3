//! How the product ended.

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle};

use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetExitCodeProcess, GetProcessId, IsWow64Process};

use super::connection::Connection;
use super::fault;
use crate::handler::ServeError;
use crate::ipc::wait::Waitable;
use crate::shared::snapshot::Signal;

/// The product's process, which stays its own for as long as we hold it.
#[derive(Debug)]
pub(crate) struct Product {
    pid: u32,
    process: OwnedHandle,
}

/// What is known of an end: the code that the process left, whoever chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, or by somebody who ended it: `exit`, `TerminateProcess`.
    Exited(u32),
    /// By a fault: the code of an exception that nothing handled, or of a fast fail.
    Failed(u32),
    /// The system does not tell.
    Unknown,
}

/// `STATUS_CONTROL_C_EXIT`: Ctrl-C, logout and shutdown end console programs so.
const CONTROL_C: u32 = 0xC000_013A;
/// What `abort` of the C runtime leaves where it does not fail fast.
const ABORT: u32 = 3;
/// `STATUS_STACK_BUFFER_OVERRUN`, which is every fast fail: `abort`, and a panic of Rust that aborts.
const FAST_FAIL: u32 = 0xC000_0409;
/// What a panic in `main` leaves.
const PANICKED: u32 = 101;

impl Ending {
    fn from_code(code: u32) -> Self {
        /// Severity *error*, and no customer's code; and what C++ and .NET leave.
        const ERROR: u32 = 0xC000_0000;
        const CPP: u32 = 0xE06D_7363;
        const CLR: u32 = 0xE043_4352;
        let is_fault = code & 0xF000_0000 == ERROR && code != CONTROL_C || matches!(code, CPP | CLR);
        if is_fault { Ending::Failed(code) } else { Ending::Exited(code) }
    }

    /// Somebody, or the product itself, wanted it so: `exit`, Ctrl-C, the task manager, logout. The opposite need not be an error; but no one can tell.
    pub(crate) fn is_wanted(self) -> bool {
        matches!(self, Ending::Exited(_))
    }

    /// Whether a process that has crashed ends so, unless somebody else ends it.
    pub(crate) fn can_follow_a_crash(self) -> bool {
        // The C runtime's `abort`, and runtimes above us, turn a fault into an exit code of theirs.
        !matches!(self, Ending::Exited(0 | CONTROL_C))
    }

    /// Whether it is the end of a panic or of an exception that nothing catches.
    pub(crate) fn follows_a_panic(self) -> bool {
        matches!(self, Ending::Failed(FAST_FAIL) | Ending::Exited(ABORT | PANICKED))
    }

    /// Whether it can be the abort that comes after what nothing catches.
    pub(crate) fn can_be_an_abort(self) -> bool {
        matches!(self, Ending::Failed(_) | Ending::Exited(ABORT) | Ending::Unknown)
    }

    /// The fault that it was the end of, where no hook of ours has seen it: a fast fail, which no hook sees, or a heap that the system found corrupted.
    pub(crate) fn fault(self) -> Option<Signal> {
        match self {
            Ending::Failed(code) => Some(Signal { number: code.cast_signed(), code: fault::NOT_TOLD }),
            Ending::Exited(_) | Ending::Unknown => None,
        }
    }
}

/// Faults are the process's own: nobody sends one.
pub(crate) fn was_sent(_signal: Signal) -> bool {
    false
}

impl Product {
    /// The process that has started us. It alone is served, and dumped.
    pub(crate) fn of(connection: &Connection) -> Result<Self, ServeError> {
        let product = Self::open(connection.product.try_clone()?)?;
        let [theirs, ours] = [is_32_bit(&product.process)?, is_32_bit_here()?];
        if theirs != ours {
            let bits = |is_32: bool| if is_32 { 32 } else { 64 };
            return Err(ServeError::Refused(format!(
                "the product has {} bits, this handler {}: install the handler of the product's kind beside it",
                bits(theirs),
                bits(ours)
            )));
        }
        Ok(product)
    }

    /// The process that this is a handle of.
    pub(crate) fn open(process: OwnedHandle) -> io::Result<Self> {
        // SAFETY: a handle that we own.
        match unsafe { GetProcessId(process.as_raw_handle()) } {
            0 => Err(io::Error::last_os_error()),
            pid => Ok(Self { pid, process }),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid
    }

    /// Ready once it has ended.
    pub(crate) fn end(&self) -> Waitable<'_> {
        self.process.as_handle()
    }

    /// How it ended. Call it once it has.
    pub(crate) fn ending(&self) -> Ending {
        let mut code = 0;
        // SAFETY: a process's handle, and a place for the code.
        let told = unsafe { GetExitCodeProcess(self.process.as_raw_handle(), &raw mut code) };
        if told == 0 { Ending::Unknown } else { Ending::from_code(code) }
    }
}

/// Whether a process of 32 bits runs on a system of 64. On one of 32 bits there are no others.
fn is_32_bit(process: &OwnedHandle) -> io::Result<bool> {
    let mut is_wow = 0;
    // SAFETY: a process's handle, and a place for the answer.
    if unsafe { IsWow64Process(process.as_raw_handle(), &raw mut is_wow) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(is_wow != 0)
}

fn is_32_bit_here() -> io::Result<bool> {
    let mut is_wow = 0;
    // SAFETY: has no parameters.
    let this = unsafe { GetCurrentProcess() };
    // SAFETY: as above.
    if unsafe { IsWow64Process(this, &raw mut is_wow) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(is_wow != 0)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;
    use crate::ipc::wait;

    #[test]
    fn an_end_is_told_by_its_code() {
        for (code, expected) in [
            (0_u32, Ending::Exited(0)),
            (3, Ending::Exited(3)),
            (0xC000_0005, Ending::Failed(0xC000_0005)),
            (0xC000_013A, Ending::Exited(CONTROL_C)),
        ] {
            let mut child = Command::new("cmd")
                .args(["/c", "exit", &code.cast_signed().to_string()])
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let product = Product::open(child.as_handle().try_clone_to_owned().unwrap()).unwrap();
            assert_eq!(wait::ready([product.end()], Some(Duration::from_secs(60))).unwrap(), [true]);
            assert_eq!(product.ending(), expected, "{code:#x}");
            child.wait().unwrap();
        }
    }

    #[test]
    fn an_end_says_no_reason_that_nobody_has_told() {
        let title = |code| {
            let fault = Ending::from_code(code).fault().unwrap();
            crate::handler::sys::fault::title(fault.number.cast_unsigned(), fault.code)
        };
        assert_eq!(title(FAST_FAIL), "STATUS_STACK_BUFFER_OVERRUN");
        assert_eq!(title(0xC000_0005), "EXCEPTION_ACCESS_VIOLATION");
        assert_eq!(title(0xC000_0374), "STATUS_HEAP_CORRUPTION: heap damaged");
    }

    #[test]
    fn ends_that_somebody_wanted_are_no_errors() {
        assert!(Ending::from_code(1).is_wanted() && Ending::from_code(CONTROL_C).is_wanted());
        for fault in [0xC000_0005, 0xC000_00FD, 0xC000_0374, FAST_FAIL, 0xE06D_7363] {
            let ending = Ending::from_code(fault);
            assert!(!ending.is_wanted() && ending.can_follow_a_crash() && ending.fault().is_some(), "{fault:#x}");
        }
        assert!(!Ending::Unknown.is_wanted());
    }

    #[test]
    fn an_end_says_which_fault_it_was_and_nothing_that_its_code_does_not_tell() {
        for (code, title) in [
            (0xC000_0005, "EXCEPTION_ACCESS_VIOLATION"),
            (0xC000_00FD, "EXCEPTION_STACK_OVERFLOW: stack overflow"),
            (0xC000_0374, "STATUS_HEAP_CORRUPTION: heap damaged"),
            (FAST_FAIL, "STATUS_STACK_BUFFER_OVERRUN"),
            (0xE06D_7363, "CPP_EXCEPTION: unhandled exception of C++"),
            (0xC000_1234, "exception 0xc0001234"),
        ] {
            let Signal { number, code: subcode } = Ending::from_code(code).fault().unwrap();
            assert_eq!(fault::title(number.cast_unsigned(), subcode), title);
        }
        for code in [0, 1, ABORT, PANICKED, 259, u32::MAX, CONTROL_C, 0x4001_0004, 0x8007_0005] {
            assert_eq!(Ending::from_code(code).fault(), None, "{code:#x}");
        }
    }
}
