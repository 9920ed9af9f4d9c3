//! Shows what a draft holds: every field of every section, by the schema's own descriptors, so that a field that is added to
//! the schema is shown without anyone thinking of it.

mod value;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::ops::Range;

use prost::Message;
use report_format::schema::v1::{self, Category, Screen, SectionKind};

pub(super) use self::value::size;
use self::value::{show_value, utc};
use super::parts::{Part, Place, can_leave_out, has_fields_to_leave_out};
use super::wire::{Field, Value, next_field};
use super::{CategorySet, Draft, DraftSection, MemoryDraft, Request, category_title, hex};
use crate::descriptors::{SCHEMA, field_type};
use crate::text::escape;

/// Messages in messages, at most: the schema has 4.
const DEEPEST: usize = 16;
/// Bytes of a minidump that are shown: a window has to hold all of the text.
const MOST_SHOWN: usize = 1 << 20;
/// Of fields that are shown side by side.
const LONGEST_LINE: usize = 240;
/// Before a line that is not sent.
const LEFT_OUT: &str = "× ";

/// What is shown, and what of it can be left out.
#[derive(Default)]
pub(super) struct Shown {
    text: String,
    /// In the text.
    lines: usize,
    parts: Vec<Part>,
    /// Whose sections are shown now.
    report: usize,
}

impl Shown {
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Those without before those within.
    pub(super) fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What `show` adds can be left out by itself, if `place` is one.
    fn part(&mut self, place: Option<Place>, bytes: usize, show: impl FnOnce(&mut Self)) {
        let (number, first, report) = (self.parts.len(), self.lines, self.report);
        let is_part = place.is_some();
        self.parts.extend(place.map(|place| Part { report, place, lines: first..first, bytes }));
        show(self);
        if is_part {
            self.parts[number].lines.end = self.lines;
        }
    }

    /// The text, each line of these parts marked.
    fn with_marks(self, parts: &BTreeSet<(usize, &Place)>) -> String {
        let is_meant = |part: &&Part| parts.contains(&(part.report, &part.place));
        let ranges: Vec<&Range<usize>> = self.parts.iter().filter(is_meant).map(|part| &part.lines).collect();
        if ranges.is_empty() {
            return self.text;
        }
        let mark = |number| if ranges.iter().any(|range| range.contains(&number)) { LEFT_OUT } else { "" };
        self.text.lines().enumerate().map(|(number, line)| format!("{}{line}\n", mark(number))).collect()
    }
}

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        self.lines += text.matches('\n').count();
        Ok(())
    }
}

/// The sections that may be sent, each with its fields as they would be sent; what is left out of them by itself is marked, line by line. Safe for a terminal.
pub(super) fn preview<'p>(
    request: &Request<'_>,
    chosen: CategorySet,
    left_out: impl Iterator<Item = &'p Part>,
) -> String {
    let left_out: BTreeSet<(usize, &Place)> = left_out.map(|part| (part.report, &part.place)).collect();
    let mut shown = Shown::default();
    if !left_out.is_empty() {
        let _ = writeln!(shown, "\nLines that begin with {LEFT_OUT}are left out.");
    }
    let reports = request.reports();
    for (number, asked) in reports.iter().enumerate() {
        shown.report = number;
        if reports.len() > 1 {
            let _ = writeln!(shown, "\nReport {} of {}: {}", number + 1, reports.len(), heading(asked.draft));
        }
        show_draft(asked.draft, asked.offered, chosen, &left_out, &mut shown);
    }
    let _ = writeln!(
        shown,
        "\nBesides: the report's id, the product's id, the time and kind of the error in clear, and a record of what you allow.",
    );
    shown.with_marks(&left_out)
}

fn show_draft(
    draft: &Draft,
    offered: CategorySet,
    chosen: CategorySet,
    left_out: &BTreeSet<(usize, &Place)>,
    shown: &mut Shown,
) {
    let state = |is_sent| if is_sent { "chosen" } else { "left out" };
    for (number, section) in draft.sections.iter().enumerate() {
        if !offered.contains(section.category) {
            continue;
        }
        let place = Place { section: number, fields: Vec::new() };
        let is_sent = chosen.contains(section.category) && !left_out.contains(&(shown.report, &place));
        let (title, state) = (category_title(section.category), state(is_sent));
        let how = if section.kind == SectionKind::Screen { "; to look at it, choose p in the menu" } else { "" };
        let _ = writeln!(shown);
        shown.part(Some(place), section.payload.len(), |shown| {
            let _ = writeln!(shown, "{title} – {}, {state}{how}", name_and_size(section));
            show_section(number, section, shown);
        });
    }
    if let Some(memory) = draft.memory.as_ref().filter(|_| offered.contains(Category::FullMemory)) {
        let (title, state) = (category_title(Category::FullMemory), state(chosen.contains(Category::FullMemory)));
        let _ = writeln!(shown, "\n{title} – memory image, {}, {state}", size(memory.bytes));
        show_memory(memory, shown);
    }
}

/// What falls under one switch, as it would be sent: for a dialog that has its own titles. Of several reports each begins with a line that tells which.
pub(super) fn contents(request: &Request<'_>, category: Category) -> Shown {
    let mut shown = Shown::default();
    let reports = request.reports();
    for (number, asked) in reports.iter().enumerate().filter(|(_, asked)| asked.offered.contains(category)) {
        shown.report = number;
        if reports.len() > 1 {
            let _ = writeln!(shown, "report {} of {}: {}", number + 1, reports.len(), heading(asked.draft));
        }
        show_category(asked.draft, category, &mut shown);
    }
    shown
}

/// When it happened, and what.
pub(super) fn heading(draft: &Draft) -> String {
    let title = draft.message::<v1::Error>(SectionKind::Error).map(|error| escape(&error.title));
    format!("{} {}", utc(draft.time), title.unwrap_or_default()).trim_end().to_owned()
}

fn show_category(draft: &Draft, category: Category, shown: &mut Shown) {
    for (number, section) in draft.sections.iter().enumerate().filter(|(_, section)| section.category == category) {
        let place = can_leave_out(category).then(|| Place { section: number, fields: Vec::new() });
        shown.part(place, section.payload.len(), |shown| {
            let _ = writeln!(shown, "{}", name_and_size(section));
            show_section(number, section, shown);
            if section.kind == SectionKind::Minidump {
                hex::dump(&section.payload, MOST_SHOWN, "  ", shown);
            }
        });
    }
    if let Some(memory) = draft.memory.as_ref().filter(|_| category == Category::FullMemory) {
        show_memory(memory, shown);
    }
}

/// Of a kind of section: such as `installed software`.
pub(super) fn name_of(kind: SectionKind) -> String {
    kind.as_str_name().trim_start_matches("SECTION_KIND_").to_lowercase().replace('_', " ")
}

fn name_and_size(section: &DraftSection) -> String {
    format!("{}, {}", name_of(section.kind), size(section.payload.len() as u64))
}

/// What can be said of an image that nobody can read through.
fn show_memory(memory: &MemoryDraft, text: &mut Shown) {
    let _ = writeln!(
        text,
        "  All that the program had in memory when it failed: {} in {} regions, of which {} are kept and the rest is zeros or the\n  \
         same again. It can hold everything that you had open or typed, passwords too; nobody can say what is in it.",
        size(memory.covered),
        memory.regions,
        size(memory.stored),
    );
    if memory.unreadable > 0 {
        let _ = writeln!(text, "  {} could not be read.", size(memory.unreadable));
    }
    let _ = writeln!(
        text,
        "  The environment, the command line and what the program keeps out of reports were replaced by zeros: {}.\n  \
         Until you decide it lies here encrypted; not chosen, it is destroyed.",
        size(memory.erased),
    );
}

/// What can be said of an image where none can be shown.
fn show_screen(screen: &Screen, text: &mut Shown) {
    let Screen { width, height, scale_percent, .. } = screen;
    let display = if screen.display.is_empty() { String::new() } else { format!(" {}", escape(&screen.display)) };
    let _ = write!(text, "  What was on the display{display} when it happened, {width} × {height} pixels");
    let _ = if (1..100).contains(scale_percent) { write!(text, ", made smaller to {scale_percent} %") } else { Ok(()) };
    let _ = text.write_str(if screen.own_windows_only {
        ".\n  The windows of this program are on it; all else is grey.\n"
    } else {
        ".\n  It can hold what you had open in other programs, messages that came in, names and faces.\n"
    });
    let _ = text.write_str("  Until you decide it lies here encrypted; not chosen, it is destroyed.\n");
}

/// `number`: the section's.
fn show_section(number: usize, section: &DraftSection, text: &mut Shown) {
    let all = Place { section: number, fields: Vec::new() };
    match (section.kind, SCHEMA.sections.get(&(section.kind as i32))) {
        (SectionKind::Minidump, _) => {
            let _ = text.write_str(
                "  A minidump: the processor's registers, the stack of each thread and memory near them, as they were. Nobody can\n  \
                 say what is in it. The environment and the command line were removed; what describes the computer is\n  \
                 removed too if you leave out the operating system.\n",
            );
        }
        (SectionKind::Screen, Some(message)) => {
            if let Ok(screen) = Screen::decode(section.payload.as_slice()) {
                show_screen(&screen, text);
            }
            Fields { kind: section.kind, message, place: all }.show(&section.payload, text);
        }
        (_, None) => {
            let _ = text.write_str("  Binary data; it cannot be shown here.\n");
        }
        (_, Some(message)) => Fields { kind: section.kind, message, place: all }.show(&section.payload, text),
    }
}

/// Those of one message.
struct Fields<'a> {
    /// Of the section that they are in.
    kind: SectionKind,
    /// What the message is called.
    message: &'a str,
    /// Of the message.
    place: Place,
}

impl Fields<'_> {
    /// Writes a line for each field. Bytes that make no sense are said to be there: nothing is hidden.
    fn show(&self, mut bytes: &[u8], text: &mut Shown) {
        let depth = self.place.fields.len() + 1;
        let indent = "  ".repeat(depth);
        for number in 0.. {
            let Some(field) = next_field(&mut bytes) else { break };
            let place = [&self.place.fields[..], &[number]].concat();
            let place = Place { section: self.place.section, fields: place };
            let can_be_left_out = has_fields_to_leave_out(self.kind);
            let part = can_be_left_out.then(|| place.clone());
            text.part(part, field.raw.len(), |text| self.show_field(field, place, &indent, text));
        }
        if !bytes.is_empty() {
            let _ = writeln!(text, "{indent}({} bytes that cannot be read)", bytes.len());
        }
    }

    fn show_field(&self, Field { number, value, .. }: Field<'_>, place: Place, indent: &str, text: &mut Shown) {
        let message = SCHEMA.messages.get(self.message);
        let field = message.and_then(|message| message.field.iter().find(|field| field.number == number));
        let label = field.map_or_else(|| format!("field {number}"), |field| field.name.replace('_', " "));
        match (field, value) {
            (Some(field), Value::Bytes(inner)) if field.kind == field_type::MESSAGE && place.fields.len() < DEEPEST => {
                if let Some(line) = in_a_line(&field.type_name, inner) {
                    let _ = writeln!(text, "{indent}{label}: {line}");
                } else {
                    let _ = writeln!(text, "{indent}{label}:");
                    Fields { kind: self.kind, message: &field.type_name, place }.show(inner, text);
                }
            }
            (field, value) => {
                let shown = show_value(field, value).replace('\n', &format!("\n{indent}    "));
                let _ = writeln!(text, "{indent}{label}: {shown}");
            }
        }
    }
}

/// The fields of a message without messages in it, side by side: a list of a thousand programs has as many lines. `None` where that is not all of it, or too
/// long.
fn in_a_line(name: &str, mut bytes: &[u8]) -> Option<String> {
    let message = SCHEMA.messages.get(name)?;
    // What is said in words can be struck out without what is beside it.
    if message.field.iter().any(|field| field.name == "message") {
        return None;
    }
    let mut line = String::new();
    while !bytes.is_empty() {
        let Field { number, value, .. } = next_field(&mut bytes)?;
        let field = message.field.iter().find(|field| field.number == number)?;
        if field.kind == field_type::MESSAGE {
            return None;
        }
        let shown = show_value(Some(field), value);
        if shown.contains('\n') || line.len() + shown.len() > LONGEST_LINE {
            return None;
        }
        let separator = if line.is_empty() { "" } else { "; " };
        let _ = write!(line, "{separator}{}: {shown}", field.name.replace('_', " "));
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use std::iter;

    use proptest::prelude::*;
    use report_format::ReportId;
    use report_format::schema::v1::{
        Action, Actions, Attachment, CommandStep, Diagnostics, Error, ErrorKind, ErrorLink, InstalledProgram,
        InstalledSoftware, Product, Surface, action::Step,
    };

    use super::*;
    use crate::consent::Notice;

    fn preview(draft: &Draft, offered: CategorySet, chosen: CategorySet) -> String {
        super::preview(&Request::new(draft, &Notice::default(), offered).unwrap(), chosen, iter::empty())
    }

    fn draft() -> Draft {
        Draft::new(
            ReportId([1; 16]),
            Product { name: "Ledger".into(), ..Product::default() },
            [2; 16],
            ErrorKind::Crash,
            7,
        )
    }

    #[test]
    fn a_memory_image_is_shown_with_what_it_can_hold_and_what_was_taken_out() {
        let memory = MemoryDraft {
            sha256: [3; 32],
            bytes: 2_000_000,
            covered: 3_000_000_000,
            stored: 7_000_000,
            unreadable: 4096,
            erased: 512,
            regions: 40,
        };
        let draft = Draft { memory: Some(memory), ..draft() };
        let text = preview(&draft, CategorySet::all(), CategorySet::essential());
        let facts = [
            "2.0 MB, left out",
            "3.0 GB in 40 regions",
            "7.0 MB are kept",
            "4.1 kB could not be read",
            "512 B",
            "passwords",
        ];
        for fact in facts {
            assert!(text.contains(fact), "{fact:?} in {text}");
        }
        assert!(!preview(&draft, CategorySet::essential(), CategorySet::essential()).contains("memory image"));
    }

    #[test]
    fn a_dialog_shows_each_byte_of_a_minidump_as_a_number_and_as_text() {
        let mut draft = draft();
        let payload = b"MDMP a password".to_vec();
        draft.sections.push(DraftSection { kind: SectionKind::Minidump, category: Category::Memory, payload });
        let notice = Notice::default();
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let text = contents(&request, Category::Memory).into_text();
        assert!(
            text.contains("  00000000  4d 44 4d 50 20 61 20 70  61 73 73 77 6f 72 64     MDMP a password\n"),
            "{text}"
        );
        assert!(!preview(&draft, CategorySet::all(), CategorySet::all()).contains("4d 44"), "a terminal is too small");
    }

    #[test]
    fn an_image_is_shown_as_what_it_can_show_and_where_to_look_at_it() {
        let screen = Screen {
            display: "eDP-1\u{1b}[2J".into(),
            png: vec![0xff; 3000],
            width: 1920,
            height: 1080,
            scale_percent: 50,
            ..Screen::default()
        };
        let shown = |screen: &Screen| {
            let mut draft = draft();
            draft.push(SectionKind::Screen, Category::Screen, screen);
            preview(&draft, CategorySet::all(), CategorySet::essential())
        };
        let text = shown(&screen);
        let facts = [
            "eDP-1\\u{1b}[2J when",
            "1920 × 1080 pixels",
            "smaller to 50 %",
            "other programs",
            "choose p",
            "3.0 kB of binary data",
        ];
        for fact in facts {
            assert!(text.contains(fact), "{fact:?} in {text}");
        }
        let text = shown(&Screen { own_windows_only: true, scale_percent: 100, ..screen });
        assert!(text.contains("all else is grey") && !text.contains("other programs") && !text.contains("smaller"));
    }

    #[test]
    fn every_field_is_shown_by_its_name_and_in_its_format() {
        let mut draft = draft();
        let link = ErrorLink { message: "cannot read".into(), code: Some(-2), ..ErrorLink::default() };
        let error = Error {
            kind: ErrorKind::OutOfMemory as i32,
            time: 1_795_469_176_000_000_000,
            utc_offset_seconds: -3600,
            chain: vec![link],
            ..Error::default()
        };
        draft.push(SectionKind::Error, Category::Essential, &error);
        let step =
            CommandStep { command_id: "file.export".into(), surface: Surface::Menu as i32, ..CommandStep::default() };
        let actions = Actions {
            actions: vec![Action { step: Some(Step::Command(step)), ..Action::default() }],
            ..Actions::default()
        };
        draft.push(SectionKind::Actions, Category::Actions, &actions);
        let attachment = Attachment { name: "log".into(), content: b"first\nsecond".to_vec(), ..Attachment::default() };
        draft.push(SectionKind::Attachment, Category::Attachments, &attachment);
        let diagnostics = Diagnostics { dropped_streams: vec![0x4767_0009, 15], ..Diagnostics::default() };
        draft.push(SectionKind::Diagnostics, Category::Essential, &diagnostics);
        let text = preview(&draft, CategorySet::all(), CategorySet::all().without(Category::Actions));
        for expected in [
            "name: Ledger",
            "kind: out of memory",
            "time: 2026-11-23T21:26:16Z",
            "utc offset seconds: -3600",
            "message: cannot read\n    code: -2\n",
            "left out",
            "command id: file.export",
            "surface: menu",
            "first\n      second",
            "dropped streams: 0x47670009, 0xf\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
    }

    #[test]
    fn small_things_of_a_list_take_a_line_each_and_nothing_of_them_is_hidden() {
        let program = |version: &str| InstalledProgram {
            name: "libreoffice".into(),
            version: version.into(),
            manager: "dpkg".into(),
            ..InstalledProgram::default()
        };
        let mut draft = draft();
        let long = "7".repeat(300);
        let programs = vec![program("7.4.7"), program(&long)];
        let software = InstalledSoftware { programs, ..InstalledSoftware::default() };
        draft.push(SectionKind::InstalledSoftware, Category::InstalledSoftware, &software);
        let text = preview(&draft, CategorySet::all(), CategorySet::all());
        assert!(text.contains("\n  programs: name: libreoffice; version: 7.4.7; manager: dpkg\n"), "{text}");
        assert!(text.contains(&format!("\n  programs:\n    name: libreoffice\n    version: {long}\n")), "{text}");
        // What this version does not know is no reason to hide the rest.
        let unknown = [&b"\x0a\x09"[..], b"\x0a\x01a", b"\xfa\x06\x03new"].concat();
        draft.sections.push(DraftSection {
            kind: SectionKind::InstalledSoftware,
            category: Category::InstalledSoftware,
            payload: unknown,
        });
        let text = preview(&draft, CategorySet::all(), CategorySet::all());
        assert!(text.contains("    name: a\n") && text.contains("field 111: "), "{text}");
    }

    #[test]
    fn what_is_left_out_by_itself_is_marked_line_by_line() {
        let mut draft = draft();
        for (name, content) in [("diary", "Monday\nTuesday"), ("log", "all is well")] {
            let file = Attachment { name: name.into(), content: content.into(), ..Attachment::default() };
            draft.push(SectionKind::Attachment, Category::Attachments, &file);
        }
        let notice = Notice::default();
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let parts = contents(&request, Category::Attachments).into_parts();
        let shown = |left_out: &[Part]| super::preview(&request, CategorySet::all(), left_out.iter());
        assert!(!shown(&[]).contains('×'));
        // All of the first file, and the second one's name.
        let [file, _, _, _, name, _] = &parts[..] else { panic!("{parts:?}") };
        let text = shown(&[file.clone(), name.clone()]);
        for line in [
            "Lines that begin with × are left out",
            "\n× Files that the program attaches – attachment, 23 B, left out\n×   name: diary\n×   content: 14 B of text\n",
            "\n×       Monday\n×       Tuesday\n\nFiles that",
            "attaches – attachment, 18 B, chosen\n×   name: log\n  content: 11 B of text\n      all is well\n",
            "\nWhat went wrong, in which product; your decision – product, 8 B, chosen\n  name: Ledger\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
    }

    #[test]
    fn text_from_the_product_cannot_steer_the_terminal() {
        let mut draft = draft();
        let attachment =
            Attachment { content: b"\x1b[2J evil log".to_vec(), name: "\u{202e}gol".into(), ..Attachment::default() };
        draft.push(SectionKind::Attachment, Category::Attachments, &attachment);
        let text = preview(&draft, CategorySet::all(), CategorySet::all());
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    }

    #[test]
    fn every_section_kind_of_the_schema_can_be_shown() {
        for kind in (1..).map_while(|number| SectionKind::try_from(number).ok()) {
            assert_eq!(SCHEMA.sections.contains_key(&(kind as i32)), kind.is_message(), "{kind:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_shown(kind in 1i32..20, payload: Vec<u8>) {
            let mut draft = draft();
            let kind = SectionKind::try_from(kind).unwrap();
            draft.sections.push(DraftSection { kind, category: Category::Essential, payload });
            let text = preview(&draft, CategorySet::all(), CategorySet::all());
            prop_assert!(!text.chars().any(|character| character.is_control() && character != '\n'));
        }
    }
}
