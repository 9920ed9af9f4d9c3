//! From a frame to the one that called it, on a machine that framehop knows: one of 64 bits.

use std::ops::Range;

pub(in crate::handler) use framehop::UnwindRegsNative as Native;
use framehop::{CacheNative, FrameAddress, MayAllocateDuringUnwind, Module, Unwinder as _, UnwinderNative};
use minidump::{MinidumpContext, MinidumpMemoryList, MinidumpRawContext};

use super::Registers;
use crate::handler::modules::LoadedModules;
use crate::handler::sys::module_file::Tables;

/// Bytes of an address in memory.
pub(super) const WORD: u64 = size_of::<u64>() as u64;

/// The address that is at this place of the dump's memory.
pub(super) fn word(memory: &MinidumpMemoryList<'_>, at: u64) -> Option<u64> {
    memory.memory_at_address(at)?.get_memory_at_address::<u64>(at)
}

#[cfg(target_arch = "x86_64")]
pub(super) fn registers(context: &MinidumpContext, _: &LoadedModules) -> Option<Registers> {
    use framehop::x86_64::Reg;
    let MinidumpRawContext::Amd64(c) = &context.raw else { return None };
    let mut native = Native::new(c.rip, c.rsp, c.rbp);
    // What a function saves for its caller: the rules of some find the frame by another register than the usual one.
    let saved = [
        (Reg::RBX, c.rbx),
        (Reg::RSI, c.rsi),
        (Reg::RDI, c.rdi),
        (Reg::R12, c.r12),
        (Reg::R13, c.r13),
        (Reg::R14, c.r14),
        (Reg::R15, c.r15),
    ];
    saved.into_iter().for_each(|(register, value)| native.set(register, value));
    Some(Registers { ip: c.rip, sp: c.rsp, link: None, native })
}

#[cfg(target_arch = "x86_64")]
pub(super) fn set(registers: &mut Native, ip: u64, sp: u64) {
    registers.set_ip(ip);
    registers.set_sp(sp);
}

#[cfg(target_arch = "aarch64")]
pub(super) fn registers(context: &MinidumpContext, modules: &LoadedModules) -> Option<Registers> {
    let MinidumpRawContext::Arm64(c) = &context.raw else { return None };
    let (fp, lr) = (c.iregs[29], c.iregs[30]);
    // Return addresses can carry a signature in the bits that no address uses.
    let highest = modules.all.iter().map(|m| m.range.end).max().unwrap_or(0);
    let mask = framehop::aarch64::PtrAuthMask::from_max_known_address(highest);
    let link = Some(mask.strip_ptr_auth(lr));
    Some(Registers { ip: c.pc, sp: c.sp, link, native: Native::new_with_ptr_auth_mask(mask, lr, c.sp, fp) })
}

#[cfg(target_arch = "aarch64")]
pub(super) fn set(registers: &mut Native, ip: u64, sp: u64) {
    registers.set_lr(ip);
    registers.set_sp(sp);
}

/// By the rules of each module's tables; by frame pointers where it has none.
#[derive(Default)]
pub(super) struct Unwinder {
    inner: UnwinderNative<Vec<u8>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
}

impl Unwinder {
    /// `bias`: what to add to an address stated in the module's file; wraps.
    pub(super) fn add(&mut self, name: String, range: Range<u64>, bias: u64, tables: Tables) {
        self.inner.add_module(Module::new(name, range, bias, tables.into_sections()));
    }

    /// Changes `native` to the caller's, and returns where it goes on: `None` if there is no caller. After an error they can be anything.
    pub(super) fn step(
        &mut self,
        address: FrameAddress,
        native: &mut Native,
        read: impl Fn(u64) -> Option<u64>,
    ) -> Result<Option<u64>, ()> {
        self.inner.unwind_frame(address, native, &mut self.cache, &mut |at| read(at).ok_or(())).map_err(drop)
    }
}
