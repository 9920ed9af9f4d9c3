//! What a module's file on disk says about its code: unwind tables and symbols.
//!
//! The file is not trusted: its path came from the crashed process, and an update may have replaced it since it was loaded. Only a regular file on a drive, with the
//! identity of the module in memory, is used; it is read in pieces with a limit each, and what is wrong is an error. Addresses are relative to the image's start throughout.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Component, Path, Prefix};

use object::pe::{self, ImageDosHeader};
use object::read::coff::{ImageSymbol, SectionTable};
use object::read::pe::{DataDirectories, ExportTable, ImageNtHeaders, ImageOptionalHeader};
use object::{LittleEndian as LE, ReadCache, ReadRef, SymbolIndex};

pub(crate) use self::tables::Tables;
use self::tables::functions;
#[cfg(target_arch = "x86")]
pub(crate) use self::tables::{Caller, General};
use crate::handler::modules::Identity;

#[cfg_attr(target_arch = "x86", path = "module_file/dwarf.rs")]
mod tables;

/// Bytes of one section or symbol table. Browsers have 150 MB of code.
const LARGEST_SECTION: u64 = 256 << 20;
const LONGEST_SYMBOL: usize = 4096;
/// Of the debug directory.
const MOST_RECORDS: usize = 64;
const LARGEST_RECORD: u32 = 4096;
/// Bytes of a build id of time and size.
pub(super) const TIME_AND_SIZE: usize = 8;
/// How far from its start an address still belongs to a function of which the unwind tables know nothing.
const LONGEST_LEAF: u64 = 4096;

/// Why a module's file is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeError {
    #[error("cannot read the file")]
    Io(#[from] io::Error),
    #[error("not a regular file on a drive")]
    Kind,
    #[error("not a PE file of this machine's kind")]
    Format(#[from] object::Error),
    /// Without the two ids: they say which library it is, and soft errors are in every report.
    #[error("another file than the one in memory: it has another build id")]
    BuildId,
    #[error("{section} has {size} bytes, at most {LARGEST_SECTION} are read")]
    Large { section: &'static str, size: u64 },
}

#[cfg(target_pointer_width = "64")]
type Header = pe::ImageNtHeaders64;
#[cfg(target_pointer_width = "32")]
type Header = pe::ImageNtHeaders32;
type Cache = ReadCache<File>;

/// What compilers put before each C name in a symbol table (but not in that of the exports).
const PREFIX: &[u8] = if cfg!(target_arch = "x86") { b"_" } else { b"" };

/// An open module file that is the module in memory.
pub(crate) struct ModuleFile {
    cache: Cache,
}

/// A function's name as the file has it, and how far into the function the address lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) name: String,
    pub(crate) offset: u64,
}

/// By which table a name is found.
#[derive(Clone, Copy, Debug)]
enum Named {
    Symbol(SymbolIndex),
    Export(u32),
}

/// One parse of the headers.
struct Parsed<'a> {
    header: &'a Header,
    directories: DataDirectories<'a>,
    sections: SectionTable<'a>,
}

impl ModuleFile {
    /// `build_id`: what the module in memory has.
    pub(crate) fn open(path: &Path, build_id: &[u8]) -> Result<Self, PeError> {
        let (file, found) = Self::identify(path)?;
        let is_same = found.build_id == build_id || file.time_and_size()?.build_id == build_id;
        if is_same { Ok(file) } else { Err(PeError::BuildId) }
    }

    /// The file with its own identity, for a module that is known to be of this file.
    pub(crate) fn identify(path: &Path) -> Result<(Self, Identity), PeError> {
        // Situation: a path names another machine, or a pipe. Example: `\\192.0.2.1\x\y.dll` in the module list of a process that has been taken over: to open it tells
        // that machine who the user is. Handling: only what is on a drive is opened.
        let is_on_drive = matches!(path.components().next(), Some(Component::Prefix(prefix))
            if matches!(prefix.kind(), Prefix::Disk(_) | Prefix::VerbatimDisk(_)));
        if !is_on_drive || !path.is_absolute() {
            return Err(PeError::Kind);
        }
        let file = OpenOptions::new().read(true).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(PeError::Kind);
        }
        let file = Self { cache: ReadCache::new(file) };
        let identity = file.identity()?;
        Ok((file, identity))
    }

    /// The address of the image's first byte, as the others are told.
    #[expect(clippy::unnecessary_wraps, reason = "other formats have to look for it")]
    #[expect(clippy::unused_self, reason = "as above")]
    pub(crate) fn first_address(&self) -> Result<u64, PeError> {
        Ok(0)
    }

    fn parse(&self) -> Result<Parsed<'_>, PeError> {
        let mut offset = ImageDosHeader::parse(&self.cache)?.nt_headers_offset().into();
        let (header, directories) = Header::parse(&self.cache, &mut offset)?;
        Ok(Parsed { header, directories, sections: header.sections(&self.cache, offset)? })
    }

    /// Of its debug record; without one, time and size.
    fn identity(&self) -> Result<Identity, PeError> {
        match self.debug_record(&self.parse()?) {
            Some(identity) => Ok(identity),
            None => self.time_and_size(),
        }
    }

    /// What every image has in its header.
    pub(super) fn time_and_size(&self) -> Result<Identity, PeError> {
        let header = self.parse()?.header;
        Ok(time_and_size(header.file_header().time_date_stamp.get(LE), header.optional_header().size_of_image()))
    }

    fn debug_record(&self, parsed: &Parsed<'_>) -> Option<Identity> {
        let (rva, size) = parsed.directories.get(pe::IMAGE_DIRECTORY_ENTRY_DEBUG)?.address_range();
        const RECORD: usize = size_of::<pe::ImageDebugDirectory>();
        let records = self.bytes(parsed, rva, size.min((MOST_RECORDS * RECORD) as u32))?;
        records.chunks_exact(RECORD).find_map(|record| {
            let word = |at: usize| record[at..].first_chunk().copied().map_or(0, u32::from_le_bytes);
            let (kind, size, at) = (word(12), word(16), word(24));
            if kind != pe::IMAGE_DEBUG_TYPE_CODEVIEW || size > LARGEST_RECORD {
                return None;
            }
            let record = (&self.cache).read_bytes_at(at.into(), size.into()).ok()?;
            let (guid, rest) = record.strip_prefix(b"RSDS")?.split_first_chunk::<16>()?;
            let (age, name) = rest.split_first_chunk::<4>()?;
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            Some(pdb_identity(guid, u32::from_le_bytes(*age), &String::from_utf8_lossy(name)))
        })
    }

    /// At most `size` bytes of the image, as far as the file has them.
    fn bytes(&self, parsed: &Parsed<'_>, rva: u32, size: u32) -> Option<&[u8]> {
        let (offset, there) = parsed.sections.pe_file_range_at(rva)?;
        (&self.cache).read_bytes_at(offset.into(), there.min(size).into()).ok()
    }

    /// Whether the file has this code at `address`.
    pub(crate) fn has_code(&self, address: u64, code: &[u8]) -> bool {
        let found = || self.bytes(&self.parse().ok()?, u32::try_from(address).ok()?, u32::try_from(code.len()).ok()?);
        found() == Some(code)
    }

    /// The functions that hold `addresses`, by the file's symbols, which MinGW's linkers leave in it, and by what it exports.
    pub(crate) fn symbols(&self, addresses: &[u64]) -> Result<Vec<Option<Symbol>>, PeError> {
        let parsed = self.parse()?;
        let mut order: Vec<usize> = (0..addresses.len()).collect();
        order.sort_by_key(|index| addresses[*index]);
        // Per address, in that order: the last function that begins between the address before and this one.
        let mut best: Vec<Option<(u64, Named)>> = vec![None; addresses.len()];
        let mut offer = |start: u64, named: Named| {
            let next = order.partition_point(|index| addresses[*index] < start);
            // Of two names for one place the first stays.
            if let Some(best) = best.get_mut(next)
                && best.is_none_or(|(other, _)| other < start)
            {
                *best = Some((start, named));
            }
        };
        let count = parsed.header.file_header().number_of_symbols.get(LE);
        check_size("symbols", u64::from(count) * pe::IMAGE_SIZEOF_SYMBOL as u64)?;
        let table = parsed.header.symbols(&self.cache)?;
        for (index, symbol) in table.iter() {
            let section = symbol.section().and_then(|section| parsed.sections.section(section).ok());
            let Some(section) = section.filter(|_| symbol.derived_type() == pe::IMAGE_SYM_DTYPE_FUNCTION) else {
                continue;
            };
            offer(u64::from(section.virtual_address.get(LE)) + u64::from(symbol.value()), Named::Symbol(index));
        }
        let exports = self.export_table(&parsed)?;
        if let Some(exports) = &exports {
            for (pointer, index) in exports.name_iter() {
                let Ok(start) = exports.address_by_index(index.into()) else { continue };
                if !exports.is_forward(start) {
                    offer(start.into(), Named::Export(pointer));
                }
            }
        }
        let functions = functions(self, &parsed)?;
        let mut found = vec![None; addresses.len()];
        let mut last = None;
        for (here, index) in best.into_iter().zip(&order) {
            last = here.or(last);
            let Some((start, named)) = last else { continue };
            let address = addresses[*index];
            // A table of names has no ends, and may lack the function that an address is really in.
            let is_within = match functions.around(address) {
                Some(function) => start >= function.start,
                None => address - start < LONGEST_LEAF,
            };
            if !is_within {
                continue;
            }
            let name = match named {
                Named::Symbol(symbol) => table.symbol(symbol).and_then(|symbol| symbol.name(table.strings())),
                Named::Export(pointer) => match &exports {
                    Some(exports) => exports.name_from_pointer(pointer),
                    None => continue,
                },
            };
            found[*index] = name.ok().map(|name| {
                let name = match named {
                    Named::Symbol(_) => name.strip_prefix(PREFIX).unwrap_or(name),
                    Named::Export(_) => name,
                };
                let name = &name[..name.len().min(LONGEST_SYMBOL)];
                Symbol { name: String::from_utf8_lossy(name).into_owned(), offset: address - start }
            });
        }
        Ok(found)
    }

    fn export_table<'a>(&'a self, parsed: &Parsed<'a>) -> Result<Option<ExportTable<'a>>, PeError> {
        if let Some(directory) = parsed.directories.get(pe::IMAGE_DIRECTORY_ENTRY_EXPORT) {
            check_size("exports", directory.address_range().1.into())?;
        }
        Ok(parsed.directories.export_table(&self.cache, &parsed.sections)?)
    }
}

/// Of an image without a debug record: as symbol servers know it.
pub(super) fn time_and_size(time: u32, size: u32) -> Identity {
    let build_id = [time.to_le_bytes(), size.to_le_bytes()].concat();
    Identity { build_id, debug_file: String::new() }
}

/// Of an image with one, which names the file of its symbols by its path on the machine that built it.
pub(super) fn pdb_identity(guid: &[u8; 16], age: u32, path: &str) -> Identity {
    let name = path.rsplit(['\\', '/']).next().unwrap_or_default();
    Identity { build_id: [guid.as_slice(), &age.to_le_bytes()].concat(), debug_file: name.to_owned() }
}

fn check_size(section: &'static str, size: u64) -> Result<(), PeError> {
    if size > LARGEST_SECTION { Err(PeError::Large { section, size }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
