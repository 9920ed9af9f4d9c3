//! The window on a Linux desktop, by GTK 4: layout, fonts, input methods, screen readers and dark colours are those of the desktop, and no OpenGL is needed.

mod colours;
mod document;
mod node;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{iter, thread};

use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use reporter_sdk::dialog_session::Act;

use self::node::Node;
use crate::elements::Window;
use crate::model::{Action, Event, Model, Told};

/// In pixels of the desktop's scale, for text of the usual size. Smaller where the display is.
const HEIGHT: i32 = 760;
/// Beside the longest lines that do not wrap: margins, a frame, a scroll bar.
const BESIDE: i32 = 56;
/// Of text of the usual size, in 1024ths of a dot per inch.
const USUAL_DOTS: i32 = 96 * 1024;
/// Between elements.
const GAP: i32 = 8;
/// So long the desktop has to take over what was copied, before it ends with this program.
const HAND_OVER: Duration = Duration::from_secs(1);
/// What a person does to a window.
const TOUCHES: [gdk::EventType; 4] =
    [gdk::EventType::KeyPress, gdk::EventType::ButtonPress, gdk::EventType::TouchBegin, gdk::EventType::Scroll];
/// What the themes have no class for.
const STYLE: &str = "
    .report-title { font-size: 1.25em; font-weight: bold; }
    .report-heading { font-weight: bold; margin-top: 0.5em; }
    .report-warning { border-left: 4px solid @warning_color; padding-left: 8px; }
    .report-warning:dir(rtl) { border-left: none; padding-left: 0; border-right: 4px solid @warning_color; padding-right: 8px; }
    .report-lines:focus-within { outline: 2px solid @theme_selected_bg_color; outline-offset: -2px; }
";

thread_local! {
    /// What is shown, for what another thread brings.
    static SHOWN: RefCell<Option<Rc<Shown>>> = const { RefCell::new(None) };
}

/// Whether there is a display to draw on. To be asked before [`show`], in the same thread.
pub fn can_show() -> bool {
    gtk::init().is_ok()
}

/// Shows the window until it ends. `false`: there is none.
pub fn show(model: Model, told: Receiver<Told>, say: Box<dyn FnMut(Act)>) -> bool {
    if !can_show() {
        return false;
    }
    let drawn = model.window();
    gtk::Widget::set_default_direction(if drawn.right_to_left {
        gtk::TextDirection::Rtl
    } else {
        gtk::TextDirection::Ltr
    });
    style();
    let Some(news) = listen(told) else { return false };
    let shown = Rc::new(Shown {
        model: RefCell::new(model),
        say: RefCell::new(say),
        news,
        window: gtk::Window::builder().title(&drawn.title).build(),
        drawing: OnceCell::new(),
        is_drawing: Cell::new(false),
        is_untouched: Cell::new(true),
        chooser: RefCell::new(None),
        has_copied: Cell::new(false),
        ended: glib::MainLoop::new(None, false),
    });
    let root = Node::new(&shown, &drawn.root);
    let frame = gtk::Box::new(gtk::Orientation::Vertical, 0);
    for set in
        [gtk::Box::set_margin_top, gtk::Box::set_margin_bottom, gtk::Box::set_margin_start, gtk::Box::set_margin_end]
    {
        set(&frame, 2 * GAP);
    }
    frame.append(&root.widget);
    // What does not scroll by itself can need more room than a small display has.
    shown.window.set_child(Some(&node::scrolled_down(&frame)));
    shown.drawing.get_or_init(|| RefCell::new(Drawing { root, drawn })).borrow().focus();
    shown.window.set_default_size(document::width(&shown.window) + BESIDE, with_text(HEIGHT));
    shown.listen();
    SHOWN.set(Some(shown.clone()));
    shown.window.present();
    shown.watch_layout();
    colours::follow();
    shown.ended.run();
    // What is told from here on is nothing to us.
    SHOWN.take();
    shown.window.set_visible(false);
    shown.hand_over();
    true
}

/// Larger where the person has larger text.
fn with_text(pixels: i32) -> i32 {
    // -1 where nobody knows.
    let dots = gtk::Settings::default().map_or(-1, |settings| settings.gtk_xft_dpi());
    let scaled = i64::from(pixels) * i64::from(dots.max(USUAL_DOTS)) / i64::from(USUAL_DOTS);
    scaled.try_into().unwrap_or(pixels)
}

fn style() {
    let Some(display) = gdk::Display::default() else { return };
    let provider = gtk::CssProvider::new();
    provider.load_from_data(STYLE);
    gtk::style_context_add_provider_for_display(&display, &provider, gtk::STYLE_PROVIDER_PRIORITY_APPLICATION);
}

/// Waits for what is told, in a thread of its own, and has the window look for it: after what it draws, and all at once where that took its time.
fn listen(told: Receiver<Told>) -> Option<Receiver<Told>> {
    let (bring, news) = mpsc::channel();
    let wait = move || {
        for told in told.into_iter().chain(iter::once(Told::Gone)) {
            if bring.send(told).is_err() {
                return;
            }
            glib::idle_add_once(|| {
                if let Some(shown) = SHOWN.with_borrow(Clone::clone) {
                    shown.hears();
                }
            });
        }
    };
    thread::Builder::new().name("told".into()).spawn(wait).ok().map(|_| news)
}

/// What lives as long as the window.
struct Shown {
    model: RefCell<Model>,
    say: RefCell<Box<dyn FnMut(Act)>>,
    news: Receiver<Told>,
    window: gtk::Window,
    /// Once all widgets are made: until then their signals have nobody to tell.
    drawing: OnceCell<RefCell<Drawing>>,
    /// What a widget then tells is what it was told.
    is_drawing: Cell<bool>,
    /// The person has done nothing yet, and the keyboard is where it was at first.
    is_untouched: Cell<bool>,
    /// Where the person chooses a file, as long as they do.
    chooser: RefCell<Option<gtk::FileChooserNative>>,
    has_copied: Cell<bool>,
    ended: glib::MainLoop,
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
        let touches = gtk::EventControllerLegacy::new();
        touches.set_propagation_phase(gtk::PropagationPhase::Capture);
        let shown = self.clone();
        touches.connect_event(move |_, event| {
            if TOUCHES.contains(&event.event_type()) {
                shown.is_untouched.set(false);
            }
            glib::Propagation::Proceed
        });
        self.window.add_controller(touches);
        let shown = self.clone();
        glib::timeout_add_local(Duration::from_secs(1), move || {
            shown.happens(Event::Time(Instant::now()));
            glib::ControlFlow::Continue
        });
    }

    /// Sees to the keyboard whenever all has its place. How large the window is the desktop decides, once or several times, after it was asked to show it.
    fn watch_layout(self: &Rc<Self>) {
        let shown = self.clone();
        if let Some(surface) = self.window.surface() {
            surface.connect_layout(move |_, _, _| shown.show_keyboard());
        }
    }

    /// Where the field that has the keyboard at first lies below what is seen, such as with large text on a small display, it is not scrolled to: what the vendor
    /// promises is to be read first. So the keyboard goes there, to text that no key does anything to and from which Tab leads on.
    fn show_keyboard(&self) {
        let focused = gtk::prelude::GtkWindowExt::focus(&self.window).filter(|_| self.is_untouched.get());
        let Some(focused) = focused else { return };
        if let Some(viewport) = node::viewports_of(&focused).find(|viewport| !node::is_seen_in(&focused, viewport)) {
            self.is_untouched.set(false);
            gtk::prelude::GtkWindowExt::set_focus(&self.window, None::<&gtk::Widget>);
            viewport.child_focus(gtk::DirectionType::TabForward);
        }
    }

    /// Tells the model, and draws what changes by it.
    fn happens(self: &Rc<Self>, event: Event) {
        if !self.is_drawing.get() && self.tells(event) {
            self.draw();
        }
    }

    /// As [`happens`](Self::happens), for all that another thread has brought.
    fn hears(self: &Rc<Self>) {
        let mut news = self.news.try_iter().map(Event::Told).peekable();
        if news.peek().is_some() && news.all(|event| self.tells(event)) {
            self.draw();
        }
    }

    /// Tells the model, and does what it says. Answers whether there is a window still.
    fn tells(self: &Rc<Self>, event: Event) -> bool {
        if !self.ended.is_running() {
            return false;
        }
        let actions = self.model.borrow_mut().update(event);
        for action in actions {
            match action {
                Action::Say(act) => (self.say.borrow_mut())(act),
                Action::ChooseFile(name) => self.choose_file(&name),
                Action::Copy(text) => {
                    self.window.clipboard().set_text(&text);
                    self.has_copied.set(true);
                }
                Action::End => self.ended.quit(),
            }
        }
        self.ended.is_running()
    }

    fn draw(&self) {
        let Some(drawing) = self.drawing.get() else { return };
        let window = self.model.borrow().window();
        let focused = gtk::prelude::GtkWindowExt::focus(&self.window);
        self.is_drawing.set(true);
        let mut drawing = drawing.borrow_mut();
        drawing.root.draw(&drawing.drawn.root, &window.root);
        let focus_moves = drawing.drawn.focus != window.focus;
        let visibility_changes = drawing.drawn.visible != window.visible;
        drawing.drawn = window;
        self.is_drawing.set(false);
        // What has vanished, or does nothing any more, cannot keep the keyboard.
        let is_usable = |widget: gtk::Widget| widget.is_mapped() && widget.is_sensitive();
        if focus_moves || !focused.is_some_and(is_usable) {
            drawing.focus();
        }
        if visibility_changes {
            self.window.set_visible(drawing.drawn.visible);
        }
    }

    /// By the desktop's own dialog, which asks before it names a file that there is.
    fn choose_file(self: &Rc<Self>, name: &str) {
        let title = self.window.title();
        let action = gtk::FileChooserAction::Save;
        let chooser = gtk::FileChooserNative::new(title.as_deref(), Some(&self.window), action, None, None);
        chooser.set_modal(true);
        // A folder is what the person chooses.
        chooser.set_current_name(&name.replace(['/', '\\'], "_"));
        let shown = self.clone();
        chooser.connect_response(move |chooser, response| {
            shown.chooser.take();
            let path = chooser.file().and_then(|file| file.path());
            if let (gtk::ResponseType::Accept, Some(path)) = (response, path) {
                shown.happens(Event::FileChosen(path));
            }
        });
        chooser.show();
        // One that was there before is gone by this.
        self.chooser.replace(Some(chooser));
    }

    /// What was copied is in this program. Where the desktop keeps such things, it does so before the end.
    fn hand_over(&self) {
        if !self.has_copied.get() {
            return;
        }
        let handed_over = glib::MainLoop::new(None, false);
        let (done, late) = (handed_over.clone(), handed_over.clone());
        self.window.clipboard().store_async(glib::Priority::DEFAULT, None::<&gio::Cancellable>, move |_| done.quit());
        glib::timeout_add_local_once(HAND_OVER, move || late.quit());
        handed_over.run();
    }
}

impl Drawing {
    fn focus(&self) {
        if let Some(widget) = self.root.find(self.drawn.focus) {
            widget.grab_focus();
        }
    }
}
