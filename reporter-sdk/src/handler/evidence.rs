//! From what happened to the sections of a draft.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use minidump::Minidump;
use report_format::schema::v1::{self, Category, ErrorKind, SectionKind};

use super::minidump_filter::{self, FilterPlan};
use super::modules::LoadedModules;
use super::sanitise::Addresses;
use super::sys::argument_block::ArgumentBlock;
use super::sys::dump::{self, CrashContext, DumpError, DumpRequest, RawDump, StandStill};
use super::sys::{abort_message, fault, local_time, stand_in, threads};
use super::unwind::{self, UnwindLimits};
use super::{out_of_memory, recorded, soft_error, soft_note};
use crate::consent::CategorySet;
use crate::fail_points::{self, Point};
use crate::redact::{self, prose};
use crate::schema::{DumpPolicy, HandledError};
use crate::shared::record::MemoryRecord;
use crate::shared::snapshot::{CrashRecord, Snapshot};

/// What happened.
pub(crate) struct Occurrence {
    pub(crate) kind: ErrorKind,
    pub(crate) snapshot: Snapshot,
    /// For a crash, a panic, and what else holds the product.
    pub(crate) crash: Option<CrashRecord>,
    pub(crate) handled: Option<HandledError>,
}

/// What was read of the product's memory. Nothing of it was shown to anyone yet.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) stacks: Option<v1::Stacks>,
    pub(crate) modules: Option<v1::Modules>,
    pub(crate) minidump: Option<Vec<u8>>,
    /// Why the C library aborted.
    pub(crate) abort_message: Option<String>,
}

/// A dump without what must not be kept, and where the files of its modules are.
pub(crate) struct Dumped {
    bytes: Vec<u8>,
    modules: LoadedModules,
    tid: u32,
    /// Whether `bytes` may be kept, or only looked at.
    keep: bool,
    standing: Option<Standing>,
}

/// Threads of the product that stand still, and go on when this is dropped.
pub(crate) struct Standing {
    pub(crate) still: StandStill,
    /// `None` where it is not known for sure: then nothing more is read.
    pub(crate) argument_block: Option<ArgumentBlock>,
}

impl Dumped {
    /// Takes out what may be kept; `None` where it may not. To be put back.
    pub(crate) fn take_minidump(&mut self) -> Option<Vec<u8>> {
        self.keep.then(|| std::mem::take(&mut self.bytes))
    }

    pub(crate) fn put_back(&mut self, minidump: Vec<u8>) {
        self.bytes = minidump;
    }

    /// Takes the product's threads, if they stand still. They no longer depend on the dump.
    pub(crate) fn take_standing(&mut self) -> Option<Standing> {
        self.standing.take()
    }
}

/// For the frames: reading files of a dead file server cannot be called off.
const READ_TIME: Duration = Duration::from_secs(8);

/// What is not to be in a dump.
#[derive(Debug, Default)]
pub(crate) struct Filtering {
    /// The category *system* is allowed.
    pub(crate) system: bool,
    /// Only addresses stay of its memory.
    pub(crate) sanitised: bool,
    /// What the product keeps out of it.
    pub(crate) excluded: Vec<Range<u64>>,
}

/// A dump of the product that is being made.
pub(crate) struct Dumping<'a> {
    crash: &'a CrashRecord,
    pid: u32,
    filtering: Filtering,
    started: Instant,
    dumping: Result<dump::Dumping, DumpError>,
}

/// Begins to dump the product. Nothing is taken where the category or the kind's policy forbids it. A product that ends of what has happened stands still until
/// the dump lets it go, so that nothing of it takes the processor's time meanwhile; so does one all of whose memory is to be read.
pub(crate) fn begin_dump<'a>(
    occurrence: &'a Occurrence,
    pid: u32,
    policy: DumpPolicy,
    allowed: CategorySet,
    filtering: Filtering,
    diagnostics: &mut v1::Diagnostics,
) -> Option<Dumping<'a>> {
    if !allowed.contains(Category::Memory) || matches!(policy, DumpPolicy::None) {
        return None;
    }
    // A process of which no thread is known has ended.
    let crash = occurrence.crash.as_ref().filter(|crash| crash.tid != 0)?;
    // The memory is shared, so the process it names could be any: only the peer is dumped.
    if crash.pid != pid {
        let message = format!("process {} reports an error of process {}, which is not dumped", pid, crash.pid);
        diagnostics.soft_errors.push(soft_note("dump", message));
        return None;
    }
    let context = context(crash, &mut diagnostics.soft_errors);
    let started = Instant::now();
    let hold = matches!(occurrence.kind, ErrorKind::Crash | ErrorKind::OutOfMemory) || policy == DumpPolicy::FullMemory;
    let dumping = dump::begin(DumpRequest { pid, tid: crash.tid, context, timeout: dump::TIME, hold });
    Some(Dumping { crash, pid, filtering, started, dumping })
}

impl Dumping<'_> {
    /// Waits for the dump. Where the product cannot be dumped, `ask_product` asks the thread that waits for a record of its memory.
    pub(crate) fn finish(
        self,
        ask_product: &dyn Fn() -> Option<MemoryRecord>,
        diagnostics: &mut v1::Diagnostics,
    ) -> Option<Dumped> {
        let Self { crash, pid, filtering, started, dumping } = self;
        let raw = dumping.and_then(dump::Dumping::finish);
        diagnostics.dump_nanos = nanos(raw.as_ref().map_or_else(|_| started.elapsed(), |raw| raw.took));
        // Where it goes on at once.
        diagnostics.stopped_nanos = raw.as_ref().map_or(0, |raw| nanos(raw.took));
        let raw = raw.or_else(|error| {
            diagnostics.soft_errors.push(soft_error("dump", &error));
            ask_product()
                .filter(|record| record.number == crash.number)
                .and_then(|record| stand_in(record, crash, Some(pid), diagnostics))
                .ok_or(())
        });
        filter(raw.ok()?, crash.tid, filtering, diagnostics)
    }
}

/// A dump from the record of a thread whose process has ended.
pub(crate) fn of_record(
    record: MemoryRecord,
    crash: &CrashRecord,
    filtering: Filtering,
    diagnostics: &mut v1::Diagnostics,
) -> Option<Dumped> {
    let raw = stand_in(record, crash, None, diagnostics)?;
    filter(raw, crash.tid, filtering, diagnostics)
}

/// Makes a dump of the crashing thread's own record, with what can be known of its process `pid`, if that is still there.
fn stand_in(
    record: MemoryRecord,
    crash: &CrashRecord,
    pid: Option<u32>,
    diagnostics: &mut v1::Diagnostics,
) -> Option<RawDump> {
    let context = dump::context(&crash.context)?;
    let (tid, crash) = (crash.tid, crash.clone());
    let work = move || {
        let name = pid.and_then(|pid| threads::name(pid, tid).ok()).unwrap_or_default();
        let dump = stand_in::minidump(&record, &crash, pid, &name, context);
        // The record was taken from below the arguments and the environment, by the one who knows their place. Where it can be known here, too: twice is safe.
        let argument_block = pid.and_then(|pid| ArgumentBlock::of_process(pid).ok());
        let argument_block = argument_block.unwrap_or_default();
        dump.map(|bytes| (bytes, argument_block)).map_err(|error| soft_error("dump", &error))
    };
    match bounded(work).flatten() {
        Ok((bytes, argument_block)) => {
            let soft_errors =
                vec![soft_note("dump", format!("only thread {tid} is here: its own record stands in for a dump"))];
            Some(RawDump { bytes, argument_block: Ok(argument_block), soft_errors, took: Duration::ZERO, held: None })
        }
        Err(error) => {
            diagnostics.soft_errors.push(error);
            None
        }
    }
}

/// Takes out of the dump what must not be kept. Without a word on where the arguments are, nothing of it may be.
fn filter(raw: RawDump, tid: u32, filtering: Filtering, diagnostics: &mut v1::Diagnostics) -> Option<Dumped> {
    let RawDump { mut bytes, argument_block, soft_errors, held, .. } = raw;
    diagnostics.soft_errors.extend(soft_errors);
    let Filtering { system, sanitised, excluded } = filtering;
    let (modules, code) = match Minidump::read(&bytes[..]) {
        Ok(parsed) => {
            (LoadedModules::read(&parsed, &mut diagnostics.soft_errors), sanitised.then(|| Addresses::of_code(&parsed)))
        }
        Err(error) => {
            diagnostics.soft_errors.push(soft_error("dump", &error));
            return None;
        }
    };
    let block = match argument_block {
        Ok(block) => block,
        Err(error) => {
            diagnostics.soft_errors.push(soft_error("dump", &error));
            let message = "left out, since arguments and environment could not be taken out of it";
            diagnostics.soft_errors.push(soft_note("dump", message));
            let standing = held.map(|still| Standing { still, argument_block: None });
            return Some(Dumped { bytes, modules, tid, keep: false, standing });
        }
    };
    let zero = block.ranges.iter().cloned().chain(excluded).collect();
    match minidump_filter::filter(&mut bytes, &FilterPlan { zero, system, sanitise: code }) {
        Ok(report) => {
            diagnostics.dropped_streams = report.dropped_streams;
            diagnostics.zeroed_bytes = report.zeroed_bytes;
            diagnostics.sanitised_bytes = report.sanitised_bytes;
            let standing = held.map(|still| Standing { still, argument_block: Some(block) });
            Some(Dumped { bytes, modules, tid, keep: true, standing })
        }
        Err(error) => {
            diagnostics.soft_errors.push(soft_error("dump", &error));
            None
        }
    }
}

/// Finds the frames in a dump.
pub(crate) fn unwind(dumped: Dumped, diagnostics: &mut v1::Diagnostics) -> Memory {
    let Dumped { bytes, mut modules, tid, keep, .. } = dumped;
    let bytes = Arc::new(bytes);
    let theirs = Arc::clone(&bytes);
    let work = move || {
        let mut soft_errors = Vec::new();
        modules.identify();
        let parsed = fail_points::reach(Point::Unwind).map_err(|_| minidump::Error::IoError);
        let stacks = match parsed.and_then(|()| Minidump::read(&theirs[..])) {
            Ok(parsed) => Some(unwind::stacks(&parsed, &modules, tid, UnwindLimits::default(), &mut soft_errors)),
            Err(error) => {
                soft_errors.push(soft_error("unwind", &error));
                None
            }
        };
        (stacks, modules.to_report(), soft_errors)
    };
    let mut memory = Memory::default();
    match bounded(work) {
        Ok((stacks, modules, soft_errors)) => {
            diagnostics.soft_errors.extend(soft_errors);
            (memory.stacks, memory.modules) = (stacks, Some(modules));
        }
        Err(error) => diagnostics.soft_errors.push(error),
    }
    memory.minidump = keep.then(|| Arc::unwrap_or_clone(bytes));
    memory
}

/// The registers that the product handed over. A record from a process that has gone wrong: the writer looks at numbers only.
fn context(crash: &CrashRecord, soft_errors: &mut Vec<v1::SoftError>) -> Option<CrashContext> {
    if crash.context.is_empty() {
        return None;
    }
    let context = dump::context(&crash.context);
    if context.is_none() {
        let message =
            format!("a crash context of {} bytes, expected {}", crash.context.len(), size_of::<CrashContext>());
        soft_errors.push(soft_note("dump", message));
    }
    context
}

/// What `work` gives, if it does in [`READ_TIME`]; else it is left behind on its thread.
fn bounded<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, v1::SoftError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    // Nobody waits any more after a time-out.
    let run = move || drop(sender.send(work()));
    let thread = std::thread::Builder::new().name("unwind".into()).spawn(run);
    let thread = thread.map_err(|error| soft_error("unwind", &error))?;
    let given = receiver.recv_timeout(READ_TIME).map_err(|error| soft_error("unwind", &error))?;
    // It has nothing more to do than to end. A panic would have given nothing.
    let _ = thread.join();
    Ok(given)
}

/// Why the C library ended the product, where it did and says so. As what a panic says, it belongs to the error, not to the memory.
pub(crate) fn abort_message(occurrence: &Occurrence, pid: u32, soft_errors: &mut Vec<v1::SoftError>) -> Option<String> {
    aborted(occurrence).filter(|crash| crash.pid == pid)?;
    match bounded(move || abort_message::read(pid)) {
        Ok(Ok(message)) => message,
        Ok(Err(error)) => {
            soft_errors.push(soft_error("abort message", &error));
            None
        }
        Err(error) => {
            soft_errors.push(error);
            None
        }
    }
}

/// The crash, if it is an abort.
fn aborted(occurrence: &Occurrence) -> Option<&CrashRecord> {
    let is_abort = |crash: &&CrashRecord| {
        crash.signal.is_some_and(|signal| fault::is_abort(signal.number.cast_unsigned(), signal.code))
    };
    occurrence.crash.as_ref().filter(|_| occurrence.kind == ErrorKind::Crash).filter(is_abort)
}

/// The kind as it turns out once the stack is known.
fn kind(occurrence: &Occurrence, memory: &Memory) -> ErrorKind {
    let thread = |tid| memory.stacks.iter().flat_map(|stacks| &stacks.threads).find(|thread| thread.id == tid);
    match aborted(occurrence).and_then(|crash| thread(crash.tid)) {
        Some(thread) => out_of_memory::kind_of_abort(&thread.frames),
        None => occurrence.kind,
    }
}

/// The error itself: what is always in a report.
pub(crate) fn error(occurrence: &Occurrence, id: [u8; 16], memory: &Memory, now: u64) -> v1::Error {
    let Occurrence { snapshot, crash, handled, .. } = occurrence;
    let kind = kind(occurrence, memory);
    let time =
        crash.as_ref().map(|c| c.realtime).or(handled.as_ref().map(|h| h.time)).filter(|t| *t > 0).unwrap_or(now);
    // The slot may still hold what was thrown before: a product can go on after that. An exception for want of memory is of that kind.
    let is_of_kind = |thrown: ErrorKind| match kind {
        ErrorKind::OutOfMemory => {
            thrown == ErrorKind::UnhandledException && crash.as_ref().is_some_and(|c| c.signal.is_none())
        }
        kind => thrown == kind,
    };
    let thrown =
        snapshot.thrown.as_ref().filter(|t| is_of_kind(t.kind) && crash.as_ref().is_some_and(|c| c.tid == t.thread_id));
    let signal = crash.as_ref().and_then(|c| c.signal.map(|s| (s, c.address)));
    let thread_id = crash.as_ref().map(|c| c.tid).or(handled.as_ref().map(|h| h.thread_id)).unwrap_or(0);
    let dumped = memory.stacks.iter().flat_map(|s| &s.threads).find(|t| t.id == thread_id).map(|t| t.name.clone());
    let thread_name = thrown.map(|t| t.thread_name.clone()).filter(|name| !name.is_empty());
    let thread_name = thread_name.or(handled.as_ref().map(|h| h.thread_name.clone())).or(dumped);
    let link = |type_name: &str, message: &str| v1::ErrorLink {
        type_name: type_name.to_owned(),
        message: message.to_owned(),
        ..Default::default()
    };
    let chain = match (handled, thrown) {
        (Some(handled), _) => handled.chain.clone(),
        // `std::terminate` without an exception.
        (None, Some(thrown)) if thrown.type_name.is_empty() => Vec::new(),
        (None, Some(thrown)) => {
            let location = v1::SourceLocation { file: thrown.file.clone(), line: thrown.line, column: thrown.column };
            let location = (!thrown.file.is_empty()).then_some(location);
            vec![v1::ErrorLink { location, ..link(&thrown.type_name, &thrown.message) }]
        }
        (None, None) => memory.abort_message.iter().map(|message| link("abort", message)).collect(),
    };
    let mut chain = chain;
    chain.truncate(LONGEST_CHAIN);
    for link in &mut chain {
        replace(&mut link.message, prose);
        for location in link.location.iter_mut().chain(link.frames.iter_mut().filter_map(|f| f.location.as_mut())) {
            replace(&mut location.file, redact::file_path);
        }
    }
    let title = match (kind, thrown, signal) {
        (ErrorKind::Panic, Some(panic), _) if !panic.file.is_empty() => {
            format!("panicked at {}:{}", redact::file_path(&panic.file), panic.line)
        }
        (ErrorKind::Panic, ..) => "panicked".to_owned(),
        (ErrorKind::Vanished, ..) => "ended without a clean exit".to_owned(),
        (ErrorKind::Simulated, ..) => "simulated crash".to_owned(),
        (_, Some(thrown), None) if handled.is_none() => match &*thrown.type_name {
            "" => "terminated without an exception".to_owned(),
            name => headline(&format!("unhandled {name}")),
        },
        (_, _, Some((signal, _))) => fault::title(signal.number.cast_unsigned(), signal.code),
        _ => chain.first().map_or_else(
            || "error".to_owned(),
            |link| match (kind, &*link.type_name) {
                (ErrorKind::UnhandledException, name) if !name.is_empty() => headline(&format!("unhandled {name}")),
                _ => headline(&link.message),
            },
        ),
    };
    v1::Error {
        report_id: id.to_vec(),
        kind: kind.into(),
        time,
        utc_offset_seconds: utc_offset(time),
        uptime_nanos: time.saturating_sub(snapshot.started_realtime),
        title,
        fault: signal.map(|(signal, address)| fault::fault_code(signal.number.cast_unsigned(), signal.code, address)),
        chain,
        thread_id,
        thread_name: prose(&thread_name.unwrap_or_default()).into_owned(),
        // Of a process that has ended, its fault is the code that it left.
        exit_code: crash.as_ref().filter(|crash| crash.tid == 0).and_then(|crash| Some(crash.signal?.number)),
    }
}

const LONGEST_CHAIN: usize = 32;

/// One line, and not too long.
fn headline(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(200).collect()
}

fn replace(text: &mut String, rule: fn(&str) -> Cow<'_, str>) {
    if let Cow::Owned(told) = rule(text) {
        *text = told;
    }
}

/// Has files read that the first report would wait for: the time zone's, and those on the machine.
pub(crate) fn prepare() {
    utc_offset(0);
    dump::prepare();
}

/// The distance of local time from UTC at `time`, in seconds; 0 where it is not known.
fn utc_offset(time: u64) -> i32 {
    local_time::utc_offset(i64::try_from(time / 1_000_000_000).unwrap_or(0))
}

/// When it happened, in monotonic nanoseconds. A time that makes no sense is as good as none: then it is when the memory was read.
fn moment(occurrence: &Occurrence) -> u64 {
    let Occurrence { snapshot, crash, handled, .. } = occurrence;
    let told = crash.as_ref().map(|crash| crash.monotonic).or(handled.as_ref().map(|error| error.monotonic));
    told.filter(|at| (snapshot.started_monotonic..=snapshot.taken).contains(at)).unwrap_or(snapshot.taken)
}

/// What the user did, by its distance from the error.
pub(crate) fn actions(occurrence: &Occurrence) -> v1::Actions {
    let snapshot = &occurrence.snapshot;
    let at = moment(occurrence);
    let action = |raw: &crate::shared::snapshot::RawAction| v1::Action {
        before_error_nanos: at - raw.monotonic,
        sequence: raw.sequence,
        thread_id: raw.thread_id,
        truncated: raw.truncated,
        step: Some(raw.step.clone()),
    };
    v1::Actions {
        // A product goes on after some errors, other threads after all of them: what they did since did not lead to this one. The clock of the
        // actions is never ahead of the error's, so that none before it is lost here.
        actions: snapshot.actions.iter().filter(|raw| raw.monotonic <= at).map(action).collect(),
        dropped: snapshot.dropped,
        torn: snapshot.torn,
        clock_resolution_nanos: snapshot.resolution,
    }
}

/// What the product says of itself; `None` where it says nothing.
pub(crate) fn annotations(snapshot: &Snapshot, command_line: &[String]) -> Option<v1::Annotations> {
    let annotation = |raw: &crate::shared::snapshot::RawAnnotation| v1::Annotation {
        key: raw.key.clone(),
        value: raw.value.clone(),
        truncated: raw.truncated,
    };
    let annotations: Vec<_> = snapshot.annotations.iter().map(annotation).collect();
    let any = !annotations.is_empty() || !command_line.is_empty();
    any.then(|| v1::Annotations { annotations, command_line: command_line.to_vec() })
}

/// The stack that a handled error brought along, for one that came without a dump.
pub(crate) fn recorded(occurrence: &Occurrence, pid: u32, diagnostics: &mut v1::Diagnostics) -> Memory {
    let Some(handled) = occurrence.handled.clone() else { return Memory::default() };
    let work = move || {
        let mut soft_errors = Vec::new();
        (recorded::stacks(&handled, pid, &mut soft_errors), soft_errors)
    };
    match bounded(work) {
        Ok((found, soft_errors)) => {
            diagnostics.soft_errors.extend(soft_errors);
            let (stacks, modules) = found.unzip();
            let modules = modules.filter(|modules| !modules.modules.is_empty());
            Memory { stacks, modules, ..Memory::default() }
        }
        Err(error) => {
            diagnostics.soft_errors.push(error);
            Memory::default()
        }
    }
}

/// What stays of a granted section when something else was declined: a minidump loses its facts of the machine with *system*.
pub(crate) fn reduce<'d>(
    section: &'d crate::consent::DraftSection,
    granted: CategorySet,
) -> Option<std::borrow::Cow<'d, [u8]>> {
    if section.kind != SectionKind::Minidump || granted.contains(Category::System) {
        return Some(section.payload.as_slice().into());
    }
    let mut bytes = section.payload.clone();
    minidump_filter::filter(&mut bytes, &FilterPlan::default()).ok().map(|_| bytes.into())
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::snapshot::RawAction;

    /// Actions at these times, read at 1000 from a product that started at 100.
    fn occurrence(times: &[u64]) -> Occurrence {
        let action = |monotonic: &u64| RawAction {
            monotonic: *monotonic,
            sequence: 0,
            thread_id: 1,
            truncated: false,
            step: v1::action::Step::Command(v1::CommandStep::default()),
        };
        let snapshot = Snapshot {
            started_monotonic: 100,
            taken: 1000,
            resolution: 4,
            actions: times.iter().map(action).collect(),
            ..Snapshot::default()
        };
        Occurrence { kind: ErrorKind::HandledError, snapshot, crash: None, handled: None }
    }

    fn distances(occurrence: &Occurrence) -> Vec<u64> {
        actions(occurrence).actions.iter().map(|action| action.before_error_nanos).collect()
    }

    #[test]
    fn what_the_product_did_after_the_error_is_no_part_of_it() {
        let mut occurrence = occurrence(&[200, 500, 501, 900]);
        occurrence.handled = Some(HandledError { monotonic: 500, ..HandledError::default() });
        assert_eq!(distances(&occurrence), [300, 0]);
        assert_eq!(actions(&occurrence).clock_resolution_nanos, 4);
    }

    #[test]
    fn an_error_at_no_time_or_at_a_senseless_one_is_of_the_moment_when_it_was_read() {
        let mut occurrence = occurrence(&[200, 1000]);
        assert_eq!(distances(&occurrence), [800, 0], "a product that has vanished");
        for monotonic in [0, 99, 1001, u64::MAX] {
            occurrence.handled = Some(HandledError { monotonic, ..HandledError::default() });
            assert_eq!(distances(&occurrence), [800, 0], "{monotonic}");
        }
    }
}
