//! The unwind tables of a 64-bit image: `.pdata`, and the codes that it refers to (the exception directory of the PE format).

use std::ops::Range;

use object::LittleEndian as LE;
use object::pe::{self, ImageSectionHeader};

use super::{ModuleFile, Parsed, PeError, check_size};

/// Parts of a function that refer to each other for their unwind codes. Compilers make two or three.
const LONGEST_CHAIN: usize = 32;

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

impl ModuleFile {
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
}

/// All functions that the tables know.
pub(super) fn functions(file: &ModuleFile, parsed: &Parsed<'_>) -> Result<Functions, PeError> {
    let Some(directory) = parsed.directories.get(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION) else {
        return Ok(Functions(Vec::new()));
    };
    let (rva, size) = directory.address_range();
    check_size("unwind tables", size.into())?;
    let entries = file.bytes(parsed, rva, size).unwrap_or_default();
    Ok(Functions(entries.as_chunks().0.iter().map(Function::of).collect()))
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

/// In ascending order if the file is as it should be.
pub(super) struct Functions(Vec<Function>);

impl Functions {
    /// Addresses of the one that holds `address`.
    pub(super) fn around(&self, address: u64) -> Option<Range<u64>> {
        let next = self.0.partition_point(|function| u64::from(function.start) <= address);
        let function = self.0[next.checked_sub(1)?];
        Some(function.start.into()..function.end.into()).filter(|range| range.contains(&address))
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

#[cfg(test)]
pub(super) use self::tests::unwind_everywhere;

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a step from each function's start and end, as if its image were at 1 MiB. It has to come to an end.
    pub(in super::super) fn unwind_everywhere(tables: Tables) {
        use std::panic::{AssertUnwindSafe, catch_unwind};

        use framehop::{FrameAddress, Module, UnwindRegsNative, Unwinder as _, UnwinderNative};

        let starts: Vec<_> = tables.functions.as_chunks().0.iter().map(Function::of).take(64).collect();
        let mut unwinder = UnwinderNative::<Vec<u8>, framehop::MayAllocateDuringUnwind>::new();
        unwinder.add_module(Module::new("x".into(), 0x10_0000..0x1010_0000, 0x10_0000, tables.into_sections()));
        let mut cache = framehop::CacheNative::<framehop::MayAllocateDuringUnwind>::default();
        for function in starts {
            for at in [function.start, function.end - 1] {
                let mut registers = UnwindRegsNative::new(0, 0x7000, 0x7100);
                let address = FrameAddress::from_instruction_pointer(0x10_0000 + u64::from(at));
                // As `handler::unwind` does. Example: a damaged offset, of a frame register that is smaller than it; pe-unwind-info (0.6) subtracts without a look, which panics where
                // the compiler checks that.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    unwinder.unwind_frame(address, &mut registers, &mut cache, &mut |address| Ok(address)).is_ok()
                }));
            }
        }
    }

    #[test]
    fn functions_that_lead_in_a_circle_or_out_of_the_code_are_left_out() {
        // At 0x2000: chained to 0x2000 itself; at 0x2010: without codes; at 0x2018: chained to it.
        let mut codes = vec![0; 0x40];
        codes[0] = 1 | 4 << 3;
        codes[12..16].copy_from_slice(&0x2000u32.to_le_bytes());
        codes[0x10] = 1;
        codes[0x18] = 1 | 4 << 3;
        codes[0x24..0x28].copy_from_slice(&0x2010u32.to_le_bytes());
        let part = |start: u32, bytes: Vec<u8>| Some(Part { range: start..start + bytes.len() as u32, bytes });
        let tables =
            Tables { codes: [part(0x2000, codes), None], text: part(0x1000, vec![0; 0x100]), ..Tables::default() };
        let function = |start, end, codes| Function { start, end, codes };
        let functions = vec![
            function(0x1040, 0x1050, 0x2018),
            function(0x1000, 0x1010, 0x2010),
            function(0x1010, 0x1020, 0x2000),
            function(0x1020, 0x1101, 0x2010),
            function(0x1030, 0x1030, 0x2010),
            function(0x1030, 0x1031, 0x203f),
        ];
        let kept: Vec<_> =
            tables.checked(functions).as_chunks().0.iter().map(Function::of).map(|function| function.start).collect();
        assert_eq!(kept, [0x1000, 0x1040]);
    }
}
