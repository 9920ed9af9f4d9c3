//! The memory of a process: from its pages to sections of a report, and back.

#[cfg(feature = "export")]
pub mod export;
#[cfg(feature = "export")]
mod minidump;
mod read_at;
mod source;

pub use read_at::ReadAt;
pub use source::{PAGE, Source};
#[cfg(feature = "export")]
pub use source::{core::CoreFile, minidump::FullMinidump};
