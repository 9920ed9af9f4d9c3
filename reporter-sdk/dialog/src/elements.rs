//! What a window is made of, for any toolkit.

use std::sync::Arc;

use report_format::schema::v1::Category;

/// A window as it is to be now. Asked again after each event, it has the same elements in the same places: what changes is whether they are visible and enabled, and
/// what they say. So a toolkit makes its widgets once, and then goes through both trees side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// For the title bar and the task bar.
    pub title: String,
    /// Whether it is laid out from right to left.
    pub right_to_left: bool,
    /// Whether the person sees it.
    pub visible: bool,
    /// Where the keyboard is at first, and whenever this changes.
    pub focus: Control,
    /// All of it.
    pub root: Element,
}

/// A part of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// What it is.
    pub kind: Kind,
    /// Takes no room if not.
    pub visible: bool,
}

/// What an element is. Each that a person can act upon has its [`Control`] and a label that a screen reader says.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// One below the other.
    Column(Vec<Element>),
    /// One beside the other, in the direction of reading, each as wide as the others.
    Row(Vec<Element>),
    /// As a column, which is scrolled where it is higher than there is room.
    Scrolled(Vec<Element>),
    /// The first line of the window.
    Title(String),
    /// A line above what belongs together.
    Heading(String),
    /// Text that wraps.
    Text(String),
    /// Text to be seen before what is beside it is chosen.
    Warning(String),
    /// What is said of one thing, such as a recipient: its name, and the text, which can be selected.
    Fact { name: String, text: String },
    /// A line to type into, of so many characters at most.
    Entry { control: Control, label: String, text: String, limit: usize },
    /// Lines to type into.
    TextArea { control: Control, label: String, text: String, limit: usize },
    /// On or off.
    Switch { control: Control, label: String, on: bool },
    /// One of several.
    Choice { control: Control, label: String, options: Vec<String>, selected: usize },
    /// To be pressed.
    Button { control: Control, label: String, enabled: bool, weight: Weight },
    /// A PNG file, shown small. Empty, and not visible, until there is one.
    Image { png: Arc<[u8]>, label: String },
    /// A line of the product's colour, from red to blue.
    Band([u8; 3]),
    /// The product's icon, a PNG file that says nothing.
    Icon(Arc<[u8]>),
    /// How far something is, in thousandths; `None` where nobody knows.
    Progress { label: String, done: Option<u16> },
    /// Long text of fixed width to scroll through, which can be selected. It tells in which line its cursor is; where the text changes, the cursor is then in `line`.
    Document { control: Control, label: String, text: Arc<str>, line: usize },
}

/// How much a button draws to itself. None is pressed by Enter alone: nobody is to send by habit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// As any.
    Plain,
    /// What most are looking for.
    Suggested,
    /// Leads on to more, as a link does.
    Link,
}

/// What a person acts upon: a toolkit names it in what it tells the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    FirstName,
    LastName,
    Email,
    Description,
    /// The switch of a category.
    Offer(Category),
    OpenContents,
    Search,
    Contents,
    /// Leaves out what is at the cursor of the contents, or takes it in again.
    LeaveOut,
    Back,
    NextTime,
    /// Whether the product starts again.
    Restart,
    Send,
    Decline,
    Later,
    /// Writes the report to a file.
    Save,
    /// Does not wait for all of the program's memory.
    LeaveOutMemory,
    /// Takes back that it is sent.
    Withdraw,
    /// Copies the report's id.
    CopyId,
    /// What has begun goes on without a window.
    Close,
}

impl Element {
    /// Visible.
    pub fn new(kind: Kind) -> Self {
        Self { kind, visible: true }
    }

    /// Visible if so.
    pub fn only_if(visible: bool, kind: Kind) -> Self {
        Self { kind, visible }
    }

    /// The parts of a column or a row.
    pub fn children(&self) -> &[Element] {
        match &self.kind {
            Kind::Column(children) | Kind::Row(children) | Kind::Scrolled(children) => children,
            _ => &[],
        }
    }

    /// What a person acts upon.
    pub fn control(&self) -> Option<Control> {
        match &self.kind {
            Kind::Entry { control, .. }
            | Kind::TextArea { control, .. }
            | Kind::Switch { control, .. }
            | Kind::Choice { control, .. }
            | Kind::Button { control, .. }
            | Kind::Document { control, .. } => Some(*control),
            _ => None,
        }
    }
}
