//! What happens to a window, and what is to be done about it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reporter_sdk::dialog_session::{Act, Nothing, Update};

use super::Question;
use crate::elements::Control;

/// What the handler has told.
#[derive(Clone, Debug)]
pub enum Told {
    /// All of the program's memory is read: so many bytes of so many.
    Collecting { done: u64, total: u64 },
    /// It can be decided now.
    Question(Question),
    /// The file is written; else why not.
    Saved(Result<(), String>),
    /// Bytes that are on their way.
    Sending { done: u64, total: u64 },
    /// Support has it, by this id.
    Sent { report: String },
    /// Support has it not: why, and when it is tried again.
    NotSent { report: String, why: String, again: Option<Duration> },
    /// There is nothing to decide.
    NothingToSend(Nothing),
    /// The handler says no more.
    Gone,
}

impl Told {
    /// `None` of an [`Update`] that is no news: the opening.
    pub fn of(update: Update) -> Option<Self> {
        Some(match update {
            Update::Opening(_) => return None,
            Update::Collecting { done, total } => Self::Collecting { done, total },
            Update::Question(request) => Self::Question(Question::from(&*request)),
            Update::Saved(saved) => Self::Saved(saved),
            Update::Sending { done, total } => Self::Sending { done, total },
            Update::Sent { report } => Self::Sent { report },
            Update::NotSent { report, why, again } => Self::NotSent { report, why, again },
            Update::NothingToSend(nothing) => Self::NothingToSend(nothing),
        })
    }
}

/// What the person did, or the clock, or the handler.
#[derive(Clone, Debug)]
pub enum Event {
    /// A button.
    Pressed(Control),
    /// A switch is now this.
    Switched(Control, bool),
    /// What is typed is now this.
    Edited(Control, String),
    /// The cursor is now in this line, counted from 0 as they are in the text and not as they wrap.
    Moved(Control, usize),
    /// A choice is now the option of this number.
    Selected(Control, usize),
    /// This file is to be written. Comes of [`Action::ChooseFile`], where the person has chosen one.
    FileChosen(PathBuf),
    /// The window was closed, or Escape pressed in it.
    Closed,
    /// So late it is.
    Time(Instant),
    /// The handler has told something.
    Told(Told),
}

/// What is to be done about an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The handler is to be told.
    Say(Act),
    /// The person is to choose the file that is written, which would be called so.
    ChooseFile(String),
    /// Into the clipboard.
    Copy(String),
    /// There is no window any more.
    End,
}
