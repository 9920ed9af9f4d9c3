//! What the kernel leaves on the stack of a thread that it makes call an exception handler. Its code there (`KiUserExceptionDispatcher`) has unwind information that
//! tells how to go on at the interrupted function, so nothing has to be known of it.

use crate::handler::unwind::Native;

/// No code is known by its bytes.
pub(in crate::handler) const RETURN: &[u8] = &[];

/// As said above.
pub(in crate::handler) fn interrupted(_: u64, _: impl Fn(u64) -> Option<u64>) -> Option<(u64, Native)> {
    None
}
