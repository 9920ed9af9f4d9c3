//! The last actions of the user, oldest first, tasks as brackets around what happened inside them.

use std::collections::HashMap;
use std::io;

use report_format::schema::v1::action::Step;
use report_format::schema::v1::{Action, Actions, DialogPhase, Surface, TaskPhase, TaskStep};

use super::page::{Look, Page, Span};
use super::value;
use crate::reflect::Schema;

/// Deeper tasks are drawn at this depth.
const DEEPEST: usize = 12;

/// Actions that are shown without `--all`: the last ones.
const ACTIONS: usize = 200;

/// Draws the actions and, as the last line, the error. `thread` is the one in which it happened.
pub(crate) fn draw(
    page: &mut Page<'_>,
    actions: &Actions,
    title: &str,
    thread: Option<u32>,
    all: bool,
) -> io::Result<()> {
    let count = actions.actions.len();
    page.heading("Last actions", &value::count(count, "action"))?;
    if actions.dropped > 0 {
        page.line(2, &[Span::dim(format!("{} before these, for which there was no room", actions.dropped))])?;
    }
    let mut open = Open::default();
    let mut rows: Vec<Vec<Span>> = actions.actions.iter().map(|action| row(action, &mut open, thread)).collect();
    rows.push(vec![when("error"), Span::new(Look::Bad, if title.is_empty() { "the error" } else { title })]);
    // Tasks of those left out still indent the others.
    let left_out = if all { 0 } else { count.saturating_sub(ACTIONS) };
    rows.drain(..left_out);
    let unordered = unordered(actions, thread).split_off(left_out);
    let any_unordered = unordered.contains(&true);
    if any_unordered {
        for (row, unordered) in rows.iter_mut().zip(unordered) {
            row.insert(1, Span::dim(if unordered { "~" } else { "" }));
        }
    }
    page.more(2, left_out)?;
    page.columns(2, &rows)?;
    if any_unordered {
        let apart = value::span(actions.clock_resolution_nanos);
        let text = format!("~ in no known order to the line above: another thread's, less than {apart} apart");
        page.line(2, &[Span::dim(text)])?;
    }
    if !open.tasks.is_empty() {
        let mut running: Vec<(usize, &str)> = open.tasks.values().map(|task| (task.number, &*task.name)).collect();
        running.sort_unstable();
        let names: Vec<&str> = running.into_iter().map(|(_, name)| name).collect();
        page.line(2, &[Span::dim("still running: "), Span::new(Look::Strong, names.join(" › "))])?;
    }
    if actions.torn > 0 {
        let text = format!(
            "{} being written when the product ended, hence unreadable",
            value::count(actions.torn as usize, "action")
        );
        page.line(2, &[Span::new(Look::Warning, text)])?;
    }
    Ok(())
}

/// Tasks that have begun and not ended.
#[derive(Default)]
struct Open {
    tasks: HashMap<u64, Task>,
    /// For each thread its tasks, innermost last. Ended ones are taken off when met, so that the work stays linear.
    threads: HashMap<u32, Vec<u64>>,
    begun: usize,
}

struct Task {
    number: usize,
    depth: usize,
    before: u64,
    name: String,
}

impl Open {
    /// How deep something stands that this thread does now.
    fn depth(&mut self, thread: u32) -> usize {
        let Some(stack) = self.threads.get_mut(&thread) else { return 0 };
        while stack.last().is_some_and(|id| !self.tasks.contains_key(id)) {
            stack.pop();
        }
        stack.last().and_then(|id| self.tasks.get(id)).map_or(0, |task| task.depth + 1)
    }

    fn begin(&mut self, action: &Action, step: &TaskStep) -> usize {
        let depth = self.tasks.get(&step.parent_id).map_or(0, |parent| parent.depth + 1);
        self.begun += 1;
        let task = Task { number: self.begun, depth, before: action.before_error_nanos, name: step.name.clone() };
        self.tasks.insert(step.task_id, task);
        self.threads.entry(action.thread_id).or_default().push(step.task_id);
        depth
    }
}

/// For each row whether it may as well belong before the one above it, since the clock does not tell two threads apart there. The last row is the error.
fn unordered(actions: &Actions, thread: Option<u32>) -> Vec<bool> {
    let Actions { actions, clock_resolution_nanos: resolution, .. } = actions;
    let same_tick = |one: &Action, other: &Action| one.before_error_nanos == other.before_error_nanos;
    let among = actions.windows(2).map(|pair| same_tick(&pair[0], &pair[1]) && pair[0].thread_id != pair[1].thread_id);
    // The error's own clock is a fine one.
    let error = actions
        .last()
        .map(|last| last.before_error_nanos < *resolution && thread.is_some_and(|thread| thread != last.thread_id));
    std::iter::once(false).chain(among).chain(error).map(|unordered| unordered && *resolution > 0).collect()
}

fn row(action: &Action, open: &mut Open, thread: Option<u32>) -> Vec<Span> {
    let (depth, mark, look, text) = match &action.step {
        Some(Step::Task(step)) => task(action, step, open),
        Some(Step::Command(step)) => {
            let mut text = format!("command {}", step.command_id);
            if !step.label.is_empty() {
                text += &format!(" “{}”", step.label);
            }
            if step.surface != Surface::Unspecified as i32 {
                text += &format!(" ({})", Schema::get().word("Surface", step.surface).replace('_', " "));
            }
            (open.depth(action.thread_id), "·", Look::Plain, text)
        }
        Some(Step::Dialog(step)) => {
            let phase = match step.phase() {
                DialogPhase::Opened => "opened".to_owned(),
                DialogPhase::Closed if step.result.is_empty() => "closed".to_owned(),
                DialogPhase::Closed => format!("closed with “{}”", step.result),
                DialogPhase::Unspecified => Schema::get().word("DialogPhase", step.phase),
            };
            (open.depth(action.thread_id), "·", Look::Plain, format!("dialog {} {phase}", step.dialog_id))
        }
        None => {
            (open.depth(action.thread_id), "·", Look::Dim, "an action that a newer reportdecode can show".to_owned())
        }
    };
    let cut = if action.truncated { " (text cut)" } else { "" };
    let text = format!("{}{mark} {text}{cut}", "│ ".repeat(depth.min(DEEPEST)));
    let mut row = vec![when(&value::before(action.before_error_nanos)), Span::new(look, text)];
    if thread.is_some_and(|thread| thread != action.thread_id) {
        row.push(Span::dim(format!("thread {}", action.thread_id)));
    }
    row
}

fn task(action: &Action, step: &TaskStep, open: &mut Open) -> (usize, &'static str, Look, String) {
    let (mark, look, word) = match step.phase() {
        TaskPhase::Begun => return (open.begin(action, step), "▸", Look::Name, step.name.clone()),
        TaskPhase::Ended => ("◂", Look::Name, "ended".to_owned()),
        TaskPhase::Failed => ("✗", Look::Bad, "failed".to_owned()),
        TaskPhase::Unspecified => ("·", Look::Plain, Schema::get().word("TaskPhase", step.phase)),
    };
    // Its beginning may be older than the oldest action there is.
    let Some(begun) = open.tasks.remove(&step.task_id) else {
        return (0, mark, look, format!("{} {word}", step.name));
    };
    let name = if step.name.is_empty() { &begun.name } else { &step.name };
    let took = value::span(begun.before.saturating_sub(action.before_error_nanos));
    (begun.depth, mark, look, format!("{name} {word} after {took}"))
}

fn when(text: &str) -> Span {
    Span::dim(format!("{text:>12}"))
}
