//! Whether two errors are probably the same, as far as this machine can tell: by kind, fault, types and places of the error's chain, and the innermost
//! frames. No symbols and no messages: these can differ each time. Support groups reports anew, by better means.

use report_format::schema::v1;
use sha2::{Digest, Sha256};

use super::evidence::Memory;
use crate::spool::Signature;

/// Innermost frames that count. Few: a function that is called from everywhere and fails is one error.
const FRAMES: usize = 5;
/// Of a chain of causes.
const LINKS: usize = 4;

/// The signature of an error. The same for the same error in another process, wherever that has its modules.
pub(crate) fn signature(error: &v1::Error, memory: &Memory) -> Signature {
    let mut parts = Parts(Sha256::new());
    parts.number(error.kind as u32);
    if let Some(fault) = &error.fault {
        parts.number(fault.code);
        parts.number(fault.subcode.cast_unsigned());
    }
    for link in error.chain.iter().take(LINKS) {
        parts.bytes(link.type_name.as_bytes());
        if let Some(location) = &link.location {
            parts.bytes(location.file.as_bytes());
            parts.number(location.line);
        }
    }
    for (module, offset) in innermost(error.thread_id, memory) {
        parts.bytes(module);
        parts.bytes(&offset.to_le_bytes());
    }
    let digest: [u8; 32] = parts.0.finalize().into();
    let mut signature = [0; 16];
    signature.copy_from_slice(&digest[..16]);
    Signature(signature)
}

/// Each frame's module, by its build id or else its path, and the place in it. What lies in no module, or only looks like a frame, is somewhere else each
/// time.
fn innermost(thread: u32, memory: &Memory) -> impl Iterator<Item = (&[u8], u64)> {
    let threads = memory.stacks.iter().flat_map(|stacks| &stacks.threads);
    let frames = threads.filter(move |t| t.id == thread).take(1).flat_map(|thread| &thread.frames);
    let modules = memory.modules.as_ref().map_or(&[][..], |modules| &modules.modules);
    let place = |frame: &v1::Frame| {
        let module = modules.get(frame.module? as usize)?;
        let name = if module.build_id.is_empty() { module.path.as_bytes() } else { &module.build_id };
        Some((name, frame.module_offset))
    };
    frames.filter(|frame| frame.trust() != v1::FrameTrust::Scanned).filter_map(place).take(FRAMES)
}

/// Parts one after the other, so that no two lists of parts are the same bytes.
struct Parts(Sha256);

impl Parts {
    fn number(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use report_format::schema::v1::{ErrorKind, ErrorLink, FaultCode, Frame, FrameTrust, Module, SourceLocation};

    use super::*;

    fn crash() -> v1::Error {
        let fault = FaultCode { code: 11, subcode: 1, name: "SIGSEGV".into(), address: Some(0x10) };
        v1::Error { kind: ErrorKind::Crash.into(), thread_id: 7, fault: Some(fault), ..Default::default() }
    }

    /// A process that has its program at `base` and failed at `offsets` in it.
    fn memory(base: u64, offsets: &[u64]) -> Memory {
        let frame = |&module_offset: &u64| Frame {
            instruction: base + module_offset,
            module: Some(0),
            module_offset,
            trust: FrameTrust::Unwound.into(),
            ..Default::default()
        };
        let thread = v1::Thread { id: 7, frames: offsets.iter().map(frame).collect(), ..Default::default() };
        let other = v1::Thread { id: 8, frames: vec![frame(&base)], ..Default::default() };
        let module = Module { path: "/opt/ledger".into(), start: base, build_id: vec![1, 2], ..Default::default() };
        Memory {
            stacks: Some(v1::Stacks { threads: vec![other, thread] }),
            modules: Some(v1::Modules { modules: vec![module] }),
            ..Memory::default()
        }
    }

    #[test]
    fn the_same_crash_in_another_process_has_the_same_signature() {
        let first = signature(&crash(), &memory(0x1000, &[1, 2, 3, 4, 5, 6]));
        let mut again = crash();
        again.time = 99;
        again.fault.as_mut().unwrap().address = Some(0x20);
        let mut elsewhere = memory(0x7000, &[1, 2, 3, 4, 5, 99]);
        let scanned = Frame { trust: FrameTrust::Scanned.into(), module: Some(0), ..Default::default() };
        let nowhere = Frame { instruction: 0x55, ..Default::default() };
        let frames = &mut elsewhere.stacks.as_mut().unwrap().threads[1].frames;
        frames.insert(1, scanned);
        frames.insert(1, nowhere);
        assert_eq!(signature(&again, &elsewhere), first);
    }

    #[test]
    fn another_signal_place_module_or_kind_has_another() {
        let first = signature(&crash(), &memory(0x1000, &[1, 2]));
        let mut bus = crash();
        bus.fault.as_mut().unwrap().code = 7;
        let mut kind = crash();
        kind.kind = ErrorKind::Simulated.into();
        let mut updated = memory(0x1000, &[1, 2]);
        updated.modules.as_mut().unwrap().modules[0].build_id = vec![9];
        let others = [
            signature(&bus, &memory(0x1000, &[1, 2])),
            signature(&kind, &memory(0x1000, &[1, 2])),
            signature(&crash(), &memory(0x1000, &[1, 3])),
            signature(&crash(), &memory(0x1000, &[1])),
            signature(&crash(), &updated),
            signature(&crash(), &Memory::default()),
        ];
        assert!(!others.contains(&first), "{others:?}");
    }

    #[test]
    fn a_panic_is_told_by_its_place_and_an_error_by_its_types_and_neither_by_words() {
        let of = |type_name: &str, line, message: &str| {
            let location = Some(SourceLocation { file: "src/main.rs".into(), line, column: 1 });
            let link =
                ErrorLink { type_name: type_name.into(), message: message.into(), location, ..Default::default() };
            signature(&v1::Error { chain: vec![link], ..Default::default() }, &Memory::default())
        };
        assert_eq!(of("panic", 1, "index 7"), of("panic", 1, "index 8"));
        assert_ne!(of("panic", 1, "index 7"), of("panic", 2, "index 7"));
        assert_ne!(of("io::Error", 1, ""), of("fmt::Error", 1, ""));
    }
}
