//! The widgets of a window, as its elements are.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use windows_sys::Win32::System::SystemServices::{SS_EDITCONTROL, SS_NOPREFIX, SS_OWNERDRAW, SS_RIGHT};
use windows_sys::Win32::UI::Controls::PBS_SMOOTH;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    BS_AUTOCHECKBOX, BS_MULTILINE, BS_NOTIFY, BS_PUSHBUTTON, BS_TOP, CBS_DROPDOWNLIST, ES_AUTOHSCROLL, ES_AUTOVSCROLL,
    ES_MULTILINE, ES_READONLY, ES_RIGHT, ES_WANTRETURN, WS_CHILD, WS_CLIPCHILDREN, WS_EX_CLIENTEDGE,
    WS_EX_CONTROLPARENT, WS_TABSTOP, WS_VSCROLL,
};

use super::dark::Colour;
use super::document;
use super::fonts::{Font, Fonts};
use super::picture::Picture;
use super::scroller::Scroller;
use super::shade::{Framed, take_over};
use super::widget::{Recipe, Widget};
use crate::elements::{Control, Element, Kind, Weight};

/// The window's class, and that of what is scrolled in it.
pub(super) const CLASS: &str = "ReporterDialog";

/// The system's bar, and what it is at when all is done.
const PROGRESS: &str = "msctls_progress32";
const THOUSAND: i16 = 1000;

/// Of text to read.
const TEXT: u32 = SS_NOPREFIX | SS_EDITCONTROL;
/// Of text to type into, or to select.
const LINE: u32 = WS_TABSTOP | ES_AUTOHSCROLL.cast_unsigned();
const LINES: u32 = WS_TABSTOP | ES_MULTILINE.cast_unsigned();
const SCROLLED: u32 = WS_VSCROLL | ES_AUTOVSCROLL.cast_unsigned();
/// Of what is pressed. It wraps, and tells when it gets the keyboard.
const BUTTON: u32 = WS_TABSTOP | (BS_MULTILINE | BS_NOTIFY).cast_unsigned();

/// In the coordinates of all that its parent holds, shown or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// A widget, and where it was put.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) widget: Widget,
    pub(super) font: Font,
    area: Cell<Option<Area>>,
}

impl Item {
    /// Where `offset` of all that is in its parent lies above what is shown. The parent, when it scrolls, takes it along.
    pub(super) fn place(&self, area: Area, offset: i32) {
        self.place_with_list(area, offset, area.height);
    }

    /// The height of a list of options is that of it when it is open.
    pub(super) fn place_with_list(&self, area: Area, offset: i32, height: i32) {
        let before = self.area.replace(Some(area));
        if before != Some(area) {
            self.widget.place(area.left, area.top - offset, area.width, height);
            if height != area.height {
                // The list shrinks by itself, and leaves what it was for a moment.
                self.widget.parent().draw_again();
            }
            // Text that wraps elsewhere is not drawn anew by itself.
            self.widget.draw_again();
        }
    }
}

/// A part of the window, and those in it.
#[derive(Debug)]
pub(super) struct Node {
    /// What a person acts upon is the last, and its label the one before: that is how a screen reader knows.
    pub(super) items: Vec<Item>,
    pub(super) scroller: Option<Scroller>,
    pub(super) picture: RefCell<Option<Rc<Picture>>>,
    /// Of which that is made.
    png: RefCell<Arc<[u8]>>,
    /// What shines through it.
    behind: Cell<Colour>,
    /// What a document shows: too long to be asked for each time.
    shown: RefCell<Arc<str>>,
    pub(super) children: Vec<Self>,
}

/// Makes widgets one after the other, which is the order in which Tab goes through them.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) fonts: &'a Fonts,
    /// Whether the window is laid out from right to left.
    pub(super) right_to_left: bool,
    pub(super) last_id: usize,
}

impl Maker<'_> {
    fn widget(&mut self, parent: Widget, class: &str, style: u32, extended: u32, font: Font) -> Item {
        self.last_id += 1;
        let recipe = Recipe { class, style: style | WS_CHILD, extended, at: (0, 0), parent, id: self.last_id };
        let widget = Widget::new(&recipe);
        widget.set_font(self.fonts, font);
        Item { widget, font, area: Cell::new(None) }
    }

    /// Text to read.
    fn text(&mut self, parent: Widget, font: Font) -> Item {
        self.widget(parent, "STATIC", TEXT, 0, font)
    }

    /// Text in a frame, to type into or to select.
    fn field(&mut self, parent: Widget, style: u32, font: Font) -> Item {
        let item = self.widget(parent, "EDIT", style, WS_EX_CLIENTEDGE, font);
        take_over(item.widget, Framed::Field);
        item
    }

    /// From left to right, whatever the window is.
    fn left_to_right(&mut self, parent: Widget, make: impl FnOnce(&mut Self) -> Item) -> Item {
        parent.passes_direction_on(false);
        let item = make(self);
        parent.passes_direction_on(true);
        item
    }

    /// What is not in the language of the window, such as what a vendor says of itself: at the window's side, and in its own direction. Otherwise what ends such
    /// a sentence would stand before it.
    fn quoted(&mut self, parent: Widget, text: &str, (class, style, to_right): (&str, u32, u32)) -> Item {
        // What is not told yet will be an error's name, or a report's number.
        if self.right_to_left && (text.is_empty() || is_left_to_right(text)) {
            return self.left_to_right(parent, |maker| maker.widget(parent, class, style | to_right, 0, Font::Message));
        }
        self.widget(parent, class, style, 0, Font::Message)
    }

    /// Invisible, and empty.
    pub(super) fn node(&mut self, parent: Widget, element: &Element) -> Node {
        let mut picture = None;
        let items = match &element.kind {
            Kind::Column(_) | Kind::Row(_) => vec![],
            Kind::Scrolled(_) => {
                vec![self.widget(parent, CLASS, WS_VSCROLL | WS_CLIPCHILDREN, WS_EX_CONTROLPARENT, Font::Message)]
            }
            Kind::Title(_) => vec![self.text(parent, Font::Title)],
            Kind::Heading(_) => vec![self.text(parent, Font::Bold)],
            Kind::Text(text) => vec![self.quoted(parent, text, ("STATIC", TEXT, SS_RIGHT))],
            // A bar beside it, in the colour of text.
            Kind::Warning(_) => {
                vec![self.widget(parent, "STATIC", SS_OWNERDRAW, 0, Font::Message), self.text(parent, Font::Message)]
            }
            // Text that can be selected is an edit control without a frame.
            Kind::Fact { text, .. } => {
                let style = LINES | ES_READONLY.cast_unsigned();
                let label = self.text(parent, Font::Message);
                vec![label, self.quoted(parent, text, ("EDIT", style, ES_RIGHT.cast_unsigned()))]
            }
            Kind::Entry { control, limit, .. } => {
                let label = self.text(parent, Font::Message);
                let field = match control {
                    // An address is written from left to right everywhere.
                    Control::Email => self.left_to_right(parent, |maker| maker.field(parent, LINE, Font::Message)),
                    _ => self.field(parent, LINE, Font::Message),
                };
                field.widget.limit(*limit);
                vec![label, field]
            }
            Kind::TextArea { limit, .. } => {
                let label = self.text(parent, Font::Message);
                let field = self.field(parent, LINES | SCROLLED | ES_WANTRETURN.cast_unsigned(), Font::Message);
                field.widget.limit(*limit);
                vec![label, field]
            }
            Kind::Document { .. } => {
                let label = self.text(parent, Font::Message);
                let style = LINES | SCROLLED | ES_READONLY.cast_unsigned();
                // Names of fields, and values of computers.
                vec![label, self.left_to_right(parent, |maker| maker.field(parent, style, Font::Fixed))]
            }
            Kind::Choice { options, .. } => {
                let label = self.text(parent, Font::Message);
                let style = WS_TABSTOP | WS_VSCROLL | CBS_DROPDOWNLIST.cast_unsigned();
                let list = self.widget(parent, "COMBOBOX", style, 0, Font::Message);
                for option in options {
                    list.widget.add_option(option);
                }
                // It takes its own height of this one, which is that of the open list, and tells it when the layout asks.
                list.widget.place(0, 0, 200, 200);
                take_over(list.widget, Framed::Choice);
                vec![label, list]
            }
            Kind::Switch { .. } => {
                let style = BUTTON | (BS_AUTOCHECKBOX | BS_TOP).cast_unsigned();
                vec![self.widget(parent, "BUTTON", style, 0, Font::Message)]
            }
            Kind::Button { weight, .. } => {
                let font = if *weight == Weight::Suggested { Font::Bold } else { Font::Message };
                vec![self.widget(parent, "BUTTON", BUTTON | BS_PUSHBUTTON.cast_unsigned(), 0, font)]
            }
            Kind::Progress { .. } => {
                let label = self.text(parent, Font::Message);
                // Where the window is dark the bar has no theme: without this it would be in pieces then.
                let bar = self.widget(parent, PROGRESS, PBS_SMOOTH, 0, Font::Message);
                bar.widget.ends_at(THOUSAND);
                vec![label, bar]
            }
            Kind::Image { .. } | Kind::Icon(_) | Kind::Band(_) => {
                if let Kind::Band(colour) = element.kind {
                    picture = Some(Rc::new(Picture::of_colour(colour)));
                }
                // Otherwise it would be a mirror's.
                let make = |maker: &mut Self| maker.widget(parent, "STATIC", SS_OWNERDRAW, 0, Font::Message);
                vec![self.left_to_right(parent, make)]
            }
        };
        let scroller = match (&element.kind, items.first()) {
            (Kind::Scrolled(_), Some(item)) => Some(Scroller::new(item.widget, true)),
            _ => None,
        };
        let inside = scroller.as_ref().map_or(parent, |scroller| scroller.widget);
        let children = element.children().iter().map(|child| self.node(inside, child)).collect();
        let (picture, png, shown) = (RefCell::new(picture), RefCell::new([].into()), RefCell::new("".into()));
        Node { items, scroller, picture, png, behind: Cell::default(), shown, children }
    }
}

/// Of the direction of its first letter.
fn is_left_to_right(text: &str) -> bool {
    // Where Unicode has Hebrew, Arabic, Syriac and all others that are written so.
    let is_other = |letter: char| {
        matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
            || matches!(letter, '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    };
    text.chars().find(|character| character.is_alphabetic()).is_some_and(|letter| !is_other(letter))
}

/// Buttons take `&` for a mark of the next letter.
fn pressed(label: &str) -> String {
    label.replace('&', "&&")
}

impl Node {
    /// Has the widgets say what is other than before.
    pub(super) fn draw(&self, element: &Element, visible: bool) {
        let visible = visible && element.visible;
        match (&element.kind, &self.items[..]) {
            (Kind::Title(text) | Kind::Heading(text) | Kind::Text(text), [item]) | (Kind::Warning(text), [_, item]) => {
                item.widget.say(text);
            }
            (Kind::Image { label, png }, [item]) => {
                item.widget.say(label);
                self.depict(png, item);
            }
            (Kind::Icon(png), [item]) => self.depict(png, item),
            (Kind::Progress { label: text, done }, [label, bar]) => {
                label.widget.say(text);
                bar.widget.is_at(*done);
            }
            (Kind::Fact { name, text }, [label, field]) => {
                label.widget.say(name);
                field.widget.say(text);
            }
            // What the person types is in the widget already, cursor and all. Only what the model has cut is put back.
            (Kind::Entry { label: name, text, .. } | Kind::TextArea { label: name, text, .. }, [label, field]) => {
                label.widget.say(name);
                field.widget.correct(text);
            }
            (Kind::Document { label: name, text, line, .. }, [label, field]) => {
                label.widget.say(name);
                // Nor is it broken into lines for nobody.
                if visible && **self.shown.borrow() != **text {
                    document::change(field.widget, text, *line);
                    *self.shown.borrow_mut() = text.clone();
                }
            }
            (Kind::Choice { label: name, selected, .. }, [label, list]) => {
                label.widget.say(name);
                // While it is open, the person goes through it.
                if !list.widget.is_open() {
                    list.widget.select(*selected);
                }
            }
            (Kind::Switch { label, on, .. }, [button]) => {
                button.widget.say(&pressed(label));
                button.widget.check(*on);
            }
            (Kind::Button { label, enabled, .. }, [button]) => {
                button.widget.say(&pressed(label));
                button.widget.enable(*enabled);
            }
            _ => {}
        }
        for item in &self.items {
            item.widget.show(visible);
        }
        for (child, element) in self.children.iter().zip(element.children()) {
            child.draw(element, visible);
        }
    }

    /// Shows another picture, if it is another.
    fn depict(&self, png: &Arc<[u8]>, item: &Item) {
        if *self.png.borrow() != *png {
            self.png.replace(png.clone());
            self.read_picture();
            item.widget.draw_again();
        }
    }

    fn read_picture(&self) {
        self.picture.replace(Picture::read(&self.png.borrow(), self.behind.get()).map(Rc::new));
    }

    /// What is told of it to the controls that ask for nothing, on a background of this colour.
    pub(super) fn shade(&self, element: &Element, dark: bool, background: Colour) {
        self.behind.set(background);
        match (&element.kind, &self.items[..]) {
            (Kind::Progress { .. }, [_, bar]) => bar.widget.shade_bar(dark),
            (Kind::Image { .. } | Kind::Icon(_), _) => self.read_picture(),
            _ => {}
        }
        for (child, element) in self.children.iter().zip(element.children()) {
            child.shade(element, dark, background);
        }
    }

    pub(super) fn set_fonts(&self, fonts: &Fonts) {
        for item in &self.items {
            item.widget.set_font(fonts, item.font);
        }
        for child in &self.children {
            child.set_fonts(fonts);
        }
    }

    /// The part of which this is a widget, and its element.
    pub(super) fn find<'a>(&'a self, element: &'a Element, widget: Widget) -> Option<(&'a Self, &'a Element)> {
        if self.items.iter().any(|item| item.widget == widget) {
            return Some((self, element));
        }
        let mut children = self.children.iter().zip(element.children());
        children.find_map(|(child, element)| child.find(element, widget))
    }

    /// The widget that has the keyboard where this control has it.
    pub(super) fn field(&self, element: &Element, control: Control) -> Option<Widget> {
        if element.control() == Some(control) {
            return self.items.last().map(|item| item.widget);
        }
        let mut children = self.children.iter().zip(element.children());
        children.find_map(|(child, element)| child.field(element, control))
    }

    /// Scrolls until this widget can be seen with its label. Answers whether it is in here.
    pub(super) fn reveal(&self, widget: Widget, within: &Scroller) -> bool {
        let inside = self.scroller.as_ref().unwrap_or(within);
        let is_here = self.items.iter().any(|item| item.widget == widget)
            || self.children.iter().any(|child| child.reveal(widget, inside));
        let areas = || self.items.iter().filter_map(|item| item.area.get());
        let (top, bottom) =
            (areas().map(|area| area.top).min(), areas().map(|area| area.top.saturating_add(area.height)).max());
        if let (true, Some(top), Some(bottom)) = (is_here, top, bottom) {
            within.show(top, bottom);
        }
        is_here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letter_tells_the_direction() {
        for (text, expected) in
            [("180 days", true), ("„Größe“", true), ("日本", true), ("(خطأ) error", false), ("3.1", false), ("", false)]
        {
            assert_eq!(is_left_to_right(text), expected, "{text}");
        }
    }

    #[test]
    fn a_button_shows_each_character() {
        assert_eq!(pressed("Save & send"), "Save && send");
    }
}
