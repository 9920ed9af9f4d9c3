//! What a signal says, in words and numbers.

use report_format::schema::v1;

/// The fault of a Linux signal. `address` is `si_addr` as the kernel gave it; it is kept only where the signal has one.
pub(crate) fn fault_code(signal: u32, code: i32, address: Option<u64>) -> v1::FaultCode {
    v1::FaultCode {
        code: signal,
        subcode: code,
        name: signal_name(signal),
        address: address.filter(|_| has_address(signal, code)),
    }
}

/// Whether the process has ended itself by `abort`.
pub(crate) fn is_abort(signal: u32, _code: i32) -> bool {
    i32::try_from(signal) == Ok(libc::SIGABRT)
}

/// For people: "SIGSEGV: address not mapped".
pub(crate) fn title(signal: u32, code: i32) -> String {
    let name = signal_name(signal);
    match reason(signal, code) {
        Some(reason) => format!("{name}: {reason}"),
        None => name,
    }
}

fn signal_name(signal: u32) -> String {
    let name = match i32::try_from(signal).unwrap_or(0) {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGSYS => "SIGSYS",
        libc::SIGQUIT => "SIGQUIT",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

/// `si_addr` shares its bytes with the sender's pid: it is an address only for faults that the kernel raised (`si_code` above 0),
/// and not where it raised the signal for want of a better description (`SI_KERNEL`: a non-canonical address on x86-64, which the CPU does
/// not tell).
fn has_address(signal: u32, code: i32) -> bool {
    let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];
    code > 0 && code != SI_KERNEL && faults.iter().any(|s| u32::try_from(*s) == Ok(signal))
}

const SI_KERNEL: i32 = 0x80;

fn reason(signal: u32, code: i32) -> Option<&'static str> {
    // Numbers of <asm-generic/siginfo.h>; libc does not name all of them.
    Some(match (i32::try_from(signal).ok()?, code) {
        (libc::SIGABRT, _) => "aborted",
        (_, 0) => "sent by a process",
        (_, -6) => "raised by the process itself",
        (libc::SIGSEGV, SI_KERNEL) => "address not canonical, or privileged instruction",
        (libc::SIGSEGV, 1) => "address not mapped",
        (libc::SIGSEGV, 2) => "access not permitted",
        (libc::SIGSEGV, 3) => "bounds check failed",
        (libc::SIGSEGV, 4) => "access denied by a protection key",
        (libc::SIGSEGV, 8 | 9) => "memory tag does not match",
        (libc::SIGSEGV, 10) => "shadow stack does not match",
        (libc::SIGBUS, 1) => "address not aligned",
        (libc::SIGBUS, 2) => "no such physical address (file cut short, or disk full)",
        (libc::SIGBUS, 3) => "hardware error at the address",
        (libc::SIGBUS, 4 | 5) => "memory error found by the hardware",
        (libc::SIGFPE, 1) => "integer divided by zero",
        (libc::SIGFPE, 2) => "integer overflow",
        (libc::SIGFPE, 3) => "number divided by zero",
        (libc::SIGFPE, 4) => "number overflow",
        (libc::SIGFPE, 5) => "number underflow",
        (libc::SIGFPE, 6) => "inexact result",
        (libc::SIGFPE, 7) => "invalid operation",
        (libc::SIGFPE, 8) => "subscript out of range",
        (libc::SIGILL, 1 | 2) => "illegal instruction",
        (libc::SIGILL, 3) => "illegal addressing mode",
        (libc::SIGILL, 4) => "illegal trap",
        (libc::SIGILL, 5 | 6) => "privileged instruction",
        (libc::SIGILL, 7) => "coprocessor error",
        (libc::SIGILL, 8) => "internal stack error",
        (libc::SIGTRAP, 1 | SI_KERNEL) => "breakpoint",
        (libc::SIGTRAP, 2) => "single step",
        (libc::SIGTRAP, 4) => "hardware breakpoint or watchpoint",
        (libc::SIGSYS, 1) => "system call forbidden",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_pointer_reads_as_one() {
        assert_eq!(title(11, 1), "SIGSEGV: address not mapped");
        let fault = fault_code(11, 1, Some(0));
        assert_eq!((fault.code, fault.subcode, fault.name.as_str(), fault.address), (11, 1, "SIGSEGV", Some(0)));
    }

    #[test]
    fn a_signal_without_an_address_has_none() {
        assert_eq!(fault_code(6, -6, Some(0xdead)).address, None);
        assert_eq!(fault_code(11, 0, Some(4711)).address, None, "the sender's pid is no address");
        assert_eq!(fault_code(11, SI_KERNEL, Some(0)).address, None);
        assert_eq!(fault_code(5, 2, None).address, None, "not told is not 0");
    }

    #[test]
    fn unknown_numbers_are_still_numbers() {
        assert_eq!(title(64, 1), "signal 64");
        assert_eq!(title(11, 77), "SIGSEGV");
        assert_eq!(title(u32::MAX, 1), format!("signal {}", u32::MAX));
    }
}
