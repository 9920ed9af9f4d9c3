//! A product that asks by a dialog of its own.

use report_format::schema::v1::{Category, ConsentRecord, ConsentSource, Contact, SectionKind};

use crate::{report::Received, shared::asked_by_its_dialog};

#[test]
fn a_dialog_is_shown_what_would_be_sent_and_what_the_person_says_in_it_is_sent() {
    let asked = asked_by_its_dialog("send");
    assert_eq!(asked.code, 0xc000_0005, "the product ends as ever");
    let question = &asked.question;
    assert!(question.starts_with("Crashes 1.0.0 of Example Software: EXCEPTION_ACCESS_VIOLATION"), "{question}");
    for part in ["kind 1, for ", "\n1 on ", "name: Crashes", "\n2 on ", "command id: ", "\n12 on 0\n", "A minidump"] {
        assert!(question.contains(part), "{part:?} is not in {question}");
    }
    let mails = asked.product.mails();
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    let report = Received::from_mail(mail);
    let consent: ConsentRecord = report.message(SectionKind::Consent);
    assert_eq!(consent.source(), ConsentSource::ProductDialog);
    assert!(consent.declined().any(|category| category == Category::Actions), "{consent:?}");
    assert!(!report.kinds().contains(&SectionKind::Actions));
    let contact: Contact = report.message(SectionKind::Contact);
    assert_eq!((&*contact.first_name, &*contact.description), ("Anna", "It said no."));
}

#[test]
fn a_dialog_that_fails_or_is_closed_has_sent_nothing_and_lost_nothing() {
    for answer in ["closed", "crash", "chatter"] {
        let asked = asked_by_its_dialog(answer);
        assert!(asked.question.starts_with("Crashes 1.0.0"), "{answer}: {}", asked.question);
        assert_eq!((asked.product.spooled("new").len(), asked.product.mails().len()), (1, 0), "{answer}");
    }
}

#[test]
fn a_no_destroys_what_was_collected() {
    let asked = asked_by_its_dialog("decline");
    assert!(asked.question.starts_with("Crashes 1.0.0"), "{}", asked.question);
    for folder in ["new", "out", "bad", "lost"] {
        assert_eq!(asked.product.spooled(folder), [] as [std::path::PathBuf; 0], "{folder}");
    }
    assert_eq!(asked.product.mails().len(), 0);
}
