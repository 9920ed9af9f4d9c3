//! The frames of the thread that asks.

use std::ffi::c_void;

/// Calls `visit` for each frame of this thread, innermost first, with its instruction and whether it is one of the function `below`, until it returns `false`.
#[cfg(not(target_arch = "x86"))]
pub(crate) fn walk(below: *mut c_void, mut visit: impl FnMut(u64, bool) -> bool) {
    // SAFETY: what must be synchronised is the debug help library of 32 bits; here the process's own unwind tables are used.
    unsafe {
        backtrace::trace_unsynchronized(|frame| visit(frame.ip() as u64, function_of(frame) == below));
    }
}

/// Where the function of a frame begins; null where there are no tables that tell.
#[cfg(not(target_arch = "x86"))]
fn function_of(frame: &backtrace::Frame) -> *mut c_void {
    use windows_sys::Win32::System::Diagnostics::Debug::RtlLookupFunctionEntry;
    let mut base = 0;
    // SAFETY: looks an address up in the process's own tables; the base's place lives here.
    let entry = unsafe { RtlLookupFunctionEntry(frame.ip() as _, &raw mut base, std::ptr::null_mut()) };
    if entry.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: an entry of a module that is on the stack, hence loaded.
    let begin = unsafe { (*entry).BeginAddress };
    (base as usize + begin as usize) as *mut c_void
}

/// As above, by the system, which follows frame pointers: Rust keeps them on 32 bits, and so do Microsoft's compilers.
///
/// Why not the `backtrace` crate: there it has the debug help library walk, which reads the symbols of all modules, is not to be used by two at once (the product may use it),
/// and takes seconds; Wine's (8.0) ends the process over large ones.
#[cfg(target_arch = "x86")]
pub(crate) fn walk(below: *mut c_void, mut visit: impl FnMut(u64, bool) -> bool) {
    use windows_sys::Win32::System::Diagnostics::Debug::RtlCaptureStackBackTrace;
    const MOST: usize = 128;
    let mut frames = [std::ptr::null_mut(); MOST];
    // SAFETY: there is room for that many; a hash is not asked for.
    let count = unsafe { RtlCaptureStackBackTrace(0, MOST as u32, frames.as_mut_ptr(), std::ptr::null_mut()) };
    let frames = &frames[..usize::from(count).min(MOST)];
    // No table says where a function begins: of the frames just behind that place the nearest is the function's.
    let distance = |frame: &*mut c_void| frame.addr().checked_sub(below.addr()).filter(|distance| *distance < 4096);
    let nearest = frames.iter().filter_map(distance).min();
    for frame in frames {
        if !visit(frame.addr() as u64, nearest.is_some() && distance(frame) == nearest) {
            return;
        }
    }
}
