//! The window on a Linux desktop, by GTK 4: layout, fonts, input methods, screen readers and dark colours are those of the desktop, and no OpenGL is needed.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk::prelude::*;
use gtk::{gdk, glib};
use reporter_sdk::ConsentAnswer;

use crate::elements::{Control, Element, Kind, Weight, Window};
use crate::model::{Event, Model};

/// In pixels of the desktop's scale. Smaller where the display is.
const WIDTH: i32 = 620;
const HEIGHT: i32 = 760;
/// Of the image that stands for one of the screen.
const THUMBNAIL: i32 = 240;
/// Of the names of facts, in characters: all texts begin below each other.
const NAME_WIDTH: i32 = 18;
/// Between elements.
const GAP: i32 = 8;
/// What the themes have no class for.
const STYLE: &str = "
    .report-title { font-size: 1.25em; font-weight: bold; }
    .report-heading { font-weight: bold; margin-top: 0.5em; }
    .report-warning { border-left: 4px solid @warning_color; padding-left: 8px; }
    .report-warning:dir(rtl) { border-left: none; padding-left: 0; border-right: 4px solid @warning_color; padding-right: 8px; }
    .report-lines:focus-within { outline: 2px solid @theme_selected_bg_color; outline-offset: -2px; }
";

/// Whether there is a display to draw on. To be asked before [`show`], in the same thread.
pub fn can_show() -> bool {
    gtk::init().is_ok()
}

/// Shows the window until there is an answer.
pub fn show(model: Model) -> ConsentAnswer {
    let drawn = model.window();
    gtk::Widget::set_default_direction(if drawn.right_to_left {
        gtk::TextDirection::Rtl
    } else {
        gtk::TextDirection::Ltr
    });
    style();
    let shown = Rc::new(Shown {
        model: RefCell::new(model),
        window: gtk::Window::builder().title(&drawn.title).default_width(WIDTH).default_height(HEIGHT).build(),
        drawing: OnceCell::new(),
        is_drawing: Cell::new(false),
        ended: glib::MainLoop::new(None, false),
        answer: Cell::new(None),
    });
    let root = Node::new(&shown, &drawn.root);
    let frame = gtk::Box::new(gtk::Orientation::Vertical, 0);
    for set in
        [gtk::Box::set_margin_top, gtk::Box::set_margin_bottom, gtk::Box::set_margin_start, gtk::Box::set_margin_end]
    {
        set(&frame, 2 * GAP);
    }
    frame.append(&root.widget);
    shown.window.set_child(Some(&frame));
    shown.drawing.get_or_init(|| RefCell::new(Drawing { root, drawn })).borrow().focus();
    shown.listen();
    shown.window.present();
    shown.ended.run();
    shown.answer.take().unwrap_or(ConsentAnswer::Later)
}

fn style() {
    let Some(display) = gdk::Display::default() else { return };
    let provider = gtk::CssProvider::new();
    provider.load_from_data(STYLE);
    gtk::style_context_add_provider_for_display(&display, &provider, gtk::STYLE_PROVIDER_PRIORITY_APPLICATION);
}

/// What lives as long as the window.
struct Shown {
    model: RefCell<Model>,
    window: gtk::Window,
    /// Once all widgets are made: until then their signals have nobody to tell.
    drawing: OnceCell<RefCell<Drawing>>,
    /// What a widget then tells is what it was told.
    is_drawing: Cell<bool>,
    ended: glib::MainLoop,
    answer: Cell<Option<ConsentAnswer>>,
}

/// The widgets, and what they show.
struct Drawing {
    root: Node,
    drawn: Window,
}

impl Shown {
    fn listen(self: &Rc<Self>) {
        let shown = self.clone();
        self.window.connect_close_request(move |_| {
            shown.happens(Event::Closed);
            glib::Propagation::Stop
        });
        let keys = gtk::EventControllerKey::new();
        let shown = self.clone();
        keys.connect_key_pressed(move |_, key, _, _| {
            if key != gdk::Key::Escape {
                return glib::Propagation::Proceed;
            }
            shown.happens(Event::Closed);
            glib::Propagation::Stop
        });
        self.window.add_controller(keys);
        let shown = self.clone();
        glib::timeout_add_local(Duration::from_secs(1), move || {
            shown.happens(Event::Time(Instant::now()));
            glib::ControlFlow::Continue
        });
    }

    /// Tells the model, and draws what changes by it.
    fn happens(&self, event: Event) {
        if self.is_drawing.get() {
            return;
        }
        let answer = self.model.borrow_mut().update(event);
        if answer.is_some() {
            self.answer.set(answer);
            self.ended.quit();
            return;
        }
        let window = self.model.borrow().window();
        let Some(drawing) = self.drawing.get() else { return };
        self.is_drawing.set(true);
        let mut drawing = drawing.borrow_mut();
        drawing.root.draw(&drawing.drawn.root, &window.root);
        let focus_moves = drawing.drawn.focus != window.focus;
        drawing.drawn = window;
        self.is_drawing.set(false);
        if focus_moves {
            drawing.focus();
        }
    }
}

impl Drawing {
    fn focus(&self) {
        if let Some(widget) = self.root.find(self.drawn.focus) {
            widget.grab_focus();
        }
    }
}

/// A widget and those in it, as the elements are.
struct Node {
    /// All of it, with its label.
    widget: gtk::Widget,
    part: Part,
    control: Option<Control>,
    children: Vec<Node>,
}

/// What changes of a widget.
enum Part {
    /// Nothing but its children.
    Container,
    Label(gtk::Label),
    Entry(gtk::Entry),
    Lines(gtk::TextView),
    Switch {
        button: gtk::CheckButton,
        label: gtk::Label,
    },
    Choice(gtk::DropDown),
    Button {
        button: gtk::Button,
        label: gtk::Label,
    },
    Image,
}

impl Node {
    fn new(shown: &Rc<Shown>, element: &Element) -> Self {
        let children: Vec<Self> = element.children().iter().map(|child| Self::new(shown, child)).collect();
        let (widget, part) = made(shown, &element.kind, &children);
        widget.set_visible(element.visible);
        Self { widget, part, control: element.control(), children }
    }

    /// The widget that has the keyboard where this control has it.
    fn find(&self, control: Control) -> Option<gtk::Widget> {
        if self.control == Some(control) {
            return Some(match &self.part {
                Part::Entry(entry) => entry.clone().upcast(),
                Part::Lines(lines) => lines.clone().upcast(),
                Part::Switch { button, .. } => button.clone().upcast(),
                Part::Choice(choice) => choice.clone().upcast(),
                Part::Button { button, .. } => button.clone().upcast(),
                Part::Container | Part::Label(_) | Part::Image => self.widget.clone(),
            });
        }
        self.children.iter().find_map(|child| child.find(control))
    }

    /// Changes what is other than before.
    fn draw(&self, before: &Element, now: &Element) {
        self.widget.set_visible(now.visible);
        match (&self.part, &now.kind) {
            (Part::Label(label), Kind::Title(text) | Kind::Heading(text) | Kind::Text(text) | Kind::Warning(text)) => {
                label.set_text(text);
            }
            // What the person types is in the widget already, cursor and all. Only what the model has cut is put back.
            (Part::Entry(entry), Kind::Entry { text, .. }) if entry.text() != *text => entry.set_text(text),
            (Part::Lines(lines), Kind::TextArea { text, .. }) if text_of(lines) != *text => {
                lines.buffer().set_text(text);
            }
            (Part::Lines(lines), Kind::Document { text, .. }) if before != now => lines.buffer().set_text(text),
            (Part::Switch { button, label }, Kind::Switch { label: text, on, .. }) => {
                label.set_text(text);
                button.set_active(*on);
            }
            (Part::Choice(choice), Kind::Choice { selected, .. }) => choice.set_selected(number(*selected)),
            (Part::Button { button, label }, Kind::Button { label: text, enabled, .. }) => {
                label.set_text(text);
                button.set_sensitive(*enabled);
            }
            _ => {}
        }
        for ((child, before), now) in self.children.iter().zip(before.children()).zip(now.children()) {
            child.draw(before, now);
        }
    }
}

fn number(index: usize) -> u32 {
    index.try_into().unwrap_or(gtk::INVALID_LIST_POSITION)
}

fn text_of(lines: &gtk::TextView) -> String {
    let buffer = lines.buffer();
    buffer.text(&buffer.start_iter(), &buffer.end_iter(), true).into()
}

fn made(shown: &Rc<Shown>, kind: &Kind, children: &[Node]) -> (gtk::Widget, Part) {
    match kind {
        Kind::Column(_) => (boxed(gtk::Orientation::Vertical, children).upcast(), Part::Container),
        Kind::Row(_) => {
            let row = boxed(gtk::Orientation::Horizontal, children);
            row.set_homogeneous(true);
            (row.upcast(), Part::Container)
        }
        Kind::Scrolled(_) => {
            let column = boxed(gtk::Orientation::Vertical, children);
            column.set_margin_end(GAP);
            let scrolled = scrolled(&column);
            scrolled.set_hscrollbar_policy(gtk::PolicyType::Never);
            (scrolled.upcast(), Part::Container)
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
        Kind::Image { png, label } => (image(png, label), Part::Image),
        Kind::Document { label, text, .. } => document(label, text),
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

fn labelled(text: &str, class: &str) -> (gtk::Widget, Part) {
    let label = wrapped(text);
    label.add_css_class(class);
    (label.clone().upcast(), Part::Label(label))
}

fn fact(name: &str, text: &str) -> (gtk::Widget, Part) {
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
    (row.upcast(), Part::Container)
}

/// A widget below its label, which is what a screen reader calls the field in it.
fn below(label: &str, widget: &impl IsA<gtk::Widget>, field: &impl IsA<gtk::Widget>) -> gtk::Widget {
    let column = gtk::Box::new(gtk::Orientation::Vertical, 2);
    column.set_hexpand(true);
    let label = wrapped(label);
    label.set_mnemonic_widget(Some(field));
    column.append(&label);
    column.append(widget);
    column.upcast()
}

fn entry(shown: &Rc<Shown>, control: Control, label: &str, text: &str, limit: usize) -> (gtk::Widget, Part) {
    let entry = gtk::Entry::builder().text(text).max_length(limit.try_into().unwrap_or(0)).build();
    let shown = shown.clone();
    entry.connect_changed(move |entry| shown.happens(Event::Edited(control, entry.text().into())));
    (below(label, &entry, &entry), Part::Entry(entry))
}

fn text_area(shown: &Rc<Shown>, control: Control, label: &str, text: &str) -> (gtk::Widget, Part) {
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
    (below(label, &frame, &lines), Part::Lines(lines))
}

fn switch(shown: &Rc<Shown>, control: Control, text: &str, on: bool) -> (gtk::Widget, Part) {
    let button = gtk::CheckButton::builder().label(text).active(on).build();
    let label = label_in(&button);
    label.set_xalign(0.0);
    let shown = shown.clone();
    button.connect_toggled(move |button| shown.happens(Event::Switched(control, button.is_active())));
    (button.clone().upcast(), Part::Switch { button, label })
}

fn choice(
    shown: &Rc<Shown>,
    control: Control,
    label: &str,
    options: &[String],
    selected: usize,
) -> (gtk::Widget, Part) {
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
    (row.upcast(), Part::Choice(choice))
}

fn button(shown: &Rc<Shown>, control: Control, text: &str, enabled: bool, weight: Weight) -> (gtk::Widget, Part) {
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
    (button.clone().upcast(), Part::Button { button, label })
}

/// The label that the toolkit has made for a button, which names it to a screen reader. By itself it would not wrap.
fn label_in(button: &impl IsA<gtk::Widget>) -> gtk::Label {
    let label = button.last_child().and_downcast::<gtk::Label>().unwrap_or_default();
    label.set_wrap(true);
    label.set_wrap_mode(gtk::pango::WrapMode::WordChar);
    label
}

/// One that cannot be read is left out: its fields are there, with all others.
fn image(png: &[u8], label: &str) -> gtk::Widget {
    let picture = gtk::Picture::new();
    if let Ok(texture) = gdk::Texture::from_bytes(&glib::Bytes::from(png)) {
        picture.set_paintable(Some(&texture));
    }
    picture.set_size_request(THUMBNAIL, THUMBNAIL * 9 / 16);
    picture.set_halign(gtk::Align::Start);
    below(label, &picture, &picture)
}

fn document(label: &str, text: &str) -> (gtk::Widget, Part) {
    let lines = gtk::TextView::builder()
        .editable(false)
        .monospace(true)
        .wrap_mode(gtk::WrapMode::WordChar)
        .accepts_tab(false)
        .build();
    lines.buffer().set_text(text);
    let frame = scrolled(&lines);
    frame.add_css_class("report-lines");
    frame.set_has_frame(true);
    let all = below(label, &frame, &lines);
    all.set_vexpand(true);
    (all, Part::Lines(lines))
}
