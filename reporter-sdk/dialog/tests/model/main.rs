//! What a person sees and does, and what comes of it, without a screen.

mod contents;
mod conversation;
mod question;
mod stages;

use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, ErrorKind, Product};
use reporter_dialog::elements::Control;
use reporter_dialog::model::{Event, Model, Offer, Question, Told};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui::headless::Headless;
use reporter_sdk::Notice;
use reporter_sdk::dialog_session::Opening;

/// Its time to answer.
const TIMEOUT: Duration = Duration::from_secs(600);

fn offer(category: Category, bytes: u64, contents: &str) -> Offer {
    Offer { category, bytes, contents: contents.into(), images: Vec::new(), parts: Vec::new() }
}

fn opening() -> Opening {
    Opening {
        product: Product { name: "Ledger".into(), version: "3.1.4".into(), ..Product::default() },
        kind: ErrorKind::Crash,
        notice: Notice {
            purpose: "to find this error, and nothing else".into(),
            recipient: "Example Software, support@ledger.example".into(),
            ..Notice::default()
        },
        categories: vec![
            Category::Essential,
            Category::Actions,
            Category::Memory,
            Category::Network,
            Category::Screen,
            Category::Contact,
        ],
        chosen: vec![Category::Essential, Category::Actions, Category::Memory, Category::Network, Category::Contact],
        restarts: false,
        branding: None,
    }
}

/// Of the network there turned out to be nothing.
fn question() -> Question {
    Question {
        reports: 1,
        title: "SIGSEGV in show_month".into(),
        offers: vec![
            offer(
                Category::Essential,
                700,
                "product, 21 B\n  name: Ledger\nerror, 90 B\n  title: SIGSEGV in show_month",
            ),
            offer(Category::Actions, 46, "actions, 46 B\n  command id: month.show"),
            offer(Category::Memory, 22_300, "minidump, 22.3 kB\n  A minidump."),
            Offer {
                images: vec![[0x89, b'P'].as_slice().into()],
                ..offer(Category::Screen, 500_000, "screen, 500.0 kB")
            },
            offer(Category::Contact, 0, ""),
        ],
        timeout: TIMEOUT,
    }
}

/// The error has happened, and nothing is collected yet.
fn opened(opening: Opening) -> Headless {
    let now = Instant::now();
    Headless::new(Model::new(opening, Texts::of("en"), now), now)
}

fn asks(question: Question) -> Headless {
    let mut window = opened(opening());
    window.is_told(Told::Question(question));
    window
}

/// The person has sent it.
fn sending() -> Headless {
    let mut window = asks(question());
    window.act(SEND);
    window
}

fn press(control: Control) -> Event {
    Event::Pressed(control)
}

fn edited(control: Control, text: &str) -> Event {
    Event::Edited(control, text.into())
}

const SEND: Event = Event::Pressed(Control::Send);
