//! What the child does: it waits in a known function, beside a thread that has nothing to do with it, until its input ends.

use std::io::Write;

/// In the child's heap.
pub(crate) const KEPT: [u8; 64] = *b"what the child keeps in its heap, for those who read its memory.";

#[inline(never)]
pub(crate) fn child() {
    // It is named before its function begins.
    let (started, has_started) = std::sync::mpsc::channel();
    let bystander = move || {
        started.send(()).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(60));
    };
    std::thread::Builder::new().name("bystander".into()).spawn(bystander).unwrap();
    has_started.recv().unwrap();
    std::hint::black_box(reporter_test_known_function(1));
}

#[cfg(target_os = "linux")]
fn this_thread() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

#[cfg(windows)]
fn this_thread() -> u32 {
    // SAFETY: has no parameters.
    unsafe { windows_sys::Win32::System::Threading::GetCurrentThreadId() }
}

/// A name that the symbol table holds as it is.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn reporter_test_known_function(depth: u32) -> u32 {
    if depth > 0 {
        return reporter_test_known_function(depth - 1) + std::hint::black_box(1);
    }
    let kept = Box::new(KEPT);
    println!("waiting in thread {} with {}", this_thread(), kept.as_ptr().addr());
    std::io::stdout().flush().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::hint::black_box(kept);
    std::hint::black_box(7)
}
