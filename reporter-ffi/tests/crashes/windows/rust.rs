//! The product of the kinds that are Rust's, without the handler's half of the SDK, as products are.

#[path = "../../crash_matrix/rust.rs"]
mod rust;

mod shared {
    pub(crate) const KIND: &str = "REPORTER_TEST_KIND";
    pub(crate) const CONFIGURATION: &str = "REPORTER_TEST_CONFIGURATION";

    /// The calling thread's, as reports have it.
    pub(crate) fn thread_number() -> u32 {
        // SAFETY: as the system declares it.
        #[link(name = "kernel32")]
        unsafe extern "system" {
            safe fn GetCurrentThreadId() -> u32;
        }
        GetCurrentThreadId()
    }
}

fn main() {
    rust::product();
}
