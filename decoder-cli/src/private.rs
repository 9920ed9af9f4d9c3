//! Files and directories for their owner only.

#[cfg_attr(unix, path = "private/unix.rs")]
#[cfg_attr(windows, path = "private/windows.rs")]
mod system;

pub(crate) use system::{create_directory, create_file};
