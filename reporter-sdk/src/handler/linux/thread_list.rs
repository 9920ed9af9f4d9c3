//! The threads of a dump: registers, stacks, and the code where it happened.
//!
//! Ours in place of the writer's, which knows of no thread (see [`suspend`](super::suspend)), and for two more reasons.
//!
//! Situation: the writer reads a file of `/proc` for each thread, for two numbers that no dump holds, and the debug registers one by one, which no product
//! uses. Example: with 500 threads that is a third of the time that a product is held. Handling: neither is read.
//!
//! Situation: it copies each stack from its stack pointer to its end. Example: a recursion without end fills all 8 MB before it faults: a report too large to
//! mail. What tells something are the innermost calls, where it happened, and the outermost, how it came there; in between are thousands of the same.
//! Handling: of a deep stack both ends are kept, and the middle is not even copied. The near end is the thread's stack; the far end is a piece of memory like
//! any other, which debuggers find by its addresses.

use std::error::Error;

use minidump_writer::mem_writer::{
    Buffer, MemoryArrayWriter, MemoryWriter, MemoryWriterError, write_string_to_location,
};
use minidump_writer::minidump_cpu::RawContextCPU;
use minidump_writer::minidump_format::{MDMemoryDescriptor, MDRawDirectory, MDRawThread, MDRawThreadName};
use minidump_writer::minidump_writer::{CrashingThreadContext, MinidumpWriter};
use minidump_writer::thread_info::ThreadInfo;
use report_format::schema::v1;

use super::dump_file::{DumpFile, joined};
use super::suspend::Held;
use crate::handler::minidump_filter::stream;
use crate::handler::{soft_error, soft_note};

/// Bytes kept of a deep stack from the stack pointer on.
const NEAR_END: usize = 256 << 10;
/// Bytes kept of it before its end.
const FAR_END: usize = 256 << 10;
/// With more threads than this, each but the first few and the one that counts gets a short stack: the dump must stay one that can be mailed.
const MANY: usize = 8192;
const FIRST_FEW: usize = 20;
const SHORT: usize = 2 << 10;
/// Of the code around the instruction pointer.
const CODE: usize = 256;

/// Writes the list of the threads that are held and what belongs to it. A thread whose registers cannot be had is left out, and told.
pub(super) fn write(
    writer: &mut MinidumpWriter,
    held: &Held,
    file: &mut DumpFile,
    soft_errors: &mut Vec<v1::SoftError>,
) -> Result<(), MemoryWriterError> {
    let out = &mut file.out;
    let threads = held.threads();
    let are_many = threads.len() > MANY;
    let mut list = Vec::with_capacity(threads.len());
    let mut pieces = Vec::with_capacity(threads.len() + 2);
    for (index, tid) in threads.enumerate() {
        let counts = tid == writer.blamed_thread;
        let mut cpu = RawContextCPU::default();
        let at_fault = writer.crash_context.as_ref().filter(|_| counts);
        let (instruction_pointer, stack_pointer) = if let Some(context) = at_fault {
            context.fill_cpu_context(&mut cpu);
            (context.get_instruction_pointer(), context.get_stack_pointer())
        } else {
            match registers(writer, tid) {
                Ok(info) => {
                    info.fill_cpu_context(&mut cpu);
                    (info.get_instruction_pointer(), info.stack_pointer)
                }
                Err(error) => {
                    soft_errors.push(soft_error("dump", &*error));
                    continue;
                }
            }
        };
        let short = are_many && index >= FIRST_FEW && !counts;
        let most = if short { SHORT } else { usize::MAX };
        let stack = stack(writer, out, tid, stack_pointer, most, &mut pieces, soft_errors);
        if counts {
            pieces.extend(code(writer, out, instruction_pointer));
        }
        let thread_context = MemoryWriter::alloc_with_val(out, cpu)?.location();
        if counts {
            writer.crashing_thread_context = match at_fault {
                Some(_) => CrashingThreadContext::CrashContext(thread_context),
                None => CrashingThreadContext::CrashContextPlusAddress((thread_context, instruction_pointer)),
            };
        }
        list.push(MDRawThread {
            thread_id: tid.cast_unsigned(),
            suspend_count: 0,
            priority_class: 0,
            priority: 0,
            teb: 0,
            stack,
            thread_context,
        });
    }
    writer.memory_blocks.append(&mut pieces);
    let count = MemoryWriter::alloc_with_val(out, list.len() as u32)?.location();
    let list = MemoryArrayWriter::alloc_from_iter(out, list)?.location();
    file.enter(MDRawDirectory { stream_type: stream::THREADS, location: joined(count, list) });
    Ok(())
}

/// Writes their names.
pub(super) fn write_names(names: &[(i32, String)], out: &mut Buffer) -> Result<MDRawDirectory, MemoryWriterError> {
    let mut list = Vec::with_capacity(names.len());
    for (tid, name) in names {
        let thread_name_rva = write_string_to_location(out, name)?.rva.into();
        list.push(MDRawThreadName { thread_id: tid.cast_unsigned(), thread_name_rva });
    }
    let count = MemoryWriter::alloc_with_val(out, list.len() as u32)?.location();
    let list = MemoryArrayWriter::alloc_from_iter(out, list)?.location();
    Ok(MDRawDirectory { stream_type: stream::THREAD_NAMES, location: joined(count, list) })
}

#[cfg(target_arch = "x86_64")]
fn registers(writer: &MinidumpWriter, tid: i32) -> Result<ThreadInfo, Box<dyn Error>> {
    let regs = writer.process_inspector.get_gen_regs(tid)?;
    let fpregs = writer.process_inspector.get_fp_regs(tid)?;
    Ok(ThreadInfo { stack_pointer: regs.rsp as usize, tgid: 0, ppid: 0, regs, fpregs, dregs: Default::default() })
}

#[cfg(target_arch = "aarch64")]
fn registers(writer: &MinidumpWriter, tid: i32) -> Result<ThreadInfo, Box<dyn Error>> {
    let regs = writer.process_inspector.get_gen_regs(tid)?;
    let fpregs = writer.process_inspector.get_fp_regs(tid)?;
    Ok(ThreadInfo { stack_pointer: regs.sp as usize, tgid: 0, ppid: 0, regs, fpregs })
}

/// Copies a stack, or both its ends. Returns the near one, which is empty where there is no stack.
fn stack(
    writer: &MinidumpWriter,
    out: &mut Buffer,
    tid: i32,
    stack_pointer: usize,
    most: usize,
    pieces: &mut Vec<MDMemoryDescriptor>,
    soft_errors: &mut Vec<v1::SoftError>,
) -> MDMemoryDescriptor {
    let nothing = MDMemoryDescriptor { start_of_memory_range: stack_pointer as u64, ..Default::default() };
    let Ok((start, length)) = writer.get_stack_info(stack_pointer) else { return nothing };
    let is_deep = length > NEAR_END + FAR_END;
    let near = if is_deep { NEAR_END } else { length }.min(most);
    let Some(stack) = copy(writer, out, start, near) else { return nothing };
    pieces.push(stack);
    if is_deep && most > near {
        pieces.extend(copy(writer, out, start + length - FAR_END, FAR_END));
        let left_out = length - NEAR_END - FAR_END;
        let message =
            format!("the stack of thread {tid} has {length} bytes, of which {left_out} in the middle were left out");
        soft_errors.push(soft_note("dump", message));
    }
    stack
}

/// Copies the code around an instruction, as far as it is mapped.
fn code(writer: &MinidumpWriter, out: &mut Buffer, instruction_pointer: usize) -> Option<MDMemoryDescriptor> {
    let mapping = writer.find_mapping(instruction_pointer)?;
    let start = instruction_pointer.saturating_sub(CODE / 2).max(mapping.start_address);
    let end = instruction_pointer.saturating_add(CODE / 2).min(mapping.end_address());
    copy(writer, out, start, end - start)
}

fn copy(writer: &MinidumpWriter, out: &mut Buffer, start: usize, length: usize) -> Option<MDMemoryDescriptor> {
    let bytes = MinidumpWriter::copy_from_process(&writer.process_inspector, start, length).ok()?;
    let memory = MemoryArrayWriter::write_bytes(out, &bytes).location();
    Some(MDMemoryDescriptor { start_of_memory_range: start as u64, memory })
}
