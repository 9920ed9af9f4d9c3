//! Messages over a pipe, which has no ends of messages of its own: each behind its length in four bytes, the lowest first.

use std::io::{self, Read, Write};

use prost::Message;

/// Reads one message of at most `limit` bytes.
pub(crate) fn read<M: Message + Default>(pipe: &mut impl Read, limit: usize) -> io::Result<M> {
    let mut length = [0; 4];
    pipe.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length as usize > limit {
        let text = format!("a message of {length} bytes, where at most {limit} are taken");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    // Grows with what comes: the length alone takes no memory.
    let mut bytes = Vec::new();
    pipe.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    M::decode(bytes.as_slice()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes one message.
pub(crate) fn write(pipe: &mut impl Write, message: &impl Message) -> io::Result<()> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    pipe.write_all(&length.to_le_bytes())?;
    pipe.write_all(&bytes)?;
    pipe.flush()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::Notice;

    #[test]
    fn a_message_comes_back_and_one_that_is_cut_or_too_long_does_not() {
        let notice = Notice { purpose: "bug fixing only".into(), ..Notice::default() };
        let mut bytes = Vec::new();
        write(&mut bytes, &notice).unwrap();
        bytes.extend(b"more");
        assert_eq!(read::<Notice>(&mut &bytes[..], 100).unwrap(), notice);
        let length = bytes.len() - 4;
        for end in 0..length {
            let error = read::<Notice>(&mut &bytes[..end], 100).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end} bytes");
        }
        let error = read::<Notice>(&mut &bytes[..], length - 5).unwrap_err();
        assert!(error.to_string().contains("at most"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = read::<Notice>(&mut &bytes[..], 64);
        }
    }
}
