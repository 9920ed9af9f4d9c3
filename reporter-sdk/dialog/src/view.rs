//! What the window shows of a [`Model`], control by control.

use report_format::schema::v1::{Category, ErrorKind};

use crate::elements::{Control, Element, Kind, Weight, Window};
use crate::model::{DESCRIPTION_LIMIT, EMAIL_LIMIT, Model, NAME_LIMIT, NextTime, Offer, Page, SEARCH_LIMIT};
use crate::sizes::size;

/// All of it.
pub(crate) fn window(model: &Model) -> Window {
    let pages = vec![
        Element::only_if(model.page == Page::Question, Kind::Column(question(model))),
        Element::only_if(model.page == Page::Contents, Kind::Column(contents(model))),
    ];
    Window {
        title: with_product(model, "window-title"),
        right_to_left: model.texts.right_to_left(),
        focus: model.focus,
        root: Element::new(Kind::Column(pages)),
    }
}

fn question(model: &Model) -> Vec<Element> {
    let get = |name| model.texts.get(name);
    let mut middle = vec![];
    middle.extend(facts(model));
    middle.extend(contact(model));
    middle.push(Element::new(Kind::Heading(
        model.texts.with("offers-heading", &[("size", &size(&model.texts, model.size()))]),
    )));
    for offer in model.question.offers.iter().filter(|offer| offer.category != Category::Contact) {
        middle.extend(switch(model, offer));
    }
    middle.push(button(Control::OpenContents, get("contents-open"), true, Weight::Link));
    let options = ["next-time-ask", "next-time-always", "next-time-never-version", "next-time-never"].map(get).to_vec();
    let selected = NextTime::ALL.iter().position(|known| *known == model.next_time).unwrap_or(0);
    let seconds = model.last_call();
    let closing = model.texts.with("closing", &[("seconds", &seconds.unwrap_or(0).to_string())]);
    vec![
        Element::new(Kind::Title(apology(model))),
        Element::only_if(!model.question.title.is_empty(), Kind::Text(model.question.title.clone())),
        Element::new(Kind::Text(get("appeal"))),
        Element::new(Kind::Scrolled(middle)),
        Element::new(Kind::Choice { control: Control::NextTime, label: get("next-time"), options, selected }),
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
    if model.next_time == NextTime::Always { "send-always" } else { "send" }
}

fn decline(model: &Model) -> &'static str {
    match model.next_time {
        NextTime::Ask | NextTime::Always => "decline",
        NextTime::NeverForVersion => "decline-version",
        NextTime::Never => "decline-always",
    }
}

fn with_product(model: &Model, message: &str) -> String {
    let product = format!("{} {}", model.question.product, model.question.version);
    model.texts.with(message, &[("product", product.trim())])
}

fn apology(model: &Model) -> String {
    with_product(
        model,
        match model.question.kind {
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
    let notice = &model.question.notice;
    let facts = [
        ("notice-purpose", &notice.purpose),
        ("notice-recipient", &notice.recipient),
        ("notice-access", &notice.access),
        ("notice-retention", &notice.retention),
        ("notice-erasure", &notice.erasure),
    ];
    facts
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| Element::new(Kind::Fact { name: model.texts.get(name), text: text.clone() }))
}

fn contact(model: &Model) -> Vec<Element> {
    let get = |name| model.texts.get(name);
    let entry = |control, label, text: &str, limit| {
        Element::new(Kind::Entry { control, label: get(label), text: text.to_owned(), limit })
    };
    let typed = &model.contact;
    if !model.offers_contact() {
        return Vec::new();
    }
    vec![
        Element::new(Kind::Heading(get("contact-heading"))),
        Element::new(Kind::TextArea {
            control: Control::Description,
            label: get("description"),
            text: typed.description.clone(),
            limit: DESCRIPTION_LIMIT,
        }),
        Element::new(Kind::Row(vec![
            entry(Control::FirstName, "first-name", &typed.first_name, NAME_LIMIT),
            entry(Control::LastName, "last-name", &typed.last_name, NAME_LIMIT),
        ])),
        entry(Control::Email, "email", &typed.email, EMAIL_LIMIT),
        Element::only_if(model.email_is_refused, Kind::Warning(get("email-unusable"))),
    ]
}

/// A category's switch. What has to be known before it is chosen stands below it.
fn switch(model: &Model, offer: &Offer) -> Vec<Element> {
    let label = label_of(model, offer);
    if offer.category == Category::Essential {
        return vec![Element::new(Kind::Text(label))];
    }
    let on = model.is_chosen(offer.category);
    let mut elements = vec![Element::new(Kind::Switch { control: Control::Offer(offer.category), label, on })];
    let warning = match offer.category {
        Category::Memory | Category::FullMemory => Some("warning-memory"),
        Category::Screen => Some("warning-screen"),
        _ => None,
    };
    elements.extend(warning.map(|name| Element::new(Kind::Warning(model.texts.get(name)))));
    let image = |png: &std::sync::Arc<[u8]>| {
        Element::new(Kind::Image { png: png.clone(), label: model.texts.get("screen-image") })
    };
    elements.extend(offer.images.iter().map(image));
    elements
}

fn label_of(model: &Model, offer: &Offer) -> String {
    let message = if offer.category == Category::Essential { "offer-always" } else { "offer" };
    let values = [("title", title_of(model, offer.category)), ("size", size(&model.texts, offer.bytes))];
    model.texts.with(message, &values.each_ref().map(|(name, value)| (*name, value.as_str())))
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
    let label = label_of(model, offer);
    if model.is_chosen(offer.category) {
        return format!("■ {label}");
    }
    format!("□ {label} – {}", model.texts.get("contents-left-out"))
}

/// Everything as it would be sent.
fn contents(model: &Model) -> Vec<Element> {
    let get = |name| model.texts.get(name);
    let found = model.contents();
    let nothing = model.texts.with("search-nothing", &[("text", model.search.trim())]);
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
        }),
        Element::new(Kind::Row(vec![button(Control::Back, get("back"), true, Weight::Plain)])),
    ]
}
