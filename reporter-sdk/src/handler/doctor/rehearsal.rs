//! A crash that is none, taken by the very code that takes real ones.
//!
//! This program once more, as a small product of the doctor's: it starts this handler through the SDK, with the checks of its path and release, and reports a simulated
//! crash. The handler dumps it as it would any product: what Yama, a sandbox or a container forbids, it forbids here as well. The product has no terminal, so
//! nobody is asked; and no way to support, so that its handler sends nothing.
//!
//! A simulated crash and no real one: the signal's way is the same on every machine, while a real one would leave a core dump and a window of the system's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use report_format::ReportId;
use report_format::schema::v1::{Diagnostics, Error, ErrorKind, FrameTrust, SectionKind, Stacks};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::findings::{Finding, State, size, words};
use super::sys;
use crate::consent::Draft;
use crate::handler::delivery::kind_of;
use crate::shared::writer;
use crate::spool::{HeldDraft, Spool};
use crate::{Options, Reporter, Surface};

const CHECK: &str = "capture";
/// The product waits for its handler two minutes at most; a dump of it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether the product has ended.
pub(super) const LOOK: Duration = Duration::from_millis(10);
/// How often a draft is looked for that another process holds for a moment.
pub(super) const TRIES: u32 = 50;

/// Where the report of it lies.
pub(super) enum Place {
    /// In a spool that is removed with it.
    Own,
    /// In the product's.
    Product(PathBuf),
}

/// What became of its report.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trace {
    /// Undecided.
    Draft(ReportId),
    /// Granted, by the administrator's policy or an earlier choice of the person.
    Queued(ReportId),
    None,
}

/// What the product says of its start.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Said {
    active: bool,
    thread: u32,
    troubles: Vec<String>,
}

pub(super) struct Rehearsed {
    pub(super) trace: Trace,
    pub(super) finding: Finding,
}

impl Rehearsed {
    pub(super) fn skipped() -> Self {
        let finding = Finding::new(CHECK, State::NotApplicable, "left out, as it was asked for");
        Self { trace: Trace::None, finding }
    }

    fn failed(why: String) -> Self {
        let advice = sys::capture_advice().unwrap_or("see the line on the helper");
        Self { trace: Trace::None, finding: Finding::new(CHECK, State::Failed, why).advice(advice) }
    }
}

/// The product's part: called in a process of its own. Writes what it has to say to standard output.
/// # Errors
/// Nobody reads what it says, or the system does not tell which file this program is.
pub fn play_product(mut options: Options, is_sent: bool) -> std::io::Result<()> {
    sys::leave_terminal();
    if is_sent {
        // For where a standing answer sends it, and nobody is asked.
        options.notice = super::notice_of_test(&options);
    }
    // What waits in the product's spool is not to give way to a test.
    let reporter = Reporter::start(options.handler(std::env::current_exe()?).spool_limits(0, 0, 0));
    crate::annotate("test_report", "asked for by reporter-handler doctor");
    crate::command("doctor.test_report", "Send a test report", Surface::CommandLine);
    let said = Said {
        active: reporter.is_active(),
        thread: writer::thread_id(),
        troubles: reporter
            .soft_errors()
            .iter()
            .filter(|soft| soft.subject != "deliver")
            .map(ToString::to_string)
            .collect(),
    };
    if said.active {
        crate::simulate_crash();
    }
    reporter.shutdown(PATIENCE);
    serde_json::to_writer(std::io::stdout(), &said).map_err(Into::into)
}

pub(super) fn rehearse(options: &Options, place: &Place) -> Rehearsed {
    let own = std::env::temp_dir().join(format!("error-report-{}", Uuid::now_v7()));
    let rehearsed = match place {
        Place::Product(spool) => play(options, spool, &["--send-test-report"]),
        Place::Own => play(options, &own, &[]),
    };
    let _ = std::fs::remove_dir_all(&own);
    rehearsed.unwrap_or_else(Rehearsed::failed)
}

fn play(options: &Options, place: &Path, more: &[&str]) -> Result<Rehearsed, String> {
    let spool = Spool::open_unswept(place).map_err(|error| words(&error))?;
    let listed = |spool: &Spool| (spool.drafts().unwrap_or_default(), spool.outgoing().unwrap_or_default());
    let before = listed(&spool);
    let said = run(options, place, more)?;
    if !said.active {
        return Err(format!("a product does not get this handler: {}", said.troubles.join("; ")));
    }
    let after = listed(&spool);
    let new =
        |all: Vec<ReportId>, known: &[ReportId]| all.into_iter().filter(|id| !known.contains(id)).collect::<Vec<_>>();
    if let Some(held) = find_draft(&spool, &new(after.0, &before.0), said.thread) {
        let id = held.draft().id;
        return Ok(Rehearsed { trace: Trace::Draft(id), finding: look_into(held.draft(), &said) });
    }
    // Of a real error's report, that comes at the same time, nothing is to become here.
    let is_test = |id: &ReportId| {
        let claimed = spool.claim(*id).ok().flatten();
        claimed.is_some_and(|mut report| report.open().is_ok_and(|file| kind_of(file) == Some(ErrorKind::Simulated)))
    };
    let granted = new(after.1, &before.1).into_iter().find(is_test);
    let found = match granted {
        Some(_) => "a simulated crash was reported; what its report may hold the policy says, so nobody looked into it",
        None => "no report was made of a simulated crash: a policy forbids it",
    };
    let trace = granted.map_or(Trace::None, Trace::Queued);
    Ok(Rehearsed { trace, finding: Finding::new(CHECK, State::NotApplicable, found).fact("troubles", said.troubles) })
}

/// The draft of this thread's crash. Others may have the product and its spool in use, or doctor it as well.
fn find_draft<'s>(spool: &'s Spool, new: &[ReportId], thread: u32) -> Option<HeldDraft<'s>> {
    let is_ours = |draft: &Draft| {
        let error: Error = draft.message(SectionKind::Error).unwrap_or_default();
        draft.kind == ErrorKind::Simulated && error.thread_id == thread
    };
    for _ in 0..TRIES {
        for id in new {
            if let Some(held) = spool.take_draft(*id).ok().flatten().filter(|held| is_ours(held.draft())) {
                return Some(held);
            }
        }
        let left = spool.drafts().unwrap_or_default();
        if !new.iter().any(|id| left.contains(id)) {
            return None;
        }
        sleep(LOOK);
    }
    None
}

/// Runs the product to its end.
fn run(options: &Options, spool: &Path, more: &[&str]) -> Result<Said, String> {
    let program =
        super::this_program().map_err(|error| format!("which file this program is, is not known: {error}"))?;
    let mut command = Command::new(program);
    command.args(["doctor", "--vendor", &options.vendor, "--product", &options.name, "--version", &options.version]);
    command.arg("--as-product").arg("--spool").arg(spool).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    sys::without_console(&mut command);
    let mut product = command.spawn().map_err(|error| format!("no process can be started: {error}"))?;
    let started = Instant::now();
    loop {
        match product.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if started.elapsed() < PATIENCE => sleep(LOOK),
            Ok(None) => {
                let _ = product.kill();
                let _ = product.wait();
                return Err(format!("a simulated crash was not dealt with in {} s", PATIENCE.as_secs()));
            }
            Err(error) => return Err(format!("the system does not tell of a child's end: {error}")),
        }
    }
    let output = product.wait_with_output().map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("a small product ended before its time ({})", output.status))
}

/// What a report of a crash would hold of the memory.
fn look_into(draft: &Draft, said: &Said) -> Finding {
    let stacks: Stacks = draft.message(SectionKind::Stacks).unwrap_or_default();
    let diagnostics: Diagnostics = draft.message(SectionKind::Diagnostics).unwrap_or_default();
    let frames = stacks.threads.iter().map(|thread| thread.frames.len()).max().unwrap_or(0);
    let is_recorded = |thread: &report_format::schema::v1::Thread| {
        thread.frames.iter().all(|frame| frame.trust() == FrameTrust::Recorded)
    };
    let minidump = draft.sections.iter().find(|section| section.kind == SectionKind::Minidump);
    let bytes = minidump.map_or(0, |section| section.payload.len() as u64);
    let of_dump = |subject: &str| {
        ["dump", "memory", "unwind", "hold", "process", "capture"].iter().any(|it| subject.starts_with(it))
    };
    let soft = diagnostics.soft_errors.iter().filter(|soft| of_dump(&soft.subject));
    let mut troubles: Vec<String> = soft.map(|soft| format!("{}: {}", soft.subject, soft.message)).collect();
    troubles.extend(said.troubles.iter().cloned());
    let reads = minidump.is_some() && frames > 0 && !stacks.threads.iter().all(is_recorded);
    let milliseconds = diagnostics.dump_nanos as f64 / 1e6;
    let surroundings = sys::capture_surroundings();
    let told = if troubles.is_empty() { String::new() } else { format!("; {}", troubles.join("; ")) };
    let finding = if reads {
        let state = if troubles.is_empty() { State::Ok } else { State::Warning };
        let found = format!(
            "a simulated crash was dumped in {milliseconds:.1} ms: {} threads, {frames} frames, {}; {surroundings}{told}",
            stacks.threads.len(),
            size(bytes)
        );
        let finding = Finding::new(CHECK, state, found);
        match state {
            State::Ok => finding,
            _ => finding.advice(sys::capture_advice().unwrap_or("reports come with less in them")),
        }
    } else if frames > 0 {
        let found = format!(
            "the handler may not read the product's memory; the product told its own stack; {surroundings}{told}"
        );
        let advice =
            sys::capture_advice().unwrap_or("reports come with the stack of the thread that failed, and no dump");
        Finding::new(CHECK, State::Warning, found).advice(advice)
    } else {
        let found = format!("a report of a crash has no stack; {surroundings}{told}");
        Finding::new(CHECK, State::Failed, found).advice(sys::capture_advice().unwrap_or("see the message"))
    };
    finding
        .fact("threads", stacks.threads.len())
        .fact("frames", frames)
        .fact("dump_bytes", bytes)
        .fact("dump_milliseconds", milliseconds)
        .fact("troubles", troubles)
}
