//! Everything as it would be sent, line by line, and what of it the person leaves out.

use std::borrow::Cow;
use std::ops::Range;

use report_format::schema::v1::Category;

use super::{Model, Offer};
use crate::view;

/// Before a line that is not sent. Each font has it.
const LEFT_OUT: &str = "× ";

/// Lines of an offer's contents that can be left out by themselves, with the lines within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// By which the handler knows it.
    pub number: u32,
    /// Of the contents, from 0.
    pub lines: Range<usize>,
    /// Before compression.
    pub bytes: u64,
}

impl Offer {
    /// Those that lie in no other.
    fn outermost<'a>(&'a self, is_meant: impl Fn(&Part) -> bool + 'a) -> impl Iterator<Item = &'a Part> {
        let mut end = 0;
        self.parts.iter().filter(move |part| {
            let is_outermost = is_meant(part) && part.lines.start >= end;
            if is_outermost {
                end = part.lines.end;
            }
            is_outermost
        })
    }

    /// Those that a line is in, the largest first.
    fn parts_at(&self, line: usize) -> impl DoubleEndedIterator<Item = &Part> {
        self.parts.iter().filter(move |part| part.lines.contains(&line))
    }
}

/// A line that is shown; of a heading, and where there is nothing, of no offer.
struct Line<'a> {
    text: Cow<'a, str>,
    of: Option<(&'a Offer, usize)>,
}

impl Model {
    /// What would be sent, as far as it has in it what is searched for: each category's title, and its lines. `None` where nothing has.
    pub(crate) fn contents(&self) -> Option<String> {
        let mut text = String::new();
        for line in self.lines() {
            text.push_str(&line.text);
            text.push('\n');
        }
        (!text.is_empty()).then_some(text)
    }

    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let offers = self.offers.iter().filter(|offer| offer.category != Category::Contact);
        offers.flat_map(|offer| self.lines_of(offer))
    }

    fn lines_of<'a>(&'a self, offer: &'a Offer) -> Vec<Line<'a>> {
        let wanted = self.search.trim().to_lowercase();
        let left_out: Vec<&Part> = offer.outermost(|part| self.left_out.contains(&part.number)).collect();
        let is_found = |line: &str| wanted.is_empty() || line.to_lowercase().contains(&wanted);
        let found = offer.contents.lines().enumerate().filter(|(_, line)| is_found(line));
        let mut lines: Vec<Line<'_>> = found
            .map(|(number, line)| {
                let is_left_out = left_out.iter().any(|part| part.lines.contains(&number));
                let text = if is_left_out { format!("{LEFT_OUT}{line}").into() } else { line.into() };
                Line { text, of: Some((offer, number)) }
            })
            .collect();
        if !lines.is_empty() || wanted.is_empty() {
            let of_none = |text: String| Line { text: text.into(), of: None };
            lines.insert(0, of_none(view::heading_of(self, offer)));
            lines.push(of_none(String::new()));
        }
        lines
    }

    /// Where the person's cursor is.
    fn at_cursor(&self) -> Option<(&Offer, usize)> {
        self.lines().nth(self.line)?.of
    }

    /// What the person can leave out there, or take in again: the first line of it.
    pub(crate) fn part_at_cursor(&self) -> Option<&str> {
        let (offer, line) = self.at_cursor()?;
        let part = self.left_out_at(offer, line).or_else(|| offer.parts_at(line).next_back())?;
        offer.contents.lines().nth(part.lines.start).map(str::trim)
    }

    pub(crate) fn is_left_out_at_cursor(&self) -> bool {
        self.at_cursor().is_some_and(|(offer, line)| self.left_out_at(offer, line).is_some())
    }

    /// The largest.
    fn left_out_at<'a>(&self, offer: &'a Offer, line: usize) -> Option<&'a Part> {
        offer.parts_at(line).find(|part| self.left_out.contains(&part.number))
    }

    /// Leaves out what is at the cursor; or takes it in again, with all that it is in.
    pub(super) fn leave_out_or_take_in(&mut self) {
        let Some((offer, line)) = self.at_cursor() else { return };
        let numbers: Vec<u32> = offer.parts_at(line).map(|part| part.number).collect();
        if numbers.iter().any(|number| self.left_out.contains(number)) {
            self.left_out.retain(|number| !numbers.contains(number));
        } else {
            self.left_out.extend(numbers.last());
        }
    }

    /// Of what was left out by itself, the largest parts.
    pub(crate) fn parts_left_out(&self) -> usize {
        self.offers.iter().map(|offer| offer.outermost(|part| self.left_out.contains(&part.number)).count()).sum()
    }

    /// Bytes of an offer, without what is left out of it.
    pub(crate) fn size_of(&self, offer: &Offer) -> u64 {
        let left_out = offer.outermost(|part| self.left_out.contains(&part.number)).map(|part| part.bytes);
        offer.bytes.saturating_sub(left_out.fold(0, u64::saturating_add))
    }

    /// Whether the image of this number is not sent: each display's is a part by itself.
    pub(crate) fn image_is_left_out(&self, offer: &Offer, number: usize) -> bool {
        offer.outermost(|_| true).nth(number).is_some_and(|part| self.left_out.contains(&part.number))
    }
}
