//! The crash matrix: every way in which a product can fail, each a real process, with and without us.
#![cfg(target_os = "linux")]

#[path = "../../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "../support/mod.rs"]
mod support;

mod shared;

mod abort;
mod at_exit;
mod constructor;
mod exception;
mod fork;
mod heap_corruption;
mod ordinary_user;
mod out_of_memory;
mod panic;
mod rust;
mod sigbus;
mod sigfpe;
mod sigill;
mod signal_handler;
mod sigsegv;
mod sigsys;
mod sigtrap;
mod simulated;
mod stack_overflow;
mod threads;
mod vanished;
