//! Before the question, and after the answer.

use std::time::Duration;

use report_format::schema::v1::Category;
use reporter_dialog::elements::Control;
use reporter_dialog::model::{Action, Event, Told};
use reporter_sdk::dialog_session::{Act, Nothing, Opening};
use reporter_sdk::{ConsentAnswer, Never};

use super::{SEND, asks, edited, opened, opening, press, question, sending};

#[test]
fn before_everything_is_collected_the_person_can_type_and_choose_and_not_send() {
    let mut window = opened(opening());
    let text = window.text();
    assert!(text.starts_with("Sorry: Ledger 3.1.4 has stopped working.\nA report helps"), "{text}");
    assert!(text.contains("Collecting what is needed to find the error…: …"), "{text}");
    assert!(text.contains("[x] Names of your computer and network\n"), "no size is known: {text}");
    assert!(text.contains("<Send report (still collecting)> (not now)"), "{text}");
    for control in [Control::Send, Control::OpenContents, Control::Save] {
        assert!(!window.is_usable(control), "{control:?}");
    }
    assert_eq!(window.window().focus, Control::Description);
    assert!(window.act(edited(Control::Description, "I asked for a month")));
    assert!(window.act(Event::Switched(Control::Offer(Category::Memory), false)));
    window.is_told(Told::Question(question()));
    assert_eq!(window.window().focus, Control::Description, "the rest of it is typed there");
    let text = window.text();
    assert!(
        text.contains("I asked for a month") && text.contains("[ ] Parts of the program’s memory (22.3 kB)"),
        "{text}"
    );
    assert!(!text.contains("computer and network"), "there is nothing of it: {text}");
    assert!(!text.contains("Collecting"), "{text}");
    window.act(SEND);
    let Some(ConsentAnswer::Send { categories, .. }) = window.answer() else { panic!("{window:?}") };
    assert_eq!(categories, &[Category::Essential, Category::Actions, Category::Contact]);
}

#[test]
fn all_of_the_memory_is_waited_for_as_long_as_the_person_likes() {
    let mut window = opened(opening());
    assert!(!window.is_usable(Control::LeaveOutMemory), "it is not read");
    window.is_told(Told::Collecting { done: 120_000_000, total: 1_200_000_000 });
    assert!(
        window.text().contains("Reading all of the program’s memory: 120.0 MB of 1.2 GB: 10 %"),
        "{}",
        window.text()
    );
    assert!(window.act(press(Control::LeaveOutMemory)));
    assert_eq!(window.actions(), [Action::Say(Act::LeaveOutMemory)]);
    assert!(!window.act(press(Control::LeaveOutMemory)), "once");
    window.is_told(Told::Question(question()));
    assert!(window.is_usable(Control::Send));
}

#[test]
fn an_answer_that_needs_no_report_is_given_before_there_is_one_and_nobody_sees_a_window_any_more() {
    let decline = ConsentAnswer::Decline(Never::ThisTime);
    let answers = [
        (press(Control::Decline), decline),
        (press(Control::Later), ConsentAnswer::Later),
        (Event::Closed, ConsentAnswer::Later),
    ];
    for (event, answer) in answers {
        let mut window = opened(opening());
        window.is_told(Told::Collecting { done: 1, total: 2 });
        assert!(window.act(event));
        assert!(!window.window().visible && !window.has_ended());
        assert_eq!(window.actions(), [Action::Say(Act::LeaveOutMemory)], "nobody waits for that any more");
        window.is_told(Told::Question(question()));
        assert_eq!((window.answer(), window.has_ended()), (Some(&answer), true));
    }
    for end in [Told::Gone, Told::NothingToSend(Nothing::Failed)] {
        let mut window = opened(opening());
        window.act(Event::Closed);
        window.is_told(end);
        assert_eq!((window.answer(), window.has_ended()), (None, true));
    }
}

#[test]
fn the_person_sees_how_far_it_is_how_fast_and_that_it_has_come() {
    let mut window = sending();
    window.is_told(Told::Sending { done: 0, total: 8_000_000 });
    assert!(window.text().contains("0 bytes of 8.0 MB: 0 %"), "{}", window.text());
    window.wait(Duration::from_secs(4));
    window.is_told(Told::Sending { done: 1_200_000, total: 8_000_000 });
    assert!(window.text().contains("1.2 MB of 8.0 MB, 300.0 kB a second: 15 %"), "{}", window.text());
    window.is_told(Told::Sent { report: "01a21b81-4838-7484-a87b-c979e94eaacb".into() });
    let text = window.text();
    assert!(text.contains("Thank you") && text.contains("Number of the report: 01a21b81-4838-7484"), "{text}");
    window.act(press(Control::CopyId));
    assert_eq!(window.actions().last(), Some(&Action::Copy("01a21b81-4838-7484-a87b-c979e94eaacb".into())));
    window.act(press(Control::Close));
    assert!(window.has_ended());
}

#[test]
fn what_could_not_be_sent_says_why_and_when_it_is_tried_again_and_may_come_yet() {
    let mut window = sending();
    let not_sent = |again| Told::NotSent { report: "0123".into(), why: "no network".into(), again };
    for (again, said) in [
        (None, "tried again when Ledger 3.1.4 is started the next time"),
        (Some(5), "In less than a minute"),
        (Some(1800), "In 30 min"),
    ] {
        window.is_told(not_sent(again.map(Duration::from_secs)));
        let text = window.text();
        assert!(text.contains(said) && text.contains("What happened: no network"), "{text}");
    }
    window.is_told(Told::Sending { done: 1, total: 2 });
    assert!(window.text().contains("on its way"), "{}", window.text());
    window.is_told(Told::Sent { report: "0123".into() });
    assert!(window.text().contains("Thank you"), "{}", window.text());
}

#[test]
fn a_window_that_is_closed_stops_nothing_and_what_became_of_it_is_not_shown_for_ever() {
    let mut window = sending();
    window.act(Event::Closed);
    assert!(window.has_ended() && !window.actions().contains(&Action::Say(Act::Withdraw)));
    let mut window = sending();
    window.wait(Duration::from_secs(3600));
    assert!(!window.has_ended(), "it is under way");
    window.is_told(Told::Sent { report: "0123".into() });
    window.wait(Duration::from_secs(599));
    assert!(!window.has_ended());
    window.wait(Duration::from_secs(1));
    assert!(window.has_ended());
}

#[test]
fn a_file_is_written_of_what_is_chosen_and_nothing_is_sent_by_it() {
    let mut window = asks(question());
    window.act(Event::Switched(Control::Offer(Category::Memory), false));
    assert!(window.act(press(Control::Save)));
    assert_eq!(window.actions(), [Action::ChooseFile("Ledger.report".into())]);
    window.act(Event::FileChosen("/home/anna/Ledger.report".into()));
    let answer = ConsentAnswer::send([Category::Essential, Category::Actions]);
    let save = Action::Say(Act::Save { answer, left_out: vec![], path: "/home/anna/Ledger.report".into() });
    assert_eq!(window.actions().last(), Some(&save));
    for (saved, said) in [
        (Ok(()), "The file is written. Nothing was sent."),
        (Err("no room".to_owned()), "The file could not be written: no room"),
    ] {
        window.is_told(Told::Saved(saved));
        assert!(window.text().contains(said), "{}", window.text());
    }
    assert!(window.answer().is_none() && window.is_usable(Control::Send), "it is still to be decided");
    // What could not be sent is not written either.
    window.act(edited(Control::Email, "anna@"));
    let before = window.actions().len();
    window.act(Event::FileChosen("/home/anna/Ledger.report".into()));
    assert_eq!(window.actions().len(), before);
    assert!(window.text().contains("Nobody could answer"), "{}", window.text());
}

#[test]
fn the_product_starts_again_unless_the_person_does_not_want_it() {
    assert!(!asks(question()).is_usable(Control::Restart), "it would not");
    for stays_ended in [false, true] {
        let mut window = opened(Opening { restarts: true, ..opening() });
        assert!(window.text().contains("[x] Start Ledger 3.1.4 again afterwards"), "{}", window.text());
        window.act(Event::Switched(Control::Restart, !stays_ended));
        window.is_told(Told::Question(question()));
        window.act(press(Control::Decline));
        let answer = ConsentAnswer::Decline(Never::ThisTime);
        assert_eq!(window.actions()[0], Action::Say(Act::Answer { answer, left_out: vec![], stays_ended }));
    }
}
