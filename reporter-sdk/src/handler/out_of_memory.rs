//! Aborts for want of memory, told from others by the functions that had not returned.

use report_format::schema::v1::{self, ErrorKind};

/// Where Rust goes when an allocation fails, on its way to `abort`; in mangled names.
const OUT_OF_MEMORY: [&str; 3] = ["rust_oom", "handle_alloc_error", "rust_alloc_error_handler"];
/// These functions are not further than this from where `abort` ends the process.
const NEAR_ABORT: usize = 16;

/// The kind of an abort in which these frames, innermost first, had not returned. Where the product's symbols are stripped it stays a crash.
pub(crate) fn kind_of_abort(frames: &[v1::Frame]) -> ErrorKind {
    let is_end = |frame: &v1::Frame| OUT_OF_MEMORY.iter().any(|name| frame.symbol.contains(name));
    if frames.iter().take(NEAR_ABORT).any(is_end) { ErrorKind::OutOfMemory } else { ErrorKind::Crash }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abort_for_want_of_memory_is_told_from_others() {
        let frames = |names: &[&str]| -> Vec<_> {
            names.iter().map(|name| v1::Frame { symbol: (*name).into(), ..Default::default() }).collect()
        };
        let oom = ["abort", "_ZN3std5alloc8rust_oom17h0123456789abcdefE", "main"];
        assert_eq!(kind_of_abort(&frames(&oom)), ErrorKind::OutOfMemory);
        assert_eq!(kind_of_abort(&frames(&["abort", "main"])), ErrorKind::Crash);
        let far = [&["f"; NEAR_ABORT][..], &oom].concat();
        assert_eq!(kind_of_abort(&frames(&far)), ErrorKind::Crash);
    }
}
