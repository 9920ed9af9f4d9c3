//! Encoding and decoding of one chunk.

#[cfg(feature = "zstd")]
use std::io::Cursor;

use crate::{error::Error, section::Codec};

/// Level 1: on memory images 1.4 times as fast as level 3, for a twentieth more bytes.
#[cfg(feature = "zstd")]
const LEVEL: i32 = 1;

/// Entries of the table in which the encoder of memory looks for repetitions, as a power of two. Level 1 takes 14 and 64 KiB; 11 leave most of the
/// processor's first cache to the pages. On the heaps of Python and Node.js it is a tenth to a fifth faster, for 0.6 and 1.3 percent more bytes; 12 is no faster
/// than the whole on Node's, and from 9 down the bytes grow faster than the haste.
///
/// What else was measured on them, as times of level 1 and its bytes, and does not pay. Matches of 5 or 6 bytes instead of 7: the same within two
/// percent. Steps of one byte more (level -1): 1.2 to 1.3 times as fast for 8 and 12 percent more bytes, which is more than is given away here; level -3: 30 percent
/// more. A dictionary of 28 pages from all over the image: not one byte less in a thousand, since a block of 1 MiB is its own dictionary. A look for blocks too dense
/// to compress: there was not one in 473.
#[cfg(feature = "zstd")]
const MEMORY_TABLE: u32 = 11;

/// Encodes chunks one after the other. Keeps its working memory.
#[derive(Default)]
pub(crate) struct Encoder {
    #[cfg(feature = "zstd")]
    for_memory: bool,
    #[cfg(feature = "zstd")]
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl Encoder {
    /// For memory images: all haste.
    pub(crate) fn for_memory() -> Self {
        Self {
            #[cfg(feature = "zstd")]
            for_memory: true,
            #[cfg(feature = "zstd")]
            zstd: None,
        }
    }

    /// Appends `chunk`, encoded, to `out`.
    pub(crate) fn encode(&mut self, codec: Codec, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        match codec {
            Codec::Stored => out.extend_from_slice(chunk),
            #[cfg(feature = "zstd")]
            Codec::Zstd => {
                if self.zstd.is_none() {
                    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
                    if self.for_memory {
                        compressor.set_parameter(zstd::zstd_safe::CParameter::HashLog(MEMORY_TABLE))?;
                    }
                    self.zstd = Some(compressor);
                }
                let from = out.len();
                // Room, and no bytes: to clear it for each chunk took a fiftieth of the whole time.
                out.reserve(zstd::zstd_safe::compress_bound(chunk.len()));
                let mut behind = Cursor::new(out);
                behind.set_position(from as u64);
                self.zstd.as_mut().expect("made above").compress_to_buffer(chunk, &mut behind)?;
            }
            _ => return Err(Error::Usage("this codec cannot be written")),
        }
        Ok(())
    }
}

/// Why a chunk did not decode.
pub(crate) enum Refused {
    /// It says itself that it is too long.
    TooLong(u64),
    /// It is not what its codec makes.
    Nonsense,
}

/// Decodes chunks one after the other. Keeps its working memory.
#[derive(Default)]
pub(crate) struct Decompressor {
    #[cfg(feature = "zstd")]
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Decompressor {
    /// The raw bytes of a chunk, at most `limit` of them. `codec` is a supported one.
    ///
    /// Nothing is decompressed before the declared length was checked, and nothing beyond it ever is.
    pub(crate) fn decode(&mut self, codec: Codec, payload: &[u8], limit: u32) -> Result<Vec<u8>, Refused> {
        match codec {
            Codec::Stored if payload.len() as u64 > u64::from(limit) => Err(Refused::TooLong(payload.len() as u64)),
            Codec::Stored => Ok(payload.to_vec()),
            #[cfg(feature = "zstd")]
            Codec::Zstd => {
                use zstd::zstd_safe::{MAGICNUMBER, find_frame_compressed_size, get_frame_content_size};
                // A skippable frame decompresses to nothing: up to 1 MiB of bytes in clear would pass for an empty chunk.
                if !payload.starts_with(&MAGICNUMBER.to_le_bytes()) {
                    return Err(Refused::Nonsense);
                }
                // Without a declared size nobody knows what it would become, and to find out is what the rule prevents.
                let declared = get_frame_content_size(payload).ok().flatten().ok_or(Refused::Nonsense)?;
                if declared > u64::from(limit) {
                    return Err(Refused::TooLong(declared));
                }
                // One frame and nothing behind it, or a second frame would pass unseen.
                if find_frame_compressed_size(payload).ok() != Some(payload.len()) {
                    return Err(Refused::Nonsense);
                }
                if self.zstd.is_none() {
                    self.zstd = Some(zstd::bulk::Decompressor::new().map_err(|_| Refused::Nonsense)?);
                }
                let decompressor = self.zstd.as_mut().ok_or(Refused::Nonsense)?;
                let mut raw = Vec::with_capacity(declared as usize);
                match decompressor.decompress_to_buffer(payload, &mut raw) {
                    Ok(length) if length as u64 == declared => Ok(raw),
                    _ => Err(Refused::Nonsense),
                }
            }
            _ => Err(Refused::Nonsense),
        }
    }
}
