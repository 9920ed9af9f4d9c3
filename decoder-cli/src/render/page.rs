//! A page of text: headings, aligned fields, tables, in the width there is.
//!
//! Nothing reaches the output but through [`Span`], and a span is made of [`Safe`] text: what comes from a report cannot
//! slip by, and colours can only come from here.

use std::fmt::Display;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::sanitize::Safe;

/// What a piece of text means to the eye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    #[default]
    Plain,
    Strong,
    Dim,
    Good,
    Warning,
    Bad,
    Name,
}

impl Look {
    fn style(self) -> Style {
        let coloured = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Look::Plain => Style::new(),
            Look::Strong => Style::new().bold(),
            Look::Dim => Style::new().dimmed(),
            Look::Good => coloured(AnsiColor::Green),
            Look::Warning => coloured(AnsiColor::Yellow).bold(),
            Look::Bad => coloured(AnsiColor::Red).bold(),
            Look::Name => coloured(AnsiColor::Cyan),
        }
    }
}

/// A piece of one line, made safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    look: Look,
    text: String,
}

impl Span {
    pub(crate) fn new(look: Look, text: impl Display) -> Span {
        Span { look, text: Safe(&text.to_string()).to_string() }
    }

    pub(crate) fn plain(text: impl Display) -> Span {
        Span::new(Look::Plain, text)
    }

    pub(crate) fn dim(text: impl Display) -> Span {
        Span::new(Look::Dim, text)
    }
}

/// Where text goes, and how.
pub(crate) struct Page<'w> {
    out: &'w mut dyn Write,
    colour: bool,
    /// `None` where lines may be as long as they are: in a file or a pipe.
    width: Option<usize>,
}

/// Columns of the space between a label or cell and the next one.
const GAP: usize = 2;
/// A cell wider than this does not push the columns of all other rows away.
const WIDEST: usize = 48;
/// No column gets narrower than this.
const NARROWEST: usize = 8;

impl<'w> Page<'w> {
    pub(crate) fn new(out: &'w mut dyn Write, colour: bool, width: Option<usize>) -> Page<'w> {
        Page { out, colour, width: width.map(|width| width.clamp(40, 400)) }
    }

    /// An empty line.
    pub(crate) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A title with an empty line before it, and a remark beside it.
    pub(crate) fn heading(&mut self, title: &str, remark: &str) -> io::Result<()> {
        self.blank()?;
        let mut spans = vec![Span::new(Look::Strong, title)];
        if !remark.is_empty() {
            spans.push(Span::dim(format!("  {remark}")));
        }
        self.line(0, &spans)
    }

    /// One line as it is, however long.
    pub(crate) fn line(&mut self, indent: usize, spans: &[Span]) -> io::Result<()> {
        write!(self.out, "{:indent$}", "")?;
        for span in spans {
            self.span(span)?;
        }
        writeln!(self.out)
    }

    /// Says how many more of a list there are, if any.
    pub(crate) fn more(&mut self, indent: usize, count: usize) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.line(indent, &[Span::dim(format!("… {count} more (--all shows them)"))])
    }

    fn span(&mut self, span: &Span) -> io::Result<()> {
        let style = span.look.style();
        if self.colour && span.look != Look::Plain && !span.text.is_empty() {
            write!(self.out, "{style}{}{style:#}", span.text)
        } else {
            self.out.write_all(span.text.as_bytes())
        }
    }

    /// Labels in one column, values in the next, wrapped within theirs. Fields without a value are left out.
    pub(crate) fn fields(&mut self, indent: usize, fields: &[(&str, Span)]) -> io::Result<()> {
        let shown: Vec<(Span, &Span)> = fields
            .iter()
            .filter(|(_, value)| !value.text.is_empty())
            .map(|(label, value)| (Span::dim(label), value))
            .collect();
        let labels = shown.iter().map(|(label, _)| label.text.width()).max().unwrap_or(0).min(WIDEST);
        for (label, value) in shown {
            let pad = labels.saturating_sub(label.text.width()) + GAP;
            let at = indent + labels + GAP;
            let lines = wrap(&value.text, self.width.map(|width| width.saturating_sub(at)));
            for (number, text) in lines.into_iter().enumerate() {
                let text = Span { look: value.look, text };
                match number {
                    0 => self.line(indent, &[label.clone(), Span::plain(format!("{:pad$}", "")), text])?,
                    _ => self.line(at, &[text])?,
                }
            }
        }
        Ok(())
    }

    /// Text of several lines, each wrapped for itself.
    pub(crate) fn paragraph(&mut self, indent: usize, look: Look, text: &str) -> io::Result<()> {
        for line in text.lines() {
            let line = Span::new(look, line).text;
            for text in wrap(&line, self.width.map(|width| width.saturating_sub(indent))) {
                self.line(indent, &[Span { look, text }])?;
            }
        }
        Ok(())
    }

    /// Rows of cells, each but the last padded to the widest of its column; nothing is cut, so that it can be copied.
    pub(crate) fn columns(&mut self, indent: usize, rows: &[Vec<Span>]) -> io::Result<()> {
        let count = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| rows.iter().filter_map(|row| row.get(column)).map(|cell: &Span| cell.text.width()).max();
        let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0).min(WIDEST)).collect();
        for row in rows {
            let mut spans = Vec::new();
            for (cell, width) in row.iter().zip(&widths) {
                spans.push(cell.clone());
                spans.push(Span::plain(" ".repeat(width.saturating_sub(cell.text.width()) + GAP)));
            }
            self.line(indent, trimmed(&spans))?;
        }
        Ok(())
    }

    /// Rows of cells in columns. Columns that are empty in every row are left out; the widest give way where the page
    /// is too narrow. Text of a cell that does not fit is cut.
    pub(crate) fn table(&mut self, indent: usize, head: &[String], rows: &[Vec<Span>]) -> io::Result<()> {
        let columns: Vec<usize> = (0..head.len())
            .filter(|column| rows.iter().any(|row| row.get(*column).is_some_and(|cell| !cell.text.is_empty())))
            .collect();
        let head: Vec<Span> = head.iter().map(Span::dim).collect();
        let natural = |column: &usize| {
            let cells = rows.iter().filter_map(|row| row.get(*column)).map(|cell| cell.text.width()).max();
            cells.unwrap_or(0).max(head[*column].text.width())
        };
        let mut widths: Vec<usize> = columns.iter().map(natural).collect();
        if let Some(width) = self.width {
            narrow(&mut widths, width.saturating_sub(indent + GAP * columns.len().saturating_sub(1)));
        }
        for row in std::iter::once(&head).chain(rows) {
            let mut spans = Vec::new();
            for (column, width) in columns.iter().zip(&widths) {
                let cell = row.get(*column).cloned().unwrap_or_else(|| Span::plain(""));
                let text = fit(&cell.text, *width);
                let pad = width + GAP - text.width();
                spans.push(Span { look: cell.look, text });
                spans.push(Span::plain(format!("{:pad$}", "")));
            }
            self.line(indent, trimmed(&spans))?;
        }
        Ok(())
    }
}

/// Without the blank pieces at the end.
fn trimmed(spans: &[Span]) -> &[Span] {
    let blank = spans.iter().rev().take_while(|span| span.text.trim_end().is_empty()).count();
    &spans[..spans.len() - blank]
}

/// Takes from the widest columns until all fit, or all are as narrow as they may be.
fn narrow(widths: &mut [usize], available: usize) {
    while widths.iter().sum::<usize>() > available {
        let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > NARROWEST) else { return };
        // Long texts shrink in large steps first: a name of 4,000 characters costs a dozen rounds.
        *widest = if *widest > 2 * available { *widest / 2 } else { *widest - 1 };
    }
}

/// Breaks at spaces, and inside a word that is longer than a line. Always gives at least one line.
fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.map(|width| width.max(NARROWEST)) else { return vec![text.to_owned()] };
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split(' ') {
        let length = word.width();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if !line.is_empty() || used > 0 {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += wide;
        }
    }
    lines.push(line);
    lines
}

/// `text` in at most `width` columns, with `…` where it was cut.
fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sanitize::is_active;
    use proptest::prelude::*;

    fn page(colour: bool, width: Option<usize>, draw: impl FnOnce(&mut Page<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        draw(&mut Page::new(&mut out, colour, width)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_are_aligned_and_wrapped_in_their_column() {
        let text = page(false, Some(40), |page| {
            page.fields(
                2,
                &[
                    ("id", Span::plain("7")),
                    ("nothing", Span::plain("")),
                    ("purpose", Span::plain("to fix this error and nothing else at all")),
                ],
            )
        });
        assert_eq!(text, "  id       7\n  purpose  to fix this error and nothing\n           else at all\n");
    }

    #[test]
    fn a_table_leaves_out_empty_columns_and_cuts_the_widest() {
        let rows = [["/", "", "x"], [&"long".repeat(20), "", "y"]].map(|row| row.map(Span::plain).to_vec());
        let text = page(false, Some(40), |page| page.table(2, &["path", "none", "kind"].map(String::from), &rows));
        assert_eq!(text.lines().map(UnicodeWidthStr::width).max(), Some(40), "{text}");
        assert!(text.contains("…  y\n") && !text.contains("none"), "{text}");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(wrap("日本語日本語", Some(8)), ["日本語日", "本語"]);
        assert_eq!(fit("日本語", 5), "日本…");
    }

    #[test]
    fn colours_come_from_us_and_escapes_from_the_report_do_not() {
        let text = page(true, None, |page| page.line(0, &[Span::new(Look::Bad, "\u{1b}[2Jx")]));
        assert_eq!(text, "\u{1b}[1m\u{1b}[31m\\u{1b}[2Jx\u{1b}[0m\n");
    }

    #[test]
    fn without_a_width_nothing_is_cut() {
        let long = "x".repeat(1000);
        let text = page(false, None, |page| page.table(0, &["a".to_owned()], &[vec![Span::plain(&long)]]));
        assert!(text.contains(&long));
    }

    proptest! {
        #[test]
        fn no_text_reaches_the_page_unescaped(texts in proptest::collection::vec(any::<String>(), 4), width in 0_usize..200) {
            let text = page(false, Some(width), |page| {
                page.heading(&texts[0], &texts[1])?;
                page.fields(2, &[(&texts[0], Span::plain(&texts[1])), (&texts[2], Span::dim(&texts[3]))])?;
                page.paragraph(1, Look::Plain, &texts[2])?;
                page.table(3, &texts[..2], &[texts.iter().map(Span::plain).collect(), vec![]])
            });
            prop_assert!(!text.chars().any(|c| c != '\n' && is_active(c)));
        }
    }
}
