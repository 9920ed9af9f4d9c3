//! The memory of a process: from its pages to sections of a report, and back.

mod block;
mod blocks;
mod dedupe;
mod encode;
#[cfg(feature = "export")]
pub mod export;
mod image;
mod jobs;
#[cfg(feature = "export")]
mod minidump;
mod read_at;
mod source;
mod worker;

pub use encode::{Options, Progress, Stats, encode};
pub use image::{ImageCheck, MemoryImage};
pub use read_at::ReadAt;
pub use source::{PAGE, Source};
#[cfg(feature = "export")]
pub use source::{core::CoreFile, minidump::FullMinidump};
