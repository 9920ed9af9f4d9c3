//! What C runtimes call where they give up: `abort`, a pure virtual function that is called, an invalid parameter.
//!
//! Each C runtime has its own hooks. Those of the libraries in the process are found by name, whoever uses them; of one that is linked statically only our own is known: of
//! another the handler sees the end of the process and no more. All this runs in the thread that failed, in ordinary circumstances.

use std::{
    ffi::{CStr, c_void},
    mem, ptr,
    sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering},
};

use report_format::schema::v1::ErrorKind;
use windows_sys::{
    Win32::{
        Foundation::{
            HMODULE, STATUS_FATAL_APP_EXIT, STATUS_INVALID_CRUNTIME_PARAMETER, STATUS_NONCONTINUABLE_EXCEPTION,
        },
        System::LibraryLoader::{GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW, GetProcAddress},
    },
    core::{PCWSTR, w},
};

use super::context;
use crate::{
    capture::{
        claim::{Claim, Claimed},
        handled, panic,
    },
    reporter,
    shared::writer::{self, Crash},
};

type OnSignal = unsafe extern "C-unwind" fn(i32);
type OnPureCall = unsafe extern "C-unwind" fn();
type OnInvalidParameter = unsafe extern "C-unwind" fn(*const u16, *const u16, *const u16, u32, usize);

const SIGABRT: i32 = 22;
/// `SIG_DFL` is 0; these two are no functions either.
const SIG_IGN: usize = 1;
const SIG_ERR: usize = usize::MAX;

/// Where those hooks are set, and what would be done without one. All optional: the oldest have signals alone.
#[derive(Clone, Copy, Default)]
struct Runtime {
    signal: Option<unsafe extern "C" fn(i32, usize) -> usize>,
    set_pure_call: Option<unsafe extern "C" fn(Option<OnPureCall>) -> Option<OnPureCall>>,
    set_invalid_parameter: Option<unsafe extern "C" fn(Option<OnInvalidParameter>) -> Option<OnInvalidParameter>>,
    /// Reports an invalid parameter about which nothing is known.
    invalid_parameter: Option<unsafe extern "C-unwind" fn()>,
}

/// The libraries, by how likely they are. `msvcrt.dll` is the system's, which MinGW uses: what is an invalid parameter to others it takes for an error as any other, so its
/// hook for that would report what is none.
const LIBRARIES: [PCWSTR; 10] = [
    w!("ucrtbase.dll"),
    w!("vcruntime140.dll"),
    w!("msvcrt.dll"),
    w!("msvcr120.dll"),
    w!("msvcr110.dll"),
    w!("msvcr100.dll"),
    w!("msvcr90.dll"),
    w!("msvcr80.dll"),
    w!("ucrtbased.dll"),
    w!("vcruntime140d.dll"),
];
const OF_THE_SYSTEM: usize = 2;
/// The libraries, and the runtime that is linked into this one.
const COUNT: usize = LIBRARIES.len() + 1;

/// What hooks of a runtime are there, and who had them before us.
struct Slot {
    abort: OnSignal,
    pure_call: OnPureCall,
    invalid_parameter: OnInvalidParameter,
    runtime: AtomicPtr<Runtime>,
    former_abort: AtomicUsize,
    former_pure_call: AtomicPtr<c_void>,
    /// Calls of the former ones that have not returned: they may call us in turn.
    passing: AtomicU32,
}

impl Slot {
    const fn of<const N: usize>() -> Self {
        Self {
            abort: on_abort::<N>,
            pure_call: on_pure_call::<N>,
            invalid_parameter: on_invalid_parameter::<N>,
            runtime: AtomicPtr::new(ptr::null_mut()),
            former_abort: AtomicUsize::new(0),
            former_pure_call: AtomicPtr::new(ptr::null_mut()),
            passing: AtomicU32::new(0),
        }
    }

    fn runtime(&self) -> Option<&'static Runtime> {
        // SAFETY: null or from `Box::leak`, and never written to.
        unsafe { self.runtime.load(Ordering::Acquire).as_ref() }
    }

    /// Calls who had the hook before us, if it is not that one which calls.
    fn pass_on(&self, call: impl FnOnce()) {
        if self.passing.fetch_add(1, Ordering::AcqRel) == 0 {
            call();
        }
        self.passing.fetch_sub(1, Ordering::AcqRel);
    }
}

static SLOTS: [Slot; COUNT] = [
    Slot::of::<0>(),
    Slot::of::<1>(),
    Slot::of::<2>(),
    Slot::of::<3>(),
    Slot::of::<4>(),
    Slot::of::<5>(),
    Slot::of::<6>(),
    Slot::of::<7>(),
    Slot::of::<8>(),
    Slot::of::<9>(),
    Slot::of::<10>(),
];

/// Puts our hooks in force in each runtime that is there by now. Not for two threads at once.
pub(super) fn arm() {
    for (at, slot) in SLOTS.iter().enumerate() {
        if slot.runtime().is_none() {
            let Some(runtime) = LIBRARIES.get(at).map_or_else(own, |name| library(*name, at == OF_THE_SYSTEM)) else {
                continue;
            };
            slot.runtime.store(Box::leak(Box::new(runtime)), Ordering::Release);
        }
        let Some(runtime) = slot.runtime() else { continue };
        if let Some(signal) = runtime.signal {
            // SAFETY: the handler lives as long as the program does.
            let former = unsafe { signal(SIGABRT, slot.abort as usize) };
            if former != slot.abort as usize && former != SIG_ERR {
                slot.former_abort.store(former, Ordering::Release);
            }
        }
        if let Some(set) = runtime.set_pure_call {
            // SAFETY: as above.
            let former = unsafe { set(Some(slot.pure_call)) };
            if !former.is_some_and(|former| ptr::fn_addr_eq(former, slot.pure_call)) {
                slot.former_pure_call.store(address(former), Ordering::Release);
            }
        }
        if let Some(set) = runtime.set_invalid_parameter {
            // SAFETY: as above.
            let former = unsafe { set(Some(slot.invalid_parameter)) };
            // Who has one goes on after an invalid parameter, or knows what to do: that is no crash.
            if former.is_some_and(|former| !ptr::fn_addr_eq(former, slot.invalid_parameter)) {
                // SAFETY: what was in force until a moment ago.
                unsafe { set(former) };
            }
        }
    }
}

/// Puts back what was there, where nobody has come on top of us. Not for two threads at once.
pub(super) fn disarm() {
    for slot in &SLOTS {
        let Some(runtime) = slot.runtime() else { continue };
        if let Some(signal) = runtime.signal {
            // SAFETY: what was in force before us.
            let found = unsafe { signal(SIGABRT, slot.former_abort.load(Ordering::Acquire)) };
            if found != slot.abort as usize && found != SIG_ERR {
                // SAFETY: what was in force until a moment ago.
                unsafe { signal(SIGABRT, found) };
            }
        }
        if let Some(set) = runtime.set_pure_call {
            // SAFETY: as above.
            let found = unsafe { set(slot.former_pure_call()) };
            if !found.is_some_and(|found| ptr::fn_addr_eq(found, slot.pure_call)) {
                // SAFETY: as above.
                unsafe { set(found) };
            }
        }
        if let Some(set) = runtime.set_invalid_parameter {
            // SAFETY: as above.
            let found = unsafe { set(None) };
            if !found.is_some_and(|found| ptr::fn_addr_eq(found, slot.invalid_parameter)) {
                // SAFETY: as above.
                unsafe { set(found) };
            }
        }
    }
}

fn address(hook: Option<OnPureCall>) -> *mut c_void {
    hook.map_or(ptr::null_mut(), |hook| hook as *mut c_void)
}

impl Slot {
    fn former_pure_call(&self) -> Option<OnPureCall> {
        // SAFETY: null, or what the runtime gave as its hook; for a pointer to a function `None` is null.
        unsafe { mem::transmute::<*mut c_void, Option<OnPureCall>>(self.former_pure_call.load(Ordering::Acquire)) }
    }
}

/// A runtime that is a library in the process. It stays there from now on.
fn library(name: PCWSTR, is_the_systems: bool) -> Option<Runtime> {
    let mut module: HMODULE = ptr::null_mut();
    // SAFETY: a name that ends in a zero, and a place that lives here.
    if unsafe { GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN, name, &raw mut module) } == 0 {
        return None;
    }
    let find = |name: &CStr| {
        // SAFETY: a module that stays loaded, and a name that ends in a zero.
        unsafe { GetProcAddress(module, name.as_ptr().cast()) }.map(|found| found as *const c_void)
    };
    let set_invalid_parameter = find(c"_set_invalid_parameter_handler").filter(|_| !is_the_systems);
    // SAFETY: Microsoft documents the functions of these names with these types, and so below.
    unsafe {
        Some(Runtime {
            signal: find(c"signal").map(|found| mem::transmute(found)),
            set_pure_call: find(c"_set_purecall_handler").map(|found| mem::transmute(found)),
            set_invalid_parameter: set_invalid_parameter.map(|found| mem::transmute(found)),
            invalid_parameter: find(c"_invalid_parameter_noinfo").map(|found| mem::transmute(found)),
        })
    }
}

/// The runtime that is linked into this library or program, unless it is a library of its own.
fn own() -> Option<Runtime> {
    #[cfg(all(target_env = "msvc", target_feature = "crt-static"))]
    {
        unsafe extern "C" {
            fn signal(signal: i32, handler: usize) -> usize;
            fn _set_purecall_handler(hook: Option<OnPureCall>) -> Option<OnPureCall>;
            fn _set_invalid_parameter_handler(hook: Option<OnInvalidParameter>) -> Option<OnInvalidParameter>;
        }
        unsafe extern "C-unwind" {
            fn _invalid_parameter_noinfo();
        }
        return Some(Runtime {
            signal: Some(signal),
            set_pure_call: Some(_set_purecall_handler),
            set_invalid_parameter: Some(_set_invalid_parameter_handler),
            invalid_parameter: Some(_invalid_parameter_noinfo),
        });
    }
    #[cfg(not(all(target_env = "msvc", target_feature = "crt-static")))]
    None
}

/// `abort`, which goes on to its end when this returns. (So does who sends himself a SIGABRT by `raise` alone, which nobody does.)
unsafe extern "C-unwind" fn on_abort<const N: usize>(signal: i32) {
    report(STATUS_FATAL_APP_EXIT);
    let slot = &SLOTS[N];
    let former = slot.former_abort.load(Ordering::Acquire);
    if former > SIG_IGN {
        // SAFETY: what the runtime gave as its handler, which is none of its numbers.
        let former = unsafe { mem::transmute::<usize, OnSignal>(former) };
        // SAFETY: called as the runtime would have.
        slot.pass_on(|| unsafe { former(signal) });
    }
}

/// A pure virtual function was called. The runtime aborts when this returns.
unsafe extern "C-unwind" fn on_pure_call<const N: usize>() {
    report(STATUS_NONCONTINUABLE_EXCEPTION);
    let slot = &SLOTS[N];
    if let Some(former) = slot.former_pure_call() {
        // SAFETY: called as the runtime would have.
        slot.pass_on(|| unsafe { former() });
    }
}

/// A parameter of a function is invalid, and nobody wants to know. The function would return an error when this returns: so what is done without a hook is done here.
unsafe extern "C-unwind" fn on_invalid_parameter<const N: usize>(
    _: *const u16,
    _: *const u16,
    _: *const u16,
    _: u32,
    _: usize,
) {
    report(STATUS_INVALID_CRUNTIME_PARAMETER);
    let Some(Runtime { set_invalid_parameter: Some(set), invalid_parameter, .. }) = SLOTS[N].runtime() else { return };
    // SAFETY: as it was before us.
    unsafe { set(None) };
    if let Some(invalid_parameter) = invalid_parameter {
        // SAFETY: takes nothing, and ends the process.
        unsafe { invalid_parameter() };
    }
}

/// Reports the calling thread as it is, as if it had raised an exception of this code.
#[inline(never)]
fn report(code: i32) {
    let Some(state) = reporter::active() else { return };
    let tid = writer::thread_id();
    // An abort may be the end of what is reported already.
    if !state.options.wants(ErrorKind::Crash) || panic::is_ending(tid) || handled::is_ending(tid) {
        return;
    }
    // A fault after one that was reported, or another thread's report that takes too long: no second word.
    let Claimed::Yes(mut claim) = Claim::take(tid, state.crash.longest()) else { return };
    let context = context::here_as(&mut claim, code);
    state.shared.crashed(&Crash {
        number: state.crash.next_number(),
        kind: ErrorKind::Crash.into(),
        pid: state.pid,
        tid,
        signal: Some((code, 0)),
        address: None,
        context: context.as_bytes(),
    });
    state.crash.report();
    claim.keep();
}
