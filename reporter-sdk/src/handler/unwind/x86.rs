//! From a frame to the one that called it, on 32-bit x86, which framehop does not know.

use std::ops::Range;

use framehop::FrameAddress;
use gimli::X86;
use minidump::{MinidumpContext, MinidumpMemoryList, MinidumpRawContext};

use super::Registers;
use crate::handler::modules::LoadedModules;
use crate::handler::sys::module_file::{Caller, General, Tables};

/// Bytes of an address in memory.
pub(super) const WORD: u64 = size_of::<u32>() as u64;

/// The address that is at this place of the dump's memory.
pub(super) fn word(memory: &MinidumpMemoryList<'_>, at: u64) -> Option<u64> {
    memory.memory_at_address(at)?.get_memory_at_address::<u32>(at).map(u64::from)
}

/// The registers of one frame.
#[derive(Clone, Copy)]
pub(in crate::handler) struct Native {
    general: General,
    /// Whether it is the thread's first frame, where a frame pointer that is not one yet means nothing.
    is_first: bool,
}

impl Native {
    pub(super) fn sp(&self) -> u64 {
        self.get(X86::ESP).into()
    }

    fn get(&self, register: gimli::Register) -> u32 {
        self.general[usize::from(register.0)]
    }
}

pub(super) fn registers(context: &MinidumpContext, _: &LoadedModules) -> Option<Registers> {
    let MinidumpRawContext::X86(c) = &context.raw else { return None };
    let general = [c.eax, c.ecx, c.edx, c.ebx, c.esp, c.ebp, c.esi, c.edi];
    Some(Registers { ip: c.eip.into(), sp: c.esp.into(), link: None, native: Native { general, is_first: true } })
}

pub(super) fn set(native: &mut Native, _: u64, sp: u64) {
    native.general[usize::from(X86::ESP.0)] = u32::try_from(sp).unwrap_or(u32::MAX);
    native.is_first = false;
}

struct Module {
    range: Range<u64>,
    bias: u64,
    tables: Tables,
}

/// By the rules of each module's tables; by frame pointers where it has none.
#[derive(Default)]
pub(super) struct Unwinder {
    modules: Vec<Module>,
}

impl Unwinder {
    /// `bias`: what to add to an address stated in the module's file; wraps.
    pub(super) fn add(&mut self, _: String, range: Range<u64>, bias: u64, tables: Tables) {
        self.modules.push(Module { range, bias, tables });
    }

    /// Changes `native` to the caller's, and returns where it goes on: `None` if there is no caller. After an error they can be anything.
    pub(super) fn step(
        &mut self,
        address: FrameAddress,
        native: &mut Native,
        read: impl Fn(u64) -> Option<u64>,
    ) -> Result<Option<u64>, ()> {
        let at = address.address_for_lookup();
        let module = self.modules.iter().find(|module| module.range.contains(&at));
        let by_tables = module.and_then(|m| m.tables.caller(at.wrapping_sub(m.bias), &native.general, &read));
        let (caller, general) = match by_tables {
            Some(Caller::None) => return Ok(None),
            Some(Caller::Known(caller, general)) => (caller, general),
            // The system's threads begin with a frame pointer of zero.
            None if native.get(X86::EBP) == 0 && !native.is_first => return Ok(None),
            None => by_frame_pointer(native, read).ok_or(())?,
        };
        *native = Native { general, is_first: false };
        Ok(if caller == 0 { None } else { Some(caller.into()) })
    }
}

/// A function that keeps one has put its caller's there, below its return address.
fn by_frame_pointer(native: &Native, read: impl Fn(u64) -> Option<u64>) -> Option<(u32, General)> {
    let pointer = native.get(X86::EBP);
    // Lower down is what is no longer there.
    if pointer % 4 != 0 || pointer < native.get(X86::ESP) {
        return None;
    }
    let at = |offset: u32| u32::try_from(read(pointer.checked_add(offset)?.into())?).ok();
    let mut general = native.general;
    let caller = at(4)?;
    general[usize::from(X86::EBP.0)] = at(0)?;
    general[usize::from(X86::ESP.0)] = pointer.checked_add(8)?;
    Some((caller, general))
}
