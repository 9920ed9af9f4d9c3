//! What the model has not been told yet.

use std::collections::VecDeque;
use std::ptr;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use windows_sys::Win32::UI::WindowsAndMessaging::WM_APP;

use super::widget::Widget;
use crate::model::{Event, Told};

/// To our own window: there are events.
pub(super) const EVENTS: u32 = WM_APP;

/// In the order in which it happened: what the person does, and what the handler tells, to which a thread of its own listens.
#[derive(Clone, Debug)]
pub(super) struct Events {
    waiting: Arc<Mutex<VecDeque<Event>>>,
    /// The window that is told of them. A thread does not take a handle along, but its number.
    window: usize,
}

impl Events {
    pub(super) fn new(window: Widget) -> Self {
        Self { waiting: Arc::default(), window: window.0.expose_provenance() }
    }

    /// Notes it, for the next time that the system brings messages. One message is enough for all that wait: drawn is what comes of them together, and what the
    /// person does is never behind many of the handler's.
    pub(super) fn add(&self, event: Event) {
        let mut waiting = self.waiting();
        waiting.push_back(event);
        if waiting.len() == 1 {
            Widget(ptr::with_exposed_provenance_mut(self.window)).post(EVENTS);
        }
    }

    pub(super) fn next(&self) -> Option<Event> {
        self.waiting().pop_front()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on what the handler tells is among them, and its end.
    pub(super) fn listen_to(&self, told: Receiver<Told>) {
        let events = self.clone();
        let listen = move || {
            for news in told.into_iter().chain([Told::Gone]) {
                events.add(Event::Told(news));
            }
        };
        if thread::Builder::new().name("told".into()).spawn(listen).is_err() {
            self.add(Event::Told(Told::Gone));
        }
    }
}
