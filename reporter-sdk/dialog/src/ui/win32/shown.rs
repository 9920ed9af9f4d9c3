//! What is shown, what the person does with it, and what becomes of that.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::rc::Rc;
use std::time::Instant;

use reporter_sdk::dialog_session::Act;
use windows_sys::Win32::Foundation::{LPARAM, LRESULT, POINT, RECT, WPARAM};
use windows_sys::Win32::UI::Controls::{DRAWITEMSTRUCT, NM_CUSTOMDRAW, NMCUSTOMDRAW, NMHDR};
use windows_sys::Win32::UI::HiDpi::GetSystemMetricsForDpi;
use windows_sys::Win32::UI::Input::KeyboardAndMouse::{
    GetKeyState, VIRTUAL_KEY, VK_CONTROL, VK_ESCAPE, VK_LBUTTON, VK_SHIFT, VK_TAB,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    BN_CLICKED, BN_SETFOCUS, CBN_CLOSEUP, CBN_SELCHANGE, CBN_SETFOCUS, EN_CHANGE, EN_SETFOCUS, IDCANCEL, MINMAXINFO,
    MSG, PostQuitMessage, SIZE_MINIMIZED, SM_CXVSCROLL, SPI_SETNONCLIENTMETRICS, WA_INACTIVE, WM_ACTIVATE, WM_CLOSE,
    WM_COMMAND, WM_CTLCOLORBTN, WM_CTLCOLOREDIT, WM_CTLCOLORLISTBOX, WM_CTLCOLORSTATIC, WM_DPICHANGED, WM_DRAWITEM,
    WM_ERASEBKGND, WM_GETMINMAXINFO, WM_KEYDOWN, WM_MOUSEWHEEL, WM_NOTIFY, WM_SETFOCUS, WM_SETTINGCHANGE, WM_SIZE,
    WM_SYSCOLORCHANGE, WM_TIMER, WM_VSCROLL, WS_VSCROLL,
};

use super::clipboard;
use super::document;
use super::events::{EVENTS, Events};
use super::file_name;
use super::fonts::Fonts;
use super::layout::Layout;
use super::node::{Maker, Node};
use super::scroller::Scroller;
use super::shade::Shade;
use super::widget::Widget;
use crate::elements::{Control, Element, Kind, Window};
use crate::model::{Action, Event, Model};

/// Before those of the controls: the first numbers have a meaning for the system.
const LAST_ID: usize = 100;
/// Less wide, not even the names of fields would be in one line.
const LEAST: (i32, i32) = (320, 240);

/// The window and all in it. What the system brings can come in the middle of each call of it, so that nothing here is borrowed for longer than a moment.
pub(super) struct Shown {
    pub(super) main: Widget,
    scroller: Scroller,
    root: Node,
    fonts: RefCell<Rc<Fonts>>,
    pub(super) shade: Shade,
    model: RefCell<Model>,
    drawn: RefCell<Rc<Window>>,
    /// What the model is to be told: later, and not while a control waits for us to have heard it.
    pub(super) events: Events,
    /// Nothing is told any more.
    has_ended: Cell<bool>,
    /// What a control then tells is what it was told.
    is_drawing: Cell<bool>,
    is_laying_out: Cell<bool>,
    /// What gets the keyboard when the window gets it.
    focused: Cell<Widget>,
    say: RefCell<Box<dyn FnMut(Act)>>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").field("main", &self.main).field("model", &self.model).finish_non_exhaustive()
    }
}

impl Shown {
    /// Makes all that is in the window: empty, invisible and nowhere yet.
    pub(super) fn new(main: Widget, model: Model, drawn: Window, say: Box<dyn FnMut(Act)>) -> Self {
        let fonts = Fonts::new(main.dpi());
        let root =
            Maker { fonts: &fonts, right_to_left: drawn.right_to_left, last_id: LAST_ID }.node(main, &drawn.root);
        Self {
            main,
            scroller: Scroller::new(main, false),
            root,
            fonts: RefCell::new(Rc::new(fonts)),
            shade: Shade::new(),
            model: RefCell::new(model),
            drawn: RefCell::new(Rc::new(drawn)),
            events: Events::new(main),
            has_ended: Cell::new(false),
            is_drawing: Cell::new(false),
            is_laying_out: Cell::new(false),
            focused: Cell::new(Widget::NONE),
            say: RefCell::new(say),
        }
    }

    fn drawn(&self) -> Rc<Window> {
        self.drawn.borrow().clone()
    }

    pub(super) fn fonts(&self) -> Rc<Fonts> {
        self.fonts.borrow().clone()
    }

    /// Has all be dark, or not.
    pub(super) fn apply_shade(&self) {
        self.shade.apply(self.main, &self.root, &self.drawn().root);
    }

    /// Has all say what it is to say.
    pub(super) fn draw(&self) {
        self.is_drawing.set(true);
        self.root.draw(&self.drawn().root, true);
        self.is_drawing.set(false);
    }

    /// Gives all its place.
    pub(super) fn lay_out(&self) {
        // The scroll bar changes the size of what is beside it, and we are told so.
        if self.is_laying_out.replace(true) {
            return;
        }
        let (fonts, drawn) = (self.fonts(), self.drawn());
        let layout = Layout::new(&fonts, &drawn.root);
        let height = |width| layout.window_height(&self.root, &drawn.root, width);
        // SAFETY: takes numbers.
        let bar = unsafe { GetSystemMetricsForDpi(SM_CXVSCROLL, self.main.dpi()) };
        let (beside, page) = self.main.inside();
        let width = beside + if self.main.style() & WS_VSCROLL != 0 { bar } else { 0 };
        let without = height(width);
        let needed = if without > page { height(width - bar) } else { without };
        self.scroller.set(needed.max(page), page, layout.line());
        let (width, page) = self.main.inside();
        layout.place_window(&self.root, &drawn.root, (width, needed.max(page)), self.scroller.offset());
        self.is_laying_out.set(false);
    }

    /// Gives the keyboard to the control that is to have it.
    pub(super) fn focus(&self) {
        let drawn = self.drawn();
        let Some(widget) = self.root.field(&drawn.root, drawn.focus) else { return };
        self.focused.set(widget);
        self.select(widget);
        // Another window is not left by itself.
        if self.main.is_active() {
            widget.focus();
        }
    }

    /// What is typed next replaces a line; text of several is gone on with.
    fn select(&self, widget: Widget) {
        let drawn = self.drawn();
        if let Some((_, Element { kind: Kind::Entry { .. }, .. })) = self.root.find(&drawn.root, widget) {
            widget.select_all();
        }
    }

    /// Tells where the cursor is in what the report contains: a control does not say that it has moved.
    pub(super) fn follow_cursor(&self) {
        let drawn = self.drawn();
        let Some(field) = self.root.field(&drawn.root, Control::Contents).filter(|field| field.is_usable()) else {
            return;
        };
        let Some((_, Element { kind: Kind::Document { control, text, line, .. }, .. })) =
            self.root.find(&drawn.root, field)
        else {
            return;
        };
        let now = document::line(field, text);
        if now != *line {
            self.happens(Event::Moved(*control, now));
        }
    }

    fn happens(&self, event: Event) {
        if !self.is_drawing.get() {
            self.events.add(event);
        }
    }

    /// Tells the model, does what is to be done, and draws what changes by it.
    fn work(&self) {
        // Whoever presses a button twice has answered once.
        while !self.has_ended.get() {
            let Some(event) = self.events.next() else { break };
            let actions = self.model.borrow_mut().update(event);
            actions.into_iter().for_each(|action| self.act(action));
        }
        if self.has_ended.get() {
            return;
        }
        let now = Rc::new(self.model.borrow().window());
        let before = self.drawn.replace(now.clone());
        self.draw();
        self.main.show(now.visible);
        if before.root != now.root {
            self.lay_out();
        }
        if before.focus != now.focus || !self.has_keyboard() {
            self.focus();
        }
    }

    /// Nothing is borrowed here: some of it lets the system bring messages meanwhile.
    fn act(&self, action: Action) {
        match action {
            Action::Say(act) => (self.say.borrow_mut())(act),
            Action::ChooseFile(name) => {
                if let Some(path) = file_name::choose(self.main, &name) {
                    self.happens(Event::FileChosen(path));
                }
            }
            Action::Copy(text) => clipboard::set(self.main, &text),
            Action::End => {
                self.has_ended.set(true);
                // SAFETY: takes a number.
                unsafe { PostQuitMessage(0) };
            }
        }
    }

    /// Whether something in the window has it, if the window has it.
    fn has_keyboard(&self) -> bool {
        let focused = Widget::focused();
        !self.main.is_active() || focused != self.main && focused.is_usable()
    }

    /// What the system brings for one of our windows. `None` where it is to do what it usually does.
    ///
    /// # Safety
    ///
    /// The message is one as the system brings it: its numbers are addresses where they are so by its kind.
    pub(super) unsafe fn hears(&self, window: Widget, message: u32, first: WPARAM, second: LPARAM) -> Option<LRESULT> {
        let is_main = window == self.main;
        match message {
            WM_COMMAND => self.told(low(first), high(first), second),
            // An edit control of several lines sends it to what it is in, on Escape.
            WM_CLOSE => self.happens(Event::Closed),
            WM_TIMER if is_main => {
                // A screen reader can have moved it.
                self.follow_cursor();
                self.happens(Event::Time(Instant::now()));
                self.work();
            }
            EVENTS if is_main => self.work(),
            WM_VSCROLL => self.scroller(window, |scroller| scroller.bar(low(first).into()))?,
            WM_MOUSEWHEEL => self.scroller(window, |scroller| scroller.wheel(high(first).cast_signed()))?,
            // As a button of the task bar it has no room for anything.
            WM_SIZE if is_main && first == SIZE_MINIMIZED as WPARAM => {}
            WM_SIZE if is_main => self.lay_out(),
            WM_GETMINMAXINFO if is_main => {
                let fonts = self.fonts();
                // SAFETY: with this message comes the address of such a structure, for us to write to.
                let sizes = unsafe { &mut *(second as *mut MINMAXINFO) };
                sizes.ptMinTrackSize = POINT { x: fonts.scale(LEAST.0), y: fonts.scale(LEAST.1) };
            }
            WM_DPICHANGED if is_main => {
                // SAFETY: with this message comes the address of the place that the window is to have.
                let place = unsafe { *(second as *const RECT) };
                self.change_fonts(u32::from(low(first)));
                self.main.place(place.left, place.top, place.right - place.left, place.bottom - place.top);
                self.lay_out();
            }
            // Of colours it tells one thing or the other, and not only once.
            WM_SETTINGCHANGE | WM_SYSCOLORCHANGE if is_main => {
                if message == WM_SETTINGCHANGE && first == SPI_SETNONCLIENTMETRICS as usize {
                    self.change_fonts(self.main.dpi());
                    self.lay_out();
                }
                if self.shade.changes() {
                    self.apply_shade();
                }
                return None;
            }
            WM_CTLCOLORSTATIC | WM_CTLCOLORBTN | WM_CTLCOLOREDIT | WM_CTLCOLORLISTBOX => {
                return self.shade.answer(message, ptr::with_exposed_provenance_mut(first));
            }
            WM_ERASEBKGND => {
                self.shade.erase(window, ptr::with_exposed_provenance_mut(first), &self.fonts())?;
                return Some(1);
            }
            WM_NOTIFY => {
                // SAFETY: with this message comes the address of such a structure, or of one that begins with it.
                let header = unsafe { *(second as *const NMHDR) };
                let drawn = self.drawn();
                let (node, element) = self.root.find(&drawn.root, Widget(header.hwndFrom))?;
                if header.code != NM_CUSTOMDRAW || !matches!(element.kind, Kind::Button { .. } | Kind::Switch { .. }) {
                    return None;
                }
                // SAFETY: a button that tells this comes with such a structure.
                let draws = unsafe { &*(second as *const NMCUSTOMDRAW) };
                return Some(self.shade.button(node, element, draws, &self.fonts()));
            }
            WM_ACTIVATE if is_main && u32::from(low(first)) == WA_INACTIVE => {
                let focused = Widget::focused();
                if focused.exists() && focused != self.main {
                    self.focused.set(focused);
                }
                return None;
            }
            WM_SETFOCUS if is_main && !self.is_drawing.get() => {
                if self.focused.get().is_usable() {
                    self.focused.get().focus();
                } else {
                    self.focus();
                }
            }
            WM_DRAWITEM => {
                // SAFETY: with this message comes the address of such a structure.
                let item = unsafe { &*(second as *const DRAWITEMSTRUCT) };
                let drawn = self.drawn();
                let (node, element) = self.root.find(&drawn.root, Widget(item.hwndItem))?;
                self.shade.draw(node, element, (item.hDC, &item.rcItem), &self.fonts());
            }
            _ => return None,
        }
        Some(0)
    }

    /// Does this with what scrolls in this window.
    fn scroller(&self, window: Widget, act: impl FnOnce(&Scroller)) -> Option<()> {
        if window == self.main {
            act(&self.scroller);
            return Some(());
        }
        let drawn = self.drawn();
        let (node, _) = self.root.find(&drawn.root, window)?;
        node.scroller.as_ref().map(act)
    }

    fn change_fonts(&self, dpi: u32) {
        let fonts = Rc::new(Fonts::new(dpi));
        self.root.set_fonts(&fonts);
        // What was before is deleted here, now that nothing has it.
        self.fonts.replace(fonts);
    }

    /// What a control says, or the keyboard where no control is meant.
    fn told(&self, id: u16, code: u16, control: LPARAM) {
        if control == 0 {
            if i32::from(id) == IDCANCEL {
                self.happens(Event::Closed);
            }
            return;
        }
        let (widget, code) = (Widget(control as _), u32::from(code));
        let drawn = self.drawn();
        let Some((_, element)) = self.root.find(&drawn.root, widget) else { return };
        match (&element.kind, code) {
            (Kind::Entry { control, .. } | Kind::TextArea { control, .. }, EN_CHANGE) => {
                self.happens(Event::Edited(*control, widget.text()));
            }
            (Kind::Switch { control, .. }, BN_CLICKED) => {
                self.happens(Event::Switched(*control, widget.is_checked()));
            }
            (Kind::Button { control, .. }, BN_CLICKED) => {
                self.follow_cursor();
                self.happens(Event::Pressed(*control));
            }
            // Not what is passed while its options are shown: they would be left behind by what moves then.
            (Kind::Choice { control, .. }, CBN_SELCHANGE | CBN_CLOSEUP) if code == CBN_CLOSEUP || !widget.is_open() => {
                let selected = usize::try_from(widget.selected()).unwrap_or(usize::MAX);
                self.happens(Event::Selected(*control, selected));
            }
            (Kind::Choice { .. }, CBN_SETFOCUS)
            | (Kind::Switch { .. } | Kind::Button { .. }, BN_SETFOCUS)
            | (_, EN_SETFOCUS)
                // What is just being clicked on stays below the mouse.
                if !is_down(VK_LBUTTON) =>
            {
                self.root.reveal(widget, &self.scroller);
            }
            _ => {}
        }
    }

    /// Takes a message that is for our windows and not for the control that it came for.
    pub(super) fn takes(&self, message: &mut MSG) -> bool {
        match message.message {
            WM_KEYDOWN if message.wParam == usize::from(VK_ESCAPE) => {
                // Of a list that is open, it closes that.
                if Widget::focused().is_open() {
                    return false;
                }
                self.happens(Event::Closed);
                true
            }
            WM_KEYDOWN if message.wParam == usize::from(VK_TAB) => self.leaves_lines(),
            WM_MOUSEWHEEL => self.wheel(message),
            _ => false,
        }
    }

    /// An edit control of several lines takes Tab to itself. Nobody needs one in a sentence, and those without a mouse have to get out.
    fn leaves_lines(&self) -> bool {
        let (focused, drawn) = (Widget::focused(), self.drawn());
        let has_lines = self.root.find(&drawn.root, focused).is_some_and(|(_, element)| {
            matches!(element.kind, Kind::TextArea { .. } | Kind::Document { .. } | Kind::Fact { .. })
        });
        if !has_lines || is_down(VK_CONTROL) {
            return false;
        }
        let next = self.main.next_stop(focused, is_down(VK_SHIFT));
        self.main.show_focus();
        self.select(next);
        next.focus();
        true
    }

    /// Brings the mouse wheel to what is below the mouse and has more than it shows. By itself it would go to what has the keyboard: to a choice, say, which
    /// would then be another one.
    fn wheel(&self, message: &mut MSG) -> bool {
        let mut widget = Widget::at(message.pt);
        let mut scrolled = None;
        while widget.exists() {
            if scrolled.is_none() && widget.has_more() {
                scrolled = Some(widget);
            }
            if widget == self.main {
                if let Some(scrolled) = scrolled {
                    message.hwnd = scrolled.0;
                }
                return scrolled.is_none();
            }
            widget = widget.parent();
        }
        // The options of a choice are a window of their own.
        !Widget::focused().is_open()
    }
}

fn is_down(key: VIRTUAL_KEY) -> bool {
    // SAFETY: takes a number.
    unsafe { GetKeyState(key.into()) < 0 }
}

fn low(number: WPARAM) -> u16 {
    number as u16
}

fn high(number: WPARAM) -> u16 {
    (number >> 16) as u16
}
