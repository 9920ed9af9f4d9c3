//! How the handler sees, stops, reads and starts processes here: ptrace, `/proc` and pidfds.

pub(super) mod abort_message;
pub(super) mod argument_block;
pub(super) mod children;
pub(super) mod connection;
pub(super) mod dump;
mod dump_file;
mod elf;
pub(super) mod fault;
mod last_resort;
pub(super) mod loaded;
pub(super) mod local_time;
pub(super) mod log;
pub(super) mod manners;
mod memory_map;
pub(super) mod memory_reader;
mod module_list;
mod proc_files;
pub(super) mod procfs;
pub(super) mod signal_frame;
mod smaps;
pub(super) mod stand_in;
pub(super) mod stop;
pub(super) mod suspend;
mod thread_list;
pub(super) mod threads;
pub(super) mod thrift;
pub(super) mod watch;

/// What a module's file says.
pub(super) mod module_file {
    pub(in crate::handler) use super::elf::{ElfFile as ModuleFile, Tables};
}
