//! How the handler sees, stops, reads and starts processes here: ptrace, `/proc` and pidfds.

pub(super) mod abort_message;
pub(super) mod argument_block;
pub(super) mod children;
pub(super) mod connection;
pub(super) mod dump;
mod dump_file;
pub(super) mod elf;
pub(super) mod fault;
mod last_resort;
#[cfg(test)]
pub(super) mod live_child;
pub(super) mod log;
pub(super) mod manners;
pub(super) mod memory_map;
pub(super) mod memory_reader;
mod module_list;
pub(super) mod proc_files;
pub(super) mod procfs;
mod smaps;
pub(super) mod stand_in;
pub(super) mod stop;
pub(super) mod suspend;
mod thread_list;
pub(super) mod threads;
pub(super) mod thrift;
pub(super) mod watch;
