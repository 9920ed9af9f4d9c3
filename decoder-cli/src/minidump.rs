//! What a minidump tells without symbols.

use minidump::format::MINIDUMP_STREAM_TYPE;
use minidump::{Minidump, MinidumpException, MinidumpSystemInfo, MinidumpThreadList};
use num_traits::FromPrimitive;

/// The outline of a minidump.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Names of the streams in their order, numbers of unknown ones.
    pub(crate) streams: Vec<String>,
    pub(crate) threads: Option<usize>,
    pub(crate) crash: Option<Crash>,
}

/// The exception stream of a minidump.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crash {
    pub(crate) thread: u32,
    /// In the words of the operating system: `SIGSEGV / SEGV_MAPERR`.
    pub(crate) reason: String,
    pub(crate) address: u64,
}

/// Reads the outline of a minidump.
///
/// # Errors
/// Why the bytes are no minidump, in words.
pub(crate) fn outline(bytes: &[u8]) -> Result<Outline, String> {
    let dump = Minidump::read(bytes).map_err(|error| error.to_string())?;
    // The directory is a hash map: without an order of ours the output would differ from run to run.
    let mut types: Vec<u32> = dump.all_streams().map(|entry| entry.stream_type).collect();
    types.sort_unstable();
    let streams = types.into_iter().filter(|number| *number != 0).map(stream_name).collect();
    let system = dump.get_stream::<MinidumpSystemInfo>().ok();
    let exception = dump.get_stream::<MinidumpException<'_>>().ok();
    let crash = exception.zip(system).map(|(exception, system)| Crash {
        thread: exception.get_crashing_thread_id(),
        reason: exception.get_crash_reason(system.os, system.cpu).to_string(),
        address: exception.get_crash_address(system.os, system.cpu),
    });
    let threads = dump.get_stream::<MinidumpThreadList<'_>>().ok().map(|list| list.threads.len());
    Ok(Outline { streams, threads, crash })
}

/// The name of a stream type as the minidump format has it, `0x47670007` where it is unknown.
pub(crate) fn stream_name(number: u32) -> String {
    MINIDUMP_STREAM_TYPE::from_u32(number).map_or_else(|| format!("{number:#x}"), |name| format!("{name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minidump_synth::{Exception, Memory, SynthMinidump, SystemInfo, Thread, amd64_context};
    use proptest::prelude::*;
    use test_assembler::{Endian, Section};

    fn dump() -> Vec<u8> {
        let context = amd64_context(Endian::Little, 0x1000, 0x2000);
        let stack = Memory::with_section(Section::with_endian(Endian::Little).append_repeated(0, 64), 0x2000);
        let mut exception = Exception::new(Endian::Little);
        exception.thread_id = 4711;
        exception.exception_record.exception_code = 11;
        exception.exception_record.exception_flags = 1;
        exception.exception_record.exception_address = 0x10;
        let system = SystemInfo::new(Endian::Little).set_processor_architecture(9).set_platform_id(0x8201);
        let thread = Thread::new(Endian::Little, 4711, &stack, &context);
        SynthMinidump::with_endian(Endian::Little)
            .add_thread(thread)
            .add(context)
            .add_memory(stack)
            .add_system_info(system)
            .add_exception(exception)
            .finish()
            .unwrap()
    }

    #[test]
    fn the_crash_and_the_streams_are_told() {
        let outline = outline(&dump()).unwrap();
        let reason = "SIGSEGV / SEGV_MAPERR".to_owned();
        assert_eq!(outline.crash, Some(Crash { thread: 4711, reason, address: 0x10 }));
        assert_eq!(outline.threads, Some(1));
        assert_eq!(outline.streams, ["ThreadListStream", "MemoryListStream", "ExceptionStream", "SystemInfoStream"]);
    }

    #[test]
    fn what_is_no_minidump_is_said_to_be_none() {
        assert!(outline(b"").is_err());
        assert!(outline(b"not a minidump at all, only text").is_err());
        assert_eq!(stream_name(0x4767_0007), "LinuxEnviron");
        assert_eq!(stream_name(0x1234_5678), "0x12345678");
    }

    proptest! {
        #[test]
        fn damaged_minidumps_are_read_without_a_panic(
            damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20),
            length in any::<proptest::sample::Index>(),
        ) {
            let mut bytes = dump();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(length.index(bytes.len()) + 1);
            _ = outline(&bytes);
        }
    }
}
