//! Options about what is collected: by category of data and by kind of error.

use std::mem::MaybeUninit;

use reporter_sdk::{Category, Dump, ErrorKind, Policy};

use crate::{
    ffi::{Choice, meaning},
    options::{edit, reporter_options_t},
    status::reporter_status_t,
};

/// Whether something may be offered to the person. There is no "always": only the person or the machine's administrator can say that.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_policy_t {
    /// Ask the person, who may decline it.
    REPORTER_POLICY_ASK = 1,
    /// Never collect it.
    REPORTER_POLICY_NEVER = 2,
}

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_policy_t {
    type Meaning = Policy;
    const WHAT: &'static str = "policy";
    const MEANINGS: &'static [(Self, Policy)] =
        &[(Self::REPORTER_POLICY_ASK, Policy::Ask), (Self::REPORTER_POLICY_NEVER, Policy::Never)];
}

/// A category of data: one switch of the consent dialog. What went wrong, in which product, belongs to every report and has none.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_category_t {
    /// Recent actions of the user.
    REPORTER_CATEGORY_ACTIONS = 2,
    /// Stacks, registers, code around instruction pointers, modules.
    REPORTER_CATEGORY_MEMORY = 3,
    /// Every readable page.
    REPORTER_CATEGORY_FULL_MEMORY = 4,
    /// Running applications, services and drivers.
    REPORTER_CATEGORY_PROCESSES = 5,
    /// Operating system, language, volumes, CPU.
    REPORTER_CATEGORY_SYSTEM = 6,
    /// The account that launched the application.
    REPORTER_CATEGORY_ACCOUNT = 7,
    /// Host and domain name, DNS, proxy or global address; never a local address.
    REPORTER_CATEGORY_NETWORK = 8,
    /// Installed programs and services.
    REPORTER_CATEGORY_INSTALLED_SOFTWARE = 9,
    /// Network cards, printers, displays.
    REPORTER_CATEGORY_DEVICES = 10,
    /// An image of the desktop.
    REPORTER_CATEGORY_SCREEN = 11,
    /// Name, e-mail address and description that the user types.
    REPORTER_CATEGORY_CONTACT = 12,
    /// Annotations and the product's command line.
    REPORTER_CATEGORY_PRODUCT = 13,
    /// Files that the product attaches.
    REPORTER_CATEGORY_ATTACHMENTS = 14,
}

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_category_t {
    type Meaning = Category;
    const WHAT: &'static str = "category";
    const MEANINGS: &'static [(Self, Category)] = &[
        (Self::REPORTER_CATEGORY_ACTIONS, Category::Actions),
        (Self::REPORTER_CATEGORY_MEMORY, Category::Memory),
        (Self::REPORTER_CATEGORY_FULL_MEMORY, Category::FullMemory),
        (Self::REPORTER_CATEGORY_PROCESSES, Category::Processes),
        (Self::REPORTER_CATEGORY_SYSTEM, Category::System),
        (Self::REPORTER_CATEGORY_ACCOUNT, Category::Account),
        (Self::REPORTER_CATEGORY_NETWORK, Category::Network),
        (Self::REPORTER_CATEGORY_INSTALLED_SOFTWARE, Category::InstalledSoftware),
        (Self::REPORTER_CATEGORY_DEVICES, Category::Devices),
        (Self::REPORTER_CATEGORY_SCREEN, Category::Screen),
        (Self::REPORTER_CATEGORY_CONTACT, Category::Contact),
        (Self::REPORTER_CATEGORY_PRODUCT, Category::Product),
        (Self::REPORTER_CATEGORY_ATTACHMENTS, Category::Attachments),
    ];
}

/// A kind of error.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_kind_t {
    /// A fault: a signal or a structured exception.
    REPORTER_KIND_CRASH = 1,
    /// A Rust panic.
    REPORTER_KIND_PANIC = 2,
    /// An exception of C++ or a managed language that nothing caught.
    REPORTER_KIND_UNHANDLED_EXCEPTION = 3,
    /// Given to reporter_capture_error() by the product, which goes on.
    REPORTER_KIND_HANDLED_ERROR = 4,
    REPORTER_KIND_HANG = 5,
    REPORTER_KIND_OUT_OF_MEMORY = 6,
    /// The process ended without a clean exit and without a fault that anyone saw.
    REPORTER_KIND_VANISHED = 7,
    /// Asked for by reporter_simulate_crash().
    REPORTER_KIND_SIMULATED = 8,
}

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_kind_t {
    type Meaning = ErrorKind;
    const WHAT: &'static str = "kind of error";
    const MEANINGS: &'static [(Self, ErrorKind)] = &[
        (Self::REPORTER_KIND_CRASH, ErrorKind::Crash),
        (Self::REPORTER_KIND_PANIC, ErrorKind::Panic),
        (Self::REPORTER_KIND_UNHANDLED_EXCEPTION, ErrorKind::UnhandledException),
        (Self::REPORTER_KIND_HANDLED_ERROR, ErrorKind::HandledError),
        (Self::REPORTER_KIND_HANG, ErrorKind::Hang),
        (Self::REPORTER_KIND_OUT_OF_MEMORY, ErrorKind::OutOfMemory),
        (Self::REPORTER_KIND_VANISHED, ErrorKind::Vanished),
        (Self::REPORTER_KIND_SIMULATED, ErrorKind::Simulated),
    ];
}

/// How much memory goes into a report.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_dump_t {
    /// None: the error, its stack and what the person did.
    REPORTER_DUMP_NONE = 1,
    /// Stacks and registers of all threads, modules.
    REPORTER_DUMP_MINIDUMP = 2,
    /// Every readable page of the process.
    REPORTER_DUMP_FULL_MEMORY = 3,
}

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_dump_t {
    type Meaning = Dump;
    const WHAT: &'static str = "dump";
    const MEANINGS: &'static [(Self, Dump)] = &[
        (Self::REPORTER_DUMP_NONE, Dump::None),
        (Self::REPORTER_DUMP_MINIDUMP, Dump::Minidump),
        (Self::REPORTER_DUMP_FULL_MEMORY, Dump::FullMemory),
    ];
}

/// Whether a category of data may be offered to the person at all. Default: REPORTER_POLICY_ASK. The last call for a category counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_category_policy(
    options: *mut reporter_options_t,
    category: MaybeUninit<reporter_category_t>,
    policy: MaybeUninit<reporter_policy_t>,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            let (category, policy) = (meaning(category)?, meaning(policy)?);
            options.change(|sdk| sdk.category(category, policy));
            Ok(())
        })
    }
}

/// Whether errors of a kind are reported, and with how much memory. The last call for a kind counts.
///
/// Default: REPORTER_POLICY_ASK; REPORTER_DUMP_NONE for handled errors, which then cost under a millisecond, REPORTER_DUMP_MINIDUMP
/// for all others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_kind_policy(
    options: *mut reporter_options_t,
    kind: MaybeUninit<reporter_kind_t>,
    policy: MaybeUninit<reporter_policy_t>,
    dump: MaybeUninit<reporter_dump_t>,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            let (kind, policy, dump) = (meaning(kind)?, meaning(policy)?, meaning(dump)?);
            options.change(|sdk| sdk.kind(kind, policy, dump));
            Ok(())
        })
    }
}
