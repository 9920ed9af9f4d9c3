//! Reports what went wrong in a product, with the user's consent.
//!
//! A product starts a [`Reporter`] and keeps it until it ends. From then on crashes, panics and the errors it chooses to
//! report are handed to a second program, `reporter-handler`, which asks the person and delivers; the product itself does as little
//! as can be done, and goes on without reports where something is missing.
//!
//! ```no_run
//! use reporter_sdk::{Mail, Options, Reporter, Smtp, Surface, Tls};
//!
//! let _reporter = Reporter::start(
//!     Options::new("Example Software", "Ledger", env!("CARGO_PKG_VERSION")).mail(
//!         Mail::new("errors@ledger.example", ["support@ledger.example"])
//!             .smtp(Smtp::new("mail.ledger.example", Tls::StartTls)),
//!     ),
//! );
//! reporter_sdk::command("file.import", "Import…", Surface::Menu);
//! let import = reporter_sdk::task("import statement");
//! if let Err(error) = std::fs::read("statement.csv") {
//!     reporter_sdk::capture_error(&error);
//!     import.fail();
//! }
//! ```
//!
//! All free functions can be called from any thread at any time; they do nothing while no reporter is active.

mod actions;
mod annotations;
mod attachments;
#[cfg(all(feature = "bench", any(target_os = "linux", windows)))]
#[doc(hidden)]
pub mod bench;
mod capture;
#[cfg(feature = "handler")]
pub mod consent;
mod consent_request;
#[cfg(feature = "handler")]
#[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the inventory"))]
mod dates;
#[cfg(feature = "handler")]
pub mod deliver;
#[cfg(feature = "handler")]
mod descriptors;
#[doc(hidden)]
pub mod dialog_session;
#[cfg(feature = "handler")]
pub mod encode;
mod error;
mod excluded;
#[cfg(feature = "handler")]
#[doc(hidden)]
pub mod fail_points;
// The fuzzers run on Linux.
#[cfg(all(feature = "test-support", target_os = "linux"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(all(feature = "handler", any(target_os = "linux", windows)))]
#[doc(hidden)]
pub mod handler;
mod heartbeat;
#[cfg(all(feature = "handler", any(target_os = "linux", windows)))]
pub mod inventory;
mod ipc;
#[cfg(all(feature = "handler", target_os = "linux"))]
mod local_socket;
mod options;
mod os_bytes;
#[cfg_attr(
    not(any(target_os = "linux", windows, feature = "handler")),
    expect(dead_code, reason = "a product that reports nothing leaves nothing anywhere")
)]
mod places;
#[cfg(feature = "handler")]
mod random;
#[cfg(feature = "handler")]
pub mod redact;
mod reporter;
#[allow(dead_code)]
mod schema;
#[cfg(all(feature = "handler", any(target_os = "linux", windows)))]
pub mod screen;
#[cfg(windows)]
mod security;
mod shared;
#[cfg(feature = "handler")]
pub mod spool;
#[cfg(feature = "handler")]
pub mod statement;
#[cfg(all(feature = "handler", any(target_os = "linux", windows)))]
mod stopping;
mod text;
#[cfg(not(any(target_os = "linux", windows)))]
mod unsupported;
#[cfg(windows)]
mod wine;
#[cfg(all(feature = "handler", target_os = "linux"))]
mod x11;

// For the C library, which has something to keep before the first start.
pub use actions::{Dialog, Task, TaskId, command, dialog, dialog_closed, dialog_opened, task, task_begin, task_end};
pub use annotations::{annotate, remove_annotation};
pub use attachments::{ATTACHMENT_LIMIT, attach_bytes, attach_file};
pub use capture::before_send::{Hint, Verdict};
pub use capture::handled::{
    HandledError, capture_error, capture_error_with_hint, capture_handled, capture_handled_with_hint,
};
#[cfg(windows)]
#[doc(hidden)]
pub use capture::windows::keep_this_module;
pub use consent_request::{ConsentAnswer, ConsentRequest, Never, Offer, Part};
pub use error::{Error, SoftError};
pub use excluded::{EXCLUSION_LIMIT, exclude_memory, include_memory};
pub use heartbeat::{heartbeat, heartbeat_pause};
pub use options::{Children, Dump, Mail, Notice, Options, Policy, Restart, Smtp, Tls};
pub use report_format::schema::v1::{
    Category, Contact, ErrorKind, ErrorLink, ManagedFrame, Product, SourceLocation, Surface,
};
pub use reporter::{Reporter, flush, rearm, shutdown, simulate_crash};

/// What the README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
