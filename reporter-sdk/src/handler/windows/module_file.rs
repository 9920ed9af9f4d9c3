//! What a module's file on disk says about its code: unwind tables and symbols.
//!
//! The file is not trusted: its path came from the crashed process, and an update may have replaced it since it was loaded. Only a regular file on a drive, with the
//! identity of the module in memory, is used; it is read in pieces with a limit each, and what is wrong is an error. Addresses are relative to the image's start throughout.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::{Component, Path, Prefix};

use object::pe::{self, ImageDosHeader, ImageSectionHeader};
use object::read::coff::{ImageSymbol, SectionTable};
use object::read::pe::{DataDirectories, ExportTable, ImageNtHeaders, ImageOptionalHeader};
use object::{LittleEndian as LE, ReadCache, ReadRef, SymbolIndex};

use crate::handler::modules::Identity;

/// Bytes of one section or symbol table. Browsers have 150 MB of code.
const LARGEST_SECTION: u64 = 256 << 20;
const LONGEST_SYMBOL: usize = 4096;
/// Of the debug directory.
const MOST_RECORDS: usize = 64;
const LARGEST_RECORD: u32 = 4096;
/// Bytes of a build id of time and size.
pub(super) const TIME_AND_SIZE: usize = 8;
/// Parts of a function that refer to each other for their unwind codes. Compilers make two or three.
const LONGEST_CHAIN: usize = 32;
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

/// An open module file that is the module in memory.
pub(crate) struct ModuleFile {
    cache: Cache,
}

/// A part of the image.
#[derive(Clone, Debug)]
struct Part {
    range: Range<u32>,
    bytes: Vec<u8>,
}

/// What unwinding needs. Empty where the file has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// Of the image: addresses count from it.
    pub(crate) first_address: u64,
    /// Entries of twelve bytes, by their first address.
    functions: Vec<u8>,
    /// Where the functions' unwind codes are: one section, or two.
    codes: [Option<Part>; 2],
    text: Option<Part>,
}

impl Tables {
    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        let parts = self.codes.iter().chain([&self.text]).flatten();
        self.functions.len() + parts.map(|part| part.bytes.len()).sum::<usize>()
    }

    /// Whether nothing can be unwound with them.
    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// As the unwinder takes them. It calls the two places of unwind codes by the names that they have with most compilers.
    pub(crate) fn into_sections(self) -> impl framehop::ModuleSectionInfo<Vec<u8>> {
        Sections(self)
    }
}

/// By names, for the unwinder, whose own structure has no room for those of PE files.
struct Sections(Tables);

impl Sections {
    fn part(&mut self, name: &[u8]) -> Option<&mut Option<Part>> {
        let [first, second] = &mut self.0.codes;
        match name {
            b".rdata" => Some(first),
            b".xdata" => Some(second),
            b".text" => Some(&mut self.0.text),
            _ => None,
        }
    }
}

impl framehop::ModuleSectionInfo<Vec<u8>> for Sections {
    fn base_svma(&self) -> u64 {
        0
    }

    fn section_svma_range(&mut self, name: &[u8]) -> Option<Range<u64>> {
        let part = self.part(name)?.as_ref()?;
        Some(part.range.start.into()..part.range.end.into())
    }

    fn section_data(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        match name {
            b".pdata" if !self.0.functions.is_empty() => Some(std::mem::take(&mut self.0.functions)),
            _ => Some(self.part(name)?.take()?.bytes),
        }
    }
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

    /// Reads the unwind tables.
    pub(crate) fn tables(&self) -> Result<Tables, PeError> {
        let parsed = self.parse()?;
        let Some(directory) = parsed.directories.get(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION) else {
            return Ok(Tables::default());
        };
        let (rva, size) = directory.address_range();
        check_size("unwind tables", size.into())?;
        let functions: Vec<Function> =
            self.bytes(&parsed, rva, size).unwrap_or_default().as_chunks().0.iter().map(Function::of).collect();
        let is_code = |section: &&ImageSectionHeader| section.characteristics.get(LE) & pe::IMAGE_SCN_MEM_EXECUTE != 0;
        let text = parsed.sections.iter().find(is_code).map(|section| self.part("code", section)).transpose()?;
        let place = |function: Option<&Function>| parsed.sections.section_containing(function?.codes);
        let (first, last) = (place(functions.first()), place(functions.last()));
        let second = last.filter(|last| first.is_none_or(|first| !std::ptr::eq(first, *last)));
        let codes = [
            first.map(|section| self.part("unwind codes", section)).transpose()?,
            second.map(|section| self.part("unwind codes", section)).transpose()?,
        ];
        let mut tables = Tables { first_address: 0, functions: Vec::new(), codes, text };
        tables.functions = tables.checked(functions);
        Ok(tables)
    }

    /// A section as it is in memory: what the file does not have is zero.
    fn part(&self, what: &'static str, section: &ImageSectionHeader) -> Result<Part, PeError> {
        let (start, size) = (section.virtual_address.get(LE), section.virtual_size.get(LE));
        check_size(what, size.into())?;
        let mut bytes = section.pe_data(&self.cache)?.to_vec();
        let end = start.saturating_add(size);
        bytes.resize((end - start) as usize, 0);
        Ok(Part { range: start..end, bytes })
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
        let functions = Functions(self.functions(&parsed)?);
        let mut found = vec![None; addresses.len()];
        let mut last = None;
        for (here, index) in best.into_iter().zip(&order) {
            last = here.or(last);
            let Some((start, named)) = last else { continue };
            let address = addresses[*index];
            if !functions.has_both(start, address) {
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

    fn functions(&self, parsed: &Parsed<'_>) -> Result<Vec<Function>, PeError> {
        let Some(directory) = parsed.directories.get(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION) else {
            return Ok(Vec::new());
        };
        let (rva, size) = directory.address_range();
        check_size("unwind tables", size.into())?;
        let entries = self.bytes(parsed, rva, size).unwrap_or_default();
        Ok(entries.as_chunks().0.iter().map(Function::of).collect())
    }
}

/// An entry of the unwind tables.
#[derive(Clone, Copy, Debug)]
struct Function {
    start: u32,
    end: u32,
    codes: u32,
}

impl Function {
    fn of(entry: &[u8; 12]) -> Self {
        let word = |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
        Self { start: word(0), end: word(4), codes: word(8) }
    }
}

/// All of a file's functions, in ascending order if the file is as it should be.
struct Functions(Vec<Function>);

impl Functions {
    /// Whether both lie in one function. A table of names has no ends, and may lack the one that an address is really in.
    fn has_both(&self, start: u64, address: u64) -> bool {
        let next = self.0.partition_point(|function| u64::from(function.start) <= address);
        match next.checked_sub(1).map(|index| self.0[index]).filter(|function| address < u64::from(function.end)) {
            Some(function) => start >= function.start.into(),
            None => address - start < LONGEST_LEAF,
        }
    }
}

impl Tables {
    /// The functions that the unwinder can be trusted with, as it takes them.
    ///
    /// Situation: framehop (0.16) reads the code up to a function's end, and follows functions' parts to each other, as the tables say it. Example: a file whose tables
    /// lead in a circle would keep it for good. Handling: of such functions it hears nothing.
    fn checked(&self, mut functions: Vec<Function>) -> Vec<u8> {
        let text = self.text.as_ref().map_or(0..0, |text| text.range.clone());
        functions.retain(|function| {
            let is_within = !text.contains(&function.start) || function.end <= text.end;
            function.start < function.end && is_within && self.ends(function.codes)
        });
        functions.sort_by_key(|function| function.start);
        let words = functions.iter().flat_map(|function| [function.start, function.end, function.codes]);
        words.flat_map(u32::to_le_bytes).collect()
    }

    /// Whether the chain of unwind codes has an end.
    fn ends(&self, mut codes: u32) -> bool {
        const CHAINED: u8 = 4;
        for _ in 0..LONGEST_CHAIN {
            let Some(info) = self.codes_at(codes) else { return false };
            let Some(&[flags, _, count, _]) = info.first_chunk() else { return false };
            if flags >> 3 & CHAINED == 0 {
                return true;
            }
            // Codes are two bytes each, and end at a multiple of four.
            let next = info.get(4 + 2 * usize::from(count).next_multiple_of(2)..).and_then(<[u8]>::first_chunk);
            let Some(next) = next else { return false };
            codes = Function::of(next).codes;
        }
        false
    }

    fn codes_at(&self, rva: u32) -> Option<&[u8]> {
        let part = self.codes.iter().flatten().find(|part| part.range.contains(&rva))?;
        part.bytes.get((rva - part.range.start) as usize..)
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
