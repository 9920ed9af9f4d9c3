//! The memory of a process: from its pages to sections of a report, and back.

mod block;
mod dedupe;
mod encode;
mod jobs;
mod source;
mod worker;

pub use encode::{Options, Progress, Stats, encode};
pub use source::{PAGE, Source};
