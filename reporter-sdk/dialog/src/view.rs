//! What the window shows of a [`Model`], control by control.

mod outcome;

use report_format::schema::v1::{Category, ErrorKind};

use crate::elements::{Control, Element, Kind, Weight, Window};
use crate::model::{DESCRIPTION_LIMIT, EMAIL_LIMIT, Model, NAME_LIMIT, NextTime, Offer, Page, SEARCH_LIMIT, Stage};
use crate::sizes::size;

/// Displays whose images are shown; what there is of more is told with all fields.
const MOST_IMAGES: usize = 8;
/// Errors that are named before the question.
const MOST_TITLES: usize = 3;
/// Of what is at the cursor, in characters.
const LONGEST_LINE: usize = 100;

/// All of it.
pub(crate) fn window(model: &Model) -> Window {
    let mut parts = brand(model);
    let pages = [
        (Page::Question, question(model)),
        (Page::Contents, contents(model)),
        (Page::Outcome, outcome::outcome(model)),
    ];
    parts.extend(pages.map(|(page, parts)| Element::only_if(model.page == page, Kind::Column(parts))));
    Window {
        title: with_product(model, "window-title"),
        right_to_left: model.texts.right_to_left(),
        visible: model.is_visible(),
        focus: model.focus,
        root: Element::new(Kind::Column(parts)),
    }
}

/// What is the product's, above all pages.
fn brand(model: &Model) -> Vec<Element> {
    let band = model.branding.colour.map(|colour| Element::new(Kind::Band(colour)));
    let icon = model.branding.icon.clone().map(|png| Element::new(Kind::Icon(png)));
    band.into_iter().chain(icon).collect()
}

fn question(model: &Model) -> Vec<Element> {
    let get = |name| model.texts.get(name);
    let mut middle = vec![];
    middle.extend(facts(model));
    middle.extend(contact(model));
    middle.push(Element::new(Kind::Heading(offers_heading(model))));
    for category in model.opening.categories.iter().filter(|category| **category != Category::Contact) {
        middle.extend(switch(model, *category));
    }
    middle.push(button(Control::OpenContents, get("contents-open"), model.is_deciding(), Weight::Link));
    let left_out = model.parts_left_out();
    let count = model.texts.with("left-out-count", &[("count", &left_out.to_string())]);
    middle.push(Element::only_if(left_out > 0, Kind::Text(count)));
    middle.push(button(Control::Save, get("save"), model.can_save(), Weight::Link));
    let options = ["next-time-ask", "next-time-always", "next-time-never-version", "next-time-never"].map(get).to_vec();
    let selected = NextTime::ALL.iter().position(|known| *known == model.next_time).unwrap_or(0);
    let seconds = model.last_call();
    let closing = model.texts.with("closing", &[("seconds", &seconds.unwrap_or(0).to_string())]);
    vec![
        Element::new(Kind::Title(apology(model))),
        Element::only_if(!model.title.is_empty(), Kind::Text(title(model))),
        Element::new(Kind::Text(get("appeal"))),
        Element::only_if(matches!(model.stage, Stage::Collecting { .. }), Kind::Column(collecting(model))),
        Element::new(Kind::Scrolled(middle)),
        saved(model),
        Element::only_if(
            model.opening.restarts,
            Kind::Switch { control: Control::Restart, label: with_product(model, "restart"), on: !model.stays_ended },
        ),
        Element::new(Kind::Choice { control: Control::NextTime, label: get("next-time"), options, selected }),
        Element::only_if(model.leaves_out_what_cannot_be_left_out_always(), Kind::Warning(get("left-out-always"))),
        Element::only_if(seconds.is_some(), Kind::Warning(closing)),
        Element::new(Kind::Row(vec![
            button(Control::Later, get("later"), model.can_wait(), Weight::Plain),
            button(Control::Decline, get(decline(model)), model.can_decline(), Weight::Plain),
            button(Control::Send, get(send(model)), model.can_send(), Weight::Suggested),
        ])),
    ]
}

fn button(control: Control, label: String, enabled: bool, weight: Weight) -> Element {
    Element::new(Kind::Button { control, label, enabled, weight })
}

/// A button says what it does.
fn send(model: &Model) -> &'static str {
    match model.next_time {
        _ if !model.is_deciding() => "send-collecting",
        NextTime::Always => "send-always",
        _ => "send",
    }
}

/// How far it is, and how not to wait for it.
fn collecting(model: &Model) -> Vec<Element> {
    let (label, done) = match model.stage {
        Stage::Collecting { done, total: total @ 1.. } => {
            let values = [("done", size(&model.texts, done)), ("total", size(&model.texts, total))];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            (model.texts.with("collecting-memory", &values), Some(thousandths(done, total)))
        }
        _ => (model.texts.get("collecting"), None),
    };
    let leave_out = button(Control::LeaveOutMemory, model.texts.get("leave-out-memory"), true, Weight::Link);
    vec![Element::new(Kind::Progress { label, done }), Element { visible: model.is_reading_memory(), ..leave_out }]
}

fn thousandths(done: u64, total: u64) -> u16 {
    let part = u128::from(done) * 1000 / u128::from(total.max(1));
    part.min(1000).try_into().unwrap_or(1000)
}

/// What came of the last try to write a file.
fn saved(model: &Model) -> Element {
    let text = match &model.saved {
        Some(Err(why)) => model.texts.with("not-saved", &[("why", why)]),
        Some(Ok(())) | None => model.texts.get("saved"),
    };
    Element::only_if(model.saved.is_some(), Kind::Text(text))
}

fn decline(model: &Model) -> &'static str {
    match model.next_time {
        NextTime::Ask | NextTime::Always => "decline",
        NextTime::NeverForVersion => "decline-version",
        NextTime::Never => "decline-always",
    }
}

fn with_product(model: &Model, message: &str) -> String {
    let product = format!("{} {}", model.opening.product.name, model.opening.product.version);
    model.texts.with(message, &[("product", product.trim())])
}

/// What happened; of many errors the first few, since all of them are in what the report contains.
fn title(model: &Model) -> String {
    let lines: Vec<&str> = model.title.lines().collect();
    match lines.get(..MOST_TITLES) {
        Some(first) if lines.len() > MOST_TITLES => format!("{}\n…", first.join("\n")),
        _ => model.title.clone(),
    }
}

fn apology(model: &Model) -> String {
    if model.reports > 1 {
        let product = format!("{} {}", model.opening.product.name, model.opening.product.version);
        let values = [("product", product.trim()), ("count", &model.reports.to_string())];
        return model.texts.with("apology-several", &values);
    }
    with_product(
        model,
        match model.opening.kind {
            ErrorKind::HandledError => "apology-handled",
            ErrorKind::Hang => "apology-hang",
            ErrorKind::OutOfMemory => "apology-memory",
            ErrorKind::Vanished => "apology-vanished",
            ErrorKind::Simulated => "apology-simulated",
            _ => "apology-crash",
        },
    )
}

/// What the vendor promises; of what it promises nothing, nothing is said.
fn facts(model: &Model) -> impl Iterator<Item = Element> {
    let notice = &model.opening.notice;
    let facts = [
        ("notice-purpose", &notice.purpose),
        ("notice-recipient", &notice.recipient),
        ("notice-access", &notice.access),
        ("notice-retention", &notice.retention),
        ("notice-erasure", &notice.erasure),
    ];
    let link = model.branding.link.as_ref().map(|link| ("link-name", link));
    facts
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .chain(link)
        .map(|(name, text)| Element::new(Kind::Fact { name: model.texts.get(name), text: text.clone() }))
}

fn contact(model: &Model) -> Vec<Element> {
    if !model.opening.categories.contains(&Category::Contact) {
        return Vec::new();
    }
    let get = |name| model.texts.get(name);
    let is_there = model.offers_contact();
    let entry = |control, label, text: &str, limit| {
        Element::only_if(is_there, Kind::Entry { control, label: get(label), text: text.to_owned(), limit })
    };
    let typed = &model.contact;
    let description = Kind::TextArea {
        control: Control::Description,
        label: get("description"),
        text: typed.description.clone(),
        limit: DESCRIPTION_LIMIT,
    };
    let names = vec![
        entry(Control::FirstName, "first-name", &typed.first_name, NAME_LIMIT),
        entry(Control::LastName, "last-name", &typed.last_name, NAME_LIMIT),
    ];
    vec![
        Element::only_if(is_there, Kind::Heading(get("contact-heading"))),
        Element::only_if(is_there, description),
        Element::only_if(is_there, Kind::Row(names)),
        entry(Control::Email, "email", &typed.email, EMAIL_LIMIT),
        Element::only_if(is_there && model.email_is_refused, Kind::Warning(get("email-unusable"))),
    ]
}

/// How large it is nobody knows before everything is there.
fn offers_heading(model: &Model) -> String {
    if model.offers.is_empty() {
        return model.texts.get("offers-heading-collecting");
    }
    model.texts.with("offers-heading", &[("size", &size(&model.texts, model.size()))])
}

/// A category's switch. What has to be known before it is chosen stands below it.
fn switch(model: &Model, category: Category) -> Vec<Element> {
    let is_there = model.can_be_offered(category);
    let label = label_of(model, category);
    if category == Category::Essential {
        return vec![Element::only_if(is_there, Kind::Text(label))];
    }
    let on = model.is_chosen(category);
    let switch = Kind::Switch { control: Control::Offer(category), label, on };
    let mut elements = vec![Element::only_if(is_there, switch)];
    let warning = match category {
        Category::Memory | Category::FullMemory => Some("warning-memory"),
        Category::Screen => Some("warning-screen"),
        _ => None,
    };
    elements.extend(warning.map(|name| Element::only_if(is_there, Kind::Warning(model.texts.get(name)))));
    if category == Category::Screen {
        let images = model.offer(category).map_or(&[][..], |offer| &offer.images);
        elements.extend((0..MOST_IMAGES).map(|number| {
            let png = images.get(number).cloned().unwrap_or_else(|| [].into());
            let is_left_out = model.offer(category).is_some_and(|offer| model.image_is_left_out(offer, number));
            Element::only_if(
                !png.is_empty() && !is_left_out,
                Kind::Image { png, label: model.texts.get("screen-image") },
            )
        }));
    }
    elements
}

fn label_of(model: &Model, category: Category) -> String {
    let title = title_of(model, category);
    let Some(offer) = model.offer(category) else { return title };
    let message = if category == Category::Essential { "offer-always" } else { "offer" };
    model.texts.with(message, &[("title", &title), ("size", &size(&model.texts, model.size_of(offer)))])
}

fn title_of(model: &Model, category: Category) -> String {
    model.texts.get(match category {
        Category::Essential => "category-essential",
        Category::Actions => "category-actions",
        Category::Memory => "category-memory",
        Category::FullMemory => "category-full-memory",
        Category::Processes => "category-processes",
        Category::System => "category-system",
        Category::Account => "category-account",
        Category::Network => "category-network",
        Category::InstalledSoftware => "category-installed-software",
        Category::Devices => "category-devices",
        Category::Screen => "category-screen",
        Category::Product => "category-product",
        Category::Attachments => "category-attachments",
        // A heading stands above these, and no switch.
        Category::Contact | Category::Unspecified => "contact-heading",
    })
}

/// Above what a category holds, where all is shown.
pub(crate) fn heading_of(model: &Model, offer: &Offer) -> String {
    let label = label_of(model, offer.category);
    if model.is_chosen(offer.category) {
        return format!("■ {label}");
    }
    format!("□ {label} – {}", model.texts.get("contents-left-out"))
}

/// Everything as it would be sent.
fn contents(model: &Model) -> Vec<Element> {
    let get = |name| model.texts.get(name);
    // It can have a million bytes, and nobody sees them elsewhere.
    let is_open = model.page == Page::Contents;
    let found = if is_open { model.contents() } else { None };
    let nothing = model.texts.with("search-nothing", &[("text", model.search.trim())]);
    let at_cursor = if is_open { model.part_at_cursor() } else { None };
    let leave_out = if is_open && model.is_left_out_at_cursor() { "take-in" } else { "leave-out" };
    let leave_out = button(Control::LeaveOut, get(leave_out), at_cursor.is_some(), Weight::Plain);
    vec![
        Element::new(Kind::Title(get("contents-heading"))),
        Element::new(Kind::Entry {
            control: Control::Search,
            label: get("search"),
            text: model.search.clone(),
            limit: SEARCH_LIMIT,
        }),
        Element::new(Kind::Document {
            control: Control::Contents,
            label: get("contents"),
            text: found.unwrap_or(nothing).into(),
            line: model.line,
        }),
        Element::new(Kind::Text(at_cursor.map_or_else(|| get("leave-out-hint"), shortened))),
        Element::new(Kind::Row(vec![leave_out, button(Control::Back, get("back"), true, Weight::Plain)])),
    ]
}

/// So that it takes no more room than a sentence.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
