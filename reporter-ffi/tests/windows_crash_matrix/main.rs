//! The crash matrix for Windows: every way in which a product can fail there, each a real process, with and without us.
#![cfg(windows)]

#[path = "../../../reporter-sdk/tests/support/end_to_end/report.rs"]
#[allow(dead_code, reason = "each test program uses its share")]
mod report;

#[path = "../support/windows_product.rs"]
mod product;
mod shared;

mod abort;
mod access_violation;
mod at_exit;
mod cpp_product;
mod dialog_window;
mod ended;
mod exception;
mod handled;
mod heap_corruption;
mod instruction;
mod libraries;
mod library;
mod other_kind;
mod own_dialog;
mod panic;
mod raised;
mod runtime;
mod simulated;
mod stack_overflow;
mod threads;
