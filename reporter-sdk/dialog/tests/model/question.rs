//! The question, and the answer to it.

use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, Contact, ErrorKind};
use reporter_dialog::elements::{Control, Kind};
use reporter_dialog::model::{Event, Model, Offer, Question, Told};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui::headless::Headless;
use reporter_sdk::dialog_session::{Nothing, Opening};
use reporter_sdk::{ConsentAnswer, Never};

use super::{SEND, TIMEOUT, asks, edited, offer, opened, opening, press, question};

#[test]
fn the_window_says_what_happened_what_it_is_for_and_what_would_be_sent() {
    let window = asks(question());
    let text = window.text();
    let expected = [
        "Sorry: Ledger 3.1.4 has stopped working.\nSIGSEGV in show_month\nA report helps",
        "What for: to find this error, and nothing else\nSent to: Example Software, support@ledger.example\nIf you like",
        "What the report holds, 23.0 kB in all",
        "What went wrong, and in which product (700 bytes, in every report)",
        "[x] What you did with the program last (46 bytes)",
        "[x] Parts of the program’s memory (22.3 kB)\nMemory can hold",
        "[ ] An image of your desktop (500.0 kB)\nThe image shows what was on your screen",
        "<Send report>",
    ];
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(window.window().focus, Control::Description, "and not on a button");
}

#[test]
fn what_is_switched_on_is_sent_and_nothing_else() {
    let mut window = asks(question());
    assert!(window.act(Event::Switched(Control::Offer(Category::Memory), false)));
    assert!(window.act(Event::Switched(Control::Offer(Category::Screen), true)));
    assert!(window.text().contains("500.7 kB in all"), "{}", window.text());
    assert!(window.act(SEND));
    let Some(ConsentAnswer::Send { categories, contact, always }) = window.answer() else { panic!("{window:?}") };
    assert_eq!(categories, &[Category::Essential, Category::Actions, Category::Screen]);
    assert_eq!((contact, *always), (&None, false));
    assert!(!window.act(press(Control::Decline)), "it is answered");
    assert!(!window.has_ended(), "what becomes of it is shown");
}

#[test]
fn what_was_typed_goes_with_it_and_tells_the_language_to_answer_in() {
    let now = Instant::now();
    let mut window = Headless::new(Model::new(opening(), Texts::of("cs"), now), now);
    window.is_told(Told::Question(question()));
    for (control, text) in [
        (Control::FirstName, " Anna\u{1b}[2J "),
        (Control::Email, " anna@example.com "),
        (Control::Description, "It said no.\n\tTwice.\u{0}"),
    ] {
        assert!(window.act(edited(control, text)));
    }
    window.act(SEND);
    let Some(ConsentAnswer::Send { categories, contact: Some(contact), .. }) = window.answer() else {
        panic!("{window:?}")
    };
    assert!(categories.contains(&Category::Contact));
    let expected = Contact {
        first_name: "Anna[2J".into(),
        email: "anna@example.com".into(),
        description: "It said no.\n\tTwice.".into(),
        language: "cs".into(),
        ..Contact::default()
    };
    assert_eq!(*contact, expected);
}

#[test]
fn an_address_that_nobody_could_answer_to_is_told_and_sends_nothing() {
    let mut window = asks(question());
    window.act(edited(Control::Email, "anna@"));
    assert!(!window.text().contains("Nobody could answer"), "not while it is typed");
    window.act(SEND);
    assert_eq!(window.answer(), None);
    assert!(window.text().contains("Nobody could answer to this address"));
    assert_eq!(window.window().focus, Control::Email);
    window.act(edited(Control::Email, "anna@example.com"));
    assert!(!window.text().contains("Nobody could answer"));
    assert_eq!(window.window().focus, Control::Email, "the rest of it is typed there, too");
    window.act(SEND);
    assert!(matches!(window.answer(), Some(ConsentAnswer::Send { .. })));
}

#[test]
fn too_much_is_cut_where_the_handler_would_refuse_all_of_it() {
    let mut window = asks(question());
    window.act(edited(Control::FirstName, &"ä".repeat(101)));
    window.act(edited(Control::Description, &"ä".repeat(4001)));
    window.act(edited(Control::Email, &format!("{}@example.com", "ä".repeat(250))));
    let shown = window.find(Control::Email).map(|element| element.kind);
    assert!(matches!(shown, Some(Kind::Entry { text, .. }) if text == "ä".repeat(127)), "254 bytes");
    window.act(edited(Control::Email, ""));
    window.act(SEND);
    let Some(ConsentAnswer::Send { contact: Some(contact), .. }) = window.answer() else { panic!("{window:?}") };
    assert_eq!((contact.first_name.chars().count(), contact.description.chars().count()), (100, 4000));
}

#[test]
fn each_choice_for_the_next_time_leaves_the_buttons_that_go_with_it() {
    let usable =
        |window: &Headless| [Control::Later, Control::Decline, Control::Send].map(|button| window.is_usable(button));
    let answers = |number, button| {
        let mut window = asks(question());
        window.act(Event::Selected(Control::NextTime, number));
        let usable = usable(&window);
        assert!(window.act(press(button)), "{number}");
        (usable, window.answer().cloned())
    };
    let (buttons, answer) = answers(0, Control::Decline);
    assert_eq!((buttons, answer), ([true; 3], Some(ConsentAnswer::Decline(Never::ThisTime))));
    let (buttons, answer) = answers(0, Control::Later);
    assert_eq!((buttons, answer), ([true; 3], Some(ConsentAnswer::Later)));
    let (buttons, answer) = answers(1, Control::Send);
    assert_eq!(buttons, [false, false, true], "always is said by sending");
    assert!(matches!(answer, Some(ConsentAnswer::Send { always: true, .. })));
    for (number, never) in [(2, Never::ForThisVersion), (3, Never::Again)] {
        let (buttons, answer) = answers(number, Control::Decline);
        assert_eq!((buttons, answer), ([false, true, false], Some(ConsentAnswer::Decline(never))));
    }
    let mut window = asks(question());
    let labels = ["<Send now and always>", "<Don’t send, not for this version>", "<Don’t send, never ask again>"];
    for (number, label) in (1..).zip(labels) {
        window.act(Event::Selected(Control::NextTime, number));
        assert!(window.text().contains(label), "a button says what it does: {}", window.text());
    }
}

#[test]
fn all_of_it_can_be_read_and_searched_before_it_is_sent() {
    let mut window = asks(question());
    assert!(window.act(press(Control::OpenContents)));
    assert!(!window.is_usable(Control::Send), "what is not in sight is not pressed");
    let shown = |window: &Headless| match window.find(Control::Contents).expect("the page of contents").kind {
        Kind::Document { text, .. } => text.to_string(),
        other => panic!("{other:?}"),
    };
    let all = shown(&window);
    for offer in question().offers {
        assert!(all.contains(&offer.contents), "{all}");
    }
    assert!(
        all.contains("■ What you did") && all.contains("□ An image of your desktop (500.0 kB) – left out"),
        "{all}"
    );
    window.act(edited(Control::Search, " MONTH "));
    assert_eq!(
        shown(&window),
        "■ What went wrong, and in which product (700 bytes, in every report)\n  title: SIGSEGV in show_month\n\n\
         ■ What you did with the program last (46 bytes)\n  command id: month.show\n\n"
    );
    window.act(edited(Control::Search, "Müller"));
    assert_eq!(shown(&window), "Nothing in the report has “Müller” in it.");
    assert!(window.act(press(Control::Back)) && window.is_usable(Control::Send));
    // Escape there leads back, too.
    window.act(press(Control::OpenContents));
    window.act(Event::Closed);
    assert!(window.answer().is_none() && window.is_usable(Control::Send));
}

#[test]
fn a_window_that_is_closed_has_not_said_no() {
    let mut window = asks(question());
    window.act(Event::Closed);
    assert_eq!(window.answer(), Some(&ConsentAnswer::Later));
}

#[test]
fn no_answer_is_later_and_the_person_is_told_before() {
    let mut window = asks(question());
    window.wait(TIMEOUT - Duration::from_secs(61));
    assert!(!window.text().contains("this window closes"));
    window.wait(Duration::from_secs(31));
    assert!(
        window.text().contains("No answer counts as “Ask me later”: in 30 seconds this window closes"),
        "{}",
        window.text()
    );
    assert_eq!(window.answer(), None);
    window.wait(Duration::from_secs(30));
    assert_eq!(window.answer(), Some(&ConsentAnswer::Later));
    assert_eq!(window.elapsed(), TIMEOUT);
}

#[test]
fn what_is_not_offered_has_no_control() {
    let offered = |category: &Category| matches!(category, Category::Essential | Category::Actions);
    let (mut opening, mut question) = (opening(), question());
    opening.categories.retain(offered);
    question.offers.retain(|offer| offered(&offer.category));
    let mut window = opened(opening);
    window.is_told(Told::Question(question));
    for control in
        [Control::Description, Control::Email, Control::Offer(Category::Screen), Control::Offer(Category::Essential)]
    {
        assert!(!window.is_usable(control), "{control:?}");
    }
    assert_eq!(window.window().focus, Control::OpenContents);
    window.act(SEND);
    let expected = ConsentAnswer::send([Category::Essential, Category::Actions]);
    assert_eq!(window.answer(), Some(&expected));
}

#[test]
fn in_every_language_each_kind_of_error_and_page_is_said_in_full() {
    let kinds = [
        ErrorKind::Crash,
        ErrorKind::Panic,
        ErrorKind::HandledError,
        ErrorKind::Hang,
        ErrorKind::OutOfMemory,
        ErrorKind::Vanished,
        ErrorKind::Simulated,
    ];
    let every = (2..=14).filter_map(|number| Category::try_from(number).ok());
    let every: Vec<Offer> = every.map(|category| offer(category, 1_500_000, "name: value")).collect();
    for language in Texts::languages() {
        let (mut seen, mut others) = (Vec::new(), outcomes(language));
        for kind in kinds {
            let now = Instant::now();
            let categories = every.iter().map(|offer| offer.category).collect();
            let opening = Opening { kind, categories, restarts: true, ..opening() };
            let mut window = Headless::new(Model::new(opening, Texts::of(language), now), now);
            others.push(window.text());
            window.is_told(Told::Collecting { done: 1, total: 2 });
            others.push(window.text());
            window.is_told(Told::Question(Question { offers: every.clone(), ..question() }));
            window.is_told(Told::Saved(Ok(())));
            others.push(window.text());
            window.is_told(Told::Saved(Err("ENOSPC".into())));
            window.wait(TIMEOUT - Duration::from_secs(5));
            seen.push(window.text());
            for number in 0..4 {
                window.act(Event::Selected(Control::NextTime, number));
                seen.push(window.text());
            }
            window.act(press(Control::OpenContents));
            seen.push(window.text());
            window.act(edited(Control::Search, "nowhere"));
            seen.push(window.text());
        }
        for text in others {
            assert!(!text.contains(['{', '}']), "{language}: {text}");
        }
        for text in seen {
            assert!(!text.contains(['{', '}']), "{language}: {text}");
            let bytes = if language == "en" || language == "ja" || language == "ar" { "1.5" } else { "1,5" };
            assert!(text.contains(bytes) || text.contains("nowhere"), "{language}: {text}");
        }
    }
}

/// All that can become of a report.
fn outcomes(language: &str) -> Vec<String> {
    let now = Instant::now();
    let mut window = Headless::new(Model::new(opening(), Texts::of(language), now), now);
    window.is_told(Told::Question(question()));
    window.act(SEND);
    let mut seen = vec![window.text()];
    let not_sent = |again| Told::NotSent { report: "0123".into(), why: "no network".into(), again };
    for told in [
        Told::Sending { done: 1, total: 2 },
        Told::Sent { report: "0123".into() },
        not_sent(None),
        not_sent(Some(Duration::from_secs(5))),
        not_sent(Some(Duration::from_secs(500))),
        Told::NothingToSend(Nothing::Failed),
        Told::NothingToSend(Nothing::Known),
        Told::NothingToSend(Nothing::Withdrawn),
        Told::NothingToSend(Nothing::Lost),
    ] {
        window.is_told(told);
        window.wait(Duration::from_secs(2));
        seen.push(window.text());
    }
    seen
}

#[test]
fn several_errors_are_one_question_that_says_so_and_names_the_first_of_them() {
    let title = (1..=5).map(|day| format!("2026-11-0{day} SIGSEGV\n")).collect();
    let window = asks(Question { reports: 5, title, ..question() });
    let text = window.text();
    let told = "Ledger 3.1.4 has met errors that are not reported yet: 5. What you say here holds for all of them.\n\
                2026-11-01 SIGSEGV\n2026-11-02 SIGSEGV\n2026-11-03 SIGSEGV\n…\n";
    assert!(text.contains(told), "{text}");
}
