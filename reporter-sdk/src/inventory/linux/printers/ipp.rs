//! The one question that we have in IPP (RFC 8010), and its answer.
//!
//! Not by the crate `ipp`: an answer with collections in collections, a hundred thousand deep, ends it (and the handler with it) with its stack used up. What is
//! asked for has no collection, and tags with lengths are read in a loop.

use std::io;

const GET_PRINTERS: u16 = 0x4002;

/// More are a print server's.
const PRINTER_LIMIT: i32 = 256;

const OPERATION: u8 = 0x01;
const END: u8 = 0x03;
const PRINTER: u8 = 0x04;
/// Tags below begin a group, the others a value.
const FIRST_VALUE: u8 = 0x10;

const INTEGER: u8 = 0x21;
const ENUM: u8 = 0x23;
const KEYWORD: u8 = 0x44;
const CHARSET: u8 = 0x47;
const LANGUAGE: u8 = 0x48;

/// The bit of `printer-type` that only the default printer has.
const IS_DEFAULT: i32 = 0x2_0000;

/// As CUPS knows it.
#[derive(Debug, Default, PartialEq)]
pub(in crate::inventory) struct Printer {
    pub(super) name: String,
    pub(super) model: String,
    pub(super) default: bool,
}

pub(super) fn get_printers() -> Vec<u8> {
    let mut question = vec![2, 0];
    question.extend(GET_PRINTERS.to_be_bytes());
    question.extend(1_u32.to_be_bytes());
    question.push(OPERATION);
    let mut put = |tag, name: &str, value: &[u8]| {
        question.push(tag);
        for text in [name.as_bytes(), value] {
            question.extend((text.len() as u16).to_be_bytes());
            question.extend(text);
        }
    };
    put(CHARSET, "attributes-charset", b"utf-8");
    put(LANGUAGE, "attributes-natural-language", b"en");
    put(INTEGER, "limit", &PRINTER_LIMIT.to_be_bytes());
    put(KEYWORD, "requested-attributes", b"printer-name");
    // A value without a name is one more of the attribute before.
    put(KEYWORD, "", b"printer-make-and-model");
    put(KEYWORD, "", b"printer-type");
    question.push(END);
    question
}

pub(in crate::inventory) fn printers(answer: &[u8]) -> io::Result<Vec<Printer>> {
    /// There are no printers.
    const NOT_FOUND: u16 = 0x0406;
    let mut rest = answer;
    let status = head(&mut rest).ok_or_else(nonsense)?;
    match status {
        0..=0xff => groups(rest).ok_or_else(nonsense),
        NOT_FOUND => Ok(Vec::new()),
        status => Err(io::Error::other(format!("IPP status {status:#06x}"))),
    }
}

fn nonsense() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no answer of IPP")
}

/// The status; before it the version, after it the question's number.
fn head(rest: &mut &[u8]) -> Option<u16> {
    let head = rest.split_off(..8)?;
    Some(u16::from_be_bytes([head[2], head[3]]))
}

/// `None` where the answer is cut.
fn groups(mut rest: &[u8]) -> Option<Vec<Printer>> {
    let mut printers: Vec<Printer> = Vec::new();
    let mut of_printer = false;
    loop {
        match *rest.split_off_first()? {
            END => break,
            tag @ ..FIRST_VALUE => {
                of_printer = tag == PRINTER;
                if of_printer {
                    if printers.len() == PRINTER_LIMIT as usize {
                        break;
                    }
                    printers.push(Printer::default());
                }
            }
            tag => {
                let (name, value) = (counted(&mut rest)?, counted(&mut rest)?);
                if let Some(printer) = printers.last_mut().filter(|_| of_printer) {
                    printer.set(tag, name, value);
                }
            }
        }
    }
    printers.retain(|printer| !printer.name.is_empty());
    Some(printers)
}

fn counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u16::from_be_bytes(*rest.split_off(..2)?.first_chunk()?);
    rest.split_off(..length.into())
}

impl Printer {
    fn set(&mut self, tag: u8, name: &[u8], value: &[u8]) {
        match name {
            b"printer-name" => self.name = said(tag, value),
            b"printer-make-and-model" => self.model = said(tag, value),
            b"printer-type" if tag == ENUM => {
                let bits = value.first_chunk().map_or(0, |bytes| i32::from_be_bytes(*bytes));
                self.default = bits & IS_DEFAULT != 0;
            }
            _ => {}
        }
    }
}

/// A text or a name, alone or with its language: then each has its length before it.
fn said(tag: u8, mut value: &[u8]) -> String {
    const TEXT: u8 = 0x41;
    const NAME: u8 = 0x42;
    const WITH_LANGUAGE: [u8; 2] = [0x35, 0x36];
    let text = match tag {
        TEXT | NAME => Some(value),
        tag if WITH_LANGUAGE.contains(&tag) => counted(&mut value).and_then(|_| counted(&mut value)),
        _ => None,
    };
    String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) fn attribute(tag: u8, name: &str, value: &[u8]) -> Vec<u8> {
        let counted = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
        [vec![tag], counted(name.as_bytes()), counted(value)].concat()
    }

    /// An answer with printers, and beside what was asked for what was not.
    pub(in super::super) fn answer(printers: &[(&str, &str, bool)]) -> Vec<u8> {
        let mut answer = vec![2, 0, 0, 0, 0, 0, 0, 1, OPERATION];
        answer.extend(attribute(CHARSET, "attributes-charset", b"utf-8"));
        for (name, model, default) in printers {
            answer.push(PRINTER);
            answer.extend(attribute(0x45, "device-uri", b"socket://192.168.77.5/?serial=CANARY"));
            answer.extend(attribute(0x42, "printer-name", name.as_bytes()));
            answer.extend(attribute(0x41, "printer-make-and-model", model.as_bytes()));
            answer.extend(attribute(0x41, "printer-location", b"CANARY"));
            let bits: i32 = if *default { IS_DEFAULT | 4 } else { 4 };
            answer.extend(attribute(ENUM, "printer-type", &bits.to_be_bytes()));
        }
        answer.push(END);
        answer
    }

    #[test]
    fn printers_are_read_out_of_an_answer() {
        let found = printers(&answer(&[("A", "Model A", false), ("B", "", true)])).unwrap();
        let expected = [
            Printer { name: "A".into(), model: "Model A".into(), default: false },
            Printer { name: "B".into(), model: String::new(), default: true },
        ];
        assert_eq!(found, expected);
        assert_eq!(printers(&[2, 0, 4, 6, 0, 0, 0, 1, END]).unwrap(), []);
        assert_eq!(printers(&[2, 0, 5, 0, 0, 0, 0, 1, END]).unwrap_err().to_string(), "IPP status 0x0500");
        let with_language =
            [&[2, 0, 0, 0, 0, 0, 0, 1, PRINTER][..], &attribute(0x36, "printer-name", b"\0\x02en\0\x01A"), &[END]];
        assert_eq!(printers(&with_language.concat()).unwrap()[0].name, "A");
    }

    #[test]
    fn an_answer_that_is_cut_or_too_long_or_deep_is_no_harm() {
        let whole = answer(&[("A", "Model A", false)]);
        for length in 0..whole.len() {
            assert!(printers(&whole[..length]).is_err(), "{length}");
        }
        assert_eq!(printers(&answer(&[("A", "", false); 1000])).unwrap().len(), 256);
        let deep =
            [vec![2, 0, 0, 0, 0, 0, 0, 1, PRINTER], attribute(0x34, "", b"").repeat(100_000), vec![END]].concat();
        assert_eq!(printers(&deep).unwrap(), []);
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(bytes: Vec<u8>, at in any::<prop::sample::Index>(), byte: u8) {
            let _ = printers(&bytes);
            let mut mixed = answer(&[("A", "Model A", false), ("B", "Model B", true)]);
            let at = at.index(mixed.len());
            mixed[at] = byte;
            let _ = printers(&mixed);
        }
    }
}
