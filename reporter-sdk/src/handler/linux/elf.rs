//! What a module's file on disk says about its code: unwind tables and symbols.
//!
//! The file is not trusted: its path came from the crashed process, and an update may have replaced it since it was loaded. Only a regular
//! file with the build id of the module in memory is used, it is read in pieces with a limit each, and what is wrong is an error.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use framehop::ExplicitModuleSectionInfo;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};
use object::{Endianness, ReadCache, ReadRef};

use crate::handler::modules::Identity;

/// Bytes of one section or symbol table. Browsers have 20 MB of unwind tables, and 100 MB of symbols where they are not stripped.
const LARGEST_SECTION: u64 = 256 << 20;
const MOST_SECTIONS: u64 = 1 << 16;
const LONGEST_SYMBOL: usize = 4096;

/// Why a module's file is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ElfError {
    #[error("cannot read the file")]
    Io(#[from] io::Error),
    #[error("not a regular file")]
    Kind,
    #[error("not an ELF file of this machine's kind")]
    Format(#[from] object::Error),
    /// Without the two ids: they say which library it is, and soft errors are in every report.
    #[error("another file than the one in memory: it has another build id")]
    BuildId,
    #[error("{section} has {size} bytes, at most {LARGEST_SECTION} are read")]
    Large { section: &'static str, size: u64 },
}

type Header = FileHeader64<Endianness>;
type Section = <Header as FileHeader>::SectionHeader;
type Cache = ReadCache<File>;

/// An open module file that is the module in memory.
pub(crate) struct ElfFile {
    cache: Cache,
}

/// A section of which both place and content are known.
#[derive(Clone, Debug)]
pub(crate) struct SectionData {
    /// As stated in the file.
    pub(crate) address: Range<u64>,
    pub(crate) bytes: Vec<u8>,
}

/// What unwinding needs. Empty where the file has no such section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// The stated address of the first byte of the first loaded segment, rounded down to a page.
    pub(crate) first_address: u64,
    pub(crate) text: Option<Range<u64>>,
    pub(crate) got: Option<Range<u64>>,
    pub(crate) eh_frame: Option<SectionData>,
    pub(crate) eh_frame_hdr: Option<SectionData>,
}

impl Tables {
    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        [&self.eh_frame, &self.eh_frame_hdr].into_iter().flatten().map(|s| s.bytes.len()).sum()
    }

    /// Whether nothing can be unwound with them.
    pub(crate) fn is_empty(&self) -> bool {
        self.eh_frame.is_none()
    }

    /// As the unwinder takes them.
    pub(crate) fn into_sections(self) -> ExplicitModuleSectionInfo<Vec<u8>> {
        let Self { text, got, eh_frame, eh_frame_hdr, .. } = self;
        ExplicitModuleSectionInfo {
            // ELF states addresses from 0 up; where a file states another first one, the bias accounts for it.
            base_svma: 0,
            text_svma: text,
            got_svma: got,
            eh_frame_svma: eh_frame.as_ref().map(|s| s.address.clone()),
            eh_frame: eh_frame.map(|s| s.bytes),
            eh_frame_hdr_svma: eh_frame_hdr.as_ref().map(|s| s.address.clone()),
            eh_frame_hdr: eh_frame_hdr.map(|s| s.bytes),
            ..Default::default()
        }
    }
}

/// A function's name as the file has it, and how far into the function the address lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) name: String,
    pub(crate) offset: u64,
}

/// One parse of the headers.
struct Parsed<'a> {
    endian: Endianness,
    segments: &'a [<Header as FileHeader>::ProgramHeader],
    sections: SectionTable<'a, Header, &'a Cache>,
}

impl Parsed<'_> {
    fn first_address(&self) -> u64 {
        let loaded = self.segments.iter().find(|s| s.p_type(self.endian) == elf::PT_LOAD);
        loaded.map_or(0, |s| s.p_vaddr(self.endian) & !0xfff)
    }
}

impl ElfFile {
    /// `build_id`: what the module in memory has, as minidump-writer tells it.
    pub(crate) fn open(path: &Path, build_id: &[u8]) -> Result<Self, ElfError> {
        let (elf, found) = Self::identify(path)?;
        if found.build_id != build_id {
            return Err(ElfError::BuildId);
        }
        Ok(elf)
    }

    /// The file with its own build id, for a mapping that is known to be of this file.
    pub(crate) fn identify(path: &Path) -> Result<(Self, Identity), ElfError> {
        // Without O_NONBLOCK a named pipe would hold us.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(ElfError::Kind);
        }
        let elf = Self { cache: ReadCache::new(file) };
        let build_id = elf.build_id()?;
        Ok((elf, Identity { build_id, debug_file: String::new() }))
    }

    /// The stated address of the first byte of the first loaded segment, rounded down to a page.
    pub(crate) fn first_address(&self) -> Result<u64, ElfError> {
        Ok(self.parse()?.first_address())
    }

    fn parse(&self) -> Result<Parsed<'_>, ElfError> {
        let header = Header::parse(&self.cache)?;
        let endian = header.endian()?;
        let sections = u64::from(header.e_shnum(endian)).min(MOST_SECTIONS);
        let sections = if sections == 0 { SectionTable::default() } else { header.sections(endian, &self.cache)? };
        Ok(Parsed { endian, segments: header.program_headers(endian, &self.cache)?, sections })
    }

    /// The GNU build id; without one, what minidump-writer makes up from the first page of code.
    fn build_id(&self) -> Result<Vec<u8>, ElfError> {
        let parsed = self.parse()?;
        let endian = parsed.endian;
        for segment in parsed.segments {
            if segment.p_filesz(endian) > 1 << 20 {
                continue;
            }
            let Some(mut notes) = segment.notes(endian, &self.cache)? else { continue };
            while let Some(note) = notes.next()? {
                if note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID {
                    return Ok(note.desc().to_vec());
                }
            }
        }
        let code = u64::from(elf::SHF_ALLOC | elf::SHF_EXECINSTR);
        let is_code = |s: &&Section| s.sh_type(endian) == elf::SHT_PROGBITS && s.sh_flags(endian) & code == code;
        let mut id = vec![0; 16];
        if let Some(section) = parsed.sections.iter().find(is_code) {
            let size = section.sh_size(endian).min(4096);
            let page = (&self.cache).read_bytes_at(section.sh_offset(endian), size).unwrap_or_default();
            page.chunks(16).for_each(|chunk| id.iter_mut().zip(chunk).for_each(|(i, c)| *i ^= c));
        }
        Ok(id)
    }

    /// Reads the unwind tables.
    pub(crate) fn tables(&self) -> Result<Tables, ElfError> {
        let parsed = self.parse()?;
        let endian = parsed.endian;
        let range = |name: &[u8]| parsed.sections.section_by_name(endian, name).map(|(_, s)| address(s, endian));
        Ok(Tables {
            first_address: parsed.first_address(),
            text: range(b".text"),
            got: range(b".got"),
            eh_frame: self.section(&parsed, ".eh_frame")?,
            eh_frame_hdr: self.section(&parsed, ".eh_frame_hdr")?,
        })
    }

    fn section(&self, parsed: &Parsed<'_>, name: &'static str) -> Result<Option<SectionData>, ElfError> {
        let endian = parsed.endian;
        let Some((_, section)) = parsed.sections.section_by_name(endian, name.as_bytes()) else { return Ok(None) };
        check_size(name, section.sh_size(endian))?;
        let bytes = section.data(endian, &self.cache)?.to_vec();
        Ok(Some(SectionData { address: address(section, endian), bytes }))
    }

    /// Whether the file has this code at `address`, as it states it.
    pub(crate) fn has_code(&self, address: u64, code: &[u8]) -> bool {
        let found = || {
            let Parsed { endian, segments, .. } = self.parse().ok()?;
            let offset = segments.iter().filter(|s| s.p_type(endian) == elf::PT_LOAD).find_map(|segment| {
                let at = address.checked_sub(segment.p_vaddr(endian)).filter(|at| *at < segment.p_filesz(endian))?;
                segment.p_offset(endian).checked_add(at)
            })?;
            (&self.cache).read_bytes_at(offset, code.len() as u64).ok()
        };
        found() == Some(code)
    }

    /// The functions that hold `addresses` (as stated in the file), each the innermost of the symbol tables.
    pub(crate) fn symbols(&self, addresses: &[u64]) -> Result<Vec<Option<Symbol>>, ElfError> {
        let parsed = self.parse()?;
        let endian = parsed.endian;
        let mut order: Vec<usize> = (0..addresses.len()).collect();
        order.sort_by_key(|i| addresses[*i]);
        // Per address: start of the function, and where its name stands.
        let mut best: Vec<Option<(u64, u64)>> = vec![None; addresses.len()];
        for section in parsed.sections.iter() {
            let name = match section.sh_type(endian) {
                elf::SHT_SYMTAB => ".symtab",
                elf::SHT_DYNSYM => ".dynsym",
                _ => continue,
            };
            check_size(name, section.sh_size(endian))?;
            let names = parsed.sections.section(section.link(endian))?;
            let (strings, strings_size) = (names.sh_offset(endian), names.sh_size(endian));
            let symbols = section.data_as_array::<elf::Sym64<Endianness>, _>(endian, &self.cache)?;
            for symbol in symbols.iter().filter(|s| matches!(s.st_type(), elf::STT_FUNC | elf::STT_GNU_IFUNC)) {
                let (start, size) = (symbol.st_value(endian), symbol.st_size(endian));
                let named = u64::from(symbol.st_name(endian));
                if symbol.st_shndx(endian) == elf::SHN_UNDEF || named == 0 || named >= strings_size {
                    continue;
                }
                let from = order.partition_point(|i| addresses[*i] < start);
                let inside = order[from..].iter().take_while(|i| addresses[**i] - start < size.max(1));
                for &i in inside {
                    // Of two names for one place the first stays, which is the full table's.
                    if best[i].is_none_or(|(other, _)| other < start) {
                        best[i] = Some((start, strings.saturating_add(named)));
                    }
                }
            }
        }
        Ok(best
            .into_iter()
            .zip(addresses)
            .map(|(b, at)| b.and_then(|(start, name)| self.name(name, at - start)))
            .collect())
    }

    /// The address, as stated in the file, of a variable that the file has for others.
    pub(crate) fn variable(&self, name: &str) -> Result<Option<u64>, ElfError> {
        let parsed = self.parse()?;
        let endian = parsed.endian;
        let Some(section) = parsed.sections.iter().find(|s| s.sh_type(endian) == elf::SHT_DYNSYM) else {
            return Ok(None);
        };
        check_size(".dynsym", section.sh_size(endian))?;
        let names = parsed.sections.strings(endian, &self.cache, section.link(endian))?;
        let symbols = section.data_as_array::<elf::Sym64<Endianness>, _>(endian, &self.cache)?;
        let is_wanted = |s: &&elf::Sym64<Endianness>| {
            s.st_type() == elf::STT_OBJECT
                && s.st_shndx(endian) != elf::SHN_UNDEF
                && s.name(endian, names).is_ok_and(|found| found == name.as_bytes())
        };
        Ok(symbols.iter().find(is_wanted).map(|s| s.st_value(endian)))
    }

    fn name(&self, at: u64, offset: u64) -> Option<Symbol> {
        let end = at.saturating_add(LONGEST_SYMBOL as u64).min((&self.cache).len().ok()?);
        let bytes = (&self.cache).read_bytes_at_until(at..end, 0).ok()?;
        Some(Symbol { name: String::from_utf8_lossy(bytes).into_owned(), offset })
    }
}

fn address(section: &Section, endian: Endianness) -> Range<u64> {
    let start = section.sh_addr(endian);
    start..start.saturating_add(section.sh_size(endian))
}

fn check_size(section: &'static str, size: u64) -> Result<(), ElfError> {
    if size > LARGEST_SECTION { Err(ElfError::Large { section, size }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_program() -> ElfFile {
        let path = std::env::current_exe().unwrap();
        let error = ElfFile::open(&path, &[1, 2, 3]).err().expect("a wrong build id is refused");
        assert!(matches!(error, ElfError::BuildId), "{error}");
        let (_, identity) = ElfFile::identify(&path).unwrap();
        ElfFile::open(&path, &identity.build_id).unwrap()
    }

    #[test]
    fn a_program_has_tables_and_symbols() {
        let elf = this_program();
        let tables = elf.tables().unwrap();
        assert!(tables.eh_frame.is_some() && tables.eh_frame_hdr.is_some() && tables.size() > 1000);
        let text = tables.text.unwrap();
        let symbols = elf.symbols(&[text.start + 0x100, 0, u64::MAX]).unwrap();
        assert_eq!(&symbols[1..], [None, None]);
        let start = [0x7f, b'E', b'L', b'F'];
        let first = tables.first_address;
        assert!(elf.has_code(first, &start) && !elf.has_code(first + 1, &start) && !elf.has_code(u64::MAX, &start));
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(matches!(ElfFile::open(Path::new("/dev/null"), &[]), Err(ElfError::Kind)));
        assert!(matches!(ElfFile::open(Path::new("/nonexistent"), &[]), Err(ElfError::Io(_))));
        let mut text = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut text, &[b'x'; 4096]).unwrap();
        assert!(matches!(ElfFile::open(text.path(), &[]), Err(ElfError::Format(_))));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]
        #[test]
        fn damaged_files_are_errors_not_panics(changes in proptest::collection::vec((0usize..4096, proptest::prelude::any::<u8>()), 1..8)) {
            let mut bytes = std::fs::read("/bin/true").unwrap();
            for (at, value) in changes {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            let mut file = tempfile::NamedTempFile::new().unwrap();
            io::Write::write_all(&mut file, &bytes).unwrap();
            let elf = ElfFile { cache: ReadCache::new(file.reopen().unwrap()) };
            let _ = (elf.build_id().is_ok(), elf.tables().is_ok(), elf.symbols(&[0x1000, 0x2000, u64::MAX]).is_ok());
        }
    }
}
