//! How the handler sees, holds and reads processes here.

pub(super) mod abort_message;
pub(super) mod argument_block;
pub(super) mod dump;
mod dump_file;
pub(super) mod fault;
pub(super) mod loaded;
pub(super) mod local_time;
pub(super) mod memory_reader;
pub(super) mod module_file;
mod process;
pub(super) mod signal_frame;
pub(super) mod stand_in;
pub(super) mod suspend;

pub(super) use dump::thread_name;
