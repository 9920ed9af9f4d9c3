//! The frames of each thread, from the registers and stacks in a minidump.
//!
//! Done here and not by support: this machine has the very files that ran, with their unwind tables, however they were built or patched.
//! Registers and stacks come from the dump alone, so the frames belong together with what the dump holds. Where a module has no tables,
//! frame pointers are followed; where these lead nowhere, the stack is searched for what looks like a return address.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use framehop::FrameAddress;
use minidump::{
    Minidump, MinidumpException, MinidumpMemoryInfoList, MinidumpMemoryList, MinidumpSystemInfo, MinidumpThread,
    MinidumpThreadList, MinidumpThreadNames,
};
use report_format::schema::v1;

pub(in crate::handler) use self::machine::Native;
use self::machine::{Unwinder, WORD, registers, set, word};
use super::modules::LoadedModules;
use super::sys::{module_file::ModuleFile, signal_frame};
use super::{soft_error, soft_note};
use crate::redact::prose;

#[cfg_attr(target_arch = "x86", path = "unwind/x86.rs")]
mod machine;

/// How much work to do at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnwindLimits {
    pub(crate) frames_per_thread: usize,
    pub(crate) threads: usize,
    /// Bytes of unwind tables held at once.
    pub(crate) tables: usize,
    /// For all threads; what is not done by then stays as it is.
    pub(crate) time: Duration,
}

impl Default for UnwindLimits {
    fn default() -> Self {
        Self { frames_per_thread: 256, threads: 1024, tables: 512 << 20, time: Duration::from_secs(5) }
    }
}

/// How far up the stack a return address is searched for, in words.
const SCAN_WORDS: u64 = 1024;

/// Unwinds all threads of a dump, the faulting one (else `tid`) first. Never fails: what cannot be had is a soft error.
pub(crate) fn stacks(
    dump: &Minidump<'_, &[u8]>,
    modules: &LoadedModules,
    tid: u32,
    limits: UnwindLimits,
    soft_errors: &mut Vec<v1::SoftError>,
) -> v1::Stacks {
    let streams = (
        dump.get_stream::<MinidumpThreadList<'_>>(),
        dump.get_stream::<MinidumpSystemInfo>(),
        dump.get_stream::<MinidumpMemoryList<'_>>(),
    );
    let (threads, system, memory) = match streams {
        (Ok(threads), Ok(system), Ok(memory)) => (threads, system, memory),
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
            soft_errors.push(soft_error("unwind", &error));
            return v1::Stacks::default();
        }
    };
    let names = dump.get_stream::<MinidumpThreadNames>().ok();
    let info = dump.get_stream::<MinidumpMemoryInfoList<'_>>().ok();
    let exception = dump.get_stream::<MinidumpException<'_>>().ok();

    let mut order: Vec<&MinidumpThread<'_>> = threads.threads.iter().collect();
    order.sort_by_key(|t| t.raw.thread_id != tid);
    if order.len() > limits.threads {
        soft_errors.push(soft_note("unwind", format!("{} threads, {} were unwound", order.len(), limits.threads)));
        order.truncate(limits.threads);
    }
    let mut work = Work {
        modules,
        memory: &memory,
        info: info.as_ref(),
        limits,
        deadline: Instant::now() + limits.time,
        unwinder: Unwinder::default(),
        files: HashMap::new(),
        table_bytes: 0,
        soft_errors,
    };
    let mut out = Vec::with_capacity(order.len());
    for thread in order {
        let id = thread.raw.thread_id;
        let faulting = id == tid;
        let at_fault = exception.as_ref().filter(|_| faulting).and_then(|e| e.context(&system, None));
        let context = at_fault.or_else(|| thread.context(&system, None));
        let (frames, truncated) =
            context.and_then(|c| registers(&c, modules)).map_or_else(Default::default, |r| work.thread(r));
        let name = names.as_ref().and_then(|n| n.get_name(id)).unwrap_or_default();
        out.push(v1::Thread { id, name: prose(&name).into_owned(), faulting, frames, truncated });
    }
    if work.is_late() {
        let message = format!("not all threads were unwound in {} ms", limits.time.as_millis());
        work.soft_errors.push(soft_note("unwind", message));
    }
    work.name(&mut out);
    v1::Stacks { threads: out }
}

/// A thread's registers, as far as they are needed.
#[derive(Clone, Copy)]
struct Registers {
    ip: u64,
    sp: u64,
    /// Where a call through a bad pointer left its return address, where that is a register.
    link: Option<u64>,
    native: Native,
}

struct Work<'a> {
    modules: &'a LoadedModules,
    memory: &'a MinidumpMemoryList<'a>,
    info: Option<&'a MinidumpMemoryInfoList<'a>>,
    limits: UnwindLimits,
    deadline: Instant,
    unwinder: Unwinder,
    /// Files of the modules that had a frame, by the module's index; `None` where the file is of no use.
    files: HashMap<usize, Option<Loaded>>,
    table_bytes: usize,
    soft_errors: &'a mut Vec<v1::SoftError>,
}

struct Loaded {
    file: ModuleFile,
    /// What to add to an address stated in the file; wraps.
    bias: u64,
}

impl Work<'_> {
    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// The frames of one thread, and whether there were more.
    fn thread(&mut self, registers: Registers) -> (Vec<v1::Frame>, bool) {
        let Registers { ip, sp, link, mut native } = registers;
        let mut frames = vec![self.frame(FrameAddress::from_instruction_pointer(ip), v1::FrameTrust::Context)];
        let mut address = FrameAddress::from_instruction_pointer(ip);
        // A call through a bad pointer: no code, hence no rule, but the return address has just been put in its place.
        if !self.is_code(ip)
            && let Some(caller) = link.or_else(|| self.word(sp)).filter(|at| self.is_code(*at))
            && let Some(caller_address) = FrameAddress::from_return_address(caller)
        {
            frames.push(self.frame(caller_address, v1::FrameTrust::Scanned));
            set(&mut native, caller, if link.is_some() { sp } else { sp.wrapping_add(WORD) });
            address = caller_address;
        }
        loop {
            if frames.len() >= self.limits.frames_per_thread || self.is_late() {
                return (frames, true);
            }
            match self.interrupted(address, &mut native).or_else(|| self.caller(address, &mut native)) {
                Some((caller, trust)) => {
                    frames.push(self.frame(caller, trust));
                    address = caller;
                }
                None => return (frames, false),
            }
        }
    }

    /// Where the thread was when the kernel made it call a signal handler, if `address` is what that one returns to.
    ///
    /// Situation: nobody has called a handler. The kernel left the interrupted registers on the stack and put a return address above them, of code that does
    /// nothing but ask for them back. Example: glibc's `__restore_rt`; its unwind rules are expressions that our unwinder does not evaluate, so that the search
    /// for a return address then loses the interrupted function. Handling: the code is known by its bytes, as debuggers know it, and the registers
    /// are read where the kernel puts them (`struct rt_sigframe`).
    fn interrupted(&mut self, address: FrameAddress, native: &mut Native) -> Option<(FrameAddress, v1::FrameTrust)> {
        let FrameAddress::ReturnAddress(at) = address else { return None };
        // First what costs nothing and is wrong nearly always.
        let (ip, registers) = signal_frame::interrupted(native.sp(), |at| self.word(at))?;
        if !self.is_code(ip) {
            return None;
        }
        self.load(at.get());
        let Loaded { file, bias } = self.files.get(&self.modules.find(at.get())?)?.as_ref()?;
        if !file.has_code(at.get().wrapping_sub(*bias), signal_frame::RETURN) {
            return None;
        }
        *native = registers;
        Some((FrameAddress::from_instruction_pointer(ip), v1::FrameTrust::Context))
    }

    /// The frame that called the one at `address`. `None` at the thread's first frame.
    fn caller(&mut self, address: FrameAddress, native: &mut Native) -> Option<(FrameAddress, v1::FrameTrust)> {
        self.load(address.address_for_lookup());
        let before = *native;
        let memory = self.memory;
        let read = |at| word(memory, at);
        // The unwinder takes files at their word: it slices their code by their tables, and counts with their numbers. What it panics over is no rule.
        let step = AssertUnwindSafe(|| self.unwinder.step(address, native, read));
        match catch_unwind(step) {
            Ok(Ok(None)) => return None,
            Ok(Ok(Some(caller))) => {
                // Rules made for other code (a hand-written one without tables) lead astray: a stack only shrinks towards the caller.
                if self.is_code(caller) && native.sp() >= before.sp() {
                    return Some((FrameAddress::from_return_address(caller)?, v1::FrameTrust::Unwound));
                }
            }
            // Past the stack, or no frame pointer.
            Ok(Err(_)) | Err(_) => {}
        }
        *native = before;
        let start = before.sp();
        (0..SCAN_WORDS).map(|i| start.wrapping_add(i * WORD)).map_while(|at| Some((at, self.word(at)?))).find_map(
            |(at, word)| {
                let caller = FrameAddress::from_return_address(word).filter(|_| self.is_return_address(word))?;
                set(native, word, at.wrapping_add(WORD));
                Some((caller, v1::FrameTrust::Scanned))
            },
        )
    }

    fn word(&self, at: u64) -> Option<u64> {
        word(self.memory, at)
    }

    /// Executable memory, a module's or not (a runtime's compiled code). Without a list of regions: a module's.
    fn is_code(&self, address: u64) -> bool {
        match self.info {
            Some(info) => info.memory_info_at_address(address).is_some_and(minidump::MinidumpMemoryInfo::is_executable),
            None => self.modules.find(address).is_some(),
        }
    }

    /// For a word found by searching, more is asked: a module's code.
    fn is_return_address(&self, word: u64) -> bool {
        word != 0 && self.is_code(word) && self.modules.find(word - 1).is_some()
    }

    fn frame(&self, address: FrameAddress, trust: v1::FrameTrust) -> v1::Frame {
        let module = self.modules.find(address.address_for_lookup());
        v1::Frame {
            instruction: address.address(),
            module: module.and_then(|i| u32::try_from(i).ok()),
            module_offset: module.map_or(0, |i| address.address() - self.modules.all[i].range.start),
            trust: trust.into(),
            symbol: String::new(),
            symbol_offset: 0,
        }
    }

    /// Makes the tables of the module at `address` known, once.
    fn load(&mut self, address: u64) {
        let Some(index) = self.modules.find(address) else { return };
        if self.files.contains_key(&index) {
            return;
        }
        let module = &self.modules.all[index];
        // The kernel's own module has no file; its frames are found by searching.
        let loaded = if module.path.is_absolute() { self.load_file(index) } else { None };
        self.files.insert(index, loaded);
    }

    fn load_file(&mut self, index: usize) -> Option<Loaded> {
        let module = &self.modules.all[index];
        // By its place among the modules of the report: its path is of the category *memory*, and soft errors are in every report.
        let named = format!("module {index}");
        let opened =
            ModuleFile::open(&module.path, &module.identity.build_id).and_then(|file| Ok((file.tables()?, file)));
        let (tables, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let mut note = soft_error("unwind", &error);
                note.message = format!("{named}: {}", note.message);
                self.soft_errors.push(note);
                return None;
            }
        };
        let bias = module.range.start.wrapping_sub(tables.first_address);
        if self.table_bytes + tables.size() > self.limits.tables {
            let message = format!("{named}: unwind tables left out, more than {} bytes in all", self.limits.tables);
            self.soft_errors.push(soft_note("unwind", message));
        } else if tables.is_empty() {
            self.soft_errors.push(soft_note("unwind", format!("{named}: no unwind tables")));
        } else {
            self.table_bytes += tables.size();
            self.unwinder.add(named, module.range.clone(), bias, tables);
        }
        Some(Loaded { file, bias })
    }

    /// Names the functions, file by file.
    fn name(&mut self, threads: &mut [v1::Thread]) {
        let mut wanted: HashMap<usize, Vec<&mut v1::Frame>> = HashMap::new();
        for frame in threads.iter_mut().flat_map(|t| &mut t.frames) {
            if let Some(module) = frame.module {
                wanted.entry(module as usize).or_default().push(frame);
            }
        }
        for (index, frames) in wanted {
            if self.is_late() {
                return;
            }
            self.load(self.modules.all[index].range.start);
            let Some(Some(loaded)) = self.files.get(&index) else { continue };
            // A return address can be the next function's start: the call before it counts.
            let back = |f: &v1::Frame| u64::from(f.trust() != v1::FrameTrust::Context);
            let addresses: Vec<u64> =
                frames.iter().map(|f| f.instruction.wrapping_sub(loaded.bias).wrapping_sub(back(f))).collect();
            match loaded.file.symbols(&addresses) {
                Ok(symbols) => {
                    for (frame, symbol) in frames.into_iter().zip(symbols) {
                        if let Some(symbol) = symbol {
                            frame.symbol_offset = symbol.offset + back(frame);
                            frame.symbol = symbol.name;
                        }
                    }
                }
                Err(error) => self.soft_errors.push(soft_error("unwind.symbols", &error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
