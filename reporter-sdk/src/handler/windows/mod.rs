//! How the handler sees, holds, reads and starts processes here: by handles that it was given.

pub(super) mod abort_message;
pub(super) mod argument_block;
pub(super) mod children;
pub(super) mod connection;
mod copies;
pub(super) mod dump;
mod dump_file;
pub(super) mod fault;
pub(super) mod loaded;
pub(super) mod local_time;
pub(super) mod log;
pub(super) mod manners;
pub(super) mod memory_reader;
pub(super) mod module_file;
mod process;
pub(super) mod signal_frame;
pub(super) mod stand_in;
pub(super) mod stop;
pub(super) mod suspend;
pub(super) mod threads;
pub(super) mod thrift;
pub(super) mod watch;
