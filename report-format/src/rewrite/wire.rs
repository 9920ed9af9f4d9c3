//! Leaving fields out of a protobuf message without decoding it: all other bytes stay as they are and in their order.

use std::collections::BTreeMap;

/// Groups inside groups, where Protobuf's own decoders stop as well.
const DEEPEST_GROUP: usize = 100;
const LARGEST_FIELD: u64 = (1 << 29) - 1;

/// Which fields of a message are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cuts(BTreeMap<u32, Cut>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cut {
    /// The field as a whole.
    Field,
    /// These fields of the messages in it.
    Inside(Cuts),
}

/// The bytes are no message, or a field that should hold a message cannot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// How often each field was found and left out, by its path.
pub(crate) type Counts = BTreeMap<Vec<u32>, u32>;

impl Cuts {
    /// Adds the field at the end of `path`. What stands inside a field that is left out needs no path of its own.
    pub(crate) fn add(&mut self, path: &[u32]) {
        let Some((&number, inner)) = path.split_first() else { return };
        if inner.is_empty() {
            self.0.insert(number, Cut::Field);
        } else if let Cut::Inside(cuts) = self.0.entry(number).or_insert_with(|| Cut::Inside(Self::default())) {
            cuts.add(inner);
        }
    }

    /// Appends to `out` what is left of `message`.
    pub(crate) fn apply(&self, message: &[u8], counts: &mut Counts, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.apply_at(&mut Vec::new(), message, counts, out)
    }

    /// Goes as deep as the paths are long, whatever the message holds.
    fn apply_at(
        &self,
        path: &mut Vec<u32>,
        message: &[u8],
        counts: &mut Counts,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let mut rest = message;
        while !rest.is_empty() {
            let field = Field::take(&mut rest)?;
            let Some(cut) = self.0.get(&field.number) else {
                out.extend_from_slice(field.bytes);
                continue;
            };
            path.push(field.number);
            match cut {
                Cut::Field => {
                    let count = counts.entry(path.clone()).or_default();
                    *count = count.saturating_add(1);
                }
                Cut::Inside(cuts) => {
                    let content = field.content.ok_or(Malformed)?;
                    let mut left = Vec::with_capacity(content.len());
                    cuts.apply_at(path, content, counts, &mut left)?;
                    if left.len() == content.len() {
                        // Nothing was in it: also a length that was written in an unusual way stays.
                        out.extend_from_slice(field.bytes);
                    } else {
                        out.extend_from_slice(field.tag);
                        prost::encoding::encode_varint(left.len() as u64, out);
                        out.extend_from_slice(&left);
                    }
                }
            }
            path.pop();
        }
        Ok(())
    }
}

/// One field as it stands in a message.
struct Field<'a> {
    number: u32,
    /// All of it.
    bytes: &'a [u8],
    /// Its number and wire type.
    tag: &'a [u8],
    /// What is in it, if it is delimited by a length.
    content: Option<&'a [u8]>,
}

impl<'a> Field<'a> {
    /// Takes the field at the start of `rest`.
    fn take(rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        let start = *rest;
        let (number, wire_type) = tag(rest)?;
        let tag = &start[..start.len() - rest.len()];
        let content = match wire_type {
            3 => {
                skip_group(number, rest)?;
                None
            }
            other => value(other, rest)?,
        };
        Ok(Self { number, bytes: &start[..start.len() - rest.len()], tag, content })
    }
}

/// Passes over a value that is no group. The answer is its content if it is delimited by a length.
pub(crate) fn value<'a>(wire_type: u64, rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    match wire_type {
        0 => varint(rest).map(|_| None),
        1 => bytes(rest, 8).map(|_| None),
        2 => {
            let length = varint(rest)?;
            bytes(rest, length).map(Some)
        }
        5 => bytes(rest, 4).map(|_| None),
        _ => Err(Malformed),
    }
}

/// Passes over a group whose start tag was taken, to behind its end tag.
fn skip_group(number: u32, rest: &mut &[u8]) -> Result<(), Malformed> {
    let mut open = vec![number];
    while let Some(&innermost) = open.last() {
        match tag(rest)? {
            (number, 3) if open.len() < DEEPEST_GROUP => open.push(number),
            (number, 4) if number == innermost => drop(open.pop()),
            (_, wire_type) => drop(value(wire_type, rest)?),
        }
    }
    Ok(())
}

/// Takes the number and the wire type of the field at the start of `rest`.
pub(crate) fn tag(rest: &mut &[u8]) -> Result<(u32, u64), Malformed> {
    let tag = varint(rest)?;
    match tag >> 3 {
        number @ 1..=LARGEST_FIELD => Ok((number as u32, tag & 7)),
        _ => Err(Malformed),
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    prost::encoding::decode_varint(rest).map_err(|_| Malformed)
}

fn bytes<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(length).map_err(|_| Malformed)?;
    let (taken, left) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = left;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(paths: &[&[u32]], message: &[u8]) -> Result<(Vec<u8>, Counts), Malformed> {
        let mut cuts = Cuts::default();
        paths.iter().for_each(|path| cuts.add(path));
        let (mut counts, mut out) = (Counts::new(), Vec::new());
        cuts.apply(message, &mut counts, &mut out).map(|()| (out, counts))
    }

    #[test]
    fn each_wire_type_is_passed_over_and_left_out() {
        let fields: [&[u8]; 6] = [
            &[0x08, 0x96, 0x01],
            &[0x11, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0x1a, 3, b'a', b'b', b'c'],
            &[0x23, 0x08, 1, 0x2b, 0x2c, 0x24],
            &[0x2d, 1, 2, 3, 4],
            // Number and length written longer than need be.
            &[0xb2, 0x80, 0x00, 0x81, 0x00, b'x'],
        ];
        let message = fields.concat();
        assert_eq!(cut(&[&[7]], &message), Ok((message.clone(), Counts::new())));
        for number in 1..=6_u32 {
            let left: Vec<u8> =
                (1..).zip(fields).filter(|(at, _)| *at != number).flat_map(|(_, f)| f.to_vec()).collect();
            assert_eq!(cut(&[&[number]], &message), Ok((left, Counts::from([(vec![number], 1)]))));
        }
    }

    #[test]
    fn a_field_inside_is_left_out_and_the_lengths_around_it_shrink() {
        let message = [0x0a, 6, 0x12, 4, 0x08, 1, 0x10, 2, 0x0a, 2, 0x18, 3];
        let counts = Counts::from([(vec![1, 2, 1], 1)]);
        assert_eq!(cut(&[&[1, 2, 1]], &message), Ok((vec![0x0a, 4, 0x12, 2, 0x10, 2, 0x0a, 2, 0x18, 3], counts)));
        let counts = Counts::from([(vec![1], 2)]);
        for paths in [[&[1_u32][..], &[1, 2]], [&[1, 2], &[1]]] {
            assert_eq!(cut(&paths, &message), Ok((vec![], counts.clone())), "the outer one covers the inner one");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let malformed: [&[u8]; 10] = [
            &[0x08],
            &[0x00, 1],
            &[0x0a, 2, 1],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x0e],
            &[0x0c],
            &[0x0b, 0x14],
            &[0x0b, 0x08, 1],
            &[0xf8; 11],
            &[0x0b; 200],
        ];
        for message in malformed {
            assert_eq!(cut(&[&[9]], message), Err(Malformed), "{message:?}");
        }
        assert_eq!(cut(&[&[1, 1]], &[0x08, 1]), Err(Malformed), "a number where a message should be");
    }
}
