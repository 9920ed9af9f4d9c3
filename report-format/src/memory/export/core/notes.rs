//! The notes of a core file: threads with their registers, the signal, the auxiliary vector, the mapped files.
//!
//! Their layouts are those of Linux on x86-64 (`struct elf_prstatus` and its kin in `<sys/procfs.h>`), in its order: gdb counts a
//! note of registers to the thread whose `NT_PRSTATUS` came before it.

use minidump_common::format::{
    CONTEXT_AMD64, ContextFlagsAmd64, ContextFlagsCpu, MINIDUMP_EXCEPTION_STREAM, MINIDUMP_LOCATION_DESCRIPTOR,
    MINIDUMP_MISC_INFO, MINIDUMP_STREAM_TYPE,
};
use object::elf::{NT_AUXV, NT_FILE, NT_FPREGSET, NT_PRPSINFO, NT_PRSTATUS, NT_SIGINFO};

use super::auxv;
use crate::Error;
use crate::memory::Source;
use crate::memory::minidump::{Minidump, at};
use crate::schema::v1::MemoryRegion;

/// `DUMP_REQUESTED` of Breakpad: no signal.
const NO_SIGNAL: u32 = 0xffff_ffff;
/// Threads of which the registers are written, a kilobyte each, though a minidump can name the same registers for all of its threads.
/// Linux allows a process fewer, unless it is told otherwise.
const MOST_THREADS: usize = 1 << 16;
/// Bytes of the names of mapped files.
const MOST_NAMES: usize = 64 << 20;
/// The longest path that Linux takes.
const LONGEST_PATH: usize = 4096;

pub(super) struct Notes {
    pub(super) bytes: Vec<u8>,
    pub(super) threads: u64,
    pub(super) threads_without_registers: u64,
}

pub(super) fn notes(dump: &Minidump<&[u8]>, memory: &dyn Source) -> Result<Notes, Error> {
    let exception = dump.exception()?;
    let crashed = exception.as_ref().map(|exception| exception.thread_id);
    let mut threads: Vec<_> =
        dump.threads()?.into_iter().map(|thread| (thread.thread_id, thread.thread_context)).collect();
    let pid = process_id(dump)?.or_else(|| threads.first().map(|(id, _)| *id)).unwrap_or(0);
    let modules = dump.modules()?;

    if threads.len() > MOST_THREADS {
        return Err(Error::Limit {
            what: "threads of the minidump",
            limit: MOST_THREADS as u64,
            seen: threads.len() as u64,
        });
    }
    // gdb selects the first.
    threads.sort_by_key(|(id, _)| Some(*id) != crashed);
    let total = threads.len() as u64;
    let contexts = threads.into_iter().filter_map(|(id, context)| {
        // At the exception, not a moment later, as the handler waited.
        let at_exception = exception.as_ref().filter(|exception| exception.thread_id == id);
        let context = at_exception
            .and_then(|exception| registers(dump, &exception.thread_context))
            .or_else(|| registers(dump, &context))?;
        Some((id, context))
    });
    let mut bytes = Vec::new();
    let mut written = 0;
    for (id, context) in contexts {
        let signal = exception.as_ref().filter(|exception| exception.thread_id == id).and_then(signal);
        note(&mut bytes, NT_PRSTATUS, &status(pid, id, &context, signal))?;
        if written == 0 {
            note(&mut bytes, NT_PRPSINFO, &process(pid, modules.first().map_or("", |module| &module.name)))?;
            if let (Some(signal), Some(exception)) = (signal, &exception) {
                note(&mut bytes, NT_SIGINFO, &signal_information(signal, exception))?;
            }
            let auxv = match dump.stream(MINIDUMP_STREAM_TYPE::LinuxAuxv)? {
                Some(copied) => auxv::ended(copied),
                None => modules.first().map(|program| auxv::made(program.address, memory)).unwrap_or_default(),
            };
            if !auxv.is_empty() {
                note(&mut bytes, NT_AUXV, &auxv)?;
            }
            note(&mut bytes, NT_FILE, &mapped_files(memory.regions())?)?;
        }
        if has(&context, ContextFlagsAmd64::CONTEXT_AMD64_FLOATING_POINT) {
            // The layout of FXSAVE, in both.
            note(&mut bytes, NT_FPREGSET, &context.float_save)?;
        }
        written += 1;
    }
    if written == 0 {
        return Err(Error::format(
            "the minidump has no registers of any thread",
            "export a minidump instead, which needs no more than there is",
        ));
    }
    Ok(Notes { bytes, threads: written, threads_without_registers: total - written })
}

fn process_id(dump: &Minidump<&[u8]>) -> Result<Option<u32>, Error> {
    let Some(stream) = dump.stream(MINIDUMP_STREAM_TYPE::MiscInfoStream)? else { return Ok(None) };
    let info: MINIDUMP_MISC_INFO = at(&stream, 0)?;
    let has_id = info.flags1 & 1 != 0;
    Ok(has_id.then_some(info.process_id))
}

/// Registers of one thread, if the minidump has them.
fn registers(dump: &Minidump<&[u8]>, location: &MINIDUMP_LOCATION_DESCRIPTOR) -> Option<CONTEXT_AMD64> {
    let bytes = dump.bytes("context", location.rva, location.data_size.min(size_of::<CONTEXT_AMD64>() as u32)).ok()?;
    let context: CONTEXT_AMD64 = at(&bytes, 0).ok()?;
    let is_amd64 = ContextFlagsCpu::from_flags(context.context_flags) == ContextFlagsCpu::CONTEXT_AMD64;
    (is_amd64 && has(&context, ContextFlagsAmd64::CONTEXT_AMD64_CONTROL)).then_some(context)
}

fn has(context: &CONTEXT_AMD64, part: ContextFlagsAmd64) -> bool {
    context.context_flags & part.bits() == part.bits()
}

/// The number of the signal that ended the thread.
fn signal(exception: &MINIDUMP_EXCEPTION_STREAM) -> Option<u32> {
    let code = exception.exception_record.exception_code;
    (code != NO_SIGNAL && code != 0).then_some(code)
}

/// `struct elf_prstatus`.
fn status(pid: u32, tid: u32, context: &CONTEXT_AMD64, signal: Option<u32>) -> Vec<u8> {
    let signal = signal.unwrap_or(0);
    let mut bytes = Vec::with_capacity(336);
    bytes.extend(signal.to_le_bytes());
    bytes.resize(12, 0);
    bytes.extend((signal as u16).to_le_bytes());
    bytes.resize(32, 0);
    // The thread, its parent, its group, its session.
    for id in [tid, 0, pid, 0] {
        bytes.extend(id.to_le_bytes());
    }
    // Times, which a minidump does not have.
    bytes.resize(112, 0);
    let registers = [
        context.r15,
        context.r14,
        context.r13,
        context.r12,
        context.rbp,
        context.rbx,
        context.r11,
        context.r10,
        context.r9,
        context.r8,
        context.rax,
        context.rcx,
        context.rdx,
        context.rsi,
        context.rdi,
        // The number of the system call: none is under way, so that gdb restarts none.
        u64::MAX,
        context.rip,
        context.cs.into(),
        context.eflags.into(),
        context.rsp,
        context.ss.into(),
        // A minidump has no base of fs and gs.
        0,
        0,
        context.ds.into(),
        context.es.into(),
        context.fs.into(),
        context.gs.into(),
    ];
    for register in registers {
        bytes.extend(register.to_le_bytes());
    }
    bytes.extend(u32::from(has(context, ContextFlagsAmd64::CONTEXT_AMD64_FLOATING_POINT)).to_le_bytes());
    bytes.resize(336, 0);
    bytes
}

/// `struct elf_prpsinfo`.
fn process(pid: u32, program: &str) -> Vec<u8> {
    // gdb prints it to a terminal as it is.
    let name = program.rsplit('/').next().unwrap_or_default().bytes();
    let name: Vec<u8> = name.map(|byte| if byte.is_ascii_graphic() { byte } else { b'?' }).collect();
    let mut bytes = vec![0, b'R', 0, 0];
    bytes.resize(24, 0);
    bytes.extend(pid.to_le_bytes());
    bytes.resize(40, 0);
    // Both end with a zero.
    bytes.extend(&name[..name.len().min(15)]);
    bytes.resize(56, 0);
    bytes.extend(&name[..name.len().min(79)]);
    bytes.resize(136, 0);
    bytes
}

/// `siginfo_t`.
fn signal_information(signal: u32, exception: &MINIDUMP_EXCEPTION_STREAM) -> Vec<u8> {
    let record = &exception.exception_record;
    let mut bytes = Vec::with_capacity(128);
    for word in [signal, 0, record.exception_flags, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(record.exception_address.to_le_bytes());
    bytes.resize(128, 0);
    bytes
}

/// The list of mapped files, as the kernel writes it, in bytes instead of pages.
fn mapped_files(regions: &[MemoryRegion]) -> Result<Vec<u8>, Error> {
    let files: Vec<_> = regions.iter().filter(|region| is_file(&region.mapping)).collect();
    let mut bytes = Vec::with_capacity(16 + files.len() * 24);
    for word in [files.len() as u64, 1] {
        bytes.extend(word.to_le_bytes());
    }
    for region in &files {
        for word in [region.address, region.address.saturating_add(region.size), region.mapping_offset] {
            bytes.extend(word.to_le_bytes());
        }
    }
    for region in files {
        bytes.extend(region.mapping.as_bytes());
        bytes.push(0);
        if bytes.len() > MOST_NAMES {
            return Err(Error::Limit {
                what: "bytes of mapped files' names",
                limit: MOST_NAMES as u64,
                seen: bytes.len() as u64,
            });
        }
    }
    Ok(bytes)
}

/// Whether to name it to gdb, which opens what is named: no device and no pipe of the kernel's, for which it would wait.
fn is_file(mapping: &str) -> bool {
    let special = ["/dev/", "/proc/", "/sys/"].iter().any(|place| mapping.starts_with(place));
    mapping.starts_with('/') && !special && mapping.len() <= LONGEST_PATH && !mapping.chars().any(char::is_control)
}

fn note(bytes: &mut Vec<u8>, kind: u32, content: &[u8]) -> Result<(), Error> {
    let size = u32::try_from(content.len()).map_err(|_| Error::Limit {
        what: "bytes of a core file's note",
        limit: u32::MAX.into(),
        seen: content.len() as u64,
    })?;
    for word in [5, size, kind] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(b"CORE\0\0\0\0");
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    Ok(())
}
