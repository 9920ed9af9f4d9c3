//! What the user does: tasks, commands, dialogs. Each call costs well under a microsecond and never fails.

use std::{
    cell::Cell,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

use report_format::schema::v1::{DialogPhase, Surface, TaskPhase};

use crate::{
    reporter,
    shared::{layout::ActionKind, writer::Action},
};

/// Names a task in the primitive calls, [`task_begin`] and [`task_end`]. 0 stands for no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskId(pub u64);

/// A task in progress; it ends when this is dropped. Tasks begun meanwhile in the same thread are parts of it.
#[derive(Debug)]
#[must_use = "the task ends when this is dropped"]
pub struct Task {
    id: TaskId,
    failed: bool,
    // Nesting goes by thread.
    not_send: PhantomData<*const ()>,
}

impl Task {
    /// Ends the task as failed.
    pub fn fail(mut self) {
        self.failed = true;
    }

    /// The task's number in the report.
    pub fn id(&self) -> TaskId {
        self.id
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        task_end(self.id, self.failed || std::thread::panicking());
    }
}

/// Begins a task: what the user works on, in the product's own words, not the user's data.
///
/// ```
/// let import = reporter_sdk::task("import statement");
/// // … the work …
/// drop(import);
/// ```
pub fn task(name: &str) -> Task {
    Task { id: task_begin(name), failed: false, not_send: PhantomData }
}

/// Deepest nesting that is remembered; tasks further down count as parts of the last one.
const DEPTH: usize = 32;

/// What a thread knows of its tasks. Without a destructor: it can be used at any time of the thread.
struct Tasks {
    depth: Cell<usize>,
    open: [Cell<u64>; DEPTH],
    next: Cell<u64>,
}

thread_local! {
    static TASKS: Tasks =
        const { Tasks { depth: Cell::new(0), open: [const { Cell::new(0) }; DEPTH], next: Cell::new(0) } };
}

impl Tasks {
    /// Task numbers come in blocks of so many for each thread, so that threads do not meet at each task.
    const BLOCK: u64 = 64;

    /// A number that no task of this process has; never 0.
    fn number(&self) -> u64 {
        static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
        let mut number = self.next.get();
        if number.is_multiple_of(Self::BLOCK) {
            number = NEXT_BLOCK.fetch_add(Self::BLOCK, Ordering::Relaxed) + 1;
        }
        self.next.set(number + 1);
        number
    }

    /// The innermost task below `depth`; 0 for none.
    fn above(&self, depth: usize) -> u64 {
        depth.checked_sub(1).map_or(0, |at| self.open[at].get())
    }

    /// Opens a task inside the innermost one, which it returns.
    fn begin(&self, task: u64) -> u64 {
        let at = self.depth.get();
        if let Some(open) = self.open.get(at) {
            open.set(task);
            self.depth.set(at + 1);
        }
        self.above(at)
    }

    /// Closes a task, and what was begun inside it and did not end. Returns the task that it was part of.
    fn end(&self, task: u64) -> u64 {
        let Some(at) = self.open[..self.depth.get()].iter().rposition(|open| open.get() == task) else { return 0 };
        self.depth.set(at);
        self.above(at)
    }
}

/// Begins a task without a guard. End it by [`task_end`] in the same thread.
pub fn task_begin(name: &str) -> TaskId {
    let Some(state) = reporter::entered() else { return TaskId(0) };
    let (id, parent) = TASKS.with(|tasks| {
        let id = tasks.number();
        (id, tasks.begin(id))
    });
    state.shared.act(&Action {
        kind: ActionKind::Task,
        detail: TaskPhase::Begun as u8,
        id,
        parent,
        first: name,
        second: "",
    });
    TaskId(id)
}

/// Ends a task begun by [`task_begin`]. A task that is not open, or 0, is ignored where that can be told.
pub fn task_end(task: TaskId, failed: bool) {
    if task.0 == 0 {
        return;
    }
    let parent = TASKS.with(|tasks| tasks.end(task.0));
    let Some(state) = reporter::entered() else { return };
    let phase = if failed { TaskPhase::Failed } else { TaskPhase::Ended };
    state.shared.act(&Action {
        kind: ActionKind::Task,
        detail: phase as u8,
        id: task.0,
        parent,
        first: "",
        second: "",
    });
}

/// The user invoked a command: its stable id, its label as the user saw it, and where it was invoked.
pub fn command(id: &str, label: &str, surface: Surface) {
    let Some(state) = reporter::entered() else { return };
    state.shared.act(&Action {
        kind: ActionKind::Command,
        detail: surface as u8,
        id: 0,
        parent: 0,
        first: id,
        second: label,
    });
}

/// A dialog that is shown; closed, without a result, when this is dropped.
#[derive(Debug)]
#[must_use = "the dialog counts as closed when this is dropped"]
pub struct Dialog<'a> {
    id: &'a str,
    closed: bool,
}

impl Dialog<'_> {
    /// The dialog was closed with a result such as `ok` or `cancel`.
    pub fn close(mut self, result: &str) {
        self.closed = true;
        dialog_closed(self.id, result);
    }
}

impl Drop for Dialog<'_> {
    fn drop(&mut self) {
        if !self.closed {
            dialog_closed(self.id, "");
        }
    }
}

/// A dialog is shown, named by the product's own stable id.
pub fn dialog(id: &str) -> Dialog<'_> {
    dialog_opened(id);
    Dialog { id, closed: false }
}

/// A dialog is shown; without a guard.
pub fn dialog_opened(id: &str) {
    dialog_step(id, DialogPhase::Opened, "");
}

/// A dialog was closed with a result, empty where there is none.
pub fn dialog_closed(id: &str, result: &str) {
    dialog_step(id, DialogPhase::Closed, result);
}

fn dialog_step(id: &str, phase: DialogPhase, result: &str) {
    let Some(state) = reporter::entered() else { return };
    state.shared.act(&Action {
        kind: ActionKind::Dialog,
        detail: phase as u8,
        id: 0,
        parent: 0,
        first: id,
        second: result,
    });
}
