//! Where each widget is. Everything is as wide as there is room, and as high as its text then needs; what scrolls gets the height that is left.

use super::fonts::{Font, Fonts, Measure};
use super::node::{Area, Item, Node};
use crate::elements::{Element, Kind, Weight};

/// In pixels at the usual size, as all sizes here.
const GAP: i32 = 8;
/// Around all of it.
const MARGIN: i32 = 16;
/// Between a label and the field below it.
const LABEL_GAP: i32 = 3;
/// What a field's frame and the room around its text take, from above to below.
const FRAME: i32 = 8;
/// What an edit control without a frame may keep free beside its text. It would not show a line for which there is no room.
const SELECTABLE: i32 = 12;
/// Beside the text of a switch, a button, and an option.
const SWITCH: i32 = 22;
const BUTTON: i32 = 24;
const OPTION: i32 = 32;
/// The bar of a warning, and the line of the product's colour.
const BAR: i32 = 4;
/// Of an image that stands for one of a screen.
const THUMBNAIL: (i32, i32) = (240, 135);
/// Of the product's icon.
const ICON: (i32, i32) = (48, 48);
/// Of a bar that shows how far something is.
const PROGRESS: i32 = 16;
/// Of what scrolls, where there is little room. All of the window is scrolled then.
const LEAST: i32 = 120;

/// A part of a column that is visible.
#[derive(Clone, Copy, Debug)]
struct Part<'n> {
    /// The gap above it.
    before: i32,
    /// What it needs.
    height: i32,
    node: &'n Node,
    element: &'n Element,
}

/// Of one size of the window.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    measure: Measure<'a>,
    line: i32,
    /// Of the widest name of a fact: their texts stand below each other.
    names: i32,
}

impl<'a> Layout<'a> {
    pub(super) fn new(fonts: &'a Fonts, root: &Element) -> Self {
        let measure = Measure::new(fonts);
        let line = measure.height("X", Font::Message, fonts.scale(GAP));
        let names = widest_name(&measure, root);
        Self { measure, line, names }
    }

    fn scale(&self, pixels: i32) -> i32 {
        self.measure.fonts.scale(pixels)
    }

    /// Of a line of text.
    pub(super) fn line(&self) -> i32 {
        self.line
    }

    /// What a window of this width needs at least.
    pub(super) fn window_height(&self, node: &Node, element: &Element, width: i32) -> i32 {
        let margin = self.scale(MARGIN);
        self.height(node, element, width - 2 * margin) + 2 * margin
    }

    /// All of a window whose inside is so large, and of which `offset` lies above what is shown.
    pub(super) fn place_window(&self, node: &Node, element: &Element, size: (i32, i32), offset: i32) {
        let margin = self.scale(MARGIN);
        let area = Area { left: margin, top: margin, width: size.0 - 2 * margin, height: size.1 - 2 * margin };
        self.place(node, element, area, offset);
    }

    /// What an element needs at least.
    fn height(&self, node: &Node, element: &Element, width: i32) -> i32 {
        match &element.kind {
            Kind::Column(_) => needed(&self.column(node, element, width)),
            Kind::Row(_) => {
                let share = self.share(node, element, width);
                visible(node, element).map(|(node, element)| self.height(node, element, share)).max().unwrap_or(0)
            }
            Kind::Scrolled(_) => self.scale(LEAST),
            Kind::Title(text) => self.text(text, Font::Title, width),
            Kind::Heading(text) => self.text(text, Font::Bold, width),
            Kind::Text(text) => self.text(text, Font::Message, width),
            Kind::Warning(text) => self.text(text, Font::Message, width - self.scale(BAR + GAP)),
            Kind::Fact { name, text } => {
                let (names, texts) = self.fact(width);
                let text = self.text(text, Font::Message, texts - self.scale(SELECTABLE)) + self.scale(2);
                self.text(name, Font::Message, names).max(text)
            }
            Kind::Entry { label, .. } => self.below(label, width) + self.line + self.scale(FRAME),
            Kind::TextArea { label, .. } => self.below(label, width) + 4 * self.line + self.scale(FRAME),
            Kind::Document { label, .. } => self.below(label, width) + self.scale(LEAST),
            Kind::Choice { label, options, .. } => {
                let list = list_height(node);
                if self.is_beside(label, options, width) {
                    list.max(self.line)
                } else {
                    self.below(label, width) + list
                }
            }
            Kind::Switch { label, .. } => self.text(label, Font::Message, width - self.scale(SWITCH)) + self.scale(2),
            Kind::Button { label, .. } => {
                self.text(label, font(node), width - self.scale(BUTTON)) + self.scale(FRAME + FRAME / 2)
            }
            Kind::Progress { label, .. } => self.below(label, width) + self.scale(PROGRESS),
            Kind::Image { .. } => self.image(node, THUMBNAIL, width).1,
            Kind::Icon(_) => self.image(node, ICON, width).1,
            Kind::Band(_) => self.scale(BAR),
        }
    }

    fn place(&self, node: &Node, element: &Element, area: Area, offset: i32) {
        let gap = self.scale(GAP);
        match (&element.kind, &node.items[..]) {
            (Kind::Column(_), _) => self.place_column(node, element, area, offset),
            (Kind::Row(_), _) => {
                let width = self.share(node, element, area.width);
                let mut left = area.left;
                for (node, element) in visible(node, element) {
                    self.place(node, element, Area { left, width, ..area }, offset);
                    left += width + gap;
                }
            }
            (Kind::Scrolled(_), [item]) => {
                item.place(area, offset);
                self.place_scrolled(node, element);
            }
            (Kind::Warning(_), [bar, text]) => {
                let width = self.scale(BAR);
                bar.place(Area { width, ..area }, offset);
                let before = width + gap;
                text.place(Area { left: area.left + before, width: area.width - before, ..area }, offset);
            }
            (Kind::Fact { .. }, [name, text]) => {
                let (names, texts) = self.fact(area.width);
                name.place(Area { width: names, ..area }, offset);
                text.place(Area { left: area.left + names + gap, width: texts, ..area }, offset);
            }
            (
                Kind::Entry { label: text, .. }
                | Kind::TextArea { label: text, .. }
                | Kind::Progress { label: text, .. }
                | Kind::Document { label: text, .. },
                [label, field],
            ) => {
                let before = self.below(text, area.width);
                label.place(Area { height: before, ..area }, offset);
                field.place(Area { top: area.top + before, height: area.height - before, ..area }, offset);
            }
            (Kind::Choice { label: text, options, .. }, [label, list]) => {
                self.place_choice((text, label), (options, list), area, offset);
            }
            (Kind::Button { label, weight: Weight::Link, .. }, [item]) => {
                let wanted = self.measure.width(label, item.font) + self.scale(BUTTON);
                item.place(Area { width: wanted.min(area.width), ..area }, offset);
            }
            (Kind::Image { .. } | Kind::Icon(_), [item]) => {
                let room = if matches!(element.kind, Kind::Icon(_)) { ICON } else { THUMBNAIL };
                let (width, height) = self.image(node, room, area.width);
                item.place(Area { width, height, ..area }, offset);
            }
            (_, [item]) => item.place(area, offset),
            _ => {}
        }
    }

    fn place_column(&self, node: &Node, element: &Element, area: Area, offset: i32) {
        let parts = self.column(node, element, area.width);
        let mut spare = (area.height - needed(&parts)).max(0);
        let mut takers = parts.iter().filter(|part| takes_more(part.element)).count() as i32;
        let mut top = area.top;
        for Part { before, mut height, node, element } in parts {
            if takes_more(element) {
                let share = spare / takers.max(1);
                (spare, takers) = (spare - share, takers - 1);
                height += share;
            }
            top += before;
            self.place(node, element, Area { top, height, ..area }, offset);
            top += height;
        }
    }

    fn place_scrolled(&self, node: &Node, element: &Element) {
        let Some(scroller) = &node.scroller else { return };
        let (width, page) = scroller.widget.inside();
        let width = width - self.scale(GAP);
        let height = needed(&self.column(node, element, width));
        scroller.set(height, page, self.line);
        self.place_column(node, element, Area { left: 0, top: 0, width, height }, scroller.offset());
    }

    fn place_choice(&self, label: (&str, &Item), list: (&[String], &Item), area: Area, offset: i32) {
        let closed = list.1.widget.height();
        let opened = closed * 8;
        if !self.is_beside(label.0, list.0, area.width) {
            let before = self.below(label.0, area.width);
            label.1.place(Area { height: before, ..area }, offset);
            list.1.place_with_list(Area { top: area.top + before, height: closed, ..area }, offset, opened);
            return;
        }
        let width = self.measure.width(label.0, Font::Message);
        let top = area.top + (area.height - self.line) / 2;
        label.1.place(Area { top, width, height: self.line, ..area }, offset);
        let before = width + self.scale(GAP);
        let area = Area { left: area.left + before, width: area.width - before, height: closed, ..area };
        list.1.place_with_list(area, offset, opened);
    }

    /// What is visible of a column.
    fn column<'n>(&self, node: &'n Node, element: &'n Element, width: i32) -> Vec<Part<'n>> {
        let parts = visible(node, element).enumerate().map(|(index, (node, element))| {
            let before = match &element.kind {
                _ if index == 0 => 0,
                // What belongs together stands together.
                Kind::Heading(_) => 2 * GAP,
                _ => GAP,
            };
            Part { before: self.scale(before), height: self.height(node, element, width), node, element }
        });
        parts.collect()
    }

    /// The width of each part of a row.
    fn share(&self, node: &Node, element: &Element, width: i32) -> i32 {
        let parts = visible(node, element).count().max(1) as i32;
        ((width - (parts - 1) * self.scale(GAP)) / parts).max(1)
    }

    fn text(&self, text: &str, font: Font, width: i32) -> i32 {
        self.measure.height(text, font, width)
    }

    /// Widths of the names of facts, and of their texts.
    fn fact(&self, width: i32) -> (i32, i32) {
        let names = self.names.min(width * 2 / 5);
        (names, width - names - self.scale(GAP))
    }

    /// How far a field stands below the top of its label.
    fn below(&self, label: &str, width: i32) -> i32 {
        self.text(label, Font::Message, width) + self.scale(LABEL_GAP)
    }

    /// Whether the longest option can be read beside the label.
    fn is_beside(&self, label: &str, options: &[String], width: i32) -> bool {
        let widths = options.iter().map(|option| self.measure.width(option, Font::Message));
        let option = widths.max().unwrap_or(0) + self.scale(OPTION);
        self.measure.width(label, Font::Message) + self.scale(GAP) + option <= width
    }

    fn image(&self, node: &Node, room: (i32, i32), width: i32) -> (i32, i32) {
        let room = (self.scale(room.0).min(width), self.scale(room.1));
        node.picture.borrow().as_ref().map_or((0, 0), |picture| picture.size(room.0, room.1))
    }
}

/// By a whole column.
fn needed(parts: &[Part<'_>]) -> i32 {
    parts.iter().map(|part| part.before + part.height).sum()
}

fn visible<'n>(node: &'n Node, element: &'n Element) -> impl Iterator<Item = (&'n Node, &'n Element)> {
    node.children.iter().zip(element.children()).filter(|(_, element)| element.visible)
}

fn widest_name(measure: &Measure<'_>, element: &Element) -> i32 {
    let own = match &element.kind {
        Kind::Fact { name, .. } => measure.width(name, Font::Message),
        _ => 0,
    };
    let visible = element.children().iter().filter(|child| child.visible);
    visible.map(|child| widest_name(measure, child)).fold(own, i32::max)
}

/// Whether it is the better the higher it is.
fn takes_more(element: &Element) -> bool {
    match &element.kind {
        Kind::Scrolled(_) | Kind::Document { .. } => true,
        Kind::Column(children) => children.iter().any(|child| child.visible && takes_more(child)),
        _ => false,
    }
}

fn font(node: &Node) -> Font {
    node.items.last().map_or(Font::Message, |item| item.font)
}

/// Of one that is closed: the system's own choice.
fn list_height(node: &Node) -> i32 {
    node.items.last().map_or(0, |item| item.widget.height())
}
