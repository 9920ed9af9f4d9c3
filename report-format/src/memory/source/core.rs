//! The memory in an ELF core file.

use std::io;

use object::elf::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, ET_CORE, FileHeader64, NT_FILE, NoteHeader64, PF_R, PF_W, PF_X, PN_XNUM, PT_LOAD,
    PT_NOTE, ProgramHeader64, SectionHeader64,
};
use object::{LittleEndian as LE, Pod, pod};

use super::stored::Stored;
use crate::Error;
use crate::memory::{ReadAt, Source};
use crate::schema::v1::MemoryRegion;

/// Segments in a file: Linux allows a process 65,530 mappings, unless it is told otherwise.
const MOST_SEGMENTS: u64 = 1 << 22;
/// Notes in a file: each thread has about five.
const MOST_NOTES: u64 = 1 << 20;
/// Bytes of the list of mapped files.
const LARGEST_NOTE: u64 = 64 << 20;

const ADVICE: &str = "the file is damaged or was cut; ask for it again";

/// The memory in a 64-bit little-endian ELF core file, as the kernel, gdb's `gcore` or
/// [`export::core`](crate::memory::export::core()) write it.
///
/// Regions are the segments, with the paths of what was mapped. What the file does not hold of a segment (the kernel leaves
/// out program text, and a file may be cut) cannot be read.
///
/// ```no_run
/// use std::fs::File;
/// use report_format::memory::{CoreFile, Source};
///
/// let core = CoreFile::open(File::open("core.4711")?)?;
/// for region in core.regions() {
///     println!("{:#x} {} {}", region.address, region.size, region.mapping);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CoreFile<R> {
    stored: Stored<R>,
}

impl<R: ReadAt> CoreFile<R> {
    /// Reads the headers of a core file.
    ///
    /// # Errors
    /// `Format` if it is no core file, or its segments are not whole pages of 4096 bytes, or overlap. `Unsupported` if it is of
    /// 32 bits or big-endian. `Limit` if it has more than 2^22 segments. `Io` if it cannot be read.
    pub fn open(file: R) -> Result<Self, Error> {
        let length = file.length()?;
        let headers = program_headers(&file, length)?;
        let files = mapped_files(&file, length, &headers)?;
        let mut loads: Vec<_> = headers.iter().filter(|header| header.p_type.get(LE) == PT_LOAD).collect();
        loads.retain(|load| load.p_memsz.get(LE) > 0);
        loads.sort_by_key(|load| load.p_vaddr.get(LE));
        let mut stored = Stored::new(file, length);
        for load in loads {
            let (address, size) = (load.p_vaddr.get(LE), load.p_memsz.get(LE));
            let region = region(address, size, load.p_flags.get(LE), &files);
            // A core file leaves the rest of a segment out; it does not mean zeros, as it does in a program.
            stored.push(region, load.p_offset.get(LE), load.p_filesz.get(LE))?;
        }
        Ok(Self { stored })
    }
}

/// A mapped file, and where it was mapped.
struct MappedFile {
    start: u64,
    end: u64,
    /// In bytes.
    offset: u64,
    path: String,
}

fn region(address: u64, size: u64, flags: u32, files: &[MappedFile]) -> MemoryRegion {
    let bit = |flag, bit| if flags & flag != 0 { bit } else { 0 };
    let before = files.partition_point(|file| file.start <= address).checked_sub(1);
    let file = before.map(|last| &files[last]).filter(|file| address < file.end);
    MemoryRegion {
        address,
        size,
        protection: bit(PF_R, 1) | bit(PF_W, 2) | bit(PF_X, 4),
        // A core file does not tell.
        shared: false,
        mapping: file.map(|file| file.path.clone()).unwrap_or_default(),
        mapping_offset: file.map_or(0, |file| file.offset.saturating_add(address - file.start)),
    }
}

fn program_headers(file: &impl ReadAt, length: u64) -> Result<Vec<ProgramHeader64<LE>>, Error> {
    let no_core = || Error::format("this is no ELF core file", "give one as gcore or the kernel write it");
    if length < size_of::<FileHeader64<LE>>() as u64 {
        return Err(no_core());
    }
    let header: FileHeader64<LE> = structure(file, length, "header", 0)?;
    let ident = header.e_ident;
    if ident.magic != ELFMAG {
        return Err(no_core());
    }
    if ident.class != ELFCLASS64 || ident.data != ELFDATA2LSB {
        let (what, found, supported) = match ident.class {
            ELFCLASS64 => ("an ELF core file of byte order", ident.data, ELFDATA2LSB),
            class => ("an ELF core file of class", class, ELFCLASS64),
        };
        return Err(Error::Unsupported { what, found: found.into(), supported: supported.into() });
    }
    if header.e_type.get(LE) != ET_CORE || usize::from(header.e_phentsize.get(LE)) != size_of::<ProgramHeader64<LE>>() {
        return Err(no_core());
    }
    let count = match header.e_phnum.get(LE) {
        // More than 16 bits hold: the count is in the first section header, which has no other use.
        PN_XNUM => {
            structure::<SectionHeader64<LE>>(file, length, "section header", header.e_shoff.get(LE))?.sh_info.get(LE)
        }
        count => count.into(),
    };
    if u64::from(count) > MOST_SEGMENTS {
        return Err(Error::Limit { what: "segments of the core file", limit: MOST_SEGMENTS, seen: count.into() });
    }
    let size = u64::from(count) * size_of::<ProgramHeader64<LE>>() as u64;
    let table = bytes(file, length, "program headers", header.e_phoff.get(LE), size)?;
    let (headers, _) = pod::slice_from_bytes(&table, count as usize).map_err(|()| damaged("program headers"))?;
    Ok(headers.to_vec())
}

/// The list in the first `NT_FILE` note, ascending.
fn mapped_files(file: &impl ReadAt, length: u64, headers: &[ProgramHeader64<LE>]) -> Result<Vec<MappedFile>, Error> {
    let mut seen = 0;
    for notes in headers.iter().filter(|header| header.p_type.get(LE) == PT_NOTE) {
        let mut at = notes.p_offset.get(LE);
        let end = at.saturating_add(notes.p_filesz.get(LE)).min(length);
        while at.saturating_add(size_of::<NoteHeader64<LE>>() as u64) <= end {
            seen += 1;
            if seen > MOST_NOTES {
                return Err(Error::Limit { what: "notes of the core file", limit: MOST_NOTES, seen });
            }
            let note: NoteHeader64<LE> = structure(file, length, "note", at)?;
            let name = u64::from(note.n_namesz.get(LE)).next_multiple_of(4);
            let size = u64::from(note.n_descsz.get(LE));
            // At most the file's length, and twice 4 GiB.
            let content = at + size_of::<NoteHeader64<LE>>() as u64 + name;
            if note.n_type.get(LE) == NT_FILE {
                if size > LARGEST_NOTE {
                    let what = "bytes of the core file's list of mapped files";
                    return Err(Error::Limit { what, limit: LARGEST_NOTE, seen: size });
                }
                let list = bytes(file, length, "list of mapped files", content, size)?;
                return parse_files(&list).ok_or_else(|| damaged("list of mapped files"));
            }
            at = content + size.next_multiple_of(4);
        }
    }
    Ok(Vec::new())
}

/// Count and unit, then start, end and offset of each mapping, the offset in units, then the paths.
fn parse_files(list: &[u8]) -> Option<Vec<MappedFile>> {
    let (words, _) = list.as_chunks::<8>();
    let word = |number: usize| words.get(number).map(|word| u64::from_le_bytes(*word));
    let (count, unit) = (usize::try_from(word(0)?).ok()?, word(1)?);
    let entries = words.get(2..)?.get(..count.checked_mul(3)?)?;
    let paths = list.get(16 + entries.len() * 8..)?.split(|byte| *byte == 0);
    let file = |(entry, path): (&[[u8; 8]], &[u8])| MappedFile {
        start: u64::from_le_bytes(entry[0]),
        end: u64::from_le_bytes(entry[1]),
        offset: u64::from_le_bytes(entry[2]).saturating_mul(unit),
        path: String::from_utf8_lossy(path).into_owned(),
    };
    let mut files: Vec<MappedFile> = entries.chunks_exact(3).zip(paths).map(file).collect();
    files.sort_by_key(|file| file.start);
    Some(files)
}

fn structure<T: Pod>(file: &impl ReadAt, length: u64, what: &str, offset: u64) -> Result<T, Error> {
    let bytes = bytes(file, length, what, offset, size_of::<T>() as u64)?;
    pod::from_bytes(&bytes).map(|(found, _)| *found).map_err(|()| damaged(what))
}

/// Bytes that the file must hold: nothing is reserved for more than it has.
fn bytes(file: &impl ReadAt, length: u64, what: &str, offset: u64, size: u64) -> Result<Vec<u8>, Error> {
    if offset.checked_add(size).is_none_or(|end| end > length) {
        return Err(damaged(what));
    }
    let mut bytes = vec![0; size as usize];
    file.read_exact_at(offset, &mut bytes)?;
    Ok(bytes)
}

fn damaged(what: &str) -> Error {
    Error::format(format!("the core file's {what} does not lie in it whole"), ADVICE)
}

impl<R: ReadAt> Source for CoreFile<R> {
    fn regions(&self) -> &[MemoryRegion] {
        self.stored.regions()
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.stored.read(address, buffer)
    }

    fn readable(&self, address: u64, limit: u64) -> Result<u64, u64> {
        self.stored.readable(address, limit)
    }
}
