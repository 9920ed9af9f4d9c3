//! How an error is noticed and handed to the handler.
//!
//! All kinds take one way: the crash slot of the shared memory is filled, one byte wakes the handler, and the thread waits, bounded, until the handler
//! says to go on. One thread at a time: it holds the *claim*.

#[cfg(target_os = "linux")]
pub(crate) mod altstack;
#[cfg(target_os = "linux")]
pub(crate) mod chain;
#[cfg(target_os = "linux")]
pub(crate) mod child;
#[cfg(target_os = "linux")]
pub(crate) mod context;
#[cfg(target_os = "linux")]
pub(crate) mod copies;
pub(crate) mod handled;
#[cfg(target_os = "linux")]
mod loaded;
#[cfg(target_os = "linux")]
pub(crate) mod lost;
#[cfg(target_os = "linux")]
pub(crate) mod panic;
#[cfg(target_os = "linux")]
mod place;
#[cfg(target_os = "linux")]
pub(crate) mod record;
#[cfg(target_os = "linux")]
mod runtime;
#[cfg(target_os = "linux")]
pub(crate) mod signals;
#[cfg(target_os = "linux")]
pub(crate) mod terminate;
#[cfg(target_os = "linux")]
pub(crate) mod threads;
#[cfg(target_os = "linux")]
pub(crate) mod wake;

#[cfg(all(test, target_os = "linux"))]
mod tests;
