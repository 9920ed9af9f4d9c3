//! The widgets of a window, as its elements are.

use std::iter;
use std::rc::Rc;

use gtk::prelude::*;
use gtk::{gdk, glib};

use super::{GAP, Shown, document};
use crate::elements::{Control, Element, Kind, Weight};
use crate::model::Event;

/// Of the image that stands for one of the screen.
const THUMBNAIL: i32 = 240;
/// Of the product's icon, and of the line of its colour.
const ICON: i32 = 48;
const BAND: i32 = 4;
/// Of what scrolls, where there is little room. All of the window is scrolled then.
const LEAST: i32 = 100;
/// Of the names of facts, in characters: all texts begin below each other.
const NAME_WIDTH: i32 = 18;

/// A widget and those in it, as the elements are.
pub(super) struct Node {
    /// All of it, with its label.
    pub(super) widget: gtk::Widget,
    /// What names it, to a screen reader too; or all that it says.
    label: Option<gtk::Label>,
    part: Part,
    control: Option<Control>,
    children: Vec<Node>,
}

/// What changes of a widget beside its label.
enum Part {
    /// Nothing but its children, if there are any.
    Plain,
    Fact(gtk::Label),
    Entry(gtk::Entry),
    Lines(gtk::TextView),
    Switch(gtk::CheckButton),
    Choice(gtk::DropDown),
    Button(gtk::Button),
    Image(gtk::Picture),
    Progress(gtk::ProgressBar),
}

/// A widget that was just made, its label, and what else of it changes.
type Made = (gtk::Widget, Option<gtk::Label>, Part);

impl Node {
    pub(super) fn new(shown: &Rc<Shown>, element: &Element) -> Self {
        let children: Vec<Self> = element.children().iter().map(|child| Self::new(shown, child)).collect();
        let (widget, label, part) = made(shown, &element.kind, &children);
        widget.set_visible(element.visible);
        Self { widget, label, part, control: element.control(), children }
    }

    /// The widget that has the keyboard where this control has it.
    pub(super) fn find(&self, control: Control) -> Option<gtk::Widget> {
        if self.control == Some(control) {
            return Some(match &self.part {
                Part::Entry(entry) => entry.clone().upcast(),
                Part::Lines(lines) => lines.clone().upcast(),
                Part::Switch(button) => button.clone().upcast(),
                Part::Choice(choice) => choice.clone().upcast(),
                Part::Button(button) => button.clone().upcast(),
                Part::Plain | Part::Fact(_) | Part::Image(_) | Part::Progress(_) => self.widget.clone(),
            });
        }
        self.children.iter().find_map(|child| child.find(control))
    }

    /// Changes what is other than before.
    pub(super) fn draw(&self, before: &Element, now: &Element) {
        if let (Some(label), Some(text)) = (&self.label, label_of(&now.kind)) {
            say(label, text);
        }
        match (&self.part, &now.kind) {
            (Part::Fact(label), Kind::Fact { text, .. }) => say(label, text),
            // What the person types is in the widget already, cursor and all. Only what the model has cut is put back.
            (Part::Entry(entry), Kind::Entry { text, .. }) if entry.text() != *text => entry.set_text(text),
            (Part::Lines(lines), Kind::TextArea { text, .. }) if text_of(lines) != *text => {
                lines.buffer().set_text(text);
            }
            (Part::Lines(lines), Kind::Document { text, line, .. }) => {
                if let Kind::Document { text: before, .. } = &before.kind {
                    document::change(&lines.buffer(), before, text, *line);
                }
            }
            // Not by the label in it alone: a screen reader would go on with the former name.
            (Part::Switch(button), Kind::Switch { label, on, .. }) => {
                button.set_label(Some(label));
                button.set_active(*on);
            }
            (Part::Choice(choice), Kind::Choice { selected, .. }) => choice.set_selected(number(*selected)),
            (Part::Button(button), Kind::Button { label, enabled, .. }) => {
                button.set_label(label);
                button.set_sensitive(*enabled);
            }
            (Part::Image(picture), Kind::Image { png, .. }) if before != now => load(picture, png),
            (Part::Progress(bar), Kind::Progress { done, .. }) => fill(bar, *done),
            _ => {}
        }
        // What it says is there before it is seen.
        self.widget.set_visible(now.visible);
        for ((child, before), now) in self.children.iter().zip(before.children()).zip(now.children()) {
            child.draw(before, now);
        }
    }
}

/// What [`Node::label`] says.
fn label_of(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::Column(_)
        | Kind::Row(_)
        | Kind::Scrolled(_)
        | Kind::Switch { .. }
        | Kind::Button { .. }
        | Kind::Band(_)
        | Kind::Icon(_) => None,
        Kind::Title(label)
        | Kind::Heading(label)
        | Kind::Text(label)
        | Kind::Warning(label)
        | Kind::Fact { name: label, .. }
        | Kind::Entry { label, .. }
        | Kind::TextArea { label, .. }
        | Kind::Choice { label, .. }
        | Kind::Image { label, .. }
        | Kind::Progress { label, .. }
        | Kind::Document { label, .. } => Some(label),
    }
}

/// Text that is the same would be laid out again all the same.
fn say(label: &gtk::Label, text: &str) {
    if label.text() != text {
        label.set_text(text);
    }
}

fn number(index: usize) -> u32 {
    index.try_into().unwrap_or(gtk::INVALID_LIST_POSITION)
}

fn text_of(lines: &gtk::TextView) -> String {
    let buffer = lines.buffer();
    buffer.text(&buffer.start_iter(), &buffer.end_iter(), true).into()
}

/// One that cannot be read is left out: its fields are there, with all others.
fn load(picture: &gtk::Picture, png: &[u8]) {
    picture.set_paintable(texture(png).as_ref());
}

fn texture(png: &[u8]) -> Option<gdk::Texture> {
    gdk::Texture::from_bytes(&glib::Bytes::from(png)).ok()
}

/// Where nobody knows how far it is, the bar moves with the clock.
fn fill(bar: &gtk::ProgressBar, done: Option<u16>) {
    match done {
        Some(done) => bar.set_fraction(f64::from(done.min(1000)) / 1000.0),
        None => bar.pulse(),
    }
}

fn made(shown: &Rc<Shown>, kind: &Kind, children: &[Node]) -> Made {
    match kind {
        Kind::Column(_) => (boxed(gtk::Orientation::Vertical, children).upcast(), None, Part::Plain),
        Kind::Row(_) => {
            let row = boxed(gtk::Orientation::Horizontal, children);
            row.set_homogeneous(true);
            (row.upcast(), None, Part::Plain)
        }
        Kind::Scrolled(_) => {
            let column = boxed(gtk::Orientation::Vertical, children);
            column.set_margin_end(GAP);
            let scrolled = scrolled_down(&column);
            scrolled.set_min_content_height(LEAST);
            (scrolled.upcast(), None, Part::Plain)
        }
        Kind::Title(text) => labelled(text, "report-title"),
        Kind::Heading(text) => labelled(text, "report-heading"),
        Kind::Text(text) => labelled(text, "report-text"),
        Kind::Warning(text) => labelled(text, "report-warning"),
        Kind::Fact { name, text } => fact(name, text),
        Kind::Entry { control, label, text, limit } => entry(shown, *control, label, text, *limit),
        Kind::TextArea { control, label, text, .. } => text_area(shown, *control, label, text),
        Kind::Switch { control, label, on } => switch(shown, *control, label, *on),
        Kind::Choice { control, label, options, selected } => choice(shown, *control, label, options, *selected),
        Kind::Button { control, label, enabled, weight } => button(shown, *control, label, *enabled, *weight),
        Kind::Image { png, label } => image(png, label),
        Kind::Progress { label, done } => progress(label, *done),
        Kind::Band(colour) => (band(*colour), None, Part::Plain),
        Kind::Icon(png) => (icon(png), None, Part::Plain),
        Kind::Document { control, label, text, .. } => document_view(shown, *control, label, text),
    }
}

fn boxed(orientation: gtk::Orientation, children: &[Node]) -> gtk::Box {
    let container = gtk::Box::new(orientation, GAP);
    for child in children {
        container.append(&child.widget);
    }
    container
}

fn scrolled(child: &impl IsA<gtk::Widget>) -> gtk::ScrolledWindow {
    gtk::ScrolledWindow::builder().child(child).vexpand(true).overlay_scrolling(false).build()
}

/// Whatever is in it is as wide as there is room.
pub(super) fn scrolled_down(child: &impl IsA<gtk::Widget>) -> gtk::ScrolledWindow {
    let scrolled = scrolled(child);
    scrolled.set_hscrollbar_policy(gtk::PolicyType::Never);
    scrolled
}

/// What scrolls this, from the inside out.
pub(super) fn viewports_of(widget: &gtk::Widget) -> impl Iterator<Item = gtk::Viewport> {
    iter::successors(widget.parent(), gtk::Widget::parent).filter_map(|parent| parent.downcast().ok())
}

/// Whether all of a widget is seen there.
pub(super) fn is_seen_in(widget: &gtk::Widget, viewport: &gtk::Viewport) -> bool {
    widget
        .compute_bounds(viewport)
        .is_some_and(|bounds| bounds.y() >= 0.0 && bounds.y() + bounds.height() <= viewport.height() as f32)
}

/// Text that wraps where there is no room, between characters where there is no space.
fn wrapped(text: &str) -> gtk::Label {
    // No hyphen is put into an address.
    let attributes = gtk::pango::AttrList::new();
    attributes.insert(gtk::pango::AttrInt::new_insert_hyphens(false));
    gtk::Label::builder()
        .label(text)
        .wrap(true)
        .wrap_mode(gtk::pango::WrapMode::WordChar)
        .xalign(0.0)
        .attributes(&attributes)
        .build()
}

fn labelled(text: &str, class: &str) -> Made {
    let label = wrapped(text);
    label.add_css_class(class);
    (label.clone().upcast(), Some(label), Part::Plain)
}

fn fact(name: &str, text: &str) -> Made {
    let row = gtk::Box::new(gtk::Orientation::Horizontal, GAP);
    let names = wrapped(name);
    names.set_valign(gtk::Align::Start);
    names.add_css_class("dim-label");
    names.set_width_chars(NAME_WIDTH);
    names.set_max_width_chars(NAME_WIDTH);
    let text = wrapped(text);
    text.set_selectable(true);
    text.set_hexpand(true);
    row.append(&names);
    row.append(&text);
    (row.upcast(), Some(names), Part::Fact(text))
}

/// A widget below its label, which is what a screen reader calls the field in it.
fn below(label: &str, widget: &impl IsA<gtk::Widget>, field: &impl IsA<gtk::Widget>) -> (gtk::Widget, gtk::Label) {
    let column = gtk::Box::new(gtk::Orientation::Vertical, 2);
    column.set_hexpand(true);
    let label = wrapped(label);
    label.set_mnemonic_widget(Some(field));
    column.append(&label);
    column.append(widget);
    (column.upcast(), label)
}

fn entry(shown: &Rc<Shown>, control: Control, label: &str, text: &str, limit: usize) -> Made {
    let entry = gtk::Entry::builder().text(text).max_length(limit.try_into().unwrap_or(0)).build();
    let shown = shown.clone();
    entry.connect_changed(move |entry| shown.happens(Event::Edited(control, entry.text().into())));
    let (all, label) = below(label, &entry, &entry);
    (all, Some(label), Part::Entry(entry))
}

fn text_area(shown: &Rc<Shown>, control: Control, label: &str, text: &str) -> Made {
    // Tab goes on to what comes next: nobody needs one in a sentence, and those without a mouse have to get out.
    let lines = gtk::TextView::builder().wrap_mode(gtk::WrapMode::WordChar).accepts_tab(false).build();
    for set in [
        gtk::TextView::set_top_margin,
        gtk::TextView::set_bottom_margin,
        gtk::TextView::set_left_margin,
        gtk::TextView::set_right_margin,
    ] {
        set(&lines, 4);
    }
    lines.buffer().set_text(text);
    let (shown, view) = (shown.clone(), lines.clone());
    lines.buffer().connect_changed(move |_| shown.happens(Event::Edited(control, text_of(&view))));
    let frame = gtk::ScrolledWindow::builder().child(&lines).min_content_height(72).has_frame(true).build();
    // The view draws no ring of its own.
    frame.add_css_class("report-lines");
    let (all, label) = below(label, &frame, &lines);
    (all, Some(label), Part::Lines(lines))
}

fn switch(shown: &Rc<Shown>, control: Control, text: &str, on: bool) -> Made {
    let button = gtk::CheckButton::builder().label(text).active(on).build();
    let label = label_in(&button);
    label.set_xalign(0.0);
    let shown = shown.clone();
    button.connect_toggled(move |button| shown.happens(Event::Switched(control, button.is_active())));
    (button.clone().upcast(), None, Part::Switch(button))
}

fn choice(shown: &Rc<Shown>, control: Control, label: &str, options: &[String], selected: usize) -> Made {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let choice = gtk::DropDown::from_strings(&options);
    choice.set_selected(number(selected));
    choice.set_hexpand(true);
    let shown = shown.clone();
    choice.connect_selected_notify(move |choice| {
        shown.happens(Event::Selected(control, choice.selected().try_into().unwrap_or(usize::MAX)));
    });
    let row = gtk::Box::new(gtk::Orientation::Horizontal, GAP);
    let name = gtk::Label::new(Some(label));
    // What has the keyboard is a button inside.
    name.set_mnemonic_widget(choice.first_child().as_ref());
    row.append(&name);
    row.append(&choice);
    (row.upcast(), Some(name), Part::Choice(choice))
}

fn button(shown: &Rc<Shown>, control: Control, text: &str, enabled: bool, weight: Weight) -> Made {
    let button = gtk::Button::builder().label(text).sensitive(enabled).build();
    let label = label_in(&button);
    label.set_justify(gtk::Justification::Center);
    match weight {
        Weight::Plain => {}
        Weight::Suggested => button.add_css_class("suggested-action"),
        Weight::Link => button.set_halign(gtk::Align::Start),
    }
    let shown = shown.clone();
    button.connect_clicked(move |_| shown.happens(Event::Pressed(control)));
    (button.clone().upcast(), None, Part::Button(button))
}

/// The label that the toolkit has made for a button, which names it to a screen reader. By itself it would not wrap.
fn label_in(button: &impl IsA<gtk::Widget>) -> gtk::Label {
    let label = button.last_child().and_downcast::<gtk::Label>().unwrap_or_default();
    label.set_wrap(true);
    label.set_wrap_mode(gtk::pango::WrapMode::WordChar);
    label
}

fn image(png: &[u8], label: &str) -> Made {
    let picture = gtk::Picture::new();
    load(&picture, png);
    picture.set_size_request(THUMBNAIL, THUMBNAIL * 9 / 16);
    picture.set_halign(gtk::Align::Start);
    let (all, label) = below(label, &picture, &picture);
    (all, Some(label), Part::Image(picture))
}

fn progress(label: &str, done: Option<u16>) -> Made {
    let bar = gtk::ProgressBar::new();
    fill(&bar, done);
    let (all, label) = below(label, &bar, &bar);
    (all, Some(label), Part::Progress(bar))
}

/// Not of the theme's colours: it is the product's own.
fn band(colour: [u8; 3]) -> gtk::Widget {
    let [red, green, blue] = colour.map(|part| f64::from(part) / 255.0);
    let area = gtk::DrawingArea::builder().content_height(BAND).hexpand(true).build();
    area.set_draw_func(move |_, context, _, _| {
        context.set_source_rgb(red, green, blue);
        // A context that has failed draws nothing any more.
        let _ = context.paint();
    });
    area.upcast()
}

/// A screen reader says the product's name anyway.
fn icon(png: &[u8]) -> gtk::Widget {
    // A picture would grow with the room that there is.
    let icon = gtk::Image::builder().accessible_role(gtk::AccessibleRole::Presentation).pixel_size(ICON).build();
    icon.set_paintable(texture(png).as_ref());
    icon.set_halign(gtk::Align::Start);
    icon.upcast()
}

fn document_view(shown: &Rc<Shown>, control: Control, label: &str, text: &str) -> Made {
    let lines = gtk::TextView::builder()
        .editable(false)
        .monospace(true)
        .wrap_mode(gtk::WrapMode::WordChar)
        .accepts_tab(false)
        .build();
    document::fill(&lines.buffer(), text);
    let shown = shown.clone();
    lines.buffer().connect_cursor_position_notify(move |buffer| {
        let line = buffer.iter_at_offset(buffer.cursor_position()).line();
        shown.happens(Event::Moved(control, line.try_into().unwrap_or(0)));
    });
    let frame = scrolled(&lines);
    frame.add_css_class("report-lines");
    frame.set_has_frame(true);
    frame.set_min_content_height(LEAST);
    let (all, label) = below(label, &frame, &lines);
    all.set_vexpand(true);
    (all, Some(label), Part::Lines(lines))
}
