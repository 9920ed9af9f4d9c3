//! A whole report on a page: what happened first, then where, then what led to it, then the circumstances.

use std::io;

use report_format::schema::v1::{
    self, Actions, Annotations, Attachment, Category, ConsentRecord, Contact, Diagnostics, ErrorKind, ErrorLink,
    MemoryRegions, Modules, Product, Screen, SectionKind, SourceLocation, Stacks,
};
use report_format::{Status, seal};

use super::page::{Look, Page, Span};
use super::{facts, stack, timeline, value};
use crate::content::{Content, kind_name};
use crate::keys;
use crate::minidump;
use crate::reflect::Schema;

/// Losses that are listed without `--all`.
const LOSSES: usize = 12;
/// Soft errors that are listed without `--all`.
const SOFT_ERRORS: usize = 32;

/// What is drawn in full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail {
    pub(crate) all: bool,
    pub(crate) all_threads: bool,
}

/// Draws everything the report holds.
pub(crate) fn draw(page: &mut Page<'_>, content: &Content, detail: Detail) -> io::Result<()> {
    let error: v1::Error = content.first(SectionKind::Error).unwrap_or_default();
    let consent: Option<ConsentRecord> = content.first(SectionKind::Consent);
    header(page, content, &error)?;
    losses(page, content, detail)?;
    sealed(page, content)?;
    warnings(page, content, consent.as_ref())?;
    contact(page, content)?;
    fault(page, &error)?;

    let modules: Modules = content.first(SectionKind::Modules).unwrap_or_default();
    let stacks: Stacks = content.first(SectionKind::Stacks).unwrap_or_default();
    stack::draw(page, &stacks, &modules, stack::Detail { all: detail.all, all_threads: detail.all_threads })?;
    if let Some(actions) = content.first::<Actions>(SectionKind::Actions) {
        let thread = (error.thread_id != 0).then_some(error.thread_id);
        timeline::draw(page, &actions, &error.title, thread, detail.all)?;
    }
    annotations(page, content)?;
    if let Some(consent) = &consent {
        draw_consent(page, consent, detail)?;
    }
    inventory(page, content, detail)?;
    if !modules.modules.is_empty() {
        stack::modules(page, &modules, &stacks, detail.all)?;
    }
    attachments(page, content)?;
    dumps(page, content)?;
    diagnostics(page, content, detail)?;
    unknown(page, content)
}

fn header(page: &mut Page<'_>, content: &Content, error: &v1::Error) -> io::Result<()> {
    let loaded = &content.loaded;
    let summary = loaded.report.summary().cloned().unwrap_or_default();
    let product: Product = content.first(SectionKind::Product).unwrap_or_default();
    let name = match (product.name.as_str(), product.version.as_str()) {
        ("", "") => "Unknown product".to_owned(),
        (name, version) => format!("{name} {version}").trim().to_owned(),
    };
    let mut details: Vec<String> = Vec::new();
    if !product.build.is_empty() {
        details.push(format!("build {}", product.build));
    }
    details.extend([product.channel, product.vendor].into_iter().filter(|text| !text.is_empty()));
    let mut title = vec![Span::new(Look::Strong, name)];
    if !details.is_empty() {
        title.push(Span::dim(format!("  {}", details.join(", "))));
    }
    page.line(0, &title)?;
    // By the summary: it is there in a sealed report as well.
    if summary.kind() == ErrorKind::Simulated {
        page.paragraph(0, Look::Warning, "Test report: nothing went wrong, somebody tried the way to support.")?;
    }
    if !error.title.is_empty() {
        page.paragraph(0, Look::Bad, &error.title)?;
    }
    page.blank()?;

    let time = if error.time == 0 { summary.time } else { error.time };
    let when = match (time, value::local_time(time, error.utc_offset_seconds)) {
        (0, _) => String::new(),
        (time, Some(local)) if error.utc_offset_seconds != 0 => format!("{}, for the user {local}", value::time(time)),
        (time, _) => value::time(time),
    };
    let kind = if error.kind == 0 { summary.kind } else { error.kind };
    let status = match content.status() {
        Status::Complete => Span::new(Look::Good, "complete"),
        Status::Partial => Span::new(Look::Warning, "PARTIAL: what follows is right, and it is not all"),
        Status::Corrupt => Span::new(Look::Bad, "CORRUPT: some bytes were changed; what follows passed its own checks"),
    };
    page.fields(
        2,
        &[
            ("status", status),
            (
                "kind",
                Span::plain(if kind == 0 {
                    String::new()
                } else {
                    Schema::get().word("ErrorKind", kind).replace('_', " ")
                }),
            ),
            ("when", Span::plain(when)),
            (
                "running for",
                Span::plain(if error.uptime_nanos == 0 { String::new() } else { value::span(error.uptime_nanos) }),
            ),
            ("report", Span::plain(content.id().unwrap_or_default())),
            ("from", Span::plain(&loaded.origin)),
            ("mail", Span::plain(loaded.subject.as_deref().unwrap_or_default())),
            ("size", Span::plain(value::size(loaded.size))),
            ("reporter", Span::plain(product.sdk_version)),
        ],
    )
}

fn losses(page: &mut Page<'_>, content: &Content, detail: Detail) -> io::Result<()> {
    let losses = content.losses();
    if losses.is_empty() {
        return Ok(());
    }
    page.heading("What is lost", "")?;
    let shown = if detail.all { losses.len() } else { losses.len().min(LOSSES) };
    for loss in &losses[..shown] {
        page.paragraph(2, Look::Warning, loss)?;
    }
    page.more(2, losses.len() - shown)
}

/// A report that holds more than was granted was not made by our encoder, or not well: whoever reads it should know.
fn warnings(page: &mut Page<'_>, content: &Content, consent: Option<&ConsentRecord>) -> io::Result<()> {
    let granted = |category: u16| {
        i32::from(category) == Category::Essential as i32
            || consent.is_some_and(|consent| consent.granted.contains(&i32::from(category)))
    };
    // Where the record of the consent itself is sealed, nothing can be held against it.
    let sealed = &content.loaded.sealed;
    if sealed.iter().any(|section| section.class == seal::Class::Triage && section.outcome != seal::Outcome::Opened) {
        return Ok(());
    }
    // A sealed section has no category of its own.
    let in_clear = content.sections().filter(|(section, _)| seal::Class::sealed_in(section.header.kind).is_none());
    let ungranted = in_clear.filter(|(section, _)| !granted(section.header.category)).map(|(section, _)| {
        let category = Schema::get().word("Category", i32::from(section.header.category)).replace('_', " ");
        format!("{} ({category})", kind_name(section.header.kind).replace('_', " "))
    });
    let names: Vec<String> = ungranted.collect();
    if names.is_empty() {
        return Ok(());
    }
    page.heading("Not covered by the consent in this report", "")?;
    page.paragraph(2, Look::Warning, &names.join(", "))
}

fn fault(page: &mut Page<'_>, error: &v1::Error) -> io::Result<()> {
    if error.fault.is_none() && error.chain.is_empty() && error.exit_code.is_none() {
        return Ok(());
    }
    page.heading("Error", "")?;
    let fault = error.fault.clone().unwrap_or_default();
    let code = match (error.fault.is_some(), fault.name.as_str()) {
        (false, _) => String::new(),
        (true, "") => format!("{:#x}, code {}", fault.code, fault.subcode),
        (true, name) => format!("{name} ({}), code {}", fault.code, fault.subcode),
    };
    let thread = match (error.thread_id, error.thread_name.as_str()) {
        (0, name) => name.to_owned(),
        (id, "") => id.to_string(),
        (id, name) => format!("{id} “{name}”"),
    };
    page.fields(
        2,
        &[
            ("fault", Span::plain(code)),
            ("address", Span::plain(fault.address.map(|address| format!("{address:#x}")).unwrap_or_default())),
            ("thread", Span::plain(thread)),
            ("exit code", Span::plain(error.exit_code.map(|code| code.to_string()).unwrap_or_default())),
        ],
    )?;
    for (number, link) in error.chain.iter().enumerate() {
        draw_link(page, number, link)?;
    }
    Ok(())
}

fn draw_link(page: &mut Page<'_>, number: usize, link: &ErrorLink) -> io::Result<()> {
    let mut spans = vec![Span::dim(if number == 0 { "" } else { "caused by " })];
    if !link.type_name.is_empty() {
        spans.push(Span::new(Look::Name, format!("{}: ", link.type_name)));
    }
    spans.push(Span::plain(link.message.lines().next().unwrap_or_default()));
    if let Some(code) = link.code {
        spans.push(Span::dim(format!(" (code {code})")));
    }
    page.line(2, &spans)?;
    for line in link.message.lines().skip(1) {
        page.paragraph(6, Look::Plain, line)?;
    }
    if let Some(location) = &link.location {
        page.line(6, &[Span::dim(format!("at {}", place(location)))])?;
    }
    for frame in &link.frames {
        let mut spans = vec![Span::dim("at "), Span::plain(&frame.method)];
        if let Some(location) = &frame.location {
            spans.push(Span::dim(format!("  {}", place(location))));
        }
        spans.push(Span::dim(format!("  {} {:#x}+{:#x}", frame.assembly, frame.token, frame.il_offset)));
        page.line(6, &spans)?;
    }
    Ok(())
}

fn place(location: &SourceLocation) -> String {
    let mut text = location.file.clone();
    for number in [location.line, location.column].into_iter().take_while(|number| *number != 0) {
        text += &format!(":{number}");
    }
    text
}

fn contact(page: &mut Page<'_>, content: &Content) -> io::Result<()> {
    let Some(contact) = content.first::<Contact>(SectionKind::Contact) else { return Ok(()) };
    page.heading("The user writes", "")?;
    page.fields(
        2,
        &[
            ("name", Span::plain(format!("{} {}", contact.first_name, contact.last_name).trim())),
            ("e-mail", Span::plain(&contact.email)),
            ("language", Span::plain(&contact.language)),
        ],
    )?;
    page.paragraph(2, Look::Strong, &contact.description)
}

fn annotations(page: &mut Page<'_>, content: &Content) -> io::Result<()> {
    let Some(annotations) = content.first::<Annotations>(SectionKind::Annotations) else { return Ok(()) };
    page.heading("Annotations", "by the product")?;
    let cut = |cut: bool| if cut { " (cut)" } else { "" };
    let safe_keys: Vec<(String, Span)> = annotations
        .annotations
        .iter()
        .map(|one| (one.key.clone(), Span::plain(format!("{}{}", one.value, cut(one.truncated)))))
        .collect();
    let mut fields: Vec<(&str, Span)> = safe_keys.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    fields.push(("command line", Span::plain(annotations.command_line.join(" "))));
    page.fields(2, &fields)
}

fn draw_consent(page: &mut Page<'_>, consent: &ConsentRecord, detail: Detail) -> io::Result<()> {
    let words = |categories: &[i32]| {
        let words = categories.iter().map(|category| Schema::get().word("Category", *category).replace('_', " "));
        words.collect::<Vec<_>>().join(", ")
    };
    let source = match consent.source() {
        v1::ConsentSource::Person => "the person, asked about this report".to_owned(),
        v1::ConsentSource::Remembered => "the person, who chose earlier to be asked no more".to_owned(),
        v1::ConsentSource::Administrator => "the machine's administrator, by policy".to_owned(),
        v1::ConsentSource::ProductDialog => {
            "the person, asked about this report by the product's own dialog".to_owned()
        }
        v1::ConsentSource::Unspecified => Schema::get().word("ConsentSource", consent.source),
    };
    // What was refused is told apart from what was only not filled in: the record has the contact, which is always
    // offered, among the declined ones also where the person simply typed nothing.
    let (not_given, declined): (Vec<i32>, Vec<i32>) =
        consent.declined.iter().partition(|category| **category == Category::Contact as i32);
    page.heading("Consent", "")?;
    page.fields(
        2,
        &[
            ("by", Span::plain(source)),
            ("when", Span::plain(if consent.time == 0 { String::new() } else { value::time(consent.time) })),
            ("granted", Span::plain(words(&consent.granted))),
            ("declined", Span::new(Look::Warning, words(&declined))),
            ("left out", Span::new(Look::Warning, consent.left_out.join(", "))),
            ("not given", Span::plain(words(&not_given))),
            ("purpose", Span::plain(&consent.stated_purpose)),
            ("recipient", Span::plain(&consent.recipient)),
            ("preview", Span::dim(if detail.all { value::hex(&consent.preview_digest) } else { String::new() })),
        ],
    )
}

fn inventory(page: &mut Page<'_>, content: &Content, detail: Detail) -> io::Result<()> {
    const SUBJECTS: [(SectionKind, &str, bool); 6] = [
        (SectionKind::System, "System", false),
        (SectionKind::Account, "Account", false),
        (SectionKind::Network, "Network", false),
        (SectionKind::Devices, "Devices", false),
        (SectionKind::Processes, "Running", true),
        (SectionKind::InstalledSoftware, "Installed software", true),
    ];
    for (kind, title, fold) in SUBJECTS {
        for (_, part) in content.all(kind) {
            let Some(message) = &part.message else { continue };
            page.heading(title, if part.incomplete { "incomplete" } else { "" })?;
            facts::draw(page, 2, message, facts::Detail { all: detail.all, fold })?;
        }
    }
    Ok(())
}

fn attachments(page: &mut Page<'_>, content: &Content) -> io::Result<()> {
    let state = |incomplete: bool| if incomplete { "incomplete" } else { "" };
    let mut rows = Vec::new();
    for (number, (_, part)) in (1..).zip(content.all(SectionKind::Attachment)) {
        let attachment: Attachment = part.typed().unwrap_or_default();
        let left_out = attachment.original_size.saturating_sub(attachment.content.len() as u64);
        let size = match left_out {
            0 => value::size(attachment.content.len() as u64),
            _ => format!(
                "{}, the end of {}",
                value::size(attachment.content.len() as u64),
                value::size(attachment.original_size)
            ),
        };
        let (name, kind) = (Span::new(Look::Name, attachment.name), Span::plain(attachment.media_type));
        rows.push(vec![
            Span::dim(format!("attachment-{number:03}")),
            name,
            kind,
            Span::plain(size),
            Span::new(Look::Warning, state(part.incomplete)),
        ]);
    }
    for (number, (_, part)) in (1..).zip(content.all(SectionKind::Screen)) {
        let screen: Screen = part.typed().unwrap_or_default();
        let windows = if screen.own_windows_only { ", own windows" } else { "" };
        let scale = match screen.scale_percent {
            0 | 100 => String::new(),
            percent => format!(" at {percent} %"),
        };
        let kind = format!("{}×{}{scale}{windows}", screen.width, screen.height);
        let (name, size) = (Span::new(Look::Name, screen.display), Span::plain(value::size(screen.png.len() as u64)));
        rows.push(vec![
            Span::dim(format!("screen-{number:03}")),
            name,
            Span::plain(kind),
            size,
            Span::new(Look::Warning, state(part.incomplete)),
        ]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    page.heading("Attachments", "`reportdecode extract` writes them to files")?;
    page.columns(2, &rows)
}

/// What is not shown for want of a key comes early: else it looks as if it were not there.
fn sealed(page: &mut Page<'_>, content: &Content) -> io::Result<()> {
    let sections = &content.loaded.sealed;
    if sections.is_empty() {
        return Ok(());
    }
    page.heading("Sealed", "")?;
    for section in sections {
        let look = if section.outcome == seal::Outcome::Opened { Look::Plain } else { Look::Warning };
        page.line(2, &[Span::new(look, keys::told(section))])?;
    }
    Ok(())
}

fn dumps(page: &mut Page<'_>, content: &Content) -> io::Result<()> {
    for (section, part) in content.all(SectionKind::Minidump) {
        page.heading("Minidump", if part.incomplete { "incomplete" } else { "" })?;
        let size = Span::plain(value::size(section.bytes.len() as u64));
        match minidump::outline(&section.bytes) {
            Ok(outline) => {
                let crash = outline
                    .crash
                    .map(|crash| format!("{} at {:#x} in thread {}", crash.reason, crash.address, crash.thread));
                page.fields(
                    2,
                    &[
                        ("size", size),
                        ("crash", Span::plain(crash.unwrap_or_default())),
                        (
                            "threads",
                            Span::plain(outline.threads.map(|threads| threads.to_string()).unwrap_or_default()),
                        ),
                        ("streams", Span::dim(outline.streams.join(", "))),
                    ],
                )?;
            }
            Err(why) => page.fields(2, &[("size", size), ("unreadable", Span::new(Look::Warning, why))])?,
        }
    }
    memory_image(page, content)
}

fn memory_image(page: &mut Page<'_>, content: &Content) -> io::Result<()> {
    let Some((_, part)) = content.all(SectionKind::MemoryImage).next() else { return Ok(()) };
    let remark = if part.incomplete { "incomplete" } else { "`reportdecode export` writes it for debuggers" };
    page.heading("Memory image", remark)?;
    let regions: MemoryRegions = content.first(SectionKind::MemoryRegions).unwrap_or_default();
    let erased = regions.erased.iter().fold(0_u64, |sum, range| sum.saturating_add(range.size));
    page.fields(
        2,
        &[
            ("covers", Span::plain(value::covered(&regions))),
            ("replaced by zeros", Span::plain(if erased == 0 { String::new() } else { value::size(erased) })),
        ],
    )
}

fn diagnostics(page: &mut Page<'_>, content: &Content, detail: Detail) -> io::Result<()> {
    let Some(diagnostics) = content.first::<Diagnostics>(SectionKind::Diagnostics) else { return Ok(()) };
    page.heading("How the report was made", "")?;
    let streams: Vec<String> =
        diagnostics.dropped_streams.iter().map(|stream| minidump::stream_name(*stream)).collect();
    let spent = |nanos: u64| Span::plain(if nanos == 0 { String::new() } else { value::span(nanos) });
    let zeroed = if diagnostics.zeroed_bytes == 0 { String::new() } else { value::size(diagnostics.zeroed_bytes) };
    let sanitised =
        if diagnostics.sanitised_bytes == 0 { String::new() } else { value::size(diagnostics.sanitised_bytes) };
    let suppressed = match diagnostics.suppressed {
        0 => String::new(),
        times => format!("the same error {times} times before, by the product's limits"),
    };
    page.fields(
        2,
        &[
            ("not reported", Span::plain(suppressed)),
            ("product held for", spent(diagnostics.dump_nanos)),
            ("product stood still for", spent(diagnostics.stopped_nanos)),
            ("collecting took", spent(diagnostics.collect_nanos)),
            ("streams taken out", Span::plain(streams.join(", "))),
            ("arguments zeroed", Span::plain(zeroed)),
            ("values taken out", Span::plain(sanitised)),
        ],
    )?;
    subjects(page, &diagnostics, detail)?;
    if !diagnostics.soft_errors.is_empty() {
        page.line(2, &[Span::dim(format!("could not be had ({})", diagnostics.soft_errors.len()))])?;
    }
    let shown = if detail.all { usize::MAX } else { SOFT_ERRORS }.min(diagnostics.soft_errors.len());
    for soft in &diagnostics.soft_errors[..shown] {
        page.line(4, &[Span::new(Look::Name, &soft.subject), Span::plain(format!("  {}", soft.message))])?;
    }
    page.more(4, diagnostics.soft_errors.len() - shown)
}

/// How long the collecting of each subject took: of interest where one is missing, or where the handler is slow.
fn subjects(page: &mut Page<'_>, diagnostics: &Diagnostics, detail: Detail) -> io::Result<()> {
    if !detail.all || diagnostics.subjects.is_empty() {
        return Ok(());
    }
    page.line(2, &[Span::dim("looked at".to_owned())])?;
    let head = ["subject", "took", "of at most"].map(str::to_owned);
    let rows = diagnostics.subjects.iter().map(|subject| {
        let times = [subject.took_nanos, subject.limit_nanos].map(|nanos| Span::plain(value::span(nanos)));
        [Span::new(Look::Name, &subject.subject)].into_iter().chain(times).collect()
    });
    page.table(4, &head, &rows.collect::<Vec<Vec<Span>>>())
}

fn unknown(page: &mut Page<'_>, content: &Content) -> io::Result<()> {
    let rows: Vec<Vec<Span>> = content
        .sections()
        .filter(|(_, part)| part.kind.is_none())
        .map(|(section, _)| {
            let whose = if section.header.kind >= 0x8000 { "private to the vendor" } else { "of a newer version" };
            vec![
                Span::dim(format!("section {}", section.ordinal)),
                Span::plain(kind_name(section.header.kind)),
                Span::plain(whose),
                Span::plain(value::size(section.bytes.len() as u64)),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    page.heading("Unknown sections", "")?;
    page.columns(2, &rows)
}
