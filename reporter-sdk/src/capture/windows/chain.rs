//! The unhandled-exception filters that were there before ours, and how an exception gets on to them.
//!
//! A reported exception goes its ordinary way: error reporting by Windows, debuggers, the exit code and others' filters see what they would have seen without us.
//!
//! Others come on top of us: a driver, Qt, a managed runtime that is loaded later. [`arm`] then puts us on top of them. Whoever is found there is called
//! before those that were there earlier; and it may call us, as the filter that *it* found.

use std::{
    iter, ptr,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use windows_sys::Win32::System::Diagnostics::Debug::{
    EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS, SetUnhandledExceptionFilter,
};

/// A filter as the system calls it.
pub(super) type Filter = unsafe extern "system" fn(*const EXCEPTION_POINTERS) -> i32;

/// Those before us, newest first. Replaced as a whole and never freed: an exception may be on its way. Null for none.
static FILTERS: AtomicPtr<Vec<Filter>> = AtomicPtr::new(ptr::null_mut());
/// How many of them an exception was passed on to. Two threads that fail at once may count each other's, and then leave out a filter: they are in a
/// process that ends.
static PASSED: AtomicUsize = AtomicUsize::new(0);

fn filters() -> &'static [Filter] {
    // SAFETY: null or from `Box::leak`, and not written to since.
    unsafe { FILTERS.load(Ordering::Acquire).as_ref() }.map(Vec::as_slice).unwrap_or_default()
}

fn set(filters: Vec<Filter>) {
    FILTERS.store(Box::leak(Box::new(filters)), Ordering::Release);
}

fn is(a: Filter, b: Filter) -> bool {
    ptr::fn_addr_eq(a, b)
}

/// Puts `filter` on top of what is there. Not for two threads at once.
pub(super) fn arm(filter: Filter) {
    /// More than ever come on top of one another.
    const LONGEST: usize = 8;
    // There is no way to ask what is there but to replace it.
    // SAFETY: the filter lives as long as the program does, since its module is kept.
    let found = unsafe { SetUnhandledExceptionFilter(Some(filter)) };
    let Some(found) = found.filter(|found| !is(*found, filter)) else { return };
    // One that is installed again and again, which knows nothing of us, has its place once.
    let before = filters().iter().copied().filter(|other| !is(*other, found));
    set(iter::once(found).chain(before).take(LONGEST).collect());
}

/// Puts back what was there, unless someone has come on top of us: they go on calling us, and we pass on. Not for two threads at once.
pub(super) fn disarm(filter: Filter) {
    let (previous, rest) = filters().split_first().map_or((None, &[][..]), |(first, rest)| (Some(*first), rest));
    // SAFETY: a filter that was in force before, or none.
    let found = unsafe { SetUnhandledExceptionFilter(previous) };
    if found.is_some_and(|found| is(found, filter)) {
        set(rest.to_vec());
    } else {
        // SAFETY: the filter that was in force until a moment ago.
        unsafe { SetUnhandledExceptionFilter(found) };
    }
}

/// What the filters before ours make of an exception. Safe in an exception handler, as far as they are.
///
/// # Safety
/// What a filter was called with and has not returned from.
pub(super) unsafe fn pass_on(pointers: *const EXCEPTION_POINTERS) -> i32 {
    let passed = PASSED.fetch_add(1, Ordering::AcqRel);
    let answer = match filters().get(passed) {
        // SAFETY: the caller's promise, handed on.
        Some(filter) => unsafe { filter(pointers) },
        None => EXCEPTION_CONTINUE_SEARCH,
    };
    PASSED.fetch_sub(1, Ordering::AcqRel);
    answer
}
