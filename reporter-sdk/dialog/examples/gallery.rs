//! Shows the window as a person sees it at some moment, for `scripts/screenshots` and `scripts/windows/screenshots`: `gallery LANGUAGE MOMENT [BRANDING]`. What it
//! would say to the handler it prints; nothing is sent anywhere.

use std::error::Error;
use std::iter;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, ErrorKind, Product};
use reporter_dialog::elements::Control;
use reporter_dialog::model::{Event, Model, Offer, Part, Question, Told};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui;
use reporter_sdk::Notice;
use reporter_sdk::dialog_session::{Nothing, Opening};

const ACTIONS: &str = "actions, 214 B\n  actions:\n    command: command id: book.open; label: Open…; surface: menu\n    dialog: dialog id: book.open; result: ok\n    \
                       command: command id: month.show; label: Month…; surface: shortcut";
const SYSTEM: &str = "system, 1.2 kB\n  name: Debian GNU/Linux\n  version: 12 (bookworm)\n  kernel: 6.1.0-18-amd64\n  language: de-DE\n  cpu: model: AMD EPYC 7763; cores: 2\n  \
                      volumes: kind: fixed; total bytes: 252000000000; free bytes: 39000000000";

const MEMORY: &str = "minidump, 22.3 kB\n  A minidump: the processor's registers, the stack of each thread and memory near them.\n  \
                      00000000  4d 44 4d 50 93 a7 00 00  0d 00 00 00 20 00 00 00  MDMP........ ...\n  \
                      00000010  00 00 00 00 86 1f 26 69  00 00 00 00 00 00 00 00  ......&i........\n  \
                      00000020  6d 6f 6e 74 68 20 39 39  39 39 39 39 39 39 39 0a  month 999999999.";

/// As support would be told it.
const REPORT: &str = "01a21b81-4838-7484-a87b-c979e94eaacb";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (language, moment, branding) = match &arguments[..] {
        [language, moment] => (language, moment, None),
        [language, moment, branding] => (language, moment, Some(branding.into())),
        _ => return Err("gallery LANGUAGE MOMENT [BRANDING]".into()),
    };
    if !ui::can_show() {
        return Err("there is no display".into());
    }
    let texts = Texts::of_any([language.as_str()]);
    let mut model = Model::new(Opening { branding, ..opening() }, texts, Instant::now());
    for event in until(moment)?.into_iter().chain([Event::Time(Instant::now())]) {
        model.update(event);
    }
    let (handler, told) = mpsc::channel();
    if !ui::show(model, told, Box::new(|act| println!("{act:?}"))) {
        return Err("there is no window".into());
    }
    // Until here it would have been seen to be gone.
    drop(handler);
    Ok(())
}

/// What has happened until this moment.
fn until(moment: &str) -> Result<Vec<Event>, Box<dyn Error>> {
    let told = Event::Told;
    let typed = |control, text: &str| Event::Edited(control, text.into());
    let mut question = question()?;
    if moment == "several" {
        question.reports = 3;
        question.title = ["2026-11-27T10:31:07Z", "2026-11-27T09:58:40Z", "2026-11-26T17:02:11Z"]
            .map(|time| format!("{time} SIGSEGV in show_month"))
            .join("\n");
    }
    if moment == "closing" {
        question.timeout = Duration::from_secs(45);
    }
    let mut events = vec![];
    if !matches!(moment, "collecting" | "reading") {
        events.push(told(Told::Question(question)));
    }
    let send = Event::Pressed(Control::Send);
    let not_sent = Told::NotSent {
        report: REPORT.into(),
        why: "cannot reach mail.ledger.example:587: connection refused".into(),
        again: Some(Duration::from_secs(1800)),
    };
    events.extend(match moment {
        "collecting" | "question" | "several" | "closing" => vec![],
        "reading" => vec![told(Told::Collecting { done: 312_000_000, total: 1_240_000_000 })],
        "contents" => vec![Event::Pressed(Control::OpenContents)],
        "left-out" => vec![
            Event::Pressed(Control::OpenContents),
            typed(Control::Search, "month"),
            Event::Moved(Control::Contents, 4),
            Event::Pressed(Control::LeaveOut),
        ],
        "searched" => vec![Event::Pressed(Control::OpenContents), typed(Control::Search, "month")],
        "always" => {
            vec![Event::Switched(Control::Offer(Category::Screen), true), Event::Selected(Control::NextTime, 1)]
        }
        "refused" => vec![
            typed(Control::Description, "I asked for the month 13.\nIt should have said no."),
            typed(Control::FirstName, "Anna"),
            typed(Control::Email, "anna@"),
            send,
        ],
        "saved" => vec![told(Told::Saved(Ok(())))],
        "sending" => vec![send, told(Told::Sending { done: 1_230_000, total: 8_110_000 })],
        "sent" => vec![send, told(Told::Sent { report: REPORT.into() })],
        "not-sent" => vec![send, told(not_sent)],
        "nothing" => vec![send, told(Told::NothingToSend(Nothing::Failed))],
        _ => return Err(format!("there is no moment {moment}").into()),
    });
    Ok(events)
}

const CATEGORIES: [Category; 8] = [
    Category::Essential,
    Category::Actions,
    Category::Memory,
    Category::FullMemory,
    Category::System,
    Category::InstalledSoftware,
    Category::Screen,
    Category::Contact,
];

fn opening() -> Opening {
    let is_chosen = |category: &Category| !matches!(category, Category::Screen | Category::FullMemory);
    Opening {
        product: Product { name: "Ledger".into(), version: "3.1.4".into(), ..Product::default() },
        kind: ErrorKind::Crash,
        notice: Notice {
            purpose: "to find and fix the error that you met".into(),
            recipient: "Example Software, support@ledger.example".into(),
            access: "employees of Example Software only".into(),
            retention: "180 days".into(),
            erasure: "write to privacy@ledger.example with the report's number".into(),
        },
        categories: CATEGORIES.into(),
        chosen: CATEGORIES.into_iter().filter(is_chosen).collect(),
        restarts: true,
        branding: None,
    }
}

fn question() -> Result<Question, Box<dyn Error>> {
    let mut numbers = 0..;
    let mut offer = |category, bytes, contents: &str| {
        let lines = contents.lines().count();
        // All of it, and each line but the first.
        let parts = iter::once(0..lines).chain((1..lines).map(|line| line..line + 1)).zip(&mut numbers);
        let parts = parts.map(|(lines, number)| Part { number, lines, bytes: 40 }).collect();
        Offer { category, bytes, contents: contents.into(), images: Vec::new(), parts }
    };
    let screen = Offer {
        images: vec![picture()?],
        ..offer(
            Category::Screen,
            481_300,
            "screen, 481.3 kB\n  What was on the display when it happened, 1280 × 720 pixels",
        )
    };
    Ok(Question {
        reports: 1,
        title: "SIGSEGV in show_month".into(),
        offers: vec![
            offer(
                Category::Essential,
                742,
                "product, 21 B\n  vendor: Example Software\n  name: Ledger\n  version: 3.1.4\nerror, 91 B\n  kind: crash\n  title: SIGSEGV in show_month",
            ),
            offer(Category::Actions, 214, ACTIONS),
            offer(Category::Memory, 22_310, MEMORY),
            offer(
                Category::FullMemory,
                1_240_000_000,
                "  All that the program had in memory when it failed: 1.2 GB in 214 regions.",
            ),
            offer(Category::System, 1_281, SYSTEM),
            offer(
                Category::InstalledSoftware,
                66_420,
                "installed software, 66.4 kB\n  packages: name: libgtk-4-1; version: 4.8.3\n  packages: name: firefox-esr; version: 128.3",
            ),
            screen,
            offer(Category::Contact, 0, ""),
        ],
        timeout: Duration::from_secs(600),
    })
}

/// A desktop of two windows.
fn picture() -> Result<Arc<[u8]>, Box<dyn Error>> {
    let (width, height) = (1280_u32, 720_u32);
    let inside = |x: u32, y: u32, left, top, right, bottom| (left..right).contains(&x) && (top..bottom).contains(&y);
    let colour = |x, y| match () {
        () if inside(x, y, 100, 80, 700, 110) || inside(x, y, 520, 300, 1150, 330) => [40, 70, 120],
        () if inside(x, y, 100, 80, 700, 500) || inside(x, y, 520, 300, 1150, 640) => [235, 235, 230],
        () => [60, 110, 110],
    };
    let pixels: Vec<u8> = (0..height).flat_map(|y| (0..width).flat_map(move |x| colour(x, y))).collect();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(png.into())
}
