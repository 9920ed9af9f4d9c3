//! Leaves the middle of a very deep stack out of a dump.
//!
//! Situation: a minidump holds a thread's stack from the stack pointer to its end. Example: a recursion without end fills all 8 MB before it faults: a
//! report too large to mail, and a product held until they are copied. What tells something are the innermost calls, where it happened, and the
//! outermost, how it came there; in between are thousands of the same. Handling: the writer, which has no switch for it, is told of a stack pointer
//! near the far end and so copies that alone; the near end is copied beside it, and then becomes the thread's stack, with the true stack pointer. The
//! far end stays as a piece of memory like any other, which debuggers find by its addresses.

use crash_context::CrashContext;
use minidump_writer::mem_writer::{Buffer, MemoryArrayWriter};
use minidump_writer::minidump_format::{MDLocationDescriptor, MDMemoryDescriptor};
use minidump_writer::minidump_writer::MinidumpWriter;
use report_format::schema::v1;

use super::soft_note;

/// Bytes kept from the stack pointer on.
pub(super) const NEAR_END: usize = 256 << 10;
/// Bytes kept before the stack's end.
pub(super) const FAR_END: usize = 256 << 10;

/// What was done to the stack of the thread in which it happened.
pub(super) struct StackCap {
    tid: i32,
    /// Of the thread in the writer's list.
    index: usize,
    stack_pointer: usize,
    start: usize,
    length: usize,
}

impl StackCap {
    /// Tells the writer of the far end alone. `None` where the stack is of ordinary size.
    pub(super) fn apply(writer: &mut MinidumpWriter) -> Option<Self> {
        let tid = writer.blamed_thread;
        let index = writer.threads.iter().position(|thread| thread.tid == tid)?;
        let stack_pointer = writer.crash_context.as_ref()?.get_stack_pointer();
        let (start, length) = writer.get_stack_info(stack_pointer).ok()?;
        if length <= NEAR_END + FAR_END {
            return None;
        }
        set_stack_pointer(&mut writer.crash_context.as_mut()?.inner, start + length - FAR_END);
        Some(Self { tid, index, stack_pointer, start, length })
    }

    /// Copies the near end. Between the thread list, which has copied the far end, and the memory list.
    pub(super) fn copy_near_end(&self, writer: &mut MinidumpWriter, out: &mut Buffer) -> Option<MDLocationDescriptor> {
        let bytes = MinidumpWriter::copy_from_process(&writer.process_inspector, self.start, NEAR_END).ok()?;
        let memory = MemoryArrayWriter::write_bytes(out, &bytes).location();
        writer.memory_blocks.push(MDMemoryDescriptor { start_of_memory_range: self.start as u64, memory });
        Some(memory)
    }

    /// Gives the thread its stack pointer back, and the near end for a stack; says so.
    pub(super) fn restore(
        &self,
        dump: &mut [u8],
        thread_list: MDLocationDescriptor,
        near_end: Option<MDLocationDescriptor>,
    ) -> v1::SoftError {
        const THREAD: usize = 48;
        const STACK: usize = 24;
        const CONTEXT: usize = 44;
        let thread = thread_list.rva as usize + 4 + self.index * THREAD;
        let context = dump.get(thread + CONTEXT..thread + CONTEXT + 4).and_then(|rva| rva.try_into().ok());
        if let Some(context) = context {
            let at = u32::from_le_bytes(context) as usize + STACK_POINTER_IN_CONTEXT;
            put(dump, at, &(self.stack_pointer as u64).to_le_bytes());
        }
        let Some(MDLocationDescriptor { data_size, rva }) = near_end else {
            return soft_note("dump", format!("the innermost part of the stack of thread {} cannot be read", self.tid));
        };
        put(dump, thread + STACK, &(self.start as u64).to_le_bytes());
        put(dump, thread + STACK + 8, &data_size.to_le_bytes());
        put(dump, thread + STACK + 12, &rva.to_le_bytes());
        let left_out = self.length - NEAR_END - FAR_END;
        let message = format!(
            "the stack of thread {} has {} bytes, of which {left_out} in the middle were left out",
            self.tid, self.length
        );
        soft_note("dump", message)
    }
}

fn put(dump: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = dump.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// Where `CONTEXT_AMD64` has `rsp`.
#[cfg(target_arch = "x86_64")]
const STACK_POINTER_IN_CONTEXT: usize = 0x98;

#[cfg(target_arch = "x86_64")]
fn set_stack_pointer(context: &mut CrashContext, to: usize) {
    context.context.uc_mcontext.gregs[libc::REG_RSP as usize] = to as i64;
}

/// Where `CONTEXT_ARM64_OLD` has `sp`: after the flags and 31 registers.
#[cfg(target_arch = "aarch64")]
const STACK_POINTER_IN_CONTEXT: usize = 8 + 31 * 8;

#[cfg(target_arch = "aarch64")]
fn set_stack_pointer(context: &mut CrashContext, to: usize) {
    context.context.uc_mcontext.sp = to as u64;
}
