//! A question and its answer as they travel to a dialog and back.

use std::time::Duration;

use report_format::schema::v1::{Category, ConsentSource, Error, Screen, SectionKind};

use super::parts::Part;
use super::preview::{contents, heading};
use super::{Answer, CategorySet, Decision, Opening, PreviewDigest, Remember, Request};
use crate::consent_request::VERSION;
use crate::os_bytes::to_bytes;
use crate::text::escape;
use crate::{dialog_session, schema};

/// What came of a dialog.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one is made per question")]
pub(crate) enum Answered {
    /// Only [`settle`](super::settle) says whether it counts.
    Decided(Decision),
    /// It cannot show anything.
    CannotAsk,
}

/// What our own dialog is told first. `restarts`: whether the product is started again.
pub(crate) fn opening(opening: &Opening<'_>, restarts: bool) -> schema::Opening {
    let Opening { product, kind, notice, offered, branding } = *opening;
    let numbers = |categories: CategorySet| categories.iter().map(|category| category as i32).collect();
    schema::Opening {
        version: dialog_session::VERSION,
        product: Some(product.clone()),
        kind: kind.into(),
        notice: Some(notice.clone()),
        categories: numbers(offered),
        chosen: numbers(offered.and(CategorySet::preselected())),
        restarts,
        branding: branding.map(|folder| to_bytes(folder.as_os_str())).unwrap_or_default(),
    }
}

/// What the dialog is asked.
pub(crate) fn question(request: &Request<'_>, timeout: Duration) -> schema::ConsentRequest {
    let draft = request.draft();
    let images = || {
        let offering = request.reports().iter().filter(|asked| asked.offered.contains(Category::Screen));
        let sections = offering.flat_map(|asked| &asked.draft.sections);
        let screens = sections.filter(|section| section.kind == SectionKind::Screen);
        screens.filter_map(|section| <Screen as prost::Message>::decode(section.payload.as_slice()).ok())
    };
    let offer = |category| {
        let shown = contents(request, category);
        schema::ConsentOffer {
            category: category as i32,
            bytes: request.size_of(category),
            chosen: request.preselected().contains(category),
            images: if category == Category::Screen { images().map(|screen| screen.png).collect() } else { Vec::new() },
            parts: shown.parts().iter().map(part).collect(),
            contents: shown.into_text(),
        }
    };
    let reports = request.reports();
    let title = if reports.len() > 1 {
        reports.iter().map(|asked| heading(asked.draft)).collect::<Vec<_>>().join("\n")
    } else {
        draft.message::<Error>(SectionKind::Error).map(|error| escape(&error.title)).unwrap_or_default()
    };
    schema::ConsentRequest {
        version: VERSION,
        nonce: request.nonce().to_vec(),
        preview_digest: request.digest().0.to_vec(),
        product: Some(draft.product.clone()),
        kind: draft.kind.into(),
        title,
        notice: Some(request.notice().clone()),
        offers: request.offered().iter().map(offer).collect(),
        timeout_millis: timeout.as_millis().try_into().unwrap_or(u64::MAX),
        reports: reports.len().try_into().unwrap_or(u32::MAX),
    }
}

fn part(part: &Part) -> schema::ConsentPart {
    let number = |lines: usize| u32::try_from(lines).unwrap_or(u32::MAX);
    schema::ConsentPart {
        first_line: number(part.lines.start),
        lines: number(part.lines.len()),
        bytes: part.bytes as u64,
    }
}

/// What the dialog has said, for which `source` vouches. `None`: nothing that has a meaning here.
pub(crate) fn decision(message: schema::ConsentDecision, source: ConsentSource) -> Option<Answered> {
    if message.version != VERSION {
        return None;
    }
    let categories: CategorySet = message.categories().collect();
    let answer = match message.answer() {
        schema::ConsentAnswer::Send => Answer::Send { categories, contact: message.contact.clone() },
        schema::ConsentAnswer::Decline => Answer::Decline,
        schema::ConsentAnswer::Later => Answer::Later,
        schema::ConsentAnswer::CannotAsk => return Some(Answered::CannotAsk),
        schema::ConsentAnswer::Unspecified => return None,
    };
    let remember = match message.remember() {
        schema::Remember::Always => Some(Remember::Always),
        schema::Remember::Never => Some(Remember::Never),
        schema::Remember::NeverForVersion => Some(Remember::NeverForVersion),
        schema::Remember::Unspecified => None,
    };
    let (nonce, digest) = (message.nonce.try_into().ok()?, message.preview_digest.try_into().ok()?);
    let decision = Decision::of_person(nonce, PreviewDigest(digest), answer, remember);
    Some(Answered::Decided(decision.leaving_out(message.left_out).said_by(source)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use report_format::ReportId;
    use report_format::schema::v1::{Attachment, Contact, ErrorKind, ErrorLink, Product};

    use super::*;
    use crate::consent::{ConsentError, Draft, DraftSection, Notice, Outcome, settle};
    use crate::consent_request::{ConsentAnswer, ConsentRequest, Never};

    fn draft() -> Draft {
        let product = Product { name: "Ledger".into(), version: "3.1.4".into(), ..Product::default() };
        let mut draft = Draft::new(ReportId([1; 16]), product, [2; 16], ErrorKind::Crash, 7);
        let error = Error { title: "SIGSEGV in \u{1b}[2Jshow_month".into(), ..Error::default() };
        draft.push(SectionKind::Error, Category::Essential, &error);
        draft.push(SectionKind::Screen, Category::Screen, &Screen { png: vec![0x89, 1, 2], ..Screen::default() });
        draft
    }

    fn notice() -> Notice {
        Notice { purpose: "to fix this error".into(), ..Notice::default() }
    }

    /// What comes of this answer of a dialog, by the very bytes.
    fn answered(request: &Request<'_>, answer: ConsentAnswer) -> Answered {
        answered_without(request, answer, |_| Vec::new())
    }

    /// The same without these parts.
    fn answered_without(
        request: &Request<'_>,
        answer: ConsentAnswer,
        parts: impl FnOnce(&ConsentRequest) -> Vec<u32>,
    ) -> Answered {
        let mut there = Vec::new();
        crate::ipc::framed::write(&mut there, &question(request, Duration::from_secs(60))).unwrap();
        let asked = ConsentRequest::read_from(&mut there.as_slice()).unwrap();
        let mut back = Vec::new();
        asked.answer_to(answer, &parts(&asked), &mut back).unwrap();
        decision(crate::ipc::framed::read(&mut back.as_slice(), 64 << 10).unwrap(), ConsentSource::ProductDialog)
            .unwrap()
    }

    fn settled(draft: &Draft, request: &Request<'_>, answer: ConsentAnswer) -> Result<Outcome, ConsentError> {
        let Answered::Decided(decision) = answered(request, answer) else { panic!("no decision") };
        settle(draft, request, decision)
    }

    #[test]
    fn the_dialog_is_told_what_would_be_sent_and_to_whom() {
        let (draft, notice) = (draft(), notice());
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let mut bytes = Vec::new();
        crate::ipc::framed::write(&mut bytes, &question(&request, Duration::from_secs(60))).unwrap();
        let asked = ConsentRequest::read_from(&mut bytes.as_slice()).unwrap();
        assert_eq!((asked.product().name.as_str(), asked.kind()), ("Ledger", ErrorKind::Crash));
        assert_eq!((asked.title(), asked.timeout()), ("SIGSEGV in \\u{1b}[2Jshow_month", Duration::from_secs(60)));
        assert_eq!(asked.notice().purpose, "to fix this error");
        let [essential, screen, contact] = asked.offers() else { panic!("{:?}", asked.offers()) };
        assert_eq!((essential.category, essential.chosen), (Category::Essential, true));
        assert!(essential.contents.contains("name: Ledger"), "{}", essential.contents);
        assert_eq!(
            (screen.category, screen.chosen, screen.images.as_slice()),
            (Category::Screen, false, &[vec![0x89, 1, 2]][..])
        );
        assert_eq!((contact.category, contact.bytes), (Category::Contact, 0));
    }

    #[test]
    fn what_the_person_says_is_what_counts_and_the_report_tells_where_it_was_said() {
        let (draft, notice) = (draft(), notice());
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let contact = Contact { first_name: "Anna".into(), ..Contact::default() };
        let categories = vec![Category::Contact];
        let send = ConsentAnswer::Send { categories, contact: Some(contact.clone()), always: false };
        let Ok(Outcome::Granted(grant)) = settled(&draft, &request, send) else { panic!("not granted") };
        assert_eq!(grant.contact(), Some(&contact));
        assert!(!grant.categories().contains(Category::Screen));
        assert_eq!(grant.record().source(), ConsentSource::ProductDialog);
        let decline = ConsentAnswer::Decline(Never::ThisTime);
        assert_eq!(settled(&draft, &request, decline), Ok(Outcome::Declined));
        assert_eq!(settled(&draft, &request, ConsentAnswer::Later), Ok(Outcome::Later));
        assert_eq!(answered(&request, ConsentAnswer::CannotAsk), Answered::CannotAsk);
        let always = ConsentAnswer::Send { categories: vec![Category::Screen], contact: None, always: true };
        let remembered = |answer| match answered(&request, answer) {
            Answered::Decided(decision) => decision.remembered("3.1.4").map(|kept| kept.remember),
            Answered::CannotAsk => None,
        };
        assert_eq!(remembered(always), Some(Remember::Always));
        assert_eq!(remembered(ConsentAnswer::Decline(Never::Again)), Some(Remember::Never));
        assert_eq!(remembered(ConsentAnswer::Decline(Never::ForThisVersion)), Some(Remember::NeverForVersion));
    }

    /// The number of the smallest part whose first line is this.
    fn part(asked: &ConsentRequest, line: &str) -> u32 {
        let is_it = |offer: &crate::Offer, part: &&crate::Part| {
            offer.contents.lines().nth(part.lines.start).is_some_and(|first| first.trim() == line)
        };
        let found = asked.offers().iter().find_map(|offer| offer.parts.iter().rfind(|part| is_it(offer, part)));
        found.unwrap_or_else(|| panic!("{line:?} is not in {:?}", asked.offers())).number
    }

    #[test]
    fn what_was_left_out_by_itself_is_not_sent_and_the_report_names_it() {
        let mut draft = draft();
        let link = |message: &str| ErrorLink { message: message.into(), code: Some(-2), ..ErrorLink::default() };
        let chain = vec![link("cannot read Anna's diary"), link("no such file")];
        let error = Error { title: "SIGSEGV".into(), chain, ..Error::default() };
        draft.sections[1] = DraftSection::of(SectionKind::Error, Category::Essential, &error);
        for (name, content) in [("log", "first\nsecond"), ("diary", "of Anna")] {
            let content = content.as_bytes().to_vec();
            let file = Attachment { name: name.into(), content, ..Attachment::default() };
            draft.push(SectionKind::Attachment, Category::Attachments, &file);
        }
        let notice = notice();
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        let send = || ConsentAnswer::send([Category::Attachments]);
        let diary = |asked: &ConsentRequest| part(asked, "name: diary") - 1;
        let parts = |asked: &ConsentRequest| vec![part(asked, "message: cannot read Anna's diary"), diary(asked)];
        let Answered::Decided(decision) = answered_without(&request, send(), parts) else { panic!("no decision") };
        let Ok(Outcome::Granted(grant)) = settle(&draft, &request, decision) else { panic!("not granted") };
        assert_eq!(grant.record().left_out, ["attachment", "error.chain.message"]);
        let rest = grant.left_out().taken_from(&draft);
        assert_eq!(rest.sections.len(), draft.sections.len() - 1);
        let left = Error { chain: vec![link(""), link("no such file")], ..error };
        assert_eq!(rest.message(SectionKind::Error), Some(left));
        assert!(!rest.sections.iter().any(|section| section.payload.windows(5).any(|bytes| bytes == b"diary")));

        // Of what is not sent anyway nothing is to be said.
        let Answered::Decided(decision) =
            answered_without(&request, ConsentAnswer::send([]), |asked| vec![diary(asked)])
        else {
            panic!("no decision")
        };
        let Ok(Outcome::Granted(grant)) = settle(&draft, &request, decision) else { panic!("not granted") };
        assert!(grant.left_out().is_empty() && grant.record().left_out.is_empty());

        // Nobody was shown it.
        let Answered::Decided(decision) = answered_without(&request, send(), |_| vec![9999]) else { panic!("none") };
        assert_eq!(settle(&draft, &request, decision), Err(ConsentError::NotShown { left_out: vec![9999] }));

        // Nobody would look through the next report.
        let always = ConsentAnswer::Send { categories: vec![], contact: None, always: true };
        let Answered::Decided(decision) = answered_without(&request, always, parts) else { panic!("no decision") };
        assert_eq!(decision.remembered("3.1.4"), None);
    }

    #[test]
    fn what_product_it_was_is_always_told() {
        let (draft, notice) = (draft(), notice());
        let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
        answered_without(&request, ConsentAnswer::send([]), |asked| {
            let essential = &asked.offers()[0];
            let lines: Vec<&str> = essential.contents.lines().collect();
            assert!(essential.parts.iter().all(|part| !lines[part.lines.start].contains("Ledger")), "{essential:?}");
            assert!(essential.parts.iter().any(|part| lines[part.lines.start].contains("show_month")), "{essential:?}");
            Vec::new()
        });
    }

    #[test]
    fn an_answer_that_grants_what_was_not_offered_or_answers_another_question_does_not_count() {
        let (draft, notice) = (draft(), notice());
        let request = Request::new(&draft, &notice, CategorySet::essential()).unwrap();
        let all = ConsentAnswer::send([Category::Screen, Category::Memory]);
        assert!(matches!(settled(&draft, &request, all), Err(ConsentError::NotOffered { .. })));
        let another = Request::new(&draft, &notice, CategorySet::essential()).unwrap();
        let Answered::Decided(replayed) = answered(&another, ConsentAnswer::send([])) else { panic!("no decision") };
        assert_eq!(settle(&draft, &request, replayed), Err(ConsentError::WrongNonce));
        for damage in [
            |message: &mut schema::ConsentDecision| message.version += 1,
            |message: &mut schema::ConsentDecision| message.answer = 99,
            |message: &mut schema::ConsentDecision| message.nonce.truncate(15),
            |message: &mut schema::ConsentDecision| message.preview_digest.clear(),
        ] {
            let mut message = schema::ConsentDecision {
                version: VERSION,
                nonce: vec![1; 16],
                preview_digest: vec![2; 32],
                answer: schema::ConsentAnswer::Send.into(),
                ..Default::default()
            };
            assert!(decision(message.clone(), ConsentSource::Person).is_some());
            damage(&mut message);
            assert_eq!(decision(message, ConsentSource::Person), None);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_dialog_writes_is_no_grant_without_nonce_and_digest(bytes: Vec<u8>) {
            let (draft, notice) = (draft(), notice());
            let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
            if let Ok(message) = crate::ipc::framed::read(&mut bytes.as_slice(), 64 << 10)
                && let Some(Answered::Decided(decision)) = decision(message, ConsentSource::Person)
            {
                prop_assert!(settle(&draft, &request, decision).is_err());
            }
        }
    }
}
