//! A minidump of one thread, from what that thread handed over itself.
//!
//! Situation: the product cannot be traced. Examples: it called `prctl(PR_SET_DUMPABLE, 0)`, its sandbox refuses ptrace, the administrator forbids it
//! (`kernel.yama.ptrace_scope` 2 and 3), a debugger holds it. Handling: the crashing thread is alive, in its signal handler, and writes its memory map, its
//! stack and the code around its instruction pointer into the shared memory. From these and its registers comes a dump that says less than a whole one
//! and is read in the same way.
//!
//! The memory map names files of which the build id is read here: files that the product has mapped or says that it has. Of them, no more than that gets into a
//! report, as with a map that the kernel gave.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crash_context::CrashContext;
use minidump_writer::CrashContextExt;
use minidump_writer::mem_writer::{
    Buffer, MemoryArrayWriter, MemoryWriter, MemoryWriterError, write_string_to_location,
};
use minidump_writer::minidump_cpu::RawContextCPU;
use minidump_writer::minidump_format::{
    MDException, MDMemoryDescriptor, MDRawDirectory, MDRawExceptionStream, MDRawThread, MDRawThreadName,
};

use super::dump_file::{self, DumpFile, joined};
use super::elf::{ElfError, ElfFile};
use super::loaded;
use crate::handler::minidump_filter::stream;
use crate::shared::record::{MemoryRecord, Piece};
use crate::shared::snapshot::CrashRecord;

/// Makes the dump. `context` is of the thread that made the record, `name` its name. Reads files: of those that have changed since the crash, where process `pid`
/// is not there any more, no build id is told.
pub(in crate::handler) fn minidump(
    record: &MemoryRecord,
    crash: &CrashRecord,
    pid: Option<u32>,
    name: &str,
    context: CrashContext,
) -> Result<Vec<u8>, MemoryWriterError> {
    let tid = crash.tid;
    // Files that have changed since are not those that failed.
    let failed = if pid.is_some() { u64::MAX } else { crash.realtime };
    let context = CrashContextExt { inner: context };
    let mut file = DumpFile::new();
    let out = &mut file.out;
    let (stack, code) = (piece(out, &record.stack), piece(out, &record.code));
    let mut cpu = RawContextCPU::default();
    context.fill_cpu_context(&mut cpu);
    let registers = MemoryWriter::alloc_with_val(out, cpu)?.location();

    let thread = MDRawThread {
        thread_id: tid,
        suspend_count: 0,
        priority_class: 0,
        priority: 0,
        teb: 0,
        stack,
        thread_context: registers,
    };
    let count = MemoryWriter::alloc_with_val(out, 1u32)?.location();
    let list = MemoryWriter::alloc_with_val(out, thread)?.location();
    file.enter(MDRawDirectory { stream_type: stream::THREADS, location: joined(count, list) });

    let out = &mut file.out;
    let name = write_string_to_location(out, name)?;
    let count = MemoryWriter::alloc_with_val(out, 1u32)?.location();
    let named = MDRawThreadName { thread_id: tid, thread_name_rva: name.rva.into() };
    let list = MemoryWriter::alloc_with_val(out, named)?.location();
    file.enter(MDRawDirectory { stream_type: stream::THREAD_NAMES, location: joined(count, list) });

    file.memory_list(stream::MEMORY, &[stack, code])?;
    let modules = modules(&mut file.out, &record.maps, failed)?;
    file.enter(modules);

    let signal = &context.inner.siginfo;
    let exception = MDRawExceptionStream {
        thread_id: tid,
        exception_record: MDException {
            exception_code: signal.ssi_signo,
            exception_flags: signal.ssi_code as u32,
            exception_address: signal.ssi_addr,
            ..Default::default()
        },
        __align: 0,
        thread_context: registers,
    };
    let location = MemoryWriter::alloc_with_val(&mut file.out, exception)?.location();
    file.enter(MDRawDirectory { stream_type: stream::EXCEPTION, location });

    let nothing = write_string_to_location(&mut file.out, "")?;
    file.bytes(stream::SYSTEM_INFO, &system_info(nothing.rva));
    Ok(file.finish())
}

fn piece(out: &mut Buffer, piece: &Piece) -> MDMemoryDescriptor {
    let memory = MemoryArrayWriter::write_bytes(out, &piece.bytes).location();
    MDMemoryDescriptor { start_of_memory_range: piece.start, memory }
}

/// The programs and libraries in the memory map, which can have been cut in the middle of a line.
fn modules(out: &mut Buffer, maps: &[u8], failed: u64) -> Result<MDRawDirectory, MemoryWriterError> {
    let whole = maps.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut modules = Vec::new();
    for module in loaded::of_maps(&maps[..whole]).all {
        let build_id = match ElfFile::identify(&module.path) {
            Ok(_) if changed(&module.path) > failed => Vec::new(),
            Ok((_, identity)) => identity.build_id,
            // A program need not be readable to run.
            Err(ElfError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => Vec::new(),
            // Fonts, caches, devices: they are mapped as well.
            Err(_) => continue,
        };
        modules.push(dump_file::module(out, module.range, &build_id, &module.path)?);
    }
    let count = MemoryWriter::alloc_with_val(out, modules.len() as u32)?.location();
    let list = MemoryArrayWriter::alloc_from_iter(out, modules)?.location();
    Ok(MDRawDirectory { stream_type: stream::MODULES, location: joined(count, list) })
}

/// When a file was last changed, in nanoseconds since 1970, as far as that is known.
fn changed(path: &Path) -> u64 {
    let nanos = |file: Metadata| {
        u64::try_from(file.ctime()).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(file.ctime_nsec() as u64)
    };
    std::fs::metadata(path).map_or(u64::MAX, nanos)
}

/// What it takes to read the registers, and no more: the machine's facts are in the inventory.
fn system_info(empty_text: u32) -> [u8; 56] {
    const LINUX: u32 = 0x8201;
    const ARCHITECTURE: u16 = if cfg!(target_arch = "x86_64") { 9 } else { 0x8003 };
    let mut info = [0; 56];
    info[..2].copy_from_slice(&ARCHITECTURE.to_le_bytes());
    info[20..24].copy_from_slice(&LINUX.to_le_bytes());
    info[24..28].copy_from_slice(&empty_text.to_le_bytes());
    info
}
