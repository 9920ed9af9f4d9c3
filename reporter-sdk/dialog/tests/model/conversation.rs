//! The stages that a window goes through: what comes of each button in each, and what holds whatever a person, the clock and the handler do.

use std::mem::discriminant;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use report_format::schema::v1::Category;
use reporter_dialog::elements::{Control, Element, Kind};
use reporter_dialog::model::{Action, Event, Model, Question, Told};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui::headless::Headless;
use reporter_sdk::dialog_session::{Act, Nothing, Opening};
use reporter_sdk::{ConsentAnswer, Never};

use super::{SEND, asks, edited, opened, opening, press, question, sending};

const REPORT: &str = "0190b2c4-0000-7000-8000-000000000001";
/// Reading of the memory has begun.
const READING: Told = Told::Collecting { done: 120_000_000, total: 1_200_000_000 };

const BUTTONS: [Control; 11] = [
    Control::OpenContents,
    Control::LeaveOut,
    Control::Back,
    Control::Send,
    Control::Decline,
    Control::Later,
    Control::Save,
    Control::LeaveOutMemory,
    Control::Withdraw,
    Control::CopyId,
    Control::Close,
];

fn answers(answer: ConsentAnswer) -> Action {
    Action::Say(Act::Answer { answer, left_out: vec![], stays_ended: false })
}

/// With what is on at first.
fn sends_all_that_is_on() -> ConsentAnswer {
    ConsentAnswer::send([Category::Essential, Category::Actions, Category::Memory])
}

fn file() -> PathBuf {
    "/home/anna/Ledger.report".into()
}

fn sent() -> Told {
    Told::Sent { report: REPORT.into() }
}

fn not_sent(again: Option<Duration>) -> Told {
    Told::NotSent { report: REPORT.into(), why: "550 mailbox unavailable".into(), again }
}

/// What comes of an event.
fn comes_of(window: &mut Headless, event: Event) -> Vec<Action> {
    let before = window.actions().len();
    window.act(event);
    window.actions()[before..].to_vec()
}

/// A window that sends, and was then told this.
fn sends_and_is_told(told: Told) -> Headless {
    let mut window = sending();
    window.is_told(told);
    window
}

fn reads_memory() -> Headless {
    let mut window = opened(opening());
    window.is_told(READING);
    window
}

fn progress(window: &Headless) -> Option<(String, Option<u16>)> {
    window.visible().into_iter().find_map(|element| match element.kind {
        Kind::Progress { label, done } => Some((label, done)),
        _ => None,
    })
}

#[test]
fn each_stage_has_its_buttons_and_each_does_what_it_says() {
    let decline = || answers(ConsentAnswer::Decline(Never::ThisTime));
    let end = || vec![Action::End];
    let withdraws = || vec![Action::Say(Act::Withdraw)];
    let copies = || vec![Action::Copy(REPORT.into())];
    let leaves_out = || vec![Action::Say(Act::LeaveOutMemory)];
    type Stage = (&'static str, fn() -> Headless, Vec<(Control, Vec<Action>)>);
    let stages: [Stage; 9] = [
        ("collecting", || opened(opening()), vec![(Control::Decline, vec![]), (Control::Later, vec![])]),
        (
            "reading memory",
            reads_memory,
            vec![
                (Control::Decline, leaves_out()),
                (Control::Later, leaves_out()),
                (Control::LeaveOutMemory, leaves_out()),
            ],
        ),
        (
            "deciding",
            || asks(question()),
            vec![
                (Control::OpenContents, vec![]),
                (Control::Send, vec![answers(sends_all_that_is_on())]),
                (Control::Decline, vec![decline(), Action::End]),
                (Control::Later, vec![answers(ConsentAnswer::Later), Action::End]),
                (Control::Save, vec![Action::ChooseFile("Ledger.report".into())]),
            ],
        ),
        (
            "reading the contents",
            || {
                let mut window = asks(question());
                window.act(press(Control::OpenContents));
                window
            },
            vec![(Control::Back, vec![])],
        ),
        ("sending", sending, vec![(Control::Withdraw, withdraws()), (Control::Close, end())]),
        ("sent", || sends_and_is_told(sent()), vec![(Control::CopyId, copies()), (Control::Close, end())]),
        (
            "not sent",
            || sends_and_is_told(not_sent(None)),
            vec![
                (Control::Withdraw, withdraws()),
                (Control::Save, vec![Action::ChooseFile("Ledger.report".into())]),
                (Control::CopyId, copies()),
                (Control::Close, end()),
            ],
        ),
        ("nothing", || sends_and_is_told(Told::NothingToSend(Nothing::Known)), vec![(Control::Close, end())]),
        (
            "withdrawing",
            || {
                let mut window = sending();
                window.act(press(Control::Withdraw));
                window
            },
            vec![(Control::Close, end())],
        ),
    ];
    for (stage, shown, buttons) in stages {
        for control in BUTTONS {
            let mut window = shown();
            let expected = buttons.iter().find(|(button, _)| *button == control);
            assert_eq!(window.is_usable(control), expected.is_some(), "{control:?} while {stage}");
            if let Some((_, actions)) = expected {
                assert_eq!(comes_of(&mut window, press(control)), *actions, "{control:?} while {stage}");
            }
        }
    }
}

#[test]
fn whoever_has_answered_does_not_have_memory_read_that_nobody_waits_for() {
    let mut window = reads_memory();
    assert_eq!(comes_of(&mut window, Event::Closed), [Action::Say(Act::LeaveOutMemory)]);
    assert!(!window.window().visible);
    assert_eq!(comes_of(&mut window, Event::Told(READING)), [], "it is said once");
    let mut window = opened(opening());
    assert_eq!(comes_of(&mut window, press(Control::Later)), []);
    assert_eq!(comes_of(&mut window, Event::Told(READING)), [Action::Say(Act::LeaveOutMemory)], "it began later");
}

#[test]
fn contact_that_is_not_wanted_after_all_leaves_the_keyboard_elsewhere_and_is_not_sent() {
    let mut window = opened(opening());
    window.act(edited(Control::Description, "I asked for a month."));
    let offers = question().offers.into_iter().filter(|offer| offer.category != Category::Contact).collect();
    window.is_told(Told::Question(Question { offers, ..question() }));
    assert!(!window.is_usable(Control::Description));
    assert_eq!(window.window().focus, Control::OpenContents);
    window.act(SEND);
    assert_eq!(window.answer(), Some(&sends_all_that_is_on()));
}

#[test]
fn sending_says_how_far_it_is_and_how_fast() {
    let mut window = sending();
    assert!(matches!(progress(&window), Some((_, None))), "nothing is told yet");
    let sending = |done| Told::Sending { done, total: 8_000_000 };
    window.is_told(sending(300_000));
    assert_eq!(progress(&window), Some(("300.0 kB of 8.0 MB".into(), Some(37))));
    window.wait(Duration::from_secs(3));
    window.is_told(sending(1_200_000));
    assert_eq!(progress(&window), Some(("1.2 MB of 8.0 MB, 300.0 kB a second".into(), Some(150))));
    window.is_told(Told::Sending { done: 9_000_000, total: 8_000_000 });
    assert!(matches!(progress(&window), Some((_, Some(1000)))), "never more than all");
    assert_eq!(window.window().focus, Control::Close);
}

#[test]
fn a_report_that_is_tried_again_is_sent_in_the_same_window() {
    let mut window = sends_and_is_told(not_sent(Some(Duration::from_secs(20))));
    window.wait(Duration::from_secs(20));
    window.is_told(Told::Sending { done: 0, total: 100 });
    assert_eq!(progress(&window), Some(("0 bytes of 100 bytes".into(), Some(0))), "its speed begins anew");
    window.wait(Duration::from_mins(30));
    assert!(!window.has_ended(), "as long as it is under way");
    window.is_told(sent());
    assert!(window.text().contains("Thank you"));
}

#[test]
fn a_report_that_is_taken_back_shows_what_became_of_that() {
    for before in [Told::Sending { done: 1, total: 2 }, not_sent(Some(Duration::from_secs(20)))] {
        let mut window = sends_and_is_told(before);
        assert_eq!(comes_of(&mut window, press(Control::Withdraw)), [Action::Say(Act::Withdraw)]);
        window.is_told(Told::NothingToSend(Nothing::Withdrawn));
        assert!(window.text().contains("The report is destroyed, as you wanted."), "{}", window.text());
    }
    let mut window = sending();
    window.act(press(Control::Withdraw));
    window.is_told(sent());
    assert!(window.text().contains("Thank you"), "what support has it has");
}

#[test]
fn what_could_not_be_sent_can_be_had_in_a_file_as_long_as_it_is_there() {
    let mut window = sends_and_is_told(not_sent(None));
    assert!(!window.text().contains("The file"), "{}", window.text());
    let save = Action::Say(Act::SaveUnsent { path: file() });
    assert_eq!(comes_of(&mut window, Event::FileChosen(file())), [save]);
    for (saved, said) in [
        (Err("no room".to_owned()), "The file could not be written: no room"),
        (Ok(()), "The file is written. Nothing was sent."),
    ] {
        window.is_told(Told::Saved(saved));
        assert!(window.text().contains(said), "{}", window.text());
    }
    // Chosen, and meanwhile it is on its way, taken back, or nobody is there to write it.
    for meanwhile in [Event::Told(sent()), press(Control::Withdraw), Event::Told(Told::Gone)] {
        let mut window = sends_and_is_told(not_sent(None));
        window.act(meanwhile.clone());
        assert_eq!(comes_of(&mut window, Event::FileChosen(file())), [], "after {meanwhile:?}");
        assert!(!window.is_usable(Control::Save), "after {meanwhile:?}");
    }
}

#[test]
fn what_was_saved_before_it_was_to_be_sent_is_not_said_of_what_could_not_be_sent() {
    let mut window = asks(question());
    window.is_told(Told::Saved(Ok(())));
    window.act(SEND);
    window.is_told(not_sent(None));
    assert!(!window.text().contains("The file"), "{}", window.text());
}

#[test]
fn nobody_says_how_large_a_report_is_before_it_is_collected() {
    let text = opened(opening()).text();
    assert!(text.contains("What the report can hold\nWhat went wrong, and in which product\n"), "{text}");
}

const CONTROLS: [Control; 26] = [
    Control::FirstName,
    Control::LastName,
    Control::Email,
    Control::Description,
    Control::Offer(Category::Essential),
    Control::Offer(Category::Actions),
    Control::Offer(Category::Memory),
    Control::Offer(Category::Network),
    Control::Offer(Category::Screen),
    Control::Offer(Category::FullMemory),
    Control::Offer(Category::Contact),
    Control::OpenContents,
    Control::Search,
    Control::Contents,
    Control::LeaveOut,
    Control::Back,
    Control::NextTime,
    Control::Restart,
    Control::Send,
    Control::Decline,
    Control::Later,
    Control::Save,
    Control::LeaveOutMemory,
    Control::Withdraw,
    Control::CopyId,
    Control::Close,
];

fn any_question() -> impl Strategy<Value = Question> {
    let offers = prop::sample::subsequence(question().offers[1..].to_vec(), 0..=4);
    offers.prop_map(|offers| {
        let all = question().offers.into_iter().take(1).chain(offers).collect();
        Question { offers: all, ..question() }
    })
}

fn any_told() -> impl Strategy<Value = Told> {
    let again = prop::option::of((0_u64..9999).prop_map(Duration::from_secs));
    let nothing = prop::sample::select(vec![Nothing::Failed, Nothing::Known, Nothing::Withdrawn, Nothing::Lost]);
    prop_oneof![
        2 => (any::<u64>(), any::<u64>()).prop_map(|(done, total)| Told::Collecting { done, total }),
        4 => any_question().prop_map(Told::Question),
        1 => prop_oneof![Just(Ok(())), Just(Err("no room".to_owned()))].prop_map(Told::Saved),
        2 => (any::<u64>(), any::<u64>()).prop_map(|(done, total)| Told::Sending { done, total }),
        1 => Just(Told::Sent { report: "1".into() }),
        1 => again.prop_map(|again| Told::NotSent { report: "1".into(), why: "why".into(), again }),
        1 => nothing.prop_map(Told::NothingToSend),
        1 => Just(Told::Gone),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let control = || prop::sample::select(CONTROLS.to_vec());
    prop_oneof![
        8 => control().prop_map(Event::Pressed),
        2 => (control(), any::<bool>()).prop_map(|(control, on)| Event::Switched(control, on)),
        2 => (control(), ".{0,20}").prop_map(|(control, text)| Event::Edited(control, text)),
        2 => (0_usize..12).prop_map(|line| Event::Moved(Control::Contents, line)),
        1 => (control(), 0_usize..6).prop_map(|(control, number)| Event::Selected(control, number)),
        1 => Just(Event::FileChosen(file())),
        1 => Just(Event::Closed),
        1 => (0_u64..400).prop_map(|seconds| Event::Time(Instant::now() + Duration::from_secs(seconds))),
        4 => any_told().prop_map(Event::Told),
    ]
}

fn elements(root: &Element) -> Vec<&Element> {
    let mut all = vec![root];
    all.extend(root.children().iter().flat_map(elements));
    all
}

/// What a person sees as on, wherever they are.
fn shown_as_on(root: &Element) -> Vec<Category> {
    let on = elements(root).into_iter().filter_map(|element| match element.kind {
        Kind::Switch { control: Control::Offer(category), on, .. } if element.visible && on => Some(category),
        _ => None,
    });
    // In every report, without a switch.
    std::iter::once(Category::Essential).chain(on).collect()
}

/// Whether a person sees it, with all that it is in.
fn shows(root: &Element, control: Control) -> bool {
    root.visible && (root.control() == Some(control) || root.children().iter().any(|child| shows(child, control)))
}

/// A window's shape: what of it a toolkit relies upon.
fn has_shape_of(one: &Element, other: &Element) -> bool {
    discriminant(&one.kind) == discriminant(&other.kind)
        && one.control() == other.control()
        && one.children().len() == other.children().len()
        && one.children().iter().zip(other.children()).all(|(one, other)| has_shape_of(one, other))
}

/// What has been told and said until now.
#[derive(Default)]
struct Heard {
    offered: Option<Vec<Category>>,
    answers: usize,
    leaves_out: usize,
    has_ended: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn only_what_is_offered_and_shown_as_on_is_sent_and_only_once_and_after_the_question(
        restarts: bool,
        events in prop::collection::vec(any_event(), 0..40),
    ) {
        let mut model = Model::new(Opening { restarts, ..opening() }, Texts::of("en"), Instant::now());
        let first = model.window().root;
        let mut heard = Heard::default();
        for event in events {
            let before = shown_as_on(&model.window().root);
            if let (Event::Told(Told::Question(question)), None) = (&event, &heard.offered) {
                heard.offered = Some(question.offers.iter().map(|offer| offer.category).collect());
            }
            for action in model.update(event) {
                prop_assert!(!heard.has_ended, "{action:?} of a window that there is no more");
                match action {
                    Action::Say(Act::Answer { answer, .. }) => {
                        heard.answers += 1;
                        prop_assert_eq!(heard.answers, 1);
                        prop_assert!(heard.offered.is_some(), "nothing was asked");
                        is_as_shown(&answer, &before, heard.offered.as_deref())?;
                    }
                    Action::Say(Act::Save { answer, .. }) => {
                        prop_assert_eq!(heard.answers, 0);
                        is_as_shown(&answer, &before, heard.offered.as_deref())?;
                    }
                    Action::Say(Act::LeaveOutMemory) => {
                        heard.leaves_out += 1;
                        prop_assert!(heard.leaves_out == 1 && heard.offered.is_none());
                    }
                    Action::Say(Act::CannotShow) => prop_assert!(false, "it is shown"),
                    Action::End => heard.has_ended = true,
                    Action::Say(Act::SaveUnsent { .. } | Act::Withdraw) | Action::ChooseFile(_) | Action::Copy(_) => {}
                }
            }
            let window = model.window();
            prop_assert!(has_shape_of(&window.root, &first), "a toolkit makes its widgets once");
            let asks = window.visible && shows(&window.root, Control::Send);
            prop_assert!(!asks || heard.answers == 0, "what is answered is asked no more");
        }
    }
}

fn is_as_shown(answer: &ConsentAnswer, shown: &[Category], offered: Option<&[Category]>) -> Result<(), TestCaseError> {
    let ConsentAnswer::Send { categories, contact, .. } = answer else { return Ok(()) };
    prop_assert!(categories.iter().all(|category| offered.is_some_and(|offered| offered.contains(category))));
    prop_assert_eq!(categories.contains(&Category::Contact), contact.is_some());
    let mut sent = categories.clone();
    let mut shown = shown.to_vec();
    sent.retain(|category| *category != Category::Contact);
    sent.sort();
    shown.sort();
    prop_assert_eq!(sent, shown);
    Ok(())
}

#[test]
fn a_handler_that_is_gone_leaves_a_window_that_says_so() {
    for mut window in [opened(opening()), reads_memory(), asks(question())] {
        window.is_told(Told::Gone);
        assert!(window.text().contains("The report could not be finished."), "{}", window.text());
        assert_eq!(window.answer(), None);
    }
    let mut window = sending();
    window.is_told(Told::Gone);
    assert!(window.text().contains("The report could not be sent yet"), "{}", window.text());
    assert!(!window.is_usable(Control::Withdraw), "nobody would hear it");
    for told in [sent(), not_sent(None), Told::NothingToSend(Nothing::Known)] {
        let mut window = sends_and_is_told(told);
        let mut text = window.text();
        // Nobody would do it.
        for button in ["<Don’t send after all>", "<Save to a file…>"] {
            text = text.replace(button, &format!("{button} (not now)"));
        }
        window.is_told(Told::Gone);
        assert_eq!(window.text(), text, "it has happened all the same");
        assert!(!window.is_usable(Control::Withdraw) && !window.is_usable(Control::Save));
    }
}
