//! The unwind tables of a 32-bit image: `.eh_frame`, as the Linux Standard Base and DWARF have it, which GCC and Rust write for MinGW.
//!
//! Microsoft's compiler writes what it takes to unwind its 32-bit code into PDB files alone; of such a file there is nothing here, and frame pointers lead on.

use std::ops::Range;

use gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrame, EhFrameOffset, EndianSlice, LittleEndian, Register, RegisterRule,
    UnwindContext, UnwindSection as _, X86,
};
use object::LittleEndian as LE;
use object::read::pe::{ImageNtHeaders as _, ImageOptionalHeader as _};

use super::{ModuleFile, Parsed, PeError, check_size};

/// Registers by their number in the tables, `X86::EAX` to `X86::EDI`.
pub(crate) type General = [u32; 8];

/// What unwinding needs. Empty where the file has none.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Of the image: addresses count from it.
    pub(crate) first_address: u64,
    frames: Vec<u8>,
    /// Where the frames are if the image is where its file would like it: addresses within them count from there.
    place: u64,
    preferred: u64,
    functions: Vec<Function>,
}

/// What is known of a frame's caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The place to which it returns, and its registers then.
    Known(u32, General),
    /// There is none.
    None,
}

impl Tables {
    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        self.frames.len() + size_of_val(self.functions.as_slice())
    }

    /// Whether nothing can be unwound with them.
    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Of the frame at `address`, which has these registers. `None` where the tables do not tell.
    pub(crate) fn caller(
        &self,
        address: u64,
        registers: &General,
        read: impl Fn(u64) -> Option<u64>,
    ) -> Option<Caller> {
        let function = around(&self.functions, address)?;
        let (section, bases) = (self.section(), self.bases());
        let entry = section.fde_from_offset(&bases, EhFrameOffset(function.entry), EhFrame::cie_from_offset).ok()?;
        let mut context = UnwindContext::new();
        let at = self.preferred.wrapping_add(address);
        let row = entry.unwind_info_for_address(&section, &bases, &mut context, at).ok()?;
        // An expression instead is for code that aligns its stack anew; rare, and then frame pointers are there.
        let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else { return None };
        let frame = registers.get(usize::from(register.0))?.wrapping_add(i32::try_from(offset).ok()?.cast_unsigned());
        let saved = |register: Register| match row.register(register) {
            Some(RegisterRule::Offset(offset)) => {
                let at = frame.wrapping_add(i32::try_from(offset).ok()?.cast_unsigned());
                u32::try_from(read(at.into())?).ok()
            }
            // What a function must keep it has as it was.
            None | Some(RegisterRule::SameValue) => registers.get(usize::from(register.0)).copied(),
            Some(_) => None,
        };
        if matches!(row.register(X86::RA), Some(RegisterRule::Undefined)) {
            return Some(Caller::None);
        }
        let mut before = *registers;
        for register in [X86::EBX, X86::EBP, X86::ESI, X86::EDI] {
            before[usize::from(register.0)] = saved(register)?;
        }
        before[usize::from(X86::ESP.0)] = frame;
        Some(Caller::Known(saved(X86::RA)?, before))
    }

    fn section(&self) -> EhFrame<EndianSlice<'_, LittleEndian>> {
        let mut section = EhFrame::new(&self.frames, LittleEndian);
        section.set_address_size(4);
        section
    }

    fn bases(&self) -> BaseAddresses {
        BaseAddresses::default().set_eh_frame(self.place)
    }

    /// The functions of its entries, as far as these can be read.
    fn index(&self) -> Vec<Function> {
        let (section, bases) = (self.section(), self.bases());
        let mut entries = section.entries(&bases);
        let mut functions = Vec::new();
        while let Ok(Some(entry)) = entries.next() {
            let CieOrFde::Fde(entry) = entry else { continue };
            let Ok(entry) = entry.parse(EhFrame::cie_from_offset) else { continue };
            let start = entry.initial_address().wrapping_sub(self.preferred);
            let function = || {
                let start = u32::try_from(start).ok()?;
                let end = start.checked_add(u32::try_from(entry.len()).ok()?)?;
                Some(Function { start, end, entry: entry.offset() })
            };
            functions.extend(function());
        }
        functions.sort_by_key(|function| function.start);
        functions
    }
}

impl ModuleFile {
    /// Reads the unwind tables.
    pub(crate) fn tables(&self) -> Result<Tables, PeError> {
        self.read_tables(&self.parse()?)
    }

    fn read_tables(&self, parsed: &Parsed<'_>) -> Result<Tables, PeError> {
        // Its name has nine letters, and a header room for eight: it stands elsewhere, or was cut.
        let names = parsed.header.symbols(&self.cache)?.strings();
        let is_frames = |name: &[u8]| matches!(name, b".eh_frame" | b".eh_fram");
        let section = parsed.sections.iter().find(|section| section.name(names).is_ok_and(is_frames));
        let Some(section) = section else { return Ok(Tables::default()) };
        check_size("unwind tables", section.size_of_raw_data.get(LE).into())?;
        let preferred = parsed.header.optional_header().image_base();
        let place = preferred + u64::from(section.virtual_address.get(LE));
        let frames = section.pe_data(&self.cache)?.to_vec();
        let mut tables = Tables { frames, place, preferred, ..Tables::default() };
        tables.functions = tables.index();
        Ok(tables)
    }
}

/// An entry of the tables.
#[derive(Clone, Copy, Debug)]
struct Function {
    start: u32,
    end: u32,
    entry: usize,
}

fn around(functions: &[Function], address: u64) -> Option<Function> {
    let next = functions.partition_point(|function| u64::from(function.start) <= address);
    Some(functions[next.checked_sub(1)?]).filter(|function| address < function.end.into())
}

/// In ascending order.
pub(super) struct Functions(Vec<Function>);

impl Functions {
    /// Addresses of the one that holds `address`.
    pub(super) fn around(&self, address: u64) -> Option<Range<u64>> {
        around(&self.0, address).map(|function| function.start.into()..function.end.into())
    }
}

/// All functions that the tables know.
pub(super) fn functions(file: &ModuleFile, parsed: &Parsed<'_>) -> Result<Functions, PeError> {
    Ok(Functions(file.read_tables(parsed)?.functions))
}

#[cfg(test)]
pub(super) use self::tests::unwind_everywhere;

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a step from each function's start and end.
    pub(in super::super) fn unwind_everywhere(tables: Tables) {
        for function in tables.functions.iter().take(64) {
            for at in [function.start, function.end.wrapping_sub(1)] {
                let _ = tables.caller(at.into(), &[0x7000; 8], |address| Some(address & 0xffff_ffff));
            }
        }
    }

    /// Of a function at 0x1000 that pushes its frame pointer, then makes room: what GCC writes of `push %ebp; mov %esp,%ebp; sub $16,%esp`.
    fn tables() -> Tables {
        let cie = [
            0x14, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x7c, 8, // version 1, code by 1, data by -4, return address in 8
            0x0c, 4, 4, 0x88, 1, 0, 0, 0, 0, 0, 0, // the frame is at esp + 4, the return address 4 below
        ];
        let fde = [
            0x18, 0, 0, 0, 0x1c, 0, 0, 0, 0, 0x10, 0x40, 0, 0x20, 0, 0,
            0, // of the entry at 0; 0x401000, 32 bytes
            0x41, 0x0e, 8, 0x85, 2, 0x42, 0x0d, 5, 0, 0, 0,
            0, // one byte on: esp + 8, ebp 8 below; two more: ebp + 8
        ];
        let frames = [&cie[..], &fde, &[0; 4]].concat();
        let mut tables = Tables { frames, place: 0x40_2000, preferred: 0x40_0000, ..Tables::default() };
        tables.functions = tables.index();
        tables
    }

    #[test]
    fn a_caller_s_registers_are_found_at_each_place_of_a_function() {
        let (tables, stack) = (tables(), |at: u64| Some(0x10_0000 + at));
        let general = [0, 0, 0, 3, 0x7000, 0x7100, 6, 7];
        let caller = |at, tables: &Tables| tables.caller(at, &general, stack);
        assert_eq!(caller(0x1000, &tables), Some(Caller::Known(0x10_7000, [0, 0, 0, 3, 0x7004, 0x7100, 6, 7])));
        assert_eq!(caller(0x1001, &tables), Some(Caller::Known(0x10_7004, [0, 0, 0, 3, 0x7008, 0x10_7000, 6, 7])));
        assert_eq!(caller(0x1010, &tables), Some(Caller::Known(0x10_7104, [0, 0, 0, 3, 0x7108, 0x10_7100, 6, 7])));
        assert_eq!((caller(0xfff, &tables), caller(0x1020, &tables)), (None, None));
        assert_eq!(tables.caller(0x1000, &general, |_| None), None, "the stack is not there");
        unwind_everywhere(tables);
    }
}
