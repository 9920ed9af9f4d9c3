//! What an exception says, in words and numbers.

use report_format::schema::v1;

/// The subcode of a fault of which only its code is known: it says neither how memory was accessed nor why a fast fail came, for which 0 would be an answer.
pub(crate) const NOT_TOLD: i32 = -1;

/// The fault of an exception. `address` is what was accessed, kept only where the exception has one.
pub(crate) fn fault_code(code: u32, subcode: i32, address: Option<u64>) -> v1::FaultCode {
    v1::FaultCode { code, subcode, name: name(code), address: address.filter(|_| has_address(code)) }
}

/// Whether the process has ended itself by `abort`, or as Rust does it.
pub(crate) fn is_abort(code: u32, subcode: i32) -> bool {
    code == FATAL_APP_EXIT || (code == FAST_FAIL && subcode == FAST_FAIL_FATAL_APP_EXIT)
}

/// For people: "EXCEPTION_ACCESS_VIOLATION: memory cannot be read".
pub(crate) fn title(code: u32, subcode: i32) -> String {
    let name = name(code);
    match words(code, subcode) {
        Some(words) => format!("{name}: {words}"),
        None => name,
    }
}

const ACCESS_VIOLATION: u32 = 0xc000_0005;
const IN_PAGE_ERROR: u32 = 0xc000_0006;
const STACK_OVERFLOW: u32 = 0xc000_00fd;
const GUARD_PAGE: u32 = 0x8000_0001;
const FAST_FAIL: u32 = 0xc000_0409;
const FATAL_APP_EXIT: u32 = 0x4000_0015;

/// `FAST_FAIL_FATAL_APP_EXIT`: what `abort` of the Universal CRT and Rust's say.
const FAST_FAIL_FATAL_APP_EXIT: i32 = 7;

/// Code, name as Microsoft's headers have it, words.
const ENTRIES: [(u32, &str, &str); 46] = [
    (0x4000_0015, "STATUS_FATAL_APP_EXIT", "aborted"),
    (0x4001_0004, "DBG_TERMINATE_PROCESS", "ended by a debugger, or by logoff or shutdown"),
    (0x4001_0005, "DBG_CONTROL_C", "Ctrl-C"),
    (0x4000_1a38, "CPP_TERMINATE", "terminated by C++"),
    (0x8000_0001, "EXCEPTION_GUARD_PAGE", "guard page accessed"),
    (0x8000_0002, "EXCEPTION_DATATYPE_MISALIGNMENT", "address not aligned"),
    (0x8000_0003, "EXCEPTION_BREAKPOINT", "breakpoint"),
    (0x8000_0004, "EXCEPTION_SINGLE_STEP", "single step"),
    (0xc000_0005, "EXCEPTION_ACCESS_VIOLATION", ""),
    (0xc000_0006, "EXCEPTION_IN_PAGE_ERROR", ""),
    (0xc000_0008, "EXCEPTION_INVALID_HANDLE", "invalid handle"),
    (0xc000_0017, "STATUS_NO_MEMORY", "not enough memory"),
    (0xc000_001c, "STATUS_INVALID_SYSTEM_SERVICE", "no such system call"),
    (0xc000_001d, "EXCEPTION_ILLEGAL_INSTRUCTION", "illegal instruction"),
    (0xc000_0025, "EXCEPTION_NONCONTINUABLE_EXCEPTION", "went on after an exception that allows no going on"),
    (0xc000_0026, "EXCEPTION_INVALID_DISPOSITION", "an exception handler gave no valid answer"),
    (0xc000_008c, "EXCEPTION_ARRAY_BOUNDS_EXCEEDED", "subscript out of range"),
    (0xc000_008d, "EXCEPTION_FLT_DENORMAL_OPERAND", "operand too small"),
    (0xc000_008e, "EXCEPTION_FLT_DIVIDE_BY_ZERO", "number divided by zero"),
    (0xc000_008f, "EXCEPTION_FLT_INEXACT_RESULT", "inexact result"),
    (0xc000_0090, "EXCEPTION_FLT_INVALID_OPERATION", "invalid operation"),
    (0xc000_0091, "EXCEPTION_FLT_OVERFLOW", "number overflow"),
    (0xc000_0092, "EXCEPTION_FLT_STACK_CHECK", "floating point stack overflow or underflow"),
    (0xc000_0093, "EXCEPTION_FLT_UNDERFLOW", "number underflow"),
    (0xc000_0094, "EXCEPTION_INT_DIVIDE_BY_ZERO", "integer divided by zero"),
    (0xc000_0095, "EXCEPTION_INT_OVERFLOW", "integer overflow"),
    (0xc000_0096, "EXCEPTION_PRIV_INSTRUCTION", "privileged instruction"),
    (0xc000_00fd, "EXCEPTION_STACK_OVERFLOW", "stack overflow"),
    (0xc000_012d, "STATUS_COMMITMENT_LIMIT", "not enough memory on the machine"),
    (0xc000_0135, "STATUS_DLL_NOT_FOUND", "a library was not found"),
    (0xc000_0138, "STATUS_ORDINAL_NOT_FOUND", "a library lacks a function"),
    (0xc000_0139, "STATUS_ENTRYPOINT_NOT_FOUND", "a library lacks a function"),
    (0xc000_013a, "STATUS_CONTROL_C_EXIT", "Ctrl-C, or the console was closed"),
    (0xc000_0142, "STATUS_DLL_INIT_FAILED", "a library failed to start"),
    (0xc000_01a5, "STATUS_INVALID_EXCEPTION_HANDLER", "invalid exception handler"),
    (0xc000_0194, "EXCEPTION_POSSIBLE_DEADLOCK", "possible deadlock"),
    (0xc000_02b4, "STATUS_FLOAT_MULTIPLE_FAULTS", "several floating point faults"),
    (0xc000_02b5, "STATUS_FLOAT_MULTIPLE_TRAPS", "several floating point traps"),
    (0xc000_0374, "STATUS_HEAP_CORRUPTION", "heap damaged"),
    (0xc000_0409, "STATUS_STACK_BUFFER_OVERRUN", ""),
    (0xc000_0417, "STATUS_INVALID_CRUNTIME_PARAMETER", "invalid parameter to a function of the C library"),
    (0xc000_0420, "STATUS_ASSERTION_FAILURE", "assertion failed"),
    (0xc06d_007e, "VCPPEXCEPTION_MODULE_NOT_FOUND", "a library that is loaded at need was not found"),
    (0xc06d_007f, "VCPPEXCEPTION_PROCEDURE_NOT_FOUND", "a library that is loaded at need lacks a function"),
    (0xe043_4352, "CLR_EXCEPTION", "unhandled exception of .NET"),
    (0xe06d_7363, "CPP_EXCEPTION", "unhandled exception of C++"),
];

fn name(code: u32) -> String {
    let known = ENTRIES.iter().find(|entry| entry.0 == code);
    known.map_or_else(|| format!("exception {code:#010x}"), |entry| entry.1.to_owned())
}

fn words(code: u32, subcode: i32) -> Option<&'static str> {
    Some(match (code, subcode) {
        (ACCESS_VIOLATION, 0) => "memory cannot be read",
        (ACCESS_VIOLATION, 1) => "memory cannot be written",
        (ACCESS_VIOLATION, 8) => "memory cannot be executed",
        (IN_PAGE_ERROR, 0) => "memory could not be loaded for reading (disk or network failed)",
        (IN_PAGE_ERROR, 1) => "memory could not be loaded for writing (disk or network failed)",
        (IN_PAGE_ERROR, 8) => "code could not be loaded (disk or network failed)",
        (FAST_FAIL, _) => return fast_fail(subcode),
        _ => {
            return ENTRIES.iter().find(|entry| entry.0 == code).map(|entry| entry.2).filter(|words| !words.is_empty());
        }
    })
}

/// The reasons of `__fastfail`, by the `FAST_FAIL_` numbers of `winnt.h`.
fn fast_fail(reason: i32) -> Option<&'static str> {
    Some(match reason {
        0 => "stack buffer overrun (check of an old compiler)",
        1 => "call of a virtual function through a damaged table",
        2 => "stack buffer overrun",
        3 => "list entry damaged",
        4 => "stack pointer out of the stack",
        5 => "invalid argument",
        6 => "stack check not initialised",
        7 => "aborted",
        8 => "index out of range",
        9 => "unsafe access to the registry",
        10 => "call of what is no function that may be called (control flow guard)",
        11 => "write to memory that is guarded",
        12 => "switch to a stack that is none",
        13 => "context set to what is not allowed",
        14 => "reference count damaged",
        18 => "import table damaged",
        19 => "cookie of the image damaged",
        20 => "not enough memory for unwinding",
        21 => "unsafe call of an extension",
        22 => "call of an extension that is none",
        23 => "import table could not be protected",
        24 => "check of a call not initialised",
        25 => "stack of a call not allowed",
        26 => "damaged tree",
        27 => "damaged tree that grows",
        28 => "jump to a place that is none",
        29 => "jump table damaged",
        32 => "invalid return from a system call",
        33 => "invalid stack of an exception",
        39 => "return to another place than the call's (shadow stack)",
        48 => "control flow guard: a call through a suppressed export",
        57 => "control flow guard: pointer out of its table",
        _ => return None,
    })
}

fn has_address(code: u32) -> bool {
    matches!(code, ACCESS_VIOLATION | IN_PAGE_ERROR | STACK_OVERFLOW | GUARD_PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_pointer_reads_as_one() {
        assert_eq!(title(0xc000_0005, 0), "EXCEPTION_ACCESS_VIOLATION: memory cannot be read");
        assert_eq!(title(0xc000_0005, 8), "EXCEPTION_ACCESS_VIOLATION: memory cannot be executed");
        let fault = fault_code(0xc000_0005, 1, Some(0));
        assert_eq!((fault.code, fault.subcode, fault.address), (0xc000_0005, 1, Some(0)));
        assert_eq!(fault.name, "EXCEPTION_ACCESS_VIOLATION");
    }

    #[test]
    fn an_exception_without_an_address_has_none() {
        assert_eq!(fault_code(0xc000_0094, 0, Some(0xdead)).address, None);
        assert_eq!(fault_code(0xc000_0005, 0, None).address, None, "not told is not 0");
    }

    #[test]
    fn a_fast_fail_says_why_and_an_abort_is_told_from_others() {
        assert_eq!(title(0xc000_0409, 2), "STATUS_STACK_BUFFER_OVERRUN: stack buffer overrun");
        assert_eq!(title(0xc000_0409, 999), "STATUS_STACK_BUFFER_OVERRUN");
        assert!(is_abort(0xc000_0409, 7) && is_abort(0x4000_0015, 0));
        assert!(!is_abort(0xc000_0409, 2) && !is_abort(0xc000_0005, 7));
    }

    #[test]
    fn each_code_stands_once_and_unknown_numbers_are_still_numbers() {
        for (index, (code, name, _)) in ENTRIES.iter().enumerate() {
            assert!(ENTRIES[..index].iter().all(|other| other.0 != *code), "{name}");
        }
        assert_eq!(title(0xc000_9999, 1), "exception 0xc0009999");
        assert_eq!(title(0xc000_0005, 77), "EXCEPTION_ACCESS_VIOLATION");
        assert_eq!(title(u32::MAX, -1), "exception 0xffffffff");
    }
}
