//! The fields of a message as they lie in its bytes: <https://protobuf.dev/programming-guides/encoding/>.

/// A field, each time that it occurs.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: i32,
    pub(super) value: Value<'a>,
    /// All of it: its key, its length if it has one, its value.
    pub(super) raw: &'a [u8],
}

#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Takes the next field from `bytes`. `None` leaves what cannot be read.
pub(super) fn next_field<'a>(bytes: &mut &'a [u8]) -> Option<Field<'a>> {
    let mut rest = *bytes;
    let key = varint(&mut rest)?;
    let value = match key & 7 {
        0 => Value::Number(varint(&mut rest)?),
        1 => Value::Number(u64::from_le_bytes(*take(&mut rest, 8)?.first_chunk()?)),
        2 => {
            let length = usize::try_from(varint(&mut rest)?).ok()?;
            Value::Bytes(take(&mut rest, length)?)
        }
        5 => Value::Number(u64::from(u32::from_le_bytes(*take(&mut rest, 4)?.first_chunk()?))),
        _ => return None,
    };
    // Of 29 bits, as prost reads it.
    let number = i32::try_from(u32::try_from(key).ok()? >> 3).ok().filter(|number| *number > 0)?;
    let raw = &bytes[..bytes.len() - rest.len()];
    *bytes = rest;
    Some(Field { number, value, raw })
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_s_number_has_29_bits() {
        let number = |mut bytes: &[u8]| next_field(&mut bytes).map(|field| field.number);
        assert_eq!(number(&[0xf8, 0xff, 0xff, 0xff, 0x0f, 7]), Some((1 << 29) - 1));
        assert_eq!(number(&[0x80, 0x80, 0x80, 0x80, 0x10, 7]), None, "0, above 32 bits that are 0");
        assert_eq!(number(&[0xa0, 0x80, 0x80, 0x80, 0x10, 7]), None, "4, above which is one bit more");
        assert_eq!(number(&[0x07]), None);
    }
}
