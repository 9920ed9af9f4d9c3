//! Threads and their frames, and the modules they run in.

use std::collections::BTreeSet;
use std::io;

use report_format::schema::v1::{Frame, FrameTrust, Modules, Stacks, Thread};

use super::page::{Look, Page, Span};
use super::value;
use crate::symbols;

/// Frames of a thread that are shown without `--all`: a stack overflow has thousands.
const FRAMES: usize = 64;
/// Threads that are named without `--all`.
const THREADS: usize = 64;

/// Which threads and frames are drawn in full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail {
    pub(crate) all: bool,
    pub(crate) all_threads: bool,
}

/// Draws the thread of the error, then the others or their number.
pub(crate) fn draw(page: &mut Page<'_>, stacks: &Stacks, modules: &Modules, detail: Detail) -> io::Result<()> {
    let (faulting, others): (Vec<&Thread>, Vec<&Thread>) = stacks.threads.iter().partition(|thread| thread.faulting);
    for thread in &faulting {
        page.heading("Thread of the error", &thread_name(thread))?;
        frames(page, thread, modules, detail)?;
    }
    if others.is_empty() {
        return Ok(());
    }
    // A handled error or a hang that names no thread: then all are alike.
    if detail.all || detail.all_threads || faulting.is_empty() && others.len() == 1 {
        for thread in others {
            page.heading("Thread", &thread_name(thread))?;
            frames(page, thread, modules, detail)?;
        }
        return Ok(());
    }
    let title = if faulting.is_empty() { "Threads" } else { "Other threads" };
    page.heading(title, &format!("{} (--all-threads shows their frames)", others.len()))?;
    let rows: Vec<Vec<Span>> = others
        .iter()
        .take(THREADS)
        .map(|thread| {
            let top = thread.frames.first().map(|frame| place(frame, modules));
            vec![Span::plain(thread_name(thread)), Span::new(Look::Name, top.unwrap_or_default())]
        })
        .collect();
    page.columns(2, &rows)?;
    page.more(2, others.len() - rows.len())
}

fn frames(page: &mut Page<'_>, thread: &Thread, modules: &Modules, detail: Detail) -> io::Result<()> {
    let shown = if detail.all { thread.frames.len() } else { thread.frames.len().min(FRAMES) };
    let rows: Vec<Vec<Span>> = thread.frames[..shown]
        .iter()
        .enumerate()
        .map(|(number, frame)| {
            let doubt = if frame.trust() == FrameTrust::Scanned { "?" } else { "" };
            let mut row = vec![Span::dim(format!("#{number}{doubt}")), Span::new(Look::Name, place(frame, modules))];
            let symbol = symbols::demangle(&frame.symbol).unwrap_or_else(|| frame.symbol.clone());
            match (symbol.as_str(), frame.symbol_offset) {
                ("", _) => {}
                (symbol, 0) => row.push(Span::plain(symbol)),
                (symbol, offset) => row.push(Span::plain(format!("{symbol}+{offset:#x}"))),
            }
            row
        })
        .collect();
    page.columns(2, &rows)?;
    let scanned = thread.frames[..shown].iter().any(|frame| frame.trust() == FrameTrust::Scanned);
    if scanned {
        page.line(2, &[Span::dim("? found by searching the stack: may be left over from earlier calls")])?;
    }
    page.more(2, thread.frames.len() - shown)?;
    if thread.truncated {
        page.line(2, &[Span::dim("… more frames than were kept")])?;
    }
    if thread.frames.is_empty() {
        page.line(2, &[Span::dim("no frames")])?;
    }
    Ok(())
}

/// Draws modules: those of drawn frames, or all.
pub(crate) fn modules(page: &mut Page<'_>, modules: &Modules, stacks: &Stacks, all: bool) -> io::Result<()> {
    let used: BTreeSet<usize> = stacks
        .threads
        .iter()
        .filter(|thread| thread.faulting)
        .flat_map(|thread| &thread.frames)
        .filter_map(|frame| frame.module)
        .map(|module| module as usize)
        .collect();
    let total = modules.modules.len();
    let rows: Vec<Vec<Span>> = modules
        .modules
        .iter()
        .enumerate()
        .filter(|(number, _)| all || used.contains(number))
        .map(|(_, module)| {
            let mut row = vec![
                Span::new(Look::Name, file_name(&module.path)),
                Span::plain(&module.version),
                Span::plain(format!("{:#x}", module.start)),
                Span::plain(value::size(module.size)),
                Span::plain(value::hex(&module.build_id)),
            ];
            if all {
                row.push(Span::dim(&module.path));
            }
            row
        })
        .collect();
    let remark = match rows.len() {
        shown if shown == total => value::count(total, "module"),
        shown => format!("{shown} in the frames above, of {total} (--all shows all)"),
    };
    page.heading("Modules", &remark)?;
    // Never cut: a build id is there to be copied.
    let mut head: Vec<Span> = ["module", "version", "start", "size", "build id"].map(Span::dim).to_vec();
    if all {
        head.push(Span::dim("path"));
    }
    let rows: Vec<Vec<Span>> = std::iter::once(head).chain(rows).collect();
    page.columns(2, &rows)
}

/// `module+0x1e2b`, or the bare address where no module holds it.
fn place(frame: &Frame, modules: &Modules) -> String {
    match frame.module.and_then(|module| modules.modules.get(module as usize)) {
        Some(module) => format!("{}+{:#x}", file_name(&module.path), frame.module_offset),
        // The list of modules may be lost, the number alone still tells frames of one module.
        None => match frame.module {
            Some(module) => format!("module {module}+{:#x}", frame.module_offset),
            None => format!("{:#x}", frame.instruction),
        },
    }
}

fn thread_name(thread: &Thread) -> String {
    match thread.name.as_str() {
        "" => thread.id.to_string(),
        name => format!("{} “{name}”", thread.id),
    }
}

/// The last component of a path of any system.
fn file_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if name.is_empty() { path } else { name }
}
