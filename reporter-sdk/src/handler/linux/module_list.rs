//! The modules of a dump: the programs and libraries in the process, each with its build id.
//!
//! Ours in place of the writer's, though what an ELF image says is read by the writer's module reader.
//!
//! Situation: the writer asks the process for each header of each module anew, for the build id and again for the name, and takes what has no header, such as
//! `[stack]`, for the path of a file that may have one. Example: twelve libraries are a hundred system calls, a tenth of the time that a small product is held.
//! Handling: the first page of each module is read once, which is where the headers and most build ids are; only mappings of files are modules, and the kernel's
//! own library.

use std::borrow::Cow;
use std::path::PathBuf;

use minidump_writer::LINUX_GATE_LIBRARY_NAME;
use minidump_writer::maps_reader::MappingInfo;
use minidump_writer::mem_writer::{Buffer, MemoryArrayWriter, MemoryWriter, MemoryWriterError};
use minidump_writer::minidump_format::MDRawDirectory;
use minidump_writer::minidump_writer::MinidumpWriter;
use minidump_writer::module_reader::{
    ModuleMemoryReadError, ProcessModuleMemoryReader, ReadModuleMemory, read_build_id_from_file,
    read_build_id_from_module, read_soname_from_module,
};

use super::dump_file::{joined, module};
use crate::handler::minidump_filter::stream;

const PAGE: usize = 4096;

/// Writes the list and what belongs to it.
pub(super) fn write(writer: &MinidumpWriter, out: &mut Buffer) -> Result<MDRawDirectory, MemoryWriterError> {
    let reader = writer.process_inspector.process_reader();
    let mut modules = Vec::new();
    for mapping in writer.mappings.iter().filter(|mapping| is_module(mapping)) {
        let mut head = vec![0; PAGE];
        let size = reader.read(mapping.start_address, &mut head).unwrap_or(0);
        head.truncate(size);
        let image = Image { head: &head, whole: ProcessModuleMemoryReader::new(&reader, mapping.start_address) };
        let mut path = PathBuf::from(mapping.name.clone().unwrap_or_default());
        // A build id in a section of its own need not be in memory. Devices do who knows what when they are opened.
        let is_file = mapping.name_is_path() && !path.starts_with("/dev/");
        let from_file = || is_file.then(|| read_build_id_from_file(&writer.process_inspector, &path).ok()).flatten();
        let Some(build_id) = read_build_id_from_module(&image).ok().or_else(from_file) else { continue };
        if build_id.iter().all(|byte| *byte == 0) {
            continue;
        }
        // By a library's own name symbols are looked up; its file can have another.
        if let Ok(name) = read_soname_from_module(&image) {
            path.set_file_name(name);
        }
        let range = mapping.start_address as u64..mapping.end_address() as u64;
        modules.push(module(out, range, &build_id, &path)?);
    }
    let count = MemoryWriter::alloc_with_val(out, modules.len() as u32)?.location();
    let list = MemoryArrayWriter::alloc_from_iter(out, modules)?.location();
    Ok(MDRawDirectory { stream_type: stream::MODULES, location: joined(count, list) })
}

fn is_module(mapping: &MappingInfo) -> bool {
    let is_kernels = || mapping.name.as_deref().is_some_and(|name| name == LINUX_GATE_LIBRARY_NAME);
    mapping.is_interesting() && (mapping.name_is_path() || is_kernels())
}

/// A module in memory, of which the first page has been read.
struct Image<'a> {
    head: &'a [u8],
    whole: ProcessModuleMemoryReader<'a>,
}

impl ReadModuleMemory for Image<'_> {
    fn read(&self, offset: u64, length: u64) -> Result<Cow<'_, [u8]>, ModuleMemoryReadError> {
        let in_head = || {
            let start = usize::try_from(offset).ok()?;
            self.head.get(start..start.checked_add(usize::try_from(length).ok()?)?)
        };
        in_head().map_or_else(|| self.whole.read(offset, length), |bytes| Ok(Cow::Borrowed(bytes)))
    }

    fn absolute_to_relative(&self, address: u64) -> Option<u64> {
        self.whole.absolute_to_relative(address)
    }

    fn relative_to_absolute(&self, address: u64) -> Option<u64> {
        self.whole.relative_to_absolute(address)
    }

    fn is_process_memory(&self) -> bool {
        true
    }
}
