//! A window without a screen, for tests: what a person could see of it and do in it, by the very tree that the others draw, and with a clock that is set.

use std::time::{Duration, Instant};

use reporter_sdk::ConsentAnswer;
use reporter_sdk::dialog_session::Act;

use crate::elements::{Control, Element, Kind, Window};
use crate::model::{Action, Event, Model, Told};

/// A model and its window.
#[derive(Debug)]
pub struct Headless {
    model: Model,
    started: Instant,
    now: Instant,
    actions: Vec<Action>,
}

impl Headless {
    /// Shows it. `started` is when the model was made.
    pub fn new(model: Model, started: Instant) -> Self {
        Self { model, started, now: started, actions: Vec::new() }
    }

    /// The answer that was given.
    pub fn answer(&self) -> Option<&ConsentAnswer> {
        self.actions.iter().find_map(|action| match action {
            Action::Say(Act::Answer { answer, .. }) => Some(answer),
            _ => None,
        })
    }

    /// All that was to be done, in that order.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Whether there is no window any more.
    pub fn has_ended(&self) -> bool {
        self.actions.contains(&Action::End)
    }

    /// The handler tells this.
    pub fn is_told(&mut self, told: Told) {
        self.act(Event::Told(told));
    }

    /// The window as it is now.
    pub fn window(&self) -> Window {
        self.model.window()
    }

    /// Every visible element, from above to below.
    pub fn visible(&self) -> Vec<Element> {
        fn collect(element: &Element, into: &mut Vec<Element>) {
            if element.visible {
                into.push(element.clone());
                element.children().iter().for_each(|child| collect(child, into));
            }
        }
        let mut elements = Vec::new();
        collect(&self.window().root, &mut elements);
        elements
    }

    /// All that can be read.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for element in self.visible() {
            for line in said(&element) {
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// The visible element of this control.
    pub fn find(&self, control: Control) -> Option<Element> {
        self.visible().into_iter().find(|element| element.control() == Some(control))
    }

    /// Whether a person could act upon it.
    pub fn is_usable(&self, control: Control) -> bool {
        !self.has_ended()
            && self.window().visible
            && self.find(control).is_some_and(|element| !matches!(element.kind, Kind::Button { enabled: false, .. }))
    }

    /// Does what a person does with this control. Answers whether they could.
    pub fn act(&mut self, event: Event) -> bool {
        let control = match &event {
            Event::Pressed(control)
            | Event::Switched(control, _)
            | Event::Edited(control, _)
            | Event::Moved(control, _)
            | Event::Selected(control, _) => Some(*control),
            Event::Closed | Event::Time(_) | Event::FileChosen(_) | Event::Told(_) => None,
        };
        if self.has_ended() || control.is_some_and(|control| !self.is_usable(control)) {
            return false;
        }
        self.actions.extend(self.model.update(event));
        true
    }

    /// Lets time go by.
    pub fn wait(&mut self, time: Duration) {
        self.now += time;
        self.act(Event::Time(self.now));
    }

    /// Since the model was made.
    pub fn elapsed(&self) -> Duration {
        self.now - self.started
    }
}

/// What a screen reader says of it.
fn said(element: &Element) -> Vec<String> {
    match &element.kind {
        Kind::Column(_) | Kind::Row(_) | Kind::Scrolled(_) | Kind::Band(_) | Kind::Icon(_) => vec![],
        Kind::Title(text) | Kind::Heading(text) | Kind::Text(text) | Kind::Warning(text) => vec![text.clone()],
        Kind::Fact { name, text }
        | Kind::Entry { label: name, text, .. }
        | Kind::TextArea { label: name, text, .. } => {
            vec![format!("{name}: {text}")]
        }
        Kind::Switch { label, on, .. } => vec![format!("[{}] {label}", if *on { 'x' } else { ' ' })],
        Kind::Choice { label, options, selected, .. } => {
            vec![format!("{label}: {}", options.get(*selected).map_or("", String::as_str))]
        }
        Kind::Button { label, enabled, .. } => vec![format!("<{label}>{}", if *enabled { "" } else { " (not now)" })],
        Kind::Image { label, .. } => vec![format!("({label})")],
        Kind::Progress { label, done } => {
            vec![format!("{label}: {}", done.map_or("…".into(), |done| format!("{} %", done / 10)))]
        }
        Kind::Document { label, text, .. } => vec![label.clone(), text.to_string()],
    }
}
