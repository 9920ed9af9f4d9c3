//! What the kernel leaves on the stack of a thread that it makes call a signal handler.

use crate::handler::unwind::Native;

/// `mov $15, %rax; syscall`: rt_sigreturn, in every C library.
#[cfg(target_arch = "x86_64")]
pub(in crate::handler) const RETURN: &[u8] = &[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

/// The instruction pointer and what else there is to unwind from, where `sp` is the stack pointer after a handler's return: it points to the `ucontext_t`.
/// `None` where there is no such thing.
#[cfg(target_arch = "x86_64")]
pub(in crate::handler) fn interrupted(sp: u64, word: impl Fn(u64) -> Option<u64>) -> Option<(u64, Native)> {
    // As the kernel fills it: some of three flags, and no other context.
    let (flags, link) = (word(sp)?, word(sp.checked_add(8)?)?);
    if flags > 7 || link != 0 {
        return None;
    }
    let register = |number: libc::c_int| {
        let offset = std::mem::offset_of!(libc::ucontext_t, uc_mcontext.gregs) + 8 * number as usize;
        word(sp.checked_add(offset as u64)?)
    };
    let ip = register(libc::REG_RIP)?;
    Some((ip, Native::new(ip, register(libc::REG_RSP)?, register(libc::REG_RBP)?)))
}

/// There the code is the kernel's own, of which there is no file; frame pointers lead on.
#[cfg(target_arch = "aarch64")]
pub(in crate::handler) const RETURN: &[u8] = &[];

#[cfg(target_arch = "aarch64")]
pub(in crate::handler) fn interrupted(_: u64, _: impl Fn(u64) -> Option<u64>) -> Option<(u64, Native)> {
    None
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_interrupted_registers_are_read_where_the_kernel_puts_them_and_from_nothing_else() {
        // Bits of `uc_flags`, the link, three words of `uc_stack`, then r8 to r15, di, si, bp, bx, dx, ax, cx, sp, ip.
        let mut frame = vec![7, 0, 0, 2, 0];
        frame.extend(8..=15);
        frame.extend([100, 101, 0x7ffe_0000, 103, 104, 105, 106, 0x7ffd_0000, 0x40_1000]);
        let read = |frame: &[u64], sp: u64| {
            let frame = frame.to_vec();
            interrupted(sp, move |at| frame.get((at.checked_sub(0x1000)? / 8) as usize).copied())
        };
        let (ip, registers) = read(&frame, 0x1000).unwrap();
        assert_eq!((ip, registers.sp(), registers.bp()), (0x40_1000, 0x7ffd_0000, 0x7ffe_0000));
        for sp in [0, 0x1008, 0x2000, u64::MAX - 4] {
            assert!(read(&frame, sp).is_none(), "{sp:#x}");
        }
        for (at, value) in [(0, 8), (1, 0x40_1000)] {
            let mut other = frame.clone();
            other[at] = value;
            assert!(read(&other, 0x1000).is_none(), "{other:?}");
        }
    }
}
