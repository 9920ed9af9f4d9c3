//! What a person leaves out by itself, as long as they choose: what they find it by, and what goes with it.

use std::collections::BTreeSet;

use report_format::schema::v1::Category;

use super::Request;
use super::parts::{Part, shown};

/// All that is offered, line by line, and the parts of it that are left out so far. Where nothing was looked at yet: nothing.
#[derive(Debug, Default)]
pub(super) struct Selection {
    offers: Vec<Offer>,
    left_out: BTreeSet<u32>,
}

/// What is shown of one category.
#[derive(Debug)]
struct Offer {
    category: Category,
    text: String,
    /// Those without before those within, each with its number.
    parts: Vec<(u32, Part)>,
}

/// A line of what is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'s> {
    pub(super) category: Category,
    /// Of the request's; unknown where it lies in no part.
    pub(super) report: Option<usize>,
    /// What it says.
    pub(super) text: &'s str,
    /// The part that it begins, if it begins one.
    pub(super) part: Option<Begun<'s>>,
}

/// What goes with the line that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun<'s> {
    pub(super) number: u32,
    /// The line after the first.
    pub(super) next: Option<&'s str>,
    /// How many there are after the first.
    pub(super) below: usize,
    /// It is not sent: by itself, or with what it lies in.
    pub(super) is_left_out: bool,
}

/// What a switch has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switched<'s> {
    LeftOut(Line<'s>),
    /// The largest of what was taken in.
    TakenIn(Line<'s>),
}

impl Selection {
    /// All of this request, of which nothing is left out.
    pub(super) fn of(request: &Request<'_>) -> Self {
        let mut numbers = 0..;
        let offers = shown(request).map(|(category, shown)| {
            let parts = shown.parts().iter().cloned().zip(numbers.by_ref());
            let parts = parts.map(|(part, number)| (number, part)).collect();
            Offer { category, parts, text: shown.into_text() }
        });
        Self { offers: offers.collect(), left_out: BTreeSet::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// As a decision names them.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.left_out.iter().copied().collect()
    }

    /// The lines that have this in them, whether in capitals or not, each after the lines that begin what it lies in. About `most` of them, and how many more have it.
    pub(super) fn find(&self, wanted: &str, most: usize) -> (Vec<Line<'_>>, usize) {
        let wanted = wanted.to_lowercase();
        let (mut lines, mut listed, mut more) = (Vec::new(), BTreeSet::new(), 0);
        for offer in &self.offers {
            let found = offer.text.lines().enumerate().filter(|(_, text)| text.to_lowercase().contains(&wanted));
            for (number, text) in found {
                if lines.len() >= most {
                    more += 1;
                    continue;
                }
                let parts: Vec<&(u32, Part)> = offer.parts_at(number).collect();
                lines.extend(parts.iter().filter(|(part, _)| listed.insert(*part)).map(|part| self.line(offer, part)));
                if !parts.iter().any(|(_, part)| part.lines.start == number) {
                    let report = parts.last().map(|(_, part)| part.report);
                    lines.push(Line { category: offer.category, report, text, part: None });
                }
            }
        }
        (lines, more)
    }

    /// The lines that begin what is left out; not what lies in it.
    pub(super) fn left_out(&self) -> impl Iterator<Item = Line<'_>> {
        self.outermost().map(|(offer, part)| self.line(offer, part))
    }

    /// The parts that are left out and lie in no other that is.
    pub(super) fn parts_left_out(&self) -> impl Iterator<Item = &Part> {
        self.outermost().map(|(_, (_, part))| part)
    }

    /// Of a category, before compression.
    pub(super) fn bytes_left_out(&self, category: Category) -> u64 {
        let parts = self.outermost().filter(|(offer, _)| offer.category == category);
        parts.map(|(_, (_, part))| part.bytes as u64).fold(0, u64::saturating_add)
    }

    /// Leaves out the part of this number; or takes it in again, with all that it is in. `None`: there is no such part.
    pub(super) fn switch(&mut self, number: u32) -> Option<Switched<'_>> {
        let is_it = |(known, _): &&(u32, Part)| *known == number;
        let (offer, part) = self.offers.iter().find_map(|offer| Some((offer, offer.parts.iter().find(is_it)?)))?;
        let around: Vec<&(u32, Part)> = offer.parts_at(part.1.lines.start).collect();
        let largest = around.iter().copied().find(|(number, _)| self.left_out.contains(number));
        let Some(largest) = largest else {
            self.left_out.insert(number);
            return Some(Switched::LeftOut(self.line(offer, part)));
        };
        self.left_out.retain(|number| around.iter().all(|(known, _)| known != number));
        Some(Switched::TakenIn(self.line(offer, largest)))
    }

    /// With which a part begins.
    fn line<'s>(&'s self, offer: &'s Offer, (number, part): &(u32, Part)) -> Line<'s> {
        let mut lines = offer.text.lines().skip(part.lines.start).take(part.lines.len());
        let (text, next) = (lines.next().unwrap_or_default(), lines.next());
        let is_left_out = offer.parts_at(part.lines.start).any(|(number, _)| self.left_out.contains(number));
        let below = part.lines.len().saturating_sub(1);
        let begun = Begun { number: *number, next, below, is_left_out };
        Line { category: offer.category, report: Some(part.report), text, part: Some(begun) }
    }

    fn outermost(&self) -> impl Iterator<Item = (&Offer, &(u32, Part))> {
        self.offers.iter().flat_map(|offer| {
            let mut end = 0;
            let left_out = offer.parts.iter().filter(|(number, _)| self.left_out.contains(number));
            let outermost = left_out.filter(move |(_, part)| {
                let is_outermost = part.lines.start >= end;
                end = end.max(part.lines.end);
                is_outermost
            });
            outermost.map(move |part| (offer, part))
        })
    }
}

impl Offer {
    /// Those that a line is in, the largest first.
    fn parts_at(&self, line: usize) -> impl Iterator<Item = &(u32, Part)> {
        self.parts.iter().filter(move |(_, part)| part.lines.contains(&line))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use report_format::ReportId;
    use report_format::schema::v1::{
        Annotation, Annotations, Attachment, Error, ErrorKind, ErrorLink, Product, SectionKind,
    };

    use super::*;
    use crate::consent::{CategorySet, Draft, Notice};

    fn draft(number: u8) -> Draft {
        let product = Product { name: "Ledger".into(), ..Product::default() };
        let mut draft = Draft::new(ReportId([number; 16]), product, [2; 16], ErrorKind::Crash, 7);
        let link = |message: &str| ErrorLink {
            message: message.into(),
            type_name: "io::Error".into(),
            ..ErrorLink::default()
        };
        let chain = vec![link("cannot read Anna's diary"), link("no such file")];
        let error = Error { title: "it cannot be read".into(), chain, ..Error::default() };
        draft.push(SectionKind::Error, Category::Essential, &error);
        let entry =
            |key: &str, value: &str| Annotation { key: key.into(), value: value.into(), ..Annotation::default() };
        let annotations = vec![entry("author", "Anna"), entry("pages", "7")];
        draft.push(SectionKind::Annotations, Category::Product, &Annotations { annotations, ..Annotations::default() });
        let content = b"Monday\nI met Berta\n".to_vec();
        let file = Attachment { name: "diary".into(), content, ..Attachment::default() };
        draft.push(SectionKind::Attachment, Category::Attachments, &file);
        draft
    }

    /// What is found, each line with its part's number.
    fn found<'s>(selection: &'s Selection, wanted: &str) -> Vec<(Option<u32>, &'s str)> {
        let (lines, more) = selection.find(wanted, 100);
        assert_eq!(more, 0);
        lines.iter().map(|line| (line.part.map(|part| part.number), line.text.trim())).collect()
    }

    fn number(selection: &Selection, wanted: &str) -> u32 {
        found(selection, wanted).iter().rev().find_map(|(number, _)| *number).unwrap()
    }

    fn texts(selection: &Selection) -> Vec<&str> {
        selection.left_out().map(|line| line.text.trim()).collect()
    }

    #[test]
    fn what_is_searched_for_is_found_with_what_it_lies_in_and_each_part_once() {
        let (draft, notice) = (draft(1), Notice::default());
        let selection = Selection::of(&Request::new(&draft, &notice, CategorySet::all()).unwrap());
        let texts = |wanted| found(&selection, wanted).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts("ANNA'S"), ["chain:", "message: cannot read Anna's diary"]);
        let chain = ["chain:", "message: cannot read Anna's diary", "chain:", "message: no such file"];
        assert_eq!(texts("message:"), chain);
        let berta = ["attachment, 28 B", "content: 19 B of text", "I met Berta"];
        assert_eq!(texts("berta"), berta);
        assert_eq!(found(&selection, "Berta")[2].0, None, "it goes with the content");
        assert_eq!(found(&selection, "ledger"), [(None, "name: Ledger")], "always sent");
        assert_eq!(texts("Carla"), [""; 0]);
    }

    #[test]
    fn of_what_is_found_no_more_is_shown_than_wanted_and_the_rest_is_counted() {
        let (draft, notice) = (draft(1), Notice::default());
        let selection = Selection::of(&Request::new(&draft, &notice, CategorySet::all()).unwrap());
        let (all, none) = selection.find("n", 1000);
        let (lines, more) = selection.find("n", 4);
        assert_eq!((lines[..4].to_vec(), none), (all[..4].to_vec(), 0));
        assert!(more > 0 && lines.len() + more <= all.len(), "{more} of {}", all.len());
    }

    #[test]
    fn what_a_line_begins_goes_with_it_and_is_taken_in_with_it() {
        let (draft, notice) = (draft(1), Notice::default());
        let mut selection = Selection::of(&Request::new(&draft, &notice, CategorySet::all()).unwrap());
        let (file, name) = (number(&selection, "attachment,"), number(&selection, "name: diary"));
        let Some(Switched::LeftOut(line)) = selection.switch(name) else { panic!("{selection:?}") };
        assert_eq!(line.text, "  name: diary");
        assert_eq!(selection.bytes_left_out(Category::Attachments), 7);
        assert!(matches!(selection.switch(file), Some(Switched::LeftOut(_))));
        assert_eq!((texts(&selection), selection.numbers()), (vec!["attachment, 28 B"], vec![file, name]));
        assert_eq!(selection.bytes_left_out(Category::Attachments), 28);
        assert_eq!(selection.bytes_left_out(Category::Product), 0);
        let (lines, _) = selection.find("Monday", 9);
        assert!(lines.iter().filter_map(|line| line.part).all(|part| part.is_left_out), "{lines:?}");
        // Within what is left out: taken in with all around it.
        let content = number(&selection, "content:");
        let Some(Switched::TakenIn(line)) = selection.switch(content) else { panic!("{selection:?}") };
        assert_eq!(line.text, "attachment, 28 B");
        assert_eq!(texts(&selection), ["name: diary"], "that was left out before");
        selection.switch(name);
        assert!(selection.numbers().is_empty() && selection.parts_left_out().next().is_none());
        assert_eq!(selection.switch(9999), None);
    }

    #[test]
    fn numbers_are_those_by_which_a_decision_names_the_parts_of_several_reports() {
        use crate::consent::{Answer, Outcome, settle};

        let (first, second, notice) = (draft(1), draft(2), Notice::default());
        let request = Request::new(&first, &notice, CategorySet::all()).unwrap().and(&second, CategorySet::all());
        let mut selection = Selection::of(&request);
        let (lines, _) = selection.find("author", 9);
        let reports: Vec<Option<usize>> = lines.iter().map(|line| line.report).collect();
        assert_eq!(reports, [Some(0), Some(0), Some(1), Some(1)], "{lines:?}");
        let of_second = lines.last().unwrap().part.unwrap().number;
        assert!(selection.switch(of_second).is_some());
        let answer = Answer::Send { categories: request.offered(), contact: None };
        let decision = request.answered(answer, None).leaving_out(selection.numbers());
        let left_out = |draft| match settle(draft, &request, decision.clone()) {
            Ok(Outcome::Granted(grant)) => (grant.record().left_out, grant.left_out().taken_from(draft)),
            other => panic!("{other:?}"),
        };
        assert_eq!(left_out(&first), (vec![], first.clone()));
        let (names, rest) = left_out(&second);
        assert_eq!(names, ["annotations.annotations"]);
        let annotations: Annotations = rest.message(SectionKind::Annotations).unwrap();
        assert_eq!(annotations.annotations.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["pages"]);
    }

    proptest! {
        #[test]
        fn nothing_is_switched_that_cannot_be_switched_back(numbers in proptest::collection::vec(0u32..24, 0..12)) {
            let (draft, notice) = (draft(1), Notice::default());
            let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
            let mut selection = Selection::of(&request);
            for number in &numbers {
                selection.switch(*number);
            }
            // A decision that names them counts.
            prop_assert!(crate::consent::LeftOut::of(&selection.numbers(), &request, 0, CategorySet::all()).is_some());
            let first = |selection: &Selection| Some(selection.left_out().next()?.part?.number);
            while let Some(part) = first(&selection) {
                let before = selection.numbers().len();
                selection.switch(part);
                prop_assert!(selection.numbers().len() < before);
            }
            prop_assert!(selection.numbers().is_empty());
            prop_assert_eq!(selection.bytes_left_out(Category::Essential), 0);
        }
    }
}
