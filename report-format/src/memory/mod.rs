//! The memory of a process: from its pages to sections of a report, and back.

mod source;

pub use source::{PAGE, Source};
