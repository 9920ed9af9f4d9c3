//! The person in front of the product.

use report_format::schema::v1::Category;
use reporter_sdk::consent::CategorySet;

use crate::end_to_end::terminal::Terminal;

/// How the text on a category's switch begins.
const SWITCHES: [(Category, &str); 13] = [
    (Category::Essential, "What went wrong"),
    (Category::Actions, "What you did"),
    (Category::Memory, "Parts of the program's memory"),
    (Category::FullMemory, "ALL of the program's memory"),
    (Category::Processes, "Running applications"),
    (Category::System, "Operating system"),
    (Category::Account, "Your user account"),
    (Category::Network, "Names of your computer"),
    (Category::InstalledSoftware, "Installed programs"),
    (Category::Devices, "Network cards"),
    (Category::Screen, "An image of your desktop"),
    (Category::Product, "Facts that the program adds"),
    (Category::Attachments, "Files that the program attaches"),
];

/// Sends of what was collected these categories, and no other.
pub(crate) fn sends(terminal: &mut Terminal, granted: CategorySet) {
    terminal.sees("Your choice").types("c\r").sees("(Enter when done)");
    let screen = String::from_utf8_lossy(&terminal.screen()).into_owned();
    let list = screen.rsplit("The report would hold").next().unwrap();
    // ` 4 [x] Running applications …`
    let switches = list.lines().filter_map(|line| {
        let (number, rest) = line.trim().split_once(" [")?;
        let (mark, text) = rest.split_once("] ")?;
        let (category, _) = SWITCHES.iter().find(|(_, begin)| text.starts_with(begin))?;
        Some((number.to_owned(), mark == "x", *category))
    });
    let wrong = switches.filter(|(_, is_on, category)| *is_on != granted.contains(*category));
    let numbers = wrong.map(|(number, ..)| number).collect::<Vec<_>>().join(" ");
    if !numbers.is_empty() {
        terminal.types(&format!("{numbers}\r")).sees("(Enter when done)");
    }
    terminal.types("\r").sees("Your choice").types("s\r").sees("will be sent");
}

/// Types their name, their address and what they did.
pub(crate) fn enters(terminal: &mut Terminal, texts: [&str; 4]) {
    terminal.sees("Your choice").types("e\r");
    let questions = ["Your first name", "Your last name", "Your e-mail", "What were you doing?"];
    for (question, text) in questions.iter().zip(texts) {
        terminal.sees(question).types(&format!("{text}\r"));
    }
    if !texts[3].is_empty() {
        terminal.sees("More of it").types("\r");
    }
}
