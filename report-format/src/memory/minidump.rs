//! The lists in a minidump, small or full, as [Microsoft](https://learn.microsoft.com/en-us/windows/win32/api/minidumpapiset/) and Breakpad define them.
//!
//! A minidump from a report is hostile. Each place is checked against the file's length before anything is reserved for it, and each list is read once.

use minidump_common::format::{
    MINIDUMP_DIRECTORY, MINIDUMP_EXCEPTION_STREAM, MINIDUMP_HEADER, MINIDUMP_LOCATION_DESCRIPTOR,
    MINIDUMP_MEMORY_DESCRIPTOR, MINIDUMP_MEMORY_DESCRIPTOR64, MINIDUMP_MEMORY_INFO, MINIDUMP_MEMORY_INFO_LIST,
    MINIDUMP_MODULE, MINIDUMP_SIGNATURE, MINIDUMP_STREAM_TYPE, MINIDUMP_SYSTEM_INFO, MINIDUMP_THREAD, MINIDUMP_VERSION,
};
use scroll::ctx::{SizeWith, TryFromCtx, TryIntoCtx};
use scroll::{Endian, LE, Pread, Pwrite};

use super::ReadAt;
use crate::Error;

/// Streams in a minidump: Windows writes some 20.
const MOST_STREAMS: u64 = 4096;
/// Bytes of one stream, so that a file of many GiB cannot make its reader reserve as much.
const LARGEST_STREAM: u64 = 256 << 20;
/// Bytes of a name: twice the longest path of Windows.
const LONGEST_TEXT: u64 = 2 * 65_536;

const ADVICE: &str = "the file is damaged or was cut; ask for it again";

/// A minidump of which header and directory were read.
#[derive(Debug)]
pub(super) struct Minidump<R> {
    pub(super) file: R,
    pub(super) length: u64,
    pub(super) header: MINIDUMP_HEADER,
    pub(super) directory: Vec<MINIDUMP_DIRECTORY>,
}

/// What is loaded where.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) name: String,
}

impl<R: ReadAt> Minidump<R> {
    pub(super) fn open(file: R) -> Result<Self, Error> {
        let length = file.length()?;
        let no_minidump = || Error::format("this is no minidump", "give the file that ends with .dmp");
        if length < size_of::<MINIDUMP_HEADER>() as u64 {
            return Err(no_minidump());
        }
        let mut bytes = vec![0; size_of::<MINIDUMP_HEADER>()];
        file.read_exact_at(0, &mut bytes)?;
        let header: MINIDUMP_HEADER = at(&bytes, 0)?;
        // The upper half of the version is the writer's own.
        if header.signature != MINIDUMP_SIGNATURE || header.version & 0xffff != MINIDUMP_VERSION {
            return Err(no_minidump());
        }
        let mut dump = Self { file, length, header, directory: Vec::new() };
        let count = u64::from(dump.header.stream_count);
        if count > MOST_STREAMS {
            return Err(Error::Limit { what: "streams of the minidump", limit: MOST_STREAMS, seen: count });
        }
        let size = count as u32 * size_of::<MINIDUMP_DIRECTORY>() as u32;
        let directory = dump.bytes("directory", dump.header.stream_directory_rva, size)?;
        dump.directory = entries("directory", &directory, count)?;
        Ok(dump)
    }

    /// The bytes at a place in the file.
    pub(super) fn bytes(&self, what: &str, rva: u32, size: u32) -> Result<Vec<u8>, Error> {
        if u64::from(rva) + u64::from(size) > self.length {
            return Err(damaged(what, "lies behind its end"));
        }
        if u64::from(size) > LARGEST_STREAM {
            return Err(Error::Limit {
                what: "bytes of one stream of the minidump",
                limit: LARGEST_STREAM,
                seen: size.into(),
            });
        }
        let mut bytes = vec![0; size as usize];
        self.file.read_exact_at(rva.into(), &mut bytes)?;
        Ok(bytes)
    }

    /// The first stream of a type.
    pub(super) fn stream(&self, kind: MINIDUMP_STREAM_TYPE) -> Result<Option<Vec<u8>>, Error> {
        let found = self.directory.iter().find(|entry| entry.stream_type == kind as u32);
        found.map(|entry| self.bytes(&format!("{kind:?}"), entry.location.rva, entry.location.data_size)).transpose()
    }

    pub(super) fn system_info(&self) -> Result<Option<MINIDUMP_SYSTEM_INFO>, Error> {
        self.stream(MINIDUMP_STREAM_TYPE::SystemInfoStream)?.map(|bytes| at(&bytes, 0)).transpose()
    }

    pub(super) fn exception(&self) -> Result<Option<MINIDUMP_EXCEPTION_STREAM>, Error> {
        self.stream(MINIDUMP_STREAM_TYPE::ExceptionStream)?.map(|bytes| at(&bytes, 0)).transpose()
    }

    pub(super) fn threads(&self) -> Result<Vec<MINIDUMP_THREAD>, Error> {
        self.list(MINIDUMP_STREAM_TYPE::ThreadListStream)
    }

    /// The pieces of memory in a small minidump.
    pub(super) fn memory(&self) -> Result<Vec<MINIDUMP_MEMORY_DESCRIPTOR>, Error> {
        self.list(MINIDUMP_STREAM_TYPE::MemoryListStream)
    }

    /// The pieces of memory in a full minidump, and where in the file the first begins; the others follow it.
    pub(super) fn memory_64(&self) -> Result<Option<(u64, Vec<MINIDUMP_MEMORY_DESCRIPTOR64>)>, Error> {
        let Some(bytes) = self.stream(MINIDUMP_STREAM_TYPE::Memory64ListStream)? else { return Ok(None) };
        let (count, base): (u64, u64) = (at(&bytes, 0)?, at(&bytes, 8)?);
        Ok(Some((base, entries("Memory64ListStream", &bytes[16..], count)?)))
    }

    pub(super) fn memory_info(&self) -> Result<Vec<MINIDUMP_MEMORY_INFO>, Error> {
        let kind = MINIDUMP_STREAM_TYPE::MemoryInfoListStream;
        let Some(bytes) = self.stream(kind)? else { return Ok(Vec::new()) };
        let list: MINIDUMP_MEMORY_INFO_LIST = at(&bytes, 0)?;
        let (from, step) = (list.size_of_header as usize, list.size_of_entry as usize);
        if step < size_of::<MINIDUMP_MEMORY_INFO>() {
            return Err(damaged(&format!("{kind:?}"), "has entries that are too short"));
        }
        // Both sizes may grow with versions of the format.
        let entries = bytes.get(from..).unwrap_or_default().chunks_exact(step);
        if list.number_of_entries > entries.len() as u64 {
            return Err(damaged(&format!("{kind:?}"), "has fewer entries than it counts"));
        }
        entries.take(list.number_of_entries as usize).map(|entry| at(entry, 0)).collect()
    }

    /// The modules, in their order: on Linux the program is the first. A name that cannot be read is empty.
    pub(super) fn modules(&self) -> Result<Vec<Module>, Error> {
        let list: Vec<MINIDUMP_MODULE> = self.list(MINIDUMP_STREAM_TYPE::ModuleListStream)?;
        // All modules can point to the same long name: what is read of names is bounded as a whole.
        let mut budget = self.length;
        let module = |module: MINIDUMP_MODULE| Module {
            address: module.base_of_image,
            size: module.size_of_image.into(),
            name: self.text(module.module_name_rva, &mut budget).unwrap_or_default(),
        };
        Ok(list.into_iter().map(module).collect())
    }

    /// A length-prefixed UTF-16 text.
    fn text(&self, rva: u32, budget: &mut u64) -> Result<String, Error> {
        let size: u32 = at(&self.bytes("text", rva, 4)?, 0)?;
        if u64::from(size) > LONGEST_TEXT.min(*budget) {
            return Err(damaged("text", "is too long"));
        }
        *budget -= u64::from(size);
        let bytes = self.bytes("text", rva.saturating_add(4), size)?;
        let units: Vec<u16> = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        Ok(String::from_utf16_lossy(&units))
    }

    /// A stream that is a count and its entries; some writers put 4 bytes of padding between.
    fn list<T: Entry>(&self, kind: MINIDUMP_STREAM_TYPE) -> Result<Vec<T>, Error> {
        let Some(bytes) = self.stream(kind)? else { return Ok(Vec::new()) };
        let count: u32 = at(&bytes, 0)?;
        let padded = (bytes.len() - 4) as u64 == u64::from(count) * T::size_with(&LE) as u64 + 4;
        entries(&format!("{kind:?}"), &bytes[if padded { 8 } else { 4 }..], count.into())
    }
}

/// A structure that scroll reads: all of those here are of one size.
pub(super) trait Entry: for<'a> TryFromCtx<'a, Endian, [u8], Error = scroll::Error> + SizeWith<Endian> {}

impl<T: for<'a> TryFromCtx<'a, Endian, [u8], Error = scroll::Error> + SizeWith<Endian>> Entry for T {}

/// The number or structure at a place.
pub(super) fn at<T: Entry>(bytes: &[u8], offset: usize) -> Result<T, Error> {
    bytes.pread_with(offset, LE).map_err(|source| Error::Format {
        what: format!(
            "a stream of the minidump ends before the {} bytes of {}",
            T::size_with(&LE),
            std::any::type_name::<T>()
        ),
        advice: ADVICE,
        source: Some(Box::new(source)),
    })
}

/// Appends a structure.
pub(super) fn put<T>(bytes: &mut Vec<u8>, value: T) -> Result<(), Error>
where
    T: TryIntoCtx<Endian, [u8], Error = scroll::Error> + SizeWith<Endian>,
{
    let offset = bytes.len();
    bytes.resize(offset + T::size_with(&LE), 0);
    bytes.pwrite_with(value, offset, LE).map_err(|source| Error::Format {
        what: format!("{} cannot be written", std::any::type_name::<T>()),
        advice: "report this, it is an error of this program",
        source: Some(Box::new(source)),
    })?;
    Ok(())
}

fn entries<T: Entry>(what: &str, bytes: &[u8], count: u64) -> Result<Vec<T>, Error> {
    let size = T::size_with(&LE);
    if count > (bytes.len() / size) as u64 {
        return Err(damaged(what, "has fewer entries than it counts"));
    }
    bytes.chunks_exact(size).take(count as usize).map(|entry| at(entry, 0)).collect()
}

fn damaged(what: &str, how: &str) -> Error {
    Error::format(format!("the minidump's {what} {how}"), ADVICE)
}

/// A place as the file names it.
pub(super) fn location(rva: u64, size: u64) -> Result<MINIDUMP_LOCATION_DESCRIPTOR, Error> {
    let narrow = |number: u64| {
        u32::try_from(number).map_err(|_| Error::Limit {
            what: "bytes of a minidump before its memory",
            limit: u32::MAX.into(),
            seen: number,
        })
    };
    Ok(MINIDUMP_LOCATION_DESCRIPTOR { data_size: narrow(size)?, rva: narrow(rva)? })
}
