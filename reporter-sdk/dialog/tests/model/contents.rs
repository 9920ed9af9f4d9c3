//! What the report holds, line by line, and what of it is left out by itself.

use report_format::schema::v1::Category;
use reporter_dialog::elements::{Control, Kind};
use reporter_dialog::model::{Action, Event, Offer, Part, Question};
use reporter_dialog::ui::headless::Headless;
use reporter_sdk::dialog_session::Act;

use super::{SEND, asks, edited, offer, press, question};

fn part(number: u32, lines: std::ops::Range<usize>, bytes: u64) -> Part {
    Part { number, lines, bytes }
}

/// Two commands, and an image of each of two displays.
fn shown() -> Headless {
    let actions = "actions, 46 B\n  command:\n    id: month.show\n    surface: menu\n  command:\n    id: book.close";
    let actions_parts = vec![
        part(0, 0..6, 46),
        part(1, 1..4, 30),
        part(2, 2..3, 15),
        part(3, 3..4, 10),
        part(4, 4..6, 16),
        part(5, 5..6, 14),
    ];
    let screens = "screen, 3 B\n  png: 3 B of binary data\nscreen, 4 B\n  png: 4 B of binary data";
    let images = vec![[1].as_slice().into(), [2].as_slice().into()];
    let screens_parts = vec![part(6, 0..2, 3), part(7, 1..2, 3), part(8, 2..4, 4), part(9, 3..4, 4)];
    let offers = vec![
        offer(Category::Essential, 700, "product, 21 B\n  name: Ledger"),
        Offer { parts: actions_parts, ..offer(Category::Actions, 46, actions) },
        Offer { images, parts: screens_parts, ..offer(Category::Screen, 7, screens) },
    ];
    let mut window = asks(Question { offers, ..question() });
    window.act(press(Control::OpenContents));
    window
}

fn document(window: &Headless) -> String {
    match window.find(Control::Contents).map(|element| element.kind) {
        Some(Kind::Document { text, .. }) => text.to_string(),
        other => panic!("no contents, but {other:?}"),
    }
}

/// Puts the cursor on the line that has this in it.
fn goes_to(window: &mut Headless, text: &str) {
    let line = document(window).lines().position(|line| line.contains(text));
    let line = line.unwrap_or_else(|| panic!("{text:?} is not in {}", document(window)));
    assert!(window.act(Event::Moved(Control::Contents, line)));
}

fn presses_at(window: &mut Headless, text: &str) {
    goes_to(window, text);
    assert!(window.act(press(Control::LeaveOut)), "at {text:?}");
}

/// What is said to be left out, once it is sent.
fn left_out(mut window: Headless) -> Vec<u32> {
    window.act(press(Control::Back));
    window.act(SEND);
    match window.actions().last() {
        Some(Action::Say(Act::Answer { left_out, .. })) => left_out.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_is_left_out_where_the_cursor_is_and_taken_in_again() {
    let mut window = shown();
    goes_to(&mut window, "surface: menu");
    assert!(window.text().contains("\nsurface: menu\n<Leave this out>\n"), "{}", window.text());
    window.act(press(Control::LeaveOut));
    assert!(document(&window).contains("\n×     surface: menu\n"), "{}", document(&window));
    assert!(window.text().contains("<Send this after all>"));
    window.act(press(Control::LeaveOut));
    assert!(!document(&window).contains('×'));
    presses_at(&mut window, "surface: menu");
    assert_eq!(left_out(window), [3]);
}

#[test]
fn what_a_line_begins_is_left_out_with_all_in_it() {
    let mut window = shown();
    presses_at(&mut window, "id: month.show");
    presses_at(&mut window, "  command:");
    for line in ["×   command:", "×     id: month.show", "×     surface: menu", "\n  command:", "\n    id: book.close"]
    {
        assert!(document(&window).contains(line), "{line:?} in {}", document(&window));
    }
    window.act(press(Control::Back));
    let text = window.text();
    assert!(text.contains("What you did with the program last (16 bytes)"), "{text}");
    assert!(text.contains("716 bytes in all") && text.contains("\nLeft out one by one: 1\n"), "{text}");
    window.act(press(Control::OpenContents));
    goes_to(&mut window, "id: month.show");
    assert!(window.text().contains("\ncommand:\n<Send this after all>"), "all that it is in: {}", window.text());
    window.act(press(Control::LeaveOut));
    assert!(left_out(window).is_empty(), "and it is taken in with it");
}

#[test]
fn what_is_searched_for_can_be_left_out_where_it_is_found() {
    let mut window = shown();
    window.act(Event::Moved(Control::Contents, 3));
    window.act(edited(Control::Search, "book"));
    assert!(!window.is_usable(Control::LeaveOut), "the cursor is on the heading");
    presses_at(&mut window, "id: book.close");
    assert_eq!(left_out(window), [5]);
}

#[test]
fn nothing_is_left_out_of_what_is_in_every_report_of_a_heading_or_beyond_the_end() {
    let mut window = shown();
    for line in ["name: Ledger", "What you did with", "An image of"] {
        goes_to(&mut window, line);
        assert!(!window.is_usable(Control::LeaveOut), "{line}");
        assert!(window.text().contains("put the cursor on its line"));
    }
    window.act(Event::Moved(Control::Contents, usize::MAX));
    assert!(!window.is_usable(Control::LeaveOut));
}

#[test]
fn an_image_that_is_left_out_is_not_shown_among_those_that_are_sent() {
    let mut window = shown();
    presses_at(&mut window, "screen, 4 B");
    window.act(press(Control::Back));
    let images: Vec<Kind> = window.visible().into_iter().map(|element| element.kind).collect();
    let images: Vec<&[u8]> = images
        .iter()
        .filter_map(|kind| if let Kind::Image { png, .. } = kind { Some(&png[..]) } else { None })
        .collect();
    assert_eq!(images, [[1]]);
}

#[test]
fn what_was_left_out_once_cannot_be_left_out_always() {
    let mut window = shown();
    presses_at(&mut window, "surface: menu");
    window.act(press(Control::Back));
    window.act(Event::Selected(Control::NextTime, 1));
    assert!(!window.is_usable(Control::Send));
    assert!(window.text().contains("nobody would look through the next report"), "{}", window.text());
    window.act(Event::Selected(Control::NextTime, 0));
    assert!(window.is_usable(Control::Send));
    assert!(window.act(press(Control::Decline)));
    let Some(Action::Say(Act::Answer { left_out, .. })) = window.actions().first() else { panic!("{window:?}") };
    assert!(left_out.is_empty(), "nothing is sent at all");
}
