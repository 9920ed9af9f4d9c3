//! A minidump of one thread, from what that thread handed over itself.
//!
//! Situation: the product cannot be dumped. Examples: it is gone by the time, it runs with more rights than we have, a virus scanner lets nobody open it. Handling: the crash slot has the thread's
//! registers and exception, and its record may have its stack and code. From these comes a dump that says less than a whole one and is read in the same way.

use std::convert::Infallible;

use windows_sys::Win32::System::Diagnostics::Debug::CONTEXT;

use super::dump::CrashContext;
use super::dump_file::DumpFile;
use super::loaded;
use crate::handler::minidump_filter::stream;
use crate::handler::modules::LoadedModule;
use crate::shared::record::{MemoryRecord, Piece};
use crate::shared::snapshot::CrashRecord;

/// Makes the dump. It cannot fail here, as it can elsewhere. `context` is of the thread that made the record, `name` its name. Of the modules those are told that process `pid` has, if it is there.
#[expect(clippy::needless_pass_by_value, reason = "as elsewhere")]
pub(in crate::handler) fn minidump(
    record: &MemoryRecord,
    crash: &CrashRecord,
    pid: Option<u32>,
    name: &str,
    context: CrashContext,
) -> Result<Vec<u8>, Infallible> {
    let tid = crash.tid;
    let mut file = DumpFile::new();
    let registers = bytes_of(&context.registers.0);
    let registers = [registers.len() as u32, file.write(registers)];
    let [stack, code] = [&record.stack, &record.code].map(|piece| memory(&mut file, piece));

    // How often it is held, its priorities; the thread's own block.
    let mut thread = words(&[1, tid, 0, 0, 0, 0, 0]);
    thread.extend(stack.iter().chain(&words(&registers)));
    file.stream(stream::THREADS, &thread);
    if !name.is_empty() {
        let name = file.text(name);
        file.stream(stream::THREAD_NAMES, &words(&[1, tid, name, 0]));
    }
    file.stream(stream::MEMORY, &[words(&[2]), stack, code].concat());

    let modules = pid.and_then(|pid| loaded::of_process(pid).ok()).unwrap_or_default().all;
    let mut list = words(&[modules.len() as u32]);
    for module in modules {
        list.extend(entry(&mut file, &module));
    }
    file.stream(stream::MODULES, &list);

    let record = &context.record;
    let mut exception = words(&[tid, 0, record.ExceptionCode.cast_unsigned(), record.ExceptionFlags]);
    exception.extend(long(0));
    exception.extend(long(record.ExceptionAddress.addr() as u64));
    let count = record.NumberParameters.min(record.ExceptionInformation.len() as u32);
    exception.extend(words(&[count, 0]));
    exception.extend(record.ExceptionInformation.iter().flat_map(|value| long(*value as u64)));
    exception.extend(words(&registers));
    file.stream(stream::EXCEPTION, &exception);

    let nothing = file.text("");
    file.stream(stream::SYSTEM_INFO, &system_info(nothing));
    Ok(file.finish())
}

fn memory(file: &mut DumpFile, piece: &Piece) -> Vec<u8> {
    let at = file.write(&piece.bytes);
    [&long(piece.start)[..], &words(&[piece.bytes.len() as u32, at])].concat()
}

/// Its place, no checksum, no version, its path, and of its identity the time, by which the file is found again.
fn entry(file: &mut DumpFile, module: &LoadedModule) -> Vec<u8> {
    /// Bytes of an entry.
    const ENTRY: usize = 108;
    let size = u32::try_from(module.range.end - module.range.start).unwrap_or(u32::MAX);
    let time = loaded::time(module);
    let path = file.text(&module.path.to_string_lossy());
    let mut entry = [&long(module.range.start)[..], &words(&[size, 0, time, path])].concat();
    entry.resize(ENTRY, 0);
    entry
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn long(value: u64) -> [u8; 8] {
    value.to_le_bytes()
}

fn bytes_of(registers: &CONTEXT) -> &[u8] {
    // SAFETY: it was made of as many bytes, and has no padding that was not among them; borrowed as long as the result.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(registers).cast(), size_of::<CONTEXT>()) }
}

/// What it takes to read the registers, and no more: the machine's facts are in the inventory.
fn system_info(empty_text: u32) -> [u8; 56] {
    const WINDOWS: u32 = 2;
    const ARCHITECTURE: u16 = if cfg!(target_arch = "x86_64") {
        9
    } else if cfg!(target_arch = "aarch64") {
        12
    } else {
        0
    };
    let mut info = [0; 56];
    info[..2].copy_from_slice(&ARCHITECTURE.to_le_bytes());
    info[20..24].copy_from_slice(&WINDOWS.to_le_bytes());
    info[24..28].copy_from_slice(&empty_text.to_le_bytes());
    info
}

#[cfg(test)]
mod tests {
    use minidump::{Minidump, MinidumpException, MinidumpModuleList, MinidumpThreadList, MinidumpThreadNames};

    use super::*;
    use crate::handler::minidump_filter::{FilterPlan, filter};
    use crate::handler::modules::LoadedModules;
    use crate::handler::sys::dump;
    use crate::handler::unwind::{self, UnwindLimits};

    fn crash() -> CrashRecord {
        CrashRecord {
            number: 1,
            kind: report_format::schema::v1::ErrorKind::Crash,
            pid: std::process::id(),
            tid: 7,
            monotonic: 0,
            realtime: 0,
            signal: None,
            address: None,
            context: Vec::new(),
        }
    }

    /// The registers of this thread, and its stack from there on.
    #[inline(never)]
    fn this_thread() -> (CrashContext, MemoryRecord) {
        use windows_sys::Win32::System::Diagnostics::Debug::RtlCaptureContext;
        let mut context = dump::context(&vec![0; size_of::<crate::capture::sys::context::Context>()]).unwrap();
        // SAFETY: writes to a structure that is large enough and aligned.
        unsafe { RtlCaptureContext(&raw mut context.registers.0) };
        context.record.ExceptionCode = 0xc000_0005_u32.cast_signed();
        context.record.NumberParameters = u32::MAX;
        context.record.ExceptionInformation[1] = 0x10;
        let (_, start) = places(&context);
        // SAFETY: the stack of this thread, which is longer than that: the test's harness has its frames there.
        let bytes = unsafe { std::slice::from_raw_parts(start as *const u8, 2048) }.to_vec();
        (context, MemoryRecord { number: 1, stack: Piece { start, bytes }, ..MemoryRecord::default() })
    }

    /// Where its code and its stack are.
    fn places(context: &CrashContext) -> (u64, u64) {
        let registers = &context.registers.0;
        #[cfg(target_arch = "x86_64")]
        return (registers.Rip, registers.Rsp);
        #[cfg(target_arch = "x86")]
        return (registers.Eip.into(), registers.Esp.into());
    }

    #[test]
    fn one_thread_s_own_record_is_a_dump_with_frames() {
        let (context, record) = this_thread();
        let pid = std::process::id();
        let mut bytes = minidump(&record, &crash(), Some(pid), "main", context).unwrap();
        filter(&mut bytes, &FilterPlan::default()).unwrap();
        let parsed = Minidump::read(&bytes[..]).unwrap();
        let threads = parsed.get_stream::<MinidumpThreadList<'_>>().unwrap();
        assert_eq!((threads.threads.len(), threads.threads[0].raw.thread_id), (1, 7));
        assert_eq!(parsed.get_stream::<MinidumpThreadNames>().unwrap().get_name(7).unwrap(), "main");
        let exception = parsed.get_stream::<MinidumpException<'_>>().unwrap();
        assert_eq!(exception.get_crashing_thread_id(), 7);
        assert_eq!(exception.raw.exception_record.exception_information[1], 0x10);
        assert!(parsed.get_stream::<MinidumpModuleList>().unwrap().iter().count() > 2);
        let modules = LoadedModules::read(&parsed, &mut Vec::new());
        let stacks = unwind::stacks(&parsed, &modules, 7, UnwindLimits::default(), &mut Vec::new());
        let symbols: Vec<_> = stacks.threads[0].frames.iter().map(|frame| frame.symbol.as_str()).collect();
        // On 32 bits RtlCaptureContext tells the registers of its caller's caller.
        assert!(cfg!(target_arch = "x86") || symbols[0].contains("this_thread"), "{symbols:#?}");
        assert!(symbols.iter().any(|symbol| symbol.contains("own_record_is_a_dump")), "{symbols:#?}");
    }

    #[test]
    fn of_a_process_that_is_gone_registers_and_exception_remain() {
        let (context, _) = this_thread();
        let (instruction, _) = places(&context);
        let bytes = minidump(&MemoryRecord::default(), &crash(), None, "", context).unwrap();
        let parsed = Minidump::read(&bytes[..]).unwrap();
        let system = parsed.get_stream::<minidump::MinidumpSystemInfo>().unwrap();
        let exception = parsed.get_stream::<MinidumpException<'_>>().unwrap();
        let registers = exception.context(&system, None).unwrap();
        assert_eq!(registers.get_instruction_pointer(), instruction);
    }
}
